//! What the reads of lists say: of whom they saw, whom they did not see, and what is wrong with what they saw.
use std::ops::Range;

use super::super::finding::{some, Finding};
use super::super::graph::{Edge, RW, WR};
use super::super::history::{Status, NONE};
use super::super::tokens::elements;
use super::lists::{Lists, ELSEWHERE};
use crate::intern::Interner;

/// What the reads of some transactions say.
#[derive(Default)]
pub struct Part {
    pub edges: Vec<Edge>,
    pub findings: Vec<Finding>,
    /// Keys and the transactions that read all there is of them.
    pub tails: Vec<(u32, u32)>,
}

impl<'a> Lists<'_, 'a> {
    /// Reads that are no prefix of the longest: each element is looked at.
    pub fn odd_reads(&mut self, odd: &[u32], values: &mut Interner<'a>, findings: &mut Vec<Finding>) {
        for &at in odd {
            let mop = self.txns.mops[at as usize];
            let txn = self.txn_of(at);
            let other = self.txn_of(self.longest[mop.key as usize]);
            for element in elements(mop.list) {
                let value = values.number(element);
                let write = self.writes.find(mop.key, value);
                let finding = |name, writer| Finding { name, key: mop.key, value, txns: some([txn, writer]) };
                if write == NONE {
                    findings.push(finding("thin-air", NONE));
                    continue;
                }
                let writer = self.writes.txn[write as usize];
                if self.txns.status[writer as usize] == Status::Fail {
                    findings.push(finding("G1a", writer));
                }
                if self.position[write as usize] == NONE {
                    self.position[write as usize] = ELSEWHERE;
                }
            }
            if distinct_if_fewer(mop.list).is_some() {
                findings.push(Finding {
                    name: "duplicate-elements",
                    key: mop.key,
                    value: mop.value,
                    txns: some([txn]),
                });
            }
            findings.push(Finding {
                name: "incompatible-order",
                key: mop.key,
                value: mop.value,
                txns: some([txn, other]),
            });
        }
    }

    /// What the completed ones of these transactions read.
    pub fn part(&self, range: Range<usize>, is_node: &[bool]) -> Part {
        let mut part = Part::default();
        for txn in range {
            if self.txns.status[txn] == Status::Ok {
                self.txns.mops_of(txn).iter().filter(|mop| !mop.is_write).for_each(|mop| {
                    self.read(txn as u32, mop.key, mop.value, mop.list, is_node, &mut part);
                });
            }
        }
        part
    }

    fn read(&self, txn: u32, key: u32, value: u32, list: &str, is_node: &[bool], part: &mut Part) {
        let order = self.order_of(key);
        let is_prefix = self.is_prefix(key, list);
        let mut next = 0;
        if value != NONE {
            let write = self.writes.find(key, value);
            if write != NONE {
                self.saw(txn, key, value, write, is_node, part);
            }
            if is_prefix {
                let is_it = |&write: &u32| self.writes.value[write as usize] == value;
                let distinct = match self.flaws[key as usize].duplicate {
                    NONE => None,
                    _ => distinct_if_fewer(list),
                };
                // What a list that holds an element twice was followed by, nobody can say.
                if let Some(distinct) = distinct {
                    self.flawed(txn, key, distinct - 1, part);
                    part.findings.push(Finding { name: "duplicate-elements", key, value, txns: some([txn]) });
                    return;
                }
                let place = match write {
                    NONE => order.iter().position(is_it).unwrap_or_default() as u32,
                    write => self.position[write as usize],
                };
                self.flawed(txn, key, place, part);
                next = place as usize + 1;
            }
        }
        if !is_prefix {
            return;
        }
        match order.get(next..).into_iter().flatten().find_map(|&write| self.node_of(write, is_node)) {
            Some(writer) if writer != txn => part.edges.push(Edge { from: txn, to: writer, kind: RW }),
            Some(_) => {}
            None => part.tails.push((key, txn)),
        }
    }

    fn saw(&self, txn: u32, key: u32, value: u32, write: u32, is_node: &[bool], part: &mut Part) {
        let writer = self.writes.txn[write as usize];
        if writer == txn || writer == NONE {
            return;
        }
        if !self.writes.is_final[write as usize] {
            part.findings.push(Finding { name: "G1b", key, value, txns: some([txn, writer]) });
        }
        if is_node[writer as usize] {
            part.edges.push(Edge { from: writer, to: txn, kind: WR });
        }
    }

    /// What is wrong with the longest read up to this place is wrong with this one.
    fn flawed(&self, txn: u32, key: u32, place: u32, part: &mut Part) {
        let flaws = self.flaws[key as usize];
        let order = self.order_of(key);
        let value = |place: u32| self.writes.value[order[place as usize] as usize];
        if flaws.failed <= place && flaws.failed != NONE {
            let writer = self.writes.txn[order[flaws.failed as usize] as usize];
            let value = value(flaws.failed);
            part.findings.push(Finding { name: "G1a", key, value, txns: some([txn, writer]) });
        }
        if flaws.thin_air <= place && flaws.thin_air != NONE {
            let value = value(flaws.thin_air);
            part.findings.push(Finding { name: "thin-air", key, value, txns: some([txn]) });
        }
    }
}

/// How many different elements a list has, if it has some more than once.
fn distinct_if_fewer(list: &str) -> Option<u32> {
    let mut seen: Vec<&str> = elements(list).collect();
    let length = seen.len();
    seen.sort_unstable();
    seen.dedup();
    (seen.len() < length).then_some(seen.len() as u32)
}
