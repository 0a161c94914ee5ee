//! What a reader's policy expects beside signatures: the reader's own project, beside whatever an operator may weaken without a word.

use std::fs;
use std::path::Path;

use super::cli::{CONTROL, project, run};
use super::signing::{Desk, says, tickmark};

const CANONICAL: &str = include_str!("../../sources/canonical.toml");
/// A whole policy but for what it expects.
const NOBODY: &str = "schema = \"tickmark/policy/1\"\n[require]\nsignatures = []\n[expect]\n";
const PARAM: &str = "[params.max-x]\ndefault = \"30d\"\nmin = \"1d\"\nstricter = \"lower\"\nbasis = \"x\"\n[check]";

/// A package in `report`, made of the small project with changes, and the reader's own project beside it in `mine`.
struct Walk {
    work: tempfile::TempDir,
}

impl Walk {
    /// `changes`: of the operator's files, path → text. The reader's are as they were before.
    fn new(settings: &str, changes: &[(&str, &str)]) -> Walk {
        let mut files: Vec<(String, String)> =
            project("id,system,owner\na,s,p1\n").into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
        files[1].1 = CONTROL.replace("[check]", PARAM);
        let mine = files.clone();
        files[0].1 = files[0].1.replacen("frameworks", &format!("{settings}\nframeworks"), 1);
        for (path, text) in changes {
            match files.iter_mut().find(|(there, _)| there == path) {
                Some(file) => file.1 = (*text).to_owned(),
                None => files.push(((*path).to_owned(), (*text).to_owned())),
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (_, said, work) = run(&files, &["run"]);
        assert!(work.path().join("report").is_dir(), "{said}");
        let walk = Walk { work };
        mine.iter().for_each(|(path, text)| walk.mine(path, text));
        walk
    }

    fn mine(&self, path: &str, text: &str) {
        let path = self.work.path().join("mine").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn expect(&self, lines: &str) -> (Option<i32>, String) {
        fs::write(self.work.path().join("policy.toml"), format!("{NOBODY}{lines}")).unwrap();
        tickmark(self.work.path(), &["verify", "report", "--policy", "policy.toml"])
    }

    fn own(&self) -> (Option<i32>, String) {
        self.expect("project = \"mine\"\n")
    }
}

/// The settings of the small project with one of its lines changed.
fn settings(from: &str, to: &str) -> String {
    let text = project("").remove(0).1;
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// A mapping decides what is there to be judged: one of the operator's own is no mapping of the reader's.
#[test]
fn whose_mappings_read_the_evidence() {
    let theirs = format!("{CANONICAL}\n# A user fewer.\n");
    let walk = Walk::new("", &[("sources/canonical.toml", &theirs)]);
    says(&walk.own(), 4, &["source mapping `canonical` in `sources/canonical.toml` is another than the shipped one"]);
    walk.mine("sources/canonical.toml", CANONICAL);
    says(&walk.own(), 4, &["source mapping `canonical` in `sources/canonical.toml` is another than that of your project"]);
    walk.mine("sources/canonical.toml", &theirs);
    says(&walk.own(), 0, &["its controls, frameworks and mappings are those of your own project"]);
    // Nobody asked: it is said what was not looked at.
    let words = [
        "source mapping `canonical` in `sources/canonical.toml` stands in place of the shipped one",
        "0 waivers, what is out of scope, mappings of their own, the gate, `required` and `max-age`",
    ];
    says(&walk.expect(""), 0, &words);
    let walk = Walk::new("", &[]);
    says(&walk.own(), 0, &["mappings are those of your own project, 1 controls"]);
    assert!(!walk.expect("").1.contains("source mapping `"));
}

#[test]
fn what_ends_a_run_well_is_no_looser() {
    let answered = "reason = \"x\", approver = \"p1\"";
    for (settings, words) in [
        ("fail-on = \"critical\"", "the gate is looser: `fail-on` is critical, and any with you"),
        ("fail-on-unknown = \"none\"", "the gate is looser: `fail-on-unknown` is none, and any with you"),
        (&format!("gate = {{ OWN-01 = {{ value = \"none\", {answered} }} }}"), "control OWN-01 is off the gate"),
        (
            "out-of-scope = [{ framework = \"owasp-nhi-2025\", requirements = [\"NHI2:2025\"], reason = \"no secrets\", approver = \"p1\" }]",
            "requirement NHI2:2025 of `owasp-nhi-2025` was declared out of scope (\u{201c}no secrets (accepted by p1)\u{201d})",
        ),
    ] {
        let said = Walk::new(settings, &[]).own();
        says(&said, 4, &[words]);
        assert!(!said.1.contains("those of your own project"), "{}", said.1);
    }
}

#[test]
fn what_a_source_may_be() {
    let looser = settings("systems = [\"s\"]", "systems = [\"s\"]\nrequired = false\nmax-age = \"9000d\"");
    let walk = Walk::new("", &[("tickmark.toml", &looser)]);
    let words = [
        "source `canonical` need not be there: `required` is false, and true with you",
        "source `canonical` may be older: its `max-age` is 9000d, and 1d with you",
    ];
    says(&walk.own(), 4, &words);
    // A reader who has no sources cannot compare them.
    walk.mine("tickmark.toml", "name = \"Mine\"\nframeworks = [\"owasp-nhi-2025\"]\ncontrols = [\"controls\"]\n");
    says(&walk.own(), 0, &["sources that your own project has not: `canonical` (max-age 9000d, not required), `canonical-2` (max-age 1d)"]);
    walk.mine("tickmark.toml", &settings("[[source]]", "[[source]]\nid = \"mine\""));
    says(&walk.own(), 4, &["source `mine` of your project is not there"]);
}

#[test]
fn parameters_are_values_and_not_texts() {
    let walk = Walk::new("params = { \"OWN-01.max-x\" = \"7d\" }", &[]);
    says(&walk.expect("params = { \"OWN-01.max-x\" = \"168h\" }"), 0, &["1 parameters"]);
    says(&walk.expect("params = { \"OWN-01.max-x\" = \"167h\" }"), 4, &["parameter OWN-01.max-x is 7d, and 167h is expected"]);
    let words = ["control OWN-01, its parameter max-x is stricter than yours: yours \"30d\", theirs \"7d\"", "those of your own project"];
    says(&walk.own(), 0, &words);
    walk.mine("tickmark.toml", &settings("frameworks", "params = { \"OWN-01.max-x\" = \"168h\" }\nframeworks"));
    assert!(!walk.own().1.contains("its parameter max-x"));
    walk.mine("tickmark.toml", &settings("frameworks", "params = { \"OWN-01.max-x\" = \"6d\" }\nframeworks"));
    says(&walk.own(), 4, &["control OWN-01, its parameter max-x: yours \"6d\", theirs \"7d\""]);
}

/// The example can be its own reader's project: it has waivers with approvals in a folder below, and attestations, which nobody collected.
#[test]
fn the_example_as_the_readers_own() {
    let work = crate::scratch::folder();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policy = format!("{NOBODY}project = {:?}\noldest-evidence = \"100d\"\n", root.join("examples/bank"));
    fs::write(work.path().join("policy.toml"), policy).unwrap();
    let said = tickmark(work.path(), &["verify", root.join("reports/bank").to_str().unwrap(), "--policy", "policy.toml"]);
    says(&said, 0, &["no source is older than 100d", "those of your own project, 70 controls"]);
}

#[test]
fn waivers_of_ones_own() {
    let waiver = "id = \"W-1\"\ncontrol = \"OWN-01\"\nsubjects = [\"a\"]\nreason = \"x\"\napprover = \"p1\"\n\
                  granted-at = \"2026-06-01T00:00:00Z\"\nexpires-at = \"2026-08-01T00:00:00Z\"\n";
    let walk = Walk::new("", &[("waivers/2026/one.toml", waiver)]);
    says(&walk.own(), 4, &["waivers were added: W-1 in `waivers/2026/one.toml` is none of yours"]);
    walk.mine("waivers/2026/one.toml", waiver);
    says(&walk.own(), 0, &["those of your own project"]);
    walk.mine("waivers/2026/one.toml", &waiver.replace("2026-08-01", "2026-07-01"));
    says(&walk.own(), 4, &["W-1 in `waivers/2026/one.toml` is none of yours"]);
}

/// A source that was collected, and does not say when, is as old as anything.
#[test]
fn a_collected_source_without_a_time() {
    let untimed = settings("collected-at = \"2026-06-29T12:00:00Z\"\n", "");
    let walk = Walk::new("", &[("tickmark.toml", &untimed)]);
    says(&walk.expect("oldest-evidence = \"3650d\"\n"), 4, &["source `canonical` does not say when it was collected"]);
}

/// A signature is over a root: where the files have another one, it proves nothing of them.
#[test]
fn a_signature_over_other_files() {
    let desk = Desk::new();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    desk.policy("\"preparer\"", "");
    fs::write(desk.path("report/register.csv"), "identity\n").unwrap();
    let said = desk.verify("report");
    says(&said, 4, &["does not count: it signs the root ", ", which these files do not have"]);
    assert!(!said.1.contains("signed by J. Moreau"), "{}", said.1);
}
