//! Line formats → records, one after another: NDJSON, CSV, lines of text. Each with the line where it stands, or why it is none.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::decode::{LEFT_OUT, parse_json};
use crate::model::project::Format;

/// The largest record.
const RECORD: usize = 8 << 20;

/// What one line holds, or several lines that are one record.
pub struct Line<'r> {
    /// Counted from 1.
    pub number: usize,
    /// As it came, without what ends it.
    pub raw: &'r [u8],
    pub record: Result<Record<'r>, String>,
}

/// One record, not yet parsed.
#[derive(Clone, Copy)]
pub enum Record<'r> {
    Json(&'r [u8]),
    /// Of CSV: names and as many fields.
    Fields(&'r [String], &'r [&'r str]),
    Text(&'r str),
}

impl Record<'_> {
    /// # Errors
    /// Why it is no value; nothing of it is quoted.
    pub fn value(self) -> Result<Value, String> {
        match self {
            Record::Json(bytes) => parse_json(bytes),
            Record::Fields(names, fields) => {
                let fields = fields.iter().map(|field| Value::String((*field).to_owned()));
                Ok(Value::Object(names.iter().cloned().zip(fields).collect::<Map<_, _>>()))
            }
            Record::Text(text) => Ok(Value::String(text.to_owned())),
        }
    }
}

/// True for formats whose records stand by themselves.
pub fn is_lines(format: Format) -> bool {
    matches!(format, Format::Ndjson | Format::Csv | Format::Lines)
}

/// Gives every record in its order, until `take` has enough; in the end the header row of CSV. `needed`: a column that it must have.
///
/// # Errors
/// Why nothing of the file can be used, whatever was given before.
pub fn each(
    format: Format,
    bytes: &[u8],
    needed: Option<&str>,
    take: &mut dyn FnMut(Line<'_>) -> ControlFlow<()>,
) -> Result<Vec<String>, String> {
    if format == Format::Csv {
        return csv(bytes, needed, take);
    }
    for (number, raw) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if raw.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if take(Line { number: number + 1, raw, record: record(format, raw) }).is_break() {
            break;
        }
    }
    Ok(Vec::new())
}

/// The record of one line of JSON, or of text.
///
/// # Errors
/// Why it is none, or was left out.
pub fn record(format: Format, raw: &[u8]) -> Result<Record<'_>, String> {
    let what = if format == Format::Lines { "line" } else { "record" };
    if raw.len() > RECORD {
        return Err(format!("the {what} is {} bytes, more than {RECORD}", raw.len()));
    }
    if format == Format::Lines {
        return std::str::from_utf8(raw).map(Record::Text).map_err(|_| "invalid UTF-8".to_owned());
    }
    match raw.strip_prefix(LEFT_OUT.as_bytes()) {
        Some(reason) => Err(String::from_utf8_lossy(reason).into_owned()),
        None => Ok(Record::Json(raw)),
    }
}

fn csv(bytes: &[u8], needed: Option<&str>, take: &mut dyn FnMut(Line<'_>) -> ControlFlow<()>) -> Result<Vec<String>, String> {
    // A quote that is never closed would swallow the rest: no record may span more than the limit.
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    let mut header: Option<Vec<String>> = None;
    loop {
        let (line, begin) = (reader.position().line(), reader.position().byte());
        let read = reader.read_byte_record(&mut record);
        // The reader counts from the end of the record before: what ends that line, and blank ones, still lie ahead.
        let raw = bytes.get(offset(begin)..offset(reader.position().byte())).unwrap_or_default();
        let ahead = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let (blank, ended) = ahead.fold((0, 0), |(blank, ended), byte| (blank + 1, ended + usize::from(*byte == b'\n')));
        let raw = raw.get(blank..).unwrap_or_default();
        let number = offset(line) + ended;
        let fields: Vec<&str>;
        let (last, found) = (
            read.is_err(),
            match read {
                Ok(false) => break,
                // Of what is broken the reader says where the record before it ended.
                Err(error) => Err((offset(line), format!("not CSV: {error}"))),
                Ok(true) => {
                    fields = record.iter().map(std::str::from_utf8).collect::<Result<Vec<&str>, _>>().unwrap_or_default();
                    let size = record.as_slice().len();
                    match (misquoted(raw), &header) {
                        (Some(fault), _) => Err((number, fault.to_owned())),
                        _ if size > RECORD => Err((number, format!("the record is {size} bytes, more than {RECORD}"))),
                        _ if fields.len() != record.len() => Err((number, "invalid UTF-8".to_owned())),
                        (None, None) => {
                            header = Some(names(&fields, needed)?);
                            continue;
                        }
                        (None, Some(names)) => match fields.as_slice() {
                            [only] if only.starts_with(LEFT_OUT) => Err((number, only[LEFT_OUT.len()..].to_owned())),
                            fields if fields.len() != names.len() => {
                                Err((number, format!("{} fields where the header has {}", fields.len(), names.len())))
                            }
                            fields => Ok(Record::Fields(names, fields)),
                        },
                    }
                }
            },
        );
        let line = match found {
            Ok(record) => Line { number, raw, record: Ok(record) },
            Err((_, fault)) if header.is_none() => return Err(format!("the header: {fault}")),
            Err((number, fault)) => Line { number, raw, record: Err(fault) },
        };
        if take(line).is_break() || last {
            break;
        }
    }
    header.ok_or_else(|| "no header row".to_owned())
}

fn names(fields: &[&str], needed: Option<&str>) -> Result<Vec<String>, String> {
    let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().any(|name| name.contains(['\n', '\r'])) {
        return Err("a column's name in the header runs over several lines; is a quote not closed?".to_owned());
    }
    let mut sorted = names.clone();
    sorted.sort();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("the header names `{}` twice", twice[0]));
    }
    match needed.filter(|column| !names.iter().any(|name| name == column)) {
        Some(column) => Err(format!("the header has no column `{column}`")),
        None => Ok(names),
    }
}

fn offset(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// What is wrong with the quotes of a record (RFC 4180 §2): the reader would take what follows one that is not closed, up to the
/// next quote, for a part of the field, and with it whole records.
fn misquoted(raw: &[u8]) -> Option<&'static str> {
    if !raw.contains(&b'"') {
        return None;
    }
    let (mut begins, mut quoted) = (true, false);
    let mut bytes = raw.iter().peekable();
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
