//! Controls over non-human identities, judged against evidence, reported reproducibly.
//!
//! ```text
//!             cli                 arguments, exit codes, terminal
//!  load  evidence  evaluate  mutate  report  attest
//!             model               plain data: no I/O, no clock
//! ```
//!
//! Each layer imports only what is below it; siblings never each other. [`load`] turns TOML into the model with every
//! problem it finds, [`evidence`] turns exports into canonical Arrow tables, [`evaluate`] is a pure function of
//! (controls, tables, `as_of`), [`report`] turns an assessment into bytes, [`attest`] ties the bytes together.

pub mod attest;
pub mod cli;
pub mod evaluate;
pub mod evidence;
pub mod load;
pub mod model;
pub mod mutate;
pub mod report;
