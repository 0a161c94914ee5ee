//! Every shipped control proves its worth on the evidence of its own file.

use std::path::Path;

use tickmark::cli::run_tests;
use tickmark::model::assessment::Verdict;

#[test]
fn every_test_of_every_shipped_control_holds() {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"shipped\"\ncontrols = [\"builtin\"]\n").unwrap();
    let (project, warnings) = tickmark::load::project(folder.path()).unwrap_or_else(|problems| {
        panic!("{}", tickmark::cli::diagnostics::render(&problems, false));
    });
    assert!(warnings.list.is_empty(), "{}", tickmark::cli::diagnostics::render(&warnings, false));
    let (count, failures) = run_tests(&project.controls).unwrap();
    let told: Vec<String> = failures
        .iter()
        .map(|failure| format!("{}: {}\n    {}", failure.control, failure.test, failure.differences.join("\n    ")))
        .collect();
    assert!(told.is_empty(), "{} of {count} tests do not hold:\n{}", told.len(), told.join("\n"));
}

/// The catalogue's least: these ship, and each shows a pass, a fail, an unknown and, where it does not apply to all, a subject to
/// which it does not.
#[test]
fn every_shipped_control_is_whole() {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"shipped\"\ncontrols = [\"builtin\"]\n").unwrap();
    let (project, _) = tickmark::load::project(folder.path()).unwrap();
    let ids: Vec<&str> = project.controls.iter().map(|control| control.id.as_str()).collect();
    let families = [
        ("AIA", 7),
        ("AUT", 6),
        ("ENV", 3),
        ("EVD", 3),
        ("EXC", 2),
        ("HUM", 2),
        ("INV", 7),
        ("MON", 6),
        ("OFF", 6),
        ("ONB", 4),
        ("PRV", 6),
        ("ROT", 8),
        ("SEC", 4),
        ("TPR", 5),
    ];
    for (family, count) in families {
        for number in 1..=count {
            assert!(ids.contains(&format!("{family}-{number:02}").as_str()), "{family}-{number:02} does not ship");
        }
    }
    assert_eq!(ids.len(), families.iter().map(|(_, count)| count).sum::<usize>(), "{ids:?}");
    for control in &project.controls {
        let expected: Vec<&str> = control.tests.iter().flat_map(|test| test.expect.values().map(String::as_str)).collect();
        let narrows = control.applies.iter().map(|_| Verdict::NotApplicable);
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown].into_iter().chain(narrows) {
            assert!(expected.contains(&verdict.word()), "{} has no test that comes to {}", control.id, verdict.word());
        }
        assert!(control.mappings.iter().any(|mapping| mapping.framework == "nist-csf-2.0"), "{} maps to no CSF outcome", control.id);
        assert!(control.mappings.iter().all(|mapping| !mapping.rationale.is_empty() && mapping.relationship != "equal"), "{}", control.id);
        let name = Path::new(&control.file).file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{}-", control.id)), "{} lies in {}", control.id, control.file);
    }
}

/// Every shipped control over the sources given, each with its status.
fn statuses(sources: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let settings = format!("name = \"empty\"\ncontrols = [\"builtin\"]\nas-of = \"2026-06-30T00:00:00Z\"\n{sources}");
    let all: Vec<(&str, &str)> = [("tickmark.toml", settings.as_str())].into_iter().chain(files.iter().copied()).collect();
    let (_, said, work) = super::cli::run(&all, &["run"]);
    let assessment = std::fs::read(work.path().join("report/assessment.json")).unwrap_or_else(|_| panic!("{said}"));
    let assessment: serde_json::Value = serde_json::from_slice(&assessment).unwrap();
    let text = |control: &serde_json::Value, name: &str| control[name].as_str().unwrap().to_owned();
    assessment["controls"].as_array().unwrap().iter().map(|control| (text(control, "id"), text(control, "status"))).collect()
}

/// Out of nothing nothing follows: neither a pass nor a fail.
#[test]
fn where_nothing_was_given_no_control_passes_and_none_fails() {
    let found = statuses("", &[]);
    assert_eq!(found.len(), 69);
    // Of no source there is none that is old, short or in quarantine: the table of sources is known to be empty.
    let decided: Vec<&(String, String)> =
        found.iter().filter(|(_, status)| matches!(status.as_str(), "pass" | "fail" | "waived")).collect();
    assert!(decided.is_empty(), "{decided:?}");
}

/// A gateway's consumers alone show no lack of what was never asked for: logs, owners, last use.
#[test]
fn what_no_source_could_say_is_not_held_against_anybody() {
    let kong = "[[source]]\nkind = \"kong-deck\"\npath = \"k.yaml\"\nsystems = [\"kong:x\"]\ncollected-at = \"2026-06-29T12:00:00Z\"\n\
        complete = { expected = 1, from = \"the console\", by = \"j.doe\", on = \"2026-06-29\" }\n";
    let dump = ("k.yaml", "_format_version: \"3.0\"\nconsumers:\n- username: a\n  acls:\n  - group: partners\n");
    let fails = |sources: &str, files: &[(&str, &str)]| -> Vec<String> {
        statuses(sources, files).into_iter().filter(|(_, status)| status == "fail").map(|(id, _)| id).collect()
    };
    assert_eq!(fails(kong, &[dump]), Vec::<String>::new());
    // Where a register could say who owns it and does not, and logs are kept of some systems, both fail.
    let register = format!(
        "{kong}[[source]]\nid = \"register\"\nkind = \"canonical\"\ntable = \"identity\"\npath = \"i.csv\"\ncollected-at = \"2026-06-29T12:00:00Z\"\n\
         [[source]]\nid = \"log\"\nkind = \"canonical\"\ntable = \"event\"\npath = \"e.csv\"\nsystems = [\"t\"]\ncollected-at = \"2026-06-29T12:00:00Z\"\n"
    );
    let files = [dump, ("i.csv", "id,system,last_used_at\nkong:x:consumer/a,kong:x,never\n"), ("e.csv", "id,at,type,system\n")];
    let found = fails(&register, &files);
    assert!(found.contains(&"INV-07".to_owned()) && found.contains(&"MON-03".to_owned()), "{found:?}");
}

/// Each control notices at least 95 of 100 small changes of itself, and explains those that nothing could notice.
#[test]
fn every_shipped_control_notices_its_mutants() {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"shipped\"\ncontrols = [\"builtin\"]\n").unwrap();
    let (project, _) = tickmark::load::project(folder.path()).unwrap();
    let scores = tickmark::cli::mutate::scores(&project.controls);
    // The boundaries: no limit, in a parameter or in a condition, moves by its least unit, nor an order to or from equality, unnoticed;
    // and nobody may call that equivalent.
    let boundary = |what: &str| {
        let order = ["<", "<=", ">", ">="].iter().any(|sign| what.contains(&format!(": {sign} becomes")));
        what.starts_with('$') || what.contains("INTERVAL") || order
    };
    for (control, score) in project.controls.iter().zip(&scores) {
        let excused = control.equivalent.iter().map(|(what, _)| what.as_str());
        let missed: Vec<&str> = score.survivors.iter().map(String::as_str).chain(excused).filter(|what| boundary(what)).collect();
        assert!(missed.is_empty(), "{}: {missed:?}", control.id);
    }
    for score in &scores {
        assert!(score.mutants >= 1, "{score:?}");
        assert!(score.percent() >= 95.0, "{score:?}");
        assert!(score.mistaken.is_empty(), "{score:?}");
    }
    let all: usize = scores.iter().map(|score| score.mutants).sum();
    println!("mutants: {all}, not noticed: {}", scores.iter().map(|score| score.survivors.len()).sum::<usize>());
    assert!(all > 1500, "{all}");
}

/// A control whose tests are weak is told so, by name of what they do not notice.
#[test]
fn weak_tests_are_told() {
    let (output, said, _work) =
        super::cli::run(&[("tickmark.toml", "name = \"x\"\ncontrols = [\"c\"]\n"), ("c/WEA-01-weak.toml", WEAK)], &["test", "--mutate"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "not noticed: assert 1: `age(issued_at)`: - becomes +",
        "not noticed: $max_age: a microsecond more",
        "not noticed: assert 1: `age(issued_at) <= $max_age`: <= becomes <",
        "equivalent: applies: dropped: Only for show.",
        "names `assert 1: no such thing`",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let (output, said, _work) = super::cli::run(
        &[("tickmark.toml", "name = \"x\"\ncontrols = [\"c\"]\n"), ("c/WEA-01-weak.toml", WEAK)],
        &["test", "c", "--mutate", "--min-score", "10"],
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
}

const WEAK: &str = r#"
id = "WEA-01"
title = "Keys are young"
severity = "low"
subject = "credential"
statement = "x"
risk = "x"
remediation = "x"
[maps-to]
owasp-nhi-2025 = ["NHI7:2025"]
[params.max-age]
default = "90d"
basis = "x"
[check]
applies = "kind = 'api_key'"
assert = "age(issued_at) <= $max_age"
[[equivalent]]
mutant = "applies: dropped"
reason = "Only for show."
[[equivalent]]
mutant = "assert 1: no such thing"
reason = "x"
[[test]]
name = "old"
expect = { old = "fail" }
[test.given]
as-of = "2026-06-30T00:00:00Z"
credential = [{ id = "old", kind = "api_key", issued_at = "2020-01-01T00:00:00Z" }]
"#;
