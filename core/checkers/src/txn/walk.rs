//! One breadth-first search for a cycle of a class.
use std::collections::VecDeque;

use super::class::{Class, Variant};
use super::graph::{Graph, PROCESS, REALTIME, RW, VIA, WR, WW};
use super::history::NONE;

/// What the walk so far has: a second anti-dependency, an anti-dependency as its last edge, an edge of its variant.
const TWO: u8 = 1;
const LAST: u8 = 2;
const ORDERED: u8 = 4;

#[derive(Clone, Copy)]
struct Place {
    node: u32,
    facts: u8,
    kind: u8,
    depth: u32,
    parent: u32,
}

/// Which nodes the walk that is under way has reached, each with which facts.
///
/// An array that is never cleared, instead of a set for each walk: there are many walks, and most are short.
pub struct Seen {
    walk: u32,
    last: Vec<u32>,
}

const FACTS: usize = 8;

impl Seen {
    pub fn new(nodes: u32) -> Self {
        Self { walk: 0, last: vec![0; nodes as usize * FACTS] }
    }

    fn begin(&mut self) {
        if self.walk == u32::MAX {
            self.last.fill(0);
            self.walk = 0;
        }
        self.walk += 1;
    }

    /// Whether it is there for the first time.
    fn insert(&mut self, node: u32, facts: u8) -> bool {
        let last = &mut self.last[node as usize * FACTS + facts as usize];
        std::mem::replace(last, self.walk) != self.walk
    }
}

/// One breadth-first search: from behind a first edge back to where it began.
pub struct Walk<'a> {
    graph: &'a Graph,
    comp: &'a [u32],
    mark: u32,
    class: Class,
    variant: Variant,
    goal: u32,
    places: Vec<Place>,
    queue: VecDeque<u32>,
    seen: &'a mut Seen,
    low: [u32; FACTS],
}

impl<'a> Walk<'a> {
    /// A search within the nodes that carry this mark, from behind an edge that the class needs.
    pub fn new(
        graph: &'a Graph,
        (comp, mark): (&'a [u32], u32),
        class: Class,
        variant: Variant,
        (from, to): (u32, u32),
        seen: &'a mut Seen,
    ) -> Self {
        seen.begin();
        let facts = if class.required() == RW { LAST } else { 0 };
        let first = Place { node: to, facts, kind: class.required(), depth: 1, parent: NONE };
        Self {
            graph,
            comp,
            mark,
            class,
            variant,
            goal: from,
            places: vec![first],
            queue: VecDeque::from([0]),
            seen,
            low: [graph.txns; FACTS],
        }
    }

    /// The steps of the shortest closed walk of at most `longest` edges, if it passes no transaction twice.
    pub fn run(mut self, longest: usize, steps: &mut usize) -> Option<Vec<(u32, u8)>> {
        let mut waiting: Vec<u32> = Vec::new();
        loop {
            let depth = waiting.first().map_or(NONE, |&at| self.places[at as usize].depth);
            let next = self.queue.front().map_or(NONE, |&at| self.places[at as usize].depth);
            if next == NONE && waiting.is_empty() {
                return None;
            }
            // Real time leads almost everywhere, so it is followed last among steps of one length.
            if next > depth && !waiting.is_empty() {
                for at in std::mem::take(&mut waiting) {
                    self.later(at, steps);
                }
                continue;
            }
            let at = self.queue.pop_front()?;
            if *steps == 0 {
                return None;
            }
            *steps -= 1;
            if self.places[at as usize].depth as usize >= longest {
                return None;
            }
            if let Some(end) = self.expand(at) {
                return self.trace(end);
            }
            if self.variant == Variant::Realtime && self.places[at as usize].node < self.graph.txns {
                waiting.push(at);
            }
        }
    }

    /// The facts after an edge, if the class allows it.
    fn after(&self, facts: u8, kind: u8) -> Option<u8> {
        match kind {
            VIA => Some(facts),
            RW => match self.class {
                Class::Nonadjacent if facts & LAST == 0 => Some(facts | TWO | LAST),
                Class::G2 => Some(facts | TWO | LAST),
                _ => None,
            },
            WR if self.class == Class::G0 => None,
            WW | WR => Some(facts & !LAST),
            PROCESS if self.variant == Variant::Process => Some(facts & !LAST | ORDERED),
            PROCESS if self.variant == Variant::Realtime => Some(facts & !LAST),
            REALTIME => Some(facts & !LAST | ORDERED),
            _ => None,
        }
    }

    fn is_end(&self, node: u32, facts: u8) -> bool {
        let is_ordered = self.variant == Variant::Plain || facts & ORDERED != 0;
        let is_class = match self.class {
            Class::Nonadjacent => facts & TWO != 0 && facts & LAST == 0,
            Class::G2 => facts & TWO != 0,
            _ => true,
        };
        node == self.goal && is_ordered && is_class
    }

    /// Follows the edges of one place; its parent and the kind of the last edge if that closes the walk.
    fn expand(&mut self, at: u32) -> Option<(u32, u8)> {
        let place = self.places[at as usize];
        let graph = self.graph;
        let process = match graph.process.get(place.node as usize) {
            Some(&next) if next != NONE => Some((next, PROCESS)),
            _ => None,
        };
        for (to, kind) in graph.data(place.node).chain(process) {
            let Some(facts) = self.after(place.facts, kind) else { continue };
            if self.is_end(to, facts) {
                return Some((at, kind));
            }
            self.reach(to, facts, kind, at);
        }
        if self.variant == Variant::Realtime && place.node < graph.txns {
            let start = graph.start[place.node as usize];
            let facts = place.facts & !LAST | ORDERED;
            let is_same = graph.region[place.node as usize] == graph.region[self.goal as usize];
            if start != NONE && is_same && self.goal >= start && self.is_end(self.goal, facts) {
                return Some((at, REALTIME));
            }
        }
        None
    }

    fn reach(&mut self, node: u32, facts: u8, kind: u8, parent: u32) {
        if self.comp[node as usize] != self.mark || !self.seen.insert(node, facts) {
            return;
        }
        let depth = self.places[parent as usize].depth + u32::from(kind != VIA);
        self.places.push(Place { node, facts, kind, depth, parent });
        let at = self.places.len() as u32 - 1;
        if kind == VIA {
            self.queue.push_front(at);
        } else {
            self.queue.push_back(at);
        }
    }

    /// What began after this place's transaction completed and was not reached that way yet.
    fn later(&mut self, at: u32, steps: &mut usize) {
        let place = self.places[at as usize];
        let start = self.graph.start[place.node as usize];
        if start == NONE {
            return;
        }
        let facts = place.facts & !LAST | ORDERED;
        let end = self.low[facts as usize];
        let region = self.graph.region[place.node as usize];
        for node in start..end {
            if self.graph.region[node as usize] != region || *steps == 0 {
                break;
            }
            *steps -= 1;
            self.reach(node, facts, REALTIME, at);
        }
        self.low[facts as usize] = end.min(start);
    }

    fn trace(&self, (end, kind): (u32, u8)) -> Option<Vec<(u32, u8)>> {
        let mut steps = Vec::new();
        let (mut at, mut kind) = (end, kind);
        while at != NONE {
            let place = self.places[at as usize];
            if place.node < self.graph.txns {
                steps.push((place.node, kind));
                kind = place.kind;
            } else {
                kind = self.entered(at);
            }
            at = place.parent;
        }
        steps.push((self.goal, kind));
        steps.reverse();
        let mut nodes: Vec<u32> = steps.iter().map(|step| step.0).collect();
        nodes.sort_unstable();
        nodes.dedup();
        (nodes.len() == steps.len()).then_some(steps)
    }

    /// The kind of the edge into the auxiliary nodes that end here: it says what the whole detour is.
    fn entered(&self, mut at: u32) -> u8 {
        while self.places[at as usize].kind == VIA {
            at = self.places[at as usize].parent;
        }
        self.places[at as usize].kind
    }
}
