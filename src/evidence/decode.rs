//! Bytes → text → records, with a position for each, and a reason for what cannot be read.

use serde_json::{Map, Value};

use super::pem;
use crate::model::project::Format;
use crate::model::table::Locator;

/// The largest record.
const RECORD: usize = 8 << 20;
/// The deepest nesting of a document.
const NESTING: usize = 120;
/// What stands in place of a file, or a line of one, that could not be parsed and might hold secrets; the reason follows.
pub const LEFT_OUT: &str = "left out: ";

/// What a file held.
pub struct Decoded {
    /// For documents: the whole. `None`: records stand by themselves.
    pub document: Option<Value>,
    /// Records of line formats, in order.
    pub records: Vec<Value>,
    /// Of CSV: the header row.
    pub header: Vec<String>,
    pub locator: Locator,
    /// Position and reason.
    pub quarantine: Vec<(String, String)>,
}

impl Decoded {
    fn nothing(reason: String) -> Decoded {
        Decoded {
            document: None,
            records: Vec::new(),
            header: Vec::new(),
            locator: Locator::Lines(Vec::new()),
            quarantine: vec![(String::new(), reason)],
        }
    }
}

/// The format of a canonical file by its ending.
pub fn canonical(path: &str) -> Option<Format> {
    match path.rsplit('.').next() {
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

/// Reads a file's bytes. Nothing of their content is quoted in a reason.
pub fn decode(format: Format, path: &str, bytes: &[u8]) -> Decoded {
    if bytes.is_empty() {
        return Decoded::nothing("the file is empty".to_owned());
    }
    if let Some(reason) = left_out(bytes) {
        return Decoded::nothing(reason);
    }
    let format = match format {
        Format::Canonical => match canonical(path) {
            Some(format) => format,
            None => return Decoded::nothing("a canonical file ends in .ndjson, .jsonl or .csv".to_owned()),
        },
        other => other,
    };
    let bytes = match unicode(bytes) {
        Ok(bytes) => bytes,
        Err(reason) => return Decoded::nothing(reason),
    };
    match format {
        Format::Ndjson => ndjson(&bytes),
        Format::Csv => csv_records(&bytes),
        Format::Json => json(&bytes),
        Format::Yaml => yaml(&bytes),
        Format::Pem => {
            let (document, quarantine) = pem::certificates(&bytes);
            Decoded {
                document: Some(document),
                records: Vec::new(),
                header: Vec::new(),
                locator: Locator::Pointers(Vec::new()),
                quarantine,
            }
        }
        Format::Canonical => Decoded::nothing("unknown format".to_owned()),
    }
}

/// UTF-8 without its mark; UTF-16 with a mark is converted.
fn unicode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let units = |order: fn([u8; 2]) -> u16| -> Result<Vec<u8>, String> {
        let rest = &bytes[2..];
        if !rest.len().is_multiple_of(2) {
            return Err("UTF-16 that ends in the middle of a character".to_owned());
        }
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map(String::into_bytes).map_err(|_| "invalid UTF-16".to_owned())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(rest.to_vec()),
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => Ok(bytes.to_vec()),
    }
}

fn ndjson(bytes: &[u8]) -> Decoded {
    let mut decoded =
        Decoded { document: None, records: Vec::new(), header: Vec::new(), locator: Locator::Lines(Vec::new()), quarantine: Vec::new() };
    let mut lines = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let position = || format!("line {}", number + 1);
        if line.len() > RECORD {
            decoded.quarantine.push((position(), format!("the record is {} bytes, more than {RECORD}", line.len())));
            continue;
        }
        if let Some(reason) = line.strip_prefix(LEFT_OUT.as_bytes()) {
            decoded.quarantine.push((position(), String::from_utf8_lossy(reason).into_owned()));
            continue;
        }
        match parse_json(line) {
            Ok(value) => {
                lines.push(u32::try_from(number + 1).unwrap_or(u32::MAX));
                decoded.records.push(value);
            }
            Err(reason) => decoded.quarantine.push((position(), reason)),
        }
    }
    decoded.locator = Locator::Lines(lines);
    decoded
}

fn csv_records(bytes: &[u8]) -> Decoded {
    let mut decoded =
        Decoded { document: None, records: Vec::new(), header: Vec::new(), locator: Locator::Lines(Vec::new()), quarantine: Vec::new() };
    let mut lines = Vec::new();
    // A quote that is never closed would swallow the rest: no record may span more than the limit.
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    let mut header: Option<Vec<String>> = None;
    loop {
        let line = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                decoded.quarantine.push((format!("line {line}"), format!("not CSV: {error}")));
                break;
            }
        }
        // The reader counts from the line before a record that follows blank lines.
        let line = record.position().map_or(line, csv::Position::line);
        let position = || format!("line {line}");
        if record.as_slice().len() > RECORD {
            decoded.quarantine.push((position(), format!("the record is {} bytes, more than {RECORD}", record.as_slice().len())));
            continue;
        }
        let Ok(fields) = record.iter().map(std::str::from_utf8).collect::<Result<Vec<&str>, _>>() else {
            decoded.quarantine.push((position(), "invalid UTF-8".to_owned()));
            continue;
        };
        let Some(names) = &header else {
            let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
            let mut sorted = names.clone();
            sorted.sort();
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Decoded::nothing(format!("the header names `{}` twice", twice[0]));
            }
            header = Some(names);
            continue;
        };
        if let [only] = fields.as_slice()
            && let Some(reason) = only.strip_prefix(LEFT_OUT)
        {
            decoded.quarantine.push((position(), reason.to_owned()));
            continue;
        }
        if fields.len() != names.len() {
            decoded.quarantine.push((position(), format!("{} fields where the header has {}", fields.len(), names.len())));
            continue;
        }
        let object: Map<String, Value> = names.iter().cloned().zip(fields.iter().map(|field| Value::String((*field).to_owned()))).collect();
        lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        decoded.records.push(Value::Object(object));
    }
    if header.is_none() && decoded.quarantine.is_empty() {
        return Decoded::nothing("no header row".to_owned());
    }
    decoded.header = header.unwrap_or_default();
    decoded.locator = Locator::Lines(lines);
    decoded
}

fn json(bytes: &[u8]) -> Decoded {
    match parse_json(bytes) {
        Ok(document) => Decoded {
            document: Some(document),
            records: Vec::new(),
            header: Vec::new(),
            locator: Locator::Pointers(Vec::new()),
            quarantine: Vec::new(),
        },
        Err(reason) => Decoded::nothing(reason),
    }
}

fn yaml(bytes: &[u8]) -> Decoded {
    if nesting(bytes) > NESTING {
        return Decoded::nothing(format!("nested more than {NESTING} deep"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Decoded::nothing("invalid UTF-8".to_owned()) };
    let mut documents = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        match <Value as serde::Deserialize>::deserialize(document) {
            Ok(Value::Null) => {}
            Ok(value) => documents.push(value),
            Err(error) => {
                let place = error.location().map_or_else(String::new, |at| format!(" at line {}, column {}", at.line(), at.column()));
                return Decoded::nothing(format!("not YAML that can be read{place}"));
            }
        }
    }
    let document = match documents.len() {
        0 => return Decoded::nothing("the file holds no document".to_owned()),
        1 => documents.swap_remove(0),
        _ => Value::Array(documents),
    };
    Decoded {
        document: Some(document),
        records: Vec::new(),
        header: Vec::new(),
        locator: Locator::Pointers(Vec::new()),
        quarantine: Vec::new(),
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
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "JSON that ends too soon",
            _ => "not JSON",
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
