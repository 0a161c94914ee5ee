//! Which real exports stand in which projects, and how these are run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A project of one or more sources, and the files that it reads: where each lies in the folder of real exports, and its name below
/// `evidence/`.
pub struct Case {
    pub sources: String,
    pub files: Vec<(String, String)>,
}

/// What a run left behind.
pub struct Run {
    pub work: tempfile::TempDir,
    /// Standard output and standard error.
    pub said: String,
    /// (control, subject) → verdict, of every population.
    pub verdicts: BTreeMap<(String, String), String>,
    pub findings: Vec<Value>,
}

pub fn root() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata");
    if root.is_dir() {
        return Some(root);
    }
    let required = std::env::var_os("TICKMARK_REALDATA").is_some_and(|value| value == "required");
    assert!(!required, "TICKMARK_REALDATA=required, and there is no folder {}", root.display());
    println!("skipped: there is no folder {}", root.display());
    None
}

/// One source; `collected_at` may be empty where the export says it itself.
pub fn source(kind: &str, path: &str, system: &str, collected_at: &str) -> String {
    let mut out = format!("[[source]]\nkind = \"{kind}\"\npath = \"evidence/{path}\"\nsystems = [\"{system}\"]\n");
    if !collected_at.is_empty() {
        out += &format!("collected-at = \"{collected_at}\"\n");
    }
    out
}

pub fn one(kind: &str, from: &str, system: &str, collected_at: &str) -> Case {
    let name = from.rsplit('/').next().unwrap();
    Case { sources: source(kind, name, system, collected_at), files: vec![(from.to_owned(), name.to_owned())] }
}

pub const REPORTED: &str = "2016-11-25T14:30:42Z";

pub fn credential_csv() -> Case {
    one("aws-credential-report", "derived/cred_B.csv", "aws:619193117841", REPORTED)
}

pub fn credential_json() -> Case {
    one("aws-credential-report-json", "derived/cred_B.cli.json", "aws:619193117841", "")
}

pub fn account(from: &str, system: &str, at: &str) -> Case {
    one("aws-account-authorization-details", from, system, at)
}

pub fn cloudmapper() -> Case {
    account("aws-cloudmapper-demo/iam-get-account-authorization-details.json", "aws:123456789012", "2021-03-14T00:00:00Z")
}

pub fn cloudmapper_credentials() -> Case {
    let path = "aws-cloudmapper-demo/iam-get-credential-report.json";
    one("aws-credential-report-json", path, "aws:123456789012", "")
}

pub fn cloudsplaining() -> Case {
    account("aws-cloudsplaining/example-authz-details.json", "aws:012345678901", "2020-02-01T00:00:00Z")
}

pub fn cloudsplaining_2() -> Case {
    account("aws-cloudsplaining/example_authz_v2.json", "aws:012345678901", "2020-02-01T00:00:00Z")
}

pub const KUBEHOUND: [&str; 9] = [
    "clusterrolebindings.rbac.authorization.k8s.io.json",
    "clusterroles.rbac.authorization.k8s.io.json",
    "default/pods.json",
    "kube-public/rolebindings.rbac.authorization.k8s.io.json",
    "kube-public/roles.rbac.authorization.k8s.io.json",
    "kube-system/pods.json",
    "kube-system/rolebindings.rbac.authorization.k8s.io.json",
    "kube-system/roles.rbac.authorization.k8s.io.json",
    "local-path-storage/pods.json",
];

pub fn kubehound() -> Case {
    let files = KUBEHOUND.iter().map(|path| (format!("k8s-kubehound-kind/{path}"), path.replace('/', "_"))).collect();
    Case { sources: source("kubernetes", "*.json", "k8s:kind", "2023-05-24T12:00:00Z"), files }
}

pub const KONG: [&str; 2] = [
    "kong-deck/kong2kic_testdata_consumer-input.yaml",
    "kong-deck/tests_integration_testdata_dump_002-skip-consumers_expected-no-skip-315.yaml",
];

pub fn kong(from: &str) -> Case {
    one("kong-deck", from, "kong:test", "2024-05-24T12:00:00Z")
}

/// The certificates, said to be publicly trusted, as they look at one instant.
pub fn certificates(root: &Path, at: &str) -> Case {
    let mut files: Vec<(String, String)> = fs::read_dir(root.join("x509"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pem"))
        .map(|name| (format!("x509/{name}"), name))
        .collect();
    files.sort();
    Case { sources: source("x509-pem", "*.pem", "x509:lint", at) + "facts = { public_trust = \"true\" }\n", files }
}

/// Every file below a folder.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Runs a case that must leave a report.
pub fn run(root: &Path, case: &Case) -> Run {
    let run = attempt(root, case);
    assert!(run.work.path().join("report").is_dir(), "{}", run.said);
    run
}

/// Runs a case that may be refused.
pub fn attempt(root: &Path, case: &Case) -> Run {
    let work = crate::scratch::folder();
    fs::create_dir(work.path().join("evidence")).unwrap();
    fs::write(work.path().join("tickmark.toml"), format!("name = \"Real exports\"\n{}", case.sources)).unwrap();
    for (from, name) in &case.files {
        fs::copy(root.join(from), work.path().join("evidence").join(name)).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = work.path().join("report");
    let mut verdicts = BTreeMap::new();
    if !report.is_dir() {
        return Run { work, said, verdicts, findings: Vec::new() };
    }
    for path in below(&report.join("populations")) {
        let control = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for row in csv::Reader::from_path(&path).unwrap().records() {
            let row = row.unwrap();
            verdicts.insert((control.clone(), row[0].to_owned()), row[1].to_owned());
        }
    }
    let findings = fs::read_to_string(report.join("findings.ndjson")).unwrap();
    let findings = findings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Run { work, said, verdicts, findings }
}

impl Run {
    /// The subjects of a control with a verdict.
    pub fn subjects(&self, control: &str, verdict: &str) -> BTreeSet<&str> {
        let of = |(key, given): (&'_ (String, String), &String)| key.0 == control && given == verdict;
        self.verdicts.iter().filter(|entry| of(*entry)).map(|((_, subject), _)| subject.as_str()).collect()
    }

    /// Fails unless each control gives the subject the verdict beside it.
    pub fn holds(&self, subject: &str, expected: &[(&str, &str)]) {
        for (controls, verdict) in expected {
            for control in controls.split(' ') {
                let given = self.verdicts.get(&(control.to_owned(), subject.to_owned()));
                assert_eq!(given.map(String::as_str), Some(*verdict), "{control} on {subject}\n{}", self.said);
            }
        }
    }

    /// The finding of a control on a subject.
    pub fn finding(&self, control: &str, subject: &str) -> &Value {
        let found = self.findings.iter().find(|finding| finding["control"] == control && finding["subject"] == subject);
        found.unwrap_or_else(|| panic!("no finding of {control} on {subject}"))
    }
}
