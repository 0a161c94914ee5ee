//! A control taken apart for one subject: the truth of every part of its conditions, and what each part read.

use std::collections::{BTreeMap, BTreeSet};

use super::LimitError;
use super::explain::{Explainer, deciding, snippet};
use super::expr::Evaluator;
use super::kleene::Tri;
use super::verdict::{Worlds, judge};
use super::world::{World, key_text};
use crate::model::assessment::{Position, Reason, Verdict};
use crate::model::condition::{Condition, Kind, Node};
use crate::model::control::Control;
use crate::model::table::Evidence;
use crate::model::value::{Constant, Time};

/// One subject under one control.
#[derive(Debug)]
pub struct Trace {
    pub verdict: Verdict,
    pub applies: Option<Part>,
    pub assert: Part,
    /// Every record that was read on the way; sorted.
    pub evidence: Vec<Position>,
}

/// One part of a condition.
#[derive(Debug)]
pub struct Part {
    pub what: What,
    /// As its author wrote it, on one line.
    pub text: String,
    /// `None`: no subject was asked about.
    pub truth: Option<Tri>,
    /// Of a part that is not divided further: what it read → what that held.
    pub observed: BTreeMap<String, String>,
    /// Of such a part that is unknown: why.
    pub reasons: BTreeSet<Reason>,
    pub below: Vec<Part>,
}

/// How the parts below belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// AND.
    All,
    /// OR.
    Any,
    Not,
    /// Not divided further.
    Term,
}

/// The parts of a condition, without a subject.
#[must_use]
pub fn outline(condition: &Condition) -> Part {
    divided(&condition.root, &condition.text)
}

/// Takes a control apart for every subject of this id (ids of events need not be unique); empty: there is none.
///
/// # Errors
/// A subquery would look at too many pairs.
pub fn trace(control: &Control, evidence: &Evidence, as_of: Time, subject: &str) -> Result<Vec<Trace>, LimitError> {
    let worlds = Worlds::new(evidence, as_of);
    let params = control.constants();
    let judgement = judge(control.applies.as_ref(), &control.assert, &worlds, &params)?;
    let table = worlds.all.table(control.subject);
    let mut traces = Vec::new();
    for row in (0..table.rows).filter(|row| key_text(&table.columns[0], *row) == Some(subject)) {
        let (world, evaluated) = deciding(&worlds, &judgement, row);
        let mut places = BTreeSet::new();
        let mut part = |condition: &Condition, evaluator: &Evaluator| -> Result<Part, LimitError> {
            let mut part = outline(condition);
            let of = Of { world, params: &params, evaluator, table: control.subject, row, text: &condition.text };
            of.fill(&mut part, &condition.root, &mut places)?;
            Ok(part)
        };
        let applies = match (&control.applies, &evaluated.applies) {
            (Some(condition), Some(evaluator)) => Some(part(condition, evaluator)?),
            _ => None,
        };
        let assert = part(&control.assert, &evaluated.assert)?;
        traces.push(Trace { verdict: judgement.verdicts[row], applies, assert, evidence: places.into_iter().collect() });
    }
    Ok(traces)
}

/// The nodes that a node is divided into: what `BETWEEN` became stays whole.
fn parts(node: &Node) -> (What, Vec<&Node>) {
    match &node.kind {
        Kind::And(terms) if terms.iter().any(|term| term.span != node.span) => (What::All, terms.iter().collect()),
        Kind::Or(terms) => (What::Any, terms.iter().collect()),
        Kind::Not(inner) => (What::Not, vec![inner]),
        _ => (What::Term, Vec::new()),
    }
}

fn divided(node: &Node, text: &str) -> Part {
    let (what, below) = parts(node);
    Part {
        what,
        text: snippet(text, node),
        truth: None,
        observed: BTreeMap::new(),
        reasons: BTreeSet::new(),
        below: below.into_iter().map(|node| divided(node, text)).collect(),
    }
}

/// One condition, evaluated for one subject.
struct Of<'a, 'w> {
    world: &'a World<'w>,
    params: &'a BTreeMap<String, Constant>,
    evaluator: &'a Evaluator<'w>,
    table: usize,
    row: usize,
    text: &'a str,
}

impl Of<'_, '_> {
    fn fill(&self, part: &mut Part, node: &Node, places: &mut BTreeSet<Position>) -> Result<(), LimitError> {
        let truth = self.evaluator.truths.get(&node.id).map_or(Tri::Unknown, |truth| truth.get(self.row));
        part.truth = Some(truth);
        let (what, below) = parts(node);
        if what == What::Term {
            let unknown = truth == Tri::Unknown;
            let mut explainer = Explainer::new(self.world, self.params, self.table, self.row, unknown);
            explainer.text = self.text;
            explainer.node(node, self.evaluator, unknown)?;
            part.observed = explainer.explanation.observed;
            part.reasons = explainer.explanation.reasons;
            places.extend(explainer.explanation.evidence);
        }
        for (part, node) in part.below.iter_mut().zip(below) {
            self.fill(part, node, places)?;
        }
        Ok(())
    }
}
