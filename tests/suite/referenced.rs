//! Packages that name the exports by their digests and do not hold them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::package::contents;

fn tickmark(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// The example's evidence with two controls, in a project whose packages hold no exports; and its package.
fn project() -> (tempfile::TempDir, String, BTreeMap<String, Vec<u8>>) {
    let work = crate::scratch::folder();
    let root = work.path().join("bank");
    crate::package::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank"), &root, false);
    let settings = fs::read_to_string(root.join("tickmark.toml")).unwrap();
    fs::write(root.join("tickmark.toml"), format!("inputs = \"reference\"\n{settings}")).unwrap();
    let report = work.path().join("report").to_str().unwrap().to_owned();
    let (code, said) = tickmark(&["run", "--project", root.to_str().unwrap(), "--out", &report, "--only", "ROT-01,OFF-02"]);
    assert_eq!(code, Some(0), "{said}");
    let files = contents(Path::new(&report));
    (work, report, files)
}

#[test]
fn a_package_names_its_exports_and_whoever_has_them_performs_it_again() {
    let (work, report, files) = project();
    let named: BTreeMap<String, Value> = serde_json::from_slice(&files["inputs/referenced.json"]).unwrap();
    let evidence = work.path().join("bank/evidence");
    assert!(named.len() > 10, "{named:?}");
    for (path, about) in &named {
        assert!(!files.contains_key(&format!("inputs/{path}")), "{path}");
        assert_eq!(about["bytes"], fs::metadata(work.path().join("bank").join(path)).unwrap().len());
    }
    // What was judged without its secrets lies nowhere else.
    let redacted: BTreeMap<String, Value> = serde_json::from_slice(&files["inputs/redacted.json"]).unwrap();
    assert!(!redacted.is_empty() && redacted.keys().all(|path| files.contains_key(&format!("inputs/{path}"))));
    assert!(files.keys().any(|path| path.starts_with("inputs/waivers/")), "what the project itself holds is small");
    let limitation = format!("This package does not hold {} exports of ", named.len());
    assert!(String::from_utf8_lossy(&files["report.md"]).contains(&limitation));

    let (code, said) = tickmark(&["verify", &report, "--unsigned"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("their root, over ") && said.contains(&format!("the verdicts were not performed again: {} exports of ", named.len())),
        "{said}"
    );
    // Under other names, in other folders, beside other files.
    let elsewhere = work.path().join("elsewhere");
    for (number, path) in named.keys().enumerate() {
        let folder = elsewhere.join(format!("{}", number % 3));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(work.path().join("bank").join(path), folder.join(format!("{number}"))).unwrap();
    }
    let (code, said) = tickmark(&["verify", &report, "--unsigned", "--evidence", elsewhere.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("performed again from `inputs/`, every byte of the "), "{said}");

    // One byte of one export is another.
    let (path, _) = named.iter().find(|(path, _)| path.ends_with(".csv")).unwrap();
    let mut bytes = fs::read(work.path().join("bank").join(path)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(work.path().join("bank").join(path), bytes).unwrap();
    let (code, said) = tickmark(&["verify", &report, "--unsigned", "--evidence", evidence.to_str().unwrap()]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(&format!("1 of {} exports that the package names are not below", named.len())) && said.contains(path), "{said}");
}

#[test]
fn what_is_named_leads_nowhere_else() {
    let (work, report, files) = project();
    let outside = work.path().join("outside");
    for path in ["../outside", "/tmp/outside", "a/../../outside", "tickmark.toml"] {
        let mut named: BTreeMap<String, Value> = serde_json::from_slice(&files["inputs/referenced.json"]).unwrap();
        let about = named.values().next().unwrap().clone();
        named.insert(path.to_owned(), about);
        fs::write(Path::new(&report).join("inputs/referenced.json"), serde_json::to_vec(&named).unwrap()).unwrap();
        let (code, said) = tickmark(&["verify", &report, "--unsigned", "--evidence", work.path().join("bank/evidence").to_str().unwrap()]);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("which is no path below a project") || said.contains("and the package holds it"), "{said}");
        assert!(!outside.exists());
    }
    // Left out of the list, an export is missing, and nothing is believed.
    let mut named: BTreeMap<String, Value> = serde_json::from_slice(&files["inputs/referenced.json"]).unwrap();
    named.pop_first();
    fs::write(Path::new(&report).join("inputs/referenced.json"), serde_json::to_vec(&named).unwrap()).unwrap();
    let (code, said) = tickmark(&["verify", &report, "--unsigned", "--evidence", work.path().join("bank/evidence").to_str().unwrap()]);
    assert_eq!(code, Some(4), "{said}");
}
