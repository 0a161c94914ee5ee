//! A baseline: what it knows, what it does not excuse, and what is gone.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
use tickmark::evidence::{self, FingerprintKey};
use tickmark::load;

use super::cli::project;
use super::gate::verified;
use super::package::contents;
use super::schemas::names_its_schema;
use super::signing::tickmark;
use super::verify::{edited, relisted, write};

const FIRST: &str = "id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,p1\n";

/// A project whose first package, `accepted`, is its baseline.
struct Work(tempfile::TempDir);

impl Work {
    fn new() -> Work {
        let work = Work::unaccepted(FIRST);
        work.accept("2026-06-30T00:00:00Z", "2026-08-30T00:00:00Z");
        work
    }

    fn unaccepted(identities: &str) -> Work {
        let work = Work(crate::scratch::folder());
        for (path, text) in project(identities) {
            work.write(path, &text);
        }
        work.ends(&["run", "--out", "accepted"], 1);
        work
    }

    fn accept(&self, granted: &str, until: &str) {
        let said = self
            .ends(&["baseline", "accepted", "--approver", "p1", "--reason", "What there was", "--granted", granted, "--until", until], 0);
        assert!(said.starts_with("baseline.toml: 2 fails are known until") && said.contains("as of 2026-06-30T00:00:00Z"), "{said}");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{path}: {text}");
        self.write(path, &text.replace(from, to));
    }

    fn ends(&self, arguments: &[&str], exit: i32) -> String {
        let (code, said) = tickmark(self.path(), arguments);
        assert_eq!(code, Some(exit), "{arguments:?}\n{said}");
        said
    }

    /// A run against the baseline: its last line. The package is performed again from itself.
    fn held(&self, identities: &str, exit: i32) -> String {
        self.write("identity.csv", identities);
        self.again(exit)
    }

    fn again(&self, exit: i32) -> String {
        let said = self.ends(&["run", "--baseline"], exit);
        verified(self.path(), "report");
        said.lines().last().unwrap().to_owned()
    }

    fn assessment(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path().join("report/assessment.json")).unwrap()).unwrap()
    }
}

fn says(line: &str, words: &[&str]) {
    assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
}

#[test]
fn only_what_is_new_gates_and_the_rest_is_listed() {
    let work = Work::new();
    names_its_schema(&work.path().join("baseline.toml"));
    says(&work.held(FIRST, 0), &["KNOWN ONLY (exit 0): 2 violations at the gate, and the baseline knows all of them"]);
    let assessment = work.assessment();
    assert_eq!((&assessment["outcome"]["word"], &assessment["baseline"]["known"]), (&"known violations only".into(), &2.into()));
    assert_eq!(assessment["controls"][0]["status"], "fail", "no verdict changes");
    assert!(assessment["findings"].as_array().unwrap().iter().all(|finding| finding["baseline"] == "known"));
    let report = fs::read_to_string(work.path().join("report/report.md")).unwrap();
    let root = assessment["baseline"]["root"].as_str().unwrap();
    says(
        report.split("## Outcome").next().unwrap(),
        &["in force: 2 fails are known", root, "What there was. Accepted by `p1`; *approval not evidenced*"],
    );

    work.write("identity.csv", "id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,none\n");
    let said = work.ends(&["run", "--baseline"], 1);
    says(said.lines().last().unwrap(), &["FAIL (exit 1): 1 new violation at the gate, of OWN-01; first: OWN-01 c", "2 more are known"]);
    assert!(said.contains("\n      c\n      a (known)\n      b (known)\n"), "what is new comes first: {said}");
    // Without the option it gates as ever.
    work.ends(&["run", "--out", "plain"], 1);
    assert!(!work.path().join("plain/inputs/baseline.toml").exists());
    // Another id for what the system calls the same is no news, in any order.
    says(&work.held("id,system,native_id,owner\nz,s,nb,none\na,s,na,none\nc,s,nc,p1\n", 0), &["KNOWN ONLY"]);
    // Fixed.
    says(&work.held("id,system,native_id,owner\na,s,na,p1\nb,s,nb,p1\nc,s,nc,p1\n", 0), &["PASS (exit 0)"]);
}

#[test]
fn unknown_stays_unknown() {
    let work = Work::new();
    says(&work.held("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,\n", 3), &["UNKNOWN (exit 3): 1 control is undetermined"]);
    // Unknown where it failed is not known either.
    says(&work.held("id,system,native_id,owner\na,s,na,none\nb,s,nb,\nc,s,nc,p1\n", 3), &["UNKNOWN (exit 3)"]);
    // And what was unknown in the baseline, and fails now, is new.
    let work = Work::unaccepted("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,\n");
    work.accept("2026-06-30T00:00:00Z", "2026-08-30T00:00:00Z");
    says(&work.held("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,none\n", 1), &["1 new violation", "OWN-01 c"]);
}

#[test]
fn what_is_gone_without_proof_is_a_violation() {
    let work = Work::new();
    let less = "id,system,native_id,owner\na,s,na,none\nc,s,nc,p1\n";
    says(
        &work.held(less, 1),
        &["FAIL (exit 1): 1 thing is gone without proof; first: OWN-01 b: it failed in the baseline and is gone", "`deleted`"],
    );
    assert_eq!(work.assessment()["baseline"]["vanished"][0]["what"], "b");
    // A subject that did not fail may go.
    says(&work.held("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\n", 0), &["KNOWN ONLY"]);
    // An event that says so proves it, if it came to pass.
    let event = |outcome: &str| format!("id,system,at,type,outcome,identity\ne1,s,2026-06-30T03:00:00Z,deleted,{outcome},b\n");
    let source =
        "[[source]]\nkind = \"canonical\"\nid = \"log\"\npath = \"log.csv\"\ntable = \"event\"\ncollected-at = \"2026-06-29T12:00:00Z\"\n";
    let settings = fs::read_to_string(work.path().join("tickmark.toml")).unwrap();
    let later = settings.replace("as-of = \"2026-06-30T00:00:00Z\"", "as-of = \"2026-06-30T06:00:00Z\"");
    work.write("tickmark.toml", &format!("{later}{source}"));
    work.write("log.csv", &event("denied"));
    says(&work.held(less, 1), &["gone without proof"]);
    work.write("log.csv", &event("ok"));
    says(&work.held(less, 0), &["KNOWN ONLY (exit 0): 1 violation"]);
    // What came to pass before the baseline saw it proves nothing.
    work.write("log.csv", &event("ok").replace("2026-06-30T03", "2026-06-29T03"));
    says(&work.held(less, 1), &["gone without proof"]);
}

/// An export that its vendor calls whole looks the same when somebody has cut it.
#[test]
fn no_export_proves_that_something_was_removed() {
    let work = Work::new();
    let vouched = "complete = { from = \"a count\", by = \"j.doe\", on = \"2026-06-29\" }\n";
    let mapping = fs::read_to_string("sources/canonical.toml").unwrap();
    work.write("sources/canonical.toml", &mapping.replace("guarantees-full = false", "guarantees-full = true"));
    let settings = fs::read_to_string(work.path().join("tickmark.toml")).unwrap();
    work.write("tickmark.toml", &settings.replacen(vouched, "", 1));
    work.held("id,system,native_id,owner\na,s,na,none\nc,s,nc,p1\n", 1);
    let vanished = work.assessment()["baseline"]["vanished"].clone();
    assert!(vanished.as_array().unwrap().iter().any(|one| one["what"] == "b"), "{vanished}");
    // It is whole by its vendor's word all the same.
    assert_eq!(work.assessment()["sources"][0]["completeness"], "full");
}

#[test]
fn a_source_that_is_dropped_or_holds_less_is_a_violation() {
    let work = Work::new();
    let settings = fs::read_to_string(work.path().join("tickmark.toml")).unwrap();
    let (kept, party) = settings.rsplit_once("[[source]]").unwrap();
    let vouched = "complete = { from = \"a count\", by = \"j.doe\", on = \"2026-06-29\" }\n";
    assert!(party.contains(vouched));
    work.write("tickmark.toml", &format!("{kept}[[source]]{}", party.replace(vouched, "")));
    says(&work.again(1), &["source canonical-2: the source was complete in the baseline and is not now"]);
    // Another source has the approver.
    let other = party.replace("party.csv", "other.csv").replace("kind", "id = \"other\"\nkind");
    work.write("other.csv", "id,name,kind,relation,status\np1,Ops,team,internal,active\n");
    work.write("tickmark.toml", &format!("{kept}[[source]]{other}"));
    says(&work.again(1), &["source canonical-2: the baseline has this source, and it is not configured any more"]);
    fs::remove_file(work.path().join("party.csv")).unwrap();
    work.write("tickmark.toml", &format!("{settings}[[source]]{other}"));
    says(&work.again(1), &["source canonical-2: the source yielded nothing"]);
}

#[test]
fn a_control_that_is_dropped_is_a_violation_unless_the_command_line_says_so() {
    let work = Work::new();
    work.write("controls/TWO-01.toml", &super::cli::CONTROL.replace("OWN-01", "TWO-01").replace("owner <> 'none'", "id <> 'q'"));
    work.edit("tickmark.toml", "as-of", "out-of-scope = [{ controls = [\"OWN-01\"], reason = \"-\", approver = \"p1\" }]\nas-of");
    says(&work.again(1), &["first: OWN-01: 2 failed it in the baseline, and it is not judged any more"]);
    work.edit("tickmark.toml", "out-of-scope = [{ controls = [\"OWN-01\"], reason = \"-\", approver = \"p1\" }]\n", "");
    let said = work.ends(&["run", "--baseline", "--skip", "OWN"], 0);
    says(said.lines().last().unwrap(), &["PASS (exit 0)", "narrowed to 1 of 2 controls (--skip OWN)"]);
    verified(work.path(), "report");
}

#[test]
fn one_that_does_not_count_excuses_nothing_and_that_is_said() {
    for (from, to, words) in [
        ("granted-at = \"2026-06-30T00:00:00Z\"", "granted-at = \"2026-07-01T00:00:00Z\"", "the baseline is not yet valid"),
        ("2026-08-30T00:00:00Z", "2026-10-30T00:00:00Z", "the baseline is too long"),
        (
            "granted-at = \"2026-06-30T00:00:00Z\"\nexpires-at = \"2026-08-30",
            "granted-at = \"2026-05-30T00:00:00Z\"\nexpires-at = \"2026-06-30",
            "the baseline is expired",
        ),
        ("approver = \"p1\"", "approver = \"p9\"", "the baseline is undetermined (its approver `p9` is no party that the evidence knows)"),
    ] {
        let work = Work::new();
        work.edit("baseline.toml", from, to);
        says(&work.again(1), &["FAIL (exit 1): 2 violations", words, "so that it excuses nothing"]);
    }
    let work = Work::new();
    let root = fs::read_to_string(work.path().join("baseline.toml")).unwrap();
    let root = root.lines().find(|line| line.starts_with("root")).unwrap();
    work.edit("baseline.toml", root, &format!("root = \"{}\"", "0".repeat(64)));
    says(&work.again(1), &["the baseline is altered (its root is"]);
}

/// Whoever changes the accepted package, or what a new one holds of it, is found out: by the root that was accepted.
#[test]
fn an_altered_package_excuses_nothing() {
    let work = Work::new();
    let accepted = contents(&work.path().join("accepted"));
    // A new violation is written into the old package, with every digest made anew.
    let finding = String::from_utf8(accepted["findings.ndjson"].clone()).unwrap().lines().next().unwrap().to_owned();
    let forged = edited(&accepted, "populations/OWN-01.csv", "c,pass", "c,fail");
    let forged = edited(&forged, "findings.ndjson", &finding, &finding.replace("\"subject\":\"a\"", "\"subject\":\"c\""));
    write(&relisted(forged), &work.path().join("accepted"));
    let worse = "id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nc,s,nc,none\n";
    says(&work.held(worse, 1), &["FAIL (exit 1): 3 violations", "the baseline is altered"]);
    // One byte, with nothing made anew.
    write(&accepted, &work.path().join("accepted"));
    work.edit("accepted/populations/OWN-01.csv", "c,pass", "c,fail");
    says(&work.held(worse, 1), &["altered (`populations/OWN-01.csv` is not the file that its manifest lists)"]);
    work.ends(&["diff", "accepted", "report"], 2);
    // The same in the part that the new package holds.
    write(&accepted, &work.path().join("accepted"));
    work.held(FIRST, 0);
    let package = contents(&work.path().join("report"));
    let forged = edited(&package, "inputs/baseline/populations/OWN-01.csv", "c,pass", "c,fail");
    write(&forged, &work.path().join("forged"));
    let said = work.ends(&["verify", "forged", "--unsigned"], 4);
    says(&said, &["says otherwise than its inputs"]);
    // Without its root nobody could tell that it was accepted: it is under the new root, and in the report.
    let mut dropped = package.clone();
    dropped.retain(|path, _| !path.starts_with("inputs/baseline"));
    write(&relisted(dropped), &work.path().join("dropped"));
    work.ends(&["verify", "dropped", "--unsigned"], 4);
}

#[test]
fn who_accepts_what_is_checked_when_it_is_accepted() {
    let work = Work::unaccepted(FIRST);
    let accept = |arguments: &[&str], exit: i32, words: &str| {
        let mut all = vec!["baseline"];
        all.extend(arguments);
        all.extend(["--approver", "p1", "--reason", "-"]);
        says(&work.ends(&all, exit), &[words]);
    };
    accept(&["accepted", "--granted", "2026-06-30T00:00:00Z", "--until", "2026-10-01T00:00:00Z"], 2, "a baseline lasts 90d at most");
    accept(
        &["accepted", "--granted", "2026-06-30T00:00:00Z", "--until", "2026-06-01T00:00:00Z"],
        2,
        "it would end before it begins, at 2026-06-30T00:00:00Z",
    );
    accept(&["nowhere", "--until", "2026-08-01T00:00:00Z"], 2, "nowhere");
    work.ends(&["run"], 1);
    accept(&["report", "--until", "2026-08-01T00:00:00Z"], 2, "is what the next run replaces");
    says(&work.ends(&["run", "--baseline"], 2), &["nobody accepted a baseline", "tickmark baseline PACKAGE"]);
    accept(&["accepted", "--until", "2026-08-01T00:00:00Z"], 0, "2 fails are known");
    accept(&["accepted", "--until", "2026-08-01T00:00:00Z"], 2, "baseline.toml is there already");
    // A wrong file is told with its places.
    work.edit("baseline.toml", "reason", "raeson");
    says(&work.ends(&["run", "--baseline"], 2), &["baseline.toml:", "no `reason`", "`raeson` means nothing"]);
}

#[test]
fn what_was_waived_gates_when_its_waiver_has_ended() {
    let work = Work::unaccepted("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\nd,s,nd,none\n");
    let waiver = "id = \"W\"\ncontrol = \"OWN-01\"\nsubjects = [\"d\"]\nreason = \"-\"\napprover = \"p1\"\ngranted-at = \"2026-06-01T00:00:00Z\"\nexpires-at = \"2026-07-15T00:00:00Z\"\n";
    work.write("waivers/w.toml", waiver);
    fs::remove_dir_all(work.path().join("accepted")).unwrap();
    work.ends(&["run", "--out", "accepted"], 1);
    work.accept("2026-06-30T00:00:00Z", "2026-08-30T00:00:00Z");
    says(&work.again(0), &["KNOWN ONLY (exit 0): 2 violations"]);
    work.edit("waivers/w.toml", "2026-07-15", "2026-06-15");
    says(&work.again(1), &["1 new violation at the gate, of OWN-01; first: OWN-01 d"]);
    // Waived, and gone: gone.
    work.edit("waivers/w.toml", "\"d\"", "\"a\"");
    says(&work.held("id,system,native_id,owner\na,s,na,none\nb,s,nb,none\n", 1), &["OWN-01 d: it failed in the baseline and is gone"]);
}

/// Finding ids of a project judged in memory: subject → id.
fn ids(files: &[(&str, String)], key: &[u8]) -> Vec<(String, String)> {
    let folder = crate::scratch::folder();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (project, _) = load::project(folder.path()).unwrap();
    let key = FingerprintKey::given(key);
    let request = evidence::Request::of(folder.path(), &project, project.as_of, &key, load::shipped_mappings);
    let (evidence, as_of, _) = evidence::read(&request).unwrap();
    let assessment = tickmark::evaluate::assess(&tickmark::evaluate::Request {
        name: "ids",
        controls: &project.controls,
        deselected: &[],
        out_of_scope: &std::collections::BTreeMap::new(),
        out_of_scope_told: None,
        frameworks: &[],
        waivers: &[],
        evidence: &evidence,
        as_of,
        as_of_from: "configuration",
        gating: &project.gating,
        narrowed: None,
        baseline: None,
        watch: &tickmark::model::watch::Unwatched,
    })
    .unwrap();
    let findings = assessment.controls.into_iter().flat_map(|result| result.findings);
    findings.map(|finding| (finding.subject, finding.id)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// The order of rows, rows beside them and other ids change no finding's id; two findings never share one.
    #[test]
    fn finding_ids_are_stable(
        natives in prop::collection::btree_set("[a-c]{0,3}", 1..6),
        more in prop::collection::btree_set("[x-z]{1,3}", 0..4),
        shared in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let row = |native: &str, prefix: &str| format!("{prefix}{native},s,{native},none");
        let head = "id,system,native_id,owner";
        let plain: Vec<String> = natives.iter().map(|native| row(native, "i-")).collect();
        let mut other: Vec<String> = natives.iter().map(|native| row(native, if native.is_empty() { "i-" } else { "j-" })).collect();
        other.extend(more.iter().map(|native| row(native, "k-")));
        if shared && let Some(first) = more.first() {
            other.push(row(first, "l-"));
        }
        let at = usize::try_from(seed).unwrap_or_default() % other.len();
        other.rotate_left(at);
        let of = |rows: &[String]| ids(&project(&format!("{head}\n{}\n", rows.join("\n"))), b"0123456789abcdef0123456789abcdef");
        let (before, after) = (of(&plain), of(&other));
        prop_assert_eq!(before.len(), natives.len());
        for (subject, id) in &before {
            let native = subject.strip_prefix("i-").unwrap();
            let now = after.iter().find(|(subject, _)| subject[2..] == *native && !subject.starts_with(['k', 'l'])).unwrap();
            prop_assert_eq!(id, &now.1, "{} became {}", subject, now.0);
        }
        let mut all: Vec<&String> = after.iter().map(|(_, id)| id).collect();
        all.sort();
        all.dedup();
        prop_assert_eq!(all.len(), after.len());
    }
}

/// Under another key for fingerprints the ids of credentials change, and those of their findings do not.
#[test]
fn finding_ids_outlive_the_key_for_fingerprints() {
    let dump = "_format_version: '3.0'\n_info:\n  select_tags: []\nconsumers:\n- username: acme\n  id: 11111111-1111-4111-8111-111111111111\n  keyauth_credentials:\n  - id: 22222222-2222-4222-8222-222222222222\n    key: Zk3q8Qw71LxTpA0s\n    created_at: 1700000000\n";
    let control = super::cli::CONTROL
        .replace("subject = \"identity\"", "subject = \"credential\"")
        .replace("owner <> 'none'", "kind <> 'api_key'")
        .split("[[test]]")
        .next()
        .unwrap()
        .to_owned();
    let settings = "name = \"ids\"\nframeworks = [\"owasp-nhi-2025\"]\ncontrols = [\"controls\"]\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\nkind = \"kong-deck\"\npath = \"kong.yaml\"\nsystems = [\"kong:x\"]\ncollected-at = \"2026-06-29T22:00:00Z\"\n";
    let files = [("tickmark.toml", settings.to_owned()), ("controls/OWN-01.toml", control), ("kong.yaml", dump.to_owned())];
    let (one, two) = (ids(&files, &[1; 32]), ids(&files, &[2; 32]));
    assert_eq!((one.len(), two.len()), (1, 1), "{one:?} {two:?}");
    assert_eq!(one[0].1, two[0].1);
}
