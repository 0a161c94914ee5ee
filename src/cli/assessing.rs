//! What every command that reads evidence does first: the project, its evidence, the assessment.

use std::io::IsTerminal;
use std::path::Path;

use super::diagnostics;
use super::summary::printable;
use crate::evaluate::{LimitError, assess, waivers};
use crate::evidence::{self, EvidenceError, FingerprintKey};
use crate::load;
use crate::model::assessment::Assessment;
use crate::model::attestation::Attestation;
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::project::{Gate, Project};
use crate::model::table::{Evidence, Why};
use crate::model::value::Time;
use crate::model::waiver::{Expanded, Scope, Waiver};

/// Reads a project and says on standard error what is wrong with it; `None`: it cannot be used.
pub fn load(root: &Path) -> Option<Project> {
    told(load::project(root))
}

fn told(read: Result<(Project, Diagnostics), Diagnostics>) -> Option<Project> {
    let colour = std::io::stderr().is_terminal();
    match read {
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
    waivers: Vec<Expanded>,
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
    let gathered = gathered_with(root, as_of, &key, load::project)?;
    if let Some(path) = key.made() {
        eprintln!(
            "note: made {}: secrets in exports are replaced by fingerprints under it; keep it out of version control",
            path.display()
        );
    }
    for remark in gathered.iter().flat_map(|gathered| &gathered.evidence.remarks) {
        eprintln!("warning: {}", printable(remark));
    }
    for control in gathered.iter().flat_map(|gathered| &gathered.project.controls) {
        for (param, looser) in control.params.values().filter_map(|param| Some((param, param.looser.as_ref()?))) {
            if let (Some(ended), Some(until)) = (&looser.ended, looser.until) {
                let (id, name, default) = (&control.id, &param.name, &param.default);
                eprintln!("warning: {id}.{name}: {} ended at {until}, and the default, {default}, counts again", printable(ended));
            }
        }
    }
    Ok(gathered)
}

/// How a folder becomes a project.
type Load = fn(&Path) -> Result<(Project, Diagnostics), Diagnostics>;

fn gathered_with(root: &Path, as_of: Option<&str>, key: &FingerprintKey, load: Load) -> anyhow::Result<Option<Gathered>> {
    let asked = as_of.map(Time::parse).transpose().map_err(|why| anyhow::anyhow!("--as-of: {why}"))?;
    let Some(mut project) = told(load(root)) else { return Ok(None) };
    refuse_secrets(&project)?;
    let request = evidence::Request::of(root, &project, asked.or(project.as_of), key, load::shipped_mappings);
    let (evidence, as_of, from_evidence) = match evidence::read(&request) {
        Err(EvidenceError::Filter(problems)) => {
            eprint!("{}", diagnostics::render(&problems, std::io::stderr().is_terminal()));
            return Ok(None);
        }
        read => read?,
    };
    project.controls.iter_mut().flat_map(|control| control.params.values_mut()).for_each(|param| param.lapse(as_of));
    let (evidence, waivers) = excused(&project.waivers, evidence, as_of)?;
    let unknown = [unknown_subjects(&waivers, &evidence), unknown_signers(&project.attestations, &evidence, as_of)];
    if unknown.contains(&true) {
        return Ok(None);
    }
    let as_of_from = if from_evidence {
        "evidence"
    } else if asked.is_some() {
        "argument"
    } else {
        "configuration"
    };
    Ok(Some(Gathered { project, evidence, waivers, as_of, as_of_from }))
}

/// Reads and judges a project; `None`: it cannot be used, and standard error says why.
///
/// # Errors
/// As [`gathered`]; a condition beyond the limits.
pub fn assessed(root: &Path, as_of: Option<&str>, gate: Option<Gate>) -> anyhow::Result<Option<Assessed>> {
    gathered(root, as_of)?.map(|gathered| judged(gathered, gate)).transpose()
}

/// The same from the inputs of a package, under a key that is given; `packed`: with the shipped controls that the package holds, not this program's.
///
/// # Errors
/// As [`assessed`].
pub fn assessed_again(
    root: &Path,
    as_of: Option<&str>,
    gate: Gate,
    key: &FingerprintKey,
    packed: bool,
) -> anyhow::Result<Option<Assessed>> {
    let load = if packed { load::packed } else { load::project };
    gathered_with(root, as_of, key, load)?.map(|gathered| judged(gathered, Some(gate))).transpose()
}

fn judged(gathered: Gathered, gate: Option<Gate>) -> anyhow::Result<Assessed> {
    let Gathered { mut project, evidence, waivers, as_of, as_of_from } = gathered;
    if let Some(gate) = gate {
        project.gate = gate;
    }
    let assessment = assess::assess(&assess::Request {
        name: &project.name,
        controls: &project.controls,
        deselected: &project.deselected,
        out_of_scope: &project.out_of_scope,
        frameworks: &project.frameworks,
        waivers: &waivers,
        evidence: &evidence,
        as_of,
        as_of_from,
        gate: project.gate,
    })?;
    Ok(Assessed { project, evidence, assessment, as_of_from_evidence: as_of_from == "evidence" })
}

/// Whom each waiver excuses, and the evidence with their rows.
///
/// # Errors
/// A scope's subquery would look at too many pairs.
pub fn excused(waivers: &[Waiver], evidence: Evidence, as_of: Time) -> Result<(Evidence, Vec<Expanded>), LimitError> {
    let expanded = waivers::expand(waivers, &evidence, as_of)?;
    let file_of = |path: &str| evidence.files.iter().position(|file| file.path == path).and_then(|at| u32::try_from(at).ok());
    let rows = waivers::rows(&expanded, |path| file_of(path).unwrap_or(u32::MAX));
    Ok((evidence::with_waivers(evidence, rows), expanded))
}

/// Of one waiver, how many names that the evidence does not hold are told apart.
const STRANGERS: usize = 20;

/// Says which live waivers name subjects that no row holds; true if one of them is an error: a source of the subject's table
/// that yielded nothing may have held it.
fn unknown_subjects(waivers: &[Expanded], evidence: &Evidence) -> bool {
    let mut found = Diagnostics::default();
    for one in waivers.iter().filter(|one| one.barred.is_none()) {
        let Scope::Subjects(named) = &one.waiver.scope else { continue };
        let Some(table) = evidence.tables.get(one.waiver.subject) else { continue };
        if one.missing.is_empty() {
            continue;
        }
        let ids = evidence::ids(evidence, one.waiver.subject);
        let absent = table.gaps.iter().any(|gap| gap.why == Why::Absent);
        for (told, at) in one.missing.iter().enumerate().take(STRANGERS + 1) {
            let Some((id, span)) = named.get(*at) else { continue };
            let near = ids.iter().find(|there| !there.is_empty() && (there.ends_with(id.as_str()) || id.ends_with(**there)));
            let (others, what) = (one.missing.len() - told, table.schema.name);
            let message = match told {
                STRANGERS if others > 1 => format!("the evidence holds no {what} `{id}`, nor {} more that the waiver names", others - 1),
                _ => format!("the evidence holds no {what} `{id}`"),
            };
            found.texts.insert(one.waiver.file.clone(), one.waiver.text.clone());
            found.list.push(Diagnostic {
                code: Code::WaiverSubject,
                level: if absent { Level::Warning } else { Level::Error },
                message,
                file: one.waiver.file.clone(),
                span: Some(span.clone()),
                label: "no such subject".to_owned(),
                help: match near {
                    Some(there) => format!("there is `{there}`"),
                    None => format!("populations/{}.csv of a report lists every subject; remove what is gone", one.waiver.control),
                },
            });
        }
    }
    said(&found)
}

/// Says which live attestations of the project are by a party, or of a subject, that no row holds; true if one of them is an error:
/// a table that is not known to be complete may lack it.
fn unknown_signers(attestations: &[Attestation], evidence: &Evidence, as_of: Time) -> bool {
    let mut found = Diagnostics::default();
    for one in attestations.iter().filter(|one| one.at <= as_of && one.valid_until.is_none_or(|until| as_of < until)) {
        let names =
            [("party", &one.by, &one.by_at, "no such party"), (&one.subject_kind, &one.subject, &one.subject_at, "no such subject")];
        for (kind, id, span, label) in names {
            let Some(table) = evidence.table(kind).filter(|table| table.find(id).is_none()) else { continue };
            found.texts.insert(one.file.clone(), one.text.clone());
            found.list.push(Diagnostic {
                code: Code::AttestationUnknown,
                level: if table.is_complete(false) { Level::Error } else { Level::Warning },
                message: format!("the evidence holds no {kind} `{id}`, so that the attestation counts for nothing"),
                file: one.file.clone(),
                span: Some(span.clone()),
                label: label.to_owned(),
                help: "name it as the evidence does; remove what is gone".to_owned(),
            });
        }
    }
    said(&found)
}

/// Says what was found on standard error; true if there is an error.
fn said(found: &Diagnostics) -> bool {
    if !found.list.is_empty() {
        eprint!("{}", diagnostics::render(found, std::io::stderr().is_terminal()));
    }
    found.has_errors()
}
