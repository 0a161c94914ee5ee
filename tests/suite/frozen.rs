//! A package of every format version, kept as it was made: it is verified for ever. Where one of these tests fails, mend the program, never the files.
//!
//! `tests/frozen/1/` holds a signed and recorded package, its ledger, a disclosure of it, and a policy. It says that it was made by version 0.0.1, so that its
//! wording may change and its verdicts may not.

use std::fs;
use std::path::{Path, PathBuf};

use super::package::contents;
use super::signing::{Desk, tickmark};
use super::verify::edited;

fn frozen(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/frozen/{version}"))
}

#[test]
fn format_1() {
    let folder = frozen(1);
    let common = ["--policy", "policy.toml", "--ledger", "ledger.ndjson"];
    for (package, words) in [
        (
            "package.tar.gz",
            &[
                "the verdicts on all 4 subjects are the same",
                "signed by J. Moreau as preparer",
                "signed by A. Lindqvist as reviewer",
                "the run is entry 2 of 2 in the ledger",
                "nothing before entry 2 changed since you kept",
                "the package was made by tickmark 0.0.1",
                "verified, as the policy asks",
            ][..],
        ),
        (
            "disclosure.tar.gz",
            &[
                "control OWN-01, \"alice-key\": \"fail\"",
                "signed by A. Lindqvist as reviewer",
                "the run is entry 2 of 2",
                "verified, as the policy asks",
            ],
        ),
    ] {
        let (code, said) = tickmark(&folder, &[&["verify", package][..], &common].concat());
        assert!(code == Some(0) && words.iter().all(|word| said.contains(word)), "{package}: {said}");
    }
    let (code, said) = tickmark(&folder, &["verify", "--policy", "policy.toml", "--ledger", "ledger.ndjson"]);
    assert!(code == Some(0) && said.contains("its head is signed by The ledger"), "{said}");
}

/// Makes the files of `tests/frozen/1/`. Only for a new version of the format: `cargo test --test suite -- --ignored freeze`, with an empty folder.
#[test]
#[ignore = "writes the frozen package of a new format version"]
fn freeze() {
    let folder = frozen(1);
    assert!(!folder.exists(), "{} is there: what is frozen stays", folder.display());
    let desk = Desk::of("id,system,owner,purpose\nalice-key,s,none,x\nbob-key,s,p1,x\n\"=carol\",s,none,x\ndave-key,s,,x\n");
    let settings = format!("salt = \"frozen-frozen-frozen-frozen-frozen\"\n{}", desk.text("tickmark.toml"));
    fs::write(desk.path("tickmark.toml"), settings).unwrap();
    let run = |as_of: &str| {
        let said = desk.tickmark(&["run", "--project", ".", "--out", "made", "--as-of", as_of]);
        assert_eq!(said.0, Some(1), "{}", said.1);
        let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
        let older = edited(&contents(&desk.path("made")), "assessment.json", version, "\"version\":\"0.0.1\"");
        edited(&older, "manifest.json", version, "\"version\":\"0.0.1\"")
    };
    let ledger = desk.path("ledger.ndjson");
    let key = tickmark::attest::key::SecretKey::read(&desk.text("stranger"), || None).unwrap();
    let record = |package: &super::verify::Package, as_of: &str| {
        let root = tickmark::attest::manifest::root(package).unwrap().hash;
        let as_of = tickmark::model::value::Time::parse(as_of).unwrap();
        tickmark::attest::ledger::append(&ledger, tickmark::attest::ledger::Run { as_of, exit: 1, name: "Small", root: &root }, Some(&key))
            .unwrap()
    };
    let first = "2026-06-29T18:00:00Z";
    let head = record(&run(first), first).head;
    let second = "2026-06-30T00:00:00Z";
    let mut package = run(second);
    package.insert("attest/ledger.json".to_owned(), serde_json_canonicalizer::to_vec(&record(&package, second)).unwrap());
    fs::write(desk.path("package.tar.gz"), tickmark::attest::archive::write(&package).unwrap()).unwrap();
    assert_eq!(desk.sign("package.tar.gz", "moreau", "J. Moreau", "preparer").0, Some(0));
    assert_eq!(desk.sign("package.tar.gz", "lindqvist", "A. Lindqvist", "reviewer").0, Some(0));
    let part = ["disclose", "package.tar.gz", "--control", "OWN-01", "--subject", "alice-key", "--out", "disclosure.tar.gz"];
    assert_eq!(desk.tickmark(&part).0, Some(0));
    desk.policy(
        "\"preparer\", \"reviewer\"",
        "ledger = true\n[[key]]\nname = \"The ledger\"\nkey-file = \"ledger.pub\"\nroles = [\"ledger\"]\n",
    );
    let policy =
        format!("{}[ledger]\nlatest = true\nhead = {{ size = {}, root = \"{}\" }}\n", desk.text("policy.toml"), head.size, head.root);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("policy.toml"), policy).unwrap();
    for (from, to) in [("stranger.pub", "ledger.pub"), ("lindqvist.pub", "lindqvist.pub")] {
        fs::copy(desk.path(from), folder.join(to)).unwrap();
    }
    for name in ["package.tar.gz", "disclosure.tar.gz", "ledger.ndjson", "ledger.ndjson.head.json"] {
        fs::copy(desk.path(name), folder.join(name)).unwrap();
    }
}
