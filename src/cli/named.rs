//! What somebody named on the command line, and what they may have meant where there is no such thing.

use crate::load::nearest;
use crate::model::control::Control;
use crate::model::project::Project;

/// The selected control of an id.
///
/// # Errors
/// There is none: it is not selected, or the nearest ids are told.
pub fn control<'p>(project: &'p Project, id: &str) -> anyhow::Result<&'p Control> {
    project.controls.iter().find(|control| control.id == id).ok_or_else(|| unselected(project, id))
}

/// Why no selected control has the id.
pub fn unselected(project: &Project, id: &str) -> anyhow::Error {
    if let Some(left) = project.deselected.iter().find(|left| left.control.id == id) {
        let why = if left.out_of_scope.is_some() {
            "declared out of scope in tickmark.toml"
        } else {
            "not selected by `controls` in tickmark.toml"
        };
        return anyhow::anyhow!("the control {id} is {why}");
    }
    let ids = project.controls.iter().map(|control| control.id.as_str());
    let otherwise = "`controls` in tickmark.toml says which are selected, `tickmark control list --project …` lists them";
    anyhow::anyhow!("no selected control is called `{id}`; {}", hint(id, ids, otherwise))
}

/// The nearest name, or what to do where none is near.
pub fn hint<'n>(unknown: &str, names: impl IntoIterator<Item = &'n str>, otherwise: &str) -> String {
    let near = nearest(unknown, names);
    if near.is_empty() { otherwise.to_owned() } else { near }
}
