//! A part of a package: it proves what it shows, and says nothing of the rest.

use std::fs;

use serde_json::Value;

use super::metamorphic::every;
use super::package::contents;
use super::signing::{Desk, says};

const IDENTITIES: &str = "id,system,owner,purpose\nalice-key,s,none,x\nbob-key,s,p1,x\n\"=carol\",s,none,x\ndave-key,s,,x\n";

fn desk() -> Desk {
    let desk = Desk::of(IDENTITIES);
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    desk.policy("\"preparer\"", "");
    desk
}

fn disclosed(desk: &Desk, out: &str, more: &[&str]) -> String {
    let mut all = vec!["disclose", "report", "--control", "OWN-01", "--out", out];
    all.extend(more);
    says(&desk.tickmark(&all), 0, &["disclosed: "]);
    desk.text(&format!("{out}/disclosure.json"))
}

#[test]
fn one_subject_and_nothing_of_the_others() {
    let desk = desk();
    let text = disclosed(&desk, "part", &["--subject", "alice-key"]);
    for other in ["bob", "carol", "dave", "identity.csv\",\"sha256", "inputs/"] {
        assert!(!text.contains(other), "{other} in {text}");
    }
    assert_eq!(contents(&desk.path("part")).len(), 2);
    let words = [
        "control OWN-01, \"Every identity has an owner\": \"fail\"; of 4 subjects: 2 fail, 1 pass, 1 unknown",
        "control OWN-01, \"alice-key\": \"fail\"",
        "owner = \"none\"",
        "signed by J. Moreau as preparer",
        "anything of the other 3 subjects of OWN-01",
        "nothing was performed again",
    ];
    says(&desk.verify("part"), 0, &words);
    says(&desk.tickmark(&["verify", "part"]), 4, &["--policy FILE"]);
    says(&desk.tickmark(&["verify", "part", "--unsigned"]), 0, &["unknown key"]);
    // One who passes, one whose name a spreadsheet would run, one who is unknown; as an archive.
    let more = ["--subject", "bob-key", "--subject", "=carol", "--subject", "dave-key"];
    let all = [&["disclose", "report", "--control", "OWN-01", "--out", "part.tar.gz"][..], &more].concat();
    says(&desk.tickmark(&all), 0, &["3 verdicts and 2 findings", "note: the salts rest on the inputs alone"]);
    says(&desk.verify("part.tar.gz"), 0, &["\"bob-key\": \"pass\"", "carol", "\"dave-key\": \"unknown\"", "the other 1 subjects"]);
    // All of them.
    disclosed(&desk, "all", &[]);
    let (_, said) = desk.verify("all");
    assert!(said.contains("\"bob-key\"") && !said.contains("anything of the other"), "{said}");
    for (arguments, words) in [
        (&["--control", "OWN-02"][..], "no control `OWN-02` was judged"),
        (&["--subject", "eve"], "no subject `eve`"),
        (&["--redact", "colour"], "no field that is disclosed is called `colour`"),
    ] {
        let all = [&["disclose", "report", "--control", "OWN-01", "--out", "no"][..], arguments].concat();
        says(&desk.tickmark(&all), 2, &[words]);
        assert!(!desk.path("no").exists());
    }
    says(&desk.tickmark(&["disclose", "report", "--control", "OWN-01", "--out", "part"]), 2, &["is there already"]);
}

#[test]
fn whatever_is_changed_is_found() {
    let desk = desk();
    let good = disclosed(&desk, "part", &["--subject", "alice-key", "--redact", "reasons"]);
    let path = desk.path("part/disclosure.json");
    let mut tried = 0;
    for at in (0..good.len()).step_by(every(95, 19)) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let (code, said) = desk.verify("part");
        assert!(matches!(code, Some(2 | 4)), "byte {at}: {said}");
        tried += 1;
    }
    assert!(tried > 10);
    let changed = |from: &str, to: &str, words: &str| {
        assert!(good.contains(from), "{from} in {good}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        says(&desk.verify("part"), 4, &[words]);
    };
    changed("\"verdict\":\"fail\"", "\"verdict\":\"pass\"", "does not stand under the root");
    changed("\"fail\":2", "\"fail\":1", "does not stand under the root");
    changed("2026-06-30T00:00:00Z", "2026-06-29T00:00:00Z", "it does not show of which assessment");
    // What stands in leaf 0 beside the outcome is of the whole assessment: opened with its true salt, it still leads to the root.
    let files = contents(&desk.path("report"));
    let totals = serde_json::from_slice::<Value>(&files["assessment.json"]).unwrap()["totals"].clone();
    let mut value: Value = serde_json::from_str(&good).unwrap();
    let salt = tickmark::model::digest::hex(&tickmark::model::salt::Salts::of(&files).field(0, "totals"));
    value["shown"][0]["closed"]["totals"] = serde_json::json!({ "salt": salt, "value": totals });
    fs::write(&path, serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap();
    let said = desk.verify("part");
    says(&said, 4, &["`totals` of leaf 0 is opened"]);
    assert!(!said.1.contains("does not stand under the root"), "{}", said.1);
    // A leaf left out is no longer shown; one whose control is left out is not believed.
    let mut value: Value = serde_json::from_str(&good).unwrap();
    let shown = value["shown"].as_array_mut().unwrap();
    let control = shown.iter().position(|leaf| leaf["kind"] == "control").unwrap();
    shown.remove(control);
    fs::write(&path, serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap();
    says(&desk.verify("part"), 4, &["is of a control that is not shown"]);
    // The root of another package.
    let other = Desk::of("id,system,owner\nalice-key,s,p1\n");
    disclosed(&other, "part", &[]);
    fs::copy(other.path("part/disclosure.json"), &path).unwrap();
    says(&desk.verify("part"), 4, &["another package's"]);
    fs::write(desk.path("part/disclosure.json"), &good).unwrap();
    fs::write(desk.path("part/report.md"), "all is well").unwrap();
    says(&desk.verify("part"), 4, &["`report.md` is there, and no disclosure holds it"]);
}

#[test]
fn what_is_withheld_stands_nowhere() {
    let desk = Desk::of("id,system,owner\nalice-key,s,nobody-at-all\nbob-key,s,p1\n");
    let control = desk.text("controls/OWN-01-owner.toml").replace("\"owner <> 'none'\"", "\"owner.status = 'active'\"");
    fs::write(desk.path("controls/OWN-01-owner.toml"), control).unwrap();
    says(&desk.tickmark(&["run", "--project", "."]), 3, &[]);
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    desk.policy("\"preparer\"", "");
    let open = disclosed(&desk, "open", &[]);
    let text = disclosed(&desk, "part", &["--redact", "subject"]);
    assert!(open.contains("alice-key") && !text.contains("alice-key") && !text.contains("bob-key"), "{text}");
    says(&desk.verify("part"), 0, &["withheld of", "a subject that is not named: \"pass\"", "signed by J. Moreau"]);
    let text = disclosed(&desk, "owners", &["--redact", "owner"]);
    assert!(open.contains("nobody-at-all") && !text.contains("nobody-at-all"), "{open}\n{text}");
    says(&desk.verify("owners"), 0, &["withheld of"]);
}

/// Whoever knows every input but the salt cannot confirm one hash of a path.
#[test]
fn a_guess_is_not_confirmed() {
    let (guessed, secret) = (Desk::of(IDENTITIES), Desk::of(IDENTITIES));
    let settings = format!("salt = \"0123456789abcdef0123456789abcdef\"\n{}", secret.text("tickmark.toml"));
    fs::write(secret.path("tickmark.toml"), settings).unwrap();
    says(&secret.tickmark(&["run", "--project", "."]), 1, &[]);
    let hashes = |desk: &Desk| -> Vec<String> {
        let text = disclosed(desk, "part", &["--subject", "alice-key"]);
        let value: Value = serde_json::from_str(&text).unwrap();
        let paths = value["shown"].as_array().unwrap().iter().flat_map(|leaf| leaf["path"].as_array().unwrap().clone());
        paths.map(|hash| hash.as_str().unwrap().to_owned()).collect()
    };
    let (known, seen) = (hashes(&guessed), hashes(&secret));
    assert!(known.len() == seen.len() && known.len() > 10);
    assert!(known.iter().all(|hash| !seen.contains(hash)));
    let all = ["disclose", "report", "--control", "OWN-01", "--out", "quiet"];
    let (_, said) = secret.tickmark(&all);
    assert!(!said.contains("note:"), "{said}");
    // Nor do the digests that are signed: the report carries the seal.
    assert_ne!(fs::read(guessed.path("report/report.md")).unwrap(), fs::read(secret.path("report/report.md")).unwrap());
}
