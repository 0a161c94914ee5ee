//! One canonical row as a mapping, a canonical file or a control's test gives it, before it is put into a table.

use std::net::IpAddr;

use serde_json::Value;

use super::schema::{Column, Never, Type};
use super::value::{Duration, Number, State, Time};

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// Text, an enumeration's word, an address (as `std::net::IpAddr` prints it) or a fingerprint.
    Text(String),
    Bool(bool),
    /// A number in millionths, a time or a duration in microseconds: the column's type says which.
    Int(i64),
    /// Members sorted and without repetition; an unknown member is `None`.
    List(Vec<Option<String>>),
    /// No value. Never [`State::Known`].
    Absent(State),
}

/// Where a row comes from: a file of [`super::table::Evidence::files`] and a record in it, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub file: u32,
    pub record: u32,
}

/// One canonical row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Position of the table in [`super::schema::SCHEMA`].
    pub table: usize,
    /// One cell per column of the table, in its order. The first is the id, and is known.
    pub cells: Vec<Cell>,
    pub origin: Origin,
}

/// Why a value does not fit its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// `none` or `never` where the column does not allow it (SEMANTICS §1.1).
    Sentinel(String),
    /// Not of the column's type: the value is unknown, reason *unreadable*.
    Unreadable(String),
}

impl Cell {
    /// Reads one value of a canonical row: JSON as it is, or the text of a CSV cell (a list is then `a;b`, an empty
    /// cell is missing).
    ///
    /// # Errors
    /// [`Misfit`], with a sentence saying what was expected.
    pub fn read(column: &Column, value: &Value) -> Result<Cell, Misfit> {
        if let Value::String(text) = value {
            return Cell::text(column, text);
        }
        let wrong = || wrong(column, value);
        match (column.ty, value) {
            (_, Value::Null) => Ok(Cell::Absent(State::Missing)),
            (Type::Bool, Value::Bool(yes)) => Ok(Cell::Bool(*yes)),
            (Type::Number, Value::Number(number)) => {
                Number::parse(&number.to_string()).map(|n| Cell::Int(n.0)).map_err(|why| said(column, &why))
            }
            (Type::Fingerprint, _) => Err(said(column, FINGERPRINT)),
            (Type::Enum(words), _) => Err(unknown(column, words, value)),
            (Type::List, Value::Array(items)) => {
                let item = |item: &Value| match item {
                    Value::Null => Ok(None),
                    Value::String(text) => Ok(Some(text.clone())),
                    _ => Err(wrong()),
                };
                list(column, items.iter().map(item).collect::<Result<_, _>>()?)
            }
            _ => Err(wrong()),
        }
    }

    /// Reads a value that is a text.
    ///
    /// # Errors
    /// As [`Cell::read`].
    pub fn text(column: &Column, text: &str) -> Result<Cell, Misfit> {
        let value = || Value::String(text.to_owned());
        match text {
            "none" if column.none => return Ok(Cell::Absent(State::None)),
            "never" if column.never != Never::No => return Ok(Cell::Absent(State::Never)),
            word @ ("none" | "never") => return Err(Misfit::Sentinel(format!("`{}` cannot be `{word}`", column.name))),
            text if text.trim().is_empty() => return Ok(Cell::Absent(State::Missing)),
            text if (column.none || column.never != Never::No) && is_placeholder(text) => {
                return Err(Misfit::Unreadable(format!(
                    "`{}`: {} is a placeholder; where nothing is known leave it empty, where there is nothing write {}",
                    column.name,
                    shortened(&value()),
                    if column.none { "`none`" } else { "`never`" }
                )));
            }
            _ => {}
        }
        let wrong = || wrong(column, &value());
        let said = |why: String| said(column, &why);
        match column.ty {
            Type::Text if text.contains('\0') => Err(wrong()),
            Type::Text => Ok(Cell::Text(text.to_owned())),
            Type::Fingerprint => match text.rsplit_once(':') {
                Some((key, digest)) if key.contains(':') && !digest.is_empty() => {
                    // Capitals of hexadecimal digits mean nothing; in any other writing they may.
                    let hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
                    Ok(Cell::Text(if hex { format!("{key}:{}", digest.to_ascii_lowercase()) } else { text.to_owned() }))
                }
                _ => Err(said(FINGERPRINT.to_owned())),
            },
            Type::Enum(words) if words.contains(&text) => Ok(Cell::Text(text.to_owned())),
            Type::Enum(words) => Err(unknown(column, words, &value())),
            Type::Bool => match text {
                "true" => Ok(Cell::Bool(true)),
                "false" => Ok(Cell::Bool(false)),
                _ => Err(wrong()),
            },
            Type::Number => Number::parse(text).map(|n| Cell::Int(n.0)).map_err(said),
            Type::Time => Time::parse(text).map(|t| Cell::Int(t.0)).map_err(said),
            Type::Duration => Duration::parse(text).map(|d| Cell::Int(d.0)).map_err(said),
            Type::Address => {
                let address = text.parse::<IpAddr>().map_err(|_| wrong())?;
                Ok(Cell::Text(address.to_canonical().to_string()))
            }
            Type::List => list(column, text.split(';').map(|item| Some(item.trim().to_owned())).collect()),
        }
    }

    /// As a person reads it.
    #[must_use]
    pub fn display(&self, column: &Column) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Bool(yes) => yes.to_string(),
            Cell::Int(number) => scalar(column.ty, *number),
            Cell::List(items) => items.iter().map(|item| item.as_deref().unwrap_or("?")).collect::<Vec<_>>().join(", "),
            Cell::Absent(state) => state.word().to_owned(),
        }
    }
}

const FINGERPRINT: &str = "write it as `algorithm:key-id:hex`";

fn wrong(column: &Column, value: &Value) -> Misfit {
    Misfit::Unreadable(format!("`{}` should be {}, found {}", column.name, column.ty.word(), shortened(value)))
}

fn said(column: &Column, why: &str) -> Misfit {
    Misfit::Unreadable(format!("`{}`: {why}", column.name))
}

fn unknown(column: &Column, words: &[&str], value: &Value) -> Misfit {
    said(column, &format!("expected one of {}, found {}", words.join(", "), shortened(value)))
}

/// A list as a set.
fn list(column: &Column, mut items: Vec<Option<String>>) -> Result<Cell, Misfit> {
    if let Some(word) = items.iter().flatten().find(|item| matches!(item.as_str(), "none" | "never")) {
        return Err(Misfit::Sentinel(format!("a member of `{}` cannot be `{word}`", column.name)));
    }
    for item in &mut items {
        item.take_if(|text| text.trim().is_empty() || is_placeholder(text));
    }
    items.sort();
    items.dedup();
    Ok(Cell::List(items))
}

/// A time, a duration or a number as a person reads it, from the integer that a table holds.
#[must_use]
pub fn scalar(ty: Type, value: i64) -> String {
    match ty {
        Type::Time => Time(value).to_string(),
        Type::Duration => Duration(value).to_string(),
        _ => Number(value).to_string(),
    }
}

/// What tables and those who export them write where there is nothing, or where nothing is known: it says neither which of the
/// two, nor what is there.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 16] =
        ["none", "never", "null", "nil", "nan", "n/a", "-", "--", "?", "\\n", "undefined", "unknown", "tbd", "(none)", "<none>", "[none]"];
    let text = text.trim();
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A value as a message shows it: never more than 60 characters of what may be anything.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(57).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::{SCHEMA, table};
    use serde_json::json;

    fn read(table_name: &str, column: &str, value: &Value) -> Result<Cell, Misfit> {
        let schema = &SCHEMA[table(table_name).unwrap()];
        Cell::read(&schema.columns[schema.column(column).unwrap()], value)
    }

    #[test]
    fn absence_is_typed() {
        assert_eq!(read("credential", "expires_at", &json!(null)), Ok(Cell::Absent(State::Missing)));
        assert_eq!(read("credential", "expires_at", &json!("never")), Ok(Cell::Absent(State::Never)));
        assert_eq!(read("identity", "owner", &json!("none")), Ok(Cell::Absent(State::None)));
        assert!(matches!(read("credential", "issued_at", &json!("never")), Err(Misfit::Sentinel(_))));
        assert!(matches!(read("credential", "id", &json!("none")), Err(Misfit::Sentinel(_))));
    }

    #[test]
    fn misfits_say_what_was_expected() {
        for (column, value) in [
            ("issued_at", json!("2026-06-30")),
            ("issued_at", json!(1_700_000_000)),
            ("kind", json!("magic")),
            ("public_trust", json!("yes")),
            ("key_bits", json!("many")),
            ("accepted_at", json!([1])),
            ("fingerprint", json!("abc")),
        ] {
            assert!(matches!(read("credential", column, &value), Err(Misfit::Unreadable(_))), "{column}");
        }
    }

    #[test]
    fn placeholders_are_no_values() {
        for word in ["None", " never", "NULL", "n/a", "-", "\\N"] {
            assert!(matches!(read("identity", "owner", &json!(word)), Err(Misfit::Unreadable(_))), "{word}");
        }
        assert_eq!(read("identity", "owner", &json!("  ")), Ok(Cell::Absent(State::Missing)));
        // A name may be any text.
        assert_eq!(read("identity", "name", &json!("None")), Ok(Cell::Text("None".into())));
        assert!(matches!(read("identity", "card_auth", &json!(["none"])), Err(Misfit::Sentinel(_))));
        assert_eq!(read("identity", "card_auth", &json!("mtls; N/A")), Ok(Cell::List(vec![None, Some("mtls".into())])));
        assert_eq!(read("identity", "card_auth", &json!([""])), Ok(Cell::List(vec![None])));
    }

    #[test]
    fn lists_are_sets() {
        let set = Cell::List(vec![Some("a".into()), Some("b".into())]);
        assert_eq!(read("credential", "accepted_at", &json!(["b", "a", "b"])), Ok(set.clone()));
        assert_eq!(read("credential", "accepted_at", &json!("b;a")), Ok(set));
    }
}
