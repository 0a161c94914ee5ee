//! Waivers: whom each excuses, found before anything is judged and whatever the verdicts (SEMANTICS §5.6); and what it came to.
//!
//! Unknown waives nothing: a scope, an owner or a number of subjects that only stale or missing values leave open does not
//! count, so that knowing less never turns a fail into a waived one.

use std::collections::{BTreeMap, BTreeSet};

use super::LimitError;
use super::absence;
use super::expr::{Evaluator, Frame};
use super::kleene::{Tri, Truth};
use super::verdict::Worlds;
use super::world::{Rows, World, key_text};
use crate::model::assessment::{ControlResult, Status, Verdict};
use crate::model::condition::Condition;
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{SCHEMA, table};
use crate::model::table::Evidence;
use crate::model::value::{Constant, State, Time};
use crate::model::waiver::{Compensation, Expanded, Scope, Standing, Waiver, WaiverResult};

/// Finds whom each waiver excuses.
///
/// # Errors
/// A subquery of a scope would look at too many pairs.
pub fn expand(waivers: &[Waiver], evidence: &Evidence, as_of: Time) -> Result<Vec<Expanded>, LimitError> {
    let worlds = Worlds::new(evidence, as_of);
    let params = BTreeMap::new();
    waivers.iter().map(|waiver| expanded(waiver, worlds.strict(), &params)).collect()
}

fn expanded(waiver: &Waiver, world: &World, params: &BTreeMap<String, Constant>) -> Result<Expanded, LimitError> {
    let subjects = world.table(waiver.subject);
    let id = |row: usize| key_text(&subjects.columns[0], row).unwrap_or_default();
    let mut missing = Vec::new();
    let scope = match &waiver.scope {
        Scope::Subjects(named) => {
            let there: BTreeSet<&str> = (0..subjects.rows).map(id).collect();
            missing.extend((0..named.len()).filter(|at| !there.contains(named[*at].0.as_str())));
            let wanted: BTreeSet<&str> = named.iter().map(|(id, _)| id.as_str()).collect();
            Truth::collect(subjects.rows, |row| Tri::of(wanted.contains(id(row))))
        }
        Scope::Where { condition, .. } => truth(condition, world, params)?,
    };
    let separate = match &waiver.separate {
        Some(condition) => truth(condition, world, params)?,
        None => Truth::all(subjects.rows, Tri::True),
    };
    let (mut covered, mut open, mut own, mut outside) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in 0..subjects.rows {
        let place = match (scope.get(row), separate.get(row)) {
            (Tri::False, _) | (Tri::Unknown, Tri::False) => &mut outside,
            (Tri::True, Tri::True) => &mut covered,
            (Tri::True, Tri::False) => &mut own,
            _ => &mut open,
        };
        place.insert(id(row).to_owned());
    }
    // Rows of one id count together, and the least favourable of them decides: two events of one id, and one is not covered.
    covered.retain(|id| !open.contains(id) && !own.contains(id) && !outside.contains(id));
    let barred = barred(waiver, world, params, &scope)?;
    let list = |set: BTreeSet<String>| set.into_iter().collect();
    Ok(Expanded { waiver: waiver.clone(), barred, covered: list(covered), open: list(open), own: list(own), missing })
}

fn truth(condition: &Condition, world: &World, params: &BTreeMap<String, Constant>) -> Result<Truth, LimitError> {
    let len = world.table(condition.table).rows;
    let frame = Frame { subject: Some(Rows { table: condition.table, index: None, len }), child: None, len };
    Evaluator::new(world, params, frame).truth(&condition.root)
}

/// What keeps a waiver from waiving anything.
fn barred(waiver: &Waiver, world: &World, params: &BTreeMap<String, Constant>, scope: &Truth) -> Result<Option<Standing>, LimitError> {
    let Some(expires_at) = waiver.expires_at else {
        return Ok(Some(Standing::TooBroad("nobody says when it ends".to_owned())));
    };
    let length = expires_at.0.saturating_sub(waiver.granted_at.0);
    if length > waiver.longest.0 {
        let lasts = crate::model::value::Duration(length);
        return Ok(Some(Standing::TooBroad(format!("it lasts {lasts}, and {} allows {} at most", waiver.control, waiver.longest))));
    }
    if let Scope::Where { condition, at_most } = &waiver.scope {
        let count = |wanted: &[Tri]| (0..scope.rows()).filter(|row| wanted.contains(&scope.get(*row))).count();
        let (sure, possible) = (count(&[Tri::True]), count(&[Tri::True, Tri::Unknown]));
        if sure > *at_most {
            return Ok(Some(Standing::TooBroad(format!("it covers {sure} subjects, and declares {at_most} at most"))));
        }
        let subjects = world.table(waiver.subject);
        let gaps = if subjects.schema.is_log() {
            absence::event_population(world, params, Some(&condition.root))?
        } else {
            absence::population(subjects)
        };
        let why = match gaps.first() {
            _ if possible > *at_most => format!("it may cover {possible} subjects, and declares {at_most} at most"),
            Some(gap) => format!("it is not known to cover {at_most} subjects at most: {}", gap.detail),
            None => String::new(),
        };
        if !why.is_empty() {
            return Ok(Some(Standing::Undetermined(why)));
        }
    }
    if world.as_of < waiver.granted_at {
        return Ok(Some(Standing::NotYetValid));
    }
    if world.as_of >= expires_at {
        return Ok(Some(Standing::Expired));
    }
    let known = table("party").is_some_and(|party| {
        let party = world.table(party);
        (0..party.rows).any(|row| key_text(&party.columns[0], row) == Some(waiver.approver.as_str()))
    });
    if !known {
        return Ok(Some(Standing::Undetermined(format!("its approver `{}` is no party that the evidence knows", waiver.approver))));
    }
    Ok(None)
}

/// The rows of the table `waiver`: what controls over exceptions read. `file_of`: the number of a waiver's file among the evidence.
#[must_use]
pub fn rows(expanded: &[Expanded], file_of: impl Fn(&str) -> u32) -> Vec<Row> {
    let Some(position) = table("waiver") else { return Vec::new() };
    let mut rows = Vec::new();
    for one in expanded {
        let doubtful = matches!(one.barred, Some(Standing::Undetermined(_)));
        if matches!(one.barred, Some(Standing::TooBroad(_))) {
            continue;
        }
        let waiver = &one.waiver;
        let covered = one.covered.iter().map(|id| (id, doubtful));
        for (subject, open) in covered.chain(one.open.iter().map(|id| (id, true))) {
            let values = [
                ("id", Cell::Text(format!("{}/{subject}", waiver.id))),
                ("control", Cell::Text(waiver.control.clone())),
                ("subject_kind", Cell::Text(SCHEMA[waiver.subject].name.to_owned())),
                // A row that may cover the subject, or may not be there at all: it may be anybody's.
                ("subject", if open { Cell::Absent(State::Missing) } else { Cell::Text(subject.clone()) }),
                ("granted_at", Cell::Int(waiver.granted_at.0)),
                ("expires_at", waiver.expires_at.map_or(Cell::Absent(State::Missing), |at| Cell::Int(at.0))),
                ("approver", Cell::Text(waiver.approver.clone())),
                ("compensating", Cell::List(waiver.compensating.iter().cloned().map(Some).collect())),
            ];
            let mut cells = vec![Cell::Absent(State::Missing); SCHEMA[position].columns.len()];
            for (name, cell) in values {
                if let Some(column) = SCHEMA[position].column(name) {
                    cells[column] = cell;
                }
            }
            rows.push(Row { table: position, cells, origin: Origin { file: file_of(&waiver.file), record: 0 } });
        }
    }
    rows
}

/// For one control, the waivers that count now, by subject.
#[must_use]
pub fn in_force<'e>(expanded: &'e [Expanded], control: &str) -> BTreeMap<&'e str, Vec<&'e str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in expanded.iter().filter(|one| one.barred.is_none() && one.waiver.control == control) {
        for subject in &one.covered {
            found.entry(subject).or_default().push(&one.waiver.id);
        }
    }
    found
}

/// What each waiver came to.
#[must_use]
pub fn results(expanded: &[Expanded], controls: &[ControlResult]) -> Vec<WaiverResult> {
    expanded.iter().map(|one| result(one, controls)).collect()
}

fn result(one: &Expanded, controls: &[ControlResult]) -> WaiverResult {
    let of = |id: &str| controls.iter().find(|result| result.control.id == id);
    let judged = of(&one.waiver.control);
    let covered: BTreeSet<&str> = one.covered.iter().map(String::as_str).collect();
    let waived: BTreeSet<String> = judged
        .iter()
        .filter(|_| one.barred.is_none())
        .flat_map(|result| &result.population)
        .filter(|judged| judged.verdict == Verdict::Waived && covered.contains(judged.subject.as_str()))
        .map(|judged| judged.subject.clone())
        .collect();
    let standing = match (&one.barred, judged) {
        (Some(barred), _) => barred.clone(),
        (None, None) => Standing::NotJudged,
        (None, Some(_)) if covered.is_empty() && !one.own.is_empty() => Standing::OwnApproval,
        (None, Some(_)) if covered.is_empty() && !one.open.is_empty() => {
            Standing::Undetermined("for none of its subjects is it known whether it covers them".to_owned())
        }
        (None, Some(_)) if waived.is_empty() => Standing::Unused,
        (None, Some(_)) => Standing::InForce,
    };
    let compensation = |id: &String| {
        let came = of(id).map(|result| {
            let same = result.control.subject == one.waiver.subject;
            let of_subjects =
                result.population.iter().filter(|judged| same && waived.contains(&judged.subject)).map(|judged| judged.verdict);
            match of_subjects.max_by_key(|verdict| gravity(*verdict)) {
                Some(verdict) => Compensation { verdict, of_subjects: true },
                None => Compensation { verdict: whole(result.status), of_subjects: false },
            }
        });
        (id.clone(), came)
    };
    let compensating = one.waiver.compensating.iter().map(compensation).collect();
    WaiverResult { expanded: one.clone(), standing, waived: waived.into_iter().collect(), compensating }
}

fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::NotApplicable => 1,
        Verdict::Waived => 2,
        Verdict::Unknown => 3,
        Verdict::Fail => 4,
    }
}

fn whole(status: Status) -> Verdict {
    match status {
        Status::Fail => Verdict::Fail,
        Status::Unknown => Verdict::Unknown,
        Status::Waived => Verdict::Waived,
        Status::Pass => Verdict::Pass,
        Status::NotApplicable => Verdict::NotApplicable,
    }
}
