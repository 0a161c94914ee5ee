//! Catalogues: of the controls, and of the frameworks.

use super::super::identity;
use super::super::package::{Control, Framework, Package, Param, Requirement};
use super::{Names, label, line, metadata, ours, prose, string, wire};

/// The controls that were judged.
pub fn controls(package: &Package<'_>, names: &Names) -> wire::Catalog {
    wire::Catalog {
        uuid: package.identities.of_assessment(&["catalog"]),
        metadata: metadata(package, &format!("{}: controls", package.assessment.name)),
        controls: package.assessment.controls.iter().map(|it| control(it, &names.control(&it.id))).collect(),
        ..wire::Catalog::default()
    }
}

fn control(control: &Control, id: &str) -> wire::Control {
    let part = |end: &str, name, prose| wire::Part { id: format!("{id}_{end}"), name, prose };
    let applies = control.applies.as_ref().map_or_else(String::new, |condition| format!("Where {}:\n\n", code(condition)));
    let mut parts = vec![part("smt", "statement", prose(&control.statement))];
    let guidance = format!("{}\n\n{}", prose(&control.risk), prose(&control.remediation));
    parts.push(part("gdn", "guidance", guidance));
    parts.push(part("obj", "assessment-objective", format!("{applies}{}", code(&control.assert))));
    wire::Control {
        id: id.to_owned(),
        class: Some("tickmark".to_owned()),
        title: line(&control.title),
        params: control.params.iter().map(|param| parameter(param, id)).collect(),
        props: vec![
            label(&control.id),
            ours("severity", &control.severity),
            ours("subject", &control.subject),
            ours("sha256", &control.sha256),
        ],
        parts,
        controls: Vec::new(),
    }
}

/// A condition is of the project's own making; it is kept to one line, and none of it is Markdown.
fn code(condition: &str) -> String {
    crate::report::escape::fenced("sql", condition)
}

fn parameter(param: &Param, control: &str) -> wire::Parameter {
    let bounds = [("at least", &param.min), ("at most", &param.max)];
    let bounds = bounds.iter().filter_map(|(word, bound)| Some(format!("{word} {}", bound.as_ref()?)));
    wire::Parameter {
        id: format!("{control}_{}", param.name),
        props: vec![ours("default", &param.default), ours("overridden", &param.overridden.to_string())],
        label: line(&param.name),
        constraints: bounds.map(|description| wire::Constraint { description: line(&description) }).collect(),
        guidelines: vec![wire::Guideline { prose: prose(&param.basis) }],
        values: vec![string(&param.value)],
    }
}

/// A framework. What stands at the top and has requirements below it is a group, unless a control is mapped to it.
pub fn framework(package: &Package<'_>, framework: &Framework, names: &Names) -> wire::Catalog {
    let mut catalog = wire::Catalog {
        uuid: identity::everywhere(&["catalog", &framework.id, &framework.edition]),
        metadata: metadata(package, &format!("{} {}", framework.title, framework.edition)),
        ..wire::Catalog::default()
    };
    catalog.metadata.version = string(&framework.edition);
    catalog.metadata.props.push(ours("publisher", &framework.publisher));
    catalog.metadata.remarks = Some(format!("{} Titles only: {}", line(&framework.attribution), line(&framework.url)));
    for top in framework.requirements.iter().filter(|it| it.parent.is_none()) {
        let entry = requirement(top, framework, names);
        if entry.controls.is_empty() || !top.controls.is_empty() {
            catalog.controls.push(entry);
        } else {
            let wire::Control { id, class, title, props, controls, .. } = entry;
            catalog.groups.push(wire::Group { id, class, title, props, controls });
        }
    }
    catalog
}

fn requirement(it: &Requirement, framework: &Framework, names: &Names) -> wire::Control {
    let below = framework.requirements.iter().filter(|other| other.parent.as_deref() == Some(&it.id));
    wire::Control {
        id: names.requirement(framework, &it.id).unwrap_or_default(),
        class: Some(string(&it.level)),
        title: line(&it.title),
        props: vec![label(&it.id)],
        controls: below.map(|below| requirement(below, framework, names)).collect(),
        ..wire::Control::default()
    }
}
