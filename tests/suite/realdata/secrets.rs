//! What a real export holds in clear stays in its file.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::case::*;

/// Values under the names of a gateway's secrets.
fn secrets(value: &Value, under: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| secrets(inner, name, found)),
        Value::Array(items) => items.iter().for_each(|inner| secrets(inner, under, found)),
        Value::String(text) if ["password", "secret", "key", "consumerKey", "consumerSecret"].contains(&under) => {
            found.insert(text.clone());
        }
        _ => {}
    }
}

/// Where a run says something that it must not.
fn leaks(run: &Run, canaries: &BTreeSet<String>) -> Vec<String> {
    let report = run.work.path().join("report");
    let mut texts = vec![("what it said".to_owned(), run.said.clone().into_bytes())];
    let files = if report.is_dir() { below(&report) } else { Vec::new() };
    texts.extend(files.into_iter().map(|path| (path.strip_prefix(&report).unwrap().display().to_string(), fs::read(&path).unwrap())));
    let holds = |bytes: &[u8], part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
    let mut out = Vec::new();
    for (place, bytes) in &texts {
        out.extend(canaries.iter().filter(|canary| holds(bytes, canary)).map(|canary| format!("{canary} in {place}")));
    }
    out
}

#[test]
fn no_secret_leaves_its_file() {
    let Some(root) = root() else { return };
    let mut canaries = BTreeSet::from(["canary-".to_owned()]);
    for path in KONG {
        let raw: Value = serde_yaml_ng::from_slice(&fs::read(root.join(path)).unwrap()).unwrap();
        secrets(&raw, "", &mut canaries);
    }
    let expected = ["canary-", "my_api_key", "my_basic_password", "my_jwt_secret", "my_secret_key"];
    assert_eq!(canaries.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let cases = [
        credential_csv(),
        credential_json(),
        cloudmapper(),
        cloudmapper_credentials(),
        cloudsplaining(),
        cloudsplaining_2(),
        kubehound(),
        kong(KONG[0]),
        kong(KONG[1]),
        certificates(&root, "2026-01-24T12:00:00Z"),
        one("keycloak-realm", "keycloak/master-realm-26.5.5.json", "keycloak:master", "2026-01-01T00:00:00Z"),
        one("aws-secrets-manager", "derived/aws_secretsmanager_list-secrets_1.json", "aws:644160558196", "2026-01-01T00:00:00Z"),
        one("entra-applications", "entra/MockApplications.json", "entra:test", "2026-01-01T00:00:00Z"),
    ];
    for case in &cases {
        assert_eq!(leaks(&run(&root, case), &canaries), [""; 0], "{}", case.sources);
    }
}

#[test]
fn no_key_of_an_app_leaves_its_file() {
    let Some(root) = root() else { return };
    for path in ["apigee/appgroups_phpunit_apps_GET.json", "apigee/apps_f98678b9-4d1b-4927-ba17-62e6efaadfb3_GET.json"] {
        let mut keys = BTreeSet::new();
        secrets(&serde_json::from_slice(&fs::read(root.join(path)).unwrap()).unwrap(), "", &mut keys);
        assert!(keys.len() >= 2, "{keys:?}");
        let case = one("apigee-apps", path, "apigee:phpunit", "2023-08-09T14:00:00Z");
        assert_eq!(leaks(&run(&root, &case), &keys), [""; 0], "{path}");
    }
}

/// A file that the configuration takes for something else: no mapping knows where its secrets stand.
fn taken_for_every_kind(file: &str) {
    let Some(root) = root() else { return };
    let canaries = BTreeSet::from(["canary-".to_owned()]);
    assert!(fs::read_to_string(root.join(file)).unwrap().contains("canary-"), "without a canary nothing is tested");
    let mut out = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sources")).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.file_stem().unwrap().to_str().unwrap();
        // A canonical source reads what its file's ending says.
        let name = if kind == "canonical" { "export.ndjson" } else { "export.json" };
        let mut sources = source(kind, name, "test:one", "2026-01-01T00:00:00Z");
        if kind == "canonical" {
            sources += "table = \"identity\"\n";
        }
        let case = Case { sources, files: vec![(file.to_owned(), name.to_owned())] };
        out.extend(leaks(&attempt(&root, &case), &canaries).into_iter().map(|leak| format!("{file} as {kind}: {leak}")));
    }
    out.sort();
    assert_eq!(out, [""; 0]);
}

#[test]
fn a_realm_taken_for_another_kind_gives_away_nothing() {
    taken_for_every_kind("keycloak/master-realm-26.5.5.json");
}

#[test]
fn a_trail_taken_for_another_kind_gives_away_nothing() {
    taken_for_every_kind("aws-cloudtrail/218007301253_CloudTrail_us-east-1_20230710T1200Z_x9kHmzMa7cx6l9wM.json");
}
