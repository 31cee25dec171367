//! Sets against their definitions, element by element and read by read.
mod collections;
mod common;

use collections::{counted, found, list, proof, sample, table, Draft, Source, NEVER};
use common::Random;
use splitbrain_checkers::collections::{check_set, check_set_full};

const NEVER_ADDED: u64 = 9;

/// A grow-only set, served in order, with corrupted reads.
fn random_set(random: &mut Random) -> (Vec<Draft>, bool) {
    let mut source = Source::new(random);
    let (mut state, mut drafts, mut clean): (Vec<u64>, Vec<Draft>, bool) = (vec![], vec![], true);
    for process in 0..source.random.below(11) as i64 {
        if source.random.chance(55) {
            let element = if source.random.chance(80) { process as u64 } else { source.random.below(3) };
            let draft = source.next("add", element.to_string(), process);
            if source.happens(draft.kind) && !state.contains(&element) {
                state.push(element);
            }
            drafts.push(draft);
            continue;
        }
        let mut seen = state.clone();
        let mut draft = source.next("read", "null", process);
        if source.is_corrupt() {
            clean = false;
            match source.random.below(4) {
                0 => seen.push(NEVER_ADDED),
                1 => seen.extend_from_within(..seen.len().min(1)),
                2 => seen.retain(|_| source.random.chance(50)),
                _ => draft.call += 5,
            }
            draft.ret = draft.ret.max(draft.call);
        }
        draft.answer = list(&seen);
        drafts.push(draft);
    }
    (drafts, clean)
}

fn holds(read: &Draft, element: u64) -> usize {
    read.answer.trim_matches(['[', ']']).split(',').filter(|item| *item == element.to_string()).count()
}

fn adds(drafts: &[Draft], element: u64) -> impl Iterator<Item = &Draft> {
    drafts.iter().filter(move |d| d.f == "add" && d.asked == element.to_string() && d.may_have_happened())
}

fn acknowledged(drafts: &[Draft], element: u64) -> i64 {
    adds(drafts, element).map(Draft::end).min().unwrap_or(NEVER)
}

fn is_unexpected(drafts: &[Draft], read: &Draft, element: u64) -> bool {
    holds(read, element) > 0 && adds(drafts, element).all(|add| add.call > read.ret)
}

fn reads(drafts: &[Draft]) -> Vec<&Draft> {
    drafts.iter().filter(|draft| draft.f == "read" && draft.is_ok()).collect()
}

#[test]
fn final_reads_agree_with_the_definition() {
    let mut random = Random(1);
    let mut seen = [0; 4];
    for case in 0..200_000 {
        let (drafts, clean) = random_set(&mut random);
        let mark = random.chance(50).then(|| random.below(20) as i64 * 2 - 1);
        let table = table(&drafts, mark);
        let report = check_set(&table).expect("it is a set");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let mut finals = reads(&drafts);
        match mark {
            Some(mark) => finals.retain(|read| read.call > mark || read.call == mark && is_behind(&table, read)),
            None => finals = finals.into_iter().rev().max_by_key(|read| row(&table, read)).into_iter().collect(),
        }
        let every = |test: &dyn Fn(u64) -> bool| (0..=12).filter(|&element| test(element)).count();
        let lost = every(&|e| finals.iter().any(|read| holds(read, e) == 0 && acknowledged(&drafts, e) < read.call));
        let unexpected = every(&|e| finals.iter().any(|read| is_unexpected(&drafts, read, e)));
        let duplicate = every(&|e| finals.iter().any(|read| holds(read, e) > 1));
        let recovered = every(&|e| {
            acknowledged(&drafts, e) == NEVER
                && adds(&drafts, e).count() > 0
                && finals.iter().any(|read| holds(read, e) > 0)
        });
        let judged = every(&|e| finals.iter().any(|read| acknowledged(&drafts, e) < read.call));
        assert_eq!(
            (found(&report, "lost"), found(&report, "unexpected"), found(&report, "duplicate")),
            (lost, unexpected, duplicate),
            "case {case}: {drafts:?} {mark:?}"
        );
        assert_eq!(counted(&report, "recovered"), recovered, "case {case}: {drafts:?}");
        assert_eq!(report.unproven.is_empty(), judged > 0 || drafts.is_empty(), "case {case}: {drafts:?}");
        assert!(!clean || report.findings.is_empty(), "case {case}: {:?}", report.findings);
        for (count, found) in seen.iter_mut().zip([lost, unexpected, duplicate, recovered]) {
            *count += usize::from(found > 0);
        }
        if mark.is_none() {
            for finding in &report.findings {
                let alone = collections::table(&proof(&drafts, &table, &finding.ops), None);
                assert!(found(&check_set(&alone).expect("it is a set"), finding.kind) > 0, "case {case}: {finding:?}");
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 3_000), "{seen:?}");
}

fn row(table: &common::table::Table, read: &Draft) -> usize {
    let is = |row: &common::table::Row| row.process == read.process;
    table.rows.iter().position(is).expect("it was invoked")
}

/// Whether a read that was invoked when the mark was set comes behind it.
fn is_behind(table: &common::table::Table, read: &Draft) -> bool {
    table.rows.iter().position(|row| row.process < 0).expect("it was set") < row(table, read)
}

#[test]
fn all_reads_agree_with_the_definition() {
    let mut random = Random(2);
    let mut seen = [0; 6];
    for case in 0..200_000 {
        let (drafts, clean) = random_set(&mut random);
        let table = table(&drafts, None);
        let report = check_set_full(&table, true).expect("it is a set");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let reads = reads(&drafts);
        let (mut lost, mut stale, mut stable, mut never) = (vec![], vec![], vec![], 0);
        let (mut unexpected, mut duplicate) = (0, 0);
        for e in 0..=12 {
            unexpected += usize::from(reads.iter().any(|read| is_unexpected(&drafts, read, e)));
            duplicate += usize::from(reads.iter().any(|read| holds(read, e) > 1));
            if adds(&drafts, e).count() == 0 {
                continue;
            }
            let present: Vec<&&Draft> = reads.iter().filter(|read| holds(read, e) > 0).collect();
            let first_seen = present.iter().map(|read| read.ret).min().unwrap_or(NEVER);
            let known = acknowledged(&drafts, e).min(first_seen);
            let missed = reads.iter().filter(|read| holds(read, e) == 0).map(|read| read.call).max();
            let missed = missed.filter(|&call| call > known);
            match missed {
                Some(call) if present.iter().all(|read| read.ret < call) => {
                    lost.push(present.iter().map(|read| read.call - known).max().unwrap_or(0).max(0));
                }
                _ if present.is_empty() => never += 1,
                Some(call) => {
                    stable.push(call - known);
                    stale.push(call - known);
                }
                None => stable.push(0),
            }
        }
        stable.sort_unstable();
        lost.sort_unstable();
        stale.sort_unstable();
        assert_eq!(sample(&report, "stable_latency_ms"), stable, "case {case}: {drafts:?}");
        assert_eq!(sample(&report, "lost_latency_ms"), lost, "case {case}: {drafts:?}");
        assert_eq!(found(&report, "lost"), lost.len(), "case {case}: {drafts:?}");
        assert_eq!(found(&report, "stale-read"), stale.len(), "case {case}: {drafts:?}");
        assert_eq!(found(&report, "unexpected"), unexpected, "case {case}: {drafts:?}");
        assert_eq!(found(&report, "duplicate"), duplicate, "case {case}: {drafts:?}");
        assert_eq!(counted(&report, "never_read"), never, "case {case}: {drafts:?}");
        assert_eq!(report.worst.first().map(|worst| worst.0), stale.last().copied(), "case {case}: {drafts:?}");
        assert_eq!(report.unproven.is_empty(), !stable.is_empty() || drafts.is_empty(), "case {case}: {drafts:?}");
        assert!(!clean || report.findings.is_empty(), "case {case}: {:?} in {drafts:?}", report.findings);
        let strict = check_set_full(&table, false).expect("it is a set");
        assert!(strict.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", strict.unconfirmed);
        assert_eq!(found(&strict, "stale-read"), 0);
        assert_eq!(counted(&strict, "stale"), stale.len());
        for finding in report.findings.iter().filter(|finding| finding.kind != "stale-read") {
            let alone = proof(&drafts, &table, &finding.ops);
            if finding.kind == "lost" && alone.iter().all(|draft| draft.f == "read") {
                continue; // seen by one and missed by a later one: who added it does not matter
            }
            let alone = collections::table(&alone, None);
            let again = check_set_full(&alone, true).expect("it is a set");
            assert!(found(&again, finding.kind) > 0, "case {case}: {finding:?}");
        }
        let kinds = [lost.len(), stale.len(), stable.len(), never, unexpected, duplicate];
        for (count, found) in seen.iter_mut().zip(kinds) {
            *count += usize::from(found > 0);
        }
    }
    assert!(seen.iter().all(|&count| count > 3_000), "{seen:?}");
}
