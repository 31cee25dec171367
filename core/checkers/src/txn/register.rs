//! Registers: what their values say about who came before whom.
//!
//! A transaction's external effects are what it first read of a key, before it wrote it, and what it wrote to it last.
use super::bipartite::connect;
use super::finding::{some, Dependencies, Finding};
use super::graph::{Edge, RW, WR, WW};
use super::history::{Status, Txns, NONE};
use super::internal;
use super::orders::Orders;
use super::versions::{infer, Assumptions, Precedes};
use super::writes::Writes;

/// Versions are numbered as their writes; behind them comes the initial version of each key.
pub struct Registers {
    pub writes: Writes,
    pub keys: usize,
    /// Completed, or observed.
    pub is_node: Vec<bool>,
    /// Whether a write is one that others can see: the last of its transaction, or seen by somebody.
    pub is_version: Vec<bool>,
}

/// The first and the last version of a key that a transaction is known to have seen or made.
pub struct Touch {
    pub key: u32,
    pub first: u32,
    pub last: u32,
}

impl Registers {
    pub fn new(txns: &Txns, writes: Writes) -> Self {
        let mut is_node: Vec<bool> = txns.status.iter().map(|&status| status == Status::Ok).collect();
        let mut is_seen = vec![false; writes.len()];
        for mop in txns.mops.iter().filter(|mop| !mop.is_write && mop.value != NONE) {
            let write = writes.find(mop.key, mop.value);
            if write != NONE {
                is_seen[write as usize] = true;
                let writer = writes.txn[write as usize] as usize;
                is_node[writer] |= txns.status[writer] == Status::Info;
            }
        }
        let is_version = (0..writes.len())
            .map(|write| is_node[writes.txn[write] as usize] && (writes.is_final[write] || is_seen[write]))
            .collect();
        Self { keys: txns.keys.len(), writes, is_node, is_version }
    }

    pub fn versions(&self) -> u32 {
        (self.writes.len() + self.keys) as u32
    }

    pub fn is_initial(&self, version: u32) -> bool {
        version as usize >= self.writes.len()
    }

    pub fn key_of(&self, version: u32) -> u32 {
        self.writes.key.get(version as usize).copied().unwrap_or_else(|| version - self.writes.len() as u32)
    }

    pub fn value_of(&self, version: u32) -> Option<u32> {
        self.writes.value.get(version as usize).copied()
    }

    pub fn writer_of(&self, version: u32) -> Option<u32> {
        self.writes.txn.get(version as usize).copied()
    }

    pub fn initial_of(&self, version: u32) -> u32 {
        self.writes.len() as u32 + self.key_of(version)
    }

    /// The version that a read saw, `NONE` if nobody wrote it.
    pub fn seen(&self, key: u32, value: u32) -> u32 {
        if value == NONE {
            self.writes.len() as u32 + key
        } else {
            self.writes.find(key, value)
        }
    }

    /// Calls `touched` for every key of a transaction whose versions are known.
    pub fn touches(&self, txns: &Txns, txn: u32, mut touched: impl FnMut(Touch)) {
        let is_version =
            |version: u32| version != NONE && (self.is_initial(version) || self.is_version[version as usize]);
        let span = txns.span(txn as usize);
        for at in span.clone().filter(|&at| self.writes.before[at] == NONE) {
            let mop = &txns.mops[at];
            let mut last = if mop.is_write { self.writes.of_mop[at] } else { self.seen(mop.key, mop.value) };
            let mut first = if mop.is_write { NONE } else { last };
            let mut later = at + 1;
            while later < span.end {
                let other = &txns.mops[later];
                if other.key == mop.key && other.is_write {
                    last = self.writes.of_mop[later];
                }
                later += 1;
            }
            if first == NONE {
                first = last;
            }
            if is_version(first) && is_version(last) {
                touched(Touch { key: mop.key, first, last });
            }
        }
    }

    /// Everything that can be said without looking for cycles.
    pub fn dependencies(
        &self,
        txns: &Txns,
        orders: &Orders,
        processes: &[i64],
        assume: Assumptions,
    ) -> (Dependencies, Vec<Precedes>) {
        let mut found = Dependencies { nodes: txns.len() as u32, ..Dependencies::default() };
        found.is_node.clone_from(&self.is_node);
        let mut readers: Vec<(u32, u32)> = Vec::new();
        for txn in 0..txns.len() as u32 {
            if txns.status[txn as usize] == Status::Ok {
                self.reads(txns, txn, &mut readers, &mut found);
            }
        }
        internal::registers(txns, &self.writes, &mut found.findings);
        let order = infer(self, txns, orders, processes, assume, &mut found.findings);
        let mut follows: Vec<(u32, u32)> = order.iter().map(|edge| (edge.from, edge.to)).collect();
        let all = (0..self.writes.len() as u32).filter(|&write| self.is_version[write as usize]);
        follows.extend(all.map(|write| (self.initial_of(write), write)));
        let readers = Rows::new(readers, self.versions());
        let follows = Rows::new(follows, self.versions());
        for version in 0..self.versions() {
            self.version_edges(version, readers.get(version), follows.get(version), &mut found);
        }
        (found, order)
    }

    fn reads(&self, txns: &Txns, txn: u32, readers: &mut Vec<(u32, u32)>, found: &mut Dependencies) {
        for at in txns.span(txn as usize) {
            let mop = &txns.mops[at];
            if mop.is_write {
                continue;
            }
            let finding = |name, writer| Finding { name, key: mop.key, value: mop.value, txns: some([txn, writer]) };
            let version = self.seen(mop.key, mop.value);
            if version == NONE {
                found.findings.push(finding("thin-air", NONE));
                continue;
            }
            let is_external = self.writes.before[at] == NONE;
            if self.is_initial(version) {
                if is_external {
                    readers.push((version, txn));
                }
                continue;
            }
            let writer = self.writes.txn[version as usize];
            if writer == txn {
                continue;
            }
            if txns.status[writer as usize] == Status::Fail {
                found.findings.push(finding("G1a", writer));
                continue;
            }
            if !self.writes.is_final[version as usize] {
                found.findings.push(finding("G1b", writer));
            }
            if is_external {
                readers.push((version, txn));
                found.edges.push(Edge { from: writer, to: txn, kind: WR });
            }
        }
    }

    fn version_edges(&self, version: u32, readers: &[u32], follows: &[u32], found: &mut Dependencies) {
        let mut writers: Vec<u32> = follows
            .iter()
            .map(|&next| self.writes.txn.get(next as usize).copied())
            .map(|writer| writer.unwrap_or(NONE))
            .filter(|&writer| writer != NONE)
            .collect();
        writers.sort_unstable();
        writers.dedup();
        if writers.is_empty() {
            return;
        }
        connect(readers, &writers, RW, &mut found.nodes, &mut found.edges);
        if let Some(writer) = self.writer_of(version) {
            let others = writers.iter().filter(|&&other| other != writer);
            found.edges.extend(others.map(|&to| Edge { from: writer, to, kind: WW }));
        }
    }
}

/// Pairs by their first number.
struct Rows {
    first: Vec<u32>,
    second: Vec<u32>,
}

impl Rows {
    fn new(pairs: Vec<(u32, u32)>, rows: u32) -> Self {
        let mut first = vec![0u32; rows as usize + 2];
        pairs.iter().for_each(|pair| first[pair.0 as usize + 2] += 1);
        for row in 2..first.len() {
            first[row] += first[row - 1];
        }
        let mut second = vec![0; pairs.len()];
        for (row, other) in pairs {
            let place = &mut first[row as usize + 1];
            second[*place as usize] = other;
            *place += 1;
        }
        Self { first, second }
    }

    fn get(&self, row: u32) -> &[u32] {
        &self.second[self.first[row as usize] as usize..self.first[row as usize + 1] as usize]
    }
}
