//! A CSV of requirements: `id`, `title`, and perhaps `parent` and `level`, in any order.

use std::collections::BTreeMap;

use super::super::framework::LEVELS;
use super::super::reader::nearest;
use super::{Catalogue, Head, one_line};
use crate::model::framework::Requirement;

const COLUMNS: [&str; 4] = ["id", "title", "parent", "level"];
/// How many problems are told.
const TOLD: usize = 20;

pub fn read(text: &str) -> Result<Catalogue, Vec<String>> {
    let first = text.lines().next().unwrap_or_default();
    // Spreadsheets write semicolons where the comma is the decimal sign.
    let delimiter = if first.contains(';') && !first.contains(',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| vec![error.to_string()])?.clone();
    let mut problems = Vec::new();
    let mut column = BTreeMap::new();
    for (at, name) in header.iter().enumerate() {
        match COLUMNS.iter().find(|known| **known == name) {
            Some(known) if column.insert(*known, at).is_some() => problems.push(format!("line 1: the column `{name}` is there twice")),
            Some(_) => {}
            None => problems.push(format!("line 1: expected the columns {}, found `{name}`", COLUMNS.join(", "))),
        }
    }
    let missing = ["id", "title"].into_iter().filter(|name| !column.contains_key(name));
    problems.extend(missing.map(|name| format!("line 1: expected a column `{name}`")));
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut requirements: Vec<Requirement> = Vec::new();
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(error.to_string());
                break;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |name: &str| column.get(name).and_then(|at| record.get(*at)).map(one_line).filter(|text| !text.is_empty());
        let (id, title, parent) = (cell("id"), cell("title"), cell("parent"));
        for (name, found) in [("id", &id), ("title", &title)] {
            if found.is_none() {
                problems.push(format!("line {line}: `{name}` is empty"));
            }
        }
        let level = cell("level").unwrap_or_else(|| "requirement".to_owned());
        if !LEVELS.contains(&level.as_str()) {
            let near = nearest(&level, LEVELS);
            let near = if near.is_empty() { near } else { format!("; {near}") };
            problems.push(format!("line {line}: `level` cannot be `{level}`, expected one of {}{near}", LEVELS.join(", ")));
        }
        if let Some(parent) = parent.as_ref().filter(|parent| !lines.contains_key(*parent)) {
            problems.push(format!("line {line}: no line above has the id `{parent}`: a parent stands before what is below it"));
        }
        let (Some(id), Some(title)) = (id, title) else { continue };
        if let Some(first) = lines.get(&id) {
            problems.push(format!("line {line}: `{id}` is the id of line {first}, too"));
            continue;
        }
        lines.insert(id.clone(), line);
        requirements.push(Requirement { id, level, parent, title });
    }
    let told = problems.len();
    if told > 0 {
        problems.truncate(TOLD);
        problems.extend((told > TOLD).then(|| format!("and {} more", told - TOLD)));
        return Err(problems);
    }
    Ok(Catalogue { head: Head::default(), requirements, aliases: BTreeMap::new() })
}
