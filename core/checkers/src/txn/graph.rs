//! Dependencies between transactions, and the orders of processes and of real time beside them.
//!
//! Transactions are numbered in the order of their invocation. So what began after a transaction had completed is a
//! suffix of all transactions, and real time costs one number a transaction instead of edges: where its suffix starts.
//! Searches that need edges get a chain of time nodes, one before each transaction, that exists in arithmetic only.
use super::history::NONE;

pub const WW: u8 = 1;
pub const WR: u8 = 2;
pub const RW: u8 = 4;
pub const PROCESS: u8 = 8;
pub const REALTIME: u8 = 16;
/// The way on from an auxiliary node; it costs nothing and may always be taken.
pub const VIA: u8 = 32;

#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub from: u32,
    pub to: u32,
    pub kind: u8,
}

/// Nodes below `txns` are transactions, those from there to `nodes` auxiliary.
pub struct Graph {
    pub txns: u32,
    pub nodes: u32,
    first: Vec<u32>,
    to: Vec<u32>,
    kind: Vec<u8>,
    /// The next transaction of the same process, or `NONE`.
    pub process: Vec<u32>,
    /// The first transaction invoked after this one had completed, or `NONE`.
    pub start: Vec<u32>,
    /// Transactions of one region are neighbours in number, and only they are connected.
    pub region: Vec<u32>,
}

impl Graph {
    pub fn new(txns: u32, nodes: u32, edges: &[Edge], process: Vec<u32>, start: Vec<u32>, region: Vec<u32>) -> Self {
        let mut first = vec![0u32; nodes as usize + 2];
        edges.iter().for_each(|edge| first[edge.from as usize + 2] += 1);
        for node in 2..first.len() {
            first[node] += first[node - 1];
        }
        let (mut to, mut kind) = (vec![0; edges.len()], vec![0; edges.len()]);
        for edge in edges {
            let place = &mut first[edge.from as usize + 1];
            to[*place as usize] = edge.to;
            kind[*place as usize] = edge.kind;
            *place += 1;
        }
        first.pop();
        Self { txns, nodes, first, to, kind, process, start, region }
    }

    /// The dependencies of a node: data edges only.
    pub fn data(&self, node: u32) -> impl Iterator<Item = (u32, u8)> + '_ {
        let span = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
        self.to[span.clone()].iter().copied().zip(self.kind[span].iter().copied())
    }

    fn degree(&self, node: u32) -> u32 {
        self.first[node as usize + 1] - self.first[node as usize]
    }

    /// The first transaction behind this one's region.
    fn follows(&self, txn: u32) -> bool {
        txn + 1 < self.txns && self.region[txn as usize] == self.region[txn as usize + 1]
    }
}

/// A graph that a search can walk, an edge at a time.
pub trait Digraph {
    fn len(&self) -> u32;
    /// The target of the next edge from the cursor on, which moves behind it.
    fn next(&self, node: u32, cursor: &mut u32) -> Option<u32>;
}

/// The edges of some kinds. Time nodes follow after the others.
pub struct Masked<'a> {
    pub graph: &'a Graph,
    pub mask: u8,
}

impl Digraph for Masked<'_> {
    fn len(&self) -> u32 {
        self.graph.nodes + if self.mask & REALTIME != 0 { self.graph.txns } else { 0 }
    }

    #[inline]
    fn next(&self, node: u32, cursor: &mut u32) -> Option<u32> {
        let graph = self.graph;
        if node >= graph.nodes {
            return time_edge(graph, node - graph.nodes, cursor, graph.nodes);
        }
        let (base, degree) = (graph.first[node as usize], graph.degree(node));
        while *cursor < degree {
            let at = (base + *cursor) as usize;
            *cursor += 1;
            if graph.kind[at] & (self.mask | VIA) != 0 {
                return Some(graph.to[at]);
            }
        }
        order_edge(graph, node, cursor, degree, self.mask, graph.nodes)
    }
}

#[inline]
fn time_edge(graph: &Graph, txn: u32, cursor: &mut u32, base: u32) -> Option<u32> {
    *cursor += 1;
    match *cursor {
        1 => Some(txn),
        2 if graph.follows(txn) => Some(base + txn + 1),
        _ => None,
    }
}

/// The process edge and the realtime edge, which come behind the `degree` data edges.
#[inline]
fn order_edge(graph: &Graph, node: u32, cursor: &mut u32, degree: u32, mask: u8, base: u32) -> Option<u32> {
    if node >= graph.txns {
        return None;
    }
    if *cursor == degree {
        *cursor += 1;
        let next = graph.process[node as usize];
        if mask & PROCESS != 0 && next != NONE {
            return Some(next);
        }
    }
    if *cursor == degree + 1 {
        *cursor += 1;
        let start = graph.start[node as usize];
        if mask & REALTIME != 0 && start != NONE {
            return Some(base + start);
        }
    }
    None
}

/// The walks that never take two anti-dependencies in a row: every node twice, after another edge and after an
/// anti-dependency, which only the first may leave by one. A cycle in here is what snapshot isolation forbids.
pub struct Nonadjacent<'a> {
    pub graph: &'a Graph,
    pub mask: u8,
}

impl Digraph for Nonadjacent<'_> {
    fn len(&self) -> u32 {
        2 * self.graph.nodes + if self.mask & REALTIME != 0 { self.graph.txns } else { 0 }
    }

    fn next(&self, state: u32, cursor: &mut u32) -> Option<u32> {
        let graph = self.graph;
        if state >= 2 * graph.nodes {
            return time_edge(graph, state - 2 * graph.nodes, cursor, 2 * graph.nodes);
        }
        let was_rw = state >= graph.nodes;
        let node = if was_rw { state - graph.nodes } else { state };
        let (base, degree) = (graph.first[node as usize], graph.degree(node));
        while *cursor < degree {
            let at = (base + *cursor) as usize;
            *cursor += 1;
            let (to, kind) = (graph.to[at], graph.kind[at]);
            if kind == VIA && was_rw || kind == RW && !was_rw && self.mask & RW != 0 {
                return Some(graph.nodes + to);
            }
            if kind == VIA || kind & self.mask & !RW != 0 {
                return Some(to);
            }
        }
        order_edge(graph, node, cursor, degree, self.mask, 2 * graph.nodes)
    }
}
