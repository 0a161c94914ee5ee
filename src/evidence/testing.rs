//! A mapping tried on one export: for those who write mappings.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::EvidenceError;
use super::decode;
use super::jq::{self, Filters};
use super::key::FingerprintKey;
use super::mapping::{self, Export, Reading};
use super::plain;
use crate::model::project::{SourceConfig, SourceMapping};
use crate::model::value::Duration;

/// What a mapping made of an export.
#[derive(Debug)]
pub struct Tried {
    /// Rows as the filters gave them, before cells are read; a record that a filter refused stands as
    /// `{ "quarantined": reason }`.
    pub rows: Vec<Value>,
    /// What a run makes of it.
    pub export: Export,
}

/// Tries a mapping on one export, under the configuration's `systems` and, for canonical files, `table`.
///
/// # Errors
/// The mapping cannot be used, or not for this file.
pub fn tried(
    mapping: &SourceMapping,
    systems: &[String],
    table: Option<&str>,
    path: &str,
    original: Vec<u8>,
    key: &FingerprintKey,
    known: fn() -> Vec<SourceMapping>,
) -> Result<Tried, EvidenceError> {
    let config = SourceConfig {
        id: mapping.kind.clone(),
        kind: mapping.kind.clone(),
        path: path.to_owned(),
        table: table.map(str::to_owned),
        systems: systems.to_owned(),
        collected_at: None,
        required: true,
        max_age: Duration(0),
        complete: None,
        covers: None,
        facts: BTreeMap::new(),
    };
    let filters = Filters::of(mapping)?;
    let reading = Reading { config: &config, position: 0, mapping, filters, key, known };
    let export = mapping::read(&reading, path, original)?;
    // What was kept gives what was judged.
    let plain = plain::plain(&export.bytes).unwrap_or_default();
    let file = Map::from_iter([("path".to_owned(), json!(path)), ("systems".to_owned(), json!(systems)), ("facts".to_owned(), json!({}))]);
    let (jobs, _) = mapping::jobs(decode::decode(mapping.format, path, &plain), &file);
    let mapped = jq::run(&reading.filters, path, jobs.into_iter().map(|(_, job)| job).collect())?.unwrap_or_default();
    let refused = |reason: String| vec![json!({ "quarantined": reason })];
    let rows = mapped.into_iter().flat_map(|page| page.rows).flat_map(|rows| rows.unwrap_or_else(refused)).collect();
    Ok(Tried { rows, export })
}
