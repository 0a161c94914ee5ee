//! What every command that reads evidence does first: the project, its evidence, the assessment.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::diagnostics;
use super::progress;
use super::summary::printable;
use super::terminal;
use crate::attest::{earlier, package};
use crate::evaluate::{LimitError, assess, waivers};
use crate::evidence::{self, EvidenceError, FingerprintKey};
use crate::load;
use crate::model::assessment::Assessment;
use crate::model::attestation::Attestation;
use crate::model::baseline::{ACCEPTED, Accepted, Baseline, PACKED};
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::project::{Gate, Project};
use crate::model::table::{Evidence, Why};
use crate::model::trend::{self, Figures};
use crate::model::value::Time;
use crate::model::waiver::{Expanded, Scope, Waiver};

/// Reads a project and says on standard error what is wrong with it; `None`: it cannot be used.
pub fn load(root: &Path) -> Option<Project> {
    told(load::judging(root))
}

/// As [`load`], with the tests of every control.
pub fn load_tested(root: &Path) -> Option<Project> {
    told(load::project(root))
}

fn told(read: Result<(Project, Diagnostics), Diagnostics>) -> Option<Project> {
    let colour = terminal::colour_on_errors();
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

/// What the command line may say beside `tickmark.toml`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    pub as_of: Option<&'a str>,
    pub fail_on: Option<Gate>,
    pub fail_on_unknown: Option<Gate>,
    pub only: &'a [String],
    pub skip: &'a [String],
    /// Hold the run against the project's baseline, whose package lies where `baseline.toml` says, or here.
    pub baseline: Option<Option<&'a Path>>,
    /// Earlier packages of the project, whose figures the report shows beside its own.
    pub earlier: &'a [PathBuf],
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
    let gathered = gathered_with(root, as_of, &key, load::judging)?;
    if let Some(path) = key.made().filter(|_| !terminal::quiet()) {
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
    terminal::done("project read");
    let request = evidence::Request::of(root, &project, asked.or(project.as_of), key, load::shipped_mappings);
    let read = progress::during(|watch| evidence::read(&evidence::Request { watch, ..request }));
    let (evidence, as_of, from_evidence) = match read {
        Err(EvidenceError::Filter(problems)) => {
            eprint!("{}", diagnostics::render(&problems, terminal::colour_on_errors()));
            return Ok(None);
        }
        read => read?,
    };
    terminal::done("evidence read");
    project.controls.iter_mut().flat_map(|control| control.params.values_mut()).for_each(|param| param.lapse(as_of));
    project.gating.lapse(as_of, |approver| evidence.knows_party(approver));
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
pub fn assessed(root: &Path, given: &Given) -> anyhow::Result<Option<Assessed>> {
    let Some(mut gathered) = gathered(root, given.as_of)? else { return Ok(None) };
    if let Some(package) = given.baseline {
        let Some(baseline) = baseline(root, package)? else { return Ok(None) };
        gathered.project.baseline = Some(baseline);
    }
    gathered.project.earlier = figures(given.earlier, &gathered.project.name, gathered.as_of)?;
    judged(gathered, given).map(Some)
}

/// The same from the inputs of a package, under a key that is given; `packed`: with the shipped controls that the package holds, not this program's.
///
/// # Errors
/// As [`assessed`].
pub fn assessed_again(root: &Path, given: &Given, key: &FingerprintKey, packed: bool) -> anyhow::Result<Option<Assessed>> {
    let load = if packed { load::packed } else { load::judging };
    let Some(mut gathered) = gathered_with(root, given.as_of, key, load)? else { return Ok(None) };
    // A package holds it only where the run was held against it.
    if root.join(ACCEPTED).exists() {
        let Some(accepted) = told_baseline(load::baseline(root)) else { return Ok(None) };
        gathered.project.baseline = Some(held(accepted, &root.join(PACKED))?);
    }
    if let Ok(bytes) = std::fs::read(root.join(trend::EARLIER)) {
        gathered.project.earlier = trend::parsed(&bytes).context(trend::EARLIER)?.unwrap_or_default();
    }
    judged(gathered, given).map(Some)
}

/// What earlier packages of the project came to, by time.
fn figures(packages: &[PathBuf], name: &str, as_of: Time) -> anyhow::Result<Vec<Figures>> {
    let mut all = Vec::new();
    for path in packages {
        let files = package::files(path)?;
        let (of, figures) = earlier::figures(&files).map_err(|why| anyhow::anyhow!("the earlier package {}: {why}", path.display()))?;
        if of != name {
            anyhow::bail!("{} is of `{}`, and this project is called `{name}`: a trend is of one project", path.display(), printable(&of));
        }
        if figures.as_of >= as_of {
            anyhow::bail!("{} speaks of {}, which is not before this assessment, of {as_of}", path.display(), figures.as_of);
        }
        all.push(figures);
    }
    trend::sorted(&mut all);
    Ok(all)
}

/// The project's baseline; `None`: it cannot be used, and standard error says why. `package`: where its package lies, if not where the file says.
fn baseline(root: &Path, package: Option<&Path>) -> anyhow::Result<Option<Baseline>> {
    if !root.join(ACCEPTED).exists() {
        anyhow::bail!(
            "nobody accepted a baseline: the project has no {}; `tickmark baseline PACKAGE --approver … --reason … --until …` writes it",
            ACCEPTED
        );
    }
    let Some(accepted) = told_baseline(load::baseline(root)) else { return Ok(None) };
    let package = package.map_or_else(|| root.join(&accepted.package), Path::to_owned);
    held(accepted, &package).map(Some)
}

fn told_baseline(read: Result<Accepted, Diagnostics>) -> Option<Accepted> {
    let problems = match read {
        Ok(accepted) => return Some(accepted),
        Err(problems) => problems,
    };
    eprint!("{}", diagnostics::render(&problems, terminal::colour_on_errors()));
    None
}

/// What the gate needs of the accepted package.
fn held(accepted: Accepted, package: &Path) -> anyhow::Result<Baseline> {
    let all = package::files(package).context("the baseline's package")?;
    package::manifest(package, &all).context("the baseline's package")?;
    let files = earlier::part(&all);
    let earlier = earlier::read(&files).and_then(|(earlier, root)| match root == accepted.root {
        true => Ok(earlier),
        false => Err(format!("its root is {root}, and {} was accepted", accepted.root)),
    });
    Ok(Baseline { accepted, files, earlier })
}

fn judged(gathered: Gathered, given: &Given) -> anyhow::Result<Assessed> {
    let Gathered { mut project, evidence, waivers, as_of, as_of_from } = gathered;
    if let Some(gate) = given.fail_on {
        project.gating.fail = gate;
    }
    project.gating.fail_on_unknown = given.fail_on_unknown.or(project.gating.fail_on_unknown);
    load::narrow(&mut project, given.only, given.skip).map_err(anyhow::Error::msg)?;
    let told = project.out_of_scope_told(|approver| evidence.knows_party(approver));
    let request = |watch| assess::Request {
        name: &project.name,
        controls: &project.controls,
        deselected: &project.deselected,
        out_of_scope: &project.out_of_scope,
        out_of_scope_told: told.as_deref(),
        frameworks: &project.frameworks,
        waivers: &waivers,
        evidence: &evidence,
        as_of,
        as_of_from,
        gating: &project.gating,
        narrowed: project.narrowed.as_ref(),
        baseline: project.baseline.as_ref(),
        watch,
    };
    let assessment = progress::during(|watch| assess::assess(&request(watch)))?;
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
        eprint!("{}", diagnostics::render(found, terminal::colour_on_errors()));
    }
    found.has_errors()
}
