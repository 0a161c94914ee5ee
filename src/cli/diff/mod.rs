//! `tickmark diff`: what changed between two packages, and whether anything got worse.
//!
//! | module | what |
//! |---|---|
//! | `package` | what a package says, as far as two of them are compared |
//! | `verdicts` | subject by subject |
//! | `told` | for people |

mod package;
mod told;
mod verdicts;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::Exit;
use package::{Package, Source};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  tickmark diff last-month/report report
  tickmark diff main.tar.gz report.tar.gz --format markdown

Exit 1 says that something got worse: docs/gate.md has the list.")]
pub struct DiffOptions {
    /// The earlier package: a folder, or an archive (.tar.gz).
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The later one.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// text, markdown: for people; json: for programs, with everything.
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "markdown", "json"], default_value = "text")]
    pub format: String,
}

/// One thing that differs.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Whether it is worse than it was; what is worse comes first.
    #[serde(serialize_with = "turned")]
    worse: std::cmp::Reverse<bool>,
    /// A stable word or two.
    change: &'static str,
    /// `null`: it is of no control.
    control: Option<String>,
    /// The subject, parameter, waiver, source or setting; empty: the control itself.
    what: String,
    before: Option<String>,
    after: Option<String>,
}

fn turned<S: serde::Serializer>(worse: &std::cmp::Reverse<bool>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(worse.0)
}

impl Change {
    fn new(change: &'static str, control: Option<&str>, what: &str, (before, after): (Option<&str>, Option<&str>), worse: bool) -> Change {
        Change {
            worse: std::cmp::Reverse(worse),
            change,
            control: control.map(str::to_owned),
            what: what.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }
}

/// Everything that differs; each list with what is worse first.
#[derive(Debug, Serialize)]
pub struct Differences {
    schema: &'static str,
    worse: bool,
    old: package::Head,
    new: package::Head,
    verdicts: Vec<Change>,
    controls: Vec<Change>,
    parameters: Vec<Change>,
    waivers: Vec<Change>,
    populations: Vec<Change>,
    sources: Vec<Change>,
    settings: Vec<Change>,
}

impl Differences {
    /// Every list with its title.
    fn lists(&self) -> [(&'static str, &[Change]); 7] {
        [
            ("Verdicts", &self.verdicts),
            ("Controls", &self.controls),
            ("Parameters", &self.parameters),
            ("Waivers", &self.waivers),
            ("Populations", &self.populations),
            ("Sources", &self.sources),
            ("Settings", &self.settings),
        ]
    }
}

/// Runs the command.
///
/// # Errors
/// A package cannot be read, or is not whole: exit 2.
pub fn diff(options: &DiffOptions) -> anyhow::Result<Exit> {
    let (old, new) = (Package::read(&options.old)?, Package::read(&options.new)?);
    let differences = compared(&old, &new);
    match options.format.as_str() {
        "json" => println!("{}", serde_json::to_string(&differences)?),
        "markdown" => print!("{}", told::markdown(&differences)),
        _ => print!("{}", told::text(&differences)),
    }
    Ok(if differences.worse { Exit::Violations } else { Exit::Done })
}

/// What differs between two packages.
fn compared(old: &Package, new: &Package) -> Differences {
    let mut differences = Differences {
        schema: "tickmark/diff/1",
        worse: false,
        old: old.head.clone(),
        new: new.head.clone(),
        verdicts: verdicts::compared(old, new),
        controls: controls(old, new),
        parameters: parameters(old, new),
        waivers: waivers(old, new),
        populations: populations(old, new),
        sources: sources(old, new),
        settings: settings(old, new),
    };
    for list in [
        &mut differences.verdicts,
        &mut differences.controls,
        &mut differences.parameters,
        &mut differences.waivers,
        &mut differences.populations,
        &mut differences.sources,
        &mut differences.settings,
    ] {
        list.sort();
    }
    differences.worse = differences.lists().iter().any(|(_, list)| list.iter().any(|change| change.worse.0));
    differences
}

fn controls(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, before) in &old.controls {
        let Some(after) = new.controls.get(id) else {
            let why = new.left_out.get(id).map_or("not there", String::as_str);
            found.push(Change::new("not judged any more", Some(id), "", (Some("judged"), Some(why)), true));
            continue;
        };
        if before.sha256 != after.sha256 {
            found.push(Change::new("another text", Some(id), "", (Some(&before.sha256), Some(&after.sha256)), false));
        }
        if before.severity != after.severity {
            let worse = package::rank(&after.severity) < package::rank(&before.severity);
            found.push(Change::new("another severity", Some(id), "", (Some(&before.severity), Some(&after.severity)), worse));
        }
        if before.status != after.status {
            found.push(Change::new("another status", Some(id), "", (Some(&before.status), Some(&after.status)), false));
        }
    }
    let added = new.controls.keys().filter(|id| !old.controls.contains_key(*id));
    found.extend(added.map(|id| Change::new("judged for the first time", Some(id), "", (None, Some(&new.controls[id].status)), false)));
    found
}

fn parameters(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, after) in &new.controls {
        let Some(before) = old.controls.get(id) else { continue };
        for param in &after.params {
            let was = before.params.iter().find(|was| was.name == param.name);
            if was.is_none_or(|was| was.value != param.value) {
                let values = (was.map(|was| was.value.as_str()), Some(param.value.as_str()));
                found.push(Change::new("another value", Some(id), &param.name, values, param.looser.is_some()));
            }
        }
    }
    found
}

fn waivers(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, after) in &new.waivers {
        let was = old.waivers.get(id);
        let (change, before) = match was {
            None => ("added", None),
            Some(was) if was.standing != after.standing => ("another standing", Some(was.standing.as_str())),
            Some(was) if was != after => ("changed", Some(was.expires_at.as_deref().unwrap_or("no end"))),
            Some(_) => continue,
        };
        let now = if change == "changed" { after.expires_at.as_deref().unwrap_or("no end") } else { &after.standing };
        found.push(Change::new(change, Some(&after.control), id, (before, Some(now)), false));
    }
    let removed = old.waivers.iter().filter(|(id, _)| !new.waivers.contains_key(*id));
    found.extend(removed.map(|(id, was)| Change::new("removed", Some(&was.control), id, (Some(&was.standing), None), false)));
    found
}

fn populations(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (id, after) in &new.controls {
        let Some(before) = old.controls.get(id) else { continue };
        if (before.population, before.population_complete) != (after.population, after.population_complete) {
            let told = |control: &package::Control| {
                format!("{}{}", control.population, if control.population_complete { "" } else { ", not known to be all" })
            };
            let worse = before.population_complete && !after.population_complete;
            found.push(Change::new("another population", Some(id), "", (Some(&told(before)), Some(&told(after))), worse));
        }
    }
    found
}

fn sources(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    let name = |source: &Source| match &source.system {
        Some(system) => format!("{} ({system})", source.id),
        None => source.id.clone(),
    };
    let same = |a: &Source, b: &Source| a.id == b.id && a.system == b.system;
    for before in &old.sources {
        let mut lose = |change, before_is: &str, after_is: &str| {
            found.push(Change::new(change, None, &name(before), (Some(before_is), Some(after_is)), true));
        };
        match new.sources.iter().find(|after| same(before, after)) {
            None if !before.absent => lose("dropped", "there", "not there"),
            None => {}
            Some(after) => {
                if !before.absent && after.absent {
                    lose("yielded nothing", "records", "none");
                } else {
                    if before.fresh && !after.fresh {
                        lose("gone stale", "fresh", "stale");
                    }
                    if before.completeness == "full" && after.completeness != "full" {
                        lose("not complete any more", "full", &after.completeness);
                    }
                }
            }
        }
    }
    let added = new.sources.iter().filter(|after| !old.sources.iter().any(|before| same(before, after)));
    found.extend(added.map(|after| Change::new("added", None, &name(after), (None, Some(&after.completeness)), false)));
    found
}

fn settings(old: &Package, new: &Package) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, before) in &old.settings {
        let after = new.settings.get(name);
        if after != Some(before) {
            found.push(Change::new("another setting", None, name, (Some(before), after.map(String::as_str)), false));
        }
    }
    let added = new.settings.iter().filter(|(name, _)| !old.settings.contains_key(*name));
    found.extend(added.map(|(name, after)| Change::new("another setting", None, name, (None, Some(after)), false)));
    found
}
