//! JUnit XML: a suite per control, a case per subject.

use super::package::{Control, Finding, Package, Verdict};
use super::wire::junit::{Case, Outcome, Said, Suite, Suites};

/// What stands for a control whose population is not known to be complete.
const POPULATION: &str = "(population)";

/// The package as test suites.
pub fn suites(package: &Package<'_>) -> Suites {
    let mut suites: Vec<Suite> = package.controls().map(|(control, verdicts)| suite(package, control, verdicts)).collect();
    suites.extend(left_out(package));
    Suites { name: package.assessment.name.clone(), suites }
}

/// A skipped case for each control that the command line left out: narrowing is never silent.
fn left_out(package: &Package<'_>) -> Option<Suite> {
    let said = || Said { message: "left out on the command line".to_owned(), kind: "left-out".to_owned(), detail: String::new() };
    let case = |id: &&str| Case { name: (*id).to_owned(), class: format!("tickmark.{id}"), outcome: Outcome::Skipped(said()) };
    let cases: Vec<Case> = package.left_out().iter().map(case).collect();
    let properties = vec![("root", package.root.clone())];
    let name = "left out on the command line".to_owned();
    (!cases.is_empty()).then(|| Suite { name, timestamp: package.assessment.as_of.clone(), properties, cases })
}

fn suite(package: &Package<'_>, control: &Control, verdicts: &[Verdict]) -> Suite {
    let class = format!("tickmark.{}", control.id);
    let case = |name: &str, outcome: Outcome| Case { name: name.to_owned(), class: class.clone(), outcome };
    let mut cases: Vec<Case> = verdicts.iter().map(|verdict| case(&verdict.subject, outcome(package, control, verdict))).collect();
    if !control.population_complete {
        let reasons: Vec<String> = control.population_gaps.iter().map(|gap| format!("{}: {}", gap.word, gap.detail)).collect();
        let message = "who else there is to judge is not known".to_owned();
        cases.push(case(POPULATION, Outcome::Error(Said { message, kind: "unknown".to_owned(), detail: reasons.join("\n") })));
    } else if verdicts.is_empty() {
        let said = Said { message: "there is nothing to judge".to_owned(), kind: "not-applicable".to_owned(), detail: String::new() };
        cases.push(case(POPULATION, Outcome::Skipped(said)));
    }
    let properties = vec![
        ("control", control.id.clone()),
        ("severity", control.severity.clone()),
        ("status", control.status.clone()),
        ("root", package.root.clone()),
    ];
    let timestamp = package.assessment.as_of.clone();
    Suite { name: format!("{}: {}", control.id, control.title), timestamp, properties, cases }
}

fn outcome(package: &Package<'_>, control: &Control, verdict: &Verdict) -> Outcome {
    let finding = package.finding(verdict);
    let said = |message: String, detail: String| Said { message, kind: verdict.word.clone(), detail };
    match verdict.word.as_str() {
        "pass" => Outcome::Passed,
        "not-applicable" => Outcome::Skipped(said("the control does not apply".to_owned(), String::new())),
        "waived" => {
            let waivers: Vec<String> = finding
                .into_iter()
                .flat_map(|finding| package.waivers(finding))
                .filter(|waiver| waiver.waived.contains(&verdict.subject))
                .map(|waiver| {
                    let until = waiver.expires_at.as_deref().unwrap_or("no end");
                    format!("waiver {} by {}, until {until}: {}", waiver.id, waiver.approver, waiver.reason)
                })
                .collect();
            Outcome::Skipped(said("it fails, and a waiver covers it".to_owned(), lines(finding, waivers)))
        }
        "fail" => Outcome::Failure(said(format!("{} ({})", control.title, control.severity), lines(finding, Vec::new()))),
        // `unknown`, and whatever else a package may say: never a pass.
        _ => Outcome::Error(said(
            if verdict.reason.is_empty() { "it is not known".to_owned() } else { verdict.reason.clone() },
            lines(finding, Vec::new()),
        )),
    }
}

/// What was read, and where.
fn lines(finding: Option<&Finding>, mut first: Vec<String>) -> String {
    if let Some(finding) = finding {
        first.extend(finding.observed.iter().map(|(read, held)| format!("{read} = {held}")));
        first.extend(finding.evidence.iter().map(|at| format!("read from {} {} ({})", at.file, at.record, at.source)));
    }
    // What was read may hold line breaks of its own: they are no lines of ours.
    first.iter().map(|line| crate::report::escape::visible(line)).collect::<Vec<_>>().join("\n")
}
