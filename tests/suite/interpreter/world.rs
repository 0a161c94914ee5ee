//! One value of one row, with or without what only stale sources say.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, StringArray};
use tickmark::model::condition::Path;
use tickmark::model::schema::{self, Never, SCHEMA, Type};
use tickmark::model::table::Evidence;
use tickmark::model::value::{Constant, FAR, State, Time};

use super::derived::Derived;
use super::value::Value;

/// The evidence, seen in one of two ways.
pub struct World<'a> {
    pub evidence: &'a Evidence,
    pub as_of: Time,
    pub params: &'a BTreeMap<String, Constant>,
    /// What only a stale source says is set aside.
    pub strict: bool,
    pub derived: OnceCell<Derived>,
}

/// A row of a table.
pub type Row = (usize, usize);

/// What a key says for a join.
#[derive(Debug)]
pub enum Key {
    /// `none` or `never`: joins nothing.
    Nothing,
    /// Nobody knows: may be any.
    Unknown,
    Text {
        text: String,
        /// The text names no row of this table.
        dangling: Option<usize>,
        /// The row that it names: the one whose id it is, or that the reference resolves to.
        names: Option<Row>,
    },
    /// A time, a number, a duration or a bool.
    Other(Value),
}

impl World<'_> {
    pub fn rows(&self, table: usize) -> usize {
        self.evidence.tables[table].rows
    }

    /// Whether a fresh source gives the value.
    pub fn fresh(&self, (table, row): Row, column: usize) -> bool {
        self.evidence.tables[table].columns[column].fresh.as_ref().is_none_or(|fresh| fresh.value(row))
    }

    /// The value of a derived column; `None`: it is none.
    fn derived(&self, (table, row): Row, column: usize) -> Option<Value> {
        let column = &SCHEMA[table].columns[column];
        column.derived.then(|| self.derived.get_or_init(|| self.derive()).value(column.name, row))
    }

    pub fn state(&self, place: Row, column: usize) -> State {
        if let Some(value) = self.derived(place, column) {
            return if value.is_exact() { State::Known } else { State::Missing };
        }
        if self.strict && !self.fresh(place, column) {
            return State::Stale;
        }
        self.evidence.tables[place.0].columns[column].state(place.1)
    }

    pub fn value(&self, place: Row, column: usize) -> Value {
        if let Some(value) = self.derived(place, column) {
            return value;
        }
        let (table, row) = place;
        let values = &self.evidence.tables[table].columns[column].values;
        match self.state(place, column) {
            State::None => Value::None,
            State::Never if SCHEMA[table].columns[column].never == Never::Before => Value::exactly(-FAR),
            State::Never => Value::exactly(FAR),
            State::Known => match SCHEMA[table].columns[column].ty {
                Type::Text | Type::Enum(_) | Type::Address | Type::Fingerprint => {
                    Value::Text(values.as_string::<i32>().value(row).to_owned())
                }
                Type::Bool => Value::Bool(values.as_boolean().value(row)),
                Type::Number | Type::Time | Type::Duration => Value::exactly(values.as_primitive::<Int64Type>().value(row)),
                Type::List => {
                    let members = values.as_list::<i32>().value(row);
                    let members: &StringArray = members.as_string();
                    Value::List(members.iter().map(|member| member.map(str::to_owned)).collect())
                }
            },
            _ => Value::Unknown,
        }
    }

    /// The value of a column by its name.
    pub fn named(&self, place: Row, column: &str) -> Value {
        self.value(place, SCHEMA[place.0].column(column).unwrap())
    }

    /// The row that a reference resolves to.
    pub fn follow(&self, place: Row, column: usize) -> Option<Row> {
        let (table, row) = place;
        if self.state(place, column) != State::Known {
            return None;
        }
        let to = SCHEMA[table].columns[column].refers.and_then(schema::table)?;
        let link = self.evidence.tables[table].columns[column].link.as_ref()?;
        link.is_valid(row).then(|| (to, link.value(row) as usize))
    }

    /// The row where the last step of a path is read, from the row where it starts. `Err`: a step on the way is `none`
    /// or unknown.
    pub fn walk(&self, path: &Path, start: Row) -> Result<Row, Value> {
        let mut place = start;
        for (table, column) in &path.steps[..path.steps.len() - 1] {
            assert_eq!(*table, place.0, "a path goes from table to table");
            place = match self.follow(place, *column) {
                Some(next) => next,
                None if self.state(place, *column) == State::None => return Err(Value::None),
                None => return Err(Value::Unknown),
            };
        }
        Ok(place)
    }

    /// The value at the end of a path.
    pub fn read(&self, path: &Path, start: Row) -> Value {
        match self.walk(path, start) {
            Ok(place) => self.value(place, path.last().1),
            Err(value) => value,
        }
    }

    /// Whether a path ends in a reference whose row is not there.
    pub fn dangles(&self, path: &Path, start: Row) -> bool {
        self.walk(path, start).is_ok_and(|place| self.state(place, path.last().1) == State::Dangling)
    }

    /// A key as it stands.
    pub fn key(&self, path: &Path, start: Row) -> Key {
        match self.walk(path, start) {
            Ok(place) => self.key_of(place, path.last().1),
            Err(Value::None) => Key::Nothing,
            Err(_) => Key::Unknown,
        }
    }

    /// The key that one column of a row holds. An id keeps its text also where only a stale source gives the row.
    pub fn key_of(&self, place: Row, column: usize) -> Key {
        let (table, row) = place;
        let text = || self.evidence.tables[table].columns[column].values.as_string::<i32>().value(row).to_owned();
        if column == 0 {
            return Key::Text { text: text(), dangling: None, names: Some(place) };
        }
        match self.state(place, column) {
            State::None | State::Never => Key::Nothing,
            State::Dangling => {
                Key::Text { text: text(), dangling: SCHEMA[table].columns[column].refers.and_then(schema::table), names: None }
            }
            State::Known => match self.value(place, column) {
                Value::Text(text) => Key::Text { text, dangling: None, names: self.follow(place, column) },
                other => Key::Other(other),
            },
            _ => Key::Unknown,
        }
    }
}
