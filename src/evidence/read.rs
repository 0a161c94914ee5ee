//! Everything that a project's sources name, as one set of evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::jq::Filters;
use super::key::FingerprintKey;
use super::mapping::{self, Export, Reading};
use super::sources::{self, Described};
use super::tables::{self, Given};
use super::{EvidenceError, facts, files, held, logs, patterns, resolve};
use crate::model::attestation::Attestation;
use crate::model::project::{Format, Project, SourceConfig, SourceMapping, Vouched};

use crate::model::table::{Completeness, Evidence, EvidenceFile, Logs, REDACTED};
use crate::model::value::Time;
use crate::model::waiver::Waiver;

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
    pub known: fn() -> Vec<SourceMapping>,
}

impl<'r> Request<'r> {
    /// What a project names, below its folder.
    #[must_use]
    pub fn of(
        root: &'r Path,
        project: &'r Project,
        as_of: Option<Time>,
        key: &'r FingerprintKey,
        known: fn() -> Vec<SourceMapping>,
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
        }
    }
}

/// Reads all evidence. Gives it with the time of the assessment, and whether that is the evidence's own.
///
/// # Errors
/// A file cannot be read or lies outside the project, a mapping cannot be used, or nobody says when to judge.
pub fn read(request: &Request<'_>) -> Result<(Evidence, Time, bool), EvidenceError> {
    let exports = exports(request)?;
    let (as_of, own) = match request.as_of {
        Some(at) => (at, false),
        None => {
            let newest =
                exports.iter().filter_map(|export| sources::collected(export, &request.sources[export.config])).map(|(at, _)| at).max();
            // Often the cause: a file that says when it was collected, and could not be read.
            let unread = || {
                let said = |export: &Export| export.quarantine.first().map(|found| format!("; {}: {}", found.file, found.reason));
                EvidenceError::NoAsOf { unread: exports.iter().find_map(said).unwrap_or_default() }
            };
            (newest.ok_or_else(unread)?, true)
        }
    };
    Ok((assembled(request, exports, as_of), as_of, own))
}

fn exports(request: &Request<'_>) -> Result<Vec<Export>, EvidenceError> {
    let mut filters: BTreeMap<&str, Arc<Filters>> = BTreeMap::new();
    for (kind, mapping) in request.mappings {
        filters.insert(kind, Filters::of(mapping)?);
    }
    let mut wanted: Vec<(Reading<'_>, String)> = Vec::new();
    for (position, config) in request.sources.iter().enumerate() {
        let (Some(mapping), Some(filters)) = (request.mappings.get(&config.kind), filters.get(config.kind.as_str())) else { continue };
        facts::check(config, mapping)?;
        for path in files::find(request.root, &config.id, &config.path)? {
            let filters = Arc::clone(filters);
            wanted.push((Reading { config, position, mapping, filters, key: request.key, known: request.known }, path));
        }
    }
    let mut exports: Vec<Export> = wanted
        .into_par_iter()
        .map(|(reading, path)| {
            let bytes = files::bytes(request.root, &path)?;
            mapping::read(&reading, &path, bytes)
        })
        .collect::<Result<_, _>>()?;
    if let Some(fault) = request.key.fault() {
        return Err(fault);
    }
    redacted_before(request.root, &mut exports)?;
    exports.sort_by(|a, b| (&a.path, a.config).cmp(&(&b.path, b.config)));
    Ok(exports)
}

/// What `inputs/` of a package says of its files: secrets were replaced before they were packed.
#[derive(serde::Deserialize)]
struct Before {
    sha256: String,
    original_sha256: String,
    redacted: usize,
}

/// Evidence that comes out of a package carries the digest that its export once had.
fn redacted_before(root: &Path, exports: &mut [Export]) -> Result<(), EvidenceError> {
    if !root.join(REDACTED).exists() {
        return Ok(());
    }
    let bytes = files::bytes(root, REDACTED)?;
    let before: BTreeMap<String, Before> = serde_json::from_slice(&bytes)
        .map_err(|error| EvidenceError::Unreadable { path: root.join(REDACTED), why: std::io::Error::other(error.to_string()) })?;
    for export in exports {
        if let Some(before) = before.get(&export.path)
            && before.sha256 == export.original_sha256
        {
            export.original_sha256.clone_from(&before.original_sha256);
            export.redacted = before.redacted;
        }
    }
    Ok(())
}

fn assembled(request: &Request<'_>, mut exports: Vec<Export>, as_of: Time) -> Evidence {
    let (aside, remarks) = sources::history(&exports, request.sources, request.mappings, as_of);
    let counts = sources::counts(&exports, &aside);
    let setting = sources::Setting { exports: &exports, aside: &aside, remarks: &remarks, counts: &counts, as_of };
    let mut described: Vec<Described> = Vec::new();
    let mut logs = Logs::default();
    for (position, config) in request.sources.iter().enumerate() {
        let Some(mapping) = request.mappings.get(&config.kind) else { continue };
        for mut one in sources::describe(config, position, mapping, &setting) {
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
        let fresh = sources::collected(export, config).is_some_and(|(at, _)| sources::is_fresh(at, config, as_of));
        let file = u32::try_from(number).unwrap_or(u32::MAX);
        let before = given.len();
        lookups.extend(export.lookups.drain(..).map(|mut lookup| {
            lookup.row += before;
            (file, lookup)
        }));
        given.extend(export.rows.drain(..).map(|mut row| {
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
    let derived = sources::rows(&described, &exports, &logs, &systems);
    given.extend(derived.into_iter().map(|row| Given { row, fresh: true, about: false }));

    let mut sources: Vec<_> = described.iter().map(|one| one.source.clone()).collect();
    let held = held::held(request, exports.len(), sources.len());
    sources.extend(held.sources);
    given.extend(held.rows.into_iter().map(|row| Given { row, fresh: true, about: false }));
    let mut tables = tables::build(given, sources::gaps(&sources), as_of);
    for table in tables.iter_mut().filter(|table| table.schema.derived) {
        table.origins.iter_mut().for_each(Vec::clear);
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
    Evidence { tables, logs, systems, sources, files, quarantine, remarks }
}

/// What a full log covers enters `logs`, and its `source` row.
fn note_logs(one: &mut Described, config: &SourceConfig, mapping: &SourceMapping, exports: &[Export], logs: &mut Logs, as_of: Time) {
    if !sources::is_log(config, mapping) && mapping.event_types.is_empty() {
        return;
    }
    // A file of one's own speaks for the systems that the configuration names, and for no other that its rows happen to name.
    let own = mapping.format == Format::Canonical;
    let systems: Vec<String> = one.systems.iter().filter(|system| !own || config.systems.contains(system)).cloned().collect();
    for covers in one.exports.iter().flat_map(|number| logs::covered(&exports[*number], config, mapping)) {
        let (from, until) = one.source.covers.unwrap_or((covers.from, covers.until));
        one.source.covers = Some((from.min(covers.from), until.max(covers.until)));
        if one.source.completeness == Completeness::Full {
            logs::add(logs, &systems, &covers, config, as_of);
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
        sha256: crate::model::digest::sha256(&export.bytes),
        redacted: export.redacted,
        bytes: export.bytes,
        locator: export.locator,
        set_aside,
    }
}
