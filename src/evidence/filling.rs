//! What the filters make of a file's records, read into an export.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::canonical::{self, Read};
use super::decode::{Decoded, Faults};
use super::envelope::{self, Envelope};
use super::jq::{self, Job, Mapped};
use super::mapping::{Export, Reading};
use super::resolve::Lookup;
use super::{EvidenceError, pages};
use crate::model::project::{Format, SourceConfig};
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{self, SCHEMA};
use crate::model::table::{Locator, Quarantined};

/// An export while it is read.
pub struct Filling<'r> {
    pub reading: &'r Reading<'r>,
    export: Export,
    /// What could not be decoded.
    faults: Vec<Quarantined>,
    envelopes: Vec<Envelope>,
    systems: BTreeSet<String>,
    /// The one system that the configuration names.
    sole: Option<String>,
    /// How many records have been read.
    count: usize,
    /// Rows have been read, or could have been.
    ran: bool,
}

impl<'r> Filling<'r> {
    pub fn new(reading: &'r Reading<'r>, path: &str, original_sha256: String) -> Filling<'r> {
        let export = Export {
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
            redacted: 0,
            bytes: Vec::new(),
            sha256: String::new(),
            locator: Locator::Pointers(Vec::new()),
            locker: None,
        };
        let sole = match reading.config.systems.as_slice() {
            [system] => Some(system.clone()),
            _ => None,
        };
        Filling { reading, export, faults: Vec::new(), envelopes: Vec::new(), systems: BTreeSet::new(), sole, count: 0, ran: false }
    }

    pub fn path(&self) -> &str {
        &self.export.path
    }

    pub fn original_sha256(&self) -> &str {
        &self.export.original_sha256
    }

    /// The system of rows that name none.
    pub fn sole(&self) -> Option<&str> {
        self.sole.as_deref()
    }

    /// Something that could not be decoded.
    pub fn fault(&mut self, position: String, reason: String) {
        self.faults.push(Quarantined { file: self.export.path.clone(), position, reason });
    }

    pub fn quarantine(&mut self, position: String, reason: String) {
        self.export.quarantine.push(Quarantined { file: self.export.path.clone(), position, reason });
    }

    pub fn note(&mut self, note: String) {
        self.export.notes.insert(note);
    }

    /// Nothing of the file can be used.
    pub fn nothing(&mut self, reason: String) {
        self.faults.clear();
        self.fault(String::new(), reason);
    }

    /// Nothing is in quarantine.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.export.quarantine.is_empty()
    }

    /// The file holds no record. A table of one's own may well be empty; a vendor's export has at least what makes it one.
    pub fn empty(&mut self, header: &[String]) {
        let Reading { config, mapping, .. } = self.reading;
        // Rows of one's own may be none, and say so by their header; then they speak of their one system all the same. Anything else
        // that holds no record may be anything, such as a complaint of the program that should have printed it.
        let none = mapping.format == Format::Canonical && header.iter().any(|name| name == "id");
        if let ([system], true) = (config.systems.as_slice(), none) {
            self.systems.insert(system.clone());
        }
        if !none && self.is_clean() {
            self.strange();
        }
    }

    fn strange(&mut self) {
        self.quarantine(String::new(), format!("it holds no {}: is it an export of this kind?", self.reading.mapping.records));
    }

    /// The number of the next record of a line format.
    pub fn next(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// Room for the next record of a line format; gives its number.
    pub fn at_line(&mut self, line: usize) -> u32 {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        match &mut self.export.locator {
            Locator::Lines(lines) => lines.push(line),
            locator @ Locator::Pointers(_) => *locator = Locator::Lines(vec![line]),
        }
        let number = self.next();
        self.count += 1;
        self.ran = true;
        number
    }

    /// Runs the filters over the records that have last been given room: those of a line format, or of pages, each with its pointer.
    /// False: nothing of the file can be used.
    pub fn run(&mut self, jobs: Vec<(String, Job)>) -> Result<bool, EvidenceError> {
        let (prefixes, jobs): (Vec<String>, Vec<Job>) = jobs.into_iter().unzip();
        let answered: Vec<Option<Value>> = jobs.iter().map(|job| job.file.get("page")?.get("at").cloned()).collect();
        let given: usize = jobs.iter().map(|job| job.records.len()).sum();
        let first = self.count - given;
        let mapped = match jq::run(&self.reading.filters, &self.export.path, first, jobs)? {
            Ok(mapped) => mapped,
            Err(reason) => {
                self.quarantine(String::new(), reason);
                return Ok(false);
            }
        };
        self.ran = true;
        let mut envelopes = Vec::new();
        for (page, answered) in mapped.iter().zip(answered) {
            let mut said = page.envelope.clone();
            // A response says when it was given.
            if let (Some(at), Some(Value::Null) | None) = (answered, said.get("collected_at")) {
                said.insert("collected_at".to_owned(), at);
            }
            envelopes.push(envelope::read(&said).unwrap_or_else(|reason| {
                self.quarantine(String::new(), format!("the envelope filter: {reason}"));
                Envelope::default()
            }));
        }
        let pointers = mapped.iter().zip(&prefixes).filter_map(|(page, prefix)| Some((page.pointers.as_ref()?, prefix)));
        let pointers: Vec<String> =
            pointers.flat_map(|(pointers, prefix)| pointers.iter().map(move |pointer| format!("{prefix}{pointer}"))).collect();
        if mapped.iter().any(|page| page.pointers.is_some()) {
            self.count += pointers.len();
            if pointers.is_empty() && self.is_clean() {
                self.strange();
            }
            self.export.locator = Locator::Pointers(pointers);
        }
        let mut number = first;
        for (page, envelope) in mapped.into_iter().zip(&envelopes) {
            let default = envelope.system.clone().or_else(|| self.sole.clone());
            self.systems.extend(envelope.system.clone());
            self.export.records.extend(&page.distinct);
            number = self.page(page, number, default.as_deref());
        }
        // Of a line format, of which pieces are run, what is said stands for the whole.
        if given == 0 || self.envelopes.is_empty() {
            self.envelopes.extend(envelopes);
        }
        Ok(true)
    }

    /// Reads every row of one page, whose first record has the number `first`; gives the number of the next page's.
    fn page(&mut self, page: Mapped, first: usize, default: Option<&str>) -> usize {
        let mut number = first;
        for rows in page.rows {
            let record = u32::try_from(number).unwrap_or(u32::MAX);
            number += 1;
            match rows {
                Ok(rows) => rows.iter().for_each(|row| self.row(row, record, default)),
                Err(reason) => self.quarantine(self.export.locator.locate(record), reason),
            }
        }
        number
    }

    /// Reads one row of a record.
    pub fn row(&mut self, row: &Value, record: u32, default: Option<&str>) {
        let Reading { config, mapping, .. } = self.reading;
        // One of several things that a record holds, of which the mapping could make nothing.
        if mapping.format != Format::Canonical
            && let Some(reason) = row.get("quarantined").and_then(Value::as_str)
        {
            let at = row.get("at").and_then(Value::as_str).unwrap_or_default();
            return self.quarantine(format!("{}{at}", self.export.locator.locate(record)), jq::complaint(reason));
        }
        match canonical::read(row, config, mapping, default, Origin { file: 0, record }) {
            Ok(Read::Fact(fact, faults)) => {
                faults.into_iter().for_each(|fault| self.quarantine(self.export.locator.locate(record), fault));
                self.export.facts.push(fact);
            }
            Ok(Read::Row { row, lookups, misfits, notes }) => {
                misfits.into_iter().for_each(|misfit| self.quarantine(self.export.locator.locate(record), misfit));
                self.export.notes.extend(notes);
                let at = self.export.rows.len();
                self.export.lookups.extend(lookups.into_iter().map(|lookup| Lookup { row: at, ..lookup }));
                self.put(row);
            }
            Err(reason) => self.quarantine(self.export.locator.locate(record), reason),
        }
    }

    /// A row of which nothing is left to say.
    pub fn put(&mut self, row: Row) {
        if let Some(Cell::Text(system)) = SCHEMA[row.table].column("system").map(|at| &row.cells[at])
            && !self.systems.contains(system)
        {
            self.systems.insert(system.clone());
        }
        self.export.rows.push(row);
    }

    /// What a record is counted by.
    pub fn distinct(&mut self, digest: u128) {
        self.export.records.push(digest);
    }

    pub fn finished(self) -> Export {
        let Filling { mut export, mut faults, envelopes, systems, sole, ran, .. } = self;
        faults.append(&mut export.quarantine);
        export.quarantine = faults;
        export.records.sort_unstable();
        export.records.dedup();
        export.envelope = if envelopes.is_empty() { Envelope::default() } else { envelope::joined(envelopes) };
        export.systems = match (&export.envelope.system, systems.is_empty(), sole) {
            (Some(system), ..) => vec![system.clone()],
            (None, false, _) => systems.into_iter().collect(),
            (None, true, Some(system)) if ran && export.quarantine.is_empty() => vec![system],
            _ => Vec::new(),
        };
        export
    }
}

/// What `$file` holds beside what the envelope says.
pub fn file(path: &str, config: &SourceConfig) -> Map<String, Value> {
    Map::from_iter([
        ("path".to_owned(), json!(path)),
        ("systems".to_owned(), json!(config.systems)),
        ("facts".to_owned(), json!(config.facts)),
    ])
}

/// Whether two rows of a source with one id are one record, told twice: so it is in one's own inventory; events have no such id.
pub fn by_id(config: &SourceConfig) -> bool {
    config.table.as_deref().and_then(schema::table).is_some_and(|table| !SCHEMA[table].is_log())
}

/// What the filters are to be run on, with what of it cannot be used: each page of a wrapped document by itself.
pub fn jobs(decoded: Decoded, config: &SourceConfig, file: &Map<String, Value>) -> (Vec<(String, Job)>, Faults) {
    let by_id = by_id(config);
    let wrapped = decoded.document.as_ref().and_then(pages::pages);
    let Some((pages, faults)) = wrapped else {
        let job = Job { document: decoded.document, records: decoded.records, file: file.clone(), by_id };
        return (vec![(String::new(), job)], Vec::new());
    };
    let job = |page: pages::Page| {
        let mut file = file.clone();
        file.insert("page".to_owned(), Value::Object(page.about));
        (page.pointer, Job { document: Some(page.body), records: Vec::new(), file, by_id })
    };
    (pages.into_iter().map(job).collect(), faults)
}
