//! Evidence: any bytes, read by a shipped mapping. An input is the mapping's kind, perhaps `+gz` or `+utf16`, a line feed, and the bytes.

#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use tickmark::evidence::{EvidenceError, FingerprintKey, Tried, befell, tried};
use tickmark::load::shipped_mappings;
use tickmark::model::project::{Format, SourceMapping};
use tickmark_fuzz::{below, name, sow, told};

/// The largest sample that is a seed.
const SAMPLE: usize = 8 << 10;

fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in below("tests/cases/sources") {
        if path.file_stem().is_none_or(|stem| stem != "export") {
            continue;
        }
        let kind = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() <= SAMPLE {
            for way in ["", "+gz", "+utf16"] {
                found.push([format!("{kind}{way}\n").as_bytes(), &bytes].concat());
            }
        }
    }
    found
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// What was judged; not what was said of it on the way.
fn judged(tried: &Tried) -> String {
    let export = &tried.export;
    format!("{:?}", (&export.envelope, &export.systems, &export.records, &export.rows, &export.lookups, &export.facts, &export.locator))
}

/// What else a file may be is asked of every mapping that ships, and takes longer than everything else: now and then.
fn others(data: &[u8]) -> fn() -> &'static [SourceMapping] {
    if data.len().is_multiple_of(16) { shipped_mappings } else { || &[] }
}

fn read(mapping: &SourceMapping, name: &str, bytes: Vec<u8>, known: fn() -> &'static [SourceMapping]) -> Option<Tried> {
    let systems = ["system".to_owned()];
    let table = (mapping.format == Format::Canonical).then_some("credential");
    match tried(mapping, &systems, table, name, bytes, &FingerprintKey::given(b"fuzz"), known) {
        Ok(tried) => Some(tried),
        Err(EvidenceError::OtherKind { .. }) => None,
        Err(why) => panic!("{why}"),
    }
}

fuzz_target!(
    init: sow("evidence", seeds()),
    |data: &[u8]| {
        let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
        let first = String::from_utf8_lossy(&data[..end]);
        let mut parts = first.split('+');
        let kind = parts.next().unwrap_or_default();
        let way = parts.next().unwrap_or_default();
        let mappings = shipped_mappings();
        let Some(mapping) = mappings.iter().find(|mapping| mapping.kind == kind).or_else(|| mappings.get(kind.len())) else { return };
        let rest = data.get(end + 1..).unwrap_or_default();
        let (bytes, ending) = match way {
            "gz" => (packed(rest), ".gz"),
            "utf16" => {
                let text = String::from_utf8_lossy(rest);
                ([0xfeff_u16].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(), "")
            }
            _ => (rest.to_vec(), ""),
        };
        let name = format!("{}{ending}", name(mapping.format));
        let Some(tried) = read(mapping, &name, bytes, others(data)) else { return };
        told(&befell(mapping, &tried));
        // What is kept is what is judged: a reader of the package gets the same from it.
        let kept = tried.export.bytes.clone();
        // One line stands for the whole file; in several, each for one of its lines.
        if kept.starts_with(b"left out: ") && kept.iter().filter(|byte| **byte == b'\n').count() <= 1 {
            assert!(tried.export.rows.is_empty() && tried.export.facts.is_empty() && !tried.export.quarantine.is_empty());
        }
        let again = read(mapping, &name, kept.clone(), others(data)).expect("what is kept is of this kind");
        assert_eq!(judged(&tried), judged(&again), "what is kept says otherwise");
        assert_eq!(again.export.bytes, kept, "what is kept is kept as it is");
        assert_eq!(again.export.redacted, 0, "a secret was kept");
    }
);
