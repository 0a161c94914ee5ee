//! `tickmark collect`: a vendor's own program, or files that somebody hands over → the locker.
//!
//! | module | what |
//! |---|---|
//! | `process` | the one place that starts a process |
//! | `environment` | what of the environment it gets |
//! | `calls` | the calls of a source, in their order, as one export |
//!
//! Whatever comes is redacted and read before it is stored: what is no export of its kind, or still looks like a secret, never
//! reaches the disk. What was there before stays.

mod calls;
mod environment;
mod process;

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::jq::Filters;
use super::locker::{Arrived, By, Entry, Locker, Record, record};
use super::mapping::{self, Export, Reading};
use super::{EvidenceError, FingerprintKey, decode};
use crate::model::assessment::ENGINE;
use crate::model::digest::sha256;
use crate::model::project::{Collect, Commands, Exports, Format, SourceConfig, SourceMapping};
use crate::model::value::Time;
pub use environment::USUAL;
pub use process::Slots;

/// How long a program may take to say its version.
const VERSION: std::time::Duration = std::time::Duration::from_secs(20);

/// What a collection needs beside its source.
#[derive(Debug)]
pub struct Collector<'c> {
    /// The project's folder: where commands are run.
    pub root: &'c Path,
    pub key: &'c FingerprintKey,
    /// The time.
    pub clock: fn() -> Time,
    /// How many processes may run at once.
    pub slots: &'c Slots,
    /// Every mapping that ships: what an export may be that is not of its source's kind.
    pub known: fn() -> &'static [SourceMapping],
    versions: Mutex<Vec<(Vec<String>, Option<String>)>>,
}

/// What became of one source.
#[derive(Debug)]
pub struct Collected {
    pub entry: Entry,
    /// What the failing command wrote on standard error, without lines that look like a secret.
    pub complaint: Vec<String>,
    /// Records in quarantine.
    pub quarantined: usize,
}

/// Why nothing was stored, and nothing is held against the source: the project or the files given are not right.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(
        "source `{0}` names files with `path`: nothing is collected for it; give it a `command` (or `command = \"none\"`, for files that are handed over)"
    )]
    NotCollected(String),
    #[error("source `{0}` says `command = \"none\"`: hand its files over with --source {0} --file FILE --collected-at TIME")]
    ByHand(String),
    #[error(
        "source `{source_id}`: an argument of its command holds what looks like a secret ({found}); pass it through the environment, with `env`"
    )]
    SecretArgument { source_id: String, found: String },
    #[error("{file}: {why}")]
    File { file: String, why: String },
    #[error("{0} does not say when it was collected: give --collected-at")]
    NoTime(String),
    #[error("--collected-at {0} lies ahead")]
    Ahead(Time),
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl<'c> Collector<'c> {
    #[must_use]
    pub fn new(
        root: &'c Path,
        key: &'c FingerprintKey,
        clock: fn() -> Time,
        slots: &'c Slots,
        known: fn() -> &'static [SourceMapping],
    ) -> Collector<'c> {
        Collector { root, key, clock, slots, known, versions: Mutex::default() }
    }

    /// Runs the commands of a source and stores what they print, or that they failed.
    ///
    /// # Errors
    /// The source cannot be collected as it is configured, or the locker cannot be written.
    pub fn run(&self, config: &SourceConfig, mapping: &SourceMapping) -> Result<Collected, CollectError> {
        let commands = commands(config)?;
        let arguments = commands.calls.iter().flat_map(|call| &call.argv).map(String::as_str).collect::<Vec<_>>().join("\n");
        if let Some(found) = super::detect::in_text(&arguments) {
            return Err(CollectError::SecretArgument { source_id: config.id.clone(), found });
        }
        let env = environment::of(mapping.collect.as_ref(), &commands.env);
        let started_at = (self.clock)();
        let made = calls::make(&calls::Request {
            calls: &commands.calls,
            root: self.root,
            env: &env,
            limit: commands.time_limit,
            slots: self.slots,
        });
        let ended_at = (self.clock)();
        let mut record = self.record(config, mapping, By::Command, started_at, ended_at);
        record.collected_at = started_at;
        record.tool_version = self.version(mapping.collect.as_ref(), commands, &env);
        record.calls = made.calls;
        let (complaint, read) = match made.output {
            Ok(output) => (Vec::new(), self.read(config, mapping, "export", output)?),
            Err(failure) => (failure.complaint, Err(failure.why)),
        };
        let mut quarantined = 0;
        let arrived = match read {
            Ok((arrived, export)) => {
                quarantined = export.quarantine.len();
                vec![arrived]
            }
            Err(why) => {
                record.failed = Some(why);
                Vec::new()
            }
        };
        let entry = Locker::of(self.root).add(record, arrived)?;
        Ok(Collected { entry, complaint, quarantined })
    }

    /// Stores files that somebody hands over: name → bytes.
    ///
    /// # Errors
    /// A file is no export of the source's kind, holds a secret, or nobody says when it was collected.
    pub fn take(
        &self,
        config: &SourceConfig,
        mapping: &SourceMapping,
        files: Vec<(String, Vec<u8>)>,
        collected_at: Option<Time>,
    ) -> Result<Collected, CollectError> {
        commands(config)?;
        let now = (self.clock)();
        if let Some(at) = collected_at.filter(|at| *at > now) {
            return Err(CollectError::Ahead(at));
        }
        let (mut arrived, mut times, mut quarantined) = (Vec::new(), Vec::new(), 0);
        for (name, bytes) in files {
            let fault = |why: String| CollectError::File { file: name.clone(), why };
            let (one, export) = self.read(config, mapping, &name, bytes)?.map_err(fault)?;
            times.push(collected_at.or(export.envelope.collected_at).ok_or_else(|| CollectError::NoTime(name.clone()))?);
            quarantined += export.quarantine.len();
            arrived.push(one);
        }
        let mut record = self.record(config, mapping, By::Files, now, (self.clock)());
        // Several files are as old as the oldest of them.
        record.collected_at = times.into_iter().min().unwrap_or(now);
        let entry = Locker::of(self.root).add(record, arrived)?;
        Ok(Collected { entry, complaint: Vec::new(), quarantined })
    }

    fn record(&self, config: &SourceConfig, mapping: &SourceMapping, by: By, started_at: Time, ended_at: Time) -> Record {
        Record {
            schema: record::SCHEMA.to_owned(),
            number: 0,
            previous: None,
            engine: format!("{} {}", ENGINE.0, ENGINE.1),
            source: config.id.clone(),
            kind: config.kind.clone(),
            mapping_sha256: sha256(mapping.text.as_bytes()),
            by,
            collected_at: started_at,
            started_at,
            ended_at,
            tool_version: None,
            calls: Vec::new(),
            failed: None,
            files: Vec::new(),
        }
    }

    /// What came, as it may be stored; the inner error says why it may not.
    fn read(
        &self,
        config: &SourceConfig,
        mapping: &SourceMapping,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Result<(Arrived, Export), String>, EvidenceError> {
        let ending = ending(mapping.format, name, &bytes);
        let filters = Filters::of(mapping, &Arc::default())?;
        let reading = Reading { config, position: 0, mapping, filters, key: self.key, known: self.known };
        let mut export = match mapping::read(&reading, &format!("export.{ending}"), bytes) {
            Err(error @ EvidenceError::OtherKind { .. }) => return Ok(Err(error.to_string())),
            read => read?,
        };
        if let Some(fault) = self.key.fault() {
            return Err(fault);
        }
        if let Some(why) = decode::left_out(&export.bytes) {
            return Ok(Err(why));
        }
        let arrived = Arrived {
            name: name.to_owned(),
            ending,
            bytes: std::mem::take(&mut export.bytes),
            original_sha256: export.original_sha256.clone(),
            redacted: export.redacted,
            records: export.count(),
        };
        Ok(Ok((arrived, export)))
    }

    /// What the tool says of its version; asked once.
    fn version(&self, collect: Option<&Collect>, commands: &Commands, env: &[(std::ffi::OsString, std::ffi::OsString)]) -> Option<String> {
        let collect = collect.filter(|collect| !collect.version.is_empty())?;
        let program = |argv: &[String]| argv.first().and_then(|program| program.rsplit('/').next()).map(str::to_owned);
        if !commands.calls.iter().any(|call| program(&call.argv).as_deref() == Some(&collect.tool)) {
            return None;
        }
        let mut versions = self.versions.lock().ok()?;
        if let Some((_, version)) = versions.iter().find(|(argv, _)| *argv == collect.version) {
            return version.clone();
        }
        let said = process::run(&collect.version, self.root, env, VERSION, self.slots);
        let version = said.ok().and_then(|said| {
            let text = String::from_utf8_lossy(if said.stdout.is_empty() { &said.stderr } else { &said.stdout }).into_owned();
            let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
            let line: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
            super::detect::in_text(&line).is_none().then_some(line)
        });
        versions.push((collect.version.clone(), version.clone()));
        version
    }
}

fn commands(config: &SourceConfig) -> Result<&Commands, CollectError> {
    match &config.exports {
        Exports::Files(_) => Err(CollectError::NotCollected(config.id.clone())),
        Exports::Locker(commands) => Ok(commands),
    }
}

/// What the stored file's name ends with: the format's own, and for canonical rows what they are.
fn ending(format: Format, name: &str, bytes: &[u8]) -> String {
    match format {
        Format::Canonical => match decode::canonical(name) {
            Some(Format::Csv) => "csv",
            Some(_) => "ndjson",
            None if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') => "ndjson",
            None => "csv",
        },
        other => Format::ALL.iter().find(|(_, format)| *format == other).map_or("export", |(word, _)| word),
    }
    .to_owned()
}
