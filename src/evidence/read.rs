//! Everything that a project's sources name, as one set of evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::jq::Filters;
use super::key::FingerprintKey;
use super::locker::{self, Chosen, Locker, Stored, Told};
use super::mapping::{self, Export, FromLocker, Reading};
use super::sources::{self, Described};
use super::tables::{self, Given};
use super::{EvidenceError, about, facts, files, held, logs, patterns, resolve};
use crate::model::attestation::Attestation;
use crate::model::digest::sha256;
use crate::model::project::{Exports, Format, Project, SourceConfig, SourceMapping, Vouched};
use crate::model::table::{Completeness, Evidence, EvidenceFile, Logs, REDACTED};
use crate::model::value::Time;
use crate::model::waiver::Waiver;
use crate::model::watch::{Unwatched, Watch};

/// What to read.
#[derive(Debug)]
pub struct Request<'r> {
    /// The project's folder.
    pub root: &'r Path,
    pub sources: &'r [SourceConfig],
    pub mappings: &'r BTreeMap<String, SourceMapping>,
    pub waivers: &'r [Waiver],
    pub attestations: &'r [Attestation],
    /// Somebody vouches that the attestations are all.
    pub attestations_complete: Option<&'r Vouched>,
    /// `None`: the newest collection time of the evidence.
    pub as_of: Option<Time>,
    pub key: &'r FingerprintKey,
    /// Every mapping that ships: what a file may be that is not of its source's kind.
    pub known: fn() -> &'static [SourceMapping],
    pub watch: &'r dyn Watch,
}

impl<'r> Request<'r> {
    /// What a project names, below its folder.
    #[must_use]
    pub fn of(
        root: &'r Path,
        project: &'r Project,
        as_of: Option<Time>,
        key: &'r FingerprintKey,
        known: fn() -> &'static [SourceMapping],
    ) -> Request<'r> {
        Request {
            root,
            sources: &project.sources,
            mappings: &project.mappings,
            waivers: &project.waivers,
            attestations: &project.attestations,
            attestations_complete: project.attestations_complete.as_ref(),
            as_of,
            key,
            known,
            watch: &Unwatched,
        }
    }
}

/// Reads all evidence. Gives it with the time of the assessment, and whether that is the evidence's own.
///
/// # Errors
/// A file cannot be read or lies outside the project, a mapping cannot be used, or nobody says when to judge.
pub fn read(request: &Request<'_>) -> Result<(Evidence, Time, bool), EvidenceError> {
    let gathered = gathered(request)?;
    let (as_of, own) = match request.as_of {
        Some(at) => (at, false),
        None => {
            let exports = &gathered.exports;
            let times = exports.iter().filter_map(|export| sources::collected(export, &request.sources[export.config])).map(|(at, _)| at);
            let newest = times.chain(gathered.attempted).max();
            // Often the cause: a file that says when it was collected, and could not be read.
            let unread = || {
                let said = |export: &Export| export.quarantine.first().map(|found| format!("; {}: {}", found.file, found.reason));
                let silent = request.sources.iter().enumerate().find(|(number, _)| exports.iter().all(|export| export.config != *number));
                let absent = || silent.map(|(_, config)| format!("; of source `{}`: {}", config.id, sources::nothing(config)));
                EvidenceError::NoAsOf { unread: exports.iter().find_map(said).or_else(absent).unwrap_or_default() }
            };
            (newest.ok_or_else(unread)?, true)
        }
    };
    Ok((assembled(request, gathered, as_of), as_of, own))
}

/// Every export that the sources name, and what the locker's journal tells.
struct Gathered {
    exports: Vec<Export>,
    /// For each configured source.
    told: Vec<Told>,
    journal: BTreeMap<String, Vec<u8>>,
    /// When something was last collected through the locker, or was meant to be.
    attempted: Option<Time>,
}

/// One file to read.
struct Wanted<'w> {
    position: usize,
    mapping: &'w SourceMapping,
    filters: Arc<Filters>,
    path: String,
    stored: Option<(FromLocker, Stored)>,
}

fn gathered(request: &Request<'_>) -> Result<Gathered, EvidenceError> {
    let locker = request.sources.iter().any(|config| matches!(config.exports, Exports::Locker(_)));
    let journal = if locker { Locker::of(request.root).journal()? } else { Vec::new() };
    let mut gathered = Gathered { exports: Vec::new(), told: Vec::new(), journal: BTreeMap::new(), attempted: None };
    let mut filters: BTreeMap<&str, Arc<Filters>> = BTreeMap::new();
    let overtime = Arc::default();
    for (kind, mapping) in request.mappings {
        filters.insert(kind, Filters::of(mapping, &overtime)?);
    }
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for (position, config) in request.sources.iter().enumerate() {
        gathered.told.push(Told::default());
        let (Some(mapping), Some(filters)) = (request.mappings.get(&config.kind), filters.get(config.kind.as_str())) else { continue };
        facts::check(config, mapping)?;
        let wants = |path: String, stored| Wanted { position, mapping, filters: Arc::clone(filters), path, stored };
        match &config.exports {
            Exports::Files(pattern) => {
                let paths = files::find(request.root, &config.id, pattern)?;
                wanted.extend(paths.into_iter().map(|path| wants(path, None)));
            }
            Exports::Locker(_) => {
                let log = sources::is_log(config, mapping);
                let chosen = locker::chosen(&journal, &config.id, &config.kind, log, request.as_of);
                for entry in chosen.entries() {
                    gathered.journal.insert(entry.path.clone(), entry.bytes.clone());
                    gathered.attempted = gathered.attempted.max(Some(entry.record.collected_at));
                }
                gathered.told[position] = locker::told(&chosen);
                wanted.extend(stored(&chosen).map(|(from, stored)| wants(stored.path.clone(), Some((from, stored)))));
            }
        }
    }
    let before = redacted_before(request.root)?;
    request.watch.begins("reading", "files", wanted.len());
    gathered.exports = wanted.into_par_iter().map(|wanted| export(request, wanted, &before)).collect::<Result<_, _>>()?;
    if let Some(fault) = request.key.fault() {
        return Err(fault);
    }
    gathered.exports.sort_by(|a, b| (&a.path, a.config).cmp(&(&b.path, b.config)));
    Ok(gathered)
}

/// The stored exports of the collections that count, each once.
fn stored(chosen: &Chosen<'_>) -> impl Iterator<Item = (FromLocker, Stored)> + use<> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (entry, superseded) in chosen.current.iter().map(|entry| (entry, false)).chain(chosen.earlier.iter().map(|entry| (entry, true))) {
        let from = FromLocker { collected_at: entry.record.collected_at, superseded, failed_since: chosen.failed.is_some() };
        let files = entry.record.files.iter().filter(|stored| seen.insert(stored.path.clone()));
        found.extend(files.map(|stored| (from.clone(), stored.clone())));
    }
    found.into_iter()
}

fn export(request: &Request<'_>, wanted: Wanted<'_>, before: &BTreeMap<String, Before>) -> Result<Export, EvidenceError> {
    let bytes = files::bytes(request.root, &wanted.path)?;
    let config = &request.sources[wanted.position];
    let before = before.get(&wanted.path).filter(|before| before.sha256 == sha256(&bytes));
    if let Some((_, stored)) = &wanted.stored
        && before.is_none()
        && sha256(&bytes) != stored.sha256
    {
        let why = "it is not what was stored: its digest is another; a locker is only added to".to_owned();
        return Err(EvidenceError::Locker { path: request.root.join(&wanted.path), why });
    }
    let Wanted { position, mapping, filters, .. } = &wanted;
    let reading = Reading { config, position: *position, mapping, filters: Arc::clone(filters), key: request.key, known: request.known };
    let mut export = mapping::read(&reading, &wanted.path, bytes)?;
    if let Some(before) = before {
        export.original_sha256.clone_from(&before.original_sha256);
        export.redacted = before.redacted;
    } else if let Some((_, stored)) = &wanted.stored {
        export.original_sha256.clone_from(&stored.original_sha256);
        export.redacted += stored.redacted;
    }
    export.locker = wanted.stored.map(|(from, _)| from);
    request.watch.done();
    Ok(export)
}

/// What `inputs/` of a package says of its files: secrets were replaced before they were packed.
#[derive(serde::Deserialize)]
struct Before {
    sha256: String,
    original_sha256: String,
    redacted: usize,
}

/// Evidence that comes out of a package carries the digest that its export once had.
fn redacted_before(root: &Path) -> Result<BTreeMap<String, Before>, EvidenceError> {
    if !root.join(REDACTED).exists() {
        return Ok(BTreeMap::new());
    }
    let bytes = files::bytes(root, REDACTED)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| EvidenceError::Unreadable { path: root.join(REDACTED), why: std::io::Error::other(error.to_string()) })
}

fn assembled(request: &Request<'_>, gathered: Gathered, as_of: Time) -> Evidence {
    let Gathered { mut exports, told, journal, .. } = gathered;
    let (aside, remarks) = sources::history(&exports, request.sources, request.mappings, as_of);
    let counts = sources::counts(&exports, &aside);
    let setting = sources::Setting { exports: &exports, aside: &aside, remarks: &remarks, counts: &counts, as_of };
    let mut described: Vec<Described> = Vec::new();
    let mut logs = Logs::default();
    for (position, config) in request.sources.iter().enumerate() {
        let Some(mapping) = request.mappings.get(&config.kind) else { continue };
        for mut one in sources::describe(config, position, mapping, &told[position], &setting) {
            note_logs(&mut one, config, mapping, &exports, &mut logs, as_of);
            described.push(one);
        }
    }
    logs::join(&mut logs);
    described.sort_by(|a, b| a.source.id.cmp(&b.source.id));

    let mut given: Vec<Given> = Vec::new();
    let (mut facts, mut lookups) = (Vec::new(), Vec::new());
    for (number, export) in exports.iter_mut().enumerate() {
        if aside[number].is_some() {
            continue;
        }
        let config = &request.sources[export.config];
        let fresh = sources::export_is_fresh(export, config, as_of);
        let file = u32::try_from(number).unwrap_or(u32::MAX);
        let before = given.len();
        lookups.extend(export.lookups.drain(..).map(|mut lookup| {
            lookup.row += before;
            (file, lookup)
        }));
        given.extend(std::mem::take(&mut export.rows).into_iter().map(|mut row| {
            row.origin.file = file;
            Given { row, fresh, about: false }
        }));
        facts.extend(export.facts.drain(..).map(|mut fact| {
            fact.origin.file = file;
            (fresh, fact)
        }));
    }
    let mut remarks = resolve::resolve(&mut given, lookups);
    let (told, more) = patterns::apply(&facts, &given);
    given.extend(told);
    remarks.extend(more);
    for (file, remark) in &remarks {
        if let Some(one) = described.iter_mut().find(|one| one.exports.contains(&(*file as usize))) {
            one.source.notes.push(remark.clone());
        }
    }
    let mut systems: BTreeSet<String> = tables::systems_named(given.iter().map(|given| &given.row));
    systems.extend(request.sources.iter().flat_map(|config| config.systems.iter().cloned()));
    systems.extend(described.iter().flat_map(|one| one.systems.iter().cloned()));
    let systems: Vec<String> = systems.into_iter().collect();
    let derived = about::rows(&described, &exports, &logs, &systems);
    given.extend(derived.into_iter().map(|row| Given { row, fresh: true, about: false }));

    let mut sources: Vec<_> = described.iter().map(|one| one.source.clone()).collect();
    let held = held::held(request, exports.len(), sources.len(), as_of);
    sources.extend(held.sources);
    given.extend(held.rows.into_iter().map(|row| Given { row, fresh: true, about: false }));
    let mut tables = tables::build(given, about::gaps(&sources), as_of);
    for table in &mut tables {
        table.untold = facts::untold(table.schema, request.sources, request.mappings);
        if table.schema.derived {
            table.origins.iter_mut().for_each(Vec::clear);
        }
    }
    let mut quarantine: Vec<_> =
        exports.iter().zip(&aside).filter(|(_, aside)| aside.is_none()).flat_map(|(export, _)| export.quarantine.clone()).collect();
    quarantine.sort();
    let mut remarks: Vec<String> =
        remarks.into_iter().filter_map(|(file, remark)| Some(format!("{}: {remark}", exports.get(file as usize)?.path))).collect();
    remarks.sort();
    let files = exports
        .into_iter()
        .zip(aside)
        .enumerate()
        .map(|(number, (export, set_aside))| file(number, export, set_aside, &described, request))
        .chain(held.files)
        .collect();
    Evidence { tables, logs, systems, sources, files, quarantine, remarks, journal }
}

/// What a full log covers enters `logs`, and its `source` row.
fn note_logs(one: &mut Described, config: &SourceConfig, mapping: &SourceMapping, exports: &[Export], logs: &mut Logs, as_of: Time) {
    if !sources::is_log(config, mapping) && mapping.event_types.is_empty() {
        return;
    }
    // A file of one's own speaks for the systems that the configuration names, and for no other that its rows happen to name.
    let own = mapping.format == Format::Canonical;
    let systems: Vec<String> = one.systems.iter().filter(|system| !own || config.systems.contains(system)).cloned().collect();
    let covered =
        |number: &usize| logs::covered(&exports[*number], config, mapping).into_iter().map(|covers| (*number, covers)).collect::<Vec<_>>();
    for (number, covers) in one.exports.iter().flat_map(covered) {
        let (from, until) = one.source.covers.unwrap_or((covers.from, covers.until));
        one.source.covers = Some((from.min(covers.from), until.max(covers.until)));
        if one.source.completeness == Completeness::Full {
            logs::add(logs, &systems, &covers, &exports[number], config, as_of);
        }
    }
    if one.source.covers.is_none() && !one.source.absent {
        one.source.notes.push(
            "nobody says what time the log covers, or for which event types: it proves no absence; `covers` in tickmark.toml can"
                .to_owned(),
        );
    }
}

fn file(number: usize, export: Export, set_aside: Option<String>, described: &[Described], request: &Request<'_>) -> EvidenceFile {
    let config = &request.sources[export.config];
    let of = described
        .iter()
        .position(|one| one.exports.contains(&number))
        .or_else(|| described.iter().position(|one| one.source.id == config.id || one.source.id.starts_with(&format!("{}/", config.id))));
    EvidenceFile {
        source: of.and_then(|at| u32::try_from(at).ok()).unwrap_or(0),
        path: export.path,
        original_sha256: export.original_sha256,
        sha256: export.sha256,
        redacted: export.redacted,
        bytes: export.bytes,
        locator: export.locator,
        set_aside,
    }
}
