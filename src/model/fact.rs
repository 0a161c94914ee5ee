//! What a control must be told: the columns, whole tables and logs that its conditions read.

use std::collections::BTreeSet;

use super::condition::{Kind, Node, Op, Path, Subquery, walk};
use super::control::Control;
use super::schema::{EVENT_TYPES, SCHEMA};
use super::value::Constant;

/// One kind of thing that evidence may say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Every row of a table: the population, or that there is no other.
    Rows(usize),
    /// A column: positions of table and column.
    Column(usize, usize),
    /// Events of these types, wherever they may have happened; sorted.
    Events(Vec<String>),
}

/// Everything that a control reads.
#[must_use]
pub fn facts(control: &Control) -> BTreeSet<Fact> {
    let mut facts = BTreeSet::new();
    if SCHEMA.get(control.subject).is_some_and(|table| !table.is_log()) {
        facts.insert(Fact::Rows(control.subject));
    }
    for condition in control.applies.iter().chain([&control.assert]) {
        walk(&condition.root, &mut |node| match &node.kind {
            Kind::Path(path) | Kind::IsNotNull(path) => steps(path, &mut facts),
            Kind::Exists(query) => rows(query, &mut facts),
            Kind::Aggregate { from, .. } => rows(from, &mut facts),
            _ => {}
        });
        if SCHEMA.get(control.subject).is_some_and(super::schema::TableSchema::is_log) {
            facts.insert(Fact::Events(types(&[&condition.root])));
        }
    }
    facts
}

/// Events that a control asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Sorted.
    pub types: Vec<String>,
    /// The terms that bound their time, as the author wrote them.
    pub bounds: Vec<String>,
}

/// The events that a control's conditions read, subquery by subquery; each kind once.
#[must_use]
pub fn windows(control: &Control) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for condition in control.applies.iter().chain([&control.assert]) {
        walk(&condition.root, &mut |node| {
            let (Kind::Exists(from) | Kind::Aggregate { from, .. }) = &node.kind else { return };
            if SCHEMA.get(from.table).is_some_and(super::schema::TableSchema::is_log) {
                let terms: Vec<&Node> = from.terms.iter().map(|term| &term.node).collect();
                windows.push(window(&terms, &condition.text));
            }
        });
    }
    if let (true, Some(applies)) = (SCHEMA.get(control.subject).is_some_and(super::schema::TableSchema::is_log), &control.applies) {
        windows.push(window(&[&applies.root], &applies.text));
    }
    let mut once: Vec<Window> = Vec::new();
    for window in windows {
        if !once.contains(&window) {
            once.push(window);
        }
    }
    once
}

fn window(terms: &[&Node], text: &str) -> Window {
    let mut bounds = Vec::new();
    let mut open: Vec<&Node> = terms.iter().rev().copied().collect();
    while let Some(node) = open.pop() {
        match &node.kind {
            Kind::And(terms) => open.extend(terms.iter().rev()),
            Kind::Compare { left, right, .. } if is_at(left) || is_at(right) => {
                let bound = text.get(node.span.clone()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
                // BETWEEN is two comparisons of one text.
                if !bounds.contains(&bound) {
                    bounds.push(bound);
                }
            }
            _ => {}
        }
    }
    Window { types: types(terms), bounds }
}

fn is_at(node: &Node) -> bool {
    matches!(&node.kind, Kind::Path(path) if is_event_column(path, "at"))
}

fn steps(path: &Path, facts: &mut BTreeSet<Fact>) {
    facts.extend(path.steps.iter().filter(|(_, column)| *column != 0).map(|(table, column)| Fact::Column(*table, *column)));
}

fn rows(query: &Subquery, facts: &mut BTreeSet<Fact>) {
    if SCHEMA.get(query.table).is_some_and(super::schema::TableSchema::is_log) {
        let terms: Vec<&Node> = query.terms.iter().map(|term| &term.node).collect();
        facts.insert(Fact::Events(types(&terms)));
    } else {
        facts.insert(Fact::Rows(query.table));
    }
    for join in &query.joins {
        steps(&join.child, facts);
        steps(&join.parent, facts);
    }
}

/// The event types that some terms let through: those of `type = '…'` and `type IN (…)` among them, else all.
fn types(terms: &[&Node]) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let is_type = |node: &Node| matches!(&node.kind, Kind::Path(path) if is_event_column(path, "type"));
    let word = |node: &Node| match &node.kind {
        Kind::Literal(Constant::Text(word)) => Some(word.clone()),
        _ => None,
    };
    let mut open = terms.to_vec();
    while let Some(node) = open.pop() {
        match &node.kind {
            Kind::And(terms) => open.extend(terms),
            Kind::Compare { op: Op::Eq, left, right } if is_type(left) => found.extend(word(right)),
            Kind::Compare { op: Op::Eq, left, right } if is_type(right) => found.extend(word(left)),
            Kind::In { left, items, negated: false, .. } if is_type(left) => found.extend(items.iter().filter_map(word)),
            _ => {}
        }
    }
    if found.is_empty() { EVENT_TYPES.iter().map(|ty| (*ty).to_owned()).collect() } else { found.into_iter().collect() }
}

fn is_event_column(path: &Path, name: &str) -> bool {
    let (table, column) = path.last();
    path.steps.len() == 1 && SCHEMA.get(table).is_some_and(|table| table.is_log() && table.columns[column].name == name)
}
