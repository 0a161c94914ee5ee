//! What somebody signed for counts only where the evidence knows who, and of what.

use std::fs;

use serde_json::Value;

use super::cli::run;

const SETTINGS: &str = r#"
name = "Signed"
frameworks = ["owasp-nhi-2025"]
controls = ["controls"]
as-of = "2026-06-30T00:00:00Z"
[[source]]
kind = "canonical"
table = "credential"
path = "credential.csv"
systems = ["s"]
collected-at = "2026-06-29T12:00:00Z"
complete = { expected = 1, from = "a count", by = "j.doe", on = "2026-06-29" }
[[source]]
kind = "canonical"
table = "party"
path = "party.csv"
collected-at = "2026-06-29T12:00:00Z"
complete = { expected = 1, from = "the register", by = "j.doe", on = "2026-06-29" }
"#;

const SIGNED: &str = r#"
[[source]]
kind = "canonical"
table = "attestation"
path = "signed.csv"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "the desk", by = "j.doe", on = "2026-06-29" }
"#;

const CONTROL: &str = r#"
id = "KEY-01"
title = "Keys are approved"
severity = "high"
subject = "credential"
statement = "Somebody approved every key."
risk = "Nobody knows it."
remediation = "Approve it."
[maps-to]
owasp-nhi-2025 = [{ id = "NHI7:2025", relationship = "intersects-with", rationale = "x" }]
[check]
assert = "EXISTS (SELECT 1 FROM attestation WHERE subject_kind = 'credential' AND attestation.subject = credential.id AND claim = 'approval' AND valid_until > $as_of)"
[[test]]
name = "nobody"
expect = { a = "fail" }
[test.given]
as-of = "2026-06-30T00:00:00Z"
credential = [{ id = "a" }]
"#;

fn attestation(subject: &str, by: &str, until: &str) -> String {
    format!(
        "id = \"A-1\"\nsubject-kind = \"credential\"\nsubject = \"{subject}\"\nclaim = \"approval\"\nby = \"{by}\"\n\
         at = \"2026-06-01T00:00:00Z\"\nvalid-until = \"{until}\"\n"
    )
}

/// Exit code, what was said, the status of KEY-01 and the report; the last two are empty where nothing was assessed.
fn judged(settings: &str, files: &[(&str, &str)]) -> (Option<i32>, String, String, String) {
    let mut all = vec![
        ("tickmark.toml", settings),
        ("controls/KEY-01.toml", CONTROL),
        ("credential.csv", "id,system,status\none,s,active\n"),
        ("party.csv", "id,name,kind,relation,status\nboss,Boss,person,internal,active\n"),
    ];
    all.extend(files);
    let (output, said, work) = run(&all, &["run"]);
    let assessment = fs::read(work.path().join("report/assessment.json")).map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    let status = assessment.map_or_else(|_| String::new(), |it| it["controls"][0]["status"].as_str().unwrap().to_owned());
    (output.status.code(), said, status, fs::read_to_string(work.path().join("report/report.md")).unwrap_or_default())
}

const LATER: &str = "2026-09-01T00:00:00Z";

#[test]
fn one_by_nobody_or_of_nothing_that_the_evidence_knows_stops_the_run() {
    let (code, said, status, report) = judged(SETTINGS, &[("attestations/a.toml", &attestation("one", "boss", LATER))]);
    assert_eq!((code, status.as_str()), (Some(0), "pass"), "{said}");
    assert!(report.contains("✓ live"), "{report}");
    for (text, words) in [
        (attestation("one", "bos", LATER), "the evidence holds no party `bos`"),
        (attestation("on", "boss", LATER), "the evidence holds no credential `on`"),
    ] {
        let (code, said, status, _) = judged(SETTINGS, &[("attestations/a.toml", &text)]);
        assert_eq!((code, status.as_str()), (Some(2), ""), "{said}");
        assert!(said.contains("error[T062]") && said.contains(words) && said.contains("--> attestations/a.toml:"), "{said}");
    }
    // Of one that has ended nothing depends.
    let (code, said, ..) = judged(SETTINGS, &[("attestations/a.toml", &attestation("on", "bos", "2026-06-30T00:00:00Z"))]);
    assert!(code != Some(2) && !said.contains("T062"), "{said}");
}

/// Where a register may lack a row, a name that it does not hold is no mistake; it does not count either.
#[test]
fn one_whose_party_or_subject_a_partial_register_may_lack_is_told_and_does_not_count() {
    let partial = |expected: &str, more: &str| SETTINGS.replace(expected, &expected.replace('1', more));
    let party = partial("expected = 1, from = \"the register\"", "2");
    let (code, said, status, report) = judged(&party, &[("attestations/a.toml", &attestation("one", "bos", LATER))]);
    assert_eq!((code, status.as_str()), (Some(3), "unknown"), "{said}");
    assert!(said.contains("warning[T062]") && said.contains("no party `bos`"), "{said}");
    assert!(!report.contains("✓ live") && report.contains("? by nobody known"), "{report}");
    assert!(report.contains("`claim` of attestation `A-1` is made by `bos`, which is not in the inventory"), "{report}");
    let credential = partial("expected = 1, from = \"a count\"", "2");
    let (code, said, status, report) = judged(&credential, &[("attestations/a.toml", &attestation("on", "boss", LATER))]);
    assert_eq!((code, status.as_str()), (Some(3), "unknown"), "{said}");
    assert!(said.contains("warning[T062]") && report.contains("? of nothing known"), "{said}\n{report}");
}

#[test]
fn a_row_of_a_source_by_nobody_that_the_evidence_knows_does_not_count() {
    let settings = format!("{SETTINGS}{SIGNED}");
    let head = "id,subject_kind,subject,claim,by,at,valid_until\n";
    for (by, status) in [("boss", "pass"), ("bos", "unknown"), ("", "unknown")] {
        let row = format!("{head}A-1,credential,one,approval,{by},2026-06-01T00:00:00Z,{LATER}\n");
        let (_, said, judged, report) = judged(&settings, &[("signed.csv", &row)]);
        assert_eq!(judged, status, "{by}: {said}");
        assert_eq!(report.contains("✓ live"), status == "pass", "{report}");
        let why = if by.is_empty() { "is made by nobody that is named" } else { "is made by `bos`, which is not in the inventory" };
        assert_eq!(report.contains(why), status == "unknown", "{report}");
    }
    // Nor does one count whose party only a stale source knows.
    let party = "complete = { expected = 1, from = \"the register\"";
    let stale = settings.replace(party, &format!("max-age = \"1h\"\n{party}"));
    let row = format!("{head}A-1,credential,one,approval,boss,2026-06-01T00:00:00Z,{LATER}\n");
    assert_eq!(judged(&stale, &[("signed.csv", &row)]).2, "unknown");
}

/// A pass that rests on the existence of a row names the row, and where it stands.
#[test]
fn a_pass_by_existence_names_its_witness() {
    let files = [
        ("tickmark.toml", SETTINGS),
        ("controls/KEY-01.toml", CONTROL),
        ("credential.csv", "id,system,status\none,s,active\n"),
        ("party.csv", "id,name,kind,relation,status\nboss,Boss,person,internal,active\n"),
        ("attestations/a.toml", &attestation("one", "boss", LATER)),
    ];
    let (output, said, work) = run(&files, &["run"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let population = fs::read_to_string(work.path().join("report/populations/KEY-01.csv")).unwrap();
    assert_eq!(
        population,
        "subject,verdict,reason,evidence\none,pass,rests on attestation A-1,attestations/*.toml attestations/a.toml line 1; canonical credential.csv line 2\n"
    );
    let report = work.path().join("report");
    let verified =
        std::process::Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("verify").arg(&report).arg("--unsigned").output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stdout));
}
