//! Canonical tables that another program already holds, as Arrow record batches.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;

use super::logs;
use super::tables::{self, Given};
use crate::model::row::{Cell, Misfit, Origin, Row};
use crate::model::schema::{self, Column, EVENT_TYPES, SCHEMA, Type};
use crate::model::table::{Evidence, Gap, Logs, Why};
use crate::model::value::{LIMIT, Number, SECOND, State, Time};

/// What a batch can prove beside what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Together with the other batches of its table, every row that there is, as of now.
    Full,
    /// Rows may be missing: what is not there proves nothing. The sentence says why.
    Partial(String),
    /// Too old to show what holds now: supports no pass. The sentence says why.
    Stale(String),
}

/// Why a batch is no canonical table. Nothing of it was added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("no table is called `{0}`: docs/evidence.md lists them")]
    NoTable(String),
    #[error("`{table}` has no column `{column}`: {}", known(table))]
    NoColumn { table: &'static str, column: String },
    #[error("`{table}.{column}` follows from other tables and cannot be given")]
    Derived { table: &'static str, column: String },
    #[error("`{0}` follows from other tables and cannot be given")]
    DerivedTable(&'static str),
    #[error("`{table}`: row {row} has no `id`; every row has one, as text")]
    NoId { table: &'static str, row: usize },
    #[error("`{table}.{column}` cannot be of the Arrow type {found}; expected {expected}")]
    ColumnType { table: &'static str, column: &'static str, found: DataType, expected: &'static str },
    #[error("`{table}`: row {row}: {why}")]
    Value { table: &'static str, row: usize, why: String },
    #[error("no type of event is called `{0}`: docs/evidence.md lists them")]
    NoEventType(String),
    #[error("more than {} batches, or more rows in one", u32::MAX)]
    TooMany,
}

fn known(table: &str) -> String {
    let columns = schema::table(table).map_or(&[][..], |position| SCHEMA[position].columns);
    let names: Vec<&str> = columns.iter().filter(|column| !column.derived).map(|column| column.name).collect();
    format!("its columns are {}", names.join(", "))
}

/// Evidence in the making. A table of which no batch is added is unknown, not empty.
#[derive(Debug, Default)]
pub struct Batches {
    given: Vec<Given>,
    /// Position of the table → what each batch said of its extent.
    extents: Vec<(usize, Extent)>,
    logs: Logs,
}

impl Batches {
    /// Adds the rows of one batch to a table. Columns are found by name, in any order; those that are not there are unknown, and so is
    /// a null. Text reads as in a canonical CSV: `none` and `never` are known absences where the column has them.
    ///
    /// | column of `docs/evidence.md` | Arrow |
    /// |---|---|
    /// | any | `Utf8`, `LargeUtf8`, `Utf8View` |
    /// | bool | `Boolean` |
    /// | number | `Int32`, `Int64` |
    /// | time | `Timestamp` of any unit with the time zone `UTC` or `+00:00` |
    /// | duration | `Duration` of any unit |
    /// | list | `List` of `Utf8` |
    ///
    /// # Errors
    /// [`BatchError`]: nothing of the batch was added.
    pub fn add(&mut self, table: &str, batch: &RecordBatch, extent: Extent) -> Result<&mut Self, BatchError> {
        let position = schema::table(table).ok_or_else(|| BatchError::NoTable(table.to_owned()))?;
        if SCHEMA[position].derived {
            return Err(BatchError::DerivedTable(SCHEMA[position].name));
        }
        let file = u32::try_from(self.extents.len()).map_err(|_| BatchError::TooMany)?;
        let fresh = !matches!(extent, Extent::Stale(_));
        let rows = rows(position, batch, file)?;
        self.given.extend(rows.into_iter().map(|row| Given { row, fresh, about: false }));
        self.extents.push((position, extent));
        Ok(self)
    }

    /// Vouches that the events of a type of a system are all there from one time to another, both included. That the table `event` is
    /// [`Extent::Full`] proves no absence: only this does.
    ///
    /// # Errors
    /// [`BatchError::NoEventType`].
    pub fn log(&mut self, system: &str, event_type: &str, from: Time, until: Time) -> Result<&mut Self, BatchError> {
        if !EVENT_TYPES.contains(&event_type) {
            return Err(BatchError::NoEventType(event_type.to_owned()));
        }
        self.logs.stretches.entry((system.to_owned(), event_type.to_owned())).or_default().push((from, until));
        Ok(self)
    }

    /// The tables: rows of one id merged, references resolved, what lies after `as_of` unknown.
    #[must_use]
    pub fn evidence(mut self, as_of: Time) -> Evidence {
        let gaps = (0..SCHEMA.len()).map(|table| self.gaps(table)).collect();
        let mut systems: BTreeSet<String> = tables::systems_named(self.given.iter().map(|given| &given.row));
        systems.extend(self.logs.stretches.keys().map(|(system, _)| system.clone()));
        logs::join(&mut self.logs);
        Evidence {
            tables: tables::build(self.given, gaps, as_of),
            logs: self.logs,
            systems: systems.into_iter().collect(),
            ..Evidence::default()
        }
    }

    fn gaps(&self, table: usize) -> Vec<Gap> {
        if SCHEMA[table].is_log() {
            return Vec::new();
        }
        let mut gaps: Vec<Gap> = Vec::new();
        let mut some = false;
        for (number, (_, extent)) in self.extents.iter().enumerate().filter(|(_, (of, _))| *of == table) {
            some = true;
            let why = match extent {
                Extent::Full => continue,
                Extent::Partial(why) => Why::Partial(why.clone()),
                Extent::Stale(why) => Why::Stale(why.clone()),
            };
            gaps.push(Gap { source: format!("batch {}", number + 1), why });
        }
        if !some {
            gaps.push(Gap { source: String::new(), why: Why::NoSource });
        }
        gaps
    }
}

fn rows(position: usize, batch: &RecordBatch, file: u32) -> Result<Vec<Row>, BatchError> {
    let schema = &SCHEMA[position];
    let table = schema.name;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for record in 0..batch.num_rows() {
        let origin = Origin { file, record: u32::try_from(record).map_err(|_| BatchError::TooMany)? };
        rows.push(Row { table: position, cells: vec![Cell::Absent(State::Missing); schema.columns.len()], origin });
    }
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let at = schema.column(field.name()).ok_or_else(|| BatchError::NoColumn { table, column: field.name().clone() })?;
        let column = &schema.columns[at];
        if column.derived {
            return Err(BatchError::Derived { table, column: field.name().clone() });
        }
        for (number, row) in rows.iter_mut().enumerate().filter(|(number, _)| array.is_valid(*number)) {
            row.cells[at] = cell(table, column, array, number)?;
        }
    }
    match rows.iter().position(|row| !matches!(row.cells.first(), Some(Cell::Text(id)) if !id.is_empty())) {
        Some(row) => Err(BatchError::NoId { table, row }),
        None => Ok(rows),
    }
}

fn cell(table: &'static str, column: &'static Column, array: &dyn Array, row: usize) -> Result<Cell, BatchError> {
    let misfit = |why: Misfit| {
        let (Misfit::Sentinel(why) | Misfit::Unreadable(why)) = why;
        BatchError::Value { table, row, why }
    };
    // A time or duration further off would read as `never`.
    let micros = |value: i64, (by, over): (i64, i64)| {
        let micros =
            value.checked_mul(by).map(|product| product.div_euclid(over)).filter(|micros| micros.unsigned_abs() <= LIMIT.unsigned_abs());
        let why = || format!("`{}`: {value} lies more than ten thousand years off", column.name);
        micros.map(Cell::Int).ok_or_else(|| BatchError::Value { table, row, why: why() })
    };
    let number = |value: i64| {
        let why = || format!("`{}`: {value} does not fit: numbers are below four million million", column.name);
        Number::whole(value).map(|number| Cell::Int(number.0)).ok_or_else(|| BatchError::Value { table, row, why: why() })
    };
    match (column.ty, array.data_type()) {
        (_, DataType::Utf8) => Cell::text(column, array.as_string::<i32>().value(row)).map_err(misfit),
        (_, DataType::LargeUtf8) => Cell::text(column, array.as_string::<i64>().value(row)).map_err(misfit),
        (_, DataType::Utf8View) => Cell::text(column, array.as_string_view().value(row)).map_err(misfit),
        (Type::Bool, DataType::Boolean) => Ok(Cell::Bool(array.as_boolean().value(row))),
        (Type::Number, DataType::Int32) => number(array.as_primitive::<Int32Type>().value(row).into()),
        (Type::Number, DataType::Int64) => number(array.as_primitive::<Int64Type>().value(row)),
        (Type::Time, DataType::Timestamp(unit, Some(zone))) if matches!(&**zone, "UTC" | "+00:00" | "Z") => {
            let value = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
            };
            micros(value, per(*unit))
        }
        (Type::Duration, DataType::Duration(unit)) => {
            let value = match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row),
            };
            micros(value, per(*unit))
        }
        (Type::List, DataType::List(item)) if *item.data_type() == DataType::Utf8 => {
            let members = array.as_list::<i32>().value(row);
            let member = |text: Option<&str>| text.map_or(Value::Null, Value::from);
            Cell::read(column, &members.as_string::<i32>().iter().map(member).collect()).map_err(misfit)
        }
        (ty, found) => Err(BatchError::ColumnType { table, column: column.name, found: found.clone(), expected: expected(ty) }),
    }
}

/// Microseconds as so many times the value over so much.
fn per(unit: TimeUnit) -> (i64, i64) {
    match unit {
        TimeUnit::Second => (SECOND, 1),
        TimeUnit::Millisecond => (1_000, 1),
        TimeUnit::Microsecond => (1, 1),
        TimeUnit::Nanosecond => (1, 1_000),
    }
}

fn expected(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "Boolean or text",
        Type::Number => "Int32, Int64 or text",
        Type::Time => "Timestamp with the time zone UTC, or text as in RFC 3339",
        Type::Duration => "Duration, or text such as `90d`",
        Type::List => "List of Utf8, or text such as `a;b`",
        _ => "text",
    }
}
