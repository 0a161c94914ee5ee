//! Records of a line format → an export, some at a time: what they take in memory does not grow with the file.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::EvidenceError;
use super::decode::{self, LEFT_OUT};
use super::detect::Search;
use super::distinct;
use super::filling::{self, Filling};
use super::jq::Job;
use super::mapping::Kept;
use super::own::Own;
use super::records::{self, Line, Record};
use super::redact;
use crate::model::project::Format;
use crate::model::row::Origin;

/// How many bytes of records the filters are run over at once.
const BATCH: usize = 1 << 20;

/// A file while it is read.
struct Reader<'f, 'r> {
    filling: &'f mut Filling<'r>,
    form: Format,
    search: Search<'r>,
    /// Where secrets are replaced: what is kept of it, and how many were.
    kept: Option<Rewritten>,
    /// Records that the filters have not seen yet, and how many bytes they are.
    waiting: Vec<Value>,
    bytes: usize,
    /// Records are rows as they stand, and no secrets are replaced in them.
    direct: bool,
    own: Option<Own<'r>>,
    /// `$file`, and whether records are counted by their id.
    file: Map<String, Value>,
    by_id: bool,
    fault: Option<EvidenceError>,
}

/// Records, each on the line where it stood, so that positions stay true.
#[derive(Default)]
struct Rewritten {
    text: String,
    /// How many lines there are.
    lines: usize,
    secrets: usize,
}

/// Reads a file of a line format.
///
/// # Errors
/// A filter goes beyond its bounds.
pub fn read(filling: &mut Filling<'_>, form: Format, plain: &[u8]) -> Result<Kept, EvidenceError> {
    let (config, mapping) = (filling.reading.config, filling.reading.mapping);
    let mut reader = Reader {
        form,
        search: Search::new(&config.not_secret, plain),
        kept: (!mapping.secrets.is_empty()).then(Rewritten::default),
        waiting: Vec::new(),
        bytes: 0,
        direct: mapping.secrets.is_empty() && filling.reading.filters.are_none(),
        own: Own::of(config),
        file: filling::file(filling.path(), config),
        by_id: filling::by_id(config),
        fault: None,
        filling,
    };
    let mut any = false;
    let header = records::each(form, plain, decode::needed(mapping.format), &mut |line| {
        any |= reader.line(&line);
        ControlFlow::Continue(())
    });
    reader.run();
    let Reader { filling, mut search, mut kept, fault, .. } = reader;
    if kept.is_none() {
        search.bytes(plain);
    }
    if let Err(reason) = search.ended() {
        return Ok(Kept::LeftOut(reason));
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if let (Format::Csv, Some(kept), Ok(header)) = (form, &mut kept, &header) {
        // Its line is empty yet: what follows it stands below.
        kept.text.insert_str(0, &row(header.iter().map(String::as_str)));
    }
    match header {
        Ok(header) if !any => filling.empty(&header),
        Ok(_) => {}
        Err(reason) => filling.nothing(reason),
    }
    Ok(match kept {
        Some(kept) if kept.text.as_bytes() != plain => Kept::Rewritten(kept.text.into_bytes(), kept.secrets),
        _ => Kept::AsItCame,
    })
}

impl Reader<'_, '_> {
    /// Reads one line; true: it is a record.
    fn line(&mut self, line: &Line<'_>) -> bool {
        let outcome = match &line.record {
            Ok(record) if self.direct && self.own_row(line, *record) => return true,
            Ok(record) => record.value().and_then(|value| self.cleaned(line, *record, value)),
            Err(reason) => Err(reason.clone()),
        };
        match outcome {
            Ok(value) if self.direct => {
                let record = self.filling.at_line(line.number);
                let id = value.get("id").filter(|id| self.by_id && id.is_string());
                self.filling.distinct(distinct::of(id.unwrap_or(&value)));
                self.filling.row(&value, record, self.filling.sole().map(str::to_owned).as_deref());
                true
            }
            Ok(value) => {
                self.filling.at_line(line.number);
                self.waiting.push(value);
                self.bytes += line.raw.len();
                // What is said of the whole is asked of the whole.
                if self.bytes >= BATCH && !self.filling.reading.filters.says_of_all() {
                    self.run();
                }
                true
            }
            Err(reason) => {
                if let Some(kept) = &mut self.kept {
                    let reason = format!("{LEFT_OUT}{reason}");
                    kept.put(line.number, &if self.form == Format::Csv { quoted(&reason) } else { reason });
                }
                self.filling.fault(format!("line {}", line.number), reason);
                false
            }
        }
    }

    /// Reads a record as a row of one's own, if nothing is to be said of it.
    fn own_row(&mut self, line: &Line<'_>, record: Record<'_>) -> bool {
        let Reader { filling, search, own: Some(own), .. } = self else { return false };
        if !is_literal(line, record) || !search.is_quiet(line.raw) {
            return false;
        }
        let origin = Origin { file: 0, record: filling.next() };
        let Some((row, digest)) = own.row(record, origin, filling.sole(), &mut |name| search.is_plain(name)) else { return false };
        filling.at_line(line.number);
        filling.distinct(digest);
        filling.put(row);
        true
    }

    /// A record without its secrets.
    fn cleaned(&mut self, line: &Line<'_>, record: Record<'_>, mut value: Value) -> Result<Value, String> {
        let number = u32::try_from(line.number).ok();
        let secrets = redact::redact(&mut value, &self.filling.reading.mapping.secrets, self.filling.reading.key);
        let quiet = is_literal(line, record) && self.search.is_quiet(line.raw);
        self.search.value(&value, number, quiet);
        let Some(kept) = &mut self.kept else { return Ok(value) };
        let text = match (record, &value) {
            (Record::Fields(..), Value::Object(cells)) => row(cells.values().map(|cell| cell.as_str().unwrap_or_default())),
            (_, value) => value.to_string(),
        };
        // What is kept is what is judged: the same bytes give the same rows to whoever reads the package.
        if !matches!(record, Record::Fields(..)) && text.as_bytes() != line.raw {
            value = records::record(self.form, text.as_bytes())?.value()?;
        }
        kept.put(line.number, &text);
        kept.secrets += secrets;
        Ok(value)
    }

    /// Runs the filters over what waits for them.
    fn run(&mut self) {
        let records = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        // A file in which a secret was found is not used: what the filters would make of it nobody asks.
        if records.is_empty() || self.fault.is_some() || self.search.has_found() {
            return;
        }
        let job = Job { document: None, records, file: self.file.clone(), by_id: self.by_id };
        self.fault = self.filling.run(vec![(String::new(), job)]).err();
    }
}

impl Rewritten {
    /// Puts what stands on a line, which may be several.
    fn put(&mut self, number: usize, text: &str) {
        while self.lines + 1 < number {
            self.text.push('\n');
            self.lines += 1;
        }
        self.text.push_str(text);
        self.text.push('\n');
        self.lines += 1 + text.matches('\n').count();
    }
}

/// Whether every text of a record stands in its line as it reads: without escapes, and in CSV without quotes.
fn is_literal(line: &Line<'_>, record: Record<'_>) -> bool {
    match record {
        Record::Json(raw) => !raw.contains(&b'\\'),
        Record::Fields(..) => !line.raw.contains(&b'"'),
        Record::Text(_) => true,
    }
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn row<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    cells.map(quoted).collect::<Vec<_>>().join(",")
}
