//! A package, read back: what every format is made from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::FormatError;
use super::identity::Identities;
use super::lines;
use crate::model::salt::INPUTS;
use crate::report::escape;

/// The `schema` of the assessments that are read.
const SCHEMA: &str = "tickmark/assessment/1";
/// Its path in the package.
const ASSESSMENT: &str = "assessment.json";

/// A package.
#[derive(Debug)]
pub struct Package<'f> {
    pub assessment: Assessment,
    /// Of each control, in the order of the assessment.
    verdicts: Vec<Vec<Verdict>>,
    files: &'f BTreeMap<String, Vec<u8>>,
    /// Of the records behind the findings, by file and record.
    lines: BTreeMap<String, BTreeMap<String, usize>>,
    /// As hex.
    pub root: String,
    pub identities: Identities,
}

/// One subject of a control.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub subject: String,
    /// `pass`, `fail`, `unknown`, `not-applicable`, `waived`.
    pub word: String,
    /// Why it is unknown; else empty.
    pub reason: String,
    /// Where it was read, as the population prints it.
    pub evidence: String,
    /// Its place among the assessment's findings.
    pub finding: Option<usize>,
}

impl<'f> Package<'f> {
    /// Reads a package whose files are known to be those of its manifest; `root`: the manifest's.
    ///
    /// # Errors
    /// [`FormatError::Package`]: it was made by another version of the program, or by none.
    pub fn read(files: &'f BTreeMap<String, Vec<u8>>, root: &str) -> Result<Package<'f>, FormatError> {
        let assessment: Assessment = json(files, ASSESSMENT)?;
        if assessment.schema != SCHEMA {
            let why = format!("its schema is `{}`; this program reads `{SCHEMA}`", assessment.schema);
            return Err(FormatError::Package { path: ASSESSMENT.to_owned(), why });
        }
        let mut findings: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for (at, finding) in assessment.findings.iter().enumerate() {
            findings.insert((&finding.control, escape::cell(&finding.subject)), at);
        }
        let verdicts =
            assessment.controls.iter().map(|control| population(files, control, &assessment, &findings)).collect::<Result<_, _>>()?;
        let identities = Identities::of(root, &assessment.name);
        let lines = lines_of(files, &assessment);
        Ok(Package { assessment, verdicts, files, lines, root: root.to_owned(), identities })
    }

    /// Every control with its subjects, sorted by id.
    pub fn controls(&self) -> impl Iterator<Item = (&Control, &[Verdict])> {
        self.assessment.controls.iter().zip(self.verdicts.iter().map(Vec::as_slice))
    }

    /// The finding of a subject.
    #[must_use]
    pub fn finding(&self, verdict: &Verdict) -> Option<&Finding> {
        self.assessment.findings.get(verdict.finding?)
    }

    /// The controls that are selected and that the command line left out.
    #[must_use]
    pub fn left_out(&self) -> Vec<&str> {
        self.assessment.deselected.iter().filter(|it| it.narrowed).map(|it| it.id.as_str()).collect()
    }

    /// The findings of a control, in the assessment's order: fail, waived, unknown.
    pub fn findings<'a>(&'a self, control: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.assessment.findings.iter().filter(move |finding| finding.control == control)
    }

    /// A file of the package.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// The line of a record in its file. `None`: nobody says; for one that a pointer names also where the package holds the file in
    /// other words than it was given (its secrets replaced), since the lines of the two are not the same.
    #[must_use]
    pub fn line(&self, position: &Position) -> Option<usize> {
        self.lines.get(&position.file)?.get(&position.record).copied()
    }

    /// The waivers of the project that cover a finding, live or not.
    pub fn waivers<'a>(&'a self, finding: &'a Finding) -> impl Iterator<Item = &'a Waiver> {
        self.assessment
            .waivers
            .iter()
            .filter(|waiver| waiver.control == finding.control && waiver.covered.binary_search(&finding.subject).is_ok())
    }
}

fn lines_of(files: &BTreeMap<String, Vec<u8>>, assessment: &Assessment) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut records: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for position in assessment.findings.iter().flat_map(|finding| &finding.evidence) {
        records.entry(&position.file).or_default().insert(&position.record);
    }
    let other: BTreeSet<&str> =
        assessment.files.iter().filter(|file| file.sha256 != file.original_sha256).map(|file| file.path.as_str()).collect();
    let of = |(path, records): (&str, BTreeSet<&str>)| {
        let bytes = files.get(&format!("{INPUTS}{path}")).filter(|_| !other.contains(path));
        let found = lines::lines(&records, bytes.map(Vec::as_slice));
        (path.to_owned(), found.into_iter().map(|(record, line)| (record.to_owned(), line)).collect())
    };
    records.into_iter().map(of).collect()
}

fn bytes<'f>(files: &'f BTreeMap<String, Vec<u8>>, path: &str) -> Result<&'f [u8], FormatError> {
    files.get(path).map(Vec::as_slice).ok_or_else(|| FormatError::Package { path: path.to_owned(), why: "it is not there".to_owned() })
}

fn json<T: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<T, FormatError> {
    serde_json::from_slice(bytes(files, path)?).map_err(|why| FormatError::Package { path: path.to_owned(), why: why.to_string() })
}

fn population(
    files: &BTreeMap<String, Vec<u8>>,
    control: &Control,
    assessment: &Assessment,
    findings: &BTreeMap<(&str, String), usize>,
) -> Result<Vec<Verdict>, FormatError> {
    let path = format!("populations/{}.csv", control.id);
    let wrong = |why: String| FormatError::Package { path: path.clone(), why };
    let mut verdicts = Vec::new();
    for (row, record) in csv::Reader::from_reader(bytes(files, &path)?).deserialize().enumerate() {
        let (cell, word, reason, evidence): (String, String, String, String) =
            record.map_err(|why| wrong(format!("row {}: {why}", row + 1)))?;
        let finding = findings.get(&(control.id.as_str(), cell.clone())).copied();
        let subject = finding.and_then(|at| assessment.findings.get(at)).map_or_else(|| exact(&cell), |finding| finding.subject.clone());
        verdicts.push(Verdict { subject, word, reason: exact(&reason), evidence: exact(&evidence), finding });
    }
    if verdicts.len() != control.population {
        return Err(wrong(format!("it has {} rows, and {ASSESSMENT} says {}", verdicts.len(), control.population)));
    }
    Ok(verdicts)
}

/// What was in a cell before it was defused.
fn exact(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if escape::cell(rest) != rest => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

// What is read of `assessment.json`; `docs/report.md` says what the fields mean.

#[derive(Debug, Deserialize)]
pub struct Assessment {
    pub schema: String,
    pub tool: Tool,
    pub name: String,
    pub as_of: String,
    pub gate: String,
    pub outcome: Outcome,
    pub totals: Totals,
    pub tables: Vec<Table>,
    pub sources: Vec<Source>,
    pub files: Vec<File>,
    pub quarantine: Vec<Quarantined>,
    pub frameworks: Vec<Framework>,
    pub controls: Vec<Control>,
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    #[serde(default)]
    pub deselected: Vec<Deselected>,
    pub baseline: Option<Baseline>,
    pub findings: Vec<Finding>,
}

/// The accepted package that a run was held against.
#[derive(Debug, Deserialize)]
pub struct Baseline {
    pub vanished: Vec<Vanished>,
}

/// What it saw and is gone without proof.
#[derive(Debug, Deserialize)]
pub struct Vanished {
    pub control: String,
    pub what: String,
    pub why: String,
}

#[derive(Debug, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Deserialize)]
pub struct Outcome {
    pub word: String,
    pub exit: u8,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
pub struct Totals {
    pub controls: Counts,
    pub verdicts: Counts,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Counts {
    pub fail: usize,
    pub unknown: usize,
    #[serde(default)]
    pub waived: usize,
    pub pass: usize,
    pub not_applicable: usize,
}

#[derive(Debug, Deserialize)]
pub struct Table {
    pub name: String,
    pub rows: usize,
    pub complete: bool,
}

#[derive(Debug, Deserialize)]
pub struct Source {
    pub id: String,
    pub kind: String,
    pub system: Option<String>,
    pub required: bool,
    pub absent: bool,
    pub collected_at: Option<String>,
    pub max_age: String,
    pub fresh: bool,
    pub completeness: String,
    pub completeness_note: String,
    pub records: i64,
    pub expected_records: Option<i64>,
    pub quarantined: i64,
}

#[derive(Debug, Deserialize)]
pub struct File {
    pub path: String,
    pub source: String,
    pub sha256: String,
    pub original_sha256: String,
    pub redacted: usize,
    pub set_aside: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Quarantined {
    pub file: String,
    pub record: String,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
pub struct Framework {
    pub id: String,
    pub title: String,
    pub publisher: String,
    pub edition: String,
    pub url: String,
    pub attribution: String,
    pub requirements: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
pub struct Requirement {
    pub id: String,
    pub level: String,
    pub parent: Option<String>,
    pub title: String,
    pub status: String,
    pub satisfied: usize,
    pub controls: Vec<Mapped>,
    pub out_of_scope: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Mapped {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct Control {
    pub id: String,
    pub title: String,
    pub severity: String,
    pub status: String,
    pub subject: String,
    pub statement: String,
    pub risk: String,
    pub remediation: String,
    pub applies: Option<String>,
    pub assert: String,
    pub file: String,
    pub sha256: String,
    pub maps_to: Vec<Mapping>,
    pub params: Vec<Param>,
    pub population: usize,
    pub population_complete: bool,
    pub population_gaps: Vec<Reason>,
    pub counts: Counts,
}

#[derive(Debug, Deserialize)]
pub struct Mapping {
    pub framework: String,
    pub written: String,
    pub requirement: String,
    pub relationship: String,
    pub rationale: String,
}

#[derive(Debug, Deserialize)]
pub struct Param {
    pub name: String,
    pub value: String,
    pub default: String,
    pub min: Option<String>,
    pub max: Option<String>,
    pub basis: String,
    pub overridden: bool,
}

#[derive(Debug, Deserialize)]
pub struct Waiver {
    pub id: String,
    pub control: String,
    pub standing: String,
    pub why: String,
    pub reason: String,
    pub approver: String,
    pub approval: Option<String>,
    pub granted_at: String,
    pub expires_at: Option<String>,
    pub ticket: Option<String>,
    pub covered: Vec<String>,
    pub waived: Vec<String>,
    pub file: String,
}

#[derive(Debug, Deserialize)]
pub struct Deselected {
    pub id: String,
    pub title: String,
    pub severity: String,
    pub file: String,
    pub out_of_scope: Option<String>,
    #[serde(default)]
    pub narrowed: bool,
}

#[derive(Debug, Deserialize)]
pub struct Finding {
    pub id: String,
    pub control: String,
    pub subject: String,
    pub verdict: String,
    pub severity: String,
    pub observed: BTreeMap<String, String>,
    pub reasons: Vec<Reason>,
    pub evidence: Vec<Position>,
    #[serde(default)]
    pub waivers: Vec<String>,
    /// `known`, `new`: of a fail, where a baseline is in force.
    #[serde(default)]
    pub baseline: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Reason {
    pub word: String,
    pub detail: String,
}

#[derive(Debug, Deserialize)]
pub struct Position {
    pub source: String,
    pub file: String,
    pub record: String,
}
