//! Conditions over evidence: a pure function of (controls, tables, `as_of`).
//!
//! ```text
//! assess ─► verdict ─► expr ─► vector, kleene     columns, truths
//!              │         └──► subquery ─► summary, keys ─► alike; absence ─► reach
//!              └─► explain ◄─ trace               why, for findings; part by part, for one subject
//!              └─► witness                         the rows that passes rest on
//! baseline, naming ─► gate                        what an earlier assessment knows of it, and how the run ends
//! waivers                                         whom each waiver excuses, before any verdict
//! derive                                          facts that follow grants any number of times, once per world
//! all of them see the evidence through world: with, or without, stale values
//! ```

mod absence;
mod alike;
pub mod assess;
mod baseline;
mod codes;
mod derive;
mod explain;
mod expr;
mod extremes;
pub mod gate;
mod keys;
pub mod kleene;
mod like;
mod naming;
mod network;
mod reach;
mod show;
mod subquery;
mod summary;
pub mod trace;
mod vector;
mod verdict;
pub mod waivers;
mod witness;
mod world;

pub use assess::{Request, assess};
pub use verdict::{Judgement, judge, verdicts};

/// A subquery would have to look at more pairs of rows than the limit.
///
/// Nothing was assessed: a verdict on part of the pairs would be a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subquery over `{table}` would compare more than {pairs} pairs of rows; give it an equality that joins fewer of them")]
pub struct LimitError {
    pub table: &'static str,
    pub pairs: usize,
}
