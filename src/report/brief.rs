//! A summary in Markdown that a pipeline shows on a page of its own: the verdict, what fails, what is undecided.

use std::fmt::Write;

use super::escape;
use crate::model::assessment::{Assessment, ControlResult, Status, Verdict};
use crate::model::project::Project;

/// The most bytes that it has.
pub const LONGEST: usize = 65_536;
/// How many subjects of a control, and how many things that are gone, it names.
const NAMED: usize = 10;

/// The summary, of [`LONGEST`] bytes at most. `line`: the verdict and its reason.
#[must_use]
pub fn markdown(assessment: &Assessment, project: &Project, line: &str) -> String {
    let mut out = format!("## {}\n\n**{}**\n\n", escape::sentence(&assessment.name), escape::sentence(line));
    let _ = writeln!(out, "As of {}. Gate: {}; unknowns: {}.", assessment.as_of, assessment.gate, project.gating.unknown().word());
    if let Some(narrowed) = &project.narrowed {
        let _ = writeln!(out, "The run was {}.", escape::sentence(&narrowed.told()));
    }
    let gone: Vec<_> = assessment.baseline.iter().flat_map(|baseline| &baseline.vanished).collect();
    if !gone.is_empty() {
        out.push_str("\n### Gone since the baseline, without proof\n\n");
        list(&mut out, gone.len(), gone.iter().map(|vanished| escape::sentence(&vanished.told())));
    }
    let mut controls: Vec<&ControlResult> = assessment.controls.iter().collect();
    controls.sort_by_key(|result| (std::cmp::Reverse(result.severity()), &result.control.id));
    for (title, wanted, verdict) in [("Fails", Status::Fail, Verdict::Fail), ("Undetermined", Status::Unknown, Verdict::Unknown)] {
        let of_it: Vec<&&ControlResult> = controls.iter().filter(|result| result.status == wanted).collect();
        if of_it.is_empty() {
            continue;
        }
        let _ = write!(out, "\n### {title}\n");
        for (number, result) in of_it.iter().enumerate() {
            let section = section(result, verdict);
            // Room is kept for the line that says what is left out.
            if out.len() + section.len() > LONGEST - 200 {
                let _ = write!(out, "\nAnd {} more controls: the report has them.\n", of_it.len() - number);
                return out;
            }
            out.push_str(&section);
        }
    }
    out
}

fn section(result: &ControlResult, verdict: Verdict) -> String {
    let control = &result.control;
    let mut out = format!("\n**{} {}** ({})", control.id, escape::sentence(&control.title), control.severity.word());
    if result.known > 0 {
        let _ = write!(out, ", {} of {} known to the baseline", result.known, result.counts.fail);
    }
    out.push_str("\n\n");
    // What is new comes first.
    let mut findings: Vec<_> = result.findings.iter().filter(|finding| finding.verdict == verdict).collect();
    findings.sort_by_key(|finding| finding.known == Some(true));
    list(
        &mut out,
        findings.len(),
        findings.iter().map(|finding| {
            let known = if finding.known == Some(true) { " (known)" } else { "" };
            format!("{}{known}", escape::code(&finding.subject))
        }),
    );
    for reason in result.population_gaps.iter().take(1).filter(|_| verdict == Verdict::Unknown && result.counts.unknown == 0) {
        let _ = writeln!(out, "- {}", escape::sentence(&reason.detail));
    }
    out
}

fn list(out: &mut String, count: usize, lines: impl Iterator<Item = String>) {
    for line in lines.take(NAMED) {
        let _ = writeln!(out, "- {line}");
    }
    if count > NAMED {
        let _ = writeln!(out, "- and {} more", count - NAMED);
    }
}
