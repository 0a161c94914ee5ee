//! Derived facts from files to findings: the path that is told and the records that it rests on; who may not give them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use tickmark::evaluate::{Request, assess, verdicts};
use tickmark::evidence::{self, EvidenceError, FingerprintKey};
use tickmark::load::condition::{Place, parse};
use tickmark::load::project;
use tickmark::model::assessment::{Assessment, Finding, Verdict};
use tickmark::model::diagnostic::Code;
use tickmark::model::project::{Gating, Project};
use tickmark::model::schema::table;
use tickmark::model::table::Evidence;
use tickmark::model::value::Time;

const TABLES: [&str; 3] = ["identity", "grant", "party"];

/// A project of three canonical files, full and fresh, and the two controls that read derived facts.
fn written(folder: &Path, rows: [&str; 3], more: &str) {
    let mut settings = "name = \"Paths\"\nas-of = \"2026-06-30T00:00:00Z\"\ncontrols = [\"PRV-04\", \"TPR-04\"]\n".to_owned();
    for (table, rows) in TABLES.into_iter().zip(rows) {
        write!(
            settings,
            "[[source]]\nid = \"{table}\"\nkind = \"canonical\"\ntable = \"{table}\"\npath = \"{table}.csv\"\nsystems = [\"s\"]\n\
             collected-at = \"2026-06-30T00:00:00Z\"\ncomplete = {{ from = \"a count\", by = \"j.doe\", on = \"2026-06-30\" }}\n{more}\n"
        )
        .unwrap();
        fs::write(folder.join(format!("{table}.csv")), rows).unwrap();
    }
    fs::write(folder.join("tickmark.toml"), settings).unwrap();
}

fn loaded(folder: &Path) -> Project {
    project(folder).unwrap_or_else(|problems| panic!("{problems:?}")).0
}

fn read(folder: &Path, project: &Project) -> Result<(Evidence, Time), EvidenceError> {
    let key = FingerprintKey::of(folder);
    let request = evidence::Request::of(folder, project, project.as_of, &key, tickmark::load::shipped_mappings);
    evidence::read(&request).map(|(evidence, as_of, _)| (evidence, as_of))
}

fn assessed(rows: [&str; 3]) -> (Assessment, Evidence) {
    let folder = crate::scratch::folder();
    written(folder.path(), rows, "");
    let project = loaded(folder.path());
    let (evidence, as_of) = read(folder.path(), &project).unwrap();
    let request = Request {
        name: "paths",
        controls: &project.controls,
        deselected: &[],
        out_of_scope: &std::collections::BTreeMap::new(),
        out_of_scope_told: None,
        frameworks: &[],
        waivers: &[],
        evidence: &evidence,
        as_of,
        as_of_from: "configuration",
        gating: &Gating::default(),
        narrowed: None,
        baseline: None,
        watch: &tickmark::model::watch::Unwatched,
    };
    (assess(&request).unwrap(), evidence)
}

fn finding<'a>(assessment: &'a Assessment, control: &str, subject: &str) -> &'a Finding {
    let control = assessment.controls.iter().find(|result| result.control.id == control).unwrap();
    control.findings.iter().find(|finding| finding.subject == subject).unwrap_or_else(|| panic!("{subject}: {:?}", control.findings))
}

fn positions(finding: &Finding) -> Vec<String> {
    finding.evidence.iter().map(|position| format!("{} {}", position.file, position.record)).collect()
}

const PARTIES: &str = "id,offboarded_at,contract_end\ngone,2026-06-01T00:00:00Z,never\nhere,never,none\n";

#[test]
fn a_finding_shows_one_shortest_path_and_its_records() {
    let identities = "id,status,third_party\nadmin,active,none\nci,active,none\ndeploy,active,none\nlong,active,none\nother,active,none\n";
    // Two ways of two steps and one of three: the first of the shortest by the order of ids is told.
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,ci,other,hop,one,false,never\ng2,other,admin,hop,one,false,never\n\
        g3,ci,deploy,hop,one,false,never\ng4,deploy,admin,hop,one,false,never\n\
        g5,ci,long,hop,one,false,never\ng6,long,deploy,hop,one,false,never\n\
        g7,admin,none,access,one,true,never\n";
    let (assessment, _) = assessed([identities, grants, PARTIES]);
    let finding = finding(&assessment, "PRV-04", "ci");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.observed["reaches_privileged"], "true: ci → g1 → other → g2 → admin → g7");
    assert_eq!(
        positions(finding),
        ["grant.csv line 2", "grant.csv line 3", "grant.csv line 8", "identity.csv line 2", "identity.csv line 3", "identity.csv line 6"]
    );
}

#[test]
fn an_overdue_link_is_told_with_its_party_and_a_chain_with_its_passages() {
    let identities = "id,status,third_party\nfar,active,gone\nhub,active,here\nmine,active,none\nnext,active,here\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,far,hub,hop,one,false,never\ng2,hub,mine,impersonation,one,false,never\ng3,mine,next,hop,one,false,never\n";
    let (assessment, _) = assessed([identities, grants, PARTIES]);
    let mine = finding(&assessment, "TPR-04", "mine");
    assert_eq!(mine.observed["upstream_overdue"], "true: party gone → far → g1 → hub → g2 → mine");
    assert_eq!(mine.observed["chain_length"], "2: far → g1 → hub → g2 → mine");
    assert!(positions(mine).contains(&"party.csv line 2".to_owned()), "{:?}", mine.evidence);
    assert_eq!(finding(&assessment, "TPR-04", "next").observed["chain_length"], "3: far → g1 → hub → g2 → mine → g3 → next");
}

#[test]
fn an_unknown_fact_says_what_would_settle_it() {
    let identities = "id,status,third_party\nadmin,active,none\nci,active,none\nstray,active,none\nwho,,none\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,ci,admin,hop,one,false,\ng2,admin,none,access,one,true,never\n\
        g3,stray,lost,hop,one,false,never\ng4,who,admin,hop,one,false,never\n";
    let (assessment, _) = assessed([identities, grants, PARTIES]);
    let told = |subject: &str| -> String {
        let finding = finding(&assessment, "PRV-04", subject);
        assert_eq!(finding.verdict, Verdict::Unknown);
        let reasons: Vec<String> = finding.reasons.iter().map(|reason| format!("{}: {}", reason.word, reason.detail)).collect();
        format!("{} | {}", finding.observed["reaches_privileged"], reasons.join(" | "))
    };
    assert_eq!(told("ci"), "unknown: ci → g1 → admin → g2 | missing: `expires_at` of grant `g1` is not given by any source");
    assert_eq!(
        told("stray"),
        "unknown: stray → g3 → an identity that is not in the inventory | \
         dangling: `target` of grant `g3` refers to `lost`, which is not in the inventory"
    );
    assert_eq!(told("who"), "unknown: who → g4 → admin → g2 | missing: `status` of identity `who` is not given by any source");
}

#[test]
fn a_grant_that_names_nobody_is_told_as_one() {
    let identities = "id,status,third_party\nadmin,active,none\nci,active,none\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,none,admin,trust,group,false,never\ng2,admin,none,access,one,true,never\n";
    let (assessment, _) = assessed([identities, grants, PARTIES]);
    let ci = finding(&assessment, "PRV-04", "ci");
    assert_eq!(ci.observed["reaches_privileged"], "unknown: ci → an identity of s → g1 → admin → g2");
    let told: Vec<&str> = ci.reasons.iter().map(|reason| reason.detail.as_str()).collect();
    assert_eq!(told, ["whether identity `ci` is meant by a grant that does not name it is not known"]);
    let admin = finding(&assessment, "TPR-04", "admin");
    assert_eq!(admin.observed["upstream_overdue"], "unknown: an identity that is not in the inventory → g1 → admin");
    let told: Vec<&str> = admin.reasons.iter().map(|reason| reason.detail.as_str()).collect();
    assert_eq!(told, ["who uses grant `g1` is not known: it may be an identity that is not in the inventory"]);
}

#[test]
fn chains_without_an_end_are_told_once_round() {
    let identities = "id,status,third_party\na,active,gone\nb,active,here\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,a,b,hop,one,false,never\ng2,b,a,hop,one,false,never\n";
    let (assessment, _) = assessed([identities, grants, PARTIES]);
    assert_eq!(finding(&assessment, "TPR-04", "a").observed["chain_length"], "16 or more: a → g1 → b → g2 → a");
}

#[test]
fn no_source_gives_a_derived_column() {
    let identities =
        "id,status,third_party,reaches_privileged,chain_length\nci,active,none,false,\nadmin,active,none,,0\nplain,active,none,,\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,ci,admin,hop,one,false,never\ng2,admin,none,access,one,true,never\n";
    let (assessment, evidence) = assessed([identities, grants, PARTIES]);
    let quarantined: Vec<String> = evidence.quarantine.iter().map(|one| format!("{} {}: {}", one.file, one.position, one.reason)).collect();
    assert_eq!(
        quarantined,
        [
            "identity.csv line 2: `reaches_privileged` is computed by the program: no source gives it",
            "identity.csv line 3: `chain_length` is computed by the program: no source gives it",
        ]
    );
    assert_eq!(finding(&assessment, "PRV-04", "ci").verdict, Verdict::Fail);
    assert_eq!(finding(&assessment, "PRV-04", "plain").verdict, Verdict::Unknown, "the source is partial");
}

/// When a thing was last used or changed differs from one to the next: one line of settings cannot know it of all.
#[test]
fn no_fact_of_a_source_says_what_only_the_system_can() {
    let rows = ["id,status\na,active\n", "id,identity\ng,a\n", PARTIES];
    for (fact, refused) in [("first_exercised_at = \"never\"", true), ("identity = \"a\"", true), ("status = \"active\"", false)] {
        let folder = crate::scratch::folder();
        let table = if fact.starts_with("status") { "identity" } else { "grant" };
        written(folder.path(), rows, "");
        let path = folder.path().join("tickmark.toml");
        let settings = fs::read_to_string(&path).unwrap();
        let of = format!("id = \"{table}\"\n");
        fs::write(&path, settings.replace(&of, &format!("{of}facts = {{ {fact} }}\n"))).unwrap();
        let said = read(folder.path(), &loaded(folder.path())).err().map(|error| error.to_string());
        assert_eq!(said.as_ref().is_some_and(|said| said.contains("only the system itself can say it")), refused, "{fact}: {said:?}");
    }
}

#[test]
fn neither_a_fact_nor_a_test_gives_a_derived_column() {
    let folder = crate::scratch::folder();
    written(folder.path(), ["", "", ""], "facts = { upstream_overdue = false }");
    let problems = project(folder.path()).unwrap_err();
    assert!(problems.list.iter().any(|problem| problem.code == Code::NotFound && problem.message.contains("upstream_overdue")));

    let folder = crate::scratch::folder();
    fs::create_dir(folder.path().join("controls")).unwrap();
    fs::write(folder.path().join("tickmark.toml"), "name = \"x\"\ncontrols = [\"controls\"]\n").unwrap();
    let control = "id = \"OWN-01\"\ntitle = \"x\"\nseverity = \"low\"\nsubject = \"identity\"\nstatement = \"x\"\nrisk = \"x\"\n\
        remediation = \"x\"\n[check]\nassert = \"NOT reaches_privileged\"\n[[test]]\nname = \"x\"\nexpect = { a = \"pass\" }\n\
        [test.given]\nas-of = \"2026-06-30T00:00:00Z\"\nidentity = [{ id = \"a\", reaches_privileged = false }]\n";
    fs::write(folder.path().join("controls/own.toml"), control).unwrap();
    let problems = project(folder.path()).unwrap_err();
    let found = problems.list.iter().find(|problem| problem.code == Code::TestGiven).unwrap();
    assert_eq!(found.message, "`reaches_privileged` is computed by the program from the rows given");
}

/// An interval stays one along a path and in arithmetic, and is unknown to whatever needs one number.
#[test]
fn a_length_that_is_no_single_number_is_unknown_to_aggregates() {
    let identities = "id,status,third_party\na,active,here\nb,active,\nc,active,none\n";
    let grants = "id,identity,target,kind,principal_scope,privileged,expires_at\n\
        g1,a,b,hop,one,false,never\ng2,b,c,hop,one,false,never\n";
    let (_, evidence) = assessed([identities, grants, PARTIES]);
    let judged = |subject: &str, text: &str| -> Vec<Verdict> {
        let (assert, _) = parse(text, table(subject).unwrap(), &BTreeMap::new(), Place::Assert).unwrap();
        let as_of = Time::parse("2026-06-30T00:00:00Z").unwrap();
        verdicts(None, &assert, &evidence, as_of, &BTreeMap::new()).unwrap()
    };
    use Verdict::{Fail, Pass, Unknown};
    assert_eq!(judged("identity", "chain_length <= 0"), [Pass, Unknown, Unknown]);
    assert_eq!(judged("identity", "chain_length + 1 <= 3"), [Pass, Pass, Pass]);
    assert_eq!(judged("identity", "chain_length > 2"), [Fail, Fail, Fail]);
    assert_eq!(judged("identity", "chain_length IS NOT NULL"), [Pass, Fail, Fail]);
    assert_eq!(judged("grant", "target.chain_length <= 1"), [Pass, Unknown]);
    assert_eq!(judged("identity", "(SELECT max(target.chain_length) FROM grant WHERE grant.identity = identity.id) <= 2")[0], Unknown);
    assert_eq!(
        judged("identity", "EXISTS (SELECT 1 FROM grant WHERE grant.identity = identity.id AND target.chain_length > 2)"),
        [Fail; 3]
    );
}

/// By hand: `cargo test --test suite -- --ignored derived::a_million --nocapture`.
#[test]
#[ignore = "takes a minute and gigabytes; the cost is told, not judged"]
fn a_million_identities_behind_a_hub() {
    let (identities, grants) = (1_000_000_u32, 2_000_000_u32);
    let mut rows = "id,status,third_party\n".to_owned();
    for number in 0..identities {
        writeln!(rows, "i{number},active,{}", if number % 5 == 0 { "gone" } else { "none" }).unwrap();
    }
    let mut given = "id,identity,target,kind,principal_scope,privileged,expires_at\n".to_owned();
    for number in 0..grants {
        // A hub with a hundred thousand grants to it and as many from it; the others lead on by a stride.
        let (from, to) = match number {
            0..100_000 => (number + 1, 0),
            100_000..200_000 => (0, number + 1),
            _ => (number % identities, (number.wrapping_mul(2_654_435_761) >> 3) % identities),
        };
        writeln!(given, "g{number},i{from},i{to},{},one,{},never", ["hop", "trust", "access"][number as usize % 3], number % 1000 == 0)
            .unwrap();
    }
    let (_, evidence) = assessed([&rows, &given, PARTIES]);
    for text in ["NOT reaches_privileged", "chain_length <= 2 AND NOT upstream_overdue"] {
        let (assert, _) = parse(text, table("identity").unwrap(), &BTreeMap::new(), Place::Assert).unwrap();
        let as_of = Time::parse("2026-06-30T00:00:00Z").unwrap();
        let start = std::time::Instant::now();
        let verdicts = verdicts(None, &assert, &evidence, as_of, &BTreeMap::new()).unwrap();
        println!(
            "{text}: {} verdicts, {} fail, {:?}",
            verdicts.len(),
            verdicts.iter().filter(|v| **v == Verdict::Fail).count(),
            start.elapsed()
        );
    }
}
