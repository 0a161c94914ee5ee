//! A second reading of the rules: slow, obvious, one row at a time.
//!
//! It shares the model with the evaluator and nothing else, so that a rule misread once is found by the other. Nothing
//! here is clever: every subquery looks at every row of its table, every path is walked anew.
//!
//! | module | what |
//! |---|---|
//! | [`value`] | values, intervals, three-valued logic, order, arithmetic |
//! | [`world`] | one value of one row, with or without what only stale sources say |
//! | [`expr`] | a node of a condition on one row |
//! | [`text`] | LIKE, networks |
//! | [`subquery`] | which rows match, EXISTS, aggregates |
//! | [`derived`] | the derived columns of `identity` |
//! | [`absence`] | who could have seen it, and whether nothing was there |

mod absence;
mod derived;
mod expr;
mod subquery;
mod text;
mod value;
mod world;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use tickmark::model::assessment::Verdict;
use tickmark::model::condition::Condition;
use tickmark::model::schema::SCHEMA;
use tickmark::model::table::Evidence;
use tickmark::model::value::{Constant, Time};

use expr::Place;
use value::Truth;
use world::World;

pub use expr::children;

/// A verdict per row of the table of `assert`.
pub fn verdicts(
    applies: Option<&Condition>,
    assert: &Condition,
    evidence: &Evidence,
    as_of: Time,
    params: &BTreeMap<String, Constant>,
) -> Vec<Verdict> {
    let on_all = World { evidence, as_of, params, strict: false, derived: OnceCell::new() };
    let on_fresh = World { evidence, as_of, params, strict: true, derived: OnceCell::new() };
    (0..evidence.tables[assert.table].rows)
        .map(|row| {
            let all = once(&on_all, applies, assert, row);
            let fresh = once(&on_fresh, applies, assert, row);
            // A fail needs no freshness, a pass does.
            if all == Verdict::Fail {
                Verdict::Fail
            } else if matches!(fresh, Verdict::Pass | Verdict::NotApplicable) {
                fresh
            } else {
                Verdict::Unknown
            }
        })
        .collect()
}

/// A reference: its row, its column, and the row that it refers to; a row is (table, position).
pub type Contradiction = ((usize, usize), usize, (usize, usize));

/// Every known reference (row, column, row referred to) that the rules would exclude if it were not known: they take a row
/// and the one it refers to to have one identity, and an event to be seen by a system that its credential or identity reaches.
pub fn contradictions(evidence: &Evidence) -> Vec<Contradiction> {
    let world = World { evidence, as_of: Time(0), params: &BTreeMap::new(), strict: false, derived: OnceCell::new() };
    let mut found = Vec::new();
    for (table, schema) in SCHEMA.iter().enumerate() {
        for row in 0..world.rows(table) {
            for column in 0..schema.columns.len() {
                let to = world.follow((table, row), column).filter(|to| !world.may_refer((table, row), *to));
                found.extend(to.map(|to| ((table, row), column, to)));
            }
        }
    }
    found
}

/// The verdict within one of the two evaluations.
fn once(world: &World<'_>, applies: Option<&Condition>, assert: &Condition, row: usize) -> Verdict {
    let holds = |condition: &Condition| -> Truth { Place { world, table: condition.table, row, child: None }.truth(&condition.root) };
    match (applies.map_or(Some(true), holds), holds(assert)) {
        (Some(false), _) => Verdict::NotApplicable,
        (_, Some(true)) => Verdict::Pass,
        (Some(true), Some(false)) => Verdict::Fail,
        _ => Verdict::Unknown,
    }
}
