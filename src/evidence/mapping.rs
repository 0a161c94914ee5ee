//! One file → canonical rows: take secrets out, run the mapping's filters, read every cell.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::decode::{self, Decoded, LEFT_OUT};
use super::envelope::Envelope;
use super::filling::Filling;
use super::jq::Filters;
use super::key::FingerprintKey;
use super::patterns::Fact;
use super::resolve::Lookup;
use super::{EvidenceError, document, lines, plain, recognise, records};
use crate::model::digest::sha256;
use crate::model::project::{SourceConfig, SourceMapping};
use crate::model::row::Row;
use crate::model::table::{Locator, Quarantined};
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
    /// What was judged, and its digest.
    pub bytes: Vec<u8>,
    pub sha256: String,
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

/// What of a file is kept.
pub enum Kept {
    AsItCame,
    /// Other bytes in place of it, packed as it was, and how many secrets were replaced in them.
    Rewritten(Vec<u8>, usize),
    /// Nothing of it: why. It cannot be parsed, or may hold secrets.
    LeftOut(String),
}

/// Reads one file.
///
/// # Errors
/// The mapping itself cannot be used, or is not for this file.
pub fn read(reading: &Reading<'_>, path: &str, original: Vec<u8>) -> Result<Export, EvidenceError> {
    let mapping = reading.mapping;
    let mut filling = Filling::new(reading, path, sha256(&original));
    let kept = match plain::plain(&original) {
        Err(reason) => Kept::LeftOut(reason),
        Ok(plain) => match decode::form(mapping.format, path, &plain) {
            Ok(form) if records::is_lines(form) => {
                let mut beginning = decode::beginning(mapping.format, path, &plain, recognise::RECORDS);
                match foreign(reading, path, &plain, &mut beginning)? {
                    Some(reason) => Kept::LeftOut(reason),
                    None => lines::read(&mut filling, form, &plain)?,
                }
            }
            _ => {
                let mut decoded = decode::decode(mapping.format, path, &plain);
                match foreign(reading, path, &plain, &mut decoded)? {
                    Some(reason) => Kept::LeftOut(reason),
                    None => document::read(&mut filling, decoded, &plain)?,
                }
            }
        },
    };
    if let Kept::LeftOut(reason) = &kept {
        filling = Filling::new(reading, path, filling.original_sha256().to_owned());
        filling.fault(String::new(), reason.clone());
    }
    let mut export = filling.finished();
    let as_it_came = matches!(kept, Kept::AsItCame);
    (export.bytes, export.redacted) = match kept {
        Kept::LeftOut(_) => (Vec::new(), 0),
        Kept::Rewritten(bytes, count) if plain::is_packed(&original) => (plain::pack(&bytes), count),
        Kept::Rewritten(bytes, count) => (bytes, count),
        Kept::AsItCame => (original, 0),
    };
    let nothing = keep_nothing_unread(&mut export);
    export.sha256 = if as_it_came && !nothing { export.original_sha256.clone() } else { sha256(&export.bytes) };
    Ok(export)
}

/// A file of which nothing could be used may be anything, and hold anything: what is kept is a line that says so. True: so it is.
fn keep_nothing_unread(export: &mut Export) -> bool {
    let (Some(first), true) = (export.quarantine.first(), export.rows.is_empty() && export.facts.is_empty()) else { return false };
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
    true
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
        return Ok(Some(match fault {
            Some(why) if why.starts_with(decode::TOO_SOON) => format!("{why}; it was cut off: export it again"),
            Some(why) => format!("{why}; it looks like {looks}"),
            None if looks == recognise::TEXT && decoded.document.is_none() && decoded.records.is_empty() => {
                format!("it holds no record of {}: nothing, or a header with nothing below it", reading.mapping.title)
            }
            None => format!("it does not look like an export of {}; it looks like {looks}", reading.mapping.title),
        }));
    }
    Err(EvidenceError::OtherKind {
        source_id: reading.config.id.clone(),
        path: path.to_owned(),
        title: reading.mapping.title.clone(),
        looks,
        kinds: kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(" or "),
    })
}

impl Export {
    /// How many records it holds.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.envelope.records.unwrap_or_else(|| i64::try_from(self.records.len()).unwrap_or(i64::MAX))
    }
}
