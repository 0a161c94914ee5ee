//! Values of the canonical tables, as reports print them.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ListArray};

use super::population::place;
use crate::model::assessment::Position;
use crate::model::row::scalar;
use crate::model::schema::Type;
use crate::model::table::{Column, Evidence, Table};
use crate::model::value::{State, Time};

/// One table of the evidence.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    evidence: &'a Evidence,
    table: &'a Table,
}

/// One column of it.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    column: &'a Column,
    ty: Type,
}

impl<'a> Reading<'a> {
    /// `None`: the evidence holds no such table.
    pub fn of(evidence: &'a Evidence, table: &str) -> Option<Reading<'a>> {
        Some(Reading { evidence, table: evidence.table(table)? })
    }

    pub fn rows(self) -> usize {
        self.table.rows
    }

    /// `None`: the table has no such column.
    pub fn values(self, column: &str) -> Option<Values<'a>> {
        let position = self.table.schema.column(column)?;
        Some(Values { column: self.table.columns.get(position)?, ty: self.table.schema.columns.get(position)?.ty })
    }

    /// The first row of an id.
    pub fn row(self, id: &str) -> Option<usize> {
        self.table.find(id)
    }

    /// Every record that a row was read from, sorted.
    pub fn places(self, row: usize) -> Vec<Position> {
        let mut places: Vec<Position> = self
            .table
            .origins
            .get(row)
            .into_iter()
            .flatten()
            .filter_map(|origin| {
                let file = self.evidence.files.get(origin.file as usize)?;
                let source = self.evidence.sources.get(file.source as usize).map_or_else(String::new, |source| source.id.clone());
                Some(Position { source, file: file.path.clone(), record: file.locate(origin.record) })
            })
            .collect();
        places.sort();
        places.dedup();
        places
    }

    /// [`Reading::places`], in a line.
    pub fn told_places(self, row: usize) -> String {
        self.places(row).iter().map(place).collect::<Vec<_>>().join("; ")
    }
}

/// Successful uses that logs tell: the credential, when, and the event's row.
pub fn uses(evidence: &Evidence) -> impl Iterator<Item = (&str, Time, usize)> {
    let events = Reading::of(evidence, "event");
    let column = move |name| events.and_then(|events| events.values(name));
    let (credential, at, ty, outcome) = (column("credential"), column("at"), column("type"), column("outcome"));
    let is = |values: Option<Values<'_>>, row, word| values.and_then(|values| values.text(row)) == Some(word);
    (0..events.map_or(0, Reading::rows))
        .filter(move |row| is(ty, *row, "used") && is(outcome, *row, "ok"))
        .filter_map(move |row| Some((credential?.text(row)?, at?.time(row)?, row)))
}

impl<'a> Values<'a> {
    pub fn state(self, row: usize) -> State {
        self.column.state(row)
    }

    /// A text, also that of a reference that leads nowhere; `None` where there is none or it is unknown.
    pub fn text(self, row: usize) -> Option<&'a str> {
        let texts = self.column.values.as_string_opt::<i32>()?;
        (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row))
    }

    /// A time that is known.
    pub fn time(self, row: usize) -> Option<Time> {
        let times = self.column.values.as_primitive_opt::<Int64Type>()?;
        (row < times.len() && times.is_valid(row) && self.state(row) == State::Known).then(|| Time(times.value(row)))
    }

    pub fn flag(self, row: usize) -> Option<bool> {
        let flags = self.column.values.as_boolean_opt()?;
        (row < flags.len() && flags.is_valid(row)).then(|| flags.value(row))
    }

    /// The members of a list that are known.
    pub fn members(self, row: usize) -> Vec<&'a str> {
        let Some(lists) = self.column.values.as_any().downcast_ref::<ListArray>() else { return Vec::new() };
        let Some(texts) = lists.values().as_string_opt::<i32>() else { return Vec::new() };
        let (Some(start), Some(end)) = (lists.value_offsets().get(row), lists.value_offsets().get(row + 1)) else { return Vec::new() };
        let range = usize::try_from(*start).unwrap_or(0)..usize::try_from(*end).unwrap_or(0);
        range.filter(|at| texts.is_valid(*at)).map(|at| texts.value(at)).collect()
    }

    /// What a person reads: the value, or the word for its absence.
    pub fn printed(self, row: usize) -> String {
        let state = self.state(row);
        if !matches!(state, State::Known | State::Dangling) {
            return state.word().to_owned();
        }
        let number = || self.column.values.as_primitive_opt::<Int64Type>().filter(|all| all.is_valid(row)).map(|all| all.value(row));
        let printed = match self.ty {
            Type::Time | Type::Duration | Type::Number => number().map(|value| scalar(self.ty, value)),
            Type::Bool => self.flag(row).map(|flag| flag.to_string()),
            Type::List => Some(self.members(row).join(", ")),
            _ => self.text(row).map(str::to_owned),
        };
        printed.unwrap_or_else(|| State::Missing.word().to_owned())
    }
}
