//! The files of the examples and of real exports, perturbed: every so many of their records, or all of them with `TICKMARK_PERTURB=all`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, Int64Array, StringArray, UInt32Array};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tickmark::evidence::{self, FingerprintKey};
use tickmark::model::project::{Project, Vouched};
use tickmark::model::schema::Type;
use tickmark::model::table::{Column, Evidence};
use tickmark::model::value::{Duration, State, Time};

use super::super::realdata::case::{self, Case, below};
use super::{Outcome, better, outcomes};

/// About how many perturbations of each kind a project undergoes by default.
const SAMPLE: usize = 3;

type Files = BTreeMap<String, Vec<u8>>;

/// A project in memory: its settings, and the files that it reads.
struct Estate {
    name: String,
    project: Project,
    files: Files,
    as_of: Time,
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
            let counted: i64 = of.map(|source| source.records).sum();
            let vouched = Vouched { expected: None, from: "a count".to_owned(), by: "j.doe".to_owned(), on: "2026-06-29".to_owned() };
            let complete = config.complete.get_or_insert(vouched);
            complete.expected = complete.expected.or(Some(counted));
        }
        estate
    }

    fn read(&self, project: &Project, files: &Files, as_of: Option<Time>) -> (Evidence, Time) {
        let work = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = work.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let key = FingerprintKey::of(work.path());
        let request = evidence::Request::of(work.path(), project, as_of, &key, tickmark::load::shipped_mappings);
        let (evidence, as_of, _) = evidence::read(&request).unwrap();
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
    let parsed = match path.rsplit('.').next() {
        Some("csv") => return pieces(lines(), 1),
        Some("ndjson") => return pieces(lines(), 0),
        Some("pem") => {
            const BEGIN: &str = "-----BEGIN ";
            return pieces(text.split(BEGIN).skip(1).map(|block| format!("{BEGIN}{block}")).collect(), 0);
        }
        Some("json") => serde_json::from_str::<Value>(text).ok(),
        Some("yaml" | "yml") => serde_yaml_ng::Deserializer::from_str(text).next().and_then(|one| Value::deserialize(one).ok()),
        _ => None,
    };
    let Some(whole) = parsed else { return Vec::new() };
    // Records stand in an array of objects, at the top or one step below it.
    let mut places: Vec<String> = Vec::new();
    let is_list = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    if is_list(&whole) {
        places.push(String::new());
    }
    for (name, _) in whole.as_object().into_iter().flatten().filter(|(_, value)| is_list(value)) {
        places.push(format!("/{name}"));
    }
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

/// Every so many, so that about `SAMPLE` are left.
fn sampled<T>(items: Vec<T>) -> Vec<T> {
    let all = std::env::var_os("TICKMARK_PERTURB").is_some_and(|value| value == "all");
    let step = if all { 1 } else { items.len().div_ceil(SAMPLE).max(1) };
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
        if let (true, Ok(text)) = (path.ends_with(".csv") || path.ends_with(".ndjson"), std::str::from_utf8(bytes)) {
            let mut lines: Vec<&str> = text.lines().collect();
            let header = usize::from(path.ends_with(".csv"));
            lines[header..].reverse();
            let bytes = (lines.join("\n") + "\n").into_bytes();
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
    let text = String::from_utf8(files[&config.path].clone()).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            Time::parse(event["at"].as_str().unwrap()).unwrap().0 <= until
        })
        .collect();
    files.insert(config.path.clone(), kept.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes());
    config.covers.as_mut().unwrap().until = Time(until);
    config.complete.as_mut().unwrap().expected = Some(i64::try_from(kept.len()).unwrap());
    (files, project)
}

/// The evidence as it would be had one side of each contradiction that is gone never been given: what took its place counts from
/// the beginning.
fn settled(before: &Evidence, after: &Evidence) -> Evidence {
    let mut settled = before.clone();
    for (position, table) in before.tables.iter().enumerate() {
        let now = &after.tables[position];
        let ids = |columns: &[Column]| columns[0].values.as_any().downcast_ref::<StringArray>().unwrap().clone();
        let (then, there) = (ids(&table.columns), ids(&now.columns));
        for column in 1..table.columns.len() {
            let old = &table.columns[column];
            let replaced: BTreeMap<usize, usize> = (0..table.rows)
                .filter(|row| old.state(*row) == State::Conflict)
                .filter_map(|row| Some((row, (0..now.rows).find(|other| there.value(*other) == then.value(row))?)))
                .filter(|(_, other)| now.columns[column].state(*other) != State::Conflict)
                .collect();
            if replaced.is_empty() {
                continue;
            }
            let new = &now.columns[column];
            let both = arrow_select::concat::concat(&[&*old.values, &*new.values]).unwrap();
            let index: UInt32Array = (0..table.rows)
                .map(|row| Some(u32::try_from(replaced.get(&row).map_or(row, |other| table.rows + other)).unwrap()))
                .collect();
            let refers = table.schema.columns[column].refers.and_then(tickmark::model::schema::table);
            let link = old.link.as_ref().map(|link| {
                (0..table.rows)
                    .map(|row| match replaced.get(&row) {
                        None => link.is_valid(row).then(|| link.value(row)),
                        Some(other) => {
                            let (target, new) = (refers?, new.link.as_ref()?);
                            let name = new.is_valid(*other).then(|| new.value(*other) as usize)?;
                            let name = ids(&after.tables[target].columns).value(name).to_owned();
                            let ids = ids(&before.tables[target].columns);
                            (0..ids.len()).find(|row| ids.value(*row) == name).and_then(|row| u32::try_from(row).ok())
                        }
                    })
                    .collect()
            });
            let state = (0..table.rows).map(|row| replaced.get(&row).map_or(old.state(row), |other| new.state(*other)) as u8);
            settled.tables[position].columns[column] = Column {
                values: arrow_select::take::take(&both, &index, None).unwrap(),
                state: arrow_array::UInt8Array::from_iter_values(state),
                fresh: old.fresh.clone(),
                link,
            };
        }
    }
    settled
}

/// Some of the values there are, each blanked by itself. What contradicts is unknown already.
fn blanks(estate: &Estate, evidence: &Evidence, before: &BTreeMap<String, Outcome>) -> (usize, Vec<String>) {
    let mut places = Vec::new();
    for (table, rows) in evidence.tables.iter().enumerate().filter(|(_, table)| !table.schema.derived) {
        for column in 1..rows.columns.len() {
            places.extend((0..rows.rows).filter(|row| !rows.columns[column].state(*row).is_unknown()).map(|row| (table, column, row)));
        }
    }
    let places = sampled(places);
    let broken = places
        .par_iter()
        .flat_map_iter(|(table, column, row)| {
            let mut poorer = evidence.clone();
            poorer.tables[*table].columns[*column] = crate::blank::blanked(&evidence.tables[*table].columns[*column], *row);
            let after = outcomes(&estate.project.controls, &estate.project.waivers, &poorer, estate.as_of);
            let schema = evidence.tables[*table].schema;
            let what = format!("{}: (a) {}.{} of row {row}", estate.name, schema.name, schema.columns[*column].name);
            let found = before
                .iter()
                .flat_map(|(control, before)| better(before, &after[control]).into_iter().map(move |found| format!("{control}: {found}")));
            found.map(|found| format!("{what}: {found}")).collect::<Vec<_>>()
        })
        .collect();
    (places.len(), broken)
}

/// Every time later or earlier by the same, and the time of the assessment with them.
fn shifts(estate: &Estate, evidence: &Evidence, before: &BTreeMap<String, Outcome>) -> (usize, Vec<String>) {
    let controls: Vec<_> = estate.project.controls.iter().filter(|control| !super::controls::names_a_time(control)).cloned().collect();
    let days = [-400, 400];
    let mut broken = Vec::new();
    for day in days {
        let by = day * 24 * 3_600 * 1_000_000;
        let mut other = evidence.clone();
        for table in &mut other.tables {
            for (column, schema) in table.columns.iter_mut().zip(table.schema.columns) {
                if let (Type::Time, Some(times)) = (schema.ty, column.values.as_any().downcast_ref::<Int64Array>()) {
                    let later: Int64Array = times.iter().map(|at| at.map(|at| at + by)).collect();
                    column.values = Arc::new(later);
                }
            }
        }
        for stretch in other.logs.stretches.values_mut().flatten() {
            *stretch = (Time(stretch.0.0 + by), Time(stretch.1.0 + by));
        }
        let mut waivers = estate.project.waivers.clone();
        for waiver in &mut waivers {
            waiver.granted_at.0 += by;
            waiver.expires_at = waiver.expires_at.map(|at| Time(at.0 + by));
        }
        let after = outcomes(&controls, &waivers, &other, Time(estate.as_of.0 + by));
        for (control, after) in after {
            if before[&control] != after {
                broken.push(format!("{}: (h) {day} days: {control}: {:?} became {after:?}", estate.name, before[&control]));
            }
        }
    }
    (days.len(), broken)
}

fn hold(estate: &Estate) {
    let (evidence, before) = estate.judged(&estate.project, &estate.files);
    let (blanks, mut broken) = blanks(estate, &evidence, &before);
    let (shifts, shifted) = shifts(estate, &evidence, &before);
    broken.extend(shifted);
    let changes = changes(estate);
    let found: Vec<String> = changes
        .par_iter()
        .flat_map_iter(|change| {
            let (files, project) = (change.make)();
            let (after_evidence, after) = estate.judged(&project, &files);
            let same = matches!(change.kind, "(f) reorder" | "(g) repeat");
            let mut reference = &before;
            let without_contradictions;
            let found = |before: &BTreeMap<String, Outcome>| -> Vec<String> {
                before
                    .iter()
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
    let mut run: BTreeMap<&str, usize> = BTreeMap::from([("(a) blank", blanks), ("(h) shift", shifts)]);
    changes.iter().for_each(|change| *run.entry(change.kind).or_default() += 1);
    println!("{}: {run:?}, {} perturbations of {} controls", estate.name, run.values().sum::<usize>(), estate.project.controls.len());
    assert!(broken.is_empty(), "{}\n{}", broken.len(), broken.join("\n"));
    assert!(changes.len() > 4, "{run:?}");
}

#[test]
fn the_bank_with_less() {
    hold(&Estate::of("bank", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank")));
}

#[test]
fn the_cluster_with_less() {
    hold(&Estate::of("kubernetes", &Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes")));
}

#[test]
fn real_exports_with_less() {
    let Some(root) = case::root() else { return };
    let cases: [(&str, Case); 6] = [
        ("credential report", case::credential_csv()),
        ("cloudmapper", case::cloudmapper()),
        ("cloudsplaining", case::cloudsplaining()),
        ("kubehound", case::kubehound()),
        ("kong", case::kong(case::KONG[0])),
        ("x509", case::certificates(&root, "2024-05-24T12:00:00Z")),
    ];
    for (name, case) in cases {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("evidence")).unwrap();
        fs::write(work.path().join("tickmark.toml"), format!("name = \"{name}\"\n{}", case.sources)).unwrap();
        for (from, name) in &case.files {
            fs::copy(root.join(from), work.path().join("evidence").join(name)).unwrap();
        }
        hold(&Estate::of(name, work.path()));
    }
}
