//! What to fix first: one line for each failing control, the gravest first.

use std::cmp::Reverse;

use serde::Serialize;

use super::view::{Capped, count};
use super::{author, controls};
use crate::model::assessment::{Assessment, ControlResult, Verdict};
use crate::model::control::Control;
use crate::model::schema::SCHEMA;
use crate::model::table::Evidence;
use crate::model::value::Time;
use crate::report::reading::{Reading, Values};

const LINES: usize = 12;

/// One line.
#[derive(Serialize)]
pub struct FirstView<'a> {
    id: &'a str,
    title: &'a str,
    anchor: String,
    severity: &'static str,
    count: usize,
    /// `6 credentials`.
    subjects: String,
    /// The subject that has been there longest.
    oldest: Option<Oldest<'a>>,
    /// How many identities it concerns.
    reach: String,
    /// The first sentence of the remediation; Markdown.
    remedy: String,
}

#[derive(Serialize)]
struct Oldest<'a> {
    subject: &'a str,
    /// `issued 2023-05-02T08:00:00Z`: when it began, which is not when it began to fail.
    began: String,
}

/// Failing controls by severity, then by the age of the oldest failing subject, then by how many identities they concern.
pub fn first<'a>(assessment: &'a Assessment, evidence: &Evidence) -> Capped<FirstView<'a>> {
    let mut ranked: Vec<_> = assessment
        .controls
        .iter()
        .filter(|result| result.counts.fail > 0)
        .map(|result| {
            let (oldest, reach) = failing(result, evidence);
            let since = oldest.map_or(i64::MAX, |(at, _)| at.0);
            ((Reverse(result.severity()), since, Reverse(reach), &result.control.id), result, oldest, reach)
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    Capped::new(ranked.into_iter().map(|(_, result, oldest, reach)| line(result, oldest, reach)), LINES)
}

fn line<'a>(result: &'a ControlResult, oldest: Option<(Time, &'a str)>, reach: usize) -> FirstView<'a> {
    let control = &result.control;
    let subject = SCHEMA.get(control.subject).map_or("", |table| table.name);
    let plural = match subject.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{subject}s"),
    };
    FirstView {
        id: &control.id,
        title: &control.title,
        anchor: controls::anchor(control),
        severity: control.severity.word(),
        count: result.counts.fail,
        subjects: count(result.counts.fail, subject, &plural),
        oldest: oldest.map(|(at, id)| Oldest { subject: id, began: format!("{} {at}", beginning(subject).map_or("", |(_, word)| word)) }),
        reach: if subject == "identity" || reach == 0 { String::new() } else { count(reach, "identity", "identities") },
        remedy: author::rewrite(first_sentence(&control.remediation)),
    }
}

/// The oldest of the failing subjects, and of how many identities they are.
fn failing<'a>(result: &'a ControlResult, evidence: &Evidence) -> (Option<(Time, &'a str)>, usize) {
    let since = Since::of(&result.control, evidence);
    let Some(table) = since.table else { return (None, 0) };
    let holder = table.values("identity");
    let mut oldest: Option<(Time, &str)> = None;
    let mut identities = std::collections::BTreeSet::new();
    for judged in result.population.iter().filter(|judged| judged.verdict == Verdict::Fail) {
        if let Some(at) = since.at(&judged.subject) {
            oldest = oldest.filter(|known| known.0 <= at).or(Some((at, &judged.subject)));
        }
        identities.extend(table.row(&judged.subject).and_then(|row| holder?.text(row)));
    }
    let reach = if since.subject == "identity" { result.counts.fail } else { identities.len() };
    (oldest, reach)
}

/// The column that says when a row of a table began, and how that is said.
fn beginning(table: &str) -> Option<(&'static str, &'static str)> {
    match table {
        "credential" => Some(("issued_at", "issued")),
        "identity" => Some(("created_at", "created")),
        "grant" => Some(("granted_at", "granted")),
        "exposure" => Some(("detected_at", "detected")),
        "event" => Some(("at", "of")),
        _ => None,
    }
}

/// Since when the subjects of a control have been there.
pub struct Since<'e> {
    subject: &'static str,
    /// `None`: nothing says when a subject of its kind began.
    table: Option<Reading<'e>>,
    begins: Option<Values<'e>>,
}

impl<'e> Since<'e> {
    pub fn of(control: &Control, evidence: &'e Evidence) -> Since<'e> {
        let subject = SCHEMA.get(control.subject).map_or("", |table| table.name);
        let begins = beginning(subject).map(|(column, _)| column);
        let table = begins.and_then(|_| Reading::of(evidence, subject));
        Since { subject, table, begins: table.and_then(|table| table.values(begins?)) }
    }

    /// `None`: it is not known.
    pub fn at(&self, subject: &str) -> Option<Time> {
        self.begins?.time(self.table?.row(subject)?)
    }
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    paragraph.find(". ").or_else(|| paragraph.find(".\n")).map_or(paragraph, |end| &paragraph[..=end])
}
