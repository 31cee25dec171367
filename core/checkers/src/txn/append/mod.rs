//! Lists: what their elements say about who came before whom.
//!
//! A read of a list shows the whole order of its appends. The longest read of a key is its version order, and every
//! other read must be a prefix of it, which is one comparison of bytes: canonical text makes equal elements equal bytes.
//! So elements are looked at one by one only in the longest reads, and the cost of all others is that of memory.
mod lists;
mod order;
mod reads;

use rayon::prelude::*;

use super::finding::Dependencies;
use super::history::{Status, NONE};
use super::internal;
use crate::intern::Interner;
pub use lists::Lists;
use reads::Part;

impl<'a> Lists<'_, 'a> {
    /// Everything that can be said without looking for cycles.
    pub fn dependencies(&mut self, mut values: Interner<'a>) -> (Dependencies, Vec<&'a str>) {
        let mut found = Dependencies { nodes: self.txns.len() as u32, ..Dependencies::default() };
        let chunk = (self.txns.len() / (rayon::current_num_threads() * 8)).max(1024);
        let starts: Vec<usize> = (0..self.txns.len()).step_by(chunk).collect();
        let odd: Vec<u32> = starts
            .par_iter()
            .flat_map_iter(|&from| {
                let span = self.txns.first[from]..self.txns.first[self.txns.len().min(from + chunk)];
                span.filter(|&at| {
                    let mop = &self.txns.mops[at as usize];
                    !mop.is_write && !self.is_prefix(mop.key, mop.list)
                })
            })
            .collect();
        self.odd_reads(&odd, &mut values, &mut found.findings);
        let texts = values.into_texts();
        found.is_node = self.nodes();
        let parts: Vec<Part> =
            starts.par_iter().map(|&from| self.part(from..self.txns.len().min(from + chunk), &found.is_node)).collect();
        let mut tails: Vec<(u32, u32)> = Vec::new();
        for part in parts {
            found.edges.extend(part.edges);
            found.findings.extend(part.findings);
            tails.extend(part.tails);
        }
        self.write_edges(&mut found);
        self.tail_edges(tails, &mut found);
        internal::lists(self.txns, &self.writes, &texts, self, &mut found.findings);
        (found, texts)
    }

    /// Whether each transaction may matter: it completed, or somebody saw what it wrote.
    fn nodes(&self) -> Vec<bool> {
        let mut nodes: Vec<bool> = self.txns.status.iter().map(|&status| status == Status::Ok).collect();
        for (write, &position) in self.position.iter().enumerate() {
            let txn = self.writes.txn[write];
            if position != NONE && txn != NONE && self.txns.status[txn as usize] == Status::Info {
                nodes[txn as usize] = true;
            }
        }
        nodes
    }
}
