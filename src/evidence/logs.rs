//! What complete logs cover (SEMANTICS §2.6, §4.4).

use super::mapping::Export;
use super::sources;
use crate::model::project::{Covers, SourceConfig, SourceMapping};
use crate::model::table::Logs;
use crate::model::value::Time;

/// What one export of a full log covers; nothing: nobody says, or what is said names no event type.
pub fn covered(export: &Export, config: &SourceConfig, mapping: &SourceMapping) -> Vec<Covers> {
    let said = config.covers.clone().map_or_else(|| export.envelope.covers.clone(), |covers| vec![covers]);
    said.into_iter()
        .map(|mut covers| {
            if covers.types.is_empty() {
                covers.types.clone_from(&mapping.event_types);
            }
            // A log says nothing of what came after it was collected.
            if let Some((collected_at, _)) = sources::collected(export, config) {
                covers.until = covers.until.min(collected_at);
            }
            covers
        })
        .filter(|covers| !covers.types.is_empty() && covers.from <= covers.until)
        .collect()
}

/// Adds what a full log of some systems covers. One that reaches `as_of` within its source's `max_age` is taken to
/// reach it, unless a later attempt to collect it failed.
pub fn add(logs: &mut Logs, systems: &[String], covers: &Covers, export: &Export, config: &SourceConfig, as_of: Time) {
    let failed = export.locker.as_ref().is_some_and(|locker| locker.failed_since);
    let near = !failed && covers.until.0 >= as_of.0.saturating_sub(config.max_age.0);
    let until = if near { covers.until.max(as_of) } else { covers.until };
    for system in systems {
        for ty in &covers.types {
            logs.stretches.entry((system.clone(), ty.clone())).or_default().push((covers.from, until));
        }
    }
}

/// Sorts stretches, and joins those that touch.
pub fn join(logs: &mut Logs) {
    for stretches in logs.stretches.values_mut() {
        stretches.sort();
        let mut joined: Vec<(Time, Time)> = Vec::new();
        for (from, until) in stretches.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if from.0 <= end.0.saturating_add(1) => *end = (*end).max(until),
                _ => joined.push((from, until)),
            }
        }
        *stretches = joined;
    }
}
