//! Which collections of a source an assessment reads.

use std::collections::BTreeSet;

use super::record::Record;
use super::store::Entry;
use crate::model::table::Collection;
use crate::model::value::Time;

/// What the locker has for one source at one instant.
#[derive(Debug, Default)]
pub struct Chosen<'e> {
    /// The newest collection; for a log, every one.
    pub current: Vec<&'e Entry>,
    /// The collection before the newest: what has vanished since is told. Logs have none.
    pub earlier: Option<&'e Entry>,
    /// The newest attempt, if it failed after the newest collection.
    pub failed: Option<&'e Entry>,
}

impl<'e> Chosen<'e> {
    /// Every record that counts, in the order of the journal.
    pub fn entries(&self) -> Vec<&'e Entry> {
        let mut all: Vec<&Entry> = self.current.iter().copied().chain(self.earlier).chain(self.failed).collect();
        all.sort_by_key(|entry| entry.record.number);
        all
    }
}

fn when(record: &Record) -> (Time, u64) {
    (record.collected_at, record.number)
}

/// The collections of a source at or before an instant; `None`: whenever.
pub fn chosen<'e>(journal: &'e [Entry], source: &str, kind: &str, log: bool, as_of: Option<Time>) -> Chosen<'e> {
    let mut own: Vec<&Entry> = journal
        .iter()
        .filter(|entry| entry.record.source == source && entry.record.kind == kind)
        .filter(|entry| as_of.is_none_or(|as_of| entry.record.collected_at <= as_of))
        .collect();
    own.sort_by_key(|entry| std::cmp::Reverse(when(&entry.record)));
    let failed = own.first().copied().filter(|entry| entry.record.failed.is_some());
    let mut good = own.into_iter().filter(|entry| entry.record.failed.is_none());
    if log {
        // What came twice is read once, as it came last.
        let mut seen = BTreeSet::new();
        let current = good.filter(|entry| entry.record.files.iter().any(|stored| seen.insert(stored.path.as_str()))).collect();
        return Chosen { current, earlier: None, failed };
    }
    let current: Vec<&Entry> = good.next().into_iter().collect();
    let there: BTreeSet<&str> = current.iter().flat_map(|entry| &entry.record.files).map(|stored| stored.path.as_str()).collect();
    let earlier = good.find(|entry| entry.record.files.iter().any(|stored| !there.contains(stored.path.as_str())));
    Chosen { current, earlier, failed }
}

/// What the locker's journal tells of one configured source.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Newest first.
    pub collections: Vec<Collection>,
    pub failed: Option<(Time, String)>,
}

/// What the chosen collections tell.
pub fn told(chosen: &Chosen<'_>) -> Told {
    let collection = |entry: &&Entry| Collection {
        record: entry.path.clone(),
        by: entry.record.by.word(),
        collected_at: entry.record.collected_at,
        started_at: entry.record.started_at,
        ended_at: entry.record.ended_at,
        tool_version: entry.record.tool_version.clone(),
        commands: entry.record.calls.iter().map(|made| (made.argv.clone(), made.times)).collect(),
        files: entry
            .record
            .files
            .iter()
            .map(|stored| (stored.path.clone(), stored.sha256.clone(), stored.original_sha256.clone()))
            .collect(),
    };
    Told {
        collections: chosen.current.iter().map(collection).collect(),
        failed: chosen
            .failed
            .map(|entry| (entry.record.collected_at, entry.record.failed.clone().unwrap_or_else(|| "nobody says why".to_owned()))),
    }
}
