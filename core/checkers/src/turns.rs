//! Sharing one budget among many searches.
use std::cmp::Reverse;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::search::Limits;

/// No search gets less time than this in its first turn.
const TURN_MIN: Duration = Duration::from_millis(50);

/// Runs `search` for every item, the largest first, in parallel.
///
/// If there are more items than threads, each first gets a turn short enough that all could have one, and those that
/// did not finish get the whole remaining time afterwards: a hard item never keeps the others from their answer.
pub fn in_turns<A: Send>(
    sizes: &[usize],
    limits: Limits,
    is_unfinished: impl Fn(&A) -> bool,
    search: impl Fn(usize, Limits) -> A + Sync,
) -> Vec<A> {
    let mut open: Vec<usize> = (0..sizes.len()).collect();
    open.sort_by_key(|&i| Reverse(sizes[i]));
    let threads = rayon::current_num_threads().max(1);
    let memory_bytes = limits.memory_bytes / threads.min(open.len().max(1));
    let shares: &[u32] = if open.len() > threads { &[4, 1] } else { &[1] };
    let mut found: Vec<Option<A>> = sizes.iter().map(|_| None).collect();
    for share in shares {
        let rounds = open.len().div_ceil(threads).max(1) as u32;
        let turn = (limits.deadline.saturating_duration_since(Instant::now()) / rounds / *share).max(TURN_MIN);
        let turn_of = |&i: &usize| {
            let deadline = (Instant::now() + turn).min(limits.deadline);
            (i, search(i, Limits { deadline, memory_bytes }))
        };
        let answers: Vec<(usize, A)> = open.par_iter().map(turn_of).collect();
        open = answers.iter().filter(|(_, answer)| is_unfinished(answer)).map(|&(i, _)| i).collect();
        for (i, answer) in answers {
            found[i] = Some(answer);
        }
    }
    found.into_iter().flatten().collect()
}
