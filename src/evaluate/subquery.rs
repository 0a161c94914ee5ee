//! EXISTS and aggregates over related rows, without the unknown that SQL drops (SEMANTICS §4).
//!
//! A child row surely matches, surely does not, or might. Most conditions have one join and at most one inequality
//! with the subject: those are answered from summaries of groups ([`super::summary`]), at linear cost however large a
//! group is. The rest is answered pair by pair, up to a limit.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Int64Array, UInt32Array};
use arrow_buffer::BooleanBuffer;

use super::LimitError;
use super::absence;
use super::expr::{Evaluator, Frame};
use super::keys::{Key, Keys};
use super::kleene::{Tri, Truth};
use super::summary;
use super::vector::Vector;
use super::world::Rows;
use crate::model::condition::{Aggregate, Node, Subquery};
use crate::model::schema::{SCHEMA, Type};
use crate::model::value::{FAR, Number};

/// No child row decided.
pub const NOBODY: u32 = u32::MAX;
/// How many pairs of rows one subquery may look at.
pub const PAIRS: usize = 1 << 26;
/// How many pairs are held at once.
const CHUNK: usize = 1 << 20;

/// What a subquery came to, per subject.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// For EXISTS.
    pub truth: Truth,
    /// For an aggregate.
    pub interval: Option<Vector>,
    /// The child row that surely matches, else one that might; [`NOBODY`] if there is none.
    pub witness: Vec<u32>,
    /// The witness surely matches.
    pub certain: BooleanBuffer,
    /// Absence is known: complete tables, complete logs.
    pub proven: BooleanBuffer,
}

/// The child side, evaluated once.
pub struct Children {
    pub rows: usize,
    /// Presence and every term that reads nothing of the subject.
    pub alive: Truth,
}

/// `EXISTS (SELECT 1 FROM …)` for every subject of the frame.
///
/// # Errors
/// Too many pairs of rows.
pub fn exists(evaluator: &mut Evaluator, query: &Subquery) -> Result<Outcome, LimitError> {
    let proven = absence::proven(evaluator, query)?;
    let children = children(evaluator, query)?;
    let found = match summary::shape(query) {
        Some(shape) => summary::exists(evaluator, query, &children, &shape)?,
        None => {
            let mut found = Found::new(evaluator.frame.len);
            pairs(evaluator, query, &children, |parent, child, truth| match truth {
                Tri::True if found.sure[parent] == NOBODY => found.sure[parent] = child,
                Tri::Unknown if found.might[parent] == NOBODY => found.might[parent] = child,
                _ => {}
            })?;
            found
        }
    };
    let rows = evaluator.frame.len;
    let truth = Truth::collect(rows, |row| {
        if found.sure[row] != NOBODY {
            Tri::True
        } else if found.might[row] != NOBODY || !proven.value(row) {
            Tri::Unknown
        } else {
            Tri::False
        }
    });
    let certain = BooleanBuffer::collect_bool(rows, |row| found.sure[row] != NOBODY);
    let witness = found.sure.iter().zip(&found.might).map(|(sure, might)| if *sure == NOBODY { *might } else { *sure }).collect();
    Ok(Outcome { truth, interval: None, witness, certain, proven })
}

/// For every subject, a child that surely matches and one that might; [`NOBODY`] if there is none.
pub struct Found {
    pub sure: Vec<u32>,
    pub might: Vec<u32>,
}

impl Found {
    #[must_use]
    pub fn new(rows: usize) -> Found {
        Found { sure: vec![NOBODY; rows], might: vec![NOBODY; rows] }
    }
}

fn children(evaluator: &Evaluator, query: &Subquery) -> Result<Children, LimitError> {
    let rows = evaluator.world.table(query.table).rows;
    let mut own = child_evaluator(evaluator, query);
    let mut alive = Truth::collect(rows, |row| if evaluator.world.is_present(query.table, row) { Tri::True } else { Tri::Unknown });
    for term in query.terms.iter().filter(|term| term.parent_free) {
        alive = alive.and(&own.truth(&term.node)?);
    }
    Ok(Children { rows, alive })
}

/// An evaluator over the subquery's own rows, for what reads nothing of the subject.
#[must_use]
pub fn child_evaluator<'a>(evaluator: &Evaluator<'a>, query: &Subquery) -> Evaluator<'a> {
    let len = evaluator.world.table(query.table).rows;
    let child = Rows { table: query.table, index: None, len };
    Evaluator::new(evaluator.world, evaluator.params, Frame { subject: None, child: Some(child), len })
}

/// The subjects of a frame.
#[must_use]
pub fn parents<'a>(evaluator: &Evaluator<'a>) -> Rows<'a> {
    evaluator.frame.subject.unwrap_or(Rows { table: 0, index: None, len: 0 })
}

/// Calls `visit` for every pair that is not surely apart, subjects in order and children in order.
fn pairs(
    evaluator: &mut Evaluator,
    query: &Subquery,
    children: &Children,
    mut visit: impl FnMut(usize, u32, Tri),
) -> Result<(), LimitError> {
    let world = evaluator.world;
    let parents = parents(evaluator);
    let child_rows = Rows { table: query.table, index: None, len: children.rows };
    let joins: Vec<Keys> = query.joins.iter().map(|join| Keys::new(world, query, join, parents, child_rows)).collect();
    let Some(first) = joins.first() else { return Ok(()) };
    let mut groups = Groups::new(first, children);
    let mut chunk: Vec<(u32, u32, Tri)> = Vec::new();
    let mut seen = 0;
    for parent in 0..parents.len {
        let own = super::world::at(parents.index, parent);
        for child in groups.candidates(first, parent) {
            if query.excludes_self && own == Some(child as usize) {
                continue;
            }
            seen += 1;
            if seen > PAIRS {
                return Err(LimitError { table: SCHEMA[query.table].name, pairs: PAIRS });
            }
            let mut truth = children.alive.get(child as usize);
            for keys in &joins {
                let equal = keys.equal(parent, child as usize);
                truth = truth.and(equal);
                if equal == Tri::Unknown
                    && let Some(compat) = &keys.compat
                    && !compat.parent[parent].fits(&compat.child[child as usize])
                {
                    truth = Tri::False;
                }
            }
            if truth != Tri::False {
                chunk.push((u32::try_from(parent).unwrap_or(u32::MAX), child, truth));
            }
        }
        if chunk.len() >= CHUNK || parent + 1 == parents.len {
            judge(evaluator, query, &chunk, &mut visit)?;
            chunk.clear();
        }
    }
    Ok(())
}

/// Evaluates the terms that read both rows, for some pairs.
fn judge(
    evaluator: &Evaluator,
    query: &Subquery,
    pairs: &[(u32, u32, Tri)],
    visit: &mut impl FnMut(usize, u32, Tri),
) -> Result<(), LimitError> {
    let parents = parents(evaluator);
    let subject_index: UInt32Array = pairs
        .iter()
        .map(|(parent, ..)| super::world::at(parents.index, *parent as usize).and_then(|row| u32::try_from(row).ok()))
        .collect();
    let child_index: UInt32Array = pairs.iter().map(|(_, child, _)| Some(*child)).collect();
    let frame = Frame {
        subject: Some(Rows { table: parents.table, index: Some(&subject_index), len: pairs.len() }),
        child: Some(Rows { table: query.table, index: Some(&child_index), len: pairs.len() }),
        len: pairs.len(),
    };
    let mut both = Evaluator::new(evaluator.world, evaluator.params, frame);
    let mut terms = Truth::all(pairs.len(), Tri::True);
    for term in query.terms.iter().filter(|term| !term.parent_free) {
        terms = terms.and(&both.truth(&term.node)?);
    }
    for (position, (parent, child, truth)) in pairs.iter().enumerate() {
        match truth.and(terms.get(position)) {
            Tri::False => {}
            truth => visit(*parent as usize, *child, truth),
        }
    }
    Ok(())
}

/// Children by the key of one join.
struct Groups {
    /// Children with a key, sorted by its code; rows of one code stand together.
    by_code: Vec<(u32, u32)>,
    unknown: Vec<u32>,
    dangling: Vec<u32>,
    /// Those that a dangling reference may mean.
    unnamed: Vec<u32>,
    alive: Vec<u32>,
    scratch: Vec<u32>,
}

impl Groups {
    fn new(keys: &Keys, children: &Children) -> Groups {
        let mut groups = Groups {
            by_code: Vec::new(),
            unknown: Vec::new(),
            dangling: Vec::new(),
            unnamed: Vec::new(),
            alive: Vec::new(),
            scratch: Vec::new(),
        };
        for row in (0..children.rows).filter(|row| !children.alive.no.value(*row)) {
            let child = u32::try_from(row).unwrap_or(u32::MAX);
            groups.alive.push(child);
            match keys.child.keys[row] {
                Key::Nothing => {}
                Key::Unknown => groups.unknown.push(child),
                Key::Is(code) => {
                    groups.by_code.push((code, child));
                    if keys.child.unnamed[row] || !keys.alike.texts(keys.child.row[row]).is_empty() {
                        groups.unnamed.push(child);
                    }
                }
                Key::Dangling(code) => {
                    groups.by_code.push((code, child));
                    groups.dangling.push(child);
                }
            }
        }
        groups.by_code.sort_unstable();
        groups
    }

    /// Every child that is not surely apart from the parent by this join; each once, in order.
    fn candidates(&mut self, keys: &Keys, parent: usize) -> Vec<u32> {
        self.scratch.clear();
        match keys.parent.keys[parent] {
            Key::Nothing => return Vec::new(),
            // Fingerprints of other keys may be equal: every child is looked at.
            Key::Unknown => return self.alive.clone(),
            Key::Is(_) | Key::Dangling(_) if keys.parent.prefixes.is_some() => return self.alive.clone(),
            key @ (Key::Is(code) | Key::Dangling(code)) => {
                let from = self.by_code.partition_point(|(other, _)| *other < code);
                self.scratch.extend(self.by_code[from..].iter().take_while(|(other, _)| *other == code).map(|(_, child)| *child));
                self.scratch.extend(&self.unknown);
                if matches!(key, Key::Dangling(_)) {
                    self.scratch.extend(&self.unnamed);
                } else if keys.parent.unnamed[parent] || !keys.alike.texts(keys.parent.row[parent]).is_empty() {
                    self.scratch.extend(&self.dangling);
                }
            }
        }
        self.scratch.sort_unstable();
        self.scratch.dedup();
        self.scratch.clone()
    }
}

/// `(SELECT count(DISTINCT x) | min(x) | max(x) FROM …)` for every subject of the frame (SEMANTICS §4.5).
///
/// # Errors
/// Too many pairs of rows.
pub fn aggregate(evaluator: &mut Evaluator, function: Aggregate, of: &Node, query: &Subquery) -> Result<Outcome, LimitError> {
    let proven = absence::proven(evaluator, query)?;
    let children = children(evaluator, query)?;
    let mut own = child_evaluator(evaluator, query);
    let values = own.value(of)?;
    let rows = evaluator.frame.len;
    let mut tallies: Vec<Tally> = vec![Tally::default(); rows];
    let codes = codes(&values, of.ty, children.rows);
    pairs(evaluator, query, &children, |parent, child, truth| {
        tallies[parent].add(values.is_none(child as usize), codes[child as usize], truth == Tri::True, child);
    })?;
    let intervals: Vec<Option<Ends>> =
        tallies.iter().enumerate().map(|(row, tally)| tally.interval(function, of.ty, proven.value(row))).collect();
    let end = |pick: fn(&Ends) -> Option<i64>| -> Int64Array { intervals.iter().map(|ends| ends.as_ref().and_then(pick)).collect() };
    let (lower, upper) = (end(|ends| ends.lower), end(|ends| ends.upper));
    let none = BooleanBuffer::collect_bool(rows, |row| intervals[row].as_ref().is_some_and(|ends| ends.lower.is_none()));
    let interval = Vector { values: Arc::new(lower), upper: Some(Arc::new(upper)), none: Some(none), scalar: false };
    Ok(Outcome {
        truth: Truth::all(rows, Tri::Unknown),
        interval: Some(interval),
        witness: tallies.iter().map(|tally| tally.witness.unwrap_or(NOBODY)).collect(),
        certain: BooleanBuffer::new_unset(rows),
        proven,
    })
}

/// A whole number per value, in order for ordered types; equal values have equal numbers. `None`: unknown or `none`.
fn codes(values: &Vector, ty: Type, rows: usize) -> Vec<Option<i64>> {
    match ty {
        Type::Number | Type::Time | Type::Duration => (0..rows).map(|row| values.exact_int(row)).collect(),
        Type::Bool => (0..rows).map(|row| values.bool(row).map(i64::from)).collect(),
        _ => {
            let mut codes = super::codes::Codes::default();
            (0..rows).map(|row| values.text(row).map(|text| i64::from(codes.of(text)))).collect()
        }
    }
}

/// `lower` is `None` where the result is `none`.
struct Ends {
    lower: Option<i64>,
    upper: Option<i64>,
}

/// The values of one subject's rows: of those that surely match, and of those that might.
#[derive(Clone, Debug, Default)]
struct Tally {
    sure: BTreeSet<i64>,
    all: BTreeSet<i64>,
    unknown: usize,
    /// A row might match, whatever its value.
    might: bool,
    witness: Option<u32>,
}

impl Tally {
    fn add(&mut self, none: bool, value: Option<i64>, sure: bool, child: u32) {
        self.might |= !sure;
        self.witness.get_or_insert(child);
        if none {
            return;
        }
        match value {
            Some(value) => {
                self.all.insert(value);
                if sure {
                    self.sure.insert(value);
                }
            }
            None => self.unknown += 1,
        }
    }

    fn interval(&self, function: Aggregate, ty: Type, proven: bool) -> Option<Ends> {
        let ends = |lower: i64, upper: i64| Some(Ends { lower: Some(lower), upper: Some(upper) });
        let open = self.unknown > 0 || !proven;
        if function == Aggregate::CountDistinct {
            let count = |n: usize| i64::try_from(n).ok().and_then(Number::whole).map_or(FAR, |number| number.0);
            let most = if proven { count(self.all.len() + self.unknown) } else { FAR };
            return ends(count(self.sure.len()), most);
        }
        if ty != Type::Time && self.sure.is_empty() {
            return (!self.might && !open).then_some(Ends { lower: None, upper: None });
        }
        if function == Aggregate::Min {
            let most = self.sure.first().copied().unwrap_or(FAR);
            let least = if open { -FAR } else { self.all.first().copied().unwrap_or(FAR) };
            ends(least, most)
        } else {
            let least = self.sure.last().copied().unwrap_or(-FAR);
            let most = if open { FAR } else { self.all.last().copied().unwrap_or(-FAR) };
            ends(least, most)
        }
    }
}
