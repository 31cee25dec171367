//! A verdict that brute force denies is none.
mod common;

use std::time::Duration;

use common::table::Table;
use splitbrain_checkers::events::Kind;
use splitbrain_checkers::models::{Call, Model, Readable, Unreadable};
use splitbrain_checkers::objects::{check, read, Finding};
use splitbrain_checkers::search::Limits;

/// A counter that misleads searches: it says that two crashed additions in a row never help.
#[derive(Clone)]
struct Misleading {
    is_honest: bool,
}

impl Model for Misleading {
    type State = i64;
    type Op = (bool, i64);

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, &(adds, number): &(bool, i64)) -> Option<i64> {
        if adds {
            Some(state + number)
        } else {
            (*state == number).then_some(*state)
        }
    }

    fn is_read_only(&self, op: &(bool, i64)) -> bool {
        !op.0
    }

    fn may_lead_to(&self, _state: &i64, _op: &(bool, i64)) -> bool {
        self.is_honest
    }
}

impl Readable for Misleading {
    fn read(&mut self, call: Call<'_>) -> Result<Option<(bool, i64)>, Unreadable> {
        let text = if call.f == "add" { call.asked() } else { call.answer() };
        Ok(Some((call.f == "add", text.parse().map_err(|_| String::from("a number"))?)))
    }
}

fn judged(is_honest: bool, seen: &str) -> Finding {
    let history = Table::default()
        .event(1, 0, Kind::Invoke, "add", "1")
        .event(2, 1, Kind::Invoke, "add", "1")
        .done(3, 2, "read", seen);
    let objects = read(&history, &Misleading { is_honest }, true).expect("well formed");
    let limits = Limits::within(Duration::from_secs(10), 1 << 28);
    check(&history, &objects, limits).remove(0).0
}

#[test]
fn what_brute_force_denies_is_not_told() {
    assert_eq!(judged(true, "2"), Finding::Linearizable);
    assert_eq!(judged(false, "2"), Finding::Unconfirmed);
    for is_honest in [true, false] {
        assert!(matches!(judged(is_honest, "3"), Finding::Violation { .. }));
    }
}
