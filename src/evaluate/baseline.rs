//! What a baseline knows of the fails, and what it saw that is gone. No verdict changes.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use super::naming::Naming;
use super::world::key_text;
use crate::model::assessment::{ControlResult, Named, Verdict, finding_id};
use crate::model::baseline::{
    Accepted, Baseline, BaselineResult, BaselineStanding, Earlier, EarlierControl, EarlierFail, EarlierGroup, LONGEST, Vanished,
};
use crate::model::schema::SCHEMA;
use crate::model::table::{Completeness, Evidence};
use crate::model::value::{State, Time};

/// Marks the findings that a baseline knows, and gives what it came to. `set_aside`: controls that the run was told to leave out.
pub fn compared(
    baseline: &Baseline,
    controls: &mut [ControlResult],
    evidence: &Evidence,
    naming: &Naming,
    as_of: Time,
    set_aside: &BTreeSet<&str>,
) -> BaselineResult {
    let (earlier, standing) = match &baseline.earlier {
        Ok(earlier) => (earlier, standing(&baseline.accepted, earlier, evidence, as_of)),
        Err(why) => return BaselineResult { standing: BaselineStanding::Altered(why.clone()), known: 0, vanished: Vec::new() },
    };
    if standing != BaselineStanding::InForce {
        return BaselineResult { standing, known: 0, vanished: Vec::new() };
    }
    let removed = removed(evidence, earlier.as_of, as_of);
    let mut vanished = Vec::new();
    for result in &mut *controls {
        let before = earlier.controls.get(&result.control.id);
        mark(result, before, naming);
        if let Some(before) = before {
            gone(result, before, evidence, naming, &removed, &mut vanished);
        }
    }
    for (id, before) in &earlier.controls {
        let judged = controls.iter().any(|result| result.control.id == *id);
        if !judged && !before.failed.is_empty() && !set_aside.contains(id.as_str()) {
            let why = format!("{} failed it in the baseline, and it is not judged any more", before.failed.len());
            vanished.push(Vanished { control: id.clone(), what: String::new(), why });
        }
    }
    sources(earlier, evidence, &mut vanished);
    vanished.sort();
    BaselineResult { standing, known: controls.iter().map(|result| result.known).sum(), vanished }
}

/// Whether it counts at `as_of`.
fn standing(accepted: &Accepted, earlier: &Earlier, evidence: &Evidence, as_of: Time) -> BaselineStanding {
    if accepted.expires_at.0.saturating_sub(accepted.granted_at.0) > LONGEST.0 {
        return BaselineStanding::TooLong;
    }
    if as_of < accepted.granted_at || as_of < earlier.as_of {
        return BaselineStanding::NotYetValid;
    }
    if as_of >= accepted.expires_at {
        return BaselineStanding::Expired;
    }
    if evidence.knows_party(&accepted.approver) {
        BaselineStanding::InForce
    } else {
        BaselineStanding::Undetermined(format!("its approver `{}` is no party that the evidence knows", accepted.approver))
    }
}

/// Says of every fail whether it is known.
fn mark(result: &mut ControlResult, before: Option<&EarlierControl>, naming: &Naming) {
    let id = result.control.id.clone();
    let known: BTreeSet<String> = before
        .into_iter()
        .flat_map(|before| &before.failed)
        .filter(|(_, fail)| !fail.waived)
        .map(|(subject, fail)| fail.id.clone().unwrap_or_else(|| finding_id(&id, Named::Id(subject), &[])))
        .collect();
    let mut of_subject: BTreeMap<String, bool> = BTreeMap::new();
    for (row, judged) in result.population.iter().enumerate().filter(|(_, judged)| judged.verdict == Verdict::Fail) {
        let there = known.contains(&member(result, naming, row));
        // Rows of one id count together: all of them must be known.
        of_subject.entry(judged.subject.clone()).and_modify(|all| *all &= there).or_insert(there);
    }
    let is_known = |subject: &String| of_subject.get(subject).copied().unwrap_or(false);
    result.known = result.population.iter().filter(|judged| judged.verdict == Verdict::Fail && is_known(&judged.subject)).count();
    for finding in result.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
        finding.known = Some(match &finding.group {
            Some(group) => group.subjects.iter().all(is_known),
            None => is_known(&finding.subject),
        });
    }
}

/// The id of a subject by itself, also where its finding is told within a group.
fn member(result: &ControlResult, naming: &Naming, row: usize) -> String {
    finding_id(&result.control.id, naming.row(result.control.subject, row), &[])
}

/// Subjects that failed and are in no row now, without proof that they were removed.
fn gone(
    result: &ControlResult,
    before: &EarlierControl,
    evidence: &Evidence,
    naming: &Naming,
    removed: &BTreeSet<(&str, &str)>,
    vanished: &mut Vec<Vanished>,
) {
    let schema = SCHEMA[result.control.subject].name;
    // A source that is gone is told as a source, and the project itself says which waivers there are.
    if matches!(schema, "source" | "waiver") {
        return;
    }
    let mut lose = |what: &str, why: String| {
        vanished.push(Vanished { control: result.control.id.clone(), what: what.to_owned(), why });
    };
    if schema == "event" {
        for group in &before.groups {
            let now = result.findings.iter().filter(|finding| finding.id == group.id).filter_map(|finding| finding.group.as_ref());
            let now: usize = now.map(|group| group.count).sum();
            if now < group.count && still_covered(group, evidence) {
                let why = format!("the baseline has {} such events, {now} are here, and the logs still cover their time", group.count);
                lose(&group.subject, why);
            }
        }
        return;
    }
    let there: BTreeSet<&str> = result.population.iter().map(|judged| judged.subject.as_str()).collect();
    let missing: Vec<(&String, &EarlierFail)> = before.failed.iter().filter(|(subject, _)| !there.contains(subject.as_str())).collect();
    if missing.is_empty() {
        return;
    }
    // It may be here under another id.
    let ids: BTreeSet<String> = (0..result.population.len()).map(|row| member(result, naming, row)).collect();
    for (subject, fail) in missing {
        let renamed = fail.id.as_ref().is_some_and(|id| ids.contains(id));
        let told = removed.contains(&(schema, subject.as_str()));
        if !renamed && !told {
            let how = match schema {
                "identity" => "an event `deleted`",
                "credential" => "an event `revoked` or `deleted`",
                "party" => "an event `offboarded`",
                _ => "a new baseline",
            };
            lose(subject, format!("it failed in the baseline and is gone, and nothing shows that it was removed ({how} would)"));
        }
    }
}

/// Whether the logs reach back to the first of these events; where nobody knows, they do.
fn still_covered(group: &EarlierGroup, evidence: &Evidence) -> bool {
    let from = evidence.sources.iter().filter_map(|source| source.covers).map(|(from, _)| from).min();
    group.first.zip(from).is_none_or(|(first, from)| first >= from)
}

/// What events between the two say was removed: table and id. Only the log of the system that something lives in tells that: an export, even
/// one that its vendor calls whole, does not show that nobody cut it.
fn removed(evidence: &Evidence, since: Time, until: Time) -> BTreeSet<(&str, &str)> {
    let Some(events) = evidence.table("event") else { return BTreeSet::new() };
    let known = |name: &str, row: usize| {
        let column = &events.columns[events.schema.column(name)?];
        matches!(column.state(row), State::Known | State::Dangling).then(|| key_text(column, row)).flatten()
    };
    let mut found = BTreeSet::new();
    let at = events.schema.column("at").map(|at| &events.columns[at]);
    let when = |row: usize| at.filter(|at| at.state(row) == State::Known).map(|at| at.values.as_primitive::<Int64Type>().value(row));
    let in_time = |row: &usize| when(*row).is_some_and(|at| since.0 < at && at <= until.0);
    for row in (0..events.rows).filter(|row| known("outcome", *row) == Some("ok")).filter(in_time) {
        let tables: &[&str] = match known("type", row) {
            Some("deleted") => &["identity", "credential", "party"],
            Some("revoked") => &["credential"],
            Some("offboarded") => &["party"],
            _ => &[],
        };
        // An identity's deletion is told of the identity: an event that names a credential beside it is about the credential.
        let credential = known("credential", row);
        let system = known("system", row);
        // An id begins with its system; a party's, and one that the project made up, names none.
        let of_system = |table: &str, id: &str| {
            table == "party"
                || !id.contains(':')
                || system.is_some_and(|system| id.strip_prefix(system).is_some_and(|rest| rest.starts_with([':', '/'])))
        };
        found.extend(
            tables
                .iter()
                .filter(|table| **table != "identity" || credential.is_none())
                .filter_map(|table| Some((*table, known(table, row)?)))
                .filter(|(table, id)| of_system(table, id)),
        );
    }
    found
}

/// Sources that are gone, or hold less than they did.
fn sources(earlier: &Earlier, evidence: &Evidence, vanished: &mut Vec<Vanished>) {
    for before in earlier.sources.iter().filter(|before| !before.absent) {
        let now = evidence.sources.iter().find(|source| source.id == before.id);
        let why = match now {
            None => "the baseline has this source, and it is not configured any more".to_owned(),
            Some(now) if now.absent => "the source yielded nothing, and in the baseline it did".to_owned(),
            Some(now) if before.full && now.completeness != Completeness::Full => {
                format!("the source was complete in the baseline and is not now: {}", now.completeness_note)
            }
            Some(_) => continue,
        };
        vanished.push(Vanished { control: String::new(), what: format!("source {}", before.id), why });
    }
}
