//! A disclosure: whatever stands under the root of the frozen package is what it holds.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tickmark::attest::disclosure::{self, Chosen, Disclosure, Field};
use tickmark::attest::package::read_manifest;
use tickmark_fuzz::{frozen, sow};

/// Every leaf of the frozen package that can be shown, by its index.
static GENUINE: LazyLock<(Disclosure, BTreeMap<u64, Value>)> = LazyLock::new(|| {
    let whole = made(&[]);
    let leaves = whole.shown.iter().map(|shown| (shown.index, serde_json::to_value(shown).unwrap())).collect();
    (whole, leaves)
});

fn made(withheld: &[&str]) -> Disclosure {
    let files = frozen("package.tar.gz");
    let manifest = read_manifest(&files["manifest.json"]).unwrap();
    let assessment: Value = serde_json::from_slice(&files["assessment.json"]).unwrap();
    let controls: Vec<String> =
        assessment["controls"].as_array().unwrap().iter().map(|control| control["id"].as_str().unwrap().to_owned()).collect();
    let withheld: Vec<String> = withheld.iter().map(|name| (*name).to_owned()).collect();
    disclosure::disclose(&files, &manifest, Chosen { controls: &controls, subjects: &[], withheld: &withheld }).unwrap()
}

fn seeds() -> Vec<Vec<u8>> {
    let bytes = |disclosure: &Disclosure| serde_json_canonicalizer::to_vec(disclosure).unwrap();
    vec![frozen("disclosure.tar.gz")[disclosure::PATH].clone(), bytes(&made(&[])), bytes(&made(&["subject"])), bytes(&made(&["evidence"]))]
}

fuzz_target!(
    init: sow("disclosure", seeds()),
    |data: &[u8]| {
        let Ok(read) = disclosure::read(data) else { return };
        let value: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(value.to_string().as_bytes(), data, "what is accepted is written the same");
        for shown in &read.shown {
            let _ = disclosure::what(shown);
        }
        let different = disclosure::differences(&read);
        let (whole, leaves) = &*GENUINE;
        if !different.iter().all(|one| !one.contains("under the root")) || read.root != whole.root || read.leaves != whole.leaves {
            return;
        }
        for shown in &read.shown {
            let genuine = &leaves[&shown.index];
            assert_eq!((&Value::from(shown.kind.as_str()), &Value::from(shown.open.clone())), (&genuine["kind"], &genuine["open"]));
            for (name, field) in &shown.closed {
                if let (Field::Opened { value, .. }, Some(there)) = (field, genuine["closed"][name].get("value")) {
                    assert_eq!(value, there, "{name} is another");
                }
            }
            assert_eq!(genuine["closed"].as_object().map(serde_json::Map::len), Some(shown.closed.len()));
        }
    }
);
