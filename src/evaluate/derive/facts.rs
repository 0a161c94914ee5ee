//! What single rows say: who can act, for whom, and whether that party should be gone.

use arrow_array::{Array, BooleanArray, Int64Array, UInt32Array};

use crate::evaluate::codes::Codes;
use crate::evaluate::kleene::Tri;
use crate::evaluate::world::{World, key_text};
use crate::model::schema;
use crate::model::table::Column;
use crate::model::value::State;

/// One column of a table as a world sees it.
pub struct Values<'w> {
    states: Vec<u8>,
    column: Option<&'w Column>,
}

impl<'w> Values<'w> {
    #[must_use]
    pub fn new(world: &World<'w>, table: usize, name: &str) -> Values<'w> {
        let table = world.table(table);
        let column = table.schema.column(name).map(|column| &table.columns[column]);
        Values { states: column.map(|column| world.states(column)).unwrap_or_default(), column }
    }

    #[must_use]
    pub fn state(&self, row: usize) -> State {
        self.states.get(row).map_or(State::Missing, |state| State::from_byte(*state))
    }

    /// The text, where it is known.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&'w str> {
        self.column.filter(|_| self.state(row) == State::Known).and_then(|column| key_text(column, row))
    }

    #[must_use]
    pub fn flag(&self, row: usize) -> Tri {
        let flags = self.column.and_then(|column| column.values.as_any().downcast_ref::<BooleanArray>());
        match flags {
            Some(flags) if self.state(row) == State::Known && flags.is_valid(row) => Tri::of(flags.value(row)),
            _ => Tri::Unknown,
        }
    }

    /// Whether a time that ends something has come; `none` and `never` do not come.
    #[must_use]
    pub fn has_come(&self, row: usize, as_of: i64) -> Tri {
        let times = self.column.and_then(|column| column.values.as_any().downcast_ref::<Int64Array>());
        match (self.state(row), times) {
            (State::None | State::Never, _) => Tri::False,
            (State::Known, Some(times)) if times.is_valid(row) => Tri::of(times.value(row) <= as_of),
            _ => Tri::Unknown,
        }
    }

    /// The row that a reference names.
    #[must_use]
    pub fn names(&self, row: usize) -> End {
        let links: Option<&UInt32Array> = self.column.and_then(|column| column.link.as_ref());
        match (self.state(row), links) {
            (State::None, _) => End::None,
            (State::Known, Some(links)) if links.is_valid(row) => End::Row(links.value(row)),
            (State::Dangling, _) => End::Dangling,
            _ => End::Unknown,
        }
    }
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    None,
    Row(u32),
    /// The name of a row that is not there.
    Dangling,
    /// Missing, contradicted, stale…
    Unknown,
}

/// The identities.
#[derive(Debug)]
pub struct People {
    /// Neither disabled nor deleted.
    pub acts: Vec<Tri>,
    /// Codes of their systems; `None`: not known.
    pub system: Vec<Option<u32>>,
    /// The outside party that uses each.
    pub party: Vec<End>,
    /// Can act for a party that was offboarded, or whose contract has ended.
    pub overdue: Vec<Tri>,
    /// Systems of identities and grants, by code.
    pub systems: Vec<String>,
    /// For each grant, its system.
    pub of_grants: Vec<Option<u32>>,
}

impl People {
    #[must_use]
    pub fn new(world: &World) -> People {
        let (Some(identity), Some(grant), Some(party)) = (schema::table("identity"), schema::table("grant"), schema::table("party")) else {
            return People {
                acts: Vec::new(),
                system: Vec::new(),
                party: Vec::new(),
                overdue: Vec::new(),
                systems: Vec::new(),
                of_grants: Vec::new(),
            };
        };
        let rows = world.table(identity).rows;
        let status = Values::new(world, identity, "status");
        let acts: Vec<Tri> = (0..rows)
            .map(|row| match status.text(row) {
                None => Tri::Unknown,
                Some(word) => Tri::of(word == "active"),
            })
            .collect();
        let (offboarded, ended) = (Values::new(world, party, "offboarded_at"), Values::new(world, party, "contract_end"));
        let gone: Vec<Tri> = (0..world.table(party).rows)
            .map(|row| match (offboarded.has_come(row, world.as_of.0), ended.has_come(row, world.as_of.0)) {
                (Tri::True, _) | (_, Tri::True) => Tri::True,
                (Tri::False, Tri::False) => Tri::False,
                _ => Tri::Unknown,
            })
            .collect();
        let third = Values::new(world, identity, "third_party");
        let party: Vec<End> = (0..rows).map(|row| third.names(row)).collect();
        let overdue = party
            .iter()
            .zip(&acts)
            .map(|(party, acts)| {
                acts.and(match party {
                    End::None => Tri::False,
                    End::Row(row) => gone[*row as usize],
                    End::Dangling | End::Unknown => Tri::Unknown,
                })
            })
            .collect();
        let mut codes = Codes::default();
        let mut systems: Vec<String> = Vec::new();
        let mut of = |table: usize| -> Vec<Option<u32>> {
            let values = Values::new(world, table, "system");
            (0..world.table(table).rows)
                .map(|row| {
                    let text = values.text(row)?;
                    let code = codes.of(text);
                    if code as usize == systems.len() {
                        systems.push(text.to_owned());
                    }
                    Some(code)
                })
                .collect()
        };
        let (system, of_grants) = (of(identity), of(grant));
        People { acts, system, party, overdue, systems, of_grants }
    }

    /// Whether two identities are of different parties; `none` is the organisation itself.
    #[must_use]
    pub fn cross(&self, from: u32, to: u32) -> Tri {
        match (self.party[from as usize], self.party[to as usize]) {
            (End::None | End::Row(_), End::None | End::Row(_)) => Tri::of(self.party[from as usize] != self.party[to as usize]),
            _ => Tri::Unknown,
        }
    }
}
