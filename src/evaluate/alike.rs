//! References that lead nowhere, and the rows that they may mean all the same: written as its own system calls a row, with a
//! prefix more or less, in other letters (SEMANTICS §4.3).

use std::collections::{BTreeMap, BTreeSet};

use super::world::{World, key_text};
use crate::model::schema::SCHEMA;
use crate::model::value::State;

/// Which rows of one table resemble which dangling references to it.
#[derive(Debug, Default)]
pub struct Alike {
    texts: BTreeMap<u32, Vec<u32>>,
    rows: BTreeMap<u32, Vec<u32>>,
}

impl Alike {
    /// Looks every name of the table up among the references, given with their codes.
    #[must_use]
    pub fn new(world: &World, table: usize, references: &BTreeMap<u32, &str>) -> Alike {
        let mut whole: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut ends: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let systems: Vec<(String, &str)> =
            world.evidence.systems.iter().map(|system| (format!("{}:", plain(system)), system.as_str())).collect();
        let mut of: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for (code, text) in references {
            let text = plain(text);
            for end in ends_of(&text) {
                ends.entry(end.to_owned()).or_default().push(*code);
            }
            of.insert(*code, systems.iter().filter(|(prefix, _)| text.starts_with(prefix)).map(|(_, system)| *system).collect());
            whole.entry(text).or_default().push(*code);
        }
        let mut alike = Alike::default();
        let schema = &SCHEMA[table];
        let columns = &world.table(table).columns;
        let (native, system) = (schema.column("native_id"), schema.column("system"));
        let known = |column: Option<usize>, row: usize| {
            let column = column.filter(|column| world.state(table, *column, row) == State::Known)?;
            key_text(&columns[column], row)
        };
        for row in 0..world.table(table).rows {
            let mut found: BTreeSet<u32> = BTreeSet::new();
            for name in [key_text(&columns[0], row), known(native, row)].into_iter().flatten() {
                let name = plain(name);
                found.extend(ends.get(&name).into_iter().flatten());
                found.extend(ends_of(&name).filter_map(|end| whole.get(end)).flatten());
            }
            let own = known(system, row).map(plain);
            found.retain(|code| match (&own, of.get(code)) {
                (Some(own), Some(of)) if !of.is_empty() => of.iter().any(|system| plain(system) == *own),
                _ => true,
            });
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            for code in found {
                alike.texts.entry(row).or_default().push(code);
                alike.rows.entry(code).or_default().push(row);
            }
        }
        alike
    }

    /// The references that a row resembles.
    #[must_use]
    pub fn texts(&self, row: u32) -> &[u32] {
        self.texts.get(&row).map_or(&[], Vec::as_slice)
    }

    /// The rows that a reference resembles.
    #[must_use]
    pub fn rows(&self, reference: u32) -> &[u32] {
        self.rows.get(&reference).map_or(&[], Vec::as_slice)
    }
}

/// Without what people write in more than one way.
#[must_use]
pub fn plain(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// A name and its ends after a `:` or `/`.
fn ends_of(name: &str) -> impl Iterator<Item = &str> {
    let inner = name.match_indices([':', '/']).map(|(at, _)| &name[at + 1..]);
    std::iter::once(name).chain(inner).filter(|end| !end.is_empty())
}
