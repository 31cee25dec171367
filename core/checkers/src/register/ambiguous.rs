//! Observations that do not say which write they saw.
use super::op::{RegisterHistory, RegisterOp, INITIAL};

/// An operation that saw a value with two writers. Indices into `ops`; no first writer is the initial value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    pub observer: u32,
    pub first: Option<u32>,
    pub second: u32,
}

/// The first of the returned operations that count, in order of `ops`, that saw a value which was written twice. What
/// failed was not written; what has an unknown outcome may have been.
pub fn ambiguous(history: &RegisterHistory, counts: impl Fn(&RegisterOp) -> bool) -> Option<Ambiguous> {
    let mut writers: Vec<(Option<u32>, Option<u32>)> = vec![(None, None); history.values as usize];
    for (index, op) in (0u32..).zip(&history.ops) {
        let Some(value) = op.action.written() else { continue };
        let (first, second) = &mut writers[value as usize];
        if value != INITIAL && first.is_none() {
            *first = Some(index);
        } else if second.is_none() {
            *second = Some(index);
        }
    }
    (0u32..).zip(&history.ops).filter(|(_, op)| !op.is_pending() && counts(op)).find_map(|(observer, op)| {
        let (first, second) = writers[op.action.observed()? as usize];
        Some(Ambiguous { observer, first, second: second? })
    })
}

#[cfg(test)]
mod tests {
    use super::super::op::Action::{self, Cas, Read, Write};
    use super::*;
    use crate::model::NEVER;

    fn found(actions: &[(Action, bool)]) -> Option<(u32, Option<u32>, u32)> {
        let op = |(at, &(action, is_pending)): (i64, &(Action, bool))| RegisterOp {
            call: 2 * at,
            ret: if is_pending { NEVER } else { 2 * at + 1 },
            action,
            id: 0,
        };
        let ops = (0i64..).zip(actions).map(op).collect();
        let history = RegisterHistory { ops, values: 4, ..RegisterHistory::default() };
        ambiguous(&history, |_| true).map(|found| (found.observer, found.first, found.second))
    }

    #[test]
    fn values_with_two_writers_that_somebody_saw() {
        let (one, two, again) = ((Write(1), false), (Write(2), false), (Write(1), true));
        assert_eq!(found(&[one, two, (Read(1), false)]), None);
        assert_eq!(found(&[one, two, again, (Read(2), false)]), None);
        assert_eq!(found(&[one, two, again, (Read(2), false), (Read(1), false)]), Some((4, Some(0), 2)));
        assert_eq!(found(&[one, again, (Cas(1, 3), true)]), None);
        assert_eq!(found(&[one, again, (Cas(1, 3), false)]), Some((2, Some(0), 1)));
        assert_eq!(found(&[(Cas(1, INITIAL), false), (Read(INITIAL), false)]), Some((1, None, 0)));
    }
}
