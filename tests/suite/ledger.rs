//! The ledger: whatever is done to it is found, and runs at the same time stand one after the other.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::signing::Desk;

fn says(said: &(Option<i32>, String), code: i32, words: &[&str]) {
    assert!(said.0 == Some(code) && words.iter().all(|word| said.1.contains(word)), "expected {code}, {words:?}\n{:?}\n{}", said.0, said.1);
}

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
    let desk = Desk::new();
    for (number, day) in DAYS.iter().enumerate() {
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
