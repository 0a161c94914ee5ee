//! `tickmark collect`: what the project's sources name → the locker.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::assessing::{load, refuse_secrets};
use super::clock;
use super::exit::Exit;
use super::named;
use super::progress::{self, Terminal};
use super::summary::printable;
use crate::evidence::FingerprintKey;
use crate::evidence::collect::{CollectError, Collected, Collector, Slots, USUAL};
use crate::evidence::locker::{Entry, Locker};
use crate::model::project::{Exports, Project, SourceConfig, SourceMapping};
use crate::model::value::Time;
use crate::model::watch::Watch;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0, everything was collected; 3, something was not, and what was collected before counts as stale; 2, nothing was.

Example:
  tickmark collect --project nhi
  tickmark collect --project nhi --dry-run
  tickmark collect --project nhi --source kong-deck --file dump.yaml --collected-at 2026-06-29T22:00:00Z
  tickmark collect --project nhi --list"
)]
pub struct CollectOptions {
    /// The folder that holds `tickmark.toml`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Only these sources, by id; default: every source with a command.
    #[arg(value_name = "SOURCE", conflicts_with = "file")]
    pub sources: Vec<String>,
    /// Take files for this source instead of running its command.
    #[arg(long, value_name = "ID", requires = "file")]
    pub source: Option<String>,
    /// A file to take; may be given several times, for an export of several files.
    #[arg(long, value_name = "FILE", requires = "source")]
    pub file: Vec<PathBuf>,
    /// When the files were exported, where they do not say.
    #[arg(long, value_name = "TIME", requires = "file")]
    pub collected_at: Option<String>,
    /// Say what would be run, with which variables of the environment and which permissions, and run nothing.
    #[arg(long, conflicts_with_all = ["file", "list"])]
    pub dry_run: bool,
    /// List what the locker holds, and whether it is sound.
    #[arg(long, conflicts_with = "file")]
    pub list: bool,
    /// text: for people; json: for programs.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
    /// How many commands may run at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
}

/// Runs the command.
///
/// # Errors
/// A source that is not there or is not collected, a file that is no export of its kind, a locker that cannot be written: exit 2.
pub fn collect(options: &CollectOptions) -> anyhow::Result<Exit> {
    let Some(project) = load(&options.project) else { return Ok(Exit::Usage) };
    refuse_secrets(&project)?;
    if options.list {
        return list(options);
    }
    if let Some(id) = &options.source {
        return take(options, &project, id);
    }
    let chosen = chosen(&project, &options.sources)?;
    if options.dry_run {
        dry_run(&chosen, options.format == "json");
        return Ok(Exit::Done);
    }
    let key = FingerprintKey::of(&options.project);
    let slots = Slots::new(usize::from(options.jobs));
    let collector = Collector::new(&options.project, &key, clock::now, &slots, crate::load::shipped_mappings);
    let results = all(&collector, &chosen, usize::from(options.jobs));
    key_made(&key);
    tell(&chosen, results, options.format == "json")
}

type Chosen<'p> = Vec<(&'p SourceConfig, &'p SourceMapping)>;

fn source<'p>(project: &'p Project, id: &str) -> anyhow::Result<(&'p SourceConfig, &'p SourceMapping)> {
    let ids = || project.sources.iter().map(|config| config.id.as_str());
    let help = || named::hint(id, ids(), &format!("there are: {}", ids().collect::<Vec<_>>().join(", ")));
    let config =
        project.sources.iter().find(|config| config.id == id).with_context(|| format!("no source is called `{id}`; {}", help()))?;
    let mapping = project.mappings.get(&config.kind).with_context(|| format!("source `{id}` has no mapping"))?;
    Ok((config, mapping))
}

/// The sources that are asked for; without any, all that have a command.
fn chosen<'p>(project: &'p Project, ids: &[String]) -> anyhow::Result<Chosen<'p>> {
    let runs = |config: &SourceConfig| matches!(&config.exports, Exports::Locker(commands) if !commands.calls.is_empty());
    if ids.is_empty() {
        let all: Vec<&str> = project.sources.iter().filter(|config| runs(config)).map(|config| config.id.as_str()).collect();
        if all.is_empty() {
            bail!("no source of the project has a `command`: there is nothing to collect");
        }
        return all.into_iter().map(|id| source(project, id)).collect();
    }
    let mut found = Chosen::new();
    for id in ids {
        let (config, mapping) = source(project, id)?;
        match &config.exports {
            Exports::Files(_) => return Err(CollectError::NotCollected(id.clone()).into()),
            Exports::Locker(commands) if commands.calls.is_empty() => return Err(CollectError::ByHand(id.clone()).into()),
            Exports::Locker(_) if found.iter().any(|(there, _)| there.id == config.id) => {}
            Exports::Locker(_) => found.push((config, mapping)),
        }
    }
    Ok(found)
}

/// Collects several sources at once; results come in their order.
fn all(collector: &Collector<'_>, chosen: &Chosen<'_>, jobs: usize) -> Vec<Option<Result<Collected, CollectError>>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Collected, CollectError>>>> = chosen.iter().map(|_| Mutex::new(None)).collect();
    let collect = |watch: &Terminal| {
        watch.begins("collecting", "sources", chosen.len());
        std::thread::scope(|scope| {
            for _ in 0..chosen.len().min(jobs) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let (Some((config, mapping)), Some(result)) = (chosen.get(number), results.get(number)) else { break };
                        progress::at(printable(&config.id));
                        let outcome = collector.run(config, mapping);
                        watch.done();
                        if let Ok(mut result) = result.lock() {
                            *result = Some(outcome);
                        }
                    }
                });
            }
        })
    };
    progress::during(collect);
    results.into_iter().map(|result| result.into_inner().ok().flatten()).collect()
}

fn tell(chosen: &Chosen<'_>, results: Vec<Option<Result<Collected, CollectError>>>, as_json: bool) -> anyhow::Result<Exit> {
    let (mut good, mut failed, mut broken) = (0, 0, Vec::new());
    let mut told: Vec<Value> = Vec::new();
    for ((config, _), result) in chosen.iter().zip(results) {
        let collected = match result {
            Some(Ok(collected)) => collected,
            Some(Err(error)) => {
                broken.push(format!("{}: {:#}", printable(&config.id), anyhow::Error::from(error)));
                continue;
            }
            None => {
                broken.push(format!("{}: its collection came to no end", printable(&config.id)));
                continue;
            }
        };
        let record = &collected.entry.record;
        if record.failed.is_some() {
            failed += 1
        } else {
            good += 1
        }
        if as_json {
            told.push(serde_json::to_value(record)?);
        } else {
            println!("{}", line(&collected));
        }
        if record.failed.is_some() {
            collected.complaint.iter().for_each(|line| eprintln!("    {}", printable(line)));
        }
    }
    let exit = match (broken.is_empty(), failed) {
        (false, _) => Exit::Usage,
        (true, 0) => Exit::Done,
        (true, _) => Exit::Insufficient,
    };
    if as_json {
        println!("{}", json!({ "schema": "tickmark/collected/1", "collections": told, "exit": exit.code() }));
    } else {
        println!("{good} collected, {failed} failed (exit {})", exit.code());
    }
    broken.iter().for_each(|why| eprintln!("error: {why}"));
    Ok(exit)
}

/// What became of one source, in a line.
fn line(collected: &Collected) -> String {
    let record = &collected.entry.record;
    let id = printable(&record.source);
    if let Some(why) = &record.failed {
        return format!("{id}: failed: {}; what was collected before stays, and counts as stale", printable(why));
    }
    let sum = |of: fn(&crate::evidence::locker::Stored) -> i64| record.files.iter().map(of).sum::<i64>();
    let bytes: u64 = record.files.iter().map(|stored| stored.bytes).sum();
    let mut out = format!("{id}: {} records, {bytes} bytes", sum(|stored| stored.records));
    let redacted: usize = record.files.iter().map(|stored| stored.redacted).sum();
    if redacted > 0 {
        out += &format!(", {redacted} secrets replaced by fingerprints");
    }
    if collected.quarantined > 0 {
        out += &format!(", {} in quarantine", collected.quarantined);
    }
    out + &format!(", of {}", record.collected_at)
}

fn key_made(key: &FingerprintKey) {
    if let Some(path) = key.made() {
        eprintln!("note: made {}: secrets are replaced by fingerprints under it; keep it out of version control", path.display());
    }
}

/// Files that somebody hands over.
fn take(options: &CollectOptions, project: &Project, id: &str) -> anyhow::Result<Exit> {
    let (config, mapping) = source(project, id)?;
    let at = options.collected_at.as_deref().map(Time::parse).transpose().map_err(|why| anyhow::anyhow!("--collected-at: {why}"))?;
    let mut files = Vec::new();
    for path in &options.file {
        let name = path.file_name().map_or_else(|| "export".to_owned(), |name| name.to_string_lossy().into_owned());
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        files.push((name, bytes));
    }
    let key = FingerprintKey::of(&options.project);
    let slots = Slots::new(1);
    let collected =
        Collector::new(&options.project, &key, clock::now, &slots, crate::load::shipped_mappings).take(config, mapping, files, at);
    key_made(&key);
    tell(&vec![(config, mapping)], vec![Some(collected)], options.format == "json")
}

/// What would be run.
fn dry_run(chosen: &Chosen<'_>, as_json: bool) {
    let mut told = Vec::new();
    for (config, mapping) in chosen {
        let Exports::Locker(commands) = &config.exports else { continue };
        let suggested = mapping.collect.as_ref();
        let permissions = suggested.map(|collect| collect.permissions.as_slice()).unwrap_or_default();
        let env: Vec<&str> = suggested.iter().flat_map(|collect| &collect.env).chain(&commands.env).map(String::as_str).collect();
        if as_json {
            let calls = commands.calls.iter().map(|call| {
                let each = call.each.as_ref().map(|each| json!({ "call": each.call, "items": each.items }));
                json!({ "name": call.name, "argv": call.argv, "keep": call.keep, "each": each })
            });
            told.push(json!({ "source": config.id, "calls": calls.collect::<Vec<_>>(), "permissions": permissions, "env": env,
                "time_limit": commands.time_limit.to_string() }));
            continue;
        }
        println!("{}", printable(&config.id));
        for call in &commands.calls {
            let each =
                call.each.as_ref().map_or_else(String::new, |each| format!("    (once for each of `{}` of {})", each.items, each.call));
            println!("  {}{}", words(&call.argv), printable(&each));
        }
        if !permissions.is_empty() {
            println!("  needs at least: {}", printable(&permissions.join("; ")));
        }
        println!("  environment, beside the usual: {}", if env.is_empty() { "nothing".to_owned() } else { printable(&env.join(" ")) });
        println!("  each call may take {}", commands.time_limit);
    }
    if as_json {
        println!("{}", json!({ "schema": "tickmark/collect-plan/1", "usual_env": USUAL, "sources": told }));
    }
}

/// Arguments as a shell would take them, for people to try.
fn words(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+{}".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) { word.clone() } else { format!("'{}'", printable(word).replace('\'', "'\\''")) }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// What the locker holds, and whether it is sound.
fn list(options: &CollectOptions) -> anyhow::Result<Exit> {
    let locker = Locker::of(&options.project);
    let journal = locker.journal()?;
    let journal: Vec<&Entry> =
        journal.iter().filter(|entry| options.sources.is_empty() || options.sources.contains(&entry.record.source)).collect();
    let mut faults = faults(&locker, &options.project)?;
    faults.dedup();
    let exit = if faults.is_empty() { Exit::Done } else { Exit::Usage };
    if options.format == "json" {
        let records: Vec<&crate::evidence::locker::Record> = journal.iter().map(|entry| &entry.record).collect();
        println!("{}", json!({ "schema": "tickmark/locker/1", "collections": records, "faults": faults }));
        return Ok(exit);
    }
    for entry in &journal {
        let record = &entry.record;
        let how = match record.calls.iter().rev().find(|_| record.failed.is_none()) {
            Some(call) => words(&call.argv),
            None => record.failed.as_ref().map_or_else(|| "files handed over".to_owned(), |why| format!("failed: {why}")),
        };
        println!("{:>6}  {}  {}  {}", record.number, record.collected_at, printable(&record.source), printable(&how));
        for stored in &record.files {
            println!(
                "        {}  {} bytes, {} records, {} secrets replaced; sha256 {}, original {}",
                stored.path,
                stored.bytes,
                stored.records,
                stored.redacted,
                stored.sha256.get(..12).unwrap_or_default(),
                stored.original_sha256.get(..12).unwrap_or_default()
            );
        }
    }
    faults.iter().for_each(|fault| eprintln!("error: {fault}"));
    let count = journal.iter().filter(|entry| entry.record.failed.is_none()).count();
    println!(
        "{} collections, {} failed attempts{}",
        count,
        journal.len() - count,
        if faults.is_empty() { "; the locker is sound" } else { "" }
    );
    Ok(exit)
}

fn faults(locker: &Locker, root: &Path) -> anyhow::Result<Vec<String>> {
    let journal = locker.journal()?;
    let mut faults: Vec<String> = Locker::missing(&journal)
        .into_iter()
        .map(|number| format!("record {number} is missing from the journal; a locker is only added to"))
        .collect();
    for stored in journal.iter().flat_map(|entry| &entry.record.files) {
        faults.extend(locker.wrong(stored).map(|why| format!("{} {why}", root.join(&stored.path).display())));
    }
    Ok(faults)
}
