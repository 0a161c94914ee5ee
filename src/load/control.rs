//! One control: `controls/<family>/<ID>-<slug>.toml`.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeValue;

use super::condition::{self, Place};
use super::params::{self, Params};
use super::reader::{At, File, Keys, nearest};
use super::{framework, given};
use crate::model::condition::Condition;
use crate::model::control::{Control, Mapping, RELATIONSHIPS, Severity};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::framework::Framework;
use crate::model::schema::{SCHEMA, table};
use crate::model::value::{Duration, SECOND};

/// `max-waiver` of a control that does not say: half a year.
const MAX_WAIVER: Duration = Duration(180 * 24 * 3_600 * SECOND);

/// Reads a control. `known`: every framework there is; `selected`: ids of those that the project selects, in its order.
pub fn read(name: &str, text: &str, known: &[Framework], selected: &[String], diagnostics: &mut Diagnostics) -> Option<Control> {
    let file = File::new(name, text);
    let control = parsed(&file, known, selected, true);
    file.finish(diagnostics);
    control
}

/// As [`read`], for a control that this program ships: without its tests, and what a mutant is excused by, which stand last in its file.
pub fn untested(name: &str, text: &str, known: &[Framework], selected: &[String], diagnostics: &mut Diagnostics) -> Option<Control> {
    let head = text.split_once("\n[[test]]\n").map_or(text, |(head, _)| head);
    let file = File::new(name, head);
    let control = parsed(&file, known, selected, false);
    file.finish(diagnostics);
    Some(Control { text: text.to_owned(), ..control? })
}

fn parsed(file: &File<'_>, known: &[Framework], selected: &[String], tested: bool) -> Option<Control> {
    let root = file.parse()?;
    let keys = Keys::new(file, root.get_ref(), root.span(), "a control");
    let control = control(&keys, known, selected, tested);
    keys.finish();
    control
}

/// The id that a file gives, also where the rest of it is wrong.
pub fn id(text: &str) -> Option<At<String>> {
    let root = toml::de::DeTable::parse(text).ok()?;
    let id = root.get_ref().get("id")?;
    Some(At { value: id.get_ref().as_str()?.to_owned(), span: id.span() })
}

fn control(keys: &Keys<'_, '_>, known: &[Framework], selected: &[String], tested: bool) -> Option<Control> {
    let id = keys.required_text("id", "letters, a dash and digits, like `OFF-01`").filter(|id| {
        let fits = id.value.split_once('-').is_some_and(|(family, number)| {
            (2..=10).contains(&family.len())
                && family.starts_with(|c: char| c.is_ascii_uppercase())
                && family.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                && (2..=4).contains(&number.len())
                && number.chars().all(|c| c.is_ascii_digit())
        });
        if !fits {
            keys.file.error(
                Code::MalformedId,
                &id.span,
                format!("`{}` is not a control's id", id.value),
                "expected capital letters, a dash and two to four digits",
                "write it as `OFF-01`",
            );
        }
        fits
    });
    let title = keys.required_text("title", "what must hold, in one line");
    keys.required_text("severity", "low, medium, high or critical");
    let severity = keys.word("severity", &["low", "medium", "high", "critical"]).and_then(Severity::from_word);
    let max_waiver = keys.parsed("max-waiver", |text| {
        Duration::parse(text).and_then(|span| if span.0 <= 0 { Err("must be longer than nothing".to_owned()) } else { Ok(span) })
    });
    let subject = keys.required_text("subject", "the table whose rows are judged").and_then(|subject| {
        let found = table(&subject.value);
        if found.is_none() {
            let help = nearest(&subject.value, SCHEMA.iter().map(|schema| schema.name));
            keys.file.error(Code::NotFound, &subject.span, format!("no table is called `{}`", subject.value), "unknown table", help);
        }
        found
    });
    let statement = keys.required_text("statement", "what must hold, in Markdown");
    let risk = keys.required_text("risk", "what happens when it does not, in Markdown");
    let remediation = keys.required_text("remediation", "what to do about a finding, in Markdown");
    let (mappings, notes) = mappings(keys, known, selected);
    let params = keys.table("params", "`[params]`").map(|keys| params::params(&keys)).unwrap_or_default();
    let conditions = keys.required_table("check", "`[check]` with `assert`, and perhaps `applies`").map(|check| {
        let found = subject.map(|subject| conditions(&check, subject, &params));
        if found.is_none() {
            check.text("applies");
            check.required_text("assert", "what must be true");
        }
        check.finish();
        found
    });
    let equivalent: Vec<(String, String)> = keys
        .tables("equivalent", "a mutant that no test can notice")
        .into_iter()
        .filter_map(|entry| {
            let mutant = entry.required_text("mutant", "its name, as `tickmark test --mutate` prints it");
            let reason = entry.required_text("reason", "why no evidence can tell it from the control");
            entry.finish();
            Some((mutant?.value, reason?.value))
        })
        .collect();
    let tests = given::tests(keys, subject, &params);
    if tested && tests.is_empty() && keys.raw("test").is_none() {
        let at = keys.key_span("id");
        keys.file.warn(
            Code::NoTest,
            &at,
            "the control has no test".to_owned(),
            "",
            "add a `[[test]]` with evidence that passes, and one that does not",
        );
    }
    let (applies, assert) = conditions??;
    Some(Control {
        id: id?.value,
        title: title?.value,
        severity: severity?,
        max_waiver: max_waiver.unwrap_or(MAX_WAIVER),
        subject: subject?,
        statement: statement?.value,
        risk: risk?.value,
        remediation: remediation?.value,
        mappings,
        notes,
        params: params.read,
        applies: applies?,
        assert: assert?,
        tests,
        equivalent,
        file: keys.file.name.clone(),
        text: keys.file.text.to_owned(),
    })
}

fn mappings(keys: &Keys<'_, '_>, known: &[Framework], selected: &[String]) -> (Vec<Mapping>, Vec<(String, String)>) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let Some(maps) = keys.required_table("maps-to", "the requirements that it supports, by framework") else { return (out, notes) };
    let mut written = 0;
    // TOML reads the bare key `nist-csf-2.0` as `0` below `nist-csf-2`: both ways of writing it mean the framework.
    let entries = maps.each().flat_map(|(name, value)| match value.get_ref() {
        DeValue::Table(inner) => inner
            .iter()
            .map(|(rest, value)| {
                (
                    At { value: format!("{}.{}", name.value, rest.get_ref()), span: name.span.start..rest.span().end.max(name.span.end) },
                    value,
                )
            })
            .collect(),
        _ => vec![(name, value)],
    });
    for (name, value) in entries {
        let Some(framework) = known.iter().find(|framework| framework.id == name.value) else {
            let help = nearest(&name.value, known.iter().map(|framework| framework.id.as_str()));
            maps.file.error(
                Code::UnknownFramework,
                &name.span,
                format!("no framework is called `{}`", name.value),
                "unknown framework",
                help,
            );
            continue;
        };
        let Some(items) = value.get_ref().as_array() else {
            maps.wrong(value, &name.value, "a list of requirement ids");
            continue;
        };
        for item in items.iter() {
            let entry = match item.get_ref() {
                DeValue::String(id) => Some((At { value: id.to_string(), span: item.span() }, None, None)),
                DeValue::Table(entry) => {
                    let entry = Keys::new(maps.file, entry, item.span(), "a mapping");
                    if let Some(note) = entry.text("note") {
                        let message = format!("{} is meant, and no requirement of it is named", framework.id);
                        maps.file.warn(
                            Code::MappingNote,
                            &item.span(),
                            message,
                            "kept as a note: no coverage",
                            "name the requirement in `id`",
                        );
                        entry.finish();
                        if selected.contains(&framework.id) {
                            notes.push((framework.id.clone(), note.value));
                        }
                        continue;
                    }
                    let id = entry.required_text("id", "the requirement");
                    let relationship = entry.word("relationship", &RELATIONSHIPS);
                    let rationale = entry.text("rationale").map(|text| text.value);
                    entry.finish();
                    id.map(|id| (id, relationship, rationale))
                }
                _ => {
                    maps.wrong(item, &name.value, "a requirement id, or a table with `id`");
                    None
                }
            };
            let Some((id, relationship, rationale)) = entry else { continue };
            written += 1;
            if let Some(requirement) = framework::resolve(framework, &id.value, &id.span, maps.file)
                && selected.contains(&framework.id)
            {
                if rationale.as_ref().is_none_or(|text| text.trim().is_empty()) {
                    let message = format!("`{}` is claimed without a rationale", id.value);
                    maps.file.warn(
                        Code::NoRationale,
                        &id.span,
                        message,
                        "why does the control support it?",
                        "add `relationship` and `rationale`",
                    );
                }
                out.push(Mapping {
                    framework: framework.id.clone(),
                    written: id.value,
                    requirement,
                    relationship: relationship.unwrap_or("intersects-with").to_owned(),
                    rationale: rationale.unwrap_or_default(),
                    file: None,
                });
            }
        }
    }
    if written == 0 {
        let at = keys.key_span("maps-to");
        maps.file.warn(Code::Unmapped, &at, "the control maps to no requirement".to_owned(), "it counts as no coverage anywhere", "");
    }
    // The order of the project's frameworks; within one, as written.
    out.sort_by_key(|mapping| selected.iter().position(|id| *id == mapping.framework));
    notes.sort_by_key(|(framework, _)| selected.iter().position(|id| id == framework));
    (out, notes)
}

type Conditions = (Option<Option<Condition>>, Option<Condition>);

/// `applies` (outer `None`: it is there and wrong) and `assert`.
fn conditions(check: &Keys<'_, '_>, subject: usize, params: &Params) -> Conditions {
    let types = params.read.iter().map(|(name, param)| (name.clone(), params::type_of(&param.value))).collect();
    let mut read = BTreeSet::new();
    let mut whole = true;
    let mut one = |text: Option<At<String>>, place| -> Option<Condition> {
        let text = text?;
        let (condition, problems) = match condition::parse(&text.value, subject, &types, place) {
            Ok((condition, warnings)) => (Some(condition), warnings),
            Err(problems) => (None, problems),
        };
        let unread = |problem: &condition::Problem| {
            let name = text.value.get(problem.span.clone()).and_then(|named| named.strip_prefix('$'));
            problem.code == Code::UndeclaredParameter && name.is_some_and(|name| params.unread.contains(name))
        };
        for problem in problems.into_iter().filter(|problem| !unread(problem)) {
            let span = within(check.file.text, &text, &problem.span);
            check.file.report(problem.code, problem.level, &span, problem.message, &problem.label, problem.help);
        }
        match &condition {
            Some(condition) => read.extend(condition::params_read(condition)),
            None => whole = false,
        }
        condition
    };
    let written = check.text("applies");
    let there = written.is_some();
    let applies = one(written, Place::Applies);
    let assert = one(check.required_text("assert", "what must be true of every subject"), Place::Assert);
    if whole {
        for (name, param) in params.read.iter().filter(|(name, _)| !read.contains(*name)) {
            let at = param_span(check.file.text, &param.name);
            check.file.warn(Code::UnusedParameter, &at, format!("no condition reads `${name}`"), "unused parameter", "remove it");
        }
    }
    (if there && applies.is_none() { None } else { Some(applies) }, assert)
}

/// Where a parameter is declared; the start of the file where its form is an unusual one.
fn param_span(text: &str, name: &str) -> Range<usize> {
    let header = format!("[params.{name}]");
    text.find(&header).map_or(0..0, |at| at..at + header.len())
}

/// A place in a condition as a place in the file: exact where the text stands there as it is, else the whole text.
pub fn within(file: &str, text: &At<String>, span: &Range<usize>) -> Range<usize> {
    let raw = &file[text.span.clone()];
    match raw.find(&text.value) {
        Some(offset) => {
            let start = text.span.start + offset;
            start + span.start..start + span.end.min(text.value.len())
        }
        None => text.span.clone(),
    }
}
