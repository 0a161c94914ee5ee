//! What a subject is called across runs: by its system's own name, where that is said, and is said once.

use std::collections::BTreeSet;

use super::world::key_text;
use crate::model::assessment::Named;
use crate::model::schema::SCHEMA;
use crate::model::table::{Evidence, Table};
use crate::model::value::State;

/// The names of every table's rows.
#[derive(Debug)]
pub struct Naming<'e> {
    evidence: &'e Evidence,
    /// Per table: pairs of system and native id that several rows have. They name nobody.
    shared: Vec<BTreeSet<(&'e str, &'e str)>>,
}

impl<'e> Naming<'e> {
    pub fn of(evidence: &'e Evidence) -> Naming<'e> {
        let shared = |table: &'e Table| {
            let mut pairs: Vec<(&str, &str)> = (0..table.rows).filter_map(|row| native(table, row)).collect();
            pairs.sort_unstable();
            pairs.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
        };
        Naming { evidence, shared: evidence.tables.iter().map(shared).collect() }
    }

    /// What a row of a table (position in the schema) is called.
    pub fn row(&self, table: usize, row: usize) -> Named<'e> {
        let rows = &self.evidence.tables[table];
        match native(rows, row).filter(|pair| !self.shared[table].contains(pair)) {
            Some((system, native)) => Named::Native(system, native),
            None => Named::Id(key_text(&rows.columns[0], row).unwrap_or_default()),
        }
    }

    /// What a reference of a row leads to is called, as text; where it leads nowhere, what it says; empty: it says nothing.
    pub fn reference(&self, table: usize, column: &str, row: usize) -> String {
        let rows = &self.evidence.tables[table];
        let Some(column) = rows.schema.column(column) else { return String::new() };
        let target = rows.schema.columns[column].refers.and_then(|name| SCHEMA.iter().position(|schema| schema.name == name));
        let link = rows.columns[column].link.as_ref().filter(|link| arrow_array::Array::is_valid(link, row)).map(|link| link.value(row));
        match (target, link) {
            (Some(target), Some(there)) => match self.row(target, there as usize) {
                Named::Native(system, native) => format!("{system}\n{native}"),
                Named::Id(id) => id.to_owned(),
            },
            _ => key_text(&rows.columns[column], row).unwrap_or_default().to_owned(),
        }
    }
}

fn native(table: &Table, row: usize) -> Option<(&str, &str)> {
    let known = |name: &str| {
        let column = &table.columns[table.schema.column(name)?];
        (column.state(row) == State::Known).then(|| key_text(column, row)).flatten()
    };
    Some((known("system")?, known("native_id")?))
}
