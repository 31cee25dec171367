//! Databases of known strength, simulated: ten thousand transactions whose verdict follows from how they were made.
mod txn;

use splitbrain_checkers::events::Kind;
use splitbrain_checkers::txn::{Assumptions, Report, Weak};
use txn::{breaks, lists, registers, Demand, Mop, Random, Txn};

const TXNS: usize = 10_000;
const CLIENTS: usize = 10;
const NOTHING: Assumptions =
    Assumptions { writes_follow_reads: false, sequential_keys: false, linearizable_keys: false };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Database {
    /// Takes effect at once while the transaction is open.
    Serializable,
    /// Reads what was there when it began; the first to commit wins.
    Snapshot,
    /// The same, of a state that may be older, but never older than the client's last.
    Session,
    /// The same, and clients may meet any older state.
    Prefix,
    /// Every client has a replica that receives others' transactions after what these depend on.
    Causal,
    /// Every read meets the newest state of its key.
    ReadCommitted,
}

/// What a database made of a load of random transactions. Keys give way to others after some writes.
fn run(database: Database, seed: u64) -> Vec<Txn> {
    if database == Database::Causal {
        return replicas(seed);
    }
    let mut random = Random(seed);
    let mut versions: Vec<Vec<(usize, u32)>> = Vec::new();
    let mut open: Vec<Option<(usize, i64, Vec<Mop>)>> = vec![None; CLIENTS];
    let mut known = [0usize; CLIENTS];
    let (mut txns, mut commits, mut fresh, mut at) = (Vec::new(), 0usize, 0u32, 0i64);
    while txns.len() < TXNS {
        at += 1;
        let client = random.below(CLIENTS as u64) as usize;
        let base = txns.len() / 40;
        let Some((start, call, plan)) = open[client].take() else {
            let start = match database {
                Database::Session => known[client].max(commits.saturating_sub(random.below(6) as usize)),
                Database::Prefix => commits.saturating_sub(random.below(6) as usize),
                _ => commits,
            };
            let mut plan = Vec::new();
            for _ in 0..1 + random.below(4) {
                let key = base + random.below(5) as usize;
                fresh += 1;
                plan.push(if random.chance(50) { Mop::Write(key, fresh) } else { Mop::Read(key, Vec::new()) });
            }
            open[client] = Some((start, at, plan));
            continue;
        };
        versions.resize(versions.len().max(base + 200), Vec::new());
        let start = if database == Database::Serializable { commits } else { start };
        let writes =
            |mop: &Mop| matches!(mop, Mop::Write(key, _) if versions[*key].last().is_some_and(|last| last.0 > start));
        let is_beaten = database != Database::ReadCommitted && plan.iter().any(writes);
        let mut mops = Vec::new();
        for mop in &plan {
            mops.push(match mop {
                Mop::Write(..) => mop.clone(),
                Mop::Read(key, _) => {
                    let is_seen = |version: &&(usize, u32)| version.0 <= start || database == Database::ReadCommitted;
                    let mut seen: Vec<u32> = versions[*key].iter().filter(is_seen).map(|version| version.1).collect();
                    seen.extend(mops.iter().filter_map(|mop| match mop {
                        Mop::Write(own, value) if own == key => Some(*value),
                        _ => None,
                    }));
                    Mop::Read(*key, seen)
                }
            });
            // Time passes within a transaction, and others commit.
            if database == Database::ReadCommitted && random.chance(30) {
                commits += 1;
                fresh += 1;
                let key = base + random.below(5) as usize;
                versions[key].push((commits, fresh));
                let mops = vec![Mop::Write(key, fresh)];
                let process = (CLIENTS + txns.len()) as i64;
                txns.push(Txn { mops, process, call: at, ret: at + 1, kind: Kind::Ok });
            }
        }
        at += 1;
        let kind = if is_beaten { Kind::Fail } else { Kind::Ok };
        if !is_beaten {
            commits += 1;
            known[client] = commits;
            for mop in &mops {
                if let Mop::Write(key, value) = mop {
                    versions[*key].push((commits, *value));
                }
            }
        }
        txns.push(Txn { mops, process: client as i64, call, ret: at, kind });
    }
    txns
}

/// Registers on replicas: a transaction takes effect at its client's own and is received by each other one, in an order
/// that all replicas share, some time later. The last in that order wins.
fn replicas(seed: u64) -> Vec<Txn> {
    let mut random = Random(seed);
    let mut received = [0usize; CLIENTS];
    let mut log: Vec<(usize, Vec<(usize, u32)>)> = Vec::new();
    let (mut txns, mut fresh) = (Vec::new(), 0u32);
    while txns.len() < TXNS {
        let client = random.below(CLIENTS as u64) as usize;
        received[client] = log.len().min(received[client] + random.below(30) as usize);
        let base = txns.len() / 60;
        let (mut mops, mut writes): (Vec<Mop>, Vec<(usize, u32)>) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(4) {
            let key = base + random.below(5) as usize;
            if random.chance(50) {
                fresh += 1;
                mops.push(Mop::Write(key, fresh));
                writes.push((key, fresh));
                continue;
            }
            let own = writes.iter().rev().find(|write| write.0 == key);
            let here = received[client];
            let entries = log.iter().enumerate().rev();
            let visible = entries.filter(|(at, entry)| *at < here || entry.0 == client);
            let mut others = visible.flat_map(|(_, entry)| entry.1.iter().rev());
            let seen = own.or_else(|| others.find(|write| write.0 == key)).map(|write| write.1);
            mops.push(Mop::Read(key, seen.into_iter().collect()));
        }
        log.push((client, writes));
        let at = 2 * txns.len() as i64;
        txns.push(Txn { mops, process: client as i64, call: at, ret: at + 1, kind: Kind::Ok });
    }
    txns
}

fn broken(report: &Report) -> [bool; 6] {
    let demands = [Demand::Nothing, Demand::Sessions, Demand::RealTime];
    let broken = |is_snapshot| demands.map(|demand| breaks(report, demand, is_snapshot));
    let ([a, b, c], [d, e, f]) = (broken(false), broken(true));
    [a, b, c, d, e, f]
}

#[test]
fn lists_are_as_strong_as_their_database() {
    // Serializable; with sessions; with real time; snapshot isolation; with sessions; with real time.
    let expected = [
        (Database::Serializable, [false; 6]),
        (Database::Snapshot, [true, true, true, false, false, false]),
        (Database::Session, [true, true, true, false, false, true]),
        (Database::Prefix, [true, true, true, false, true, true]),
        (Database::ReadCommitted, [true; 6]),
    ];
    for (database, expected) in expected {
        for seed in 0..4 {
            let report = lists(&run(database, seed));
            assert_eq!(broken(&report), expected, "{database:?} {seed}: {:?}", report.counts);
        }
    }
}

fn axioms(txns: &[Txn], level: Weak) -> bool {
    const NAMES: [&str; 4] = ["non-monotonic-read", "fractured-read", "causality-violation", "happens-before-cycle"];
    let report = registers(txns, NOTHING, Some(level));
    !report.counts.iter().any(|(name, _)| NAMES.contains(name))
}

#[test]
fn registers_are_as_strong_as_their_database() {
    let levels = [Weak::ReadCommitted, Weak::ReadAtomic, Weak::Causal];
    let expected = [
        (Database::Serializable, [true, true, true]),
        (Database::Session, [true, true, true]),
        (Database::Causal, [true, true, true]),
        (Database::ReadCommitted, [true, false, false]),
    ];
    for (database, expected) in expected {
        for seed in 0..4 {
            let mut txns = run(database, seed);
            for mop in txns.iter_mut().flat_map(|txn| &mut txn.mops) {
                if let Mop::Read(_, seen) = mop {
                    *seen = seen.last().copied().into_iter().collect();
                }
            }
            assert_eq!(levels.map(|level| axioms(&txns, level)), expected, "{database:?} {seed}");
        }
    }
}

/// One read of a strictly serializable history made older or newer is found, unless it changed nothing.
#[test]
fn one_wrong_read_is_found() {
    for seed in 0..60 {
        let mut txns = run(Database::Serializable, seed % 3);
        let mut random = Random(1000 + seed);
        loop {
            let txn = random.below(TXNS as u64) as usize;
            let place = random.below(txns[txn].mops.len() as u64) as usize;
            let is_ok = txns[txn].kind == Kind::Ok;
            let written = |mop: &Mop| match mop {
                Mop::Write(_, value) => Some(*value),
                Mop::Read(..) => None,
            };
            let own: Vec<u32> = txns[txn].mops.iter().filter_map(written).collect();
            if let Mop::Read(_, seen) = &mut txns[txn].mops[place] {
                if is_ok && seen.len() > 12 && !seen.iter().any(|value| own.contains(value)) {
                    seen.truncate(seen.len() - 12);
                    break;
                }
            }
        }
        assert!(breaks(&lists(&txns), Demand::RealTime, false), "{seed}");
    }
}
