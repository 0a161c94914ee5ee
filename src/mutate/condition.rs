//! One change in a condition's tree.

use super::paths;
use crate::model::condition::{Aggregate, Condition, Kind, Node, Op, Subquery};
use crate::model::schema::Type;
use crate::model::value::{Constant, Duration, Number, ONE, Time};

/// A tree with one change.
pub struct Change {
    pub what: String,
    /// Byte of the condition's text at which the changed part begins.
    pub at: usize,
    pub root: Node,
}

/// Every tree that is one step from a condition's.
pub fn changes(condition: &Condition) -> Vec<Change> {
    Changer { text: &condition.text }.of(&condition.root).into_iter().map(|(what, at, root)| Change { what, at, root }).collect()
}

/// What was changed, where it begins, and the part as it then is.
type Changed = (String, usize, Node);

struct Changer<'t> {
    text: &'t str,
}

fn with(node: &Node, kind: Kind) -> Node {
    Node { kind, ..node.clone() }
}

fn not(node: &Node) -> Node {
    with(node, Kind::Not(Box::new(node.clone())))
}

fn worded(node: &Node, other: Type) -> Box<Node> {
    let ty = if matches!((&node.kind, other), (Kind::Literal(Constant::Text(_)), Type::Enum(_))) { other } else { node.ty };
    Box::new(Node { ty, ..node.clone() })
}

/// A list with one of its entries replaced.
fn replaced<T: Clone>(list: &[T], at: usize, entry: T) -> Vec<T> {
    let mut list = list.to_vec();
    list[at] = entry;
    list
}

/// A list without one of its entries.
fn without<T: Clone>(list: &[T], at: usize) -> Vec<T> {
    let mut list = list.to_vec();
    list.remove(at);
    list
}

impl Changer<'_> {
    fn said(&self, node: &Node) -> String {
        let text = self.text.get(node.span.clone()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Every change of a node itself, and of every part below it.
    fn of(&self, node: &Node) -> Vec<Changed> {
        let mut found: Vec<Changed> = self
            .itself(node)
            .into_iter()
            .map(|(what, changed)| (format!("`{}`: {what}", self.said(node)), node.span.start, changed))
            .collect();
        found.extend(self.below(node));
        found
    }

    /// What a node may be turned into.
    fn itself(&self, node: &Node) -> Vec<(String, Node)> {
        match &node.kind {
            Kind::Compare { op, left, right } => others(*op, left.ty)
                .iter()
                .map(|other| {
                    let kind = Kind::Compare { op: *other, left: left.clone(), right: right.clone() };
                    (format!("{} becomes {}", op.symbol(), other.symbol()), with(node, kind))
                })
                .collect(),
            Kind::And(terms) => self.terms(node, terms, "AND", "OR", Kind::Or, Kind::And),
            Kind::Or(terms) => self.terms(node, terms, "OR", "AND", Kind::And, Kind::Or),
            Kind::Not(inner) => vec![("NOT dropped".to_owned(), (**inner).clone())],
            Kind::IsNone { operand, negated } => {
                vec![("negated".to_owned(), with(node, Kind::IsNone { operand: operand.clone(), negated: !negated }))]
            }
            Kind::IsNever { operand, negated } => {
                vec![("negated".to_owned(), with(node, Kind::IsNever { operand: operand.clone(), negated: !negated }))]
            }
            Kind::In { left, items, or_none, negated } => {
                let list =
                    |items: Vec<Node>, or_none: bool, negated: bool| with(node, Kind::In { left: left.clone(), items, or_none, negated });
                let mut found = vec![("negated".to_owned(), list(items.clone(), *or_none, !negated))];
                if items.len() > 1 {
                    found.extend(
                        (0..items.len())
                            .map(|at| (format!("without {}", self.said(&items[at])), list(without(items, at), *or_none, *negated))),
                    );
                }
                if *or_none {
                    found.push(("without 'none'".to_owned(), list(items.clone(), false, *negated)));
                }
                found
            }
            Kind::Like { left, pattern, negated } => {
                let kind = Kind::Like { left: left.clone(), pattern: pattern.clone(), negated: !negated };
                vec![("negated".to_owned(), with(node, kind))]
            }
            Kind::Arith { minus, left, right } => {
                let kind = Kind::Arith { minus: !minus, left: left.clone(), right: right.clone() };
                vec![(if *minus { "- becomes +" } else { "+ becomes -" }.to_owned(), with(node, kind))]
            }
            Kind::Literal(constant) => constants(constant, node.ty)
                .into_iter()
                .map(|other| (format!("becomes {other}"), with(node, Kind::Literal(other))))
                .collect(),
            Kind::Path(path) => {
                let mut found: Vec<(String, Node)> = paths::siblings(path)
                    .into_iter()
                    .map(|other| (format!("becomes {}", other.dotted()), with(node, Kind::Path(other))))
                    .collect();
                if node.ty == Type::Bool {
                    found.push(("negated".to_owned(), not(node)));
                }
                found
            }
            Kind::IsNotNull(path) => paths::siblings(path)
                .into_iter()
                .map(|other| (format!("becomes {}", other.dotted()), with(node, Kind::IsNotNull(other))))
                .collect(),
            Kind::Case { branches, otherwise } => {
                let mut found: Vec<(String, Node)> = (0..branches.len())
                    .map(|at| {
                        let fewer = without(branches, at);
                        let kind = if fewer.is_empty() {
                            otherwise.kind.clone()
                        } else {
                            Kind::Case { branches: fewer, otherwise: otherwise.clone() }
                        };
                        (format!("without WHEN {}", self.said(&branches[at].0)), with(node, kind))
                    })
                    .collect();
                for at in 1..branches.len() {
                    let mut swapped = branches.clone();
                    let first = swapped[at - 1].1.clone();
                    swapped[at - 1].1 = std::mem::replace(&mut swapped[at].1, first);
                    let kind = Kind::Case { branches: swapped, otherwise: otherwise.clone() };
                    found.push((format!("THEN {at} and {} exchanged", at + 1), with(node, kind)));
                }
                found
            }
            Kind::Aggregate { function, of, from } => {
                let other = match function {
                    Aggregate::Min => Some((Aggregate::Max, "max")),
                    Aggregate::Max => Some((Aggregate::Min, "min")),
                    Aggregate::CountDistinct => None,
                };
                other
                    .map(|(other, word)| {
                        let kind = Kind::Aggregate { function: other, of: of.clone(), from: from.clone() };
                        (format!("becomes {word}"), with(node, kind))
                    })
                    .into_iter()
                    .collect()
            }
            Kind::Contains { .. } | Kind::StartsWith { .. } | Kind::RegexpLike { .. } | Kind::InNetwork { .. } | Kind::Exists(_) => {
                vec![("negated".to_owned(), not(node))]
            }
            Kind::Param(_) | Kind::AsOf | Kind::Cardinality(_) | Kind::Lower(_) => Vec::new(),
        }
    }

    fn terms(
        &self,
        node: &Node,
        terms: &[Node],
        word: &str,
        other: &str,
        exchanged: fn(Vec<Node>) -> Kind,
        same: fn(Vec<Node>) -> Kind,
    ) -> Vec<(String, Node)> {
        let mut found = vec![(format!("{word} becomes {other}"), with(node, exchanged(terms.to_vec()))), ("negated".to_owned(), not(node))];
        for at in 0..terms.len() {
            let left = without(terms, at);
            // What BETWEEN became has two parts of one text.
            let part = if terms[at].span == node.span { format!("its part {}", at + 1) } else { format!("`{}`", self.said(&terms[at])) };
            let remaining = match left.as_slice() {
                [only] => only.clone(),
                _ => with(node, same(left)),
            };
            found.push((format!("without {part}"), remaining));
        }
        found
    }

    /// Every change of a part below a node, with the node around it.
    fn below(&self, node: &Node) -> Vec<Changed> {
        let part = |child: &Node, around: &dyn Fn(Node) -> Kind| -> Vec<Changed> {
            self.of(child).into_iter().map(|(what, at, changed)| (what, at, with(node, around(changed)))).collect()
        };
        let boxed = |child: &Node, around: &dyn Fn(Box<Node>) -> Kind| part(child, &|changed| around(Box::new(changed)));
        match &node.kind {
            Kind::Literal(_) | Kind::Param(_) | Kind::AsOf | Kind::Path(_) | Kind::IsNotNull(_) => Vec::new(),
            Kind::Compare { op, left, right } => {
                // A word beside an enumeration is one of its words.
                let (left, right) = (&worded(left, right.ty), &worded(right, left.ty));
                let mut found = boxed(left, &|changed| Kind::Compare { op: *op, left: changed, right: right.clone() });
                found.extend(boxed(right, &|changed| Kind::Compare { op: *op, left: left.clone(), right: changed }));
                found
            }
            Kind::Arith { minus, left, right } => {
                let mut found = boxed(left, &|changed| Kind::Arith { minus: *minus, left: changed, right: right.clone() });
                found.extend(boxed(right, &|changed| Kind::Arith { minus: *minus, left: left.clone(), right: changed }));
                found
            }
            Kind::IsNone { operand, negated } => boxed(operand, &|changed| Kind::IsNone { operand: changed, negated: *negated }),
            Kind::IsNever { operand, negated } => boxed(operand, &|changed| Kind::IsNever { operand: changed, negated: *negated }),
            // Each of its words has a row of its own when it is dropped: exchanging it for another shows no more.
            Kind::In { left, items, or_none, negated } => {
                boxed(left, &|changed| Kind::In { left: changed, items: items.clone(), or_none: *or_none, negated: *negated })
            }
            Kind::Like { left, pattern, negated } => {
                boxed(left, &|changed| Kind::Like { left: changed, pattern: pattern.clone(), negated: *negated })
            }
            Kind::And(terms) => {
                (0..terms.len()).flat_map(|at| part(&terms[at], &|changed| Kind::And(replaced(terms, at, changed)))).collect()
            }
            Kind::Or(terms) => {
                (0..terms.len()).flat_map(|at| part(&terms[at], &|changed| Kind::Or(replaced(terms, at, changed)))).collect()
            }
            Kind::Not(inner) => {
                // `NOT EXISTS` loses its NOT above; a second one within says the same.
                let own = |what: &str| what.ends_with(": negated") && what.starts_with(&format!("`{}`", self.said(inner)));
                boxed(inner, &|changed| Kind::Not(changed)).into_iter().filter(|(what, ..)| !own(what)).collect()
            }
            Kind::Case { branches, otherwise } => {
                let mut found = Vec::new();
                for (at, (when, then)) in branches.iter().enumerate() {
                    found.extend(part(when, &|changed| Kind::Case {
                        branches: replaced(branches, at, (changed, then.clone())),
                        otherwise: otherwise.clone(),
                    }));
                    found.extend(part(then, &|changed| Kind::Case {
                        branches: replaced(branches, at, (when.clone(), changed)),
                        otherwise: otherwise.clone(),
                    }));
                }
                found.extend(boxed(otherwise, &|changed| Kind::Case { branches: branches.clone(), otherwise: changed }));
                found
            }
            Kind::Contains { list, item } => {
                let mut found = boxed(list, &|changed| Kind::Contains { list: changed, item: item.clone() });
                found.extend(boxed(item, &|changed| Kind::Contains { list: list.clone(), item: changed }));
                found
            }
            Kind::Cardinality(inner) => boxed(inner, &|changed| Kind::Cardinality(changed)),
            Kind::Lower(inner) => boxed(inner, &|changed| Kind::Lower(changed)),
            Kind::StartsWith { text, prefix } => boxed(text, &|changed| Kind::StartsWith { text: changed, prefix: prefix.clone() }),
            Kind::RegexpLike { text, pattern } => boxed(text, &|changed| Kind::RegexpLike { text: changed, pattern: pattern.clone() }),
            Kind::InNetwork { address, networks } => {
                let mut found = boxed(address, &|changed| Kind::InNetwork { address: changed, networks: networks.clone() });
                found.extend(boxed(networks, &|changed| Kind::InNetwork { address: address.clone(), networks: changed }));
                found
            }
            Kind::Exists(query) => self.subquery(node, query, &|changed| Kind::Exists(Box::new(changed))),
            Kind::Aggregate { function, of, from } => {
                let mut found = boxed(of, &|changed| Kind::Aggregate { function: *function, of: changed, from: from.clone() });
                found.extend(self.subquery(node, from, &|changed| Kind::Aggregate {
                    function: *function,
                    of: of.clone(),
                    from: Box::new(changed),
                }));
                found
            }
        }
    }

    fn subquery(&self, node: &Node, query: &Subquery, around: &dyn Fn(Subquery) -> Kind) -> Vec<Changed> {
        let mut found: Vec<Changed> = Vec::new();
        let mut add = |what: String, at: usize, changed: Subquery| found.push((what, at, with(node, around(changed))));
        for (at, term) in query.terms.iter().enumerate() {
            let what = format!("`{}` of {}: dropped", self.said(&term.node), query.alias);
            add(what, term.node.span.start, Subquery { terms: without(&query.terms, at), ..query.clone() });
            for (what, place, changed) in self.of(&term.node) {
                let mut terms = query.terms.clone();
                terms[at].node = changed;
                add(format!("{what} in {}", query.alias), place, Subquery { terms, ..query.clone() });
            }
        }
        for (at, join) in query.joins.iter().enumerate() {
            let said = format!("{}.{} = {}", query.alias, join.child.dotted(), join.parent.dotted());
            if query.joins.len() > 1 {
                add(format!("join {said}: dropped"), node.span.start, Subquery { joins: without(&query.joins, at), ..query.clone() });
            }
            for other in paths::siblings(&join.child) {
                let mut joins = query.joins.clone();
                let what = format!("join {said}: {} becomes {}", join.child.dotted(), other.dotted());
                joins[at].child = other;
                add(what, node.span.start, Subquery { joins, ..query.clone() });
            }
        }
        found
    }
}

/// The operators that a comparison may be turned into.
fn others(op: Op, ty: Type) -> &'static [Op] {
    let ordered = matches!(ty, Type::Number | Type::Time | Type::Duration);
    match op {
        Op::Eq if ordered => &[Op::Ne, Op::Le, Op::Ge],
        Op::Eq => &[Op::Ne],
        Op::Ne => &[Op::Eq],
        Op::Lt => &[Op::Le, Op::Ge],
        Op::Le => &[Op::Lt, Op::Gt],
        Op::Gt => &[Op::Ge, Op::Le],
        Op::Ge => &[Op::Gt, Op::Lt],
    }
}

/// What a literal may be turned into.
fn constants(constant: &Constant, ty: Type) -> Vec<Constant> {
    match (constant, ty) {
        (Constant::Bool(yes), _) => vec![Constant::Bool(!yes)],
        (Constant::Number(number), _) => {
            [ONE, -ONE].iter().filter_map(|by| number.0.checked_add(*by)).map(|n| Constant::Number(Number(n))).collect()
        }
        (Constant::Duration(length), _) => {
            [1, -1].iter().filter_map(|by| length.0.checked_add(*by)).map(|d| Constant::Duration(Duration(d))).collect()
        }
        (Constant::Time(at), _) => [1, -1].iter().filter_map(|by| at.0.checked_add(*by)).map(|t| Constant::Time(Time(t))).collect(),
        (Constant::Text(word), Type::Enum(words)) => {
            words.iter().filter(|other| **other != word).map(|other| Constant::Text((*other).to_owned())).collect()
        }
        (Constant::Text(text), _) => vec![Constant::Text(format!("{text}~"))],
        (Constant::List(_), _) => Vec::new(),
    }
}
