//! What the controls of an assessment cover of each framework: `tickmark coverage` as text, Markdown and JSON.
//!
//! Counted are the requirements under which no other stands. What no control is mapped to is never counted as covered, and
//! what is out of scope is counted apart.

use std::fmt::Write;

use super::page::view::Mark;
use super::{escape, map, wire};
use crate::model::assessment::{Assessment, FrameworkResult, MappedControl, RequirementResult, Support};

fn counts(framework: &FrameworkResult) -> wire::CoverageCounts {
    let lowest = map::lowest(framework);
    let of = |support: Support| lowest.iter().filter(|requirement| requirement.support == support).count();
    wire::CoverageCounts {
        requirements: lowest.len(),
        in_scope: lowest.len() - of(Support::OutOfScope),
        supported: of(Support::Supported),
        supported_with_exceptions: of(Support::SupportedWithExceptions),
        contradicted: of(Support::Contradicted),
        undetermined: of(Support::Undetermined),
        not_applicable: of(Support::NotApplicable),
        no_control: of(Support::NoControl),
        out_of_scope: of(Support::OutOfScope),
    }
}

/// `3 of 104 requirements in scope are supported; …`: the first number never holds what is not mapped.
pub fn summary(framework: &FrameworkResult) -> String {
    let counts = counts(framework);
    let mut parts = Vec::new();
    for (count, word) in [
        (counts.supported_with_exceptions, "supported with exceptions"),
        (counts.contradicted, "contradicted"),
        (counts.undetermined, "undetermined"),
        (counts.not_applicable, "not applicable"),
        (counts.no_control, "with no control"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let mut text = format!("{} of {} requirements in scope are supported", counts.supported, counts.in_scope);
    if !parts.is_empty() {
        let _ = write!(text, "; {}", parts.join(", "));
    }
    if counts.out_of_scope > 0 {
        let _ = write!(text, "; {} out of scope", counts.out_of_scope);
    }
    text
}

/// Whether the controls of a requirement claim to meet the whole of it, or overlap with it.
fn overlap(requirement: &RequirementResult) -> &'static str {
    let whole = |mapped: &MappedControl| matches!(mapped.relationship.as_str(), "equal" | "equivalent-to" | "superset-of");
    if requirement.controls.is_empty() {
        ""
    } else if requirement.controls.iter().any(whole) {
        "whole"
    } else {
        "in part"
    }
}

const NOTE: &str = "Only non-human identities were looked at. A requirement has the worst status of the controls mapped to it; \
    *in part* says that they overlap with it and do not claim the whole of it.";

/// For a terminal: what is mapped or out of scope line by line, the rest by number.
#[must_use]
pub fn text(assessment: &Assessment) -> String {
    let mut out = format!("{}, as of {}\n", assessment.name, assessment.as_of);
    for framework in &assessment.frameworks {
        let _ = write!(out, "\n{} ({})\n{}\n\n", framework.title, framework.edition, summary(framework));
        for requirement in &framework.requirements {
            if requirement.controls.is_empty() && requirement.out_of_scope.is_none() {
                continue;
            }
            let mark = Mark::from(requirement.support);
            let overlap = overlap(requirement);
            let _ = writeln!(
                out,
                "  {} {:<25} {:<14} {}{}",
                mark.shape,
                mark.word,
                requirement.id,
                requirement.title,
                if overlap.is_empty() { String::new() } else { format!(" ({overlap})") }
            );
            let controls: Vec<String> =
                requirement.controls.iter().map(|mapped| format!("{} {}", mapped.id, map::standing(&mapped.standing))).collect();
            if !controls.is_empty() {
                let _ = writeln!(out, "      {} of {}: {}", map::satisfied(requirement), controls.len(), controls.join(", "));
            }
            if let Some(reason) = &requirement.out_of_scope {
                let _ = writeln!(out, "      out of scope: {reason}");
            }
        }
    }
    let _ = write!(out, "\n{}\n", NOTE.replace('*', ""));
    out
}

/// A Markdown page: every requirement in a table, those with no control too.
#[must_use]
pub fn markdown(assessment: &Assessment) -> String {
    let mut out = format!("# Coverage: {}\n\nAs of {}. {NOTE}\n", escape::markdown(&assessment.name), assessment.as_of);
    for framework in &assessment.frameworks {
        let _ = write!(
            out,
            "\n## {} ({})\n\n{}.\n\n| Requirement | | Status | Overlap | Controls |\n|---|---|---|---|---|\n",
            escape::markdown(&framework.title),
            escape::markdown(&framework.edition),
            summary(framework)
        );
        for requirement in &framework.requirements {
            let mark = Mark::from(requirement.support);
            let mut controls: Vec<String> = requirement
                .controls
                .iter()
                .map(|mapped| format!("{} {} ({})", escape::markdown(&mapped.id), map::standing(&mapped.standing), mapped.relationship))
                .collect();
            if let Some(reason) = &requirement.out_of_scope {
                controls.insert(0, format!("Out of scope: {}", escape::markdown(reason)));
            }
            let heading = framework.requirements.iter().any(|below| below.parent.as_ref() == Some(&requirement.id));
            let status = if heading && requirement.controls.is_empty() && requirement.out_of_scope.is_none() {
                String::new()
            } else {
                format!("{} {}", escape::markdown(mark.shape), mark.word)
            };
            let _ = writeln!(
                out,
                "| {} | {} | {status} | {} | {} |",
                escape::markdown(&requirement.id),
                escape::markdown(&requirement.title),
                overlap(requirement),
                controls.join(", ")
            );
        }
        let _ = writeln!(out, "\nAttribution: {}", escape::markdown(&framework.attribution));
    }
    out
}

/// Canonical JSON; `docs/report.md` lists the fields.
///
/// # Errors
/// [`serde_json::Error`]; memory is the only limit.
pub fn json(assessment: &Assessment) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(&wire::CoverageFile {
        schema: wire::COVERAGE,
        name: &assessment.name,
        as_of: assessment.as_of.to_string(),
        frameworks: assessment
            .frameworks
            .iter()
            .map(|framework| wire::Coverage { counts: counts(framework), framework: map::framework(framework) })
            .collect(),
    })
}
