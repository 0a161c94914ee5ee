//! What `run` prints: one line per control, the worst first, and the reason last.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::exit::Exit;
use crate::model::assessment::{Assessment, ControlResult, Outcome, Status, Verdict};
use crate::model::schema::SCHEMA;
use crate::model::table::{Evidence, Source};

/// How many findings of a failing control are named.
const NAMED: usize = 3;

/// The summary; with `colour`, statuses are coloured (the words stay).
#[must_use]
pub fn render(assessment: &Assessment, evidence: &Evidence, colour: bool) -> String {
    let mut out = String::new();
    let from = match assessment.as_of_from {
        "argument" => "given on the command line",
        "configuration" => "pinned in tickmark.toml",
        _ => "the newest collection time of the evidence",
    };
    let _ = writeln!(out, "{}, as of {} ({from})", assessment.name, assessment.as_of);
    // The table `waiver` has a row for each subject that one covers: what is counted are the waivers.
    let tables = assessment.tables.iter().filter(|(name, ..)| !matches!(name.as_str(), "source" | "system" | "waiver"));
    let counted = tables.map(|(name, rows, _)| (name.as_str(), *rows)).chain([("waiver", assessment.waivers.len())]);
    let rows: Vec<String> =
        counted.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {}", plural(name, count))).collect();
    let _ = writeln!(
        out,
        "{} {} over {}",
        assessment.controls.len(),
        plural("control", assessment.controls.len()),
        if rows.is_empty() { "no rows".to_owned() } else { rows.join(", ") }
    );
    for source in &evidence.sources {
        if source.absent || !source.fresh || source.completeness.word() != "full" {
            let mut words = Vec::new();
            if source.absent && source.quarantined > 0 {
                words.push(format!("yielded nothing: {}", printable(&source.completeness_note)));
            } else if source.absent {
                let why = source.notes.last().map(|note| format!(": {}", printable(note)));
                words.push(format!("yielded nothing{}", why.unwrap_or_default()));
            } else {
                if !source.fresh {
                    let undated = source.collected_at.is_none() && source.failed.is_none();
                    words.push(if undated { "stale: nobody says when it was collected" } else { "stale" }.to_owned());
                }
                if source.completeness.word() != "full" {
                    words.push(format!("{}: {}", source.completeness.word(), printable(&source.completeness_note)));
                }
                words.extend(first_quarantined(source, evidence));
            }
            let _ = writeln!(out, "  source {}: {}", source.id, words.join("; "));
        }
    }
    out.push('\n');
    let mut controls: Vec<&ControlResult> = assessment.controls.iter().collect();
    controls.sort_by(|a, b| {
        (a.status, std::cmp::Reverse(a.severity()), &a.control.id).cmp(&(b.status, std::cmp::Reverse(b.severity()), &b.control.id))
    });
    let (bare, judged): (Vec<_>, Vec<_>) =
        controls.into_iter().partition(|result| result.status == Status::Unknown && result.counts.total() == 0);
    for result in judged {
        let _ = writeln!(
            out,
            "  {} {:<7} {:<8} {}: {}",
            status(result.status, colour),
            result.control.id,
            result.severity().word(),
            result.control.title,
            tally(result)
        );
        if result.status == Status::Fail {
            // What is new gates: it is named before what the baseline knows.
            let mut fails: Vec<_> = result.findings.iter().filter(|finding| finding.verdict == Verdict::Fail).collect();
            fails.sort_by_key(|finding| finding.known == Some(true));
            for finding in fails.iter().take(NAMED) {
                let known = if finding.known == Some(true) { " (known)" } else { "" };
                let _ = writeln!(out, "      {}{known}", printable(&finding.subject));
            }
            if fails.len() > NAMED {
                let _ = writeln!(out, "      and {} more", fails.len() - NAMED);
            }
            if result.known > 0 {
                let _ = writeln!(out, "      {} known to the baseline", result.known);
            }
        }
    }
    out.push_str(&without_subject(&bare, colour));
    out
}

/// Controls that are unknown because nothing is there to judge: one line for each table that is missing, not one for each control.
fn without_subject(controls: &[&ControlResult], colour: bool) -> String {
    let mut missing: BTreeMap<&str, Vec<&ControlResult>> = BTreeMap::new();
    for result in controls {
        missing.entry(SCHEMA[result.control.subject].name).or_default().push(result);
    }
    let mut out = String::new();
    for (table, results) in missing {
        let number = results.len();
        let _ = writeln!(
            out,
            "  {} {number} {} of `{table}` {} no subject: {}",
            status(Status::Unknown, colour),
            plural("control", number),
            if number == 1 { "has" } else { "have" },
            printable(&why(&results))
        );
        let ids: Vec<&str> = results.iter().map(|result| result.control.id.as_str()).collect();
        let _ = writeln!(out, "      {}", ids.join(", "));
    }
    out
}

/// The first reason why more subjects may be there, and how many other ones there are.
fn why(results: &[&ControlResult]) -> String {
    let reasons: BTreeSet<&str> = results.iter().flat_map(|result| &result.population_gaps).map(|gap| gap.detail.as_str()).collect();
    let first = reasons.iter().next().copied().unwrap_or_default();
    match reasons.len() {
        0 | 1 => first.to_owned(),
        number => format!("{first}; {} more in the report", number - 1),
    }
}

/// What the baseline saw and is gone; empty: nothing is.
#[must_use]
pub fn vanished(assessment: &Assessment) -> String {
    let gone = assessment.baseline.iter().flat_map(|baseline| &baseline.vanished);
    let mut out = String::new();
    for (number, vanished) in gone.enumerate() {
        if number == 0 {
            out.push_str("\nGone since the baseline, without proof:\n");
        }
        let _ = writeln!(out, "  {}", printable(&vanished.told()));
    }
    out
}

/// The last lines: where the report is, and the verdict with its reason.
#[must_use]
pub fn ending(report: &Path, ending: &Ending) -> String {
    format!("\nReport: {}\n{}\n", report.display(), ending.line())
}

/// How a run ends.
#[derive(Debug)]
pub struct Ending {
    pub exit: Exit,
    pub outcome: Outcome,
    pub reason: String,
}

impl Ending {
    /// The verdict and the reason, in a line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} (exit {}): {}", self.outcome.verdict(), self.exit.code(), printable(&self.reason))
    }
}

fn tally(result: &ControlResult) -> String {
    let counts = &result.counts;
    let parts = [
        (counts.fail, "fail"),
        (counts.unknown, "unknown"),
        (counts.waived, "waived"),
        (counts.pass, "pass"),
        (counts.not_applicable, "not applicable"),
    ];
    let said: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let mut text = if said.is_empty() { "no subject".to_owned() } else { said.join(", ") };
    if !result.population_gaps.is_empty() {
        text.push_str("; population not known to be complete");
    }
    text
}

fn status(status: Status, colour: bool) -> String {
    let (shape, code) = match status {
        Status::Fail => ("✗", "31"),
        Status::Unknown => ("?", "33"),
        Status::Waived => ("~", "35"),
        Status::Pass => ("✓", "32"),
        Status::NotApplicable => ("–", "2"),
    };
    let text = format!("{shape} {:<14}", status.word());
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text }
}

/// Evidence may say anything: nothing that steers a terminal is printed.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let hidden = c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}');
            if hidden { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }
        })
        .collect()
}

/// The first record of a source that did not fit, with its place and why.
fn first_quarantined(source: &Source, evidence: &Evidence) -> Option<String> {
    if source.quarantined == 0 {
        return None;
    }
    let of_source = |path: &str| {
        evidence
            .files
            .iter()
            .any(|file| file.path == path && evidence.sources.get(file.source as usize).is_some_and(|of| of.id == source.id))
    };
    let first = evidence.quarantine.iter().find(|found| of_source(&found.file))?;
    let place = if first.position.is_empty() { first.file.clone() } else { format!("{}, {}", first.file, first.position) };
    Some(printable(&format!("in quarantine: {place}: {}{}", first.reason, if source.quarantined > 1 { ", and others" } else { "" })))
}

pub fn plural(name: &str, count: usize) -> String {
    if count == 1 {
        return name.to_owned();
    }
    match name.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{name}s"),
    }
}
