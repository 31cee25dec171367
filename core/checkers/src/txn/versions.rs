//! The order of a register's versions, as far as it can be inferred.
//!
//! A read says which write it saw, and nothing about the writes in between. What is certain: nothing precedes the
//! initial version. The rest are assumptions that a user makes: that a transaction writes after what it read, that each
//! key is sequential, or that each key is linearizable. An assumption that contradicts the others on some key is an
//! anomaly, and is dropped for that key.
//!
//! For linearizable keys version X precedes Y if something last seen at X completed before something that first saw Y
//! began: `m_X <= M_Y` with m the earliest end and M the latest beginning. All such pairs would be a square; what is kept
//! is their transitive reduction, found by sorting, at most as many edges a version as transactions are open at a time.
use super::components::components;
use super::finding::{some, Finding};
use super::graph::{Edge, Graph, Masked, WW};
use super::history::{Status, Txns, NONE};
use super::orders::Orders;
use super::register::Registers;

/// What a user assumes about the database beyond unique values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Assumptions {
    pub writes_follow_reads: bool,
    pub sequential_keys: bool,
    pub linearizable_keys: bool,
}

/// One version before another, and the transactions that say so.
#[derive(Clone, Copy, Debug)]
pub struct Precedes {
    pub from: u32,
    pub to: u32,
    pub by: [u32; 2],
}

/// The inferred order, without the initial versions, which precede all others.
pub fn infer(
    registers: &Registers,
    txns: &Txns,
    orders: &Orders,
    processes: &[i64],
    assume: Assumptions,
    findings: &mut Vec<Finding>,
) -> Vec<Precedes> {
    let mut known = Vec::new();
    if assume.writes_follow_reads {
        add(registers, &mut known, writes_follow_reads(registers, txns), findings);
    }
    if assume.sequential_keys {
        add(registers, &mut known, sequential(registers, txns, processes), findings);
    }
    if assume.linearizable_keys {
        let order = linearizable(registers, txns, orders, findings);
        add(registers, &mut known, order, findings);
    }
    known
}

/// Adds an assumption's order, but not on keys on which it closes a cycle.
fn add(registers: &Registers, known: &mut Vec<Precedes>, more: Vec<Precedes>, findings: &mut Vec<Finding>) {
    let initial = (0..registers.writes.len() as u32).filter(|&version| registers.is_version[version as usize]);
    let initial = initial.map(|version| Edge { from: registers.initial_of(version), to: version, kind: WW });
    let inferred = known.iter().chain(&more).map(|edge| Edge { from: edge.from, to: edge.to, kind: WW });
    let edges: Vec<Edge> = inferred.chain(initial).collect();
    let nodes = registers.versions();
    let graph = Graph::new(0, nodes, &edges, Vec::new(), Vec::new(), Vec::new());
    let cyclic = components(&Masked { graph: &graph, mask: WW });
    let mut bad = vec![false; registers.keys];
    for members in cyclic.iter() {
        let key = registers.key_of(members[0]);
        bad[key as usize] = true;
        findings.push(cyclic_versions(registers, &graph, members, known, &more, key));
    }
    known.extend(more.into_iter().filter(|edge| !bad[registers.key_of(edge.from) as usize]));
}

/// The transactions of a shortest cycle through the component's first version.
fn cyclic_versions(
    registers: &Registers,
    graph: &Graph,
    members: &[u32],
    known: &[Precedes],
    more: &[Precedes],
    key: u32,
) -> Finding {
    let value = members.iter().filter_map(|&version| registers.value_of(version)).min().unwrap_or(NONE);
    let mut txns = Vec::new();
    if let Some(cycle) = version_cycle(graph, members) {
        for pair in cycle {
            let is_it = |edge: &&Precedes| (edge.from, edge.to) == pair;
            if let Some(edge) = known.iter().chain(more).find(is_it) {
                txns.extend(edge.by);
            }
        }
    }
    let mut seen = Vec::new();
    txns.retain(|txn| {
        !seen.contains(txn) && {
            seen.push(*txn);
            true
        }
    });
    Finding { name: "cyclic-versions", key, value, txns: some(txns) }
}

fn version_cycle(graph: &Graph, members: &[u32]) -> Option<Vec<(u32, u32)>> {
    let goal = members[0];
    let mut parents = crate::intern::FastMap::default();
    let mut queue = std::collections::VecDeque::from([goal]);
    while let Some(version) = queue.pop_front() {
        for (next, _) in graph.data(version) {
            if next == goal {
                let mut cycle = vec![(version, goal)];
                let mut at = version;
                while at != goal {
                    let parent = parents[&at];
                    cycle.push((parent, at));
                    at = parent;
                }
                return Some(cycle);
            }
            if members.contains(&next) && !parents.contains_key(&next) {
                parents.insert(next, version);
                queue.push_back(next);
            }
        }
    }
    None
}

fn writes_follow_reads(registers: &Registers, txns: &Txns) -> Vec<Precedes> {
    let mut order = Vec::new();
    for &txn in registers.writes.repeating.iter().filter(|&&txn| txns.status[txn as usize] == Status::Ok) {
        registers.touches(txns, txn, |touch| {
            if touch.first != touch.last {
                order.push(Precedes { from: touch.first, to: touch.last, by: [txn, NONE] });
            }
        });
    }
    order.retain(|edge| registers.is_initial(edge.from) || registers.is_version[edge.from as usize]);
    order.retain(|edge| !registers.is_initial(edge.from));
    order
}

/// What a process saw of a key, in its order.
fn sequential(registers: &Registers, txns: &Txns, processes: &[i64]) -> Vec<Precedes> {
    let mut last: crate::intern::FastMap<(u64, u32), (u32, u32)> = crate::intern::FastMap::default();
    let mut order = Vec::new();
    for txn in 0..txns.len() as u32 {
        if !registers.is_node[txn as usize] {
            continue;
        }
        let process = processes[txn as usize] as u64;
        registers.touches(txns, txn, |touch| {
            let place = last.entry((process, touch.key)).or_insert((NONE, NONE));
            let (from, by) = *place;
            if from != NONE && from != touch.first {
                order.push(Precedes { from, to: touch.first, by: [by, txn] });
            }
            if txns.status[txn as usize] == Status::Ok {
                *place = (touch.last, txn);
            }
        });
    }
    order
}

/// A version's earliest end and latest beginning, as transaction numbers, and who ended it.
#[derive(Clone, Copy)]
struct Zone {
    version: u32,
    end: u32,
    begin: u32,
    ended_by: u32,
    begun: bool,
}

fn linearizable(registers: &Registers, txns: &Txns, orders: &Orders, findings: &mut Vec<Finding>) -> Vec<Precedes> {
    let empty = Zone { version: 0, end: NONE, begin: 0, ended_by: NONE, begun: false };
    let mut zones = vec![empty; registers.versions() as usize];
    for txn in 0..txns.len() as u32 {
        if !registers.is_node[txn as usize] {
            continue;
        }
        registers.touches(txns, txn, |touch| {
            let zone = &mut zones[touch.first as usize];
            zone.begin = txn;
            zone.begun = true;
            let zone = &mut zones[touch.last as usize];
            if orders.start[txn as usize] < zone.end {
                zone.end = orders.start[txn as usize];
                zone.ended_by = txn;
            }
        });
    }
    let mut by_key: Vec<(u32, Zone)> = (0..registers.versions())
        .map(|version| (registers.key_of(version), Zone { version, ..zones[version as usize] }))
        .filter(|(_, zone)| zone.begun || zone.end != NONE)
        .collect();
    by_key.sort_unstable_by_key(|(key, zone)| (*key, zone.begun, zone.begin, zone.version));
    let mut order = Vec::new();
    for group in by_key.chunk_by(|a, b| a.0 == b.0) {
        let zones: Vec<Zone> = group.iter().map(|&(_, zone)| zone).collect();
        let before = order.len();
        if let Some((x, y)) = reduction(&zones, &mut order) {
            order.truncate(before);
            let mut txns = [x.ended_by, y.begin, y.ended_by, x.begin].to_vec();
            txns.sort_unstable();
            txns.dedup();
            let txns = some(txns);
            let value = registers.value_of(x.version).or(registers.value_of(y.version)).unwrap_or(NONE);
            findings.push(Finding { name: "cyclic-versions", key: group[0].0, value, txns });
        }
    }
    order
}

/// The cover relation of one key's zones, which are sorted by their latest beginning; or two zones that are each
/// before the other.
fn reduction(zones: &[Zone], order: &mut Vec<Precedes>) -> Option<(Zone, Zone)> {
    let first = zones.partition_point(|zone| !zone.begun);
    // The three earliest ends from each place on.
    let mut least: Vec<[u32; 3]> = vec![[NONE; 3]; zones.len() + 1];
    let end = |at: u32| if at == NONE { NONE } else { zones[at as usize].end };
    for at in (first..zones.len()).rev() {
        let mut best = [least[at + 1][0], least[at + 1][1], least[at + 1][2], at as u32];
        best.sort_by_key(|&at| end(at));
        least[at] = [best[0], best[1], best[2]];
    }
    for (x, zone) in zones.iter().enumerate().filter(|(_, zone)| zone.end != NONE) {
        let from = first + zones[first..].partition_point(|other| other.begin < zone.end);
        let mut others = least[from].into_iter().filter(|&at| at != x as u32);
        let (nearest, second) = (others.next().unwrap_or(NONE), others.next().unwrap_or(NONE));
        if nearest != NONE && zone.begun && end(nearest) <= zone.begin {
            return Some((*zone, zones[nearest as usize]));
        }
        let mut push = |at: usize| {
            let by = [zone.ended_by, zones[at].begin];
            order.push(Precedes { from: zone.version, to: zones[at].version, by });
        };
        for (at, other) in zones.iter().enumerate().skip(from) {
            if other.begin >= end(nearest) && nearest != NONE {
                break;
            }
            if at != x && at as u32 != nearest {
                push(at);
            }
        }
        if nearest != NONE && (second == NONE || zones[nearest as usize].begin < end(second)) {
            push(nearest as usize);
        }
    }
    None
}
