//! From events to verdicts: what counts as an operation, per key.
mod common;

use std::time::Duration;

use common::table::Table;
use splitbrain_checkers::events::{moment, Kind};
use splitbrain_checkers::register::{Action, Decision, FailedCas, Method, Reading, RegisterOp, Registers, Staleness};
use splitbrain_checkers::search::Limits;

const READING: Reading<'_> = Reading { initial: "null", failed_cas: FailedCas::Drop, has_cas: true };

fn limits() -> Limits {
    Limits::within(Duration::from_secs(10), 1 << 28)
}

fn ops(table: &Table, reading: &Reading<'static>) -> Vec<Action> {
    let registers = Registers::read(table, reading).expect("well formed");
    registers.all()[0].history.ops.iter().map(|op: &RegisterOp| op.action).collect()
}

#[test]
fn what_each_completion_means() {
    let table = Table::default()
        .done(0, 1, "write", "7")
        .done(2, 1, "read", "7")
        .done(4, 1, "cas", "[7,\"a,b\"]")
        .event(6, 1, Kind::Invoke, "read", "null")
        .event(7, 1, Kind::Info, "read", "null")
        .event(8, 2, Kind::Invoke, "write", "8")
        .event(9, 2, Kind::Fail, "write", "8")
        .event(10, 2, Kind::Invoke, "cas", "[3,4]")
        .event(11, 2, Kind::Fail, "cas", "[3,4]")
        .with(|row| row.error = Some("{\"current\":\"a,b\"}".into()))
        .event(12, 2, Kind::Invoke, "cas", "[3,5]")
        .event(13, 2, Kind::Fail, "cas", "[3,5]")
        .event(14, 2, Kind::Invoke, "write", "9")
        .event(15, -1, Kind::Info, "phase", "\"final\"");
    let seven_and_text = [Action::Write(1), Action::Read(1), Action::Cas(1, 2), Action::Read(2)];
    assert_eq!(ops(&table, &READING), [&seven_and_text[..], &[Action::Write(7)]].concat());
    let assert = Reading { failed_cas: FailedCas::Assert, ..READING };
    assert_eq!(ops(&table, &assert), [&seven_and_text[..], &[Action::Not(4), Action::Write(7)]].concat());
}

#[test]
fn keys_are_independent_and_a_violation_names_its_rows() {
    let mut table = Table::default().done(0, 1, "write", "1").done(2, 1, "write", "2").done(4, 2, "read", "1");
    for row in &mut table.rows[4..] {
        row.key = None;
    }
    let table = table.done(10, 1, "write", "3").done(12, 3, "read", "1");
    let registers = Registers::read(&table, &READING).expect("well formed");
    let verdicts = registers.check(limits());
    assert_eq!(verdicts.iter().map(|verdict| verdict.key).collect::<Vec<_>>(), [Some("x"), None]);
    let Decision::Violation(proof) = &verdicts[0].verdict.outcome else { panic!("a stale read") };
    assert_eq!((proof.kind, proof.ops.iter().map(|op| op.id).collect::<Vec<_>>()), ("stale-read", vec![0, 2, 8]));
    let Decision::Violation(proof) = &verdicts[1].verdict.outcome else { panic!("a value from nowhere") };
    assert_eq!(proof.kind, "thin-air-read");
}

#[test]
fn duplicate_values_go_to_the_search() {
    let table = Table::default().done(0, 1, "write", "1").done(2, 1, "write", "2").done(4, 1, "write", "1");
    let valid = table.done(6, 2, "read", "1");
    let verdict = &Registers::read(&valid, &READING).expect("well formed").check(limits())[0].verdict;
    assert_eq!((&verdict.outcome, verdict.method), (&Decision::Linearizable, Method::Search));
    let wrong = valid.done(8, 2, "read", "2");
    let verdict = &Registers::read(&wrong, &READING).expect("well formed").check(limits())[0].verdict;
    let Decision::Violation(proof) = &verdict.outcome else { panic!("a stale read: {verdict:?}") };
    assert_eq!(proof.kind, "stale-read");
    assert!(proof.text.contains("read 2"), "{}", proof.text);
}

#[test]
fn what_is_not_a_register_is_named() {
    let unknown = Table::default().done(0, 1, "append", "1");
    let refused = Registers::read(&unknown, &READING).map(|_| ()).expect_err("no register");
    assert_eq!((refused.row, refused.message.as_str()), (0, "a register knows read, write and cas, not \"append\""));
    let half = Table::default().done(0, 1, "write", "1").done(2, 1, "cas", "[1]");
    let refused = Registers::read(&half, &READING).map(|_| ()).expect_err("half a cas");
    assert_eq!((refused.row, refused.message.as_str()), (2, "a cas needs the value [expected, new], not [1]"));
}

#[test]
fn final_reads_and_staleness() {
    let table = Table::default()
        .done(0, 1, "write", "1")
        .done(2, 1, "write", "2")
        .event(5, -1, Kind::Info, "phase", "\"final\"")
        .done(503, 2, "read", "1");
    let registers = Registers::read(&table, &READING).expect("well formed");
    assert_eq!(registers.lost_writes()[0].0.len(), 1);
    assert!(matches!(registers.staleness()[0], Staleness::Within { delta: 500, .. }));
    assert_eq!(registers.all()[0].acknowledged_writes(), 2);
}

#[test]
fn moments_read_well() {
    let table = Table::default();
    let words = [1_204_000_000, 1_204_300_000, 400, 499_999_500, 1_234_567_000_000].map(|time| moment(&table, time));
    assert_eq!(words, ["1,204 ms", "1,204.3 ms", "0 ms", "500 ms", "1,234,567 ms"]);
}
