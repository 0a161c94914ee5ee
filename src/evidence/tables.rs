//! Rows → Arrow tables: merging, contradictions, references, freshness.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::builder::{BooleanBuilder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt8Array, UInt32Array};
use arrow_buffer::BooleanBuffer;

use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{self, Never, SCHEMA, TableSchema, Type};
use crate::model::table::{Column, Gap, Table};
use crate::model::value::{State, Time};

/// A row, and whether a fresh source gives it.
#[derive(Clone, Debug)]
pub struct Given {
    pub row: Row,
    pub fresh: bool,
    /// It tells of a row that another source gives, and does not itself vouch that there is one.
    pub about: bool,
}

/// One table whose rows refer to rows that other tables hold already.
pub fn again(position: usize, rows: Vec<Row>, tables: &[Table]) -> Table {
    let schema = &SCHEMA[position];
    let ids: Vec<Vec<String>> = tables
        .iter()
        .map(|table| {
            let ids = table.columns.first().and_then(|column| column.values.as_string_opt::<i32>());
            ids.map_or_else(Vec::new, |ids| (0..table.rows).map(|row| ids.value(row).to_owned()).collect())
        })
        .collect();
    table(schema, merge(schema, rows.into_iter().map(|row| Given { row, fresh: true, about: false }).collect()), Vec::new(), &ids)
}

/// One row of a table once all that speak of it are merged.
#[derive(Clone, Debug)]
struct Merged {
    cells: Vec<Cell>,
    fresh: Vec<bool>,
    origins: Vec<Origin>,
    conflicts: Vec<(usize, Vec<(String, Origin)>)>,
}

/// Builds every table; `gaps` in the order of the schema.
pub fn build(given: Vec<Given>, mut gaps: Vec<Vec<Gap>>, as_of: Time) -> Vec<Table> {
    let mut by_table: Vec<Vec<Given>> = SCHEMA.iter().map(|_| Vec::new()).collect();
    for mut given in given {
        no_future(&mut given.row, as_of);
        by_table[given.row.table].push(given);
    }
    let mut merged: Vec<Vec<Merged>> =
        by_table.into_iter().zip(SCHEMA).map(|(rows, schema)| if schema.is_log() { logged(rows) } else { merge(schema, rows) }).collect();
    owners_of_events(&mut merged);
    let referred: BTreeSet<&str> = SCHEMA.iter().flat_map(|schema| schema.columns).filter_map(|column| column.refers).collect();
    let ids = |(rows, schema): (&Vec<Merged>, &TableSchema)| {
        let rows = rows.iter().filter(|_| referred.contains(schema.name));
        rows.map(|row| id(&row.cells).to_owned()).collect()
    };
    let ids: Vec<Vec<String>> = merged.iter().zip(SCHEMA).map(ids).collect();
    gaps.resize_with(SCHEMA.len(), Vec::new);
    let mut tables: Vec<Table> =
        merged.into_iter().zip(SCHEMA).zip(gaps).map(|((rows, schema), gaps)| table(schema, rows, gaps, &ids)).collect();
    signed_by_somebody(&mut tables);
    tables
}

/// What nobody known has signed for is no known claim (SEMANTICS §1.4): the claim of an attestation is as unknown as its party.
fn signed_by_somebody(tables: &mut [Table]) {
    let at = |table: &str, column: &str| schema::table(table).and_then(|table| Some((table, SCHEMA[table].column(column)?)));
    let (Some((attestation, by)), Some((_, claim)), Some((party, id))) =
        (at("attestation", "by"), at("attestation", "claim"), at("party", "id"))
    else {
        return;
    };
    let is_fresh = |column: &Column, row: usize| column.fresh.as_ref().is_none_or(|fresh| fresh.value(row));
    let (table, parties) = (&tables[attestation], &tables[party].columns[id]);
    let (signer, claimed) = (&table.columns[by], &table.columns[claim]);
    let known = |row: usize| signer.state(row) == State::Known;
    let party_of = |row: usize| signer.link.as_ref().filter(|links| links.is_valid(row)).map(|links| links.value(row) as usize);
    let state = |row: usize| match claimed.state(row) {
        State::Known if !known(row) => State::Dangling,
        state => state,
    };
    let signed = |row: usize| is_fresh(signer, row) && party_of(row).is_some_and(|party| is_fresh(parties, party));
    let fresh: BooleanBuffer = (0..table.rows).map(|row| is_fresh(claimed, row) && (!known(row) || signed(row))).collect();
    let state = UInt8Array::from_iter_values((0..table.rows).map(|row| state(row) as u8));
    let fresh = (fresh.count_set_bits() < fresh.len()).then_some(fresh);
    let column = &mut tables[attestation].columns[claim];
    (column.state, column.fresh) = (state, fresh);
}

fn id(cells: &[Cell]) -> &str {
    match cells.first() {
        Some(Cell::Text(id)) => id,
        _ => "",
    }
}

/// A past fact cannot lie after `as_of` (SEMANTICS §1.5).
fn no_future(row: &mut Row, as_of: Time) {
    for (cell, column) in row.cells.iter_mut().zip(SCHEMA[row.table].columns) {
        if column.ty == Type::Time && !column.ahead && matches!(cell, Cell::Int(at) if *at > as_of.0) {
            *cell = Cell::Absent(State::Future);
        }
    }
}

/// Events: not merged; the same one told twice is one.
fn logged(mut rows: Vec<Given>) -> Vec<Merged> {
    rows.sort_by(|a, b| a.row.cells.cmp(&b.row.cells));
    let mut out: Vec<Merged> = Vec::with_capacity(rows.len());
    for Given { row, .. } in rows {
        match out.last_mut().filter(|last| last.cells == row.cells) {
            Some(last) => last.origins.push(row.origin),
            None => {
                let fresh = vec![true; row.cells.len()];
                out.push(Merged { cells: row.cells, fresh, origins: vec![row.origin], conflicts: Vec::new() });
            }
        }
    }
    for merged in &mut out {
        merged.origins.sort();
        merged.origins.dedup();
    }
    out
}

/// Rows of one id become one row (SEMANTICS §2.1).
fn merge(schema: &TableSchema, mut rows: Vec<Given>) -> Vec<Merged> {
    rows.sort_by(|a, b| id(&a.row.cells).cmp(id(&b.row.cells)));
    let mut out = Vec::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut same = vec![first];
        while let Some(next) = rows.next_if(|next| id(&next.row.cells) == id(&same[0].row.cells)) {
            same.push(next);
        }
        out.push(one(schema, same));
    }
    out
}

/// What several rows of one id are.
fn one(schema: &TableSchema, mut rows: Vec<Given>) -> Merged {
    // Most things are told of once.
    if let [only] = rows.as_mut_slice()
        && !only.row.cells.contains(&Cell::Absent(State::Conflict))
    {
        let cells = std::mem::take(&mut only.row.cells);
        let mut fresh = vec![only.fresh; cells.len()];
        fresh[0] &= !only.about;
        return Merged { cells, fresh, origins: vec![only.row.origin], conflicts: Vec::new() };
    }
    rows.sort_by(|a, b| (a.row.origin, &a.row.cells).cmp(&(b.row.origin, &b.row.cells)));
    let mut merged = Merged {
        cells: Vec::new(),
        fresh: Vec::new(),
        origins: rows.iter().map(|given| given.row.origin).collect(),
        conflicts: Vec::new(),
    };
    merged.origins.dedup();
    let apart = of_several_systems(schema, &rows);
    for (at, column) in schema.columns.iter().enumerate() {
        let cells = || rows.iter().map(|given| &given.row.cells[at]);
        let cell = match cells().next() {
            // What one of them does not say is not told of it by the other.
            Some(first) if apart && cells().any(|cell| cell != first) => Cell::Absent(State::Conflict),
            _ => agreed(cells(), column.latest, column.never),
        };
        if cell == Cell::Absent(State::Conflict) {
            let mut said: Vec<(String, Origin)> = rows
                .iter()
                .filter(|given| apart || given.row.cells[at] != Cell::Absent(State::Missing))
                .map(|given| (given.row.cells[at].display(column), given.row.origin))
                .collect();
            said.sort();
            said.dedup();
            merged.conflicts.push((at, said));
        }
        let vouches = |given: &&Given| given.fresh && given.row.cells[at] == cell && (at > 0 || !given.about);
        merged.fresh.push(rows.iter().any(|given| vouches(&given)));
        merged.cells.push(cell);
    }
    merged
}

/// Ids are unique across systems: rows of one id that name different ones speak of different things.
fn of_several_systems(schema: &TableSchema, rows: &[Given]) -> bool {
    let Some(system) = schema.column("system") else { return false };
    let mut named = rows.iter().map(|given| &given.row.cells[system]).filter(|cell| matches!(cell, Cell::Text(_)));
    named.next().is_some_and(|first| named.any(|other| other != first))
}

/// What several rows say of one value: equal stays, missing yields. A value that cannot be read, or lies in the future,
/// might contradict: it stays unknown.
fn agreed<'c>(cells: impl Iterator<Item = &'c Cell>, latest: bool, never: Never) -> Cell {
    let mut said: Vec<&Cell> = cells.filter(|cell| **cell != Cell::Absent(State::Missing)).collect();
    said.sort();
    said.dedup();
    match said.as_slice() {
        [] => Cell::Absent(State::Missing),
        [one] => (*one).clone(),
        several => {
            if let Some(unread) = several.iter().find(|cell| matches!(cell, Cell::Absent(state) if state.is_unknown())) {
                return (**unread).clone();
            }
            if latest && never == Never::Before {
                let newest = several.iter().filter(|cell| matches!(cell, Cell::Int(_))).max();
                let plain = several.iter().all(|cell| matches!(cell, Cell::Int(_) | Cell::Absent(State::Never)));
                if let (Some(newest), true) = (newest, plain) {
                    return (**newest).clone();
                }
            }
            Cell::Absent(State::Conflict)
        }
    }
}

/// An event with a credential and no identity is that credential's identity's (SEMANTICS §4.3).
fn owners_of_events(merged: &mut [Vec<Merged>]) {
    let at = |table: &str, column: &str| schema::table(table).and_then(|table| Some((table, SCHEMA[table].column(column)?)));
    let (Some((event, identity)), Some((_, credential)), Some((credentials, owner))) =
        (at("event", "identity"), at("event", "credential"), at("credential", "identity"))
    else {
        return;
    };
    let owners: BTreeMap<String, (Cell, bool)> =
        merged[credentials].iter().map(|row| (id(&row.cells).to_owned(), (row.cells[owner].clone(), row.fresh[owner]))).collect();
    for row in &mut merged[event] {
        if row.cells[identity] == Cell::Absent(State::Missing)
            && let Cell::Text(credential) = &row.cells[credential]
            && let Some((owner @ Cell::Text(_), fresh)) = owners.get(credential)
        {
            row.cells[identity] = owner.clone();
            row.fresh[identity] = *fresh;
        }
    }
    // The derived owner may have changed the order, which is that of the cells.
    merged[event].sort_by(|a, b| a.cells.cmp(&b.cells));
}

fn table(schema: &'static TableSchema, rows: Vec<Merged>, gaps: Vec<Gap>, ids: &[Vec<String>]) -> Table {
    let columns = schema.columns.iter().enumerate().map(|(at, column)| {
        let targets = column.refers.and_then(schema::table).map(|table| ids[table].as_slice());
        built(column.ty, &rows, at, targets)
    });
    let columns = columns.collect();
    let mut conflicts = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, said) in &row.conflicts {
            if let (Ok(row), Ok(column)) = (u32::try_from(number), u32::try_from(*column)) {
                conflicts.insert((row, column), said.clone());
            }
        }
    }
    let (length, origins) = (rows.len(), rows.into_iter().map(|row| row.origins).collect());
    Table { schema, rows: length, columns, origins, gaps, untold: BTreeSet::new(), conflicts }
}

fn built(ty: Type, rows: &[Merged], at: usize, targets: Option<&[String]>) -> Column {
    let cells = || rows.iter().map(|row| &row.cells[at]);
    let links: Option<Vec<Option<u32>>> = targets.map(|targets| {
        cells()
            .map(|cell| match cell {
                Cell::Text(text) => targets.binary_search(text).ok().and_then(|row| u32::try_from(row).ok()),
                _ => None,
            })
            .collect()
    });
    let state = UInt8Array::from_iter_values(cells().enumerate().map(|(row, cell)| match (cell, &links) {
        (Cell::Absent(state), _) => *state as u8,
        (_, Some(links)) if links[row].is_none() => State::Dangling as u8,
        _ => State::Known as u8,
    }));
    let fresh = if rows.iter().all(|row| row.fresh[at] || matches!(row.cells[at], Cell::Absent(state) if state.is_unknown())) {
        None
    } else {
        Some(rows.iter().map(|row| row.fresh[at]).collect::<BooleanBuffer>())
    };
    Column { values: values(ty, rows.len(), cells()), state, fresh, link: links.map(UInt32Array::from) }
}

fn values<'c>(ty: Type, rows: usize, cells: impl Iterator<Item = &'c Cell>) -> ArrayRef {
    use std::sync::Arc;
    match ty {
        Type::Text | Type::Enum(_) | Type::Address | Type::Fingerprint => {
            let mut out = StringBuilder::new();
            for cell in cells {
                match cell {
                    Cell::Text(text) => out.append_value(text),
                    _ => out.append_null(),
                }
            }
            Arc::new(out.finish())
        }
        Type::Bool => {
            let mut out = BooleanBuilder::with_capacity(rows);
            for cell in cells {
                match cell {
                    Cell::Bool(yes) => out.append_value(*yes),
                    _ => out.append_null(),
                }
            }
            Arc::new(out.finish())
        }
        Type::Number | Type::Time | Type::Duration => {
            let mut out = Int64Builder::with_capacity(rows);
            for cell in cells {
                match cell {
                    Cell::Int(number) => out.append_value(*number),
                    _ => out.append_null(),
                }
            }
            Arc::new(out.finish())
        }
        Type::List => {
            let mut out = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                match cell {
                    Cell::List(items) => {
                        for item in items {
                            out.values().append_option(item.as_deref());
                        }
                        out.append(true);
                    }
                    _ => out.append(false),
                }
            }
            Arc::new(out.finish())
        }
    }
}

/// Every system that rows name, as theirs or as accepting a credential.
pub fn systems_named<'r>(rows: impl Iterator<Item = &'r Row>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for row in rows {
        for (cell, column) in row.cells.iter().zip(SCHEMA[row.table].columns) {
            match (column.name, cell) {
                ("system", Cell::Text(system)) => {
                    found.insert(system.clone());
                }
                ("accepted_at", Cell::List(systems)) => found.extend(systems.iter().flatten().cloned()),
                _ => {}
            }
        }
    }
    found
}
