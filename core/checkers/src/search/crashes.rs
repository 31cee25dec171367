//! Operations that may or may not take effect: crashed ones, and those that cross the edge of a window.
//!
//! Those with the same action and the same deadline are interchangeable, so only how many of them were spent matters,
//! and they are spent in the order of their calls.
use std::ops::{Range, RangeInclusive};

use super::memo::Used;
use super::refill;
use crate::model::{Interval, NEVER};

struct Class {
    action: u32,
    /// Which of `Crashes::ops` they are, by call.
    members: Range<usize>,
    /// Cannot take effect after an operation called later than this.
    deadline: i64,
}

#[derive(Default)]
pub struct Crashes {
    ops: Vec<Interval>,
    classes: Vec<Class>,
    used: Vec<u32>,
}

impl Crashes {
    /// Forgets what it holds for the crashed ones of these and all of the optional ones, in the memory it has.
    pub fn refill(&mut self, ops: &[Interval], optional: &[Interval]) {
        refill(&mut self.ops, ops.iter().filter(|op| op.is_pending()).chain(optional).copied());
        self.ops.sort_unstable_by_key(|op| (op.action, op.ret, op.call));
        refill(&mut self.classes, classes(&self.ops));
        refill(&mut self.used, self.classes.iter().map(|_| 0));
    }

    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    pub fn classes(&self) -> Range<u32> {
        0..self.classes.len() as u32
    }

    pub fn action(&self, class: u32) -> u32 {
        self.classes[class as usize].action
    }

    /// How many of each class were spent.
    pub fn used(&self) -> &Used {
        &self.used
    }

    pub fn spend(&mut self, class: u32) {
        self.used[class as usize] += 1;
    }

    pub fn give_back(&mut self, class: u32) {
        self.used[class as usize] -= 1;
    }

    /// Whether one of a class is left, besides those that are to be spent, for the time in which the next operation takes
    /// effect: from the latest call of those linearized to the earliest return of those that are not.
    pub fn is_available(&self, class: u32, to_spend: &[u32], time: &RangeInclusive<i64>) -> bool {
        let Class { members, deadline, .. } = &self.classes[class as usize];
        let spent = self.used[class as usize] as usize + to_spend.iter().filter(|&&other| other == class).count();
        let calls = &self.ops[members.clone()];
        calls.get(spent).is_some_and(|op| op.call <= *time.end()) && deadline >= time.start()
    }

    /// The latest call that may be linearized after this one without an optional operation missing its chance.
    ///
    /// What is linearized without branching, or instead of its like, must not take such a chance away.
    pub fn last_chance(&self, latest_call: i64) -> i64 {
        let live = |(class, &used): (&Class, &u32)| {
            ((used as usize) < class.members.len() && class.deadline >= latest_call).then_some(class.deadline)
        };
        self.classes.iter().zip(&self.used).filter_map(live).min().unwrap_or(NEVER)
    }
}

/// Groups what may or may not take effect, sorted by action and return.
fn classes(ops: &[Interval]) -> impl Iterator<Item = Class> + '_ {
    let mut first = 0;
    ops.chunk_by(|a, b| (a.action, a.ret) == (b.action, b.ret)).map(move |group| {
        let members = first..first + group.len();
        first = members.end;
        Class { action: group[0].action, members, deadline: group[0].ret }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes() -> Crashes {
        let mut crashes = Crashes::default();
        let crashed = |call| Interval { call, ret: NEVER, action: 1 };
        let ops = [crashed(7), Interval { call: 0, ret: 1, action: 1 }, crashed(3)];
        crashes.refill(&ops, &[Interval { call: 0, ret: 5, action: 1 }]);
        crashes
    }

    #[test]
    fn those_alike_are_spent_by_call_and_only_once_called() {
        let mut crashes = crashes();
        assert_eq!(crashes.classes(), 0..2, "the optional one, then the crashed two");
        assert!(crashes.is_available(1, &[], &(0..=3)));
        assert!(!crashes.is_available(1, &[], &(0..=2)), "called later than the next return");
        assert!(!crashes.is_available(1, &[1], &(0..=6)), "the second is called later");
        assert!(crashes.is_available(1, &[1, 0], &(0..=7)));
        crashes.spend(1);
        assert!(!crashes.is_available(1, &[1], &(0..=9)), "there are two");
        crashes.give_back(1);
        assert_eq!(crashes.used(), [0, 0]);
    }

    #[test]
    fn an_optional_one_misses_its_chance_after_its_return() {
        let mut crashes = crashes();
        assert!(crashes.is_available(0, &[], &(5..=9)));
        assert!(!crashes.is_available(0, &[], &(6..=9)));
        assert_eq!((crashes.last_chance(5), crashes.last_chance(6)), (5, NEVER));
        crashes.spend(0);
        assert_eq!(crashes.last_chance(5), NEVER, "it had its chance");
    }
}
