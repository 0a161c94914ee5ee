//! A report package in the formats that other tools read. `docs/formats.md` says which verdict becomes what in which.
//!
//! | module | what |
//! |---|---|
//! | [`package`] | what a format is made from: the files of a package, read |
//! | `sarif` | SARIF 2.1.0 |
//! | `junit` | JUnit XML |
//! | `oscal` | OSCAL 1.2.1: six kinds of document |
//! | `tables` | CSV, one file per table |
//! | `parquet` | the verdicts as Parquet; with the feature `parquet` |
//! | `summary` | GitHub-flavoured Markdown of at most 65,536 bytes |
//! | `wire` | what SARIF, JUnit and OSCAL have for fields; nothing of ours |
//! | `identity`, `lines` | UUIDs, and the line of a record in its file |
//!
//! Each is a function of the package alone: the same package gives the same bytes, whoever exports it and when.

use std::collections::BTreeMap;

pub mod identity;
mod junit;
mod lines;
mod oscal;
pub mod package;
#[cfg(feature = "parquet")]
mod parquet;
mod sarif;
mod summary;
mod tables;
mod wire;

pub use package::Package;
pub use summary::LIMIT as SUMMARY_LIMIT;

/// Why a package cannot be had in a format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The package's own files are not what they should be.
    #[error("`{path}` of the package cannot be read: {why}")]
    Package { path: String, why: String },
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it cannot be written as CSV: {0}")]
    Csv(#[from] csv::Error),
    #[cfg(feature = "parquet")]
    #[error("it cannot be written as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// Built without it.
    #[error("this tickmark was built without Parquet; build it with `cargo install --path . --features parquet`, or take `--format csv`")]
    WithoutParquet,
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Sarif,
    Junit,
    Oscal,
    Csv,
    Parquet,
    Markdown,
}

impl Format {
    pub const ALL: [Format; 6] = [Format::Sarif, Format::Junit, Format::Oscal, Format::Csv, Format::Parquet, Format::Markdown];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Oscal => "oscal",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Markdown => "markdown",
        }
    }

    /// What a file or folder of it is called after a dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Format::Sarif => "sarif",
            Format::Junit => "junit.xml",
            Format::Oscal => "oscal",
            Format::Csv => "csv",
            Format::Parquet => "verdicts.parquet",
            Format::Markdown => "summary.md",
        }
    }
}

/// What an export may be told beside the package.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'b> {
    /// SARIF: an earlier package, against which each result is `new`, `unchanged`, `updated` or `absent`.
    pub baseline: Option<&'b Package<'b>>,
    /// SARIF: results for what passes and what does not apply, too.
    pub all: bool,
}

/// A package in a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Export {
    File(Vec<u8>),
    /// Name → bytes.
    Folder(BTreeMap<String, Vec<u8>>),
}

/// A package in a format.
///
/// # Errors
/// [`FormatError`]; nothing that evidence says is one.
pub fn export(format: Format, package: &Package<'_>, options: Options<'_>) -> Result<Export, FormatError> {
    Ok(match format {
        Format::Sarif => Export::File(pretty(&sarif::log(package, options))?),
        Format::Junit => Export::File(junit::suites(package).xml().into_bytes()),
        Format::Oscal => Export::Folder(oscal::documents(package)?),
        Format::Csv => Export::Folder(tables::files(package)?),
        #[cfg(feature = "parquet")]
        Format::Parquet => Export::File(parquet::verdicts(package)?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(FormatError::WithoutParquet),
        Format::Markdown => Export::File(summary::summary(package).into_bytes()),
    })
}

/// JSON for people and programs: indented, with a line feed at the end.
fn pretty<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, FormatError> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A path as a relative reference of RFC 3986.
fn uri(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
