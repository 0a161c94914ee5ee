//! A leak that a scanner found is that of the credential which has the same secret, or the id that it found; of anything else nothing is known.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

#[test]
fn a_leaked_key_is_the_gateways() {
    let work = crate::scratch::folder();
    let evidence = work.path().join("evidence");
    fs::create_dir(&evidence).unwrap();
    let source = |kind: &str, file: &str, system: &str, more: &str| {
        format!(
            "[[source]]\nkind = \"{kind}\"\npath = \"evidence/{file}\"\nsystems = [\"{system}\"]\ncollected-at = \"2026-06-30T00:00:00Z\"\n{more}\n"
        )
    };
    let vouched = "complete = { from = \"a count\", by = \"j.doe\", on = \"2026-06-30\" }";
    let found = "facts = { detected_at = \"2026-06-29T00:00:00Z\" }";
    let canonical = "table = \"credential\"\n".to_owned() + vouched;
    let text = "name = \"Leaks\"\n".to_owned()
        + &source("gitleaks", "gitleaks.json", "git:pay", found)
        + &source("trufflehog", "trufflehog.ndjson", "git:pay", found)
        + &source("kong-deck", "kong.yaml", "kong:prod", vouched)
        + &source("canonical", "keys.csv", "aws:123456789012", &canonical);
    fs::write(work.path().join("tickmark.toml"), text).unwrap();
    let finding = |line: u32, secret: &str| {
        format!(
            "{{ \"RuleID\": \"r\", \"File\": \"f\", \"StartLine\": {line}, \"Match\": \"x {secret}\", \"Secret\": \"{secret}\", \"Fingerprint\": \"f:r:{line}\" }}"
        )
    };
    let findings = [finding(1, "gateway-key"), finding(2, "REDACTED"), finding(3, "AKIAEXAMPLEEXAMPLE01"), finding(4, "nobodys-key")];
    fs::write(evidence.join("gitleaks.json"), format!("[{}]", findings.join(","))).unwrap();
    let hog = |line: u32, detector: &str, raw: &str, extra: &str| {
        format!(
            "{{\"DetectorName\":\"{detector}\",\"SourceMetadata\":{{\"Data\":{{\"Filesystem\":{{\"file\":\"f\",\"line\":{line}}}}}}},\"Verified\":false,\"Raw\":\"{raw}\",\"RawV2\":\"{raw}:rest-of-it\",\"Redacted\":\"gatew***\",\"ExtraData\":{extra}}}\n"
        )
    };
    let hogs = hog(1, "Kong", "gateway-key", "null") + &hog(2, "AWS", "AKIAEXAMPLEEXAMPLE01", "{\"account\":\"123456789012\"}");
    fs::write(evidence.join("trufflehog.ndjson"), hogs).unwrap();
    fs::write(
        evidence.join("kong.yaml"),
        "_format_version: \"3.0\"\nconsumers:\n- username: ci\n  keyauth_credentials:\n  - key: gateway-key\n  - key: REDACTED\n    id: masked\n",
    )
    .unwrap();
    fs::write(
        evidence.join("keys.csv"),
        "id,native_id,system,kind,fingerprint\naws:123456789012:access-key/1,AKIAEXAMPLEEXAMPLE01,aws:123456789012,api_key,none\n",
    )
    .unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    let population = work.path().join("report/populations/SEC-02.csv");
    let verdicts: BTreeMap<String, String> = csv::Reader::from_path(&population)
        .unwrap_or_else(|_| panic!("{said}"))
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].split("leak/").nth(1).unwrap().to_owned(), row[1].to_owned()))
        .collect();
    let of = |start: &str| -> Vec<&str> {
        verdicts.iter().filter(|(id, _)| id.starts_with(start)).map(|(_, verdict)| verdict.as_str()).collect()
    };
    assert_eq!(of("f:r:1"), ["pass"], "{said}");
    // What gitleaks wrote over a secret, and what decK wrote over a key, are not the same secret.
    assert_eq!(of("f:r:2"), ["unknown"], "{said}");
    assert_eq!(of("f:r:3"), ["pass"], "{said}");
    // The masked key may be this one.
    assert_eq!(of("f:r:4"), ["unknown"], "{said}");
    assert_eq!(of("trufflehog/Kong/"), ["pass"], "{said}");
    assert_eq!(of("trufflehog/AWS/"), ["pass"], "{said}");
    assert!(!said.contains("gateway-key") && !said.contains("rest-of-it"), "{said}");
}
