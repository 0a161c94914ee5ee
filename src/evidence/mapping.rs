//! One file → canonical rows: decode, take secrets out, run the mapping's filters, read every cell.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::decode::{self, Decoded, LEFT_OUT};
use super::detect::Search;
use super::jq::{self, Job};
use super::key::FingerprintKey;
use super::{EvidenceError, facts, redact};
use crate::model::digest::sha256;
use crate::model::project::{Covers, Format, NotSecret, SourceConfig, SourceMapping};
use crate::model::row::{Cell, Misfit, Origin, Row};
use crate::model::schema::{self, SCHEMA};
use crate::model::table::{Locator, Quarantined};
use crate::model::value::{State, Time};

/// What an export says of itself.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    pub system: Option<String>,
    pub collected_at: Option<Time>,
    /// `Some(false)`: it says that nothing was cut off.
    pub truncated: Option<bool>,
    /// Why it cannot be whole.
    pub partial: Option<String>,
    /// Which of several files of one collection it is.
    pub part: Option<String>,
    pub expected: Option<i64>,
    pub covers: Option<Covers>,
}

/// One file, read.
#[derive(Debug)]
pub struct Export {
    /// Position of its `[[source]]`.
    pub config: usize,
    pub path: String,
    pub envelope: Envelope,
    /// Systems that it speaks of: the envelope's, or those of its rows; sorted.
    pub systems: Vec<String>,
    /// Raw records, repeated ones counted once.
    pub records: i64,
    /// `origin.record` is set, `origin.file` is not.
    pub rows: Vec<Row>,
    pub quarantine: Vec<Quarantined>,
    pub notes: BTreeSet<String>,
    pub original_sha256: String,
    pub redacted: usize,
    /// What was judged.
    pub bytes: Vec<u8>,
    pub locator: Locator,
    /// `None`: it lies in a file of the project.
    pub locker: Option<FromLocker>,
}

/// What the locker says of an export that lies in it.
#[derive(Clone, Debug)]
pub struct FromLocker {
    pub collected_at: Time,
    /// A later collection is there: it counts for what has vanished since, and for nothing else.
    pub superseded: bool,
    /// A later attempt to collect failed.
    pub failed_since: bool,
}

/// Reads one file.
///
/// # Errors
/// The mapping itself cannot be used.
pub fn read(
    config: &SourceConfig,
    position: usize,
    mapping: &SourceMapping,
    path: &str,
    original: Vec<u8>,
    key: &FingerprintKey,
) -> Result<Export, EvidenceError> {
    let original_sha256 = sha256(&original);
    let (bytes, redacted) = without_secrets(mapping, &config.not_secret, path, original, key);
    // What is kept is what is judged: the same bytes give the same rows to whoever reads the package.
    let decoded = decode::decode(mapping.format, path, &bytes);
    let mut export = Export {
        config: position,
        path: path.to_owned(),
        envelope: Envelope::default(),
        systems: Vec::new(),
        records: 0,
        rows: Vec::new(),
        quarantine: Vec::new(),
        notes: BTreeSet::new(),
        original_sha256,
        redacted,
        bytes,
        locator: Locator::Pointers(Vec::new()),
        locker: None,
    };
    for (position, reason) in &decoded.quarantine {
        export.quarantine.push(Quarantined { file: path.to_owned(), position: position.clone(), reason: reason.clone() });
    }
    fill(&mut export, decoded, config, mapping)?;
    keep_nothing_unread(&mut export);
    Ok(export)
}

/// A file of which nothing could be used may be anything, and hold anything: what is kept is a line that says so.
fn keep_nothing_unread(export: &mut Export) {
    let (Some(first), true) = (export.quarantine.first(), export.rows.is_empty()) else { return };
    let reason = match (export.quarantine.len(), first.position.as_str()) {
        (1, "") => first.reason.clone(),
        (1, position) => format!("nothing of it could be read: {position}: {}", first.reason),
        (count, "") => format!("nothing of it could be read, for {count} reasons; the first: {}", first.reason),
        (count, position) => format!("nothing of it could be read, for {count} reasons; the first, at {position}: {}", first.reason),
    };
    let reason = reason.replace(['\n', '\r'], " ");
    export.bytes = format!("{LEFT_OUT}{reason}\n").into_bytes();
    export.quarantine = vec![Quarantined { file: export.path.clone(), position: String::new(), reason }];
    export.envelope = Envelope::default();
    export.systems = Vec::new();
    export.records = 0;
    export.locator = Locator::Pointers(Vec::new());
}

/// What a mapping's filters make of one file before cells are read and rows merged: for those who write mappings. Records
/// that a filter refuses stand as `{"quarantined": reason}`.
///
/// # Errors
/// The mapping, or the whole file, cannot be used.
pub fn mapped(
    mapping: &SourceMapping,
    systems: &[String],
    path: &str,
    original: Vec<u8>,
    key: &FingerprintKey,
) -> Result<Vec<Value>, String> {
    let (bytes, _) = without_secrets(mapping, &[], path, original, key);
    let decoded = decode::decode(mapping.format, path, &bytes);
    if let Some((_, reason)) = decoded.quarantine.iter().find(|(position, _)| position.is_empty()) {
        return Err(reason.clone());
    }
    let file = Map::from_iter([("path".to_owned(), json!(path)), ("systems".to_owned(), json!(systems)), ("facts".to_owned(), json!({}))]);
    let job = Job { document: decoded.document, records: decoded.records, file };
    let mapped = jq::run(mapping, path, job).map_err(|error| error.to_string())??;
    Ok(mapped.rows.into_iter().flat_map(|rows| rows.unwrap_or_else(|reason| vec![json!({ "quarantined": reason })])).collect())
}

/// The bytes that may be kept, and how many secrets were replaced. A file that cannot be parsed and may hold secrets
/// is replaced by a line that says so.
fn without_secrets(
    mapping: &SourceMapping,
    not_secret: &[NotSecret],
    path: &str,
    original: Vec<u8>,
    key: &FingerprintKey,
) -> (Vec<u8>, usize) {
    let left_out = |reason: &str| (format!("{LEFT_OUT}{reason}\n").into_bytes(), 0);
    let looks = |found: &str| {
        left_out(&format!(
            "it holds what looks like a secret: {found}; name the field in the `secrets` of its mapping, or in `not-secret` of the source if it is none"
        ))
    };
    let mut search = Search::new(not_secret);
    if mapping.format == Format::Pem {
        let (kept, count) = redact::without_private_keys(&original);
        search.bytes(&kept);
        return search.told().map_or((kept, count), |found| looks(&found));
    }
    let mut decoded = decode::decode(mapping.format, path, &original);
    let mut count = 0;
    let lines = match &decoded.locator {
        Locator::Lines(lines) => lines.as_slice(),
        Locator::Pointers(_) => &[],
    };
    for (number, value) in decoded.document.iter_mut().chain(&mut decoded.records).enumerate() {
        count += redact::redact(value, &mapping.secrets, key);
        search.value(value, lines.get(number).copied());
    }
    if mapping.secrets.is_empty() {
        search.bytes(&original);
    }
    if let Some(found) = search.told() {
        return looks(&found);
    }
    if mapping.secrets.is_empty() {
        return (original, 0);
    }
    match (&decoded.document, decoded.quarantine.first()) {
        (Some(document), _) => (format!("{document:#}\n").into_bytes(), count),
        (None, Some((position, reason))) if position.is_empty() => left_out(reason),
        (None, _) => (lines_again(&decoded, mapping.format == Format::Csv || path.ends_with(".csv")), count),
    }
}

/// Records of a line format, each on the line where it stood, so that positions stay true.
fn lines_again(decoded: &Decoded, csv: bool) -> Vec<u8> {
    let Locator::Lines(lines) = &decoded.locator else { return Vec::new() };
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let row = |cells: Vec<String>| cells.join(",");
    let text = |value: &Value| match value {
        Value::Object(cells) if csv => row(cells.values().map(|cell| quoted(cell.as_str().unwrap_or_default())).collect()),
        value => value.to_string(),
    };
    let left_out = |reason: &str| if csv { quoted(&format!("{LEFT_OUT}{reason}")) } else { format!("{LEFT_OUT}{reason}") };
    let quarantined =
        decoded.quarantine.iter().filter_map(|(position, reason)| Some((position.strip_prefix("line ")?.parse().ok()?, left_out(reason))));
    let mut all: Vec<(u32, String)> = lines.iter().copied().zip(decoded.records.iter().map(text)).chain(quarantined).collect();
    if let (true, Some(Value::Object(first))) = (csv, decoded.records.first()) {
        all.push((1, row(first.keys().map(|name| quoted(name)).collect())));
    }
    all.sort();
    let mut out = String::new();
    let mut line = 1;
    for (at, text) in all {
        while line < at {
            out.push('\n');
            line += 1;
        }
        out.push_str(&text);
        out.push('\n');
        line += 1;
    }
    out.into_bytes()
}

fn fill(export: &mut Export, decoded: Decoded, config: &SourceConfig, mapping: &SourceMapping) -> Result<(), EvidenceError> {
    let whole = |export: &mut Export, reason: String| {
        export.quarantine.push(Quarantined { file: export.path.clone(), position: String::new(), reason });
    };
    if decoded.document.is_none() && decoded.records.is_empty() {
        // Rows of one's own may be none, and say so by their header. Anything else that holds no record may be anything, such as a
        // complaint of the program that should have printed it.
        let none = mapping.format == Format::Canonical && decoded.header.iter().any(|name| name == "id");
        if !none && export.quarantine.is_empty() {
            whole(export, format!("it holds no {}: is it an export of this kind?", mapping.records));
        }
        return Ok(());
    }
    let mut file = Map::new();
    file.insert("path".to_owned(), json!(export.path));
    file.insert("systems".to_owned(), json!(config.systems));
    file.insert("facts".to_owned(), json!(config.facts));
    let mapped = match jq::run(mapping, &export.path, Job { document: decoded.document, records: decoded.records, file })? {
        Ok(mapped) => mapped,
        Err(reason) => {
            whole(export, reason);
            return Ok(());
        }
    };
    match envelope(&mapped.envelope) {
        Ok(envelope) => export.envelope = envelope,
        Err(reason) => whole(export, format!("the envelope filter: {reason}")),
    }
    export.locator = match &mapped.pointers {
        Some(pointers) => Locator::Pointers(pointers.clone()),
        None => decoded.locator,
    };
    if mapped.pointers.is_some() && mapped.records.is_empty() && export.quarantine.is_empty() {
        whole(export, format!("it holds no {}: is it an export of this kind?", mapping.records));
    }
    let distinct: BTreeSet<String> = mapped.records.iter().map(|record| sha256(record.to_string().as_bytes())).collect();
    export.records = i64::try_from(distinct.len()).unwrap_or(i64::MAX);
    let default = export.envelope.system.clone().or_else(|| match config.systems.as_slice() {
        [system] => Some(system.clone()),
        _ => None,
    });
    let mut systems = BTreeSet::new();
    for (number, rows) in mapped.rows.into_iter().enumerate() {
        let record = u32::try_from(number).unwrap_or(u32::MAX);
        let position = match (&export.locator, &mapped.pointers) {
            (_, Some(pointers)) => pointers.get(number).cloned().unwrap_or_default(),
            (Locator::Lines(lines), _) => lines.get(number).map_or_else(String::new, |line| format!("line {line}")),
            _ => String::new(),
        };
        let mut quarantine = |reason: String| {
            export.quarantine.push(Quarantined { file: export.path.clone(), position: position.clone(), reason });
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => {
                quarantine(reason);
                continue;
            }
        };
        for row in rows {
            let origin = Origin { file: 0, record };
            match canonical(&row, config, mapping, default.as_deref(), origin) {
                Ok((row, misfits, notes)) => {
                    misfits.into_iter().for_each(&mut quarantine);
                    export.notes.extend(notes);
                    if let Some(Cell::Text(system)) = SCHEMA[row.table].column("system").map(|at| &row.cells[at]) {
                        systems.insert(system.clone());
                    }
                    export.rows.push(row);
                }
                Err(reason) => quarantine(reason),
            }
        }
    }
    export.systems = match (&export.envelope.system, systems.is_empty(), default) {
        (Some(system), ..) => vec![system.clone()],
        (None, false, _) => systems.into_iter().collect(),
        (None, true, Some(system)) if export.quarantine.is_empty() => vec![system],
        _ => Vec::new(),
    };
    Ok(())
}

fn envelope(said: &Map<String, Value>) -> Result<Envelope, String> {
    let text = |name: &str| match said.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` is not text")),
    };
    let time = |value: Option<&Value>, name: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Time::parse(text).map(Some).map_err(|why| format!("`{name}`: {why}")),
        Some(_) => Err(format!("`{name}` is not a time")),
    };
    // `places`: whatever `rows` needs to look up; it stands in `$file` and means nothing here.
    let known = ["system", "collected_at", "truncated", "partial", "part", "expected", "covers", "places"];
    if let Some(unknown) = said.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("`{unknown}` means nothing here; known: {}", known.join(", ")));
    }
    let covers = match said.get("covers") {
        None | Some(Value::Null) => None,
        Some(covers) => {
            let from = time(covers.get("from"), "covers.from")?.ok_or("`covers` has no `from`")?;
            let until = time(covers.get("until"), "covers.until")?.ok_or("`covers` has no `until`")?;
            let types = covers
                .get("types")
                .and_then(Value::as_array)
                .map(|types| types.iter().filter_map(|ty| ty.as_str().map(str::to_owned)).collect());
            Some(Covers { from, until, types: types.unwrap_or_default() })
        }
    };
    Ok(Envelope {
        system: text("system")?,
        collected_at: time(said.get("collected_at"), "collected_at")?,
        truncated: match said.get("truncated") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(yes)) => Some(*yes),
            Some(_) => return Err("`truncated` is not true or false".to_owned()),
        },
        partial: text("partial")?,
        part: text("part")?,
        expected: match said.get("expected") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_i64().filter(|count| *count >= 0).ok_or("`expected` is not a count")?),
        },
        covers,
    })
}

type Read = (Row, Vec<String>, Vec<String>);

/// One canonical row; with it, fields that make the record count as quarantined, and remarks.
fn canonical(row: &Value, config: &SourceConfig, mapping: &SourceMapping, default: Option<&str>, origin: Origin) -> Result<Read, String> {
    let object = row.as_object().ok_or("the mapping gave a row that is no object")?;
    let given = match (&config.table, object.get("table")) {
        (Some(table), None) => table.as_str(),
        (_, Some(Value::String(table))) => table.as_str(),
        _ => return Err("the row names no table".to_owned()),
    };
    let table = schema::table(given)
        .filter(|table| !SCHEMA[*table].derived)
        .ok_or_else(|| format!("no table that a source may give is called `{given}`"))?;
    let schema = &SCHEMA[table];
    let observed = config.table.as_deref() == Some(schema.name) || mapping.observes.iter().any(|name| name == schema.name);
    if !observed {
        return Err(format!("the mapping gave a row of `{}`, which it does not observe", schema.name));
    }
    let mut cells = Vec::with_capacity(schema.columns.len());
    let (mut misfits, mut notes) = (Vec::new(), Vec::new());
    for column in schema.columns {
        let value = object.get(column.name).unwrap_or(&Value::Null);
        if column.derived {
            if Cell::read(column, value) != Ok(Cell::Absent(State::Missing)) {
                misfits.push(format!("`{}` is computed by the program: no source gives it", column.name));
            }
            cells.push(Cell::Absent(State::Missing));
            continue;
        }
        cells.push(match Cell::read(column, value) {
            Ok(cell) => cell,
            Err(Misfit::Sentinel(why)) => {
                misfits.push(why);
                Cell::Absent(State::Unreadable)
            }
            Err(Misfit::Unreadable(why)) => {
                notes.push(why);
                Cell::Absent(State::Unreadable)
            }
        });
    }
    for name in object.keys() {
        if name != "table" && schema.column(name).is_none() {
            notes.push(format!(
                "`{}` has no column `{}`: its values were not read",
                schema.name,
                name.chars().take(40).collect::<String>()
            ));
        }
    }
    match cells.first() {
        Some(Cell::Text(id)) if !id.is_empty() => {}
        _ => return Err(format!("the row of `{}` has no `id`", schema.name)),
    }
    if let Some(at) = schema.column("system") {
        if cells[at] == Cell::Absent(State::Missing)
            && let Some(system) = default
        {
            cells[at] = Cell::Text(system.to_owned());
        }
        // A record whose system cannot be told could be anybody's.
        if matches!(cells[at], Cell::Absent(_)) {
            return Err(format!("the row of `{}` names no system; give the source's `systems`", schema.name));
        }
    }
    facts::fill(schema, &mut cells, &config.facts);
    Ok((Row { table, cells, origin }, misfits, notes))
}
