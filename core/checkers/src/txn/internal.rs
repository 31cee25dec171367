//! What a transaction must see of itself, and updates that were lost.
//!
//! Only transactions that use a key twice are looked at.
use super::append::Lists;
use super::finding::{some, Finding};
use super::history::{Status, Txns, NONE};
use super::writes::Writes;
use crate::intern::FastMap;

/// Transactions that read a list other than the one they had read or extended, or an element before they appended it.
pub fn lists(txns: &Txns, writes: &Writes, texts: &[&str], lists: &Lists, findings: &mut Vec<Finding>) {
    for &txn in writes.repeating.iter().filter(|&&txn| txns.status[txn as usize] == Status::Ok) {
        for at in txns.span(txn as usize) {
            let mop = &txns.mops[at];
            let mut earlier = writes.before[at];
            if earlier == NONE {
                continue;
            }
            let finding = |name| Finding { name, key: mop.key, value: mop.value, txns: some([txn]) };
            if !mop.is_write {
                if !continues(txns, writes, texts, at) {
                    findings.push(finding("internal"));
                }
                continue;
            }
            let text = texts[mop.value as usize];
            while earlier != NONE {
                let read = &txns.mops[earlier as usize];
                if !read.is_write && lists.holds(mop.key, read.list, writes.of_mop[at], text) {
                    findings.push(finding("future-read"));
                    break;
                }
                earlier = writes.before[earlier as usize];
            }
        }
    }
    lost_updates(txns, writes, findings);
}

/// Whether a read of a list is what the transaction's earlier ones make it.
fn continues(txns: &Txns, writes: &Writes, texts: &[&str], at: usize) -> bool {
    let mut appended: Vec<&str> = Vec::new();
    let mut known = None;
    let mut earlier = writes.before[at];
    while earlier != NONE {
        let mop = &txns.mops[earlier as usize];
        if !mop.is_write {
            known = Some(mop.list);
            break;
        }
        appended.push(texts[mop.value as usize]);
        earlier = writes.before[earlier as usize];
    }
    appended.reverse();
    let suffix = appended.join(",");
    let list = txns.mops[at].list;
    let rest = if suffix.is_empty() { Some(list) } else { list.strip_suffix(suffix.as_str()) };
    let rest =
        rest.and_then(|rest| if suffix.is_empty() || rest.is_empty() { Some(rest) } else { rest.strip_suffix(',') });
    match known {
        Some(known) => rest == Some(known),
        None => rest.is_some(),
    }
}

/// Transactions that read a register otherwise than they had read or written it, or a value before they wrote it.
pub fn registers(txns: &Txns, writes: &Writes, findings: &mut Vec<Finding>) {
    for &txn in writes.repeating.iter().filter(|&&txn| txns.status[txn as usize] == Status::Ok) {
        for at in txns.span(txn as usize) {
            let mop = &txns.mops[at];
            let mut earlier = writes.before[at];
            if earlier == NONE {
                continue;
            }
            let finding = |name| Finding { name, key: mop.key, value: mop.value, txns: some([txn]) };
            if !mop.is_write {
                if txns.mops[earlier as usize].value != mop.value {
                    findings.push(finding("internal"));
                }
                continue;
            }
            while earlier != NONE {
                let read = &txns.mops[earlier as usize];
                if !read.is_write && read.value == mop.value {
                    findings.push(finding("future-read"));
                    break;
                }
                earlier = writes.before[earlier as usize];
            }
        }
    }
    lost_updates(txns, writes, findings);
}

/// Completed transactions that read the same version of a key and wrote the key.
fn lost_updates(txns: &Txns, writes: &Writes, findings: &mut Vec<Finding>) {
    let mut first_of: FastMap<(u32, u32), u32> = FastMap::default();
    for &txn in writes.repeating.iter().filter(|&&txn| txns.status[txn as usize] == Status::Ok) {
        for at in txns.span(txn as usize).filter(|&at| txns.mops[at].is_write) {
            let mop = &txns.mops[at];
            let Some(read) = read_before(txns, writes, at) else { continue };
            let is_own = read != NONE && {
                let write = writes.find(mop.key, read);
                write != NONE && writes.txn[write as usize] == txn
            };
            if is_own {
                continue;
            }
            let first = *first_of.entry((mop.key, read)).or_insert(txn);
            if first != txn {
                findings.push(Finding { name: "lost-update", key: mop.key, value: read, txns: some([first, txn]) });
            }
        }
    }
}

/// What a transaction had first read of a key when it first wrote to it here.
fn read_before(txns: &Txns, writes: &Writes, at: usize) -> Option<u32> {
    let mut earlier = writes.before[at];
    let mut read = None;
    while earlier != NONE {
        let mop = &txns.mops[earlier as usize];
        if mop.is_write {
            return None;
        }
        read = Some(mop.value);
        earlier = writes.before[earlier as usize];
    }
    read
}
