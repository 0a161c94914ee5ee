//! The canonical tables as Arrow arrays, and what is known of their completeness.
//!
//! A column is an Arrow array of values (null where there is none) beside an array of [`State`] bytes that says why,
//! and a bitmap of the values that a fresh source vouches for. Rows are sorted by id, so that nothing depends on the
//! order of files or records.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt8Array, UInt32Array};
use arrow_buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};

use super::project::Packing;
use super::row::Origin;
use super::schema::{self, TableSchema};
use super::value::{Duration, State, Time};

/// One column of a canonical table.
///
/// The type of `values` follows the schema's type: text, enumeration, address and fingerprint are `StringArray`;
/// bool is `BooleanArray`; number, time and duration are `Int64Array` (millionths, microseconds); a list is a
/// `ListArray` of strings whose unknown members are null.
#[derive(Clone, Debug)]
pub struct Column {
    /// Null wherever `state` is neither known nor dangling.
    pub values: ArrayRef,
    /// A [`State`] byte per row; never null, never [`State::Stale`].
    pub state: UInt8Array,
    /// Which values a fresh source gives; `None`: all of them. A value that only a stale source gives is set aside
    /// in the second evaluation (SEMANTICS §2.7).
    pub fresh: Option<BooleanBuffer>,
    /// For a reference: the row it names in the table it refers to; null where there is none.
    pub link: Option<UInt32Array>,
}

impl Column {
    /// The state of one value, on all evidence.
    #[must_use]
    pub fn state(&self, row: usize) -> State {
        State::from_byte(self.state.value(row))
    }
}

/// Why a table, or a log, cannot prove that something is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The source's id; empty where no source is configured that observes the table.
    pub source: String,
    pub why: Why,
}

/// See [`Gap`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No configured source observes the table.
    NoSource,
    /// A configured source yielded nothing.
    Absent,
    /// Only part was read: quarantined records, a missing system, an expected count not reached, an unfinished
    /// export, or nobody says that it is full. The sentence says which.
    Partial(String),
    /// Full, but too old: counts for what it shows, proves no absence.
    Stale(String),
}

/// One canonical table.
#[derive(Clone, Debug)]
pub struct Table {
    pub schema: &'static TableSchema,
    pub rows: usize,
    /// In the order of the schema's columns.
    pub columns: Vec<Column>,
    /// For each row, every record that it was read from, sorted; empty for derived tables.
    pub origins: Vec<Vec<Origin>>,
    /// Why the table is not known to be complete; empty: it is. Gaps that are all [`Why::Stale`] leave it complete
    /// on all evidence, and incomplete once stale sources are set aside.
    pub gaps: Vec<Gap>,
    /// Columns that no configured source of the table could say: what is unknown there, nobody was asked for.
    pub untold: BTreeSet<usize>,
    /// What the rows of one id said where they contradict: (row, column) → each value as printed, with its origin.
    pub conflicts: BTreeMap<(u32, u32), Vec<(String, Origin)>>,
}

impl Table {
    /// The first row with this id. Rows are sorted by id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        let ids = self.columns.first()?.values.as_string_opt::<i32>()?;
        let (mut start, mut end) = (0, self.rows.min(ids.len()));
        while start < end {
            let middle = start + (end - start) / 2;
            if ids.value(middle) < id { start = middle + 1 } else { end = middle }
        }
        (start < self.rows.min(ids.len()) && ids.value(start) == id).then_some(start)
    }

    /// Whether every row that exists is here; `fresh_only`: with stale sources set aside.
    #[must_use]
    pub fn is_complete(&self, fresh_only: bool) -> bool {
        self.gaps.iter().all(|gap| !fresh_only && matches!(gap.why, Why::Stale(_)))
    }
}

/// What one file held and where it came from.
#[derive(Clone, Debug)]
pub struct EvidenceFile {
    /// Position in [`Evidence::sources`].
    pub source: u32,
    /// Path below the project, with `/`.
    pub path: String,
    /// SHA-256 of the file as it was given.
    pub original_sha256: String,
    /// SHA-256 of what was judged and is packed: the same unless secrets were replaced.
    pub sha256: String,
    /// How many secrets were replaced by fingerprints.
    pub redacted: usize,
    /// What was judged: goes into the package as it is.
    pub bytes: Vec<u8>,
    pub locator: Locator,
    /// Why the file counts for nothing (an older export than the one in use, one newer than `as_of`); `None`: in use.
    pub set_aside: Option<String>,
}

/// In a project that was a package's `inputs/`: which files had their secrets replaced before they were packed, as
/// path → `{ sha256, original_sha256, redacted }`.
pub const REDACTED: &str = "redacted.json";
/// In a package's `inputs/`: the exports that it does not hold, as path → [`Referenced`].
pub const REFERENCED: &str = "referenced.json";

/// An export by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referenced {
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// How a record's number becomes a position that a person finds.
#[derive(Clone, Debug)]
pub enum Locator {
    /// `line N`; the line that each record starts at, counted from 1.
    Lines(Vec<u32>),
    /// A JSON pointer (RFC 6901) per record.
    Pointers(Vec<String>),
}

impl Locator {
    /// The position of a record: `line 12`, `/RoleDetailList/3`.
    #[must_use]
    pub fn locate(&self, record: u32) -> String {
        let record = record as usize;
        match self {
            Locator::Lines(lines) => lines.get(record).map_or_else(String::new, |line| format!("line {line}")),
            Locator::Pointers(pointers) => pointers.get(record).cloned().unwrap_or_default(),
        }
    }
}

impl EvidenceFile {
    /// The position of a record.
    #[must_use]
    pub fn locate(&self, record: u32) -> String {
        self.locator.locate(record)
    }
}

/// A record, or a field of one, that did not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarantined {
    /// Path of the file below the project.
    pub file: String,
    /// `line 12`, `/items/3`; empty: the whole file.
    pub position: String,
    pub reason: String,
}

/// One row of the `source` table: a configured source and one system of it.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub id: String,
    pub kind: String,
    pub system: Option<String>,
    pub required: bool,
    /// Tables that it observes; for `event` see `event_types`.
    pub tables: Vec<String>,
    /// Event types that it observes.
    pub event_types: Vec<String>,
    /// When it was collected; `None`: nothing was collected, or nobody said when (`note` says which).
    pub collected_at: Option<Time>,
    /// Where `collected_at` comes from: `export`, `locker`, `configuration`, `project`.
    pub collected_from: Option<&'static str>,
    pub completeness: Completeness,
    /// Why it is not full, or who vouches that it is; printed.
    pub completeness_note: String,
    /// That it is full is somebody's word, not the export's or the vendor's.
    pub vouched: bool,
    pub expected_records: Option<i64>,
    pub records: i64,
    pub quarantined: i64,
    pub covers: Option<(Time, Time)>,
    pub max_age: Duration,
    pub fresh: bool,
    /// It yielded no file, or none that could be used.
    pub absent: bool,
    /// How it was collected, newest first; empty: its files lie in the project.
    pub collections: Vec<Collection>,
    /// The newest attempt to collect it, if that failed: when, and why. It counts as stale.
    pub failed: Option<(Time, String)>,
    /// What else a reader must know: files set aside, vanished rows, columns unknown to the schema.
    pub notes: Vec<String>,
}

/// One act of collecting, as the locker's journal tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its record, below the project.
    pub record: String,
    /// `command`, `files`.
    pub by: &'static str,
    pub collected_at: Time,
    pub started_at: Time,
    pub ended_at: Time,
    pub tool_version: Option<String>,
    /// Each command and how often it was run.
    pub commands: Vec<(Vec<String>, u64)>,
    /// Path, digest and original digest of each export.
    pub files: Vec<(String, String, String)>,
}

/// See [`Source::completeness`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    Full,
    Partial,
    #[default]
    Unknown,
}

impl Completeness {
    /// The word of the `source` table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Completeness::Full => "full",
            Completeness::Partial => "partial",
            Completeness::Unknown => "unknown",
        }
    }
}

/// What complete logs cover: per (system, event type) the stretches of time without a gap, sorted and disjoint,
/// both ends included. Only full logs count, and a log that reaches `as_of` within its source's `max_age` is taken
/// to reach it (SEMANTICS §2.6). A table `event` that is complete for all time in a control's test uses
/// [`Logs::everything`].
#[derive(Clone, Debug, Default)]
pub struct Logs {
    pub stretches: BTreeMap<(String, String), Vec<(Time, Time)>>,
    /// Every system, every type, all time.
    pub everything: bool,
}

impl Logs {
    /// Whether the window is covered without a gap for every one of the types. An empty window is.
    #[must_use]
    pub fn cover(&self, system: &str, types: &[&str], from: Time, until: Time) -> bool {
        self.everything
            || from > until
            || types.iter().all(|ty| {
                self.stretches
                    .get(&(system.to_owned(), (*ty).to_owned()))
                    .is_some_and(|stretches| stretches.iter().any(|(start, end)| *start <= from && until <= *end))
            })
    }
}

/// All evidence of one assessment.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// In the order of [`schema::SCHEMA`].
    pub tables: Vec<Table>,
    pub logs: Logs,
    /// Every system named anywhere, sorted.
    pub systems: Vec<String>,
    pub sources: Vec<Source>,
    /// Exports, sorted by path; then what the project itself holds.
    pub files: Vec<EvidenceFile>,
    /// Sorted.
    pub quarantine: Vec<Quarantined>,
    /// References that lead nowhere or to several, patterns that fit nothing or disagree: each a sentence with its file; sorted.
    pub remarks: Vec<String>,
    /// The records of the locker that were read: path below the project → bytes.
    pub journal: BTreeMap<String, Vec<u8>>,
}

impl Evidence {
    /// Whether it holds a party of this id.
    #[must_use]
    pub fn knows_party(&self, id: &str) -> bool {
        self.table("party").is_some_and(|parties| parties.find(id).is_some())
    }

    /// Up to when an assessment of it holds: until the first of the required sources that are fresh is older than it may be; `None`:
    /// none is.
    #[must_use]
    pub fn holds_until(&self) -> Option<Time> {
        let fresh = self.sources.iter().filter(|source| source.required && source.fresh && !source.absent);
        fresh.filter_map(|source| Some(Time(source.collected_at?.0.saturating_add(source.max_age.0)))).min()
    }

    /// The exports that a package names and does not hold: those that were judged as they were given. One whose secrets were replaced
    /// lies nowhere else, and what the project itself holds is small.
    pub fn referenced(&self, packing: Packing) -> impl Iterator<Item = &EvidenceFile> {
        let own =
            |file: &EvidenceFile| self.sources.get(file.source as usize).is_some_and(|source| source.collected_from == Some("project"));
        let named = move |file: &&EvidenceFile| packing == Packing::Reference && file.sha256 == file.original_sha256 && !own(file);
        self.files.iter().filter(named)
    }

    /// A table by name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        schema::table(name).and_then(|position| self.tables.get(position))
    }
}
