//! The schemas of what a package holds, against what is written: every object, with every key.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Keys, closed, left_for_a_validator, schema};

/// What stands in each object of an instance: pointer of the schema → keys.
fn met(schema: &Value, node: &Value, at: &str, value: &Value, into: &mut Keys) {
    if let Some(name) = node["$ref"].as_str() {
        met(schema, schema.pointer(&name[1..]).unwrap(), &name[1..], value, into);
    }
    for way in ["oneOf", "anyOf"] {
        for (number, below) in node[way].as_array().into_iter().flatten().enumerate() {
            met(schema, below, &format!("{at}/{way}/{number}"), value, into);
        }
    }
    match value {
        Value::Object(map) if node["properties"].is_object() => {
            into.entry(at.to_owned()).or_default().extend(map.keys().cloned());
            for (key, below) in map {
                met(schema, &node["properties"][key], &format!("{at}/properties/{key}"), below, into);
            }
        }
        Value::Array(list) => list.iter().for_each(|below| met(schema, &node["items"], &format!("{at}/items"), below, into)),
        _ => {}
    }
}

/// That every object of the schema is met in the instances, with every key.
fn holds(kind: &str, instances: &[Value]) {
    let schema = schema(kind);
    let (mut said, mut met_keys) = (Keys::new(), Keys::new());
    closed(&schema, "", &mut said);
    for (number, instance) in instances.iter().enumerate() {
        left_for_a_validator(kind, &format!("{number}"), instance);
        met(&schema, &schema, "", instance, &mut met_keys);
    }
    for (pointer, keys) in said {
        assert_eq!(met_keys.get(&pointer), Some(&keys), "{kind}: {pointer}");
    }
}

#[test]
fn what_a_package_holds_is_what_its_schemas_say() {
    let example = crate::package::contents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/bank"));
    let whole = crate::report::with_every_object();
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let assessments = [&example, &whole].map(|files| json(&files["assessment.json"]));
    holds("assessment-1", &assessments);
    holds("manifest-1", &[json(&example["manifest.json"])]);
    let lines = |files: &BTreeMap<String, Vec<u8>>| {
        files["findings.ndjson"].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json).collect::<Vec<_>>()
    };
    holds("finding-1", &[&example, &whole].map(lines).concat());
    // A line is what the assessment has in its list.
    let (finding, assessment) = (schema("finding-1"), schema("assessment-1"));
    for (name, text) in finding["$defs"].as_object().unwrap() {
        assert_eq!(*text, assessment["$defs"][name], "{name}");
    }
}
