//! A package is verified from itself alone, and nothing in it can be changed without its being said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tickmark::model::digest::sha256;

use super::cli::{project, run};
use super::metamorphic::every;

pub type Package = BTreeMap<String, Vec<u8>>;

/// The package of the small project.
fn package() -> Package {
    let files = project("id,system,owner\na,s,none\nb,s,p1\n");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, work) = run(&files, &["run"]);
    let root = work.path().join("report");
    assert!(root.is_dir(), "{said}");
    let mut found = Package::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

pub fn write(package: &Package, root: &Path) {
    for (path, bytes) in package {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn verify_folder(root: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("verify").arg(root).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (done.status.code(), said)
}

fn verify(package: &Package) -> (Option<i32>, String) {
    let folder = crate::scratch::folder();
    write(package, folder.path());
    verify_folder(folder.path(), &["--unsigned"])
}

/// Every digest made anew, as whoever changes a file can.
pub fn relisted(mut package: Package) -> Package {
    let mut manifest: Value = serde_json::from_slice(&package["manifest.json"]).unwrap();
    let files = package.iter().filter(|(path, _)| *path != "manifest.json");
    let files: Vec<Value> =
        files.map(|(path, bytes)| serde_json::json!({ "bytes": bytes.len(), "path": path, "sha256": sha256(bytes) })).collect();
    manifest["files"] = files.into();
    if let Ok(root) = tickmark::attest::manifest::root(&package) {
        manifest["root"] = root.hash.into();
        manifest["leaves"] = root.leaves.into();
    }
    package.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap());
    package
}

pub fn edited(package: &Package, path: &str, from: &str, to: &str) -> Package {
    let text = String::from_utf8(package[path].clone()).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    let mut package = package.clone();
    package.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
    relisted(package)
}

#[test]
fn a_package_as_it_was_written() {
    let package = package();
    let (code, said) = verify(&package);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("every byte") && said.contains("Cannot be proved"), "{said}");
    // What may be added later is no difference; nothing of it is believed.
    let mut more = package.clone();
    more.insert("attest/sign-off.txt".to_owned(), b"seen".to_vec());
    let (code, said) = verify(&more);
    assert!(code == Some(0) && said.contains("it carries no signature"), "{said}");
    let folder = crate::scratch::folder();
    write(&package, folder.path());
    // Without a word on signatures nothing is verified.
    let (code, said) = verify_folder(folder.path(), &[]);
    assert!(code == Some(4) && said.contains("--unsigned"), "{said}");
    let (code, said) = verify_folder(folder.path(), &["--unsigned", "--format", "json"]);
    let value: Value = serde_json::from_str(&said).unwrap();
    assert!(code == Some(0) && value["verified"] == true && value["failed"].as_array().unwrap().is_empty(), "{said}");
    // Nothing was left behind in it.
    assert!(!folder.path().join("inputs/.tickmark").exists());
}

#[test]
fn every_file_matters() {
    let package = package();
    let mut tried = 0;
    // What ships is packed by the dozen, file like file.
    let shipped = |path: &str| path.starts_with("inputs/builtin/");
    let some = package.iter().filter(|(path, _)| shipped(path)).step_by(40);
    for (path, bytes) in package.iter().filter(|(path, _)| !shipped(path)).chain(some).step_by(every(4, 1)) {
        // The first byte of one file, the middle of the next, the last of the third.
        let at = [0, bytes.len() / 2, bytes.len().saturating_sub(1)][tried % 3];
        let mut changed = package.clone();
        changed.get_mut(path).unwrap()[at] ^= 1;
        let (code, said) = verify(&changed);
        assert!(matches!(code, Some(4) | Some(2)), "byte {at} of {path}: {said}");
        let mut gone = package.clone();
        gone.remove(path);
        let (code, said) = verify(&gone);
        assert!(matches!(code, Some(4) | Some(2)) && said.contains(path.as_str()), "{path} gone: {said}");
        tried += 1;
    }
    let mut more = package.clone();
    more.insert("inputs/controls/extra.toml".to_owned(), Vec::new());
    let (code, said) = verify(&more);
    assert!(code == Some(4) && said.contains("`inputs/controls/extra.toml` is there and not listed"), "{said}");
    let mut swapped = package.clone();
    let (a, b) = (package["report.md"].clone(), package["report.html"].clone());
    swapped.insert("report.html".to_owned(), a);
    swapped.insert("report.md".to_owned(), b);
    assert_eq!(verify(&swapped).0, Some(4));
    println!("changes: {}", tried + 2);
}

#[test]
fn whoever_makes_the_digests_anew_is_found_out() {
    let package = package();
    let (code, said) = verify(&relisted(package.clone()));
    assert!(code == Some(0), "the same digests in the same order: {said}");
    for (path, from, to, words) in [
        // A verdict, everywhere that a program reads it.
        ("assessment.json", "\"verdict\":\"fail\"", "\"verdict\":\"unknown\"", "says otherwise"),
        (
            "assessment.json",
            "\"status\":\"fail\"",
            "\"status\":\"pass\"",
            "controls OWN-01 status: the package says \"pass\", its inputs give \"fail\"",
        ),
        ("findings.ndjson", "fail", "pass", "`findings.ndjson` differs"),
        ("populations/OWN-01.csv", "a,fail", "a,pass", "`populations/OWN-01.csv` differs"),
        ("report.md", "fail", "pass", "`report.md` differs"),
        // The evidence, a control, the time.
        ("inputs/identity.csv", "a,s,none", "a,s,p1", "controls OWN-01 status: the package says \"fail\", its inputs give \"pass\""),
        ("inputs/controls/OWN-01-owner.toml", "owner <> 'none'", "owner <> 'nobody'", "says otherwise"),
        ("inputs/tickmark.toml", "2026-06-30T00:00:00Z", "2026-06-29T13:00:00Z", "says otherwise"),
        ("inputs/tickmark.toml", "name = \"Small\"", "name = \"Smaller\"", "says otherwise"),
        ("manifest.json", "2026-06-30T00:00:00Z", "2026-06-30T00:00:01Z", "`manifest.json` differs"),
        ("inputs/tickmark.toml", "[[source]]", "[[sauce]]", "cannot be used"),
        // Another program's, or another version's, is not quietly accepted.
        ("manifest.json", "\"version\":\"", "\"version\":\"9", "speaks of an assessment as of"),
    ] {
        let (code, said) = verify(&edited(&package, path, from, to));
        assert!(code == Some(4) && said.contains(words), "{path}: {from} → {to}\n{said}");
    }
}

#[test]
fn what_is_no_package() {
    let folder = crate::scratch::folder();
    let (code, said) = verify_folder(folder.path(), &["--unsigned"]);
    assert!(code == Some(2) && said.contains("holds no manifest.json"), "{said}");
    let (code, said) = verify_folder(&PathBuf::from("/nowhere/at/all"), &["--unsigned"]);
    assert!(code == Some(2) && said.contains("/nowhere/at/all"), "{said}");
    let package = package();
    for (text, words) in [
        ("", "no manifest that this program can read"),
        ("[", "no manifest that this program can read"),
        ("{}", "no manifest that this program can read"),
        (
            "{\"schema\":\"tickmark/manifest/9\",\"engine\":{\"name\":\"x\",\"version\":\"1\"},\"as_of\":\"x\",\"files\":[],\"leaves\":0,\"root\":\"\"}",
            "its schema is",
        ),
    ] {
        let mut other = package.clone();
        other.insert("manifest.json".to_owned(), text.as_bytes().to_vec());
        let (code, said) = verify(&other);
        assert!(code == Some(2) && said.contains(words), "{text}: {said}");
    }
    let deep = "[".repeat(100_000);
    for path in ["manifest.json", "assessment.json", "inputs/tickmark.toml", "inputs/controls/OWN-01-owner.toml"] {
        let mut other = package.clone();
        other.insert(path.to_owned(), deep.clone().into_bytes());
        let (code, said) = verify(&other);
        assert!(matches!(code, Some(2) | Some(4)), "{path}: {said}");
    }
    // A path that leaves the folder is a file that is not there.
    let mut manifest: Value = serde_json::from_slice(&package["manifest.json"]).unwrap();
    manifest["files"][0]["path"] = "../../etc/passwd".into();
    let mut other = package.clone();
    other.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap());
    let (code, said) = verify(&other);
    assert!(code == Some(4) && said.contains("`../../etc/passwd` is listed and not there"), "{said}");
    // Links are refused.
    let folder = crate::scratch::folder();
    write(&package, folder.path());
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("inputs/link")).unwrap();
    let (code, said) = verify_folder(folder.path(), &["--unsigned"]);
    assert!(code == Some(2) && said.contains("it was not followed"), "{said}");
}

/// Given on the command line, the time and the gate are taken from the package.
#[test]
fn what_was_given_on_the_command_line_is_given_again() {
    let files = project("id,system,owner\na,s,none\nb,s,p1\n");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, work) = run(&files, &["run", "--as-of", "2026-06-29T18:00:00Z", "--fail-on", "critical"]);
    let (code, told) = verify_folder(&work.path().join("report"), &["--unsigned"]);
    assert_eq!(code, Some(0), "{said}\n{told}");
}

/// A package of another version is judged again; its wording is not compared, and that is said.
#[test]
fn another_version_of_the_program() {
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    let other = |package: &Package| {
        let older = edited(package, "assessment.json", version, "\"version\":\"0.0.9\"");
        edited(&older, "manifest.json", version, "\"version\":\"0.0.9\"")
    };
    let package = other(&package());
    let (code, said) = verify(&package);
    let words = ["by tickmark", "the verdicts on all 2 subjects are the same", "how it is worded: the package was made by tickmark 0.0.9"];
    assert!(code == Some(0) && words.iter().all(|word| said.contains(word)), "{said}");
    let (code, said) = verify(&edited(&package, "report.md", "fail", "FAIL"));
    assert!(code == Some(0) && said.contains("were not compared"), "{said}");
    for (path, from, to, words) in [
        ("populations/OWN-01.csv", "a,fail", "a,pass", "control OWN-01: the package says a pass, its inputs give a fail"),
        ("populations/OWN-01.csv", "b,pass", "c,pass", "control OWN-01: the package says c pass, its inputs give b pass"),
        (
            "assessment.json",
            "\"status\":\"fail\"",
            "\"status\":\"pass\"",
            "control OWN-01, its status: the package says \"pass\", its inputs give \"fail\"",
        ),
        ("assessment.json", "\"word\":\"violations\"", "\"word\":\"satisfied on this evidence\"", "the outcome: the package says"),
        ("inputs/identity.csv", "a,s,none", "a,s,p1", "control OWN-01: the package says a fail, its inputs give a pass"),
        ("inputs/controls/OWN-01-owner.toml", "owner <> 'none'", "owner <> 'nobody'", "control OWN-01"),
    ] {
        let (code, said) = verify(&edited(&package, path, from, to));
        assert!(code == Some(4) && said.contains(words), "{path}: {from} → {to}\n{said}");
    }
    // A control that shipped is judged as it was packed.
    let text =
        String::from_utf8(package["inputs/tickmark.toml"].clone()).unwrap().replace("controls = [\"controls\"]", "controls = [\"INV-01\"]");
    let files = [
        ("tickmark.toml", text),
        ("identity.csv", "id,system,owner\na,s,none\n".to_owned()),
        ("party.csv", "id,name\np1,Ops\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, work) = run(&files, &["run"]);
    let shipped = other(&super::package::contents(&work.path().join("report")));
    let (code, told) = verify(&shipped);
    assert!(code == Some(0), "{said}\n{told}");
    let path = shipped.keys().find(|path| path.contains("INV-01")).filter(|path| path.starts_with("inputs/")).unwrap().clone();
    let (code, told) = verify(&edited(&shipped, &path, "assert = \"owner <> 'none' AND", "assert = \"id <> 'zz' OR"));
    assert!(code == Some(4) && told.contains("INV-01"), "{told}");
}
