//! Mutexes, and semaphores whose operations take or give one permit each.
//!
//! Permits are all alike, so nothing matters but how many acquires and how many releases took effect by each moment.
//! Such counts belong to a linearization exactly if
//!
//! - between any two moments each rises by at least the operations that were open only between them,
//! - acquires lead releases by none at least and by all permits at most, and
//! - no more of a kind took effect than had been invoked: by Hall's theorem, which for intervals asks for no more than
//!   this, each rise then finds an operation to be.
//!
//! All but the last are lower bounds that look back in time, so there are least counts, and a history is linearizable
//! exactly if those keep the last rule. One pass over the returns finds them: an operation that returns is one of the
//! rises that were forced while it was open and belong to nobody yet, the earliest, or forces another one.
//! With larger numbers of permits the question contains bin packing; those are for the search.
use std::collections::BTreeSet;

use super::{Judgement, Pattern};
use crate::model::NEVER;
use crate::models::PermitOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<PermitOp>];

const ACQUIRE: usize = 0;
const RELEASE: usize = 1;

/// Decides a semaphore of `all` permits in O(n log n).
pub fn judge_permits(ops: Ops<'_>, all: u32) -> Judgement<PermitOp> {
    if ops.iter().any(|timed| matches!(timed.op, PermitOp::Acquire(2..) | PermitOp::Release(2..))) {
        return Judgement::Undecided;
    }
    match (Sweep { all: all as usize, ..Sweep::default() }).run(ops) {
        None => Judgement::Linearizable,
        Some(excess) => excess.pattern(ops),
    }
}

/// The counter that an operation moves; none if it asks for no permits.
fn side(op: &PermitOp) -> Option<usize> {
    match op {
        PermitOp::Acquire(0) | PermitOp::Release(0) => None,
        PermitOp::Acquire(_) => Some(ACQUIRE),
        PermitOp::Release(_) => Some(RELEASE),
    }
}

/// The counts, of acquires and of releases, as far as time has passed.
#[derive(Default)]
struct Sweep {
    all: usize,
    called: [usize; 2],
    returned: [usize; 2],
    /// How many must have taken effect.
    forced: [usize; 2],
    /// When the rises happened that are nobody's yet.
    unclaimed: [BTreeSet<(i64, usize)>; 2],
    known: Option<Known>,
}

/// A moment at which exactly so many permits were held, whatever the linearization, and it is known by whose effects:
/// all that was invoked of one kind took effect by then, and of the other kind what had returned.
#[derive(Clone, Copy)]
struct Known {
    time: i64,
    is_full: bool,
    forced: [usize; 2],
}

/// More of a kind must have taken effect by the return of an operation than had been invoked.
struct Excess {
    all: usize,
    side: usize,
    returning: u32,
    forced: [usize; 2],
    since: Option<Known>,
}

impl Sweep {
    fn run(mut self, ops: Ops<'_>) -> Option<Excess> {
        let of = |side_: usize| ops.iter().filter(move |timed| side(&timed.op) == Some(side_));
        let mut calls = [ACQUIRE, RELEASE].map(|side| of(side).map(|timed| timed.call).collect::<Vec<i64>>());
        calls.iter_mut().for_each(|calls| calls.sort_unstable());
        let mut returns: Vec<(i64, u32)> = (0u32..)
            .zip(ops)
            .filter(|(_, timed)| timed.ret < NEVER && side(&timed.op).is_some())
            .map(|(index, timed)| (timed.ret, index))
            .collect();
        returns.sort_unstable();
        for instant in returns.chunk_by(|a, b| a.0 == b.0) {
            let now = instant[0].0;
            for side in [ACQUIRE, RELEASE] {
                let later = &calls[side][self.called[side]..];
                self.called[side] += later.iter().take_while(|&&call| call <= now).count();
            }
            for &(_, index) in instant {
                let timed = &ops[index as usize];
                let Some(side) = side(&timed.op) else { continue };
                self.claim(side, timed.call, now);
                self.returned[side] += 1;
                if let Some(side) = [ACQUIRE, RELEASE].into_iter().find(|&side| self.forced[side] > self.called[side]) {
                    let Self { all, forced, known: since, .. } = self;
                    return Some(Excess { all, side, returning: index, forced, since });
                }
            }
            self.note(now);
        }
        None
    }

    fn claim(&mut self, side: usize, call: i64, now: i64) {
        if let Some(&rise) = self.unclaimed[side].range((call, 0)..).next() {
            self.unclaimed[side].remove(&rise);
            return;
        }
        self.forced[side] += 1;
        let [acquired, released] = self.forced;
        if acquired > released + self.all {
            self.rise(RELEASE, now);
        } else if released > acquired {
            self.rise(ACQUIRE, now);
        }
    }

    fn rise(&mut self, side: usize, now: i64) {
        self.forced[side] += 1;
        self.unclaimed[side].insert((now, self.forced[side]));
    }

    fn note(&mut self, time: i64) {
        let is_full = self.returned[ACQUIRE] == self.called[RELEASE] + self.all;
        if is_full || self.called[ACQUIRE] == self.returned[RELEASE] {
            self.known = Some(Known { time, is_full, forced: self.forced });
        }
    }
}

impl Excess {
    /// Operations that suffice: what is known of a moment replaces all that came before it.
    fn pattern(&self, ops: Ops<'_>) -> Judgement<PermitOp> {
        let now = ops[self.returning as usize].ret;
        let since = self.since.unwrap_or(Known { time: i64::MIN, is_full: false, forced: [0, 0] });
        let is_later = |timed: &Timed<PermitOp>, side: usize| match (since.is_full, side) {
            (true, ACQUIRE) | (false, RELEASE) => timed.ret > since.time,
            _ => timed.call > since.time,
        };
        // What is open at the end helps only if it is of the kind that there are too few of.
        let matters = |timed: &Timed<PermitOp>| {
            side(&timed.op).is_some_and(|side| {
                is_later(timed, side) && timed.call <= now && (timed.ret <= now || side == self.side)
            })
        };
        let mut holders: Vec<u32> = Vec::new();
        if since.is_full {
            let is_before = |timed: &Timed<PermitOp>| side(&timed.op) == Some(ACQUIRE) && timed.ret <= since.time;
            holders = indices(ops, is_before);
            holders.sort_unstable_by_key(|&index| std::cmp::Reverse(ops[index as usize].ret));
            holders.truncate(self.all);
        }
        let others = indices(ops, matters).into_iter().filter(|&index| index != self.returning);
        let needed = self.forced[self.side] - since.forced[self.side];
        let needed = needed + if self.side == ACQUIRE { holders.len() } else { 0 };
        let members: Vec<u32> = std::iter::once(self.returning).chain(holders.iter().copied()).chain(others).collect();
        let (kind, name) =
            if self.side == RELEASE { ("double-grant", "release") } else { ("release-unheld", "acquire") };
        let text = format!(
            "By the return of {{0}}, at least {} must have taken effect among these, but {} had been invoked.",
            counted(needed, name),
            if needed == 1 { "none".to_owned() } else { format!("only {}", needed - 1) },
        );
        Pattern::of(kind, ops, &members, &text)
    }
}

fn indices(ops: Ops<'_>, matters: impl Fn(&Timed<PermitOp>) -> bool) -> Vec<u32> {
    (0u32..).zip(ops).filter(|(_, timed)| matters(timed)).map(|(index, _)| index).collect()
}

fn counted(number: usize, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}
