//! Verdicts per subject: on all evidence, and with stale values set aside (SEMANTICS §2.7, §5.1).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::LimitError;
use super::expr::{Evaluator, Frame};
use super::kleene::{Tri, Truth};
use super::world::{Rows, World};
use crate::model::assessment::Verdict;
use crate::model::condition::Condition;
use crate::model::table::Evidence;
use crate::model::value::{Constant, Time};

/// The evidence seen both ways.
#[derive(Debug)]
pub struct Worlds<'a> {
    pub all: World<'a>,
    /// `None`: nothing is stale, so that both are the same.
    pub fresh: Option<World<'a>>,
}

impl<'a> Worlds<'a> {
    #[must_use]
    pub fn new(evidence: &'a Evidence, as_of: Time) -> Worlds<'a> {
        let fresh = World::has_stale(evidence).then(|| World::new(evidence, as_of, true));
        Worlds { all: World::new(evidence, as_of, false), fresh }
    }

    /// The one that decides a pass.
    #[must_use]
    pub fn strict(&self) -> &World<'a> {
        self.fresh.as_ref().unwrap_or(&self.all)
    }
}

/// One evaluation of a control.
#[derive(Debug)]
pub struct Evaluated<'a> {
    pub applies: Option<Evaluator<'a>>,
    pub assert: Evaluator<'a>,
    pub applies_truth: Truth,
    pub assert_truth: Truth,
}

/// A control judged: a verdict per row of its subject's table, and what explains it.
#[derive(Debug)]
pub struct Judgement<'a> {
    pub verdicts: Vec<Verdict>,
    pub all: Evaluated<'a>,
    pub fresh: Option<Evaluated<'a>>,
}

/// Judges every row of the subject's table.
///
/// # Errors
/// A subquery would look at too many pairs.
pub fn judge<'a>(
    applies: Option<&Condition>,
    assert: &Condition,
    worlds: &'a Worlds<'a>,
    params: &'a BTreeMap<String, Constant>,
) -> Result<Judgement<'a>, LimitError> {
    let all = evaluate(applies, assert, &worlds.all, params)?;
    let fresh = worlds.fresh.as_ref().map(|world| evaluate(applies, assert, world, params)).transpose()?;
    let truths = |evaluated: &Evaluated<'a>| (evaluated.applies_truth.clone(), evaluated.assert_truth.clone());
    let (first, strict) = (truths(&all), fresh.as_ref().map(truths));
    let verdicts = (0..all.assert_truth.rows())
        .into_par_iter()
        .with_min_len(1 << 14)
        .map(|row| match (verdict(&first, row), &strict) {
            (first, None) | (first @ Verdict::Fail, Some(_)) => first,
            (_, Some(strict)) => match verdict(strict, row) {
                Verdict::Fail => Verdict::Unknown,
                strict => strict,
            },
        })
        .collect();
    Ok(Judgement { verdicts, all, fresh })
}

fn evaluate<'a>(
    applies: Option<&Condition>,
    assert: &Condition,
    world: &'a World<'a>,
    params: &'a BTreeMap<String, Constant>,
) -> Result<Evaluated<'a>, LimitError> {
    let len = world.table(assert.table).rows;
    let frame = Frame { subject: Some(Rows { table: assert.table, index: None, len }), child: None, len };
    let mut applies_truth = Truth::all(len, Tri::True);
    let mut first = None;
    if let Some(condition) = applies {
        let mut evaluator = Evaluator::new(world, params, frame);
        applies_truth = evaluator.truth(&condition.root)?;
        first = Some(evaluator);
    }
    let mut second = Evaluator::new(world, params, frame);
    let assert_truth = second.truth(&assert.root)?;
    Ok(Evaluated { applies: first, assert: second, applies_truth, assert_truth })
}

/// SEMANTICS §5.1, within one evaluation: of `applies` and `assert`.
fn verdict((applies, assert): &(Truth, Truth), row: usize) -> Verdict {
    match (applies.get(row), assert.get(row)) {
        (Tri::False, _) => Verdict::NotApplicable,
        (_, Tri::True) => Verdict::Pass,
        (Tri::True, Tri::False) => Verdict::Fail,
        _ => Verdict::Unknown,
    }
}

/// Verdicts alone, one per row of the subject's table.
///
/// # Errors
/// A subquery would look at too many pairs.
pub fn verdicts(
    applies: Option<&Condition>,
    assert: &Condition,
    evidence: &Evidence,
    as_of: Time,
    params: &BTreeMap<String, Constant>,
) -> Result<Vec<Verdict>, LimitError> {
    let worlds = Worlds::new(evidence, as_of);
    judge(applies, assert, &worlds, params).map(|judgement| judgement.verdicts)
}
