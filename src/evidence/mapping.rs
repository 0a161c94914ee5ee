//! One file → canonical rows: decode, take secrets out, run the mapping's filters, read every cell.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::decode::{self, Decoded, Faults, LEFT_OUT};
use super::detect::Search;
use super::envelope::{self, Envelope};
use super::jq::{self, Filters, Job, Mapped};
use super::key::FingerprintKey;
use super::patterns::Fact;
use super::resolve::Lookup;
use super::{EvidenceError, facts, pages, plain, recognise, redact};
use crate::model::digest::sha256;
use crate::model::project::{Format, SourceConfig, SourceMapping};
use crate::model::row::{Cell, Misfit, Origin, Row};
use crate::model::schema::{self, SCHEMA};
use crate::model::table::{Locator, Quarantined};
use crate::model::value::State;
use crate::model::value::Time;

/// One file, read.
#[derive(Debug)]
pub struct Export {
    /// Position of its `[[source]]`.
    pub config: usize,
    pub path: String,
    pub envelope: Envelope,
    /// Systems that it speaks of: the envelope's, or those of its rows; sorted.
    pub systems: Vec<String>,
    /// Digests of its raw records, each once; in one's own inventory, of what they tell of. Sorted.
    pub records: Vec<u128>,
    /// `origin.record` is set, `origin.file` is not.
    pub rows: Vec<Row>,
    /// Ids and references of `rows` that are yet to be found.
    pub lookups: Vec<Lookup>,
    pub facts: Vec<Fact>,
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

/// How the files of one source are read.
#[derive(Debug)]
pub struct Reading<'r> {
    pub config: &'r SourceConfig,
    /// Position of its `[[source]]`.
    pub position: usize,
    pub mapping: &'r SourceMapping,
    pub filters: Arc<Filters>,
    pub key: &'r FingerprintKey,
    /// What else a file may be, asked for where it is not of this kind.
    pub known: fn() -> &'static [SourceMapping],
}

/// Reads one file.
///
/// # Errors
/// The mapping itself cannot be used, or is not for this file.
pub fn read(reading: &Reading<'_>, path: &str, original: Vec<u8>) -> Result<Export, EvidenceError> {
    let mapping = reading.mapping;
    let original_sha256 = sha256(&original);
    let (bytes, redacted) = without_secrets(reading, path, original)?;
    // What is kept is what is judged: the same bytes give the same rows to whoever reads the package.
    let decoded = match plain::plain(&bytes) {
        Ok(plain) => decode::decode(mapping.format, path, &plain),
        Err(reason) => Decoded::nothing(reason),
    };
    let mut export = Export {
        config: reading.position,
        path: path.to_owned(),
        envelope: Envelope::default(),
        systems: Vec::new(),
        records: Vec::new(),
        rows: Vec::new(),
        lookups: Vec::new(),
        facts: Vec::new(),
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
    fill(&mut export, decoded, reading)?;
    keep_nothing_unread(&mut export);
    Ok(export)
}

/// A file of which nothing could be used may be anything, and hold anything: what is kept is a line that says so.
fn keep_nothing_unread(export: &mut Export) {
    let (Some(first), true) = (export.quarantine.first(), export.rows.is_empty() && export.facts.is_empty()) else { return };
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
    export.records = Vec::new();
    export.locator = Locator::Pointers(Vec::new());
}

/// The bytes that may be kept, and how many secrets were replaced. A file that cannot be parsed and may hold secrets
/// is replaced by a line that says so.
fn without_secrets(reading: &Reading<'_>, path: &str, original: Vec<u8>) -> Result<(Vec<u8>, usize), EvidenceError> {
    let left_out = |reason: &str| Ok((format!("{LEFT_OUT}{reason}\n").into_bytes(), 0));
    let mapping = reading.mapping;
    let plain = match plain::plain(&original) {
        Ok(plain) => plain.into_owned(),
        Err(reason) => return left_out(&reason),
    };
    let mut decoded = decode::decode(mapping.format, path, &plain);
    if let Some(reason) = foreign(reading, path, &plain, &mut decoded)? {
        return left_out(&reason);
    }
    let mut search = Search::new(&reading.config.not_secret);
    let looks = |found: &str| {
        left_out(&format!(
            "it holds what looks like a secret: {found}; name the field in the `secrets` of its mapping, or in `not-secret` of the source if it is none"
        ))
    };
    let (kept, count) = if mapping.format == Format::Pem {
        let (kept, count) = redact::without_private_keys(&plain);
        search.bytes(&kept);
        if let Some(found) = search.told() {
            return looks(&found);
        }
        (kept, count)
    } else {
        let lines = match &decoded.locator {
            Locator::Lines(lines) => lines.as_slice(),
            Locator::Pointers(_) => &[],
        };
        let mut count = 0;
        for (number, value) in decoded.document.iter_mut().chain(&mut decoded.records).enumerate() {
            count += redact::redact(value, &mapping.secrets, reading.key);
            search.value(value, lines.get(number).copied());
        }
        let wrapped = decoded.document.as_ref().is_some_and(|document| pages::bodies(document).is_some());
        let as_it_came = mapping.secrets.is_empty() && !wrapped;
        if as_it_came {
            search.bytes(&plain);
        }
        if let Some(found) = search.told() {
            return looks(&found);
        }
        match (&decoded.document, decoded.quarantine.first()) {
            _ if as_it_came => return Ok((original, 0)),
            (Some(document), _) => (format!("{document:#}\n").into_bytes(), count),
            (None, Some((position, reason))) if position.is_empty() => return left_out(reason),
            (None, _) => (lines_again(&decoded, mapping.format == Format::Csv || plain::name(path).ends_with(".csv")), count),
        }
    };
    Ok(match (kept == plain, plain::is_packed(&original)) {
        (true, _) => (original, count),
        (false, true) => (plain::pack(&kept), count),
        (false, false) => (kept, count),
    })
}

/// Why a file is not of its mapping's kind, where no mapping is known that it is of.
///
/// # Errors
/// One is: the configuration names the wrong one.
fn foreign(reading: &Reading<'_>, path: &str, plain: &[u8], decoded: &mut Decoded) -> Result<Option<String>, EvidenceError> {
    let left_out = plain.starts_with(LEFT_OUT.as_bytes());
    let fault = recognise::whole_fault(decoded).map(str::to_owned);
    if left_out
        || plain.is_empty()
        || !reading.filters.recognises()
        || (fault.is_none() && recognise::fits(&reading.filters, path, decoded)?)
    {
        if fault.is_none() && !reading.filters.recognises() {
            recognise::fits(&reading.filters, path, decoded)?;
        }
        return Ok(None);
    }
    let looks = recognise::looks(path, plain);
    let kinds = recognise::kinds((reading.known)(), &reading.mapping.kind, path, plain);
    if kinds.is_empty() {
        let why = fault.unwrap_or_else(|| format!("it does not look like an export of {}", reading.mapping.title));
        return Ok(Some(format!("{why}; it looks like {looks}")));
    }
    Err(EvidenceError::OtherKind {
        source_id: reading.config.id.clone(),
        path: path.to_owned(),
        title: reading.mapping.title.clone(),
        looks,
        kinds: kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(" or "),
    })
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

/// What the filters are to be run on, with what of it cannot be used: each page of a wrapped document by itself.
pub fn jobs(decoded: Decoded, config: &SourceConfig, file: &Map<String, Value>) -> (Vec<(String, Job)>, Faults) {
    // Two rows of one's own inventory with one id are one record, told twice; events have no such id.
    let by_id = config.table.as_deref().and_then(schema::table).is_some_and(|table| !SCHEMA[table].is_log());
    let wrapped = decoded.document.as_ref().and_then(pages::pages);
    let Some((pages, faults)) = wrapped else {
        return (
            vec![(String::new(), Job { document: decoded.document, records: decoded.records, file: file.clone(), by_id })],
            Vec::new(),
        );
    };
    let job = |page: pages::Page| {
        let mut file = file.clone();
        file.insert("page".to_owned(), Value::Object(page.about));
        (page.pointer, Job { document: Some(page.body), records: Vec::new(), file, by_id })
    };
    (pages.into_iter().map(job).collect(), faults)
}

fn fill(export: &mut Export, decoded: Decoded, reading: &Reading<'_>) -> Result<(), EvidenceError> {
    let Reading { config, mapping, .. } = reading;
    let quarantined = |export: &mut Export, position: String, reason: String| {
        export.quarantine.push(Quarantined { file: export.path.clone(), position, reason });
    };
    // A table of one's own may well be empty; a vendor's export has at least what makes it one.
    let strange = format!("it holds no {}: is it an export of this kind?", mapping.records);
    if decoded.document.is_none() && decoded.records.is_empty() {
        // Rows of one's own may be none, and say so by their header; then they speak of their one system all the same. Anything else
        // that holds no record may be anything, such as a complaint of the program that should have printed it.
        let none = mapping.format == Format::Canonical && decoded.header.iter().any(|name| name == "id");
        if let ([system], true) = (config.systems.as_slice(), none) {
            export.systems = vec![system.clone()];
        }
        if !none && export.quarantine.is_empty() {
            quarantined(export, String::new(), strange);
        }
        return Ok(());
    }
    let mut file = Map::new();
    file.insert("path".to_owned(), json!(export.path));
    file.insert("systems".to_owned(), json!(config.systems));
    file.insert("facts".to_owned(), json!(config.facts));
    let others = decoded.document.as_ref().map_or(0, pages::others);
    if others > 0 {
        export.notes.insert(format!("{others} of its recorded responses answer something else, and were not read"));
    }
    let lines = match &decoded.locator {
        Locator::Lines(lines) => lines.clone(),
        Locator::Pointers(_) => Vec::new(),
    };
    let (jobs, faults) = jobs(decoded, config, &file);
    for (position, reason) in faults {
        quarantined(export, position, reason);
    }
    let (prefixes, jobs): (Vec<String>, Vec<Job>) = jobs.into_iter().unzip();
    let answered: Vec<Option<Value>> = jobs.iter().map(|job| job.file.get("page")?.get("at").cloned()).collect();
    let mapped = match jq::run(&reading.filters, &export.path, jobs)? {
        Ok(mapped) => mapped,
        Err(reason) => {
            quarantined(export, String::new(), reason);
            return Ok(());
        }
    };
    let mut envelopes = Vec::new();
    for (page, answered) in mapped.iter().zip(answered) {
        let mut said = page.envelope.clone();
        // A response says when it was given.
        if let (Some(at), Some(Value::Null) | None) = (answered, said.get("collected_at")) {
            said.insert("collected_at".to_owned(), at);
        }
        match envelope::read(&said) {
            Ok(envelope) => envelopes.push(envelope),
            Err(reason) => {
                quarantined(export, String::new(), format!("the envelope filter: {reason}"));
                envelopes.push(Envelope::default());
            }
        }
    }
    let pointers = mapped.iter().zip(&prefixes).filter_map(|(page, prefix)| Some((page.pointers.as_ref()?, prefix)));
    let pointers: Vec<String> =
        pointers.flat_map(|(pointers, prefix)| pointers.iter().map(move |pointer| format!("{prefix}{pointer}"))).collect();
    let documents = mapped.iter().any(|page| page.pointers.is_some());
    if documents && pointers.is_empty() && export.quarantine.is_empty() {
        quarantined(export, String::new(), strange);
    }
    export.locator = if documents { Locator::Pointers(pointers) } else { Locator::Lines(lines) };
    export.records = mapped.iter().flat_map(|page| page.distinct.iter().copied()).collect();
    export.records.sort_unstable();
    export.records.dedup();
    let sole = match config.systems.as_slice() {
        [system] => Some(system.clone()),
        _ => None,
    };
    let mut systems = BTreeSet::new();
    let mut first = 0;
    for (page, envelope) in mapped.into_iter().zip(&envelopes) {
        let default = envelope.system.clone().or_else(|| sole.clone());
        systems.extend(envelope.system.clone());
        first = rows(export, page, first, reading, default.as_deref(), &mut systems);
    }
    export.envelope = envelope::joined(envelopes);
    export.systems = match (&export.envelope.system, systems.is_empty(), sole) {
        (Some(system), ..) => vec![system.clone()],
        (None, false, _) => systems.into_iter().collect(),
        (None, true, Some(system)) if export.quarantine.is_empty() => vec![system],
        _ => Vec::new(),
    };
    Ok(())
}

/// Reads every row of one page, whose first record has the number `first`; gives the number of the next page's.
fn rows(
    export: &mut Export,
    page: Mapped,
    first: usize,
    reading: &Reading<'_>,
    default: Option<&str>,
    systems: &mut BTreeSet<String>,
) -> usize {
    let mut number = first;
    for rows in page.rows {
        let record = u32::try_from(number).unwrap_or(u32::MAX);
        let position = export.locator.locate(record);
        number += 1;
        let mut quarantine = |at: &str, reason: String| {
            export.quarantine.push(Quarantined { file: export.path.clone(), position: format!("{position}{at}"), reason });
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => {
                quarantine("", reason);
                continue;
            }
        };
        for row in rows {
            // One of several things that a record holds, of which the mapping could make nothing.
            if reading.mapping.format != Format::Canonical
                && let Some(reason) = row.get("quarantined").and_then(Value::as_str)
            {
                quarantine(row.get("at").and_then(Value::as_str).unwrap_or_default(), jq::complaint(reason));
                continue;
            }
            let origin = Origin { file: 0, record };
            match canonical(&row, reading.config, reading.mapping, default, origin) {
                Ok(Read::Fact(fact, faults)) => {
                    faults.into_iter().for_each(|fault| quarantine("", fault));
                    export.facts.push(fact);
                }
                Ok(Read::Row { row, lookups, misfits, notes }) => {
                    misfits.into_iter().for_each(|misfit| quarantine("", misfit));
                    export.notes.extend(notes);
                    export.lookups.extend(lookups.into_iter().map(|lookup| Lookup { row: export.rows.len(), ..lookup }));
                    if let Some(Cell::Text(system)) = SCHEMA[row.table].column("system").map(|at| &row.cells[at]) {
                        systems.insert(system.clone());
                    }
                    export.rows.push(row);
                }
                Err(reason) => quarantine("", reason),
            }
        }
    }
    number
}

/// What a mapping gave.
enum Read {
    /// A row; with it, fields that make the record count as quarantined, and remarks.
    Row { row: Row, lookups: Vec<Lookup>, misfits: Vec<String>, notes: Vec<String> },
    /// Facts by pattern, and fields that make the record count as quarantined.
    Fact(Fact, Vec<String>),
}

/// One canonical row.
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
    if object.contains_key("match") {
        return Fact::read(table, object, origin).map(|(fact, faults)| Read::Fact(fact, faults));
    }
    let observed = config.table.as_deref() == Some(schema.name) || mapping.observes.iter().any(|name| name == schema.name);
    if !observed {
        return Err(format!("the mapping gave a row of `{}`, which it does not observe", schema.name));
    }
    let mut cells = Vec::with_capacity(schema.columns.len());
    let (mut lookups, mut misfits, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for (at, column) in schema.columns.iter().enumerate() {
        let value = object.get(column.name).unwrap_or(&Value::Null);
        if let Some(lookup) = Lookup::read(schema, at, value)? {
            // An id that is yet to be found; until then, the one that it has otherwise.
            cells.push(lookup.otherwise.clone().map_or(Cell::Absent(State::Missing), Cell::Text));
            lookups.push(lookup);
            continue;
        }
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
    Ok(Read::Row { row: Row { table, cells, origin }, lookups, misfits, notes })
}

impl Export {
    /// How many records it holds.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.envelope.records.unwrap_or_else(|| i64::try_from(self.records.len()).unwrap_or(i64::MAX))
    }
}
