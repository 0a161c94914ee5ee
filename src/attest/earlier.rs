//! An earlier assessment, from the part of its package that tells what was judged. The part proves by itself that it stands under the root: the
//! manifest gives the digests of all other files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::leaf;
use super::manifest::PATH;
use super::package::{self, Manifest};
use super::tree::Tree;
use crate::model::assessment::Counts;
use crate::model::baseline::{Earlier, EarlierControl, EarlierFail, EarlierGroup, EarlierSource};
use crate::model::digest::{hex, sha256};
use crate::model::salt::Salts;
use crate::model::trend::Figures;
use crate::model::value::Time;

type Files = BTreeMap<String, Vec<u8>>;

/// Where the project's own waivers and attestations are said to be collected from.
const PROJECT: &str = "project";
const ASSESSMENT: &str = "assessment.json";
const FINDINGS: &str = "findings.ndjson";
const POPULATIONS: &str = "populations/";

/// The part of a package that [`read`] needs.
#[must_use]
pub fn part(files: &Files) -> Files {
    let needed = |path: &str| matches!(path, PATH | ASSESSMENT | FINDINGS) || path.starts_with(POPULATIONS);
    files.iter().filter(|(path, _)| needed(path)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// What the part says, and the root that it stands under, hex.
///
/// # Errors
/// What is wrong with it, as a clause: a file is missing or is not the one that the manifest lists, or says nothing that can be read.
pub fn read(part: &Files) -> Result<(Earlier, String), String> {
    let manifest = package::read_manifest(part.get(PATH).ok_or("it has no manifest")?).map_err(|why| why.to_string())?;
    let root = root(&manifest, part)?;
    let said: Said = parsed(ASSESSMENT, part.get(ASSESSMENT).map_or(&[][..], Vec::as_slice))?;
    let mut controls: BTreeMap<String, EarlierControl> = BTreeMap::new();
    for control in said.controls {
        let path = format!("{POPULATIONS}{}.csv", control.id);
        let mut rows = csv::Reader::from_reader(part.get(&path).map_or(&[][..], Vec::as_slice));
        let mut failed = BTreeMap::new();
        for row in rows.records() {
            let row = row.map_err(|why| format!("{path}: {why}"))?;
            let waived = match row.get(1) {
                Some("fail") => false,
                Some("waived") => true,
                _ => continue,
            };
            let subject = package::of_cell(row.get(0).unwrap_or_default()).to_owned();
            // Rows of one id count together: one that nobody waived is an open fail.
            let entry = failed.entry(subject).or_insert_with(|| EarlierFail { waived, ..EarlierFail::default() });
            entry.waived &= waived;
        }
        controls.insert(control.id, EarlierControl { failed, groups: Vec::new() });
    }
    let findings = part.get(FINDINGS).map_or(&[][..], Vec::as_slice);
    for line in findings.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let finding: Finding = parsed(FINDINGS, line)?;
        let Some(control) = controls.get_mut(&finding.control) else { continue };
        match (&finding.group, finding.verdict.as_str()) {
            (Some(group), "fail") => {
                let first = group.first.as_deref().and_then(|first| Time::parse(first).ok());
                control.groups.push(EarlierGroup { id: finding.id, subject: finding.subject, count: group.count, first });
            }
            (None, "fail" | "waived") => {
                if let Some(fail) = control.failed.get_mut(&finding.subject) {
                    fail.id = Some(finding.id);
                }
            }
            _ => {}
        }
    }
    // What the project itself holds is no export: a waiver that is taken away hides nothing.
    let exports = said.sources.into_iter().filter(|source| source.collected_from.as_deref() != Some(PROJECT));
    let sources = exports.map(|source| EarlierSource { full: source.completeness == "full", id: source.id, absent: source.absent });
    let as_of = Time::parse(&said.as_of).map_err(|why| format!("{ASSESSMENT}: as_of: {why}"))?;
    Ok((Earlier { name: said.name, as_of, sources: sources.collect(), controls }, root))
}

/// The figures of a whole package, and the name of what it assessed.
///
/// # Errors
/// What is wrong with it, as a clause: a file is missing or is not the one that the manifest lists, or says nothing that can be read.
pub fn figures(files: &Files) -> Result<(String, Figures), String> {
    let manifest = package::read_manifest(files.get(PATH).ok_or("it has no manifest")?).map_err(|why| why.to_string())?;
    if let Some(difference) = package::differences(&manifest, files).into_iter().next() {
        return Err(difference);
    }
    let said: SaidTotals = parsed(ASSESSMENT, files.get(ASSESSMENT).map_or(&[][..], Vec::as_slice))?;
    let as_of = Time::parse(&said.as_of).map_err(|why| format!("{ASSESSMENT}: as_of: {why}"))?;
    let Totals { controls, verdicts } = said.totals;
    Ok((said.name, Figures { as_of, root: manifest.root, controls, verdicts }))
}

/// The root, from the files of the part and the manifest's word for the others.
fn root(manifest: &Manifest, part: &Files) -> Result<String, String> {
    for (path, bytes) in part.iter().filter(|(path, _)| path.as_str() != PATH) {
        let listed =
            manifest.listed().any(|(listed, length, digest)| listed == path && length == bytes.len() as u64 && digest == sha256(bytes));
        if !listed {
            return Err(format!("`{path}` is not the file that its manifest lists"));
        }
    }
    let salts = Salts::listed(manifest.listed().map(|(path, _, digest)| (path, digest)));
    let tree = leaf::tree(part, manifest.listed(), &salts, Tree::default()).map_err(|why| why.to_string())?;
    Ok(hex(&tree.root()))
}

fn parsed<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|why| format!("{path}: {why}"))
}

#[derive(Deserialize)]
struct Said {
    name: String,
    as_of: String,
    sources: Vec<Source>,
    controls: Vec<Control>,
}

#[derive(Deserialize)]
struct SaidTotals {
    name: String,
    as_of: String,
    totals: Totals,
}

#[derive(Deserialize)]
struct Totals {
    controls: Counts,
    verdicts: Counts,
}

#[derive(Deserialize)]
struct Source {
    id: String,
    absent: bool,
    completeness: String,
    collected_from: Option<String>,
}

#[derive(Deserialize)]
struct Control {
    id: String,
}

#[derive(Deserialize)]
struct Finding {
    id: String,
    control: String,
    subject: String,
    verdict: String,
    group: Option<Group>,
}

#[derive(Deserialize)]
struct Group {
    count: usize,
    first: Option<String>,
}
