//! Sources, tables, quarantine and the index of files.

use serde::Serialize;

use super::view::{Capped, Mark, ReasonView, clause, count};
use crate::model::assessment::Assessment;
use crate::model::fact::{Fact, facts};
use crate::model::project::{Project, Vouched};
use crate::model::schema::SCHEMA;
use crate::model::table::{Collection, Completeness, Evidence, Gap, Source, Why};
use crate::model::value::{Duration, Time};
use crate::report::map;

/// Most rows of each list in the report; `assessment.json` has all.
const SOURCES: usize = 200;
const FILES: usize = 200;
const QUARANTINE: usize = 100;
const NOTES: usize = 10;
const GAPS: usize = 4;

#[derive(Serialize)]
pub struct SourceView<'a> {
    id: &'a str,
    kind: &'a str,
    system: Option<&'a str>,
    required: bool,
    collected: String,
    freshness: Mark,
    age: String,
    records: i64,
    expected: Option<i64>,
    quarantined: i64,
    completeness: Mark,
    completeness_note: String,
    digest: Option<&'a str>,
    files: usize,
    vouched: Option<String>,
    covers: Option<String>,
    how: Option<HowView>,
    notes: Capped<String>,
}

/// A source, and the controls that read what it may say.
#[derive(Serialize)]
pub struct RelianceView<'a> {
    source: &'a str,
    controls: Vec<&'a str>,
}

/// Every configured source once, in the order of [`sources`].
pub fn reliance<'a>(assessment: &'a Assessment, evidence: &'a Evidence) -> Vec<RelianceView<'a>> {
    let read: Vec<_> = assessment.controls.iter().map(|result| (result.control.id.as_str(), facts(&result.control))).collect();
    let named =
        |table: &usize, source: &Source| SCHEMA.get(*table).is_some_and(|schema| source.tables.iter().any(|name| name == schema.name));
    let says = |source: &Source, fact: &Fact| match fact {
        Fact::Rows(table) | Fact::Column(table, _) => named(table, source),
        Fact::Events(types) => types.iter().any(|ty| source.event_types.contains(ty)),
    };
    let mut views: Vec<RelianceView<'a>> = Vec::new();
    for source in evidence.sources.iter().take(SOURCES) {
        if views.iter().all(|view| view.source != source.id) {
            let controls = read.iter().filter(|(_, facts)| facts.iter().any(|fact| says(source, fact))).map(|(id, _)| *id).collect();
            views.push(RelianceView { source: &source.id, controls });
        }
    }
    views
}

/// How a source was collected; several collections of a log are told by the newest.
#[derive(Serialize)]
pub struct HowView {
    /// Empty: files were handed over.
    commands: Vec<String>,
    tool: Option<String>,
    from: String,
    until: String,
    record: String,
    earlier: usize,
}

/// The sources, and how many are left out.
pub fn sources<'a>(assessment: &Assessment, evidence: &'a Evidence, project: &Project) -> (Vec<SourceView<'a>>, usize) {
    let shown = evidence.sources.iter().enumerate().take(SOURCES);
    let views = shown.map(|(at, source)| view(at, source, assessment.as_of, evidence, project)).collect();
    (views, evidence.sources.len().saturating_sub(SOURCES))
}

fn view<'a>(at: usize, source: &'a Source, as_of: Time, evidence: &'a Evidence, project: &Project) -> SourceView<'a> {
    let files: Vec<_> = evidence.files.iter().filter(|file| file.source as usize == at && file.set_aside.is_none()).collect();
    let config = map::config(source, project);
    // Waivers and attestations stand in the project: each says itself from when until when it counts.
    let held = source.collected_at.is_none() && !source.absent && config.is_none();
    let (freshness, age) = match source.collected_at {
        _ if held => (Mark { shape: Mark::EMPTY, word: "not collected" }, String::new()),
        _ if source.absent => (Mark { shape: Mark::EMPTY, word: "absent" }, String::new()),
        Some(time) if source.fresh => (Mark { shape: Mark::PASS, word: "fresh" }, aged(as_of, time, source.max_age)),
        Some(time) => (Mark { shape: Mark::FAIL, word: "stale" }, aged(as_of, time, source.max_age)),
        None => (Mark { shape: Mark::UNKNOWN, word: "unknown" }, format!("at most {}", source.max_age)),
    };
    SourceView {
        id: &source.id,
        kind: &source.kind,
        system: source.system.as_deref(),
        required: source.required,
        collected: match (source.collected_at, source.collected_from) {
            (Some(time), Some(from)) => format!("{time}, says the {from}"),
            (Some(time), None) => time.to_string(),
            (None, _) if held => "stands in the project".to_owned(),
            (None, _) if source.absent => "never".to_owned(),
            (None, _) => "nobody says when".to_owned(),
        },
        freshness,
        age,
        records: source.records,
        expected: source.expected_records,
        quarantined: source.quarantined,
        completeness: match source.completeness {
            _ if source.absent => Mark { shape: Mark::EMPTY, word: "absent" },
            Completeness::Full => Mark { shape: Mark::PASS, word: "full" },
            Completeness::Partial => Mark { shape: Mark::PART, word: "partial" },
            Completeness::Unknown => Mark { shape: Mark::UNKNOWN, word: "unknown" },
        },
        completeness_note: match source.completeness {
            Completeness::Full if source.completeness_note.is_empty() && source.expected_records.is_none() && !held => {
                "by the export's own word, not counted".to_owned()
            }
            _ => clause(&source.completeness_note),
        },
        digest: files.first().filter(|_| files.len() == 1).and_then(|file| file.sha256.get(..12)),
        files: files.len(),
        vouched: config.and_then(|config| config.complete.as_ref()).map(vouched),
        covers: source.covers.map(|(from, until)| {
            let gap = as_of.0.saturating_sub(until.0);
            match gap {
                1.. => format!("{from} to {until}, which is {} before the time of this assessment", Duration(gap)),
                _ => format!("{from} to {until}"),
            }
        }),
        how: source.collections.first().map(|newest| how(newest, source.collections.len() - 1)),
        notes: Capped::new(source.notes.iter().map(|note| clause(note)), NOTES),
    }
}

fn how(newest: &Collection, earlier: usize) -> HowView {
    let command = |(argv, times): &(Vec<String>, u64)| match times {
        1 => argv.join(" "),
        times => format!("{} ({times} times)", argv.join(" ")),
    };
    HowView {
        commands: newest.commands.iter().map(command).collect(),
        tool: newest.tool_version.clone(),
        from: newest.started_at.to_string(),
        until: newest.ended_at.to_string(),
        record: newest.record.clone(),
        earlier,
    }
}

/// `2h old, at most 1d`.
fn aged(as_of: Time, collected: Time, max_age: Duration) -> String {
    let age = as_of.0.saturating_sub(collected.0);
    if age < 0 {
        return format!("collected {} after the time of this assessment", Duration(age.saturating_neg()));
    }
    format!("{} old, at most {max_age}", Duration(age))
}

/// `by j.doe on 2026-06-29, from the account summary: 41 records`.
pub fn vouched(vouched: &Vouched) -> String {
    let mut said = Vec::new();
    if !vouched.by.is_empty() {
        said.push(format!("by {}", vouched.by));
    }
    if !vouched.on.is_empty() {
        said.push(format!("on {}", vouched.on));
    }
    if !vouched.from.is_empty() {
        said.push(format!("from {}", vouched.from));
    }
    if let Some(expected) = vouched.expected {
        said.push(format!("expecting {expected} records"));
    }
    said.join(", ")
}

#[derive(Serialize)]
pub struct TableView<'a> {
    name: &'a str,
    rows: usize,
    complete: Mark,
    gaps: Capped<ReasonView>,
}

/// The canonical tables, with what keeps each from being complete.
pub fn tables<'a>(assessment: &'a Assessment, evidence: &Evidence) -> Vec<TableView<'a>> {
    let view = |(name, rows, complete): &'a (String, usize, bool)| {
        let gaps: &[Gap] = evidence.table(name).map_or(&[], |table| &table.gaps);
        TableView {
            name,
            rows: *rows,
            complete: if *complete { Mark { shape: Mark::PASS, word: "yes" } } else { Mark { shape: Mark::UNKNOWN, word: "not known" } },
            gaps: Capped::new(gaps.iter().map(gap), GAPS),
        }
    };
    assessment.tables.iter().map(view).collect()
}

fn gap(gap: &Gap) -> ReasonView {
    let source = &gap.source;
    let detail = match &gap.why {
        Why::NoSource => "no configured source observes it".to_owned(),
        Why::Absent => format!("{source} yielded nothing"),
        Why::Partial(why) | Why::Stale(why) => clause(&format!("{source}: {why}")),
    };
    ReasonView { word: map::gap(gap).word, detail }
}

#[derive(Serialize)]
pub struct QuarantineView<'a> {
    file: &'a str,
    record: &'a str,
    reason: &'a str,
}

pub fn quarantine(evidence: &Evidence) -> Capped<QuarantineView<'_>> {
    Capped::new(
        evidence.quarantine.iter().map(|record| QuarantineView { file: &record.file, record: &record.position, reason: &record.reason }),
        QUARANTINE,
    )
}

#[derive(Serialize)]
pub struct FileView<'a> {
    path: &'a str,
    source: &'a str,
    sha256: &'a str,
    original_sha256: &'a str,
    redacted: usize,
    set_aside: Option<&'a str>,
}

pub fn files(evidence: &Evidence) -> Capped<FileView<'_>> {
    Capped::new(
        evidence.files.iter().map(|file| FileView {
            path: &file.path,
            source: evidence.sources.get(file.source as usize).map_or("", |source| &source.id),
            sha256: &file.sha256,
            original_sha256: &file.original_sha256,
            redacted: file.redacted,
            set_aside: file.set_aside.as_deref(),
        }),
        FILES,
    )
}

/// How many files are set aside, in words; `None`: none is.
pub fn set_aside(evidence: &Evidence) -> Option<String> {
    let aside = evidence.files.iter().filter(|file| file.set_aside.is_some()).count();
    (aside > 0).then(|| count(aside, "file was", "files were"))
}
