//! The leaves under a package's root, made from its files and from nothing else. `docs/package-format.md` describes every kind.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::mpsc;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::canonical;
use super::tree::{self, Hash, Tree};
use crate::model::digest::digits;
use crate::model::lanes::{Start, Texts};
use crate::model::salt::Salts;

/// What the digest of a field starts with; leaves start with 0 and nodes with 1.
const FIELD: [u8; 1] = [2];
/// How many leaves are read, and hashed, at a time.
const BATCH: usize = 1 << 14;
/// How many of them at once by one thread.
const CHUNK: usize = 1 << 10;

/// One leaf: what is said openly once the leaf is shown, and what is shown field by field.
#[derive(Clone, Debug, Default)]
pub struct Leaf<'f> {
    pub kind: &'static str,
    /// Canonical JSON of an object.
    pub open: Vec<u8>,
    /// Name → canonical JSON; in the order of the names.
    pub closed: Vec<(Cow<'f, str>, Cow<'f, [u8]>)>,
}

/// The digest of a field.
#[must_use]
pub fn field(salt: &[u8], value: &[u8]) -> Hash {
    Sha256::new().chain_update(FIELD).chain_update(salt).chain_update(value).finalize().into()
}

/// The bytes of a leaf: canonical JSON of its kind, what it says openly, and the digest of every other field.
pub fn bytes<'n>(kind: &str, open: &[u8], closed: impl Iterator<Item = (&'n str, Hash)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(kind, open, closed, &mut out);
    out
}

fn write<'n>(kind: &str, open: &[u8], closed: impl Iterator<Item = (&'n str, Hash)>, out: &mut Vec<u8>) {
    out.extend(b"{\"closed\":{");
    for (number, (name, digest)) in closed.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.extend(b":\"");
        let mut text = [[0; 2]; 32];
        text.iter_mut().zip(digest).for_each(|(pair, byte)| *pair = digits(byte));
        out.extend(text.as_flattened());
        out.push(b'"');
    }
    out.extend(b"},\"kind\":");
    write_text(kind, out);
    out.extend(b",\"open\":");
    out.extend(open);
    out.push(b'}');
}

impl Leaf<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.closed.iter().map(|(name, _)| &**name)
    }
}

/// The hashes of leaves that stand one after the other, the first of them at a place.
fn hashes(leaves: &[Leaf], first: u64, salts: &Salts) -> Vec<Hash> {
    let salts = salts.fields((first..).zip(leaves).map(|(place, leaf)| (place, leaf.names())));
    let mut fields = Texts::default();
    for ((_, value), salt) in leaves.iter().flat_map(|leaf| &leaf.closed).zip(&salts) {
        fields.add([&FIELD, &salt[..], value]);
    }
    let mut digests = fields.hashes(&Start::NOTHING).into_iter();
    tree::leaves(leaves.iter(), |leaf, out| write(leaf.kind, &leaf.open, leaf.names().zip(digests.by_ref()), out))
}

/// A text as canonical JSON.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_text(text, &mut out);
    out
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing a text into memory cannot fail, and `serde_json` escapes as RFC 8785 does.
    let _ = serde_json::to_writer(out, text);
}

/// Why the files of a package have no root.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    #[error("`{0}` is not there")]
    Missing(String),
    #[error("`{0}`: {1}")]
    Unreadable(String, String),
}

fn unreadable(path: &str, why: impl std::fmt::Display) -> LeafError {
    LeafError::Unreadable(path.to_owned(), why.to_string())
}

/// What the tree needs of `assessment.json`; its findings are read from `findings.ndjson`.
#[derive(Deserialize)]
struct Assessed {
    schema: Value,
    tool: Value,
    name: Value,
    as_of: Value,
    as_of_from: Value,
    gate: Value,
    outcome: Outcome,
    totals: Value,
    controls: Vec<Control>,
}

#[derive(Deserialize)]
struct Outcome {
    word: Value,
    exit: Value,
    reason: Value,
}

#[derive(Deserialize)]
struct Control {
    id: String,
    title: Value,
    severity: Value,
    status: Value,
    subject: Value,
    file: Value,
    sha256: Value,
    params: Vec<Value>,
    population: Value,
    population_complete: Value,
    population_gaps: Value,
    counts: Value,
}

/// What a manifest lists: path, length and SHA-256 (hex) of every file.
pub type Listed<'l> = (&'l str, u64, &'l str);

/// Every leaf of a package, in order: the assessment, its files, then control by control the control, its parameters, its verdicts and its
/// findings. `files` may be those alone that are read; `listed` are all.
///
/// # Errors
/// [`LeafError`]; or what `take` gives.
pub fn each<'f, 'l, E: From<LeafError>>(
    files: &'f BTreeMap<String, Vec<u8>>,
    listed: impl Iterator<Item = Listed<'l>>,
    mut take: impl FnMut(Leaf<'f>) -> Result<(), E>,
) -> Result<(), E> {
    let assessment = "assessment.json";
    let read: Assessed = serde_json::from_slice(found(files, assessment)?).map_err(|error| unreadable(assessment, error))?;
    let json = |value: &Value| serde_json_canonicalizer::to_vec(value).map_err(|error| unreadable(assessment, error));
    let outcome = serde_json::json!({ "exit": read.outcome.exit, "word": read.outcome.word });
    take(Leaf {
        kind: "assessment",
        open: json(&serde_json::json!({
            "as_of": read.as_of, "as_of_from": read.as_of_from, "gate": read.gate, "name": read.name, "outcome": outcome,
            "schema": read.schema, "tool": read.tool,
        }))?,
        closed: vec![("reason".into(), json(&read.outcome.reason)?.into()), ("totals".into(), json(&read.totals)?.into())],
    })?;
    for (path, length, digest) in listed {
        let file = serde_json::json!({ "bytes": length, "path": path, "sha256": digest });
        take(Leaf { kind: "file", open: b"{}".to_vec(), closed: vec![("file".into(), json(&file)?.into())] })?;
    }
    let mut findings = Findings::of(found(files, "findings.ndjson")?);
    for control in &read.controls {
        take(Leaf {
            kind: "control",
            open: json(&serde_json::json!({
                "control": control.id, "counts": control.counts, "population": control.population,
                "population_complete": control.population_complete, "severity": control.severity, "sha256": control.sha256,
                "status": control.status, "subject": control.subject, "title": control.title,
            }))?,
            closed: vec![("file".into(), json(&control.file)?.into()), ("population_gaps".into(), json(&control.population_gaps)?.into())],
        })?;
        for param in &control.params {
            let open = serde_json::json!({ "control": control.id, "name": param.get("name") });
            take(Leaf { kind: "parameter", open: json(&open)?, closed: vec![("parameter".into(), json(param)?.into())] })?;
        }
        verdicts(&control.id, files, &mut take)?;
        while let Some(leaf) = findings.next(&control.id)? {
            take(leaf)?;
        }
    }
    findings.none_left()?;
    Ok(())
}

fn found<'f>(files: &'f BTreeMap<String, Vec<u8>>, path: &str) -> Result<&'f [u8], LeafError> {
    files.get(path).map(Vec::as_slice).ok_or_else(|| LeafError::Missing(path.to_owned()))
}

fn verdicts<'l, E: From<LeafError>>(
    control: &str,
    files: &BTreeMap<String, Vec<u8>>,
    take: &mut impl FnMut(Leaf<'l>) -> Result<(), E>,
) -> Result<(), E> {
    let path = format!("populations/{control}.csv");
    let mut reader = csv::Reader::from_reader(found(files, &path)?);
    let header = reader.headers().map_err(|error| unreadable(&path, error))?;
    if header != &csv::StringRecord::from(vec!["subject", "verdict", "reason", "evidence"]) {
        return Err(unreadable(&path, "its columns are not subject, verdict, reason, evidence").into());
    }
    let mut begin = b"{\"control\":".to_vec();
    write_text(control, &mut begin);
    begin.extend(b",\"verdict\":");
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| unreadable(&path, error))? {
        let mut open = Vec::with_capacity(begin.len() + row[1].len() + 3);
        open.extend(&begin);
        write_text(&row[1], &mut open);
        open.push(b'}');
        let cells = [("evidence", &row[3]), ("reason", &row[2]), ("subject", &row[0])];
        let closed = cells.into_iter().filter(|(name, cell)| *name == "subject" || !cell.is_empty());
        take(Leaf { kind: "verdict", open, closed: closed.map(|(name, cell)| (name.into(), text(cell).into())).collect() })?;
    }
    Ok(())
}

/// `findings.ndjson`, line by line.
struct Findings<'f> {
    rest: &'f [u8],
    number: usize,
}

impl<'f> Findings<'f> {
    fn of(rest: &'f [u8]) -> Findings<'f> {
        Findings { rest, number: 1 }
    }

    /// The next line, if it is of this control.
    fn next(&mut self, control: &str) -> Result<Option<Leaf<'f>>, LeafError> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        if line.is_empty() {
            return Ok(None);
        }
        let quick = std::str::from_utf8(line).ok().and_then(canonical::members);
        let leaf = match quick {
            Some(members) => finding(&members, control),
            None => read(line, control).map_err(|why| unreadable("findings.ndjson", format!("line {}: {why}", self.number)))?,
        };
        if leaf.is_some() {
            self.rest = rest.get(1..).unwrap_or_default();
            self.number += 1;
        }
        Ok(leaf)
    }

    fn none_left(&self) -> Result<(), LeafError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let why = "stands out of order, is empty, or is of a control that was not judged";
        Err(unreadable("findings.ndjson", format!("line {}: {why}", self.number)))
    }
}

/// What everybody sees of a finding.
const OPEN: [&str; 3] = ["control", "severity", "verdict"];

/// The leaf of a line that is canonical, if it is of this control.
fn finding<'f>(members: &[(&'f str, &'f str)], control: &str) -> Option<Leaf<'f>> {
    let said = members.iter().find(|(name, _)| *name == "control").map(|(_, value)| value.as_bytes());
    if said != Some(&text(control)) {
        return None;
    }
    let mut leaf = Leaf { kind: "finding", open: vec![b'{'], closed: Vec::with_capacity(members.len() + 4) };
    for (name, value) in members {
        if OPEN.contains(name) {
            if leaf.open.len() > 1 {
                leaf.open.push(b',');
            }
            write_text(name, &mut leaf.open);
            leaf.open.push(b':');
            leaf.open.extend(value.as_bytes());
        } else if let Some(columns) = canonical::members(value).filter(|_| *name == "observed") {
            let observed = |(column, value): (&str, &'f str)| (format!("observed/{column}").into(), value.as_bytes().into());
            leaf.closed.extend(columns.into_iter().map(observed));
        } else {
            leaf.closed.push(((*name).into(), value.as_bytes().into()));
        }
    }
    leaf.open.push(b'}');
    in_order(&mut leaf);
    Some(leaf)
}

/// The same of any line.
fn read(line: &[u8], control: &str) -> Result<Option<Leaf<'static>>, serde_json::Error> {
    let found: BTreeMap<String, Value> = serde_json::from_slice(line)?;
    if found.get("control").and_then(Value::as_str) != Some(control) {
        return Ok(None);
    }
    let json = |value: &Value| serde_json_canonicalizer::to_vec(value).map(Cow::Owned);
    let mut leaf = Leaf { kind: "finding", ..Leaf::default() };
    let mut open = serde_json::Map::new();
    for (name, value) in found {
        match (name.as_str(), value) {
            (open_name, value) if OPEN.contains(&open_name) => {
                open.insert(name, value);
            }
            ("observed", Value::Object(columns)) => {
                for (column, value) in &columns {
                    leaf.closed.push((format!("observed/{column}").into(), json(value)?));
                }
            }
            (_, value) => leaf.closed.push((name.into(), json(&value)?)),
        }
    }
    leaf.open = serde_json_canonicalizer::to_vec(&Value::Object(open))?;
    in_order(&mut leaf);
    Ok(Some(leaf))
}

fn in_order(leaf: &mut Leaf) {
    leaf.closed.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
}

/// The tree over a package's files: one pass, a batch of leaves at a time. While one is hashed, the next is read. `files` may be those alone that
/// are read; `listed` are all.
///
/// # Errors
/// [`LeafError`]
pub fn tree<'l>(
    files: &BTreeMap<String, Vec<u8>>,
    listed: impl Iterator<Item = Listed<'l>>,
    salts: &Salts,
    mut tree: Tree,
) -> Result<Tree, LeafError> {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Vec<Leaf<'_>>>(1);
        let hashing = scope.spawn(move || {
            for batch in receiver {
                let first = tree.size();
                let chunks = batch.par_chunks(CHUNK).enumerate();
                let hashed: Vec<Vec<Hash>> = chunks.map(|(at, chunk)| hashes(chunk, first + (at * CHUNK) as u64, salts)).collect();
                tree.extend(&hashed.concat());
            }
            tree
        });
        let mut batch = Vec::with_capacity(BATCH);
        // Where nobody receives, the hashing has panicked, which is told below.
        let send = |batch| drop(sender.send(batch));
        each(files, listed, |leaf| {
            batch.push(leaf);
            if batch.len() == BATCH {
                send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
            }
            Ok::<_, LeafError>(())
        })?;
        send(batch);
        drop(sender);
        Ok(hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
