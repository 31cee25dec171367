//! The completed operations that may be linearized next.
use super::refill;
use super::remaining::Remaining;
use crate::model::NEVER;

/// A completed operation that nothing remaining precedes, and where it leads if it is possible now.
#[derive(Clone, Copy)]
pub struct Candidate {
    pub op: u32,
    pub next: Option<u32>,
}

/// Those of one configuration, by return.
#[derive(Default)]
pub struct Candidates {
    all: Vec<Candidate>,
    /// Which of `all` stands for the others with its action, if they may stand for one another.
    slot_of_action: Vec<u32>,
    earliest_ret: i64,
}

impl Candidates {
    /// Forgets everything for operations with this many different actions, in the memory it has.
    pub fn refill(&mut self, actions: usize) {
        self.all.clear();
        refill(&mut self.slot_of_action, std::iter::repeat_n(u32::MAX, actions));
        self.earliest_ret = NEVER;
    }

    /// For the next configuration of the same search.
    pub fn clear(&mut self, remaining: &Remaining) {
        for candidate in self.all.drain(..) {
            self.slot_of_action[remaining.action(candidate.op) as usize] = u32::MAX;
        }
        self.earliest_ret = NEVER;
    }

    /// Of all that were added, those too that another stands for.
    pub fn earliest_ret(&self) -> i64 {
        self.earliest_ret
    }

    pub fn all(&self) -> &[Candidate] {
        &self.all
    }

    /// Of those with the same action only the one that returns first is worth trying, where they are interchangeable.
    pub fn add(&mut self, candidate: Candidate, is_interchangeable: bool, remaining: &Remaining) {
        let ret = remaining.ret(candidate.op);
        self.earliest_ret = self.earliest_ret.min(ret);
        if !is_interchangeable {
            self.all.push(candidate);
            return;
        }
        let slot = &mut self.slot_of_action[remaining.action(candidate.op) as usize];
        match self.all.get_mut(*slot as usize) {
            None => {
                *slot = self.all.len() as u32;
                self.all.push(candidate);
            }
            Some(known) if ret < remaining.ret(known.op) => *known = candidate,
            Some(_) => {}
        }
    }

    /// Which of them are tried first. Slots are of no use from here on.
    pub fn sort_by_return(&mut self, remaining: &Remaining) {
        self.all.sort_unstable_by_key(|candidate| (remaining.ret(candidate.op), candidate.op));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Interval;

    #[test]
    fn one_stands_for_its_like_if_that_takes_nobody_a_chance() {
        let mut remaining = Remaining::default();
        remaining.refill(&[(0, 9, 0), (1, 5, 0), (2, 7, 1), (3, 6, 0)].map(|(call, ret, action)| Interval {
            call,
            ret,
            action,
        }));
        let mut candidates = Candidates::default();
        candidates.refill(remaining.actions());
        for (are_alike, expected) in [(true, vec![1, 2]), (false, vec![1, 3, 2, 0])] {
            candidates.clear(&remaining);
            (0..4).for_each(|op| candidates.add(Candidate { op, next: None }, are_alike, &remaining));
            candidates.sort_by_return(&remaining);
            assert_eq!(candidates.all().iter().map(|candidate| candidate.op).collect::<Vec<_>>(), expected);
            assert_eq!(candidates.earliest_ret(), 5);
        }
    }
}
