//! The operations of one register, with interned values.
use crate::model::NEVER;

/// An interned value; equal numbers are equal values.
pub type Value = u32;

/// The value the register holds before the first write.
pub const INITIAL: Value = 0;

/// What an operation did, its result included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Read(Value),
    Write(Value),
    /// A compare-and-set that succeeds: found the first value, left the second.
    Cas(Value, Value),
    /// Found some value other than this one, and left it alone: a refused compare-and-set that says nothing more.
    Not(Value),
}

impl Action {
    /// The value the register holds afterwards, if this action decides it.
    pub fn written(self) -> Option<Value> {
        match self {
            Action::Write(to) | Action::Cas(_, to) => Some(to),
            Action::Read(_) | Action::Not(_) => None,
        }
    }

    /// The same with another value found; what observes none reads it.
    pub fn observing(self, value: Value) -> Action {
        match self {
            Action::Cas(_, to) => Action::Cas(value, to),
            _ => Action::Read(value),
        }
    }

    /// The value the register must have held before.
    pub fn observed(self) -> Option<Value> {
        match self {
            Action::Read(found) | Action::Cas(found, _) => Some(found),
            Action::Write(_) | Action::Not(_) => None,
        }
    }
}

/// One operation: open from `call` to `ret` in nanoseconds (`ret` is `NEVER` while its outcome is unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterOp {
    pub call: i64,
    pub ret: i64,
    pub action: Action,
    /// The caller's name for it: the index of its invocation.
    pub id: u32,
}

impl RegisterOp {
    pub fn is_pending(&self) -> bool {
        self.ret == NEVER
    }
}

/// Everything that happened to one register.
///
/// Reads without a result are left out: nobody can tell when, or whether, they took effect.
#[derive(Clone, Debug, Default)]
pub struct RegisterHistory {
    pub ops: Vec<RegisterOp>,
    /// Values are below this number. `INITIAL` always counts.
    pub values: u32,
    /// Writes that certainly did not happen: the caller's name and the value. Nobody may ever see it.
    pub aborted: Vec<(u32, Value)>,
}
