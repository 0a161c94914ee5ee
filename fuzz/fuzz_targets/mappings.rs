//! A source mapping: its TOML, its filters compiled, and run on a document. An input is the mapping, a line `=====`, and the document.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tickmark::evidence::{self, FingerprintKey, befell, compiles, tried};
use tickmark::load;
use tickmark::model::project::SourceMapping;
use tickmark_fuzz::{below, name, project, sow, told};

const BETWEEN: &str = "\n=====\n";
/// The largest sample that a seed holds.
const SAMPLE: usize = 6 << 10;

fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in below("sources") {
        let text = std::fs::read_to_string(&path).unwrap();
        let kind = path.file_stem().unwrap().to_string_lossy().into_owned();
        let samples = project("tests/cases/sources").join(kind);
        let sample = if samples.is_dir() { below(Path::new(&samples).to_str().unwrap()) } else { Vec::new() };
        let sample = sample.into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == "export"));
        let sample = sample.map(|path| std::fs::read_to_string(path).unwrap_or_default()).filter(|text| text.len() <= SAMPLE);
        found.push(format!("{text}{BETWEEN}{}", sample.unwrap_or_default()).into_bytes());
    }
    found
}

/// What a filter can use up without end, it does: whoever writes a mapping can write such a one, and `run` gives it up after a while. Here
/// such filters are compiled and not run.
fn endless(mapping: &SourceMapping) -> bool {
    const WORDS: [&str; 15] = [
        "def ",
        "*",
        "range",
        "repeat",
        "recurse",
        "until",
        "while",
        "reduce",
        "foreach",
        "limit",
        "combinations",
        "walk",
        "..",
        "[[",
        "first",
    ];
    let filters = [&mapping.recognise, &mapping.envelope, &mapping.select, &mapping.rows];
    filters.iter().any(|code| WORDS.iter().any(|word| code.contains(word)) || code.len() > 4096)
}

fuzz_target!(
    init: sow("mappings", seeds()),
    |data: &[u8]| {
        let Ok(input) = std::str::from_utf8(data) else { return };
        let (text, document) = input.split_once(BETWEEN).unwrap_or((input, r#"{"a":[{"id":"x","b":1}]}"#));
        let mapping = match load::mapping_of("mapping.toml", text) {
            Ok(mapping) => mapping,
            Err(problems) => {
                assert!(problems.has_errors(), "it is refused for no reason");
                return told(&problems);
            }
        };
        if let Err(problems) = compiles(&mapping) {
            return told(&problems);
        }
        let shipped = load::shipped_mappings().iter().any(|there| there.rows == mapping.rows && there.select == mapping.select);
        if endless(&mapping) && !shipped {
            return;
        }
        let key = FingerprintKey::given(b"fuzz");
        let systems = ["system".to_owned()];
        let tried = tried(&mapping, &systems, None, name(mapping.format), document.as_bytes().to_vec(), &key, load::shipped_mappings);
        match tried {
            Ok(tried) => told(&befell(&mapping, &tried)),
            Err(evidence::EvidenceError::Excess { what, .. }) if what.contains("seconds") => panic!("a filter without loops {what}"),
            Err(_) => {}
        }
    }
);
