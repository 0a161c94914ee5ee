//! TOML and SQL text → model, with every problem at its place.
//!
//! | module | what |
//! |---|---|
//! | [`condition`] | `applies` and `assert`: SQL text → typed tree |
//! | `project` | `tickmark.toml`, and everything that it names |
//! | `control`, `params`, `given` | one control, its parameters, its tests |
//! | `framework` | requirements, and how ids resolve |
//! | `source` | source mappings |
//! | `shipped` | what is compiled in |
//! | `reader` | walking TOML with places |

pub mod condition;
mod control;
mod framework;
mod given;
mod params;
mod project;
mod reader;
mod shipped;
mod source;

pub use project::project;
