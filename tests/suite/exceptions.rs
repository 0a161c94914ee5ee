//! Waivers, attestations and looser parameters, as a person writes them and as a pipeline meets them (SEMANTICS §5.6).

mod adversary;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::schemas::names_its_schema;

const SETTINGS: &str = r#"
name = "Keys"
frameworks = ["owasp-nhi-2025"]
controls = ["controls"]
as-of = "2026-06-30T00:00:00Z"
[[source]]
kind = "canonical"
table = "credential"
path = "credential.csv"
systems = ["s"]
collected-at = "2026-06-29T12:00:00Z"
complete = { expected = 4, from = "a count", by = "j.doe", on = "2026-06-29" }
[[source]]
kind = "canonical"
table = "identity"
path = "identity.csv"
systems = ["s"]
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
[[source]]
kind = "canonical"
table = "party"
path = "party.csv"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
"#;

const CONTROL: &str = r#"
id = "KEY-01"
title = "Keys end"
severity = "high"
max-waiver = "90d"
subject = "credential"
statement = "Every key ends within `$life`."
risk = "It lives on."
remediation = "End it."
[maps-to]
owasp-nhi-2025 = [{ id = "NHI7:2025", relationship = "intersects-with", rationale = "x" }]
[params.life]
default = "90d"
min = "1d"
max = "400d"
stricter = "lower"
basis = "ours"
[check]
assert = "expires_at - issued_at <= $life"
[[test]]
name = "never"
expect = { a = "fail" }
[test.given]
as-of = "2026-06-30T00:00:00Z"
credential = [{ id = "a", issued_at = "2026-01-01T00:00:00Z", expires_at = "never" }]
"#;

const CREDENTIALS: &str = "id,system,identity,kind,status,issued_at,expires_at
one,s,i,api_key,active,2026-01-01T00:00:00Z,never
two,s,i,api_key,active,2026-01-01T00:00:00Z,never
good,s,i,api_key,active,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z
whose,s,nobody-said,api_key,active,2026-01-01T00:00:00Z,never
";

/// A waiver for `one`, with some lines put in the place of others of the same key.
fn waiver(other: &[&str]) -> String {
    let own = [
        "id = \"W-1\"",
        "control = \"KEY-01\"",
        "subjects = [\"one\"]",
        "reason = \"A migration.\"",
        "approver = \"boss\"",
        "granted-at = \"2026-05-01T00:00:00Z\"",
        "expires-at = \"2026-07-01T00:00:00Z\"",
    ];
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let kept = own.iter().filter(|line| !other.iter().any(|other| key(other) == key(line)));
    let lines: Vec<&str> = kept.chain(other).copied().filter(|line| line.contains(" = ") || line.starts_with('[')).collect();
    lines.join("\n") + "\n"
}

struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let project = Project(crate::scratch::folder());
        project.put("tickmark.toml", SETTINGS);
        project.put("controls/KEY-01.toml", CONTROL);
        project.put("credential.csv", CREDENTIALS);
        project.put("identity.csv", "id,system,kind,owner\ni,s,service_account,ops\nnobody-said,s,service_account,\n");
        project.put("party.csv", "id,name,kind,relation,status\nops,Ops,team,internal,active\nboss,Boss,person,internal,active\n");
        files.iter().for_each(|(path, text)| project.put(path, text));
        project
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tickmark(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).arg("--project").arg(self.0.path()).output().unwrap()
    }

    /// The assessment of a run that ends with this exit code.
    fn run(&self, arguments: &[&str], exit: i32) -> Value {
        let output = self.tickmark(&[&["run"], arguments].concat());
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        serde_json::from_slice(&fs::read(self.path("report/assessment.json")).unwrap()).unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The verdict of a subject of KEY-01.
fn verdict(assessment: &Value, subject: &str) -> String {
    let found = assessment["findings"].as_array().unwrap().iter().find(|finding| finding["subject"] == subject);
    found.map_or_else(|| "pass".to_owned(), |finding| finding["verdict"].as_str().unwrap().to_owned())
}

#[test]
fn a_live_waiver_leaves_the_fail_in_sight_and_counts_it_apart() {
    let project = Project::new(&[("waivers/one.toml", &waiver(&["subjects = [\"one\", \"two\", \"good\"]"]))]);
    // What nobody owns is not waived: `whose` still fails.
    let assessment = project.run(&[], 1);
    assert_eq!(verdict(&assessment, "one"), "waived");
    assert_eq!(verdict(&assessment, "whose"), "fail");
    assert_eq!(
        assessment["controls"][0]["counts"],
        serde_json::json!({"fail": 1, "unknown": 0, "waived": 2, "pass": 1, "not_applicable": 0})
    );
    assert_eq!(assessment["findings"][1]["waivers"], serde_json::json!(["W-1"]));
    let found = &assessment["waivers"][0];
    assert_eq!((found["standing"].as_str(), found["approval"].is_null()), (Some("in force"), true));
    assert_eq!(found["waived"], serde_json::json!(["one", "two"]), "`good` needs none");
    let report = fs::read_to_string(project.path("report/report.md")).unwrap();
    for words in ["**✗ fail**, **\\~ waived** `one`, by waiver `W-1`", "*approval not evidenced*", "1 subject in its scope needs no waiver"]
    {
        assert!(report.contains(words), "{words}\n{report}");
    }

    // Where every fail is waived, the control is, and its requirement is supported with exceptions.
    project.put("credential.csv", &CREDENTIALS.replace("whose,s,nobody-said", "whose,s,i"));
    project.put("waivers/one.toml", &waiver(&["subjects = [\"one\", \"two\", \"whose\"]"]));
    let assessment = project.run(&[], 0);
    assert_eq!(assessment["controls"][0]["status"], "waived");
    let requirement = assessment["frameworks"][0]["requirements"].as_array().unwrap().iter().find(|one| one["id"] == "NHI7:2025").unwrap();
    let mapped = requirement["controls"].as_array().unwrap().iter().find(|one| one["id"] == "KEY-01").unwrap();
    assert_eq!(mapped["status"], "waived");

    // And the package, waivers and all, is performed again.
    let verified =
        Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("verify").arg(project.path("report")).arg("--unsigned").output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

/// Each of these leaves the fail a fail, and says why.
#[test]
fn what_waives_nothing_says_so() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["expires-at = \"2026-06-30T00:00:00Z\""], "expired", ""),
        (&["granted-at = \"2026-06-30T00:00:00.000001Z\""], "not yet valid", ""),
        (&["expires-at ="], "too broad", "nobody says when it ends"),
        (&["expires-at = \"2026-07-30T00:00:00.000001Z\""], "too broad", "it lasts 90d1us, and KEY-01 allows 90d at most"),
        (&["subjects =", "where = \"status = 'active'\"", "at-most = 3"], "too broad", "it covers 4 subjects, and declares 3 at most"),
        (&["approver = \"ops\""], "approved by the owner", ""),
        (&["approver = \"bos\""], "undetermined", "its approver `bos` is no party that the evidence knows"),
        (&["subjects = [\"whose\"]"], "undetermined", "for none of its subjects is it known whether it covers them"),
        (&["subjects = [\"good\"]"], "unused", ""),
    ];
    for (lines, standing, why) in cases {
        let project = Project::new(&[("waivers/one.toml", &waiver(lines))]);
        let assessment = project.run(&[], 1);
        let found = &assessment["waivers"][0];
        assert_eq!((found["standing"].as_str(), found["why"].as_str()), (Some(*standing), Some(*why)), "{lines:?}");
        assert_eq!(verdict(&assessment, "one"), "fail", "{lines:?}");
        assert_eq!(found["waived"], serde_json::json!([]), "{lines:?}");
    }
}

#[test]
fn a_waiver_counts_up_to_the_instant_at_which_it_ends_and_from_that_at_which_it_begins() {
    for lines in [
        &["expires-at = \"2026-06-30T00:00:00.000001Z\""] as &[&str],
        &["granted-at = \"2026-06-30T00:00:00Z\""],
        &["expires-at = \"2026-07-30T00:00:00Z\""],
        &["subjects =", "where = \"status = 'active'\"", "at-most = 4"],
    ] {
        let project = Project::new(&[("waivers/one.toml", &waiver(lines))]);
        assert_eq!(verdict(&project.run(&[], 1), "one"), "waived", "{lines:?}");
    }
}

/// What is not known never widens a waiver: a scope over part of the keys may cover more of them than it declares.
#[test]
fn unknown_waives_nothing() {
    let by_scope = waiver(&["subjects =", "where = \"status = 'active'\"", "at-most = 4"]);
    let project = Project::new(&[("waivers/one.toml", &by_scope)]);
    let settings = [
        ("part of the keys", SETTINGS.replace("expected = 4", "expected = 5")),
        ("an old export of the keys", SETTINGS.replacen("2026-06-29T12:00:00Z", "2026-06-20T12:00:00Z", 1)),
    ];
    for (what, settings) in settings {
        project.put("tickmark.toml", &settings);
        let assessment = project.run(&[], 1);
        assert_eq!(verdict(&assessment, "one"), "fail", "{what}");
        assert_eq!(assessment["waivers"][0]["standing"], "undetermined", "{what}");
    }
    project.put("tickmark.toml", SETTINGS);
    // A scope that is open for one of them may cover it.
    project.put("credential.csv", &CREDENTIALS.replace("good,s,i,api_key,active", "good,s,i,api_key,"));
    project.put("waivers/one.toml", &by_scope.replace("at-most = 4", "at-most = 3"));
    let assessment = project.run(&[], 1);
    assert_eq!((verdict(&assessment, "one").as_str(), assessment["waivers"][0]["standing"].as_str()), ("fail", Some("undetermined")));
    // An old register of owners does not show who owns the key now.
    project.put("credential.csv", CREDENTIALS);
    project.put("waivers/one.toml", &waiver(&[]));
    assert_eq!(verdict(&project.run(&[], 1), "one"), "waived");
    let second = SETTINGS.find("path = \"identity.csv\"").unwrap();
    let stale = format!("{}{}", &SETTINGS[..second], SETTINGS[second..].replacen("2026-06-29T12:00:00Z", "2026-06-20T12:00:00Z", 1));
    project.put("tickmark.toml", &stale);
    assert_eq!(verdict(&project.run(&[], 1), "one"), "fail");
    // And what is unknown stays so, waiver or not.
    project.put("tickmark.toml", SETTINGS);
    project.put(
        "credential.csv",
        &CREDENTIALS.replace("one,s,i,api_key,active,2026-01-01T00:00:00Z,never", "one,s,i,api_key,active,2026-01-01T00:00:00Z,"),
    );
    let assessment = project.run(&[], 1);
    assert_eq!((verdict(&assessment, "one").as_str(), assessment["waivers"][0]["standing"].as_str()), ("unknown", Some("unused")));
}

/// Nothing is assessed, the place is shown, and no report is written.
#[test]
fn what_is_wrong_with_an_exception_stops_the_run() {
    let attestation = "id = \"A-1\"\nsubject-kind = \"credential\"\nsubject = \"one\"\nclaim = \"approval\"\nby = \"boss\"\nat = \"2026-06-01T00:00:00Z\"\nvalid-until = \"2026-09-01T00:00:00Z\"\n";
    let digest = "sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n";
    let doc = "document = \"doc.txt\"\n";
    let with = |extra: &str| format!("{attestation}{extra}");
    let looser = |value: &str| {
        SETTINGS.replace(
            "[[source]]\nkind = \"canonical\"\ntable = \"credential\"",
            &format!("[params]\n\"KEY-01.life\" = {value}\n[[source]]\nkind = \"canonical\"\ntable = \"credential\""),
        )
    };
    let cases: Vec<(&str, String, &str, &str)> = vec![
        ("waivers/w.toml", waiver(&["control = \"KEY-02\""]), "T009", "no control is called `KEY-02`"),
        ("waivers/w.toml", waiver(&["subjects = [\"on\"]"]), "T060", "the evidence holds no credential `on`"),
        ("waivers/w.toml", waiver(&["subjects ="]), "T004", "the waiver covers nothing"),
        ("waivers/w.toml", waiver(&["subjects =", "where = \"status = 'active'\""]), "T004", "how many subjects it may cover"),
        ("waivers/w.toml", waiver(&["subjects =", "where = \"state = 'active'\"", "at-most = 1"]), "T032", "state"),
        ("waivers/w.toml", waiver(&["where = \"status = 'active'\"", "at-most = 1"]), "T003", "not both"),
        (
            "waivers/w.toml",
            waiver(&["subjects =", "where = \"EXISTS (SELECT 1 FROM waiver WHERE waiver.subject = credential.id)\"", "at-most = 1"]),
            "T031",
            "cannot depend on waivers",
        ),
        ("waivers/w.toml", waiver(&["expires-at = \"2026-04-01T00:00:00Z\""]), "T005", "before it counts"),
        ("waivers/w.toml", waiver(&["approver = \"none\""]), "T005", "no party's id"),
        ("waivers/w.toml", waiver(&["ends-at = \"2026-07-01T00:00:00Z\""]), "T003", "`ends-at`"),
        ("waivers/w.toml", waiver(&["compensating = [\"KEY-09\"]"]), "T009", "`KEY-09`"),
        ("waivers/w.toml", waiver(&["[approval]", doc, digest]), "T061", "`doc.txt` is not the document that was signed for"),
        ("attestations/a.toml", with(&format!("document = \"gone.txt\"\n{digest}")), "T061", "`gone.txt` is not there"),
        ("attestations/a.toml", with(&format!("{doc}{digest}")), "T061", "is not the document that was signed for"),
        ("attestations/a.toml", with(doc), "T004", "no `sha256`"),
        ("attestations/a.toml", with(&format!("document = \"../doc.txt\"\n{digest}")), "T008", "no path below the project"),
        ("attestations/a.toml", with("").replace("\"credential\"", "\"key\""), "T005", "`key`"),
        ("tickmark.toml", looser("\"180d\""), "T014", "looser than its default, 90d"),
        ("tickmark.toml", looser("{ value = \"180d\", reason = \"x\" }"), "T004", "`approver`"),
        ("tickmark.toml", looser("\"500d\""), "T010", "above the most allowed"),
    ];
    for (path, text, code, words) in cases {
        let project = Project::new(&[("doc.txt", "signed"), (path, &text)]);
        let output = project.tickmark(&["run"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}\n{said}");
        assert!(said.contains(code) && said.contains(words), "{code} {words}\n{said}");
        assert!(said.contains(&format!("--> {path}:")), "{said}");
        assert!(!project.path("report").exists(), "{text}");
    }
    // Whoever answers for a value that is not allowed is no second mistake.
    let text = looser("{ value = \"500d\", reason = \"x\", approver = \"boss\" }");
    let found = said(&Project::new(&[("tickmark.toml", &text)]).tickmark(&["check"]));
    assert!(found.contains("above the most allowed") && !found.contains("means nothing"), "{found}");
    let control = CONTROL.replace("default = \"90d\"", "default = \"900d\"");
    assert_ne!(control, CONTROL);
    let found = said(&Project::new(&[("controls/KEY-01.toml", &control)]).tickmark(&["check"]));
    assert!(found.contains("outside its own bounds") && !found.contains("has no parameter"), "{found}");
    // Nor is what reads a parameter of which nobody says what it is.
    let control = CONTROL
        .replace("default = \"90d\"\n", "")
        .replace("expect = { a = \"fail\" }", "expect = { a = \"fail\" }\nparams = { life = \"1d\" }");
    let text = looser("{ value = \"180d\", reason = \"x\", approver = \"boss\" }");
    let found = said(&Project::new(&[("controls/KEY-01.toml", &control), ("tickmark.toml", &text)]).tickmark(&["check"]));
    assert!(found.contains("has no `default`") && found.contains("1 error") && !found.contains("error[T01"), "{found}");
    let two = Project::new(&[("waivers/a.toml", &waiver(&[])), ("waivers/b.toml", &waiver(&[]))]);
    let output = two.tickmark(&["check"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("`W-1` is the id of two waivers"), "{}", said(&output));
}

#[test]
fn a_waiver_for_what_a_missing_export_may_hold_is_a_warning() {
    let project = Project::new(&[("waivers/one.toml", &waiver(&[]))]);
    fs::remove_file(project.path("credential.csv")).unwrap();
    let output = project.tickmark(&["run"]);
    let said = said(&output);
    assert!(said.contains("warning[T060]"), "{said}");
    assert_ne!(output.status.code(), Some(0), "{said}");
}

#[test]
fn a_looser_parameter_stands_on_page_one_with_who_answers_for_it() {
    let set = |value: &str| {
        let settings = SETTINGS.replacen("[[source]]", &format!("[params]\n\"KEY-01.life\" = {value}\n[[source]]"), 1);
        Project::new(&[("tickmark.toml", &settings)])
    };
    let project = set("{ value = \"180d\", reason = \"Half a year.\", approver = \"boss\" }");
    project.run(&[], 1);
    let report = fs::read_to_string(project.path("report/report.md")).unwrap();
    let first = report.split("## Outcome").next().unwrap();
    assert!(
        first.contains("`KEY-01.life` = 180d, by default 90d, with no end: Half a year. Accepted by `boss`; *approval not evidenced*."),
        "{first}"
    );
    // Stricter needs nobody.
    for value in ["\"30d\"", "\"90d\"", "{ value = \"30d\", reason = \"Because.\", approver = \"boss\" }"] {
        let project = set(value);
        let assessment = project.run(&[], 1);
        assert!(assessment["controls"][0]["params"][0]["looser"].is_null(), "{value}");
    }
}

/// A control's tests are about the control as it is written, whatever a project sets.
#[test]
fn tests_run_with_the_defaults() {
    let settings = SETTINGS.replacen("[[source]]", "[params]\n\"KEY-01.life\" = \"30d\"\n[[source]]", 1);
    let control = format!(
        "{CONTROL}\n[[test]]\nname = \"sixty days\"\nexpect = {{ a = \"pass\" }}\n[test.given]\nas-of = \"2026-06-30T00:00:00Z\"\n\
         credential = [{{ id = \"a\", issued_at = \"2026-05-01T00:00:00Z\", expires_at = \"2026-06-30T00:00:00Z\" }}]\n"
    );
    let project = Project::new(&[("tickmark.toml", &settings), ("controls/KEY-01.toml", &control)]);
    let output = project.tickmark(&["test"]);
    assert!(output.status.success() && said(&output).contains("2 of 2"), "{}", said(&output));
}

#[test]
fn waive_writes_from_a_finding_and_never_over_a_waiver() {
    let project = Project::new(&[("minutes.md", "Accepted.\n")]);
    let waive = |subject: &str, more: &[&str]| {
        let mut all = vec!["waive", "KEY-01", subject, "--reason", "A \"migration\".\nSoon.", "--until", "2026-08-01T00:00:00Z"];
        all.extend(more);
        project.tickmark(&all)
    };
    let output = waive("one", &["--approver", "boss", "--id", "W-7", "--ticket", "R-1", "--document", "minutes.md"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let written = fs::read_to_string(project.path("waivers/W-7.toml")).unwrap();
    names_its_schema(&project.path("waivers/W-7.toml"));
    let assessment = project.run(&[], 1);
    assert_eq!(verdict(&assessment, "one"), "waived");
    assert!(!assessment["waivers"][0]["approval"].is_null());
    assert_eq!(assessment["waivers"][0]["reason"], "A \"migration\".\nSoon.");
    assert_eq!(assessment["waivers"][0]["granted_at"], "2026-06-30T00:00:00Z", "the project's own time");

    let refused: &[(&str, &[&str], &str)] = &[
        ("two", &["--approver", "boss", "--id", "W-7"], "there already"),
        ("good", &["--approver", "boss"], "KEY-01 is pass for `good`: there is nothing to waive"),
        ("gone", &["--approver", "boss"], "`gone` is no subject of KEY-01"),
        ("two", &["--approver", "ops"], "`ops` owns `two`"),
        ("two", &["--approver", "bos"], "no party that the evidence knows"),
        ("whose", &["--approver", "boss"], "nobody says who owns `whose`"),
        ("two", &["--approver", "boss", "--granted", "2026-04-01T00:00:00Z"], "too broad"),
        ("two", &["--approver", "boss", "--granted", "soon"], "--granted"),
        (
            "two",
            &["--approver", "boss", "--granted", "2026-09-01T00:00:00Z"],
            "--until 2026-08-01T00:00:00Z: it would end before it begins",
        ),
        ("two", &["--approver", "boss", "--id", "../W"], "--id"),
        ("two", &["--approver", "boss", "--document", "gone.md"], "gone.md"),
        ("two", &["--approver", "boss", "--compensating", "KEY-09"], ".toml is not written"),
    ];
    for (subject, more, words) in refused {
        let output = waive(subject, more);
        assert!(output.status.code() == Some(2) && said(&output).contains(words), "{subject} {more:?}\n{}", said(&output));
    }
    let left: Vec<_> = fs::read_dir(project.path("waivers")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["W-7.toml"]);
    assert_eq!(fs::read_to_string(project.path("waivers/W-7.toml")).unwrap(), written);

    // What is unknown is not waived.
    project.put("credential.csv", &CREDENTIALS.replace("two,s,i,api_key,active,2026-01-01T00:00:00Z,never", "two,s,i,api_key,active,,"));
    let output = waive("two", &["--approver", "boss"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("a waiver never turns that into anything"), "{}", said(&output));
}

#[test]
fn attest_writes_what_was_signed_for_and_lists_what_ends() {
    let project = Project::new(&[("minutes.md", "Accepted.\n")]);
    let attest = |subject: &str, until: &str, more: &[&str]| {
        let mut all = vec!["attest", "credential", subject, "--claim", "monitoring", "--by", "boss", "--until", until];
        all.extend(more);
        project.tickmark(&all)
    };
    for (subject, until, more) in [
        ("one", "2026-07-15T00:00:00Z", &["--id", "A-1", "--document", "minutes.md"] as &[&str]),
        ("two", "2027-07-15T00:00:00Z", &["--id", "A-2"]),
        ("good", "never", &["--id", "A-3"]),
        ("good", "2026-06-30T00:00:00Z", &["--id", "A-4", "--at", "2026-05-30T00:00:00Z"]),
    ] {
        let output = attest(subject, until, more);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        // As the report does: an approval without a document is one that is not evidenced, another claim just has none.
        assert_eq!(said(&output).contains("the report will say *none*"), !more.contains(&"--document"), "{}", said(&output));
    }
    names_its_schema(&project.path("attestations/A-1.toml"));
    let assessment = project.run(&[], 1);
    let rows = assessment["tables"].as_array().unwrap().iter().find(|table| table["name"] == "attestation").unwrap();
    assert_eq!((rows["rows"].as_i64(), rows["complete"].as_bool()), (Some(4), Some(false)), "nobody vouches that they are all");
    let list = said(&project.tickmark(&["attest", "--list"]));
    assert!(
        list.contains("2 of 4 attestations need a look") && list.contains("expired          A-4") && list.contains("ends soon        A-1"),
        "{list}"
    );
    assert!(said(&project.tickmark(&["attest", "--list", "--within", "400d"])).contains("3 of 4"));
    for (subject, until, more, words) in [
        ("gone", "never", &[] as &[&str], "the evidence holds no credential `gone`"),
        ("one", "never", &["--id", "A-1"], "there already"),
        ("one", "2026-06-01T00:00:00Z", &[], "--until 2026-06-01T00:00:00Z: it would end before it begins"),
        ("one", "soon", &[], "soon"),
    ] {
        let output = attest(subject, until, more);
        assert!(output.status.code() == Some(2) && said(&output).contains(words), "{words}\n{}", said(&output));
    }
    // A changed document is noticed, and what is vouched for makes the table whole.
    project.put(
        "tickmark.toml",
        &format!("{SETTINGS}\n[attestations]\ncomplete = {{ expected = 4, from = \"a count\", by = \"j.doe\", on = \"2026-06-30\" }}\n"),
    );
    let assessment = project.run(&[], 1);
    assert_eq!(assessment["tables"].as_array().unwrap().iter().find(|table| table["name"] == "attestation").unwrap()["complete"], true);
    project.put("minutes.md", "Refused.\n");
    assert_eq!(project.tickmark(&["run"]).status.code(), Some(2));
}

/// The package holds the documents, so that whoever has nothing else can check their digests.
#[test]
fn documents_travel_with_the_package() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank/inputs");
    for path in [
        "waivers/W-2026-04-payment-path.toml",
        "waivers/approvals/2026-04-payment-path.md",
        "attestations/documents/acme-pay-monitoring.md",
    ] {
        assert!(package.join(path).is_file(), "{path}");
    }
}

/// A looser value ends like a waiver: from that instant the default counts again, and page one says so.
#[test]
fn a_looser_parameter_counts_up_to_the_instant_at_which_it_ends() {
    let page = |until: &str, exit: i32| {
        let value = format!("\"KEY-01.life\" = {{ value = \"180d\", reason = \"Half a year.\", approver = \"boss\"{until} }}");
        let settings = SETTINGS.replacen("[[source]]", &format!("[params]\n{value}\n[[source]]"), 1);
        let credentials = "id,system,identity,kind,status,issued_at,expires_at\n\
            a,s,i,api_key,active,2026-01-01T00:00:00Z,2026-06-15T00:00:00Z\n";
        let project =
            Project::new(&[("tickmark.toml", &settings.replace("expected = 4", "expected = 1")), ("credential.csv", credentials)]);
        let assessment = project.run(&[], exit);
        let report = fs::read_to_string(project.path("report/report.md")).unwrap();
        let verified =
            Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("verify").arg(project.path("report")).arg("--unsigned").output().unwrap();
        assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
        (verdict(&assessment, "a"), report.split("## Outcome").next().unwrap().to_owned(), assessment["controls"][0]["params"][0].clone())
    };
    let (verdict, first, param) = page("", 0);
    assert_eq!(verdict, "pass");
    assert!(first.contains("`KEY-01.life` = 180d, by default 90d, with no end: Half a year."), "{first}");
    assert_eq!((&param["value"], &param["looser"]["until"], &param["looser"]["ended"]), (&"180d".into(), &Value::Null, &false.into()));
    let (verdict, first, param) = page(", until = \"2026-06-30T00:00:00.000001Z\"", 0);
    assert_eq!(verdict, "pass");
    assert!(first.contains("by default 90d, until 2026-06-30T00:00:00.000001Z: Half a year."), "{first}");
    assert_eq!(param["looser"]["until"], "2026-06-30T00:00:00.000001Z");
    let (verdict, first, param) = page(", until = \"2026-06-30T00:00:00Z\"", 1);
    assert_eq!(verdict, "fail");
    assert!(first.contains("`KEY-01.life`: the default, 90d, counts again: 180d ended at 2026-06-30T00:00:00Z."), "{first}");
    assert!(first.contains("1 looser value has ended"), "{first}");
    assert_eq!((&param["value"], &param["overridden"], &param["looser"]["ended"]), (&"90d".into(), &false.into(), &true.into()));
}

/// The terminal and the report count the same waivers.
#[test]
fn the_terminal_counts_the_waivers_that_the_report_lists() {
    let other = waiver(&["id = \"W-2\"", "expires-at ="]);
    let project =
        Project::new(&[("waivers/one.toml", &waiver(&["subjects = [\"one\", \"two\", \"good\"]"])), ("waivers/two.toml", &other)]);
    let said = said(&project.tickmark(&["run"]));
    assert!(said.contains(", 2 waivers\n"), "{said}");
    let report = fs::read_to_string(project.path("report/report.md")).unwrap();
    assert!(report.contains("| **Exceptions** | 2 waivers,"), "{report}");
}
