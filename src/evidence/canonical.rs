//! One row that a mapping gave → the cells of a table.

use serde_json::Value;

use super::facts;
use super::patterns::Fact;
use super::resolve::Lookup;
use crate::model::project::{SourceConfig, SourceMapping};
use crate::model::row::{Cell, Misfit, Origin, Row};
use crate::model::schema::{self, SCHEMA, TableSchema};
use crate::model::value::State;

/// What a mapping gave.
pub enum Read {
    /// A row; with it, fields that make the record count as quarantined, and remarks.
    Row { row: Row, lookups: Vec<Lookup>, misfits: Vec<String>, notes: Vec<String> },
    /// Facts by pattern, and fields that make the record count as quarantined.
    Fact(Fact, Vec<String>),
}

/// Reads one row.
///
/// # Errors
/// Why it is none.
pub fn read(row: &Value, config: &SourceConfig, mapping: &SourceMapping, default: Option<&str>, origin: Origin) -> Result<Read, String> {
    let object = row.as_object().ok_or("the mapping gave a row that is no object")?;
    let given = match (&config.table, object.get("table")) {
        (Some(table), None) => table.as_str(),
        (_, Some(Value::String(table))) => table.as_str(),
        _ => return Err("the row names no table".to_owned()),
    };
    let table = schema::table(given)
        .filter(|table| !SCHEMA[*table].derived)
        .ok_or_else(|| format!("no table that a source may give is called `{given}`"))?;
    let schema = &SCHEMA[table];
    if object.contains_key("match") {
        return Fact::read(table, object, origin).map(|(fact, faults)| Read::Fact(fact, faults));
    }
    let observed = config.table.as_deref() == Some(schema.name) || mapping.observes.iter().any(|name| name == schema.name);
    if !observed {
        return Err(format!("the mapping gave a row of `{}`, which it does not observe", schema.name));
    }
    let mut cells = Vec::with_capacity(schema.columns.len());
    let (mut lookups, mut misfits, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for (at, column) in schema.columns.iter().enumerate() {
        let value = object.get(column.name).unwrap_or(&Value::Null);
        if let Some(lookup) = Lookup::read(schema, at, value)? {
            // An id that is yet to be found; until then, the one that it has otherwise.
            cells.push(lookup.otherwise.clone().map_or(Cell::Absent(State::Missing), Cell::Text));
            lookups.push(lookup);
            continue;
        }
        if column.derived {
            if Cell::read(column, value) != Ok(Cell::Absent(State::Missing)) {
                misfits.push(format!("`{}` is computed by the program: no source gives it", column.name));
            }
            cells.push(Cell::Absent(State::Missing));
            continue;
        }
        cells.push(match Cell::read(column, value) {
            Ok(cell) => cell,
            Err(Misfit::Sentinel(why)) => {
                misfits.push(why);
                Cell::Absent(State::Unreadable)
            }
            Err(Misfit::Unreadable(why)) => {
                notes.push(why);
                Cell::Absent(State::Unreadable)
            }
        });
    }
    for name in object.keys() {
        if name != "table" && schema.column(name).is_none() {
            notes.push(format!(
                "`{}` has no column `{}`: its values were not read",
                schema.name,
                name.chars().take(40).collect::<String>()
            ));
        }
    }
    complete(schema, &mut cells, config, default)?;
    Ok(Read::Row { row: Row { table, cells, origin }, lookups, misfits, notes })
}

/// Fills what a row leaves to its source.
///
/// # Errors
/// It lacks what its source cannot say.
pub fn complete(schema: &TableSchema, cells: &mut [Cell], config: &SourceConfig, default: Option<&str>) -> Result<(), String> {
    match cells.first() {
        Some(Cell::Text(id)) if !id.is_empty() => {}
        _ => return Err(format!("the row of `{}` has no `id`", schema.name)),
    }
    if let Some(at) = schema.column("system") {
        if cells[at] == Cell::Absent(State::Missing)
            && let Some(system) = default
        {
            cells[at] = Cell::Text(system.to_owned());
        }
        // A record whose system cannot be told could be anybody's.
        if matches!(cells[at], Cell::Absent(_)) {
            return Err(format!("the row of `{}` names no system; give the source's `systems`", schema.name));
        }
    }
    facts::fill(schema, cells, &config.facts);
    Ok(())
}
