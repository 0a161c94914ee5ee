//! Rows of one's own are read straight from their bytes where that can be: what comes of it is what comes of the values.

use std::fmt::Write;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use tickmark::evidence::{FingerprintKey, Tried, tried};
use tickmark::load::shipped_mappings;
use tickmark::model::project::SourceMapping;

/// Names of columns, and of none; the first are the most usual.
const NAMES: [&str; 17] = [
    "id",
    "id",
    "id",
    "system",
    "system",
    "kind",
    "status",
    "issued_at",
    "expires_at",
    "accepted_at",
    "key_bits",
    "public_trust",
    "fingerprint",
    "identity",
    "table",
    "match",
    "",
];
const TEXTS: [&str; 19] = [
    "a",
    "b",
    "c",
    "abc",
    "a;b",
    "",
    " ",
    "none",
    "never",
    "N/A",
    "api_key",
    "active",
    "true",
    "2048",
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "hmac:k:ABC",
    "credential",
    "\u{fc}",
];

static CANONICAL: LazyLock<SourceMapping> = LazyLock::new(|| super::sources::shipped("canonical"));

/// A name, and what stands there.
fn member() -> impl Strategy<Value = (String, Value)> {
    let text = || prop::sample::select(&TEXTS[..]).prop_map(Value::from);
    let value = prop_oneof![
        text(),
        text(),
        text(),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        Just(serde_json::json!(["a", "b"])),
        Just(serde_json::json!(["b", null, "a", "a"])),
        Just(serde_json::json!(["a", 1])),
        Just(serde_json::json!([])),
        Just(serde_json::json!({ "native_id": "n" }))
    ];
    (prop::sample::select(&NAMES[..]).prop_map(str::to_owned), value)
}

/// A text of JSON in which every character is escaped.
fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

/// One line in two forms: as it would be written, and with every text in it escaped.
fn line(members: &[(String, Value)]) -> [String; 2] {
    let one = |text: fn(&str) -> String| {
        let of = |(name, value): &(String, Value)| {
            let value = match value {
                Value::String(value) => text(value),
                other => other.to_string(),
            };
            format!("{}:{value}", text(name))
        };
        format!("{{{}}}\n", members.iter().map(of).collect::<Vec<_>>().join(","))
    };
    [one(|text| Value::from(text).to_string()), one(escaped)]
}

fn same(mapping: &SourceMapping, table: &str, name: &str, [plain, other]: [String; 2]) {
    let read = |text: String| {
        let Tried { export, .. } =
            tried(mapping, &["s".to_owned()], Some(table), name, text.into_bytes(), &FingerprintKey::given(&[]), shipped_mappings).unwrap();
        // In the other form what is wrong stands in another column.
        let reasons: Vec<String> =
            export.quarantine.iter().map(|it| format!("{}: {}", it.position, it.reason.split(", column ").next().unwrap())).collect();
        (export.rows, export.records, reasons, export.notes, export.systems, export.facts.len(), export.lookups.len())
    };
    assert_eq!(read(plain.clone()), read(other), "{plain}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn bytes_and_values_give_the_same_rows(lines in prop::collection::vec(prop::collection::vec(member(), 0..6), 1..6)) {
        for table in ["credential", "event"] {
            let mut texts = [String::new(), String::new()];
            for members in &lines {
                for (text, line) in texts.iter_mut().zip(line(members)) {
                    text.push_str(&line);
                }
            }
            same(&CANONICAL, table, "e.ndjson", texts);
        }
    }

    #[test]
    fn fields_with_quotes_and_without_give_the_same_rows(lines in prop::collection::vec(prop::collection::vec(member(), 4), 1..6)) {
        for header in ["id,system,kind,issued_at", "id,accepted_at,status,nothing", "identity,id,key_bits,fingerprint"] {
            let mut texts = [format!("{header}\n"), format!("{header}\n")];
            for members in &lines {
                let fields: Vec<&str> = members.iter().map(|(_, value)| value.as_str().unwrap_or("a")).collect();
                writeln!(texts[0], "{}", fields.join(",")).unwrap();
                writeln!(texts[1], "\"{}\"", fields.join("\",\"")).unwrap();
            }
            same(&CANONICAL, "credential", "e.csv", texts);
        }
    }
}
