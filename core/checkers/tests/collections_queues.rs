//! Queues against every choice of what was dequeued and what operations of unknown outcome took.
mod collections;
mod common;

use collections::{counted, found, proof, table, Draft, Source, NEVER};
use common::Random;
use splitbrain_checkers::collections::check_total_queue;
use splitbrain_checkers::events::Kind;

fn random_queue(random: &mut Random) -> (Vec<Draft>, bool) {
    let mut source = Source::new(random);
    let (mut state, mut drafts, mut clean): (Vec<u64>, Vec<Draft>, bool) = (vec![], vec![], true);
    let repeat = source.random.pick(&[0, 0, 30]);
    for process in 0..source.random.below(11) as i64 {
        match source.random.below(20) {
            0..=9 => {
                let value = if source.random.chance(repeat) { 0 } else { process as u64 };
                let draft = source.next("enqueue", value.to_string(), process);
                if source.happens(draft.kind) && (!source.is_corrupt() || source.random.chance(70)) {
                    state.push(value);
                } else if draft.is_ok() {
                    clean = false;
                }
                drafts.push(draft);
            }
            10..=17 => {
                let mut draft = source.next("dequeue", "null", process);
                let happens = source.happens(draft.kind);
                let mut got = if happens && !state.is_empty() { Some(state.remove(0)) } else { None };
                if draft.kind == Kind::Fail && source.random.chance(30) {
                    draft.kind = Kind::Ok;
                    clean &= state.is_empty(); // says "empty", whatever there is
                }
                if source.random.chance(10) && source.is_corrupt() {
                    got = source.random.pick(&[Some(0), Some(1), Some(30)]);
                    clean = false;
                }
                draft.answer = got.map_or("null".to_owned(), |value| value.to_string());
                drafts.push(draft);
            }
            _ => {
                let mut draft = source.next("drain", "null", process);
                if source.happens(draft.kind) {
                    draft.answer = collections::list(&std::mem::take(&mut state));
                }
                drafts.push(draft);
            }
        }
    }
    (drafts, clean)
}

fn values(draft: &Draft) -> Vec<&str> {
    let inside = draft.answer.trim_matches(['[', ']']);
    inside.split(',').filter(|value| !value.is_empty() && *value != "null").collect()
}

/// The fewest values that stay lost, over all ways to say which copies were dequeued and who took the others along.
fn fewest_lost(left: &[Vec<Option<i64>>], takers: &[i64], drained_from: i64) -> usize {
    fn excuse(open: &[i64], takers: &[i64]) -> usize {
        let Some((first, rest)) = open.split_first() else { return 0 };
        let mut least = 1 + excuse(rest, takers);
        for at in 0..takers.len() {
            if takers[at] <= *first {
                let others = [&takers[..at], &takers[at + 1..]].concat();
                least = least.min(excuse(rest, &others));
            }
        }
        least
    }
    fn choose(left: &[Vec<Option<i64>>], chosen: &mut Vec<i64>, takers: &[i64], drained_from: i64) -> usize {
        let Some((choices, rest)) = left.split_first() else { return excuse(chosen, takers) };
        choices
            .iter()
            .map(|choice| {
                let needs = choice.filter(|&proved| drained_from == NEVER || drained_from > proved);
                chosen.extend(needs);
                let least = choose(rest, chosen, takers, drained_from);
                chosen.truncate(chosen.len() - usize::from(needs.is_some()));
                least
            })
            .min()
            .unwrap_or(0)
    }
    choose(left, &mut Vec::new(), takers, drained_from)
}

#[test]
fn agrees_with_every_choice() {
    let mut random = Random(6);
    let mut seen = [0; 5];
    for case in 0..200_000 {
        let (drafts, clean) = random_queue(&mut random);
        let drained = random.chance(30);
        let table = table(&drafts, None);
        let report = check_total_queue(&table, drained).expect("it is a queue");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let takes = |draft: &&Draft| draft.f != "enqueue" && draft.is_ok();
        let is_empty = |draft: &&Draft| draft.f == "drain" || draft.answer == "null";
        let empties: Vec<&Draft> = drafts.iter().filter(takes).filter(is_empty).collect();
        let proved = |enqueue: &Draft| {
            let after = empties.iter().filter(|empty| empty.call > enqueue.ret).map(|empty| empty.ret).min();
            after.or(drained.then_some(NEVER))
        };
        let unknown = |f: &'static str| drafts.iter().filter(move |d| d.f == f && !d.is_ok() && d.may_have_happened());
        let takers: Vec<i64> = unknown("dequeue").map(|draft| draft.call).collect();
        let drained_from = unknown("drain").map(|draft| draft.call).min().unwrap_or(NEVER);
        let (mut left, mut unexpected, mut duplicate, mut recovered) = (Vec::new(), 0, 0, 0);
        let mut all: Vec<&str> = drafts.iter().filter(|d| d.f == "enqueue").map(|d| d.asked.as_str()).collect();
        all.extend(drafts.iter().filter(takes).flat_map(values));
        all.sort_unstable();
        all.dedup();
        for value in all {
            let enqueues = || drafts.iter().filter(|d| d.f == "enqueue" && d.asked == value && d.may_have_happened());
            let mut gets: Vec<i64> = drafts
                .iter()
                .filter(takes)
                .flat_map(|draft| values(draft).into_iter().filter(|got| *got == value).map(|_| draft.ret))
                .collect();
            gets.sort_unstable();
            let tries = enqueues().count();
            let sure: Vec<&Draft> = enqueues().filter(|draft| draft.is_ok()).collect();
            for (place, ret) in gets.iter().enumerate() {
                let called = enqueues().filter(|draft| draft.call <= *ret).count();
                if tries == 0 || place < tries && called <= place {
                    unexpected += 1;
                } else if place >= tries {
                    duplicate += 1;
                }
            }
            recovered += gets.len().min(tries).saturating_sub(sure.len());
            // So many copies were left: any of them.
            let missing = sure.len().saturating_sub(gets.len());
            let mut subsets = Vec::new();
            for subset in 0..1u32 << sure.len() {
                if subset.count_ones() as usize == missing {
                    let chosen = (0..sure.len()).filter(|i| subset >> i & 1 == 1).map(|i| proved(sure[i]));
                    subsets.push(chosen.collect::<Vec<_>>());
                }
            }
            if missing == 1 {
                left.push(subsets.concat());
            } else if missing > 1 {
                // The latest of them have the latest proofs; every subset is no better, element by element.
                let mut best: Vec<Option<i64>> = sure.iter().map(|draft| proved(draft)).collect();
                best.sort_by_key(|proved| std::cmp::Reverse(proved.unwrap_or(NEVER)));
                best.sort_by_key(|proved| proved.is_some());
                left.extend(best.into_iter().take(missing).map(|proved| vec![proved]));
            }
        }
        let lost = fewest_lost(&left, &takers, drained_from);
        let kinds = ["lost", "unexpected", "duplicate"].map(|kind| found(&report, kind));
        assert_eq!(kinds, [lost, unexpected, duplicate], "case {case}: {drained} {drafts:?}");
        assert_eq!(counted(&report, "recovered"), recovered, "case {case}: {drafts:?}");
        assert!(!clean || drained || report.findings.is_empty(), "case {case}: {:?} {drafts:?}", report.findings);
        let unsure = !left.is_empty() && lost < left.len();
        let acknowledged = drafts.iter().any(|draft| draft.f == "enqueue" && draft.is_ok());
        assert_eq!(report.unproven.is_empty(), drafts.is_empty() || acknowledged && !unsure, "case {case}: {drafts:?}");
        for finding in report.findings.iter().filter(|_| !drained) {
            let alone = collections::table(&proof(&drafts, &table, &finding.ops), None);
            let again = check_total_queue(&alone, false).expect("it is a queue");
            assert!(found(&again, finding.kind) > 0, "case {case}: {finding:?} {drafts:?}");
        }
        let unsure = usize::from(unsure);
        for (count, found) in seen.iter_mut().zip([lost, unexpected, duplicate, recovered, unsure]) {
            *count += usize::from(found > 0);
        }
    }
    assert!(seen.iter().all(|&count| count > 500), "{seen:?}");
}
