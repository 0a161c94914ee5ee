//! `mappings/*.toml`: requirements that a project adds to controls without touching their files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::attestation::folder;
use super::framework;
use super::reader::{Keys, nearest};
use crate::model::control::{Control, Mapping, RELATIONSHIPS};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::framework::Framework;
use crate::model::project::{Deselected, MappingFile};

/// The folder of a project that holds them.
const FOLDER: &str = "mappings";

/// What the entries of a project's files are held against.
struct Known<'k> {
    controls: BTreeMap<&'k str, &'k Control>,
    /// Ids of controls that could not be read: what is wrong with them is told already.
    unread: &'k [String],
    frameworks: &'k [Framework],
    selected: &'k [String],
    /// Control, framework and requirement → the file that claims it first.
    claimed: RefCell<BTreeMap<(String, String, String), String>>,
}

/// Adds what the files say to the controls, and gives the files.
pub fn add(
    root: &Path,
    (frameworks, selected): (&[Framework], &[String]),
    controls: &mut [Control],
    deselected: &mut [Deselected],
    unread: &[String],
    diagnostics: &mut Diagnostics,
) -> Vec<MappingFile> {
    let all = || controls.iter().chain(deselected.iter().map(|left| &left.control));
    let own = all().flat_map(|control| {
        control.mappings.iter().map(|to| ((control.id.clone(), to.framework.clone(), to.requirement.clone()), control.file.clone()))
    });
    let known = Known {
        controls: all().map(|control| (control.id.as_str(), control)).collect(),
        unread,
        frameworks,
        selected,
        claimed: RefCell::new(own.collect()),
    };
    let read = folder(root, FOLDER, diagnostics, |keys, file, text| {
        Some((MappingFile { file: file.to_owned(), text: text.to_owned() }, entries(keys, &known, file)))
    });
    let (mut files, mut added) = (Vec::new(), BTreeMap::<String, Vec<Mapping>>::new());
    for (file, entries) in read {
        files.push(file);
        for (control, mapping) in entries {
            added.entry(control).or_default().push(mapping);
        }
    }
    let mut mapped = BTreeSet::new();
    for control in controls.iter_mut().chain(deselected.iter_mut().map(|left| &mut left.control)) {
        let Some(mappings) = added.remove(&control.id) else { continue };
        control.mappings.extend(mappings);
        control.mappings.sort_by_key(|mapping| selected.iter().position(|id| *id == mapping.framework));
        mapped.insert(control.file.as_str());
    }
    // A control whose own file names no requirement has one now.
    diagnostics.list.retain(|problem| problem.code != Code::Unmapped || !mapped.contains(problem.file.as_str()));
    files
}

/// Every `[[mapping]]` of a file: the control's id, and what it is mapped to.
fn entries(keys: &Keys<'_, '_>, known: &Known<'_>, file: &str) -> Vec<(String, Mapping)> {
    let mut found = Vec::new();
    if keys.required("mapping", "`[[mapping]]` with `control`, `framework`, `requirements` and `rationale`").is_none() {
        return found;
    }
    for entry in keys.tables("mapping", "a mapping") {
        let control = entry.required_text("control", "the id of the control that supports the requirements");
        let framework = entry.required_text("framework", "the id of a framework that the project selects");
        entry.required("requirements", "ids of the framework's requirements, in a list");
        let requirements = entry.texts("requirements").unwrap_or_default();
        let relationship = entry.word("relationship", &RELATIONSHIPS).unwrap_or("intersects-with");
        let rationale = entry.required_text("rationale", "why the control supports them, for whoever reads the report");
        entry.finish();
        if requirements.is_empty() && entry.raw("requirements").is_some_and(|value| value.get_ref().is_array()) {
            let message = "`requirements` names none".to_owned();
            entry.file.error(Code::WrongValue, &entry.key_span("requirements"), message, "expected ids of the framework", "");
        }
        let control = control.and_then(|id| {
            let there = known.controls.contains_key(id.value.as_str());
            if !there && !known.unread.contains(&id.value) {
                let help = nearest(&id.value, known.controls.keys().copied());
                entry.file.error(Code::NotFound, &id.span, format!("no control is called `{}`", id.value), "unknown control", help);
            }
            there.then_some(id.value)
        });
        let framework = framework.and_then(|id| {
            let there = known.frameworks.iter().find(|framework| framework.id == id.value);
            if there.is_none() {
                let mut help = nearest(&id.value, known.frameworks.iter().map(|framework| framework.id.as_str()));
                if help.is_empty() {
                    help = "a framework of your own is known once `frameworks` in tickmark.toml names its file".to_owned();
                }
                let message = format!("no framework is called `{}`", id.value);
                entry.file.error(Code::UnknownFramework, &id.span, message, "unknown framework", help);
            }
            there
        });
        let Some(framework) = framework else { continue };
        for written in requirements {
            let Some(requirement) = framework::resolve(framework, &written.value, &written.span, entry.file) else { continue };
            let (Some(control), Some(rationale)) = (&control, &rationale) else { continue };
            if !known.selected.contains(&framework.id) {
                continue;
            }
            let claim = (control.clone(), framework.id.clone(), requirement.clone());
            if let Some(first) = known.claimed.borrow().get(&claim) {
                let message = format!("{control} is mapped to `{requirement}` already");
                entry.file.error(Code::DuplicateId, &written.span, message, &format!("first in {first}"), "remove one of the two");
                continue;
            }
            known.claimed.borrow_mut().insert(claim, file.to_owned());
            let mapping = Mapping {
                framework: framework.id.clone(),
                written: written.value,
                requirement,
                relationship: relationship.to_owned(),
                rationale: rationale.value.clone(),
                file: Some(file.to_owned()),
            };
            found.push((control.clone(), mapping));
        }
    }
    found
}
