//! Frameworks, and how an id as an author wrote it resolves to a requirement.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reader::{File, Keys, nearest};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::framework::{Alias, Framework, Requirement, Treatment};

/// How a requirement stands among the others.
pub const LEVELS: [&str; 5] = ["function", "category", "subcategory", "risk", "requirement"];

/// Reads `frameworks/<id>.toml`.
pub fn read(name: &str, text: &str, diagnostics: &mut Diagnostics) -> Option<Framework> {
    let file = File::new(name, text);
    let framework = file.parse().and_then(|table| {
        let keys = Keys::new(&file, table.get_ref(), table.span(), "the framework");
        let framework = framework(&keys, name, text);
        keys.finish();
        framework
    });
    file.finish(diagnostics);
    framework
}

fn framework(keys: &Keys<'_, '_>, name: &str, text: &str) -> Option<Framework> {
    let id = keys.required_text("id", "a short name with its edition, like `nist-csf-2.0`");
    let title = keys.required_text("title", "what it is called");
    let publisher = keys.required_text("publisher", "who publishes it");
    let edition = keys.required_text("edition", "which edition");
    let attribution = keys.required_text("attribution", "whose text it is, and its licence");
    let url = keys.required_text("url", "where it is published");
    let mut requirements: Vec<Requirement> = Vec::new();
    for entry in keys.tables("requirements", "a requirement") {
        let id = entry.required_text("id", "the id as published");
        let level = entry.word("level", &LEVELS);
        let parent = entry.text("parent");
        let title = entry.required_text("title", "a short title");
        entry.finish();
        let (Some(id), Some(title)) = (id, title) else { continue };
        if requirements.iter().any(|there| there.id == id.value) {
            keys.file.error(Code::DuplicateId, &id.span, format!("`{}` is there twice", id.value), "the second of them", "");
            continue;
        }
        if let Some(parent) = &parent
            && !requirements.iter().any(|there| there.id == parent.value)
        {
            keys.file.error(
                Code::NotFound,
                &parent.span,
                format!("no requirement above is called `{}`", parent.value),
                "unknown parent",
                "list a parent before its children",
            );
        }
        requirements.push(Requirement {
            id: id.value,
            level: level.unwrap_or("requirement").to_owned(),
            parent: parent.map(|parent| parent.value),
            title: title.value,
        });
    }
    if requirements.is_empty() {
        keys.file.error(
            Code::MissingKey,
            &keys.span,
            "the framework has no requirements".to_owned(),
            "a key is missing here",
            "add `requirements`",
        );
    }
    let mut aliases = BTreeMap::new();
    for entry in keys.tables("aliases", "an alias") {
        let written = entry.required_text("written", "the id as people write it");
        let to = entry.texts("to").unwrap_or_default();
        let treatment = match entry.word("treatment", &["spelling", "warn", "reject"]) {
            Some("spelling") => Treatment::Spelling,
            Some("warn") => Treatment::Warn,
            _ => Treatment::Reject,
        };
        let note = entry.text("note").map_or_else(String::new, |note| note.value);
        entry.finish();
        for target in &to {
            if !requirements.iter().any(|there| there.id == target.value) {
                keys.file.error(Code::NotFound, &target.span, format!("no requirement is called `{}`", target.value), "unknown id", "");
            }
        }
        if let Some(written) = written {
            if treatment != Treatment::Reject && to.len() != 1 {
                keys.file.error(
                    Code::WrongValue,
                    &written.span,
                    format!("`{}` resolves to {} ids", written.value, to.len()),
                    "expected one id in `to`",
                    "or treat it as `reject`",
                );
            }
            aliases.insert(written.value, Alias { to: to.into_iter().map(|id| id.value).collect(), treatment, note });
        }
    }
    Some(Framework {
        id: id?.value,
        title: title?.value,
        publisher: publisher?.value,
        edition: edition?.value,
        attribution: attribution?.value,
        url: url?.value,
        requirements,
        aliases,
        text: text.to_owned(),
        file: name.to_owned(),
    })
}

/// What an id as written resolves to, in one framework; what cannot be resolved is reported at its place.
pub fn resolve(framework: &Framework, written: &str, span: &Range<usize>, file: &File<'_>) -> Option<String> {
    if framework.requirement(written).is_some() {
        return Some(written.to_owned());
    }
    let Some(alias) = framework.aliases.get(written) else {
        let mut help = nearest(written, framework.requirements.iter().map(|requirement| requirement.id.as_str()));
        if help.is_empty() {
            help = format!("ids of this framework look like `{}`", framework.requirements.last().map_or("", |last| last.id.as_str()));
        }
        let message = format!("{} has no requirement `{written}`", framework.id);
        file.error(Code::UnknownRequirement, span, message, "unknown requirement", help);
        return None;
    };
    match (alias.treatment, alias.to.as_slice()) {
        (Treatment::Spelling, [to]) => Some(to.clone()),
        (Treatment::Warn, [to]) => {
            let message = format!("`{written}` is read as `{to}` of {}", framework.id);
            file.warn(Code::AliasedRequirement, span, message, &alias.note, format!("write `{to}`"));
            Some(to.clone())
        }
        (_, []) => {
            let help = "nothing in this framework takes its place: choose by what the control does";
            file.error(Code::UnknownRequirement, span, format!("`{written}` is no requirement of {}", framework.id), &alias.note, help);
            None
        }
        (_, to) => {
            let candidates: Vec<String> = to
                .iter()
                .map(|id| format!("`{id}` ({})", framework.requirement(id).map_or("", |requirement| requirement.title.as_str())))
                .collect();
            let help = format!("choose among {}", candidates.join(", "));
            file.error(
                Code::AmbiguousRequirement,
                span,
                format!("`{written}` does not say which requirement of {} is meant", framework.id),
                &alias.note,
                help,
            );
            None
        }
    }
}
