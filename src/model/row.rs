//! One canonical row as a mapping, a canonical file or a control's test gives it, before it is put into a table.

use super::value::State;

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
