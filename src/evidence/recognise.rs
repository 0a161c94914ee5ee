//! Whether a file is an export of the kind that it is read as, and if not, what it looks like.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::decode::{self, Decoded};
use super::jq::{self, Filters};
use super::{EvidenceError, pages};
use crate::model::project::{Format, SourceMapping};

/// How many records of a line format, or pages, say what a file is.
pub const RECORDS: usize = 100;
/// How many elements of each list, how many members of each object, and how deep, are shown of a document.
const ELEMENTS: usize = 10;
const MEMBERS: usize = 200;
const DEPTH: usize = 8;
/// How many names a description gives.
const NAMES: usize = 12;

/// True if a mapping recognises what was decoded, or cannot tell. A list of documents that it recognises one by one becomes
/// pages; of pages, those that answer something else are taken out.
///
/// # Errors
/// The filter makes no progress.
pub fn fits(filters: &Arc<Filters>, path: &str, decoded: &mut Decoded) -> Result<bool, EvidenceError> {
    if let Some(wrapped) = decoded.document.as_ref().and_then(pages::unwrapped) {
        decoded.document = Some(wrapped);
    }
    if !filters.recognises() {
        return Ok(true);
    }
    let Some(document) = &mut decoded.document else {
        let first: Vec<Value> = decoded.records.iter().take(RECORDS).cloned().collect();
        return Ok(jq::recognise(filters, path, first)?.contains(&true));
    };
    if let Some(bodies) = pages::bodies(document) {
        let bodies: Vec<Value> = bodies.into_iter().map(|body| glimpse(body, 0)).collect();
        let ours = jq::recognise(filters, path, bodies)?;
        pages::keep(document, &ours);
        return Ok(ours.contains(&true));
    }
    if jq::recognise(filters, path, vec![glimpse(document, 0)])? == [true] {
        return Ok(true);
    }
    if let Value::Array(elements) = document
        && elements.iter().all(|one| one.is_object() || one.is_array())
    {
        let ours = jq::recognise(filters, path, elements.iter().map(|one| glimpse(one, 0)).collect())?;
        if !ours.is_empty() && !ours.contains(&false) {
            *document = pages::joined(std::mem::take(elements));
            return Ok(true);
        }
    }
    Ok(false)
}

/// The beginning of a value: its shape, without its length.
fn glimpse(value: &Value, depth: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth == DEPTH => Value::Null,
        Value::Array(items) => items.iter().take(ELEMENTS).map(|item| glimpse(item, depth + 1)).collect(),
        Value::Object(members) => {
            let members = members.iter().take(MEMBERS).map(|(name, value)| (name.clone(), glimpse(value, depth + 1)));
            Value::Object(Map::from_iter(members))
        }
        other => other.clone(),
    }
}

/// The kinds of some mappings that recognise a file.
pub fn kinds(mappings: &[SourceMapping], except: &str, path: &str, bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for format in Format::ALL.iter().map(|(_, format)| *format) {
        let of_format = mappings.iter().filter(|mapping| mapping.format == format && mapping.kind != except);
        let able: Vec<_> = of_format.filter_map(|mapping| Some((&mapping.kind, Filters::recognising(mapping)?))).collect();
        if able.is_empty() {
            continue;
        }
        let mut decoded = decode::beginning(format, path, bytes, RECORDS);
        if whole_fault(&decoded).is_some() {
            continue;
        }
        if let Some(document) = &mut decoded.document {
            pages::first(document, RECORDS);
        }
        let fitting = able.iter().filter(|(_, filters)| fits(filters, path, &mut decoded.clone()).unwrap_or(false));
        found.extend(fitting.map(|(kind, _)| (*kind).clone()));
    }
    found.sort();
    found
}

/// Why nothing of a file could be decoded.
pub fn whole_fault(decoded: &Decoded) -> Option<&str> {
    let nothing = decoded.document.is_none() && decoded.records.is_empty();
    decoded.quarantine.iter().find(|(position, _)| nothing || position.is_empty()).map(|(_, reason)| reason.as_str())
}

/// What nothing else can be said of.
pub const TEXT: &str = "lines of text";

/// What a file looks like, in words: its form and the names in it, never its values.
pub fn looks(path: &str, bytes: &[u8]) -> String {
    for format in [Format::Ndjson, Format::Json, Format::Csv] {
        let decoded = decode::decode(format, path, bytes);
        let clean = decoded.quarantine.is_empty();
        match (format, &decoded.document, decoded.records.first()) {
            (Format::Json, Some(document), _) => return shape(document),
            (Format::Ndjson, _, Some(first)) if clean && decoded.records.len() > 1 => {
                return format!("one JSON document a line, each {}", shape(first));
            }
            (Format::Csv, _, Some(Value::Object(row))) if clean && row.len() > 1 => return format!("CSV with the columns {}", names(row)),
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
    // In other documents certificates stand too, indented or quoted.
    if text.lines().any(|line| line.starts_with("-----BEGIN ")) {
        return "PEM".to_owned();
    }
    match decode::decode(Format::Yaml, path, bytes).document {
        Some(document @ (Value::Object(_) | Value::Array(_))) => shape(&document),
        _ if text.chars().any(|c| c.is_control() && !c.is_whitespace()) => "no text".to_owned(),
        _ => TEXT.to_owned(),
    }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Value::Object(members) => format!("an object with the keys {}", names(members)),
        Value::Array(items) => match items.first() {
            None => "an empty list".to_owned(),
            Some(first) => format!("a list, its first element {}", shape(first)),
        },
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) | Value::Null => "a single word".to_owned(),
    }
}

/// The first names. One that does not look like a name may be anything, a secret too.
fn names(members: &Map<String, Value>) -> String {
    let plain = |name: &&String| {
        name.len() <= 40
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@' || c == '_' || c == '$')
            && !name.contains(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.' | '@' | '$' | ' ')))
    };
    let named: Vec<String> = members.keys().filter(plain).take(NAMES).map(|name| format!("`{name}`")).collect();
    let more = if named.len() < members.len() { " and others" } else { "" };
    if named.is_empty() { "of no plain name".to_owned() } else { format!("{}{more}", named.join(", ")) }
}
