//! The cases of another engine, with the verdict that it expects, against `docs/agreement.md`: every line of its table is made again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::metamorphic::every;
use super::case::root;

/// Every file of a case as one list, the form in which the source takes a cluster.
fn objects(case: &Path) -> Value {
    let mut files: Vec<PathBuf> = fs::read_dir(case.join("input")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let items: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            serde_yaml_ng::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn ours(project: &Path, control: &str, objects: &Value) -> String {
    let work = crate::scratch::folder();
    for folder in ["controls", "evidence"] {
        fs::create_dir(work.path().join(folder)).unwrap();
    }
    fs::copy(project.join("tickmark.toml"), work.path().join("tickmark.toml")).unwrap();
    for file in fs::read_dir(project.join("controls")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), work.path().join("controls").join(file.file_name())).unwrap();
    }
    fs::write(work.path().join("evidence/objects.json"), objects.to_string()).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let assessment = fs::read(work.path().join("report/assessment.json")).unwrap_or_else(|_| panic!("{said}"));
    let assessment: Value = serde_json::from_slice(&assessment).unwrap();
    let controls = assessment["controls"].as_array().unwrap();
    controls.iter().find(|result| result["id"] == control).unwrap()["status"].as_str().unwrap().to_owned()
}

#[test]
fn every_case_comes_to_what_the_table_says() {
    let Some(root) = root() else { return };
    let root = root.join("k8s-kubescape");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("docs/agreement.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('/'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut told: Vec<String> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let [name, theirs, control, expected] = row[..] else { panic!("{row:?}") };
        let (rule, case) = name.split_once('/').unwrap();
        let case = root.join(rule).join("test").join(case);
        let alerts: Vec<Value> = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
        assert_eq!(if alerts.is_empty() { "pass" } else { "fail" }, theirs, "{name}: what the other engine expects");
        told.push(name.to_owned());
        if number % every(4, 1) > 0 {
            continue;
        }
        assert_eq!(ours(&here.join("examples/kubernetes"), control, &objects(&case)), expected, "{name}: what ours comes to");
    }
    // Every case is in the table.
    let mut all: Vec<String> = Vec::new();
    for rule in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap()) {
        for case in fs::read_dir(rule.path().join("test")).unwrap().map(|entry| entry.unwrap()) {
            all.push(format!("{}/{}", rule.file_name().to_string_lossy(), case.file_name().to_string_lossy()));
        }
    }
    all.sort();
    told.sort();
    assert_eq!(told, all);
}

/// The example itself: its tests hold, and it shows a pass and a fail of each of its controls.
#[test]
fn the_example_holds() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes");
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["test", "--project"]).arg(&project).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let out = crate::scratch::folder();
    let package = out.path().join("package");
    let done =
        Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(&project).arg("--out").arg(&package).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let assessment: Value = serde_json::from_slice(&fs::read(package.join("assessment.json")).unwrap()).unwrap();
    for result in assessment["controls"].as_array().unwrap().iter().filter(|result| result["id"].as_str().unwrap().starts_with("K8S")) {
        assert!(result["counts"]["fail"].as_u64() > Some(0) && result["counts"]["pass"].as_u64() > Some(0), "{result}");
    }
}
