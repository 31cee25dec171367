//! Strongly connected components, without recursion (Tarjan, "Depth-first search and linear graph algorithms", 1972).
use super::graph::Digraph;
use super::history::NONE;

/// The components of more than one node; others hold no cycle, since graphs here have no self-edges.
#[derive(Default)]
pub struct Components {
    nodes: Vec<u32>,
    ends: Vec<u32>,
}

impl Components {
    /// Components that are known already: the group of every node, numbered from 0 without a gap.
    pub fn of_groups(group: &[u32]) -> Self {
        let groups = group.iter().max().map_or(0, |&last| last as usize + 1);
        let mut ends = vec![0u32; groups + 1];
        group.iter().for_each(|&group| ends[group as usize + 1] += 1);
        (1..ends.len()).for_each(|at| ends[at] += ends[at - 1]);
        let mut nodes = vec![0u32; group.len()];
        for (node, &group) in (0u32..).zip(group) {
            let place = &mut ends[group as usize];
            nodes[*place as usize] = node;
            *place += 1;
        }
        ends.truncate(groups);
        Self { nodes, ends }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn get(&self, component: usize) -> &[u32] {
        let start = if component == 0 { 0 } else { self.ends[component - 1] as usize };
        &self.nodes[start..self.ends[component] as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|component| self.get(component))
    }
}

pub fn components(graph: &impl Digraph) -> Components {
    let len = graph.len() as usize;
    // 0: not seen yet; else the place in the order of discovery, lowered to the earliest place that can be reached;
    // NONE: its component is complete.
    let mut low = vec![0u32; len];
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32, u32)> = Vec::new();
    let mut found = Components::default();
    let mut seen = 0;
    for root in 0..graph.len() {
        if low[root as usize] != 0 {
            continue;
        }
        seen += 1;
        low[root as usize] = seen;
        path.push((root, 0, seen));
        open.push(root);
        while let Some(frame) = path.last_mut() {
            let node = frame.0;
            if let Some(next) = graph.next(node, &mut frame.1) {
                match low[next as usize] {
                    0 => {
                        seen += 1;
                        low[next as usize] = seen;
                        path.push((next, 0, seen));
                        open.push(next);
                    }
                    NONE => {}
                    other => low[node as usize] = low[node as usize].min(other),
                }
                continue;
            }
            let (_, _, discovered) = *frame;
            path.pop();
            let lowest = low[node as usize];
            if let Some(&(parent, _, _)) = path.last() {
                low[parent as usize] = low[parent as usize].min(lowest);
            }
            if lowest == discovered {
                close(node, &mut open, &mut low, &mut found);
            }
        }
    }
    found
}

fn close(root: u32, open: &mut Vec<u32>, low: &mut [u32], found: &mut Components) {
    let start = found.nodes.len();
    while let Some(node) = open.pop() {
        low[node as usize] = NONE;
        found.nodes.push(node);
        if node == root {
            break;
        }
    }
    if found.nodes.len() - start == 1 {
        found.nodes.pop();
    } else {
        found.ends.push(found.nodes.len() as u32);
    }
}
