//! What the version orders say: who wrote after whom, and who read before whom wrote.
use super::super::bipartite::connect;
use super::super::finding::{some, Dependencies, Finding};
use super::super::graph::{Edge, RW, WW};
use super::super::history::{Status, NONE};
use super::lists::Lists;

impl Lists<'_, '_> {
    /// From each write to the next of its key, and what is wrong with their order.
    pub fn write_edges(&self, found: &mut Dependencies) {
        for key in 0..self.txns.keys.len() as u32 {
            let mut previous: Option<u32> = None;
            let mut failed = NONE;
            let mut before = 0;
            for &write in self.order_of(key) {
                let txn = self.writes.txn[write as usize];
                if txn != NONE && self.txns.status[txn as usize] == Status::Fail {
                    failed = txn;
                }
                let Some(txn) = self.node_of(write, &found.is_node) else { continue };
                if let Some(previous) = previous.filter(|&previous| previous != txn) {
                    found.edges.push(Edge { from: previous, to: txn, kind: WW });
                }
                // Writes are numbered in the order in which their transactions make them.
                if previous == Some(txn) && write < before {
                    let reader = self.txn_of(self.longest[key as usize]);
                    let (value, txns) = (self.writes.value[write as usize], some([reader, txn]));
                    found.findings.push(Finding { name: "incompatible-order", key, value, txns });
                }
                before = write;
                previous = Some(txn);
                if failed != NONE && self.txns.status[txn as usize] == Status::Ok {
                    let reader = self.txn_of(self.longest[key as usize]);
                    let value = self.writes.value[write as usize];
                    let txns = some([txn, failed, reader]);
                    found.findings.push(Finding { name: "dirty-update", key, value, txns });
                    failed = NONE;
                }
            }
        }
    }

    /// Appends nobody saw come after everything anybody saw.
    pub fn tail_edges(&self, mut tails: Vec<(u32, u32)>, found: &mut Dependencies) {
        let mut unseen: Vec<(u32, u32)> = (0..self.position.len() as u32)
            .filter(|&write| self.position[write as usize] == NONE)
            .filter_map(|write| Some((self.writes.key[write as usize], self.node_of(write, &found.is_node)?)))
            .collect();
        unseen.sort_unstable();
        unseen.dedup();
        tails.sort_unstable();
        tails.dedup();
        let mut readers = tails.chunk_by(|a, b| a.0 == b.0).peekable();
        for writers in unseen.chunk_by(|a, b| a.0 == b.0) {
            let key = writers[0].0;
            let writers: Vec<u32> = writers.iter().map(|&(_, txn)| txn).collect();
            let last = self.order_of(key).iter().rev().find_map(|&write| self.node_of(write, &found.is_node));
            if let Some(last) = last {
                let others = writers.iter().filter(|&&txn| txn != last);
                found.edges.extend(others.map(|&to| Edge { from: last, to, kind: WW }));
            }
            while readers.next_if(|group| group[0].0 < key).is_some() {}
            if let Some(group) = readers.next_if(|group| group[0].0 == key) {
                let readers: Vec<u32> = group.iter().map(|&(_, txn)| txn).collect();
                connect(&readers, &writers, RW, &mut found.nodes, &mut found.edges);
            }
        }
    }
}
