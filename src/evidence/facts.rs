//! What an export does not say and the configuration vouches for; what neither could say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::EvidenceError;
use super::patterns::OWN;
use crate::model::project::{SourceConfig, SourceMapping};
use crate::model::row::{Cell, Misfit};
use crate::model::schema::{SCHEMA, TableSchema};
use crate::model::value::State;

/// Fills the columns that a row leaves unknown.
pub fn fill(schema: &TableSchema, cells: &mut [Cell], facts: &BTreeMap<String, String>) {
    for (name, text) in facts {
        if let Some(at) = schema.column(name)
            && at > 0
            && cells[at] == Cell::Absent(State::Missing)
            && let Ok(cell) = Cell::read(&schema.columns[at], &Value::String(text.clone()))
        {
            cells[at] = cell;
        }
    }
}

/// A fact must fit every column of its name in the tables that the source gives.
///
/// # Errors
/// The first that does not, or that no table has.
pub fn check(config: &SourceConfig, mapping: &SourceMapping) -> Result<(), EvidenceError> {
    let fault = |column: &str, why: String| EvidenceError::Fact { source_id: config.id.clone(), column: column.to_owned(), why };
    let tables: Vec<&TableSchema> = SCHEMA
        .iter()
        .filter(|schema| config.table.as_deref() == Some(schema.name) || mapping.observes.iter().any(|name| name == schema.name))
        .collect();
    for (name, text) in &config.facts {
        let columns: Vec<_> = tables.iter().filter_map(|schema| schema.column(name).map(|at| &schema.columns[at])).collect();
        if columns.is_empty() || name == "id" {
            return Err(fault(name, "none of the tables that this source gives has such a column to fill".to_owned()));
        }
        // Of one system all the same: whose export it is, and what stands in it because it is in use.
        let shared = matches!(name.as_str(), "status" | "system");
        if OWN.contains(&name.as_str()) && !shared {
            return Err(fault(name, "only the system itself can say it, of one thing at a time".to_owned()));
        }
        for column in columns {
            Cell::read(column, &Value::String(text.clone())).map_err(|misfit| match misfit {
                Misfit::Sentinel(why) | Misfit::Unreadable(why) => fault(name, why),
            })?;
        }
    }
    Ok(())
}

/// Columns of a table that none of its configured sources could say: the mapping of each is silent of them, and no fact fills them.
/// One's own rows, and lines that tell of rows of any table, may say anything.
pub fn untold(schema: &TableSchema, configs: &[SourceConfig], mappings: &BTreeMap<String, SourceMapping>) -> BTreeSet<usize> {
    let silent = |config: &SourceConfig, mapping: &SourceMapping, column: &str| {
        let silent = mapping.silent.get(schema.name).is_some_and(|columns| columns.iter().any(|silent| silent == column));
        silent && !config.facts.contains_key(column)
    };
    let speaks = |config: &SourceConfig, mapping: &SourceMapping| match &config.table {
        Some(table) => table == schema.name,
        None => mapping.observes.is_empty() || mapping.observes.iter().any(|table| table == schema.name),
    };
    let speaking: Vec<(&SourceConfig, &SourceMapping)> = configs
        .iter()
        .filter_map(|config| Some((config, mappings.get(&config.kind)?)))
        .filter(|(config, mapping)| speaks(config, mapping))
        .collect();
    let nobody = |name: &str| !speaking.is_empty() && speaking.iter().all(|(config, mapping)| silent(config, mapping, name));
    schema.columns.iter().enumerate().filter(|(_, column)| nobody(column.name)).map(|(at, _)| at).collect()
}
