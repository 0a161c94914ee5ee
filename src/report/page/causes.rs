//! What keeps subjects from passing, told once for all subjects that have it in common, and what would settle it.

use std::collections::BTreeMap;

use super::procedure;
use super::view::clause;
use crate::model::assessment::{Cause, ControlResult, Finding, Reason, Verdict};
use crate::model::schema::SCHEMA;
use crate::model::table::Evidence;
use crate::report::escape;

/// How many sources are named that give the rows of a table.
const SOURCES: usize = 4;
/// How many causes are told of findings that have several in common.
const TOLD: usize = 4;

/// A reason without what it says of one subject alone: its word, its cause and, where that is all, its detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why<'a> {
    word: &'static str,
    cause: &'a Cause,
    detail: &'a str,
}

/// How many verdicts wait for one cause.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting {
    pub verdicts: usize,
    /// Of these, how many wait for nothing else.
    pub alone: usize,
    /// The control's population is not known to be whole.
    pub population: bool,
}

impl<'a> From<&'a Reason> for Why<'a> {
    fn from(reason: &'a Reason) -> Self {
        let detail = if reason.cause == Cause::Said { reason.detail.as_str() } else { "" };
        Why { word: reason.word, cause: &reason.cause, detail }
    }
}

impl Why<'_> {
    /// Markdown, a clause.
    pub fn told(&self) -> String {
        match self.cause {
            Cause::Value(table, column) => {
                let Some(schema) = SCHEMA.get(*table) else { return String::new() };
                let what = format!("{} of {}", escape::code(schema.columns[*column].name), schema.name);
                let state = match self.word {
                    "missing" => "is not given by any source",
                    "conflict" => "is contradicted",
                    "dangling" => "refers to what is not in the inventory",
                    "future" => "lies ahead",
                    "unreadable" => "could not be read",
                    "stale" => "is said only by a stale source",
                    _ => "cannot be compared",
                };
                format!("{what} {state}")
            }
            Cause::Match(table) => format!("whether a row of {} is meant is not known", escape::code(table)),
            Cause::Log { system, types } => format!("no complete log of {} shows {}", escape::code(system), escape::markdown(types)),
            Cause::Said => escape::sentence(&clause(self.detail)),
        }
    }

    /// Which source would settle it; Markdown, a clause.
    pub fn settled(&self, evidence: &Evidence) -> String {
        match self.cause {
            Cause::Value(table, column) => {
                let Some(schema) = SCHEMA.get(*table) else { return String::new() };
                if schema.derived {
                    return "the source's own entry in tickmark.toml, or an export that says it".to_owned();
                }
                let (name, column) = (schema.name, &schema.columns[*column]);
                let what = escape::code(column.name);
                match (self.word, column.refers) {
                    ("missing", _) => format!("a source that gives {what}; rows of {name} come from {}", sources(name, evidence)),
                    ("conflict", _) => format!("sources that agree; rows of {name} come from {}", sources(name, evidence)),
                    ("dangling", Some(target)) => {
                        format!("a source that lists it; rows of {target} come from {}", sources(target, evidence))
                    }
                    ("stale", _) => format!("a newer export from {}", sources(name, evidence)),
                    _ => format!("the value put right in {}", sources(name, evidence)),
                }
            }
            Cause::Match(table) => format!("rows that name whom they mean; rows of {table} come from {}", sources(table, evidence)),
            Cause::Log { system, .. } => {
                format!("a log of {}, complete over the window that the workpaper names", escape::code(system))
            }
            Cause::Said => match self.word {
                "no-source" => "such a source".to_owned(),
                "absent-source" => "an export of it that can be used".to_owned(),
                "partial-source" => "a whole export, or somebody who vouches for it".to_owned(),
                "stale-source" => "a newer export".to_owned(),
                _ => "a source that says it".to_owned(),
            },
        }
    }
}

/// The sources that give rows of a table.
fn sources(table: &str, evidence: &Evidence) -> String {
    let mut named: Vec<&str> = Vec::new();
    for source in evidence.sources.iter().filter(|source| !source.absent) {
        let gives = match table {
            "event" => !source.event_types.is_empty(),
            _ => source.tables.iter().any(|observed| observed == table),
        };
        if gives && !named.contains(&source.id.as_str()) {
            named.push(&source.id);
        }
    }
    let shown: Vec<String> = named.iter().take(SOURCES).map(|id| escape::code(id)).collect();
    match named.len() {
        0 => "no source yet".to_owned(),
        all if all > SOURCES => format!("{} and {} more", shown.join(", "), all - SOURCES),
        _ => shown.join(", "),
    }
}

/// How many verdicts a finding stands for.
pub fn weight(finding: &Finding) -> usize {
    finding.group.as_ref().map_or(1, |group| group.count)
}

/// What leaves a control undecided, with the verdicts that wait for each cause.
pub fn waiting(result: &ControlResult) -> BTreeMap<Why<'_>, Waiting> {
    let mut all: BTreeMap<Why<'_>, Waiting> = BTreeMap::new();
    for finding in result.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown) {
        let causes = of(finding);
        for why in &causes {
            let waiting = all.entry(*why).or_default();
            waiting.verdicts += weight(finding);
            waiting.alone += if causes.len() == 1 { weight(finding) } else { 0 };
        }
    }
    for reason in &result.population_gaps {
        all.entry(reason.into()).or_default().population = true;
    }
    all
}

/// The causes of an unknown verdict, each once.
fn of(finding: &Finding) -> Vec<Why<'_>> {
    let mut causes: Vec<Why<'_>> = finding.reasons.iter().map(Why::from).collect();
    causes.sort();
    causes.dedup();
    causes
}

/// What findings of one control have in common: the verdict, and which terms are false or which causes leave it open.
type Common<'a> = (Verdict, &'a [usize], Vec<Why<'a>>);

/// The findings by cause, those with most verdicts first: the verdict, its cause in Markdown, how many findings.
pub fn by_cause<'a>(result: &'a ControlResult, findings: impl Iterator<Item = &'a Finding>) -> Vec<(Verdict, String, usize)> {
    let mut groups: BTreeMap<Common<'a>, usize> = BTreeMap::new();
    for finding in findings {
        *groups.entry((finding.verdict, &finding.broken, of(finding))).or_default() += 1;
    }
    let mut groups: Vec<(Common<'a>, usize)> = groups.into_iter().collect();
    groups.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    let words = |((verdict, broken, causes), count): (Common<'a>, usize)| {
        let told: Vec<String> = match causes.is_empty() {
            true => procedure::broken(&result.control, broken),
            false => causes.iter().take(TOLD).map(Why::told).collect(),
        };
        let more = causes.len().saturating_sub(TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        (verdict, told.join("; ") + &more, count)
    };
    groups.into_iter().map(words).collect()
}
