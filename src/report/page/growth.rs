//! Growth against governance: what came and what went, quarter by quarter.

use serde::Serialize;

use crate::model::table::Evidence;
use crate::model::value::{State, Time};
use crate::report::reading::{Reading, Values};

/// How many quarters are told one by one.
const QUARTERS: usize = 8;
/// What is counted: the heading, the table and the column that says when.
const COUNTED: [(&str, &str, &str); 7] = [
    ("Consumers made", "identity", "created_at"),
    ("Consumers of offboarded parties", "identity", "third_party"),
    ("Credentials issued", "credential", "issued_at"),
    ("Credentials revoked", "credential", "revoked_at"),
    ("Grants given", "grant", "granted_at"),
    ("Grants approved", "grant", "approved_at"),
    ("Consumers reviewed last", "identity", "reviewed_at"),
];

/// Positions in [`COUNTED`].
pub const ISSUED: usize = 2;
pub const REVOKED: usize = 3;

/// The table: what lies before, a row for each quarter, then what lies ahead, what never was, and what nobody says.
#[derive(Serialize, Default)]
pub struct GrowthView {
    pub headings: Vec<&'static str>,
    pub rows: Vec<GrowthRow>,
    pub ownership: Option<Ownership>,
}

#[derive(Serialize, Clone)]
pub struct GrowthRow {
    pub period: String,
    /// It is a stretch of the past.
    #[serde(skip)]
    pub dated: bool,
    pub counts: Vec<usize>,
}

/// How many identities have an owner.
#[derive(Serialize)]
pub struct Ownership {
    pub total: usize,
    pub none: usize,
    pub unknown: usize,
}

pub fn growth(evidence: &Evidence, as_of: Time) -> GrowthView {
    let periods = quarters(as_of);
    let mut rows: Vec<GrowthRow> = std::iter::once("earlier")
        .chain(periods.iter().map(String::as_str))
        .chain(["later", "never or none", "not known"])
        .map(|period| GrowthRow { period: period.to_owned(), dated: false, counts: vec![0; COUNTED.len()] })
        .collect();
    for row in rows.iter_mut().take(periods.len() + 1) {
        row.dated = true;
    }
    for (at, (_, table, column)) in COUNTED.iter().enumerate() {
        let Some(table) = Reading::of(evidence, table) else { continue };
        let Some(values) = table.values(column) else { continue };
        for row in 0..table.rows() {
            let (state, time) = when(evidence, values, row, *column == "third_party");
            let place = match (state, time) {
                (_, Some(time)) => place(&periods, time),
                (State::None | State::Never, None) => periods.len() + 2,
                _ => periods.len() + 3,
            };
            rows[place].counts[at] += 1;
        }
    }
    rows.retain(|row| row.counts.iter().any(|count| *count > 0));
    GrowthView { headings: COUNTED.map(|(heading, _, _)| heading).to_vec(), rows, ownership: ownership(evidence) }
}

/// When it was; for a consumer's party, when that was offboarded.
fn when(evidence: &Evidence, values: Values<'_>, row: usize, of_party: bool) -> (State, Option<Time>) {
    if !of_party {
        return (values.state(row), values.time(row));
    }
    let state = values.state(row);
    if state != State::Known {
        return (state, None);
    }
    let parties = Reading::of(evidence, "party");
    let party = parties.zip(values.text(row)).and_then(|(parties, id)| parties.row(id).zip(parties.values("offboarded_at")));
    party.map_or((State::Missing, None), |(row, values)| (values.state(row), values.time(row)))
}

/// The quarters up to `as_of`, the oldest first: `2026-Q2`.
fn quarters(as_of: Time) -> Vec<String> {
    let mut quarters = Vec::new();
    let Some((mut year, mut quarter)) = quarter(as_of) else { return quarters };
    for _ in 0..QUARTERS {
        quarters.push(format!("{year:04}-Q{quarter}"));
        (year, quarter) = if quarter == 1 { (year - 1, 4) } else { (year, quarter - 1) };
    }
    quarters.reverse();
    quarters
}

fn quarter(at: Time) -> Option<(i64, i64)> {
    let text = at.to_string();
    let year = text.get(..4)?.parse().ok()?;
    let month: i64 = text.get(5..7)?.parse().ok()?;
    Some((year, (month + 2) / 3))
}

fn place(periods: &[String], at: Time) -> usize {
    let Some((year, quarter)) = quarter(at) else { return periods.len() + 3 };
    let name = format!("{year:04}-Q{quarter}");
    match periods.binary_search(&name) {
        Ok(found) => found + 1,
        Err(0) => 0,
        Err(_) => periods.len() + 1,
    }
}

fn ownership(evidence: &Evidence) -> Option<Ownership> {
    let identities = Reading::of(evidence, "identity")?;
    let owner = identities.values("owner")?;
    let states = (0..identities.rows()).map(|row| owner.state(row));
    let (mut none, mut unknown) = (0, 0);
    for state in states {
        none += usize::from(state == State::None);
        unknown += usize::from(state.is_unknown());
    }
    Some(Ownership { total: identities.rows(), none, unknown })
}
