//! What a data type promises when it is used by one client at a time.

use crate::intern::FastSet;

/// A moment no completed operation reaches: the return time of an operation that never completed.
pub const NEVER: i64 = i64::MAX;

/// An operation as the decision procedures see it: when it was open, and what it did.
///
/// The interval is closed. `a` precedes `b` only if `a.ret < b.call`; operations that share a timestamp are concurrent,
/// because a clock that does not tell them apart cannot prove an order, and an order that is not proven must not be
/// held against a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub call: i64,
    /// `NEVER` while nobody knows whether the operation took effect: it may still do so, or not at all.
    pub ret: i64,
    /// Which of the machine's actions it is. Equal actions are interchangeable.
    pub action: u32,
}

impl Interval {
    pub fn is_pending(&self) -> bool {
        self.ret == NEVER
    }
}

/// A sequential data type over numbered states and numbered actions, where an action includes its observed result.
///
/// Searches ask for the same transitions millions of times, so states are small numbers: types whose states are larger
/// wrap them (`Interned`). `step` takes `&mut self` to let them do so.
pub trait Machine {
    fn initial(&mut self) -> u32;

    /// Whether other actions could lead from `state` to one in which `action` is possible. May err on the side of yes.
    fn may_lead_to(&self, _state: u32, _action: u32) -> bool {
        true
    }

    /// The state after `action`, or `None` if `action` cannot have had its result in this state.
    fn step(&mut self, state: u32, action: u32) -> Option<u32>;

    /// A state that stands for any state, if there is one: an action is possible in it if it is possible in any, and what
    /// follows allows at least what would follow there. It lets a search look at a part of a history by itself.
    fn unknown(&mut self) -> Option<u32> {
        None
    }

    /// True only if `action`, wherever it is possible, leaves the state as it was
    /// (an unknown state may become known).
    fn is_read_only(&self, action: u32) -> bool;

    /// Forgets all other states. Those met again later get new numbers.
    fn keep_only(&mut self, _states: &FastSet<u32>) {}

    /// An estimate of the memory that states and transitions take.
    fn bytes(&self) -> usize {
        0
    }
}
