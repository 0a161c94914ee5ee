//! GitHub-flavoured Markdown for a step summary or a comment: exact counts, the worst first, never more than a comment holds.

use std::cmp::Reverse;

use super::package::{Control, Counts, Package};
use crate::report::escape::{code, markdown, sentence};

/// How many bytes a summary has at most: what GitHub takes as a comment.
pub const LIMIT: usize = 65_536;
/// Kept for the sentence that says how much was left out, one per list.
const RESERVE: usize = 400;
/// How much of what is left the findings of one control may take.
const SHARE: usize = 4;

/// The summary.
pub fn summary(package: &Package<'_>) -> String {
    let said = &package.assessment;
    let mut out = Bounded::default();
    out.must(&format!("## {}: {}\n\n", sentence(&said.name), said.outcome.word));
    out.must(&format!("{} Exit {}, as of {}.\n\n", sentence(&said.outcome.reason), said.outcome.exit, markdown(&said.as_of)));
    let left_out = package.left_out();
    if !left_out.is_empty() {
        out.must(&format!("The command line left out {} of the selected controls: {}\n\n", left_out.len(), sentence(&left_out.join(", "))));
    }
    out.must("| | ✗ fail | ? unknown | ~ waived | ✓ pass | – not applicable |\n|---|--:|--:|--:|--:|--:|\n");
    for (name, counts) in [("controls", said.totals.controls), ("verdicts", said.totals.verdicts)] {
        let Counts { fail, unknown, waived, pass, not_applicable } = counts;
        out.must(&format!("| {name} | {fail} | {unknown} | {waived} | {pass} | {not_applicable} |\n"));
    }
    let mut controls: Vec<&Control> = said.controls.iter().collect();
    controls.sort_by_key(|control| (rank(&control.status), Reverse(weight(&control.severity)), &control.id));
    let shown: Vec<&&Control> = controls.iter().filter(|control| rank(&control.status) < 3).collect();
    if !shown.is_empty() {
        out.list("\n### Controls that do not pass\n\n| control | severity | status | fail | unknown | waived | of |\n|---|---|---|--:|--:|--:|--:|\n", "controls", LIMIT / 3, &shown, |control| {
            let counts = control.counts;
            let gap = if control.population_complete { "" } else { " or more" };
            let title = sentence(&format!("{}: {}", control.id, control.title));
            let (fail, unknown, waived) = (counts.fail, counts.unknown, counts.waived);
            let (severity, status, of) = (&control.severity, status(&control.status), control.population);
            format!("| {title} | {severity} | {status} | {fail} | {unknown} | {waived} | {of}{gap} |\n")
        });
    }
    if let Some(baseline) = said.baseline.as_ref().filter(|baseline| !baseline.vanished.is_empty()) {
        out.list("\n### Gone since the baseline, without proof\n\n", "things", LIMIT / 8, &baseline.vanished, |gone| {
            let named = [&gone.control, &gone.what].into_iter().filter(|name| !name.is_empty()).map(|name| code(name));
            format!("- {}: {}\n", named.collect::<Vec<_>>().join(" "), sentence(&gone.why))
        });
    }
    waivers(package, &mut out);
    sources(package, &mut out);
    frameworks(package, &mut out);
    for control in controls.iter().filter(|control| control.counts.fail + control.counts.waived + control.counts.unknown > 0) {
        let findings: Vec<_> = package.findings(&control.id).collect();
        let head = format!("\n<details><summary>{}</summary>\n\n", summary_line(control));
        let tail = "\n</details>\n";
        if out.left() < head.len() + tail.len() + RESERVE * 4 {
            out.must("\nMore findings are in the report package.\n");
            break;
        }
        let budget = (out.left() / SHARE).max(RESERVE * 3);
        out.list(&head, "findings", budget, &findings, |finding| {
            let why: Vec<String> = finding.reasons.iter().take(2).map(|reason| sentence(&reason.detail)).collect();
            let at = finding.evidence.first().map_or_else(String::new, |at| format!(", {} {}", code(&at.file), code(&at.record)));
            let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
            let known = if finding.baseline.as_deref() == Some("known") { " (known)" } else { "" };
            format!("- {} {}{known}{at}{why}\n", status(&finding.verdict), code(&finding.subject))
        });
        out.must(tail);
    }
    out.must(&format!("\nRoot of the package: `{}`\n", package.root));
    out.text
}

fn summary_line(control: &Control) -> String {
    // Inside HTML, where Markdown does not reach: entities are all that is needed.
    let text = crate::report::escape::visible(&format!("{}: {}", control.id, control.title));
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn waivers(package: &Package<'_>, out: &mut Bounded) {
    let waivers: Vec<_> = package.assessment.waivers.iter().collect();
    if waivers.is_empty() {
        return;
    }
    let head = "\n### Waivers\n\n| waiver | control | standing | until | approver | covers | reason |\n|---|---|---|---|---|--:|---|\n";
    out.list(head, "waivers", LIMIT / 8, &waivers, |waiver| {
        let until = waiver.expires_at.as_deref().map_or("no end".to_owned(), markdown);
        let (id, control, approver) = (code(&waiver.id), code(&waiver.control), code(&waiver.approver));
        let (standing, covers, reason) = (markdown(&waiver.standing), waiver.waived.len(), sentence(&waiver.reason));
        format!("| {id} | {control} | {standing} | {until} | {approver} | {covers} | {reason} |\n")
    });
}

fn sources(package: &Package<'_>, out: &mut Bounded) {
    let sources: Vec<_> =
        package.assessment.sources.iter().filter(|it| it.absent || !it.fresh || it.completeness != "full" || it.quarantined > 0).collect();
    if sources.is_empty() {
        return;
    }
    out.list("\n### Evidence that falls short\n\n", "sources", LIMIT / 8, &sources, |source| {
        let mut words = Vec::new();
        if source.absent {
            words.push("yielded nothing".to_owned());
        } else if !source.fresh {
            words.push("stale".to_owned());
        }
        if source.completeness != "full" {
            words.push(format!("completeness {} {}", source.completeness, source.completeness_note).trim_end().to_owned());
        }
        if source.quarantined > 0 {
            words.push(format!("in quarantine: {}", source.quarantined));
        }
        format!("- {}: {}\n", code(&source.id), sentence(&words.join("; ")))
    });
}

fn frameworks(package: &Package<'_>, out: &mut Bounded) {
    let frameworks: Vec<_> = package.assessment.frameworks.iter().collect();
    if frameworks.is_empty() {
        return;
    }
    let head = "\n### Requirements\n\n| framework | supported | with exceptions | contradicted | undetermined | not applicable | no control | out of scope |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    out.list(head, "frameworks", LIMIT / 8, &frameworks, |framework| {
        let parents: std::collections::BTreeSet<&str> = framework.requirements.iter().filter_map(|it| it.parent.as_deref()).collect();
        let count = |word: &str| framework.requirements.iter().filter(|it| it.status == word && !parents.contains(it.id.as_str())).count();
        let words =
            ["supported", "supported with exceptions", "contradicted", "undetermined", "not applicable", "no control", "out of scope"];
        let counts: Vec<String> = words.iter().map(|word| count(word).to_string()).collect();
        format!("| {} | {} |\n", sentence(&framework.title), counts.join(" | "))
    });
}

fn rank(status: &str) -> u8 {
    match status {
        "fail" => 0,
        "unknown" => 1,
        "waived" => 2,
        "pass" => 3,
        _ => 4,
    }
}

fn weight(severity: &str) -> u8 {
    match severity {
        "critical" => 3,
        "high" => 2,
        "medium" => 1,
        _ => 0,
    }
}

fn status(word: &str) -> &'static str {
    match word {
        "fail" => "✗ fail",
        "waived" => "~ waived",
        "pass" => "✓ pass",
        "not-applicable" => "– not applicable",
        _ => "? unknown",
    }
}

/// Text of at most [`LIMIT`] bytes.
#[derive(Default)]
struct Bounded {
    text: String,
}

impl Bounded {
    /// How many bytes a list may still take.
    fn left(&self) -> usize {
        (LIMIT - RESERVE).saturating_sub(self.text.len())
    }

    /// What is short by its nature.
    fn must(&mut self, text: &str) {
        if self.text.len() + text.len() <= LIMIT {
            self.text.push_str(text);
        }
    }

    /// As many lines as fit into `budget`, and how many did not.
    fn list<T>(&mut self, head: &str, what: &str, budget: usize, items: &[T], line: impl Fn(&T) -> String) {
        let end = self.text.len() + budget.min(self.left()).saturating_sub(RESERVE);
        self.must(head);
        for (at, item) in items.iter().enumerate() {
            let line = line(item);
            if self.text.len() + line.len() > end {
                self.must(&format!("\n{} more {what} are in the report package.\n", items.len() - at));
                return;
            }
            self.text.push_str(&line);
        }
    }
}
