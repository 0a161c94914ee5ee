//! Derived facts: three-valued columns of `identity` that no condition can say, because they follow grants any number of
//! times (SEMANTICS §6, docs/conditions.md §6).
//!
//! ```text
//! facts ─► graph ─► walk          rows, edges, fixpoints
//!            └───────┴─► tell     one shortest path, for a finding
//! ```
//!
//! Nothing here looks at pairs of identities: a set of holders that is not known one by one (a group, everyone, an
//! identity that is not named) is a node of its own, so that the graph grows with rows, never with their product.

mod facts;
mod graph;
mod tell;
mod walk;

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, UInt8Array};

use super::kleene::Tri;
use super::world::World;
use crate::model::schema;
use crate::model::table::Column;
use crate::model::value::{Number, State};
use facts::People;
use graph::Graph;
use walk::{Lengths, Way};

/// The longest chain that is counted: `chain_length` of a longer one, or of one without an end, is this.
pub const CHAIN_CAP: u8 = 16;

/// Which derived column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    ReachesPrivileged,
    UpstreamOverdue,
    ChainLength,
}

impl Fact {
    /// The fact that a column holds; `None`: no derived column.
    #[must_use]
    pub fn of(table: usize, column: usize) -> Option<Fact> {
        let column = &schema::SCHEMA[table].columns[column];
        match column.name {
            _ if !column.derived => None,
            "reaches_privileged" => Some(Fact::ReachesPrivileged),
            "upstream_overdue" => Some(Fact::UpstreamOverdue),
            _ => Some(Fact::ChainLength),
        }
    }
}

/// The derived columns of `identity` in one world, and the ways that lead to them.
#[derive(Debug)]
pub struct Derived {
    people: People,
    graph: Graph,
    /// Every grant and every identity is known to be here: what is not found is not there.
    closed: bool,
    privileged: Ways,
    overdue: Ways,
    least: Lengths,
    most: Lengths,
    columns: [Column; 3],
    /// The ends of `chain_length`.
    ends: [Int64Array; 2],
}

/// The nodes that surely, and those that possibly, have a fact.
#[derive(Debug)]
struct Ways {
    sure: Way,
    maybe: Way,
}

impl Derived {
    #[must_use]
    pub fn new(world: &World) -> Derived {
        let people = People::new(world);
        let graph = Graph::new(world, &people);
        let complete = |name: &str| schema::table(name).is_some_and(|table| world.table(table).is_complete(world.fresh_only));
        let closed = complete("grant") && complete("identity");
        let privileged = Ways { sure: walk::to_privileged(&graph, true), maybe: walk::to_privileged(&graph, false) };
        let overdue = Ways { sure: walk::from_overdue(&graph, &people, true), maybe: walk::from_overdue(&graph, &people, false) };
        let (least, most) = (walk::lengths(&graph, true), walk::lengths(&graph, false));
        let truth = |ways: &Ways| -> Vec<Tri> {
            let found = |row: usize| match (ways.sure.hit[row], ways.maybe.hit[row]) {
                (true, _) => Tri::True,
                (false, false) if closed || people.acts[row] == Tri::False => Tri::False,
                _ => Tri::Unknown,
            };
            (0..people.acts.len()).map(found).collect()
        };
        let spans: Vec<(u8, u8)> = (0..people.acts.len())
            .map(|row| match people.acts[row] {
                Tri::False => (0, 0),
                _ => (least.length[row], if closed { most.length[row] } else { CHAIN_CAP }),
            })
            .collect();
        let number = |length: u8| Number::whole(i64::from(length)).map(|number| number.0);
        let ends = [spans.iter().map(|(least, _)| number(*least)).collect(), spans.iter().map(|(_, most)| number(*most)).collect()];
        let exact: Int64Array = spans.iter().map(|(least, most)| number(*least).filter(|_| least == most)).collect();
        let columns =
            [flags(&truth(&privileged)), flags(&truth(&overdue)), column(Arc::new(exact), spans.iter().map(|(least, most)| least == most))];
        Derived { people, graph, closed, privileged, overdue, least, most, columns, ends }
    }

    /// A derived column; `chain_length` is known here only where it is one number.
    #[must_use]
    pub fn column(&self, fact: Fact) -> &Column {
        match fact {
            Fact::ReachesPrivileged => &self.columns[0],
            Fact::UpstreamOverdue => &self.columns[1],
            Fact::ChainLength => &self.columns[2],
        }
    }

    /// The least and the most that `chain_length` can be.
    #[must_use]
    pub fn chain_ends(&self) -> &[Int64Array; 2] {
        &self.ends
    }
}

fn flags(truths: &[Tri]) -> Column {
    let values: BooleanArray = truths
        .iter()
        .map(|truth| match truth {
            Tri::True => Some(true),
            Tri::False => Some(false),
            Tri::Unknown => None,
        })
        .collect();
    column(Arc::new(values), truths.iter().map(|truth| *truth != Tri::Unknown))
}

fn column(values: ArrayRef, known: impl Iterator<Item = bool>) -> Column {
    let state = UInt8Array::from_iter_values(known.map(|known| if known { State::Known } else { State::Missing } as u8));
    Column { values, state, fresh: None, link: None }
}
