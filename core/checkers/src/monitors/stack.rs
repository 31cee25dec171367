//! Stacks of distinct elements.
//!
//! An element lies on the stack from a moment while its push was open to one while its pop was, and the times of any two
//! elements are either apart or one within the other. It is there for certain between the two operations: its span.
//!
//! Wherever no span is, the history falls apart: all that can have left by then can be put before all else, and the
//! stack was empty in between. So a pop that found nothing needs just such a moment. Throughout a stretch covered by
//! spans the stack was never empty, hence one element lay below all others from its start to its end. Any whose push can
//! have been first and whose pop can have been last in the stretch may be that one, and no choice is wrong: wrapping it
//! around whatever order the others have is a linearization. Without it the stretch is perhaps several, and so on; if
//! there is none, the history is impossible (compare Lee and Mathur, "Efficient decrease-and-conquer linearizability
//! monitoring", 2024).
use super::lives::{self, shortest_cover, Move, Spans};
use super::trees::{Cover, Largest};
use super::{Judgement, Pattern};
use crate::model::NEVER;
use crate::models::StackOp;
use crate::objects::Timed;
use std::ops::Range;

type Ops<'a> = &'a [Timed<StackOp>];
type Life = lives::Life<u32>;

/// Decides a stack in O(n log n).
pub fn judge_stack(ops: Ops<'_>) -> Judgement<StackOp> {
    let movement = |op: &StackOp| match *op {
        StackOp::Push(value) => Move::Put(value),
        StackOp::Pop(value) => Move::Take(value),
        StackOp::Empty => Move::Empty,
        StackOp::PopUnknown => Move::TakeUnknown,
    };
    lives::judge(ops, movement, |elements| {
        let is_empty = |op: &StackOp| *op == StackOp::Empty;
        lives::false_empty(ops, elements, is_empty, &Spans::of(elements), "stack")
            .or_else(|| Peeling::of(ops, elements).find_crossing())
    })
}

/// Takes the lowest elements away, stretch by stretch.
struct Peeling<'a> {
    ops: Ops<'a>,
    /// Those with spans, in the order of these. The others fit in anywhere: their pushes and pops can be adjacent.
    spans: Vec<&'a Life>,
    /// When spans begin or end. Moment `i` is place `2 i`, and what lies between it and the next one the place after.
    moments: Vec<i64>,
    covered: Cover,
    /// By span: how early its push can have been, bit by bit inverted; none once that is known to be early enough.
    early: Largest,
    /// By span whose push is early enough: how late its pop can have been.
    late: Largest,
}

impl<'a> Peeling<'a> {
    fn of(ops: Ops<'a>, elements: &'a [Life]) -> Self {
        let mut spans: Vec<&Life> = elements.iter().filter(|element| element.is_span()).collect();
        spans.sort_unstable_by_key(|span| (span.from, span.put));
        let mut moments: Vec<i64> = spans.iter().flat_map(|span| [span.from, span.to]).collect();
        moments.sort_unstable();
        moments.dedup();
        let mut counts = vec![0; 2 * moments.len()];
        for span in &spans {
            let places = places(&moments, span);
            counts[places.start] += 1;
            counts[places.end] -= 1;
        }
        for place in 1..counts.len() {
            counts[place] += counts[place - 1];
        }
        let early = Largest::new(spans.iter().map(|span| Some(!ops[span.put as usize].call)));
        let late = Largest::new(spans.iter().map(|_| None));
        Self { ops, spans, covered: Cover::new(&counts), moments, early, late }
    }

    fn find_crossing(&mut self) -> Option<Judgement<StackOp>> {
        let mut stretches = Vec::new();
        self.split(0..(2 * self.moments.len()).saturating_sub(1), &mut stretches);
        while let Some(places) = stretches.pop() {
            let (start, end) = (self.moments[places.start / 2], self.moments[places.end / 2]);
            let place = |moment| self.spans.partition_point(|span| span.from < moment);
            let members = place(start)..place(end);
            if !self.peel(&members, start, end) {
                return Some(self.crossing(members, start, end));
            }
            self.split(places, &mut stretches);
        }
        None
    }

    /// Takes away all that may lie below the others of a stretch; false if there are none.
    fn peel(&mut self, members: &Range<usize>, start: i64, end: i64) -> bool {
        while let Some(span) = self.early.find(members, !start) {
            self.early.set(span, None);
            let pop = self.spans[span].take.map_or(NEVER, |pop| self.ops[pop as usize].ret);
            self.late.set(span, Some(pop));
        }
        let mut is_peeled = false;
        while let Some(span) = self.late.find(members, end) {
            self.late.set(span, None);
            self.covered.uncover(&places(&self.moments, self.spans[span]));
            is_peeled = true;
        }
        is_peeled
    }

    /// The stretches between what is now uncovered strictly between two moments, and these.
    fn split(&mut self, places: Range<usize>, stretches: &mut Vec<Range<usize>>) {
        let inside = places.start + 1..places.end;
        let uncovered = self.covered.uncovered(&inside);
        let mut start = places.start;
        for end in uncovered.into_iter().chain([places.end]) {
            if end > start + 1 {
                stretches.push(start..end);
            }
            start = end;
        }
    }

    fn crossing(&self, members: Range<usize>, start: i64, end: i64) -> Judgement<StackOp> {
        let is_left = |&span: &usize| self.early.get(span).is_some() || self.late.get(span).is_some();
        let left = members.filter(is_left).map(|span| self.spans[span]);
        let cover = shortest_cover(left, start, end);
        let members: Vec<u32> = cover.iter().flat_map(|life| life.ops()).collect();
        let text =
            "The stack was never empty from the return of {0} on until all these were popped, so one of them lay \
                    below all others throughout; but each was pushed too late for that, or popped too early.";
        Pattern::of("out-of-order", self.ops, &members, text)
    }
}

/// The places strictly within a span.
fn places(moments: &[i64], span: &Life) -> Range<usize> {
    let place = |moment| 2 * moments.partition_point(|&other| other < moment);
    place(span.from) + 1..place(span.to)
}
