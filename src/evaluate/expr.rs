//! Conditions over whole columns. Each node becomes a vector or a truth; what a finding's explanation needs is kept.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;

use super::LimitError;
use super::kleene::{Tri, Truth};
use super::like::Like;
use super::network;
use super::subquery::{self, Outcome};
use super::vector::{Vector, arithmetic, compare};
use super::world::{Reading, Rows, World, at};
use crate::model::condition::{Kind, Node, Op, Path, Scope};
use crate::model::schema::Type;
use crate::model::value::{Constant, Number, State};

/// The rows that a condition is evaluated over: subjects, children of a subquery, or pairs of both.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub subject: Option<Rows<'a>>,
    pub child: Option<Rows<'a>>,
    pub len: usize,
}

/// Evaluates nodes over one frame and keeps what they came to.
#[derive(Debug)]
pub struct Evaluator<'a> {
    pub world: &'a World<'a>,
    pub params: &'a BTreeMap<String, Constant>,
    pub frame: Frame<'a>,
    /// Truth of each boolean node that was evaluated, by its id.
    pub truths: BTreeMap<usize, Truth>,
    /// What each subquery node came to, by its id.
    pub outcomes: BTreeMap<usize, Outcome>,
    readings: Vec<(Path, Reading)>,
}

impl<'a> Evaluator<'a> {
    #[must_use]
    pub fn new(world: &'a World<'a>, params: &'a BTreeMap<String, Constant>, frame: Frame<'a>) -> Evaluator<'a> {
        Evaluator { world, params, frame, truths: BTreeMap::new(), outcomes: BTreeMap::new(), readings: Vec::new() }
    }

    /// A path's values over this frame.
    pub fn read(&mut self, path: &Path) -> Reading {
        if let Some((_, reading)) = self.readings.iter().find(|(known, _)| known == path) {
            return reading.clone();
        }
        let rows = match path.scope {
            Scope::Subject => self.frame.subject,
            Scope::Child => self.frame.child,
        };
        let reading = match rows {
            Some(rows) => self.world.read(path, rows),
            // The checker lets no path stand outside its scope: nothing is known here.
            None => Reading {
                vector: Vector::exact(Arc::new(StringArray::new_null(self.frame.len)), None),
                state: Arc::new(vec![State::Missing as u8; self.frame.len]),
            },
        };
        self.readings.push((path.clone(), reading.clone()));
        reading
    }

    /// A boolean node.
    ///
    /// # Errors
    /// A subquery would look at too many pairs.
    pub fn truth(&mut self, node: &Node) -> Result<Truth, LimitError> {
        let rows = self.frame.len;
        let truth = match &node.kind {
            Kind::And(terms) => {
                let mut all = Truth::all(rows, Tri::True);
                for term in terms {
                    all = all.and(&self.truth(term)?);
                }
                all
            }
            Kind::Or(terms) => {
                let mut any = Truth::all(rows, Tri::False);
                for term in terms {
                    any = any.or(&self.truth(term)?);
                }
                any
            }
            Kind::Not(inner) => self.truth(inner)?.negated(true),
            Kind::Compare { op, left, right } => self.compare(*op, left, right)?,
            Kind::IsNone { operand, negated } => self.sentinel(operand, *negated, State::None)?,
            Kind::IsNever { operand, negated } => self.sentinel(operand, *negated, State::Never)?,
            Kind::IsNotNull(path) => {
                let state = self.read(path).state;
                // What no source could say is not held against anybody.
                let untold = path.steps.iter().any(|(table, column)| self.world.table(*table).untold.contains(column));
                let lacking = if untold { Tri::Unknown } else { Tri::False };
                Truth::collect(rows, |row| if State::from_byte(state[row]).is_unknown() { lacking } else { Tri::True })
            }
            Kind::In { left, items, or_none, negated } => {
                let vector = self.value(left)?;
                let item_vectors: Vec<Vector> = items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?;
                let words: Option<Vec<&str>> = item_vectors.iter().map(|item| item.text(0).filter(|_| item.scalar)).collect();
                let mut any = match words {
                    // Texts among known words: one look at each row.
                    Some(words) if !vector.scalar && !words.is_empty() => text_test(&vector, rows, |text| words.contains(&text)),
                    _ => item_vectors.iter().fold(Truth::all(rows, Tri::False), |any, item| any.or(&compare(Op::Eq, &vector, item, rows))),
                };
                // A `none` is none of the items.
                any = none_is(any, &vector, Tri::False, rows);
                if items.is_empty() {
                    any = any.unknown_where(&unknown_rows(&vector, rows));
                }
                if *or_none {
                    any = any.or(&self.sentinel(left, false, State::None)?);
                }
                any.negated(*negated)
            }
            Kind::Like { left, pattern, negated } => {
                let vector = self.value(left)?;
                let matcher = Like::new(pattern);
                text_test(&vector, rows, |text| matcher.matches(text)).negated(*negated)
            }
            Kind::StartsWith { text, prefix } => {
                let vector = self.value(text)?;
                let prefix = self.value(prefix)?;
                match prefix.text(0).map(str::to_owned) {
                    Some(prefix) => text_test(&vector, rows, |text| text.starts_with(&prefix)),
                    None => Truth::all(rows, Tri::Unknown),
                }
            }
            Kind::RegexpLike { text, pattern } => {
                let vector = self.value(text)?;
                match regex::Regex::new(pattern) {
                    Ok(regex) => text_test(&vector, rows, |text| regex.is_match(text)),
                    Err(_) => Truth::all(rows, Tri::Unknown),
                }
            }
            Kind::Contains { list, item } => {
                let constant = reads_no_column(list);
                let (list, item) = (self.value(list)?, self.value(item)?);
                Truth::collect(rows, |row| {
                    let Some(members) = members(&list, row) else { return Tri::Unknown };
                    if members.is_empty() {
                        return Tri::False;
                    }
                    if item.is_none(row) {
                        return if constant { Tri::False } else { Tri::Unknown };
                    }
                    let Some(wanted) = item.text(row) else { return Tri::Unknown };
                    any_member(&members, |member| Some(member == wanted))
                })
            }
            Kind::InNetwork { address, networks } => {
                let (address, networks) = (self.value(address)?, self.value(networks)?);
                Truth::collect(rows, |row| {
                    let Some(members) = members(&networks, row) else { return Tri::Unknown };
                    if members.is_empty() {
                        return Tri::False;
                    }
                    let Some(address) = address.text(row).and_then(|text| text.parse::<IpAddr>().ok()) else { return Tri::Unknown };
                    any_member(&members, |block| network::contains(block, address))
                })
            }
            Kind::Exists(query) => {
                let outcome = subquery::exists(self, query)?;
                let truth = outcome.truth.clone();
                self.outcomes.insert(node.id, outcome);
                truth
            }
            Kind::Case { branches, otherwise } if matches!(node.ty, Type::Bool) => {
                let results: Vec<Truth> =
                    branches.iter().map(|(_, then)| then).chain([&**otherwise]).map(|then| self.truth(then)).collect::<Result<_, _>>()?;
                let possible = self.possible(branches)?;
                Truth::collect(rows, |row| {
                    let mut seen = None;
                    for branch in possible.iter().enumerate().filter(|(_, set)| set.value(row)).map(|(branch, _)| branch) {
                        let result = results[branch].get(row);
                        if *seen.get_or_insert(result) != result {
                            return Tri::Unknown;
                        }
                    }
                    seen.unwrap_or(Tri::Unknown)
                })
            }
            _ => self.value(node)?.truth(rows),
        };
        self.truths.insert(node.id, truth.clone());
        Ok(truth)
    }

    /// For each branch and the ELSE, the rows that may come to it (SEMANTICS §3.2).
    fn possible(&mut self, branches: &[(Node, Node)]) -> Result<Vec<BooleanBuffer>, LimitError> {
        let mut open = BooleanBuffer::new_set(self.frame.len);
        let mut possible = Vec::with_capacity(branches.len() + 1);
        for (when, _) in branches {
            let when = self.truth(when)?;
            possible.push(&open & &!&when.no);
            open = &open & &!&when.yes;
        }
        possible.push(open);
        Ok(possible)
    }

    fn compare(&mut self, op: Op, left: &Node, right: &Node) -> Result<Truth, LimitError> {
        let rows = self.frame.len;
        let (a, b) = (self.value(left)?, self.value(right)?);
        if left.ty == Type::Fingerprint && right.ty == Type::Fingerprint && !reads_no_column(left) && !reads_no_column(right) {
            // Different algorithms or keys: nothing can be said (SEMANTICS §1.7).
            let truth = Truth::collect(rows, |row| match (a.text(row), b.text(row)) {
                (Some(a), Some(b)) if prefix(a) == prefix(b) => Tri::of(a == b),
                _ => Tri::Unknown,
            });
            return Ok(truth.negated(op == Op::Ne));
        }
        let truth = compare(op, &a, &b, rows);
        // `none` differs from every literal; against anything else nothing is known of it (SEMANTICS §1.3).
        let told = match op {
            Op::Eq => Tri::False,
            Op::Ne => Tri::True,
            _ => return Ok(truth),
        };
        let truth = if reads_no_column(right) { none_is(truth, &a, told, rows) } else { truth };
        Ok(if reads_no_column(left) { none_is(truth, &b, told, rows) } else { truth })
    }

    /// The rows whose path leads to a row of its last table, whatever that row says.
    fn reached(&self, path: &Path) -> Vec<bool> {
        let rows = match path.scope {
            Scope::Subject => self.frame.subject,
            Scope::Child => self.frame.child,
        };
        let Some(rows) = rows else { return vec![false; self.frame.len] };
        let index = self.world.follow(path, rows).0;
        let index = index.as_ref().or(rows.index);
        (0..self.frame.len).map(|row| at(index, row).is_some()).collect()
    }

    fn sentinel(&mut self, operand: &Node, negated: bool, wanted: State) -> Result<Truth, LimitError> {
        let rows = self.frame.len;
        let truth = if let Kind::Path(path) = &operand.kind {
            let state = self.read(path).state;
            // A reference that leads nowhere names somebody all the same: it is not `none` (SEMANTICS §1.4).
            let named = (wanted == State::None && state.contains(&(State::Dangling as u8))).then(|| self.reached(path));
            Truth::collect(rows, |row| match State::from_byte(state[row]) {
                state if state == wanted => Tri::True,
                State::Dangling if named.as_ref().is_some_and(|named| named[row]) => Tri::False,
                state if state.is_unknown() => Tri::Unknown,
                _ => Tri::False,
            })
        } else {
            let vector = self.value(operand)?;
            Truth::collect(rows, |row| {
                if vector.is_none(row) {
                    Tri::of(wanted == State::None)
                } else if vector.values.is_null(vector.at(row)) {
                    Tri::Unknown
                } else {
                    Tri::False
                }
            })
        };
        Ok(truth.negated(negated))
    }

    /// Any node as values; a boolean one as an array of booleans.
    ///
    /// # Errors
    /// A subquery would look at too many pairs.
    pub fn value(&mut self, node: &Node) -> Result<Vector, LimitError> {
        let rows = self.frame.len;
        Ok(match &node.kind {
            Kind::Literal(constant) => constant_vector(constant, node.ty),
            Kind::Param(name) => match self.params.get(name) {
                Some(constant) => constant_vector(constant, node.ty),
                None => Vector::scalar(Arc::new(StringArray::new_null(1))),
            },
            Kind::AsOf => Vector::scalar(Arc::new(Int64Array::from(vec![self.world.as_of.0]))),
            Kind::Path(path) => self.read(path).vector,
            Kind::Arith { minus, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                arithmetic(*minus, &left, &right, rows)
            }
            Kind::Cardinality(list) => {
                let list = self.value(list)?;
                let counts: Int64Array = (0..rows)
                    .map(|row| {
                        // An unknown member may be one of the others, or several.
                        let known: Option<Vec<String>> = members(&list, row)?.into_iter().collect();
                        let count = i64::try_from(known?.len()).ok()?;
                        Number::whole(count).map(|number| number.0)
                    })
                    .collect();
                Vector::exact(Arc::new(counts), None)
            }
            Kind::Lower(text) => {
                let text = self.value(text)?;
                let count = if text.scalar { 1 } else { rows };
                let mut lowered = StringBuilder::new();
                for row in 0..count {
                    lowered.append_option(text.text(row).map(str::to_ascii_lowercase));
                }
                Vector { values: Arc::new(lowered.finish()), upper: None, none: text.none.clone(), scalar: text.scalar }
            }
            Kind::Case { branches, otherwise } if !matches!(node.ty, Type::Bool) => {
                let results: Vec<Vector> =
                    branches.iter().map(|(_, then)| then).chain([&**otherwise]).map(|then| self.value(then)).collect::<Result<_, _>>()?;
                let possible = self.possible(branches)?;
                choose(&results, &possible, node.ty, rows)
            }
            Kind::Aggregate { function, of, from } => {
                let outcome = subquery::aggregate(self, *function, of, from)?;
                let vector = outcome.interval.clone().unwrap_or_else(|| Vector::exact(Arc::new(Int64Array::new_null(rows)), None));
                self.outcomes.insert(node.id, outcome);
                vector
            }
            _ => {
                let truth = self.truth(node)?;
                let known = &truth.yes | &truth.no;
                Vector::exact(Arc::new(BooleanArray::new(truth.yes, Some(known.into()))), None)
            }
        })
    }
}

/// True if a node's value is the same for every row, whatever the evidence.
#[must_use]
pub fn reads_no_column(node: &Node) -> bool {
    match &node.kind {
        Kind::Literal(_) | Kind::Param(_) | Kind::AsOf => true,
        Kind::Arith { left, right, .. } => reads_no_column(left) && reads_no_column(right),
        Kind::Lower(inner)
        | Kind::Cardinality(inner)
        | Kind::Not(inner)
        | Kind::IsNone { operand: inner, .. }
        | Kind::IsNever { operand: inner, .. }
        | Kind::Like { left: inner, .. }
        | Kind::RegexpLike { text: inner, .. } => reads_no_column(inner),
        Kind::Compare { left, right, .. } => reads_no_column(left) && reads_no_column(right),
        Kind::In { left, items, .. } => reads_no_column(left) && items.iter().all(reads_no_column),
        Kind::And(terms) | Kind::Or(terms) => terms.iter().all(reads_no_column),
        Kind::Case { branches, otherwise } => {
            reads_no_column(otherwise) && branches.iter().all(|(when, then)| reads_no_column(when) && reads_no_column(then))
        }
        Kind::StartsWith { text: a, prefix: b } | Kind::Contains { list: a, item: b } | Kind::InNetwork { address: a, networks: b } => {
            reads_no_column(a) && reads_no_column(b)
        }
        Kind::Path(_) | Kind::IsNotNull(_) | Kind::Exists(_) | Kind::Aggregate { .. } => false,
    }
}

/// Everything of a fingerprint but the digest itself: algorithm and key.
#[must_use]
pub fn prefix(fingerprint: &str) -> &str {
    fingerprint.rsplit_once(':').map_or("", |(prefix, _)| prefix)
}

fn none_is(truth: Truth, vector: &Vector, told: Tri, rows: usize) -> Truth {
    let Some(none) = &vector.none else { return truth };
    let none = if vector.scalar { if none.value(0) { BooleanBuffer::new_set(rows) } else { return truth } } else { none.clone() };
    match told {
        Tri::True => Truth { yes: &truth.yes | &none, no: &truth.no & &!&none },
        Tri::False => truth.false_where(&none),
        Tri::Unknown => truth.unknown_where(&none),
    }
}

fn unknown_rows(vector: &Vector, rows: usize) -> BooleanBuffer {
    BooleanBuffer::collect_bool(rows, |row| vector.values.is_null(vector.at(row)) && !vector.is_none(row))
}

/// A test of text against something fixed: `none` fails it, unknown stays unknown.
fn text_test(vector: &Vector, rows: usize, test: impl Fn(&str) -> bool + Sync) -> Truth {
    let Some(texts) = vector.values.as_any().downcast_ref::<StringArray>() else { return Truth::all(rows, Tri::Unknown) };
    Truth::collect(rows, |row| {
        let at = vector.at(row);
        if texts.is_valid(at) {
            Tri::of(test(texts.value(at)))
        } else if vector.is_none(row) {
            Tri::False
        } else {
            Tri::Unknown
        }
    })
}

/// The members of a list; an unknown member is `None`. `None` as a whole: the list is unknown.
fn members(vector: &Vector, row: usize) -> Option<Vec<Option<String>>> {
    if vector.is_none(row) {
        return Some(Vec::new());
    }
    let row = vector.at(row);
    let lists = vector.values.as_any().downcast_ref::<ListArray>()?;
    if lists.is_null(row) {
        return None;
    }
    let items = lists.value(row);
    let texts = items.as_any().downcast_ref::<StringArray>()?;
    Some(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

/// True if the test holds for a member; unknown if it cannot be said of one and holds for none.
fn any_member(members: &[Option<String>], test: impl Fn(&str) -> Option<bool>) -> Tri {
    let mut result = Tri::False;
    for member in members {
        match member.as_deref().and_then(&test) {
            Some(true) => return Tri::True,
            Some(false) => {}
            None => result = Tri::Unknown,
        }
    }
    result
}

fn constant_vector(constant: &Constant, ty: Type) -> Vector {
    Vector::scalar(match constant {
        Constant::Text(text) => {
            let text = match (ty, text.parse::<IpAddr>()) {
                (Type::Address, Ok(address)) => address.to_canonical().to_string(),
                _ => text.clone(),
            };
            Arc::new(StringArray::from(vec![text])) as ArrayRef
        }
        Constant::Bool(yes) => Arc::new(BooleanArray::from(vec![*yes])),
        Constant::Number(number) => Arc::new(Int64Array::from(vec![number.0])),
        Constant::Time(time) => Arc::new(Int64Array::from(vec![time.0])),
        Constant::Duration(span) => Arc::new(Int64Array::from(vec![span.0])),
        Constant::List(items) => {
            let mut builder = arrow_array::builder::ListBuilder::new(StringBuilder::new());
            for item in items {
                builder.values().append_value(item);
            }
            builder.append(true);
            Arc::new(builder.finish())
        }
    })
}

/// The branch that each row comes to; unknown where several are possible and disagree.
fn choose(results: &[Vector], possible: &[BooleanBuffer], ty: Type, rows: usize) -> Vector {
    let mut none = vec![false; rows];
    let branches = |row: usize| possible.iter().zip(results).filter(move |(set, _)| set.value(row)).map(|(_, result)| result);
    if matches!(ty, Type::Number | Type::Time | Type::Duration) {
        let mut ends = [Vec::with_capacity(rows), Vec::with_capacity(rows)];
        for (row, none) in none.iter_mut().enumerate() {
            let mut seen = branches(row).map(|result| (result.is_none(row), result.int(row), result.upper_int(row)));
            let first = seen.next().filter(|first| seen.all(|other| other == *first));
            *none = first.is_some_and(|(none, ..)| none);
            ends[0].push(first.and_then(|(_, least, _)| least));
            ends[1].push(first.and_then(|(.., most)| most));
        }
        let [least, most] = ends.map(|ends| Arc::new(Int64Array::from(ends)) as ArrayRef);
        let upper = results.iter().any(|result| result.upper.is_some()).then_some(most);
        return Vector { values: least, upper, none: Some(BooleanBuffer::from(none)), scalar: false };
    }
    let mut texts = StringBuilder::new();
    for (row, none) in none.iter_mut().enumerate() {
        let mut seen = branches(row).map(|result| (result.is_none(row), result.text(row)));
        match seen.next() {
            Some(first) if seen.all(|other| other == first) => {
                *none = first.0;
                texts.append_option(first.1);
            }
            _ => texts.append_null(),
        }
    }
    let values = texts.finish();
    debug_assert_eq!(values.data_type(), &DataType::Utf8);
    Vector::exact(Arc::new(values), Some(BooleanBuffer::from(none)))
}
