//! TOML and SQL text → model, with every problem at its place.
//!
//! | module | what |
//! |---|---|
//! | [`condition`] | `applies` and `assert`: SQL text → typed tree |
//! | `project` | `tickmark.toml`, and everything that it names |
//! | `control`, `params`, `given` | one control, its parameters, its tests |
//! | `framework` | requirements, and how ids resolve |
//! | `configured`, `source` | `[[source]]` tables, and the mappings that they name |
//! | `shipped` | what is compiled in |
//! | `files` | the files of a project |
//! | `reader` | walking TOML with places |

pub mod condition;
mod configured;
mod control;
mod files;
mod framework;
mod given;
mod params;
mod project;
mod reader;
mod scope;
mod shipped;
mod source;

pub use project::{packed, project};
pub use source::shipped_mappings;
