//! What a source that is not there leaves undecided: a line for each, whatever number of subjects waits for it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::view::{clause, count};
use crate::model::assessment::Assessment;

#[derive(Serialize)]
pub struct LackingView {
    detail: String,
    /// `PRV-01 (its population), INV-07 (3 subjects)`.
    controls: String,
}

/// How much of one control waits for one source.
#[derive(Default)]
struct Waiting {
    population: bool,
    subjects: usize,
}

pub fn lacking(assessment: &Assessment) -> Vec<LackingView> {
    let mut lines: BTreeMap<(&str, &str), BTreeMap<&str, Waiting>> = BTreeMap::new();
    let missing = |word: &str| matches!(word, "no-source" | "absent-source");
    for result in &assessment.controls {
        let id = result.control.id.as_str();
        for reason in result.population_gaps.iter().filter(|reason| missing(reason.word)) {
            lines.entry((reason.word, &reason.detail)).or_default().entry(id).or_default().population = true;
        }
        for finding in &result.findings {
            let alike = finding.group.as_ref().map_or(1, |group| group.count);
            for reason in finding.reasons.iter().filter(|reason| missing(reason.word)) {
                lines.entry((reason.word, &reason.detail)).or_default().entry(id).or_default().subjects += alike;
            }
        }
    }
    let told = |(id, waiting): (&str, Waiting)| match (waiting.population, waiting.subjects) {
        (true, 0) => format!("{id} (its population)"),
        (true, subjects) => format!("{id} (its population, {})", count(subjects, "subject", "subjects")),
        (false, subjects) => format!("{id} ({})", count(subjects, "subject", "subjects")),
    };
    lines
        .into_iter()
        .map(|((_, detail), controls)| LackingView {
            detail: clause(detail),
            controls: controls.into_iter().map(told).collect::<Vec<_>>().join(", "),
        })
        .collect()
}
