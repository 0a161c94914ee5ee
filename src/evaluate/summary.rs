//! EXISTS with one join and at most one inequality with the subject, from summaries of groups: the extremes of a group
//! answer for all of its rows, so that a large group costs no more than its rows (SEMANTICS §4.1).

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_buffer::BooleanBuffer;
use rayon::prelude::*;

use super::LimitError;
use super::codes::Codes;
use super::derive::Fact;
use super::expr::Evaluator;
use super::extremes::{Rollup, Summary};
use super::keys::{DANGLING, Key, Keys};
use super::kleene::Tri;
use super::subquery::{Children, Found, NOBODY, child_evaluator, parents};
use super::vector::Vector;
use super::world::{Rows, World, at};
use crate::model::condition::{Kind, Node, Op, Path, Scope, Subquery};
use crate::model::schema::{SCHEMA, Type};
use crate::model::value::State;

/// `child op parent`, or nothing to compare.
pub struct Shape<'q> {
    inequality: Option<(&'q Node, Op, &'q Node)>,
}

/// The shape of a subquery that summaries can answer.
#[must_use]
pub fn shape(query: &Subquery) -> Option<Shape<'_>> {
    if query.joins.len() != 1 {
        return None;
    }
    let mut mixed = query.terms.iter().filter(|term| !term.parent_free);
    let inequality = match (mixed.next(), mixed.next()) {
        (None, _) => None,
        (Some(term), None) => match &term.node.kind {
            Kind::Compare { op, left, right } if *op != Op::Eq => {
                let ordered = matches!(left.ty, Type::Number | Type::Time | Type::Duration);
                let distinct = *op == Op::Ne && matches!(left.ty, Type::Text | Type::Enum(_) | Type::Bool | Type::Address);
                if !(ordered || distinct) || right.ty == Type::Fingerprint {
                    return None;
                }
                match (scopes(left)?, scopes(right)?) {
                    ((false, true), (true, false)) => Some((&**left, *op, &**right)),
                    ((true, false), (false, true)) => Some((&**right, op.mirrored(), &**left)),
                    _ => return None,
                }
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(Shape { inequality })
}

/// Whether a plain expression reads the subject's row, and the child's; `None`: not plain.
fn scopes(node: &Node) -> Option<(bool, bool)> {
    match &node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf => Some((false, false)),
        // An interval answers more than its extremes can.
        Kind::Path(path) if Fact::of(path.last().0, path.last().1) == Some(Fact::ChainLength) => None,
        Kind::Path(Path { scope, .. }) => Some((*scope == Scope::Subject, *scope == Scope::Child)),
        Kind::Arith { left, right, .. } => {
            let (left, right) = (scopes(left)?, scopes(right)?);
            Some((left.0 || right.0, left.1 || right.1))
        }
        _ => None,
    }
}

/// EXISTS for every subject.
///
/// # Errors
/// The sides of the inequality could not be evaluated within the limits.
pub fn exists(evaluator: &mut Evaluator, query: &Subquery, children: &Children, shape: &Shape) -> Result<Found, LimitError> {
    let world = evaluator.world;
    let subjects = parents(evaluator);
    let child_rows = Rows { table: query.table, index: None, len: children.rows };
    let keys = Keys::new(world, query, &query.joins[0], subjects, child_rows);
    let (op, child_values, parent_values) = match shape.inequality {
        None => (Op::Le, vec![Some(0); children.rows], vec![Some(0); subjects.len]),
        Some((child, op, parent)) => {
            if let (Some(of_children), Some(of_parents)) = referred(world, child, child_rows, parent, subjects) {
                (op, of_children, of_parents)
            } else {
                let child_vector = child_evaluator(evaluator, query).value(child)?;
                let parent_vector = evaluator.value(parent)?;
                let (of_children, of_parents) = numbers(child.ty, &child_vector, children.rows, &parent_vector, subjects.len);
                (op, of_children, of_parents)
            }
        }
    };

    // Children with a key: a summary per key, and sets of those that a missing key may mean.
    let mut order: Vec<(u32, u32)> = Vec::with_capacity(children.rows);
    let mut keyless = Rollup::default();
    let mut dangling = Rollup::default();
    let mut unnamed = Rollup::default();
    let mut everyone = Rollup::default();
    // Children that resemble a parent's key, or whose key a parent's row resembles.
    let mut by_text: BTreeMap<u32, Rollup> = BTreeMap::new();
    let mut by_row: BTreeMap<u32, Rollup> = BTreeMap::new();
    let mut by_prefix: BTreeMap<u32, Summary> = BTreeMap::new();
    // The set of all children is needed only for a parent whose own key is unknown.
    let some_parent_keyless = keys.parent.keys.contains(&Key::Unknown);
    let some_parent_dangling = keys.parent.keys.iter().any(|key| matches!(key, Key::Dangling(_)));
    let first = keys.child.prefixes.as_ref().and_then(|prefixes| prefixes.first());
    let several_prefixes = [&keys.parent.prefixes, &keys.child.prefixes]
        .iter()
        .any(|prefixes| prefixes.iter().flat_map(|all| all.iter()).any(|prefix| Some(prefix) != first));
    for row in (0..children.rows).filter(|row| !children.alive.no.value(*row)) {
        let child = u32::try_from(row).unwrap_or(u32::MAX);
        let (value, alive) = (child_values[row], children.alive.get(row));
        let signature = keys.compat.as_ref().map(|compat| &compat.child[row]);
        let key = keys.child.keys[row];
        if key == Key::Nothing {
            continue;
        }
        if some_parent_keyless {
            everyone.add(signature, value, alive, child);
        }
        match key {
            Key::Unknown => keyless.add(signature, value, alive, child),
            Key::Dangling(code) => {
                dangling.add(signature, value, alive, child);
                if !keys.alike.rows(code).is_empty() {
                    by_text.entry(code).or_default().add(signature, value, alive, child);
                }
                order.push((code, child));
            }
            Key::Is(code) => {
                if some_parent_dangling && keys.child.unnamed[row] {
                    unnamed.add(signature, value, alive, child);
                }
                let named = keys.child.row[row];
                if some_parent_dangling && !keys.alike.texts(named).is_empty() {
                    by_row.entry(named).or_default().add(signature, value, alive, child);
                }
                if several_prefixes && let Some(prefixes) = &keys.child.prefixes {
                    by_prefix.entry(prefixes[row]).or_insert(Summary::EMPTY).add(value, alive, child);
                }
                order.push((code, child));
            }
            Key::Nothing => {}
        }
    }
    let groups = Groups::new(&order, &child_values, children);
    let same_names = keys.parent.names.is_some() && keys.parent.names == keys.child.names;

    let look = |parent: usize| -> (u32, u32) {
        let key = keys.parent.keys[parent];
        if key == Key::Nothing {
            return (NOBODY, NOBODY);
        }
        let own = if query.excludes_self {
            at(subjects.index, parent).and_then(|row| u32::try_from(row).ok()).unwrap_or(NOBODY - 1)
        } else {
            NOBODY - 1
        };
        let signature = keys.compat.as_ref().map(|compat| &compat.parent[parent]);
        let other = parent_values[parent];
        let (mut sure, mut might) = (NOBODY, NOBODY);
        match key {
            Key::Nothing => {}
            Key::Unknown => everyone.look(signature, |set| set.look(op, other, own, false, &mut sure, &mut might)),
            Key::Is(code) | Key::Dangling(code) => {
                groups.look(code, op, other, own, &mut sure, &mut might);
                if sure == NOBODY {
                    keyless.look(signature, |set| set.look(op, other, own, false, &mut sure, &mut might));
                    if same_names && matches!(key, Key::Dangling(_)) {
                        unnamed.look(signature, |set| set.look(op, other, own, false, &mut sure, &mut might));
                    } else if same_names && keys.parent.unnamed[parent] {
                        dangling.look(signature, |set| set.look(op, other, own, false, &mut sure, &mut might));
                    }
                    let (sets, alike) = match key {
                        Key::Dangling(code) => (&by_row, keys.alike.rows(code)),
                        _ => (&by_text, keys.alike.texts(keys.parent.row[parent])),
                    };
                    for set in alike.iter().filter_map(|code| sets.get(code)) {
                        set.look(signature, |set| set.look(op, other, own, false, &mut sure, &mut might));
                    }
                    if let Some(prefixes) = &keys.parent.prefixes {
                        for (_, set) in by_prefix.iter().filter(|(prefix, _)| **prefix != prefixes[parent]) {
                            set.look(op, other, own, false, &mut sure, &mut might);
                        }
                    }
                }
            }
        }
        (sure, might)
    };
    let (sure, might) = (0..subjects.len).into_par_iter().map(look).unzip();
    Ok(Found { sure, might })
}

type Numbers = Option<Vec<Option<i64>>>;

/// Both sides as the rows that they refer to, where both are references to one table: equal texts are equal rows.
fn referred(world: &World, child: &Node, children: Rows, parent: &Node, parents: Rows) -> (Numbers, Numbers) {
    let target = |node: &Node| match &node.kind {
        Kind::Path(path) => {
            let (table, column) = path.last();
            SCHEMA[table].columns[column].refers
        }
        _ => None,
    };
    if target(child).is_none() || target(child) != target(parent) {
        return (None, None);
    }
    let rows_of = |node: &Node, rows: Rows| -> Numbers {
        let Kind::Path(path) = &node.kind else { return None };
        let (table, position) = path.last();
        let column = &world.table(table).columns[position];
        let links = column.link.as_ref()?;
        let states = world.states(column);
        let (index, _) = world.follow(path, rows);
        let named = |at_position| {
            let row = at(index.as_ref(), at_position)?;
            (states[row] == State::Known as u8 && links.is_valid(row)).then(|| i64::from(links.value(row)))
        };
        Some((0..rows.len).map(named).collect())
    };
    (rows_of(child, children), rows_of(parent, parents))
}

/// Both sides as comparable numbers; texts get codes of their own, of which only equality means anything.
fn numbers(ty: Type, child: &Vector, children: usize, parent: &Vector, parents: usize) -> (Vec<Option<i64>>, Vec<Option<i64>>) {
    match ty {
        Type::Number | Type::Time | Type::Duration => {
            ((0..children).map(|row| child.exact_int(row)).collect(), (0..parents).map(|row| parent.exact_int(row)).collect())
        }
        Type::Bool => {
            let bools = |vector: &Vector, rows: usize| (0..rows).map(|row| vector.bool(row).map(i64::from)).collect();
            (bools(child, children), bools(parent, parents))
        }
        _ => {
            let mut codes = Codes::default();
            let of_children = (0..children).map(|row| child.text(row).map(|text| i64::from(codes.of(text)))).collect();
            let of_parents = (0..parents).map(|row| parent.text(row).map(|text| i64::from(codes.of(text)))).collect();
            (of_children, of_parents)
        }
    }
}

/// Above this many rows a group is summarised; below, its rows are looked at one by one.
const SMALL: usize = 8;

/// Children by key: the rows of each key one after another, and a summary for each large group.
struct Groups<'v> {
    /// Codes from here on are those of dangling references.
    rows_end: usize,
    /// By code: where its rows begin; one more at the end.
    starts: Vec<u32>,
    rows: Vec<u32>,
    large: BTreeMap<u32, Summary>,
    values: &'v [Option<i64>],
    yes: &'v BooleanBuffer,
}

impl<'v> Groups<'v> {
    fn new(order: &[(u32, u32)], values: &'v [Option<i64>], children: &'v Children) -> Groups<'v> {
        let end =
            |wanted: fn(u32) -> Option<u32>| order.iter().filter_map(|(code, _)| wanted(*code)).max().map_or(0, |code| code as usize + 1);
        let rows_end = end(|code| (code & DANGLING == 0).then_some(code));
        let dangling_end = end(|code| (code & DANGLING != 0).then_some(code ^ DANGLING));
        let mut groups = Groups {
            rows_end,
            starts: vec![0; rows_end + dangling_end + 1],
            rows: vec![0; order.len()],
            large: BTreeMap::new(),
            values,
            yes: &children.alive.yes,
        };
        // Counted, then placed: the rows of one code keep their order.
        for (code, _) in order {
            if let Some(slot) = groups.slot(*code) {
                groups.starts[slot + 1] += 1;
            }
        }
        for slot in 1..groups.starts.len() {
            groups.starts[slot] += groups.starts[slot - 1];
        }
        let mut next = groups.starts.clone();
        for (code, child) in order {
            if let Some(slot) = groups.slot(*code) {
                groups.rows[next[slot] as usize] = *child;
                next[slot] += 1;
            }
        }
        for slot in 0..groups.starts.len() - 1 {
            let (from, to) = (groups.starts[slot] as usize, groups.starts[slot + 1] as usize);
            if to - from > SMALL {
                let mut summary = Summary::EMPTY;
                for child in &groups.rows[from..to] {
                    summary.add(values[*child as usize], alive(groups.yes, *child), *child);
                }
                groups.large.insert(u32::try_from(slot).unwrap_or(u32::MAX), summary);
            }
        }
        groups
    }

    fn slot(&self, code: u32) -> Option<usize> {
        let slot = if code & DANGLING == 0 {
            (code as usize).lt(&self.rows_end).then_some(code as usize)
        } else {
            Some(self.rows_end + (code ^ DANGLING) as usize)
        };
        slot.filter(|slot| *slot + 1 < self.starts.len())
    }

    /// Looks for a child with this key.
    fn look(&self, code: u32, op: Op, other: Option<i64>, own: u32, sure: &mut u32, might: &mut u32) {
        let Some(slot) = self.slot(code) else { return };
        let (from, to) = (self.starts[slot] as usize, self.starts[slot + 1] as usize);
        if to - from > SMALL {
            if let Some(summary) = u32::try_from(slot).ok().and_then(|slot| self.large.get(&slot)) {
                summary.look(op, other, own, true, sure, might);
            }
            return;
        }
        for child in self.rows[from..to].iter().copied().filter(|child| *child != own) {
            let holds = match (self.values[child as usize], other) {
                (Some(value), Some(other)) => Some(ordered(op, value, other)),
                _ => None,
            };
            let target = match (holds, alive(self.yes, child)) {
                (Some(false), _) => continue,
                (Some(true), Tri::True) => &mut *sure,
                _ => &mut *might,
            };
            if *target == NOBODY {
                *target = child;
            }
        }
    }
}

fn ordered(op: Op, a: i64, b: i64) -> bool {
    match op {
        Op::Eq => a == b,
        Op::Ne => a != b,
        Op::Lt => a < b,
        Op::Le => a <= b,
        Op::Gt => a > b,
        Op::Ge => a >= b,
    }
}

fn alive(yes: &BooleanBuffer, child: u32) -> Tri {
    if yes.value(child as usize) { Tri::True } else { Tri::Unknown }
}
