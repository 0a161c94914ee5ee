//! Everything that can be done to a signed package without its signers, on a small one: all of it is found.

use std::fs;

use tickmark::attest::manifest::{PATH, SCHEMA};
use tickmark::attest::package as packages;

use super::package::contents;
use super::signing::Desk;
use super::verify::{Package, edited, relisted, write};

/// A control with a parameter, so that there is something to weaken.
const CONTROL: &str = r#"
id = "LIF-01"
title = "Keys end within their time"
severity = "high"
subject = "credential"
statement = "A key ends within `$max-life`."
risk = "It outlives its reason."
remediation = "Reissue it."
[maps-to]
owasp-nhi-2025 = [{ id = "NHI7:2025", relationship = "intersects-with", rationale = "x" }]
[params.max-life]
default = "30d"
max = "90d"
basis = "House default."
[check]
assert = "expires_at - issued_at <= $max_life"
[[test]]
name = "too long"
expect = { a = "fail" }
[test.given]
as-of = "2026-06-30T00:00:00Z"
credential = [{ id = "a", issued_at = "2026-01-01T00:00:00Z", expires_at = "2026-06-01T00:00:00Z" }]
"#;

const PROJECT: &str = r#"
name = "Small"
frameworks = ["owasp-nhi-2025"]
controls = ["controls"]
as-of = "2026-06-30T00:00:00Z"
[params]
"LIF-01.max-life" = { value = "60d", reason = "Two months suffice.", approver = "lindqvist" }
[[source]]
kind = "canonical"
path = "keys.csv"
table = "credential"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
"#;

const KEYS: &str =
    "id,system,issued_at,expires_at\na,s,2026-01-01T00:00:00Z,2026-06-01T00:00:00Z\nb,s,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n";

/// Signed by Moreau and Lindqvist, recorded in a ledger.
fn desk() -> Desk {
    let desk = Desk::new();
    for (path, text) in [("tickmark.toml", PROJECT), ("controls/LIF-01.toml", CONTROL), ("keys.csv", KEYS)] {
        fs::write(desk.path(path), text).unwrap();
    }
    fs::remove_file(desk.path("controls/OWN-01-owner.toml")).unwrap();
    let (code, said) =
        desk.tickmark(&["run", "--project", ".", "--out", "signed", "--ledger", "ledger.ndjson", "--ledger-key", "stranger"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(desk.sign("signed", "moreau", "J. Moreau", "preparer").0, Some(0));
    assert_eq!(desk.sign("signed", "lindqvist", "A. Lindqvist", "reviewer").0, Some(0));
    desk.policy(
        "\"preparer\", \"reviewer\"",
        "ledger = true\n[[key]]\nname = \"The ledger\"\nkey-file = \"stranger.pub\"\nroles = [\"ledger\"]\n",
    );
    desk
}

/// Verifies a package in a folder of its own, as the policy asks.
fn verified(desk: &Desk, package: &Package, more: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir_in(desk.work.path()).unwrap();
    write(package, folder.path());
    let mut all = vec!["verify", folder.path().to_str().unwrap(), "--policy", "policy.toml"];
    all.extend(more);
    desk.tickmark(&all)
}

/// Each byte of each file, found by the digests alone: nothing is performed again. All of them with `TICKMARK_EXHAUSTIVE=1`, otherwise some.
#[test]
fn every_byte_of_every_file() {
    let desk = desk();
    let package = contents(&desk.path("signed"));
    let manifest = packages::read_manifest(&package[PATH]).unwrap();
    assert!(packages::differences(&manifest, &package).is_empty());
    let step = if std::env::var_os("TICKMARK_EXHAUSTIVE").is_some() { 1 } else { 4001 };
    let (mut tried, mut changed) = (0, package.clone());
    for (path, bytes) in package.iter().filter(|(path, _)| !path.starts_with("attest/")) {
        for at in (0..bytes.len()).step_by(step) {
            changed.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
            // What is read of the manifest is the changed one.
            let found = match packages::read_manifest(&changed[PATH]) {
                Ok(manifest) => !packages::differences(&manifest, &changed).is_empty() || manifest.schema != SCHEMA,
                Err(_) => true,
            };
            assert!(found, "byte {at} of {path}");
            changed.get_mut(path).unwrap()[at] = bytes[at];
            tried += 1;
        }
    }
    println!("bytes changed: {tried}");
    assert!(tried > 100);
}

#[test]
fn every_file_of_it() {
    let desk = desk();
    let package = contents(&desk.path("signed"));
    let manifest = packages::read_manifest(&package[PATH]).unwrap();
    let mut tried = 0;
    let mut found = |changed: &Package| {
        tried += 1;
        !packages::differences(&manifest, changed).is_empty()
    };
    let paths: Vec<&String> = package.keys().filter(|path| *path != PATH && !path.starts_with("attest/")).collect();
    for (number, path) in paths.iter().enumerate() {
        let mut gone = package.clone();
        let bytes = gone.remove(*path).unwrap();
        assert!(found(&gone), "{path} deleted");
        gone.insert(format!("{path}.bak"), bytes.clone());
        assert!(found(&gone), "{path} renamed");
        let mut more = package.clone();
        more.insert(format!("{path}.new"), b"new".to_vec());
        assert!(found(&more), "a file beside {path}");
        let other = paths[(number + 1) % paths.len()];
        if package[*path] != package[other] {
            let mut swapped = package.clone();
            swapped.insert((*path).clone(), package[other].clone());
            swapped.insert(other.clone(), bytes);
            assert!(found(&swapped), "{path} and {other} swapped");
        }
    }
    println!("files deleted, renamed, added, swapped: {tried}");
}

/// By somebody who makes every hash anew that needs no key.
#[test]
fn whatever_needs_no_key_is_not_enough() {
    let desk = desk();
    let package = contents(&desk.path("signed"));
    let (code, said) = verified(&desk, &package, &["--ledger", "ledger.ndjson"]);
    assert_eq!(code, Some(0), "{said}");
    let mut tried = 0;
    let mut found = |what: &str, changed: &Package, words: &[&str]| {
        let (code, said) = verified(&desk, changed, &[]);
        assert!(code == Some(4) && words.iter().all(|word| said.contains(word)), "{what}: expected {words:?}\n{said}");
        tried += 1;
    };
    let another = "another package's";
    found(
        "evidence edited",
        &edited(&package, "inputs/keys.csv", "2026-06-01", "2026-02-01"),
        &[another, "LIF-01 status", "\"fail\"", "\"pass\""],
    );
    let mut flipped = package.clone();
    for path in ["assessment.json", "findings.ndjson", "populations/LIF-01.csv", "report.md", "report.html"] {
        let text = String::from_utf8(flipped[path].clone()).unwrap();
        flipped.insert(path.to_owned(), text.replace("fail", "pass").into_bytes());
    }
    found(
        "a verdict flipped everywhere",
        &relisted(flipped),
        &[another, "LIF-01 status: the package says \"pass\", its inputs give \"fail\""],
    );
    found("a parameter weakened", &edited(&package, "inputs/tickmark.toml", "60d", "90d"), &[another, "60d", "90d"]);
    found("a control weakened", &edited(&package, "inputs/controls/LIF-01.toml", "<= $max_life", ">= $max_life"), &[another, "LIF-01"]);
    found("as_of moved", &edited(&package, "inputs/tickmark.toml", "2026-06-30T00:00:00Z", "2026-06-29T23:00:00Z"), &[another]);
    found(
        "as_of of the manifest moved",
        &edited(&package, PATH, "2026-06-30T00:00:00Z", "2026-06-29T23:00:00Z"),
        &["speaks of an assessment as of"],
    );
    let mut more = package.clone();
    more.insert("inputs/waivers/all.toml".to_owned(), b"reason = \"x\"\n".to_vec());
    found("a waiver added", &relisted(more), &[another, "the assessment cannot be performed again from `inputs/`"]);
    found("made by another version, they say", &edited(&package, PATH, "0.1.0", "0.1.1"), &["speaks of an assessment as of"]);

    let sign_offs: Vec<String> = package.keys().filter(|path| path.ends_with(".sign-off.json")).cloned().collect();
    assert_eq!(sign_offs.len(), 2);
    for path in &sign_offs {
        let mut stripped = package.clone();
        stripped.remove(path);
        found("a signature stripped", &stripped, &["the policy asks for the signature of a"]);
        let mut moved = stripped.clone();
        moved.insert("attest/note.txt".to_owned(), package[path].clone());
        found("a signature called otherwise", &moved, &["the policy asks for the signature of a"]);
    }
    let mut twice = package.clone();
    twice.insert(sign_offs[0].clone(), package[&sign_offs[1]].clone());
    found("one signature in the place of the other", &twice, &["the policy asks for the signature of a preparer"]);
    let mut stripped = package.clone();
    stripped.remove("attest/ledger.json");
    found("the receipt stripped", &stripped, &["the package names no place in a ledger"]);

    // Another package, made with the program and signed with keys of their own.
    fs::write(desk.path("keys.csv"), KEYS.replace("2026-06-01", "2026-02-01")).unwrap();
    assert_eq!(desk.tickmark(&["run", "--project", ".", "--out", "better"]).0, Some(0));
    assert!(super::signing::keygen(&desk.path("mallory"), "").status.success());
    let better = contents(&desk.path("better"));
    let mut replayed = better.clone();
    replayed.extend(package.iter().filter(|(path, _)| path.starts_with("attest/")).map(|(path, bytes)| (path.clone(), bytes.clone())));
    found("signatures and receipt of another package", &replayed, &[another, "the ledger's entry is of another run"]);
    for (name, role) in [("J. Moreau", "preparer"), ("A. Lindqvist", "reviewer")] {
        assert_eq!(desk.sign("better", "mallory", name, role).0, Some(0));
    }
    found("a key of their own", &contents(&desk.path("better")), &["unknown key", "signature of a preparer", "signature of a reviewer"]);

    // The package itself, older than what came after it.
    let (code, said) = desk.tickmark(&["run", "--project", ".", "--out", "later", "--ledger", "ledger.ndjson", "--ledger-key", "stranger"]);
    assert_eq!(code, Some(0), "{said}");
    fs::write(desk.path("policy.toml"), desk.text("policy.toml") + "[ledger]\nlatest = true\n").unwrap();
    let (code, said) = verified(&desk, &package, &["--ledger", "ledger.ndjson"]);
    assert!(code == Some(4) && said.contains("it is not the latest run of its project"), "{said}");
    println!("changes without a key: {}", tried + 1);
}
