//! What was accepted instead of shown: waivers, parameters looser than their defaults, attestations.

use arrow_array::{Array, cast::AsArray, types::Int64Type};
use serde::Serialize;

use super::controls::anchor;
use super::view::{Capped, Mark, clause, count};
use crate::model::assessment::Assessment;
use crate::model::project::Project;
use crate::model::table::{Evidence, Table};
use crate::model::value::{Duration, SECOND, State, Time};
use crate::model::waiver::{Scope, Standing, WaiverResult};
use crate::report::escape;

/// Most of each in the report.
const WAIVERS: usize = 100;
const ATTESTATIONS: usize = 100;
const SUBJECTS: usize = 12;
/// An attestation that ends within this is told to end soon.
const SOON: Duration = Duration(30 * 24 * 3_600 * SECOND);

/// A parameter that the project set looser than its default.
#[derive(Serialize)]
pub struct LooserView<'a> {
    name: String,
    value: &'a str,
    default: &'a str,
    reason: String,
    approver: &'a str,
    approval: Option<&'a str>,
    until: Option<String>,
    /// The value that has ended.
    pub ended: Option<&'a str>,
}

pub fn looser(project: &Project) -> Vec<LooserView<'_>> {
    let params = project.controls.iter().flat_map(|control| control.params.values().map(move |param| (control, param)));
    let views = params.filter_map(|(control, param)| {
        let looser = param.looser.as_ref()?;
        Some(LooserView {
            name: format!("{}.{}", control.id, param.name),
            value: &param.written,
            default: &param.default,
            reason: sentence(&looser.reason),
            approver: &looser.approver,
            approval: looser.approval.as_ref().map(|document| document.sha256.as_str()),
            until: looser.until.map(|until| until.to_string()),
            ended: looser.ended.as_deref(),
        })
    });
    views.collect()
}

/// Ends with a full stop, to stand before another sentence.
fn sentence(text: &str) -> String {
    format!("{}.", clause(text))
}

#[derive(Serialize)]
pub struct WaiverView<'a> {
    id: &'a str,
    control: &'a str,
    anchor: String,
    standing: Mark,
    why: &'a str,
    /// Markdown.
    scope: String,
    /// Those that it names, where it waives none of them.
    named: Capped<&'a str>,
    waived: Capped<&'a str>,
    needless: usize,
    own: Capped<&'a str>,
    open: Capped<&'a str>,
    granted_at: String,
    expires_at: String,
    approver: &'a str,
    approval: Option<&'a str>,
    ticket: Option<&'a str>,
    compensating: Vec<CompensationView<'a>>,
    /// On one line, however it was written.
    reason: String,
}

#[derive(Serialize)]
struct CompensationView<'a> {
    control: &'a str,
    came: Option<Mark>,
    of_subjects: bool,
}

pub fn waivers(assessment: &Assessment) -> Capped<WaiverView<'_>> {
    Capped::new(assessment.waivers.iter().map(|result| waiver(result, assessment)), WAIVERS)
}

fn waiver<'a>(result: &'a WaiverResult, assessment: &'a Assessment) -> WaiverView<'a> {
    let expanded = &result.expanded;
    let waiver = &expanded.waiver;
    let live = matches!(result.standing, Standing::InForce | Standing::Unused);
    let subjects = |list: &'a [String]| Capped::new(list.iter().map(String::as_str), SUBJECTS);
    let judged = assessment.controls.iter().find(|judged| judged.control.id == waiver.control);
    WaiverView {
        id: &waiver.id,
        control: &waiver.control,
        anchor: judged.map_or_else(String::new, |judged| anchor(&judged.control)),
        standing: Mark {
            shape: match result.standing {
                Standing::InForce => Mark::WAIVED,
                Standing::Unused | Standing::NotJudged => Mark::NONE,
                Standing::Undetermined(_) => Mark::UNKNOWN,
                Standing::NotYetValid | Standing::Expired | Standing::TooBroad(_) | Standing::OwnApproval => Mark::FAIL,
            },
            word: result.standing.word(),
        },
        why: result.standing.why(),
        scope: match &waiver.scope {
            Scope::Subjects(named) => format!("covers {}", count(named.len(), "subject by name", "subjects by name")),
            Scope::Where { condition, at_most } => {
                format!("covers {at_most} subjects at most, where {}", escape::code(condition.text.trim()))
            }
        },
        named: match &waiver.scope {
            Scope::Subjects(named) if !matches!(result.standing, Standing::InForce | Standing::OwnApproval) => {
                Capped::new(named.iter().map(|(id, _)| id.as_str()), SUBJECTS)
            }
            _ => Capped::new(std::iter::empty(), SUBJECTS),
        },
        waived: subjects(&result.waived),
        needless: if live { expanded.covered.len().saturating_sub(result.waived.len()) } else { 0 },
        own: subjects(&expanded.own),
        open: subjects(&expanded.open),
        granted_at: waiver.granted_at.to_string(),
        expires_at: waiver.expires_at.map_or_else(|| "no end".to_owned(), |at| at.to_string()),
        approver: &waiver.approver,
        approval: waiver.approval.as_ref().map(|document| document.sha256.as_str()),
        ticket: waiver.ticket.as_deref(),
        compensating: result
            .compensating
            .iter()
            .map(|(control, came)| CompensationView {
                control,
                came: came.as_ref().map(|came| came.verdict.into()),
                of_subjects: came.as_ref().is_some_and(|came| came.of_subjects),
            })
            .collect(),
        reason: waiver.reason.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// An attestation, and whether it counts.
#[derive(Serialize, Debug)]
pub struct AttestationView {
    pub id: String,
    pub claim: String,
    pub subject_kind: String,
    pub subject: String,
    pub by: String,
    pub at: String,
    pub until: String,
    pub standing: Mark,
    pub document: Option<String>,
}

pub fn shown_attestations(evidence: &Evidence, as_of: Time) -> Capped<AttestationView> {
    Capped::new(attestations(evidence, as_of, SOON).into_iter(), ATTESTATIONS)
}

/// The attestations, whatever gave them, by the time at which they end: those that have ended come first, then those that end
/// within `soon`.
#[must_use]
pub fn attestations(evidence: &Evidence, as_of: Time, soon: Duration) -> Vec<AttestationView> {
    let Some(table) = evidence.table("attestation") else { return Vec::new() };
    let ends = |row: usize| cell(table, "valid_until", row).time;
    let mut rows: Vec<usize> = (0..table.rows).collect();
    rows.sort_by_key(|row| (ends(*row).is_none(), ends(*row), *row));
    let there = |kind: &str, subject: &str| evidence.table(kind).is_some_and(|table| table.find(subject).is_some());
    rows.into_iter().map(|row| attestation(table, row, as_of, soon, &there)).collect()
}

/// `there`: whether the evidence holds a subject, by its table and id.
fn attestation(table: &Table, row: usize, as_of: Time, soon: Duration, there: &dyn Fn(&str, &str) -> bool) -> AttestationView {
    let read = |name: &str| cell(table, name, row);
    let (kind, subject) = (read("subject_kind"), read("subject"));
    let (claim, by) = (read("claim"), read("by"));
    let (at, until) = (read("at"), read("valid_until"));
    let document = read("document");
    let standing = match (at.time, until.time, until.state) {
        _ if at.state == State::Future => Mark { shape: Mark::FAIL, word: "not yet" },
        (_, Some(until), _) if until <= as_of => Mark { shape: Mark::FAIL, word: "expired" },
        _ if by.state != State::Known => Mark { shape: Mark::UNKNOWN, word: "by nobody known" },
        _ if [&kind, &subject].iter().all(|told| told.state == State::Known) && !there(&kind.text, &subject.text) => {
            Mark { shape: Mark::UNKNOWN, word: "of nothing known" }
        }
        _ if [&kind, &subject, &claim].iter().any(|told| told.state != State::Known) => Mark { shape: Mark::UNKNOWN, word: "unknown" },
        (Some(_), Some(until), _) if until.0.saturating_sub(as_of.0) <= soon.0 => Mark { shape: Mark::PART, word: "ends soon" },
        (Some(_), Some(_), _) | (Some(_), None, State::Never) => Mark { shape: Mark::PASS, word: "live" },
        _ => Mark { shape: Mark::UNKNOWN, word: "unknown" },
    };
    AttestationView {
        id: read("id").text,
        claim: claim.text,
        subject_kind: kind.text,
        subject: subject.text,
        by: by.text,
        at: at.text,
        until: until.text,
        standing,
        document: (document.state == State::Known).then_some(document.text),
    }
}

struct Shown {
    text: String,
    state: State,
    time: Option<Time>,
}

/// A value as it is printed: text or time, or the word for why there is none.
fn cell(table: &Table, name: &str, row: usize) -> Shown {
    let Some(column) = table.schema.column(name).map(|at| &table.columns[at]) else {
        return Shown { text: String::new(), state: State::Missing, time: None };
    };
    let state = column.state(row);
    let time = column.values.as_primitive_opt::<Int64Type>().filter(|times| times.is_valid(row)).map(|times| Time(times.value(row)));
    let text = column.values.as_string_opt::<i32>().filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row).to_owned());
    let shown = text.or_else(|| time.map(|time| time.to_string())).unwrap_or_else(|| state.word().to_owned());
    Shown { text: shown, state, time }
}
