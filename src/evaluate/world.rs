//! The evidence as one of the two evaluations sees it: all of it, or with stale values set aside (SEMANTICS §2.7).

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, StringArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_select::take::take;

use super::derive::{Derived, Fact};
use super::reach::Reach;
use super::vector::Vector;
use crate::model::condition::Path;
use crate::model::schema::{Never, SCHEMA, Type};
use crate::model::table::{Column, Evidence, Table, Why};
use crate::model::value::{FAR, State, Time};

/// Evidence, `as_of`, and whether stale values count.
#[derive(Debug)]
pub struct World<'a> {
    pub evidence: &'a Evidence,
    pub as_of: Time,
    /// Stale values are unknown and the tables of stale sources incomplete.
    pub fresh_only: bool,
    reach: OnceLock<Reach>,
    derived: OnceLock<Derived>,
}

/// Which rows of a table stand in a frame: all in order, or these.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub table: usize,
    /// `None`: every row of the table, in order.
    pub index: Option<&'a UInt32Array>,
    pub len: usize,
}

/// The values at the end of a path, with the state of each.
#[derive(Clone, Debug)]
pub struct Reading {
    pub vector: Vector,
    /// A [`State`] byte per row.
    pub state: Arc<Vec<u8>>,
}

impl<'a> World<'a> {
    #[must_use]
    pub fn new(evidence: &'a Evidence, as_of: Time, fresh_only: bool) -> World<'a> {
        World { evidence, as_of, fresh_only, reach: OnceLock::new(), derived: OnceLock::new() }
    }

    /// True if setting stale values aside changes anything.
    #[must_use]
    pub fn has_stale(evidence: &Evidence) -> bool {
        evidence.tables.iter().any(|table| {
            table.gaps.iter().any(|gap| matches!(gap.why, Why::Stale(_)))
                || table.columns.iter().any(|column| column.fresh.as_ref().is_some_and(|fresh| fresh.count_set_bits() < fresh.len()))
        })
    }

    #[must_use]
    pub fn table(&self, position: usize) -> &'a Table {
        &self.evidence.tables[position]
    }

    #[must_use]
    pub fn reach(&self) -> &Reach {
        self.reach.get_or_init(|| Reach::new(self))
    }

    /// The derived columns, computed when one is first read.
    #[must_use]
    pub fn derived(&self) -> &Derived {
        self.derived.get_or_init(|| Derived::new(self))
    }

    /// A column: as the evidence gives it, or derived in this world.
    #[must_use]
    pub fn column(&self, table: usize, column: usize) -> &Column {
        match Fact::of(table, column) {
            Some(fact) => self.derived().column(fact),
            None => &self.table(table).columns[column],
        }
    }

    /// The state of one value as this world sees it.
    #[must_use]
    pub fn state(&self, table: usize, column: usize, row: usize) -> State {
        let column = self.column(table, column);
        if self.fresh_only && column.fresh.as_ref().is_some_and(|fresh| !fresh.value(row)) { State::Stale } else { column.state(row) }
    }

    /// Whether a fresh source gives the row; always true where stale values count.
    #[must_use]
    pub fn is_present(&self, table: usize, row: usize) -> bool {
        !self.fresh_only || self.table(table).columns[0].fresh.as_ref().is_none_or(|fresh| fresh.value(row))
    }

    /// The state bytes of a column as this world sees them.
    #[must_use]
    pub fn states(&self, column: &Column) -> Vec<u8> {
        let mut states = column.state.values().to_vec();
        if self.fresh_only
            && let Some(fresh) = &column.fresh
        {
            for (row, state) in states.iter_mut().enumerate() {
                if !fresh.value(row) {
                    *state = State::Stale as u8;
                }
            }
        }
        states
    }

    /// Follows a path's references from some rows to the rows of its last table: the row where there is one, and the
    /// state that stops it where there is none.
    #[must_use]
    pub fn follow(&self, path: &Path, from: Rows) -> (Option<UInt32Array>, Vec<u8>) {
        let mut index: Option<UInt32Array> = from.index.cloned();
        let mut state = vec![State::Known as u8; from.len];
        for (table, column) in &path.steps[..path.steps.len() - 1] {
            let column = &self.table(*table).columns[*column];
            let states = self.states(column);
            let none = UInt32Array::new_null(states.len());
            let links = column.link.as_ref().unwrap_or(&none);
            let next: UInt32Array = (0..from.len)
                .map(|position| {
                    let row = at(index.as_ref(), position)?;
                    if states[row] != State::Known as u8 {
                        state[position] = states[row];
                        return None;
                    }
                    if links.is_null(row) {
                        state[position] = State::Dangling as u8;
                        return None;
                    }
                    Some(links.value(row))
                })
                .collect();
            index = Some(next);
        }
        (index, state)
    }

    /// Reads a path for some rows.
    #[must_use]
    pub fn read(&self, path: &Path, from: Rows) -> Reading {
        let (table, column_position) = path.last();
        let column = self.column(table, column_position);
        let schema = &SCHEMA[table].columns[column_position];
        let (index, mut state) = self.follow(path, from);
        let spans = (Fact::of(table, column_position) == Some(Fact::ChainLength)).then(|| self.spans(index.as_ref(), &state));
        let states = self.states(column);
        match &index {
            // The column as it stands.
            None => state = states,
            Some(index) => {
                for (position, state) in state.iter_mut().enumerate() {
                    if *state == State::Known as u8
                        && let Some(row) = at(Some(index), position)
                    {
                        *state = states[row];
                    }
                }
            }
        }
        let values = match &index {
            None => Arc::clone(&column.values),
            // Taking with a valid index cannot fail; an empty vector would only make everything unknown.
            Some(index) => {
                take(&column.values, index, None).unwrap_or_else(|_| arrow_array::new_null_array(column.values.data_type(), from.len))
            }
        };
        let any = |wanted: State| state.contains(&(wanted as u8));
        let none = any(State::None).then(|| BooleanBuffer::collect_bool(state.len(), |row| state[row] == State::None as u8));
        let far = match schema.never {
            Never::After => FAR,
            _ => -FAR,
        };
        let values = match schema.ty {
            Type::Number | Type::Time | Type::Duration if any(State::Never) => {
                let never = |row: usize| state[row] == State::Never as u8;
                let ints = values.as_any().downcast_ref::<Int64Array>();
                let valid = |row: usize| state[row] == State::Known as u8 && ints.is_some_and(|ints| ints.is_valid(row));
                let there = BooleanBuffer::collect_bool(state.len(), |row| never(row) || valid(row));
                let filled = (0..state.len()).map(|row| if never(row) { far } else { ints.map_or(0, |ints| ints.value(row)) });
                Arc::new(Int64Array::new(filled.collect::<Vec<i64>>().into(), Some(NullBuffer::new(there)))) as ArrayRef
            }
            _ => known_only(&values, &state),
        };
        let vector = match spans {
            Some([least, most]) => Vector { values: least, upper: Some(most), none, scalar: false },
            None => Vector::exact(values, none),
        };
        Reading { vector, state: Arc::new(state) }
    }

    /// Both ends of `chain_length` for the rows that a path leads to.
    fn spans(&self, index: Option<&UInt32Array>, stops: &[u8]) -> [ArrayRef; 2] {
        let ends = self.derived().chain_ends();
        [&ends[0], &ends[1]].map(|ends| -> ArrayRef {
            let there = |position: usize| at(index, position).filter(|_| stops[position] == State::Known as u8);
            Arc::new((0..stops.len()).map(|position| there(position).map(|row| ends.value(row))).collect::<Int64Array>())
        })
    }
}

/// The table row at a position of a frame.
#[must_use]
pub fn at(index: Option<&UInt32Array>, position: usize) -> Option<usize> {
    match index {
        None => Some(position),
        Some(index) => index.is_valid(position).then(|| index.value(position) as usize),
    }
}

/// The same array, null wherever the state is not known.
fn known_only(values: &ArrayRef, state: &[u8]) -> ArrayRef {
    let hidden = state.iter().enumerate().any(|(row, state)| *state != State::Known as u8 && values.is_valid(row));
    if !hidden {
        return Arc::clone(values);
    }
    let known = NullBuffer::new(BooleanBuffer::collect_bool(state.len(), |row| state[row] == State::Known as u8));
    let nulls = NullBuffer::union(values.nulls(), Some(&known));
    let any = values.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        Arc::new(StringArray::new(texts.offsets().clone(), texts.values().clone(), nulls))
    } else if let Some(ints) = any.downcast_ref::<Int64Array>() {
        Arc::new(Int64Array::new(ints.values().clone(), nulls))
    } else if let Some(bools) = any.downcast_ref::<BooleanArray>() {
        Arc::new(BooleanArray::new(bools.values().clone(), nulls))
    } else if let Some(lists) = any.downcast_ref::<ListArray>() {
        let field = match lists.data_type() {
            arrow_schema::DataType::List(field) => Arc::clone(field),
            _ => return arrow_array::new_null_array(values.data_type(), state.len()),
        };
        Arc::new(ListArray::new(field, lists.offsets().clone(), Arc::clone(lists.values()), nulls))
    } else {
        arrow_array::new_null_array(values.data_type(), state.len())
    }
}

/// The text of a column's value where it has one: known, or a dangling reference (which keeps its text for joins).
#[must_use]
pub fn key_text(column: &Column, row: usize) -> Option<&str> {
    let texts = column.values.as_any().downcast_ref::<StringArray>()?;
    (matches!(column.state(row), State::Known | State::Dangling) && texts.is_valid(row)).then(|| texts.value(row))
}
