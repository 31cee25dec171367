//! Verdicts alone, for those who ask whether and not why.
//!
//! A proof that a person can read takes a search for each operation it might do without, and brute force to confirm
//! it. Where histories are short, that is most of what a violation costs. Who gives up the proof gives up the second
//! judge with it: a ruling is the word of one procedure.
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::search::Limits;
use crate::turns::in_turns;

/// An answer without its reasons, from the best to the worst: that of a history is the worst of its objects'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    Linearizable,
    OutOfBudget,
    Violation,
}

/// Rules on objects by what is quick, then by search on those it left open; `None` if there are no objects.
///
/// The first violation ends it: the others cannot make the ruling worse.
pub fn rule_on<O: Sync>(
    objects: &[O],
    limits: Limits,
    size: impl Fn(&O) -> usize,
    quickly: impl Fn(&O) -> Option<Ruling> + Sync,
    by_search: impl Fn(&O, Limits) -> Ruling + Sync,
) -> Option<Ruling> {
    let refuted = AtomicBool::new(false);
    let is_refuted = || refuted.load(Ordering::Relaxed);
    let noted = |ruling: Ruling| {
        if ruling == Ruling::Violation {
            refuted.store(true, Ordering::Relaxed);
        }
        ruling
    };
    let is_open = |object: &&O| !is_refuted() && quickly(object).map(noted).is_none();
    let open: Vec<&O> = objects.par_iter().filter(is_open).collect();
    if is_refuted() {
        return Some(Ruling::Violation);
    }
    let sizes: Vec<usize> = open.iter().map(|&object| size(object)).collect();
    let is_unfinished = |ruling: &Ruling| *ruling == Ruling::OutOfBudget;
    let rulings = in_turns(&sizes, limits, is_unfinished, |at, limits| {
        if is_refuted() {
            return Ruling::Violation;
        }
        noted(by_search(open[at], limits))
    });
    rulings.into_iter().max().or((!objects.is_empty()).then_some(Ruling::Linearizable))
}
