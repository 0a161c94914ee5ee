//! Every shipped control, on the evidence of its own tests, perturbed.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use tickmark::evidence::of_test;
use tickmark::model::condition::{Kind, walk};
use tickmark::model::control::{Control, ControlTest};
use tickmark::model::row::{Cell, Row};
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::value::{Constant, State, Time};

use super::{Outcome, better, every, outcomes};

const DAY: i64 = 24 * 3_600 * 1_000_000;

fn shipped() -> Vec<Control> {
    let folder = crate::scratch::folder();
    std::fs::write(folder.path().join("tickmark.toml"), "name = \"shipped\"\n").unwrap();
    tickmark::load::project(folder.path()).unwrap().0.controls
}

fn judged(control: &Control, test: &ControlTest) -> Outcome {
    outcomes(std::slice::from_ref(control), &[], &of_test(test), test.as_of).remove(&control.id).unwrap()
}

/// A control with the parameters that its test sets.
fn set(control: &Control, test: &ControlTest) -> Control {
    let mut control = control.clone();
    for (name, value) in &test.params {
        control.params.get_mut(name).unwrap().value = value.clone();
    }
    control
}

fn id(row: &Row) -> &str {
    match &row.cells[0] {
        Cell::Text(id) => id,
        _ => "",
    }
}

fn known(cell: &Cell) -> bool {
    !matches!(cell, Cell::Absent(state) if state.is_unknown())
}

/// Counts perturbations and keeps what they broke.
#[derive(Default)]
struct Tally {
    run: BTreeMap<&'static str, usize>,
    broken: Vec<String>,
}

impl Tally {
    fn worse(&mut self, kind: &'static str, control: &Control, test: &ControlTest, before: &Outcome, poorer: &ControlTest, what: &str) {
        *self.run.entry(kind).or_default() += 1;
        let after = judged(control, poorer);
        self.broken.extend(better(before, &after).into_iter().map(|change| format!("{} `{}`: {what}: {change}", control.id, test.name)));
    }

    fn same(&mut self, kind: &'static str, control: &Control, test: &ControlTest, before: &Outcome, after: &Outcome) {
        *self.run.entry(kind).or_default() += 1;
        if before != after {
            self.broken.push(format!("{} `{}`: {kind}: {before:?} became {after:?}", control.id, test.name));
        }
    }

    fn with(mut self, other: Tally) -> Tally {
        for (kind, count) in other.run {
            *self.run.entry(kind).or_default() += count;
        }
        self.broken.extend(other.broken);
        self
    }
}

/// Rows of the evidence about the evidence are spared: they are what the perturbations change.
fn spared(row: &Row) -> bool {
    matches!(SCHEMA[row.table].name, "source" | "system")
}

/// The columns in which another row of the same id says something else: there the rows contradict each other, and taking
/// away one side ends that.
fn contradicted(test: &ControlTest, at: usize) -> Vec<usize> {
    let row = &test.rows[at];
    if SCHEMA[row.table].is_log() {
        return Vec::new();
    }
    let others = || test.rows.iter().enumerate().filter(|(other, there)| *other != at && there.table == row.table && id(there) == id(row));
    (1..row.cells.len())
        .filter(|column| known(&row.cells[*column]))
        .filter(|column| others().any(|(_, other)| known(&other.cells[*column]) && other.cells[*column] != row.cells[*column]))
        .collect()
}

/// The table can no longer be whole: what a source that lacks an expected record comes to. One that is stale stays so.
fn incomplete(test: &mut ControlTest, table: usize, word: &str) {
    test.incomplete.entry(SCHEMA[table].name.to_owned()).or_insert_with(|| word.to_owned());
    if SCHEMA[table].is_log() {
        test.logs = Some(Vec::new());
    }
}

fn perturbed(control: &Control, test: &ControlTest) -> Tally {
    let mut tally = Tally::default();
    let control = &set(control, test);
    let before = judged(control, test);
    // (a) blank a value.
    for (at, row) in test.rows.iter().enumerate().filter(|(_, row)| !spared(row)) {
        let ended = contradicted(test, at);
        for column in (1..row.cells.len()).filter(|column| known(&row.cells[*column]) && !ended.contains(column)) {
            let mut poorer = test.clone();
            poorer.rows[at].cells[column] = Cell::Absent(State::Missing);
            let schema = &SCHEMA[row.table];
            let what = format!("(a) {}.{} of {}", schema.name, schema.columns[column].name, id(row));
            tally.worse("(a) blank", control, test, &before, &poorer, &what);
        }
    }
    // (b) drop a row, with the count that expects it.
    for (at, row) in test.rows.iter().enumerate().filter(|(_, row)| !spared(row)) {
        let mut settled = test.clone();
        for column in contradicted(test, at) {
            settled.rows[at].cells[column] = Cell::Absent(State::Missing);
        }
        let before = judged(control, &settled);
        let mut poorer = test.clone();
        poorer.rows.remove(at);
        incomplete(&mut poorer, row.table, "partial");
        tally.worse("(b) drop", control, test, &before, &poorer, &format!("(b) {} {}", SCHEMA[row.table].name, id(row)));
    }
    // (c) remove all that a source gave; (d) mark it partial or stale.
    let tables: BTreeSet<usize> = (0..SCHEMA.len()).filter(|position| !SCHEMA[*position].derived).collect();
    for position in tables {
        let name = SCHEMA[position].name;
        let mut poorer = test.clone();
        poorer.rows.retain(|row| row.table != position);
        incomplete(&mut poorer, position, "absent");
        tally.worse("(c) remove", control, test, &before, &poorer, &format!("(c) {name}"));
        for word in ["partial", "stale"] {
            // What is stale already is not made fresher by being partial.
            if test.incomplete.contains_key(name) {
                continue;
            }
            let mut poorer = test.clone();
            incomplete(&mut poorer, position, word);
            tally.worse("(d) mark", control, test, &before, &poorer, &format!("(d) {name} {word}"));
        }
    }
    // (e) cut each log, its coverage with it.
    let event = table("event").unwrap();
    let (at, system) = (SCHEMA[event].column("at").unwrap(), SCHEMA[event].column("system").unwrap());
    for (number, log) in test.logs.iter().flatten().enumerate() {
        for (from, until) in
            [(log.from, Time(log.from.0.midpoint(log.until.0))), (Time(log.from.0.midpoint(log.until.0)), log.until), (log.from, log.from)]
        {
            let mut poorer = test.clone();
            let cut = &mut poorer.logs.as_mut().unwrap()[number];
            (cut.from, cut.until) = (from, until);
            poorer.rows.retain(|row| {
                row.table != event
                    || row.cells[system] != Cell::Text(log.system.clone())
                    || !matches!(row.cells[at], Cell::Int(at) if at < from.0 || at > until.0)
            });
            tally.worse("(e) cut", control, test, &before, &poorer, &format!("(e) log of {} {from} to {until}", log.system));
        }
    }
    // (f) another order; (g) each record twice.
    let mut reversed = test.clone();
    reversed.rows.reverse();
    tally.same("(f) reorder", control, test, &before, &judged(control, &reversed));
    for at in 0..test.rows.len() {
        let mut repeated = test.clone();
        repeated.rows.push(test.rows[at].clone());
        let mut after = judged(control, &repeated);
        // An event told twice is a subject told twice.
        for verdicts in after.subjects.values_mut() {
            let log = SCHEMA[control.subject].is_log();
            if log && verdicts.len() > 1 {
                verdicts.dedup();
            }
        }
        tally.same("(g) repeat", control, test, &before, &after);
    }
    // (h) another day.
    if !names_a_time(control) {
        for days in [-400, 400] {
            tally.same("(h) shift", control, test, &before, &judged(control, &shifted(test, days * DAY)));
        }
    }
    // (i) other names.
    let mut after = judged(control, &renamed(test));
    after.subjects = after.subjects.into_iter().map(|(id, verdicts)| (other_name(&id), verdicts)).collect();
    tally.same("(i) rename", control, test, &before, &after);
    tally
}

pub fn names_a_time(control: &Control) -> bool {
    let mut found = control.params.values().any(|param| matches!(param.value, Constant::Time(_)));
    for condition in control.applies.iter().chain([&control.assert]) {
        walk(&condition.root, &mut |node| found |= matches!(node.kind, Kind::Literal(Constant::Time(_))));
    }
    found
}

fn shifted(test: &ControlTest, by: i64) -> ControlTest {
    let mut test = test.clone();
    test.as_of.0 += by;
    for row in &mut test.rows {
        for (cell, column) in row.cells.iter_mut().zip(SCHEMA[row.table].columns) {
            if let (Cell::Int(at), Type::Time) = (cell, column.ty) {
                *at += by;
            }
        }
    }
    for log in test.logs.iter_mut().flatten() {
        log.from.0 += by;
        log.until.0 += by;
    }
    test
}

/// The same name backwards: another order among them. Twice is the name itself.
pub fn other_name(id: &str) -> String {
    id.chars().rev().collect()
}

fn renamed(test: &ControlTest) -> ControlTest {
    let mut test = test.clone();
    for row in &mut test.rows {
        let schema = &SCHEMA[row.table];
        for (position, column) in schema.columns.iter().enumerate() {
            // What an attestation or a waiver speaks of is named by its id, without being a reference.
            let names = position == 0 || column.refers.is_some() || column.name == "subject";
            if let (true, Cell::Text(id)) = (names, &mut row.cells[position]) {
                *id = other_name(id);
            }
        }
    }
    test
}

#[test]
fn knowing_less_decides_no_more_and_names_decide_nothing() {
    let controls = shipped();
    let tests = controls.iter().flat_map(|control| control.tests.iter().map(move |test| (control, test)));
    let cases: Vec<(&Control, &ControlTest)> = tests.step_by(every(7, 2)).collect();
    let tally = cases.par_iter().map(|(control, test)| perturbed(control, test)).reduce(Tally::default, Tally::with);
    println!(
        "perturbations of {} controls' {} tests: {:?}, {} in all",
        controls.len(),
        cases.len(),
        tally.run,
        tally.run.values().sum::<usize>()
    );
    assert!(tally.broken.is_empty(), "{}\n{}", tally.broken.len(), tally.broken.join("\n"));
    assert!(tally.run.len() >= 9, "{:?}", tally.run);
}
