//! Frameworks: every requirement with the controls mapped to it, grouped under the framework's own headings, and what is in the way
//! of those that are not supported.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::controls::anchor;
use super::obstacles::{self, ObstaclesView};
use super::view::Mark;
use crate::model::assessment::{Assessment, FrameworkResult, RequirementResult, Standing};
use crate::model::table::Evidence;
use crate::report::{coverage, escape, map};

#[derive(Serialize)]
pub struct FrameworkView<'a> {
    pub title: &'a str,
    publisher: &'a str,
    pub edition: &'a str,
    url: &'a str,
    attribution: &'a str,
    pub summary: String,
    pub groups: Vec<Group<'a>>,
    /// One for each requirement that is contradicted or undetermined.
    obstacles: Vec<ObstaclesView<'a>>,
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
    /// Of the section that tells what is in the way; `None`: there is none.
    pub anchor: Option<String>,
    /// Others stand below it.
    pub heading: bool,
    /// `None`: a heading to which nothing is mapped directly.
    pub support: Option<Mark>,
    /// `2 of 3 passed`.
    tally: String,
    /// Markdown.
    controls: String,
}

/// What links lead to: the sections of the controls, and those of the requirements.
struct Anchors<'a> {
    controls: BTreeMap<&'a str, String>,
    /// No two headings are alike.
    taken: BTreeSet<String>,
}

pub fn frameworks<'a>(assessment: &'a Assessment, evidence: &Evidence) -> Vec<FrameworkView<'a>> {
    let controls: BTreeMap<&str, String> =
        assessment.controls.iter().map(|result| (result.control.id.as_str(), anchor(&result.control))).collect();
    let mut anchors = Anchors { taken: controls.values().cloned().collect(), controls };
    let remedies = obstacles::Remedies::of(assessment);
    assessment.frameworks.iter().map(|framework| view(framework, &mut anchors, &remedies, evidence)).collect()
}

fn view<'a>(
    framework: &'a FrameworkResult,
    anchors: &mut Anchors<'a>,
    remedies: &obstacles::Remedies<'a>,
    evidence: &Evidence,
) -> FrameworkView<'a> {
    let parents: BTreeSet<&str> = framework.requirements.iter().filter_map(|requirement| requirement.parent.as_deref()).collect();
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut obstacles = Vec::new();
    for requirement in &framework.requirements {
        let heading = parents.contains(requirement.id.as_str());
        let section = obstacles::is_open(requirement).then(|| anchors.section(framework, requirement));
        let row = row(requirement, heading, &section, anchors);
        obstacles.extend(section.map(|heading| obstacles::obstacles(requirement, heading, remedies, &anchors.controls, evidence)));
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
        summary: format!("{}.", coverage::summary(framework)),
        groups,
        obstacles,
    }
}

impl Anchors<'_> {
    /// The heading of a requirement's section, which no other section has.
    fn section(&mut self, framework: &FrameworkResult, requirement: &RequirementResult) -> String {
        let heading = format!("{}: {}", requirement.id, requirement.title);
        if self.taken.insert(escape::slug(&heading)) {
            return heading;
        }
        let heading = format!("{} of {}: {}", requirement.id, framework.id, requirement.title);
        self.taken.insert(escape::slug(&heading));
        heading
    }
}

fn row<'a>(requirement: &'a RequirementResult, heading: bool, section: &Option<String>, anchors: &Anchors) -> Row<'a> {
    let bare = requirement.controls.is_empty();
    let links: Vec<String> = requirement
        .controls
        .iter()
        .map(|mapped| {
            let name = link(&mapped.id, &anchors.controls);
            let mark = match mapped.standing {
                Standing::Judged(status) => {
                    let mark = Mark::from(status);
                    // Not torn apart at the end of a line.
                    format!("{}\u{a0}{}", escape::markdown(mark.shape), mark.word)
                }
                _ => map::standing(&mapped.standing).to_owned(),
            };
            let written = &mapped.written;
            let alias = if *written == requirement.id { String::new() } else { format!(", written {}", escape::code(written)) };
            format!("{name}\u{a0}{mark}{alias}")
        })
        .collect();
    Row {
        id: &requirement.id,
        title: &requirement.title,
        anchor: section.as_deref().map(escape::slug),
        heading,
        support: (!(heading && bare)).then(|| Mark::from(requirement.support)),
        tally: if bare { String::new() } else { format!("{} of {} passed", map::satisfied(requirement), requirement.controls.len()) },
        controls: match &requirement.out_of_scope {
            Some(reason) => format!("Out of scope: {} {}", escape::markdown(reason), links.join(", ")).trim_end().to_owned(),
            None => links.join(", "),
        },
    }
}

/// A control, with a link to its workpaper where there is one.
pub fn link(id: &str, anchors: &BTreeMap<&str, String>) -> String {
    match anchors.get(id) {
        Some(anchor) => format!("[{}](#{anchor})", escape::markdown(id)),
        None => escape::markdown(id),
    }
}
