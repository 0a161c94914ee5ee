//! What the organisation says of things that its systems show: facts joined by id, native id, or a pattern over them.
//!
//! They fill columns of rows that some source gives, and make no row of their own, so that nothing is in the inventory, and no
//! table complete, because somebody wrote a pattern.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Map, Value};

use super::resolve::listed;
use super::tables::Given;
use crate::model::row::{Cell, Misfit, Origin, Row};
use crate::model::schema::{SCHEMA, TableSchema};
use crate::model::value::State;

/// What only the system itself can say of a thing, by its export or its log; and what joins rows.
pub const OWN: [&str; 12] = [
    "id",
    "native_id",
    "system",
    "fingerprint",
    "status",
    "last_used_at",
    "rotated_at",
    "revoked_at",
    "first_exercised_at",
    "last_exercised_at",
    "identity",
    "credential",
];

/// Facts of every row of a table that one of the patterns fits.
#[derive(Clone, Debug)]
pub struct Fact {
    pub table: usize,
    /// As written, with what it matches.
    patterns: Vec<(String, GlobMatcher)>,
    /// Column and value.
    pub cells: Vec<(usize, Cell)>,
    pub origin: Origin,
}

impl Fact {
    /// Reads a row that has `match` in place of an id, with remarks on fields that could not be read.
    ///
    /// # Errors
    /// Why it means nothing.
    pub fn read(table: usize, row: &Map<String, Value>, origin: Origin) -> Result<(Fact, Vec<String>), String> {
        let schema = &SCHEMA[table];
        if schema.is_log() || row.contains_key("id") {
            return Err(format!("`match` in a row of `{}`: facts are of things that other sources show, and have no `id`", schema.name));
        }
        let written: Vec<&str> = match row.get("match") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
            _ => Vec::new(),
        };
        if written.is_empty() || written.contains(&"") {
            return Err("`match` is an id, a native id, or a pattern with `*`".to_owned());
        }
        let mut fact = Fact { table, patterns: Vec::new(), cells: Vec::new(), origin };
        for pattern in written {
            let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
            fact.patterns.push((pattern.to_owned(), glob.map_err(|error| format!("`match`: {}", error.kind()))?.compile_matcher()));
        }
        let mut faults = Vec::new();
        for (name, value) in row.iter().filter(|(name, _)| !matches!(name.as_str(), "match" | "table")) {
            match schema.column(name).map(|at| (at, &schema.columns[at])) {
                None => return Err(format!("`{}` has no column `{}`", schema.name, name.chars().take(40).collect::<String>())),
                Some((_, column)) if column.derived || OWN.contains(&column.name) => {
                    return Err(format!("`{name}` cannot be given by pattern: only the system itself can say it"));
                }
                Some((at, column)) => match Cell::read(column, value) {
                    Ok(Cell::Absent(State::Missing)) => {}
                    Ok(cell) => fact.cells.push((at, cell)),
                    Err(Misfit::Sentinel(why) | Misfit::Unreadable(why)) => faults.push(why),
                },
            }
        }
        if fact.cells.is_empty() && faults.is_empty() {
            return Err("the row gives no fact".to_owned());
        }
        Ok((fact, faults))
    }
}

/// What facts say of a thing's column: (table, id, column) → each value, with the number of its export.
type Said<'f> = BTreeMap<(usize, &'f str, usize), BTreeSet<(&'f Cell, u32)>>;

/// Rows for what the facts fit, and remarks: (number of the fact's export, text).
pub fn apply(facts: &[(bool, Fact)], given: &[Given]) -> (Vec<Given>, Vec<(u32, String)>) {
    let mut things: BTreeMap<usize, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    let wanted: BTreeSet<usize> = facts.iter().map(|(_, fact)| fact.table).collect();
    for row in given.iter().map(|given| &given.row).filter(|row| wanted.contains(&row.table)) {
        let Some(Cell::Text(id)) = row.cells.first() else { continue };
        let names = things.entry(row.table).or_default().entry(id).or_default();
        if let Some(Cell::Text(native)) = SCHEMA[row.table].column("native_id").map(|at| &row.cells[at]) {
            names.insert(native);
        }
    }
    let mut out = Vec::new();
    let mut idle: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    let mut said = Said::new();
    for (fresh, fact) in facts {
        let schema = &SCHEMA[fact.table];
        let of_table = things.get(&fact.table);
        let mut fitted: BTreeSet<&str> = BTreeSet::new();
        for (written, glob) in &fact.patterns {
            let before = fitted.len();
            let names = of_table.into_iter().flatten();
            let hits = names.filter(|(id, natives)| glob.is_match(id) || natives.iter().any(|native| glob.is_match(native)));
            let hits: Vec<&str> = hits.map(|(id, _)| *id).collect();
            if hits.is_empty() && before == fitted.len() {
                idle.entry(fact.origin.file).or_default().insert(format!("{} `{written}`", schema.name));
            }
            fitted.extend(hits);
        }
        for id in fitted {
            let mut row = Row { table: fact.table, cells: vec![Cell::Absent(State::Missing); schema.columns.len()], origin: fact.origin };
            row.cells[0] = Cell::Text(id.to_owned());
            for (at, cell) in &fact.cells {
                row.cells[*at] = cell.clone();
                said.entry((fact.table, id, *at)).or_default().insert((cell, fact.origin.file));
            }
            out.push(Given { row, fresh: *fresh, about: true });
        }
    }
    let mut remarks: Vec<(u32, String)> =
        idle.into_iter().map(|(file, named)| (file, format!("patterns that fit nothing: {}", listed(&named)))).collect();
    remarks.extend(contradictions(&said, given));
    (out, remarks)
}

/// Where facts contradict each other, or what a system says.
fn contradictions(said: &Said<'_>, given: &[Given]) -> Vec<(u32, String)> {
    let mut shown: BTreeMap<(usize, &str, usize), BTreeSet<&Cell>> = BTreeMap::new();
    let things: BTreeSet<(usize, &str)> = said.keys().map(|(table, id, _)| (*table, *id)).collect();
    for row in given.iter().map(|given| &given.row) {
        let Some(Cell::Text(id)) = row.cells.first() else { continue };
        if things.contains(&(row.table, id.as_str())) {
            for (at, cell) in row.cells.iter().enumerate().filter(|(_, cell)| **cell != Cell::Absent(State::Missing)) {
                shown.entry((row.table, id, at)).or_default().insert(cell);
            }
        }
    }
    let mut told: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for ((table, id, at), facts) in said {
        let schema: &TableSchema = &SCHEMA[*table];
        let column = &schema.columns[*at];
        let mut values: BTreeSet<&Cell> = facts.iter().map(|(cell, _)| *cell).collect();
        values.extend(shown.get(&(*table, *id, *at)).into_iter().flatten());
        if values.len() > 1 {
            let words = values.iter().map(|cell| cell.display(column)).collect::<Vec<_>>().join(" or ");
            for file in facts.iter().map(|(_, file)| *file).collect::<BTreeSet<u32>>() {
                told.entry(file).or_default().insert(format!("{} of {id}: {words}", column.name));
            }
        }
    }
    told.into_iter().map(|(file, named)| (file, format!("contradicted, and so unknown: {}", listed(&named)))).collect()
}
