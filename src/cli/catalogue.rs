//! `tickmark control` and `tickmark framework`: which controls and frameworks there are, what one says, and how another framework comes in.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use super::assessing::load;
use super::exit::Exit;
use super::named::hint;
use super::summary::printable;
use super::terminal;
use super::{diagnostics, explain, writing};
use crate::load::import::{Head, ImportError, import};
use crate::load::{quoted, shipped};
use crate::model::control::Control;
use crate::model::framework::{Framework, Requirement};
use crate::model::schema::SCHEMA;

#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// Every control, with its severity and title.
    List(ListOptions),
    /// One control in words.
    Show(ShowOptions),
}

#[derive(Debug, Subcommand)]
pub enum FrameworkCommand {
    /// Every framework, with its number of requirements.
    List(ListOptions),
    /// The requirements of one framework, and the controls that are mapped to each.
    Show(ShowOptions),
    /// Make a framework of an OSCAL catalogue (JSON) or a CSV: ids and titles only.
    Import(ImportOptions),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark control list --search rotation
  tickmark framework list --project examples/bank")]
pub struct ListOptions {
    /// Only what holds this text, in whatever case.
    #[arg(long, value_name = "WORD")]
    pub search: Option<String>,
    /// The project whose controls and frameworks are meant. Default: those that ship.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark control show OFF-01
  tickmark framework show nist-csf-2.0 --search credential")]
pub struct ShowOptions {
    /// Which one.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Of a framework: only requirements that hold this text, in whatever case.
    #[arg(long, value_name = "WORD")]
    pub search: Option<String>,
    /// The project whose controls and frameworks are meant. Default: those that ship.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark framework import NIST_SP-800-53_rev5_catalog.json --id nist-sp-800-53-r5 --url https://doi.org/10.6028/NIST.SP.800-53r5
  tickmark framework import policy.csv --title 'Key policy' --publisher 'Example Bank' --edition 2026 --url https://wiki.example/keys")]
pub struct ImportOptions {
    /// An OSCAL catalogue in JSON, or a CSV with the columns `id`, `title`, and perhaps `parent` and `level`.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What the framework is called in controls and settings. Default: made from the file's name.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// The new file. Default: frameworks/ID.toml.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// What it is called. Default: what the catalogue says.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Who publishes it. Default: what the catalogue says.
    #[arg(long, value_name = "TEXT")]
    pub publisher: Option<String>,
    /// Which edition. Default: what the catalogue says.
    #[arg(long, value_name = "TEXT")]
    pub edition: Option<String>,
    /// Whose text it is, and under which licence. Default: what the catalogue's remarks say, or only which catalogue it is.
    #[arg(long, value_name = "TEXT")]
    pub attribution: Option<String>,
    /// Where it is published. Default: what the catalogue says.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// What is listed.
struct Catalogue {
    /// A control, and whether the project selects it.
    controls: Vec<(Control, bool)>,
    frameworks: Vec<Framework>,
}

/// `None`: the project cannot be used, and standard error says why.
fn catalogue(project: Option<&Path>) -> Option<Catalogue> {
    let Some(root) = project else {
        let (controls, frameworks) = shipped();
        return Some(Catalogue { controls: controls.into_iter().map(|control| (control, true)).collect(), frameworks });
    };
    let project = load(root)?;
    let left = project.deselected.into_iter().map(|left| (left.control, false));
    let mut controls: Vec<(Control, bool)> = project.controls.into_iter().map(|control| (control, true)).chain(left).collect();
    controls.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    Some(Catalogue { controls, frameworks: project.frameworks })
}

/// True where a word is asked for and none of the texts holds it.
fn passes_over<'t>(search: Option<&str>, texts: impl IntoIterator<Item = &'t str>) -> bool {
    search.is_some_and(|word| {
        let word = word.to_lowercase();
        !texts.into_iter().any(|text| text.to_lowercase().contains(&word))
    })
}

/// Runs `tickmark control`.
///
/// # Errors
/// There is no such control.
pub fn control(command: &ControlCommand) -> anyhow::Result<Exit> {
    match command {
        ControlCommand::List(options) => {
            let Some(all) = catalogue(options.project.as_deref()) else { return Ok(Exit::Usage) };
            let mut out = String::new();
            for (control, selected) in &all.controls {
                let table = SCHEMA.get(control.subject).map_or("", |table| table.name);
                let own = [control.id.as_str(), &control.title, &control.statement, &control.risk, &control.remediation, table];
                let mapped = control.mappings.iter().flat_map(|to| [to.requirement.as_str(), to.written.as_str()]);
                if passes_over(options.search.as_deref(), own.into_iter().chain(mapped)) {
                    continue;
                }
                let left = if *selected { "" } else { " (not judged)" };
                let _ = writeln!(out, "{:<8} {:<8} {}{left}", control.id, control.severity.word(), printable(&control.title));
            }
            told(&out, options.search.as_deref(), "control");
        }
        ControlCommand::Show(options) => {
            let Some(all) = catalogue(options.project.as_deref()) else { return Ok(Exit::Usage) };
            let found = all.controls.iter().find(|(control, _)| control.id == options.id).with_context(|| {
                let ids = all.controls.iter().map(|(control, _)| control.id.as_str());
                let help = hint(&options.id, ids, "`tickmark control list` names all");
                format!("no control is called `{}`; {help}", printable(&options.id))
            })?;
            print!("{}", explain::control(&found.0));
        }
    }
    Ok(Exit::Done)
}

/// Runs `tickmark framework`.
///
/// # Errors
/// There is no such framework; what is imported cannot be, or its file is there already.
pub fn framework(command: &FrameworkCommand) -> anyhow::Result<Exit> {
    match command {
        FrameworkCommand::List(options) => {
            let Some(all) = catalogue(options.project.as_deref()) else { return Ok(Exit::Usage) };
            let width = all.frameworks.iter().map(|framework| framework.id.len()).max().unwrap_or_default();
            let mut out = String::new();
            for it in &all.frameworks {
                if passes_over(options.search.as_deref(), [it.id.as_str(), &it.title, &it.publisher, &it.edition]) {
                    continue;
                }
                let count = it.requirements.len();
                let _ = writeln!(out, "{:width$}  {count:>4} requirements  {} {}", it.id, printable(&it.title), printable(&it.edition));
            }
            told(&out, options.search.as_deref(), "framework");
            Ok(Exit::Done)
        }
        FrameworkCommand::Show(options) => {
            let Some(all) = catalogue(options.project.as_deref()) else { return Ok(Exit::Usage) };
            let found = all.frameworks.iter().find(|framework| framework.id == options.id).with_context(|| {
                let ids = all.frameworks.iter().map(|framework| framework.id.as_str());
                let help = hint(&options.id, ids, "`tickmark framework list` names all");
                format!("no framework is called `{}`; {help}", printable(&options.id))
            })?;
            let requirements = requirements(found, &all.controls, options.search.as_deref());
            if requirements.is_empty() {
                told("", options.search.as_deref(), "requirement");
                return Ok(Exit::Done);
            }
            print!(
                "{} {}\n{}\n{}\n\n{requirements}",
                printable(&found.title),
                printable(&found.edition),
                printable(&found.attribution),
                found.url
            );
            Ok(Exit::Done)
        }
        FrameworkCommand::Import(options) => imported(options),
    }
}

fn told(out: &str, search: Option<&str>, what: &str) {
    match search {
        Some(word) if out.is_empty() => eprintln!("no {what} holds `{}`", printable(word)),
        _ => print!("{out}"),
    }
}

fn requirements(framework: &Framework, controls: &[(Control, bool)], search: Option<&str>) -> String {
    let depth = |requirement: &Requirement| {
        let above = |it: &Requirement| it.parent.as_deref().and_then(|parent| framework.requirement(parent)).cloned();
        std::iter::successors(above(requirement), above).count()
    };
    let mut out = String::new();
    for it in &framework.requirements {
        if passes_over(search, [it.id.as_str(), &it.title]) {
            continue;
        }
        let mapped = controls.iter().map(|(control, _)| control);
        let mapped = mapped.filter(|control| control.mappings.iter().any(|to| to.framework == framework.id && to.requirement == it.id));
        let mapped: Vec<&str> = mapped.map(|control| control.id.as_str()).collect();
        let by = if mapped.is_empty() { String::new() } else { format!(" [{}]", mapped.join(", ")) };
        let _ = writeln!(out, "{}{} {}{by}", "  ".repeat(depth(it)), printable(&it.id), printable(&it.title));
    }
    out
}

/// The largest catalogue: the whole of SP 800-53 is 10 MB.
const LIMIT: u64 = 64 << 20;

fn imported(options: &ImportOptions) -> anyhow::Result<Exit> {
    let name = options.file.display().to_string();
    let size = fs::metadata(&options.file).with_context(|| format!("{name} cannot be read"))?.len();
    anyhow::ensure!(size <= LIMIT, "{name} is {size} bytes, more than {LIMIT}");
    let text = fs::read_to_string(&options.file).with_context(|| format!("{name} cannot be read as UTF-8 text"))?;
    let stem = options.file.file_stem().unwrap_or_default().to_string_lossy();
    let id = writing::id(Some(&options.id.clone().unwrap_or_else(|| slug(&stem))), "", "")?;
    let path = options.out.clone().unwrap_or_else(|| Path::new("frameworks").join(format!("{id}.toml")));
    let path = path.to_str().context("--out is no UTF-8 text")?;
    let head = Head {
        title: options.title.clone(),
        publisher: options.publisher.clone(),
        edition: options.edition.clone(),
        attribution: options.attribution.clone(),
        url: options.url.clone(),
    };
    let framework = match import(&name, &text, &id, path, &head) {
        Ok(framework) => framework,
        Err(ImportError::Framework(problems)) => {
            eprint!("{}", diagnostics::render(&problems, terminal::colour_on_errors()));
            return Ok(Exit::Usage);
        }
        Err(error) => anyhow::bail!("{name} is not imported:\n  {}", printable_lines(&error.to_string())),
    };
    let (root, below) = placed(Path::new(path));
    writing::new_file(&Path::new(".").join(root), below, "framework", &framework.text)?;
    println!("{path}: {} requirements of {} {}", framework.requirements.len(), printable(&framework.title), printable(&framework.edition));
    let first = framework.requirements.iter().rev().find(|it| it.parent.is_some()).or(framework.requirements.last());
    println!("\nNext: name the file in `frameworks` of tickmark.toml, and map controls to it in mappings/{id}.toml:\n");
    println!("  [[mapping]]\n  control = \"OFF-01\"\n  framework = {}", quoted(&id));
    println!(
        "  requirements = [{}]\n  relationship = \"supports\"\n  rationale = \"…\"",
        first.map_or_else(String::new, |it| quoted(&it.id))
    );
    Ok(Exit::Done)
}

/// The project that a new framework lies in, as far as its path tells, and its path below that.
fn placed(path: &Path) -> (&Path, &str) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let root = if folder.ends_with("frameworks") { folder.parent().unwrap_or(folder) } else { folder };
    (root, path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default())
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// `NIST_SP-800-53_rev5` → `nist-sp-800-53-rev5`.
fn slug(stem: &str) -> String {
    let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}
