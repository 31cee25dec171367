//! Everyone on one side before everyone on the other, except himself, in few edges.
//!
//! Readers of the first version of a key precede all its writers; that is a product, and histories exist in which it is
//! the square of their length. Instead the right side becomes the leaves of a tree of auxiliary nodes: whoever is on the
//! left alone gets one edge to the root, and who is on both sides gets edges to what is beside his path to the root.
use super::graph::{Edge, VIA};

const FAN: usize = 8;

/// Edges of `kind` from each of `left` to each of `right` but itself. `right` has no duplicates; `nodes` is the
/// number of nodes so far.
pub fn connect(left: &[u32], right: &[u32], kind: u8, nodes: &mut u32, edges: &mut Vec<Edge>) {
    if left.len() * right.len() <= 4 * (left.len() + right.len()) {
        let pairs = left.iter().flat_map(|&from| right.iter().map(move |&to| (from, to)));
        edges.extend(pairs.filter(|(from, to)| from != to).map(|(from, to)| Edge { from, to, kind }));
        return;
    }
    let mut right = right.to_vec();
    right.sort_unstable();
    let mut levels: Vec<Vec<u32>> = vec![right];
    while levels[levels.len() - 1].len() > 1 {
        let below = &levels[levels.len() - 1];
        let mut level = Vec::with_capacity(below.len().div_ceil(FAN));
        for group in below.chunks(FAN) {
            let parent = *nodes;
            *nodes += 1;
            edges.extend(group.iter().map(|&child| Edge { from: parent, to: child, kind: VIA }));
            level.push(parent);
        }
        levels.push(level);
    }
    let root = levels[levels.len() - 1][0];
    for &from in left {
        let Ok(mut at) = levels[0].binary_search(&from) else {
            edges.push(Edge { from, to: root, kind });
            continue;
        };
        for level in &levels[..levels.len() - 1] {
            let group = at / FAN;
            let siblings = group * FAN..level.len().min((group + 1) * FAN);
            edges.extend(siblings.filter(|&other| other != at).map(|other| Edge { from, to: level[other], kind }));
            at = group;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn reaches_everyone_but_itself() {
        for (lefts, rights, step) in [(3, 3, 1), (40, 100, 1), (100, 9, 2), (65, 65, 1), (1, 500, 3)] {
            let left: Vec<u32> = (0..lefts).collect();
            let right: Vec<u32> = (0..rights).map(|i| i * step).collect();
            let mut nodes = 10_000;
            let mut edges = Vec::new();
            connect(&left, &right, 4, &mut nodes, &mut edges);
            for &from in &left {
                let mut reached = BTreeSet::new();
                let mut open: Vec<u32> = edges.iter().filter(|e| e.from == from && e.kind == 4).map(|e| e.to).collect();
                while let Some(node) = open.pop() {
                    if node < 10_000 {
                        assert!(reached.insert(node), "reached twice");
                    } else {
                        open.extend(edges.iter().filter(|e| e.from == node).map(|e| e.to));
                    }
                }
                let expected: BTreeSet<u32> = right.iter().copied().filter(|&to| to != from).collect();
                assert_eq!(reached, expected);
            }
            assert!(edges.len() < 20 * (left.len() + right.len()));
        }
    }
}
