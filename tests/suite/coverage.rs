//! What is out of scope is said with its reason, and never hides a finding; coverage counts nothing that is not mapped.

use std::process::Output;

use serde_json::Value;

use super::cli::{project, run};

/// The small project with more in its settings, after a command.
fn with(settings: &str, identities: &str, arguments: &[&str]) -> (Output, String, tempfile::TempDir) {
    let mut files = project(identities);
    files[0].1 = files[0].1.replacen("as-of", &format!("{}\nas-of", settings.lines().next().unwrap_or_default()), 1);
    files[0].1.push_str(settings.split_once('\n').map_or("", |(_, rest)| rest));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    run(&files, arguments)
}

fn coverage(settings: &str, identities: &str) -> Value {
    let (output, said, _work) = with(settings, identities, &["coverage", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn status<'v>(coverage: &'v Value, requirement: &str) -> &'v Value {
    let all = coverage["frameworks"][0]["requirements"].as_array().unwrap();
    all.iter().find(|there| there["id"] == requirement).unwrap()
}

const PASS: &str = "id,system,owner\na,s,p1\n";
const FAIL: &str = "id,system,owner\na,s,none\n";

#[test]
fn what_is_not_judged_is_not_covered() {
    let found = coverage("", PASS);
    // Shipped controls that are not selected leave it open.
    assert_eq!(status(&found, "NHI1:2025")["status"], "undetermined");
    let counts = &found["frameworks"][0]["counts"];
    assert_eq!(counts["supported"], 0);
    let sum: i64 = ["supported", "supported_with_exceptions", "contradicted", "undetermined", "not_applicable", "no_control"]
        .iter()
        .map(|name| counts[*name].as_i64().unwrap())
        .sum();
    assert_eq!(sum, counts["in_scope"].as_i64().unwrap());
    assert_eq!(counts["requirements"], 10);
    assert_eq!(status(&coverage("", FAIL), "NHI1:2025")["status"], "contradicted");
}

/// Every shipped control that maps to it but the project's own.
fn others_of(requirement: &str) -> Vec<String> {
    let found = coverage("", PASS);
    let controls = status(&found, requirement)["controls"].as_array().unwrap().clone();
    controls.iter().map(|mapped| mapped["id"].as_str().unwrap().to_owned()).filter(|id| id != "OWN-01").collect()
}

#[test]
fn controls_out_of_scope_count_for_nothing() {
    let others = others_of("NHI1:2025");
    assert!(!others.is_empty());
    let declared = format!("\n[[out-of-scope]]\ncontrols = {others:?}\nreason = \"Judged elsewhere.\"\napprover = \"p1\"\n");
    assert_eq!(status(&coverage(&declared, PASS), "NHI1:2025")["status"], "supported");
    assert_eq!(status(&coverage(&declared, FAIL), "NHI1:2025")["status"], "contradicted");
    // Whoever reads only the first page learns what was left out.
    let (output, said, work) = with(&declared, PASS, &["run"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = std::fs::read_to_string(work.path().join("report/report.md")).unwrap();
    let page = report.split("## Outcome").next().unwrap();
    let told = format!("{} control", others.len());
    assert!(page.contains(&format!("| **Left out** | {told}")) && page.contains(" out of scope, accepted by p1"), "{page}");
    let last = said.lines().last().unwrap();
    assert!(last.contains(&format!("; {told}")) && last.contains(" out of scope, accepted by p1;"), "{last}");
    // The last one too: nothing is left that could support it, and nothing is assessed.
    let mut all = others;
    all.push("OWN-01".to_owned());
    let declared = format!("\n[[out-of-scope]]\ncontrols = {all:?}\nreason = \"Judged elsewhere.\"\napprover = \"p1\"\n");
    let (output, said, _work) = with(&declared, FAIL, &["coverage", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let requirement = status(&found, "NHI1:2025");
    assert_eq!(
        (requirement["status"].as_str(), requirement["out_of_scope"].as_str()),
        (Some("out of scope"), Some("Judged elsewhere (accepted by p1)"))
    );
    assert_eq!(found["frameworks"][0]["counts"]["supported"], 0);
}

#[test]
fn requirements_out_of_scope_are_counted_apart_and_printed() {
    let declared = "\n[[out-of-scope]]\nframework = \"owasp-nhi-2025\"\nrequirements = [\"NHI2:2025\"]\nreason = \"No | secrets here.\"\napprover = \"nobody\"\n";
    let found = coverage(declared, PASS);
    assert_eq!(status(&found, "NHI2:2025")["status"], "out of scope");
    let counts = &found["frameworks"][0]["counts"];
    assert_eq!((counts["out_of_scope"].as_i64(), counts["in_scope"].as_i64()), (Some(1), Some(9)));
    let (output, said, work) = with(declared, PASS, &["run"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = std::fs::read_to_string(work.path().join("report/report.md")).unwrap();
    assert!(report.contains("○ out of scope"), "{report}");
    let last = said.lines().last().unwrap();
    assert!(last.contains("; 1 requirement is out of scope, accepted by nobody (no party that the evidence knows)"), "{last}");
    assert!(
        last.ends_with(
            "; as of 2026-06-30T00:00:00Z, pinned in tickmark.toml: what has an end is held against that, not against the clock"
        ),
        "{last}"
    );
    assert!(report.contains("No &#124; secrets here"), "{report}");
    let (output, said, _work) = with(declared, PASS, &["coverage"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("of 9 requirements in scope") && said.contains("1 out of scope"), "{said}");
    let (_, said, _work) = with(declared, PASS, &["coverage", "--format", "markdown"]);
    assert!(said.contains("Out of scope: No &#124; secrets here"), "{said}");
}

#[test]
fn a_declaration_that_is_wrong() {
    for (declared, code, words) in [
        // A finding would vanish behind it.
        ("framework = \"owasp-nhi-2025\"\nrequirements = [\"NHI1:2025\"]\nreason = \"x\"\napprover = \"p1\"", "T025", "OWN-01"),
        ("controls = [\"OWN-02\"]\nreason = \"x\"\napprover = \"p1\"", "T009", "OWN-01"),
        ("controls = [\"OWN-01\", \"OWN-01\"]\nreason = \"x\"\napprover = \"p1\"", "T006", "twice"),
        ("controls = [\"OWN-01\"]\napprover = \"p1\"", "T004", "reason"),
        ("controls = [\"OWN-01\"]\nreason = \"y\"", "T004", "approver"),
        ("controls = [\"OWN-01\"]\nreason = \" \"\napprover = \"p1\"", "T005", "`reason` is empty"),
        ("reason = \"x\"\napprover = \"p1\"", "T004", "nothing is declared"),
        ("requirements = [\"NHI2:2025\"]\nreason = \"x\"\napprover = \"p1\"", "T004", "framework"),
        ("framework = \"owasp-nhi-2025\"\nreason = \"x\"\napprover = \"p1\"", "T004", "requirements"),
        ("framework = \"nist-csf-2.0\"\nrequirements = [\"PR.AA-06\"]\nreason = \"x\"\napprover = \"p1\"", "T023", "no selected framework"),
        ("framework = \"owasp-nhi-2025\"\nrequirements = [\"NHI-03\"]\nreason = \"x\"\napprover = \"p1\"", "T021", "NHI7:2025"),
        ("framework = \"owasp-nhi-2025\"\nrequirements = [\"NHI99\"]\nreason = \"x\"\napprover = \"p1\"", "T020", "NHI99"),
        ("controls = [\"OWN-01\"]\nreason = \"x\"\napprover = \"p1\"\nuntil = \"y\"", "T003", "until"),
    ] {
        let (output, said, _work) = with(&format!("\n[[out-of-scope]]\n{declared}\n"), PASS, &["check"]);
        assert_eq!(output.status.code(), Some(2), "{declared}\n{said}");
        assert!(said.contains(code) && said.contains(words) && said.contains("tickmark.toml:"), "{declared}\n{said}");
    }
}

#[test]
fn a_framework_that_is_not_there() {
    let (output, said, _work) = with("", PASS, &["coverage", "--framework", "iso"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("it selects owasp-nhi-2025"), "{said}");
}

/// What no control is mapped to is one number, wherever it stands.
#[test]
fn the_report_counts_what_has_no_control_once() {
    let mut files = project(PASS);
    files[0].1 = files[0].1.replace("[\"owasp-nhi-2025\"]", "[\"nist-csf-2.0\"]");
    files[1].1 = files[1].1.replace("owasp-nhi-2025 = [{ id = \"NHI1:2025\"", "nist-csf-2.0 = [{ id = \"PR.AA-01\"");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, work) = run(&files, &["run"]);
    let report = std::fs::read_to_string(work.path().join("report/report.md")).unwrap_or_else(|_| panic!("{said}"));
    let counted = report.split(" with no control").next().unwrap().rsplit(' ').next().unwrap();
    let told = format!("NIST Cybersecurity Framework: no control is mapped to {counted} of 106 requirements.");
    assert!(report.contains("0 of 106 requirements in scope are supported; ") && report.contains(&told), "{told}\n{report}");
}
