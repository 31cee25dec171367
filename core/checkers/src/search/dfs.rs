//! The search proper: depth first, resumable, one configuration at a time.
//!
//! A proof is reduced by hundreds of searches of a few operations each, which would spend most of their time on memory:
//! so one `Dfs` serves one search after the other, in what it once allocated.
use super::candidates::{Candidate, Candidates};
use super::crashes::Crashes;
use super::detours::{bytes_of, Crossroads, Detours};
use super::memo::{fingerprint, Memo};
use super::remaining::Remaining;
use super::{Limits, Resource};
use crate::intern::FastSet;
use crate::model::{Interval, Machine};

/// How a turn of the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Found,
    Exhausted,
    OutOf(Resource),
    /// As many configurations as asked for were seen; `run` goes on from there.
    Paused,
}

/// A choice that may have to be taken back.
struct Frame {
    trail_len: usize,
    state: u32,
    latest_call: i64,
    rank: usize,
    detours: Option<Box<Detours>>,
}

/// Marks a class of crashed operations on the trail.
const SPENT: u32 = 1 << 31;
const TIME_CHECK_INTERVAL: u64 = 256;
const STATE_SALT: u64 = 1 << 40;

/// A depth-first search for a linearization.
#[derive(Default)]
pub struct Dfs {
    remaining: Remaining,
    crashes: Crashes,
    // The current configuration.
    state: u32,
    key: u128,
    latest_call: i64,
    // The way here.
    frames: Vec<Frame>,
    trail: Vec<u32>,
    // What the last scan saw.
    candidates: Candidates,
    is_new: bool,
    rank: usize,
    detours: Option<Box<Detours>>,
    /// Of the detours of all frames.
    detour_bytes: usize,
    memo: Memo,
    at_cuts: Memo,
    is_forgetful: bool,
    /// What the machine's states took after it last forgot some.
    kept_bytes: usize,
    seed: u64,
    configurations: u64,
    /// Configurations and detours since time was looked at.
    work: u64,
    farthest: Option<(i64, u32)>,
    skipped_detours: bool,
}

impl Dfs {
    /// A search for a linearization of `ops` from `start`, into which each of `optional` may be put before its return.
    pub fn new(ops: &[Interval], optional: &[Interval], start: u32, seed: u64) -> Self {
        let mut dfs = Self::default();
        dfs.begin(ops, optional, start, seed);
        dfs
    }

    /// Forgets its search and begins this one; see `new`.
    pub fn begin(&mut self, ops: &[Interval], optional: &[Interval], start: u32, seed: u64) {
        self.remaining.refill(ops);
        self.crashes.refill(ops, optional);
        self.candidates.refill(self.remaining.actions());
        self.state = start;
        self.key = 0;
        self.latest_call = i64::MIN;
        self.frames.clear();
        self.trail.clear();
        self.is_new = true;
        self.rank = 0;
        self.detours = None;
        self.detour_bytes = 0;
        self.memo.clear();
        self.at_cuts.clear();
        self.is_forgetful = false;
        self.kept_bytes = 0;
        self.seed = seed;
        self.configurations = 0;
        self.work = 0;
        self.farthest = None;
        self.skipped_detours = false;
    }

    /// Lets the machine forget states that this search does not need, when they take too much. Nobody else may hold any.
    pub fn forgetful(mut self) -> Self {
        self.is_forgetful = true;
        self
    }

    pub fn configurations(&self) -> u64 {
        self.configurations
    }

    /// The operation with the latest return that some attempt had to linearize next.
    pub fn stuck_at(&self) -> Option<u32> {
        self.farthest.map(|(_, op)| self.remaining.origin(op))
    }

    /// Goes on for at most `patience` more configurations.
    pub fn run(&mut self, machine: &mut impl Machine, limits: Limits, patience: u64) -> Step {
        let pause_at = self.configurations + patience;
        loop {
            if self.is_new {
                self.scan(machine);
                if self.remaining.is_empty() {
                    return Step::Found;
                }
                self.is_new = false;
                self.rank = if self.remember(machine, limits) { 0 } else { usize::MAX };
                self.configurations += 1;
                // States of some types are large, so memory is looked at every time; time is dearer to tell.
                if self.memory_bytes(machine) > limits.memory_bytes {
                    return Step::OutOf(Resource::Memory);
                }
                self.work += 1;
                if self.work >= TIME_CHECK_INTERVAL {
                    self.work = 0;
                    if limits.is_over() {
                        return Step::OutOf(Resource::Time);
                    }
                }
                if self.configurations >= pause_at {
                    return Step::Paused;
                }
            }
            if self.rank == usize::MAX || !self.advance(machine) {
                match self.frames.pop() {
                    None if self.skipped_detours => return Step::OutOf(Resource::Crashes),
                    None => return Step::Exhausted,
                    Some(frame) => self.back_to(frame, machine),
                }
            }
        }
    }

    fn memory_bytes(&self, machine: &impl Machine) -> usize {
        let path = self.frames.capacity() * size_of::<Frame>() + self.trail.capacity() * size_of::<u32>();
        self.memo.bytes() + self.at_cuts.bytes() + self.remaining.bytes() + path + self.detour_bytes + machine.bytes()
    }

    /// Linearizes what fits the state without changing it, and collects what may come next, by return.
    ///
    /// In the order of calls, an operation is minimal as long as none before it returned before its call. Taking one out
    /// only ever makes more operations minimal, so one pass is enough.
    fn scan(&mut self, machine: &mut impl Machine) {
        self.candidates.clear(&self.remaining);
        let chance = self.crashes.last_chance(self.latest_call);
        let end = self.remaining.end();
        let mut op = self.remaining.first();
        while op != end && self.remaining.call(op) <= self.candidates.earliest_ret() {
            let action = self.remaining.action(op);
            let next = machine.step(self.state, action);
            let is_safe = self.remaining.call(op) <= chance;
            if is_safe && next == Some(self.state) && machine.is_read_only(action) {
                self.lift(op);
            } else {
                self.candidates.add(Candidate { op, next }, is_safe, &self.remaining);
            }
            op = self.remaining.after(op);
        }
        self.candidates.sort_by_return(&self.remaining);
        let first = self.candidates.all().first().map(|first| (self.remaining.ret(first.op), first.op));
        if self.farthest.is_none_or(|(time, _)| first.is_some_and(|(ret, _)| time < ret)) {
            self.farthest = first;
        }
    }

    /// False if this configuration is known to lead nowhere.
    fn remember(&mut self, machine: &mut impl Machine, limits: Limits) -> bool {
        let key = self.key ^ fingerprint(self.seed, STATE_SALT | u64::from(self.state));
        if !self.remaining.is_at_cut() {
            return self.memo.insert(key, self.crashes.used());
        }
        self.forget_the_past(machine, limits.memory_bytes / 4);
        self.at_cuts.insert(key, self.crashes.used())
    }

    /// Nothing is open here, so what was learnt before matters only if the search comes back this far. What it would come
    /// back to are the states on the way here.
    fn forget_the_past(&mut self, machine: &mut impl Machine, bytes_max: usize) {
        if self.memo.bytes() > bytes_max {
            self.memo.clear();
        }
        if self.is_forgetful && machine.bytes() > bytes_max.max(2 * self.kept_bytes) {
            let mut needed: FastSet<u32> = self.frames.iter().map(|frame| frame.state).collect();
            let detours = self.frames.iter().filter_map(|frame| frame.detours.as_ref());
            needed.extend(detours.flat_map(|detours| detours.iter().map(|detour| detour.next)));
            needed.extend(self.candidates.all().iter().filter_map(|candidate| candidate.next));
            needed.insert(self.state);
            machine.keep_only(&needed);
            self.kept_bytes = machine.bytes();
        }
    }

    /// Takes the next choice of this configuration; false if there is none left.
    fn advance(&mut self, machine: &mut impl Machine) -> bool {
        let mut possible = self.candidates.all().iter().filter_map(|candidate| Some((candidate.op, candidate.next?)));
        let choices = possible.clone().count();
        if let Some((op, next)) = possible.nth(self.rank) {
            self.push_frame(self.trail.len());
            self.take(op, next);
            return true;
        }
        if self.crashes.is_empty() {
            return false;
        }
        let detours = match self.detours.take() {
            Some(known) => known,
            None => Box::new(self.find_detours(machine)),
        };
        let Some(detour) = detours.get(self.rank - choices) else { return false };
        let (op, next, trail_len) = (detour.op, detour.next, self.trail.len());
        for &class in &detour.spend {
            self.crashes.spend(class);
            self.trail.push(SPENT | class);
        }
        self.detour_bytes += bytes_of(&detours);
        self.detours = Some(detours);
        self.push_frame(trail_len);
        self.take(op, next);
        true
    }

    fn push_frame(&mut self, trail_len: usize) {
        let (state, latest_call, rank) = (self.state, self.latest_call, self.rank);
        self.frames.push(Frame { trail_len, state, latest_call, rank, detours: self.detours.take() });
    }

    fn take(&mut self, op: u32, next: u32) {
        self.lift(op);
        self.state = next;
        self.is_new = true;
    }

    fn lift(&mut self, op: u32) {
        self.remaining.take(op);
        self.key ^= fingerprint(self.seed, u64::from(op));
        self.latest_call = self.latest_call.max(self.remaining.call(op));
        self.trail.push(op);
    }

    fn back_to(&mut self, frame: Frame, machine: &mut impl Machine) {
        while self.trail.len() > frame.trail_len {
            let Some(step) = self.trail.pop() else { break };
            if step & SPENT != 0 {
                self.crashes.give_back(step & !SPENT);
                continue;
            }
            self.remaining.put_back(step);
            self.key ^= fingerprint(self.seed, u64::from(step));
        }
        self.state = frame.state;
        self.latest_call = frame.latest_call;
        self.rank = frame.rank + 1;
        self.detour_bytes -= frame.detours.as_ref().map_or(0, |detours| bytes_of(detours));
        self.detours = frame.detours;
        self.scan(machine);
    }

    fn find_detours(&mut self, machine: &mut impl Machine) -> Detours {
        let time = self.latest_call..=self.candidates.earliest_ret();
        let (candidates, remaining, crashes) = (self.candidates.all(), &self.remaining, &self.crashes);
        let found = Crossroads { state: self.state, time, candidates, remaining, crashes }.detours(machine);
        self.work += found.work;
        self.skipped_detours |= found.is_cut_short;
        found.detours
    }
}
