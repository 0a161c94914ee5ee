//! Frameworks: every requirement with the controls mapped to it, grouped under the framework's own headings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::controls::anchor;
use super::view::{Mark, count};
use crate::model::assessment::{Assessment, FrameworkResult, RequirementResult, Standing, Support};
use crate::report::{escape, map};

#[derive(Serialize)]
pub struct FrameworkView<'a> {
    pub title: &'a str,
    publisher: &'a str,
    pub edition: &'a str,
    url: &'a str,
    attribution: &'a str,
    pub summary: String,
    pub groups: Vec<Group<'a>>,
}

/// A top-level requirement with all below it, or those that stand alone.
#[derive(Serialize)]
pub struct Group<'a> {
    pub id: &'a str,
    /// Empty for requirements that stand alone.
    title: &'a str,
    /// The top-level requirement itself, where controls are mapped to it.
    head: Option<Row<'a>>,
    pub rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
pub struct Row<'a> {
    pub id: &'a str,
    title: &'a str,
    /// Others stand below it.
    pub heading: bool,
    /// `None`: a heading to which nothing is mapped directly.
    pub support: Option<Mark>,
    /// `2 of 3 controls`.
    tally: String,
    /// Markdown.
    controls: String,
}

pub fn frameworks(assessment: &Assessment) -> Vec<FrameworkView<'_>> {
    let anchors: BTreeMap<&str, String> =
        assessment.controls.iter().map(|result| (result.control.id.as_str(), anchor(&result.control))).collect();
    assessment.frameworks.iter().map(|framework| view(framework, &anchors)).collect()
}

fn view<'a>(framework: &'a FrameworkResult, anchors: &BTreeMap<&str, String>) -> FrameworkView<'a> {
    let parents: BTreeSet<&str> = framework.requirements.iter().filter_map(|requirement| requirement.parent.as_deref()).collect();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for requirement in &framework.requirements {
        let heading = parents.contains(requirement.id.as_str());
        let row = row(requirement, heading, anchors);
        match (&requirement.parent, heading) {
            (None, true) => groups.push(Group {
                id: &requirement.id,
                title: &requirement.title,
                head: (!requirement.controls.is_empty()).then_some(row),
                rows: Vec::new(),
            }),
            (None, false) if groups.last().is_none_or(|group| !group.title.is_empty()) => {
                groups.push(Group { id: "", title: "", head: None, rows: vec![row] });
            }
            _ => match groups.last_mut() {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { id: "", title: "", head: None, rows: vec![row] }),
            },
        }
    }
    FrameworkView {
        title: &framework.title,
        publisher: &framework.publisher,
        edition: &framework.edition,
        url: &framework.url,
        attribution: &framework.attribution,
        summary: summary(framework),
        groups,
    }
}

/// One sentence whose numbers add up: of the requirements under which no other stands, how many have which status.
fn summary(framework: &FrameworkResult) -> String {
    let (leaves, all) = (map::lowest(framework), framework.requirements.len());
    let parts: Vec<String> = Support::ALL
        .into_iter()
        .filter_map(|support| {
            let number = leaves.iter().filter(|leaf| leaf.support == support).count();
            (number > 0).then(|| match support {
                Support::NoControl => format!("{number} with no control"),
                _ => format!("{number} {}", support.word()),
            })
        })
        .collect();
    if leaves.len() == all {
        format!("Of {}: {}.", count(leaves.len(), "requirement", "requirements"), parts.join(", "))
    } else {
        let above = all - leaves.len();
        format!(
            "Of {} below {}: {}.",
            count(leaves.len(), "requirement", "requirements"),
            count(above, "heading", "headings"),
            parts.join(", ")
        )
    }
}

fn row<'a>(requirement: &'a RequirementResult, heading: bool, anchors: &BTreeMap<&str, String>) -> Row<'a> {
    let bare = requirement.controls.is_empty();
    let links: Vec<String> = requirement
        .controls
        .iter()
        .map(|mapped| {
            let name = match anchors.get(mapped.id.as_str()) {
                Some(anchor) => format!("[{}](#{anchor})", escape::markdown(&mapped.id)),
                None => escape::markdown(&mapped.id),
            };
            let mark = match mapped.standing {
                Standing::Judged(status) => {
                    let mark = Mark::from(status);
                    format!("{} {}", escape::markdown(mark.shape), mark.word)
                }
                _ => map::standing(&mapped.standing).to_owned(),
            };
            let written = &mapped.written;
            let alias = if *written == requirement.id { String::new() } else { format!(", written {}", escape::code(written)) };
            format!("{name} {mark}{alias}")
        })
        .collect();
    Row {
        id: &requirement.id,
        title: &requirement.title,
        heading,
        support: (!(heading && bare)).then(|| Mark::from(requirement.support)),
        tally: if bare {
            String::new()
        } else {
            format!("{} of {}", map::satisfied(requirement), count(requirement.controls.len(), "control", "controls"))
        },
        controls: match &requirement.out_of_scope {
            Some(reason) => format!("Out of scope: {} {}", escape::markdown(reason), links.join(", ")).trim_end().to_owned(),
            None => links.join(", "),
        },
    }
}
