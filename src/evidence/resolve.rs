//! References that a source can only describe: the thing with this native id, this fingerprint. A rule finds one thing or
//! none; it never guesses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tables::Given;
use crate::model::row::{Cell, Row};
use crate::model::schema::{self, SCHEMA, TableSchema};
use crate::model::value::State;

/// How many a note names.
const NAMED: usize = 20;

/// A row's `id`, or a reference in it, given by what it has instead of what it is called.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Position of its row among those of the export.
    pub row: usize,
    /// The column to fill.
    pub column: usize,
    /// The table that is looked in.
    pub table: usize,
    /// Columns and their values: all must be equal. A system may end in `*`.
    pub by: Vec<(usize, Cell)>,
    /// For an `id`: what the row is called where nothing is found.
    pub otherwise: Option<String>,
}

impl Lookup {
    /// Reads `{ native_id: "…", system: "…", else: "…" }` in a column; `None`: the value is no such thing.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn read(schema: &TableSchema, column: usize, value: &Value) -> Result<Option<Lookup>, String> {
        let Some(object) = value.as_object() else { return Ok(None) };
        let name = schema.columns[column].name;
        let table = if column == 0 { Some(schema.name) } else { schema.columns[column].refers }.and_then(schema::table);
        let Some(table) = table else { return Ok(None) };
        let mut lookup = Lookup { row: 0, column, table, by: Vec::new(), otherwise: None };
        for (key, value) in object {
            if key == "else" {
                let text = value.as_str().filter(|text| !text.is_empty() && column == 0);
                lookup.otherwise =
                    Some(text.ok_or_else(|| format!("`{name}`: `else` is the id of a row that nothing else gives"))?.to_owned());
                continue;
            }
            let looked = &SCHEMA[table];
            let at = looked.column(key).filter(|at| *at > 0).ok_or_else(|| format!("`{name}`: `{}` has no column `{key}`", looked.name))?;
            match Cell::read(&looked.columns[at], value) {
                // Of what is not said there is nothing to find, and a lookup by less would find too much.
                Ok(Cell::Absent(_)) => lookup.by.push((at, Cell::Absent(State::Missing))),
                Ok(cell) => lookup.by.push((at, cell)),
                Err(_) => return Err(format!("`{name}`: `{key}` does not fit its column")),
            }
        }
        if lookup.by.iter().all(|(at, _)| SCHEMA[table].columns[*at].name == "system") {
            return Err(format!("`{name}` is looked up by nothing but a system; name a `native_id` or a `fingerprint`"));
        }
        if column == 0 && lookup.otherwise.is_none() {
            return Err(format!("`{name}` is looked up without an `else`: a thing that only this source knows would be lost"));
        }
        Ok(Some(lookup))
    }

    fn words(&self) -> String {
        let by = self.by.iter().map(|(at, cell)| {
            let column = &SCHEMA[self.table].columns[*at];
            format!("{} = {}", column.name, cell.display(column))
        });
        by.collect::<Vec<_>>().join(", ")
    }
}

/// What looking up gave.
enum Found {
    One(String),
    Nothing,
    /// Several, or something unknown stands in the way.
    Open(usize),
}

/// The rows of one table by the values of one column: each id once, and whether that is all that is said of it there.
type Index = BTreeMap<Cell, BTreeSet<String>>;

struct Known<'g> {
    given: &'g [Given],
    indexes: BTreeMap<(usize, usize), Index>,
    systems: BTreeMap<usize, BTreeMap<String, BTreeSet<String>>>,
}

impl Known<'_> {
    fn rows(&self, table: usize) -> impl Iterator<Item = &Row> {
        self.given.iter().map(|given| &given.row).filter(move |row| row.table == table)
    }

    fn index(&mut self, table: usize, column: usize) -> &Index {
        if !self.indexes.contains_key(&(table, column)) {
            let mut said: BTreeMap<&str, BTreeSet<&Cell>> = BTreeMap::new();
            for row in self.rows(table) {
                if let (Some(Cell::Text(id)), cell) = (row.cells.first(), &row.cells[column])
                    && *cell != Cell::Absent(State::Missing)
                {
                    said.entry(id).or_default().insert(cell);
                }
            }
            let mut index = Index::new();
            // What contradicts itself is not known to have either value.
            for (id, cells) in said.into_iter().filter(|(_, cells)| cells.len() == 1) {
                for cell in cells {
                    index.entry(cell.clone()).or_default().insert(id.to_owned());
                }
            }
            self.indexes.insert((table, column), index);
        }
        &self.indexes[&(table, column)]
    }

    fn in_system(&mut self, table: usize, id: &str, wanted: &str) -> bool {
        if !self.systems.contains_key(&table) {
            let mut systems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            if let Some(at) = SCHEMA[table].column("system") {
                for row in self.rows(table) {
                    if let (Some(Cell::Text(id)), Cell::Text(system)) = (row.cells.first(), &row.cells[at]) {
                        systems.entry(id.clone()).or_default().insert(system.clone());
                    }
                }
            }
            self.systems.insert(table, systems);
        }
        let fits = |system: &String| match wanted.strip_suffix('*') {
            Some(prefix) => system.starts_with(prefix),
            None => system == wanted,
        };
        self.systems[&table].get(id).is_some_and(|systems| systems.iter().any(fits))
    }

    fn find(&mut self, lookup: &Lookup) -> Found {
        let mut ids: Option<BTreeSet<String>> = None;
        for (at, cell) in &lookup.by {
            if matches!(cell, Cell::Absent(_)) {
                return Found::Open(0);
            }
            if SCHEMA[lookup.table].columns[*at].name == "system" {
                continue;
            }
            let with = self.index(lookup.table, *at).get(cell).cloned().unwrap_or_default();
            ids = Some(match ids {
                None => with,
                Some(ids) => ids.intersection(&with).cloned().collect(),
            });
        }
        let mut ids = ids.unwrap_or_default();
        for (at, cell) in &lookup.by {
            if let (Cell::Text(system), "system") = (cell, SCHEMA[lookup.table].columns[*at].name) {
                ids.retain(|id| self.in_system(lookup.table, id, system));
            }
        }
        match ids.len() {
            0 => Found::Nothing,
            1 => ids.pop_first().map_or(Found::Nothing, Found::One),
            several => Found::Open(several),
        }
    }
}

/// A row that is another source's too: what that one calls it, and where it lives, is for that one to say.
fn is_the_same(row: &mut Row, id: String) {
    for (cell, column) in row.cells.iter_mut().zip(SCHEMA[row.table].columns) {
        if matches!(column.name, "system" | "native_id") {
            *cell = Cell::Absent(State::Missing);
        }
    }
    row.cells[0] = Cell::Text(id);
}

/// What a reference is that leads to nothing. A native id that no row has may be one of those whose native id is not
/// known (SEMANTICS §4.3), and no other; looked up by anything else, it may be any.
fn dangling(lookup: &Lookup) -> Cell {
    let native = lookup.by.iter().find(|(at, _)| SCHEMA[lookup.table].columns[*at].name == "native_id");
    match native {
        Some((_, Cell::Text(native))) => Cell::Text(format!("native_id={native}")),
        _ => Cell::Absent(State::Missing),
    }
}

/// Fills what was looked up: ids first, then references. Gives remarks, each with the number of its export.
pub fn resolve(given: &mut [Given], lookups: Vec<(u32, Lookup)>) -> Vec<(u32, String)> {
    let (ids, references): (Vec<_>, Vec<_>) = lookups.into_iter().partition(|(_, lookup)| lookup.column == 0);
    let mut told: BTreeMap<(u32, &'static str), BTreeSet<String>> = BTreeMap::new();
    for lookups in [ids, references] {
        let mut known = Known { given, indexes: BTreeMap::new(), systems: BTreeMap::new() };
        let found: Vec<Found> = lookups.iter().map(|(_, lookup)| known.find(lookup)).collect();
        for ((export, lookup), found) in lookups.iter().zip(found) {
            let row = &mut given[lookup.row].row;
            let (column, own) = (&SCHEMA[row.table].columns[lookup.column], lookup.otherwise.clone().unwrap_or_default());
            let name = row.cells.first().map_or_else(String::new, |id| id.display(&SCHEMA[row.table].columns[0]));
            let name = if lookup.column == 0 { own.clone() } else { format!("{} of {name}", column.name) };
            let mut tell = |why: &'static str| {
                told.entry((*export, why)).or_default().insert(format!("{name} ({})", lookup.words()));
            };
            let cell = match (found, lookup.column) {
                (Found::One(id), 0) => {
                    is_the_same(row, id);
                    continue;
                }
                (Found::One(id), _) => Cell::Text(id),
                (Found::Nothing, 0) => Cell::Text(own),
                (Found::Open(_), 0) => {
                    tell("fits several rows, and stands by itself");
                    Cell::Text(own)
                }
                (Found::Nothing, _) => {
                    tell("leads to nothing in the evidence");
                    dangling(lookup)
                }
                (Found::Open(0), _) => Cell::Absent(State::Missing),
                (Found::Open(_), _) => {
                    tell("fits several rows, and is unknown");
                    Cell::Absent(State::Conflict)
                }
            };
            row.cells[lookup.column] = cell;
        }
    }
    told.into_iter().map(|((export, why), named)| (export, format!("{why}: {}", listed(&named)))).collect()
}

/// The first of some names, and how many more there are.
pub fn listed(named: &BTreeSet<String>) -> String {
    let more = if named.len() > NAMED { format!(" and {} more", named.len() - NAMED) } else { String::new() };
    format!("{}{more}", named.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; "))
}
