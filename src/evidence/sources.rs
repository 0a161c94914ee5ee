//! Exports → which of them count, and how complete and fresh each source is.

use std::collections::{BTreeMap, BTreeSet};

use super::files;
use super::locker::Told;
use super::mapping::Export;
use crate::model::project::{Declared, Exports, Format, SourceConfig, SourceMapping};
use crate::model::row::Cell;
use crate::model::schema::{self, SCHEMA};
use crate::model::table::{Completeness, Source};
use crate::model::value::Time;

/// How many vanished rows a note names.
const NAMED: usize = 20;

/// When an export was collected, and who says so.
pub fn collected(export: &Export, config: &SourceConfig) -> Option<(Time, &'static str)> {
    let locker = export.locker.as_ref().map(|locker| (locker.collected_at, "locker"));
    export.envelope.collected_at.map(|at| (at, "export")).or(locker).or(config.collected_at.map(|at| (at, "configuration")))
}

/// Whether an export is fresh: young enough, and no later attempt to collect it failed.
pub fn export_is_fresh(export: &Export, config: &SourceConfig, as_of: Time) -> bool {
    export.locker.as_ref().is_none_or(|locker| !locker.failed_since)
        && collected(export, config).is_some_and(|(at, _)| is_fresh(at, config, as_of))
}

/// True for a source that only tells what happened: its files add up instead of replacing one another.
pub fn is_log(config: &SourceConfig, mapping: &SourceMapping) -> bool {
    let tables: Vec<&str> = config.table.as_deref().into_iter().chain(mapping.observes.iter().map(String::as_str)).collect();
    !tables.is_empty() && tables.iter().all(|table| *table == "event")
}

/// For each export, why it does not count; `None`: it does. Exports of one kind, system and part are history: the newest
/// at or before `as_of` is the state (SEMANTICS §2.1). With them, remarks per export on rows that vanished.
pub fn history(
    exports: &[Export],
    configs: &[SourceConfig],
    mappings: &BTreeMap<String, SourceMapping>,
    as_of: Time,
) -> (Vec<Option<String>>, Vec<Vec<String>>) {
    let mut aside: Vec<Option<String>> = vec![None; exports.len()];
    let mut remarks: Vec<Vec<String>> = vec![Vec::new(); exports.len()];
    let mut groups: BTreeMap<(String, Vec<String>, Option<String>), Vec<usize>> = BTreeMap::new();
    for (number, export) in exports.iter().enumerate() {
        let config = &configs[export.config];
        let at = collected(export, config).map(|(at, _)| at);
        if superseded(export) {
            aside[number] = Some("a later collection is in the locker".to_owned());
        }
        if at.is_some_and(|at| at > as_of) {
            aside[number] = Some("collected after the time of the assessment".to_owned());
            continue;
        }
        let Some(mapping) = mappings.get(&config.kind) else { continue };
        if is_log(config, mapping) {
            continue;
        }
        // Files of one's own inventory speak of many systems: only those of one source replace one another.
        let kind = if mapping.format == Format::Canonical { format!("{} {}", config.kind, config.id) } else { config.kind.clone() };
        let systems = if mapping.format == Format::Canonical { Vec::new() } else { export.systems.clone() };
        if mapping.format != Format::Canonical && systems.is_empty() {
            continue;
        }
        groups.entry((kind, systems, export.envelope.part.clone())).or_default().push(number);
    }
    let when = |number: usize| collected(&exports[number], &configs[exports[number].config]).map(|(at, _)| at);
    for members in groups.values() {
        let may_be = |number: &usize| !superseded(&exports[*number]);
        let Some(newest) = members.iter().filter(|number| may_be(number)).filter_map(|number| when(*number)).max() else { continue };
        let (state, older): (Vec<usize>, Vec<usize>) =
            members.iter().copied().partition(|number| may_be(number) && when(*number) == Some(newest));
        for number in &older {
            aside[*number] = Some(match when(*number) {
                Some(_) => format!("an earlier export: the one of {newest} is the state"),
                None => format!("nobody says when it was collected: the export of {newest} is the state"),
            });
        }
        let previous = older.iter().filter_map(|number| when(*number)).max();
        let earlier = older.iter().filter(|number| when(**number) == previous).flat_map(|number| &exports[*number].rows);
        if let (Some(previous), Some(first)) = (previous, state.first()) {
            let there: BTreeSet<(usize, &Cell)> =
                state.iter().flat_map(|number| &exports[*number].rows).filter_map(|row| Some((row.table, row.cells.first()?))).collect();
            let gone: BTreeSet<(usize, &Cell)> =
                earlier.filter_map(|row| Some((row.table, row.cells.first()?))).filter(|key| !there.contains(key)).collect();
            let gone: Vec<String> = gone
                .into_iter()
                .filter(|(table, id)| !ended(exports, SCHEMA[*table].name, id))
                .filter_map(|(table, id)| match id {
                    Cell::Text(id) => Some(format!("{} {id}", SCHEMA[table].name)),
                    _ => None,
                })
                .collect();
            if !gone.is_empty() {
                let more = if gone.len() > NAMED { format!(" and {} more", gone.len() - NAMED) } else { String::new() };
                let named = gone.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                remarks[*first].push(format!("vanished since the export of {previous}, without an event that ended it: {named}{more}"));
            }
        }
    }
    (aside, remarks)
}

fn superseded(export: &Export) -> bool {
    export.locker.as_ref().is_some_and(|locker| locker.superseded)
}

/// Whether some event says that an identity or a credential was revoked or deleted.
fn ended(exports: &[Export], table: &str, id: &Cell) -> bool {
    let Some(event) = schema::table("event") else { return false };
    let (Some(ty), Some(of)) = (SCHEMA[event].column("type"), SCHEMA[event].column(table)) else { return false };
    exports.iter().flat_map(|export| &export.rows).any(|row| {
        row.table == event && row.cells[of] == *id && matches!(&row.cells[ty], Cell::Text(ty) if ty == "revoked" || ty == "deleted")
    })
}

/// The `source` rows of one configured source: one for each list of systems that its files speak of, and for each
/// configured system that none does.
pub struct Described {
    pub source: Source,
    /// Positions of its exports that count.
    pub exports: Vec<usize>,
    /// All systems that those speak of.
    pub systems: Vec<String>,
}

/// How many records of one kind and some systems an export of another kind counts, and which file says so. Where two
/// disagree, the larger: a record less than either says is a record lost.
pub fn counts(exports: &[Export], aside: &[Option<String>]) -> Counts {
    let mut out = Counts::new();
    for export in exports.iter().zip(aside).filter(|(_, aside)| aside.is_none()).map(|(export, _)| export) {
        for (kind, count) in &export.envelope.counts {
            let said = (*count, export.path.clone());
            out.entry((kind.clone(), export.systems.clone())).and_modify(|most| *most = said.clone().max(most.clone())).or_insert(said);
        }
    }
    out
}

type Counts = BTreeMap<(String, Vec<String>), (i64, String)>;

/// What all sources share in being described.
pub struct Setting<'s> {
    pub exports: &'s [Export],
    pub aside: &'s [Option<String>],
    pub remarks: &'s [Vec<String>],
    pub counts: &'s Counts,
    pub as_of: Time,
}

/// Describes one configured source.
pub fn describe(
    config: &SourceConfig,
    position: usize,
    mapping: &SourceMapping,
    from_locker: &Told,
    setting: &Setting<'_>,
) -> Vec<Described> {
    let Setting { exports, aside, remarks, counts, as_of } = *setting;
    let own = |number: &usize| exports[*number].config == position;
    let all: Vec<usize> = (0..exports.len()).filter(own).collect();
    let used: Vec<usize> = all.iter().copied().filter(|number| aside[*number].is_none()).collect();
    let mut by_systems: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for number in &used {
        by_systems.entry(exports[*number].systems.clone()).or_default().push(*number);
    }
    if mapping.format == Format::Canonical && !used.is_empty() {
        let every: BTreeSet<String> = by_systems.keys().flatten().cloned().collect();
        by_systems = BTreeMap::from([(every.into_iter().collect(), used.clone())]);
    }
    let yielded: BTreeSet<&String> = by_systems.keys().flatten().collect();
    let lacking: Vec<String> = config.systems.iter().filter(|system| !yielded.contains(system)).cloned().collect();
    let table_without_systems =
        config.table.as_deref().and_then(schema::table).is_some_and(|table| SCHEMA[table].column("system").is_none());
    for system in &lacking {
        if !table_without_systems && (mapping.format != Format::Canonical || used.is_empty()) {
            by_systems.entry(vec![system.clone()]).or_default();
        }
    }
    if by_systems.is_empty() {
        by_systems.insert(Vec::new(), Vec::new());
    }
    let lacking = if table_without_systems { Vec::new() } else { lacking };
    let alone = by_systems.len() == 1;
    by_systems
        .into_iter()
        .map(|(systems, numbers)| {
            let system = match systems.as_slice() {
                [one] => Some(one.clone()),
                _ => None,
            };
            let id = match systems.as_slice() {
                _ if alone => config.id.clone(),
                [] => format!("{}/unattributed", config.id),
                systems => format!("{}/{}", config.id, systems.join("+")),
            };
            let members: Vec<&Export> = numbers.iter().map(|number| &exports[*number]).collect();
            let mut counted = None;
            let mut source = Source {
                id,
                kind: config.kind.clone(),
                system,
                required: config.required,
                tables: config.table.iter().cloned().chain(mapping.observes.iter().cloned()).collect(),
                event_types: config
                    .covers
                    .as_ref()
                    .filter(|covers| !covers.types.is_empty())
                    .map_or_else(|| mapping.event_types.clone(), |covers| covers.types.clone()),
                expected_records: config.complete.as_ref().and_then(|vouched| vouched.expected),
                records: records(&members),
                quarantined: members.iter().map(|export| i64::try_from(export.quarantine.len()).unwrap_or(i64::MAX)).sum(),
                max_age: config.max_age,
                absent: members.is_empty()
                    || members
                        .iter()
                        .all(|export| export.rows.is_empty() && export.quarantine.iter().any(|found| found.position.is_empty())),
                ..Source::default()
            };
            // Who counted independently of the export goes before the export itself.
            if source.expected_records.is_none()
                && !systems.is_empty()
                && let Some((count, path)) = counts.get(&(config.kind.clone(), systems.clone()))
            {
                source.expected_records = Some(*count);
                counted = Some(format!("{count} {} are expected, counted in {path}", mapping.records));
            }
            // Of a file that lies there twice, the count is one count.
            let said: BTreeMap<&str, i64> =
                members.iter().filter_map(|export| Some((export.original_sha256.as_str(), export.envelope.expected?))).collect();
            if !said.is_empty() && source.expected_records.is_none() {
                source.expected_records = Some(said.values().sum());
            }
            // The oldest of the files in use: a source is as fresh as its oldest part. For a log, the newest.
            let times: Vec<Option<(Time, &'static str)>> = members.iter().map(|export| collected(export, config)).collect();
            let oldest = if times.iter().all(Option::is_some) { times.iter().flatten().min().copied() } else { None };
            let newest = times.iter().flatten().max().copied();
            let time = if is_log(config, mapping) { newest } else { oldest };
            // Of what yielded nothing, nothing was collected, whatever the configuration says.
            let time = time.filter(|_| !source.absent);
            source.collected_at = time.map(|(at, _)| at);
            source.collected_from = time.map(|(_, from)| from);
            source.fresh = source.collected_at.is_some_and(|at| is_fresh(at, config, as_of)) && from_locker.failed.is_none();
            source.collections.clone_from(&from_locker.collections);
            source.failed.clone_from(&from_locker.failed);
            source.notes = notes(config, position, exports, aside, remarks, &all, &numbers);
            source.notes.extend(counted);
            if source.failed.is_some() {
                source.notes.push(format!("{}; what was collected before counts as stale", failure(&source)));
            }
            for allowed in &config.not_secret {
                source.notes.push(format!("the configuration vouches that {} is no secret: {}", allowed.at, allowed.reason));
            }
            if mapping.state == Declared::Proposed {
                source.notes.push("proposed: what it says is planned, and nothing of it is known to be deployed".to_owned());
            }
            let facts = config.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
            if !facts.is_empty() {
                source.notes.push(format!("the configuration vouches for: {facts}"));
            }
            completeness(&mut source, config, mapping, &members, &lacking, as_of);
            Described { source, exports: numbers, systems }
        })
        .collect()
}

/// How many records the files hold together, each counted once: one that several of them hold, and a file that lies there twice.
fn records(members: &[&Export]) -> i64 {
    let (said, listed): (Vec<&Export>, Vec<&Export>) = members.iter().partition(|export| export.envelope.records.is_some());
    let distinct: BTreeSet<&u128> = listed.iter().flat_map(|export| &export.records).collect();
    let said: BTreeMap<&str, i64> = said.iter().map(|export| (export.original_sha256.as_str(), export.count())).collect();
    i64::try_from(distinct.len()).unwrap_or(i64::MAX).saturating_add(said.values().sum())
}

/// SEMANTICS §2.6.
pub fn is_fresh(collected_at: Time, config: &SourceConfig, as_of: Time) -> bool {
    let age = as_of.0.saturating_sub(collected_at.0);
    (0..=config.max_age.0).contains(&age)
}

fn notes(
    config: &SourceConfig,
    position: usize,
    exports: &[Export],
    aside: &[Option<String>],
    remarks: &[Vec<String>],
    all: &[usize],
    used: &[usize],
) -> Vec<String> {
    let mut notes = Vec::new();
    for number in all {
        if let Some(reason) = &aside[*number] {
            notes.push(format!("{} does not count: {reason}", exports[*number].path));
        }
    }
    let columns: BTreeSet<&String> = used.iter().flat_map(|number| &exports[*number].notes).collect();
    notes.extend(columns.into_iter().cloned());
    notes.extend(used.iter().flat_map(|number| remarks[*number].clone()));
    if all.is_empty() {
        notes.push(nothing(config));
    }
    debug_assert!(used.iter().all(|number| exports[*number].config == position));
    notes
}

/// Why a source gave no file.
pub fn nothing(config: &SourceConfig) -> String {
    match &config.exports {
        Exports::Files(path) if files::is_pattern(path) => format!("no file matches `{path}`"),
        Exports::Files(path) => format!("there is no file `{path}`"),
        Exports::Locker(_) => "the locker holds no export of it that was collected at or before the time of the assessment".to_owned(),
    }
}

/// SEMANTICS §2.2, §2.3: what keeps a source from being whole, in words.
fn completeness(source: &mut Source, config: &SourceConfig, mapping: &SourceMapping, members: &[&Export], lacking: &[String], as_of: Time) {
    if source.absent {
        source.completeness = Completeness::Unknown;
        let first = members.iter().flat_map(|export| &export.quarantine).find(|found| found.position.is_empty());
        source.completeness_note = match first {
            _ if members.is_empty() => "nothing was collected".to_owned(),
            Some(found) => format!("no file could be read; {}: {}", found.file, found.reason),
            None => "no file could be read".to_owned(),
        };
        return;
    }
    let mut lacks: Vec<String> = Vec::new();
    if source.quarantined > 0 {
        lacks.push(format!("{} of its records or fields are in quarantine", source.quarantined));
    }
    let cut = members.iter().filter(|export| export.envelope.truncated == Some(true)).count();
    if cut > 0 && cut == members.len() {
        lacks.push("the export says that it was cut off".to_owned());
    } else if cut > 0 && config.complete.is_none() {
        // They may be pages of one list: only somebody who has counted knows that none is missing.
        lacks.push(format!("{cut} of its {} files say that more follows", members.len()));
    }
    let partial: BTreeSet<&String> = members.iter().filter_map(|export| export.envelope.partial.as_ref()).collect();
    lacks.extend(partial.into_iter().cloned());
    match &config.complete {
        None => {
            let pieces: BTreeSet<&String> = members.iter().filter_map(|export| export.envelope.piece.as_ref()).collect();
            lacks.extend(pieces.into_iter().cloned());
        }
        Some(vouched) => {
            let newest = members.iter().filter_map(|export| collected(export, config)).map(|(at, _)| at).max();
            lacks.extend(vouched.doubts(source.records, &mapping.records, newest.map(|at| (at, "before it was collected")), as_of));
        }
    }
    if let Some(expected) = source.expected_records
        && source.records < expected
    {
        lacks.push(format!("{} of {expected} expected {} were read", source.records, mapping.records));
    }
    if !lacking.is_empty() {
        lacks.push(format!("nothing speaks of {}", lacking.join(", ")));
    }
    let facts_alone = mapping.format != Format::Canonical && mapping.observes.is_empty();
    if config.systems.is_empty() && !facts_alone {
        match &config.exports {
            Exports::Files(path) if files::is_pattern(path) => {
                lacks.push("its path is a pattern and no `systems` say what it must yield".to_owned());
            }
            Exports::Locker(_) if members.len() > 1 => {
                lacks.push("it is several files, and no `systems` say what they must yield".to_owned());
            }
            _ => {}
        }
    }
    let says_whole = !members.is_empty() && members.iter().all(|export| export.envelope.truncated == Some(false));
    if !lacks.is_empty() {
        source.completeness = Completeness::Partial;
        source.completeness_note = lacks.join("; ");
    } else if let Some(vouched) = &config.complete {
        source.completeness = Completeness::Full;
        source.vouched = true;
        source.completeness_note = format!("vouched for by {} on {}, from {}", vouched.by, vouched.on, vouched.from);
    } else if mapping.guarantees_full || says_whole {
        source.completeness = Completeness::Full;
    } else {
        source.completeness = Completeness::Unknown;
        source.completeness_note = "nobody says that it holds every record; `complete` in tickmark.toml can".to_owned();
    }
}

/// The sentence for a source whose newest collection failed.
pub fn failure(source: &Source) -> String {
    source.failed.as_ref().map_or_else(String::new, |(at, why)| format!("the collection of {at} failed: {why}"))
}
