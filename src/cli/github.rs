//! In a step of GitHub Actions: annotations beside the lines of the evidence, and a summary on the run's page. Nothing of the environment goes
//! into the package.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::summary::{Ending, printable};
use crate::model::assessment::{Assessment, ControlResult, Finding, Outcome, Verdict};
use crate::model::project::Project;
use crate::report::code_quality::place;
use crate::report::escape;
use crate::report::formats::{self, Export, Format, Package, SUMMARY_LIMIT};

/// How many annotations of a kind GitHub shows of one step.
const SHOWN: usize = 10;

/// A step that the program runs in.
#[derive(Debug)]
pub struct Step {
    /// The file that takes the summary.
    summary: Option<PathBuf>,
}

impl Step {
    /// `None`: this is no step of GitHub Actions.
    #[must_use]
    pub fn of_environment() -> Option<Step> {
        let read = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        (read("GITHUB_ACTIONS").is_some_and(|value| value == "true"))
            .then(|| Step { summary: read("GITHUB_STEP_SUMMARY").map(PathBuf::from) })
    }

    /// Says what a run has to say, the annotations before its last lines.
    pub fn say(&self, said: &str, last: &str, assessment: &Assessment, project: &Project, ending: &Ending, root: &Path) {
        println!("{}", defused(said));
        for line in annotations(assessment, project, ending, root) {
            println!("{line}");
        }
        print!("{}", defused(last));
    }

    /// Adds the summary of a package to the run's page. That it cannot be written is said, and stops nothing.
    pub fn summarise(&self, package: &Package<'_>, ending: &Ending) {
        let Some(path) = &self.summary else { return };
        let text = match formats::export(Format::Markdown, package, formats::Options::default()) {
            Ok(Export::File(bytes)) => bytes,
            _ => return,
        };
        let mut whole = format!("**{}**\n\n", escape::sentence(&ending.line())).into_bytes();
        if whole.len() + text.len() > SUMMARY_LIMIT {
            whole.clear();
        }
        whole.extend(text);
        let written = std::fs::OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| file.write_all(&whole));
        if let Err(why) = written {
            eprintln!("warning: the summary of the step, {}, cannot be written: {why}", path.display());
        }
    }
}

/// What fails, or leaves undecided, the step: one line each, and how many more there are.
#[must_use]
pub fn annotations(assessment: &Assessment, project: &Project, ending: &Ending, root: &Path) -> Vec<String> {
    let gating = &project.gating;
    let mut controls: Vec<&ControlResult> = assessment.controls.iter().collect();
    controls.sort_by_key(|result| (std::cmp::Reverse(result.severity()), &result.control.id));
    let mut all = Vec::new();
    match ending.outcome {
        Outcome::Violations => {
            let gone = assessment.baseline.iter().flat_map(|baseline| &baseline.vanished);
            all.extend(gone.map(|vanished| command("error", &[("title", "gone since the baseline")], &vanished.told())));
            for result in controls.into_iter().filter(|result| gating.holds_fail(&result.control.id, result.severity())) {
                let new = |finding: &&Finding| finding.verdict == Verdict::Fail && finding.known != Some(true);
                all.extend(result.findings.iter().filter(new).map(|finding| error(result, finding, root)));
            }
        }
        Outcome::Insufficient => {
            let open = |result: &&ControlResult| {
                (result.counts.unknown > 0 || !result.population_gaps.is_empty())
                    && gating.holds_unknown(&result.control.id, result.severity())
            };
            all.extend(controls.into_iter().filter(open).map(|result| {
                let title = format!("{} is undetermined", result.control.id);
                let why = result.findings.iter().flat_map(|finding| &finding.reasons).chain(&result.population_gaps).next();
                command("warning", &[("title", &title)], why.map_or(&result.control.title, |reason| &reason.detail))
            }));
        }
        _ => {}
    }
    if all.len() > SHOWN {
        let level = if ending.outcome == Outcome::Violations { "error" } else { "warning" };
        let more = all.len() - (SHOWN - 1);
        all.truncate(SHOWN - 1);
        all.push(command(level, &[("title", "tickmark")], &format!("{more} more like these; the report has all of them")));
    }
    all
}

fn error(result: &ControlResult, finding: &Finding, root: &Path) -> String {
    let title = format!("{} ({}): {}", finding.control, result.severity().word(), result.control.title);
    let place = place(finding, root);
    let line = place.as_ref().and_then(|(_, line)| *line).map(|line| line.to_string());
    let mut properties = Vec::new();
    if let Some((path, _)) = &place {
        properties.push(("file", path.as_str()));
    }
    if let Some(line) = &line {
        properties.push(("line", line));
    }
    properties.push(("title", &title));
    command("error", &properties, &finding.subject)
}

/// A workflow command, escaped as GitHub's toolkit does.
fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let data = |text: &str| printable(text).replace("##[", "\\u{23}#[").replace('%', "%25");
    let said: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key}={}", data(value).replace(':', "%3A").replace(',', "%2C"))).collect();
    // What is printable holds no line break.
    format!("::{name} {}::{}", said.join(","), data(message))
}

/// Text in which no line is a command: evidence may say anything. A runner takes `::` after white space, and `##[` anywhere.
fn defused(text: &str) -> String {
    let line = |line: &str| {
        let rest = line.trim_start();
        let start = &line[..line.len() - rest.len()];
        let rest = match rest.strip_prefix("::") {
            Some(after) => format!("\\u{{3a}}:{after}"),
            None => rest.to_owned(),
        };
        format!("{start}{}", rest.replace("##[", "\\u{23}#["))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_evidence_is_a_command() {
        for hostile in ["::error::x", "  ::add-mask::x", "\u{a0}::stop-commands::x", "a ##[error]x", "\t::set-output name=a::b"] {
            let said = defused(hostile);
            assert!(!said.trim_start().starts_with("::") && !said.contains("##["), "{said}");
        }
        assert_eq!(defused("a :: b\n  c"), "a :: b\n  c");
    }

    #[test]
    fn a_command_ends_where_its_line_does() {
        assert_eq!(
            command("error", &[("file", "a,b:c%"), ("title", "x\n::y")], "100% \r\n::error::z"),
            "::error file=a%2Cb%3Ac%25,title=x\\u{a}%3A%3Ay::100%25 \\u{d}\\u{a}::error::z"
        );
    }
}
