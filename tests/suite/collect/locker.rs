//! What the locker withstands.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tickmark::evidence::locker::Locker;

use super::*;

fn unfinished(root: &Path) -> Vec<String> {
    ["locker/exports", "locker/journal"]
        .into_iter()
        .filter_map(|folder| fs::read_dir(root.join(folder)).ok())
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect()
}

#[test]
fn collectors_at_the_same_time_do_not_harm_one_another() {
    const COLLECTORS: usize = 16;
    let work = project();
    let root = work.path();
    // Each prints something else, so that each has an export of its own.
    script(root, "identities.sh", "echo id,system,owner,purpose; echo a,s,p1,$$");
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    write(root, "tickmark.toml", &text.replace("[\"cat\", \"identity.csv\"]", "[\"./identities.sh\"]"));
    let running: Vec<_> =
        (0..COLLECTORS).map(|_| command(root, &["collect"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let records = records(root);
    assert_eq!(records.len(), 2 * COLLECTORS);
    let numbers: Vec<u64> = records.iter().map(|record| record["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=2 * COLLECTORS as u64).collect::<Vec<_>>());
    let exports = fs::read_dir(root.join("locker/exports")).unwrap().count();
    assert_eq!(exports, COLLECTORS + 1, "one for each collector's identities, and one for the parties, which never change");
    assert_eq!(unfinished(root), [""; 0]);
    ends(root, &["run"], 0);
}

#[test]
fn the_first_need_of_a_key_makes_one_key() {
    let work = crate::scratch::folder();
    let root = work.path();
    write(
        root,
        "tickmark.toml",
        "name = \"x\"\ncontrols = [\"INV-05\"]\n[[source]]\nkind = \"kong-deck\"\ncommand = [\"cat\", \"dump.yaml\"]\nsystems = [\"kong:x\"]\n",
    );
    write(root, "dump.yaml", "consumers: [{username: a, keyauth_credentials: [{key: the-key-of-a}]}]\n");
    let running: Vec<_> =
        (0..12).map(|_| command(root, &["collect"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()).collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let digests: std::collections::BTreeSet<String> =
        records(root).iter().map(|record| record["files"][0]["sha256"].as_str().unwrap().to_owned()).collect();
    assert_eq!(digests.len(), 1, "the same secret has the same fingerprint");
}

#[test]
fn a_collector_that_is_killed_leaves_a_sound_locker() {
    let work = project();
    let root = work.path();
    let many: String = (0..300).map(|number| format!("i{number},s,p1,$$\n")).collect();
    script(root, "identities.sh", &format!("cat <<END\nid,system,owner,purpose\n{many}END"));
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    write(root, "tickmark.toml", &text.replace("[\"cat\", \"identity.csv\"]", "[\"./identities.sh\"]"));
    ends(root, &["collect"], 0);
    let began = std::time::Instant::now();
    ends(root, &["collect"], 0);
    let whole = began.elapsed();
    let (mut killed, mut before) = (0, records(root).len());
    for attempt in 0..24u32 {
        let mut child = command(root, &["collect"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the first instant to a little after the end.
        sleep(whole * attempt / 20);
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        let there = Locker::of(root).journal().unwrap().len();
        assert!(there >= before && there <= before + 2, "{before} records became {there}");
        before = there;
    }
    assert!(killed >= 8, "only {killed} of 24 were killed before they were done");
    assert_eq!(records(root).len(), before);
    ends(root, &["run"], 0);
    ends(root, &["collect"], 0);
    assert_eq!(records(root).len(), before + 2);
    assert_eq!(unfinished(root), [""; 0]);
    // Whatever lies there without a record is whole.
    for entry in fs::read_dir(root.join("locker/exports")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let digest = tickmark::model::digest::sha256(&fs::read(&path).unwrap());
        assert!(name.contains(&digest[..16]), "{name} holds {digest}");
    }
}

#[test]
fn a_collector_waits_for_another_that_holds_the_lock() {
    let work = project();
    let root = work.path();
    ends(root, &["collect"], 0);
    let lock = fs::File::open(root.join("locker/lock")).unwrap();
    lock.lock().unwrap();
    let mut child = command(root, &["collect"]).stdout(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    assert_eq!(records(root).len(), 2);
    drop(lock);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(records(root).len(), 4);
}

#[test]
fn what_was_changed_is_noticed() {
    let fresh = || {
        let work = project();
        ends(work.path(), &["collect"], 0);
        ends(work.path(), &["collect"], 0);
        work
    };
    let changed = |path: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    };
    // A record.
    let work = fresh();
    changed(&work.path().join("locker/journal/00000002.json"), "\"failed\":null", "\"failed\":\"x\"");
    assert!(ends(work.path(), &["run"], 2).contains("was changed after the next record was written"));
    assert_eq!(tickmark(work.path(), &["collect", "--list"]).0, 2);
    // An export.
    let work = fresh();
    let export = fs::read_dir(work.path().join("locker/exports")).unwrap().map(|entry| entry.unwrap().path());
    let export = export.into_iter().find(|path| path.to_str().unwrap().contains("identities")).unwrap();
    changed(&export, "p1", "p2");
    assert!(ends(work.path(), &["run"], 2).contains("is not what was stored"));
    assert!(ends(work.path(), &["collect", "--list"], 2).contains("its digest is another"));
    // A record that is gone.
    let work = fresh();
    fs::remove_file(work.path().join("locker/journal/00000003.json")).unwrap();
    assert!(ends(work.path(), &["collect", "--list"], 2).contains("record 3 is missing"));
    // A record that leads elsewhere.
    let work = fresh();
    let last = work.path().join("locker/journal/00000004.json");
    let record: Value = serde_json::from_slice(&fs::read(&last).unwrap()).unwrap();
    changed(&last, record["files"][0]["path"].as_str().unwrap(), "locker/exports/../../identity.csv");
    assert!(ends(work.path(), &["run"], 2).contains("does not lie in the locker"));
}

/// Hands an export over.
fn hand(root: &Path, rows: &str, at: &[&str], exit: i32) -> String {
    write(root, "handed.csv", rows);
    let file = root.join("handed.csv");
    let mut arguments = vec!["collect", "--source", "identities", "--file", file.to_str().unwrap()];
    arguments.extend(at);
    ends(root, &arguments, exit)
}

#[test]
fn files_are_taken_and_the_newest_at_or_before_the_time_is_read() {
    let work = project();
    let root = work.path();
    let text = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    let party = "collected-at = \"2026-06-20T12:00:00Z\"\nmax-age = \"30d\"\npath = \"party.csv\"";
    let text =
        text.replace("command = [\"cat\", \"party.csv\"]", party).replace("command = [\"cat\", \"identity.csv\"]", "command = \"none\"");
    write(root, "tickmark.toml", &text);
    assert!(hand(root, "id,system,owner\na,s,p1\n", &[], 2).contains("does not say when it was collected"));
    assert!(hand(root, "id,system,owner\na,s,p1\n", &["--collected-at", "2999-01-01T00:00:00Z"], 2).contains("lies ahead"));
    assert!(hand(root, "no identities\n", &["--collected-at", "2026-06-21T00:00:00Z"], 2).contains("handed.csv: "));
    assert!(!root.join("locker").exists(), "nothing was recorded");
    // Handed over in another order than they were collected.
    hand(root, "id,system,owner\na,s,p1\nb,s,p1\n", &["--collected-at", "2026-06-22T00:00:00Z"], 0);
    hand(root, "id,system,owner\na,s,none\ngone,s,p1\n", &["--collected-at", "2026-06-21T00:00:00Z"], 0);
    let subjects = |as_of: &[&str], exit: i32| {
        let mut arguments = vec!["run"];
        arguments.extend(as_of);
        ends(root, &arguments, exit);
        fs::read_to_string(root.join("report/populations/OWN-01.csv")).unwrap()
    };
    // It is old, and only the command line knows.
    let now = subjects(&[], 3);
    assert!(now.contains("\na,pass") && now.contains("\nb,pass") && !now.contains("gone"), "{now}");
    let judged = assessment(root);
    assert_eq!(judged["as_of"], "2026-06-22T00:00:00Z");
    assert_eq!(source(&judged, "identities")["collections"][0]["by"], "files");
    // The one before is read for what has vanished since.
    assert!(source(&judged, "identities")["notes"].to_string().contains("identity gone"), "{judged}");
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["verify", "--unsigned"]).arg(root.join("report")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let then = subjects(&["--as-of", "2026-06-21T12:00:00Z"], 1);
    assert!(then.contains("\na,fail") && then.contains("\ngone,pass"), "{then}");
    // Before the first, nothing was known.
    ends(root, &["run", "--as-of", "2026-06-20T12:00:00Z"], 2);
}

#[test]
fn a_log_adds_up_and_does_not_reach_beyond_a_collection_that_failed() {
    let work = crate::scratch::folder();
    let root = work.path();
    let control = CONTROL
        .replace("subject = \"identity\"", "subject = \"credential\"")
        .replace("owner <> 'none'", "NOT EXISTS (SELECT 1 FROM event WHERE type = 'used' AND at > $as_of - INTERVAL '2h')");
    write(root, "controls/OWN-01.toml", &control);
    let covers = "covers = { from = \"2020-01-01T00:00:00Z\", until = \"2999-01-01T00:00:00Z\", types = [\"used\"] }\n";
    let vouched = vouched();
    let of = |id: &str, table: &str, more: &str| {
        format!("[[source]]\nid = \"{id}\"\nkind = \"canonical\"\ntable = \"{table}\"\ncommand = [\"cat\", \"{id}.csv\"]\n{vouched}{more}")
    };
    let sources = [of("identities", "identity", ""), of("credentials", "credential", ""), of("events", "event", covers)].concat();
    write(root, "tickmark.toml", &format!("name = \"x\"\ncontrols = [\"controls\"]\n{sources}"));
    write(root, "identities.csv", "id,system\ni,s\n");
    write(root, "credentials.csv", "id,system,identity,issued_at,accepted_at\nc,s,i,2026-01-01T00:00:00Z,s\n");
    write(root, "events.csv", "id,system,at,type,outcome,identity,credential\ne1,s,2026-02-01T00:00:00Z,used,ok,i,c\n");
    ends(root, &["collect"], 0);
    ends(root, &["run"], 0);
    write(root, "events.csv", "id,system,at,type,outcome,identity,credential\ne2,s,2026-03-01T00:00:00Z,used,ok,i,c\n");
    ends(root, &["collect"], 0);
    ends(root, &["run"], 0);
    let rows =
        |root: &Path| assessment(root)["tables"].as_array().unwrap().iter().find(|table| table["name"] == "event").unwrap()["rows"].clone();
    assert_eq!(rows(root), 2, "both collections");
    fs::remove_file(root.join("events.csv")).unwrap();
    ends(root, &["collect"], 3);
    ends(root, &["run"], 3);
    assert_eq!(rows(root), 2);
    assert_eq!(assessment(root)["findings"][0]["reasons"][0]["word"], "no-log");
}
