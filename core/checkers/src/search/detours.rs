//! The ways to make a completed operation possible by crashed ones.
//!
//! A linearization with the fewest crashed operations has none whose absence would change nothing for the next completed
//! one, none that leaves the state alone, no sequence of them that returns to a state, and none that could have led where
//! it does without those just before it, as a write does. So only ways without such steps are followed.
use std::ops::RangeInclusive;

use super::candidates::Candidate;
use super::crashes::Crashes;
use super::remaining::Remaining;
use crate::intern::FastSet;
use crate::model::Machine;

/// Crashed operations that together make `op` possible.
pub struct Detour {
    /// Their classes, ascending.
    pub spend: Vec<u32>,
    pub op: u32,
    pub next: u32,
}

/// All of a configuration's, found when its first is asked for.
pub type Detours = Vec<Detour>;

/// More states on the way through crashed operations than this, from one configuration, are not looked at.
const STATES_MAX: usize = 20_000;

/// A configuration, as what it may be left by.
pub struct Crossroads<'a> {
    pub state: u32,
    /// In which the next operation takes effect.
    pub time: RangeInclusive<i64>,
    pub candidates: &'a [Candidate],
    pub remaining: &'a Remaining,
    pub crashes: &'a Crashes,
}

/// The detours of a configuration, and what it took to find them.
#[derive(Default)]
pub struct Found {
    pub detours: Detours,
    /// How many ways were looked at.
    pub work: u64,
    /// There were too many states to look at each.
    pub is_cut_short: bool,
}

/// A sequence of crashed operations: the states it leads through, the present one first, and their classes, ascending.
struct Way {
    states: Vec<u32>,
    spend: Vec<u32>,
}

impl Crossroads<'_> {
    pub fn detours(&self, machine: &mut impl Machine) -> Found {
        let mut found = Found::default();
        if !self.crashes.classes().any(|class| self.crashes.is_available(class, &[], &self.time)) {
            return found;
        }
        let mut seen: FastSet<(u32, Vec<u32>)> = FastSet::default();
        let mut ways = vec![Way { states: vec![self.state], spend: Vec::new() }];
        while let Some(mut way) = ways.pop() {
            found.work += 1;
            if seen.len() > STATES_MAX {
                found.is_cut_short = true;
                break;
            }
            for class in self.crashes.classes() {
                if !self.crashes.is_available(class, &way.spend, &self.time) {
                    continue;
                }
                let Some(state) = leads_anew(machine, &way.states, self.crashes.action(class)) else { continue };
                let first = found.detours.len();
                let leads_on = self.arrive(machine, &mut way.states, state, &mut found.detours);
                // Most of them lead nowhere, and are not worth their memory.
                if !leads_on && first == found.detours.len() {
                    continue;
                }
                let spend = with(&way.spend, class);
                for detour in &mut found.detours[first..] {
                    detour.spend.clone_from(&spend);
                }
                if leads_on && seen.insert((state, spend.clone())) {
                    ways.push(Way { states: [way.states.as_slice(), &[state]].concat(), spend });
                }
            }
        }
        found
    }

    /// Notes what becomes possible at the end of a way by a further state, all but what is spent for it; whether there
    /// may be more to find behind it.
    fn arrive(&self, machine: &mut impl Machine, states: &mut Vec<u32>, state: u32, detours: &mut Vec<Detour>) -> bool {
        let last = states[states.len() - 1];
        let mut leads_on = false;
        for candidate in self.candidates {
            let action = self.remaining.action(candidate.op);
            match machine.step(state, action) {
                Some(next) if machine.step(last, action) != Some(next) => {
                    detours.push(Detour { spend: Vec::new(), op: candidate.op, next });
                }
                _ => {}
            }
            leads_on |= machine.may_lead_to(state, action);
        }
        states.push(state);
        let mut others = self.crashes.classes().map(|other| self.crashes.action(other));
        leads_on = leads_on && others.any(|action| leads_anew(machine, states, action).is_some());
        states.pop();
        leads_on
    }
}

/// Where an action leads at the end of a way, if that is none of the states on it and one to which it does not lead from
/// an earlier one: else what lies between was in vain.
fn leads_anew(machine: &mut impl Machine, states: &[u32], action: u32) -> Option<u32> {
    let (&last, before) = states.split_last()?;
    let state = machine.step(last, action)?;
    let is_short_cut = |&earlier: &u32| machine.step(earlier, action) == Some(state);
    (!states.contains(&state) && !before.iter().any(is_short_cut)).then_some(state)
}

fn with(spend: &[u32], class: u32) -> Vec<u32> {
    let mut spend = spend.to_vec();
    spend.insert(spend.partition_point(|&other| other < class), class);
    spend
}

/// What they take in memory.
pub fn bytes_of(detours: &[Detour]) -> usize {
    detours.iter().map(|detour| size_of::<Detour>() + size_of_val(detour.spend.as_slice())).sum()
}
