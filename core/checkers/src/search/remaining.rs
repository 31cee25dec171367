//! The completed operations of a search that are not linearized yet.
//!
//! They stand in a doubly linked list, in the order of their calls, so that each is taken out in one step and, last out
//! first in, put back in one: who left still knows its neighbours (Knuth, "Dancing links", 2000).
use super::refill;
use crate::model::Interval;

#[derive(Default)]
pub struct Remaining {
    // Of all, taken or not, in the order of their calls; `origin` is their index in the caller's list.
    call: Vec<i64>,
    ret: Vec<i64>,
    action: Vec<u32>,
    origin: Vec<u32>,
    is_cut: Vec<bool>,
    // The list, with a sentinel at the end.
    next: Vec<u32>,
    prev: Vec<u32>,
}

impl Remaining {
    /// Forgets what it holds for the completed ones of these, in the memory it has.
    pub fn refill(&mut self, ops: &[Interval]) {
        refill(&mut self.origin, (0..ops.len() as u32).filter(|&i| !ops[i as usize].is_pending()));
        self.origin.sort_unstable_by_key(|&i| (ops[i as usize].call, ops[i as usize].ret));
        refill(&mut self.call, self.origin.iter().map(|&i| ops[i as usize].call));
        refill(&mut self.ret, self.origin.iter().map(|&i| ops[i as usize].ret));
        refill(&mut self.action, self.origin.iter().map(|&i| ops[i as usize].action));
        let len = self.origin.len() as u32;
        refill(&mut self.next, (1..=len).chain([0]));
        refill(&mut self.prev, std::iter::once(len).chain(0..len));
        refill(&mut self.is_cut, cuts(&self.call, &self.ret));
    }

    /// One more than the highest action.
    pub fn actions(&self) -> usize {
        self.action.iter().max().map_or(0, |&action| action as usize + 1)
    }

    /// What stands behind the last: the number of operations, taken or not.
    pub fn end(&self) -> u32 {
        self.call.len() as u32
    }

    /// The one called first; the end if there is none.
    pub fn first(&self) -> u32 {
        self.next[self.call.len()]
    }

    /// The one called next, also behind an operation that was just taken.
    pub fn after(&self, op: u32) -> u32 {
        self.next[op as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.first() == self.end()
    }

    /// Whether everything before the first had returned when it was called, so that nothing is open.
    pub fn is_at_cut(&self) -> bool {
        self.is_cut[self.first() as usize]
    }

    pub fn call(&self, op: u32) -> i64 {
        self.call[op as usize]
    }

    pub fn ret(&self, op: u32) -> i64 {
        self.ret[op as usize]
    }

    pub fn action(&self, op: u32) -> u32 {
        self.action[op as usize]
    }

    /// Its index in the caller's list.
    pub fn origin(&self, op: u32) -> u32 {
        self.origin[op as usize]
    }

    pub fn take(&mut self, op: u32) {
        let (prev, next) = (self.prev[op as usize], self.next[op as usize]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
    }

    /// Takes back the latest `take` that was not taken back.
    pub fn put_back(&mut self, op: u32) {
        let (prev, next) = (self.prev[op as usize], self.next[op as usize]);
        self.next[prev as usize] = op;
        self.prev[next as usize] = op;
    }

    pub fn bytes(&self) -> usize {
        self.call.len() * 40
    }
}

/// Where everything before an operation returned before it was called.
fn cuts<'a>(call: &'a [i64], ret: &'a [i64]) -> impl Iterator<Item = bool> + 'a {
    let mut latest = i64::MIN;
    let is_cut = move |(&call, &ret): (&i64, &i64)| {
        let quiet = latest < call;
        latest = latest.max(ret);
        quiet
    };
    call.iter().zip(ret).map(is_cut).chain([false])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NEVER;

    fn remaining(spans: &[(i64, i64)]) -> Remaining {
        let ops: Vec<Interval> = spans.iter().map(|&(call, ret)| Interval { call, ret, action: 0 }).collect();
        let mut remaining = Remaining::default();
        remaining.refill(&ops);
        remaining
    }

    fn origins(remaining: &Remaining) -> Vec<u32> {
        let following = |&op: &u32| Some(remaining.after(op));
        let all = std::iter::successors(Some(remaining.first()), following);
        all.take_while(|&op| op != remaining.end()).map(|op| remaining.origin(op)).collect()
    }

    #[test]
    fn what_was_taken_is_put_back_where_it_was() {
        let mut remaining = remaining(&[(5, 6), (1, 9), (2, NEVER), (3, 4)]);
        assert_eq!(origins(&remaining), [1, 3, 0], "by call, without the crashed one");
        remaining.take(1);
        remaining.take(0);
        assert_eq!(origins(&remaining), [0]);
        remaining.put_back(0);
        remaining.put_back(1);
        assert_eq!(origins(&remaining), [1, 3, 0]);
    }

    #[test]
    fn a_cut_is_where_nothing_is_open() {
        let mut remaining = remaining(&[(1, 4), (2, 3), (5, 6)]);
        assert!(remaining.is_at_cut(), "at the start");
        remaining.take(0);
        assert!(!remaining.is_at_cut(), "the first is open still");
        remaining.take(1);
        assert!(remaining.is_at_cut());
        remaining.take(2);
        assert!(remaining.is_empty() && !remaining.is_at_cut(), "nothing comes after the end");
    }
}
