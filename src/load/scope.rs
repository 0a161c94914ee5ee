//! What a project declares out of scope, with a reason and who answers for it: controls that are then not judged, and requirements.

use std::collections::BTreeMap;

use super::framework::resolve;
use super::reader::{At, Keys, nearest};
use crate::model::control::Control;
use crate::model::diagnostic::Code;
use crate::model::framework::Framework;
use crate::model::project::{Deselected, OutOfScope};

/// Reads every `[[out-of-scope]]`: takes its controls out of those that are judged, and gives its requirements with their reasons.
pub fn out_of_scope(
    keys: &Keys<'_, '_>,
    known: &[Framework],
    selected: &[String],
    controls: &mut Vec<Control>,
    deselected: &mut Vec<Deselected>,
) -> BTreeMap<(String, String), OutOfScope> {
    let mut requirements = BTreeMap::new();
    let mut places = Vec::new();
    for entry in keys.tables("out-of-scope", "a declaration") {
        let reason = entry.required_text("reason", "why, for whoever reads the report").map(|reason| reason.value);
        let approver = entry.required_text("approver", "the id of the party that accepts it").map(|approver| approver.value);
        let declared = OutOfScope { reason: reason.unwrap_or_default(), approver: approver.unwrap_or_default() };
        let ids = entry.texts("controls").unwrap_or_default();
        let framework = entry.text("framework");
        let named = entry.texts("requirements").unwrap_or_default();
        if ids.is_empty() && named.is_empty() {
            entry.file.error(
                Code::MissingKey,
                &entry.span,
                "nothing is declared out of scope".to_owned(),
                "a key is missing here",
                "add `controls`, or `framework` and `requirements`",
            );
        }
        for id in ids {
            exclude(&entry, &id, &declared, controls, deselected);
        }
        match framework {
            None if !named.is_empty() => entry.file.error(
                Code::MissingKey,
                &entry.key_span("requirements"),
                "the requirements are of no framework".to_owned(),
                "",
                "add `framework`: the id of theirs",
            ),
            None => {}
            Some(framework) => {
                if named.is_empty() {
                    let help = "add `requirements`: which of them";
                    entry.file.error(Code::MissingKey, &framework.span, "no requirement is named".to_owned(), "", help);
                }
                let Some(found) = known.iter().find(|there| there.id == framework.value && selected.contains(&there.id)) else {
                    let help = nearest(&framework.value, selected.iter().map(String::as_str));
                    let message = format!("no selected framework is called `{}`", framework.value);
                    entry.file.error(Code::UnknownFramework, &framework.span, message, "unknown framework", help);
                    entry.finish();
                    continue;
                };
                for id in named {
                    if let Some(resolved) = resolve(found, &id.value, &id.span, entry.file) {
                        places.push((found.id.clone(), resolved.clone(), id));
                        requirements.insert((found.id.clone(), resolved), declared.clone());
                    }
                }
            }
        }
        entry.finish();
    }
    // What is judged cannot be out of scope: a finding would vanish behind the declaration.
    for (framework, requirement, at) in places {
        let mapped: Vec<&str> = controls
            .iter()
            .filter(|control| control.mappings.iter().any(|to| to.framework == framework && to.requirement == requirement))
            .map(|control| control.id.as_str())
            .collect();
        if !mapped.is_empty() {
            keys.file.error(
                Code::ScopeContradiction,
                &at.span,
                format!("`{requirement}` is declared out of scope, and judged by {}", mapped.join(", ")),
                "controls are mapped to it",
                "remove it, or declare the controls out of scope",
            );
        }
    }
    requirements
}

fn exclude(entry: &Keys<'_, '_>, id: &At<String>, declared: &OutOfScope, controls: &mut Vec<Control>, deselected: &mut Vec<Deselected>) {
    if let Some(position) = controls.iter().position(|control| control.id == id.value) {
        let control = controls.remove(position);
        let at = deselected.partition_point(|left| left.control.id < control.id);
        deselected.insert(at, Deselected { control, out_of_scope: Some(declared.clone()), narrowed: false });
    } else if let Some(left) = deselected.iter_mut().find(|left| left.control.id == id.value) {
        if left.out_of_scope.is_some() {
            let message = format!("`{}` is declared out of scope twice", id.value);
            entry.file.error(Code::DuplicateId, &id.span, message, "the second of them", "remove one");
        }
        left.out_of_scope = Some(declared.clone());
    } else {
        let all = controls.iter().chain(deselected.iter().map(|left| &left.control)).map(|control| control.id.as_str());
        let help = nearest(&id.value, all);
        entry.file.error(Code::NotFound, &id.span, format!("no control is called `{}`", id.value), "unknown control", help);
    }
}
