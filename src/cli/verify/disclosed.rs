//! A disclosure: what it shows, that it stands under a root, and what it does not show.

use serde_json::Value;

use super::difference::short;
use crate::attest::account::Account;
use crate::attest::disclosure::{self, Disclosure, Field, Shown};
use crate::attest::policy::Policy;
use crate::model::value::Time;

/// Holds a disclosure against itself and the policy; gives whether all that it shows stands under its root.
pub fn check(disclosure: &Disclosure, policy: Option<&Policy>, account: &mut Account) -> bool {
    let differences = disclosure::differences(disclosure);
    let holds = differences.is_empty();
    if holds {
        account.proved(format!(
            "{} leaves of the {} under the root {} are shown, of an assessment as of {}",
            disclosure.shown.len(),
            disclosure.leaves,
            disclosure.root,
            disclosure.as_of
        ));
        disclosure.shown.iter().filter_map(told).for_each(|line| account.proved(line));
    }
    account.failed.extend(differences);
    for shown in disclosure.shown.iter().skip(1) {
        let withheld: Vec<&str> =
            shown.closed.iter().filter(|(_, field)| matches!(field, Field::Withheld { .. })).map(|(name, _)| name.as_str()).collect();
        if !withheld.is_empty() {
            account.unchecked(format!("withheld of {}: {}", disclosure::what(shown), withheld.join(", ")));
        }
    }
    for control in disclosure.shown.iter().filter(|shown| shown.kind == "control") {
        let verdicts =
            disclosure.shown.iter().filter(|shown| shown.kind == "verdict" && shown.control() == control.control()).count() as u64;
        let population = control.open.get("population").and_then(Value::as_u64).unwrap_or_default();
        if verdicts < population {
            account.unprovable.push(format!(
                "anything of the other {} subjects of {}",
                population - verdicts,
                control.control().unwrap_or_default()
            ));
        }
    }
    account
        .unprovable
        .push("that the verdicts follow from the evidence: the evidence is not here, so nothing was performed again".to_owned());
    if let Some(policy) = policy {
        expected(disclosure, policy, account);
    }
    holds
}

/// A leaf in words.
fn told(shown: &Shown) -> Option<String> {
    let open = |name: &str| shown.open.get(name).map(short).unwrap_or_default();
    let id = shown.control()?;
    match shown.kind.as_str() {
        "control" => {
            let counts: Vec<String> = shown
                .open
                .get("counts")?
                .as_object()?
                .iter()
                .filter(|(_, count)| count.as_u64() != Some(0))
                .map(|(word, count)| format!("{count} {}", word.replace('_', " ")))
                .collect();
            let complete =
                if shown.open.get("population_complete") == Some(&Value::Bool(true)) { "" } else { ", not known to be complete" };
            Some(format!(
                "control {id}, {}: {}; of {} subjects{complete}: {}",
                open("title"),
                open("status"),
                open("population"),
                counts.join(", ")
            ))
        }
        "parameter" => Some(format!(
            "control {id}, parameter {}: {}",
            open("name"),
            shown.opened("parameter").and_then(|param| param.get("value")).map(short)?
        )),
        "verdict" => {
            let subject = shown.opened("subject").map_or_else(|| "a subject that is not named".to_owned(), short);
            Some(format!("control {id}, {subject}: {}", open("verdict")))
        }
        _ => {
            let observed: Vec<String> = shown
                .closed
                .keys()
                .filter_map(|name| Some(format!("{} = {}", name.strip_prefix("observed/")?, short(shown.opened(name)?))))
                .collect();
            Some(format!("control {id}, observed: {}", observed.join("; ")))
        }
    }
}

/// What of a policy can be asked of a part.
fn expected(disclosure: &Disclosure, policy: &Policy, account: &mut Account) {
    let expect = &policy.expect;
    let as_of = Time::parse(&disclosure.as_of).ok();
    let outside = |as_of: Time| expect.as_of_from.is_some_and(|from| as_of < from) || expect.as_of_until.is_some_and(|until| as_of > until);
    if as_of.is_none_or(outside) {
        account.failed(format!("it speaks of {}: outside of what the policy accepts", disclosure.as_of));
    }
    for shown in disclosure.shown.iter().filter(|shown| shown.kind == "control") {
        let (Some(id), digest) = (shown.control(), shown.open.get("sha256").and_then(Value::as_str)) else { continue };
        if let Some(wanted) = expect.controls.get(id)
            && digest != Some(wanted.to_lowercase().as_str())
        {
            account.failed(format!("control {id} is another than expected: its digest is {}", digest.unwrap_or_default()));
        }
    }
    if expect.project.is_some() || expect.oldest_evidence.is_some() || !expect.frameworks.is_empty() || !expect.params.is_empty() {
        account.unchecked("what the policy expects of the whole assessment: only a part of it is here");
    }
}
