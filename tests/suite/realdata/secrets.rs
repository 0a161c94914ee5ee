//! What a real export holds in clear stays in its file.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tickmark::evidence::{FingerprintKey, Tried, tried};
use tickmark::load;

use super::super::metamorphic::every;
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
    let holds = |bytes: &[u8], part: &str| String::from_utf8_lossy(bytes).contains(part);
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
    for case in cases.iter().step_by(every(3, 1)) {
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

/// A file that the configuration takes for something else: no mapping knows where its secrets stand. What would be kept, counted
/// and said of it as every so-many-th kind; for some the whole package.
fn taken_for_every_kind(file: &str) {
    let Some(root) = root() else { return };
    let bytes = fs::read(root.join(file)).unwrap();
    let holds = |text: &str| text.contains("canary-");
    assert!(holds(std::str::from_utf8(&bytes).unwrap()), "without a canary nothing is tested");
    let mut out = Vec::new();
    let (as_kind, as_package) = (every(6, 2), every(30, 10));
    for (number, mapping) in load::shipped_mappings().iter().enumerate() {
        if number % as_kind != bytes.len() % as_kind {
            continue;
        }
        let kind = mapping.kind.as_str();
        // A canonical source reads what its file's ending says.
        let (name, table) = if kind == "canonical" { ("export.ndjson", Some("identity")) } else { ("export.json", None) };
        let (systems, key) = (["test:one".to_owned()], FingerprintKey::given(&[]));
        let told = match tried(mapping, &systems, table, name, bytes.clone(), &key, load::shipped_mappings) {
            Ok(Tried { rows, export }) => {
                let kept = String::from_utf8_lossy(&export.bytes).into_owned();
                kept + &format!("{rows:?}{:?}{:?}{:?}{:?}", export.rows, export.quarantine, export.notes, export.envelope)
            }
            Err(error) => error.to_string(),
        };
        if holds(&told) {
            out.push(format!("{file} as {kind}"));
        }
        if number % as_package == bytes.len() % as_package {
            let table = table.map(|table| format!("table = \"{table}\"\n")).unwrap_or_default();
            let sources = source(kind, name, "test:one", "2026-01-01T00:00:00Z") + &table;
            let case = Case { sources, files: vec![(file.to_owned(), name.to_owned())] };
            let canaries = BTreeSet::from(["canary-".to_owned()]);
            out.extend(leaks(&attempt(&root, &case), &canaries).into_iter().map(|leak| format!("{file} as {kind}: {leak}")));
        }
    }
    assert_eq!(out, [""; 0]);
}

#[test]
fn a_realm_taken_for_another_kind_gives_away_nothing() {
    taken_for_every_kind("keycloak/master-realm-26.5.5.json");
}

#[test]
fn a_trail_taken_for_another_kind_gives_away_nothing() {
    taken_for_every_kind("aws-cloudtrail/218007301253_CloudTrail_us-east-1_20230710T1205Z_dOIWyEekdNWhkpqY.json");
}

/// The same through the locker: whatever a command prints.
#[test]
fn no_secret_of_any_export_enters_the_locker() {
    let Some(root) = root() else { return };
    let work = crate::scratch::folder();
    let mut settings = "name = \"Everything\"\ncontrols = [\"INV-05\"]\n".to_owned();
    let mut files: Vec<_> = below(&root).into_iter().filter(|path| !path.ends_with("README.md")).collect();
    files.sort();
    let (mut canaries, mut count) = (0, 0);
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if !text.contains("canary-") && !path.starts_with(root.join("kong-deck")) {
            continue;
        }
        canaries += text.matches("canary-").count();
        // As its own kind, where there is one, and as others: people err.
        let trail = path.starts_with(root.join("aws-cloudtrail"));
        let kinds: &[&str] = if trail { &["aws-cloudtrail", "x509-pem"] } else { &["kong-deck", "kubernetes", "canonical", "x509-pem"] };
        for kind in kinds {
            count += 1;
            let table = if *kind == "canonical" { "table = \"identity\"\n" } else { "" };
            settings += &format!(
                "[[source]]\nid = \"s{count}\"\nkind = \"{kind}\"\ncommand = [\"cat\", '{}']\nsystems = [\"s:one\"]\n{table}",
                path.display()
            );
        }
    }
    assert!(canaries > 0 && count >= 10, "{canaries} canaries, {count} sources");
    fs::write(work.path().join("tickmark.toml"), settings).unwrap();
    let mut said = Vec::new();
    for arguments in [&["collect"][..], &["collect", "--list"], &["collect", "--list", "--format", "json"], &["run"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).arg("--project").arg(work.path()).output().unwrap();
        said.extend(output.stdout);
        said.extend(output.stderr);
    }
    let secrets = ["canary-", "my_api_key", "my_basic_password", "my_jwt_secret", "my_secret_key"];
    let holds = |bytes: &[u8], part: &str| String::from_utf8_lossy(bytes).contains(part);
    let mut places = vec![("what it said".to_owned(), said)];
    places.extend(below(work.path()).into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())));
    assert!(
        places.iter().any(|(place, _)| place.contains("locker/exports/"))
            && places.iter().any(|(place, _)| place.contains("report/inputs/"))
    );
    let leaks: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| secrets.iter().filter(|secret| holds(bytes, secret)).map(move |secret| format!("{secret} in {place}")))
        .collect();
    assert_eq!(leaks, [""; 0]);
}
