//! Files that somebody broke, or made to break something: each is quarantined or refused, in good time, and proves nothing.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::metamorphic::every;

/// What a run of one source made of it.
struct Outcome {
    code: Option<i32>,
    said: String,
    /// (file, reason); empty where there is no package.
    quarantine: Vec<(String, String)>,
    completeness: Vec<String>,
    passing: Vec<String>,
    work: tempfile::TempDir,
}

impl Outcome {
    fn is_quarantined(&self, reason: &str) -> bool {
        self.quarantine.iter().any(|(_, given)| given.contains(reason))
    }
}

/// A project of one source, whose files `make` puts below `evidence/`.
fn outcome(source: &str, make: impl FnOnce(&Path)) -> Outcome {
    let work = crate::scratch::folder();
    let text = format!("name = \"Hostile\"\n[[source]]\n{source}\ncollected-at = \"2026-06-29T20:00:00Z\"\n");
    fs::write(work.path().join("tickmark.toml"), text).unwrap();
    fs::create_dir(work.path().join("evidence")).unwrap();
    make(&work.path().join("evidence"));
    let output = fs::File::create(work.path().join("said")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickmark"))
        .args(["run", "--project"])
        .arg(work.path())
        .stdout(output.try_clone().unwrap())
        .stderr(Stdio::from(output))
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end: {source}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let said = fs::read_to_string(work.path().join("said")).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    let assessment: Value =
        fs::read(work.path().join("report/assessment.json")).map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default();
    let texts = |list: &str, of: fn(&Value) -> Option<String>| -> Vec<String> {
        assessment[list].as_array().map(|all| all.iter().filter_map(of).collect()).unwrap_or_default()
    };
    let quarantine = assessment["quarantine"]
        .as_array()
        .map(|all| all.iter().map(|one| (one["file"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())).collect());
    let completeness = texts("sources", |one| one["completeness"].as_str().map(str::to_owned));
    let passing = texts("controls", |one| (one["status"] == "pass").then(|| one["id"].as_str().unwrap().to_owned()));
    Outcome { code: status.code(), said, quarantine: quarantine.unwrap_or_default(), completeness, passing, work }
}

fn one_file(kind: &str, name: &str, bytes: &[u8]) -> Outcome {
    outcome(&format!("kind = \"{kind}\"\npath = \"evidence/{name}\""), |folder| fs::write(folder.join(name), bytes).unwrap())
}

const VOUCHED: &str =
    "kind = \"canonical\"\ntable = \"credential\"\nsystems = [\"s\"]\ncomplete = { from = \"x\", by = \"y\", on = \"2026-06-29\" }\n";
const ROW: &str = "id,system,identity,kind,status,expires_at\nc,s,i,api_key,active,2026-07-01T00:00:00Z\n";

/// Which of the two a parser takes is its own affair: `never` would fail, and the date behind it would pass.
#[test]
fn a_name_that_stands_twice_says_nothing() {
    let twice = r#"{"id":"c","system":"s","kind":"api_key","status":"active","expires_at":"never","expires_at":"2026-07-01T00:00:00Z"}"#;
    let path = "path = \"evidence/a.ndjson\"";
    let run = outcome(&format!("{VOUCHED}{path}"), |folder| fs::write(folder.join("a.ndjson"), format!("{twice}\n")).unwrap());
    assert!(run.is_quarantined("a name stands twice in one object"), "{:?}", run.quarantine);
    assert!(!run.passing.contains(&"ROT-02".to_owned()), "{}", run.said);
    let told = "yielded nothing: no file could be read; evidence/a.ndjson: nothing of it could be read: line 1: a name stands twice";
    assert!(run.said.contains(told), "{}", run.said);

    let list = r#"{"kind":"List","items":[{"kind":"ServiceAccount","metadata":{"name":"a","namespace":"x","name":"b"}}]}"#;
    let run = one_file("kubernetes", "a.json", list.as_bytes());
    assert!(run.is_quarantined("a name stands twice in one object"), "{:?}", run.quarantine);

    let run = one_file("kong-deck", "a.yaml", b"consumers:\n- username: a\n  username: b\n");
    assert!(run.is_quarantined("a name stands twice in one object"), "{:?}", run.quarantine);
}

/// YAML's merge keys would have to be followed, or what they bring is lost without a word.
#[test]
fn a_merge_key_is_not_passed_over() {
    let run =
        one_file("kong-deck", "a.yaml", b"base: &b\n  basicauth_credentials: [{ username: u }]\nconsumers:\n- <<: *b\n  username: a\n");
    assert!(run.is_quarantined("a merge key"), "{:?}", run.quarantine);
}

#[test]
fn yaml_that_unfolds_to_more_than_it_is() {
    let tags: Vec<String> = (0..1000).map(|n| format!("x{n}")).collect();
    let aliases = "- *a\n".repeat(20_000);
    let bomb = format!("consumers:\n- &a {{ username: u, tags: [{}] }}\n{aliases}", tags.join(","));
    let run = one_file("kong-deck", "a.yaml", bomb.as_bytes());
    assert!(run.is_quarantined("its aliases unfold"), "{:?}", run.quarantine);
    let text = format!("a: &a {}\nconsumers: [{}]\n", "x".repeat(100_000), vec!["*a"; 20_000].join(","));
    let run = one_file("kong-deck", "a.yaml", text.as_bytes());
    assert!(run.is_quarantined("its aliases unfold"), "{:?}", run.quarantine);
    // A few are as good as what they stand for.
    let run = outcome("kind = \"kong-deck\"\npath = \"evidence/a.yaml\"\nsystems = [\"kong:s\"]", |folder| {
        fs::write(folder.join("a.yaml"), "g: &g [{ group: a }]\nconsumers:\n- { username: u, acls: *g }\n- { username: v, acls: *g }\n")
            .unwrap();
    });
    assert!(run.quarantine.is_empty() && run.said.contains("2 identities"), "{:?}\n{}", run.quarantine, run.said);
}

/// A mapping's complaint tells what sort of thing it met, not the thing: nobody named its secrets.
#[test]
fn a_complaint_quotes_nothing() {
    for text in ["canary-in-a-text\n", "consumers:\n- canary-in-a-text\n", "- consumers:\n  - { username: canary-in-a-text }\n"] {
        let run = outcome("kind = \"kong-deck\"\npath = \"evidence/a.yaml\"\nsystems = [\"kong:s\"]", |folder| {
            fs::write(folder.join("a.yaml"), text).unwrap();
        });
        assert!(run.is_quarantined("cannot index a ") || run.is_quarantined("it does not look like an export of "), "{:?}", run.quarantine);
        let report = run.work.path().join("report");
        for path in super::realdata::case::below(&report) {
            assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("canary-"), "{text}: {}", path.display());
        }
        assert!(!run.said.contains("canary-"), "{}", run.said);
    }
}

/// A vendor's guarantee is for what the vendor gives. Nothing of these is a credential report.
#[test]
fn a_file_that_is_no_report_is_no_whole_report() {
    let header = "user,arn,user_creation_time,password_enabled,access_key_1_active,access_key_1_last_rotated,\
        access_key_2_active,access_key_2_last_rotated,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
    for bytes in [&b"\0\0\0\0"[..], b"{}\n", b"[]\n", header.as_bytes()].into_iter().step_by(every(3, 1)) {
        let run = one_file("aws-credential-report", "a.csv", bytes);
        assert!(
            run.is_quarantined("it holds no users")
                || run.is_quarantined("it does not look like an export of ")
                || run.is_quarantined("it holds no record of ")
                || run.said.contains("(T051)"),
            "{bytes:?}: {:?}\n{}",
            run.quarantine,
            run.said
        );
        assert!(!run.completeness.contains(&"full".to_owned()) && run.passing.is_empty(), "{bytes:?}: {}", run.said);
    }
    let user = "ci,arn:aws:iam::123456789012:user/ci,2026-01-01T00:00:00+00:00,false,true,2026-06-01T00:00:00+00:00,false,N/A,false,N/A,false,N/A\n";
    let root =
        "<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00+00:00,not_supported,false,N/A,false,N/A,false,N/A,false,N/A\n";
    let cut = one_file("aws-credential-report", "a.csv", format!("{header}{user}").as_bytes());
    assert!(cut.completeness == ["partial"] && cut.said.contains("no row for the root user"), "{}", cut.said);
    let whole = one_file("aws-credential-report", "a.csv", format!("{header}{root}{user}").as_bytes());
    assert_eq!(whole.completeness, ["full"], "{}", whole.said);
    // A table of one's own is told by its ids.
    for bytes in [&b"\0\0\0\0"[..], b"[[[[\n", b"id;system;kind\n"].into_iter().step_by(every(2, 1)) {
        let run = outcome(&format!("{VOUCHED}path = \"evidence/a.csv\""), |folder| fs::write(folder.join("a.csv"), bytes).unwrap());
        assert!(run.is_quarantined("the header has no column `id`"), "{bytes:?}: {:?}", run.quarantine);
        assert!(run.passing.is_empty(), "{}", run.said);
    }
}

/// To read these would be to wait for ever, or to fill the memory.
#[test]
fn what_is_no_file_is_not_read() {
    for pattern in ["evidence/a.csv", "evidence/*.csv"] {
        let run = outcome(&format!("{VOUCHED}path = \"{pattern}\""), |folder| {
            assert!(Command::new("mkfifo").arg(folder.join("a.csv")).status().unwrap().success());
            fs::write(folder.join("b.csv"), ROW).unwrap();
        });
        assert!(run.code == Some(2) && run.said.contains("is no file"), "{}", run.said);
    }
    let run = outcome(&format!("{VOUCHED}path = \"evidence/a.csv\""), |folder| fs::create_dir(folder.join("a.csv")).unwrap());
    assert!(run.code == Some(2) && run.said.contains("is no file"), "{}", run.said);
}

/// What a pattern meets and cannot give to the report is an error: it would be missing from a source that somebody vouches for.
#[test]
fn a_pattern_passes_over_nothing() {
    let outside = crate::scratch::folder();
    fs::write(outside.path().join("b.csv"), ROW).unwrap();
    let run = outcome(&format!("{VOUCHED}path = \"evidence/**/*.csv\""), |folder| {
        fs::write(folder.join("a.csv"), ROW).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.join("linked")).unwrap();
    });
    assert!(run.code == Some(2) && run.said.contains("leads out of the project"), "{}", run.said);
    let run = outcome(&format!("{VOUCHED}path = \"evidence/*.csv\""), |folder| {
        fs::write(folder.join("a.csv"), ROW).unwrap();
        fs::write(folder.join(std::ffi::OsStr::from_bytes(b"b\xff.csv")), ROW).unwrap();
    });
    assert!(run.code == Some(2) && run.said.contains("not UTF-8"), "{}", run.said);
}

/// A folder that may not be entered hides its files: that is no proof that there are none.
#[test]
fn what_may_not_be_looked_at_is_not_nothing() {
    let work = crate::scratch::folder();
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let locked = work.path().join("evidence/locked");
    fs::create_dir_all(&locked).unwrap();
    fs::write(locked.join("a.csv"), ROW).unwrap();
    let source = format!("name = \"Locked\"\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\n{VOUCHED}path = \"evidence/locked/a.csv\"\n");
    fs::write(work.path().join("tickmark.toml"), source).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickmark"));
    if super::package::is_root() {
        command.uid(super::package::NOBODY).gid(super::package::NOBODY);
    }
    let output = command.args(["run", "--project"]).arg(work.path()).arg("--out").arg("/nowhere/report").output().unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("locked/a.csv: cannot be read"), "{said}");
}

/// `| head -1` ends the reading, not the program; a disk that takes no word more is told and is exit 2.
#[test]
fn whoever_listens_may_go_away() {
    let bank = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickmark"));
        command.args(arguments).arg("--project").arg(&bank);
        command
    };
    let mut child = command(&["explain", "OFF-01"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{:?} {}", ended.status, String::from_utf8_lossy(&ended.stderr));

    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = command(&["explain", "OFF-01"]).stdout(full()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(2) && said.contains("standard output") && !said.contains("panicked"), "{:?} {said}", ended.status);
    let nowhere = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project", "/nowhere"]).stderr(full()).status().unwrap();
    assert_eq!(nowhere.code(), Some(2));
}
