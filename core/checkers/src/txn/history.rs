//! Transactions in flat arrays: every key and value a small number, every micro-operation a fixed few bytes.
use rayon::prelude::*;

use super::tokens::{last_element, list_inside, Tokens};
use crate::events::{Events, Kind, Malformed};
use crate::intern::Interner;

/// No number: the value of a key that nobody wrote yet, a mop without predecessor, a write without position.
pub const NONE: u32 = u32::MAX;

/// What the micro-operations of a history are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `append` and `r` of lists.
    Append,
    /// `w` and `r` of registers.
    Register,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// Nobody knows whether it happened.
    Info,
    Fail,
}

/// One micro-operation.
#[derive(Clone, Copy, Debug)]
pub struct Mop<'a> {
    pub key: u32,
    /// What was written; for a read what it saw, of a list its last element, `NONE` for nothing yet.
    pub value: u32,
    pub is_write: bool,
    /// What is between the brackets of a list that was read.
    pub list: &'a str,
}

/// The transactions of all clients in the order of their invocation. Reads are kept of completed ones alone: what
/// others may have read, nobody saw.
#[derive(Default)]
pub struct Txns<'a> {
    pub invoke: Vec<u32>,
    pub status: Vec<Status>,
    pub first: Vec<u32>,
    pub mops: Vec<Mop<'a>>,
    /// Key texts, by number.
    pub keys: Vec<&'a str>,
}

impl<'a> Txns<'a> {
    pub fn len(&self) -> usize {
        self.invoke.len()
    }

    pub fn span(&self, txn: usize) -> std::ops::Range<usize> {
        self.first[txn] as usize..self.first[txn + 1] as usize
    }

    pub fn mops_of(&self, txn: usize) -> &[Mop<'a>] {
        &self.mops[self.span(txn)]
    }

    /// Reads the transactions of all clients. The interner knows every value afterwards.
    pub fn read<E: Events>(events: &'a E, dialect: Dialect) -> Result<(Self, Interner<'a>), Malformed> {
        let mut txns = Txns::default();
        for row in 0..events.len() {
            if events.kind(row) != Kind::Invoke || events.process(row) < 0 {
                continue;
            }
            txns.invoke.push(row as u32);
            txns.status.push(match events.partner(row).map(|row| events.kind(row)) {
                Some(Kind::Ok) => Status::Ok,
                Some(Kind::Fail) => Status::Fail,
                _ => Status::Info,
            });
        }
        let size = (txns.len() / (rayon::current_num_threads() * 4)).max(1024);
        let chunks: Vec<Chunk<'a>> = txns
            .invoke
            .par_chunks(size)
            .zip(txns.status.par_chunks(size))
            .map(|(invoke, status)| Chunk::read(events, dialect, invoke, status))
            .collect::<Result<_, Malformed>>()?;
        let values = txns.merge(chunks);
        Ok((txns, values))
    }

    fn merge(&mut self, chunks: Vec<Chunk<'a>>) -> Interner<'a> {
        let total = chunks.iter().map(|chunk| chunk.mops.len()).sum();
        let mut keys = Interner::new("null", self.len());
        let mut values = Interner::new("null", total);
        self.mops.reserve_exact(total);
        self.first.reserve_exact(self.len() + 1);
        self.first.push(0);
        for chunk in chunks {
            let key_numbers: Vec<u32> = chunk.keys.into_iter().map(|text| keys.number(text)).collect();
            let value_numbers: Vec<u32> = chunk.values.into_iter().map(|text| values.number(text)).collect();
            let base = self.mops.len() as u32;
            self.first.extend(chunk.ends.iter().map(|end| base + end));
            self.mops.extend(chunk.mops.into_iter().map(|mop| Mop {
                key: key_numbers[mop.key as usize],
                value: value_numbers.get(mop.value as usize).copied().unwrap_or(NONE),
                ..mop
            }));
        }
        self.keys = keys.into_texts();
        values
    }
}

/// A run of transactions with numbers of its own.
struct Chunk<'a> {
    ends: Vec<u32>,
    mops: Vec<Mop<'a>>,
    keys: Vec<&'a str>,
    values: Vec<&'a str>,
}

impl<'a> Chunk<'a> {
    fn read<E: Events>(events: &'a E, dialect: Dialect, invoke: &[u32], status: &[Status]) -> Result<Self, Malformed> {
        let mut keys = Interner::new("null", invoke.len());
        let mut values = Interner::new("null", invoke.len() * 2);
        let mut mops = Vec::with_capacity(invoke.len() * 2);
        let mut ends = Vec::with_capacity(invoke.len());
        for (&row, &status) in invoke.iter().zip(status) {
            let row = row as usize;
            let row = events.partner(row).filter(|_| status == Status::Ok).unwrap_or(row);
            if events.f(row) != "txn" {
                return Err(Malformed::unknown_f(row, format!("the function {:?} is not \"txn\"", events.f(row))));
            }
            for token in Tokens::new(events.value(row).unwrap_or("null")) {
                let token = token.ok_or_else(|| wrong(events, row, dialect))?;
                let mop = match (token.f, dialect) {
                    ("append", Dialect::Append) | ("w", Dialect::Register) => {
                        if token.value == "null" {
                            let message = "null is written, but null is what a key holds before the first write";
                            return Err(Malformed::at(row, message));
                        }
                        let (key, value) = (keys.number(token.key), values.number(token.value));
                        Mop { key, value, is_write: true, list: "" }
                    }
                    ("r", _) if status != Status::Ok => continue,
                    ("r", Dialect::Register) => {
                        let value = if token.value == "null" { NONE } else { values.number(token.value) };
                        Mop { key: keys.number(token.key), value, is_write: false, list: "" }
                    }
                    ("r", Dialect::Append) => {
                        let list = list_inside(token.value).ok_or_else(|| wrong(events, row, dialect))?;
                        let value = last_element(list).map_or(NONE, |text| values.number(text));
                        Mop { key: keys.number(token.key), value, is_write: false, list }
                    }
                    _ => return Err(wrong(events, row, dialect)),
                };
                mops.push(mop);
            }
            ends.push(mops.len() as u32);
        }
        Ok(Self { ends, mops, keys: keys.into_texts(), values: values.into_texts() })
    }
}

fn wrong(events: &impl Events, row: usize, dialect: Dialect) -> Malformed {
    let expected = match dialect {
        Dialect::Append => "[\"append\", key, element] and [\"r\", key, list or null]",
        Dialect::Register => "[\"w\", key, value] and [\"r\", key, value or null]",
    };
    let text = events.value(row).unwrap_or("null");
    let short: String = text.chars().take(120).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    Malformed::at(row, format!("a transaction is a list of {expected}, not {short}{dots}"))
}
