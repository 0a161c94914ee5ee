//! Every shipped control proves its worth on the evidence of its own file.

use std::path::Path;

use tickmark::cli::run_tests;
use tickmark::model::assessment::Verdict;

#[test]
fn every_test_of_every_shipped_control_holds() {
    let folder = tempfile::tempdir().unwrap();
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

/// The catalogue's least: these ship, and each shows a pass, a fail and an unknown.
#[test]
fn every_shipped_control_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"shipped\"\ncontrols = [\"builtin\"]\n").unwrap();
    let (project, _) = tickmark::load::project(folder.path()).unwrap();
    let ids: Vec<&str> = project.controls.iter().map(|control| control.id.as_str()).collect();
    for id in [
        "AUT-03", "AUT-04", "AUT-05", "AUT-06", "EVD-01", "INV-01", "INV-02", "INV-03", "INV-05", "MON-01", "MON-02", "OFF-01", "OFF-02",
        "OFF-03", "PRV-01", "PRV-02", "PRV-03", "PRV-04", "PRV-05", "ROT-01", "ROT-02", "ROT-05", "ROT-06", "SEC-04", "TPR-01", "TPR-04",
    ] {
        assert!(ids.contains(&id), "{id} does not ship");
    }
    for control in &project.controls {
        let expected: Vec<&str> = control.tests.iter().flat_map(|test| test.expect.values().map(String::as_str)).collect();
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown] {
            assert!(expected.contains(&verdict.word()), "{} has no test that comes to {}", control.id, verdict.word());
        }
        assert!(control.mappings.iter().any(|mapping| mapping.framework == "nist-csf-2.0"), "{} maps to no CSF outcome", control.id);
        assert!(control.mappings.iter().all(|mapping| !mapping.rationale.is_empty() && mapping.relationship != "equal"), "{}", control.id);
        let name = Path::new(&control.file).file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{}-", control.id)), "{} lies in {}", control.id, control.file);
    }
}
