//! Fixpoints over the graph: each node and each edge is looked at once, or once per link of a chain.

use super::CHAIN_CAP;
use super::facts::People;
use super::graph::{Graph, NOTHING, Node, Set, narrow};
use crate::evaluate::kleene::Tri;

/// The nodes that a search found, each with the edge that it was found by.
#[derive(Debug)]
pub struct Way {
    pub hit: Vec<bool>,
    /// Backwards searches: the edge to go on by; forwards: the edge come by. The way by these edges is a shortest one.
    pub via: Vec<u32>,
}

/// How a search goes on from an edge that it crosses.
struct Search<'g> {
    graph: &'g Graph,
    way: Way,
    queue: Vec<Node>,
}

impl<'g> Search<'g> {
    fn new(graph: &'g Graph) -> Search<'g> {
        Search { graph, way: Way { hit: vec![false; graph.nodes], via: vec![NOTHING; graph.nodes] }, queue: Vec::new() }
    }

    fn find(&mut self, node: Node, edge: u32) {
        if !self.way.hit[node as usize] {
            self.way.hit[node as usize] = true;
            self.way.via[node as usize] = edge;
            self.queue.push(node);
        }
    }

    /// Goes on, breadth first, from what was found; backwards or forwards.
    fn spread(mut self, sure: bool, backwards: bool) -> Way {
        let index = if backwards { &self.graph.into } else { &self.graph.out };
        let mut next = 0;
        while let Some(node) = self.queue.get(next).copied() {
            next += 1;
            for number in index.of(node) {
                let edge = self.graph.edges[*number as usize];
                if edge.sure || !sure {
                    self.find(if backwards { edge.from } else { edge.to }, *number);
                }
            }
        }
        self.way
    }
}

/// The nodes from which a walk of one edge or more leads to privilege: over a privileged edge, or to a node that holds
/// a privileged grant.
#[must_use]
pub fn to_privileged(graph: &Graph, sure: bool) -> Way {
    let mut search = Search::new(graph);
    for (number, edge) in graph.edges.iter().enumerate() {
        let there = edge.is_privileged(sure) || (edge.sure || !sure) && graph.is_privileged(edge.to, sure);
        if there {
            search.find(edge.from, narrow(number));
        }
    }
    search.spread(sure, true)
}

/// The nodes to which a walk of one edge or more leads from an identity that is overdue.
#[must_use]
pub fn from_overdue(graph: &Graph, people: &People, sure: bool) -> Way {
    let mut search = Search::new(graph);
    for (number, edge) in graph.edges.iter().enumerate() {
        if (edge.sure || !sure) && is_overdue(graph, people, edge.from, sure) {
            search.find(edge.to, narrow(number));
        }
    }
    search.spread(sure, false)
}

/// Whether a node is itself overdue; nothing is known of an identity that no table names.
#[must_use]
pub fn is_overdue(graph: &Graph, people: &People, node: Node, sure: bool) -> bool {
    match people.overdue.get(node as usize) {
        Some(overdue) if sure => *overdue == Tri::True,
        Some(overdue) => *overdue != Tri::False,
        None => !sure && graph.set(node) == Some(Set::Unlisted),
    }
}

/// For each node, the most crossings of a walk from an identity that ends there, and the last edge of one such walk.
#[derive(Debug)]
pub struct Lengths {
    pub length: Vec<u8>,
    pub via: Vec<u32>,
}

/// Lengths of chains. A round finds the nodes at which a chain of one link more ends, so that a cycle of links, which has
/// no end, comes to the cap.
#[must_use]
pub fn lengths(graph: &Graph, sure: bool) -> Lengths {
    let mut lengths = Lengths { length: vec![0; graph.nodes], via: vec![NOTHING; graph.nodes] };
    // A set without a member is nobody: a walk begins at an identity, in the inventory or not.
    let begins = |node: Node| matches!(graph.set(node), None | Some(Set::Unlisted));
    let mut ends: Vec<bool> = (0..narrow(graph.nodes)).map(begins).collect();
    let mut reached: Vec<Node> = (0..narrow(graph.nodes)).filter(|node| begins(*node)).collect();
    for length in 0..=CHAIN_CAP {
        let before = std::mem::take(&mut reached);
        let mut raise = |number: u32, to: Node, reached: &mut Vec<Node>| {
            let at = to as usize;
            if !ends[at] || lengths.length[at] < length {
                ends[at] = true;
                lengths.length[at] = length;
                lengths.via[at] = number;
                reached.push(to);
            }
        };
        if length == 0 {
            reached = before;
        } else {
            for number in before.into_iter().flat_map(|node| graph.out.of(node)) {
                let edge = &graph.edges[*number as usize];
                if edge.is_chain(sure) && edge.crosses(sure) {
                    raise(*number, edge.to, &mut reached);
                }
            }
        }
        // What is not surely a link lengthens no chain, and carries it on.
        let mut next = 0;
        while let Some(node) = reached.get(next).copied() {
            next += 1;
            for number in graph.out.of(node) {
                let edge = &graph.edges[*number as usize];
                if edge.is_chain(sure) {
                    raise(*number, edge.to, &mut reached);
                }
            }
        }
        if reached.is_empty() {
            break;
        }
    }
    lengths
}
