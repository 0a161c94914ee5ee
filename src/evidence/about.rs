//! What is known of the evidence itself: the tables `source` and `system`, and why tables are not known to be complete.

use super::mapping::Export;
use super::sources::{Described, failure};
use crate::model::digest::sha256;
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{self, SCHEMA};
use crate::model::table::{Completeness, Gap, Logs, Source, Why};
use crate::model::value::{ONE, State, Time};

/// Why each table is not known to be complete, in the order of the schema.
pub fn gaps(sources: &[Source]) -> Vec<Vec<Gap>> {
    SCHEMA
        .iter()
        .map(|schema| {
            if schema.name == "system" {
                // Which systems it would have named, nobody knows.
                let silent = sources.iter().filter(|source| source.absent && source.system.is_none());
                return silent.map(|source| Gap { source: source.id.clone(), why: Why::Absent }).collect();
            }
            if schema.derived {
                return Vec::new();
            }
            let observing: Vec<&Source> = sources.iter().filter(|source| source.tables.iter().any(|table| table == schema.name)).collect();
            if observing.is_empty() {
                return vec![Gap { source: String::new(), why: Why::NoSource }];
            }
            let mut gaps: Vec<Gap> = observing
                .iter()
                .filter_map(|source| {
                    let why = match source.completeness {
                        _ if source.absent => Why::Absent,
                        // A log does not go stale: what it covers is told apart from this.
                        Completeness::Full if source.fresh || schema.is_log() => return None,
                        Completeness::Full => Why::Stale(match source.collected_at {
                            _ if source.failed.is_some() => failure(source),
                            Some(at) => format!("collected at {at}, more than {} before", source.max_age),
                            None => "nobody says when it was collected".to_owned(),
                        }),
                        _ => Why::Partial(source.completeness_note.clone()),
                    };
                    Some(Gap { source: source.id.clone(), why })
                })
                .collect();
            gaps.sort();
            gaps
        })
        .collect()
}

/// The rows of the tables `source` and `system`.
pub fn rows(described: &[Described], exports: &[Export], logs: &Logs, systems: &[String]) -> Vec<Row> {
    let mut out = Vec::new();
    for (number, one) in described.iter().enumerate() {
        let source = &one.source;
        let digests: Vec<String> = one.exports.iter().map(|number| exports[*number].sha256.clone()).collect();
        let digest = match digests.as_slice() {
            [] => Cell::Absent(State::None),
            [one] => Cell::Text(one.clone()),
            several => Cell::Text(sha256(several.join("\n").as_bytes())),
        };
        let observes = source.tables.iter().cloned().chain(source.event_types.iter().map(|ty| format!("event.{ty}")));
        let mut observes: Vec<Option<String>> = observes.map(Some).collect();
        observes.sort();
        observes.dedup();
        let collected_at = match source.collected_at {
            Some(at) => Cell::Int(at.0),
            None if source.absent => Cell::Absent(State::Never),
            None => Cell::Absent(State::Missing),
        };
        let count = |count: i64| Cell::Int(count.saturating_mul(ONE));
        let values = [
            ("id", Cell::Text(source.id.clone())),
            ("kind", Cell::Text(source.kind.clone())),
            ("system", source.system.clone().map_or(Cell::Absent(State::Missing), Cell::Text)),
            ("required", Cell::Bool(source.required)),
            ("observes", Cell::List(observes)),
            ("sha256", digest),
            ("collected_at", collected_at),
            ("completeness", Cell::Text(source.completeness.word().to_owned())),
            ("expected_records", source.expected_records.map_or(Cell::Absent(State::Missing), count)),
            ("records", count(source.records)),
            // Of what was never read nobody knows what would have fitted.
            ("quarantined", if source.absent { Cell::Absent(State::Missing) } else { count(source.quarantined) }),
            ("covers_from", source.covers.map_or(Cell::Absent(State::Missing), |(from, _)| Cell::Int(from.0))),
            ("covers_until", source.covers.map_or(Cell::Absent(State::Missing), |(_, until)| Cell::Int(until.0))),
            ("max_age", Cell::Int(source.max_age.0)),
        ];
        out.extend(row("source", &values, number));
    }
    // Where no log was given at all, whether one is kept is not known.
    let logs_of_use = described.iter().map(|one| &one.source).any(|source| {
        let used = source.event_types.is_empty() || source.event_types.iter().any(|ty| ty == "used");
        !source.absent && used && source.tables.iter().any(|table| table == "event")
    });
    let none = Cell::Absent(if logs_of_use { State::Never } else { State::Missing });
    for (number, system) in systems.iter().enumerate() {
        let last = logs.stretches.get(&(system.clone(), "used".to_owned())).and_then(|stretches| stretches.last());
        let end = |at: Option<Time>| at.map_or(none.clone(), |at| Cell::Int(at.0));
        let values = [
            ("id", Cell::Text(system.clone())),
            ("covers_from", end(last.map(|(from, _)| *from))),
            ("covers_until", end(last.map(|(_, until)| *until))),
        ];
        out.extend(row("system", &values, number));
    }
    out
}

fn row(table: &str, values: &[(&str, Cell)], number: usize) -> Option<Row> {
    let table = schema::table(table)?;
    let mut cells = vec![Cell::Absent(State::Missing); SCHEMA[table].columns.len()];
    for (name, cell) in values {
        cells[SCHEMA[table].column(name)?] = cell.clone();
    }
    Some(Row { table, cells, origin: Origin { file: u32::MAX, record: u32::try_from(number).unwrap_or(u32::MAX) } })
}
