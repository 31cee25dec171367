//! What became of each element of a collection that hands out again what was put into it.
use super::{Judgement, Pattern};
use crate::intern::FastMap;
use crate::model::NEVER;
use crate::objects::Timed;
use std::hash::Hash;

/// What an operation of such a collection did.
pub enum Move<V> {
    Put(V),
    Take(V),
    /// Found nothing to take.
    Empty,
    /// Took something, if anything; nobody knows what.
    TakeUnknown,
}

/// One element's life, by the indices of its operations.
#[derive(Clone, Copy, Debug)]
pub struct Life<V> {
    pub value: V,
    pub put: u32,
    /// `None` if nobody is known to have taken it.
    pub take: Option<u32>,
    /// When it was certainly there: from the return of what put it in (`NEVER` if that is pending) ...
    pub from: i64,
    /// ... to the call of what took it; `NEVER` if nobody is known to have.
    pub to: i64,
}

impl<V> Life<V> {
    /// Whether it was there at any moment for certain.
    pub fn is_span(&self) -> bool {
        self.from < self.to
    }

    /// Its operations.
    pub fn ops(&self) -> impl Iterator<Item = u32> {
        [Some(self.put), self.take].into_iter().flatten()
    }
}

/// Decides a collection of distinct elements by what `violation` finds in the lives of some of them.
///
/// What was perhaps never put, and nobody took, is left out: nobody can tell. A pending operation may have taken any
/// element that nobody is known to have taken, so those count only if the history is linearizable with all of them.
pub fn judge<O: Clone, V: Copy + Eq + Hash>(
    ops: &[Timed<O>],
    of: impl Fn(&O) -> Move<V>,
    violation: impl Fn(&[Life<V>]) -> Option<Judgement<O>>,
) -> Judgement<O> {
    let mut lives: Vec<Life<V>> = Vec::new();
    let mut places: FastMap<V, usize> = FastMap::default();
    let mut has_unknown = false;
    for (index, timed) in (0u32..).zip(ops) {
        match of(&timed.op) {
            Move::Put(value) => {
                if places.insert(value, lives.len()).is_some() {
                    return Judgement::Undecided;
                }
                lives.push(Life { value, put: index, take: None, from: timed.ret, to: NEVER });
            }
            Move::TakeUnknown => has_unknown = true,
            Move::Take(_) | Move::Empty => {}
        }
    }
    for (index, timed) in (0u32..).zip(ops) {
        let Move::Take(value) = of(&timed.op) else { continue };
        let Some(life) = places.get(&value).map(|&place| &mut lives[place]) else {
            return Pattern::of("thin-air-read", ops, &[index], "{0}, but nobody had put that in.");
        };
        if let Some(first) = life.take.replace(index) {
            let text = "{1} and {2} took the same element, which was put in once, by {0}.";
            return Pattern::of("duplicate-dequeue", ops, &[life.put, first, index], text);
        }
        life.to = timed.call;
        if timed.ret < ops[life.put as usize].call {
            let text = "{1} returned before {0} was even invoked.";
            return Pattern::of("non-linearizable", ops, &[life.put, index], text);
        }
    }
    lives.retain(|life| life.take.is_some() || life.from < NEVER);
    let Some(found) = violation(&lives) else { return Judgement::Linearizable };
    if !has_unknown {
        return found;
    }
    lives.retain(|life| life.take.is_some());
    violation(&lives).unwrap_or(Judgement::Undecided)
}

/// Moments at which a collection was certainly not empty: a union of open intervals.
#[derive(Default)]
pub struct Spans(std::collections::BTreeMap<i64, i64>);

impl Spans {
    pub fn of<'a, V: 'a>(lives: impl IntoIterator<Item = &'a Life<V>>) -> Self {
        let mut spans = Self::default();
        lives.into_iter().for_each(|life| spans.add(life));
        spans
    }

    pub fn add<V>(&mut self, life: &Life<V>) {
        if !life.is_span() {
            return;
        }
        let (mut from, mut to) = (life.from, life.to);
        while let Some((&start, &end)) = self.0.range(..to).next_back().filter(|&(_, &end)| end > from) {
            self.0.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.0.insert(from, to);
    }

    /// Whether they contain every moment from `first` to `last`.
    pub fn cover(&self, first: i64, last: i64) -> bool {
        self.0.range(..first).next_back().is_some_and(|(_, &end)| last < end)
    }
}

/// The fewest lives that together cover all moments between `start` and `end`, which all of them do.
pub fn shortest_cover<'a, V>(lives: impl IntoIterator<Item = &'a Life<V>>, start: i64, end: i64) -> Vec<&'a Life<V>> {
    let mut spans: Vec<&Life<V>> = lives.into_iter().filter(|life| life.is_span()).collect();
    spans.sort_unstable_by_key(|life| (life.from, life.put));
    let mut cover: Vec<&Life<V>> = Vec::new();
    let (mut reached, mut at) = (start.saturating_add(1), 0);
    // Always the one that reaches farthest among those that begin in time.
    while reached < end {
        let mut best: Option<&Life<V>> = None;
        while let Some(span) = spans.get(at).copied().filter(|span| span.from < reached) {
            best = best.filter(|best| best.to >= span.to).or(Some(span));
            at += 1;
        }
        let Some(best) = best.filter(|best| best.to > reached || best.to >= end) else { break };
        reached = best.to;
        cover.push(best);
    }
    cover
}

/// An operation that found nothing while, at every moment it could have looked, some element was there.
pub fn false_empty<O: Clone, V>(
    ops: &[Timed<O>],
    lives: &[Life<V>],
    is_empty: impl Fn(&O) -> bool,
    spans: &Spans,
    collection: &str,
) -> Option<Judgement<O>> {
    let is_false = |timed: &Timed<O>| is_empty(&timed.op) && spans.cover(timed.call, timed.ret);
    let (index, timed) = (0u32..).zip(ops).find(|(_, timed)| is_false(timed))?;
    let cover = shortest_cover(lives, timed.call - 1, timed.ret + 1);
    let members: Vec<u32> = std::iter::once(index).chain(cover.iter().flat_map(|life| life.ops())).collect();
    let text = format!("{{0}} found the {collection} empty, but at no moment while it was open can it have been.");
    Some(Pattern::of("non-linearizable", ops, &members, &text))
}
