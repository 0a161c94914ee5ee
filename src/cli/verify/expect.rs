//! What a reader's policy expects of an assessment: frameworks, controls, parameters, waivers, and how old the evidence may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::difference::short;
use crate::attest::account::Account;
use crate::attest::policy::{Expect, Policy};
use crate::load;
use crate::model::control::Control;
use crate::model::digest::sha256;
use crate::model::project::Project;
use crate::model::salt::INPUTS;
use crate::model::value::Time;

/// The folder of a project that holds its waivers.
const WAIVERS: &str = "waivers/";

/// Holds the assessment against the policy. `project`: what the inputs of the package are.
///
/// # Errors
/// The reader's own project cannot be read.
pub fn check(policy: &Policy, files: &BTreeMap<String, Vec<u8>>, project: Option<&Project>, account: &mut Account) -> anyhow::Result<()> {
    let expect = &policy.expect;
    let said: Value = files.get("assessment.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    when(expect, &said, account);
    age(expect, &said, account);
    let Some(project) = project else {
        account.failed("what the policy expects of controls, parameters and frameworks: the inputs cannot be read");
        return Ok(());
    };
    named(expect, project, account);
    match &expect.project {
        Some(root) => own(root, files, project, account)?,
        None if expect.controls.is_empty() => account.unchecked(
            "whether the controls are those that you would use: the policy names neither a `project` of yours nor their digests",
        ),
        None => {}
    }
    Ok(())
}

fn when(expect: &Expect, said: &Value, account: &mut Account) {
    let as_of = said["as_of"].as_str().and_then(|text| Time::parse(text).ok());
    let mut bound = |bound: Option<Time>, word: &str, holds: fn(Time, Time) -> bool| {
        let Some(bound) = bound else { return };
        match as_of {
            Some(as_of) if holds(as_of, bound) => account.proved(format!("it speaks of {as_of}, not {word} {bound}")),
            _ => account.failed(format!("it speaks of {}, {word} {bound}: outside of what the policy accepts", short(&said["as_of"]))),
        }
    };
    bound(expect.as_of_from, "before", |as_of, bound| as_of >= bound);
    bound(expect.as_of_until, "after", |as_of, bound| as_of <= bound);
}

/// How old the evidence of each source was at `as_of`. A log is as old as the end of what it covers.
fn age(expect: &Expect, said: &Value, account: &mut Account) {
    let Some(limit) = expect.oldest_evidence else { return };
    let time = |value: &Value| value.as_str().and_then(|text| Time::parse(text).ok());
    let Some(as_of) = time(&said["as_of"]) else { return };
    let mut old = Vec::new();
    for source in said["sources"].as_array().into_iter().flatten() {
        let end = time(&source["covers"]["until"]).or_else(|| time(&source["collected_at"]));
        let id = source["id"].as_str().unwrap_or_default();
        match end {
            Some(end) if as_of.0.saturating_sub(end.0) <= limit.0 => {}
            Some(end) => old.push(format!("the evidence of source `{id}` is of {end}: older than {limit} at {as_of}")),
            None => old.push(format!("source `{id}` does not say when it was collected")),
        }
    }
    if old.is_empty() {
        account.proved(format!("no source is older than {limit} at {as_of}"));
    }
    account.failed.extend(old);
}

fn named(expect: &Expect, project: &Project, account: &mut Account) {
    let before = account.failed.len();
    for id in &expect.frameworks {
        if !project.frameworks.iter().any(|framework| framework.id == *id) {
            account.failed(format!("framework `{id}` is expected, and was not assessed"));
        }
    }
    for (id, digest) in &expect.controls {
        match project.controls.iter().find(|control| control.id == *id) {
            None => account.failed(format!("control {id} is expected, and was not judged")),
            Some(control) if sha256(control.text.as_bytes()) == digest.to_lowercase() => {}
            Some(control) => {
                account.failed(format!("control {id} is another than expected: its digest is {}", sha256(control.text.as_bytes())));
            }
        }
    }
    for (name, value) in &expect.params {
        let param = name.split_once('.').and_then(|(id, param)| {
            project.controls.iter().find(|control| control.id == id)?.params.values().find(|there| there.name == param)
        });
        match param {
            Some(param) if param.written == *value => {}
            Some(param) => account.failed(format!("parameter {name} is {}, and {value} is expected", param.written)),
            None => account.failed(format!("parameter {name} is expected, and no control that was judged has it")),
        }
    }
    let asked = expect.frameworks.len() + expect.controls.len() + expect.params.len();
    if asked > 0 && account.failed.len() == before {
        account.proved(format!(
            "as expected: {} frameworks, {} controls by digest, {} parameters",
            expect.frameworks.len(),
            expect.controls.len(),
            expect.params.len()
        ));
    }
}

/// The operator's controls, parameters, mappings, waivers and frameworks beside the reader's own.
fn own(root: &Path, files: &BTreeMap<String, Vec<u8>>, theirs: &Project, account: &mut Account) -> anyhow::Result<()> {
    let Ok((ours, _)) = load::project(root) else {
        anyhow::bail!("{}: your own project cannot be used; `tickmark check --project {0}` says why", root.display());
    };
    let mut found = Vec::new();
    for mine in &ours.controls {
        let Some(control) = theirs.controls.iter().find(|control| control.id == mine.id) else {
            let left = theirs.deselected.iter().find(|left| left.control.id == mine.id);
            let declared = left.and_then(|left| left.out_of_scope.as_deref());
            found.push(match declared {
                _ if left.is_some_and(|left| left.narrowed) => format!("control {} was not judged: left out by the command line", mine.id),
                Some(reason) => format!("control {} was not judged: declared out of scope (\u{201c}{reason}\u{201d})", mine.id),
                None => format!("control {} was not judged: dropped", mine.id),
            });
            continue;
        };
        found.extend(changed(mine, control));
    }
    for framework in &ours.frameworks {
        match theirs.frameworks.iter().find(|there| there.id == framework.id) {
            None => found.push(format!("framework `{}` was not assessed", framework.id)),
            Some(there) if there.text != framework.text => found.push(format!("framework `{}` is another than yours", framework.id)),
            Some(_) => {}
        }
    }
    for one in theirs.mapping_files.iter().filter(|one| !ours.mapping_files.iter().any(|mine| mine.text == one.text)) {
        found.push(format!("requirements were added to controls: `{}` is none of yours", one.file));
    }
    for mine in ours.mapping_files.iter().filter(|mine| !theirs.mapping_files.iter().any(|one| one.text == mine.text)) {
        found.push(format!("requirements of yours are missing: those of `{}`", mine.file));
    }
    let accepted = waivers(root)?;
    for (path, bytes) in files.iter().filter(|(path, _)| path.strip_prefix(INPUTS).is_some_and(|below| below.starts_with(WAIVERS))) {
        if !accepted.contains(&sha256(bytes)) {
            found.push(format!("waivers were added: `{path}` is none of yours"));
        }
    }
    if found.is_empty() {
        account.proved(format!(
            "its controls, parameters, mappings, waivers and frameworks are those of your own project, {} controls",
            ours.controls.len()
        ));
    }
    account.failed.extend(found);
    let more: Vec<&str> = theirs
        .controls
        .iter()
        .filter(|control| !ours.controls.iter().any(|mine| mine.id == control.id))
        .map(|control| control.id.as_str())
        .collect();
    if !more.is_empty() {
        account.unchecked(format!("controls that your own project has not: {}", more.join(", ")));
    }
    Ok(())
}

/// What differs between two controls of one id; what a person reads and what tests it count as well, but last.
fn changed(mine: &Control, theirs: &Control) -> Vec<String> {
    let mut found = Vec::new();
    let id = &mine.id;
    let text =
        |control: &Control| control.applies.as_ref().map_or_else(|| "to every subject".to_owned(), |condition| condition.text.clone());
    let mut compare = |what: &str, mine: &str, theirs: &str| {
        if mine != theirs {
            found.push(format!("control {id}, its {what}: yours {}, theirs {}", short(&mine.into()), short(&theirs.into())));
        }
    };
    compare("severity", mine.severity.word(), theirs.severity.word());
    compare("applies", &text(mine), &text(theirs));
    compare("assert", &mine.assert.text, &theirs.assert.text);
    let names: BTreeSet<&str> = mine.params.values().chain(theirs.params.values()).map(|param| param.name.as_str()).collect();
    for name in names {
        let of = |control: &Control| {
            control.params.values().find(|param| param.name == name).map_or("none".to_owned(), |param| param.written.clone())
        };
        compare(&format!("parameter {name}"), &of(mine), &of(theirs));
    }
    if found.is_empty() && mine.text != theirs.text {
        found.push(format!(
            "control {id}: the condition is yours, and its file is another (mappings, prose, limits of parameters or tests)"
        ));
    }
    found
}

/// Digests of the reader's own waivers.
fn waivers(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let folder = root.join(WAIVERS);
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    let entries = std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    entries.map(|entry| Ok(sha256(&std::fs::read(entry?.path())?))).collect()
}
