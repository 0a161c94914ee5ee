//! What is in the way of a requirement: the controls that fail or are undecided, what to do about each, and what would settle the rest.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::author;
use super::causes::{Waiting, Why, waiting};
use super::requirements::link;
use super::view::{Capped, Mark, count, fitting};
use crate::model::assessment::{Assessment, ControlResult, MappedControl, RequirementResult, Standing, Status, Support};
use crate::model::control::Severity;
use crate::model::table::Evidence;
use crate::report::escape;

/// Most causes told of one requirement; the workpapers have all.
const CAUSES: usize = 8;
/// Bytes of Markdown that the causes of all requirements together may take; each has an equal share.
const BUDGET: usize = 400_000;

#[derive(Serialize)]
pub struct ObstaclesView<'a> {
    pub heading: String,
    support: Mark,
    /// `16 of its 22 controls fail, 6 are undecided.`
    sentence: String,
    remedies: Vec<RemedyView>,
    unselected: Vec<&'a str>,
    causes: Capped<CauseView>,
}

/// One thing to do, and what it would settle.
#[derive(Serialize)]
struct RemedyView {
    severity: &'static str,
    /// Markdown.
    controls: String,
    fail: usize,
    unknown: usize,
    /// Markdown; empty: nothing fails, and only evidence is lacking.
    what: String,
}

#[derive(Serialize)]
struct CauseView {
    /// Markdown.
    what: String,
    /// Which source settles it; Markdown.
    settled: String,
    /// `23 verdicts`, `the population`.
    waits: String,
    /// How many verdicts wait for nothing else.
    alone: usize,
    /// Markdown.
    controls: String,
}

/// Every judged control, and what leaves it undecided.
pub struct Remedies<'a> {
    controls: BTreeMap<&'a str, (&'a ControlResult, BTreeMap<Why<'a>, Waiting>)>,
    /// Bytes for the causes of one requirement.
    share: usize,
}

impl<'a> Remedies<'a> {
    pub fn of(assessment: &'a Assessment) -> Remedies<'a> {
        let requirements = assessment.frameworks.iter().flat_map(|framework| &framework.requirements);
        Remedies {
            controls: assessment.controls.iter().map(|result| (result.control.id.as_str(), (result, waiting(result)))).collect(),
            share: BUDGET / requirements.filter(|requirement| is_open(requirement)).count().max(1),
        }
    }
}

/// Whether something is in the way of it.
pub fn is_open(requirement: &RequirementResult) -> bool {
    matches!(requirement.support, Support::Contradicted | Support::Undetermined)
}

impl CauseView {
    /// About how many bytes of Markdown it takes.
    fn size(&self) -> usize {
        self.what.len() + self.settled.len() + self.waits.len() + self.controls.len() + 60
    }
}

/// `heading`: of its section; `anchors`: of the workpapers.
pub fn obstacles<'a>(
    requirement: &'a RequirementResult,
    heading: String,
    remedies: &Remedies<'a>,
    anchors: &BTreeMap<&str, String>,
    evidence: &Evidence,
) -> ObstaclesView<'a> {
    let with = |wanted: fn(&Standing) -> bool| -> Vec<&'a MappedControl> {
        requirement.controls.iter().filter(|mapped| wanted(&mapped.standing)).collect()
    };
    let open = with(|standing| matches!(standing, Standing::Judged(Status::Fail | Status::Unknown)));
    let unselected: Vec<&str> = with(|standing| *standing == Standing::NotSelected).into_iter().map(|mapped| mapped.id.as_str()).collect();
    let judged: Vec<_> = open.iter().filter_map(|mapped| remedies.controls.get(mapped.id.as_str())).collect();
    ObstaclesView {
        heading,
        support: requirement.support.into(),
        sentence: sentence(requirement, &open, &unselected),
        remedies: told(&judged, anchors),
        unselected,
        causes: fitting(causes(&judged, anchors, evidence), CAUSES, remedies.share, CauseView::size),
    }
}

fn sentence(requirement: &RequirementResult, open: &[&MappedControl], unselected: &[&str]) -> String {
    let fail = open.iter().filter(|mapped| mapped.standing == Standing::Judged(Status::Fail)).count();
    let parts = [(fail, "fail"), (open.len() - fail, "undecided"), (unselected.len(), "not selected")];
    let parts: Vec<String> = parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    format!("of {}: {}.", count(requirement.controls.len(), "control", "controls"), parts.join(", "))
}

type Judged<'j, 'a> = [&'j (&'a ControlResult, BTreeMap<Why<'a>, Waiting>)];

/// What to do, each thing once: the gravest first, then what would mend most.
fn told(judged: &Judged, anchors: &BTreeMap<&str, String>) -> Vec<RemedyView> {
    let mut same: BTreeMap<&str, Vec<&ControlResult>> = BTreeMap::new();
    let mut undecided = Vec::new();
    for (result, _) in judged {
        if result.counts.fail > 0 {
            same.entry(result.control.remediation.trim()).or_default().push(result);
        } else {
            undecided.push(vec![*result]);
        }
    }
    let sum = |results: &[&ControlResult]| results.iter().map(|result| result.counts.fail).sum::<usize>();
    let gravest = |results: &[&ControlResult]| results.iter().map(|result| result.severity()).max().unwrap_or(Severity::Low);
    let mut mend: Vec<(&str, Vec<&ControlResult>)> = same.into_iter().collect();
    mend.sort_by_key(|(_, results)| (Reverse(gravest(results)), Reverse(sum(results)), results.first().map(|first| &first.control.id)));
    mend.extend(undecided.into_iter().map(|results| ("", results)));
    mend.into_iter()
        .map(|(remedy, results)| RemedyView {
            severity: gravest(&results).word(),
            controls: results.iter().map(|result| link(&result.control.id, anchors)).collect::<Vec<_>>().join(", "),
            fail: sum(&results),
            unknown: results.iter().map(|result| result.counts.unknown).sum(),
            what: paragraph(remedy),
        })
        .collect()
}

/// The first paragraph of what an author wrote, for a cell of a table.
fn paragraph(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or(text);
    let written = author::rewrite(first);
    // A list or a code block does not fit into a cell.
    if written.contains('\n') { escape::sentence(first) } else { written }
}

/// What leaves the controls undecided: the causes for which most verdicts wait first.
fn causes(judged: &Judged, anchors: &BTreeMap<&str, String>, evidence: &Evidence) -> Vec<CauseView> {
    let mut all: BTreeMap<Why, Vec<(&str, Waiting)>> = BTreeMap::new();
    for (result, waiting) in judged {
        for (why, waits) in waiting {
            all.entry(*why).or_default().push((&result.control.id, *waits));
        }
    }
    let sum = |waits: &[(&str, Waiting)], of: fn(&Waiting) -> usize| waits.iter().map(|(_, waits)| of(waits)).sum::<usize>();
    let mut all: Vec<(Why, Vec<(&str, Waiting)>)> = all.into_iter().collect();
    all.sort_by_key(|(why, waits)| (Reverse(sum(waits, |waits| waits.verdicts)), *why));
    let named = |(id, waits): &(&str, Waiting)| match (waits.verdicts, waits.population) {
        (0, _) => format!("{} its population", link(id, anchors)),
        (verdicts, true) => format!("{} {verdicts} and its population", link(id, anchors)),
        (verdicts, false) => format!("{} {verdicts}", link(id, anchors)),
    };
    all.iter()
        .map(|(why, waits)| {
            let (verdicts, populations) = (sum(waits, |waits| waits.verdicts), sum(waits, |waits| usize::from(waits.population)));
            let parts = [(verdicts, "verdict", "verdicts"), (populations, "population", "populations")];
            let parts = parts.iter().filter(|(number, ..)| *number > 0).map(|(number, one, many)| count(*number, one, many));
            CauseView {
                what: why.told(),
                settled: why.settled(evidence),
                waits: parts.collect::<Vec<_>>().join(" and "),
                alone: sum(waits, |waits| waits.alone),
                controls: waits.iter().map(named).collect::<Vec<_>>().join(", "),
            }
        })
        .collect()
}
