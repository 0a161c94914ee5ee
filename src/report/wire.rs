//! What `assessment.json` and `findings.ndjson` hold, field for field. `schemas/assessment-1.schema.json` says the same to
//! other programs, and `docs/report.md` to people. Times are RFC 3339 in UTC, durations as in TOML (`90d`), paths relative
//! to the project.

use std::collections::BTreeMap;

use serde::Serialize;

pub use gate::{Baseline, Narrowed, Override, Vanished};
pub use mapping::{Mapping, Note};

mod gate;
mod mapping;

/// The `schema` of an assessment.
pub const SCHEMA: &str = "tickmark/assessment/1";

#[derive(Serialize)]
pub struct AssessmentFile<'a> {
    pub schema: &'static str,
    pub tool: Tool,
    /// What makes the bytes of the report as hard to guess as the salts of the package.
    pub seal: &'a str,
    pub name: &'a str,
    pub as_of: String,
    pub as_of_from: &'a str,
    pub gate: &'a str,
    /// From which severity on an unknown is insufficient evidence.
    pub gate_unknown: &'static str,
    pub gate_overrides: Vec<Override<'a>>,
    /// What the command line left of the selected controls; `null`: all.
    pub narrowed: Option<Narrowed<'a>>,
    pub baseline: Option<Baseline<'a>>,
    pub outcome: Outcome<'a>,
    pub totals: Totals,
    pub tables: Vec<Table<'a>>,
    pub sources: Vec<Source<'a>>,
    pub files: Vec<File<'a>>,
    pub quarantine: Vec<Quarantined<'a>>,
    pub frameworks: Vec<Framework<'a>>,
    pub controls: Vec<Control<'a>>,
    pub waivers: Vec<Waiver<'a>>,
    pub deselected: Vec<Deselected<'a>>,
    /// The lines of `findings.ndjson`, put here once the rest is written.
    pub findings: [Finding<'a>; 0],
}

#[derive(Serialize)]
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

#[derive(Serialize)]
pub struct Outcome<'a> {
    pub word: &'static str,
    pub exit: u8,
    pub reason: &'a str,
}

/// Over all controls.
#[derive(Serialize)]
pub struct Totals {
    /// Controls by status.
    pub controls: Counts,
    /// Verdicts: one for each subject of each control.
    pub verdicts: Counts,
}

#[derive(Serialize, Clone, Copy, Default)]
pub struct Counts {
    pub fail: usize,
    pub unknown: usize,
    pub waived: usize,
    pub pass: usize,
    pub not_applicable: usize,
}

#[derive(Serialize)]
pub struct Table<'a> {
    pub name: &'a str,
    pub rows: usize,
    pub complete: bool,
    pub gaps: Vec<Gap<'a>>,
}

#[derive(Serialize)]
pub struct Gap<'a> {
    /// Empty where no source is configured.
    pub source: &'a str,
    pub word: &'static str,
    pub detail: &'a str,
}

#[derive(Serialize)]
pub struct Source<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub system: Option<&'a str>,
    pub required: bool,
    pub absent: bool,
    pub tables: &'a [String],
    pub event_types: &'a [String],
    pub collected_at: Option<String>,
    pub collected_from: Option<&'static str>,
    pub max_age: String,
    pub fresh: bool,
    pub completeness: &'static str,
    pub completeness_note: &'a str,
    pub vouched: Option<Vouched<'a>>,
    pub records: i64,
    pub expected_records: Option<i64>,
    pub quarantined: i64,
    pub covers: Option<Window>,
    /// Newest first; empty: its files lie in the project.
    pub collections: Vec<Collection<'a>>,
    /// The newest attempt to collect it, if that failed.
    pub failed: Option<FailedAttempt<'a>>,
    pub notes: &'a [String],
}

#[derive(Serialize)]
pub struct Collection<'a> {
    pub record: &'a str,
    pub by: &'static str,
    pub collected_at: String,
    pub started_at: String,
    pub ended_at: String,
    pub tool_version: Option<&'a str>,
    pub commands: Vec<Command<'a>>,
    pub files: Vec<Collected<'a>>,
}

#[derive(Serialize)]
pub struct Command<'a> {
    pub argv: &'a [String],
    pub times: u64,
}

#[derive(Serialize)]
pub struct Collected<'a> {
    pub path: &'a str,
    pub sha256: &'a str,
    pub original_sha256: &'a str,
}

#[derive(Serialize)]
pub struct FailedAttempt<'a> {
    pub at: String,
    pub why: &'a str,
}

#[derive(Serialize)]
pub struct Vouched<'a> {
    pub by: &'a str,
    pub from: &'a str,
    pub on: &'a str,
    pub expected: Option<i64>,
}

#[derive(Serialize)]
pub struct Window {
    pub from: String,
    pub until: String,
}

#[derive(Serialize)]
pub struct File<'a> {
    pub path: &'a str,
    pub source: &'a str,
    pub sha256: &'a str,
    pub original_sha256: &'a str,
    pub redacted: usize,
    pub set_aside: Option<&'a str>,
}

#[derive(Serialize)]
pub struct Quarantined<'a> {
    pub file: &'a str,
    pub record: &'a str,
    pub reason: &'a str,
}

#[derive(Serialize)]
pub struct Framework<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub publisher: &'a str,
    pub edition: &'a str,
    pub url: &'a str,
    pub attribution: &'a str,
    pub requirements: Vec<Requirement<'a>>,
}

/// The `schema` of a coverage.
pub const COVERAGE: &str = "tickmark/coverage/1";

#[derive(Serialize)]
pub struct CoverageFile<'a> {
    pub schema: &'static str,
    pub name: &'a str,
    pub as_of: String,
    pub frameworks: Vec<Coverage<'a>>,
}

#[derive(Serialize)]
pub struct Coverage<'a> {
    pub counts: CoverageCounts,
    #[serde(flatten)]
    pub framework: Framework<'a>,
}

/// Requirements under which no other stands, by status; `in_scope` are all but those out of scope.
#[derive(Serialize)]
pub struct CoverageCounts {
    pub requirements: usize,
    pub in_scope: usize,
    pub supported: usize,
    pub supported_with_exceptions: usize,
    pub contradicted: usize,
    pub undetermined: usize,
    pub not_applicable: usize,
    pub no_control: usize,
    pub out_of_scope: usize,
}

#[derive(Serialize)]
pub struct Requirement<'a> {
    pub id: &'a str,
    pub level: &'a str,
    pub parent: Option<&'a str>,
    pub title: &'a str,
    pub status: &'static str,
    /// How many of the controls mapped to it pass.
    pub satisfied: usize,
    pub controls: Vec<Mapped<'a>>,
    /// Why it is out of scope; `null`: it is not.
    pub out_of_scope: Option<&'a str>,
}

#[derive(Serialize)]
pub struct Mapped<'a> {
    pub id: &'a str,
    pub written: &'a str,
    pub relationship: &'a str,
    /// Of the control; `not selected` and `out of scope` where it was not judged.
    pub status: &'static str,
}

#[derive(Serialize)]
pub struct Control<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub severity: &'static str,
    pub status: &'static str,
    pub subject: &'static str,
    pub statement: &'a str,
    pub risk: &'a str,
    pub remediation: &'a str,
    pub applies: Option<&'a str>,
    pub assert: &'a str,
    pub file: &'a str,
    pub sha256: String,
    pub maps_to: Vec<Mapping<'a>>,
    pub notes: Vec<Note<'a>>,
    pub params: Vec<Param<'a>>,
    /// How many subjects.
    pub population: usize,
    pub population_complete: bool,
    pub population_gaps: Vec<Reason<'a>>,
    pub counts: Counts,
}

#[derive(Serialize)]
pub struct Param<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub default: &'a str,
    pub min: Option<&'a str>,
    pub max: Option<&'a str>,
    pub basis: &'a str,
    /// `lower`, `higher`, `fewer`, `more`; `null`: any change counts as looser.
    pub stricter: Option<&'static str>,
    pub overridden: bool,
    /// Who answers for a value that is looser than the default.
    pub looser: Option<Looser<'a>>,
}

#[derive(Serialize)]
pub struct Looser<'a> {
    pub reason: &'a str,
    pub approver: &'a str,
    /// SHA-256 of the document that shows the approval; `null`: it is not evidenced.
    pub approval: Option<&'a str>,
    /// When it stops counting; `null`: nobody says.
    pub until: Option<String>,
    /// It has ended: the default counts.
    pub ended: bool,
}

/// A waiver, and what it came to.
#[derive(Serialize)]
pub struct Waiver<'a> {
    pub id: &'a str,
    pub control: &'a str,
    pub standing: &'static str,
    /// Why, where the standing alone does not say it; may be empty.
    pub why: &'a str,
    pub reason: &'a str,
    pub approver: &'a str,
    /// SHA-256 of the document that shows the approval; `null`: it is not evidenced.
    pub approval: Option<&'a str>,
    pub granted_at: String,
    pub expires_at: Option<String>,
    pub ticket: Option<&'a str>,
    /// The condition that describes its subjects; `null`: it names them.
    pub r#where: Option<&'a str>,
    pub at_most: Option<usize>,
    /// Subjects in its scope whose owner is known not to be the approver.
    pub covered: &'a [String],
    /// Subjects of which it is not known whether it covers them.
    pub open: &'a [String],
    /// Subjects in its scope that the approver owns.
    pub own: &'a [String],
    /// Fails that it covers.
    pub waived: &'a [String],
    pub compensating: Vec<Compensating<'a>>,
    pub file: &'a str,
}

#[derive(Serialize)]
pub struct Compensating<'a> {
    pub control: &'a str,
    /// The worst verdict on the waived subjects, or the control's status where it judges others; `null`: it is not judged.
    pub came: Option<&'static str>,
    pub of_subjects: bool,
}

#[derive(Serialize)]
pub struct Deselected<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub severity: &'static str,
    pub file: &'a str,
    /// Why it is out of scope, and who accepts that; `null`: it is not, and counts towards its requirements as unknown.
    pub out_of_scope: Option<String>,
    /// It is selected, and the command line left it out.
    pub narrowed: bool,
}

/// Its fields, and those of what it holds, stand in the order of canonical JSON, so that it is written canonically as it is.
#[derive(Serialize)]
pub struct Finding<'a> {
    /// Of a fail where a baseline is in force: `known`, `new`.
    pub baseline: Option<&'static str>,
    pub control: &'a str,
    pub evidence: Vec<Position<'a>>,
    pub group: Option<Group>,
    pub id: &'a str,
    pub observed: &'a BTreeMap<String, String>,
    pub reasons: Vec<Reason<'a>>,
    pub severity: &'static str,
    pub subject: &'a str,
    pub verdict: &'static str,
    /// The waivers that cover it, by id.
    pub waivers: &'a [String],
}

#[derive(Serialize)]
pub struct Reason<'a> {
    pub detail: &'a str,
    pub word: &'static str,
}

#[derive(Serialize)]
pub struct Position<'a> {
    pub file: &'a str,
    pub record: &'a str,
    pub source: &'a str,
}

#[derive(Serialize)]
pub struct Group {
    pub count: usize,
    pub first: Option<String>,
    pub last: Option<String>,
}
