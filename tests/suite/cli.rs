//! Exit codes and messages of the program, as a pipeline sees them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Writes a small project and runs it.
pub fn run(files: &[(&str, &str)], arguments: &[&str]) -> (Output, String, tempfile::TempDir) {
    let work = crate::scratch::folder();
    for (path, text) in files {
        let path = work.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).arg("--project").arg(work.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said, work)
}

pub const CONTROL: &str = r#"
id = "OWN-01"
title = "Every identity has an owner"
severity = "high"
subject = "identity"
statement = "Every identity names the party that answers for it."
risk = "Nobody notices when it is no longer needed."
remediation = "Name one."
[maps-to]
owasp-nhi-2025 = [{ id = "NHI1:2025", relationship = "intersects-with", rationale = "x" }]
[check]
assert = "owner <> 'none'"
[[test]]
name = "nobody"
expect = { a = "fail" }
[test.given]
as-of = "2026-06-30T00:00:00Z"
identity = [{ id = "a", owner = "none" }]
"#;

const PROJECT: &str = r#"
name = "Small"
frameworks = ["owasp-nhi-2025"]
controls = ["controls"]
as-of = "2026-06-30T00:00:00Z"
[[source]]
kind = "canonical"
path = "identity.csv"
table = "identity"
systems = ["s"]
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
[[source]]
kind = "canonical"
path = "party.csv"
table = "party"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
"#;

const PARTY: (&str, &str) = ("party.csv", "id,name,kind,relation,status\np1,Ops,team,internal,active\n");

pub fn project(identities: &str) -> Vec<(&'static str, String)> {
    vec![
        ("tickmark.toml", PROJECT.to_owned()),
        ("controls/OWN-01-owner.toml", CONTROL.to_owned()),
        ("identity.csv", identities.to_owned()),
        (PARTY.0, PARTY.1.to_owned()),
    ]
}

fn judged(identities: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let files = project(identities);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let mut all = vec!["run"];
    all.extend(arguments);
    let (output, said, _work) = run(&files, &all);
    (output.status.code(), said)
}

#[test]
fn exit_codes() {
    let pass = "id,system,owner\na,s,p1\n";
    let fail = "id,system,owner\na,s,none\n";
    let unknown = "id,system,owner\na,s,\n";
    for (identities, arguments, expected) in [
        (pass, &[][..], 0),
        (fail, &[], 1),
        (unknown, &[], 3),
        (fail, &["--fail-on", "high"], 1),
        (fail, &["--fail-on", "none"], 0),
        (unknown, &["--fail-on", "high"], 3),
        // Nothing at the gate was judged: not green.
        (fail, &["--fail-on", "critical"], 3),
        (pass, &["--fail-on", "critical"], 3),
        // No subject at all.
        ("id,system,owner\n", &[], 2),
        ("id,system,owner\n", &["--fail-on", "none"], 2),
        (pass, &["--as-of", "yesterday"], 2),
        // Older than a day: the source is stale.
        (pass, &["--as-of", "2026-07-02T00:00:00Z"], 3),
        // Collected after the instant that is asked about.
        (pass, &["--as-of", "2026-06-01T00:00:00Z"], 2),
    ] {
        let (code, said) = judged(identities, arguments);
        assert_eq!(code, Some(expected), "{identities:?} {arguments:?}\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(!said.contains('\u{1b}'), "piped output is plain: {said:?}");
    }
}

#[test]
fn a_project_that_is_not_there() {
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project", "/nowhere/at/all"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tickmark.toml"));
}

#[test]
fn check_and_test() {
    let files = project("id,system,owner\na,s,p1\n");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, _work) = run(&files, &["check"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (output, said, _work) = run(&files, &["test"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("controls: 1; tests that hold: 1 of 1"), "{said}");
    let broken = CONTROL.replace("\"fail\"", "\"pass\"");
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, if path.ends_with("owner.toml") { broken.as_str() } else { *text })).collect();
    let (output, said, _work) = run(&files, &["test"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("expected pass, came fail"), "{said}");
}

/// A source that gave nothing has no clean quarantine: nobody looked.
#[test]
fn nothing_read_is_not_nothing_in_quarantine() {
    let mut files = project("id,system,owner\na,s,p1\n");
    files[0].1 = files[0].1.replace("controls = [\"controls\"]", "controls = [\"EVD-03\"]").replace("identity.csv", "gone.csv");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, work) = run(&files, &["run"]);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let population = std::fs::read_to_string(work.path().join("report/populations/EVD-03.csv")).unwrap();
    let verdicts: Vec<&str> = population.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(verdicts, ["unknown", "pass"], "{population}");
}

#[test]
fn the_terminal_says_where_the_first_record_is_that_does_not_fit_and_why() {
    let files = project("id,system,owner\na,s,p1\nb,s,never\n");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, _) = run(&files, &["run"]);
    assert!(said.contains("; in quarantine: identity.csv, line 3: `owner` cannot be `never`"), "{said}");
}

/// Which systems there are, a source of which nothing could be read does not say.
#[test]
fn the_systems_of_what_was_not_read_are_not_none() {
    let settings = "name = \"x\"\ncontrols = [\"MON-03\"]\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\nkind = \"aws-credential-report\"\n\
                    path = \"report.csv\"\ncollected-at = \"2026-06-29T12:00:00Z\"\n";
    let (output, said, work) = run(&[("tickmark.toml", settings), ("report.csv", "")], &["run"]);
    assert_eq!(output.status.code(), Some(2), "nothing was judged: {said}");
    let assessment = std::fs::read(work.path().join("report/assessment.json")).unwrap();
    let assessment: serde_json::Value = serde_json::from_slice(&assessment).unwrap();
    assert_eq!(assessment["controls"][0]["status"], "unknown", "{said}");
}

#[test]
fn help_has_an_example_for_each_command() {
    for command in ["run", "check", "test", "export"] {
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args([command, "--help"]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "{command}");
    }
}

/// What is garbage stays garbage: an error or a quarantine, never a panic, never a pass.
#[test]
fn garbage_in() {
    let deep = "[".repeat(100_000);
    let long = format!("id,system,owner\na,s,{}\n", "x".repeat(10 << 20));
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("id,system,owner\na,s,none\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("only a header", b"id,system,owner\n".to_vec()),
        ("deep", deep.into_bytes()),
        ("a long line", long.into_bytes()),
        ("utf-16", utf16),
        ("crlf", b"id,system,owner\r\na,s,none\r\n".to_vec()),
        ("not utf-8", b"id,system,owner\na,s,\xff\xfe\n".to_vec()),
        ("nul", b"id,system,owner\na,s,\0\n".to_vec()),
        ("two of one id that disagree", b"id,system,owner\na,s,p1\na,s,p2\n".to_vec()),
        ("ragged", b"id,system,owner\na,s\n".to_vec()),
        ("one header twice", b"id,system,owner,owner\na,s,p1,none\n".to_vec()),
        ("a sentinel where none can be", b"id,system,owner,created_at\na,s,p1,never\n".to_vec()),
    ];
    for (name, bytes) in cases {
        let work = crate::scratch::folder();
        for (path, text) in project("") {
            let path = work.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(work.path().join("identity.csv"), bytes).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("run").arg("--project").arg(work.path()).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let expected: &[i32] = match name {
            "utf-16" | "crlf" => &[1],
            _ => &[2, 3],
        };
        assert!(expected.contains(&output.status.code().unwrap_or(-1)), "{name}: {:?}\n{said}", output.status.code());
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
    let work = crate::scratch::folder();
    for (path, text) in project("") {
        let path = work.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::remove_file(work.path().join("identity.csv")).unwrap();
    std::os::unix::fs::symlink(Path::new("/etc/passwd"), work.path().join("identity.csv")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("run").arg("--project").arg(work.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("root:"));
}

/// Everything that can be known of a control without evidence, each at its place.
#[test]
fn lints() {
    let control = CONTROL
        .replace("[check]", "[params.spare]\ndefault = \"1d\"\nbasis = \"x\"\n[check]\napplies = \"kind = kind\"")
        .replace("[maps-to]", "[maps-to]\nnist-csf-2.0 = [\"PR.AC-4\"]");
    let control = control.split("[[test]]").next().unwrap().to_owned();
    let mut files = project("id,system,owner\na,s,p1\n");
    files[1].1 = control.clone();
    files[0].1 = files[0].1.replace("[\"owasp-nhi-2025\"]", "[\"nist-csf-2.0\", \"owasp-nhi-2025\"]");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, _work) = run(&files, &["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines: Vec<&str> = control.lines().collect();
    for (code, words, at) in [
        ("T013", "no condition reads `$spare`", "[params.spare]"),
        ("T022", "`PR.AC-4` is read as `PR.AA-05`", "nist-csf-2.0"),
        ("T027", "claimed without a rationale", "nist-csf-2.0"),
        ("T038", "this is never false", "applies"),
        ("T041", "the control has no test", ""),
    ] {
        let found: Vec<&serde_json::Value> = value["diagnostics"].as_array().unwrap().iter().filter(|one| one["code"] == code).collect();
        assert_eq!(found.len(), 1, "{code}: {value}");
        assert!(found[0]["level"] == "warning" && found[0]["message"].as_str().unwrap().contains(words), "{}", found[0]);
        let line = usize::try_from(found[0]["line"].as_u64().unwrap()).unwrap();
        assert!(lines[line - 1].starts_with(at), "{code} stands at `{}`", lines[line - 1]);
    }
    let (_, said, _work) = run(&files, &["check"]);
    assert!(said.contains("--> controls/OWN-01-owner.toml:") && said.contains("warning[T013]"), "{said}");
}

/// What programs are told: tests as JUnit and JSON, diagnostics as JSON with their places.
#[test]
fn formats_for_programs() {
    let wrong = CONTROL
        .replace("expect = { a = \"fail\" }", "expect = { a = \"pass\" }")
        .replace("name = \"nobody\"", "name = \"<no> & \\\"body\\\"\"");
    let mut files = project("id,system,owner\na,s,p1\n");
    files[1].1 = wrong;
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, _work) = run(&files, &["test", "--format", "junit"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("<testsuite name=\"OWN-01 Every identity has an owner\" tests=\"1\" failures=\"1\">"), "{said}");
    assert!(
        said.contains("name=\"&lt;no&gt; &amp; &quot;body&quot;\"") && said.contains("<failure message=\"`a`: expected pass, came fail"),
        "{said}"
    );
    let (output, _, _work) = run(&files, &["test", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&value["tests"][0]["holds"], &value["tests"][0]["control"]), (&false.into(), &"OWN-01".into()));
    let (output, said, _work) = run(&files, &["test", "controls"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (output, said, _work) = run(&files, &["test", "elsewhere"]);
    assert!(output.status.code() == Some(2) && said.contains("elsewhere"), "{said}");

    let mut broken = project("");
    broken[1].1 = CONTROL.replace("owner <>", "ownr <>");
    let broken: Vec<(&str, &str)> = broken.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, _, _work) = run(&broken, &["check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &value["diagnostics"][0];
    assert_eq!(
        (first["code"].as_str(), first["level"].as_str(), first["file"].as_str()),
        (Some("T032"), Some("error"), Some("controls/OWN-01-owner.toml"))
    );
    assert_eq!((first["line"].as_u64(), first["column"].as_u64(), first["end_column"].as_u64()), (Some(12), Some(11), Some(15)));
}

/// Up to when a report holds, it says itself; whether that is over only the clock of whoever runs it can tell.
#[test]
fn the_first_page_says_up_to_when_it_holds_and_the_exit_that_this_is_over() {
    let mut files = project("id,system,owner\na,s,p1\n");
    files[0].1 =
        files[0].1.replace("as-of = \"2026-06-30T00:00:00Z\"\n", "").replacen("collected-at", "max-age = \"30h\"\ncollected-at", 1);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, work) = run(&files, &["run"]);
    assert_eq!(output.status.code(), Some(3), "{said}");
    // The parties are fresh for 24 hours, and were collected at noon.
    let over = "UNKNOWN (exit 3): the report says `satisfied on this evidence` and holds until 2026-06-30T12:00:00Z; that is over by this machine's clock";
    assert!(said.contains(over), "{said}");
    let report = fs::read_to_string(work.path().join("report/report.md")).unwrap();
    let first = report.split("## Outcome").next().unwrap();
    assert!(first.contains("| **Holds until** | 2026-06-30T12:00:00Z, when the first required source is older than it may be"), "{first}");
    // At a time that is given, no clock is asked.
    let (output, said, _work) = run(&files, &["run", "--as-of", "2026-06-30T00:00:00Z"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // What is not fresh at the time of the report holds nothing up.
    let (_, said, work) = run(&files, &["run", "--as-of", "2026-06-30T15:00:00Z"]);
    let report = fs::read_to_string(work.path().join("report/report.md")).unwrap();
    assert!(report.contains("| **Holds until** | 2026-06-30T18:00:00Z,"), "{said}\n{report}");
}
