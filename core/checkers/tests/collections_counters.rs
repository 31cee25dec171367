//! Counters against every order of their adds; identifiers and banks against their definitions.
mod collections;
mod common;

use collections::{found, proof, table, Draft, Source};
use common::Random;
use splitbrain_checkers::collections::{check_bank, check_counter, check_unique_ids, Bank};

fn random_counter(random: &mut Random, initial: i64) -> (Vec<Draft>, bool) {
    let mut source = Source::new(random);
    let (mut sum, mut drafts, mut clean) = (initial, vec![], true);
    let least = source.random.pick(&[0, -3]);
    for process in 0..source.random.below(9) as i64 {
        if source.random.chance(60) && drafts.len() < 6 {
            let delta = source.random.below(7) as i64 + least;
            let draft = source.next("add", delta.to_string(), process);
            sum += if source.happens(draft.kind) { delta } else { 0 };
            drafts.push(draft);
        } else {
            let mut draft = source.next("read", "null", process);
            let off = if source.is_corrupt() { source.random.below(9) as i64 - 4 } else { 0 };
            clean &= off == 0;
            draft.answer = (sum + off).to_string();
            drafts.push(draft);
        }
    }
    (drafts, clean)
}

/// The least and the greatest sum that a read can find, over all sets of adds that some order puts before it.
fn bounds(adds: &[&Draft], read: &Draft, initial: i64) -> (i64, i64) {
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    for before in 0..1u32 << adds.len() {
        let is_in = |i: usize| before >> i & 1 == 1;
        let delta = |i: usize| adds[i].asked.parse::<i64>().expect("it is a number");
        let all = || 0..adds.len();
        let read_fits = all().all(|i| if is_in(i) { adds[i].call <= read.ret } else { adds[i].end() >= read.call });
        let order_fits = all().all(|i| all().all(|j| !is_in(i) || is_in(j) || adds[j].end() >= adds[i].call));
        if read_fits && order_fits {
            let sum = initial + all().filter(|&i| is_in(i)).map(delta).sum::<i64>();
            (low, high) = (low.min(sum), high.max(sum));
        }
    }
    (low, high)
}

#[test]
fn counters_agree_with_all_orders() {
    let mut random = Random(3);
    let mut seen = [0; 2];
    for case in 0..200_000 {
        let initial = random.pick(&[0, 0, 7]);
        let (drafts, clean) = random_counter(&mut random, initial);
        let table = table(&drafts, None);
        let report = check_counter(&table, initial).expect("it is a counter");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let adds: Vec<&Draft> = drafts.iter().filter(|d| d.f == "add" && d.may_have_happened()).collect();
        let reads: Vec<&Draft> = drafts.iter().filter(|d| d.f == "read" && d.is_ok()).collect();
        let (mut below, mut above) = (0, 0);
        for read in &reads {
            let (low, high) = bounds(&adds, read, initial);
            let value: i64 = read.answer.parse().expect("it is a number");
            below += usize::from(value < low);
            above += usize::from(value > high);
        }
        assert_eq!(found(&report, "below-bounds"), below, "case {case}: {drafts:?}");
        assert_eq!(found(&report, "above-bounds"), above, "case {case}: {drafts:?}");
        assert_eq!(report.unproven.is_empty(), !reads.is_empty() || drafts.is_empty());
        assert!(!clean || report.findings.is_empty(), "case {case}: {:?}", report.findings);
        for finding in &report.findings {
            let alone = proof(&drafts, &table, &finding.ops);
            let again = check_counter(&collections::table(&alone, None), initial).expect("it is a counter");
            assert!(found(&again, finding.kind) == 1, "case {case}: {finding:?} in {drafts:?}");
        }
        seen[0] += usize::from(below > 0);
        seen[1] += usize::from(above > 0);
    }
    assert!(seen.iter().all(|&count| count > 5_000), "{seen:?}");
}

#[test]
fn identifiers_agree_with_the_definition() {
    let mut random = Random(4);
    let mut duplicates = 0;
    for case in 0..200_000 {
        let mut source = Source::new(&mut random);
        let mut drafts = vec![];
        for process in 0..source.random.below(8) as i64 {
            let mut draft = source.next("generate", "null", process);
            draft.answer = if source.is_corrupt() { "\"a\"".to_owned() } else { process.to_string() };
            drafts.push(draft);
        }
        let table = table(&drafts, None);
        let report = check_unique_ids(&table).expect("they are identifiers");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let given: Vec<&str> = drafts.iter().filter(|d| d.is_ok()).map(|d| d.answer.as_str()).collect();
        let twice = given.iter().filter(|id| **id == "\"a\"").count() > 1;
        assert_eq!(found(&report, "duplicate"), usize::from(twice), "case {case}: {drafts:?}");
        assert!(report.findings.iter().all(|finding| finding.ops.len() == 2));
        assert_eq!(report.unproven.is_empty(), given.len() > 1 || drafts.is_empty());
        duplicates += usize::from(twice);
    }
    assert!(duplicates > 10_000, "{duplicates}");
}

#[test]
fn banks_agree_with_the_definition() {
    let mut random = Random(5);
    let mut seen = [0; 4];
    for case in 0..200_000 {
        let mut source = Source::new(&mut random);
        let (mut balances, mut drafts) = ([5i64, 5, 0], Vec::new());
        for process in 0..source.random.below(9) as i64 {
            if source.random.chance(40) {
                let (from, to) = (source.random.below(3) as usize, source.random.below(3) as usize);
                let amount = source.random.below(6) as i64;
                let asked = format!("{{\"amount\":{amount},\"from\":{from},\"to\":{to}}}");
                let draft = source.next("transfer", asked, process);
                if source.happens(draft.kind) && balances[from] >= amount {
                    balances[from] -= amount;
                    balances[to] += amount;
                }
                drafts.push(draft);
                continue;
            }
            let mut draft = source.next("read", "null", process);
            let mut texts: Vec<(String, String)> =
                balances.iter().enumerate().map(|(account, b)| (account.to_string(), b.to_string())).collect();
            if source.is_corrupt() {
                match source.random.below(5) {
                    0 => texts.truncate(2),
                    1 => texts[0].0 = "9".to_owned(),
                    2 => texts[1].1 = "null".to_owned(),
                    3 => texts[2].1 = (balances[2] - 3).to_string(),
                    _ => texts.reverse(),
                }
            }
            let members: Vec<String> = texts.iter().map(|(name, balance)| format!("\"{name}\":{balance}")).collect();
            draft.answer = format!("{{{}}}", members.join(","));
            drafts.push(draft);
        }
        let table = table(&drafts, None);
        let accounts: Vec<String> = ["0", "1", "2"].map(str::to_owned).to_vec();
        let reads: Vec<Vec<(String, Option<i64>)>> =
            drafts.iter().filter(|d| d.f == "read" && d.is_ok()).map(|d| balances_of(&d.answer)).collect();
        let names = |read: &Vec<(String, Option<i64>)>| {
            let mut names: Vec<String> = read.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            names
        };
        let sum = |read: &Vec<(String, Option<i64>)>| read.iter().filter_map(|(_, balance)| *balance).sum::<i64>();
        let is_full = |read: &&Vec<(String, Option<i64>)>| read.iter().all(|(_, balance)| balance.is_some());
        let debts = |read: &&Vec<(String, Option<i64>)>| read.iter().any(|(_, balance)| balance.is_some_and(|b| b < 0));
        let given = Bank { accounts: Some(accounts.clone()), total: Some(10), negative_balances: false };
        let report = check_bank(&table, &given).expect("it is a bank");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let right: Vec<&Vec<_>> = reads.iter().filter(|read| names(read) == accounts).collect();
        let wrong = right.iter().filter(|read| is_full(read) && sum(read) != 10).count();
        let expected = [
            reads.len() - right.len(),
            right.iter().filter(|read| !is_full(read)).count(),
            wrong,
            reads.iter().filter(debts).count(),
        ];
        let kinds = ["wrong-accounts", "missing-balance", "wrong-total", "negative-balance"];
        assert_eq!(kinds.map(|kind| found(&report, kind)), expected, "case {case}: {drafts:?}");
        let allowed = Bank { negative_balances: true, ..given };
        assert_eq!(found(&check_bank(&table, &allowed).expect("it is a bank"), "negative-balance"), 0);
        let alone = check_bank(&table, &Bank::default()).expect("it is a bank");
        let totals: Vec<i64> = reads.iter().filter(is_full).map(sum).collect();
        let differ = totals.iter().any(|total| *total != totals[0]);
        let same_names = reads.iter().all(|read| names(read) == names(&reads[0]));
        assert_eq!(found(&alone, "wrong-accounts") > 0, !same_names, "case {case}: {drafts:?}");
        assert!(!same_names || differ == (found(&alone, "wrong-total") > 0), "case {case}: {drafts:?}");
        for (count, found) in seen.iter_mut().zip(expected) {
            *count += usize::from(found > 0);
        }
    }
    assert!(seen.iter().all(|&count| count > 5_000), "{seen:?}");
}

fn balances_of(text: &str) -> Vec<(String, Option<i64>)> {
    let members = text.trim_matches(['{', '}']).split(',').filter(|member| !member.is_empty());
    members
        .map(|member| {
            let (name, balance) = member.split_once(':').expect("it is a member");
            (name.trim_matches('"').to_owned(), balance.parse().ok())
        })
        .collect()
}
