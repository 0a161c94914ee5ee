//! Bytes → text → records, with a position for each, and a reason for what cannot be read.

use serde_json::{Map, Value};

use super::{pages, pem, plain, strict};
use crate::model::project::Format;
use crate::model::table::Locator;

/// The largest record.
const RECORD: usize = 8 << 20;
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
    pub locator: Locator,
    pub quarantine: Faults,
}

impl Decoded {
    fn of(document: Value) -> Decoded {
        Decoded { document: Some(document), locator: Locator::Pointers(Vec::new()), ..Decoded::lines() }
    }

    /// Of lines, none of which has been read.
    fn lines() -> Decoded {
        Decoded { document: None, records: Vec::new(), locator: Locator::Lines(Vec::new()), quarantine: Vec::new(), header: Vec::new() }
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

/// Reads a file's plain bytes. Nothing of their content is quoted in a reason.
pub fn decode(format: Format, path: &str, bytes: &[u8]) -> Decoded {
    if bytes.is_empty() {
        return Decoded::nothing("the file is empty".to_owned());
    }
    if let Some(reason) = left_out(bytes) {
        return Decoded::nothing(reason);
    }
    // Rows of one's own are told by their ids; any text at all has a first line.
    let needed = (format == Format::Canonical).then_some("id");
    let format = match format {
        Format::Canonical => match canonical(path) {
            Some(format) => format,
            None => return Decoded::nothing("a canonical file ends in .ndjson, .jsonl or .csv".to_owned()),
        },
        other => other,
    };
    match format {
        Format::Ndjson => ndjson(bytes),
        Format::Csv => csv_records(bytes, needed),
        Format::Json => json(bytes),
        Format::Yaml => yaml(bytes),
        Format::Lines => text_lines(bytes),
        Format::Toml => toml(bytes),
        Format::Pem => {
            let (document, quarantine) = pem::certificates(bytes);
            Decoded { quarantine, ..Decoded::of(document) }
        }
        Format::Canonical => Decoded::nothing("unknown format".to_owned()),
    }
}

fn ndjson(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::lines();
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

fn csv_records(bytes: &[u8], needed: Option<&str>) -> Decoded {
    let mut decoded = Decoded::lines();
    let mut lines = Vec::new();
    // A quote that is never closed would swallow the rest: no record may span more than the limit.
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    let mut header: Option<Vec<String>> = None;
    loop {
        let (line, begin) = (reader.position().line(), reader.position().byte());
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                decoded.quarantine.push((format!("line {line}"), format!("not CSV: {error}")));
                break;
            }
        }
        // The reader counts from the end of the record before: what ends that line, and blank ones, still lie ahead.
        let line = record.position().map_or(line, |at| {
            let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
            let ahead = bytes.get(from..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            at.line() + u64::try_from(ahead.filter(|byte| **byte == b'\n').count()).unwrap_or(0)
        });
        let position = || format!("line {line}");
        let raw = bytes.get(offset(begin)..offset(reader.position().byte())).unwrap_or_default();
        if let Some(fault) = misquoted(raw) {
            if header.is_none() {
                return Decoded::nothing(format!("the header: {fault}"));
            }
            decoded.quarantine.push((position(), fault.to_owned()));
            continue;
        }
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
            if names.iter().any(|name| name.contains(['\n', '\r'])) {
                return Decoded::nothing("a column's name in the header runs over several lines; is a quote not closed?".to_owned());
            }
            let mut sorted = names.clone();
            sorted.sort();
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Decoded::nothing(format!("the header names `{}` twice", twice[0]));
            }
            if let Some(column) = needed.filter(|column| !names.iter().any(|name| name == column)) {
                return Decoded::nothing(format!("the header has no column `{column}`"));
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

fn offset(byte: u64) -> usize {
    usize::try_from(byte).unwrap_or(usize::MAX)
}

/// What is wrong with the quotes of a record (RFC 4180 §2): the reader would take what follows one that is not closed, up to the
/// next quote, for a part of the field, and with it whole records.
fn misquoted(raw: &[u8]) -> Option<&'static str> {
    let lines = raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(raw.len());
    let (mut begins, mut quoted) = (true, false);
    let mut bytes = raw[lines..].iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&&b'"') => drop(bytes.next()),
            b'"' if quoted => {
                quoted = false;
                if !matches!(bytes.peek(), None | Some(b',' | b'\r' | b'\n')) {
                    return Some("a field goes on after the quote that closes it; a quote before it may not be closed");
                }
            }
            b'"' if begins => quoted = true,
            b'"' => return Some("a quote in a field without quotes; write the field in quotes, and the quote twice"),
            _ => {}
        }
        begins = !quoted && *byte == b',';
    }
    quoted.then_some("a quote is not closed: everything after it would be one field")
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

/// Every line that is not blank is a record: its text.
fn text_lines(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::lines();
    let mut lines = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let mut quarantine = |reason: String| decoded.quarantine.push((format!("line {}", number + 1), reason));
        if line.len() > RECORD {
            quarantine(format!("the line is {} bytes, more than {RECORD}", line.len()));
            continue;
        }
        match std::str::from_utf8(line) {
            Ok(text) => {
                lines.push(u32::try_from(number + 1).unwrap_or(u32::MAX));
                decoded.records.push(Value::String(text.to_owned()));
            }
            Err(_) => quarantine("invalid UTF-8".to_owned()),
        }
    }
    decoded.locator = Locator::Lines(lines);
    decoded
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
            (None, serde_json::error::Category::Eof) => "JSON that ends too soon",
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
