//! `waivers/*.toml`: accepted exceptions, one a file.

use std::collections::BTreeMap;
use std::path::Path;

use super::attestation::{folder, one, unique};
use super::condition::{self, Place};
use super::control::within;
use super::document::document;
use super::reader::{At, Keys, nearest};
use crate::model::condition::{Condition, Kind, walk};
use crate::model::control::Control;
use crate::model::diagnostic::{Code, Diagnostics, Level};
use crate::model::project::{Deselected, Project};
use crate::model::schema::SCHEMA;
use crate::model::value::Time;
use crate::model::waiver::{Scope, Waiver};

/// The folder of a project that holds them.
pub const FOLDER: &str = "waivers";

/// Every waiver of a project, sorted by id.
pub fn waivers(root: &Path, controls: &[Control], deselected: &[Deselected], diagnostics: &mut Diagnostics) -> Vec<Waiver> {
    let known = known(controls, deselected);
    let mut found = folder(root, FOLDER, diagnostics, |keys, file, text| waiver(keys, root, &known, file, text));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    unique(found.iter().map(|found| (found.id.as_str(), found.file.as_str())), "waivers", diagnostics);
    found
}

/// A waiver that is about to be written.
///
/// # Errors
/// Everything that is wrong with it.
pub fn drafted(root: &Path, project: &Project, path: &str, text: &str) -> Result<Waiver, Diagnostics> {
    let known = known(&project.controls, &project.deselected);
    let mut diagnostics = Diagnostics::default();
    let found = one(path, text, &mut diagnostics, |keys, file, text| waiver(keys, root, &known, file, text));
    found.filter(|_| !diagnostics.has_errors()).ok_or(diagnostics)
}

fn known<'c>(controls: &'c [Control], deselected: &'c [Deselected]) -> BTreeMap<&'c str, &'c Control> {
    controls.iter().chain(deselected.iter().map(|left| &left.control)).map(|control| (control.id.as_str(), control)).collect()
}

fn waiver(keys: &Keys<'_, '_>, root: &Path, known: &BTreeMap<&str, &Control>, file: &str, text: &str) -> Option<Waiver> {
    let id = keys.required_text("id", "what it is called in reports");
    let control = keys.required_text("control", "the id of the control that it excuses from").and_then(|id| control(keys, &id, known));
    let scope = scope(keys, control);
    let reason = keys.required_text("reason", "why the exception is accepted");
    let approver = keys.required_text("approver", "the id of the party that accepts it");
    let granted_at = keys.required_parsed("granted-at", "from when it counts", Time::parse);
    // A waiver that nobody ends is told in the report, and waives nothing.
    let expires_at = keys.parsed("expires-at", Time::parse);
    if let (Some(granted), Some(expires)) = (granted_at, expires_at)
        && expires <= granted
    {
        let message = format!("it stops counting at {expires}, before it counts, from {granted}");
        keys.file.error(Code::WrongValue, &keys.key_span("expires-at"), message, "expected a later time", "");
    }
    let compensating: Vec<String> = keys
        .texts("compensating")
        .unwrap_or_default()
        .into_iter()
        .filter_map(|id| self::control(keys, &id, known).map(|control| control.id.clone()))
        .collect();
    let ticket = keys.text("ticket").map(|ticket| ticket.value);
    let approval = keys.table("approval", "`[approval]`").and_then(|keys| {
        let approval = document(&keys, root);
        if approval.is_none() && keys.raw("document").is_none() && keys.raw("sha256").is_none() {
            let help = "add `sha256`, and `document` where it lies in the project; or leave `[approval]` out";
            keys.file.error(Code::MissingKey, &keys.span, "`[approval]` names no document".to_owned(), "", help);
        }
        keys.finish();
        approval
    });
    let (control, approver) = (control?, approver?);
    let separate = separate(keys, control.subject, &approver)?;
    Some(Waiver {
        id: id?.value,
        control: control.id.clone(),
        subject: control.subject,
        scope: scope?,
        reason: reason?.value,
        separate,
        approver: approver.value,
        granted_at: granted_at?,
        expires_at,
        longest: control.max_waiver,
        compensating,
        ticket,
        approval,
        file: file.to_owned(),
        text: text.to_owned(),
    })
}

fn control<'c>(keys: &Keys<'_, '_>, id: &At<String>, known: &BTreeMap<&str, &'c Control>) -> Option<&'c Control> {
    let found = known.get(id.value.as_str()).copied();
    if found.is_none() {
        let help = nearest(&id.value, known.keys().copied());
        keys.file.error(Code::NotFound, &id.span, format!("no control is called `{}`", id.value), "unknown control", help);
    }
    found
}

/// `subjects`, or `where` with `at-most`.
fn scope(keys: &Keys<'_, '_>, control: Option<&Control>) -> Option<Scope> {
    let subjects = keys.texts("subjects");
    let condition = keys.text("where");
    let at_most = keys.count("at-most");
    match (subjects, condition) {
        (Some(subjects), None) => {
            if let Some(at) = keys.raw("at-most") {
                let help = "it belongs to `where`; `subjects` counts itself";
                keys.file.error(Code::UnknownKey, &at.span(), "`at-most` says nothing beside `subjects`".to_owned(), "", help);
            }
            if subjects.is_empty() {
                let message = "`subjects` names nobody".to_owned();
                keys.file.error(Code::WrongValue, &keys.key_span("subjects"), message, "expected ids, as the report prints them", "");
                return None;
            }
            Some(Scope::Subjects(subjects.into_iter().map(|subject| (subject.value, subject.span)).collect()))
        }
        (None, Some(condition)) => {
            let at_most = at_most.and_then(|most| usize::try_from(most).ok());
            if keys.raw("at-most").is_none() {
                let help = "add `at-most`: a waiver that comes to cover more is too broad, and waives nothing";
                let message = "`where` does not say how many subjects it may cover".to_owned();
                keys.file.error(Code::MissingKey, &keys.key_span("where"), message, "", help);
            }
            let condition = parsed(keys, &condition, control?.subject)?;
            Some(Scope::Where { condition, at_most: at_most? })
        }
        (Some(_), Some(condition)) => {
            let message = "a waiver names its subjects or describes them, not both".to_owned();
            keys.file.error(Code::UnknownKey, &condition.span, message, "beside `subjects`", "remove one of the two");
            None
        }
        (None, None) => {
            let message = "the waiver covers nothing".to_owned();
            let help = "add `subjects`: ids as the report prints them; or `where`: a condition on the subject, with `at-most`";
            keys.file.error(Code::MissingKey, &(0..0), message, "a key is missing here", help);
            None
        }
    }
}

fn parsed(keys: &Keys<'_, '_>, text: &At<String>, subject: usize) -> Option<Condition> {
    let (condition, problems) = match condition::parse(&text.value, subject, &BTreeMap::new(), Place::Where) {
        Ok((condition, warnings)) => (Some(condition), warnings),
        Err(problems) => (None, problems),
    };
    for problem in problems {
        let span = within(keys.file.text, text, &problem.span);
        keys.file.report(problem.code, problem.level, &span, problem.message, &problem.label, problem.help);
    }
    let condition = condition?;
    let mut circular = false;
    walk(&condition.root, &mut |node| {
        if let Kind::Exists(query) | Kind::Aggregate { from: query, .. } = &node.kind {
            circular |= SCHEMA[query.table].name == "waiver";
        }
    });
    if circular {
        let message = "a waiver's scope cannot depend on waivers".to_owned();
        keys.file.report(Code::ConditionOutside, Level::Error, &text.span, message, "reads the table `waiver`", "");
        return None;
    }
    Some(condition)
}

/// That the subject's owner is somebody else than the approver; inner `None`: nobody owns such a subject.
fn separate(keys: &Keys<'_, '_>, subject: usize, approver: &At<String>) -> Option<Option<Condition>> {
    let owner = match SCHEMA[subject].name {
        "identity" => "owner",
        "credential" | "grant" | "event" | "exposure" | "tool" => "identity.owner",
        "attestation" => "by",
        "party" => "id",
        _ => return Some(None),
    };
    let word = matches!(approver.value.as_str(), "none" | "never") || approver.value.contains('\'');
    let text = format!("{owner} <> '{}'", approver.value);
    match condition::parse(&text, subject, &BTreeMap::new(), Place::Where) {
        Ok((condition, _)) if !word => Some(Some(condition)),
        _ => {
            let message = format!("`{}` is no party's id", approver.value);
            keys.file.error(Code::WrongValue, &approver.span, message, "expected the id of a row of `party`", "");
            None
        }
    }
}
