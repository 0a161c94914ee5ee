//! What an export does not say and the configuration vouches for.

use std::collections::BTreeMap;

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
