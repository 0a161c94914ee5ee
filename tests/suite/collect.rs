//! `collect` and the locker, with real processes: what is kept, what a failure does, what concurrent and killed collectors leave.

mod locker;
mod secrets;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::metamorphic::every;

const CONTROL: &str = r#"
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
"#;

/// Somebody counts today what is collected today.
#[expect(clippy::disallowed_methods, reason = "a collection is made now, and so is the count")]
pub fn vouched() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let today = tickmark::model::value::Time(i64::try_from(now.as_micros()).unwrap()).day();
    format!("systems = [\"s\"]\ncomplete = {{ from = \"a count\", by = \"j.doe\", on = \"{today}\" }}\n")
}

/// A project whose identities and parties are what `cat` prints.
pub fn project() -> tempfile::TempDir {
    let (work, vouched) = (crate::scratch::folder(), vouched());
    let sources = format!(
        "[[source]]\nid = \"identities\"\nkind = \"canonical\"\ntable = \"identity\"\ncommand = [\"cat\", \"identity.csv\"]\n{vouched}\
         [[source]]\nid = \"parties\"\nkind = \"canonical\"\ntable = \"party\"\ncommand = [\"cat\", \"party.csv\"]\n{vouched}"
    );
    write(
        work.path(),
        "tickmark.toml",
        &format!("name = \"Small\"\nframeworks = [\"owasp-nhi-2025\"]\ncontrols = [\"controls\"]\n{sources}"),
    );
    write(work.path(), "controls/OWN-01-owner.toml", CONTROL);
    write(work.path(), "identity.csv", "id,system,owner\na,s,p1\n");
    write(work.path(), "party.csv", "id,name,kind,relation,status\np1,Ops,team,internal,active\n");
    work
}

pub fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn script(root: &Path, path: &str, text: &str) {
    write(root, path, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickmark"));
    command.args(arguments).arg("--project").arg(root);
    command
}

pub fn tickmark(root: &Path, arguments: &[&str]) -> (i32, String) {
    let output: Output = command(root, arguments).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), said)
}

/// Runs a command that must come to a certain end.
pub fn ends(root: &Path, arguments: &[&str], exit: i32) -> String {
    let (code, said) = tickmark(root, arguments);
    assert_eq!(code, exit, "{arguments:?}\n{said}");
    said
}

pub fn assessment(root: &Path) -> Value {
    serde_json::from_slice(&fs::read(root.join("report/assessment.json")).unwrap()).unwrap()
}

/// The records of the locker, by `collect --list`.
pub fn records(root: &Path) -> Vec<Value> {
    let output = command(root, &["collect", "--list", "--format", "json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["faults"], Value::Array(Vec::new()), "{listed}");
    listed["collections"].as_array().unwrap().clone()
}

fn source<'a>(assessment: &'a Value, id: &str) -> &'a Value {
    assessment["sources"].as_array().unwrap().iter().find(|source| source["id"] == id).unwrap()
}

#[test]
fn what_is_collected_is_judged_and_made_again_from_the_package() {
    let work = project();
    let root = work.path();
    // Nothing is there before anything is collected.
    ends(root, &["run", "--as-of", "2026-06-30T00:00:00Z"], 2);
    let said = ends(root, &["collect"], 0);
    assert!(said.contains("identities: 1 records") && said.contains("2 collected, 0 failed"), "{said}");
    ends(root, &["run"], 0);
    let judged = assessment(root);
    let identities = source(&judged, "identities");
    assert_eq!(identities["collected_from"], "locker");
    assert_eq!(identities["collections"][0]["by"], "command");
    assert_eq!(identities["collections"][0]["commands"][0]["argv"], serde_json::json!(["cat", "identity.csv"]));
    assert_eq!(identities["collections"][0]["collected_at"], identities["collected_at"]);
    // The newest of the two.
    let newest = judged["sources"].as_array().unwrap().iter().map(|source| source["collected_at"].as_str().unwrap()).max().unwrap();
    assert_eq!(judged["as_of"], newest);
    let report = fs::read_to_string(root.join("report/report.md")).unwrap();
    assert!(report.contains("collected with `cat identity.csv`") && report.contains("says the locker"), "{report}");
    // From the package alone, by verify and by hand.
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["verify", "--unsigned"]).arg(root.join("report")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let again = crate::scratch::folder();
    let out = again.path().join("again");
    ends(&root.join("report/inputs"), &["run", "--out", out.to_str().unwrap()], 0);
    let difference = Command::new("diff").arg("-r").arg(root.join("report")).arg(&out).output().unwrap();
    assert!(difference.status.success(), "{}", String::from_utf8_lossy(&difference.stdout));
}

/// The unforgivable bug, by way of a collector that is broken and nobody looks.
#[test]
fn a_source_whose_collection_fails_supports_no_pass() {
    for break_it in [
        (|root: &Path| fs::remove_file(root.join("identity.csv")).unwrap()) as fn(&Path),
        |root| write(root, "identity.csv", ""),
        |root| write(root, "identity.csv", " \n\n"),
        // Not an export of this kind.
        |root| write(root, "identity.csv", "Error: you must log in\n"),
        |root| write(root, "identity.csv", "username,owner\nx,y\n"),
    ]
    .into_iter()
    .step_by(every(2, 1))
    {
        let work = project();
        let root = work.path();
        ends(root, &["collect"], 0);
        ends(root, &["run"], 0);
        let before = fs::read(root.join("locker/journal/00000001.json")).unwrap();
        break_it(root);
        let said = ends(root, &["collect"], 3);
        assert!(said.contains("identities: failed") && said.contains("1 collected, 1 failed (exit 3)"), "{said}");
        // The earlier export is there, and still read: what is unknown is whether it is still so.
        assert_eq!(fs::read(root.join("locker/journal/00000001.json")).unwrap(), before);
        ends(root, &["run"], 3);
        let judged = assessment(root);
        assert_eq!(judged["controls"][0]["counts"]["unknown"], 1, "{said}");
        assert_eq!(judged["findings"][0]["reasons"][0]["word"], "stale");
        let identities = source(&judged, "identities");
        assert_eq!(identities["fresh"], false);
        assert!(identities["failed"]["why"].as_str().unwrap().len() > 5);
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["verify", "--unsigned"]).arg(root.join("report")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        // As of a time before the failure nothing is stale.
        let good: Vec<String> = records(root)[..2].iter().map(|record| record["collected_at"].as_str().unwrap().to_owned()).collect();
        ends(root, &["run", "--as-of", good.iter().max().unwrap()], 0);
        // Until it works again.
        write(root, "identity.csv", "id,system,owner\na,s,p1\nb,s,p1\n");
        ends(root, &["collect", "identities"], 0);
        ends(root, &["run"], 0);
    }
}

#[test]
fn a_violation_stays_one_when_the_next_collection_fails() {
    let work = project();
    let root = work.path();
    write(root, "identity.csv", "id,system,owner\na,s,none\n");
    ends(root, &["collect"], 0);
    fs::remove_file(root.join("identity.csv")).unwrap();
    ends(root, &["collect"], 3);
    ends(root, &["run"], 1);
}

#[test]
fn a_source_that_was_never_collected_is_absent() {
    let work = project();
    let root = work.path();
    fs::remove_file(root.join("identity.csv")).unwrap();
    ends(root, &["collect"], 3);
    ends(root, &["run"], 2);
    let judged = assessment(root);
    assert_eq!(source(&judged, "identities")["absent"], true);
    assert!(source(&judged, "identities")["notes"].to_string().contains("exit status 1"), "{judged}");
}

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_that_it_started() {
    let work = project();
    let root = work.path();
    script(root, "slow.sh", "sleep 300 & echo $! > child; echo id,system; wait");
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    let text = text.replace("command = [\"cat\", \"identity.csv\"]", "command = [\"./slow.sh\"]\ntime-limit = \"1s\"");
    write(root, "tickmark.toml", &text);
    let began = Instant::now();
    let said = ends(root, &["collect"], 3);
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for {:?}", began.elapsed());
    assert!(said.contains("longer than its time limit"), "{said}");
    let child = fs::read_to_string(root.join("child")).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(!Path::new("/proc/self").exists() || state.is_empty() || state.contains(") Z "), "still there: {state}");
}

#[test]
fn a_child_that_holds_the_output_open_does_not_hold_up_the_collector() {
    let work = project();
    let root = work.path();
    script(root, "leaves.sh", "cat identity.csv; sleep 300 &");
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    write(
        root,
        "tickmark.toml",
        &text.replace("command = [\"cat\", \"identity.csv\"]", "command = [\"./leaves.sh\"]\ntime-limit = \"2s\""),
    );
    let began = Instant::now();
    ends(root, &["collect"], 3);
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for {:?}", began.elapsed());
}

#[test]
fn a_command_gets_no_more_of_the_environment_than_is_allowed() {
    let work = project();
    let root = work.path();
    script(root, "env.sh", "env > env.txt; cat identity.csv");
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    let command_line = "command = [\"./env.sh\"]\nenv = [\"OUR_*\", \"SET=by the project\", \"NOT_SET\"]";
    write(root, "tickmark.toml", &text.replace("command = [\"cat\", \"identity.csv\"]", command_line));
    let mut collect = command(root, &["collect", "identities"]);
    collect.env("OUR_TOKEN", "passed").env("SET", "by the shell").env("AWS_SECRET_ACCESS_KEY", "kept").env("LD_PRELOAD_X", "kept");
    assert_eq!(collect.output().unwrap().status.code(), Some(0));
    let got = fs::read_to_string(root.join("env.txt")).unwrap();
    let names: Vec<&str> = got.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"PATH") && got.contains("OUR_TOKEN=passed") && got.contains("SET=by the project"), "{got}");
    assert!(!got.contains("kept") && !got.contains("by the shell"), "{got}");
    // What a shell adds by itself, and what is allowed.
    let usual = tickmark::evidence::collect::USUAL;
    let allowed = |name: &&&str| {
        ["PWD", "OLDPWD", "SHLVL", "_", "OUR_TOKEN", "SET"].contains(*name)
            || usual.iter().any(|usual| usual.strip_suffix('*').map_or(*usual == **name, |start| name.starts_with(start)))
    };
    assert_eq!(names.iter().filter(|name| !allowed(name)).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn a_mapping_names_what_its_tool_needs_of_the_environment() {
    let work = crate::scratch::folder();
    let root = work.path();
    write(
        root,
        "tickmark.toml",
        "name = \"x\"\ncontrols = [\"INV-05\"]\n[[source]]\nkind = \"kong-deck\"\ncommand = [\"./env.sh\"]\nsystems = [\"kong:x\"]\n",
    );
    script(root, "env.sh", "env > env.txt; echo '_format_version: \"3.0\"'; echo 'consumers: [{username: a}]'");
    let mut collect = command(root, &["collect"]);
    collect.env("DECK_KONG_ADDR", "http://gateway").env("AWS_PROFILE", "other");
    let output = collect.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let got = fs::read_to_string(root.join("env.txt")).unwrap();
    assert!(got.contains("DECK_KONG_ADDR=http://gateway") && !got.contains("AWS_PROFILE"), "{got}");
}

const LOOP: &str = r#"
kind = "our-vendor"
title = "Keys, by user"
records = "keys"
format = "json"
observes = ["identity", "credential"]
guarantees-full = true
select = "path(.keys[].output.keys[])"
rows = '''
. as $key | [$document.used[] | select(.item == $key.id)][0].output.at as $used
| { table: "identity", id: "s:\($key.user)", system: "s" },
  { table: "credential", id: "s:\($key.id)", system: "s", identity: "s:\($key.user)", last_used_at: ($used // "never") }
'''
[collect]
tool = "vendor"
version = ["./vendor", "version"]
permissions = ["list users", "list keys"]
[[collect.call]]
name = "prepare"
argv = ["./vendor", "prepare"]
keep = false
until = ".ready"
[[collect.call]]
name = "users"
argv = ["./vendor", "users"]
[[collect.call]]
name = "keys"
each = "users"
items = ".users[]"
argv = ["./vendor", "keys", "{}"]
[[collect.call]]
name = "used"
each = "keys"
items = ".keys[].id"
argv = ["./vendor", "used", "--key={}"]
"#;

const VENDOR: &str = r#"
case "$1" in
  version) echo "vendor 1.2.3" ;;
  prepare) if [ -e asked ]; then echo '{"ready": true}'; else touch asked; echo '{"ready": false}'; fi ;;
  users) echo '{"users": ["zoe", "ann b", "zoe"]}' ;;
  keys) printf '{"keys": [{"id": "k-%s", "user": "%s"}]}' "$(printf %s "$2" | tr -d ' ')" "$2" ;;
  used) case "$2" in --key=k-zoe) echo '{"at": "2026-01-01T00:00:00Z"}' ;; *) echo '{}' ;; esac ;;
esac
"#;

fn looped(vendor: &str) -> tempfile::TempDir {
    let work = crate::scratch::folder();
    write(
        work.path(),
        "tickmark.toml",
        "name = \"x\"\ncontrols = [\"INV-05\"]\n[[source]]\nkind = \"our-vendor\"\ncommand = \"suggested\"\ntime-limit = \"20s\"\n",
    );
    write(work.path(), "sources/our-vendor.toml", LOOP);
    script(work.path(), "vendor", vendor);
    work
}

#[test]
fn calls_that_depend_on_one_another_become_one_export() {
    let work = looped(VENDOR);
    let root = work.path();
    let said = ends(root, &["collect"], 0);
    assert!(said.contains("2 records"), "{said}");
    let record = &records(root)[0];
    assert_eq!(record["tool_version"], "vendor 1.2.3");
    let times: Vec<u64> = record["calls"].as_array().unwrap().iter().map(|call| call["times"].as_u64().unwrap()).collect();
    assert_eq!(times, [1, 1, 2, 2]);
    let stored: Value = serde_json::from_slice(&fs::read(root.join(record["files"][0]["path"].as_str().unwrap())).unwrap()).unwrap();
    assert_eq!(stored["users"], serde_json::json!({ "users": ["zoe", "ann b", "zoe"] }));
    assert_eq!(stored["keys"][1], serde_json::json!({ "item": "ann b", "output": { "keys": [{ "id": "k-annb", "user": "ann b" }] } }));
    assert_eq!(stored["used"][0]["output"]["at"], "2026-01-01T00:00:00Z");
    assert!(stored.get("prepare").is_none(), "{stored}");
}

#[test]
fn one_call_that_fails_ends_the_collection_of_all() {
    for (change, why) in [
        (("used) case", "used) exit 7; case"), "exit status 7"),
        (("\"users\": [\"zoe\"", "\"users\": [7"), "an item is no text"),
        (("\"users\": [\"zoe\"", "\"users\": [\"--all\""), "begins with `-`"),
        (("echo '{\"users\": [\"zoe\", \"ann b\", \"zoe\"]}'", "echo nonsense"), "printed is of no use"),
        (("keys) printf", "keys) exit 0; printf"), "the call `keys` printed nothing"),
        (("touch asked; echo '{\"ready\": false}'", "echo '{\"ready\": 1}'"), "was not ready within its time limit"),
        // However slow the machine: what does not answer in time is not ready in time.
        (("touch asked; echo '{\"ready\": false}'", "exec sleep 60"), "was not ready within its time limit"),
    ]
    .into_iter()
    .step_by(every(3, 1))
    {
        let work = looped(&VENDOR.replace(change.0, change.1));
        let root = work.path();
        if why.contains("time limit") {
            let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
            write(root, "tickmark.toml", &text.replace("20s", "1s"));
        }
        let said = ends(root, &["collect"], 3);
        assert!(said.contains(why), "{said}");
        assert_eq!(records(root)[0]["files"], Value::Array(Vec::new()));
    }
}

#[test]
fn what_would_be_run_is_told_and_not_run() {
    let work = looped(&format!("touch ran\n{VENDOR}"));
    let root = work.path();
    let said = ends(root, &["collect", "--dry-run"], 0);
    assert!(said.contains("./vendor keys {}    (once for each of `.users[]` of users)"), "{said}");
    assert!(said.contains("needs at least: list users; list keys"), "{said}");
    let output = command(root, &["collect", "--dry-run", "--format", "json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["sources"][0]["calls"][3]["argv"][2], "--key={}");
    // Nor does anything else start a process.
    for arguments in [&["check"][..], &["run"], &["coverage"], &["test"], &["check", "--evidence"], &["collect", "--list"]] {
        tickmark(root, arguments);
    }
    assert!(!root.join("ran").exists() && !root.join("locker").exists());
}

#[test]
fn a_source_that_is_not_collected_is_told_so() {
    let work = project();
    let root = work.path();
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    write(
        root,
        "tickmark.toml",
        &text.replace("command = [\"cat\", \"identity.csv\"]", "collected-at = \"2026-06-29T00:00:00Z\"\npath = \"identity.csv\""),
    );
    let said = ends(root, &["collect", "identities"], 2);
    assert!(said.contains("names files with `path`"), "{said}");
    let said = ends(root, &["collect", "nobody"], 2);
    assert!(said.contains("no source is called `nobody`"), "{said}");
    write(root, "tickmark.toml", &text.replace("command = [\"cat\", \"identity.csv\"]", "command = \"none\""));
    let said = ends(root, &["collect", "identities"], 2);
    assert!(said.contains("--source identities --file"), "{said}");
}
