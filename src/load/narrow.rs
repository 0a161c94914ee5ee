//! `--only` and `--skip`: which of a project's controls a run judges. What is left out counts as not selected.

use super::reader::nearest;
use crate::model::control::Control;
use crate::model::project::{Deselected, Narrowed, Project};

/// Leaves out what `only` does not name and what `skip` does: controls, families (`OFF`), frameworks.
///
/// # Errors
/// A name that is none of these, or nothing is left.
pub fn narrow(project: &mut Project, only: &[String], skip: &[String]) -> Result<(), String> {
    if only.is_empty() && skip.is_empty() {
        return Ok(());
    }
    for (flag, names) in [("--only", only), ("--skip", skip)] {
        for name in names {
            known(project, flag, name)?;
        }
    }
    let chosen = |control: &Control, names: &[String]| names.iter().any(|name| names_it(name, control));
    let of = project.controls.len();
    let (kept, left): (Vec<Control>, Vec<Control>) = std::mem::take(&mut project.controls)
        .into_iter()
        .partition(|control| (only.is_empty() || chosen(control, only)) && !chosen(control, skip));
    if kept.is_empty() {
        return Err(format!("of {of} selected controls none is left: nothing would be assessed"));
    }
    project.controls = kept;
    project.deselected.extend(left.into_iter().map(|control| Deselected { control, out_of_scope: None, narrowed: true }));
    project.deselected.sort_by(|a, b| a.control.id.cmp(&b.control.id));
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    project.narrowed = Some(Narrowed { only: sorted(only), skip: sorted(skip), left: project.controls.len(), of });
    Ok(())
}

fn names_it(name: &str, control: &Control) -> bool {
    control.id == name || control.family() == name || control.mappings.iter().any(|to| to.framework == name)
}

fn known(project: &Project, flag: &str, name: &str) -> Result<(), String> {
    let frameworks = project.frameworks.iter().map(|framework| framework.id.as_str());
    if project.controls.iter().any(|control| control.id == name || control.family() == name) || frameworks.clone().any(|id| id == name) {
        return Ok(());
    }
    if let Some(left) = project.deselected.iter().find(|left| left.control.id == name || left.control.family() == name) {
        let why = if left.out_of_scope.is_some() { "is declared out of scope" } else { "is not selected" };
        return Err(format!("{flag} {name}: it {why} by tickmark.toml, so it would not be judged anyway"));
    }
    let names = project.controls.iter().flat_map(|control| [control.id.as_str(), control.family()]).chain(frameworks);
    let near = nearest(name, names);
    let help = if near.is_empty() { "name a control (`OFF-01`), a family (`OFF`) or a framework".to_owned() } else { near };
    Err(format!("{flag} {name}: no selected control, family or framework is called so; {help}"))
}
