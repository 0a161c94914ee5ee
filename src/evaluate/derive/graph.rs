//! Grants as edges between identities, sure or possible.

use super::facts::{End, People, Values};
use crate::evaluate::kleene::Tri;
use crate::evaluate::world::World;
use crate::model::schema;

/// No grant, no edge.
pub const NOTHING: u32 = u32::MAX;

/// A node: an identity's row, or one of the nodes after them.
pub type Node = u32;

/// One edge. It is at least possible.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub from: Node,
    pub to: Node,
    /// [`NOTHING`]: the membership of an identity in a set.
    pub grant: u32,
    pub sure: bool,
    /// It is a hop or an impersonation.
    pub chain: Tri,
    /// It leads from one party to another.
    pub cross: Tri,
    /// Its grant is privileged.
    pub privileged: Tri,
}

impl Edge {
    #[must_use]
    pub fn is_privileged(&self, sure: bool) -> bool {
        if sure { self.sure && self.privileged == Tri::True } else { self.privileged != Tri::False }
    }

    #[must_use]
    pub fn is_chain(&self, sure: bool) -> bool {
        if sure { self.sure && self.chain == Tri::True } else { self.chain != Tri::False }
    }

    #[must_use]
    pub fn crosses(&self, sure: bool) -> bool {
        if sure { self.cross == Tri::True } else { self.cross != Tri::False }
    }
}

/// A set of identities that are not known one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// An identity that no table names.
    Unlisted,
    /// Any identity, as a holder or as a target.
    AnyHolder,
    AnyTarget,
    /// An identity whose system is not known, as a holder or as a target.
    StrayHolder,
    StrayTarget,
    /// Some identity of a system, as a holder or as a target.
    SomeHolder(u32),
    SomeTarget(u32),
    /// Every identity of a system.
    Everyone(u32),
}

/// All edges, and which node holds a privileged grant.
#[derive(Debug)]
pub struct Graph {
    pub identities: usize,
    pub nodes: usize,
    pub edges: Vec<Edge>,
    /// Edges by where they begin and by where they end.
    pub out: Index,
    pub into: Index,
    /// For each node, the first privileged grant that it surely holds, and the first that it might.
    pub holds: [Vec<u32>; 2],
}

/// Edges by node, each node's in their order.
#[derive(Debug)]
pub struct Index {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Index {
    fn new(nodes: usize, edges: &[Edge], end: fn(&Edge) -> Node) -> Index {
        let mut starts = vec![0_u32; nodes + 1];
        for edge in edges {
            starts[end(edge) as usize + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut placed = vec![0; edges.len()];
        for (number, edge) in edges.iter().enumerate() {
            let slot = &mut next[end(edge) as usize];
            placed[*slot as usize] = narrow(number);
            *slot += 1;
        }
        Index { starts, edges: placed }
    }

    #[must_use]
    pub fn of(&self, node: Node) -> &[u32] {
        &self.edges[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

#[must_use]
pub fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NOTHING)
}

/// Who may use a grant: nodes, each sure or possible.
struct Holders {
    nodes: Vec<(Node, Tri)>,
    /// One identity that is not known, of this system if that is known: it holds the grant itself, rather than through a set.
    somebody: Option<Option<u32>>,
}

struct Builder<'p> {
    people: &'p People,
    identities: usize,
    edges: Vec<Edge>,
    used: Vec<bool>,
    holds: [Vec<u32>; 2],
    /// The first privileged grant of an identity that is not known: in a system that is not known, and in each system.
    somebody: Vec<u32>,
}

const FIXED: u32 = 5;
const PER_SYSTEM: u32 = 3;

impl Graph {
    #[must_use]
    pub fn new(world: &World, people: &People) -> Graph {
        let identities = people.acts.len();
        let nodes = identities + FIXED as usize + PER_SYSTEM as usize * people.systems.len();
        let mut builder = Builder {
            people,
            identities,
            edges: Vec::new(),
            used: vec![false; nodes],
            holds: [vec![NOTHING; nodes], vec![NOTHING; nodes]],
            somebody: vec![NOTHING; people.systems.len() + 1],
        };
        builder.grants(world);
        builder.somebody();
        builder.members();
        let Builder { edges, holds, .. } = builder;
        let out = Index::new(nodes, &edges, |edge| edge.from);
        let into = Index::new(nodes, &edges, |edge| edge.to);
        Graph { identities, nodes, edges, out, into, holds }
    }

    /// Whether an identity, or whoever is of a set, holds a privileged grant.
    #[must_use]
    pub fn is_privileged(&self, node: Node, sure: bool) -> bool {
        let held = self.holds[usize::from(!sure)][node as usize] != NOTHING;
        held || !sure && self.set(node) == Some(Set::Unlisted)
    }

    /// What a node after the identities stands for.
    #[must_use]
    pub fn set(&self, node: Node) -> Option<Set> {
        let past = (node as usize).checked_sub(self.identities).map(narrow)?;
        Some(match past {
            0 => Set::Unlisted,
            1 => Set::AnyHolder,
            2 => Set::AnyTarget,
            3 => Set::StrayHolder,
            4 => Set::StrayTarget,
            _ => {
                let system = (past - FIXED) / PER_SYSTEM;
                match (past - FIXED) % PER_SYSTEM {
                    0 => Set::SomeHolder(system),
                    1 => Set::SomeTarget(system),
                    _ => Set::Everyone(system),
                }
            }
        })
    }
}

impl Builder<'_> {
    fn node(&self, set: Set) -> Node {
        let past = match set {
            Set::Unlisted => 0,
            Set::AnyHolder => 1,
            Set::AnyTarget => 2,
            Set::StrayHolder => 3,
            Set::StrayTarget => 4,
            Set::SomeHolder(system) => FIXED + PER_SYSTEM * system,
            Set::SomeTarget(system) => FIXED + PER_SYSTEM * system + 1,
            Set::Everyone(system) => FIXED + PER_SYSTEM * system + 2,
        };
        narrow(self.identities) + past
    }

    fn add(&mut self, edge: Edge) {
        for node in [edge.from, edge.to] {
            self.used[node as usize] = true;
        }
        self.edges.push(edge);
    }

    fn hold(&mut self, node: Node, grant: u32, truth: Tri) {
        for (sure, holds) in [true, false].into_iter().zip(&mut self.holds) {
            let counts = if sure { truth == Tri::True } else { truth != Tri::False };
            if counts && holds[node as usize] == NOTHING {
                holds[node as usize] = grant;
            }
        }
    }

    fn grants(&mut self, world: &World) {
        let Some(table) = schema::table("grant") else { return };
        let values = |name: &str| Values::new(world, table, name);
        let (holder, target, scope, external) = (values("identity"), values("target"), values("principal_scope"), values("external"));
        let (kind, privileged, expires) = (values("kind"), values("privileged"), values("expires_at"));
        for row in 0..world.table(table).rows {
            let given = if world.is_present(table, row) { Tri::True } else { Tri::Unknown };
            let exists = match expires.has_come(row, world.as_of.0) {
                Tri::True => continue,
                Tri::False => given,
                Tri::Unknown => Tri::Unknown,
            };
            let to = target.names(row);
            let privileged = privileged.flag(row);
            if to == End::None && privileged == Tri::False {
                continue;
            }
            let system = self.people.of_grants[row];
            let holders = self.holders(holder.names(row), scope.text(row), external.flag(row) != Tri::False, system);
            let chain = match kind.text(row) {
                None => Tri::Unknown,
                Some(word) => Tri::of(matches!(word, "hop" | "impersonation")),
            };
            let grant = narrow(row);
            self.privilege(grant, &holders, exists.and(privileged));
            for (from, holds) in holders.nodes {
                let edge = |to: Node, truth: Tri, cross: Tri| Edge { from, to, grant, sure: truth == Tri::True, chain, cross, privileged };
                match to {
                    End::None => {}
                    End::Row(to) => {
                        let truth = exists.and(holds).and(self.people.acts[to as usize]);
                        if truth != Tri::False && from != to {
                            let cross = if (from as usize) < self.identities { self.people.cross(from, to) } else { Tri::Unknown };
                            self.add(edge(to, truth, cross));
                        }
                    }
                    End::Dangling | End::Unknown if holds == Tri::False => {}
                    End::Dangling | End::Unknown => {
                        let near = system.filter(|_| to == End::Dangling);
                        let some = near.map_or(Set::AnyTarget, Set::SomeTarget);
                        self.add(edge(self.node(some), Tri::Unknown, Tri::Unknown));
                        self.add(edge(self.node(Set::Unlisted), Tri::Unknown, Tri::Unknown));
                    }
                }
            }
        }
    }

    /// Who may use a grant.
    fn holders(&self, holder: End, scope: Option<&str>, outsiders: bool, system: Option<u32>) -> Holders {
        let some = |system: Option<u32>| (self.node(system.map_or(Set::AnyHolder, Set::SomeHolder)), Tri::Unknown);
        let mut nodes: Vec<(Node, Tri)> = Vec::new();
        match holder {
            End::None => {}
            End::Row(row) => nodes.push((row, self.people.acts[row as usize])),
            // A name that no row has may be another name of one of its system.
            End::Dangling => nodes.push(some(system)),
            End::Unknown => nodes.push(some(None)),
        }
        // A principal that stands for several is an identity of the inventory at best in name.
        match (scope, holder) {
            (Some("one"), _) => {}
            (Some("everyone"), _) => nodes.push(match system {
                Some(system) => (self.node(Set::Everyone(system)), Tri::True),
                None => some(None),
            }),
            (Some(_), End::Row(row)) => nodes.push(some(self.people.system[row as usize])),
            (Some(_), _) => nodes.push(some(system)),
            (None, End::Row(row)) => nodes.extend([some(self.people.system[row as usize]), some(system)]),
            (None, _) => nodes.push(some(system)),
        }
        let unlisted = match (holder, scope) {
            (End::Dangling | End::Unknown, _) => true,
            (_, Some("one")) | (End::Row(_), Some("group" | "account")) => false,
            _ => outsiders,
        };
        if unlisted {
            nodes.push((self.node(Set::Unlisted), Tri::Unknown));
        }
        nodes.dedup();
        let somebody = match holder {
            End::Dangling => Some(system),
            End::Unknown => Some(None),
            _ => None,
        };
        Holders { nodes, somebody: somebody.filter(|_| scope == Some("one")) }
    }

    /// Who holds a privileged grant.
    fn privilege(&mut self, grant: u32, holders: &Holders, truth: Tri) {
        if truth == Tri::False {
            return;
        }
        if let Some(system) = holders.somebody {
            let first = &mut self.somebody[system.map_or(0, |system| system as usize + 1)];
            *first = (*first).min(grant);
            return;
        }
        for (node, holds) in &holders.nodes {
            self.hold(*node, grant, truth.and(*holds));
        }
    }

    /// A privileged grant of an identity that is not known may be held by any of its system, each by itself: not by way of
    /// a group.
    fn somebody(&mut self) {
        let anywhere = self.somebody.iter().copied().min().unwrap_or(NOTHING);
        if anywhere == NOTHING {
            return;
        }
        for row in (0..self.identities).filter(|row| self.people.acts[*row] != Tri::False) {
            let grant = match self.people.system[row] {
                Some(system) => self.somebody[0].min(self.somebody[system as usize + 1]),
                None => anywhere,
            };
            self.hold(narrow(row), grant, Tri::Unknown);
        }
    }

    /// Identities as members of the sets that some grant speaks of.
    fn members(&mut self) {
        let unlisted = self.node(Set::Unlisted);
        let (stray_holder, stray_target) = (self.node(Set::StrayHolder), self.node(Set::StrayTarget));
        let (any_holder, any_target) = (self.node(Set::AnyHolder), self.node(Set::AnyTarget));
        let used = |builder: &Self, node: Node| builder.used[node as usize] || builder.holds[1][node as usize] != NOTHING;
        let member = |from: Node, to: Node, sure: bool| Edge {
            from,
            to,
            grant: NOTHING,
            sure,
            chain: Tri::True,
            cross: Tri::False,
            privileged: Tri::False,
        };
        for system in 0..narrow(self.people.systems.len()) {
            for set in [Set::SomeHolder(system), Set::Everyone(system)] {
                if used(self, self.node(set)) {
                    self.add(member(stray_holder, self.node(set), false));
                }
            }
            if used(self, self.node(Set::SomeTarget(system))) {
                self.add(member(self.node(Set::SomeTarget(system)), stray_target, false));
            }
        }
        for row in 0..self.identities {
            let acts = self.people.acts[row];
            if acts == Tri::False {
                continue;
            }
            let identity = narrow(row);
            let system = self.people.system[row];
            let holders = [Some(any_holder), Some(self.node(system.map_or(Set::StrayHolder, Set::SomeHolder)))];
            for set in holders.into_iter().flatten().filter(|set| used(self, *set)).collect::<Vec<_>>() {
                self.add(member(identity, set, false));
            }
            if let Some(everyone) = system.map(|system| self.node(Set::Everyone(system))).filter(|set| used(self, *set)) {
                self.add(member(identity, everyone, acts == Tri::True));
            }
            for set in [any_target, self.node(system.map_or(Set::StrayTarget, Set::SomeTarget))] {
                if used(self, set) {
                    self.add(member(set, identity, false));
                }
            }
        }
        // Nothing is known of an identity that no table names: its own chain may be any.
        if used(self, unlisted) {
            self.add(Edge {
                from: unlisted,
                to: unlisted,
                grant: NOTHING,
                sure: false,
                chain: Tri::Unknown,
                cross: Tri::Unknown,
                privileged: Tri::Unknown,
            });
        }
    }
}
