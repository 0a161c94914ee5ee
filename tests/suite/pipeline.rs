//! What a pipeline shows: annotations, summaries, GitLab's report; and a project from nothing to a gate.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::cli::project;

/// Text that would be a command, a mention, a link or a second line.
const HOSTILE: &str = "\"::error::x%0A\r##[error]y<b>|[z](http://e)\u{202e}\"";

fn run(identities: &str, arguments: &[&str]) -> (String, String, tempfile::TempDir) {
    let work = crate::scratch::folder();
    for (path, text) in project(identities) {
        let path = work.path().join("nhi").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let page = work.path().join("page.md");
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark"))
        .args(["run", "--project", "nhi"])
        .args(arguments)
        .current_dir(work.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &page)
        .output()
        .unwrap();
    (String::from_utf8(done.stdout).unwrap(), fs::read_to_string(page).unwrap_or_default(), work)
}

#[test]
fn annotations_stand_at_the_evidence_and_are_bounded() {
    let rows: String = (0..25).map(|number| format!("n{number:02},s,none\n")).collect();
    let (said, page, work) = run(&format!("id,system,owner\n{HOSTILE},s,none\n{rows}"), &[]);
    let commands: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("::") || line.contains("##[")).collect();
    assert_eq!(commands.len(), 10, "{said}");
    let first = "::error file=nhi/identity.csv,line=2,title=OWN-01 (high)%3A Every identity has an owner::";
    assert!(commands[0].starts_with(first) && commands[0].contains("%250A") && !commands[0].contains("##["), "{}", commands[0]);
    assert_eq!(commands[9], "::error title=tickmark::17 more like these; the report has all of them");
    assert!(
        said.lines().last().unwrap().starts_with("FAIL (exit 1): 26 violations at the gate, of OWN-01; first: OWN-01 ::error::x%0A\\u{d}"),
        "{said}"
    );
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&page));
    assert!(page.len() <= 65_536 && html.contains("FAIL (exit 1)") && !html.contains("<b>") && !html.contains("<a "), "{html}");
    // Nothing of it goes into the package.
    let alone = Command::new(env!("CARGO_BIN_EXE_tickmark"))
        .args(["run", "--project", "nhi", "--out", "alone"])
        .current_dir(work.path())
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&alone.stdout).contains("::error file"));
    assert_eq!(super::package::contents(&work.path().join("alone")), super::package::contents(&work.path().join("nhi/report")));
}

#[test]
fn what_is_undetermined_warns_and_what_passes_is_silent() {
    let (said, page, _work) = run("id,system,owner\na,s,\n", &[]);
    assert!(said.contains("::warning title=OWN-01 is undetermined::`owner` of identity `a`"), "{said}");
    assert!(page.contains("insufficient evidence") && page.contains("UNKNOWN (exit 3)"), "{page}");
    let (said, page, _work) = run("id,system,owner\na,s,p1\n", &[]);
    assert!(!said.contains("::") && page.contains("PASS (exit 0)"), "{said}{page}");
}

#[test]
fn gitlab_shows_every_fail() {
    let (_, _, work) = run(&format!("id,system,owner\na,s,none\n{HOSTILE},s,none\nb,s,p1\n"), &["--gitlab-code-quality", "quality.json"]);
    let issues: Value = serde_json::from_slice(&fs::read(work.path().join("quality.json")).unwrap()).unwrap();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), 2);
    let findings = fs::read_to_string(work.path().join("nhi/report/findings.ndjson")).unwrap();
    for (issue, line) in issues.iter().zip(findings.lines()) {
        let finding: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&issue["fingerprint"], &issue["severity"], &issue["check_name"]),
            (&finding["id"], &"critical".into(), &"OWN-01".into())
        );
        assert_eq!(issue["location"]["path"], "nhi/identity.csv");
    }
    assert_eq!(issues.iter().map(|issue| issue["location"]["lines"]["begin"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 2]);
}

/// From nothing to a gate that holds what is new: the commands, and what each says.
#[test]
fn the_walk_of_a_pipeline() {
    let found = |name: &str| {
        ["/usr/bin", "/bin", "/usr/local/bin"].iter().map(|folder| format!("{folder}/{name}")).find(|path| fs::exists(path).unwrap())
    };
    // A copy, in whose folder the commands run.
    let work = crate::scratch::folder();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/pipeline");
    super::verify::write(&super::package::contents(&folder), work.path());
    let cases = trycmd::TestCases::new();
    for name in ["git", "cp"] {
        cases.register_bin(name, std::path::PathBuf::from(found(name).unwrap_or_else(|| panic!("{name} is not installed"))));
    }
    cases.case(work.path().join("walk.md"));
    cases.run();
}

/// What `init` makes is sound, whatever it begins with; it overwrites nothing.
#[test]
fn a_project_to_begin_with() {
    let work = crate::scratch::folder();
    let tickmark = |arguments: &[&str]| super::signing::tickmark(work.path(), arguments);
    let (code, said) = tickmark(&["init", "nhi", "--with", "aws,kubernetes,kong,x509-pem"]);
    assert_eq!(code, Some(0), "{said}");
    let settings = fs::read_to_string(work.path().join("nhi/tickmark.toml")).unwrap();
    for kind in ["aws-credential-report-json", "aws-account-authorization-details", "kubernetes", "kong-deck", "x509-pem"] {
        assert!(settings.contains(&format!("kind = \"{kind}\"\n")), "{settings}");
    }
    assert!(!settings.contains("kind = \"kubernetes-manifests\"") && settings.contains("path = \"evidence/x509-pem.pem\""), "{settings}");
    super::schemas::names_its_schema(&work.path().join("nhi/tickmark.toml"));
    super::schemas::names_its_schema(&work.path().join("nhi/waivers/example.toml.txt"));
    let (code, said) = tickmark(&["check", "--project", "nhi"]);
    assert!(code == Some(0) && !said.contains("error"), "{said}");
    let (code, said) = tickmark(&["run", "--project", "nhi"]);
    assert!(matches!(code, Some(1 | 3)), "what was not collected is not silent: {said}");
    // The example is nobody's exception, and what is missing is said once, not for each control.
    assert!(!said.contains("waiver") && said.contains(" of `event` have no subject: no complete log of `"), "{said}");
    assert!(said.lines().filter(|line| line.contains("no subject")).count() < 12, "{said}");
    let before = super::package::contents(work.path());
    let (code, said) = tickmark(&["init", "nhi", "--with", "gcp"]);
    assert!(code == Some(2) && said.contains("overwrites nothing"), "{said}");
    assert_eq!(before, super::package::contents(work.path()));
    let (code, said) = tickmark(&["init", "other", "--with", "kubernets"]);
    assert!(code == Some(2) && said.contains("the nearest known name is `kubernetes`") && !work.path().join("other").exists(), "{said}");
}
