//! What a package says, as far as two of them are compared.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attest::package;

/// What one is called.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    pub name: String,
    pub as_of: String,
    pub engine: String,
    pub root: String,
}

/// A package.
#[derive(Debug)]
pub struct Package {
    pub head: Head,
    /// By id.
    pub controls: BTreeMap<String, Control>,
    /// Controls that were not judged: id → why.
    pub left_out: BTreeMap<String, String>,
    /// By id.
    pub waivers: BTreeMap<String, Waiver>,
    pub sources: Vec<Source>,
    /// Name → value, as printed.
    pub settings: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Control {
    id: String,
    pub sha256: String,
    pub severity: String,
    pub status: String,
    pub params: Vec<Param>,
    pub population: usize,
    pub population_complete: bool,
    /// Subject → what it came to.
    #[serde(skip)]
    pub verdicts: BTreeMap<String, Judged>,
}

/// What a subject came to.
#[derive(Debug, Default)]
pub struct Judged {
    pub verdict: String,
    /// Of its finding, where it has one of its own.
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Param {
    pub name: String,
    pub value: String,
    pub looser: Option<Value>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Waiver {
    id: String,
    pub control: String,
    pub standing: String,
    pub expires_at: Option<String>,
    reason: String,
    approver: String,
    r#where: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Source {
    pub id: String,
    pub system: Option<String>,
    pub absent: bool,
    pub fresh: bool,
    pub completeness: String,
    collected_from: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    schema: String,
    name: String,
    as_of: String,
    gate: String,
    gate_unknown: Option<String>,
    #[serde(default)]
    gate_overrides: Vec<Override>,
    narrowed: Option<Value>,
    baseline: Option<Value>,
    controls: Vec<Control>,
    #[serde(default)]
    waivers: Vec<Waiver>,
    deselected: Vec<Deselected>,
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Override {
    control: String,
    gate: String,
}

#[derive(Deserialize)]
struct Deselected {
    id: String,
    out_of_scope: Option<String>,
    #[serde(default)]
    narrowed: bool,
}

#[derive(Deserialize)]
struct Finding {
    id: Option<String>,
    control: String,
    subject: String,
    group: Option<Value>,
}

const SCHEMA: &str = "tickmark/assessment/1";

impl Package {
    /// Reads one that is whole.
    ///
    /// # Errors
    /// It cannot be read, is not whole, or is of another schema.
    pub fn read(path: &Path) -> anyhow::Result<Package> {
        let files = package::files(path)?;
        let manifest = package::manifest(path, &files)?;
        if let Some(first) = package::differences(&manifest, &files).first() {
            anyhow::bail!("{} is not whole, so nothing is compared: {first}", path.display());
        }
        let bytes = |name: &str| files.get(name).map_or(&[][..], Vec::as_slice);
        let of = |name: &str| format!("{}: {name}", path.display());
        let said: Said = serde_json::from_slice(bytes("assessment.json")).with_context(|| of("assessment.json"))?;
        anyhow::ensure!(said.schema == SCHEMA, "{}: its schema is `{}`; this program compares `{SCHEMA}`", path.display(), said.schema);
        let mut settings = BTreeMap::from([
            ("name".to_owned(), said.name.clone()),
            ("gate".to_owned(), said.gate.clone()),
            ("gate for unknowns".to_owned(), said.gate_unknown.unwrap_or(said.gate)),
        ]);
        settings.extend(said.gate_overrides.into_iter().map(|there| (format!("gate of {}", there.control), there.gate)));
        if let Some(narrowed) = &said.narrowed {
            settings.insert("narrowed".to_owned(), format!("only {}, skip {}", narrowed["only"], narrowed["skip"]));
        }
        if let Some(baseline) = &said.baseline {
            let text = |name: &str| baseline[name].as_str().unwrap_or_default().to_owned();
            settings.insert("baseline".to_owned(), format!("{} ({})", text("root"), text("standing")));
        }
        let left_out = said.deselected.into_iter().map(|left| {
            let why = match (left.out_of_scope, left.narrowed) {
                (Some(reason), _) => format!("out of scope: {reason}"),
                (None, true) => "left out by the command line".to_owned(),
                (None, false) => "not selected".to_owned(),
            };
            (left.id, why)
        });
        let mut controls: BTreeMap<String, Control> = BTreeMap::new();
        for mut control in said.controls {
            let name = format!("populations/{}.csv", control.id);
            for row in csv::Reader::from_reader(bytes(&name)).records() {
                let row = row.with_context(|| of(&name))?;
                let subject = package::of_cell(row.get(0).unwrap_or_default()).to_owned();
                let verdict = row.get(1).unwrap_or_default().to_owned();
                let there = control.verdicts.entry(subject).or_default();
                // Rows of one id count together: the worst of them.
                if there.verdict.is_empty() || gravity(&verdict) > gravity(&there.verdict) {
                    there.verdict = verdict;
                }
            }
            controls.insert(control.id.clone(), control);
        }
        for line in bytes("findings.ndjson").split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let finding: Finding = serde_json::from_slice(line).with_context(|| of("findings.ndjson"))?;
            let judged = controls.get_mut(&finding.control).and_then(|control| control.verdicts.get_mut(&finding.subject));
            if let Some(judged) = judged {
                judged.id = finding.id.filter(|_| finding.group.is_none());
            }
        }
        let engine = format!("{} {}", manifest.engine.name, manifest.engine.version);
        Ok(Package {
            head: Head { name: said.name, as_of: said.as_of, engine, root: manifest.root },
            controls,
            left_out: left_out.collect(),
            waivers: said.waivers.into_iter().map(|waiver| (waiver.id.clone(), waiver)).collect(),
            // The project's own waivers are told as such.
            sources: said.sources.into_iter().filter(|source| source.collected_from.as_deref() != Some("project")).collect(),
            settings,
        })
    }
}

/// Worse is more.
fn gravity(verdict: &str) -> u8 {
    ["pass", "not-applicable", "waived", "unknown", "fail"].iter().position(|word| *word == verdict).map_or(5, |at| at as u8)
}

/// More severe is more.
pub fn rank(severity: &str) -> Option<crate::model::control::Severity> {
    crate::model::control::Severity::from_word(severity)
}
