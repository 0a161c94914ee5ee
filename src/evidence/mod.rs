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

pub mod collect;
mod decode;
mod detect;
mod facts;
mod files;
mod jq;
mod key;
pub mod locker;
mod logs;
mod mapping;
mod pem;
mod read;
mod redact;
mod sources;
mod tables;
mod trial;

pub use detect::in_text as secret_in;
pub use key::FingerprintKey;
pub use mapping::mapped;
pub use read::{Request, read};
pub use trial::{ids, of_test};

use std::path::PathBuf;

/// Evidence that cannot be read at all: exit 2. What can be read in part is quarantined instead.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("{path}: cannot be read: {why}")]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{path} leads out of the project; evidence lies inside it, so that a package can hold it")]
    OutsideProject { path: PathBuf },
    #[error("{path} is {size} bytes, more than the limit of {limit}; split the export")]
    TooLarge { path: PathBuf, size: u64, limit: u64 },
    #[error("source `{source_id}`: `{pattern}` is not a path pattern: {why}")]
    Pattern { source_id: String, pattern: String, why: String },
    #[error("{file}: the {part} filter does not compile: {why} (T050)")]
    Filter { file: String, part: &'static str, why: String },
    #[error("{file}: mapping {path} took longer than {seconds} seconds; the filter or the file is too large (T050)")]
    TooSlow { file: String, path: String, seconds: u64 },
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
