//! The files of the examples and of real exports, perturbed: one record of each kind, or all of them with `TICKMARK_PERTURB=all`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tickmark::evidence::{FingerprintKey, Request, read};
use tickmark::model::project::{Exports, Project, Vouched};
use tickmark::model::schema::SCHEMA;
use tickmark::model::table::Evidence;
use tickmark::model::value::{Duration, Time};

use super::super::realdata::case::{self, below};
use super::evidence::{blanks, renames, settled, shifts};
use super::{Outcome, better, every, outcomes};

type Files = BTreeMap<String, Vec<u8>>;

/// A project in memory: its settings, and the files that it reads.
pub struct Estate {
    pub name: String,
    pub project: Project,
    files: Files,
    pub as_of: Time,
}

impl Estate {
    fn of(name: &str, root: &Path) -> Estate {
        let (mut project, _) = tickmark::load::project(root).unwrap();
        // Copied for every change, and not looked at.
        project.controls.iter_mut().for_each(|control| control.tests.clear());
        let mut files = Files::new();
        for path in below(root) {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if relative.starts_with("evidence/") || relative.starts_with(".tickmark/") {
                files.insert(relative, fs::read(&path).unwrap());
            }
        }
        // One key for all: ids and comparisons are the same in every copy.
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank/.tickmark/fingerprint.key");
        files.insert(".tickmark/fingerprint.key".to_owned(), fs::read(key).unwrap());
        let as_of = project.as_of.unwrap_or(Time(0));
        let mut estate = Estate { name: name.to_owned(), project, files, as_of };
        let (evidence, as_of) = estate.read(&estate.project, &estate.files, estate.project.as_of);
        estate.as_of = as_of;
        // Every source has an independent count: without one, a record that is gone cannot be noticed.
        for config in &mut estate.project.sources {
            let of = evidence.sources.iter().filter(|source| {
                source.id == config.id || source.id.strip_prefix(&config.id).is_some_and(|rest| rest.starts_with(['/', ' ', ':']))
            });
            // What is in quarantine was a record, too.
            let counted: i64 = of.map(|source| source.records + source.quarantined).sum();
            let (from, by) = ("a count".to_owned(), "j.doe".to_owned());
            let vouched = Vouched { expected: None, from, by, on: as_of.day(), on_at: 0..0 };
            let complete = config.complete.get_or_insert(vouched);
            complete.expected = complete.expected.or(Some(counted));
        }
        estate
    }

    fn read(&self, project: &Project, files: &Files, as_of: Option<Time>) -> (Evidence, Time) {
        let work = crate::scratch::folder();
        for (path, bytes) in files {
            let path = work.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let key = FingerprintKey::of(work.path());
        let request = Request::of(work.path(), project, as_of, &key, tickmark::load::shipped_mappings);
        let (evidence, as_of, _) = read(&request).unwrap();
        (evidence, as_of)
    }

    fn judged(&self, project: &Project, files: &Files) -> (Evidence, BTreeMap<String, Outcome>) {
        let (evidence, _) = self.read(project, files, Some(self.as_of));
        let outcomes = outcomes(&project.controls, &project.waivers, &evidence, self.as_of);
        (evidence, outcomes)
    }
}

/// One change to the files or the settings, made when it is tried: most are never.
struct Change<'a> {
    kind: &'static str,
    what: String,
    make: Box<dyn Fn() -> (Files, Project) + Send + Sync + 'a>,
}

/// A file without one of its records, or (true) with that record twice.
type Edit = Box<dyn Fn(bool) -> Vec<u8> + Send + Sync>;

/// A document, and where in it records stand: in arrays of objects, at the top or one step below it.
fn lists(path: &str, text: &str) -> Option<(Value, Vec<String>)> {
    let whole: Value = match path.rsplit('.').next() {
        Some("json") => serde_json::from_str(text).ok(),
        Some("yaml" | "yml") => serde_yaml_ng::Deserializer::from_str(text).next().and_then(|one| Value::deserialize(one).ok()),
        _ => None,
    }?;
    let is_list = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    let mut places: Vec<String> = Vec::new();
    if is_list(&whole) {
        places.push(String::new());
    }
    for (name, _) in whole.as_object().into_iter().flatten().filter(|(_, value)| is_list(value)) {
        places.push(format!("/{name}"));
    }
    Some((whole, places))
}

/// A file with its records in the opposite order.
fn reversed(path: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if path.ends_with(".csv") || path.ends_with(".ndjson") {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[usize::from(path.ends_with(".csv"))..].reverse();
        return Some((lines.join("\n") + "\n").into_bytes());
    }
    let (mut whole, places) = lists(path, text)?;
    for place in &places {
        whole.pointer_mut(place)?.as_array_mut()?.reverse();
    }
    (!places.is_empty()).then(|| serde_json::to_vec(&whole).unwrap())
}

/// One edit for each record of a file.
fn records(path: &str, bytes: &[u8]) -> Vec<Edit> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let pieces = |all: Vec<String>, header: usize| {
        let all = Arc::new(all);
        (header..all.len())
            .map(|at| {
                let all = Arc::clone(&all);
                Box::new(move |twice: bool| {
                    let mut changed = (*all).clone();
                    if twice {
                        changed.insert(at, all[at].clone());
                    } else {
                        changed.remove(at);
                    }
                    changed.concat().into_bytes()
                }) as Edit
            })
            .collect()
    };
    let lines = || text.lines().map(|line| format!("{line}\n")).collect();
    match path.rsplit('.').next() {
        Some("csv") => return pieces(lines(), 1),
        Some("ndjson") => return pieces(lines(), 0),
        Some("pem") => {
            const BEGIN: &str = "-----BEGIN ";
            return pieces(text.split(BEGIN).skip(1).map(|block| format!("{BEGIN}{block}")).collect(), 0);
        }
        _ => {}
    }
    let Some((whole, places)) = lists(path, text) else { return Vec::new() };
    let whole = Arc::new(whole);
    places
        .into_iter()
        .flat_map(|place| {
            let count = whole.pointer(&place).and_then(Value::as_array).map_or(0, Vec::len);
            let whole = Arc::clone(&whole);
            (0..count).map(move |at| {
                let (whole, place) = (Arc::clone(&whole), place.clone());
                Box::new(move |twice: bool| {
                    let mut changed = (*whole).clone();
                    let items = changed.pointer_mut(&place).unwrap().as_array_mut().unwrap();
                    if twice {
                        items.insert(at, items[at].clone());
                    } else {
                        items.remove(at);
                    }
                    serde_json::to_vec(&changed).unwrap()
                }) as Edit
            })
        })
        .collect()
}

/// One of them, or all with `TICKMARK_PERTURB=all`.
pub fn sampled<T>(items: Vec<T>) -> Vec<T> {
    let one = items.len().max(1);
    let step = every(one, one);
    items.into_iter().step_by(step).collect()
}

fn changes(estate: &Estate) -> Vec<Change<'_>> {
    let mut all: Vec<Change<'_>> = Vec::new();
    let mut files_as = |kind, what: String, path: &str, bytes: Box<dyn Fn() -> Option<Vec<u8>> + Send + Sync>| {
        let path = path.to_owned();
        let make = move || {
            let mut files = estate.files.clone();
            match bytes() {
                Some(bytes) => drop(files.insert(path.clone(), bytes)),
                None => drop(files.remove(&path)),
            }
            (files, estate.project.clone())
        };
        all.push(Change { kind, what, make: Box::new(make) });
    };
    let evidence: Vec<(&String, &Vec<u8>)> = estate.files.iter().filter(|(path, _)| path.starts_with("evidence/")).collect();
    for (path, bytes) in &evidence {
        for (number, edit) in records(path, bytes).into_iter().enumerate() {
            let what = format!("record {number} of {path}");
            let edit = Arc::new(edit);
            let again = Arc::clone(&edit);
            files_as("(b) drop", what.clone(), path, Box::new(move || Some(edit(false))));
            files_as("(g) repeat", what, path, Box::new(move || Some(again(true))));
        }
        files_as("(c) remove", (*path).clone(), path, Box::new(|| None));
        if let Some(bytes) = reversed(path, bytes) {
            files_as("(f) reorder", format!("{path} backwards"), path, Box::new(move || Some(bytes.clone())));
        }
    }
    let mut settings_as = |kind, what: String, edit: Box<dyn Fn(&mut Project) + Send + Sync>| {
        let make = move || {
            let mut project = estate.project.clone();
            edit(&mut project);
            (estate.files.clone(), project)
        };
        all.push(Change { kind, what, make: Box::new(make) });
    };
    for (number, config) in estate.project.sources.iter().enumerate() {
        let partial = move |project: &mut Project| {
            let complete = project.sources[number].complete.as_mut().unwrap();
            complete.expected = complete.expected.map(|count| count + 1);
        };
        settings_as("(d) mark", format!("{} partial", config.id), Box::new(partial));
        let stale = move |project: &mut Project| project.sources[number].max_age = Duration(-1);
        settings_as("(d) mark", format!("{} stale", config.id), Box::new(stale));
    }
    for (number, attestation) in estate.project.attestations.iter().enumerate() {
        let without = move |project: &mut Project| drop(project.attestations.remove(number));
        settings_as("(b) drop", format!("the attestation {}", attestation.id), Box::new(without));
    }
    settings_as("(f) reorder", "sources backwards".to_owned(), Box::new(|project| project.sources.reverse()));
    for (number, config) in estate.project.sources.iter().enumerate() {
        let Some(covers) = &config.covers else { continue };
        for until in [covers.from.0.midpoint(covers.until.0), covers.from.0, covers.until.0 - 1] {
            let what = format!("{} at {}", config.id, Time(until));
            all.push(Change { kind: "(e) cut", what, make: Box::new(move || cut(estate, number, until)) });
        }
    }
    let mut kinds: BTreeMap<&str, Vec<Change<'_>>> = BTreeMap::new();
    all.into_iter().for_each(|change| kinds.entry(change.kind).or_default().push(change));
    kinds.into_values().flat_map(sampled).collect()
}

/// A log that ends earlier: its coverage, and every event after that.
fn cut(estate: &Estate, number: usize, until: i64) -> (Files, Project) {
    let mut project = estate.project.clone();
    let config = &mut project.sources[number];
    let mut files = estate.files.clone();
    let Exports::Files(path) = config.exports.clone() else { panic!("a log that lies in a file") };
    let text = String::from_utf8(files[&path].clone()).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            Time::parse(event["at"].as_str().unwrap()).unwrap().0 <= until
        })
        .collect();
    files.insert(path, kept.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes());
    config.covers.as_mut().unwrap().until = Time(until);
    config.complete.as_mut().unwrap().expected = Some(i64::try_from(kept.len()).unwrap());
    (files, project)
}

fn of_sources(project: &Project, control: &str) -> bool {
    project.controls.iter().any(|one| one.id == control && SCHEMA[one.subject].name == "source")
}

fn hold(estate: &Estate) {
    let (evidence, before) = estate.judged(&estate.project, &estate.files);
    let (blanks, mut broken) = blanks(estate, &evidence, &before);
    let (shifts, shifted) = shifts(estate, &evidence, &before);
    broken.extend(shifted);
    let (renames, renamed) = renames(estate, &evidence);
    broken.extend(renamed);
    let changes = changes(estate);
    let found: Vec<String> = changes
        .par_iter()
        .flat_map_iter(|change| {
            let (files, project) = (change.make)();
            let (after_evidence, after) = estate.judged(&project, &files);
            let in_quarantine = |evidence: &Evidence| evidence.sources.iter().map(|source| source.quarantined).sum::<i64>();
            let released = change.kind == "(b) drop" && in_quarantine(&after_evidence) < in_quarantine(&evidence);
            let same = matches!(change.kind, "(f) reorder" | "(g) repeat");
            let mut reference = &before;
            let without_contradictions;
            let found = |before: &BTreeMap<String, Outcome>| -> Vec<String> {
                before
                    .iter()
                    // Sources whose record in quarantine is gone have one less there.
                    .filter(|(control, _)| !released || !of_sources(&estate.project, control))
                    .flat_map(|(control, before)| {
                        let now = &after[control];
                        let found = match same {
                            true if before != now => vec![format!("{before:?} became {now:?}")],
                            true => Vec::new(),
                            false => better(before, now),
                        };
                        let said = |found| format!("{}: {} {}: {control}: {found}", estate.name, change.kind, change.what);
                        found.into_iter().map(said).collect::<Vec<_>>()
                    })
                    .collect()
            };
            if !same && !found(reference).is_empty() {
                without_contradictions = outcomes(&project.controls, &project.waivers, &settled(&evidence, &after_evidence), estate.as_of);
                reference = &without_contradictions;
            }
            found(reference)
        })
        .collect();
    broken.extend(found);
    let mut run: BTreeMap<&str, usize> = BTreeMap::from([("(a) blank", blanks), ("(h) shift", shifts), ("(i) rename", renames)]);
    changes.iter().for_each(|change| *run.entry(change.kind).or_default() += 1);
    println!("{}: {run:?}, {} perturbations of {} controls", estate.name, run.values().sum::<usize>(), estate.project.controls.len());
    assert!(broken.is_empty(), "{}\n{}", broken.len(), broken.join("\n"));
    assert!(changes.len() >= 3, "{run:?}");
}

#[test]
fn the_bank_with_less() {
    hold(&Estate::of("bank", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank")));
}

#[test]
fn the_cluster_with_less() {
    hold(&Estate::of("kubernetes", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes")));
}

/// Exports of one file: kind, file, system, when it was collected.
const OTHERS: [(&str, &str, &str, &str); 17] = [
    ("aws-access-keys", "derived/aws_iam_list-access-keys.json", "aws:644160558196", "2020-03-01T00:00:00Z"),
    ("aws-secrets-manager", "derived/aws_secretsmanager_list-secrets_1.json", "aws:644160558196", "2025-11-20T00:00:00Z"),
    ("aws-secrets-manager", "derived/aws_secretsmanager_list-secrets_2.json", "aws:644160558196", "2025-11-20T00:00:00Z"),
    ("aws-access-analyzer", "derived/aws_accessanalyzer_list-findings.json", "aws:644160558196", "2023-09-02T12:00:00Z"),
    ("aws-cloudtrail", TRAIL, "aws:123837392027", "2023-07-10T13:00:00Z"),
    ("gcp-iam-policy", "derived/gcloud_projects_get-iam-policy.json", "gcp:testproject", "2021-06-16T23:18:01Z"),
    ("entra-applications", "entra/MockApplications.json", "entra:tenant", "2024-12-05T00:00:00Z"),
    ("entra-service-principals", "entra/MockServicePrincipals.json", "entra:tenant", "2024-12-05T00:00:00Z"),
    ("keycloak-realm", "keycloak/master-realm-26.5.5.json", "keycloak:master", "2026-01-01T00:00:00Z"),
    ("keycloak-realm", "keycloak/moped.json", "keycloak:moped", "2026-01-01T00:00:00Z"),
    ("azure-key-vault", "azure-c7n/keyvault_secrets_expiry.cassette.json", "keyvault:cfb-txqrnpdc-nrbac-vault", "2024-01-01T00:00:00Z"),
    ("spire-entries", "spire/entry_show_output.json", "spiffe:example.org", "2026-06-30T00:00:00Z"),
    ("apigee-apps", "apigee/appgroups_phpunit_apps_GET.json", "apigee:phpunit", "2023-08-09T14:00:00Z"),
    ("tyk-keys", "tyk/keys.json", "tyk:default", "2020-04-22T00:00:00Z"),
    ("mcp-registry", "mcp-registry/servers.json", "mcp:official", "2025-06-01T00:00:00Z"),
    ("a2a-agent-card", "a2a/air_ticketing_agent.json", "a2a:localhost:10103", "2025-06-10T00:00:00Z"),
    ("gitleaks", "secret-leaks/gitleaks_redacted_data_many.json", "git:example/infra", "2021-05-01T00:00:00Z"),
];
const TRAIL: &str = "aws-cloudtrail/218007301253_CloudTrail_us-east-1_20230710T1200Z_x9kHmzMa7cx6l9wM.json";

#[test]
fn real_exports_with_less() {
    let Some(root) = case::root() else { return };
    let mut cases = vec![
        ("credential report", case::credential_csv()),
        ("credential report in JSON", case::credential_json()),
        ("cloudmapper", case::cloudmapper()),
        ("cloudmapper's credentials", case::cloudmapper_credentials()),
        ("cloudsplaining", case::cloudsplaining()),
        ("cloudsplaining 2", case::cloudsplaining_2()),
        ("kubehound", case::kubehound()),
        ("kong", case::kong(case::KONG[0])),
        ("kong 2", case::kong(case::KONG[1])),
        ("x509", case::certificates(&root, "2024-05-24T12:00:00Z")),
    ];
    cases.extend(OTHERS.iter().map(|(kind, from, system, at)| (*kind, case::one(kind, from, system, at))));
    for (name, case) in cases.into_iter().step_by(every(30, 9)) {
        let work = crate::scratch::folder();
        fs::create_dir(work.path().join("evidence")).unwrap();
        fs::write(work.path().join("tickmark.toml"), format!("name = \"{name}\"\n{}", case.sources)).unwrap();
        for (from, name) in &case.files {
            fs::copy(root.join(from), work.path().join("evidence").join(name)).unwrap();
        }
        hold(&Estate::of(name, work.path()));
    }
}
