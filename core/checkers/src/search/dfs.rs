//! The search proper: depth first, resumable, one configuration at a time.
//!
//! A proof is reduced by hundreds of searches of a few operations each, which would spend most of their time on memory:
//! so one `Dfs` serves one search after the other, in what it once allocated.
use std::ops::Range;

use super::memo::{fingerprint, Memo};
use super::{Limits, Resource};
use crate::intern::FastSet;
use crate::model::{Interval, Machine, NEVER};

/// How a turn of the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Found,
    Exhausted,
    OutOf(Resource),
    /// As many configurations as asked for were seen; `run` goes on from there.
    Paused,
}

/// Crashed operations with the same action are interchangeable; only how many of them were spent matters.
struct Class {
    action: u32,
    /// Which of `Dfs::crashed` they are, by call.
    members: Range<usize>,
    /// Cannot take effect after an operation called later than this.
    deadline: i64,
}

/// A choice that may have to be taken back.
struct Frame {
    trail_len: usize,
    state: u32,
    latest_call: i64,
    rank: usize,
    detours: Option<Box<Detours>>,
}

/// A completed operation that nothing remaining precedes, and where it leads if it is possible now.
#[derive(Clone, Copy)]
struct Minimal {
    op: u32,
    next: Option<u32>,
}

/// All of a configuration's, found when its first is asked for.
type Detours = Vec<Detour>;

/// Crashed operations that together make `op` possible.
struct Detour {
    spend: Vec<u32>,
    op: u32,
    next: u32,
}

/// Marks a class of crashed operations on the trail.
const SPENT: u32 = 1 << 31;
const TIME_CHECK_INTERVAL: u64 = 256;
/// More states on the way through crashed operations than this, from one configuration, are not looked at.
const DETOUR_STATES_MAX: usize = 20_000;
const STATE_SALT: u64 = 1 << 40;

/// A depth-first search for a linearization.
#[derive(Default)]
pub struct Dfs {
    // Completed operations in the order of their calls; `origin` is their index in the caller's list.
    call: Vec<i64>,
    ret: Vec<i64>,
    action: Vec<u32>,
    origin: Vec<u32>,
    // A doubly linked list of those not yet linearized, with a sentinel at the end.
    next: Vec<u32>,
    prev: Vec<u32>,
    is_cut: Vec<bool>,
    crashed: Vec<Interval>,
    classes: Vec<Class>,
    used: Vec<u32>,
    // The current configuration.
    state: u32,
    key: u128,
    latest_call: i64,
    // The way here.
    frames: Vec<Frame>,
    trail: Vec<u32>,
    // What the last scan saw.
    minimal: Vec<Minimal>,
    slot_of_action: Vec<u32>,
    earliest_ret: i64,
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
        refill(&mut self.origin, (0..ops.len() as u32).filter(|&i| !ops[i as usize].is_pending()));
        self.origin.sort_unstable_by_key(|&i| (ops[i as usize].call, ops[i as usize].ret));
        refill(&mut self.call, self.origin.iter().map(|&i| ops[i as usize].call));
        refill(&mut self.ret, self.origin.iter().map(|&i| ops[i as usize].ret));
        refill(&mut self.action, self.origin.iter().map(|&i| ops[i as usize].action));
        let len = self.origin.len() as u32;
        refill(&mut self.next, (1..=len).chain([0]));
        refill(&mut self.prev, std::iter::once(len).chain(0..len));
        refill(&mut self.is_cut, cuts(&self.call, &self.ret));
        refill(&mut self.crashed, ops.iter().filter(|op| op.is_pending()).chain(optional).copied());
        self.crashed.sort_unstable_by_key(|op| (op.action, op.ret, op.call));
        refill(&mut self.classes, classes(&self.crashed));
        refill(&mut self.used, self.classes.iter().map(|_| 0));
        let actions = self.action.iter().max().map_or(0, |&action| action as usize + 1);
        refill(&mut self.slot_of_action, std::iter::repeat_n(u32::MAX, actions));
        self.state = start;
        self.key = 0;
        self.latest_call = i64::MIN;
        self.frames.clear();
        self.trail.clear();
        self.minimal.clear();
        self.earliest_ret = NEVER;
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
        self.farthest.map(|(_, op)| self.origin[op as usize])
    }

    /// Goes on for at most `patience` more configurations.
    pub fn run(&mut self, machine: &mut impl Machine, limits: Limits, patience: u64) -> Step {
        let pause_at = self.configurations + patience;
        loop {
            if self.is_new {
                self.scan(machine);
                if self.is_complete() {
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

    fn is_complete(&self) -> bool {
        let sentinel = self.call.len();
        self.next[sentinel] as usize == sentinel
    }

    fn memory_bytes(&self, machine: &impl Machine) -> usize {
        let columns = self.call.len() * 40;
        let path = self.frames.capacity() * size_of::<Frame>() + self.trail.capacity() * size_of::<u32>();
        self.memo.bytes() + self.at_cuts.bytes() + columns + path + self.detour_bytes + machine.bytes()
    }

    /// Linearizes what fits the state without changing it, and collects what may come next, by return.
    ///
    /// In the order of calls, an operation is minimal as long as none before it returned before its call. Taking one out
    /// only ever makes more operations minimal, so one pass is enough.
    fn scan(&mut self, machine: &mut impl Machine) {
        for minimal in self.minimal.drain(..) {
            self.slot_of_action[self.action[minimal.op as usize] as usize] = u32::MAX;
        }
        self.earliest_ret = NEVER;
        let chance = self.last_chance();
        let sentinel = self.call.len() as u32;
        let mut op = self.next[sentinel as usize];
        let mut first = sentinel;
        while op != sentinel && self.call[op as usize] <= self.earliest_ret {
            let action = self.action[op as usize];
            let next = machine.step(self.state, action);
            let is_safe = self.call[op as usize] <= chance;
            if is_safe && next == Some(self.state) && machine.is_read_only(action) {
                self.lift(op);
            } else {
                if self.ret[op as usize] < self.earliest_ret {
                    self.earliest_ret = self.ret[op as usize];
                    first = op;
                }
                self.collect(Minimal { op, next }, is_safe);
            }
            op = self.next[op as usize];
        }
        let ret = &self.ret;
        self.minimal.sort_unstable_by_key(|minimal| (ret[minimal.op as usize], minimal.op));
        if first != sentinel && self.farthest.is_none_or(|(time, _)| time < self.earliest_ret) {
            self.farthest = Some((self.earliest_ret, first));
        }
    }

    /// Of operations with the same action only the one that returns first is worth trying.
    fn collect(&mut self, minimal: Minimal, is_safe: bool) {
        if !is_safe {
            self.minimal.push(minimal);
            return;
        }
        let slot = &mut self.slot_of_action[self.action[minimal.op as usize] as usize];
        match self.minimal.get_mut(*slot as usize) {
            None => {
                *slot = self.minimal.len() as u32;
                self.minimal.push(minimal);
            }
            Some(known) if self.ret[minimal.op as usize] < self.ret[known.op as usize] => *known = minimal,
            Some(_) => {}
        }
    }

    /// The latest call that may be linearized without an optional operation missing its chance.
    ///
    /// What is linearized without branching, or instead of its like, must not take such a chance away.
    fn last_chance(&self) -> i64 {
        let live = |(class, &used): (&Class, &u32)| {
            ((used as usize) < class.members.len() && class.deadline >= self.latest_call).then_some(class.deadline)
        };
        self.classes.iter().zip(&self.used).filter_map(live).min().unwrap_or(NEVER)
    }

    /// False if this configuration is known to lead nowhere.
    fn remember(&mut self, machine: &mut impl Machine, limits: Limits) -> bool {
        let key = self.key ^ fingerprint(self.seed, STATE_SALT | u64::from(self.state));
        let head = self.next[self.call.len()] as usize;
        if !self.is_cut[head] {
            return self.memo.insert(key, &self.used);
        }
        self.forget_the_past(machine, limits.memory_bytes / 4);
        self.at_cuts.insert(key, &self.used)
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
            needed.extend(self.minimal.iter().filter_map(|minimal| minimal.next));
            needed.insert(self.state);
            machine.keep_only(&needed);
            self.kept_bytes = machine.bytes();
        }
    }

    /// Takes the next choice of this configuration; false if there is none left.
    fn advance(&mut self, machine: &mut impl Machine) -> bool {
        let mut possible = self.minimal.iter().filter_map(|minimal| Some((minimal.op, minimal.next?)));
        let choices = possible.clone().count();
        if let Some((op, next)) = possible.nth(self.rank) {
            self.push_frame(self.trail.len());
            self.take(op, next);
            return true;
        }
        if self.classes.is_empty() {
            return false;
        }
        let detours = match self.detours.take() {
            Some(known) => known,
            None => Box::new(self.detours(machine)),
        };
        let Some(detour) = detours.get(self.rank - choices) else { return false };
        let (op, next, trail_len) = (detour.op, detour.next, self.trail.len());
        for &class in &detour.spend {
            self.used[class as usize] += 1;
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
        let (prev, next) = (self.prev[op as usize], self.next[op as usize]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
        self.key ^= fingerprint(self.seed, u64::from(op));
        self.latest_call = self.latest_call.max(self.call[op as usize]);
        self.trail.push(op);
    }

    fn back_to(&mut self, frame: Frame, machine: &mut impl Machine) {
        while self.trail.len() > frame.trail_len {
            let Some(step) = self.trail.pop() else { break };
            if step & SPENT != 0 {
                self.used[(step & !SPENT) as usize] -= 1;
                continue;
            }
            let (prev, next) = (self.prev[step as usize], self.next[step as usize]);
            self.next[prev as usize] = step;
            self.prev[next as usize] = step;
            self.key ^= fingerprint(self.seed, u64::from(step));
        }
        self.state = frame.state;
        self.latest_call = frame.latest_call;
        self.rank = frame.rank + 1;
        self.detour_bytes -= frame.detours.as_ref().map_or(0, |detours| bytes_of(detours));
        self.detours = frame.detours;
        self.scan(machine);
    }

    /// The ways to make a completed operation possible by crashed ones.
    ///
    /// A linearization with the fewest crashed operations has none whose absence would change nothing for the next
    /// completed one, none that leaves the state alone, no sequence of them that returns to a state, and none that could
    /// have led where it does without those just before it, as a write does.
    fn detours(&mut self, machine: &mut impl Machine) -> Detours {
        let mut detours = Vec::new();
        if !(0..self.classes.len() as u32).any(|class| self.is_available(class, &[])) {
            return detours;
        }
        let mut seen: FastSet<(u32, Vec<u32>)> = FastSet::default();
        let mut ways = vec![(vec![self.state], Vec::new())];
        while let Some((mut states, spend)) = ways.pop() {
            self.work += 1;
            if seen.len() > DETOUR_STATES_MAX {
                self.skipped_detours = true;
                break;
            }
            for class in 0..self.classes.len() as u32 {
                if !self.is_available(class, &spend) {
                    continue;
                }
                let last = states[states.len() - 1];
                let Some(state) = leads_anew(machine, &states, self.classes[class as usize].action) else { continue };
                let mut leads_on = false;
                let first = detours.len();
                for minimal in &self.minimal {
                    let action = self.action[minimal.op as usize];
                    match machine.step(state, action) {
                        Some(next) if machine.step(last, action) != Some(next) => {
                            detours.push(Detour { spend: Vec::new(), op: minimal.op, next });
                        }
                        _ => {}
                    }
                    leads_on |= machine.may_lead_to(state, action);
                }
                states.push(state);
                let mut others = self.classes.iter();
                leads_on = leads_on && others.any(|other| leads_anew(machine, &states, other.action).is_some());
                states.pop();
                // Most of them lead nowhere, and are not worth their memory.
                if !leads_on && first == detours.len() {
                    continue;
                }
                let mut spend: Vec<u32> = spend.clone();
                let at = spend.partition_point(|&other| other < class);
                spend.insert(at, class);
                for detour in &mut detours[first..] {
                    detour.spend.clone_from(&spend);
                }
                if leads_on && seen.insert((state, spend.clone())) {
                    ways.push(([states.as_slice(), &[state]].concat(), spend));
                }
            }
        }
        detours
    }

    fn is_available(&self, class: u32, spend: &[u32]) -> bool {
        let Class { members, deadline, .. } = &self.classes[class as usize];
        let spent = self.used[class as usize] as usize + spend.iter().filter(|&&other| other == class).count();
        let calls = &self.crashed[members.clone()];
        calls.get(spent).is_some_and(|op| op.call <= self.earliest_ret) && *deadline >= self.latest_call
    }
}

/// Where an action leads at the end of a way, if that is none of the states on it and one to which it does not lead from
/// an earlier one: else what lies between was in vain.
fn leads_anew(machine: &mut impl Machine, way: &[u32], action: u32) -> Option<u32> {
    let (&last, before) = way.split_last()?;
    let state = machine.step(last, action)?;
    let is_short_cut = |&earlier: &u32| machine.step(earlier, action) == Some(state);
    (!way.contains(&state) && !before.iter().any(is_short_cut)).then_some(state)
}

fn bytes_of(detours: &[Detour]) -> usize {
    detours.iter().map(|detour| size_of::<Detour>() + size_of_val(detour.spend.as_slice())).sum()
}

/// Groups what may or may not take effect, sorted by action and return.
fn classes(crashed: &[Interval]) -> impl Iterator<Item = Class> + '_ {
    let mut first = 0;
    crashed.chunk_by(|a, b| (a.action, a.ret) == (b.action, b.ret)).map(move |group| {
        let members = first..first + group.len();
        first = members.end;
        Class { action: group[0].action, members, deadline: group[0].ret }
    })
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

/// Replaces what a vector holds, in the memory it has.
fn refill<T>(vector: &mut Vec<T>, items: impl IntoIterator<Item = T>) {
    vector.clear();
    vector.extend(items);
}
