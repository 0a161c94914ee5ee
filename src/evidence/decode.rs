//! Bytes → text → records, with a position for each, and a reason for what cannot be read.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::records::{self, Record};
use super::{pages, pem, plain, strict};
use crate::model::project::Format;

/// How the complaint about a document that was cut off begins.
pub const TOO_SOON: &str = "JSON that ends too soon";

/// The deepest nesting of a document.
const NESTING: usize = 120;
/// What stands in place of a file, or a line of one, that could not be parsed and might hold secrets; the reason follows.
pub const LEFT_OUT: &str = "left out: ";

/// What could not be read: position and reason.
pub type Faults = Vec<(String, String)>;

/// What a file held.
#[derive(Clone)]
pub struct Decoded {
    /// For documents: the whole. `None`: records stand by themselves.
    pub document: Option<Value>,
    /// Records of line formats, in order.
    pub records: Vec<Value>,
    /// Of CSV: the header row.
    pub header: Vec<String>,
    pub quarantine: Faults,
}

impl Decoded {
    fn of(document: Value) -> Decoded {
        Decoded { document: Some(document), ..Decoded::lines() }
    }

    /// Of lines, none of which has been read.
    fn lines() -> Decoded {
        Decoded { document: None, records: Vec::new(), quarantine: Vec::new(), header: Vec::new() }
    }

    /// Of which nothing can be used.
    pub fn nothing(reason: String) -> Decoded {
        Decoded { quarantine: vec![(String::new(), reason)], ..Decoded::lines() }
    }
}

/// The format of a canonical file by its ending.
pub fn canonical(path: &str) -> Option<Format> {
    match plain::name(path).rsplit('.').next() {
        Some("ndjson" | "jsonl") => Some(Format::Ndjson),
        Some("csv") => Some(Format::Csv),
        _ => None,
    }
}

/// Why a whole file was left out, if that is what stands in its place.
pub fn left_out(bytes: &[u8]) -> Option<String> {
    let reason = bytes.strip_prefix(LEFT_OUT.as_bytes())?;
    let alone = reason.iter().filter(|byte| **byte == b'\n').count() <= 1;
    alone.then(|| String::from_utf8_lossy(reason).trim_end().to_owned())
}

/// What a file of a format holds: by its ending, where that decides.
///
/// # Errors
/// Why nothing of it can be used, whatever it holds.
pub fn form(format: Format, path: &str, bytes: &[u8]) -> Result<Format, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if let Some(reason) = left_out(bytes) {
        return Err(reason);
    }
    match format {
        Format::Canonical => canonical(path).ok_or_else(|| "a canonical file ends in .ndjson, .jsonl or .csv".to_owned()),
        other => Ok(other),
    }
}

/// The column that a CSV file must have. Rows of one's own are told by their ids; any text at all has a first line.
pub fn needed(format: Format) -> Option<&'static str> {
    (format == Format::Canonical).then_some("id")
}

/// Reads a file's plain bytes. Nothing of their content is quoted in a reason.
pub fn decode(format: Format, path: &str, bytes: &[u8]) -> Decoded {
    beginning(format, path, bytes, usize::MAX)
}

/// The same, of a line format no more than some records.
pub fn beginning(format: Format, path: &str, bytes: &[u8], most: usize) -> Decoded {
    match form(format, path, bytes) {
        Err(reason) => Decoded::nothing(reason),
        Ok(form @ (Format::Ndjson | Format::Csv | Format::Lines)) => lines(form, bytes, needed(format), most),
        Ok(Format::Json) => json(bytes),
        Ok(Format::Yaml) => yaml(bytes),
        Ok(Format::Toml) => toml(bytes),
        Ok(Format::Pem) => {
            let (document, quarantine) = pem::certificates(bytes);
            Decoded { quarantine, ..Decoded::of(document) }
        }
        Ok(Format::Canonical) => Decoded::nothing("unknown format".to_owned()),
    }
}

/// The first records of a line format.
fn lines(format: Format, bytes: &[u8], needed: Option<&str>, most: usize) -> Decoded {
    let mut decoded = Decoded::lines();
    let header = records::each(format, bytes, needed, &mut |line| {
        match line.record.and_then(Record::value) {
            Ok(value) => decoded.records.push(value),
            Err(reason) => decoded.quarantine.push((format!("line {}", line.number), reason)),
        }
        if decoded.records.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match header {
        Ok(header) => Decoded { header, ..decoded },
        Err(reason) => Decoded::nothing(reason),
    }
}

fn json(bytes: &[u8]) -> Decoded {
    match parse_json(bytes) {
        Ok(document) => Decoded::of(document),
        // Recorded responses are mostly YAML, whatever they hold.
        Err(_) if pages::is_recording(bytes) => yaml(bytes),
        Err(reason) => match several(bytes) {
            Some(documents) => Decoded::of(pages::joined(documents)),
            None => Decoded::nothing(reason),
        },
    }
}

/// Documents that follow one another: pages that a tool printed as they came.
fn several(bytes: &[u8]) -> Option<Vec<Value>> {
    if nesting(bytes) > NESTING {
        return None;
    }
    let documents = strict::several(bytes)?;
    (documents.len() > 1 && documents.iter().all(|one| one.is_object() || one.is_array())).then_some(documents)
}

fn yaml(bytes: &[u8]) -> Decoded {
    if nesting(bytes) > NESTING {
        return Decoded::nothing(format!("nested more than {NESTING} deep"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Decoded::nothing("invalid UTF-8".to_owned()) };
    let mut documents = match strict::yaml(text) {
        Ok(documents) => documents,
        Err((error, fault)) => {
            let place = error.location().map_or_else(String::new, |at| format!(" at line {}, column {}", at.line(), at.column()));
            return Decoded::nothing(format!("{}{place}", fault.unwrap_or("not YAML that can be read")));
        }
    };
    let document = match documents.len() {
        0 => return Decoded::nothing("the file holds no document".to_owned()),
        1 => documents.swap_remove(0),
        _ => Value::Array(documents),
    };
    Decoded::of(document)
}

fn toml(bytes: &[u8]) -> Decoded {
    if nesting(bytes) > NESTING {
        return Decoded::nothing(format!("nested more than {NESTING} deep"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Decoded::nothing("invalid UTF-8".to_owned()) };
    match toml::de::DeTable::parse(text) {
        Ok(table) => Decoded::of(Value::Object(toml_table(table.get_ref()))),
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Decoded::nothing(format!("not TOML: line {line}: {}", error.message()))
        }
    }
}

fn toml_table(table: &toml::de::DeTable<'_>) -> Map<String, Value> {
    table.iter().map(|(name, value)| (name.get_ref().to_string(), toml_value(value.get_ref()))).collect()
}

/// A time as text; a date alone stays one.
fn toml_value(value: &toml::de::DeValue<'_>) -> Value {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => number.as_str().parse::<i64>().map_or_else(|_| Value::String(number.to_string()), Value::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or_else(|_| Value::String(number.to_string()), Value::from),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| toml_value(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(toml_table(table)),
    }
}

/// Parses one JSON value; says where it is broken, never what stands there.
pub fn parse_json(bytes: &[u8]) -> Result<Value, String> {
    if nesting(bytes) > NESTING {
        return Err(format!("nested more than {NESTING} deep"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err("invalid UTF-8".to_owned());
    }
    strict::json(bytes).map_err(|(error, fault)| {
        let what = match (fault, error.classify()) {
            (Some(fault), _) => fault,
            (None, serde_json::error::Category::Eof) => TOO_SOON,
            (None, _) => "not JSON",
        };
        format!("{what}: line {}, column {}", error.line(), error.column())
    })
}

/// The deepest nesting of brackets outside double-quoted text.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
