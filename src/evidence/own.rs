//! Rows of one's own, read straight from the bytes where nothing is to be said of them: by far the most. [`super::canonical`] gives the
//! same of the value that a record is.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::canonical::complete;
use super::distinct::{self, Member};
use super::filling::by_id;
use super::records::Record;
use crate::model::project::SourceConfig;
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{self, SCHEMA};
use crate::model::value::State;

/// Reads rows of one table.
pub struct Own<'c> {
    config: &'c SourceConfig,
    table: usize,
    by_id: bool,
    /// The columns that the fields of the last row were of, in their order: most rows are alike.
    order: Vec<usize>,
}

impl<'c> Own<'c> {
    /// `None`: the source is not of one table.
    pub fn of(config: &'c SourceConfig) -> Option<Own<'c>> {
        let table = schema::table(config.table.as_deref()?).filter(|table| !SCHEMA[*table].derived)?;
        Some(Own { config, table, by_id: by_id(config), order: Vec::new() })
    }

    /// The row that a record is, and the record's digest; `None`: there may be something to say of it. `plain` tells whether a
    /// field of a name may hold any text; `default`: the system of rows that name none.
    pub fn row(
        &mut self,
        record: Record<'_>,
        origin: Origin,
        default: Option<&str>,
        plain: &mut dyn FnMut(&str) -> bool,
    ) -> Option<(Row, u128)> {
        let fields: Vec<(&str, Field<'_>)> = match record {
            Record::Json(raw) => members(raw)?,
            Record::Fields(names, fields) => names.iter().zip(fields).map(|(name, field)| (name.as_str(), Field::Text(field))).collect(),
            Record::Text(_) => return None,
        };
        let schema = &SCHEMA[self.table];
        let mut cells = vec![Cell::Absent(State::Missing); schema.columns.len()];
        let mut given = 0_u128;
        for (number, (name, field)) in fields.iter().enumerate() {
            let at = match self.order.get(number).filter(|at| schema.columns[**at].name == *name) {
                Some(at) => *at,
                None => {
                    let at = schema.column(name).filter(|_| plain(name) && !matches!(*name, "table" | "match"))?;
                    self.order.truncate(number);
                    self.order.push(at);
                    at
                }
            };
            // A name that stands twice has no value.
            let bit = 1_u128.checked_shl(u32::try_from(at).ok()?).filter(|bit| given & bit == 0)?;
            given |= bit;
            let column = &schema.columns[at];
            let cell = match field {
                Field::Text(text) => Cell::text(column, text),
                Field::Other(value) => Cell::read(column, value),
            };
            cells[at] = cell.ok().filter(|cell| !column.derived || *cell == Cell::Absent(State::Missing))?;
        }
        let digest = match cells.first() {
            Some(Cell::Text(id)) if self.by_id => distinct::of_text(id),
            _ => distinct::of_members(fields.iter().map(|(name, field)| (*name, field.member()))),
        };
        complete(schema, &mut cells, self.config, default).ok()?;
        Some((Row { table: self.table, cells, origin }, digest))
    }
}

/// A field that is a text without escapes, a number, true or false, nothing, or a list of texts.
enum Field<'de> {
    Text(&'de str),
    Other(Value),
}

impl Field<'_> {
    fn member(&self) -> Member<'_> {
        match self {
            Field::Text(text) => Member::Text(text),
            Field::Other(value) => Member::Other(value),
        }
    }
}

/// The members of an object that has only such fields; `None`: it is something else, or no JSON.
fn members(raw: &[u8]) -> Option<Vec<(&str, Field<'_>)>> {
    let mut deserializer = serde_json::Deserializer::from_slice(raw);
    let members = Members.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

struct Members;

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Vec<(&'de str, Field<'de>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de str, Field<'de>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::with_capacity(16);
        while let Some(member) = members.next_entry()? {
            out.push(member);
        }
        Ok(out)
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field<'de>, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Field<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a plain value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(text))
    }

    /// A list of texts; what it is called, its texts are.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Option<&str>>()? {
            list.push(item.map_or(Value::Null, Value::from));
        }
        Ok(Field::Other(Value::Array(list)))
    }

    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Other(Value::Null))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Field<'de>, E> {
        Ok(Field::Other(Value::Bool(yes)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
        Ok(Field::Other(Value::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(Field::Other(Value::from(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other(Number::from_f64(number).map_or(Value::Null, Value::Number)))
    }
}
