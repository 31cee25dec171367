//! Claims that are so, with more operations than they need, and claims that are not: the judge tells them apart.
use super::*;
use crate::collections::bank::Bank;
use crate::collections::object::whole;
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::{Events, Kind};

/// One operation after the other, a process each, or as it says: function, outcome, what was asked and answered.
struct Rows(Vec<(&'static str, Kind, &'static str, &'static str, i64)>);

impl Events for Rows {
    fn len(&self) -> usize {
        self.0.len() * 2
    }
    fn time(&self, row: usize) -> i64 {
        row as i64 * 10
    }
    fn is_timed(&self) -> bool {
        true
    }
    fn process(&self, row: usize) -> i64 {
        self.0[row / 2].4
    }
    fn kind(&self, row: usize) -> Kind {
        if row % 2 == 0 {
            Kind::Invoke
        } else {
            self.0[row / 2].1
        }
    }
    fn f(&self, row: usize) -> &str {
        self.0[row / 2].0
    }
    fn key(&self, _row: usize) -> Option<&str> {
        None
    }
    fn value(&self, row: usize) -> Option<&str> {
        let (_, _, asked, answer, _) = self.0[row / 2];
        Some(if row % 2 == 0 { asked } else { answer }).filter(|text| *text != "null")
    }
    fn error(&self, _row: usize) -> Option<&str> {
        None
    }
    fn partner(&self, row: usize) -> Option<usize> {
        Some(row ^ 1)
    }
}

use Kind::{Fail, Info, Ok as Done};

/// What the judge says of a claim; operations by their place.
fn judged(
    rows: &Rows,
    judge: impl Fn(&Object<'_, Rows>, &mut Report),
    (kind, about, ops): (&'static str, &str, &[u32]),
) -> Option<Vec<u32>> {
    let report = whole(rows, |object| {
        let mut report = Report::default();
        report.find(kind, about, || (String::new(), ops.iter().map(|op| op * 2).collect()));
        judge(object, &mut report);
        Ok(report)
    });
    let report = report.expect("it is well formed");
    assert_eq!(report.findings.len() + report.unconfirmed.len(), 1);
    let found = report.findings.first()?;
    Some(found.ops.iter().map(|row| row / 2).collect())
}

type Case<'c> = (&'static str, &'static str, &'c [u32], Option<&'c [u32]>);

/// Each claim with the operations that it needs, or `None` if it is false.
fn tell_apart(rows: &Rows, judge: impl Fn(&Object<'_, Rows>, &mut Report), cases: &[Case<'_>]) {
    for &(kind, about, ops, needed) in cases {
        assert_eq!(judged(rows, &judge, (kind, about, ops)).as_deref(), needed, "{kind} of {about} by {ops:?}");
    }
}

#[test]
fn sets() {
    let rows = Rows(vec![
        ("add", Done, "1", "1", 0),
        ("add", Fail, "2", "2", 0),
        ("read", Done, "null", "[1,2,2]", 1),
        ("read", Done, "null", "[3]", 2),
        ("add", Done, "3", "3", 0),
        ("read", Done, "null", "[1]", 3),
    ]);
    tell_apart(
        &rows,
        set_full,
        &[
            ("lost", "3", &[0, 4, 5], Some(&[4, 5])),
            ("lost", "1", &[0, 3], None), // it came back
            ("stale-read", "1", &[0, 3], Some(&[0, 3])),
            ("stale-read", "3", &[4, 5], None), // it did not
            ("lost", "2", &[1, 3], None),       // its add had failed, but a read saw it
            ("duplicate", "2", &[2, 3], Some(&[2])),
            ("duplicate", "1", &[2, 5], None), // twice, but in two reads
            ("unexpected", "2", &[1, 2], Some(&[1, 2])),
            ("unexpected", "2", &[2], None), // without the add that failed
            ("unexpected", "3", &[3, 4], Some(&[3, 4])),
            ("unexpected", "1", &[0, 2], None),
            ("reordered", "1", &[0, 2], None),
        ],
    );
    tell_apart(
        &rows,
        |object, report| set_final(object, report, None),
        &[("lost", "3", &[4, 5], Some(&[4, 5])), ("lost", "1", &[0, 3], None), ("duplicate", "2", &[2], None)],
    );
    tell_apart(
        &rows,
        |object, report| set_final(object, report, Some(6)),
        &[("lost", "1", &[0, 3], None), ("lost", "3", &[4, 5], Some(&[4, 5]))],
    );
}

#[test]
fn queues() {
    let rows = Rows(vec![
        ("enqueue", Done, "1", "1", 0),
        ("enqueue", Done, "2", "2", 0),
        ("enqueue", Done, "3", "3", 0),
        ("dequeue", Done, "null", "1", 1),
        ("dequeue", Done, "null", "1", 2),
        ("dequeue", Info, "null", "null", 3),
        ("dequeue", Done, "null", "null", 4),
        ("enqueue", Fail, "4", "4", 0),
        ("dequeue", Done, "null", "4", 1),
        ("dequeue", Done, "null", "5", 1),
    ]);
    let cases: &[Case<'_>] = &[
        ("duplicate", "1", &[0, 2, 3, 4], Some(&[0, 3, 4])),
        ("duplicate", "1", &[0, 3], None),
        ("duplicate", "1", &[3, 4], None), // without what they were fed by
        ("unexpected", "1", &[0, 3], None),
        ("unexpected", "4", &[7, 8], Some(&[7, 8])),
        ("unexpected", "4", &[8], None),
        ("unexpected", "5", &[8, 9], Some(&[9])),
        ("lost", "3", &[1, 2, 5, 6], Some(&[1, 2, 5, 6])), // two, and one that can have been taken
        ("lost", "3", &[2, 6], None),
        ("lost", "3", &[2, 5, 6], None),
        ("lost", "1", &[0, 1, 5, 6], None),
    ];
    tell_apart(&rows, |object, report| queue(object, report, false), cases);
}

#[test]
fn numbers() {
    let rows = Rows(vec![
        ("add", Done, "5", "5", 0),
        ("add", Info, "2", "2", 1),
        ("read", Done, "null", "4", 2),
        ("read", Done, "null", "7", 2),
        ("read", Done, "null", "8", 2),
        ("generate", Done, "null", "4", 2),
        ("generate", Done, "null", "4", 3),
        ("generate", Fail, "null", "7", 3),
    ]);
    let cases: &[Case<'_>] = &[
        ("below-bounds", "4", &[0, 2], Some(&[0, 2])),
        ("below-bounds", "7", &[0, 3], None),
        ("above-bounds", "7", &[3], None), // the add of unknown outcome
        ("above-bounds", "8", &[0, 4], Some(&[4])),
    ];
    tell_apart(&rows, |object, report| counter(object, report, 0), cases);
    let cases: &[Case<'_>] = &[
        ("duplicate", "4", &[2, 5, 6], Some(&[5, 6])),
        ("duplicate", "4", &[5, 7], None),
        ("duplicate", "7", &[3, 7], None),
    ];
    tell_apart(&rows, unique_ids, cases);
}

#[test]
fn banks() {
    let rows = Rows(vec![
        ("read", Done, "null", "{\"a\":5,\"b\":5}", 0),
        ("read", Done, "null", "{\"b\":6,\"a\":4}", 0),
        ("read", Done, "null", "{\"a\":-1,\"b\":12}", 0),
        ("read", Done, "null", "{\"a\":5}", 0),
        ("read", Done, "null", "{\"a\":5,\"b\":null}", 0),
    ]);
    let given =
        Bank { accounts: Some(vec!["b".to_owned(), "a".to_owned()]), total: Some(10), negative_balances: false };
    let cases: &[Case<'_>] = &[
        ("wrong-total", "", &[0, 1], None),
        ("wrong-total", "", &[0, 2], Some(&[2])),
        ("wrong-total", "", &[4], None),
        ("negative-balance", "", &[1, 2], Some(&[2])),
        ("negative-balance", "", &[1], None),
        ("wrong-accounts", "", &[0, 3], Some(&[3])),
        ("wrong-accounts", "", &[4], None),
        ("missing-balance", "", &[3, 4], Some(&[4])),
        ("missing-balance", "", &[3], None),
    ];
    tell_apart(&rows, |object, report| bank(object, report, &given), cases);
    let unknown = Bank { negative_balances: true, ..Bank::default() };
    let cases: &[Case<'_>] = &[
        ("wrong-total", "", &[0, 1], None),
        ("wrong-total", "", &[0, 2], Some(&[0, 2])),
        ("wrong-total", "", &[2], None),
        ("wrong-accounts", "", &[0, 3], Some(&[0, 3])),
        ("negative-balance", "", &[2], None),
    ];
    tell_apart(&rows, |object, report| bank(object, report, &unknown), cases);
}

#[test]
fn writes() {
    let rows = Rows(vec![
        ("write", Done, "1", "1", 0),
        ("write", Done, "2", "2", 1),
        ("read", Done, "null", "[2]", 2),
        ("read", Done, "null", "[1]", 2),
        ("write", Fail, "3", "3", 2),
        ("read", Done, "null", "[3,9]", 2),
    ]);
    let cases: &[Case<'_>] = &[
        ("causal-reverse", "1", &[0, 1, 2, 3], Some(&[0, 1, 2])),
        ("causal-reverse", "2", &[0, 1, 3], None),
        ("causal-reverse", "1", &[0, 2], None),
        ("aborted-read", "3", &[4, 5], Some(&[4, 5])),
        ("aborted-read", "9", &[4, 5], None),
        ("thin-air", "9", &[4, 5], Some(&[5])),
        ("thin-air", "3", &[4, 5], None),
        ("thin-air", "2", &[1, 2], None),
    ];
    tell_apart(&rows, causal_reverse, cases);
    let rows = Rows(vec![
        ("txn", Done, "[[\"w\",1,1]]", "[[\"w\",1,1]]", 0),
        ("txn", Fail, "[[\"w\",2,1]]", "[[\"w\",2,1]]", 0),
        ("txn", Done, "[]", "[[\"r\",1,1],[\"r\",2,null]]", 0),
        ("txn", Done, "[]", "[[\"r\",2,1],[\"r\",1,null]]", 0),
        ("txn", Done, "[]", "[[\"r\",2,null],[\"r\",1,null]]", 0),
        ("txn", Done, "[]", "[[\"r\",1,7]]", 0),
    ]);
    let cases: &[Case<'_>] = &[
        ("long-fork", "1", &[2, 3, 4], Some(&[2, 3])),
        ("long-fork", "1", &[2, 4], None),
        ("aborted-read", "2", &[1, 3], Some(&[1, 3])),
        ("aborted-read", "2", &[3], None),
        ("aborted-read", "1", &[0, 2], None),
        ("thin-air", "1", &[0, 5], None), // without what was written instead
        ("thin-air", "1", &[2], None),
    ];
    tell_apart(&rows, long_fork, &cases[..5]);
    tell_apart(&rows, long_fork, &cases[6..]);
    assert_eq!(judged(&rows, long_fork, ("thin-air", "1", &[5])), Some(vec![5]));
    let rows = Rows(vec![
        ("insert", Done, "[7,[1,null]]", "[7,[1,null]]", 0),
        ("insert", Done, "[8,[null,1]]", "[8,[null,1]]", 0),
        ("insert", Fail, "[8,[2,null]]", "[8,[2,null]]", 0),
        ("insert", Done, "[7,[null,2]]", "[7,[null,2]]", 0),
    ]);
    let cases: &[Case<'_>] = &[
        ("G2-predicate", "7", &[0, 1, 3], Some(&[0, 3])),
        ("G2-predicate", "8", &[1, 2], None),
        ("G2-predicate", "7", &[0, 1], None),
    ];
    tell_apart(&rows, adya_g2, cases);
}

#[test]
fn logs() {
    let rows = Rows(vec![
        ("send", Done, "[[\"send\",0,1]]", "[[\"send\",0,[0,1]]]", 0),
        ("send", Done, "[[\"send\",0,2]]", "[[\"send\",0,[3,2]]]", 1),
        ("send", Done, "[[\"send\",0,3]]", "[[\"send\",0,[2,3]]]", 2),
        ("poll", Done, "[[\"poll\"]]", "[[\"poll\",{\"0\":[[0,1]]}]]", 3),
        ("poll", Done, "[[\"poll\"]]", "[[\"poll\",{\"0\":[[3,2]]}]]", 3),
        ("send", Fail, "[[\"send\",0,4]]", "[[\"send\",0,4]]", 0),
        ("poll", Done, "[[\"poll\"]]", "[[\"poll\",{\"0\":[[1,4],[0,5]]}]]", 4),
        ("assign", Done, "[1]", "[1]", 3),
        ("poll", Done, "[[\"poll\"]]", "[[\"poll\",{\"0\":[[0,1]]}]]", 3),
        ("txn", Done, "[[\"send\",1,6],[\"poll\"]]", "[[\"send\",1,[0,6]],[\"poll\",{\"1\":[[0,6]]}]]", 5),
    ]);
    let cases: &[Case<'_>] = &[
        ("lost", "3", &[2, 3, 4], Some(&[2, 4])),
        ("lost", "3", &[2, 3], None),
        ("lost", "1", &[0, 4], None),
        ("reordered", "3", &[0, 1, 2], Some(&[1, 2])),
        ("nonmonotonic-send", "3", &[1, 2], None),
        ("reordered", "2", &[0, 1], None),
        ("poll-skip", "0", &[2, 3, 4], Some(&[2, 3, 4])),
        ("poll-skip", "0", &[3, 4], None),
        ("poll-skip", "1", &[2, 3, 4], None),
        ("nonmonotonic-poll", "0", &[4, 8], None), // it was assigned other keys in between
        ("int-nonmonotonic-poll", "0", &[4, 6], Some(&[6])),
        ("int-nonmonotonic-poll", "0", &[3, 4], None),
        ("int-nonmonotonic-send", "0", &[0, 1], None),
        ("aborted-read", "4", &[5, 6], Some(&[5, 6])),
        ("aborted-read", "5", &[5, 6], None),
        ("thin-air", "5", &[5, 6], Some(&[6])),
        ("thin-air", "4", &[5, 6], None),
        ("thin-air", "1", &[0, 3], None),
        ("precommitted-read", "6", &[9], Some(&[9])),
        ("precommitted-read", "1", &[3], None),
        ("inconsistent-offset", "5", &[2, 3, 6], Some(&[3, 6])),
        ("inconsistent-offset", "4", &[3, 6], None),
        ("duplicate", "1", &[0, 3], None),
    ];
    tell_apart(&rows, |object, report| log(object, report, false), cases);
    tell_apart(
        &rows,
        |object, report| log(object, report, true),
        &[("lost", "3", &[2, 3], Some(&[2])), ("lost", "1", &[0], None)],
    );
}
