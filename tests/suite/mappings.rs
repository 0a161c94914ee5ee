//! Frameworks of others, and requirements that a project adds to controls.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tickmark::load;
use tickmark::load::import::{Head, ImportError, import};
use tickmark::model::diagnostic::{Code, Diagnostics};
use tickmark::model::framework::{Framework, Treatment};
use tickmark::report::formats::{Export, Format, Options, Package, export};

use super::cli::{project, run};
use super::package::contents;

const OWN: &str = r#"id = "policy-7"
title = "Key policy"
publisher = "Example Bank"
edition = "7"
attribution = "Example Bank's own."
url = "https://wiki.example/keys"
requirements = [{ id = "K.1", title = "Keys end" }, { id = "K.2", title = "Keys have owners" }]
"#;

const MAPPING: &str = r#"[[mapping]]
control = "OWN-01"
framework = "policy-7"
requirements = ["K.2"]
relationship = "equal"
rationale = "It says the same."
"#;

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The small project with a framework of its own, and a file of mappings.
fn mapped(mapping: &str) -> Vec<(&'static str, String)> {
    let mut files = project("id,system,owner\na,s,p1\n");
    files[0].1 = files[0].1.replace("[\"owasp-nhi-2025\"]", "[\"owasp-nhi-2025\", \"frameworks/own.toml\"]");
    files.extend([("frameworks/own.toml", OWN.to_owned()), ("mappings/own.toml", mapping.to_owned())]);
    files
}

fn loaded(mapping: &str) -> Result<(tickmark::model::project::Project, Diagnostics), Diagnostics> {
    let work = crate::scratch::folder();
    let files = mapped(mapping);
    write(work.path(), &files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    load::project(work.path())
}

#[test]
fn a_project_adds_requirements_without_touching_a_control() {
    let (project, warnings) = loaded(MAPPING).unwrap();
    assert!(warnings.list.is_empty(), "{:?}", warnings.list);
    let told: Vec<(&str, &str, &str, Option<&str>)> = project.controls[0]
        .mappings
        .iter()
        .map(|to| (to.framework.as_str(), to.requirement.as_str(), to.relationship.as_str(), to.file.as_deref()))
        .collect();
    assert_eq!(told, [("owasp-nhi-2025", "NHI1:2025", "intersects-with", None), ("policy-7", "K.2", "equal", Some("mappings/own.toml"))]);
    // A shipped control that is not selected can be mapped, too: its requirement is then undetermined, not uncovered.
    let (project, _) = loaded(&MAPPING.replace("OWN-01", "ROT-01")).unwrap();
    let left = project.deselected.iter().find(|left| left.control.id == "ROT-01").unwrap();
    assert!(left.control.mappings.iter().any(|to| to.requirement == "K.2"));
}

#[test]
fn every_problem_of_a_mapping_is_told_at_its_place() {
    let broken = r#"[[mapping]]
control = "OWN-1"
framework = "policy-7"
requirements = ["K.1"]
rationale = "x"
[[mapping]]
control = "OWN-01"
framework = "policy-8"
requirements = ["K.1"]
rationale = "x"
[[mapping]]
control = "OWN-01"
framework = "policy-7"
requirements = ["K.9", "K.2", "K.2"]
relation = "equal"
rationale = "x"
[[mapping]]
control = "OWN-01"
framework = "owasp-nhi-2025"
requirements = ["NHI1:2025"]
relationship = "similar"
rationale = "x"
[[mapping]]
control = "OWN-01"
framework = "policy-7"
requirements = []
"#;
    let problems = loaded(broken).unwrap_err();
    let told: Vec<(Code, usize)> = problems
        .list
        .iter()
        .map(|problem| {
            assert_eq!(problem.file, "mappings/own.toml", "{problem:?}");
            (problem.code, Diagnostics::line_column(broken, problem.span.as_ref().unwrap().start).0)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Code::NotFound, 2),
            (Code::UnknownFramework, 8),
            (Code::UnknownRequirement, 14),
            (Code::DuplicateId, 14),
            (Code::UnknownKey, 15),
            (Code::DuplicateId, 20),
            (Code::WrongValue, 21),
            (Code::MissingKey, 23),
            (Code::WrongValue, 26)
        ]
    );
    let help: Vec<&str> = problems.list.iter().take(2).map(|problem| problem.help.as_str()).collect();
    assert_eq!(help, ["the nearest known name is `OWN-01`", "the nearest known name is `policy-7`"]);
    assert_eq!(loaded("").unwrap_err().list[0].code, Code::MissingKey);
}

#[test]
fn a_package_holds_the_mappings_and_verify_performs_them_again() {
    let files = mapped(MAPPING);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (output, said, work) = run(&files, &["run", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.is_empty()).count(), 2, "{said}");
    let report = work.path().join("report");
    assert_eq!(fs::read_to_string(report.join("inputs/mappings/own.toml")).unwrap(), MAPPING);
    let assessment: Value = serde_json::from_slice(&fs::read(report.join("assessment.json")).unwrap()).unwrap();
    assert_eq!(assessment["controls"][0]["maps_to"][1]["file"], "mappings/own.toml");
    assert_eq!(assessment["frameworks"][1]["requirements"][1]["status"], "supported");
    crate::schemas::left_for_a_validator("assessment-1", "mapped", &assessment);
    let verify = || program(&["verify", report.to_str().unwrap(), "--unsigned"]);
    assert_eq!(verify().status.code(), Some(0), "{}", String::from_utf8_lossy(&verify().stderr));
    fs::remove_file(report.join("inputs/mappings/own.toml")).unwrap();
    assert_eq!(verify().status.code(), Some(4));
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).output().unwrap()
}

fn head() -> Head {
    Head { publisher: Some("Somebody".to_owned()), url: Some("https://example.org".to_owned()), ..Head::default() }
}

/// Groups in groups, one without an id; labels; a control that is withdrawn into one, and one into two.
fn catalogue() -> Value {
    let label =
        |label: &str| json!([{ "name": "label", "value": label }, { "name": "label", "value": format!("0{label}"), "class": "padded" }]);
    let gone = |id: &str, to: &[&str]| {
        let links: Vec<Value> = to.iter().map(|to| json!({ "href": to, "rel": "incorporated-into" })).collect();
        json!({ "id": id, "title": "Gone", "props": [{ "name": "status", "value": "withdrawn" }], "links": links })
    };
    json!({ "catalog": { "metadata": { "title": "Law", "version": "3" }, "groups": [{ "id": "a", "title": "A", "groups": [
        { "title": "No id", "controls": [
            { "id": "a-1", "title": "One \n line", "props": label("A-1"), "controls": [{ "id": "a-1.1", "title": "Below", "props": label("A-1(1)") }] },
            { "id": "a-2", "title": "Two", "props": label("A-2") },
            gone("a-3", &["#a-1_smt.b"]), gone("a-4", &["#a-1", "#a-2"]) ] }] }] } })
}

#[test]
fn an_oscal_catalogue_becomes_a_framework() {
    let made = import("law.json", &catalogue().to_string(), "law-3", "frameworks/law.toml", &head()).unwrap();
    let told: Vec<(&str, Option<&str>, &str)> =
        made.requirements.iter().map(|it| (it.id.as_str(), it.parent.as_deref(), it.title.as_str())).collect();
    assert_eq!(told, [("a", None, "A"), ("A-1", Some("a"), "One line"), ("A-1(1)", Some("A-1"), "Below"), ("A-2", Some("a"), "Two")]);
    let alias = |written: &str| made.aliases.get(written).map(|alias| (alias.treatment, alias.to.clone()));
    assert_eq!(alias("a-1.1"), Some((Treatment::Spelling, vec!["A-1(1)".to_owned()])));
    assert_eq!(alias("0A-1"), Some((Treatment::Spelling, vec!["A-1".to_owned()])));
    assert_eq!(alias("a-3"), Some((Treatment::Warn, vec!["A-1".to_owned()])));
    assert_eq!(alias("a-4"), Some((Treatment::Reject, vec!["A-1".to_owned(), "A-2".to_owned()])));
}

fn refused(name: &str, text: &str) -> Vec<String> {
    match import(name, text, "x", "x.toml", &head()) {
        Err(ImportError::Catalogue(lines)) => lines,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_catalogue_is_told_where_and_what_was_expected() {
    let mut broken = catalogue();
    broken["catalog"]["groups"][0]["groups"][0]["controls"][1] = json!({ "id": "a-1" });
    assert_eq!(
        refused("x.json", &broken.to_string()),
        [
            "/catalog/groups/0/groups/0/controls/1: expected `title`, a text",
            "/catalog/groups/0/groups/0/controls/1: `a-1` is the id of another group or control above"
        ]
    );
    assert!(
        refused("x.json", "{ \"profile\": {} }")[0].starts_with("/: expected `catalog`, an OSCAL catalogue, found `profile`; a profile")
    );
    assert!(refused("x.json", "{ \"catalog\": ")[0].contains("line 1 column"));
    assert!(refused("x.xml", "<catalog/>")[0].contains("XML"));
    assert!(refused("x.txt", "hello")[0].contains("expected an OSCAL catalogue"));
    assert_eq!(refused("x.json", "{ \"catalog\": {} }"), ["it holds no requirement"]);
    let Err(ImportError::Catalogue(missing)) = import("x.json", &catalogue().to_string(), "x", "x.toml", &Head::default()) else {
        panic!()
    };
    assert_eq!(missing, ["it does not say its publisher: give --publisher", "it does not say its url: give --url"]);
}

/// What `export --format oscal` writes of a framework comes in as the same framework.
#[test]
fn our_own_catalogues_come_back() {
    let files = contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank"));
    let Export::Folder(documents) = export(Format::Oscal, &Package::read(&files, &"0".repeat(64)).unwrap(), Options::default()).unwrap()
    else {
        panic!()
    };
    let (_, frameworks) = load::shipped();
    let mut compared = 0;
    for framework in &frameworks {
        let named = documents.iter().find(|(name, _)| name.contains("catalog") && name.contains(&framework.id));
        let Some((name, bytes)) = named else { continue };
        let text = String::from_utf8(bytes.clone()).unwrap();
        let back = import(name, &text, &framework.id, "back.toml", &head()).unwrap();
        let rows = |it: &Framework| {
            let mut rows: Vec<_> =
                it.requirements.iter().map(|it| (it.id.clone(), it.level.clone(), it.parent.clone(), it.title.clone())).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&back), rows(framework), "{name}");
        assert!(back.attribution.starts_with(&framework.attribution), "{}", back.attribution);
        compared += 1;
    }
    assert_eq!(compared, 3, "{:?}", documents.keys());
}

#[test]
fn a_csv_becomes_a_framework() {
    let head = Head { title: Some("T".to_owned()), edition: Some("1".to_owned()), attribution: Some("Ours.".to_owned()), ..head() };
    for text in [
        "id,title,parent,level\nA,\"One, two\",,category\nA.1,Below,A,\n",
        "\u{feff}level;id;title;parent\ncategory;A;One, two;\n;A.1;Below;A\n",
    ] {
        let made = import("x.csv", text, "x", "x.toml", &head).unwrap();
        let told: Vec<(&str, &str, Option<&str>, &str)> =
            made.requirements.iter().map(|it| (it.id.as_str(), it.level.as_str(), it.parent.as_deref(), it.title.as_str())).collect();
        assert_eq!(told, [("A", "category", None, "One, two"), ("A.1", "requirement", Some("A"), "Below")]);
    }
    assert_eq!(
        refused("x.csv", "id,title,parent,level\nA,,,\nB,Two,C,\nB,Two,,categry\n"),
        [
            "line 2: `title` is empty",
            "line 3: no line above has the id `C`: a parent stands before what is below it",
            "line 4: `level` cannot be `categry`, expected one of function, category, subcategory, risk, requirement; the nearest known name is `category`",
            "line 4: `B` is the id of line 3, too"
        ]
    );
    assert_eq!(
        refused("x.csv", "number,title\n"),
        ["line 1: expected the columns id, title, parent, level, found `number`", "line 1: expected a column `id`"]
    );
}

#[test]
fn the_program_imports_and_lists() {
    let work = crate::scratch::folder();
    write(work.path(), &[("Law 3.json", &catalogue().to_string())]);
    let said = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).current_dir(work.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let again = ["framework", "import", "Law 3.json", "--publisher", "P", "--url", "https://example.org"];
    let (code, out, err) = said(&again);
    assert!(code == Some(0) && out.starts_with("frameworks/law-3.toml: 4 requirements of Law 3\n"), "{out}{err}");
    super::schemas::names_its_schema(&work.path().join("frameworks/law-3.toml"));
    let (code, _, err) = said(&again);
    assert!(code == Some(2) && err.contains("is there already"), "{err}");
    let (code, out, err) = said(&["controls", "list", "--search", "OFFBOARD"]);
    assert!(code == Some(0) && err.is_empty() && out.lines().any(|line| line.starts_with("OFF-01 ")) && !out.contains("AGE-"), "{out}");
    let (code, out, _) = said(&["framework", "show", "nist-csf-2.0", "--search", "PR.AA-01"]);
    assert!(code == Some(0) && out.contains("    PR.AA-01 ") && out.contains("OFF-"), "{out}");
    let (code, out, err) = said(&["control", "show", "OFF-1"]);
    assert!(code == Some(2) && out.is_empty() && err.contains("the nearest known name is `OFF-01`"), "{err}");
    let (_, out, _) = said(&["framework", "list"]);
    assert_eq!(out.lines().count(), 3, "{out}");
}

/// Whoever mistypes an id is told the nearest, by every command that takes one.
#[test]
fn mistyped_ids_are_met_with_a_suggestion() {
    let bank = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bank");
    let reports = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/bank");
    for (arguments, near) in [
        (&["explain", "OFF-1", "--project", bank][..], "OFF-01"),
        (&["test", "OFF-1", "--project", bank], "OFF-01"),
        (&["waive", "OFF-1", "x", "--reason", "r", "--approver", "a", "--until", "2026-07-01T00:00:00Z", "--project", bank], "OFF-01"),
        (&["coverage", "--framework", "nist-csf-2", "--project", bank], "nist-csf-2.0"),
        (&["source", "show", "kong-dekc"], "kong-deck"),
        (&["disclose", reports, "--control", "OFF-1", "--out", "/nowhere/x"], "OFF-01"),
    ] {
        let output = program(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(&format!("the nearest known name is `{near}`")), "{arguments:?} {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn colour_is_as_asked_for() {
    let coloured = |arguments: &[&str], variable: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickmark"));
        let output = command.args(["check", "--project", "/nowhere"]).args(arguments).env("NO_COLOR", variable).output().unwrap();
        String::from_utf8(output.stderr).unwrap().contains('\u{1b}')
    };
    assert!(coloured(&["--color", "always"], "1"), "what is asked for goes before the environment");
    assert!(!coloured(&["--color", "never"], "") && !coloured(&[], ""), "a pipe is no terminal");
}
