//! How old the credentials in force are, and how the life of the worst of them went.

use std::collections::BTreeSet;

use serde::Serialize;

use super::view::Capped;
use crate::model::assessment::{Assessment, Verdict};
use crate::model::control::Control;
use crate::model::table::Evidence;
use crate::model::value::{Constant, Duration, SECOND, State, Time};
use crate::report::reading::{Reading, Values, uses};

const DAY: i64 = 86_400 * SECOND;
/// Upper ends of the ages told, in days.
const AGES: [i64; 5] = [30, 90, 180, 365, 730];
/// Secrets that stay the same until somebody replaces them.
const STATIC: [&str; 4] = ["api_key", "client_secret", "password", "ssh_key"];
/// The control whose limit is drawn in, and its parameter.
const LIMIT: (&str, &str) = ("ROT-01", "max_age");
/// Whose failing credentials are told, the gravest first.
const WORST: [&str; 4] = ["OFF-02", "OFF-01", "ROT-06", "ROT-08"];
const LIVES: usize = 3;

/// Ages of active static credentials.
#[derive(Serialize)]
pub struct AgesView {
    pub rows: Vec<AgeRow>,
    pub total: usize,
    /// `90d`, where the control that sets it is judged.
    pub limit: Option<String>,
}

#[derive(Serialize)]
pub struct AgeRow {
    pub age: String,
    pub count: usize,
    /// Older than the limit; `None`: there is no limit, or the age is not known.
    pub beyond: Option<bool>,
}

pub fn ages(assessment: &Assessment, evidence: &Evidence) -> AgesView {
    let limit = assessment.controls.iter().find(|result| result.control.id == LIMIT.0).and_then(|result| limit(&result.control));
    let mut ends: BTreeSet<i64> = AGES.iter().map(|days| days * DAY).collect();
    ends.extend(limit.map(|limit| limit.0));
    let ends: Vec<i64> = ends.into_iter().collect();
    let mut counts = vec![0; ends.len() + 2];
    if let Some(credentials) = Reading::of(evidence, "credential") {
        let column = |name| credentials.values(name);
        let (kind, status, issued, rotated) = (column("kind"), column("status"), column("issued_at"), column("rotated_at"));
        for row in 0..credentials.rows() {
            if text(status, row) != Some("active") || !text(kind, row).is_some_and(|kind| STATIC.contains(&kind)) {
                continue;
            }
            let began = match rotated.map(|values| (values.state(row), values.time(row))) {
                Some((State::Known, time)) => time,
                Some((State::Never, _)) => issued.and_then(|values| values.time(row)),
                _ => None,
            };
            let place = began.map_or(ends.len() + 1, |began| ends.partition_point(|end| *end < assessment.as_of.0 - began.0));
            counts[place] += 1;
        }
    }
    let name = |at: usize| match (at.checked_sub(1).and_then(|before| ends.get(before)), ends.get(at)) {
        (None, Some(end)) => format!("up to {}", Duration(*end)),
        (Some(start), Some(end)) => format!("over {} to {}", Duration(*start), Duration(*end)),
        (Some(start), None) if at == ends.len() => format!("over {}", Duration(*start)),
        _ => "not known".to_owned(),
    };
    let beyond = |at: usize| limit.filter(|_| at <= ends.len()).map(|limit| at > ends.partition_point(|end| *end < limit.0));
    let rows = (0..counts.len()).map(|at| AgeRow { age: name(at), count: counts[at], beyond: beyond(at) }).collect();
    AgesView { rows, total: counts.iter().sum(), limit: limit.map(|limit| limit.to_string()) }
}

fn text(values: Option<Values<'_>>, row: usize) -> Option<&str> {
    values.and_then(|values| values.text(row))
}

fn limit(control: &Control) -> Option<Duration> {
    match control.params.get(LIMIT.1)?.value {
        Constant::Duration(limit) => Some(limit),
        _ => None,
    }
}

/// The life of one credential, in order.
#[derive(Serialize)]
pub struct LifeView<'a> {
    pub credential: &'a str,
    pub control: &'a str,
    pub party: Option<&'a str>,
    pub steps: Vec<Step>,
    /// From when to when it worked though nothing was left to support it.
    #[serde(skip)]
    pub overhang: Option<(Time, Time)>,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    #[serde(skip)]
    pub at: Time,
    pub time: String,
    pub what: String,
    /// The records that say so.
    pub proof: String,
}

/// Failing credentials of the gravest controls, one for each outside party first.
pub fn lives<'a>(assessment: &'a Assessment, evidence: &'a Evidence) -> Capped<LifeView<'a>> {
    let mut parties = BTreeSet::new();
    let mut told = BTreeSet::new();
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    for id in WORST {
        let Some(result) = assessment.controls.iter().find(|result| result.control.id == id) else { continue };
        for judged in result.population.iter().filter(|judged| judged.verdict == Verdict::Fail) {
            if !told.insert(&judged.subject) {
                continue;
            }
            let party = party(evidence, &judged.subject);
            let first = party.is_none_or(|party| parties.insert(party));
            if first { &mut chosen } else { &mut others }.push((id, judged.subject.as_str(), party));
        }
    }
    chosen.append(&mut others);
    let more = chosen.len().saturating_sub(LIVES);
    let shown = chosen.into_iter().take(LIVES).filter_map(|(id, subject, party)| life(evidence, assessment.as_of, id, subject, party));
    Capped { shown: shown.collect(), more }
}

fn party<'a>(evidence: &'a Evidence, credential: &str) -> Option<&'a str> {
    let (credentials, identities) = (Reading::of(evidence, "credential")?, Reading::of(evidence, "identity")?);
    let identity = credentials.values("identity")?.text(credentials.row(credential)?)?;
    identities.values("third_party")?.text(identities.row(identity)?)
}

fn life<'a>(evidence: &'a Evidence, as_of: Time, control: &'a str, credential: &'a str, party: Option<&'a str>) -> Option<LifeView<'a>> {
    let credentials = Reading::of(evidence, "credential")?;
    let row = credentials.row(credential)?;
    let mut steps = Vec::new();
    let mut add = |at: Option<Time>, what: &str, proof: String| {
        if let Some(at) = at {
            steps.push(Step { at, time: at.to_string(), what: what.to_owned(), proof });
        }
    };
    let own = |column: &str| credentials.values(column).and_then(|values| values.time(row));
    let here = credentials.told_places(row);
    add(own("issued_at"), "issued", here.clone());
    add(own("rotated_at"), "its secret replaced", here.clone());
    add(own("expires_at"), "expires by itself", here.clone());
    add(own("revoked_at"), "revoked", here.clone());
    add(own("task_ended_at"), "its task completed", here);
    let mut ends: Vec<Time> = [own("expires_at"), own("task_ended_at"), own("revoked_at")].into_iter().flatten().collect();
    if let (Some(parties), Some(party)) = (Reading::of(evidence, "party"), party)
        && let Some(row) = parties.row(party)
    {
        let of = |column: &str| parties.values(column).and_then(|values| values.time(row));
        add(of("contract_end"), &format!("contract of {party} ends"), parties.told_places(row));
        add(of("offboarded_at"), &format!("{party} offboarded"), parties.told_places(row));
        ends.extend([of("contract_end"), of("offboarded_at")].into_iter().flatten());
    }
    let end = ends.into_iter().filter(|end| *end < as_of).min();
    let events = Reading::of(evidence, "event");
    let told = |row| events.map_or_else(String::new, |events| events.told_places(row));
    let uses: Vec<(Time, String)> = uses(evidence).filter(|(of, ..)| *of == credential).map(|(_, at, row)| (at, told(row))).collect();
    let last_before = uses.iter().filter(|(at, _)| end.is_none_or(|end| *at <= end)).max();
    let last_after = uses.iter().filter(|(at, _)| end.is_some_and(|end| *at > end)).max();
    for (use_of, what) in [(last_before, "last use in a log before the end"), (last_after, "last use in a log after the end")] {
        if let Some((at, place)) = use_of {
            add(Some(*at), what, place.clone());
        }
    }
    let active = credentials.values("status").and_then(|values| values.text(row)) == Some("active");
    let stopped = own("revoked_at").into_iter().chain(own("expires_at")).min();
    let until = if active { as_of } else { last_after.map(|(at, _)| *at).or(stopped).unwrap_or(as_of) };
    add(Some(as_of), if active { "assessed: its system still accepts it" } else { "assessed" }, String::new());
    steps.sort();
    Some(LifeView { credential, control, party, steps, overhang: end.filter(|end| *end < until).map(|end| (end, until)) })
}
