//! What the search refuted, made shorter, and put before a second judge.
use super::Object;
use crate::brute;
use crate::models::Readable;
use crate::search::{is_span_impossible, is_span_impossible_by_brute_force, Answer, Limits, Refutation};

/// Larger refutations are reported as they are.
const SHRINK_OPS_MAX: usize = 2_000;

impl<M: Readable> Object<'_, M> {
    /// Leaves out what only reads, in ever smaller parts, for as long as the rest stays impossible. Nothing else may be
    /// left out of a history of just any type without making it worse.
    pub(super) fn reduce(&self, mut refutation: Refutation, limits: Limits) -> Refutation {
        if refutation.ops.len() > SHRINK_OPS_MAX {
            return refutation;
        }
        let mut size = refutation.ops.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            while at < refutation.ops.len() && !limits.is_over() {
                let chosen = at..(at + size).min(refutation.ops.len());
                let is_kept = |(i, op): (usize, &u32)| {
                    (!chosen.contains(&i) || !self.model.is_read_only(&self.ops[*op as usize].op)).then_some(*op)
                };
                let rest: Vec<u32> = refutation.ops.iter().enumerate().filter_map(is_kept).collect();
                let shorter = (rest.len() < refutation.ops.len()).then(|| self.refute(rest, &refutation, limits));
                match shorter.flatten() {
                    Some(shorter) => refutation = shorter,
                    None => at += size,
                }
            }
            size /= 2;
        }
        refutation
    }

    /// Whether a part of what was refuted is impossible still, from the same states.
    fn refute(&self, part: Vec<u32>, whole: &Refutation, limits: Limits) -> Option<Refutation> {
        let Some(start) = whole.span_start else {
            return match self.search(&part, limits) {
                Answer::Illegal(refutation) => Some(refutation),
                _ => None,
            };
        };
        let end = self.ops[whole.stuck_at as usize].ret;
        let (mut machine, ops) = self.machine_of(&part);
        let is_impossible = is_span_impossible(&mut machine, &ops, start, end, limits) == Some(true);
        is_impossible.then(|| Refutation { ops: part, ..whole.clone() })
    }

    /// Whether brute force finds an order of what the search says has none. What is too much for brute force was looked
    /// at under two seeds.
    pub(super) fn is_denied(&self, refutation: &Refutation) -> bool {
        let (mut machine, ops) = self.machine_of(&refutation.ops);
        let is_impossible = match refutation.span_start {
            None => brute::is_linearizable(&mut machine, &ops).map(|is_legal| !is_legal),
            Some(start) => {
                let end = self.ops[refutation.stuck_at as usize].ret;
                is_span_impossible_by_brute_force(&mut machine, &ops, start, end)
            }
        };
        is_impossible == Some(false)
    }
}
