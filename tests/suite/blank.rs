//! SEMANTICS §8 (a) on the example: blanking any one value of any one row never turns a fail or an unknown into a pass
//! or a not-applicable. Every value that some shipped control could read is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::{Array, UInt8Array, UInt32Array};
use rayon::prelude::*;
use tickmark::cli::excused;
use tickmark::evaluate::verdicts;
use tickmark::evidence::{self, FingerprintKey};
use tickmark::model::assessment::Verdict;
use tickmark::model::control::Control;
use tickmark::model::table::{Column, Evidence};
use tickmark::model::value::{State, Time};
use tickmark::model::waiver::Expanded;

use super::metamorphic::every;

fn judged(controls: &[Control], evidence: &Evidence, as_of: Time) -> Vec<Vec<Verdict>> {
    controls
        .iter()
        .map(|control| verdicts(control.applies.as_ref(), &control.assert, evidence, as_of, &control.constants()).unwrap())
        .collect()
}

/// Every subject that a live waiver covers: waiver, subject.
fn waiving(waivers: &[Expanded]) -> BTreeSet<(String, String)> {
    let live = waivers.iter().filter(|one| one.barred.is_none());
    live.flat_map(|one| one.covered.iter().map(|subject| (one.waiver.id.clone(), subject.clone()))).collect()
}

pub fn blanked(column: &Column, row: usize) -> Column {
    let state = UInt8Array::from_iter_values(
        (0..column.state.len()).map(|at| if at == row { State::Missing as u8 } else { column.state.value(at) }),
    );
    let index: UInt32Array = (0..column.values.len()).map(|at| (at != row).then(|| u32::try_from(at).unwrap())).collect();
    let link =
        column.link.as_ref().map(|link| (0..link.len()).map(|at| (at != row && link.is_valid(at)).then(|| link.value(at))).collect());
    Column { values: arrow_select::take::take(&column.values, &index, None).unwrap(), state, fresh: column.fresh.clone(), link }
}

#[test]
fn knowing_less_never_decides_more() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank");
    let (project, _) = tickmark::load::project(&root).unwrap();
    let key = FingerprintKey::of(&root);
    let request = evidence::Request::of(&root, &project, project.as_of, &key, tickmark::load::shipped_mappings);
    let (evidence, as_of, _) = evidence::read(&request).unwrap();
    let (evidence, waivers) = excused(&project.waivers, evidence, as_of).unwrap();
    let waived = waiving(&waivers);
    assert!(!waived.is_empty());
    let before = judged(&project.controls, &evidence, as_of);
    let mut seen: BTreeMap<Verdict, usize> = BTreeMap::new();
    before.iter().flatten().for_each(|verdict| *seen.entry(*verdict).or_default() += 1);
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable] {
        assert!(seen.get(&verdict).is_some_and(|count| *count > 10), "the example shows too little: {seen:?}");
    }

    // Ids are what rows are called, not what is said of them; evidence about the evidence is spared.
    let mut places = Vec::new();
    for (table, rows) in evidence.tables.iter().enumerate().filter(|(_, table)| !table.schema.derived) {
        for column in 1..rows.columns.len() {
            places.extend((0..rows.rows).filter(|row| !rows.columns[column].state(*row).is_unknown()).map(|row| (table, column, row)));
        }
    }
    assert!(places.len() > 1000, "{} values", places.len());
    let places: Vec<_> = places.into_iter().step_by(every(149, 41)).collect();
    let broken: Vec<String> = places
        .par_iter()
        .flat_map_iter(|(table, column, row)| {
            let mut poorer = evidence.clone();
            poorer.tables[*table].columns[*column] = blanked(&evidence.tables[*table].columns[*column], *row);
            // What the waivers are is found anew: knowing less waives no more.
            let (poorer, waivers) = excused(&project.waivers, poorer, as_of).unwrap();
            let schema = evidence.tables[*table].schema;
            let place = format!("{}.{} of row {row}", schema.name, schema.columns[*column].name);
            let more = waiving(&waivers).into_iter().filter(|one| !waived.contains(one));
            let mut broken: Vec<String> = more.map(|one| format!("{one:?} is waived without {place}")).collect();
            let after = judged(&project.controls, &poorer, as_of);
            for (control, (before, after)) in project.controls.iter().zip(before.iter().zip(&after)) {
                for (subject, (before, after)) in before.iter().zip(after).enumerate() {
                    if matches!(before, Verdict::Fail | Verdict::Unknown) && matches!(after, Verdict::Pass | Verdict::NotApplicable) {
                        broken.push(format!("{} subject {subject}: {before:?} became {after:?} without {place}", control.id));
                    }
                }
            }
            broken
        })
        .collect();
    assert!(broken.is_empty(), "{}\n{}", broken.len(), broken.join("\n"));
}
