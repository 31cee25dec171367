//! Long forks, causal reverse and G2 on predicates against their definitions, pair by pair.
mod collections;
mod common;

use collections::{found, list, proof, table, Draft, Source};
use common::Random;
use splitbrain_checkers::collections::{check_adya_g2, check_causal_reverse, check_long_fork};

fn steps(text: &str) -> Vec<(bool, u64, Option<u64>)> {
    let inside = text.trim_start_matches("[[").trim_end_matches("]]");
    let step = |text: &str| {
        let parts: Vec<&str> = text.split(',').collect();
        (parts[0] == "\"r\"", parts[1].parse().expect("it is a key"), parts[2].parse().ok())
    };
    inside.split("],[").filter(|text| text.contains(',')).map(step).collect()
}

#[test]
fn forks_agree_with_the_definition() {
    let mut random = Random(7);
    let (mut forked, mut read_nothing, mut clean_ones) = (0, 0, 0);
    for case in 0..200_000 {
        let mut source = Source::new(&mut random);
        let keys = source.random.pick(&[2, 3, 4]);
        let (mut state, mut drafts, mut clean) = (vec![], Vec::new(), true);
        let mut unwritten: Vec<u64> = (0..keys).collect();
        for process in 0..source.random.below(9) as i64 {
            if source.random.chance(40) && !unwritten.is_empty() {
                let key = unwritten.remove(source.random.below(unwritten.len() as u64) as usize);
                let draft = source.next("write", format!("[[\"w\",{key},{}]]", 10 + key), process);
                if source.happens(draft.kind) {
                    state.push(key);
                }
                drafts.push(draft);
                continue;
            }
            let asked: Vec<u64> = (0..keys).filter(|_| source.random.chance(75)).collect();
            let mut draft = source.next(
                "read",
                list(&asked.iter().map(|k| format!("[\"r\",{k},null]")).collect::<Vec<_>>()),
                process,
            );
            let mut saw = state.clone();
            if source.is_corrupt() {
                clean = false;
                saw.retain(|_| source.random.chance(60));
            }
            let thin = source.is_corrupt() && source.random.chance(10);
            clean &= !thin;
            let answer = |key: &u64| match saw.contains(key) || thin {
                true => format!("[\"r\",{key},{}]", if thin { 99 } else { 10 + key }),
                false => format!("[\"r\",{key},null]"),
            };
            draft.answer = list(&asked.iter().map(answer).collect::<Vec<_>>());
            drafts.push(draft);
        }
        let table = table(&drafts, None);
        let report = check_long_fork(&table).expect("they are transactions");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let reads: Vec<Vec<(u64, bool)>> = drafts
            .iter()
            .filter(|d| d.f == "read" && d.is_ok())
            .map(|d| steps(&d.answer).into_iter().map(|(_, key, value)| (key, value.is_some())).collect())
            .collect();
        let mut forks = 0;
        for x in 0..keys {
            for y in 0..x {
                let saw = |sees: u64, lacks: u64| {
                    reads.iter().any(|read| read.contains(&(sees, true)) && read.contains(&(lacks, false)))
                };
                forks += usize::from(saw(x, y) && saw(y, x));
            }
        }
        assert_eq!(found(&report, "long-fork"), forks, "case {case}: {drafts:?}");
        let may_be = |key: u64, value: u64| {
            let text = format!("[[\"w\",{key},{value}]]");
            drafts.iter().any(|draft| draft.asked == text && draft.may_have_happened())
        };
        let made_up = drafts
            .iter()
            .filter(|draft| draft.f == "read" && draft.is_ok())
            .flat_map(|draft| steps(&draft.answer))
            .filter(|(_, key, value)| value.is_some_and(|value| !may_be(*key, value)))
            .count();
        assert_eq!(found(&report, "thin-air") + found(&report, "aborted-read"), made_up, "case {case}: {drafts:?}");
        assert!(!clean || report.findings.is_empty(), "case {case}: {:?}", report.findings);
        assert_eq!(report.unproven.is_empty(), reads.iter().any(|read| read.len() > 1), "case {case}");
        for finding in report.findings.iter().filter(|finding| finding.kind == "long-fork") {
            let alone = proof(&drafts, &table, &finding.ops);
            assert_eq!(alone.len(), 2);
            let again = check_long_fork(&collections::table(&alone, None)).expect("they are transactions");
            assert!(found(&again, "long-fork") > 0, "case {case}: {finding:?}");
        }
        forked += usize::from(forks > 0);
        read_nothing += usize::from(made_up > 0);
        clean_ones += usize::from(clean && reads.len() > 1);
    }
    assert!(forked > 1_000 && read_nothing > 2_000 && clean_ones > 20_000, "{forked} {read_nothing} {clean_ones}");
}

#[test]
fn causal_reverse_agrees_with_the_definition() {
    let mut random = Random(8);
    let (mut reversed, mut read_nothing) = (0, 0);
    for case in 0..200_000 {
        let mut source = Source::new(&mut random);
        let (mut state, mut drafts, mut clean): (Vec<u64>, Vec<Draft>, bool) = (vec![], Vec::new(), true);
        for process in 0..source.random.below(9) as i64 {
            if source.random.chance(60) {
                let f = source.random.pick(&["write", "add"]);
                let draft = source.next(f, process.to_string(), process);
                if source.happens(draft.kind) {
                    state.push(process as u64);
                }
                drafts.push(draft);
                continue;
            }
            let mut saw = state.clone();
            if source.is_corrupt() {
                clean = false;
                saw.retain(|_| source.random.chance(60));
                saw.extend(source.random.chance(20).then_some(50));
            }
            let mut draft = source.next("read", "null", process);
            draft.answer = list(&saw);
            drafts.push(draft);
        }
        let table = table(&drafts, None);
        let report = check_causal_reverse(&table).expect("it is a set");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let writes = || drafts.iter().filter(|draft| draft.f != "read" && draft.may_have_happened());
        let holds = |read: &Draft, write: &Draft| {
            read.answer.trim_matches(['[', ']']).split(',').any(|item| item == write.asked)
        };
        let reads = || drafts.iter().filter(|draft| draft.f == "read" && draft.is_ok());
        let is_reversed = |read: &&Draft| {
            writes()
                .any(|seen| holds(read, seen) && writes().any(|early| early.end() < seen.call && !holds(read, early)))
        };
        let wrong = reads().filter(is_reversed).count();
        assert_eq!(found(&report, "causal-reverse"), wrong, "case {case}: {drafts:?}");
        let made_up: usize = reads()
            .map(|read| {
                let items = read.answer.trim_matches(['[', ']']).split(',').filter(|item| !item.is_empty());
                items.filter(|item| !writes().any(|write| write.asked == *item)).count()
            })
            .sum();
        assert_eq!(found(&report, "thin-air") + found(&report, "aborted-read"), made_up, "case {case}: {drafts:?}");
        assert!(!clean || report.findings.is_empty(), "case {case}: {:?}", report.findings);
        for finding in report.findings.iter().filter(|finding| finding.kind == "causal-reverse") {
            let alone = proof(&drafts, &table, &finding.ops);
            assert_eq!(alone.len(), 3);
            let again = check_causal_reverse(&collections::table(&alone, None)).expect("it is a set");
            assert!(found(&again, "causal-reverse") > 0, "case {case}: {finding:?}");
        }
        reversed += usize::from(wrong > 0);
        read_nothing += usize::from(made_up > 0);
    }
    assert!(reversed > 2_000 && read_nothing > 5_000, "{reversed} {read_nothing}");
}

#[test]
fn predicates_agree_with_the_definition() {
    let mut random = Random(9);
    let mut twice = 0;
    for case in 0..200_000 {
        let mut source = Source::new(&mut random);
        let own_key = source.random.chance(50);
        let mut drafts = Vec::new();
        for process in 0..source.random.below(8) as i64 {
            let row = source.random.pick(&["[null,7]", "[8,null]"]);
            let key = source.random.below(3);
            let asked = if own_key { row.to_owned() } else { format!("[{key},{row}]") };
            drafts.push(source.next("insert", asked, process));
        }
        let mut table = table(&drafts, None);
        if !own_key {
            table.rows.iter_mut().for_each(|row| row.key = None);
        }
        let report = check_adya_g2(&table).expect("they are inserts");
        assert!(report.unconfirmed.is_empty(), "case {case}: {:?} {drafts:?}", report.unconfirmed);
        let key_of = |draft: &Draft| if own_key { 'x' } else { draft.asked.chars().nth(1).unwrap_or(' ') };
        let of_key = |key: char| drafts.iter().filter(move |draft| key_of(draft) == key);
        let inserted = |key: char| of_key(key).filter(|draft| draft.is_ok()).count();
        let keys: Vec<char> = "x012".chars().filter(|&key| of_key(key).count() > 0).collect();
        let wrong = keys.iter().filter(|&&key| inserted(key) > 1).count();
        assert_eq!(found(&report, "G2-predicate"), wrong, "case {case}: {drafts:?}");
        assert!(report.findings.iter().all(|finding| finding.ops.len() == 2));
        let decided = keys.iter().any(|&key| of_key(key).count() > 1 && inserted(key) > 0);
        assert_eq!(report.unproven.is_empty(), decided, "case {case}: {drafts:?}");
        twice += usize::from(wrong > 0);
    }
    assert!(twice > 10_000);
}
