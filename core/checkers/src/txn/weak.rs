//! Read committed, read atomic and causal consistency of registers, decided exactly.
//!
//! By the axioms of Biswas and Enea ("On the complexity of checking transactional consistency", OOPSLA 2019): there is an
//! order of all transactions that contains the order of sessions and who read from whom, and in which, whenever some
//! t3 reads x from t1, every other writer t2 of x that t3 is aware of comes before t1. The levels differ in what
//! makes t3 aware: having read from t2 before (read committed), reading from t2 or following it in its session (read
//! atomic), or any path of those (causal). So whether such an order exists is whether a graph has a cycle. Which edges
//! suffice for it is from Møldrup and Pavlogiannis, "AWDIT: an optimal weak database isolation tester" (PLDI 2025).
use std::collections::VecDeque;
use std::time::Instant;

use super::components::components;
use super::graph::{Edge, Graph, Masked, PROCESS, WR, WW};
use super::history::Txns;
use super::orders::Orders;
use super::past;
use super::register::Registers;
use super::sessions::{Forced, Sessions};
use crate::intern::FastMap;

/// The levels that are decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weak {
    ReadCommitted,
    ReadAtomic,
    Causal,
}

/// A cycle of a level's order: each transaction with what puts it before the next.
pub struct WeakCycle {
    pub name: &'static str,
    pub steps: Vec<(u32, Link)>,
}

pub enum Link {
    Session,
    Read,
    /// The last of `path` read `key` from the next transaction though it was aware of this one, along the path.
    Aware {
        path: Vec<u32>,
        key: u32,
    },
}

/// What was found: cycles to tell, and how many components hold some.
pub struct WeakAnswer {
    pub told: Vec<WeakCycle>,
    pub counts: Vec<(&'static str, usize)>,
}

/// Judges one level. `None` if the deadline came first.
pub fn check(
    level: Weak,
    txns: &Txns,
    registers: &Registers,
    orders: &Orders,
    deadline: Instant,
    told_max: usize,
) -> Option<WeakAnswer> {
    let sessions = Sessions::new(txns, registers, orders);
    let nodes = sessions.initial + 1;
    let graph = |edges: &[Edge]| Graph::new(0, nodes, edges, Vec::new(), Vec::new(), Vec::new());
    let before = graph(&sessions.edges);
    let mask = WW | WR | PROCESS;
    let name = if components(&Masked { graph: &before, mask }).is_empty() {
        match level {
            Weak::ReadCommitted => "non-monotonic-read",
            Weak::ReadAtomic => "fractured-read",
            Weak::Causal => "causality-violation",
        }
    } else {
        "happens-before-cycle"
    };
    let forced = match level {
        _ if name == "happens-before-cycle" => Vec::new(),
        Weak::ReadCommitted => sessions.each(deadline, |txn, forced| sessions.read_committed(txn, forced))?,
        Weak::ReadAtomic => sessions.read_atomic(deadline)?,
        Weak::Causal => past::causal(&sessions, &before, deadline)?,
    };
    let mut edges = sessions.edges.clone();
    edges.extend(forced.iter().map(|edge| Edge { from: edge.from, to: edge.to, kind: WW }));
    let graph = graph(&edges);
    let cyclic = components(&Masked { graph: &graph, mask });
    let mut order: Vec<usize> = (0..cyclic.len()).collect();
    order.sort_by_key(|&component| cyclic.get(component).len());
    let reasons = if cyclic.is_empty() { Vec::new() } else { forced };
    let reasons: FastMap<(u32, u32), Forced> = reasons.into_iter().map(|edge| ((edge.from, edge.to), edge)).collect();
    let told = order.iter().take(told_max).filter_map(|&component| {
        let steps = shortest(&graph, cyclic.get(component))?;
        let link = |from: u32, to: u32, kind: u8| match kind {
            PROCESS => Some(Link::Session),
            WR => Some(Link::Read),
            _ => reasons.get(&(from, to)).and_then(|edge| {
                let path = path(&before, edge.from, edge.reader)?;
                Some(Link::Aware { path, key: edge.key })
            }),
        };
        let next = |at: usize| steps[(at + 1) % steps.len()].0;
        let steps = steps.iter().enumerate().map(|(at, &(from, kind))| Some((from, link(from, next(at), kind)?)));
        Some(WeakCycle { name, steps: steps.collect::<Option<_>>()? })
    });
    let told: Vec<WeakCycle> = told.collect();
    let counts = if cyclic.is_empty() { Vec::new() } else { vec![(name, cyclic.len())] };
    Some(WeakAnswer { told, counts })
}

/// A shortest path of session order and reads.
fn path(graph: &Graph, from: u32, to: u32) -> Option<Vec<u32>> {
    let mut parents: FastMap<u32, u32> = FastMap::default();
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node == to {
            let mut path = vec![to];
            while path[path.len() - 1] != from {
                path.push(parents[&path[path.len() - 1]]);
            }
            path.reverse();
            return Some(path);
        }
        for (next, _) in graph.data(node) {
            if next != from && !parents.contains_key(&next) {
                parents.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    None
}

/// A shortest cycle of a component, or in a large one a short one.
fn shortest(graph: &Graph, members: &[u32]) -> Option<Vec<(u32, u8)>> {
    const STARTS_MAX: usize = 64;
    let inside: FastMap<u32, ()> = members.iter().map(|&node| (node, ())).collect();
    let mut best: Option<Vec<(u32, u8)>> = None;
    for &goal in members.iter().take(STARTS_MAX) {
        let mut parents: FastMap<u32, (u32, u8)> = FastMap::default();
        let mut queue = VecDeque::from([goal]);
        'search: while let Some(node) = queue.pop_front() {
            for (next, kind) in graph.data(node) {
                if next == goal {
                    let mut steps = vec![(node, kind)];
                    let mut at = node;
                    while at != goal {
                        let (parent, kind) = parents[&at];
                        steps.push((parent, kind));
                        at = parent;
                    }
                    steps.reverse();
                    if best.as_ref().is_none_or(|best| steps.len() < best.len()) {
                        best = Some(steps);
                    }
                    break 'search;
                }
                if inside.contains_key(&next) && !parents.contains_key(&next) {
                    parents.insert(next, (node, kind));
                    queue.push_back(next);
                }
            }
        }
    }
    best
}

impl Sessions<'_> {
    /// Every writer that was read from before a read of a key that it wrote too comes before the one then seen. The
    /// next other writer seen is enough: whoever is seen after that was forced behind it.
    fn read_committed(&self, txn: u32, forced: &mut Vec<Forced>) {
        let reads = self.reads_of(txn);
        if reads.len() < 2 {
            return;
        }
        let mut places: FastMap<u32, Vec<u32>> = FastMap::default();
        for (at, &(key, _)) in reads.iter().enumerate() {
            places.entry(key).or_default().push(at as u32);
        }
        let mut seen: FastMap<u32, ()> = FastMap::default();
        for (at, &(_, from)) in reads.iter().enumerate() {
            if seen.insert(from, ()).is_some() {
                continue;
            }
            for key in self.written(from) {
                let Some(places) = places.get(&key) else { continue };
                let later = places.partition_point(|&place| place as usize <= at);
                let other = places[later..].iter().map(|&place| reads[place as usize].1).find(|&to| to != from);
                forced.extend(other.map(|to| Forced { from, to, reader: txn, key }));
            }
        }
    }

    /// The writers that a transaction reads from, and the last one of each key in its session.
    fn read_atomic(&self, deadline: Instant) -> Option<Vec<Forced>> {
        let mut forced = self.each(deadline, |txn, forced| {
            let reads = self.reads_of(txn);
            let mut places: FastMap<u32, Vec<u32>> = FastMap::default();
            for &(key, from) in reads {
                // Two writers of one key are forced to precede each other already; more would only be more cycles.
                let writers = places.entry(key).or_default();
                if writers.len() < 2 && !writers.contains(&from) {
                    writers.push(from);
                }
            }
            let mut seen: FastMap<u32, ()> = FastMap::default();
            for &(_, from) in reads {
                if seen.insert(from, ()).is_some() {
                    continue;
                }
                for key in self.written(from) {
                    let others = places.get(&key).into_iter().flatten().filter(|&&to| to != from);
                    forced.extend(others.map(|&to| Forced { from, to, reader: txn, key }));
                }
            }
        })?;
        let mut last: FastMap<(u32, u32), u32> = FastMap::default();
        let session = self.numbered();
        for txn in 0..self.initial {
            let session = session[txn as usize].0;
            for &(key, to) in self.reads_of(txn) {
                let from = last.get(&(session, key)).copied().filter(|&from| from != to);
                forced.extend(from.map(|from| Forced { from, to, reader: txn, key }));
            }
            if self.registers.is_node[txn as usize] {
                self.written(txn).for_each(|key| {
                    last.insert((session, key), txn);
                });
            }
        }
        Some(forced)
    }
}
