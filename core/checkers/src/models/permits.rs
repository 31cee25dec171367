//! Mutexes and semaphores: `acquire` and `release`, of one permit or as many as the value says.
use super::names::integer;
use super::{Call, Model, Readable, Unreadable};
use crate::monitors::{judge_permits, Judgement};
use crate::objects::Timed;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermitOp {
    Acquire(u32),
    Release(u32),
}

/// A semaphore of `all` permits; a mutex has one. Who releases is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Permits {
    pub all: u32,
}

impl Model for Permits {
    /// How many permits are free: at least, and at most.
    type State = (u32, u32);
    type Op = PermitOp;

    fn initial(&self) -> Self::State {
        (self.all, self.all)
    }

    fn unknown(&self) -> Option<Self::State> {
        Some((0, self.all))
    }

    fn step(&self, &(least, most): &Self::State, op: &PermitOp) -> Option<Self::State> {
        match *op {
            PermitOp::Acquire(count) => Some((least.saturating_sub(count), most.checked_sub(count)?)),
            PermitOp::Release(count) => {
                let least = least.checked_add(count).filter(|&least| least <= self.all)?;
                Some((least, most.saturating_add(count).min(self.all)))
            }
        }
    }

    fn is_read_only(&self, op: &PermitOp) -> bool {
        matches!(op, PermitOp::Acquire(0) | PermitOp::Release(0))
    }
}

impl Readable for Permits {
    fn read(&mut self, call: Call<'_>) -> Result<Option<PermitOp>, Unreadable> {
        // A mutex's value says who or what for, if anything.
        let count = if self.all == 1 { 1 } else { call.argument.map_or(Ok(1), integer)? };
        let count = u32::try_from(count).map_err(|_| format!("there are no {count} permits"))?;
        match call.f {
            "acquire" => Ok(Some(PermitOp::Acquire(count))),
            "release" => Ok(Some(PermitOp::Release(count))),
            _ => Err(call.unknown_f("a mutex or semaphore knows acquire and release")),
        }
    }

    fn judge(&self, ops: &[Timed<PermitOp>]) -> Judgement<PermitOp> {
        judge_permits(ops, self.all)
    }
}
