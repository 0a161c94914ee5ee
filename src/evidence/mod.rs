//! Exports → canonical Arrow tables.
//!
//! ```text
//! commands ─► collect ─► locker ─┐
//! files ─────────────────────────┴─► decode ─► redact ─► jq, mapping ─► rows ─┐
//!                                               quarantine ◄─────────────────┤
//!                                      sources: state or history, whole or not ─► tables, logs
//! ```
//!
//! What is judged is what is kept: the redacted form. Records that do not fit are quarantined with their position and
//! make their source partial; nothing is dropped without a word.

mod about;
mod batches;
pub mod bounded;
mod canonical;
mod chance;
pub mod collect;
mod decode;
mod detect;
mod distinct;
mod document;
mod envelope;
mod facts;
mod files;
mod filling;
mod held;
mod jq;
mod key;
mod language;
mod lines;
pub mod locker;
mod logs;
mod mapping;
mod native;
mod own;
mod pages;
mod patterns;
mod pem;
mod plain;
mod read;
mod recognise;
mod records;
mod redact;
mod resolve;
mod sources;
mod ssh;
mod strict;
mod tables;
mod testing;
mod trial;

pub use batches::{BatchError, Batches, Extent};
pub use detect::in_text as secret_in;
pub use held::with_waivers;
pub use key::FingerprintKey;
pub use read::{Request, read};
pub use recognise::kinds;
pub use testing::{Tried, befell, compiles, tried};
pub use trial::{ids, of_test};

use std::path::PathBuf;

use crate::model::diagnostic::Diagnostics;

/// Evidence that cannot be read at all: exit 2. What can be read in part is quarantined instead.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("{path}: cannot be read: {why}")]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{path} leads out of the project; evidence lies inside it, so that a package can hold it")]
    OutsideProject { path: PathBuf },
    #[error("{path} is no file: nothing else is read; for the files of a folder give a pattern, such as `evidence/*.csv`")]
    NoFile { path: PathBuf },
    #[error("{path} matches a pattern, and its name is not UTF-8; rename it, so that a package can hold it")]
    Name { path: PathBuf },
    #[error("{path}: this is no export of {title}: it looks like {looks}; the source `{source_id}` should be of kind {kinds} (T051)")]
    OtherKind { source_id: String, path: String, title: String, looks: String, kinds: String },
    #[error("{path} is {size} bytes, more than the limit of {limit}; split the export")]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error("source `{source_id}`: `{pattern}` is not a path pattern: {why}")]
    Pattern { source_id: String, pattern: String, why: String },
    #[error("{}", filters(.0))]
    Filter(Box<Diagnostics>),
    #[error("{file}: the {part} filter {what}, over {over}: mend the filter, or split the export (T050)")]
    Excess { file: String, part: &'static str, over: String, what: String },
    #[error("source `{source_id}`: `facts` gives {column}: {why}")]
    Fact { source_id: String, column: String, why: String },
    #[error(
        "nobody says when any of the evidence was collected: give --as-of, set `as-of` in tickmark.toml, or `collected-at` for its sources{unread}"
    )]
    NoAsOf { unread: String },
    #[error("{path}: {why}")]
    Locker { path: PathBuf, why: String },
    #[error("{path}: {why}")]
    Key { path: PathBuf, why: String },
}

/// Filters that do not compile, a line for each.
fn filters(problems: &Diagnostics) -> String {
    let line = |problem: &crate::model::diagnostic::Diagnostic| format!("{}: {} ({})", problem.file, problem.message, problem.code);
    problems.list.iter().map(line).collect::<Vec<_>>().join("\n")
}
