//! TOML and SQL text → model.

pub mod condition;
