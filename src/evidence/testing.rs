//! A mapping tried on one export: for those who write mappings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::EvidenceError;
use super::decode;
use super::filling;
use super::jq::{self, Filters};
use super::key::FingerprintKey;
use super::mapping::{self, Export, Reading};
use super::plain;
use crate::model::diagnostic::{Diagnostic, Diagnostics, Level};
use crate::model::project::{Exports, SourceConfig, SourceMapping};
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
    known: fn() -> &'static [SourceMapping],
) -> Result<Tried, EvidenceError> {
    let config = SourceConfig {
        id: mapping.kind.clone(),
        kind: mapping.kind.clone(),
        exports: Exports::Files(path.to_owned()),
        table: table.map(str::to_owned),
        systems: systems.to_owned(),
        collected_at: None,
        required: true,
        max_age: Duration(0),
        complete: None,
        covers: None,
        facts: BTreeMap::new(),
        not_secret: Vec::new(),
    };
    let filters = Filters::of(mapping, &Arc::default())?;
    let reading = Reading { config: &config, position: 0, mapping, filters, key, known };
    let export = mapping::read(&reading, path, original)?;
    // What was kept gives what was judged.
    let plain = plain::plain(&export.bytes).unwrap_or_default();
    let (jobs, _) = filling::jobs(decode::decode(mapping.format, path, &plain), &config, &filling::file(path, &config));
    let mapped = jq::run(&reading.filters, path, 0, jobs.into_iter().map(|(_, job)| job).collect())?.unwrap_or_default();
    let refused = |reason: String| vec![json!({ "quarantined": reason })];
    let rows = mapped.into_iter().flat_map(|page| page.rows).flat_map(|rows| rows.unwrap_or_else(refused)).collect();
    Ok(Tried { rows, export })
}

/// Whether a mapping's filters compile.
///
/// # Errors
/// Those that do not, at their places.
pub fn compiles(mapping: &SourceMapping) -> Result<(), Diagnostics> {
    match Filters::of(mapping, &Arc::default()) {
        Err(EvidenceError::Filter(problems)) => Err(*problems),
        _ => Ok(()),
    }
}

/// What a run makes of records that could not be mapped, as problems of the mapping: each reason once, at the words of it
/// that stand in the filter, with the records that it befell.
pub fn befell(mapping: &SourceMapping, tried: &Tried) -> Diagnostics {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for found in &tried.export.quarantine {
        reasons.entry(&found.reason).or_default().push(&found.position);
    }
    let mut out = Diagnostics::default();
    for (reason, positions) in reasons {
        let whole = |part: &str| reason.starts_with(&format!("the {part} filter"));
        let part = ["envelope", "select"].into_iter().find(|part| whole(part)).unwrap_or("rows");
        let code = if part == "rows" {
            &mapping.rows
        } else if part == "select" {
            &mapping.select
        } else {
            &mapping.envelope
        };
        let words = reason.split_once(": ").filter(|_| part != "rows").map_or(reason, |(_, why)| why);
        // `error("…")` is found by its text, whatever was put into it by `\\(…)`.
        let start = code.match_indices("error(\"").map(|(at, _)| at).find(|at| {
            let text = &code[at + 7..];
            let fixed = text.split(['"', '\\']).next().unwrap_or_default();
            fixed.len() >= 8 && words.starts_with(fixed)
        });
        // What does not fit a column is found where the column is named.
        let column = || {
            let named = format!("{}:", words.strip_prefix('`')?.split('`').next()?);
            let plain = |at: &usize| !code[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            code.match_indices(&named).map(|(at, _)| at).find(plain).map(|at| at..at + named.len() - 1)
        };
        let at = start.map(|at| at..at + 5).or_else(column).unwrap_or(0..code.trim_end().len().min(1));
        let place = |position: &&str| if position.is_empty() { "the whole file".to_owned() } else { (*position).to_owned() };
        let first: Vec<String> = positions.iter().take(3).map(place).collect();
        let more = if positions.len() > first.len() { format!(" and {} more", positions.len() - first.len()) } else { String::new() };
        let told = jq::diagnostic(mapping, part, at, reason.to_owned(), &format!("of {}{more}", first.join(", ")));
        out.list.push(Diagnostic { level: Level::Warning, ..told });
    }
    out.texts.insert(mapping.file.clone(), mapping.text.clone());
    out
}
