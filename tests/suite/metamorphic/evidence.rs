//! Evidence once it is read, perturbed: (a) a value blanked, (h) every time shifted, (i) other names. And what a contradiction is once one
//! side of it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, Int64Array, StringArray, UInt32Array};
use rayon::prelude::*;
use tickmark::cli::excused;
use tickmark::model::condition::Kind;
use tickmark::model::schema::{SCHEMA, Type};
use tickmark::model::table::{Column, Evidence};
use tickmark::model::value::{Constant, State, Time};
use tickmark::model::waiver::{Scope, Waiver};

use super::controls::other_name;
use super::exports::{Estate, sampled};
use super::{Outcome, better, outcomes};

/// The evidence as it would be had one side of each contradiction that is gone never been given: what took its place counts from
/// the beginning.
pub fn settled(before: &Evidence, after: &Evidence) -> Evidence {
    let mut settled = before.clone();
    for (position, table) in before.tables.iter().enumerate() {
        let now = &after.tables[position];
        let ids = |columns: &[Column]| columns[0].values.as_any().downcast_ref::<StringArray>().unwrap().clone();
        let (then, there) = (ids(&table.columns), ids(&now.columns));
        for column in 1..table.columns.len() {
            let old = &table.columns[column];
            let replaced: BTreeMap<usize, usize> = (0..table.rows)
                .filter(|row| old.state(*row) == State::Conflict)
                .filter_map(|row| Some((row, (0..now.rows).find(|other| there.value(*other) == then.value(row))?)))
                .filter(|(_, other)| now.columns[column].state(*other) != State::Conflict)
                .collect();
            if replaced.is_empty() {
                continue;
            }
            let new = &now.columns[column];
            let both = arrow_select::concat::concat(&[&*old.values, &*new.values]).unwrap();
            let index: UInt32Array = (0..table.rows)
                .map(|row| Some(u32::try_from(replaced.get(&row).map_or(row, |other| table.rows + other)).unwrap()))
                .collect();
            let refers = table.schema.columns[column].refers.and_then(tickmark::model::schema::table);
            let link = old.link.as_ref().map(|link| {
                (0..table.rows)
                    .map(|row| match replaced.get(&row) {
                        None => link.is_valid(row).then(|| link.value(row)),
                        Some(other) => {
                            let (target, new) = (refers?, new.link.as_ref()?);
                            let name = new.is_valid(*other).then(|| new.value(*other) as usize)?;
                            let name = ids(&after.tables[target].columns).value(name).to_owned();
                            let ids = ids(&before.tables[target].columns);
                            (0..ids.len()).find(|row| ids.value(*row) == name).and_then(|row| u32::try_from(row).ok())
                        }
                    })
                    .collect()
            });
            let state = (0..table.rows).map(|row| replaced.get(&row).map_or(old.state(row), |other| new.state(*other)) as u8);
            settled.tables[position].columns[column] = Column {
                values: arrow_select::take::take(&both, &index, None).unwrap(),
                state: arrow_array::UInt8Array::from_iter_values(state),
                fresh: old.fresh.clone(),
                link,
            };
        }
    }
    settled
}

/// Some of the values there are, each blanked by itself. What contradicts is unknown already.
pub fn blanks(estate: &Estate, evidence: &Evidence, before: &BTreeMap<String, Outcome>) -> (usize, Vec<String>) {
    let mut places = Vec::new();
    for (table, rows) in evidence.tables.iter().enumerate().filter(|(_, table)| !table.schema.derived) {
        for column in 1..rows.columns.len() {
            places.extend((0..rows.rows).filter(|row| !rows.columns[column].state(*row).is_unknown()).map(|row| (table, column, row)));
        }
    }
    let places = sampled(places);
    let broken = places
        .par_iter()
        .flat_map_iter(|(table, column, row)| {
            let mut poorer = evidence.clone();
            poorer.tables[*table].columns[*column] = crate::blank::blanked(&evidence.tables[*table].columns[*column], *row);
            let after = outcomes(&estate.project.controls, &estate.project.waivers, &poorer, estate.as_of);
            let schema = evidence.tables[*table].schema;
            let what = format!("{}: (a) {}.{} of row {row}", estate.name, schema.name, schema.columns[*column].name);
            let found = before
                .iter()
                .flat_map(|(control, before)| better(before, &after[control]).into_iter().map(move |found| format!("{control}: {found}")));
            found.map(|found| format!("{what}: {found}")).collect::<Vec<_>>()
        })
        .collect();
    (places.len(), broken)
}

/// Every time later or earlier by the same, and the time of the assessment with them.
pub fn shifts(estate: &Estate, evidence: &Evidence, before: &BTreeMap<String, Outcome>) -> (usize, Vec<String>) {
    let controls: Vec<_> = estate.project.controls.iter().filter(|control| !super::controls::names_a_time(control)).cloned().collect();
    let days = [-400, 400];
    let mut broken = Vec::new();
    for day in days {
        let by = day * 24 * 3_600 * 1_000_000;
        let mut other = evidence.clone();
        for table in &mut other.tables {
            for (column, schema) in table.columns.iter_mut().zip(table.schema.columns) {
                if let (Type::Time, Some(times)) = (schema.ty, column.values.as_any().downcast_ref::<Int64Array>()) {
                    let later: Int64Array = times.iter().map(|at| at.map(|at| at + by)).collect();
                    column.values = Arc::new(later);
                }
            }
        }
        for stretch in other.logs.stretches.values_mut().flatten() {
            *stretch = (Time(stretch.0.0 + by), Time(stretch.1.0 + by));
        }
        let mut waivers = estate.project.waivers.clone();
        for waiver in &mut waivers {
            waiver.granted_at.0 += by;
            waiver.expires_at = waiver.expires_at.map(|at| Time(at.0 + by));
        }
        let after = outcomes(&controls, &waivers, &other, Time(estate.as_of.0 + by));
        for (control, after) in after {
            if before[&control] != after {
                broken.push(format!("{}: (h) {day} days: {control}: {:?} became {after:?}", estate.name, before[&control]));
            }
        }
    }
    (days.len(), broken)
}

/// The waivers with their subjects by name: what they cover does not depend on how a subject is called, but a condition on its id does.
fn by_name(waivers: &[Waiver], evidence: &Evidence, as_of: Time) -> Vec<Waiver> {
    let (_, expanded) = excused(waivers, evidence.clone(), as_of).unwrap();
    let expanded = expanded.into_iter().filter(|one| one.barred.is_none());
    let named = expanded.map(|one| {
        let all = one.covered.iter().chain(&one.open).chain(&one.own);
        Waiver { scope: Scope::Subjects(all.map(|id| (id.clone(), 0..0)).collect()), ..one.waiver }
    });
    named.collect()
}

/// Every id under another name, wherever it is told. Systems are not named by an id, nor what a platform itself calls a thing.
pub fn renames(estate: &Estate, evidence: &Evidence) -> (usize, Vec<String>) {
    let waivers = by_name(&estate.project.waivers, evidence, estate.as_of);
    let before = outcomes(&estate.project.controls, &waivers, evidence, estate.as_of);
    let mut other = evidence.clone();
    for table in other.tables.iter_mut().filter(|table| !table.schema.derived) {
        for (at, (column, schema)) in table.columns.iter_mut().zip(table.schema.columns).enumerate() {
            let names = at == 0 || schema.refers.is_some() || schema.name == "subject";
            if let (true, Some(ids)) = (names, column.values.as_any().downcast_ref::<StringArray>()) {
                column.values = Arc::new(ids.iter().map(|id| id.map(other_name)).collect::<StringArray>());
            }
        }
    }
    let renamed: Vec<Waiver> = waivers
        .into_iter()
        .map(|mut waiver| {
            waiver.approver = other_name(&waiver.approver);
            if let Scope::Subjects(named) = &mut waiver.scope {
                named.iter_mut().for_each(|(id, _)| *id = other_name(id));
            }
            if let Some(Kind::Compare { right, .. }) = waiver.separate.as_mut().map(|condition| &mut condition.root.kind)
                && let Kind::Literal(Constant::Text(owner)) = &mut right.kind
            {
                *owner = other_name(owner);
            }
            waiver
        })
        .collect();
    let mut broken = Vec::new();
    for (control, mut after) in outcomes(&estate.project.controls, &renamed, &other, estate.as_of) {
        let control_of = estate.project.controls.iter().find(|one| one.id == control).unwrap();
        // A system keeps its name.
        if !SCHEMA[control_of.subject].derived {
            after.subjects = after.subjects.into_iter().map(|(id, verdicts)| (other_name(&id), verdicts)).collect();
        }
        if before[&control] != after {
            broken.push(format!("{}: (i) {control}: {:?} became {after:?}", estate.name, before[&control]));
        }
    }
    (1, broken)
}
