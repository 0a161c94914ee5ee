//! A partner's key is revoked at the gateway, and the only log is the cloud's: nobody can say that the key was not used since.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value;

const KEY: &str = "kong:prod:key-auth/7f0a";

/// A gateway's dump, the partner's key as the change records have it, and a log of use of one system for the whole year.
fn project(log: &str) -> [(&'static str, String); 4] {
    [
        (
            "tickmark.toml",
            format!(
                r#"
name = "A partner's key"
as-of = "2026-12-31T00:00:00Z"

[[source]]
kind = "kong-deck"
path = "evidence/kong.yaml"
systems = ["kong:prod"]
collected-at = "2026-12-30T22:00:00Z"
complete = {{ from = "a dump of every workspace", by = "j.doe", on = "2026-12-30" }}

[[source]]
kind = "canonical"
table = "credential"
path = "evidence/revoked.csv"
systems = ["kong:prod"]
collected-at = "2026-12-30T22:00:00Z"
complete = {{ from = "the change records", by = "j.doe", on = "2026-12-30" }}

[[source]]
kind = "canonical"
table = "event"
path = "evidence/log.csv"
systems = ["{log}"]
collected-at = "2026-12-30T22:00:00Z"
complete = {{ from = "the trail's own count", by = "j.doe", on = "2026-12-30" }}
covers = {{ from = "2026-01-01T00:00:00Z", until = "2026-12-31T00:00:00Z", types = ["used"] }}
"#
            ),
        ),
        (
            "evidence/kong.yaml",
            r#"
_format_version: "3.0"
consumers:
- username: partner
  acls:
  - group: partners
- username: shop
  keyauth_credentials:
  - id: 0d6ac3a0-9c1c-4ff4-9a0e-3cf8a7a7c001
    key: the-key-of-the-shop
"#
            .to_owned(),
        ),
        (
            "evidence/revoked.csv",
            format!(
                "id,native_id,system,identity,kind,status,issued_at,last_used_at,revoked_at,accepted_at\n{KEY},7f0a,kong:prod,\
                 kong:prod:consumer/partner,api_key,revoked,2025-06-01T00:00:00Z,2026-03-10T09:00:00Z,2026-03-12T10:00:00Z,kong:prod\n"
            ),
        ),
        (
            "evidence/log.csv",
            format!("id,system,at,type,outcome,identity,credential\ne1,{log},2026-05-01T08:00:00Z,used,ok,{log}:role/job,none\n"),
        ),
    ]
}

/// The verdicts of OFF-02 with their reasons, by subject.
fn judged(log: &str) -> BTreeMap<String, (String, String)> {
    let work = crate::scratch::folder();
    fs::create_dir(work.path().join("evidence")).unwrap();
    for (path, text) in project(log) {
        fs::write(work.path().join(path), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = fs::read_to_string(work.path().join("report/populations/OFF-02.csv")).unwrap_or_else(|error| panic!("{error}: {said}"));
    let findings = fs::read_to_string(work.path().join("report/findings.ndjson")).unwrap();
    assert!(!text.contains("the-key-of-the-shop") && !findings.contains("the-key-of-the-shop"));
    let found: Vec<Value> = findings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(|record| {
            let record = record.unwrap();
            let reasons = found
                .iter()
                .filter(|finding| finding["control"] == "OFF-02" && finding["subject"] == record[0])
                .flat_map(|finding| finding["reasons"].as_array().unwrap())
                .map(|reason| format!("{}: {}", reason["word"].as_str().unwrap(), reason["detail"].as_str().unwrap()))
                .collect::<Vec<_>>()
                .join("; ");
            assert_eq!(&record[2], reasons, "the population and the findings say the same");
            (record[0].to_owned(), (record[1].to_owned(), reasons))
        })
        .collect()
}

#[test]
fn a_log_of_the_cloud_does_not_show_that_a_key_of_the_gateway_was_not_used() {
    let verdicts = judged("aws:123456789012");
    let (verdict, reasons) = &verdicts[KEY];
    assert_eq!(verdict, "unknown");
    // Which log, of what, from the revocation and its grace until the assessment.
    for part in ["no-log", "`kong:prod`", "used", "2026-03-12T10:05:00Z to 2026-12-31T00:00:00Z"] {
        assert!(reasons.contains(part), "no {part:?} in {reasons}");
    }
    assert!(!reasons.contains("aws:"), "{reasons}");
    // The gateway still accepts the shop's key: nothing of it was revoked.
    assert_eq!(verdicts["kong:prod:key-auth/0d6ac3a0-9c1c-4ff4-9a0e-3cf8a7a7c001"].0, "not-applicable");
    assert_eq!(verdicts.len(), 2);
}

#[test]
fn a_log_of_the_gateway_does() {
    assert_eq!(judged("kong:prod")[KEY], ("pass".to_owned(), String::new()));
}
