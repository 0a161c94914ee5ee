//! The assessment performed again from a package's own inputs, and held against what the package says.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::{difference, referenced};
use crate::attest::account::Account;
use crate::attest::manifest::{self, GROWING};
use crate::attest::package::Manifest;
use crate::attest::{self};
use crate::cli::assessing::{Assessed, Given, assessed_again};
use crate::cli::progress;
use crate::cli::summary::{plural, printable};
use crate::evidence::FingerprintKey;
use crate::load;
use crate::model::assessment::{Assessment, ENGINE};
use crate::model::project::{Gate, Project};
use crate::model::salt::INPUTS;
use crate::model::table::REFERENCED;
use crate::report::{self, Rendered};

type Files = BTreeMap<String, Vec<u8>>;

/// Performs the assessment again and says what came of it; gives the project of the inputs, where they can be read.
/// `evidence`: where the exports are looked for that the package does not hold.
pub fn check(files: &Files, manifest: &Manifest, evidence: Option<&Path>, account: &mut Account) -> Option<Project> {
    let ours = manifest.engine.name == ENGINE.0 && manifest.engine.version == ENGINE.1;
    let (work, lacking) = match gathered(files, evidence) {
        Ok(gathered) => gathered,
        Err(why) => {
            account.failed(format!("the assessment cannot be performed again from `{INPUTS}`: {why:#}"));
            return None;
        }
    };
    if let Some(lacking) = lacking {
        account.failed(lacking);
        return load::packed(work.path()).ok().map(|(project, _)| project);
    }
    match performed(work.path(), files, ours) {
        Ok(Assessed { project, evidence, assessment, .. }) => {
            if !project.earlier.is_empty() {
                let roots: Vec<&str> = project.earlier.iter().map(|figures| figures.root.as_str()).collect();
                account.unchecked(format!("the figures of earlier assessments: hold them against the packages of {}", roots.join(", ")));
            }
            if ours {
                let again = progress::during(|watch| report::render(&assessment, &evidence, &project, watch));
                match rendered(again, assessment.as_of) {
                    Ok(again) => every_byte(files, &again, account),
                    Err(why) => account.failed(format!("the report cannot be made again: {why:#}")),
                }
            } else {
                verdicts(files, &assessment, manifest, account);
            }
            Some(project)
        }
        Err(why) => {
            account.failed(format!("the assessment cannot be performed again from `{INPUTS}`: {why:#}"));
            None
        }
    }
}

/// The inputs in a folder of our own; and what is not among them, so that nothing can be judged.
fn gathered(files: &Files, evidence: Option<&Path>) -> anyhow::Result<(tempfile::TempDir, Option<String>)> {
    let wanted = referenced::wanted(files)?;
    let work = unpacked(files)?;
    let Some(folder) = evidence else {
        let bytes: u64 = wanted.values().fold(0, |sum, file| sum.saturating_add(file.bytes));
        let lacking = || {
            format!(
                "the verdicts were not performed again: {} of {bytes} bytes are not in the package, which names them in `{INPUTS}{REFERENCED}`; give \
                 the folder that holds them with `--evidence DIR`",
                format_args!("{} {}", wanted.len(), plural("export", wanted.len()))
            )
        };
        return Ok((work, (!wanted.is_empty()).then(lacking)));
    };
    let missing = referenced::found(&wanted, folder, work.path())?;
    let lacking = missing.first().map(|first| {
        let first = format!("`{}`, SHA-256 {}", printable(first), wanted.get(first).map_or("", |file| &file.sha256));
        format!(
            "the verdicts were not performed again: {} of {} that the package names are not below {}: {first}{}",
            missing.len(),
            format_args!("{} {}", wanted.len(), plural("export", wanted.len())),
            folder.display(),
            if missing.len() > 1 { " and others" } else { "" }
        )
    });
    Ok((work, lacking))
}

/// The inputs judged: what was read is what is judged.
fn performed(work: &Path, files: &Files, ours: bool) -> anyhow::Result<Assessed> {
    // What was given on the command line is given again.
    let before: Value =
        serde_json::from_slice(files.get("assessment.json").map_or(&[][..], Vec::as_slice)).context("assessment.json is no JSON")?;
    let said = |name: &str| before.get(name).and_then(Value::as_str);
    let as_of = if said("as_of_from") == Some("argument") { said("as_of") } else { None };
    let gate = said("gate").and_then(Gate::from_word).context("assessment.json names no gate")?;
    let names = |list: &str| -> Vec<String> {
        let names = before["narrowed"][list].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (only, skip) = (names("only"), names("skip"));
    let given = Given {
        as_of,
        fail_on: Some(gate),
        // Those from before it had a gate of its own say nothing.
        fail_on_unknown: Some(
            said("gate_unknown").map_or(Some(gate), Gate::from_word).context("assessment.json names no gate for unknowns")?,
        ),
        only: &only,
        skip: &skip,
        ..Given::default()
    };
    // Secrets were replaced before they were packed: no key is needed, and none is made.
    let key = FingerprintKey::given(&[]);
    // Another version's controls are its own: those that it packed. Ours are compared with what was packed, byte by byte.
    assessed_again(work, &given, &key, !ours)?.context("its settings or controls cannot be used")
}

fn unpacked(files: &Files) -> anyhow::Result<tempfile::TempDir> {
    let work = tempfile::tempdir().context("no folder to work in")?;
    for (path, bytes) in files {
        let Some(below) = path.strip_prefix(INPUTS) else { continue };
        let target = work.path().join(below);
        std::fs::create_dir_all(target.parent().unwrap_or(Path::new("")))?;
        std::fs::write(target, bytes)?;
    }
    Ok(work)
}

fn rendered(again: Result<Rendered, report::ReportError>, as_of: crate::model::value::Time) -> anyhow::Result<Files> {
    let Rendered { files: mut again, digests } = again?;
    let manifest = attest::manifest(&again, &digests, as_of)?;
    again.insert(manifest::PATH.to_owned(), manifest);
    Ok(again)
}

fn every_byte(files: &Files, again: &Files, account: &mut Account) {
    let mut different = Vec::new();
    for (path, bytes) in again {
        match files.get(path) {
            None => different.push(format!("`{path}` should be there and is not")),
            Some(there) if there == bytes => {}
            Some(there) => different.push(match (path.as_str(), difference::first(there, bytes)) {
                ("assessment.json", Some(place)) => format!("`{path}` says otherwise than its inputs: {place}"),
                _ => format!("`{path}` differs from what its inputs give"),
            }),
        }
    }
    for path in files.keys().filter(|path| !path.starts_with(GROWING) && !again.contains_key(path.as_str())) {
        different.push(format!("`{path}` is there, and its inputs do not give it"));
    }
    if different.is_empty() {
        account.proved(format!("performed again from `{INPUTS}`, every byte of the {} files is the same", again.len()));
    }
    // What readers look at first comes first.
    different.sort_by_key(|line| !line.starts_with("`assessment.json`"));
    account.failed.extend(different);
}

/// A package of another version of the program: its verdicts must follow from its inputs; how it words them is its own.
fn verdicts(files: &Files, again: &Assessment, manifest: &Manifest, account: &mut Account) {
    let made_by = format!("{} {}", printable(&manifest.engine.name), printable(&manifest.engine.version));
    let different = verdict_differences(files, again);
    if different.is_empty() {
        let subjects: usize = again.controls.iter().map(|result| result.population.len()).sum();
        account.proved(format!(
            "performed again from `{INPUTS}` by {} {}: the status of all {} controls and the verdicts on all {subjects} subjects are the same",
            ENGINE.0,
            ENGINE.1,
            again.controls.len()
        ));
    }
    account.failed.extend(different);
    account.unchecked(format!(
        "how it is worded: the package was made by {made_by} and this is {} {}, so reports, reasons and observed values were not compared, and the \
         shipped controls, frameworks and mappings are those that the package holds",
        ENGINE.0, ENGINE.1
    ));
}

fn verdict_differences(files: &Files, again: &Assessment) -> Vec<String> {
    let mut found = Vec::new();
    let said: Value = files.get("assessment.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let mut compare = |what: String, there: &Value, again: Value| {
        if *there != again {
            found.push(format!("{what}: the package says {}, its inputs give {}", difference::short(there), difference::short(&again)));
        }
    };
    compare("as_of".to_owned(), &said["as_of"], again.as_of.to_string().into());
    compare("the outcome".to_owned(), &said["outcome"]["word"], again.outcome.word().into());
    let controls = said["controls"].as_array().map_or(&[][..], Vec::as_slice);
    compare(
        "the controls".to_owned(),
        &controls.iter().map(|control| control["id"].clone()).collect::<Vec<_>>().into(),
        again.controls.iter().map(|result| Value::from(result.control.id.as_str())).collect::<Vec<_>>().into(),
    );
    for (there, result) in controls.iter().zip(&again.controls) {
        compare(format!("control {}, its status", result.control.id), &there["status"], result.status.word().into());
        let complete = result.population_gaps.is_empty();
        compare(format!("control {}, its population being complete", result.control.id), &there["population_complete"], complete.into());
    }
    for result in &again.controls {
        let path = format!("populations/{}.csv", result.control.id);
        let rows = csv::Reader::from_reader(files.get(&path).map_or(&[][..], Vec::as_slice)).into_records();
        let there: Option<Vec<(String, String)>> =
            rows.map(|row| row.ok().and_then(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())))).collect();
        let mut expected = result.population.iter().map(|judged| (report::escape::cell(&judged.subject), judged.verdict.word()));
        let mut there = there.unwrap_or_default().into_iter();
        loop {
            let (there, again) = (there.next(), expected.next());
            let same = match (&there, &again) {
                (None, None) => break,
                (Some(there), Some(again)) => there.0 == again.0 && there.1 == again.1,
                _ => false,
            };
            if !same {
                let told = |subject: &str, verdict: &str| format!("{} {verdict}", printable(subject));
                let there = there.map_or_else(|| "no more subjects".to_owned(), |(subject, verdict)| told(&subject, &verdict));
                let again = again.map_or_else(|| "no more subjects".to_owned(), |(subject, verdict)| told(&subject, verdict));
                found.push(format!("control {}: the package says {there}, its inputs give {again}", result.control.id));
                break;
            }
        }
    }
    found
}
