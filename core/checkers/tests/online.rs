//! Registers judged event by event, against the checker of whole histories and against every order tried.
mod common;

use common::{is_linearizable, random_history, Random, Shape};
use splitbrain_checkers::events::{Events, Kind};
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{
    judge, Action, FailedCas, OnlineRegisters, Outcome, Reading, RegisterHistory, RegisterOp, Standing,
};

const READING: Reading = Reading { initial: "0", failed_cas: FailedCas::Drop, has_cas: true };

/// An event; several make a batch. The process is the operation's, as each has a process of its own.
#[derive(Clone, Debug)]
struct Event {
    time: i64,
    op: u32,
    kind: Kind,
    f: &'static str,
    value: String,
    error: Option<String>,
}

struct Batch<'a>(&'a [Event]);

impl Events for Batch<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn time(&self, row: usize) -> i64 {
        self.0[row].time
    }
    fn is_timed(&self) -> bool {
        true
    }
    fn process(&self, row: usize) -> i64 {
        i64::from(self.0[row].op)
    }
    fn kind(&self, row: usize) -> Kind {
        self.0[row].kind
    }
    fn f(&self, row: usize) -> &str {
        self.0[row].f
    }
    fn key(&self, _row: usize) -> Option<&str> {
        Some("x")
    }
    fn value(&self, row: usize) -> Option<&str> {
        Some(&self.0[row].value)
    }
    fn error(&self, row: usize) -> Option<&str> {
        self.0[row].error.as_deref()
    }
    fn partner(&self, _row: usize) -> Option<usize> {
        None
    }
}

/// How the end of an operation reaches the history.
#[derive(Clone, Debug)]
struct Told {
    op: RegisterOp,
    kind: Option<Kind>,
    /// When that is told.
    end: i64,
    asked: (&'static str, String),
    answer: String,
    error: Option<String>,
}

/// The operations of a history with what is told of them, failures included. `fresh` is a value that nobody uses.
fn told(random: &mut Random, history: &RegisterHistory, mut fresh: u32) -> Vec<Told> {
    let last = history.ops.iter().flat_map(|op| [op.call, if op.is_pending() { 0 } else { op.ret }]).max().unwrap_or(0);
    let mut all: Vec<Told> = history.ops.iter().map(|&op| completed(random, op, last, &mut fresh)).collect();
    for &(id, value) in &history.aborted {
        let call = random.below(last.max(0) as u64 + 1) as i64;
        let end = call + random.below(8) as i64;
        let asked = match random.below(2) {
            0 => ("write", value.to_string()),
            _ => ("cas", format!("[{},{value}]", random.below(u64::from(fresh)))),
        };
        let op = RegisterOp { call, ret: NEVER, action: Action::Write(value), id };
        all.push(Told { op, kind: Some(Kind::Fail), end, answer: asked.1.clone(), asked, error: None });
    }
    all
}

fn completed(random: &mut Random, op: RegisterOp, last: i64, fresh: &mut u32) -> Told {
    let asked = match op.action {
        Action::Read(_) => ("read", "null".to_owned()),
        Action::Write(to) => ("write", to.to_string()),
        Action::Cas(from, to) => ("cas", format!("[{from},{to}]")),
        Action::Not(_) => unreachable!("no negations were asked for"),
    };
    if op.is_pending() {
        let kind = random.chance(70).then_some(Kind::Info);
        let end = op.call + random.below((last - op.call).max(0) as u64 + 1) as i64;
        return Told { op, kind, end, answer: asked.1.clone(), asked, error: None };
    }
    match op.action {
        Action::Read(found) if random.chance(15) => {
            *fresh += 1;
            let asked = ("cas", format!("[{},{fresh}]", random.below(u64::from(*fresh))));
            let error = Some(format!("{{\"code\":22,\"current\":{found}}}"));
            Told { op, kind: Some(Kind::Fail), end: op.ret, answer: asked.1.clone(), asked, error }
        }
        Action::Read(found) => {
            Told { op, kind: Some(Kind::Ok), end: op.ret, asked, answer: found.to_string(), error: None }
        }
        _ => Told { op, kind: Some(Kind::Ok), end: op.ret, answer: asked.1.clone(), asked, error: None },
    }
}

/// In the order of time; what happens at one moment is shuffled.
fn events(random: &mut Random, told: &[Told]) -> Vec<Event> {
    let mut events = Vec::new();
    for each in told {
        let (f, value) = (each.asked.0, each.asked.1.clone());
        let order = random.below(1 << 32);
        let invocation = Event { time: each.op.call, op: each.op.id, kind: Kind::Invoke, f, value, error: None };
        events.push((each.op.call, order, invocation));
        if let Some(kind) = each.kind {
            let (value, error) = (each.answer.clone(), each.error.clone());
            let completion = Event { time: each.end, op: each.op.id, kind, f, value, error };
            events.push((each.end, order + 1 + random.below(1 << 32), completion));
        }
    }
    events.sort_by_key(|(time, order, _)| (*time, *order));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// What is certain after some events: operations that returned before `decided` are complete, others are open.
fn known(told: &[Told], seen: &[Event], decided: i64) -> RegisterHistory {
    let mut history = RegisterHistory::default();
    for each in told {
        let id = each.op.id;
        let is_seen = |completed: bool| seen.iter().any(|e| e.op == id && (e.kind != Kind::Invoke) == completed);
        if !is_seen(false) {
            continue;
        }
        let is_read = matches!(each.op.action, Action::Read(_));
        let is_refused = each.kind == Some(Kind::Fail) && !is_read;
        if is_refused && is_seen(true) {
            history.aborted.extend(each.op.action.written().map(|value| (id, value)));
            continue;
        }
        let is_complete = is_seen(true) && !each.op.is_pending() && each.end < decided;
        if is_complete {
            history.ops.push(each.op);
        } else if !(is_read || is_refused && each.asked.0 == "cas") {
            history.ops.push(RegisterOp { ret: NEVER, ..each.op });
        } else if is_refused {
            let (from, to) = each.asked.1.trim_matches(['[', ']']).split_once(',').expect("a pair");
            let action = Action::Cas(from.parse().expect("a number"), to.parse().expect("a number"));
            history.ops.push(RegisterOp { action, ..each.op });
        }
    }
    history.values = 1024;
    history
}

fn is_violation(history: &RegisterHistory) -> bool {
    match judge(history) {
        Outcome::Violation(_) => true,
        Outcome::Linearizable => false,
        Outcome::Undecided => panic!("values are unique: {history:?}"),
    }
}

struct Counts {
    violated: u32,
    before_the_end: u32,
}

/// Feeds a history event by event, and compares what is said after each with what is then certain.
fn compare(case: u64, random: &mut Random, told: &[Told], exhaustive: bool, counts: &mut Counts) {
    let events = events(random, told);
    let sweeps = random.pick(&[0, 30, 100]);
    let mut online = OnlineRegisters::new(&READING);
    let mut was_violated = false;
    for (row, event) in events.iter().enumerate() {
        let broken = online.feed(&Batch(std::slice::from_ref(event))).expect("a well-formed history");
        if random.chance(sweeps) {
            online.sweep();
        }
        let is_violated = matches!(online.watched()[0].standing(), Standing::Violated(_));
        assert_eq!(broken.is_some(), is_violated && !was_violated, "case {case}: told once, and for good");
        let certain = known(told, &events[..=row], event.time);
        let expected = is_violation(&certain);
        assert_eq!(is_violated, expected, "case {case}: after event {row} of {events:#?}");
        if exhaustive {
            assert_eq!(is_linearizable(&certain.ops, 0), !expected, "case {case}: {certain:?}");
        }
        if is_violated && !was_violated {
            counts.before_the_end += u32::from(row + 1 < events.len());
            assert!(is_violation(&known(told, &events[..=row], NEVER)), "case {case}: refuted as it stands");
        }
        was_violated = is_violated;
    }
    online.end();
    let whole = known(told, &events, NEVER);
    let standing = online.watched().first().map_or(Standing::Linearizable, |watched| watched.standing());
    assert_eq!(matches!(standing, Standing::Violated(_)), is_violation(&whole), "case {case}: {events:#?}");
    assert_ne!(standing, Standing::NotUnique);
    assert_eq!(online.watched().first().map_or(0, |watched| watched.ops), whole.ops.len());
    counts.violated += u32::from(is_violation(&whole));
}

#[test]
fn says_it_as_soon_as_nothing_can_mend_it() {
    let mut random = Random(11);
    let mut counts = Counts { violated: 0, before_the_end: 0 };
    for case in 0..200_000 {
        let history = random_history(&mut random, Shape { ops_max: 8, values: 0, negations: false });
        let told = told(&mut random, &history, history.values + 8);
        compare(case, &mut random, &told, case % 8 == 0, &mut counts);
    }
    let Counts { violated, before_the_end } = counts;
    assert!(violated > 20_000 && before_the_end > 10_000, "{violated}, {before_the_end}");
}

#[test]
fn forgets_only_what_cannot_matter() {
    let mut random = Random(12);
    let mut counts = Counts { violated: 0, before_the_end: 0 };
    for case in 0..6_000 {
        let mut history = random_history(&mut random, Shape { ops_max: 60, values: 0, negations: false });
        let values = history.values;
        for _ in 0..random.pick(&[0, 1, 1, 2]) {
            let at = random.below(history.ops.len().max(1) as u64) as usize;
            if let Some(Action::Read(found)) = history.ops.get_mut(at).map(|op| &mut op.action) {
                *found = found.saturating_sub(random.below(6) as u32);
            }
        }
        let told = told(&mut random, &history, values + 60);
        compare(case, &mut random, &told, false, &mut counts);
    }
    assert!((1_000..5_500).contains(&counts.violated), "{} violations", counts.violated);
}

#[test]
fn values_written_twice_are_left_alone_or_judged_rightly() {
    let mut random = Random(13);
    let (mut decided, mut violated) = (0, 0);
    for case in 0..200_000 {
        let values = random.pick(&[3, 6, 12]);
        let history = random_history(&mut random, Shape { ops_max: 7, values, negations: false });
        let told = told(&mut random, &history, 40);
        let events = events(&mut random, &told);
        let mut online = OnlineRegisters::new(&READING);
        for event in &events {
            online.feed(&Batch(std::slice::from_ref(event))).expect("a well-formed history");
            online.sweep();
        }
        online.end();
        let expected = is_linearizable(&known(&told, &events, NEVER).ops, 0);
        match online.watched().first().map_or(Standing::Linearizable, |watched| watched.standing()) {
            Standing::NotUnique => continue,
            Standing::Linearizable => assert!(expected, "case {case}: {events:#?}"),
            Standing::Violated(_) => {
                assert!(!expected, "case {case}: {events:#?}");
                violated += 1;
            }
        }
        decided += 1;
    }
    assert!(decided > 30_000 && violated > 5_000, "{decided} decided, {violated} violated");
}

fn event(time: i64, op: u32, kind: Kind, f: &'static str, value: &str) -> Event {
    Event { time, op, kind, f, value: value.to_owned(), error: None }
}

#[test]
fn remembers_what_is_open_and_no_more() {
    let mut online = OnlineRegisters::new(&READING);
    let mut most = 0;
    for i in 0..100_000u32 {
        let (time, value) = (i64::from(i) * 10, (i + 1).to_string());
        let found = if i % 3 == 2 { "cas" } else { "write" };
        let asked = if found == "cas" { format!("[{i},{value}]") } else { value.clone() };
        let batch = [
            event(time, 1, Kind::Invoke, found, &asked),
            event(time + 1, 1, Kind::Ok, found, &asked),
            event(time + 2, 1, Kind::Invoke, "read", "null"),
            event(time + 3, 1, Kind::Ok, "read", &value),
        ];
        assert_eq!(online.feed(&Batch(&batch)), Ok(None));
        most = most.max(online.remembered());
    }
    assert!(most < 500, "{most}");
}

#[test]
fn one_chain_of_updates_is_not_remembered_either() {
    let mut online = OnlineRegisters::new(&READING);
    for i in 0..50_000u32 {
        let asked = format!("[{i},{}]", i + 1);
        let time = i64::from(i) * 10;
        let batch = [event(time, 1, Kind::Invoke, "cas", &asked), event(time + 1, 1, Kind::Ok, "cas", &asked)];
        assert_eq!(online.feed(&Batch(&batch)), Ok(None));
    }
    assert!(online.remembered() < 500, "{}", online.remembered());
    let late = [event(600_000, 2, Kind::Invoke, "read", "null"), event(600_001, 2, Kind::Ok, "read", "7")];
    assert_eq!(online.feed(&Batch(&late)), Ok(None));
    assert_eq!(online.end().map(|broken| broken.event), Some(100_000));
}

#[test]
fn a_value_is_not_from_nowhere_while_its_write_may_still_begin() {
    let mut online = OnlineRegisters::new(&READING);
    let read = [event(1, 1, Kind::Invoke, "read", "null"), event(5, 1, Kind::Ok, "read", "7")];
    assert_eq!(online.feed(&Batch(&read)), Ok(None));
    let mut other = OnlineRegisters::new(&READING);
    assert_eq!(other.feed(&Batch(&read)), Ok(None));
    assert_eq!(online.feed(&Batch(&[event(5, 2, Kind::Invoke, "write", "7")])), Ok(None));
    assert_eq!(online.end(), None);
    let broken = other.feed(&Batch(&[event(6, 2, Kind::Invoke, "write", "7")])).expect("well-formed");
    assert_eq!(
        broken.map(|broken| (broken.key.as_deref().map(str::to_owned), broken.event)),
        Some((Some("x".into()), 0))
    );
}

#[test]
fn texts_are_values_too() {
    let mut online = OnlineRegisters::new(&READING);
    let rows = [
        event(0, 1, Kind::Invoke, "write", "\"a\""),
        event(1, 1, Kind::Ok, "write", "\"a\""),
        event(2, 1, Kind::Invoke, "cas", "[\"a\",{\"n\":[1,2]}]"),
        event(3, 1, Kind::Ok, "cas", "[\"a\",{\"n\":[1,2]}]"),
        event(4, 1, Kind::Invoke, "read", "null"),
        event(5, 1, Kind::Ok, "read", "\"a\""),
    ];
    assert_eq!(online.feed(&Batch(&rows)), Ok(None));
    assert_eq!(online.end().map(|broken| broken.event), Some(4));
}

#[test]
fn broken_rules_are_told_by_row() {
    let refused = |rows: &[Event]| OnlineRegisters::new(&READING).feed(&Batch(rows)).expect_err("malformed");
    let twice = [event(0, 1, Kind::Invoke, "read", "null"), event(1, 1, Kind::Invoke, "read", "null")];
    assert_eq!(refused(&twice).row, 1);
    assert_eq!(refused(&[event(0, 1, Kind::Ok, "read", "1")]).row, 0);
    assert_eq!(refused(&[event(3, 1, Kind::Invoke, "read", "1"), event(2, 2, Kind::Invoke, "read", "1")]).row, 1);
    assert_eq!(refused(&[event(0, 1, Kind::Invoke, "add", "1")]).row, 0);
    assert_eq!(refused(&[event(0, 1, Kind::Invoke, "cas", "1")]).row, 0);
}

#[test]
fn a_refusal_that_says_nothing_more_is_handed_on_if_it_is_to_count() {
    let reading = Reading { failed_cas: FailedCas::Assert, ..READING };
    let mut online = OnlineRegisters::new(&reading);
    let rows = [event(0, 1, Kind::Invoke, "cas", "[1,2]"), event(1, 1, Kind::Fail, "cas", "[1,2]")];
    assert_eq!(online.feed(&Batch(&rows)), Ok(None));
    assert_eq!(online.watched()[0].standing(), Standing::NotUnique);
}
