//! `check --evidence` promises no more than an assessment then finds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn listed(root: &Path) -> Vec<BTreeMap<String, String>> {
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["check", "--evidence=csv", "--project"]).arg(root).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    csv::Reader::from_reader(done.stdout.as_slice()).deserialize().map(Result::unwrap).collect()
}

/// What is said to be judgeable throughout has no unknown verdict for want of a value or a source.
#[test]
fn what_is_judgeable_is_judged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = listed(&root.join("examples/bank"));
    let assessment: Value = serde_json::from_slice(&std::fs::read(root.join("reports/bank/assessment.json")).unwrap()).unwrap();
    let mut whole = 0;
    for control in assessment["controls"].as_array().unwrap() {
        let id = control["id"].as_str().unwrap();
        let of: Vec<_> = lines.iter().filter(|line| line["control"] == id).collect();
        assert!(!of.is_empty(), "{id}");
        let judgeable = of.iter().all(|line| line["judgeable"] == "yes");
        for line in &of {
            let settled = line["judgeable"] == "yes";
            assert!(settled == line["settled_by"].is_empty() || !settled && line["fact"].starts_with("source."), "{line:?}");
        }
        if judgeable {
            whole += 1;
            assert_eq!(control["counts"]["unknown"], 0, "{id}");
            assert_ne!(control["status"], "unknown", "{id}");
        }
    }
    assert!(whole > 1, "the example shows too little");
    assert!(lines.iter().any(|line| line["fact"].starts_with("log of events") && line["judgeable"] == "in part"));
}

/// What the program computes, no source says; what is signed for, `attest` writes; a count is vouched for.
#[test]
fn what_settles_it_is_what_would() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, _, work) = super::cli::run(
        &[
            (
                "tickmark.toml",
                "name = \"A\"\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\nkind = \"canonical\"\ntable = \"identity\"\npath = \"i.csv\"\n",
            ),
            ("i.csv", "id,system,owner,status\na,s,none,active\n"),
        ],
        &["check"],
    );
    let bank = listed(&root.join("examples/bank"));
    let lines = listed(work.path());
    let computed = ["identity.upstream_overdue", "identity.chain_length", "identity.reaches_privileged"];
    let mut seen = 0;
    for line in lines.iter().chain(&bank).filter(|line| computed.contains(&line["fact"].as_str())) {
        seen += 1;
        assert!(line["sources"].is_empty() && !line["settled_by"].contains("a source with"), "{line:?}");
        assert!(line["judgeable"] == "yes" || line["settled_by"].contains("computed from identity, grant and party"), "{line:?}");
    }
    assert!(seen > 2, "{lines:?}");
    let settled = |fact: &str| lines.iter().find(|line| line["fact"] == fact).map(|line| line["settled_by"].as_str()).unwrap_or_default();
    assert!(settled("source.expected_records").contains("complete = { expected = … }"), "{lines:?}");
    assert!(settled("every attestation").contains("tickmark attest"), "{lines:?}");
}

#[test]
fn as_markdown() {
    let (output, said, _work) = super::cli::run(
        &[
            (
                "tickmark.toml",
                "name = \"A | b\"\ncontrols = [\"INV-01\"]\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\nkind = \"canonical\"\ntable = \"identity\"\npath = \"i.csv\"\nmax-age = \"2d\"\ncollected-at = \"2026-06-29T00:00:00Z\"\n",
            ),
            ("i.csv", "id,system,owner,status\na,s,none,active\nb,s,,active\n"),
        ],
        &["check", "--evidence"],
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
    for row in [
        "| INV-01 | `every identity` | `canonical` | 2 rows | in part | canonical: a whole export (nobody says that it holds every record;",
        "| INV-01 | `identity.owner` | `canonical` | 1 of 2 | in part | a source with identity.owner: ",
        "; for 1 of s |",
        "| INV-01 | `identity.status` | `canonical` | 2 of 2 | yes |  |",
    ] {
        assert!(said.contains(row), "{row}\n{said}");
    }
}
