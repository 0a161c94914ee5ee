//! What a reader's policy expects of an assessment: frameworks, controls, parameters, and how old the evidence may be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::difference::short;
use super::own;
use crate::attest::account::Account;
use crate::attest::policy::{Expect, Policy};
use crate::model::control::Param;
use crate::model::digest::sha256;
use crate::model::project::Project;
use crate::model::value::{Constant, Duration, Number, Time};

/// Holds the assessment against the policy. `project`: what the inputs of the package are.
///
/// # Errors
/// The reader's own project cannot be read.
pub fn check(policy: &Policy, files: &BTreeMap<String, Vec<u8>>, project: Option<&Project>, account: &mut Account) -> anyhow::Result<()> {
    let expect = &policy.expect;
    let said: Value = files.get("assessment.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    when(expect, &said, account);
    age(expect, &said, project, account);
    let Some(project) = project else {
        account.failed("what the policy expects of controls, parameters and frameworks: the inputs cannot be read");
        return Ok(());
    };
    named(expect, project, account);
    match &expect.project {
        Some(root) => own::check(root, project, time(&said["as_of"]), account)?,
        None => unasked(expect, project, account),
    }
    Ok(())
}

/// What only a project of the reader's could be held against.
fn unasked(expect: &Expect, project: &Project, account: &mut Account) {
    if expect.controls.is_empty() {
        account.unchecked(
            "whether the controls are those that you would use: the policy names neither a `project` of yours nor their digests",
        );
    }
    account.unchecked(format!(
        "whether you would accept what weighs on the verdicts and on how the run ends ({} waivers, what is out of scope, the gate, `required` and \
         `max-age` of the sources): the policy names no `project` of yours",
        project.waivers.len()
    ));
    for mapping in project.mappings.values().filter(|mapping| !mapping.is_shipped()) {
        let how = if mapping.replaces { "stands in place of the shipped one" } else { "is the operator's own" };
        account.unchecked(format!("source mapping `{}` in `{}` {how}: whether it drops what should be judged", mapping.kind, mapping.file));
    }
}

fn time(said: &Value) -> Option<Time> {
    said.as_str().and_then(|text| Time::parse(text).ok())
}

fn when(expect: &Expect, said: &Value, account: &mut Account) {
    let as_of = time(&said["as_of"]);
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

/// How old the evidence of each source was at `as_of`. A log is as old as the end of what it covers. What stands in the project itself, waivers and
/// attestations, was collected by nobody and has times of its own.
fn age(expect: &Expect, said: &Value, project: Option<&Project>, account: &mut Account) {
    let Some(limit) = expect.oldest_evidence else { return };
    let Some(as_of) = time(&said["as_of"]) else { return };
    let mut old = Vec::new();
    for source in said["sources"].as_array().into_iter().flatten() {
        let end = time(&source["covers"]["until"]).or_else(|| time(&source["collected_at"]));
        let id = source["id"].as_str().unwrap_or_default();
        if project.is_some_and(|project| !project.sources.iter().any(|collected| collected.id == id)) {
            continue;
        }
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
            Some(param) if is(param, value) => {}
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

/// Whether a parameter has this value, however it is written: a day is 24 hours.
fn is(param: &Param, value: &str) -> bool {
    match &param.value {
        Constant::Duration(there) => Duration::parse(value).as_ref() == Ok(there),
        Constant::Time(there) => Time::parse(value).as_ref() == Ok(there),
        Constant::Number(there) => Number::parse(value).as_ref() == Ok(there),
        Constant::Text(_) | Constant::Bool(_) | Constant::List(_) => param.written == value,
    }
}
