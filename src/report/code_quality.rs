//! The fails as GitLab shows them in a merge request: its code quality report, a list of issues.

use std::path::Path;

use serde::Serialize;

use super::ReportError;
use crate::model::assessment::{Assessment, Finding, Verdict};
use crate::model::control::Severity;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    /// The same in every run, so that GitLab tells which are new.
    fingerprint: &'a str,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// The report of every fail that no waiver covers. `project`: the project's folder, as paths of the repository begin.
///
/// # Errors
/// [`ReportError::Json`]
pub fn json(assessment: &Assessment, project: &Path) -> Result<Vec<u8>, ReportError> {
    let issues: Vec<Issue> = assessment
        .controls
        .iter()
        .flat_map(|result| result.findings.iter().map(move |finding| (result, finding)))
        .filter(|(_, finding)| finding.verdict == Verdict::Fail)
        .map(|(result, finding)| Issue {
            description: format!("{}: {} fails: {}", finding.control, result.control.title, finding.subject),
            check_name: &finding.control,
            fingerprint: &finding.id,
            severity: match result.severity() {
                Severity::Low => "minor",
                Severity::Medium => "major",
                Severity::High => "critical",
                Severity::Critical => "blocker",
            },
            location: Location {
                path: place(finding, project).map_or_else(|| "tickmark.toml".to_owned(), |(path, _)| path),
                lines: Lines { begin: place(finding, project).and_then(|(_, line)| line).unwrap_or(1) },
            },
        })
        .collect();
    Ok(serde_json_canonicalizer::to_vec(&issues)?)
}

/// The file of a finding's first record, below the repository, and the line, where the record is one.
#[must_use]
pub fn place(finding: &Finding, project: &Path) -> Option<(String, Option<usize>)> {
    let first = finding.evidence.iter().find(|position| !position.file.is_empty())?;
    let path = project.join(&first.file);
    let path = path.strip_prefix(".").unwrap_or(&path).to_string_lossy().into_owned();
    Some((path, first.record.strip_prefix("line ").and_then(|line| line.parse().ok())))
}
