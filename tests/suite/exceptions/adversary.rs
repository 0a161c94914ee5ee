//! What somebody might try, or happen upon, to have a fail waived that is not.

use std::fs;
use std::os::unix::fs::symlink;

use super::{CONTROL, CREDENTIALS, Project, SETTINGS, said, verdict, waiver};

/// A control over the log of `s`, and a log with two events of one id, one of them refused.
fn over_events(second: &str) -> Project {
    let settings = format!(
        "{SETTINGS}[[source]]\nkind = \"canonical\"\ntable = \"event\"\npath = \"event.csv\"\nsystems = [\"s\"]\n\
         collected-at = \"2026-06-30T00:00:00Z\"\ncovers = {{ from = \"2026-06-01T00:00:00Z\", until = \"2026-06-30T00:00:00Z\", types = [\"used\"] }}\n\
         complete = {{ from = \"a count\", by = \"j.doe\", on = \"2026-06-30\" }}\n"
    );
    let (head, _) = CONTROL.split_once("[params.life]").unwrap();
    let control = head.replace("subject = \"credential\"", "subject = \"event\"").replace("`$life`", "a day")
        + "[check]\napplies = \"at > $as_of - INTERVAL '7d' AND type = 'used'\"\nassert = \"address = 'office'\"\n";
    let control = control.replace("address = 'office'", "environment = 'production'");
    let log = format!(
        "id,system,at,type,outcome,identity,credential,environment\n\
         e,s,2026-06-29T00:00:00Z,used,ok,i,one,test\n{second},s,2026-06-28T00:00:00Z,used,denied,i,one,test\n"
    );
    Project::new(&[
        ("tickmark.toml", &settings),
        ("controls/KEY-01.toml", &control),
        ("event.csv", &log),
        (
            "waivers/one.toml",
            &waiver(&["subjects =", "where = \"outcome = 'denied' AND type = 'used' AND at > $as_of - INTERVAL '7d'\"", "at-most = 1"]),
        ),
    ])
}

/// Ids of events need not be unique: a waiver for one of two does not reach the other.
#[test]
fn a_waiver_for_one_event_of_an_id_waives_no_other() {
    let apart = over_events("f");
    let assessment = apart.run(&[], 1);
    assert_eq!(assessment["waivers"][0]["waived"], serde_json::json!(["f"]), "{}", assessment["waivers"]);
    let shared = over_events("e");
    let assessment = shared.run(&[], 1);
    assert_eq!(assessment["waivers"][0]["waived"], serde_json::json!([]), "{}", assessment["waivers"]);
    assert_eq!(assessment["controls"][0]["counts"]["waived"], 0);
}

/// An owner whom no row of `party` tells may be the approver under another name.
#[test]
fn an_owner_that_nobody_knows_may_be_the_approver() {
    let project = Project::new(&[("waivers/one.toml", &waiver(&[]))]);
    project.put("identity.csv", "id,system,kind,owner\ni,s,service_account,Boss\nnobody-said,s,service_account,\n");
    let assessment = project.run(&[], 1);
    assert_eq!(verdict(&assessment, "one"), "fail");
    assert_eq!(assessment["waivers"][0]["standing"], "undetermined");
    // Nobody owns it, and that is known: then nobody waives for himself.
    project.put("identity.csv", "id,system,kind,owner\ni,s,service_account,none\nnobody-said,s,service_account,\n");
    assert_eq!(verdict(&project.run(&[], 1), "one"), "waived");
}

/// The approver is written as the evidence writes the party: no case, no space is overlooked.
#[test]
fn an_approver_is_a_party_to_the_letter() {
    for approver in ["Boss", " boss", "boss ", "ＢOSS", "boss\\u200b"] {
        let project = Project::new(&[("waivers/one.toml", &waiver(&[&format!("approver = \"{approver}\"")]))]);
        let assessment = project.run(&[], 1);
        assert_eq!(
            (verdict(&assessment, "one").as_str(), &assessment["waivers"][0]["waived"]),
            ("fail", &serde_json::json!([])),
            "{approver:?}"
        );
    }
}

/// The same instants in another offset.
#[test]
fn times_may_be_of_any_offset() {
    for (lines, expected) in [
        (["granted-at = \"2026-06-30T02:00:00+02:00\"", "expires-at = \"2026-07-01T00:00:00+02:00\""], "waived"),
        (["granted-at = \"2026-06-30T01:00:00-01:00\"", "expires-at = \"2026-07-01T00:00:00Z\""], "fail"),
        (["granted-at = \"2026-06-01T00:00:00Z\"", "expires-at = \"2026-06-30T02:00:00+02:00\""], "fail"),
    ] {
        let project = Project::new(&[("waivers/one.toml", &waiver(&lines))]);
        assert_eq!(verdict(&project.run(&[], 1), "one"), expected, "{lines:?}");
    }
    let project = Project::new(&[("waivers/one.toml", &waiver(&["expires-at = \"2026-07-01T00:00:00\""]))]);
    let output = project.tickmark(&["run"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("--> waivers/one.toml:"), "{}", said(&output));
}

/// Nothing that a waiver says leaves its place in a report, and its subject may be called anything.
#[test]
fn what_a_waiver_says_is_text() {
    let hostile = "x`]\n\n# All is well\n\n<script>alert(1)</script>|a|b";
    let project = Project::new(&[]);
    let rows = format!("{CREDENTIALS}\"{hostile}\",s,i,api_key,active,2026-01-01T00:00:00Z,never\n");
    project.put("credential.csv", &rows);
    project.put("tickmark.toml", &SETTINGS.replace("expected = 4", "expected = 5"));
    let quoted = serde_json::Value::from(hostile).to_string();
    let (subjects, ticket) = (format!("subjects = [{quoted}]"), format!("ticket = {quoted}"));
    let reason = format!(
        "reason = {}",
        serde_json::Value::from(
            "<script>alert(2)</script>\n\n# Heading\n\n| a | b |\n|---|---|\n| c | d |\n\n- [ ] done\n\n[x](javascript:alert(3))"
        )
    );
    project.put("waivers/one.toml", &waiver(&[&subjects, &ticket, &reason, "id = \"W|`1`<b>\"", "approver = \"boss\""]));
    let assessment = project.run(&[], 1);
    assert_eq!(verdict(&assessment, hostile), "waived");
    let (markdown, html) = ["report.md", "report.html"].map(|name| fs::read_to_string(project.path("report").join(name)).unwrap()).into();
    assert!(!markdown.lines().any(|line| line.starts_with("# All is well") || line.starts_with("# Heading")), "{markdown}");
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(!html.contains("href=\"javascript") && html.contains("# Heading"), "{html}");
    assert!(!html.contains("All is well</h1>") && !html.contains("Heading</h1>"), "{html}");
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_tickmark"))
        .arg("verify")
        .arg(project.path("report"))
        .arg("--unsigned")
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

/// A folder that is a link is not passed over: what it holds might be a control that fails.
#[test]
fn a_linked_folder_is_no_folder_of_the_project() {
    let elsewhere = crate::scratch::folder();
    fs::write(elsewhere.path().join("one.toml"), waiver(&[])).unwrap();
    for (link, exists) in
        [("waivers", true), ("waivers/team", true), ("controls/more", true), ("attestations", false), ("waivers/gone", false)]
    {
        let project = Project::new(&[]);
        fs::create_dir_all(project.path(link).parent().unwrap()).unwrap();
        let target = if exists { elsewhere.path().to_owned() } else { elsewhere.path().join("gone") };
        symlink(target, project.path(link)).unwrap();
        let output = project.tickmark(&["run"]);
        assert_eq!(output.status.code(), Some(2), "{link}: {}", said(&output));
        assert!(said(&output).contains(link), "{link}: {}", said(&output));
        assert!(!project.path("report").exists());
    }
}

/// Rows of waivers come from the project's own files alone: there the rules are that hold a waiver to its word.
#[test]
fn no_source_gives_waivers() {
    let settings = format!(
        "{SETTINGS}[[source]]\nkind = \"canonical\"\ntable = \"waiver\"\npath = \"waiver.csv\"\ncollected-at = \"2026-06-29T12:00:00Z\"\n"
    );
    let rows = "id,control,subject_kind,subject,granted_at,expires_at,approver\nw,KEY-01,credential,one,2026-06-01T00:00:00Z,2027-06-01T00:00:00Z,boss\n";
    let project = Project::new(&[("tickmark.toml", &settings), ("waiver.csv", rows)]);
    let output = project.tickmark(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("waiver"), "{}", said(&output));
}

/// A waiver from a control that is declared out of scope waives nothing, and says so; its requirements stay undetermined.
#[test]
fn a_waiver_from_what_is_not_judged_says_so() {
    let settings =
        SETTINGS.replacen("[[source]]", "[[out-of-scope]]\ncontrols = [\"KEY-01\"]\nreason = \"x\"\napprover = \"boss\"\n[[source]]", 1);
    let project = Project::new(&[("waivers/one.toml", &waiver(&[])), ("tickmark.toml", &settings)]);
    project.put("tickmark.toml", &settings.replace("controls = [\"controls\"]", "controls = [\"EVD-01\", \"controls\"]"));
    let output = project.tickmark(&["run"]);
    let assessment: serde_json::Value = serde_json::from_slice(&fs::read(project.path("report/assessment.json")).unwrap()).unwrap();
    assert_eq!(assessment["waivers"][0]["standing"], "control not judged", "{}", said(&output));
    assert_eq!(assessment["waivers"][0]["waived"], serde_json::json!([]));
    assert!(!assessment["controls"].as_array().unwrap().iter().any(|control| control["id"] == "KEY-01"));
}

/// Ten thousand names that the evidence does not hold are told in a moment, and not one by one.
#[test]
fn a_scope_of_ten_thousand_strangers_is_told_at_once() {
    let names: Vec<String> = (0..10_000).map(|number| format!("\"stranger-{number}\"")).collect();
    let rows: String =
        (0..20_000).map(|number| format!("key-{number},s,i,api_key,active,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z\n")).collect();
    let project = Project::new(&[("waivers/one.toml", &waiver(&[&format!("subjects = [{}]", names.join(", "))]))]);
    project.put("credential.csv", &format!("{CREDENTIALS}{rows}"));
    let output = project.tickmark(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).lines().count() < 400, "{}", said(&output).lines().count());
}
