//! `tickmark source`: the mappings there are, and what one makes of a sample.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::diagnostics;
use super::exit::Exit;
use super::named::hint;
use super::summary::printable;
use super::terminal;
use crate::evidence::{self, EvidenceError, FingerprintKey, Tried};
use crate::load;
use crate::model::diagnostic::Diagnostics;
use crate::model::project::{Declared, Format, SourceMapping};
use crate::model::schema::{SCHEMA, table};

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Every kind of export that can be read.
    List(SourceListOptions),
    /// One mapping in words: what it reads, what its export does not say, where its vendor documents it.
    Show(SourceShowOptions),
    /// Run a mapping on the sample in a folder: its rows, what is quarantined, and how they differ from the rows expected.
    Test(SourceTestOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source list")]
pub struct SourceListOptions {
    /// A project whose own mappings are listed, too.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source show kong-deck
  tickmark source show kong-deck --toml > sources/our-gateway.toml")]
pub struct SourceShowOptions {
    /// The mapping.
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// The mapping itself, to begin one of your own with.
    #[arg(long)]
    pub toml: bool,
    /// A project whose own mappings go before the shipped ones.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark source test samples/our-gateway
  tickmark source test samples/our-gateway --write")]
pub struct SourceTestOptions {
    /// A folder with `export.*`; perhaps `mapping.toml`, `file.json` (the `systems` of its source) and `expected.ndjson`.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where the folder holds no `mapping.toml`: the project whose mapping, or else the shipped one, of the folder's name is meant.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Write `expected.ndjson` anew.
    #[arg(long)]
    pub write: bool,
}

/// Runs the command.
///
/// # Errors
/// A mapping or a sample that is not there, or cannot be used.
pub fn source(command: &SourceCommand) -> anyhow::Result<Exit> {
    match command {
        SourceCommand::List(options) => list(options),
        SourceCommand::Show(options) => show(options),
        SourceCommand::Test(options) => test(options),
    }
}

/// Shipped mappings, and those of a project before them; what is wrong with its own is told.
fn mappings(project: Option<&Path>) -> anyhow::Result<BTreeMap<String, SourceMapping>> {
    let mut all: BTreeMap<String, SourceMapping> =
        load::shipped_mappings().iter().map(|mapping| (mapping.kind.clone(), mapping.clone())).collect();
    let Some(folder) = project.map(|project| project.join("sources")).filter(|folder| folder.is_dir()) else { return Ok(all) };
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            match own(&path) {
                Ok(mapping) => {
                    all.insert(mapping.kind.clone(), mapping);
                }
                Err(problems) => eprint!("{}", diagnostics::render(&problems, terminal::colour_on_errors())),
            }
        }
    }
    Ok(all)
}

fn own(path: &Path) -> Result<SourceMapping, Diagnostics> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).unwrap_or_default();
    load::mapping_of(&name, &text)
}

fn list(options: &SourceListOptions) -> anyhow::Result<Exit> {
    let all = mappings(options.project.as_deref())?;
    let width = all.keys().map(String::len).max().unwrap_or_default();
    let mut out = String::new();
    for mapping in all.values() {
        let tables = match mapping.observes.as_slice() {
            [] if mapping.format == Format::Canonical => "any table".to_owned(),
            [] => "facts".to_owned(),
            tables => tables.join(", "),
        };
        let state = if mapping.state == Declared::Proposed { ", proposed" } else { "" };
        let own = if mapping.is_shipped() { "" } else { " (the project's own)" };
        let _ = writeln!(out, "{:width$}  {} [{tables}{state}]{own}", mapping.kind, mapping.title);
    }
    print!("{out}");
    Ok(Exit::Done)
}

fn find(all: &BTreeMap<String, SourceMapping>, kind: &str) -> anyhow::Result<SourceMapping> {
    all.get(kind).cloned().ok_or_else(|| {
        let near: Vec<&str> = all.keys().map(String::as_str).filter(|known| known.contains(kind) || kind.contains(known)).collect();
        let help = if near.is_empty() {
            hint(kind, all.keys().map(String::as_str), "`tickmark source list` names all")
        } else {
            format!("there are {}", near.join(", "))
        };
        anyhow::anyhow!("no source mapping is called `{}`; {help}", printable(kind))
    })
}

fn show(options: &SourceShowOptions) -> anyhow::Result<Exit> {
    let mapping = find(&mappings(options.project.as_deref())?, &options.kind)?;
    if options.toml {
        print!("{}", mapping.text);
        return Ok(Exit::Done);
    }
    let mut out = format!("{}: {}\n\n", mapping.kind, mapping.title);
    // The comment at the head of the file says what its export holds and what not.
    for line in mapping.text.lines().take_while(|line| line.starts_with('#')) {
        let _ = writeln!(out, "  {}", line.trim_start_matches('#').trim_start());
    }
    let format = Format::ALL.iter().find(|(_, format)| *format == mapping.format).map_or("", |(word, _)| *word);
    let _ = writeln!(out, "\nReads      {} from {format}", mapping.records);
    if mapping.state == Declared::Proposed {
        out.push_str("State      proposed: nothing of it is known to be deployed\n");
    }
    for name in &mapping.observes {
        let silent: &[String] = mapping.silent.get(name).map_or(&[], Vec::as_slice);
        let Some(schema) = table(name).map(|position| &SCHEMA[position]) else { continue };
        let told = |column: &&str| !silent.iter().any(|silent| silent == column) && *column != "id";
        let said: Vec<&str> = schema.columns.iter().filter(|column| !column.derived).map(|column| column.name).filter(told).collect();
        let _ = writeln!(out, "Observes   {name}: {}", said.join(", "));
        if !silent.is_empty() {
            let _ = writeln!(out, "Not said   {name}: {}", silent.join(", "));
        }
    }
    if !mapping.event_types.is_empty() {
        let _ = writeln!(out, "Events     {}", mapping.event_types.join(", "));
    }
    let whole = if mapping.guarantees_full {
        "the vendor guarantees it"
    } else {
        "only if the export says so, or somebody vouches with `complete`"
    };
    let _ = writeln!(out, "Whole      {whole}");
    if !mapping.secrets.is_empty() {
        let _ = writeln!(out, "Secrets    {} fields become fingerprints", mapping.secrets.len());
    }
    for url in &mapping.documentation {
        let _ = writeln!(out, "See        {url}");
    }
    let _ = write!(out, "\n[[source]]\nkind = \"{}\"\npath = \"evidence/…\"\n", mapping.kind);
    print!("{out}");
    Ok(Exit::Done)
}

fn test(options: &SourceTestOptions) -> anyhow::Result<Exit> {
    let folder = &options.folder;
    let told = |problems: &Diagnostics| eprint!("{}", diagnostics::render(problems, terminal::colour_on_errors()));
    let beside = folder.join("mapping.toml");
    let mapping = if beside.is_file() {
        match own(&beside) {
            Ok(mapping) => mapping,
            Err(problems) => {
                told(&problems);
                return Ok(Exit::Usage);
            }
        }
    } else {
        let kind = folder.canonicalize().ok().and_then(|full| Some(full.file_name()?.to_str()?.to_owned())).unwrap_or_default();
        find(&mappings(Some(&options.project))?, &kind).with_context(|| format!("{} holds no mapping.toml", folder.display()))?
    };
    let said = fs::read(folder.join("file.json")).ok().map(|bytes| serde_json::from_slice::<Value>(&bytes)).transpose();
    let said = said.context("file.json is no JSON")?.unwrap_or_default();
    let systems: Vec<String> = said["systems"].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    let mut exports: Vec<String> = fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("export"))
        .collect();
    exports.sort();
    anyhow::ensure!(!exports.is_empty(), "{} holds no `export.*`: put a sample of the export there", folder.display());
    let mut lines: Vec<(String, String, String)> = Vec::new();
    for name in &exports {
        let bytes = fs::read(folder.join(name)).with_context(|| name.clone())?;
        // Samples carry no secret worth a key of one's own.
        let key = FingerprintKey::given(&[]);
        let tried = evidence::tried(&mapping, &systems, said["table"].as_str(), name, bytes, &key, load::shipped_mappings);
        match tried {
            Ok(tried) => {
                print!("{}", described(name, &mapping, &tried));
                let befell = evidence::befell(&mapping, &tried);
                if !befell.list.is_empty() {
                    told(&befell);
                }
                lines.extend(tried.rows.iter().map(sortable));
            }
            Err(EvidenceError::Filter(problems)) => {
                told(&problems);
                return Ok(Exit::Usage);
            }
            Err(error) => return Err(error.into()),
        }
    }
    lines.sort();
    let made: Vec<String> = lines.into_iter().map(|(.., line)| line).collect();
    compare(&folder.join("expected.ndjson"), &made, options.write)
}

/// Rows in the order of `expected.ndjson`: table, id, all.
fn sortable(row: &Value) -> (String, String, String) {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("table"), text("id"), row.to_string())
}

fn described(name: &str, mapping: &SourceMapping, tried: &Tried) -> String {
    let export = &tried.export;
    let mut out = format!("{name}: {} {}\n", export.count(), mapping.records);
    let mut rows: Vec<(String, String, String)> = tried.rows.iter().filter(|row| row.get("quarantined").is_none()).map(sortable).collect();
    rows.sort();
    for (table, _, row) in rows {
        let _ = writeln!(out, "  {table:11} {}", printable(&row));
    }
    let said = |word: &str, value: Option<String>| format!("  {word}: {}\n", value.unwrap_or_else(|| "not said".to_owned()));
    out.push_str(&said("systems", (!export.systems.is_empty()).then(|| export.systems.join(", "))));
    out.push_str(&said("collected", export.envelope.collected_at.map(|at| at.to_string())));
    let cut = match (export.envelope.truncated, &export.envelope.partial) {
        (Some(true), _) => Some("no, it was cut off".to_owned()),
        (_, Some(why)) => Some(format!("no: {why}")),
        (Some(false), None) => Some("yes, it says so".to_owned()),
        (None, None) => mapping.guarantees_full.then(|| "yes, its vendor guarantees it".to_owned()),
    };
    out.push_str(&said("whole", cut));
    out.push_str(&said("records that there must be", export.envelope.expected.map(|count| count.to_string())));
    if export.redacted > 0 {
        let _ = writeln!(out, "  secrets replaced: {}", export.redacted);
    }
    for note in &export.notes {
        let _ = writeln!(out, "  note: {}", printable(note));
    }
    for found in &export.quarantine {
        let place = if found.position.is_empty() { "the whole file" } else { &found.position };
        let _ = writeln!(out, "  quarantined: {}: {}", printable(place), printable(&found.reason));
    }
    let unsaid = never_filled(mapping, tried);
    if !unsaid.is_empty() {
        let _ = writeln!(out, "  no row says: {}; where the export never does, list them below `[silent]`", unsaid.join(", "));
    }
    out
}

/// Columns that no row of a sample fills and the mapping does not call silent.
fn never_filled(mapping: &SourceMapping, tried: &Tried) -> Vec<String> {
    let mut out = Vec::new();
    for name in &mapping.observes {
        let rows: Vec<&Value> = tried.rows.iter().filter(|row| row["table"] == *name).collect();
        let Some(schema) = table(name).map(|position| &SCHEMA[position]) else { continue };
        if rows.is_empty() {
            out.push(format!("anything of {name}"));
            continue;
        }
        let silent: &[String] = mapping.silent.get(name).map_or(&[], Vec::as_slice);
        for column in schema.columns.iter().filter(|column| !column.derived && !silent.iter().any(|silent| silent == column.name)) {
            if column.name != "system" && rows.iter().all(|row| row.get(column.name).is_none_or(Value::is_null)) {
                out.push(format!("{name}.{}", column.name));
            }
        }
    }
    out
}

fn compare(expected: &Path, made: &[String], write: bool) -> anyhow::Result<Exit> {
    if write {
        let text = made.iter().fold(String::new(), |out, line| out + line + "\n");
        fs::write(expected, text).with_context(|| expected.display().to_string())?;
        println!("{} written: read it, line by line", expected.display());
        return Ok(Exit::Done);
    }
    let Ok(text) = fs::read_to_string(expected) else {
        println!("there is no {} to compare with; --write makes it", expected.display());
        return Ok(Exit::Done);
    };
    let parsed = |line: &str| serde_json::from_str::<Value>(line).ok();
    let (mut gone, mut new): (Vec<Value>, Vec<Value>) = (text.lines().filter_map(parsed).collect(), Vec::new());
    for row in made.iter().filter_map(|line| parsed(line)) {
        match gone.iter().position(|before| *before == row) {
            Some(at) => drop(gone.remove(at)),
            None => new.push(row),
        }
    }
    for (sign, rows) in [("-", &gone), ("+", &new)] {
        for row in rows {
            println!("{sign} {}", printable(&row.to_string()));
        }
    }
    if gone.is_empty() && new.is_empty() {
        println!("{} rows, as expected", made.len());
        return Ok(Exit::Done);
    }
    println!("{} rows expected do not come (-), {} come that are not expected (+)", gone.len(), new.len());
    Ok(Exit::Violations)
}
