//! The ledger: whatever is done to it is found, and runs at the same time stand one after the other.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tickmark::attest::key::SecretKey;
use tickmark::attest::ledger::{Run, append};
use tickmark::model::value::Time;

use super::signing::{Desk, says};

impl Desk {
    fn record(&self, out: &str, as_of: &str) {
        let said = self.tickmark(&[
            "run",
            "--project",
            ".",
            "--out",
            out,
            "--as-of",
            as_of,
            "--ledger",
            "ledger.ndjson",
            "--ledger-key",
            "stranger",
        ]);
        says(&said, 1, &["Report"]);
    }

    fn ledger_policy(&self, more: &str) {
        self.policy("", "ledger = true\n");
        let text = format!(
            "{}\n[[key]]\nname = \"The ledger\"\nkey-file = \"stranger.pub\"\nroles = [\"ledger\"]\n{more}",
            self.text("policy.toml")
        );
        fs::write(self.path("policy.toml"), text).unwrap();
    }
}

const DAYS: [&str; 4] = ["2026-06-29T18:00:00Z", "2026-06-29T19:00:00Z", "2026-06-29T20:00:00Z", "2026-06-29T21:00:00Z"];

fn recorded() -> Desk {
    recorded_on(&DAYS)
}

fn recorded_on(days: &[&str]) -> Desk {
    let desk = Desk::new();
    for (number, day) in days.iter().enumerate() {
        desk.record(&format!("r{number}"), day);
    }
    desk
}

#[test]
fn every_run_has_its_place() {
    let desk = recorded();
    desk.ledger_policy("");
    let verify = |package: &str, more: &[&str]| {
        let mut all = vec!["verify", package, "--policy", "policy.toml"];
        all.extend(more);
        desk.tickmark(&all)
    };
    says(&verify("r1", &[]), 0, &["the run is entry 2 of a ledger whose head The ledger signed", "give the ledger with `--ledger FILE`"]);
    let later = "it is not the latest run of its project: after it came entry 3 (as of 2026-06-29T20:00:00Z, exit 1), entry 4";
    says(&verify("r1", &["--ledger", "ledger.ndjson"]), 0, &["entry 2 of 4 in the ledger", later]);
    says(&verify("r3", &["--ledger", "ledger.ndjson", "--since", "r0/attest/ledger.json"]), 0, &["nothing before entry 2 changed"]);
    // Rolled back to an older package, signed and true.
    desk.ledger_policy("[ledger]\nlatest = true\n");
    says(&verify("r1", &["--ledger", "ledger.ndjson"]), 4, &[later]);
    says(&verify("r3", &["--ledger", "ledger.ndjson"]), 0, &["entry 4 of 4"]);
    // Without the ledger a proof will do; without either, nothing shows it.
    desk.ledger_policy("");
    says(&verify("r3", &["--since", "r0/attest/ledger.json"]), 4, &["nothing shows that the ledger grew"]);
    let prove =
        ["verify", "--ledger", "ledger.ndjson", "--policy", "policy.toml", "--since", "r0/attest/ledger.json", "--prove", "proof.json"];
    says(
        &desk.tickmark(&prove),
        0,
        &["the ledger holds together: 4 entries", "its head is signed by The ledger", "nothing before entry 2 changed"],
    );
    says(&verify("r3", &["--since", "r0/attest/ledger.json", "--ledger", "proof.json"]), 0, &["nothing before entry 2 changed"]);
    says(&verify("r2", &["--since", "r0/attest/ledger.json", "--ledger", "proof.json"]), 4, &["did not grow"]);
    let proof: Value = serde_json::from_str(&desk.text("proof.json")).unwrap();
    assert!(!proof["path"].as_array().unwrap().is_empty());
    // A head in the policy.
    let head = format!("[ledger]\nhead = {{ size = 1, root = {} }}\n", proof["from"]["root"]);
    desk.ledger_policy(&head);
    says(&verify("r3", &["--ledger", "ledger.ndjson"]), 0, &["nothing before entry 2 changed"]);
    desk.ledger_policy(&head.replace("size = 1", "size = 2"));
    says(&verify("r3", &["--ledger", "ledger.ndjson"]), 4, &["its history was changed"]);
    // A package that was not recorded, one with another's receipt, and one whose head nobody known signed.
    desk.ledger_policy("");
    says(&verify("report", &[]), 4, &["the package names no place in a ledger"]);
    fs::create_dir(desk.path("report/attest")).unwrap();
    fs::copy(desk.path("r2/attest/ledger.json"), desk.path("report/attest/ledger.json")).unwrap();
    says(&verify("report", &[]), 4, &["the ledger's entry is of another run"]);
    desk.policy("", "ledger = true\n[[key]]\nname = \"Y\"\nkey-file = \"moreau2.pub\"\nroles = [\"ledger\"]\n");
    assert!(super::signing::keygen(&desk.path("moreau2"), "").status.success());
    says(&verify("r2", &[]), 4, &["the ledger's head is signed with an unknown key"]);
    // The folder of a recorded run is replaced by the next recorded run, and by no other.
    desk.record("r3", "2026-06-29T22:00:00Z");
    let said = desk.tickmark(&["run", "--project", ".", "--out", "r3"]);
    says(&said, 2, &["speaks of other results"]);
}

#[test]
fn whatever_is_done_to_it_is_found() {
    let desk = recorded();
    desk.ledger_policy("");
    let good = desk.text("ledger.ndjson");
    let lines: Vec<&str> = good.lines().collect();
    let told = |lines: &[&str]| {
        fs::write(desk.path("ledger.ndjson"), lines.join("\n") + "\n").unwrap();
        desk.tickmark(&["verify", "--ledger", "ledger.ndjson", "--policy", "policy.toml"])
    };
    says(&told(&lines), 0, &["4 entries"]);
    // Deleted: at the start, within, at the end. Reordered. Altered. Put in.
    says(&told(&lines[1..]), 4, &["line 1", "a line was removed"]);
    says(&told(&[lines[0], lines[2], lines[3]]), 4, &["line 2"]);
    says(&told(&lines[..3]), 4, &["entries were cut off or changed"]);
    says(&told(&[lines[1], lines[0], lines[2], lines[3]]), 4, &["line 1"]);
    says(&told(&[lines[0], lines[2], lines[1], lines[3]]), 4, &["line 2"]);
    for (number, line) in lines.iter().enumerate() {
        let other = line.replace("\"exit\":1", "\"exit\":0");
        let mut all = lines.clone();
        all[number] = &other;
        says(&told(&all), 4, &[if number == 3 { "entries were cut off or changed" } else { "a line was removed, moved, changed" }]);
    }
    says(&told(&[lines[0], lines[0], lines[1], lines[2], lines[3]]), 4, &["line 2"]);
    says(&told(&[lines[0], "", lines[1], lines[2], lines[3]]), 4, &["line 2"]);
    // Forked: rewritten from the second entry on, with every hash made anew. Who kept the first package's head sees nothing; who kept the second's does.
    fs::write(desk.path("ledger.ndjson"), format!("{}\n", lines[0])).unwrap();
    for (number, day) in DAYS.iter().enumerate().skip(1) {
        desk.record(&format!("fork{number}"), &day.replace(":00:00", ":30:00"));
    }
    let since = |package: &str, kept: &str| {
        desk.tickmark(&[
            "verify",
            package,
            "--policy",
            "policy.toml",
            "--ledger",
            "ledger.ndjson",
            "--since",
            &format!("{kept}/attest/ledger.json"),
        ])
    };
    says(&since("fork3", "r0"), 0, &["nothing before entry 2 changed"]);
    says(&since("fork3", "r1"), 4, &["its history was changed"]);
    says(&since("r3", "r0"), 4, &["the package's run does not stand in this ledger"]);
    // Every byte.
    let mut tried = 0;
    for at in (0..good.len()).step_by(61) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        fs::write(desk.path("ledger.ndjson"), bytes).unwrap();
        let (code, said) = desk.tickmark(&["verify", "--ledger", "ledger.ndjson", "--policy", "policy.toml"]);
        assert_eq!(code, Some(4), "byte {at}: {said}");
        tried += 1;
    }
    assert!(tried > 10);
}

#[test]
fn runs_at_the_same_time_and_runs_that_died() {
    let desk = Desk::new();
    let running: Vec<_> = (0..6)
        .map(|number| {
            Command::new(env!("CARGO_BIN_EXE_tickmark"))
                .args(["run", "--project", ".", "--ledger", "ledger.ndjson", "--ledger-key", "stranger", "--out"])
                .arg(format!("c{number}"))
                .current_dir(desk.work.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
    desk.ledger_policy("");
    let whole = || desk.tickmark(&["verify", "--ledger", "ledger.ndjson", "--policy", "policy.toml"]);
    says(&whole(), 0, &["6 entries", "its head is signed by The ledger"]);
    // Half a line, as a run that was killed leaves it.
    let good = desk.text("ledger.ndjson");
    fs::write(desk.path("ledger.ndjson"), format!("{good}{{\"as_of\":\"2026")).unwrap();
    desk.record("after", DAYS[0]);
    says(&whole(), 0, &["7 entries"]);
    assert!(desk.text("ledger.ndjson").starts_with(&good));
    // A ledger that was changed is not written to.
    fs::write(desk.path("ledger.ndjson"), good.replacen("\"exit\":1", "\"exit\":0", 1)).unwrap();
    let before = desk.text("ledger.ndjson");
    let said = desk.tickmark(&["run", "--project", ".", "--out", "more", "--ledger", "ledger.ndjson"]);
    says(&said, 2, &["the ledger was changed: line 2"]);
    assert!(before == desk.text("ledger.ndjson") && !desk.path("more").exists());
}

/// The head beside the ledger counts in both ways of asking, by the same rules.
#[test]
fn the_signed_head_counts_with_a_package_too() {
    let desk = recorded_on(&DAYS[..3]);
    desk.ledger_policy("[ledger]\nlatest = true\n");
    let asked = |package: &[&str], code: i32, words: &[&str]| {
        let common = ["--policy", "policy.toml", "--ledger", "ledger.ndjson"];
        says(&desk.tickmark(&[&["verify"], package, &common].concat()), code, words);
    };
    says(&desk.tickmark(&["disclose", "r1", "--control", "OWN-01", "--out", "part"]), 0, &[]);
    let both = |code: i32, words: &[&str]| {
        asked(&[], code, words);
        asked(&["part"], code, words);
    };
    // The later runs are cut off, and the head that was signed over them still stands there.
    let whole = desk.text("ledger.ndjson");
    let lines: Vec<&str> = whole.lines().collect();
    fs::write(desk.path("ledger.ndjson"), lines[..2].join("\n") + "\n").unwrap();
    let words = ["a head of 3 entries was signed", "entries were cut off or changed"];
    both(4, &words);
    asked(&["r1"], 4, &words);
    let receipt: Value = serde_json::from_str(&desk.text("r1/attest/ledger.json")).unwrap();
    let write = |head: &str| fs::write(desk.path("ledger.ndjson.head.json"), head).unwrap();
    write(&receipt["signed"].to_string());
    both(0, &["its head is signed by The ledger"]);
    asked(&["r1"], 0, &["its head is signed by The ledger", "entry 2 of 2"]);
    let root = receipt["head"]["root"].as_str().unwrap();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "ledger", "digest": { "merkleSha256": root } }],
        "predicateType": "urn:tickmark:ledger-head:1", "predicate": { "size": 2 },
    })
    .to_string();
    write(&desk.enveloped("stranger", &statement));
    both(0, &["its head is signed by The ledger"]);
    for (from, to, words) in [
        (root, &*"0".repeat(64), "entries were cut off or changed"),
        (root, "x", "it signs no head of a ledger"),
        ("\"size\":2", "\"size\":1", "entries were cut off or changed"),
        ("\"size\":2", "\"size\":2,\"x\":1", "unknown field `x`"),
        ("\"size\":2", "\"size\":1,\"size\":2", "duplicate field `size`"),
        ("\"subject\":[", "\"subject\":[{\"name\":\"x\",\"digest\":{\"sha256\":\"00\"}},", "it signs `x` too"),
        ("{\"merkleSha256\"", "{\"sha256\":\"00\",\"merkleSha256\"", "a digest `sha256` of `ledger`"),
    ] {
        assert!(statement.contains(from), "{from}");
        write(&desk.enveloped("stranger", &statement.replace(from, to)));
        both(4, &[words]);
    }
    write(&desk.enveloped("moreau", &statement));
    both(4, &["whom the policy does not know as ledger"]);
    assert!(super::signing::keygen(&desk.path("other"), "").status.success());
    write(&desk.enveloped("other", &statement));
    both(4, &["its head is signed with an unknown key"]);
    write("{");
    both(4, &["ledger.ndjson.head.json: it is no DSSE envelope"]);
    fs::remove_file(desk.path("ledger.ndjson.head.json")).unwrap();
    both(4, &["a key is pinned for the ledger, and its signed head ledger.ndjson.head.json cannot be read"]);
    // Nobody pinned: said, and never proved.
    desk.policy("", "");
    both(0, &["Not checked", "who keeps the ledger, and whether entries were cut off at its end"]);
    write(&desk.enveloped("other", &statement));
    both(0, &["who keeps the ledger, and whether entries were cut off at its end"]);
    // Nor is it the latest where nobody looks.
    desk.ledger_policy("[ledger]\nlatest = true\n");
    says(&desk.verify("r2"), 4, &["whether it is the latest run of its project only the ledger shows", "--ledger FILE"]);
}

/// A run that was recorded under another project's name is no run of this project, and later runs of the real one do not count for it.
#[test]
fn a_run_under_another_name() {
    let desk = Desk::new();
    let manifest: Value = serde_json::from_str(&desk.text("report/manifest.json")).unwrap();
    let as_of = Time::parse(manifest["as_of"].as_str().unwrap()).unwrap();
    let key = SecretKey::read(&desk.text("stranger"), || None).unwrap();
    let run = Run { as_of, exit: 1, name: "Elsewhere", root: manifest["root"].as_str().unwrap() };
    let receipt = append(&desk.path("ledger.ndjson"), run, Some(&key)).unwrap();
    fs::create_dir(desk.path("report/attest")).unwrap();
    fs::write(desk.path("report/attest/ledger.json"), serde_json::to_vec(&receipt).unwrap()).unwrap();
    says(&desk.tickmark(&["disclose", "report", "--control", "OWN-01", "--out", "part"]), 0, &[]);
    desk.record("r1", "2026-06-30T01:00:00Z");
    desk.ledger_policy("[ledger]\nlatest = true\n");
    for package in ["report", "part"] {
        let said = desk.tickmark(&["verify", package, "--policy", "policy.toml", "--ledger", "ledger.ndjson"]);
        says(&said, 4, &["the ledger's entry is of another run", "of the project Elsewhere"]);
    }
    says(&desk.tickmark(&["verify", "r1", "--policy", "policy.toml", "--ledger", "ledger.ndjson"]), 0, &["entry 2 of 2"]);
    // What is no root is no entry.
    append(&desk.path("ledger.ndjson"), Run { root: "x", ..run }, Some(&key)).unwrap();
    says(
        &desk.tickmark(&["verify", "--policy", "policy.toml", "--ledger", "ledger.ndjson"]),
        4,
        &["line 3", "its `root` is no hash in hex"],
    );
}

#[test]
fn what_was_kept_and_what_proves_it() {
    let desk = recorded_on(&DAYS[..2]);
    desk.ledger_policy("");
    let verify = |more: &[&str]| desk.tickmark(&[&["verify", "--policy", "policy.toml"][..], more].concat());
    let since = ["--since", "r0/attest/ledger.json"];
    says(&verify(&[&["--ledger", "ledger.ndjson", "--prove", "proof.json"][..], &since].concat()), 0, &[]);
    // A proof proves nothing to somebody who kept no head, and alone nobody has signed where it ends.
    let proof = ["--ledger", "proof.json"];
    says(&verify(&[&["r1"][..], &proof].concat()), 2, &["proof.json is a proof", "give the head that you kept with `--since FILE`"]);
    says(&verify(&proof), 2, &["give the head that you kept with `--since FILE`"]);
    says(&verify(&[&proof[..], &since].concat()), 4, &["nobody signed the head at which the proof ends"]);
    says(&verify(&[&["r1"][..], &proof, &since].concat()), 0, &["nothing before entry 2 changed"]);
    says(&verify(&[&["r1", "--prove", "again.json"][..], &proof, &since].concat()), 2, &["only the ledger itself"]);
    assert!(!desk.path("again.json").exists());
    // A head as a policy has it.
    let receipt: Value = serde_json::from_str(&desk.text("r0/attest/ledger.json")).unwrap();
    let kept = |head: &str| {
        fs::write(desk.path("kept.json"), head).unwrap();
        verify(&["r1", "--ledger", "ledger.ndjson", "--since", "kept.json"])
    };
    let head = receipt["head"].to_string();
    says(&kept(&head), 0, &["nothing before entry 2 changed"]);
    says(&kept(&head.replace("\"size\":1", "\"size\":2")), 4, &["its history was changed"]);
    says(&kept(r#"{"root":"x","size":1}"#), 2, &["kept.json: its `root` is no hash in hex"]);
    says(&kept("{}"), 2, &["it is no receipt, no proof and no head of a ledger"]);
}
