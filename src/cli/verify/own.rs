//! A reader's own project beside the one that was judged: what was dropped, weakened or added, and what is stricter.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::difference::short;
use crate::attest::account::Account;
use crate::load;
use crate::model::baseline::ACCEPTED;
use crate::model::control::Control;
use crate::model::project::{Gating, Override, Project, SourceConfig};
use crate::model::value::Time;

/// Holds the operator's project against the reader's, which lies in a folder.
///
/// # Errors
/// The reader's project cannot be used; the path is named.
pub fn check(root: &Path, theirs: &Project, as_of: Option<Time>, account: &mut Account) -> anyhow::Result<()> {
    let Ok((mut ours, _)) = load::judging(root) else {
        anyhow::bail!("{}: your own project cannot be used; `tickmark check --project {0}` says why", root.display());
    };
    // Theirs is as it stood at that time: what had ended by then counts in neither.
    if let Some(as_of) = as_of {
        ours.controls.iter_mut().flat_map(|control| control.params.values_mut()).for_each(|param| param.lapse(as_of));
        // Who may take a control off the gate the reader has decided.
        ours.gating.lapse(as_of, |_| true);
    }
    let (mut found, mut stricter) = (Vec::new(), Vec::new());
    controls(&ours, theirs, &mut found, &mut stricter);
    for framework in &ours.frameworks {
        match theirs.frameworks.iter().find(|there| there.id == framework.id) {
            None => found.push(format!("framework `{}` was not assessed", framework.id)),
            Some(there) if there.text != framework.text => found.push(format!("framework `{}` is another than yours", framework.id)),
            Some(_) => {}
        }
    }
    for ((framework, id), declared) in theirs.out_of_scope.iter().filter(|(requirement, _)| !ours.out_of_scope.contains_key(*requirement)) {
        found.push(format!("requirement {id} of `{framework}` was declared out of scope (\u{201c}{}\u{201d})", declared.told()));
    }
    for one in theirs.mapping_files.iter().filter(|one| !ours.mapping_files.iter().any(|mine| mine.text == one.text)) {
        found.push(format!("requirements were added to controls: `{}` is none of yours", one.file));
    }
    for mine in ours.mapping_files.iter().filter(|mine| !theirs.mapping_files.iter().any(|one| one.text == mine.text)) {
        found.push(format!("requirements of yours are missing: those of `{}`", mine.file));
    }
    // What a waiver's approval is, its file says by digest.
    let accepted: BTreeSet<&str> = ours.waivers.iter().map(|waiver| waiver.text.as_str()).collect();
    for waiver in theirs.waivers.iter().filter(|waiver| !accepted.contains(waiver.text.as_str())) {
        found.push(format!("waivers were added: {} in `{}` is none of yours", waiver.id, waiver.file));
    }
    mappings(root, theirs, &mut found)?;
    let unknown = sources(&ours, theirs, &mut found);
    found.extend(gate(&ours, theirs));
    if let Some(baseline) = &theirs.baseline {
        let path = root.join(ACCEPTED);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&baseline.accepted.text) {
            found.push(format!("the gate passes over what an earlier package holds: their {ACCEPTED} is none of yours"));
        }
    }
    if found.is_empty() {
        account.proved(format!(
            "its controls, frameworks and mappings are those of your own project, {} controls; its parameters, waivers, scope and gate are the same \
             or stricter",
            ours.controls.len()
        ));
    }
    stricter.into_iter().for_each(|line| account.proved(line));
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
    let attested: Vec<&str> = theirs
        .attestations
        .iter()
        .filter(|one| !ours.attestations.iter().any(|mine| mine.text == one.text))
        .map(|one| one.id.as_str())
        .collect();
    if !attested.is_empty() {
        account.unchecked(format!("attestations that your own project has not: {}", attested.join(", ")));
    }
    unknown.into_iter().for_each(|line| account.unchecked(line));
    account.unchecked(
        "what they say of the sources beside that: which files, when collected, who vouches that they are complete, `systems`, `facts`, `covers`, `not-secret`",
    );
    Ok(())
}

fn controls(ours: &Project, theirs: &Project, found: &mut Vec<String>, stricter: &mut Vec<String>) {
    for mine in &ours.controls {
        let Some(control) = theirs.controls.iter().find(|control| control.id == mine.id) else {
            let left = theirs.deselected.iter().find(|left| left.control.id == mine.id);
            let declared = left.and_then(|left| left.out_of_scope.as_ref());
            found.push(match declared {
                _ if left.is_some_and(|left| left.narrowed) => format!("control {} was not judged: left out by the command line", mine.id),
                Some(declared) => {
                    format!("control {} was not judged: declared out of scope (\u{201c}{}\u{201d})", mine.id, declared.told())
                }
                None => format!("control {} was not judged: dropped", mine.id),
            });
            continue;
        };
        changed(mine, control, found, stricter);
    }
}

/// What differs between two controls of one id; what a person reads and what tests it count as well, but last.
fn changed(mine: &Control, theirs: &Control, found: &mut Vec<String>, stricter: &mut Vec<String>) {
    let before = found.len();
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
    let names: BTreeSet<&String> = mine.params.keys().chain(theirs.params.keys()).collect();
    for name in names {
        let what = |param: &str| format!("parameter {param}");
        match (mine.params.get(name), theirs.params.get(name)) {
            (Some(mine), Some(theirs)) if mine.value == theirs.value => {}
            (Some(mine), Some(theirs)) if !load::is_looser(mine, &theirs.value) => stricter.push(format!(
                "control {id}, its {} is stricter than yours: yours {}, theirs {}",
                what(&mine.name),
                short(&mine.written.as_str().into()),
                short(&theirs.written.as_str().into())
            )),
            (Some(mine), Some(theirs)) => compare(&what(&mine.name), &mine.written, &theirs.written),
            (Some(mine), None) => compare(&what(&mine.name), &mine.written, "none"),
            (None, Some(theirs)) => compare(&what(&theirs.name), "none", &theirs.written),
            (None, None) => {}
        }
    }
    if found.len() == before && mine.text != theirs.text {
        found.push(format!(
            "control {id}: the condition is yours, and its file is another (mappings, prose, limits of parameters or tests)"
        ));
    }
}

/// Every mapping in use must read exports as the reader's does: that of their project, or else the one that ships with their program.
fn mappings(root: &Path, theirs: &Project, found: &mut Vec<String>) -> anyhow::Result<()> {
    for (kind, mapping) in &theirs.mappings {
        let path = root.join(format!("sources/{kind}.toml"));
        let shipped = || load::shipped_mappings().iter().find(|shipped| shipped.kind == *kind).map(|shipped| shipped.text.clone());
        let (mine, whose) = if path.symlink_metadata().is_ok() {
            let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            (Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)), "that of your project")
        } else {
            (shipped(), "the shipped one")
        };
        match mine {
            None => found.push(format!("source mapping `{kind}` in `{}` is none of yours: what it drops nobody judges", mapping.file)),
            Some(mine) if mine == mapping.text => {}
            Some(_) => {
                found.push(format!("source mapping `{kind}` in `{}` is another than {whose}: what it drops nobody judges", mapping.file))
            }
        }
    }
    Ok(())
}

/// Sources of the reader's that are not there, or may be older or missing; gives what is looser than the default in those that the reader has not.
fn sources(ours: &Project, theirs: &Project, found: &mut Vec<String>) -> Vec<String> {
    for mine in &ours.sources {
        let Some(there) = theirs.sources.iter().find(|there| there.id == mine.id) else {
            found.push(format!("source `{}` of your project is not there", mine.id));
            continue;
        };
        let kind =
            |source: &SourceConfig| [Some(source.kind.as_str()), source.table.as_deref()].map(|word| word.unwrap_or_default()).join(" ");
        if kind(mine) != kind(there) {
            found.push(format!("source `{}` is of another kind: yours {}, theirs {}", mine.id, kind(mine).trim(), kind(there).trim()));
        }
        if mine.required && !there.required {
            found.push(format!("source `{}` need not be there: `required` is false, and true with you", mine.id));
        }
        if there.max_age > mine.max_age {
            found.push(format!("source `{}` may be older: its `max-age` is {}, and {} with you", mine.id, there.max_age, mine.max_age));
        }
    }
    let unknown = |there: &&SourceConfig| !ours.sources.iter().any(|mine| mine.id == there.id);
    let told = |there: &SourceConfig| {
        let required = if there.required { "" } else { ", not required" };
        format!("`{}` (max-age {}{required})", there.id, there.max_age)
    };
    let more: Vec<String> = theirs.sources.iter().filter(unknown).map(told).collect();
    if more.is_empty() { Vec::new() } else { vec![format!("sources that your own project has not: {}", more.join(", "))] }
}

/// Where the gate of the run lets through what the reader's holds.
fn gate(ours: &Project, theirs: &Project) -> Vec<String> {
    let mut found = Vec::new();
    let (mine, there) = (&ours.gating, &theirs.gating);
    for (what, mine, there) in [("fail-on", mine.fail, there.fail), ("fail-on-unknown", mine.unknown(), there.unknown())] {
        if there.looser_than(mine) {
            found.push(format!("the gate is looser: `{what}` is {}, and {} with you", there.word(), mine.word()));
        }
    }
    let off = |gating: &Gating, id: &str| {
        let counts = |there: &Override| there.answer.as_ref().is_none_or(|answer| answer.ended.is_none());
        gating.overrides.get(id).is_some_and(|there| !there.held && counts(there))
    };
    for control in &theirs.controls {
        let (id, severity) = (&control.id, control.severity);
        // What `fail-on` lets through is said above.
        let kept = mine.overrides.get(id).is_some_and(|mine| mine.held) && !there.holds_fail(id, severity);
        if kept || off(there, id) && !off(mine, id) {
            found.push(format!("control {id} is off the gate, and your own `[gate]` does not take it off"));
        }
    }
    found
}
