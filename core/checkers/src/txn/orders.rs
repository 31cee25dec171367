//! The orders that need no values: of each process, and of real time.
use std::collections::VecDeque;

use super::graph::{Edge, PROCESS};
use super::history::{Status, Txns, NONE};
use crate::events::{Events, Kind};
use crate::intern::FastMap;

/// For every transaction the next of its process, and the first invoked after it had completed, or `NONE`.
///
/// Of one process the order of events counts; between processes a completion precedes an invocation only if its time is
/// earlier: clocks that do not tell two events apart prove no order. Times that go back count as the latest before them.
/// A transaction whose outcome is unknown may take effect at any later time, so it precedes nothing.
pub struct Orders {
    pub process: Vec<u32>,
    pub start: Vec<u32>,
    /// Edges to what `process` has no place for: transactions that nobody knows the outcome of.
    pub extra: Vec<Edge>,
}

pub fn orders(events: &impl Events, txns: &Txns) -> Orders {
    let mut orders = Orders { process: vec![NONE; txns.len()], start: vec![NONE; txns.len()], extra: Vec::new() };
    let mut of_row = vec![NONE; events.len()];
    let mut last: FastMap<u64, u32> = FastMap::default();
    let mut completed: VecDeque<(i64, u32)> = VecDeque::new();
    let (mut now, mut next) = (i64::MIN, 0u32);
    for row in 0..events.len() {
        now = now.max(events.time(row));
        match events.kind(row) {
            Kind::Invoke if next < txns.len() as u32 && txns.invoke[next as usize] as usize == row => {
                of_row[row] = next;
                let status = txns.status[next as usize];
                let previous = last.entry(events.process(row) as u64).or_insert(NONE);
                match (*previous, status) {
                    (_, Status::Fail) => {}
                    (NONE, Status::Ok) => *previous = next,
                    (NONE, Status::Info) => {}
                    (from, Status::Info) => orders.extra.push(Edge { from, to: next, kind: PROCESS }),
                    (from, Status::Ok) => {
                        orders.process[from as usize] = next;
                        *previous = next;
                    }
                }
                while let Some(&(_, txn)) = completed.front().filter(|&&(time, _)| time < now) {
                    orders.start[txn as usize] = next;
                    completed.pop_front();
                }
                next += 1;
            }
            Kind::Ok => {
                let txn = events.partner(row).map_or(NONE, |invocation| of_row[invocation]);
                if txn != NONE {
                    completed.push_back((now, txn));
                }
            }
            _ => {}
        }
    }
    orders
}
