//! A node of a condition, on one row.

use std::net::IpAddr;

use regex::Regex;
use tickmark::model::condition::{Kind, Node, Op, Scope};
use tickmark::model::schema::Type;
use tickmark::model::value::{Constant, FAR, ONE};

use super::text::{in_network, like};
use super::value::{Truth, Value, add, and, compare, not, or};
use super::world::{Row, World};

/// Where a condition is read: a subject and, within a subquery, a row of the subquery's table.
#[derive(Clone, Copy)]
pub struct Place<'w> {
    pub world: &'w World<'w>,
    pub table: usize,
    pub row: usize,
    pub child: Option<Row>,
}

impl Place<'_> {
    pub fn start(&self, scope: Scope) -> Row {
        match scope {
            Scope::Subject => (self.table, self.row),
            Scope::Child => self.child.expect("a child's column is read in a subquery only"),
        }
    }

    pub fn truth(&self, node: &Node) -> Truth {
        match &node.kind {
            Kind::And(terms) => and(terms.iter().map(|term| self.truth(term))),
            Kind::Or(terms) => or(terms.iter().map(|term| self.truth(term))),
            Kind::Not(inner) => not(self.truth(inner)),
            Kind::Compare { op, left, right } => self.compare(*op, left, right),
            Kind::IsNone { operand, negated } => flip(*negated, self.is_none(operand)),
            Kind::IsNever { operand, negated } => flip(
                *negated,
                match self.value(operand) {
                    Value::Unknown => None,
                    Value::Span(low, high) => Some(low == high && (low == FAR || low == -FAR)),
                    _ => Some(false),
                },
            ),
            Kind::In { left: operand, items, or_none, negated } => {
                let left = self.value(operand);
                let mut any: Vec<Truth> = items.iter().map(|item| self.equals(&left, item)).collect();
                if *or_none {
                    any.push(self.is_none(operand));
                }
                flip(*negated, if left == Value::Unknown { None } else { or(any) })
            }
            Kind::Like { left, pattern, negated } => flip(*negated, self.on_text(left, |text| like(text.as_bytes(), pattern.as_bytes()))),
            Kind::StartsWith { text, prefix } => {
                let Value::Text(prefix) = self.value(prefix) else { panic!("a prefix is a literal or a parameter") };
                self.on_text(text, |text| text.starts_with(&prefix))
            }
            Kind::RegexpLike { text, pattern } => self.on_text(text, |text| Regex::new(pattern).unwrap().is_match(text)),
            Kind::IsNotNull(path) => {
                let untold = path.steps.iter().any(|(table, column)| self.world.evidence.tables[*table].untold.contains(column));
                let known = self.world.read(path, self.start(path.scope)).is_exact();
                if known || !untold { Some(known) } else { None }
            }
            Kind::Contains { list, item } => self.contains(list, item),
            Kind::InNetwork { address, networks } => match (self.value(networks), self.value(address)) {
                (Value::None, _) => Some(false),
                (Value::List(blocks), _) if blocks.is_empty() => Some(false),
                (Value::List(blocks), Value::Text(address)) => in_network(&address, &blocks),
                _ => None,
            },
            Kind::Exists(query) => self.exists(query),
            Kind::Case { branches, otherwise } if node.ty == Type::Bool => {
                let truths: Vec<Truth> = self.possible(branches, otherwise).into_iter().map(|node| self.truth(node)).collect();
                if truths.iter().all(|truth| *truth == truths[0]) { truths[0] } else { None }
            }
            _ => match self.value(node) {
                Value::Bool(yes) => Some(yes),
                _ => None,
            },
        }
    }

    pub fn value(&self, node: &Node) -> Value {
        match &node.kind {
            Kind::Literal(constant) => literal(constant, node.ty),
            Kind::Param(name) => literal(&self.world.params[name], node.ty),
            Kind::AsOf => Value::exactly(self.world.as_of.0),
            Kind::Path(path) => self.world.read(path, self.start(path.scope)),
            Kind::Arith { minus, left, right } => add(*minus, &self.value(left), &self.value(right)),
            Kind::Lower(inner) => match self.value(inner) {
                Value::Text(text) => Value::Text(text.to_ascii_lowercase()),
                other => other,
            },
            Kind::Cardinality(list) => match self.value(list) {
                Value::None => Value::exactly(0),
                Value::List(members) if members.iter().any(Option::is_none) => Value::Unknown,
                Value::List(members) => Value::exactly(i64::try_from(members.len()).unwrap() * ONE),
                _ => Value::Unknown,
            },
            Kind::Case { branches, otherwise } if node.ty != Type::Bool => {
                let values: Vec<Value> = self.possible(branches, otherwise).into_iter().map(|node| self.value(node)).collect();
                if values.iter().all(|value| *value == values[0]) { values[0].clone() } else { Value::Unknown }
            }
            Kind::Aggregate { function, of, from } => self.aggregate(*function, of, from),
            _ => Value::of(self.truth(node)),
        }
    }

    /// The results of a CASE that may be taken.
    fn possible<'n>(&self, branches: &'n [(Node, Node)], otherwise: &'n Node) -> Vec<&'n Node> {
        let mut possible = Vec::new();
        for (when, then) in branches {
            match self.truth(when) {
                Some(false) => {}
                None => possible.push(then),
                Some(true) => {
                    possible.push(then);
                    return possible;
                }
            }
        }
        possible.push(otherwise);
        possible
    }

    /// Of what is not known exactly, it is not known either.
    fn is_none(&self, operand: &Node) -> Truth {
        // Whoever a dangling reference names, it names somebody.
        if let Kind::Path(path) = &operand.kind
            && self.world.dangles(path, self.start(path.scope))
        {
            return Some(false);
        }
        let value = self.value(operand);
        let known = value.is_exact() || (!matches!(operand.kind, Kind::Path(_)) && value != Value::Unknown);
        known.then_some(value == Value::None)
    }

    fn compare(&self, op: Op, left: &Node, right: &Node) -> Truth {
        let (a, b) = (self.value(left), self.value(right));
        for (value, other) in [(&a, right), (&b, left)] {
            if *value == Value::None {
                // none is not what a constant says; beside something read it may or may not be the same.
                return if matches!(op, Op::Eq | Op::Ne) && !reads_evidence(other) { Some(op == Op::Ne) } else { None };
            }
        }
        if left.ty == Type::Fingerprint
            && right.ty == Type::Fingerprint
            && let (Value::Text(a), Value::Text(b)) = (&a, &b)
            && !comparable(a, b)
        {
            return None;
        }
        compare(op, &a, &b)
    }

    fn equals(&self, left: &Value, item: &Node) -> Truth {
        if *left == Value::None { Some(false) } else { compare(Op::Eq, left, &self.value(item)) }
    }

    /// A test of a text: false for none.
    fn on_text(&self, node: &Node, test: impl Fn(&str) -> bool) -> Truth {
        match self.value(node) {
            Value::Text(text) => Some(test(&text)),
            Value::None => Some(false),
            _ => None,
        }
    }

    fn contains(&self, list: &Node, item: &Node) -> Truth {
        let members = match self.value(list) {
            Value::None => return Some(false),
            Value::List(members) if members.is_empty() => return Some(false),
            Value::List(members) => members,
            _ => return None,
        };
        match self.value(item) {
            Value::None if !reads_evidence(list) => Some(false),
            Value::Text(item) => or(members.iter().map(|member| member.as_ref().map(|member| *member == item))),
            _ => None,
        }
    }
}

fn flip(negated: bool, truth: Truth) -> Truth {
    if negated { not(truth) } else { truth }
}

fn literal(constant: &Constant, ty: Type) -> Value {
    match constant {
        Constant::Text(text) if ty == Type::Address => Value::Text(text.parse::<IpAddr>().unwrap().to_canonical().to_string()),
        Constant::Text(text) => Value::Text(text.clone()),
        Constant::Bool(yes) => Value::Bool(*yes),
        Constant::Number(number) => Value::exactly(number.0),
        Constant::Time(time) => Value::exactly(time.0),
        Constant::Duration(span) => Value::exactly(span.0),
        Constant::List(items) => Value::List(items.iter().cloned().map(Some).collect()),
    }
}

/// Two fingerprints say whether they are of one secret only if algorithm and key are the same.
pub fn comparable(a: &str, b: &str) -> bool {
    let prefix = |text: &str| text.rsplit_once(':').map(|(prefix, _)| prefix.to_owned());
    prefix(a) == prefix(b)
}

/// Whether a node reads any column.
fn reads_evidence(node: &Node) -> bool {
    matches!(node.kind, Kind::Path(_) | Kind::IsNotNull(_) | Kind::Exists(_) | Kind::Aggregate { .. })
        || children(node).into_iter().any(reads_evidence)
}

/// The nodes directly below a node; those of a subquery read its own rows.
pub fn children(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf | Kind::Path(_) | Kind::IsNotNull(_) => Vec::new(),
        Kind::Compare { left, right, .. } | Kind::Arith { left, right, .. } => vec![left, right],
        Kind::IsNone { operand: inner, .. }
        | Kind::IsNever { operand: inner, .. }
        | Kind::Like { left: inner, .. }
        | Kind::Not(inner)
        | Kind::Cardinality(inner)
        | Kind::Lower(inner)
        | Kind::RegexpLike { text: inner, .. } => vec![inner],
        Kind::In { left, items, .. } => [&**left].into_iter().chain(items).collect(),
        Kind::And(terms) | Kind::Or(terms) => terms.iter().collect(),
        Kind::Case { branches, otherwise } => branches.iter().flat_map(|(when, then)| [when, then]).chain([&**otherwise]).collect(),
        Kind::Contains { list, item } => vec![list, item],
        Kind::StartsWith { text, prefix } => vec![text, prefix],
        Kind::InNetwork { address, networks } => vec![address, networks],
        Kind::Exists(query) => query.terms.iter().map(|term| &term.node).collect(),
        Kind::Aggregate { of, from, .. } => [&**of].into_iter().chain(from.terms.iter().map(|term| &term.node)).collect(),
    }
}
