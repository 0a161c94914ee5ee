//! Why a subject came to its verdict: what its conditions read, what was not known, and on which records it rests.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::UInt32Array;

use super::LimitError;
use super::absence;
use super::derive::Fact;
use super::expr::Evaluator;
use super::kleene::Tri;
use super::show::{SHOWN, ends, show};
use super::subquery::NOBODY;
use super::world::{Rows, World, at, key_text};
use crate::model::assessment::{Cause, Position, Reason, Verdict};
use crate::model::condition::{Condition, Kind, Node, Path, Subquery};
use crate::model::row::Origin;
use crate::model::schema::SCHEMA;
use crate::model::table::Evidence;
use crate::model::value::{Constant, State};

use super::verdict::{Evaluated, Judgement, Worlds};

/// What a finding says beside its verdict.
#[derive(Debug, Default)]
pub struct Explanation {
    pub observed: BTreeMap<String, String>,
    pub reasons: BTreeSet<Reason>,
    pub evidence: BTreeSet<Position>,
    /// Of a fail: the terms that the assertion joins and that are false, by position.
    pub broken: Vec<usize>,
}

/// Explains one subject (a row of its table).
///
/// # Errors
/// A bound could not be evaluated within the limits.
pub fn explain(
    applies: Option<&Condition>,
    assert: &Condition,
    worlds: &Worlds,
    judgement: &Judgement,
    params: &BTreeMap<String, Constant>,
    row: usize,
) -> Result<Explanation, LimitError> {
    let (world, evaluated) = deciding(worlds, judgement, row);
    let mut explainer = Explainer::new(world, params, assert.table, row, judgement.verdicts[row] == Verdict::Unknown);
    explainer.origin(assert.table, row);
    if let (Some(condition), Some(evaluator)) = (applies, &evaluated.applies) {
        explainer.text = &condition.text;
        let undecided = evaluated.applies_truth.get(row) == Tri::Unknown;
        explainer.node(&condition.root, evaluator, undecided)?;
    }
    explainer.text = &assert.text;
    let undecided = evaluated.assert_truth.get(row) == Tri::Unknown;
    explainer.node(&assert.root, &evaluated.assert, undecided)?;
    let mut explanation = explainer.explanation;
    if let (Verdict::Fail, Kind::And(terms)) = (judgement.verdicts[row], &assert.root.kind) {
        let fails = |term: &Node| evaluated.assert.truths.get(&term.id).is_some_and(|truth| truth.get(row) == Tri::False);
        explanation.broken = (0..terms.len()).filter(|at| fails(&terms[*at])).collect();
    }
    Ok(explanation)
}

/// The evaluation that decided: a fail, and an unknown on all evidence, are explained as they are; what only stale values leave
/// unknown is explained without them, and so is a pass.
pub fn deciding<'j, 'w>(worlds: &'j Worlds<'w>, judgement: &'j Judgement<'w>, row: usize) -> (&'j World<'w>, &'j Evaluated<'w>) {
    let all = &judgement.all;
    let undecided = !(all.applies_truth.no.value(row)
        || all.assert_truth.yes.value(row)
        || (all.applies_truth.yes.value(row) && all.assert_truth.no.value(row)));
    match (&judgement.fresh, &worlds.fresh) {
        (Some(fresh), Some(world)) if judgement.verdicts[row] != Verdict::Fail && !undecided => (world, fresh),
        _ => (&worlds.all, all),
    }
}

pub struct Explainer<'a, 'w> {
    world: &'a World<'w>,
    params: &'a BTreeMap<String, Constant>,
    table: usize,
    row: usize,
    pub text: &'a str,
    pub explanation: Explanation,
    /// The verdict is unknown: reasons are wanted.
    why: bool,
}

impl<'a, 'w> Explainer<'a, 'w> {
    pub fn new(world: &'a World<'w>, params: &'a BTreeMap<String, Constant>, table: usize, row: usize, why: bool) -> Explainer<'a, 'w> {
        Explainer { world, params, table, row, text: "", explanation: Explanation::default(), why }
    }

    /// Shows what a node reads. `unknown`: the node is unknown and leaves what is above it so.
    pub fn node(&mut self, node: &Node, evaluator: &Evaluator, unknown: bool) -> Result<(), LimitError> {
        let row = self.row;
        let truth_of = |node: &Node| evaluator.truths.get(&node.id).map(|truth| truth.get(row));
        match &node.kind {
            Kind::Literal(_) | Kind::AsOf => {}
            Kind::Param(name) => {
                let value = self.params.get(name).map_or_else(String::new, Constant::to_string);
                self.explanation.observed.insert(format!("${name}"), value);
            }
            Kind::Path(path) | Kind::IsNotNull(path) => self.path(path, unknown),
            Kind::And(terms) | Kind::Or(terms) => {
                for term in terms {
                    let unknown = unknown && truth_of(term) == Some(Tri::Unknown);
                    self.node(term, evaluator, unknown)?;
                }
            }
            Kind::Not(inner) | Kind::Lower(inner) | Kind::Cardinality(inner) => self.node(inner, evaluator, unknown)?,
            Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => {
                self.node(left, evaluator, unknown)?;
                self.node(right, evaluator, unknown)?;
            }
            Kind::IsNone { operand, .. } | Kind::IsNever { operand, .. } => self.node(operand, evaluator, unknown)?,
            Kind::In { left, items, .. } => {
                self.node(left, evaluator, unknown)?;
                for item in items {
                    self.node(item, evaluator, false)?;
                }
            }
            Kind::Like { left, .. } => self.node(left, evaluator, unknown)?,
            Kind::StartsWith { text, prefix } => {
                self.node(text, evaluator, unknown)?;
                self.node(prefix, evaluator, false)?;
            }
            Kind::RegexpLike { text, .. } => self.node(text, evaluator, unknown)?,
            Kind::Contains { list, item } => {
                self.node(list, evaluator, unknown)?;
                self.node(item, evaluator, unknown)?;
            }
            Kind::InNetwork { address, networks } => {
                self.node(address, evaluator, unknown)?;
                self.node(networks, evaluator, unknown)?;
            }
            Kind::Case { branches, otherwise } => {
                for (when, then) in branches {
                    self.node(when, evaluator, unknown && truth_of(when) == Some(Tri::Unknown))?;
                    self.node(then, evaluator, unknown)?;
                }
                self.node(otherwise, evaluator, unknown)?;
            }
            Kind::Exists(query) => self.subquery(node, query, evaluator, unknown, false)?,
            Kind::Aggregate { from, .. } => self.subquery(node, from, evaluator, unknown, true)?,
        }
        Ok(())
    }

    fn subject(&self, index: &UInt32Array, read: impl FnOnce(Rows) -> (Option<UInt32Array>, Vec<u8>)) -> (Option<usize>, State) {
        let (rows, state) = read(Rows { table: self.table, index: Some(index), len: 1 });
        (at(rows.as_ref(), 0), State::from_byte(state[0]))
    }

    /// A column or path of the subject: its value, why it is unknown, and the records along it.
    fn path(&mut self, path: &Path, unknown: bool) {
        let index = UInt32Array::from(vec![u32::try_from(self.row).unwrap_or(NOBODY)]);
        // Where the path breaks off is where the reason lies.
        for steps in 1..=path.steps.len() {
            let part = Path { scope: path.scope, steps: path.steps[..steps].to_vec() };
            let (row, state) = self.subject(&index, |rows| self.world.follow(&part, rows));
            let (table, column) = part.last();
            let Some(row) = row else {
                if steps == 1 {
                    self.explanation.observed.insert(path.dotted(), state.word().to_owned());
                }
                return;
            };
            self.origin(table, row);
            if let Some(fact) = Fact::of(table, column) {
                self.derived(path, fact, row, unknown);
                return;
            }
            let state = self.world.state(table, column, row);
            if steps == path.steps.len() || state != State::Known {
                let shown = if state == State::Known { show(self.world, table, column, row) } else { state.word().to_owned() };
                self.explanation.observed.insert(path.dotted(), shown);
                if unknown && self.why && (state.is_unknown() || state == State::None) {
                    let reason = self.reason(table, column, row, state);
                    self.explanation.reasons.insert(reason);
                }
                return;
            }
        }
    }

    /// A derived fact: the path that it rests on, and what is not known of it.
    fn derived(&mut self, path: &Path, fact: Fact, row: usize, unknown: bool) {
        let told = self.world.derived().tell(self.world, fact, row);
        self.explanation.observed.insert(path.dotted(), told.text.clone());
        for (table, row) in told.rows {
            self.origin(table, row);
        }
        if unknown && self.why {
            self.explanation.reasons.extend(told.reasons);
            for (table, column, row) in told.doubts {
                let state = self.world.state(table, column, row);
                if state.is_unknown() {
                    let reason = self.reason(table, column, row, state);
                    self.explanation.reasons.insert(reason);
                }
            }
            // Every value on the way is known; it is who stands at its start that is not.
            if self.explanation.reasons.is_empty() {
                let detail = format!("who acts along the path is not in the inventory ({})", told.text);
                self.explanation.reasons.insert(Reason { word: "unattributed", detail, cause: Cause::Match("identity") });
            }
        }
    }

    fn reason(&self, table: usize, column: usize, row: usize, state: State) -> Reason {
        let schema = &SCHEMA[table];
        let rows = self.world.table(table);
        let name = schema.columns[column].name;
        let id = key_text(&rows.columns[0], row).unwrap_or_default();
        let what = format!("`{name}` of {} `{id}`", schema.name);
        let detail = match state {
            State::Missing => format!("{what} is not given by any source"),
            State::Conflict => {
                let said = conflict(self.world.evidence, table, column, row);
                format!("{what} is contradicted: {said}")
            }
            State::Dangling if schema.columns[column].refers.is_none() => {
                // The claim of an attestation is as unknown as whoever makes it.
                let by = schema.column("by").and_then(|by| key_text(&rows.columns[by], row));
                match by {
                    Some(by) => format!("{what} is made by `{by}`, which is not in the inventory"),
                    None => format!("{what} is made by nobody that is named"),
                }
            }
            State::Dangling => {
                let text = key_text(&rows.columns[column], row).unwrap_or_default();
                format!("{what} refers to `{text}`, which is not in the inventory")
            }
            State::Future => format!("{what} lies after {}", self.world.as_of),
            State::Unreadable => format!("{what} was given but could not be read"),
            State::Stale => {
                let sources = stale_sources(self.world.evidence, table, row);
                format!("{what} is said only by a stale source ({sources})")
            }
            State::None => format!("{what} is `none`, which cannot be compared here"),
            State::Known | State::Never => format!("{what} cannot be compared"),
        };
        Reason { word: state.word(), detail, cause: Cause::Value(table, column) }
    }

    fn subquery(&mut self, node: &Node, query: &Subquery, evaluator: &Evaluator, unknown: bool, aggregate: bool) -> Result<(), LimitError> {
        let Some(outcome) = evaluator.outcomes.get(&node.id) else { return Ok(()) };
        let child = SCHEMA[query.table].name;
        let witness = outcome.witness[self.row];
        let name = (witness != NOBODY).then(|| self.id(query.table, witness as usize));
        let shown = if aggregate {
            outcome.interval.as_ref().map_or_else(String::new, |interval| {
                let lower = interval.int(self.row);
                if interval.is_none(self.row) { "none".to_owned() } else { ends(node.ty, lower, interval.upper_int(self.row)) }
            })
        } else {
            match (outcome.truth.get(self.row), &name) {
                (Tri::True, Some(name)) => format!("true: {child} {name}"),
                (Tri::True, None) => "true".to_owned(),
                (Tri::False, _) => "false: there is none".to_owned(),
                (Tri::Unknown, Some(name)) if !outcome.certain.value(self.row) => format!("unknown: {child} `{name}` might be one"),
                (Tri::Unknown, _) => "unknown: absence is not proven".to_owned(),
            }
        };
        self.explanation.observed.insert(snippet(self.text, node), shown);
        if witness != NOBODY {
            self.origin(query.table, witness as usize);
        }
        for join in &query.joins {
            self.path(&join.parent, false);
        }
        for term in query.terms.iter() {
            self.params_of(&term.node);
        }
        if unknown && self.why {
            if let (Some(name), false) = (&name, outcome.certain.value(self.row) || aggregate) {
                // A value that is there and does not count says best why.
                let unsigned = SCHEMA[query.table]
                    .columns
                    .iter()
                    .position(|column| column.name == "claim")
                    .filter(|claim| self.world.state(query.table, *claim, witness as usize) == State::Dangling);
                self.explanation.reasons.insert(match unsigned {
                    Some(claim) => self.reason(query.table, claim, witness as usize, State::Dangling),
                    None => Reason {
                        word: "unattributed",
                        detail: format!("{child} `{name}` might match: something that decides it is not known"),
                        cause: Cause::Match(child),
                    },
                });
            }
            if !outcome.proven.value(self.row) {
                let reasons = absence::why(self.world, self.params, query, self.table, self.row)?;
                self.explanation.reasons.extend(reasons);
            }
        }
        Ok(())
    }

    fn params_of(&mut self, node: &Node) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match &node.kind {
                Kind::Param(name) => {
                    let value = self.params.get(name).map_or_else(String::new, Constant::to_string);
                    self.explanation.observed.insert(format!("${name}"), value);
                }
                Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => open.extend([&**left, &**right]),
                Kind::And(terms) | Kind::Or(terms) => open.extend(terms),
                Kind::Not(inner) => open.push(inner),
                Kind::In { left, items, .. } => {
                    open.push(left);
                    open.extend(items);
                }
                _ => {}
            }
        }
    }

    fn id(&self, table: usize, row: usize) -> String {
        key_text(&self.world.table(table).columns[0], row).unwrap_or_default().to_owned()
    }

    fn origin(&mut self, table: usize, row: usize) {
        for origin in self.world.table(table).origins.get(row).into_iter().flatten() {
            if let Some(position) = position(self.world.evidence, *origin) {
                self.explanation.evidence.insert(position);
            }
        }
    }
}

/// A node as its author wrote it, on one line.
#[must_use]
pub fn snippet(text: &str, node: &Node) -> String {
    text.get(node.span.clone()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn position(evidence: &Evidence, origin: Origin) -> Option<Position> {
    let file = evidence.files.get(origin.file as usize)?;
    let source = evidence.sources.get(file.source as usize).map(|source| source.id.clone()).unwrap_or_default();
    Some(Position { source, file: file.path.clone(), record: file.locate(origin.record) })
}

fn stale_sources(evidence: &Evidence, table: usize, row: usize) -> String {
    let names: BTreeSet<&str> = evidence.tables[table]
        .origins
        .get(row)
        .into_iter()
        .flatten()
        .filter_map(|origin| evidence.files.get(origin.file as usize))
        .filter_map(|file| evidence.sources.get(file.source as usize))
        .filter(|source| !source.fresh)
        .map(|source| source.id.as_str())
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn conflict(evidence: &Evidence, table: usize, column: usize, row: usize) -> String {
    let key = (u32::try_from(row).unwrap_or(NOBODY), u32::try_from(column).unwrap_or(NOBODY));
    let said = evidence.tables[table].conflicts.get(&key).map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<String> = said
        .iter()
        .take(SHOWN)
        .map(|(value, origin)| match position(evidence, *origin) {
            Some(position) => format!("`{value}` ({}, {})", position.file, position.record),
            None => format!("`{value}`"),
        })
        .collect();
    shown.join(" against ")
}
