//! The rows that a pass rests on: for every EXISTS that makes `assert` true, a row that surely matches.
//!
//! One row is enough, and one is named: the same for the same evidence, whatever the order of files or records. How many more
//! there are is not counted, since a large group is answered from its extremes ([`super::summary`]).

use super::expr::Evaluator;
use super::kleene::Tri;
use super::subquery::NOBODY;
use super::verdict::Judgement;
use crate::model::assessment::{Verdict, Witness};
use crate::model::condition::{Condition, Kind, Node, Subquery};

/// Those of every subject that passes, in the order of the subjects.
#[must_use]
pub fn witnesses(assert: &Condition, judgement: &Judgement) -> Vec<Witness> {
    // What decides a pass is what holds with stale values set aside.
    let decided = judgement.fresh.as_ref().unwrap_or(&judgement.all);
    if decided.assert.outcomes.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (row, _) in judgement.verdicts.iter().enumerate().filter(|(_, verdict)| **verdict == Verdict::Pass) {
        let mut rests = |node: &Node, query: &Subquery| {
            let row_of =
                decided.assert.outcomes.get(&node.id).filter(|outcome| outcome.certain.value(row)).map(|outcome| outcome.witness[row]);
            if let Some(child) = row_of.filter(|child| *child != NOBODY) {
                found.push(Witness { subject: row, table: query.table, row: child as usize });
            }
        };
        walk(&assert.root, &decided.assert, row, true, &mut rests);
    }
    found
}

/// Goes to every EXISTS by which a node has the truth `wanted`; of several terms that are each enough, to the first.
fn walk<'n>(node: &'n Node, evaluator: &Evaluator, row: usize, wanted: bool, rests: &mut impl FnMut(&'n Node, &'n Subquery)) {
    let is_so = |node: &&Node| evaluator.truths.get(&node.id).is_some_and(|truth| truth.get(row) == Tri::of(wanted));
    match &node.kind {
        Kind::Not(inner) => walk(inner, evaluator, row, !wanted, rests),
        Kind::And(terms) if wanted => terms.iter().for_each(|term| walk(term, evaluator, row, wanted, rests)),
        Kind::Or(terms) if !wanted => terms.iter().for_each(|term| walk(term, evaluator, row, wanted, rests)),
        Kind::And(terms) | Kind::Or(terms) => {
            if let Some(term) = terms.iter().find(is_so) {
                walk(term, evaluator, row, wanted, rests);
            }
        }
        Kind::Exists(query) if wanted => rests(node, query),
        _ => {}
    }
}
