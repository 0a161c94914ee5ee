//! Evidence that looks whole and is not, or says two things at once: none of it supports a pass.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// INV-01 and INV-06 on a register of two parties and one source of identities.
const PROJECT: &str = r#"
name = "Doubt"
frameworks = ["owasp-nhi-2025"]
controls = ["INV-01", "INV-06"]
as-of = "2026-06-30T00:00:00Z"
[[source]]
kind = "canonical"
table = "party"
path = "party.csv"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
"#;

fn source(id: &str, path: &str, system: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"canonical\"\ntable = \"identity\"\npath = \"{path}\"\nsystems = [\"{system}\"]\n\
         collected-at = \"2026-06-29T12:00:00Z\"\ncomplete = {{ from = \"a count\", by = \"j.doe\", on = \"2026-06-29\"{more} }}\n"
    )
}

/// The status of INV-01 and of INV-06, with the verdict on each identity of the first.
fn judged(sources: &str, files: &[(&str, &str)]) -> (String, String, BTreeMap<String, String>) {
    let work = crate::scratch::folder();
    std::fs::write(work.path().join("tickmark.toml"), format!("{PROJECT}{sources}")).unwrap();
    std::fs::write(work.path().join("party.csv"), "id,kind,status\np,team,active\n").unwrap();
    for (path, text) in files {
        std::fs::create_dir_all(work.path().join(path).parent().unwrap()).unwrap();
        std::fs::write(work.path().join(path), text).unwrap();
    }
    let out = work.path().join("out");
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).arg("--out").arg(&out).output();
    let done = done.unwrap();
    let assessment = std::fs::read(out.join("assessment.json")).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    let assessment: Value = serde_json::from_slice(&assessment).unwrap();
    let status = |id: &str| {
        let control = assessment["controls"].as_array().unwrap().iter().find(|control| control["id"] == id).unwrap();
        control["status"].as_str().unwrap().to_owned()
    };
    let mut population = csv::Reader::from_path(out.join("populations/INV-01.csv")).unwrap();
    let verdicts = population.deserialize().map(|row| {
        let row: BTreeMap<String, String> = row.unwrap();
        (row["subject"].clone(), row["verdict"].clone())
    });
    let verdicts = verdicts.collect();
    (status("INV-01"), status("INV-06"), verdicts)
}

const A: &str = "{\"id\":\"a\",\"owner\":\"p\",\"status\":\"active\"}\n";
const B: &str = "{\"id\":\"b\",\"owner\":\"p\",\"status\":\"active\"}\n";

/// Four identities were counted. Two files with the same two hold no four, nor does a file that tells of one of them twice.
#[test]
fn a_record_told_twice_is_counted_once() {
    let four = source("i", "id/*.ndjson", "s", ", expected = 4");
    let two_files = judged(&four, &[("id/a.ndjson", &format!("{A}{B}")), ("id/b.ndjson", &format!("{B}{A}"))]);
    assert_eq!(two_files.0, "unknown");
    let three = source("i", "id/*.ndjson", "s", ", expected = 3");
    let once_more = "{\"id\":\"b\",\"name\":\"B\"}\n";
    assert_eq!(judged(&three, &[("id/a.ndjson", &format!("{A}{B}{once_more}"))]).0, "unknown");
    let two = source("i", "id/*.ndjson", "s", ", expected = 2");
    assert_eq!(judged(&two, &[("id/a.ndjson", &format!("{A}{B}{once_more}"))]).0, "pass");
}

/// A quote that is not closed swallows the records after it, up to the next quote or to the end.
#[test]
fn a_quote_out_of_place_spoils_its_record() {
    let csv = source("i", "i.csv", "s", "");
    let head = "id,owner,status,name\na,p,active,";
    for (text, read) in [
        ("\"A\"\nb,none,active,B\n", "a b"),
        ("\"the \"\"A\"\", so\nto speak\"\nb,none,active,B\n", "a b"),
        ("\"A\nb,none,active,B\n", ""),
        ("\"A\nb,none,active,B\" x\nc,p,active,C\n", "c"),
        ("A\nb,none,active,5\" disk\nc,p,active,C\n", "a c"),
        ("A\n\n\"b\"x,none,active,\nc,p,active,\"C\"", "a c"),
    ] {
        let (status, _, verdicts) = judged(&csv, &[("i.csv", &format!("{head}{text}"))]);
        assert_eq!(verdicts.keys().cloned().collect::<Vec<_>>().join(" "), read, "{text}");
        assert_eq!(status, if read == "a b" { "fail" } else { "unknown" }, "{text}");
    }
    let (status, _, verdicts) = judged(&csv, &[("i.csv", "id,owner,status,\"name\na,p,active,A\n\"\nb,p,active,B\n")]);
    assert_eq!((status.as_str(), verdicts.len()), ("unknown", 0));
}

/// A record that says two things of one name says neither: readers of JSON differ on which of them counts.
#[test]
fn a_name_told_twice_in_one_record_is_quarantined() {
    let text = "{\"id\":\"a\",\"owner\":\"none\",\"owner\":\"p\",\"status\":\"active\"}\n";
    let (status, _, verdicts) = judged(&source("i", "i.ndjson", "s", ""), &[("i.ndjson", &format!("{text}{B}"))]);
    assert_eq!((status.as_str(), verdicts.into_keys().collect::<String>().as_str()), ("unknown", "b"));
}

/// Whoever exports a table writes `None`, `null`, a dash or a blank where there is nothing; that says neither what is there nor
/// that nothing is.
#[test]
fn a_placeholder_is_no_value() {
    for word in ["None", "NONE", "none ", " none", "Never", "null", "NULL", "N/A", "-", "?", "unknown", "\\N", "<none>", "   "] {
        let row =
            serde_json::json!({ "id": "a", "owner": "p", "status": "active", "purpose": word, "reviewed_at": "2026-06-01T00:00:00Z" });
        let (_, status, _) = judged(&source("i", "i.ndjson", "s", ""), &[("i.ndjson", &format!("{row}\n"))]);
        assert_eq!(status, "unknown", "{word:?}");
    }
    for (word, expected) in [("none", "fail"), ("nothing but a test", "pass")] {
        let csv = format!("id,owner,status,purpose,reviewed_at\na,p,active,{word},2026-06-01T00:00:00Z\n");
        assert_eq!(judged(&source("i", "i.csv", "s", ""), &[("i.csv", &csv)]).1, expected, "{word:?}");
    }
}

/// Two systems that call something of theirs `a` tell of two things, each of which lacks what only the other says.
#[test]
fn rows_of_two_systems_fill_no_gaps_of_each_other() {
    let both = format!("{}{}", source("i", "i.ndjson", "s", ""), source("j", "j.ndjson", "t", ""));
    let (status, _, verdicts) = judged(&both, &[("i.ndjson", A), ("j.ndjson", "{\"id\":\"a\",\"status\":\"active\"}\n")]);
    assert_eq!((status.as_str(), verdicts["a"].as_str()), ("unknown", "unknown"));
    // What both say is so of either.
    let (status, ..) = judged(&both, &[("i.ndjson", A), ("j.ndjson", A)]);
    assert_eq!(status, "pass");
}

/// Capitals of a digest's hexadecimal digits mean nothing.
#[test]
fn a_fingerprint_in_capitals_is_the_same() {
    let settings = PROJECT.replace("[\"INV-01\", \"INV-06\"]", "[\"SEC-04\"]");
    let credentials = source("c", "c.csv", "s", "").replace("\"identity\"", "\"credential\"");
    let files = [
        ("tickmark.toml", format!("{settings}{}{credentials}", source("i", "i.ndjson", "s", ""))),
        ("party.csv", "id,kind,status\np,team,active\n".to_owned()),
        ("i.ndjson", format!("{A}{B}")),
        ("c.csv", "id,identity,kind,status,fingerprint\nk1,a,api_key,active,sha256:k:00AB\nk2,b,api_key,active,sha256:k:00ab\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, _work) = super::cli::run(&files, &["run"]);
    assert!(said.contains("2 fail"), "{said}");
}

/// Exit code of OFF-02 on one revoked key, where the log is the file given.
fn quiet(path: &str, log: &str) -> Option<i32> {
    let covers = "covers = { from = \"2026-01-01T00:00:00Z\", until = \"2026-06-30T00:00:00Z\", types = [\"used\"] }\n";
    let event = source("log", path, "s", "").replace("\"identity\"", "\"event\"");
    let credential = source("c", "c.csv", "s", "").replace("\"identity\"", "\"credential\"");
    let settings = PROJECT.replace("[\"INV-01\", \"INV-06\"]", "[\"OFF-02\"]");
    let settings = format!("{settings}{}{credential}{event}{covers}", source("i", "i.ndjson", "s", ""));
    let files = [
        ("tickmark.toml", settings.as_str()),
        ("party.csv", "id,kind,status\np,team,active\n"),
        ("i.ndjson", A),
        ("c.csv", "id,identity,revoked_at,last_used_at,accepted_at\nk,a,2026-05-01T00:00:00Z,2026-04-01T00:00:00Z,s\n"),
        (path, log),
    ];
    super::cli::run(&files, &["run"]).0.status.code()
}

/// A table with its header and no rows is known to be empty, if somebody vouches for it. A file without anything tells nothing.
#[test]
fn a_table_without_rows_is_empty_and_a_file_without_anything_is_not() {
    assert_eq!(quiet("log.csv", "id,at,type,credential\n"), Some(0));
    assert_eq!(quiet("log.ndjson", "\n"), Some(3));
    assert_eq!(quiet("log.ndjson", ""), Some(3));
    assert_eq!(quiet("log.csv", "id,at,type,credential\ne,2026-06-01T00:00:00Z,used,k,ok\n"), Some(3));
}

/// AWS puts the root user into each credential report: one without it was cut, whatever the vendor guarantees.
#[test]
fn a_credential_report_without_its_root_user_is_a_part() {
    let settings = "name = \"AWS\"\nframeworks = [\"owasp-nhi-2025\"]\ncontrols = [\"ROT-01\"]\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\n\
        kind = \"aws-credential-report\"\npath = \"r/*.csv\"\nsystems = [\"aws:123456789012\"]\ncollected-at = \"2026-06-29T22:00:00Z\"\n";
    let head = "user,arn,user_creation_time,password_enabled,access_key_1_active,access_key_1_last_rotated,\
        access_key_2_active,access_key_2_last_rotated,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
    let root = "<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00+00:00,false,false,N/A,false,N/A,false,N/A,false,N/A\n";
    let user =
        "a,arn:aws:iam::123456789012:user/a,2025-01-01T00:00:00+00:00,false,true,2026-06-01T00:00:00+00:00,false,N/A,false,N/A,false,N/A\n";
    for (text, code) in [(format!("{head}{root}{user}"), Some(0)), (format!("{head}{user}"), Some(3))] {
        let (output, said, _work) = super::cli::run(&[("tickmark.toml", settings), ("r/a.csv", &text)], &["run"]);
        assert_eq!(output.status.code(), code, "{said}");
    }
}

/// Whoever vouches for less than was read, before it was read, or after the time of the assessment, speaks of something else.
#[test]
fn a_voucher_for_something_else_makes_no_source_whole() {
    let two = format!("{A}{B}");
    let files = [("i.ndjson", two.as_str())];
    let on = |date: &str| source("i", "i.ndjson", "s", "").replace("2026-06-29\"", &format!("{date}\""));
    assert_eq!(judged(&source("i", "i.ndjson", "s", ", expected = 2"), &files).0, "pass");
    assert_eq!(judged(&on("2026-06-30"), &files).0, "pass");
    for (sources, why) in [
        (source("i", "i.ndjson", "s", ", expected = 1"), "2 rows were read, more than the 1 that j.doe vouches for"),
        (on("2026-06-28"), "j.doe vouched for it on 2026-06-28, before it was collected"),
        (on("2026-07-01"), "j.doe vouches for it on 2026-07-01, after the time of the assessment"),
    ] {
        let settings = format!("{PROJECT}{sources}");
        let party = ("party.csv", "id,kind,status\np,team,active\n");
        let (output, said, work) = super::cli::run(&[("tickmark.toml", &settings), party, files[0]], &["run"]);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("source i: partial: {why}")), "{why}: {said}");
        let report = std::fs::read_to_string(work.path().join("report/report.md")).unwrap();
        assert!(report.contains(why), "{why}: {report}");
        // What the settings alone show is told without evidence.
        let (output, said, _work) = super::cli::run(&[("tickmark.toml", &settings)], &["check"]);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("warning[T053]"), !why.contains("were read"), "{why}: {said}");
    }
}

/// A voucher for the attestations of the project is held to the same.
#[test]
fn a_voucher_for_fewer_attestations_than_there_are_vouches_for_nothing() {
    let attestation = "id = \"A\"\nsubject-kind = \"party\"\nsubject = \"p\"\nclaim = \"offboarding-tested\"\nby = \"p\"\n\
        at = \"2026-06-28T00:00:00Z\"\nvalid-until = \"never\"\n";
    for (complete, whole) in [
        ("expected = 1, from = \"a\", by = \"b\", on = \"2026-06-29\"", true),
        ("expected = 0, from = \"a\", by = \"b\", on = \"2026-06-29\"", false),
        ("from = \"a\", by = \"b\", on = \"2026-06-27\"", false),
        ("from = \"a\", by = \"b\", on = \"2026-07-01\"", false),
    ] {
        let settings = format!("{PROJECT}[attestations]\ncomplete = {{ {complete} }}\n");
        let files =
            [("tickmark.toml", settings.as_str()), ("party.csv", "id,kind,status\np,team,active\n"), ("attestations/a.toml", attestation)];
        let (_, said, work) = super::cli::run(&files, &["run"]);
        let assessment = std::fs::read(work.path().join("report/assessment.json")).unwrap_or_else(|_| panic!("{said}"));
        let assessment: Value = serde_json::from_slice(&assessment).unwrap();
        let table = assessment["tables"].as_array().unwrap().iter().find(|table| table["name"] == "attestation").unwrap().clone();
        assert_eq!(table["complete"], whole, "{complete}: {said}");
    }
}

/// An export that says itself that it is a part stays one, whoever vouches for it. Files that are pieces of one list may be all of it.
#[test]
fn nobody_can_vouch_for_an_export_that_says_it_is_a_part() {
    let kong = |text: &str, more: &str| {
        let settings = format!(
            "{}[[source]]\nid = \"k\"\nkind = \"kong-deck\"\npath = \"k.yaml\"\nsystems = [\"kong:x\"]\n\
             collected-at = \"2026-06-29T12:00:00Z\"\n{more}",
            PROJECT.replace("INV-01\", \"INV-06", "INV-05")
        );
        let party = ("party.csv", "id,kind,status\np,team,active\n");
        super::cli::run(&[("tickmark.toml", &settings), party, ("k.yaml", text)], &["run"])
    };
    let vouched = "complete = { expected = 1, from = \"the console\", by = \"j.doe\", on = \"2026-06-29\" }\n";
    let whole = "_format_version: \"3.0\"\nconsumers:\n- username: a\n";
    let (_, said, _work) = kong(whole, vouched);
    assert!(!said.contains("source k:"), "{said}");
    let (_, said, _work) = kong(&format!("_info:\n  select_tags: [partners]\n{whole}"), vouched);
    assert!(said.contains("source k: partial: the dump holds only what is tagged partners"), "{said}");
}
