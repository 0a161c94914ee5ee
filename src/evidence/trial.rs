//! The evidence of a control's test: rows as they stand, complete and fresh unless the test says otherwise.

use std::collections::BTreeMap;

use arrow_array::{Array, cast::AsArray};

use super::logs;
use super::tables::{self, Given};
use crate::model::control::ControlTest;
use crate::model::row::Row;
use crate::model::schema::SCHEMA;
use crate::model::table::{Evidence, Gap, Logs, Why};

/// Builds the evidence of a test.
#[must_use]
pub fn of_test(test: &ControlTest) -> Evidence {
    let why_of = |table: usize| test.incomplete.get(SCHEMA[table].name).map(String::as_str);
    let gaps = SCHEMA.iter().enumerate().map(|(table, schema)| match why_of(table) {
        None => Vec::new(),
        Some(_) if schema.is_log() => Vec::new(),
        Some(word) => {
            let said = "the test says so".to_owned();
            let why = match word {
                "stale" => Why::Stale(said),
                "absent" => Why::Absent,
                _ => Why::Partial(said),
            };
            vec![Gap { source: "test".to_owned(), why }]
        }
    });
    let gaps = gaps.collect();
    let mut systems = tables::systems_named(test.rows.iter());
    let mut logs = Logs { stretches: BTreeMap::new(), everything: test.logs.is_none() && !test.incomplete.contains_key("event") };
    for log in test.logs.iter().flatten() {
        systems.insert(log.system.clone());
        for ty in &log.types {
            logs.stretches.entry((log.system.clone(), ty.clone())).or_default().push((log.from, log.until));
        }
    }
    logs::join(&mut logs);
    let given = test.rows.iter().map(|row: &Row| Given { row: row.clone(), fresh: why_of(row.table) != Some("stale"), about: false });
    Evidence {
        tables: tables::build(given.collect(), gaps, test.as_of),
        logs,
        systems: systems.into_iter().collect(),
        ..Evidence::default()
    }
}

/// The ids of a table's rows, in their order.
#[must_use]
pub fn ids(evidence: &Evidence, table: usize) -> Vec<&str> {
    let rows = evidence.tables.get(table).map_or(0, |table| table.rows);
    let texts = evidence.tables.get(table).and_then(|table| table.columns.first()).and_then(|column| column.values.as_string_opt::<i32>());
    (0..rows).map(|row| texts.filter(|texts| texts.is_valid(row)).map_or("", |texts| texts.value(row))).collect()
}
