//! A history that keeps the rules, made from one that does not by forgetting: what a reader who asks for it goes on with.
//!
//! Nothing is guessed. A completion whose invocation is missing is left out: nobody knows when its operation began. Where
//! a process invokes although its operation is open, nobody can tell from then on which completion answers which; so
//! that operation and all that the process invoked later count as never answered, each under a process number of its
//! own. That only ever allows a store more than it was seen to do. Pairing the next completion with the latest invocation
//! was rejected: it invents answers where a client has two requests under way.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::history::History;
use crate::kind::Kind;
use crate::pairing::{walk, Finding};

/// What became of a history; all are indices of events, ascending.
pub struct Mended {
    pub history: History,
    /// Events without which the rules are kept: completions that nobody invoked.
    pub left_out: Vec<usize>,
    /// Invocations whose answers, if they had any, are forgotten.
    pub unanswered: Vec<usize>,
}

/// Mends a history. One that has no fatal problem comes back as it is.
pub(crate) fn mend(history: &History) -> Result<Mended> {
    let mut strays = HashSet::new();
    let mut tangled: HashMap<i64, u32> = HashMap::new();
    walk(
        history,
        |_, _| {},
        |event, finding| match finding {
            Finding::StillOpen(earlier) if history.process(event as usize) >= 0 => {
                tangled.entry(history.process(event as usize)).or_insert(earlier);
            }
            // A nemesis is judged by nobody; without its earlier event it keeps the rules.
            Finding::StillOpen(earlier) => drop(strays.insert(earlier)),
            Finding::NeverInvoked => drop(strays.insert(event)),
        },
    );
    let is_tangled = |row: u32| tangled.get(&history.process(row as usize)).is_some_and(|&first| row >= first);
    let mut fresh = history.processes().iter().max().copied().unwrap_or(0).max(0);
    let mut mended = Mended { history: history.select(&[])?, left_out: Vec::new(), unanswered: Vec::new() };
    let (mut rows, mut renamed) = (Vec::with_capacity(history.len()), HashMap::new());
    for row in 0..history.len() as u32 {
        let is_invocation = history.kind(row as usize) == Kind::Invoke;
        if is_tangled(row) {
            if !is_invocation {
                continue;
            }
            fresh = fresh.checked_add(1).ok_or_else(|| Error::malformed("no process number is free any more"))?;
            renamed.insert(row, fresh);
            mended.unanswered.push(history.index(row as usize));
        } else if strays.contains(&row) {
            mended.left_out.push(history.index(row as usize));
            continue;
        }
        rows.push(row);
    }
    let process = |row: u32| renamed.get(&row).copied().unwrap_or_else(|| history.process(row as usize));
    mended.history = history.selected(&rows, process)?;
    Ok(mended)
}

#[cfg(test)]
mod tests {
    use crate::read;

    fn mended(events: &[(i64, &str, &str)]) -> super::Mended {
        let line = |(process, kind, f): &(i64, &str, &str)| {
            format!("{{\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\"}}\n")
        };
        let text: String = events.iter().map(line).collect();
        super::mend(&read::read(text.as_bytes(), None).expect("a history")).expect("few processes")
    }

    #[test]
    fn what_keeps_the_rules_stays() {
        let found = mended(&[(0, "invoke", "r"), (1, "invoke", "r"), (0, "ok", "r"), (-1, "info", "mark")]);
        assert_eq!((found.history.len(), found.left_out.len(), found.unanswered.len()), (4, 0, 0));
        assert_eq!(found.history.completion(0), Some(2));
    }

    #[test]
    fn answers_nobody_asked_for_are_left_out() {
        let found = mended(&[(0, "ok", "r"), (0, "invoke", "r"), (0, "ok", "r"), (0, "fail", "r"), (-1, "ok", "kill")]);
        assert_eq!((found.left_out, found.unanswered), (vec![0, 3, 4], vec![]));
        assert_eq!(found.history.completion(0), Some(1));
        assert!(found.history.problems(1).is_empty());
    }

    #[test]
    fn where_operations_of_a_process_overlap_their_answers_are_forgotten() {
        let found = mended(&[
            (0, "invoke", "r"),
            (0, "ok", "r"),
            (0, "invoke", "w"),
            (0, "invoke", "r"),
            (5, "invoke", "r"),
            (0, "ok", "r"),
            (0, "ok", "w"),
            (5, "ok", "r"),
            (0, "invoke", "r"),
            (0, "ok", "r"),
        ]);
        assert_eq!((found.left_out, found.unanswered), (vec![], vec![2, 3, 8]));
        let history = found.history;
        assert!(history.problems(1).is_empty());
        assert_eq!(history.processes(), [0, 0, 6, 7, 5, 5, 8]);
        assert_eq!((history.completion(0), history.completion(4)), (Some(1), Some(5)));
        assert_eq!([2, 3, 6].map(|row| history.completion(row)), [None; 3]);
    }

    #[test]
    fn nemeses_too() {
        let found = mended(&[(-1, "invoke", "kill"), (-1, "invoke", "kill"), (-1, "info", "kill"), (0, "invoke", "r")]);
        assert_eq!((found.left_out, found.history.problems(1).len()), (vec![0], 0));
        assert_eq!(found.history.completion(0), Some(1));
    }
}
