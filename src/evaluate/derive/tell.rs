//! What a finding says of a derived fact: one shortest path, the rows that it rests on, and what is not known of them.

use super::facts::End;
use super::graph::{Edge, NOTHING, Node, Set};
use super::{CHAIN_CAP, Derived, Fact, walk};
use crate::evaluate::absence;
use crate::evaluate::kleene::Tri;
use crate::evaluate::world::{World, key_text};
use crate::model::assessment::{Cause, Reason};
use crate::model::schema::{self, SCHEMA};

/// See [`Derived::tell`].
#[derive(Debug, Default)]
pub struct Told {
    /// `true: ci → g-1 → deploy → g-2`.
    pub text: String,
    /// Rows that the path rests on: table and row.
    pub rows: Vec<(usize, usize)>,
    /// Values that the path depends on, and that are perhaps not known: table, column and row.
    pub doubts: Vec<(usize, usize, usize)>,
    /// What else leaves the fact open.
    pub reasons: Vec<Reason>,
}

/// A path being told.
struct Path<'d, 'w> {
    derived: &'d Derived,
    world: &'d World<'w>,
    fact: Fact,
    names: Vec<String>,
    told: Told,
}

impl Derived {
    /// Explains a fact of one identity.
    #[must_use]
    pub fn tell(&self, world: &World, fact: Fact, row: usize) -> Told {
        let mut path = Path { derived: self, world, fact, names: Vec::new(), told: Told::default() };
        path.doubt("identity", "status", row);
        let inactive = self.people.acts[row] == Tri::False;
        let value = match fact {
            Fact::ReachesPrivileged => path.privileged(row),
            Fact::UpstreamOverdue => path.overdue(row),
            Fact::ChainLength => path.chain(row),
        };
        let open = !self.closed && !inactive;
        if open {
            for table in ["grant", "identity"].iter().filter_map(|name| schema::table(name)).map(|table| world.table(table)) {
                let gaps = table.gaps.iter().filter(|_| !table.is_complete(world.fresh_only));
                path.told.reasons.extend(gaps.map(|gap| absence::gap_reason(table.schema.name, gap)));
            }
        }
        path.told.text = match (path.names.is_empty(), open) {
            (false, _) => format!("{value}: {}", path.names.join(" → ")),
            (true, true) => format!("{value}: not every grant is known"),
            (true, false) => value,
        };
        path.told
    }
}

impl Path<'_, '_> {
    fn name(&self, node: Node) -> String {
        let system = |code: u32| &self.derived.people.systems[code as usize];
        match self.derived.graph.set(node) {
            None => self.id("identity", node as usize),
            Some(Set::Unlisted) => "an identity that is not in the inventory".to_owned(),
            Some(Set::AnyHolder | Set::AnyTarget) => "any identity".to_owned(),
            Some(Set::StrayHolder | Set::StrayTarget) => "an identity of a system that is not known".to_owned(),
            Some(Set::SomeHolder(code) | Set::SomeTarget(code)) => format!("an identity of {}", system(code)),
            Some(Set::Everyone(code)) => format!("everyone of {}", system(code)),
        }
    }

    fn id(&self, table: &str, row: usize) -> String {
        let table = schema::table(table).map(|table| self.world.table(table));
        table.and_then(|table| key_text(&table.columns[0], row)).unwrap_or_default().to_owned()
    }

    fn doubt(&mut self, table: &str, column: &str, row: usize) {
        let Some(position) = schema::table(table) else { return };
        if let Some(column) = SCHEMA[position].column(column) {
            self.told.doubts.push((position, column, row));
        }
    }

    fn rests_on(&mut self, table: &str, row: usize) {
        self.told.rows.extend(schema::table(table).map(|table| (table, row)));
    }

    fn grant(&mut self, grant: u32, columns: &[&str]) {
        if grant == NOTHING {
            return;
        }
        let row = grant as usize;
        self.rests_on("grant", row);
        for column in ["identity", "principal_scope", "expires_at"].iter().chain(columns) {
            self.doubt("grant", column, row);
        }
    }

    /// Tells a path from its first node to its last.
    fn along(&mut self, edges: &[Edge], columns: &[&str]) {
        let Some(first) = edges.first() else { return };
        self.names.push(self.name(first.from));
        let mut nodes = vec![first.from];
        for edge in edges {
            if edge.grant != NOTHING {
                self.names.push(self.id("grant", edge.grant as usize));
            }
            self.names.push(self.name(edge.to));
            self.grant(edge.grant, &[&["target"], columns].concat());
            nodes.push(edge.to);
            if edge.grant != NOTHING && self.derived.graph.set(edge.from) == Some(Set::Unlisted) {
                let grant = self.id("grant", edge.grant as usize);
                let detail = format!("who uses grant `{grant}` is not known: it may be an identity that is not in the inventory");
                self.told.reasons.push(Reason { word: "unattributed", detail, cause: Cause::Match("grant") });
            }
            if edge.grant == NOTHING && !edge.sure {
                self.unattributed(*edge);
            }
        }
        for node in nodes.into_iter().filter(|node| self.derived.graph.set(*node).is_none()) {
            self.rests_on("identity", node as usize);
            self.doubt("identity", "status", node as usize);
            if self.fact == Fact::ChainLength {
                self.doubt("identity", "third_party", node as usize);
            }
        }
    }

    fn unattributed(&mut self, member: Edge) {
        let node = if self.derived.graph.set(member.from).is_none() { member.from } else { member.to };
        if self.derived.graph.set(node).is_none() {
            let detail = format!("whether identity `{}` is meant by a grant that does not name it is not known", self.name(node));
            self.told.reasons.push(Reason { word: "unattributed", detail, cause: Cause::Match("identity") });
        }
    }

    fn privileged(&mut self, row: usize) -> String {
        let (derived, graph) = (self.derived, &self.derived.graph);
        let sure = derived.privileged.sure.hit[row];
        let way = if sure { &derived.privileged.sure } else { &derived.privileged.maybe };
        let mut edges = Vec::new();
        let mut node = row;
        while way.hit[node] && edges.len() < graph.nodes {
            let edge = graph.edges[way.via[node] as usize];
            edges.push(edge);
            node = edge.to as usize;
            if edge.is_privileged(sure) || graph.is_privileged(edge.to, sure) {
                break;
            }
        }
        self.along(&edges, &["privileged"]);
        if let Some(last) = edges.last().filter(|last| !last.is_privileged(sure)) {
            let held = graph.holds[usize::from(!sure)][last.to as usize];
            if held != NOTHING {
                self.names.push(self.id("grant", held as usize));
                self.grant(held, &["privileged"]);
            }
        }
        self.value(sure, way.hit[row], row)
    }

    fn overdue(&mut self, row: usize) -> String {
        let (derived, graph) = (self.derived, &self.derived.graph);
        let sure = derived.overdue.sure.hit[row];
        let way = if sure { &derived.overdue.sure } else { &derived.overdue.maybe };
        let mut edges = Vec::new();
        let mut node = row;
        while way.hit[node] && edges.len() < graph.nodes {
            let edge = graph.edges[way.via[node] as usize];
            edges.push(edge);
            node = edge.from as usize;
            if walk::is_overdue(graph, &derived.people, edge.from, sure) {
                break;
            }
        }
        edges.reverse();
        if let Some(party) = edges.first().and_then(|edge| derived.people.party.get(edge.from as usize)) {
            self.doubt("identity", "third_party", node);
            if let End::Row(party) = party {
                let party = *party as usize;
                self.names.push(format!("party {}", self.id("party", party)));
                self.rests_on("party", party);
                self.doubt("party", "offboarded_at", party);
                self.doubt("party", "contract_end", party);
            }
        }
        self.along(&edges, &[]);
        self.value(sure, way.hit[row], row)
    }

    fn value(&self, sure: bool, maybe: bool, row: usize) -> String {
        let known = self.derived.closed || self.derived.people.acts[row] == Tri::False;
        match (sure, maybe) {
            (true, _) => "true",
            (false, false) if known => "false",
            _ => "unknown",
        }
        .to_owned()
    }

    fn chain(&mut self, row: usize) -> String {
        let (derived, graph) = (self.derived, &self.derived.graph);
        let (least, most) = if derived.people.acts[row] == Tri::False {
            (0, 0)
        } else {
            (derived.least.length[row], if derived.closed { derived.most.length[row] } else { CHAIN_CAP })
        };
        // What is sure is told where there is any of it; else what is possible.
        let lengths = if least > 0 { &derived.least } else { &derived.most };
        let mut edges: Vec<Edge> = Vec::new();
        let mut seen = vec![row];
        let mut node = row;
        while lengths.via[node] != NOTHING {
            let edge = graph.edges[lengths.via[node] as usize];
            node = edge.from as usize;
            edges.push(edge);
            if seen.contains(&node) || seen.len() > 4 * usize::from(CHAIN_CAP) {
                break;
            }
            seen.push(node);
        }
        edges.reverse();
        if most > 0 {
            self.along(&edges, &["kind"]);
        }
        let end = |length: u8| if length == CHAIN_CAP { format!("{CHAIN_CAP} or more") } else { length.to_string() };
        if least == most { end(least) } else { format!("{least} to {}", end(most)) }
    }
}
