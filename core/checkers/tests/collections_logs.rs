//! Logs against the definition of each anomaly, message by message and poll by poll.
mod collections;
mod common;

use std::collections::BTreeSet;

use collections::{counted, found, proof, table, Draft, Source};
use common::Random;
use splitbrain_checkers::collections::check_log;
use splitbrain_checkers::events::Kind;

/// One thing done: key, offset and value.
type At = (u64, Option<i64>, u64);

#[derive(Clone, Debug, Default)]
struct Deeds {
    sent: Vec<At>,
    polled: Vec<At>,
}

/// Two logs, three consumers with positions of their own; each process is one client, one operation after the other.
fn random_log(random: &mut Random) -> (Vec<Draft>, Vec<Deeds>, bool) {
    let mut source = Source::new(random);
    let mut logs: [Vec<u64>; 2] = [vec![], vec![]];
    let mut positions = [[0usize; 2]; 3];
    let (mut drafts, mut deeds, mut clean): (Vec<Draft>, Vec<Deeds>, bool) = (vec![], vec![], true);
    let mut free = [i64::MIN / 2; 3];
    let mut names = [0i64, 1, 2];
    for number in 0..source.random.below(11) {
        let who = source.random.below(3) as usize;
        let mut draft = source.next("txn", "", names[who]);
        draft.call = draft.call.max(free[who] + 1);
        draft.ret = draft.ret.max(draft.call);
        source.at = source.at.max(draft.call);
        free[who] = draft.ret;
        let mut done = Deeds::default();
        let happens = source.happens(draft.kind);
        let (mut asked, mut answer) = (vec![], vec![]);
        for part in 0..1 + source.random.below(2) {
            let key = source.random.below(2);
            let log = &mut logs[key as usize];
            if source.random.chance(50) {
                let value = 10 * number + part;
                let mut offset = log.len() as i64;
                if happens {
                    log.push(value);
                }
                if source.random.chance(source.corrupt / 3) {
                    clean = false;
                    match source.random.below(3) {
                        0 => offset = source.random.below(5) as i64,
                        1 => drop(log.pop()),
                        _ => log.insert(0, value),
                    }
                }
                let told = !source.random.chance(10);
                asked.push(format!("[\"send\",{key},{value}]"));
                let place = if told { offset.to_string() } else { "null".to_owned() };
                answer.push(format!("[\"send\",{key},[{place},{value}]]"));
                done.sent.push((key, told.then_some(offset), value));
                continue;
            }
            let position = &mut positions[who][key as usize];
            if source.random.chance(source.corrupt / 3) {
                clean = false;
                *position = source.random.below(4) as usize;
            }
            let until = log.len().min(*position + source.random.below(4) as usize);
            let mut got: Vec<(i64, u64)> = (*position..until).map(|at| (at as i64, log[at])).collect();
            if source.random.chance(source.corrupt / 5) {
                clean = false;
                got.push((source.random.below(5) as i64, 99));
            }
            *position = until.max(*position);
            asked.push("[\"poll\"]".to_owned());
            let pairs: Vec<String> = got.iter().map(|(offset, value)| format!("[{offset},{value}]")).collect();
            answer.push(format!("[\"poll\",{{\"{key}\":[{}]}}]", pairs.join(",")));
            done.polled.extend(got.iter().map(|&(offset, value)| (key, Some(offset), value)));
        }
        (draft.asked, draft.answer) = (collections::list(&asked), collections::list(&answer));
        if draft.kind != Kind::Ok {
            done.polled.clear();
            done.sent.iter_mut().for_each(|sent| sent.1 = None);
        }
        if draft.kind == Kind::Info {
            names[who] += 3;
        }
        if draft.kind != Kind::Ok {
            positions[who] = [0, 0];
        }
        drafts.push(draft);
        deeds.push(done);
    }
    (drafts, deeds, clean)
}

/// What the definition finds in one history.
#[derive(Default, Debug, PartialEq)]
struct Expected {
    lost: BTreeSet<(u64, u64)>,
    unseen: usize,
    reordered: BTreeSet<(u64, u64)>,
    made_up: usize,
    precommitted: usize,
    at_two_offsets: bool,
    at_one_offset: bool,
}

fn expected(drafts: &[Draft], deeds: &[Deeds]) -> Expected {
    let mut expected = Expected::default();
    let ok = || (0..drafts.len()).filter(|&i| drafts[i].is_ok());
    let sends = || (0..drafts.len()).flat_map(|i| deeds[i].sent.iter().map(move |sent| (i, *sent)));
    let polls = || ok().flat_map(|i| deeds[i].polled.iter().map(move |polled| (i, *polled)));
    let mut places: Vec<At> = polls().map(|(_, polled)| polled).collect();
    places.extend(sends().filter(|(i, sent)| drafts[*i].is_ok() && sent.1.is_some()).map(|(_, sent)| sent));
    expected.at_two_offsets = places.iter().any(|a| places.iter().any(|b| (a.0, a.2) == (b.0, b.2) && a.1 != b.1));
    expected.at_one_offset = places.iter().any(|a| places.iter().any(|b| (a.0, a.1) == (b.0, b.1) && a.2 != b.2));
    for (i, (key, offset, value)) in sends().filter(|(i, _)| drafts[*i].is_ok()) {
        if polls().any(|(_, polled)| (polled.0, polled.2) == (key, value)) {
            continue;
        }
        let is_passed =
            offset.is_some_and(|offset| polls().any(|(_, polled)| polled.0 == key && polled.1 > Some(offset)));
        if is_passed {
            expected.lost.insert((key, value));
        } else {
            expected.unseen += 1;
        }
        assert!(drafts[i].is_ok());
    }
    for (i, (key, _, value)) in polls() {
        let send = sends().find(|(_, sent)| (sent.0, sent.2) == (key, value)).map(|(send, _)| send);
        expected.precommitted += usize::from(send == Some(i));
        let is_possible =
            send.map(|send| &drafts[send]).is_some_and(|send| send.may_have_happened() && send.call <= drafts[i].ret);
        expected.made_up += usize::from(!is_possible);
    }
    expected
}

/// By definition, for histories in which every message has one place.
fn reordered(drafts: &[Draft], deeds: &[Deeds]) -> BTreeSet<(u64, u64)> {
    let sends = || (0..drafts.len()).flat_map(|i| deeds[i].sent.iter().map(move |sent| (i, *sent)));
    let polled = |key: u64, value: u64| {
        let all = (0..drafts.len()).filter(|&i| drafts[i].is_ok()).flat_map(|i| &deeds[i].polled);
        all.filter(|polled| (polled.0, polled.2) == (key, value)).find_map(|polled| polled.1)
    };
    let place = |sent: &At| sent.1.or_else(|| polled(sent.0, sent.2));
    let mut found = BTreeSet::new();
    for (i, second) in sends().filter(|(i, _)| drafts[*i].may_have_happened()) {
        for (j, first) in sends().filter(|(j, _)| drafts[*j].is_ok()) {
            let is_behind = matches!((place(&first), place(&second)), (Some(a), Some(b)) if a > b);
            if first.0 == second.0 && drafts[j].ret < drafts[i].call && is_behind {
                found.insert((second.0, second.2));
            }
        }
    }
    found
}

/// Jumps of each process within each log, with whether they were made within one operation: back, and ahead past a
/// message known to be there.
fn jumps(drafts: &[Draft], deeds: &[Deeds]) -> [usize; 4] {
    let ok = || (0..drafts.len()).filter(|&i| drafts[i].is_ok());
    let known: BTreeSet<(u64, i64)> = ok()
        .flat_map(|i| deeds[i].sent.iter().chain(&deeds[i].polled))
        .filter_map(|at| at.1.map(|offset| (at.0, offset)))
        .collect();
    let mut counts = [0; 4];
    for process in 0..100 {
        for key in 0..2 {
            let mut last: Option<(i64, usize)> = None;
            for i in (0..drafts.len()).filter(|&i| drafts[i].process == process) {
                if !drafts[i].is_ok() {
                    last = None;
                    continue;
                }
                for polled in deeds[i].polled.iter().filter(|polled| polled.0 == key) {
                    let offset = polled.1.expect("polled messages have a place");
                    if let Some((before, by)) = last {
                        let kind = if by == i { 2 } else { 0 };
                        let is_past = (before + 1..offset).any(|between| known.contains(&(key, between)));
                        counts[kind] += usize::from(offset <= before);
                        counts[kind + 1] += usize::from(offset > before && is_past);
                    }
                    last = Some((offset, i));
                }
            }
        }
    }
    counts
}

fn internal_sends(drafts: &[Draft], deeds: &[Deeds]) -> usize {
    let of = |i: usize| {
        let placed: Vec<At> = deeds[i].sent.iter().copied().filter(|sent| sent.1.is_some()).collect();
        placed.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[1].1 <= pair[0].1).count()
    };
    (0..drafts.len()).filter(|&i| drafts[i].is_ok()).map(of).sum()
}

#[test]
fn agrees_with_the_definitions() {
    let mut random = Random(10);
    let mut seen = [0usize; 9];
    for case in 0..200_000 {
        let (drafts, deeds, clean) = random_log(&mut random);
        let table = table(&drafts, None);
        let report = check_log(&table, false).expect("they are logs");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let expected = expected(&drafts, &deeds);
        assert_eq!(found(&report, "lost"), expected.lost.len(), "case {case}: {drafts:?}");
        assert_eq!(counted(&report, "unseen"), expected.unseen, "case {case}: {drafts:?}");
        assert_eq!(found(&report, "precommitted-read"), expected.precommitted, "case {case}");
        assert_eq!(found(&report, "thin-air") + found(&report, "aborted-read"), expected.made_up, "case {case}");
        assert_eq!(found(&report, "duplicate") > 0, expected.at_two_offsets, "case {case}: {drafts:?}");
        assert_eq!(found(&report, "inconsistent-offset") > 0, expected.at_one_offset, "case {case}: {drafts:?}");
        let kinds = ["nonmonotonic-poll", "poll-skip", "int-nonmonotonic-poll", "int-poll-skip"];
        let jumps = jumps(&drafts, &deeds);
        assert_eq!(kinds.map(|kind| found(&report, kind)), jumps, "case {case}: {drafts:?}");
        let reordered = reordered(&drafts, &deeds);
        let told = found(&report, "reordered") + found(&report, "nonmonotonic-send");
        if !expected.at_two_offsets {
            assert_eq!(told, reordered.len(), "case {case}: {drafts:?}");
        }
        let internal = internal_sends(&drafts, &deeds);
        assert_eq!(found(&report, "int-nonmonotonic-send"), internal, "case {case}: {drafts:?}");
        let caught_up = check_log(&table, true).expect("they are logs");
        assert!(caught_up.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", caught_up.unconfirmed);
        assert_eq!(found(&caught_up, "lost"), expected.lost.len() + expected.unseen, "case {case}: {drafts:?}");
        if clean {
            // A clean log answers at once, also to the transaction that has not committed yet.
            let is_fine = report.findings.iter().all(|finding| finding.kind == "precommitted-read");
            assert!(is_fine, "case {case}: {:?} in {drafts:?}", report.findings);
        }
        for finding in &report.findings {
            let alone = proof(&drafts, &table, &finding.ops);
            let again = check_log(&collections::table(&alone, None), false).expect("they are logs");
            assert!(found(&again, finding.kind) > 0, "case {case}: {finding:?} in {drafts:?}");
        }
        let bools = [expected.at_two_offsets, expected.at_one_offset].map(usize::from);
        let counts = [expected.lost.len(), expected.unseen, expected.made_up, bools[0], bools[1]];
        let counts = counts.into_iter().chain([reordered.len(), jumps[0], jumps[1], internal]);
        for (count, found) in seen.iter_mut().zip(counts) {
            *count += usize::from(found > 0);
        }
    }
    assert!(seen.iter().all(|&count| count > 500), "{seen:?}");
}
