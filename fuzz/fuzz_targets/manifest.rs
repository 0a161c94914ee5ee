//! A package without its container: `manifest.json`, and the files that the root is computed from.
//!
//! An input is files, each after a line `==== PATH`; without such a line it is a manifest.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tickmark::attest::disclosure::{self, Chosen};
use tickmark::attest::manifest::{self, Root};
use tickmark::attest::package;
use tickmark::attest::sign_off::About;
use tickmark::model::value::Time;
use tickmark_fuzz::{Files, frozen, parts, sow, whole};

static FROZEN: LazyLock<Files> = LazyLock::new(|| frozen("package.tar.gz"));

fn seeds() -> Vec<Vec<u8>> {
    let control = r#"{"id":"A-01","title":"t","severity":"high","status":"fail","subject":"identity","file":"f","sha256":"00","params":[{"name":"max","value":"1d"}],"population":1,"population_complete":true,"population_gaps":[],"counts":{"pass":0,"fail":1}}"#;
    let assessment = format!(
        r#"{{"schema":"s","tool":{{"name":"tickmark","version":"0.1.0"}},"name":"n","as_of":"2026-01-01T00:00:00Z","as_of_from":"argument","gate":"any","outcome":{{"word":"failed","exit":1,"reason":"r"}},"totals":{{}},"controls":[{control}]}}"#
    );
    let finding = r#"{"control":"A-01","severity":"high","verdict":"fail","subject":"a","observed":{"x":1.5,"y":null},"reasons":[]}"#;
    let small = format!(
        "==== assessment.json\n{assessment}\n==== findings.ndjson\n{finding}\n==== populations/A-01.csv\nsubject,verdict,reason,evidence\na,fail,r,\"e,f\"\n"
    );
    let files = parts(small.as_bytes()).unwrap();
    let made = manifest::manifest(&files, &BTreeMap::new(), Time(0)).unwrap();
    let complete = [small.as_bytes(), b"==== manifest.json\n", &made, b"\n"].concat();
    vec![
        FROZEN[manifest::PATH].clone(),
        made,
        small.clone().into_bytes(),
        complete,
        whole(FROZEN.iter().filter(|(path, _)| ["assessment", "findings", "populations"].iter().any(|start| path.starts_with(start)))),
    ]
}

fuzz_target!(
    init: sow("manifest", seeds()),
    |data: &[u8]| {
        let mut files = parts(data).unwrap_or_else(|| Files::from([(manifest::PATH.to_owned(), data.to_vec())]));
        // A line ends every part, and a manifest has none.
        if let Some(bytes) = files.get_mut(manifest::PATH)
            && bytes.last() == Some(&b'\n')
        {
            bytes.pop();
        }
        if let Ok(made) = manifest::manifest(&files, &BTreeMap::new(), Time(data.len() as i64)) {
            let read = package::read_manifest(&made).expect("what is written is read");
            let value: Value = serde_json::from_slice(&made).unwrap();
            assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), made, "it is canonical");
            let different = package::differences(&read, &files);
            // What the assessment says of itself may be anything.
            assert!(different.iter().all(|one| one.contains("speaks of an assessment")), "{different:?}");
            let mut more = files.clone();
            more.insert("report.md".to_owned(), data.to_vec());
            if more != files {
                assert_ne!(manifest::root(&more).ok(), manifest::root(&files).ok(), "the root stands for every file");
            }
            let controls: Vec<String> = value_ids(&files);
            let chosen = Chosen { controls: &controls, subjects: &[], withheld: &[] };
            if let Ok(part) = disclosure::disclose(&files, &read, chosen) {
                let bytes = serde_json_canonicalizer::to_vec(&part).unwrap();
                match disclosure::read(&bytes) {
                    Ok(again) => {
                        let different = disclosure::differences(&again);
                        assert!(different.iter().all(|one| !one.contains("under the root")), "{different:?}");
                    }
                    // What is nested almost as deep as is read lies deeper there.
                    Err(why) => assert!(why.contains("recursion limit"), "{why}"),
                }
            }
        }
        if let Ok(read) = package::manifest(Path::new("package"), &files) {
            let bytes = &files[manifest::PATH];
            let value: Value = serde_json::from_slice(bytes).unwrap();
            assert_eq!(&value.to_string().into_bytes(), bytes, "what is accepted is written the same");
            assert_eq!(value["files"].as_array().map(Vec::len), Some(read.len()));
            let _ = About::of(&read);
            let different = package::differences(&read, &files);
            let root = manifest::root(&files).ok();
            if different.is_empty() {
                assert_eq!(root, Some(Root { leaves: read.leaves, hash: read.root.clone() }));
            }
            // Of the frozen package it is the manifest only if it is the frozen one.
            if files.len() == 1 && data.len().is_multiple_of(16) {
                let mut frozen = FROZEN.clone();
                frozen.insert(manifest::PATH.to_owned(), bytes.clone());
                let same = sorted(value) == sorted(serde_json::from_slice(&FROZEN[manifest::PATH]).unwrap());
                assert_eq!(package::differences(&read, &frozen).is_empty(), same, "another manifest fits the package");
            }
        }
    }
);

/// In which order it lists the files is of no weight.
fn sorted(mut manifest: Value) -> Value {
    if let Some(files) = manifest["files"].as_array_mut() {
        files.sort_by_key(Value::to_string);
    }
    manifest
}

fn value_ids(files: &Files) -> Vec<String> {
    // What the tree does not need of it need not be JSON that can be read.
    let value: Value = serde_json::from_slice(&files["assessment.json"]).unwrap_or_default();
    let ids = value["controls"].as_array().into_iter().flatten().filter_map(|control| control["id"].as_str());
    ids.map(str::to_owned).collect()
}
