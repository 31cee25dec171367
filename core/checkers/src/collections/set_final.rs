//! A set that is read at the end: what was acknowledged must be there, and what nobody added must not.
//!
//! Final reads are those invoked after the mark "final", when everything was healed and had time to settle; without the
//! mark, the last read that returned. With several, an element must be in each of them: which replica answers is no
//! excuse once all is healed. Only what was acknowledged before a final read was invoked is missed by it.
use super::elements::{times_in, unexpected, Element, Elements, NOBODY};
use super::judge;
use super::object::{short, Object, Op};
use super::report::Report;
use crate::events::{phase_mark, Events, Malformed};
use crate::model::NEVER;

pub fn check_set(events: &impl Events) -> Result<Report, Malformed> {
    let mark = phase_mark(events, "final");
    super::object::each_key(events, |object| check(object, mark))
}

fn check<E: Events>(object: &Object<'_, E>, mark: Option<usize>) -> Result<Report, Malformed> {
    let (mut elements, reads) = Elements::read(object)?;
    let finals: Vec<Op> = match mark {
        Some(mark) => reads.iter().copied().filter(|read| read.row as usize > mark).collect(),
        None => reads.last().copied().into_iter().collect(),
    };
    let mut report = Report::default();
    let mut seen: Vec<Seen> = Vec::new();
    for (place, read) in (0u32..).zip(&finals) {
        elements.visit(object, read, |number, element| {
            if number >= seen.len() {
                seen.resize(number + 1, Seen::default());
            }
            seen[number].take(read, place, element);
        })?;
    }
    let (texts, known) = elements.into_parts();
    seen.resize(known.len(), Seen::default());
    let mut calls: Vec<i64> = finals.iter().map(|read| read.call).collect();
    calls.sort_unstable();
    let mut tally = Tally::default();
    for ((text, element), seen) in texts.iter().zip(&known).zip(&seen) {
        tally.take(element, seen, &calls);
        if seen.is_unexpected() {
            let read = &finals[seen.unexpected_in as usize];
            report.find("unexpected", text, || unexpected(object, read, text, element));
        }
        if seen.is_twice() {
            let read = &finals[seen.twice_in as usize];
            report.find("duplicate", text, || duplicate(object, read, text));
        }
        if seen.missed_by(element, &calls) > 0 {
            report.find("lost", text, || lost(object, &finals, text, element));
        }
    }
    tally.tell(&mut report, &finals);
    judge::set_final(object, &mut report, mark);
    Ok(report)
}

/// What the final reads say about one element. Reads by their place among the final ones.
#[derive(Clone, Copy)]
struct Seen {
    last_in: u32,
    twice_in: u32,
    unexpected_in: u32,
    /// Reads that hold it, of those that should.
    held: u32,
}

impl Default for Seen {
    fn default() -> Self {
        Self { last_in: NOBODY, twice_in: NOBODY, unexpected_in: NOBODY, held: 0 }
    }
}

impl Seen {
    fn take(&mut self, read: &Op, place: u32, element: &Element) {
        if self.last_in == place {
            self.twice_in = self.twice_in.min(place);
            return;
        }
        self.last_in = place;
        if read.ret < element.called {
            self.unexpected_in = self.unexpected_in.min(place);
        }
        self.held += u32::from(element.acknowledged < read.call);
    }

    fn is_unexpected(&self) -> bool {
        self.unexpected_in != NOBODY
    }

    fn is_twice(&self) -> bool {
        self.twice_in != NOBODY
    }

    /// How many final reads, whose calls are given in order, lack the element and should not.
    fn missed_by(&self, element: &Element, calls: &[i64]) -> usize {
        let should = calls.len() - calls.partition_point(|&call| call <= element.acknowledged);
        should - self.held as usize
    }
}

#[derive(Default)]
struct Tally {
    attempted: usize,
    acknowledged: usize,
    recovered: usize,
    late: usize,
}

impl Tally {
    fn take(&mut self, element: &Element, seen: &Seen, calls: &[i64]) {
        self.attempted += usize::from(element.may_be_added());
        if element.acknowledged != NEVER {
            self.acknowledged += 1;
            self.late += usize::from(calls.last().is_none_or(|&last| last <= element.acknowledged));
        } else if element.may_be_added() && seen.last_in != NOBODY {
            self.recovered += 1;
        }
    }

    fn tell(&self, report: &mut Report, finals: &[Op]) {
        report.count("final_reads", finals.len());
        report.count("attempted", self.attempted);
        report.count("acknowledged", self.acknowledged);
        report.count("recovered", self.recovered);
        report.count("acknowledged_too_late", self.late);
        if finals.is_empty() {
            report.unproven("no final read returned");
        } else if self.acknowledged == self.late {
            report.unproven("no element was acknowledged before the final read");
        }
    }
}

fn duplicate<E: Events>(object: &Object<'_, E>, read: &Op, text: &str) -> (String, Vec<u32>) {
    let (reader, at, times) = (object.who(read.row), object.at(read.ret), times_in(object, read, text));
    let told = format!("The final read by process {reader} at {at} returned {} {times} times.", short(text));
    (told, vec![read.row])
}

fn lost<E: Events>(object: &Object<'_, E>, finals: &[Op], text: &str, element: &Element) -> (String, Vec<u32>) {
    let lacks = |read: &&Op| read.call > element.acknowledged && times_in(object, read, text) == 0;
    let (adder, acknowledged) = (object.who(element.add), object.at(element.acknowledged));
    let reads: Vec<&Op> = finals.iter().filter(lacks).collect();
    let by = reads
        .first()
        .map_or_else(String::new, |read| format!(" by process {} at {}", object.who(read.row), object.at(read.ret)));
    let told = format!(
        "The add of {} by process {adder} was acknowledged at {acknowledged}, but the final read{by} does not hold it.",
        short(text)
    );
    (told, [element.add].into_iter().chain(reads.first().map(|read| read.row)).collect())
}
