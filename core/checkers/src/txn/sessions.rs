//! A history as its sessions see it: what each transaction read, in its order, and who came before it.
use std::time::Instant;

use rayon::prelude::*;

use super::graph::{Edge, PROCESS, WR};
use super::history::{Status, Txns, NONE};
use super::orders::Orders;
use super::register::Registers;

/// Who must come before whom because of a reader, and which.
#[derive(Clone, Copy)]
pub struct Forced {
    pub from: u32,
    pub to: u32,
    pub reader: u32,
    pub key: u32,
}

/// A history as its sessions see it.
pub struct Sessions<'a> {
    pub txns: &'a Txns<'a>,
    pub registers: &'a Registers,
    /// Order of sessions and of reads. The last node is who wrote the initial state, before everybody.
    pub edges: Vec<Edge>,
    pub initial: u32,
    /// The transaction before each in its session.
    pub previous: Vec<u32>,
    /// Reads from others in their order: key and writer.
    pub reads: Vec<(u32, u32)>,
    first: Vec<u32>,
}

impl<'a> Sessions<'a> {
    pub fn new(txns: &'a Txns<'a>, registers: &'a Registers, orders: &Orders) -> Self {
        let initial = txns.len() as u32;
        let mut previous = vec![NONE; txns.len()];
        for (txn, &next) in orders.process.iter().enumerate().filter(|(_, &next)| next != NONE) {
            previous[next as usize] = txn as u32;
        }
        for edge in orders.extra.iter().filter(|edge| registers.is_node[edge.to as usize]) {
            previous[edge.to as usize] = edge.from;
        }
        let (mut reads, mut first, mut edges) = (Vec::new(), vec![0], Vec::new());
        for txn in 0..initial {
            for mop in txns.mops_of(txn as usize).iter().filter(|mop| !mop.is_write) {
                let version = registers.seen(mop.key, mop.value);
                if version == NONE {
                    continue;
                }
                let writer = registers.writer_of(version).unwrap_or(initial);
                let may_matter = writer == initial || registers.is_node[writer as usize];
                if writer != txn && may_matter {
                    reads.push((mop.key, writer));
                    edges.push(Edge { from: writer, to: txn, kind: WR });
                }
            }
            first.push(reads.len() as u32);
            if registers.is_node[txn as usize] {
                edges.push(Edge { from: initial, to: txn, kind: PROCESS });
                if previous[txn as usize] != NONE {
                    edges.push(Edge { from: previous[txn as usize], to: txn, kind: PROCESS });
                }
            }
        }
        Self { txns, registers, edges, initial, previous, reads, first }
    }

    pub fn reads_of(&self, txn: u32) -> &[(u32, u32)] {
        &self.reads[self.first[txn as usize] as usize..self.first[txn as usize + 1] as usize]
    }

    /// `None` if the deadline came first.
    pub fn each(&self, deadline: Instant, find: impl Fn(u32, &mut Vec<Forced>) + Sync) -> Option<Vec<Forced>> {
        let all: Vec<u32> = (0..self.initial).filter(|&txn| self.txns.status[txn as usize] == Status::Ok).collect();
        let part = |txns: &[u32]| {
            let mut forced = Vec::new();
            txns.iter().for_each(|&txn| find(txn, &mut forced));
            (Instant::now() < deadline).then_some(forced)
        };
        let parts: Option<Vec<Vec<Forced>>> = all.par_chunks(4096).map(part).collect();
        Some(parts?.concat())
    }

    /// The keys that a transaction wrote; of the initial state, none are listed.
    pub fn written(&self, txn: u32) -> impl Iterator<Item = u32> + '_ {
        let mops = if txn == self.initial { &[] } else { self.txns.mops_of(txn as usize) };
        mops.iter().filter(|mop| mop.is_write).map(|mop| mop.key)
    }

    /// Session and place in it of every transaction that may matter, sessions by their beginning.
    pub fn numbered(&self) -> Vec<(u32, u32)> {
        let mut place = vec![(NONE, 0); self.initial as usize];
        let mut sessions = 0;
        for txn in (0..self.initial as usize).filter(|&txn| self.registers.is_node[txn]) {
            place[txn] = match self.previous[txn] {
                NONE => {
                    sessions += 1;
                    (sessions - 1, 0)
                }
                previous => {
                    let (session, at) = place[previous as usize];
                    (session, at + 1)
                }
            };
        }
        place
    }
}
