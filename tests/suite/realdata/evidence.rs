//! EVD-01, EVD-02 and EVD-03 on real exports: when they were collected, against what they are counted, what did not fit.

use std::fs;
use std::process::Command;

use super::case::*;

/// Runs once more, on what is in the project now.
fn again(run: &Run, as_of: &str) -> serde_json::Value {
    let project = run.work.path();
    let output =
        Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(project).args(["--as-of", as_of]).output().unwrap();
    let text = fs::read(project.join("report/assessment.json"));
    serde_json::from_slice(&text.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))).unwrap()
}

fn verdict(assessment: &serde_json::Value, control: &str, subject: &str) -> String {
    let of = |finding: &&serde_json::Value| finding["control"] == control && finding["subject"] == subject;
    let finding = assessment["findings"].as_array().unwrap().iter().find(of);
    finding.map_or_else(|| "pass".to_owned(), |finding| finding["verdict"].as_str().unwrap().to_owned())
}

#[test]
fn a_report_is_as_old_as_it_says_and_holds_as_many_users_as_the_account() {
    let Some(root) = root() else { return };
    let mut case = credential_json();
    case.sources += &source("aws-account-summary", "summary.json", "aws:619193117841", REPORTED);
    case.files.push(("aws-cloudmapper-demo/iam-get-account-summary.json".to_owned(), "summary.json".to_owned()));
    let run = run(&root, &case);
    let path = run.work.path().join("evidence/summary.json");
    let summary = fs::read_to_string(&path).unwrap();
    let kind = "aws-credential-report-json";
    // Seven users and the root user; the summary that is there is of another account, with one.
    run.holds(kind, &[("EVD-01 EVD-03", "pass"), ("EVD-02", "fail")]);
    assert_eq!(run.finding("EVD-02", kind)["observed"]["expected_records"], "2");
    fs::write(&path, summary.replace("\"Users\": 1,", "\"Users\": 7,")).unwrap();
    let assessment = again(&run, REPORTED);
    assert_eq!(verdict(&assessment, "EVD-02", kind), "pass");
    let source = assessment["sources"].as_array().unwrap().iter().find(|one| one["id"] == kind).unwrap();
    assert_eq!((&source["collected_from"], &source["collected_at"]), (&"export".into(), &REPORTED.into()));
    assert!(source["notes"].to_string().contains("8 reports are expected, counted in evidence/summary.json"), "{source}");
    let report = fs::read_to_string(run.work.path().join("report/report.md")).unwrap();
    assert!(report.contains("as the export says") || report.contains("export"), "{report}");
    // A user more in the account than in the report: something is missing.
    fs::write(&path, summary.replace("\"Users\": 1,", "\"Users\": 8,")).unwrap();
    let assessment = again(&run, REPORTED);
    assert_eq!(verdict(&assessment, "EVD-02", kind), "fail");
    let source = assessment["sources"].as_array().unwrap().iter().find(|one| one["id"] == kind).unwrap();
    assert_eq!(source["completeness"], "partial");
    // Two days later it is old, by its own time.
    assert_eq!(verdict(&again(&run, "2016-11-27T14:30:42Z"), "EVD-01", kind), "fail");
}

#[test]
fn a_line_that_does_not_fit_is_counted_against_its_report() {
    let Some(root) = root() else { return };
    let run = run(&root, &credential_csv());
    run.holds("aws-credential-report", &[("EVD-01 EVD-03", "pass"), ("EVD-02", "unknown")]);
    let path = run.work.path().join("evidence/cred_B.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}half,a,line\n")).unwrap();
    let assessment = again(&run, REPORTED);
    assert_eq!(verdict(&assessment, "EVD-03", "aws-credential-report"), "fail");
    let source = &assessment["sources"][0];
    assert_eq!((&source["collected_from"], &source["completeness"]), (&"configuration".into(), &"partial".into()));
}
