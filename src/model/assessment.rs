//! The outcome of one evaluation of a set of controls over a set of evidence, at one `as_of`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::baseline::BaselineResult;
use super::control::{Control, Severity};
use super::digest::sha256;
use super::value::Time;
use super::waiver::WaiverResult;

/// What holds for one subject of one control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
    /// A fail that a live waiver covers.
    Waived,
}

impl Verdict {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Waived => "waived",
        }
    }
}

/// How many subjects came to each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub pass: usize,
    pub fail: usize,
    pub unknown: usize,
    pub not_applicable: usize,
    pub waived: usize,
}

impl Counts {
    #[must_use]
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.unknown + self.not_applicable + self.waived
    }

    /// Counts one verdict.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail => self.fail += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::NotApplicable => self.not_applicable += 1,
            Verdict::Waived => self.waived += 1,
        }
    }
}

/// What holds for a control as a whole, worst first (SEMANTICS §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Fail,
    Unknown,
    Waived,
    Pass,
    NotApplicable,
}

impl Status {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Fail => "fail",
            Status::Unknown => "unknown",
            Status::Waived => "waived",
            Status::Pass => "pass",
            Status::NotApplicable => "not-applicable",
        }
    }
}

/// Why a subject is unknown: one leaf of the condition that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// A stable word: `missing`, `conflict`, `dangling`, `future`, `unreadable`, `stale`, `none`, `no-source`,
    /// `absent-source`, `partial-source`, `stale-source`, `no-log`, `unattributed`, `incomparable`.
    pub word: &'static str,
    /// A sentence: which value on which row, which source, or which log and window would settle it.
    pub detail: String,
    pub cause: Cause,
}

/// What a reason comes down to, whichever subject it is told of: many reasons have one cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A value that rows of a table have: positions of table and column in [`super::schema::SCHEMA`].
    Value(usize, usize),
    /// Whether a row of this table is meant.
    Match(&'static str),
    /// A log of a system that observes these types, in words.
    Log { system: String, types: String },
    /// What the detail says, which names no row.
    Said,
}

/// Where a value was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Id of the configured source.
    pub source: String,
    /// Path of the file below the project.
    pub file: String,
    /// `line 12`, `/RoleDetailList/3`.
    pub record: String,
}

/// A subject that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The same in every run: made from the control, the subject's system and what that calls it ([`finding_id`]).
    pub id: String,
    pub control: String,
    pub subject: String,
    pub verdict: Verdict,
    /// Columns, paths, parameters and subqueries that the condition read → what they held, as printed.
    pub observed: BTreeMap<String, String>,
    /// Only for unknown; sorted.
    pub reasons: Vec<Reason>,
    /// Of a fail, also a waived one: which of the terms that the assertion joins by AND are false; empty: it is one term.
    pub broken: Vec<usize>,
    /// Every record that the subject's row, or a row that decided, was read from; sorted.
    pub evidence: Vec<Position>,
    /// For a control on `event` or `exposure`: how many alike, and the first and last of them.
    pub group: Option<Group>,
    /// For waived: the waivers that cover it, by id.
    pub waivers: Vec<String>,
    /// For a fail, where a baseline is in force: whether it knows it (of a group: all of it).
    pub known: Option<bool>,
}

/// Which subject a finding speaks of, whatever else there is and whatever it is called this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// What its system calls it, where that is said once in the table: system, native id.
    Native(&'a str, &'a str),
    /// Its id.
    Id(&'a str),
}

/// The id of a finding: 32 hex digits of a digest over its control and its subject; `more` tells apart the groups that findings over events form.
#[must_use]
pub fn finding_id(control: &str, subject: Named, more: &[String]) -> String {
    let said = match subject {
        Named::Native(system, native) => serde_json::json!(["tickmark/finding/1", control, "native", system, native, more]),
        Named::Id(id) => serde_json::json!(["tickmark/finding/1", control, "id", id, more]),
    };
    sha256(said.to_string().as_bytes()).chars().take(32).collect()
}

/// Findings that are alike, told as one (SEMANTICS §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub count: usize,
    /// Their subjects, for fails; in the order of the population.
    pub subjects: Vec<String>,
    pub first: Option<Time>,
    pub last: Option<Time>,
}

/// One subject and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub subject: String,
    pub verdict: Verdict,
}

/// A row by whose existence a subject passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Position in the population.
    pub subject: usize,
    /// Position in [`super::schema::SCHEMA`].
    pub table: usize,
    /// The row of that table.
    pub row: usize,
}

/// What one control came to.
#[derive(Clone, Debug)]
pub struct ControlResult {
    pub control: Control,
    pub status: Status,
    /// Every subject, sorted by id.
    pub population: Vec<Judged>,
    /// What passes rest on, in the order of the population.
    pub witnesses: Vec<Witness>,
    pub counts: Counts,
    /// Why the population is not known to be complete; empty: it is.
    pub population_gaps: Vec<Reason>,
    /// Fail, unknown and waived; sorted by verdict (fail, waived, unknown), then subject.
    pub findings: Vec<Finding>,
    /// How many of its fails a baseline in force knows.
    pub known: usize,
}

/// What a requirement came to, in words that claim no more than was looked at (SEMANTICS §5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Supported,
    SupportedWithExceptions,
    Contradicted,
    Undetermined,
    /// Every control mapped to it is not applicable.
    NotApplicable,
    NoControl,
    /// The project declares it, or every control mapped to it, out of scope, with a reason.
    OutOfScope,
}

impl Support {
    /// In the order of reports.
    pub const ALL: [Support; 7] = [
        Support::Supported,
        Support::SupportedWithExceptions,
        Support::Contradicted,
        Support::Undetermined,
        Support::NotApplicable,
        Support::NoControl,
        Support::OutOfScope,
    ];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Support::Supported => "supported",
            Support::SupportedWithExceptions => "supported with exceptions",
            Support::Contradicted => "contradicted",
            Support::Undetermined => "undetermined",
            Support::NotApplicable => "not applicable",
            Support::NoControl => "no control",
            Support::OutOfScope => "out of scope",
        }
    }
}

/// One requirement with the controls mapped to it.
#[derive(Clone, Debug)]
pub struct RequirementResult {
    pub id: String,
    pub level: String,
    pub parent: Option<String>,
    pub title: String,
    pub support: Support,
    /// Controls mapped to it directly, sorted by id.
    pub controls: Vec<MappedControl>,
    /// Why it is out of scope.
    pub out_of_scope: Option<String>,
}

/// A control that a requirement is mapped to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MappedControl {
    pub id: String,
    /// The requirement as the author wrote it.
    pub written: String,
    /// NIST IR 8477: how the control's promise and the requirement relate.
    pub relationship: String,
    pub standing: Standing,
}

/// Whether a mapped control was judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Judged(Status),
    /// Not selected: counts as unknown.
    NotSelected,
    /// Declared out of scope: counts for nothing.
    OutOfScope,
}

/// One framework.
#[derive(Clone, Debug)]
pub struct FrameworkResult {
    pub id: String,
    pub title: String,
    pub publisher: String,
    pub edition: String,
    pub attribution: String,
    pub url: String,
    pub requirements: Vec<RequirementResult>,
}

/// How the run ends (SEMANTICS §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit 0: something was judged, and nothing at the gate fails or is undetermined.
    Satisfied,
    /// Exit 0: what fails at the gate is known to a baseline in force, and accepted until it ends.
    KnownOnly,
    /// Exit 0: the project turned the gate off. Says nothing about the controls.
    GateOff,
    /// Exit 1.
    Violations,
    /// Exit 2.
    NothingAssessed,
    /// Exit 3.
    Insufficient,
}

impl Outcome {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Satisfied => "satisfied on this evidence",
            Outcome::KnownOnly => "known violations only",
            Outcome::GateOff => "gate off",
            Outcome::Violations => "violations",
            Outcome::NothingAssessed => "nothing assessed",
            Outcome::Insufficient => "insufficient evidence",
        }
    }

    /// What the last line of a run begins with.
    #[must_use]
    pub fn verdict(self) -> &'static str {
        match self {
            Outcome::Satisfied => "PASS",
            Outcome::KnownOnly => "KNOWN ONLY",
            Outcome::GateOff => "GATE OFF",
            Outcome::Violations => "FAIL",
            Outcome::NothingAssessed => "NOTHING ASSESSED",
            Outcome::Insufficient => "UNKNOWN",
        }
    }

    /// The exit code (`docs/gate.md`).
    #[must_use]
    pub fn exit(self) -> u8 {
        match self {
            Outcome::Satisfied | Outcome::KnownOnly | Outcome::GateOff => 0,
            Outcome::Violations => 1,
            Outcome::NothingAssessed => 2,
            Outcome::Insufficient => 3,
        }
    }
}

/// The whole.
#[derive(Clone, Debug)]
pub struct Assessment {
    pub name: String,
    pub as_of: Time,
    /// `argument`, `configuration`, `evidence`: where `as_of` comes from.
    pub as_of_from: &'static str,
    /// `any`, `low`…`critical`, `none`.
    pub gate: &'static str,
    pub outcome: Outcome,
    /// Why the outcome, in a sentence.
    pub reason: String,
    /// Sorted by id.
    pub controls: Vec<ControlResult>,
    /// Sorted by id.
    pub waivers: Vec<WaiverResult>,
    /// What the baseline came to, where there is one.
    pub baseline: Option<BaselineResult>,
    pub frameworks: Vec<FrameworkResult>,
    /// Subjects per table: name → (rows, known to be complete).
    pub tables: Vec<(String, usize, bool)>,
}

/// The engine's name and version, printed in every package.
pub const ENGINE: (&str, &str) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));

impl ControlResult {
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.control.severity
    }
}
