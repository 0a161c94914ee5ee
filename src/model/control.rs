//! What the organisation promises: one control, as its TOML file says it and as it was checked.

use std::collections::BTreeMap;

use super::attestation::Document;
use super::condition::Condition;
use super::row::Row;
use super::value::{Constant, Duration, Time};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Severity> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

/// One control.
#[derive(Clone, Debug)]
pub struct Control {
    /// `OFF-01`.
    pub id: String,
    pub title: String,
    pub severity: Severity,
    /// How long a waiver from it may last.
    pub max_waiver: Duration,
    /// The subject's table: position in [`super::schema::SCHEMA`].
    pub subject: usize,
    /// Markdown.
    pub statement: String,
    /// Markdown.
    pub risk: String,
    /// Markdown.
    pub remediation: String,
    /// In the order of the project's frameworks, then as written.
    pub mappings: Vec<Mapping>,
    /// Frameworks that the author means without naming a requirement: (framework, note). No coverage.
    pub notes: Vec<(String, String)>,
    /// Name as a condition writes it after `$` (underscores) → parameter.
    pub params: BTreeMap<String, Param>,
    /// `None`: applies to every subject.
    pub applies: Option<Condition>,
    pub assert: Condition,
    pub tests: Vec<ControlTest>,
    /// Mutants that no test can notice: (mutant, reason).
    pub equivalent: Vec<(String, String)>,
    /// `builtin/offboarding/OFF-01-….toml`, or the path below the project.
    pub file: String,
    /// The file as read: packed and hashed.
    pub text: String,
}

impl Control {
    /// `OFF` of `OFF-01`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(family, _)| family)
    }

    /// Value of each parameter, as a condition reads them.
    #[must_use]
    pub fn constants(&self) -> BTreeMap<String, Constant> {
        self.params.iter().map(|(name, param)| (name.clone(), param.value.clone())).collect()
    }
}

/// A requirement that a control is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub framework: String,
    /// As the author wrote it.
    pub written: String,
    /// As it resolved.
    pub requirement: String,
    /// NIST IR 8477: `intersects-with` unless the author says otherwise.
    pub relationship: String,
    /// May be empty.
    pub rationale: String,
    /// The file of `mappings/` that adds it; `None`: the control's own.
    pub file: Option<String>,
}

/// Words of NIST IR 8477, as in OSCAL's mapping model.
pub const RELATIONSHIPS: [&str; 7] =
    ["equal", "equivalent-to", "subset-of", "superset-of", "intersects-with", "supports", "is-supported-by"];

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// As the TOML writes it: `max-lag`.
    pub name: String,
    pub value: Constant,
    /// As written in the control or the override: `24h`.
    pub written: String,
    pub default: String,
    /// The default as a value.
    pub standard: Constant,
    pub min: Option<String>,
    pub max: Option<String>,
    pub basis: String,
    /// `None`: the control does not say, so that any change counts as looser.
    pub stricter: Option<Stricter>,
    /// The project set it.
    pub overridden: bool,
    /// Who answers for it, where the project set it looser than the default.
    pub looser: Option<Looser>,
}

impl Param {
    /// What was set looser than the default and has ended by now no longer counts: the default does.
    pub fn lapse(&mut self, now: Time) {
        let Some(looser) = self.looser.as_mut().filter(|looser| looser.until.is_some_and(|until| until <= now)) else { return };
        looser.ended = Some(std::mem::replace(&mut self.written, self.default.clone()));
        self.value = self.standard.clone();
        self.overridden = false;
    }

    /// What it may be set to: `1d to 365d`; `None`: anything of its type.
    #[must_use]
    pub fn allowed(&self) -> Option<String> {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => Some(format!("{min} to {max}")),
            (Some(min), None) => Some(format!("{min} or more")),
            (None, Some(max)) => Some(format!("{max} or less")),
            (None, None) => None,
        }
    }
}

/// Which way a parameter is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// A lower number, a shorter time.
    Lower,
    Higher,
    /// A list with fewer members.
    Fewer,
    More,
}

impl Stricter {
    pub const ALL: [(&'static str, Stricter); 4] =
        [("lower", Stricter::Lower), ("higher", Stricter::Higher), ("fewer", Stricter::Fewer), ("more", Stricter::More)];

    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, way)| *way == self).map_or("", |(word, _)| word)
    }
}

/// Why a looser value is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looser {
    pub reason: String,
    /// Id of a party.
    pub approver: String,
    /// What shows the approval; `None`: *approval not evidenced*.
    pub approval: Option<Document>,
    /// When it stops counting; `None`: nobody says.
    pub until: Option<Time>,
    /// The value that has ended.
    pub ended: Option<String>,
}

/// One `[[test]]` of a control: its own evidence and what it must come to.
#[derive(Clone, Debug)]
pub struct ControlTest {
    pub name: String,
    pub as_of: Time,
    /// Rows of `given`, as they stand; [`super::row::Origin`] counts them.
    pub rows: Vec<Row>,
    /// Tables that are not complete in this test, with why: `partial`, `stale`, `absent`. All others are complete.
    pub incomplete: BTreeMap<String, String>,
    /// What the logs cover; `None`: everything, everywhere, for all time.
    pub logs: Option<Vec<TestLog>>,
    /// Subject id → verdict: `pass`, `fail`, `unknown`, `not-applicable`.
    pub expect: BTreeMap<String, String>,
    /// What the control as a whole comes to, where the test says.
    pub status: Option<String>,
    /// Parameters as this test sets them.
    pub params: BTreeMap<String, Constant>,
}

/// A log of a control's test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLog {
    pub system: String,
    pub types: Vec<String>,
    pub from: Time,
    pub until: Time,
}
