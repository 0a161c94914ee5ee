//! Evidence that the project itself holds: its waivers and attestations, which `load` has read.
//!
//! They are no exports: they stand as they are at the time of the assessment, do not go stale, and have no row in the table
//! `source`. Nothing shows that the attestations are all, unless somebody vouches for it.

use super::read::Request;
use super::tables;
use crate::model::digest::sha256;
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{SCHEMA, table};
use crate::model::table::{Completeness, Evidence, EvidenceFile, Locator, Source};
use crate::model::value::{State, Time};

pub struct Held {
    pub files: Vec<EvidenceFile>,
    pub sources: Vec<Source>,
    pub rows: Vec<Row>,
}

/// What the project holds. `before`: how many files and sources stand before these.
pub fn held(request: &Request<'_>, files_before: usize, sources_before: usize, as_of: Time) -> Held {
    let mut held = Held { files: Vec::new(), sources: Vec::new(), rows: Vec::new() };
    let put = |kind: &str, texts: Vec<(&str, &str)>, source: Source, held: &mut Held| {
        if texts.is_empty() {
            return;
        }
        let number = u32::try_from(sources_before + held.sources.len()).unwrap_or(u32::MAX);
        held.files.extend(texts.iter().map(|(path, text)| file(path, text, number)));
        held.sources.push(Source {
            id: format!("{kind}s/*.toml"),
            kind: kind.to_owned(),
            tables: vec![kind.to_owned()],
            records: i64::try_from(texts.len()).unwrap_or(i64::MAX),
            collected_from: Some("project"),
            fresh: true,
            ..source
        });
    };
    let attestations = request.attestations.iter().map(|one| (one.file.as_str(), one.text.as_str())).collect();
    put("attestation", attestations, vouched(request, as_of), &mut held);
    let Some(position) = table("attestation") else { return held };
    for (number, one) in request.attestations.iter().enumerate() {
        let values = [
            ("id", Cell::Text(one.id.clone())),
            ("subject_kind", Cell::Text(one.subject_kind.clone())),
            ("subject", Cell::Text(one.subject.clone())),
            ("claim", Cell::Text(one.claim.clone())),
            ("by", Cell::Text(one.by.clone())),
            ("at", Cell::Int(one.at.0)),
            ("valid_until", one.valid_until.map_or(Cell::Absent(State::Never), |at| Cell::Int(at.0))),
            ("document", one.document.as_ref().map_or(Cell::Absent(State::None), |held| Cell::Text(format!("sha256:{}", held.sha256)))),
        ];
        let mut cells = vec![Cell::Absent(State::Missing); SCHEMA[position].columns.len()];
        for (name, cell) in values {
            if let Some(column) = SCHEMA[position].column(name) {
                cells[column] = cell;
            }
        }
        let file = u32::try_from(files_before + number).unwrap_or(u32::MAX);
        held.rows.push(Row { table: position, cells, origin: Origin { file, record: 0 } });
    }
    let waivers = request.waivers.iter().map(|one| (one.file.as_str(), one.text.as_str())).collect();
    put("waiver", waivers, Source { completeness: Completeness::Full, ..Source::default() }, &mut held);
    held
}

/// What is known of the completeness of `attestations/`.
fn vouched(request: &Request<'_>, as_of: Time) -> Source {
    let count = i64::try_from(request.attestations.len()).unwrap_or(i64::MAX);
    let Some(vouched) = request.attestations_complete else {
        let note = "nobody says that `attestations/` holds every attestation; `[attestations]` in tickmark.toml can";
        return Source { completeness_note: note.to_owned(), ..Source::default() };
    };
    let source = Source { expected_records: vouched.expected, ..Source::default() };
    let newest = request.attestations.iter().map(|one| one.at).filter(|at| *at <= as_of).max();
    let doubts = vouched.doubts(count, "attestations", newest.map(|at| (at, "before the newest of them was given")), as_of);
    if !doubts.is_empty() {
        return Source { completeness: Completeness::Partial, completeness_note: doubts.join("; "), ..source };
    }
    match vouched.expected.filter(|expected| count < *expected) {
        Some(expected) => Source {
            completeness: Completeness::Partial,
            completeness_note: format!("{count} of {expected} expected attestations are there"),
            ..source
        },
        None => Source {
            completeness: Completeness::Full,
            vouched: true,
            completeness_note: format!("vouched for by {} on {}, from {}", vouched.by, vouched.on, vouched.from),
            ..source
        },
    }
}

fn file(path: &str, text: &str, source: u32) -> EvidenceFile {
    let digest = sha256(text.as_bytes());
    EvidenceFile {
        source,
        path: path.to_owned(),
        original_sha256: digest.clone(),
        sha256: digest,
        redacted: 0,
        bytes: text.as_bytes().to_vec(),
        locator: Locator::Lines(vec![1]),
        set_aside: None,
    }
}

/// The evidence with the rows of its waivers, once it is known whom they excuse.
#[must_use]
pub fn with_waivers(mut evidence: Evidence, rows: Vec<Row>) -> Evidence {
    if let Some(position) = table("waiver")
        && position < evidence.tables.len()
    {
        evidence.tables[position] = tables::again(position, rows, &evidence.tables);
    }
    evidence
}
