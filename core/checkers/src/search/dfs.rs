//! The search proper: depth first, resumable, one configuration at a time.
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
    calls: Vec<i64>,
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
    spend: Vec<u16>,
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
    classes: Vec<Class>,
    used: Vec<u16>,
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
        let mut order: Vec<u32> = (0..ops.len() as u32).filter(|&i| !ops[i as usize].is_pending()).collect();
        order.sort_unstable_by_key(|&i| (ops[i as usize].call, ops[i as usize].ret));
        let column = |of: fn(&Interval) -> i64| order.iter().map(|&i| of(&ops[i as usize])).collect::<Vec<i64>>();
        let len = order.len() as u32;
        let classes = classes(ops.iter().filter(|op| op.is_pending()).chain(optional));
        let (call, ret) = (column(|op| op.call), column(|op| op.ret));
        let action: Vec<u32> = order.iter().map(|&i| ops[i as usize].action).collect();
        Self {
            is_cut: cuts(&call, &ret),
            call,
            ret,
            slot_of_action: vec![u32::MAX; action.iter().max().map_or(0, |&action| action as usize + 1)],
            action,
            origin: order,
            next: (1..=len).chain([0]).collect(),
            prev: std::iter::once(len).chain(0..len).collect(),
            used: vec![0; classes.len()],
            classes,
            state: start,
            key: 0,
            latest_call: i64::MIN,
            frames: Vec::with_capacity((len as usize).min(16)),
            trail: Vec::with_capacity((len as usize).min(128)),
            minimal: Vec::with_capacity(16),
            earliest_ret: NEVER,
            is_new: true,
            rank: 0,
            detours: None,
            detour_bytes: 0,
            memo: Memo::new(),
            at_cuts: Memo::new(),
            seed,
            configurations: 0,
            work: 0,
            farthest: None,
            skipped_detours: false,
        }
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
                self.rank = if self.remember(limits) { 0 } else { usize::MAX };
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
        let live = |(class, &used): (&Class, &u16)| {
            (usize::from(used) < class.calls.len() && class.deadline >= self.latest_call).then_some(class.deadline)
        };
        self.classes.iter().zip(&self.used).filter_map(live).min().unwrap_or(NEVER)
    }

    /// False if this configuration is known to lead nowhere.
    fn remember(&mut self, limits: Limits) -> bool {
        let key = self.key ^ fingerprint(self.seed, STATE_SALT | u64::from(self.state));
        let head = self.next[self.call.len()] as usize;
        if !self.is_cut[head] {
            return self.memo.insert(key, &self.used);
        }
        // Nothing is open here, so what was learnt before matters only if the search comes back this far.
        if self.memo.bytes() > limits.memory_bytes / 4 {
            self.memo.clear();
        }
        self.at_cuts.insert(key, &self.used)
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
        let detours = self.detours.take().unwrap_or_else(|| Box::new(self.detours(machine)));
        let Some(detour) = detours.get(self.rank - choices) else { return false };
        let (op, next, trail_len) = (detour.op, detour.next, self.trail.len());
        for &class in &detour.spend {
            self.used[class as usize] += 1;
            self.trail.push(SPENT | u32::from(class));
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
    /// completed one, none that leaves the state alone, and no sequence of them that returns to a state.
    fn detours(&mut self, machine: &mut impl Machine) -> Detours {
        let mut detours = Vec::new();
        if !(0..self.classes.len() as u16).any(|class| self.is_available(class, &[])) {
            return detours;
        }
        let mut seen: FastSet<(u32, Vec<u16>)> = FastSet::default();
        let mut ways = vec![(vec![self.state], Vec::new())];
        while let Some((states, spend)) = ways.pop() {
            self.work += 1;
            if seen.len() > DETOUR_STATES_MAX {
                self.skipped_detours = true;
                break;
            }
            for class in 0..self.classes.len() as u16 {
                if !self.is_available(class, &spend) {
                    continue;
                }
                let last = states[states.len() - 1];
                let Some(state) = machine.step(last, self.classes[class as usize].action) else { continue };
                if states.contains(&state) {
                    continue;
                }
                let mut spend: Vec<u16> = spend.clone();
                let at = spend.partition_point(|&other| other < class);
                spend.insert(at, class);
                let mut leads_on = false;
                for minimal in &self.minimal {
                    let action = self.action[minimal.op as usize];
                    match machine.step(state, action) {
                        Some(next) if machine.step(last, action) != Some(next) => {
                            detours.push(Detour { spend: spend.clone(), op: minimal.op, next });
                        }
                        _ => {}
                    }
                    leads_on |= machine.may_lead_to(state, action);
                }
                if leads_on && seen.insert((state, spend.clone())) {
                    ways.push(([states.as_slice(), &[state]].concat(), spend));
                }
            }
        }
        detours
    }

    fn is_available(&self, class: u16, spend: &[u16]) -> bool {
        let Class { calls, deadline, .. } = &self.classes[class as usize];
        let spent = self.used[class as usize] as usize + spend.iter().filter(|&&other| other == class).count();
        calls.get(spent).is_some_and(|&call| call <= self.earliest_ret) && *deadline >= self.latest_call
    }
}

fn bytes_of(detours: &[Detour]) -> usize {
    detours.iter().map(|detour| size_of::<Detour>() + size_of_val(detour.spend.as_slice())).sum()
}

/// Groups what may or may not take effect.
fn classes<'a>(ops: impl Iterator<Item = &'a Interval>) -> Vec<Class> {
    let mut sorted: Vec<&Interval> = ops.collect();
    sorted.sort_unstable_by_key(|op| (op.action, op.ret, op.call));
    sorted
        .chunk_by(|a, b| (a.action, a.ret) == (b.action, b.ret))
        .map(|group| Class {
            action: group[0].action,
            calls: group.iter().map(|op| op.call).collect(),
            deadline: group[0].ret,
        })
        .collect()
}

/// Where everything before an operation returned before it was called.
fn cuts(call: &[i64], ret: &[i64]) -> Vec<bool> {
    let mut latest = i64::MIN;
    let mut is_cut: Vec<bool> = call
        .iter()
        .zip(ret)
        .map(|(&call, &ret)| {
            let quiet = latest < call;
            latest = latest.max(ret);
            quiet
        })
        .collect();
    is_cut.push(false);
    is_cut
}
