//! What the subjects of each control came to, then and now.

use std::collections::BTreeMap;

use super::Change;
use super::package::{Control, Judged, Package};

/// Every subject that came to something else, of the controls that both judged.
pub fn compared(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, after) in &new.controls {
        if let Some(before) = old.controls.get(id) {
            of_control(id, before, after, &mut found);
        }
    }
    found
}

fn of_control(id: &str, before: &Control, after: &Control, found: &mut Vec<Change>) {
    // What is called otherwise now is known by its finding's id.
    let moved: BTreeMap<&str, &String> = after
        .verdicts
        .iter()
        .filter(|(subject, _)| !before.verdicts.contains_key(*subject))
        .filter_map(|(subject, judged)| Some((judged.id.as_deref()?, subject)))
        .collect();
    let mut met: Vec<&String> = Vec::new();
    for (subject, was) in &before.verdicts {
        let there = after.verdicts.get_key_value(subject).or_else(|| {
            let subject = moved.get(was.id.as_deref()?)?;
            after.verdicts.get_key_value(*subject)
        });
        match there {
            Some((now_called, now)) => {
                met.push(now_called);
                found.extend(changed(id, now_called, Some(was), Some(now)));
            }
            None => found.extend(changed(id, subject, Some(was), None)),
        }
    }
    met.sort();
    let fresh = after.verdicts.iter().filter(|(subject, _)| met.binary_search(subject).is_err());
    found.extend(fresh.filter_map(|(subject, now)| changed(id, subject, None, Some(now))));
}

fn changed(control: &str, subject: &str, was: Option<&Judged>, now: Option<&Judged>) -> Option<Change> {
    let (before, after) = (was.map(|was| was.verdict.as_str()), now.map(|now| now.verdict.as_str()));
    let (change, worse) = match (before, after) {
        (before, after) if before == after => return None,
        (_, Some("fail")) => ("new violation", true),
        (_, Some("unknown")) => ("undetermined", true),
        (Some("fail" | "waived"), None) => ("gone", true),
        // The population says how many there are.
        (_, None) | (None, Some("pass" | "not-applicable")) => return None,
        (Some("fail"), Some("pass")) => ("fixed", false),
        (Some("unknown"), Some(_)) => ("settled", false),
        _ => ("changed", false),
    };
    Some(Change::new(change, Some(control), subject, (before, after), worse))
}
