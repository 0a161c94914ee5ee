//! `tickmark verify`: the assessment performed again from a package and nothing else, and every byte compared.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::args::VerifyOptions;
use super::assessing::{Assessed, assessed_with};
use super::exit::Exit;
use super::summary::printable;
use crate::attest::package::{self, Manifest};
use crate::attest::{self, manifest};
use crate::evidence::FingerprintKey;
use crate::model::assessment::ENGINE;
use crate::model::control::Severity;
use crate::model::project::Gate;
use crate::report;

/// Where a package keeps what it was made from.
const INPUTS: &str = "inputs/";
/// How many differences are told.
const TOLD: usize = 20;

/// What was found, in the order in which it was looked at.
#[derive(Default)]
struct Account {
    proved: Vec<String>,
    failed: Vec<String>,
    unchecked: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// The folder cannot be read as a package: exit 2.
pub fn verify(options: &VerifyOptions) -> anyhow::Result<Exit> {
    let files = package::files(&options.package)?;
    let manifest = package::manifest(&options.package, &files)?;
    let mut account = Account::default();
    let differences = package::differences(&manifest, &files);
    if differences.is_empty() {
        account.proved.push(format!("the {} files are those that {} lists, and there are no others", manifest.len(), manifest::PATH));
        account.proved.push(format!("their root, over {} leaves, is {}", manifest.leaves, manifest.root));
    }
    account.failed.extend(differences);
    if manifest.engine.name == ENGINE.0 && manifest.engine.version == ENGINE.1 {
        match performed(&files) {
            Ok(again) => compare(&files, &again, &mut account),
            Err(why) => account.failed.push(format!("the assessment cannot be performed again from `{INPUTS}`: {why:#}")),
        }
    } else {
        account.failed.push(other_engine(&manifest));
    }
    if files.keys().any(|path| path.starts_with(manifest::GROWING)) {
        account.unchecked.push(format!("what lies in `{}`: this version reads no signatures", manifest::GROWING));
    }
    account
        .unchecked
        .push("who made the package: no signature was looked at, and whoever can change a file can change the manifest".to_owned());
    if !options.unsigned {
        account.failed.push("nobody's signature was asked for; say `--unsigned` if re-performance alone will do".to_owned());
    }
    Ok(told(options, &account))
}

fn other_engine(manifest: &Manifest) -> String {
    format!(
        "the package was made by {} {}, and this is {} {}: the assessment was not performed again; use that version",
        printable(&manifest.engine.name),
        printable(&manifest.engine.version),
        ENGINE.0,
        ENGINE.1
    )
}

/// The package made again from its own `inputs/`, in a folder of our own: what was read is what is judged.
fn performed(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let work = tempfile::tempdir().context("no folder to work in")?;
    for (path, bytes) in files {
        let Some(below) = path.strip_prefix(INPUTS) else { continue };
        let target = work.path().join(below);
        std::fs::create_dir_all(target.parent().unwrap_or(Path::new("")))?;
        std::fs::write(target, bytes)?;
    }
    // What was given on the command line is given again.
    let before: Value =
        serde_json::from_slice(files.get("assessment.json").map_or(&[][..], Vec::as_slice)).context("assessment.json is no JSON")?;
    let said = |name: &str| before.get(name).and_then(Value::as_str);
    let as_of = if said("as_of_from") == Some("argument") { said("as_of") } else { None };
    let gate = match said("gate") {
        Some("any") => Gate::Any,
        Some("none") => Gate::Off,
        Some(word) => Gate::AtLeast(Severity::from_word(word).context("assessment.json names no gate")?),
        None => anyhow::bail!("assessment.json names no gate"),
    };
    // Secrets were replaced before they were packed: no key is needed, and none is made.
    let key = FingerprintKey::given(&[]);
    let Some(assessed) = assessed_with(work.path(), as_of, Some(gate), &key)? else {
        anyhow::bail!("its settings or controls cannot be used");
    };
    let Assessed { project, evidence, assessment, .. } = assessed;
    let mut again = report::render(&assessment, &evidence, &project)?;
    let manifest = attest::manifest(&again, assessment.as_of)?;
    again.insert(manifest::PATH.to_owned(), manifest);
    Ok(again)
}

fn compare(files: &BTreeMap<String, Vec<u8>>, again: &BTreeMap<String, Vec<u8>>, account: &mut Account) {
    let mut different = Vec::new();
    for (path, bytes) in again {
        match files.get(path) {
            None => different.push(format!("`{path}` should be there and is not")),
            Some(there) if there == bytes => {}
            Some(there) => different.push(match (path.as_str(), first_difference(there, bytes)) {
                ("assessment.json", Some(place)) => format!("`{path}` says otherwise than its inputs: {place}"),
                _ => format!("`{path}` differs from what its inputs give"),
            }),
        }
    }
    for path in files.keys().filter(|path| !path.starts_with(manifest::GROWING) && !again.contains_key(path.as_str())) {
        different.push(format!("`{path}` is there, and its inputs do not give it"));
    }
    if different.is_empty() {
        account.proved.push(format!("performed again from `{INPUTS}`, every byte of the {} files is the same", again.len()));
    }
    // What readers look at first comes first.
    different.sort_by_key(|line| !line.starts_with("`assessment.json`"));
    account.failed.extend(different);
}

/// Where two assessments first say different things, in terms of the assessment.
fn first_difference(there: &[u8], again: &[u8]) -> Option<String> {
    let (there, again): (Value, Value) = (serde_json::from_slice(there).ok()?, serde_json::from_slice(again).ok()?);
    let mut place = Vec::new();
    differing(&there, &again, &mut place)
}

fn differing<'v>(there: &'v Value, again: &'v Value, place: &mut Vec<String>) -> Option<String> {
    match (there, again) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            // Verdicts and statuses before what follows from them.
            names.sort_by_key(|name| match name.as_str() {
                "controls" => 0,
                "findings" => 1,
                "status" | "verdict" => 2,
                "counts" => 3,
                _ => 4,
            });
            names.into_iter().find_map(|name| {
                place.push(name.clone());
                let found = differing(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), place);
                place.pop();
                found
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a.iter().zip(b).enumerate().find_map(|(at, (a, b))| {
            place.push(named(b).unwrap_or_else(|| at.to_string()));
            let found = differing(a, b, place);
            place.pop();
            found
        }),
        (a, b) if a == b => None,
        (Value::Array(a), Value::Array(b)) => {
            Some(format!("{}: the package has {}, its inputs give {}", place.join(" "), a.len(), b.len()))
        }
        (a, b) => Some(format!("{}: the package says {}, its inputs give {}", place.join(" "), short(a), short(b))),
    }
}

/// What an entry of a list is called: a control, a finding's control and subject, a requirement, a source.
fn named(entry: &Value) -> Option<String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("control"), text("subject")) {
        (Some(control), Some(subject)) => Some(format!("{control} {}", printable(subject))),
        _ => text("id").map(printable),
    }
}

fn short(value: &Value) -> String {
    let text = printable(&value.to_string());
    if text.chars().count() <= 120 { text } else { text.chars().take(117).chain("...".chars()).collect() }
}

fn told(options: &VerifyOptions, account: &Account) -> Exit {
    let verified = account.failed.is_empty();
    let cannot = "that the evidence was collected honestly and completely: no program can show that";
    if options.format == "json" {
        let value = serde_json::json!({
            "schema": "tickmark/verification/1",
            "verified": verified,
            "proved": account.proved,
            "failed": account.failed,
            "not_checked": account.unchecked,
            "cannot_be_proved": [cannot],
        });
        println!("{value}");
    } else {
        let section = |title: &str, lines: &[String]| {
            if !lines.is_empty() {
                println!("{title}");
                lines.iter().take(TOLD).for_each(|line| println!("  - {}", printable(line)));
                if lines.len() > TOLD {
                    println!("  - and {} more", lines.len() - TOLD);
                }
            }
        };
        section("Proved", &account.proved);
        section("Not so", &account.failed);
        section("Not checked", &account.unchecked);
        section("Cannot be proved", &[cannot.to_owned()]);
        println!("{}", if verified { "verified, unsigned (exit 0)" } else { "not verified (exit 4)" });
    }
    if verified { Exit::Done } else { Exit::NotVerified }
}
