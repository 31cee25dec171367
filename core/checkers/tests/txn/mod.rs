//! What tests of transactions share: small histories, made at random by an unreliable database, and judges that try
//! every order.
#![allow(dead_code)] // every test file uses a part of it

use std::time::Duration;

use splitbrain_checkers::events::{Events, Kind};
use splitbrain_checkers::txn::{check_appends, check_registers, Assumptions, Bounds, Report, Weak};

#[path = "../common/mod.rs"]
pub mod common;
pub use common::Random;

/// One micro-operation; values count from 1. What an append leaves behind is a list, what a write does is its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mop {
    Write(usize, u32),
    Read(usize, Vec<u32>),
}

#[derive(Clone, Debug)]
pub struct Txn {
    pub mops: Vec<Mop>,
    pub process: i64,
    pub call: i64,
    pub ret: i64,
    pub kind: Kind,
}

/// A history, as events.
pub struct History {
    rows: Vec<(i64, i64, Kind, String, usize)>,
    invoked: Vec<usize>,
}

impl History {
    /// Completions come before invocations of the same time, so that one process can go on at once.
    pub fn new(txns: &[Txn], is_lists: bool) -> Self {
        let mut events: Vec<(i64, u8, usize)> = Vec::new();
        for (txn, op) in txns.iter().enumerate() {
            events.push((op.call, 1, txn));
            events.push((op.ret, 0, txn));
        }
        events.sort_unstable();
        let mut rows: Vec<(i64, i64, Kind, String, usize)> = Vec::new();
        let mut invoked = vec![0; txns.len()];
        for (time, what, txn) in events {
            let op = &txns[txn];
            if what == 1 {
                invoked[txn] = rows.len();
                rows.push((time, op.process, Kind::Invoke, text(&op.mops, is_lists, false), usize::MAX));
            } else {
                let row = rows.len();
                rows[invoked[txn]].4 = row;
                rows.push((time, op.process, op.kind, text(&op.mops, is_lists, op.kind == Kind::Ok), invoked[txn]));
            }
        }
        Self { rows, invoked }
    }

    /// The transaction that was invoked in this row.
    pub fn txn_of(&self, row: usize) -> usize {
        self.invoked.iter().position(|&invoked| invoked == row).expect("the row of an invocation")
    }
}

fn text(mops: &[Mop], is_lists: bool, is_seen: bool) -> String {
    let mop = |mop: &Mop| match mop {
        Mop::Write(key, value) => format!("[\"{}\",{key},{value}]", if is_lists { "append" } else { "w" }),
        Mop::Read(key, seen) if !is_seen || seen.is_empty() => format!("[\"r\",{key},null]"),
        Mop::Read(key, seen) if is_lists => format!("[\"r\",{key},{seen:?}]").replace(' ', ""),
        Mop::Read(key, seen) => format!("[\"r\",{key},{}]", seen[seen.len() - 1]),
    };
    format!("[{}]", mops.iter().map(mop).collect::<Vec<_>>().join(","))
}

impl Events for History {
    fn len(&self) -> usize {
        self.rows.len()
    }
    fn time(&self, row: usize) -> i64 {
        self.rows[row].0
    }
    fn is_timed(&self) -> bool {
        true
    }
    fn process(&self, row: usize) -> i64 {
        self.rows[row].1
    }
    fn kind(&self, row: usize) -> Kind {
        self.rows[row].2
    }
    fn f(&self, _row: usize) -> &str {
        "txn"
    }
    fn key(&self, _row: usize) -> Option<&str> {
        None
    }
    fn value(&self, row: usize) -> Option<&str> {
        Some(&self.rows[row].3)
    }
    fn error(&self, _row: usize) -> Option<&str> {
        None
    }
    fn partner(&self, row: usize) -> Option<usize> {
        Some(self.rows[row].4).filter(|&row| row != usize::MAX)
    }
}

pub fn show(txns: &[Txn]) -> String {
    let told = |txn: &Txn| format!("\n{} {}..{} {:?} {:?}", txn.process, txn.call, txn.ret, txn.kind, txn.mops);
    txns.iter().map(told).collect()
}

pub fn bounds() -> Bounds {
    Bounds::within(Duration::from_secs(60), 1 << 30)
}

pub fn lists(txns: &[Txn]) -> Report {
    settled(check_appends(&History::new(txns, true), bounds()).expect("a well-formed history"), txns)
}

pub fn registers(txns: &[Txn], assume: Assumptions, level: Option<Weak>) -> Report {
    let report = check_registers(&History::new(txns, false), assume, level, bounds());
    settled(report.expect("a well-formed history"), txns)
}

/// Small histories leave nothing open, and every witness stands the check by other means.
fn settled(report: Report, txns: &[Txn]) -> Report {
    assert!(report.unconfirmed.is_empty(), "unconfirmed {:?} in {}", report.unconfirmed, show(txns));
    assert!(report.undecided.is_empty() && report.stopped.is_none(), "{:?} in {}", report.undecided, show(txns));
    let told = |name: &str| report.told.iter().any(|told| told.name == name);
    assert!(report.counts.iter().all(|&(name, _)| told(name)), "{:?} in {}", report.counts, show(txns));
    report
}

/// Which orders beside those of values a level demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    Nothing,
    Sessions,
    RealTime,
}

pub const DEMANDS: [Demand; 3] = [Demand::Nothing, Demand::Sessions, Demand::RealTime];

/// Whether a report breaks serializability, or snapshot isolation, with a demand.
pub fn breaks(report: &Report, demand: Demand, is_snapshot: bool) -> bool {
    report.counts.iter().any(|&(name, _)| {
        let variant = [("-process", Demand::Sessions), ("-realtime", Demand::RealTime)];
        let found = variant.iter().find(|(suffix, _)| name.ends_with(suffix));
        let (plain, needs) = match found {
            Some((suffix, needs)) => (name.strip_suffix(suffix).unwrap_or(name), *needs),
            None => (name, Demand::Nothing),
        };
        needs as u8 <= demand as u8 && !(is_snapshot && plain == "G2-item")
    })
}

/// Whether `a` must come before `b` whatever their values.
pub fn precedes(a: &Txn, b: &Txn, demand: Demand) -> bool {
    let in_session = a.process == b.process && a.call < b.call;
    a.kind == Kind::Ok
        && match demand {
            Demand::Nothing => false,
            Demand::Sessions => in_session,
            Demand::RealTime => in_session || a.ret < b.call,
        }
}

type State = Vec<Vec<u32>>;

/// The state after a transaction, if its reads are those of `state`. Reads of those that did not complete are unknown.
fn apply(txn: &Txn, state: &State, is_lists: bool) -> Option<State> {
    let mut state = state.clone();
    for mop in &txn.mops {
        match mop {
            Mop::Write(key, value) => state[*key].push(*value),
            Mop::Read(key, seen) if txn.kind == Kind::Ok => {
                let is_so = if is_lists { *seen == state[*key] } else { seen.last() == state[*key].last() };
                if !is_so {
                    return None;
                }
            }
            Mop::Read(..) => {}
        }
    }
    Some(state)
}

pub const KEYS: usize = 2;

/// By definition: some order of all completed and some of the unknown transactions explains every read.
pub fn is_serializable(txns: &[Txn], is_lists: bool, demand: Demand) -> bool {
    fn extend(txns: &[Txn], left: u32, state: &State, is_lists: bool, demand: Demand) -> bool {
        let open = |i: usize| left >> i & 1 == 1;
        if (0..txns.len()).all(|i| !open(i) || txns[i].kind != Kind::Ok) {
            return true;
        }
        (0..txns.len()).filter(|&i| open(i) && txns[i].kind != Kind::Fail).any(|i| {
            let is_first = (0..txns.len()).all(|j| !open(j) || j == i || !precedes(&txns[j], &txns[i], demand));
            is_first
                && apply(&txns[i], state, is_lists)
                    .is_some_and(|next| extend(txns, left & !(1 << i), &next, is_lists, demand))
        })
    }
    extend(txns, (1 << txns.len()) - 1, &vec![Vec::new(); KEYS], is_lists, demand)
}

/// By definition: some order of commits in which every transaction reads one earlier state, and nobody else wrote its keys
/// between that state and its own commit.
pub fn is_snapshot_isolated(txns: &[Txn], is_lists: bool, demand: Demand) -> bool {
    struct Search<'a> {
        txns: &'a [Txn],
        is_lists: bool,
        demand: Demand,
    }
    impl Search<'_> {
        fn fits(&self, order: &[usize], states: &[State], txn: usize) -> bool {
            let op = &self.txns[txn];
            let writes = |other: usize| {
                let keys = |mop: &Mop| matches!(mop, Mop::Write(key, _) if op.mops.iter().any(|mine| matches!(mine, Mop::Write(own, _) if own == key)));
                self.txns[other].mops.iter().any(keys)
            };
            (0..states.len()).any(|at| {
                let is_known = |place: usize| precedes(&self.txns[order[place]], op, self.demand);
                (at..order.len()).all(|place| !is_known(place) && !writes(order[place]))
                    && apply(op, &states[at], self.is_lists).is_some()
            })
        }

        fn extend(&self, left: u32, order: &mut Vec<usize>, states: &mut Vec<State>) -> bool {
            let open = |i: usize| left >> i & 1 == 1;
            if (0..self.txns.len()).all(|i| !open(i) || self.txns[i].kind != Kind::Ok) {
                return true;
            }
            for i in (0..self.txns.len()).filter(|&i| open(i) && self.txns[i].kind != Kind::Fail) {
                let is_early = (0..self.txns.len())
                    .any(|j| open(j) && j != i && precedes(&self.txns[j], &self.txns[i], self.demand));
                if is_early || !self.fits(order, states, i) {
                    continue;
                }
                let mut state = states[states.len() - 1].clone();
                for mop in &self.txns[i].mops {
                    if let Mop::Write(key, value) = mop {
                        state[*key].push(*value);
                    }
                }
                order.push(i);
                states.push(state);
                if self.extend(left & !(1 << i), order, states) {
                    return true;
                }
                order.pop();
                states.pop();
            }
            false
        }
    }
    let search = Search { txns, is_lists, demand };
    search.extend((1 << txns.len()) - 1, &mut Vec::new(), &mut vec![vec![Vec::new(); KEYS]])
}

/// A few transactions on two keys by a database that sometimes reads old states, breaks transactions in two, loses or
/// applies what it should not, or hands out garbage.
pub fn random_txns(random: &mut Random, txns_max: u64, is_lists: bool) -> Vec<Txn> {
    let stale = random.pick(&[0, 0, 15, 40]);
    let torn = random.pick(&[0, 0, 30]);
    let garbage = random.pick(&[0, 0, 0, 6]);
    let crash = random.pick(&[0, 15, 40]);
    let fail = random.pick(&[0, 0, 15]);
    let width = random.pick(&[0, 6, 25]);
    let step = random.pick(&[2, 10]);
    let processes = 1 + random.below(3) as i64;
    let count = random.below(txns_max + 1);
    let mut states: Vec<State> = vec![vec![Vec::new(); KEYS]];
    let mut free_at = vec![(i64::MIN, true); processes as usize];
    let mut names: Vec<i64> = (0..processes).collect();
    let (mut txns, mut fresh, mut at) = (Vec::new(), 0, 0);
    for _ in 0..count {
        at += random.below(step) as i64;
        let client = random.below(processes as u64) as usize;
        let call = (at - random.below(width + 1) as i64).max(free_at[client].0);
        let ret = call.max(at) + 1 + random.below(width + 1) as i64;
        let kind = match random.below(100) {
            roll if roll < crash => Kind::Info,
            roll if roll < crash + fail => Kind::Fail,
            _ => Kind::Ok,
        };
        let mut view = if random.chance(stale) { random.pick_from(&states) } else { states[states.len() - 1].clone() };
        let mut mops = Vec::new();
        let mut writes = Vec::new();
        for _ in 0..1 + random.below(3) {
            let key = random.below(KEYS as u64) as usize;
            if random.chance(torn) {
                view[key] = states[states.len() - 1][key].clone();
            }
            if random.chance(50) {
                fresh += 1;
                mops.push(Mop::Write(key, fresh));
                view[key].push(fresh);
                writes.push((key, fresh));
            } else {
                let mut seen = view[key].clone();
                if random.chance(garbage) {
                    spoil(random, &mut seen, fresh);
                }
                let seen = if is_lists { seen } else { seen.last().copied().into_iter().collect() };
                mops.push(Mop::Read(key, seen));
            }
        }
        let happens = match kind {
            Kind::Ok => !random.chance(garbage / 3),
            Kind::Info => random.chance(50),
            _ => random.chance(garbage),
        };
        if happens {
            let mut state = states[states.len() - 1].clone();
            writes.into_iter().for_each(|(key, value)| state[key].push(value));
            states.push(state);
        }
        txns.push(Txn { mops, process: names[client], call, ret, kind });
        free_at[client].0 = ret;
        if kind == Kind::Info {
            names[client] += processes;
        }
    }
    txns
}

fn spoil(random: &mut Random, seen: &mut Vec<u32>, fresh: u32) {
    match random.below(4) {
        0 => seen.push(900),
        1 => seen.push(1 + random.below(u64::from(fresh) + 2) as u32),
        2 => drop(seen.pop()),
        _ => seen.reverse(),
    }
}

trait PickFrom {
    fn pick_from(&mut self, from: &[State]) -> State;
}

impl PickFrom for Random {
    fn pick_from(&mut self, from: &[State]) -> State {
        from[self.below(from.len() as u64) as usize].clone()
    }
}
