//! TOML and SQL text → model, with every problem at its place.
//!
//! | module | what |
//! |---|---|
//! | [`condition`] | `applies` and `assert`: SQL text → typed tree |
//! | `project` | `tickmark.toml`, and everything that it names |
//! | `control`, `params`, `given` | one control, its parameters, its tests |
//! | `gate`, `baseline`, `narrow` | what decides how a run ends, and which controls it judges |
//! | `framework`, `requirements` | requirements, how ids resolve, and what `mappings/` adds to controls |
//! | [`import`] | somebody's catalogue → a framework |
//! | `configured`, `source` | `[[source]]` tables, and the mappings that they name |
//! | `waiver`, `attestation`, `document` | accepted exceptions, what people sign for, and what stands behind it |
//! | `collect` | how an export is collected |
//! | `shipped` | what is compiled in |
//! | `files` | the files of a project |
//! | `reader` | walking TOML with places |

mod attestation;
mod baseline;
mod collect;
pub mod condition;
mod configured;
mod control;
mod document;
mod files;
mod framework;
mod gate;
mod given;
pub mod import;
mod narrow;
mod params;
mod project;
mod reader;
mod requirements;
mod scope;
mod shipped;
mod source;
mod waiver;
mod wording;

pub use attestation::{FOLDER as ATTESTATIONS, drafted as attestation};
pub use baseline::{baseline, drafted as baseline_drafted};
pub use control::read as control;
pub use files::stays_inside;
pub use framework::read as framework;
pub use narrow::narrow;
pub use params::is_looser;
pub use project::{judging, packed, project};
pub use reader::{nearest, quoted};
pub use shipped::shipped;
pub use source::{mapping_of, shipped_mappings};
pub use waiver::{FOLDER as WAIVERS, drafted as waiver};
