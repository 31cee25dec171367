//! A bank: transfers move money, so every read of all accounts must find the same total.
//!
//! Which accounts and what total are right may be given. Where they are not, what most reads found is taken for right:
//! two reads with different totals prove a violation whichever of them is to blame, and so it is the rare one that is
//! shown, beside a usual one.
use super::judge;
use super::object::{each_key, short, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::{FastMap, Interner};

/// What the bank is known to be.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    pub accounts: Option<Vec<String>>,
    pub total: Option<i64>,
    pub negative_balances: bool,
}

pub fn check_bank(events: &impl Events, bank: &Bank) -> Result<Report, Malformed> {
    each_key(events, |object| check(object, bank))
}

/// A read's sum, and which accounts it found.
struct Read {
    op: Op,
    total: i128,
    accounts: u32,
    /// Without a balance, if any: its number.
    empty: Option<u32>,
    negative: Option<(u32, i64)>,
}

fn check<E: Events>(object: &Object<'_, E>, bank: &Bank) -> Result<Report, Malformed> {
    let mut reads = Vec::new();
    let mut transfers = 0;
    let mut teller =
        Teller { names: Interner::new("", 0), sets: FastMap::default(), list: Vec::new(), found: Vec::new() };
    for op in object.ops() {
        match object.f(&op) {
            "read" if op.outcome == Outcome::Ok => reads.push(teller.read(object, op)?),
            "read" => {}
            "transfer" => {
                is_transfer(object, &op)?;
                transfers += usize::from(op.outcome == Outcome::Ok);
            }
            _ => return Err(object.unknown_f(&op, "a bank", "transfer and read")),
        }
    }
    let names = teller.names.into_texts();
    let given = bank.accounts.as_ref().map(|accounts| numbers(accounts, &names));
    let right = Right {
        object,
        usual_accounts: usual(reads.iter().map(|read| (read.accounts, read.op.row))),
        usual_total: usual(reads.iter().filter(|read| read.empty.is_none()).map(|read| (read.total, read.op.row))),
        sets: &teller.list,
        given: given.as_ref(),
        names: &names,
        bank,
    };
    let mut report = Report::default();
    report.count("reads", reads.len());
    report.count("transfers", transfers);
    for read in &reads {
        right.judge(&mut report, read);
    }
    judge::bank(object, &mut report, bank);
    if let Some((total, _)) = right.usual_total.filter(|_| bank.total.is_none()) {
        report.notes.push(("total_taken_for_right", total.to_string()));
    }
    if reads.len() < 2 && (reads.is_empty() || bank.total.is_none()) {
        report.unproven(if reads.is_empty() {
            "no read returned"
        } else {
            "one read alone, and the total is not given"
        });
    }
    Ok(report)
}

fn is_transfer<E: Events>(object: &Object<'_, E>, op: &Op) -> Result<(), Malformed> {
    let text = object.asked(op).unwrap_or("null");
    let (mut named, mut is_whole) = (0, false);
    for member in scan::members(text) {
        match member {
            Ok(("from" | "to", _)) => named += 1,
            Ok(("amount", amount)) => is_whole = scan::integer(amount).is_some(),
            Ok(_) => {}
            Err(_) => named = 3,
        }
    }
    if named == 2 && is_whole {
        return Ok(());
    }
    let needs = "a transfer needs the value {from, to, amount} with a whole amount, not";
    Err(object.malformed_call(op, format!("{needs} {}", short(text))))
}

/// Reads balances, and numbers accounts and sets of accounts.
struct Teller<'a> {
    names: Interner<'a>,
    sets: FastMap<Box<[u32]>, u32>,
    list: Vec<Box<[u32]>>,
    found: Vec<u32>,
}

impl<'a> Teller<'a> {
    fn read<E: Events>(&mut self, object: &Object<'a, E>, op: Op) -> Result<Read, Malformed> {
        let text = object.answer(&op).unwrap_or("null");
        let wrong = || {
            let told =
                format!("a read of a bank returns {{account: balance}} with whole balances, not {}", short(text));
            object.malformed_answer(&op, told)
        };
        let mut read = Read { op, total: 0, accounts: 0, empty: None, negative: None };
        self.found.clear();
        for member in scan::members(text) {
            let (name, balance) = member.map_err(|_| wrong())?;
            let number = self.names.number(name);
            self.found.push(number);
            if balance == "null" {
                read.empty.get_or_insert(number);
                continue;
            }
            let balance = scan::integer(balance).ok_or_else(wrong)?;
            read.total += i128::from(balance);
            if balance < 0 {
                read.negative.get_or_insert((number, balance));
            }
        }
        self.found.sort_unstable();
        read.accounts = match self.sets.get(self.found.as_slice()) {
            Some(&set) => set,
            None => {
                let set: Box<[u32]> = self.found.as_slice().into();
                self.list.push(set.clone());
                let number = self.list.len() as u32 - 1;
                self.sets.insert(set, number);
                number
            }
        };
        Ok(read)
    }
}

/// The numbers of the accounts that are known by name to some read, sorted; and the names of the others.
fn numbers(accounts: &[String], names: &[&str]) -> (Vec<u32>, Vec<String>) {
    let places: FastMap<&str, u32> = (0u32..).zip(names).skip(1).map(|(number, name)| (*name, number)).collect();
    let mut known: Vec<u32> = accounts.iter().filter_map(|name| places.get(name.as_str()).copied()).collect();
    known.sort_unstable();
    let others = accounts.iter().filter(|name| !places.contains_key(name.as_str())).cloned().collect();
    (known, others)
}

/// What most reads found, the first of equals, with the first read that found it.
fn usual<T: std::hash::Hash + Eq + Copy>(found: impl Iterator<Item = (T, u32)>) -> Option<(T, u32)> {
    let mut counts: FastMap<T, (usize, u32)> = FastMap::default();
    for (what, row) in found {
        counts.entry(what).or_insert((0, row)).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, (count, row))| (*count, std::cmp::Reverse(*row)));
    most.map(|(what, (_, row))| (what, row))
}

/// What the reads are held against.
struct Right<'r, 'a, E> {
    object: &'r Object<'a, E>,
    usual_accounts: Option<(u32, u32)>,
    usual_total: Option<(i128, u32)>,
    sets: &'r [Box<[u32]>],
    given: Option<&'r (Vec<u32>, Vec<String>)>,
    names: &'r [&'a str],
    bank: &'r Bank,
}

impl<E: Events> Right<'_, '_, E> {
    /// The first thing that is wrong with a read: a wrong total says nothing if the accounts are wrong.
    fn judge(&self, report: &mut Report, read: &Read) {
        let saw = || {
            let (who, at) = (self.object.who(read.op.row), self.object.at(read.op.ret));
            format!("The read by process {who} at {at}")
        };
        let account = |number: u32| self.names[number as usize];
        if self.has_wrong_accounts(read) {
            report.find("wrong-accounts", "", || self.tell_accounts(read, &saw()));
        } else if let Some(number) = read.empty {
            let told = || format!("{} found account {} without a balance.", saw(), account(number));
            report.find("missing-balance", "", || (told(), vec![read.op.row]));
        } else {
            let right = self.bank.total.map(|total| (i128::from(total), None));
            let right = right.or_else(|| self.usual_total.map(|(total, row)| (total, Some(row))));
            if let Some((total, beside)) = right.filter(|(total, _)| *total != read.total) {
                report.find("wrong-total", "", || self.tell_total(read, &saw(), total, beside));
            }
        }
        if let Some((number, balance)) = read.negative.filter(|_| !self.bank.negative_balances) {
            let told = || format!("{} found account {} with a balance of {balance}.", saw(), account(number));
            report.find("negative-balance", "", || (told(), vec![read.op.row]));
        }
    }

    fn has_wrong_accounts(&self, read: &Read) -> bool {
        match self.given {
            Some((known, others)) => !others.is_empty() || *self.sets[read.accounts as usize] != **known,
            None => self.usual_accounts.is_some_and(|(accounts, _)| accounts != read.accounts),
        }
    }

    fn tell_accounts(&self, read: &Read, saw: &str) -> (String, Vec<u32>) {
        let found = &self.sets[read.accounts as usize];
        let (right, absent, beside): (&[u32], &[String], _) = match (self.given, self.usual_accounts) {
            (Some((known, others)), _) => (known, others, None),
            (None, Some((accounts, row))) => (&self.sets[accounts as usize], &[], Some(row)),
            (None, None) => (&[], &[], None),
        };
        let names = |numbers: &[u32], than: &[u32]| -> Vec<String> {
            let differ = numbers.iter().filter(|number| !than.contains(number));
            differ.map(|&number| self.names[number as usize].to_owned()).collect()
        };
        let mut missing = names(right, found);
        missing.extend_from_slice(absent);
        let more = names(found, right);
        let list = |names: &[String]| short(&names.join(", "));
        let told = match (missing.is_empty(), more.is_empty()) {
            (false, true) => format!("lacks account {}", list(&missing)),
            (true, false) => format!("found account {}, which should not be there", list(&more)),
            (true, true) => "found an account twice".to_owned(),
            (false, false) => format!("lacks account {}, and found {} instead", list(&missing), list(&more)),
        };
        let than =
            beside.map_or_else(String::new, |row| format!(", unlike the read by process {}", self.object.who(row)));
        (format!("{saw} {told}{than}."), [read.op.row].into_iter().chain(beside).collect())
    }

    fn tell_total(&self, read: &Read, saw: &str, total: i128, beside: Option<u32>) -> (String, Vec<u32>) {
        let right = match beside {
            Some(row) => {
                let other = self.object.op(row);
                format!("that by process {} at {} found {total}", self.object.who(row), self.object.at(other.ret))
            }
            None => format!("the accounts hold {total}"),
        };
        let told = format!("{saw} found {} in all, but {right}.", read.total);
        (told, [read.op.row].into_iter().chain(beside).collect())
    }
}
