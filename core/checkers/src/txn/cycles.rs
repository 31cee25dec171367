//! Which kinds of cycles there are, and the shortest ones that could be found of each.
//!
//! Whether a level holds is decided by components alone, exactly and in linear time: twelve subgraphs (four classes, each
//! plain, with process order, with real time) have a cycle or not. Only then are witnesses searched for, class by class in the order of
//! severity, by breadth-first search over nodes and the few facts about the walk so far that its class asks for. Every
//! walk begins with an edge the class needs, so all such edges tried means the shortest cycle found; a component too
//! large for that gets a budget of steps, in which one is still found.
use std::time::Instant;

use rayon::prelude::*;

use super::class::{name, Class, Variant, CLASSES, VARIANTS};
use super::components::{components, Components};
use super::graph::{Edge, Graph, Masked, Nonadjacent, PROCESS, REALTIME, RW, WR, WW};
use super::history::NONE;
use super::walk::{Seen, Walk};
use crate::intern::FastMap;

/// A cycle: each transaction with the kind of edge to the next, the last to the first.
#[derive(Clone, Debug)]
pub struct Cycle {
    pub class: Class,
    pub variant: Variant,
    pub steps: Vec<(u32, u8)>,
}

impl Cycle {
    pub fn name(&self) -> &'static str {
        name(self.class, self.variant)
    }
}

/// What was found.
#[derive(Default)]
pub struct Cycles {
    pub told: Vec<Cycle>,
    /// How many components hold cycles of a class, of those whose class is not implied by a worse one.
    pub counts: Vec<(&'static str, usize)>,
    /// Classes that could be neither found nor excluded.
    pub undecided: Vec<&'static str>,
    /// Transactions on some cycle of any kind.
    pub entangled: usize,
}

pub struct Effort {
    pub deadline: Instant,
    pub witnesses_max: usize,
    pub steps_max: usize,
}

/// All cycles of a graph. `None` if the deadline came before it was known which kinds there are.
pub fn cycles(graph: &Graph, effort: &Effort) -> Option<Cycles> {
    let all = components(&Masked { graph, mask: WW | WR | RW | PROCESS | REALTIME });
    if all.is_empty() {
        return Some(Cycles::default());
    }
    let (local, names) = compact(graph, &all);
    let mut grid = Grid::new(&local, effort)?;
    let mut search = Search {
        graph: &local,
        effort,
        regions: all.len() as u32,
        worse: FastMap::default(),
        comp: vec![0; local.nodes as usize],
        mark: 0,
        seen: Seen::new(local.nodes),
    };
    let mut found = Cycles { entangled: local.txns as usize, ..Cycles::default() };
    for variant in VARIANTS {
        for class in CLASSES {
            search.class(class, variant, &mut grid, &mut found);
        }
    }
    for cycle in &mut found.told {
        cycle.steps.iter_mut().for_each(|step| step.0 = names[step.0 as usize]);
    }
    Some(found)
}

/// The components by themselves: their transactions numbered one component after the other, then their other nodes.
fn compact(graph: &Graph, all: &Components) -> (Graph, Vec<u32>) {
    let mut local = vec![NONE; graph.nodes as usize];
    let (mut names, mut region, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (number, members) in all.iter().enumerate() {
        let mut txns: Vec<u32> = members.iter().copied().filter(|&node| node < graph.txns).collect();
        txns.sort_unstable();
        for txn in txns {
            local[txn as usize] = names.len() as u32;
            names.push(txn);
            region.push(number as u32);
        }
        others.extend(
            members.iter().filter(|&&node| node >= graph.txns && node < graph.nodes).map(|&node| (node, number)),
        );
    }
    let txns = names.len();
    for (node, number) in others {
        local[node as usize] = names.len() as u32;
        names.push(node);
        region.push(number as u32);
    }
    let (mut edges, mut process, mut start) = (Vec::new(), vec![NONE; txns], vec![NONE; txns]);
    let inside = |from: usize, to: u32| {
        let to = local[to as usize];
        (to != NONE && region[to as usize] == region[from]).then_some(to)
    };
    let mut end = txns;
    for from in (0..names.len()).rev() {
        let node = names[from];
        let data = graph.data(node).filter_map(|(to, kind)| Some((inside(from, to)?, kind)));
        edges.extend(data.map(|(to, kind)| Edge { from: from as u32, to, kind }));
        if from >= txns {
            continue;
        }
        if from + 1 < txns && region[from] != region[from + 1] {
            end = from + 1;
        }
        let next = graph.process[node as usize];
        process[from] = if next == NONE { NONE } else { inside(from, next).unwrap_or(NONE) };
        let after = graph.start[node as usize];
        let place = from + names[from..end].partition_point(|&other| other < after);
        start[from] = if after != NONE && place < end { place as u32 } else { NONE };
    }
    let nodes = names.len() as u32;
    (Graph::new(txns as u32, nodes, &edges, process, start, region), names)
}

/// The components of every class's subgraph, by row and variant, as nodes of the graph.
struct Grid {
    plain: [[Components; 3]; 4],
    /// Row 2, whose subgraphs have every node twice: only on demand.
    nonadjacent: [Option<Components>; 3],
}

impl Grid {
    /// A subgraph has a cycle only if those that it is part of, one row on and one variant on, have one. So those that
    /// are equally many steps from the whole graph, whose components are its regions, can be taken at the same time.
    fn new(graph: &Graph, effort: &Effort) -> Option<Self> {
        const ROWS: [usize; 3] = [0, 1, 3];
        let mut grid = Grid { plain: Default::default(), nonadjacent: Default::default() };
        grid.plain[3][Variant::Realtime as usize] = Components::of_groups(&graph.region);
        for distance in 1..=4 {
            let is_possible = |&(place, variant): &(usize, usize)| {
                4 - place - variant == distance
                    && ROWS.get(place + 1).is_none_or(|&next| !grid.plain[next][variant].is_empty())
                    && (variant == 2 || !grid.plain[ROWS[place]][variant + 1].is_empty())
            };
            let all = (0..3).flat_map(|place| [0, 1, 2].map(|variant| (place, variant)));
            let possible: Vec<(usize, usize)> = all.filter(is_possible).collect();
            if Instant::now() > effort.deadline {
                return None;
            }
            let subgraph = |&(place, variant): &(usize, usize)| {
                let mask = [WW, WW | WR, WW | WR | RW][place] | VARIANTS[variant].mask();
                components(&Masked { graph, mask })
            };
            let found: Vec<Components> = possible.par_iter().map(subgraph).collect();
            for ((place, variant), components) in possible.into_iter().zip(found) {
                grid.plain[ROWS[place]][variant] = components;
            }
        }
        Some(grid)
    }

    /// `None` if the deadline has come before a component that is asked for was known.
    fn get(&mut self, graph: &Graph, row: usize, variant: Variant, deadline: Instant) -> Option<&Components> {
        if row != 2 || self.plain[3][variant as usize].is_empty() {
            return Some(&self.plain[row][variant as usize]);
        }
        let known = &mut self.nonadjacent[variant as usize];
        if known.is_none() && Instant::now() > deadline {
            return None;
        }
        let mask = WW | WR | RW | variant.mask();
        Some(known.get_or_insert_with(|| components(&Nonadjacent { graph, mask })))
    }
}

struct Search<'a> {
    graph: &'a Graph,
    effort: &'a Effort,
    regions: u32,
    /// What was found in each region.
    worse: FastMap<u32, Vec<(Class, Variant)>>,
    /// Which component each node was last marked as a member of.
    comp: Vec<u32>,
    mark: u32,
    seen: Seen,
}

impl Search<'_> {
    fn class(&mut self, class: Class, variant: Variant, grid: &mut Grid, found: &mut Cycles) {
        if (0..self.regions).all(|region| self.is_covered(region, class, variant)) {
            return;
        }
        let Some(components) = grid.get(self.graph, class.row(), variant, self.effort.deadline) else {
            found.undecided.push(name(class, variant));
            return;
        };
        let mut order: Vec<usize> = (0..components.len()).collect();
        order.sort_by_key(|&component| components.get(component).len());
        let (mut told, mut count, mut is_exhausted) = (0, 0, true);
        let mut steps = self.effort.steps_max;
        for component in order {
            let mut members = self.members(components.get(component), class.row() == 2);
            let Some(&first) = members.first() else { continue };
            let region = self.graph.region[first as usize];
            if self.is_covered(region, class, variant) {
                continue;
            }
            if told >= self.effort.witnesses_max {
                count += 1;
                continue;
            }
            if Instant::now() > self.effort.deadline {
                is_exhausted = false;
                break;
            }
            members.sort_unstable();
            members.dedup();
            let (cycle, is_complete) = self.component(class, variant, &members, &mut steps);
            is_exhausted &= is_complete || cycle.is_some();
            if let Some(cycle) = cycle {
                self.worse.entry(region).or_default().push((class, variant));
                found.told.push(cycle);
                told += 1;
                count += 1;
            }
        }
        if told > 0 {
            found.counts.push((name(class, variant), count));
        } else if !is_exhausted {
            found.undecided.push(name(class, variant));
        }
    }

    fn is_covered(&self, region: u32, class: Class, variant: Variant) -> bool {
        let found = self.worse.get(&region);
        found.is_some_and(|found| found.iter().any(|&(worse, of)| worse.implies(class) && of <= variant))
    }

    fn members(&self, component: &[u32], is_product: bool) -> Vec<u32> {
        let nodes = self.graph.nodes;
        let node = |&state: &u32| match state {
            state if state < nodes => Some(state),
            state if is_product && state < 2 * nodes => Some(state - nodes),
            _ => None,
        };
        component.iter().filter_map(node).collect()
    }

    /// The shortest cycle of a class in a component, and whether every start was tried.
    fn component(
        &mut self,
        class: Class,
        variant: Variant,
        members: &[u32],
        steps: &mut usize,
    ) -> (Option<Cycle>, bool) {
        self.mark += 1;
        members.iter().for_each(|&node| self.comp[node as usize] = self.mark);
        let starts = self.starts(class, members);
        let mut best: Option<Cycle> = None;
        let allowance = (*steps).min(members.len() * 64 + 10_000);
        let mut left = allowance.max(1);
        let mut is_complete = true;
        for (tried, &(from, to)) in starts.iter().enumerate() {
            let longest = best.as_ref().map_or(usize::MAX, |cycle| cycle.steps.len() - 1);
            if longest < 2 {
                break;
            }
            // The first walk is not cut short: where every cycle is of the class, it finds one.
            let is_over = tried > 0 && (left == 0 || Instant::now() > self.effort.deadline);
            if is_over {
                is_complete = false;
                break;
            }
            let mut allowed = if tried == 0 { usize::MAX } else { left };
            let given = allowed;
            let walk = Walk::new(self.graph, (&self.comp, self.mark), class, variant, (from, to), &mut self.seen);
            if let Some(steps) = walk.run(longest, &mut allowed) {
                best = Some(Cycle { class, variant, steps });
            }
            left = left.saturating_sub(given - allowed);
        }
        *steps = steps.saturating_sub(allowance.saturating_sub(left));
        (best, is_complete)
    }

    /// The edges a cycle may begin with, the most promising first: cycles need an edge that goes back.
    fn starts(&self, class: Class, members: &[u32]) -> Vec<(u32, u32)> {
        const STARTS_MAX: usize = 1 << 14;
        let mut starts = Vec::new();
        for &from in members.iter().filter(|&&from| from < self.graph.txns) {
            for (to, kind) in self.graph.data(from) {
                if kind == class.required() && self.comp[to as usize] == self.mark {
                    starts.push((from, to));
                }
            }
        }
        let key = |&(from, to): &(u32, u32)| (to > from, to.abs_diff(from), from, to);
        if starts.len() > STARTS_MAX {
            starts.select_nth_unstable_by_key(STARTS_MAX, key);
            starts.truncate(STARTS_MAX);
        }
        starts.sort_unstable_by_key(key);
        starts
    }
}
