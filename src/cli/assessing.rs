//! What every command that reads evidence does first: the project, its evidence, the assessment.

use std::io::IsTerminal;
use std::path::Path;

use super::diagnostics;
use crate::evaluate::assess;
use crate::evidence::{self, FingerprintKey};
use crate::load;
use crate::model::assessment::Assessment;
use crate::model::project::{Gate, Project};
use crate::model::table::Evidence;
use crate::model::value::Time;

/// Reads a project and says on standard error what is wrong with it; `None`: it cannot be used.
pub fn load(root: &Path) -> Option<Project> {
    let colour = std::io::stderr().is_terminal();
    match load::project(root) {
        Ok((project, warnings)) => {
            if !warnings.list.is_empty() {
                eprint!("{}", diagnostics::render(&warnings, colour));
            }
            Some(project)
        }
        Err(problems) => {
            eprint!("{}", diagnostics::render(&problems, colour));
            None
        }
    }
}

/// Settings are packed as they are: what looks like a secret there stops everything.
///
/// # Errors
/// There is one; the place is named.
pub fn refuse_secrets(project: &Project) -> anyhow::Result<()> {
    match evidence::secret_in(&project.text) {
        Some(found) => anyhow::bail!(
            "tickmark.toml holds what looks like a secret: {found}; it would be packed into every report: take it out (a command gets secrets through `env`)"
        ),
        None => Ok(()),
    }
}

/// A project and its evidence.
pub struct Gathered {
    pub project: Project,
    pub evidence: Evidence,
    pub as_of: Time,
    /// `argument`, `configuration`, `evidence`.
    as_of_from: &'static str,
}

/// A project judged.
pub struct Assessed {
    pub project: Project,
    pub evidence: Evidence,
    pub assessment: Assessment,
    /// Nobody said as of when: the newest collection time counts.
    pub as_of_from_evidence: bool,
}

/// Reads a project and its evidence; `None`: it cannot be used, and standard error says why.
///
/// # Errors
/// A time that is none, evidence that cannot be read.
pub fn gathered(root: &Path, as_of: Option<&str>) -> anyhow::Result<Option<Gathered>> {
    let key = FingerprintKey::of(root);
    let gathered = gathered_with(root, as_of, &key)?;
    if let Some(path) = key.made() {
        eprintln!(
            "note: made {}: secrets in exports are replaced by fingerprints under it; keep it out of version control",
            path.display()
        );
    }
    Ok(gathered)
}

fn gathered_with(root: &Path, as_of: Option<&str>, key: &FingerprintKey) -> anyhow::Result<Option<Gathered>> {
    let asked = as_of.map(Time::parse).transpose().map_err(|why| anyhow::anyhow!("--as-of: {why}"))?;
    let Some(project) = load(root) else { return Ok(None) };
    refuse_secrets(&project)?;
    let request = evidence::Request { root, sources: &project.sources, mappings: &project.mappings, as_of: asked.or(project.as_of), key };
    let (evidence, as_of, from_evidence) = evidence::read(&request)?;
    let as_of_from = if from_evidence {
        "evidence"
    } else if asked.is_some() {
        "argument"
    } else {
        "configuration"
    };
    Ok(Some(Gathered { project, evidence, as_of, as_of_from }))
}

/// Reads and judges a project; `None`: it cannot be used, and standard error says why.
///
/// # Errors
/// As [`gathered`]; a condition beyond the limits.
pub fn assessed(root: &Path, as_of: Option<&str>, gate: Option<Gate>) -> anyhow::Result<Option<Assessed>> {
    gathered(root, as_of)?.map(|gathered| judged(gathered, gate)).transpose()
}

/// The same under a key that is given.
///
/// # Errors
/// As [`assessed`].
pub fn assessed_with(root: &Path, as_of: Option<&str>, gate: Option<Gate>, key: &FingerprintKey) -> anyhow::Result<Option<Assessed>> {
    gathered_with(root, as_of, key)?.map(|gathered| judged(gathered, gate)).transpose()
}

fn judged(gathered: Gathered, gate: Option<Gate>) -> anyhow::Result<Assessed> {
    let Gathered { mut project, evidence, as_of, as_of_from } = gathered;
    if let Some(gate) = gate {
        project.gate = gate;
    }
    let assessment = assess::assess(&assess::Request {
        name: &project.name,
        controls: &project.controls,
        deselected: &project.deselected,
        out_of_scope: &project.out_of_scope,
        frameworks: &project.frameworks,
        evidence: &evidence,
        as_of,
        as_of_from,
        gate: project.gate,
    })?;
    Ok(Assessed { project, evidence, assessment, as_of_from_evidence: as_of_from == "evidence" })
}
