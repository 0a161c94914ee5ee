//! The root of a package, computed a second time from `docs/package-format.md`: plainly, from the files alone, with the definition of
//! RFC 9162 as it stands there.

use std::collections::BTreeMap;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tickmark::model::digest::hex;

use super::cli::{project, run};
use super::package::contents;

type Files = BTreeMap<String, Vec<u8>>;
type Hash = [u8; 32];

fn hash(parts: &[&[u8]]) -> Hash {
    Sha256::digest(parts.concat()).into()
}

fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

fn secret(files: &Files) -> Hash {
    let mut text = "tickmark/salt/1\n".to_owned();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("inputs/")) {
        text += &format!("{}  {path}\n", hex(&Sha256::digest(bytes)));
    }
    hash(&[text.as_bytes()])
}

struct Leaves {
    secret: Hash,
    hashes: Vec<Hash>,
    kinds: BTreeMap<&'static str, usize>,
}

impl Leaves {
    fn put(&mut self, kind: &'static str, open: Value, closed: &[(String, Value)]) {
        let index = self.hashes.len();
        let digests: Map<String, Value> = closed
            .iter()
            .map(|(name, value)| {
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap();
                mac.update(format!("{index}:{name}").as_bytes());
                let salt = mac.finalize().into_bytes();
                (name.clone(), hex(&hash(&[&[2], &salt, &canonical(value)])).into())
            })
            .collect();
        let leaf = canonical(&json!({ "kind": kind, "open": open, "closed": digests }));
        self.hashes.push(hash(&[&[0], &leaf]));
        *self.kinds.entry(kind).or_default() += 1;
    }
}

fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [one] => *one,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            hash(&[&[1], &root(&leaves[..split]), &root(&leaves[split..])])
        }
    }
}

fn of(value: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), value[name].clone())).collect::<Map<_, _>>().into()
}

fn leaves(files: &Files) -> Leaves {
    let mut leaves = Leaves { secret: secret(files), hashes: Vec::new(), kinds: BTreeMap::new() };
    let assessment: Value = serde_json::from_slice(&files["assessment.json"]).unwrap();
    let mut open = of(&assessment, &["as_of", "as_of_from", "gate", "name", "schema", "tool"]);
    open["outcome"] = of(&assessment["outcome"], &["exit", "word"]);
    let closed = [("reason".to_owned(), assessment["outcome"]["reason"].clone()), ("totals".to_owned(), assessment["totals"].clone())];
    leaves.put("assessment", open, &closed);
    for (path, bytes) in files.iter().filter(|(path, _)| *path != "manifest.json" && !path.starts_with("attest/")) {
        let file = json!({ "bytes": bytes.len(), "path": path, "sha256": hex(&Sha256::digest(bytes)) });
        leaves.put("file", json!({}), &[("file".to_owned(), file)]);
    }
    let findings: Vec<Value> =
        std::str::from_utf8(&files["findings.ndjson"]).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut told = 0;
    for control in assessment["controls"].as_array().unwrap() {
        let id = control["id"].as_str().unwrap();
        let names = ["counts", "population", "population_complete", "severity", "sha256", "status", "subject", "title"];
        let mut open = of(control, &names);
        open["control"] = id.into();
        let closed = ["file", "population_gaps"].map(|name| (name.to_owned(), control[name].clone()));
        leaves.put("control", open, &closed);
        for param in control["params"].as_array().unwrap() {
            leaves.put("parameter", json!({ "control": id, "name": param["name"] }), &[("parameter".to_owned(), param.clone())]);
        }
        let mut rows = csv::Reader::from_reader(&files[&format!("populations/{id}.csv")][..]);
        for row in rows.records() {
            let row = row.unwrap();
            let cells = [("subject", &row[0]), ("reason", &row[2]), ("evidence", &row[3])];
            let closed: Vec<(String, Value)> = cells
                .iter()
                .filter(|(name, cell)| *name == "subject" || !cell.is_empty())
                .map(|(n, c)| ((*n).to_owned(), (*c).into()))
                .collect();
            leaves.put("verdict", json!({ "control": id, "verdict": &row[1] }), &closed);
        }
        for finding in findings.iter().filter(|finding| finding["control"] == id) {
            let mut closed = Vec::new();
            for (name, value) in finding.as_object().unwrap() {
                match name.as_str() {
                    "control" | "severity" | "verdict" => {}
                    "observed" => closed.extend(value.as_object().unwrap().iter().map(|(n, v)| (format!("observed/{n}"), v.clone()))),
                    _ => closed.push((name.clone(), value.clone())),
                }
            }
            leaves.put("finding", of(finding, &["control", "severity", "verdict"]), &closed);
            told += 1;
        }
    }
    assert_eq!(told, findings.len());
    leaves
}

fn agrees(files: &Files) -> Leaves {
    let leaves = leaves(files);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest["leaves"], leaves.hashes.len());
    assert_eq!(manifest["root"], hex(&root(&leaves.hashes)));
    leaves
}

#[test]
fn the_root_is_the_one_that_the_document_describes() {
    let bank = contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank"));
    let leaves = agrees(&bank);
    let kinds: Vec<&str> = leaves.kinds.keys().copied().collect();
    assert_eq!(kinds, ["assessment", "control", "file", "finding", "parameter", "verdict"]);
    assert!(leaves.kinds["verdict"] > 1000 && leaves.kinds["finding"] > 100 && leaves.kinds["parameter"] > 10, "{:?}", leaves.kinds);
}

/// Names that need escapes, cells that a spreadsheet would run, subjects without findings.
#[test]
fn whatever_stands_in_the_evidence() {
    let rows = "id,system,owner\n\"=1+\"\"x\"\"\",s,none\n\"a,\u{e9}\u{202e}\",s,p1\n@b,s,\nc,s,p1\n";
    let files = project(rows);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (_, said, work) = run(&files, &["run"]);
    let package = contents(&work.path().join("report"));
    assert!(!package.is_empty(), "{said}");
    let leaves = agrees(&package);
    assert_eq!(leaves.kinds["verdict"], 4);
    // A secret in the settings reaches every hash, and nothing else of the report but the seal.
    let mut salted = files.clone();
    let settings = format!("salt = \"0123456789abcdef0123456789abcdef\"\n{}", salted[0].1);
    assert_eq!(salted[0].0, "tickmark.toml");
    salted[0].1 = &settings;
    let (_, said, work) = run(&salted, &["run"]);
    let other = contents(&work.path().join("report"));
    assert!(!other.is_empty(), "{said}");
    let again = agrees(&other);
    assert!(leaves.hashes.iter().zip(&again.hashes).all(|(a, b)| a != b));
    let without = |files: &Files| {
        let report = String::from_utf8(files["report.md"].clone()).unwrap();
        report.lines().filter(|line| !line.starts_with("Seal of the inputs: `")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_ne!(package["report.md"], other["report.md"]);
    assert_eq!(without(&package), without(&other));
    salted[0].1 = "salt = \"short\"";
    let (output, said, _) = run(&salted, &["run"]);
    assert!(output.status.code() == Some(2) && said.contains("openssl rand -hex 32"), "{said}");
}
