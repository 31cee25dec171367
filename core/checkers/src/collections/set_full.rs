//! A set that is read all the time: for each element, from when on every read saw it, or stopped seeing it.
//!
//! An element is *known* from its first acknowledgement, or from the return of the first read that saw it, whichever is
//! earlier. Let A be the last read, by invocation, that lacks it. It is
//!
//! - *lost* if A was invoked after it was known, and no read that could have come after A saw it;
//! - *stable* if it was seen, and is not lost; *stale* too, if A was invoked after it was known: A missed it, and it
//!   came back. How late: from known to the invocation of A;
//! - *never read* otherwise: nobody saw it, and nobody had to.
//!
//! Equal timestamps are concurrent. Testing every element against every read would cost their product; going from the
//! last read to the first, only elements that all later reads held can still have their A before them, and those are
//! no more than the read before had. So the cost is that of reading the text.
use super::elements::{times_in, unexpected, Element, Elements, NOBODY};
use super::judge;
use super::object::{each_key, short, Object, Op};
use super::report::Report;
use crate::events::{moment, Events, Malformed};
use crate::model::NEVER;

/// With `linearizable`, a stale element is a violation as well.
pub fn check_set_full(events: &impl Events, linearizable: bool) -> Result<Report, Malformed> {
    each_key(events, |object| check(object, linearizable))
}

/// What the reads say about one element. Reads by their place, from the last invoked to the first.
#[derive(Clone, Copy)]
struct Seen {
    /// The last one that lacks it, `NOBODY` if all hold it.
    absent_in: u32,
    visited_in: u32,
    twice_in: u32,
    unexpected_in: u32,
    /// The one that returned first, of those that hold it, and that which returned last.
    first_in: u32,
    first_ret: i64,
    last_ret: i64,
    last_call: i64,
}

/// Not in the last read, until it is found there.
const UNSEEN: Seen = Seen {
    absent_in: 0,
    visited_in: NOBODY,
    twice_in: NOBODY,
    unexpected_in: NOBODY,
    first_in: NOBODY,
    first_ret: NEVER,
    last_ret: i64::MIN,
    last_call: i64::MIN,
};

impl Seen {
    fn take(&mut self, read: &Op, place: u32, element: &Element) {
        if self.visited_in == place {
            self.twice_in = place;
            return;
        }
        self.visited_in = place;
        if read.ret < element.called {
            self.unexpected_in = place;
        }
        if read.ret < self.first_ret {
            (self.first_in, self.first_ret) = (place, read.ret);
        }
        self.last_ret = self.last_ret.max(read.ret);
        self.last_call = self.last_call.max(read.call);
    }

    /// Since when it is known.
    fn known(&self, element: &Element) -> i64 {
        self.first_ret.min(element.acknowledged)
    }
}

fn check<E: Events>(object: &Object<'_, E>, linearizable: bool) -> Result<Report, Malformed> {
    let (mut elements, mut reads) = Elements::read(object)?;
    reads.sort_by_key(|read| std::cmp::Reverse(read.call));
    let seen = look(object, &mut elements, &reads)?;
    let (texts, known) = elements.into_parts();
    let mut report = Report::default();
    report.count("reads", reads.len());
    for ((text, element), seen) in texts.iter().zip(&known).zip(&seen) {
        let case = Case { object, reads: &reads, text, element, seen };
        case.judge(&mut report, linearizable);
    }
    judge::set_full(object, &mut report);
    if !report.counts.iter().any(|(name, count)| *name == "stable" && *count > 0) {
        report.unproven("no element was read");
    }
    Ok(report)
}

fn look<'a, E: Events>(
    object: &Object<'a, E>,
    elements: &mut Elements<'a>,
    reads: &[Op],
) -> Result<Vec<Seen>, Malformed> {
    let mut seen = vec![UNSEEN; elements.len()];
    let mut alive: Vec<usize> = Vec::new();
    for (place, read) in (0u32..).zip(reads) {
        elements.visit(object, read, |number, element| {
            if number >= seen.len() {
                seen.resize(number + 1, UNSEEN);
            }
            if place == 0 && seen[number].visited_in == NOBODY {
                seen[number].absent_in = NOBODY;
                alive.push(number);
            }
            seen[number].take(read, place, element);
        })?;
        alive.retain(|&number| {
            let seen = &mut seen[number];
            if seen.visited_in != place {
                seen.absent_in = place;
            }
            seen.visited_in == place
        });
    }
    seen.resize(elements.len(), UNSEEN);
    Ok(seen)
}

/// One element, with all that is known of it.
struct Case<'c, 'a, E> {
    object: &'c Object<'a, E>,
    reads: &'c [Op],
    text: &'c str,
    element: &'c Element,
    seen: &'c Seen,
}

impl<E: Events> Case<'_, '_, E> {
    fn judge(&self, report: &mut Report, linearizable: bool) {
        let (element, seen) = (self.element, self.seen);
        if let Some(read) = self.reads.get(seen.unexpected_in as usize) {
            report.find("unexpected", self.text, || unexpected(self.object, read, self.text, element));
        }
        if let Some(read) = self.reads.get(seen.twice_in as usize) {
            report.find("duplicate", self.text, || self.duplicate(read));
        }
        if !element.may_be_added() {
            return;
        }
        report.count("attempted", 1);
        report.count("acknowledged", usize::from(element.acknowledged != NEVER));
        let known = seen.known(element);
        let missed = self.reads.get(seen.absent_in as usize).filter(|read| read.call > known);
        match missed {
            Some(read) if seen.last_ret < read.call => {
                report.sample("lost_latency_ms", [seen.last_call.max(known) - known]);
                report.find("lost", self.text, || self.missed_by(read, "and nobody saw it since"));
            }
            _ if seen.first_in == NOBODY => report.count("never_read", 1),
            None => {
                report.count("stable", 1);
                report.sample("stable_latency_ms", [0]);
            }
            Some(read) => {
                report.count("stable", 1);
                report.count("stale", 1);
                report.sample("stable_latency_ms", [read.call - known]);
                let tell = || self.missed_by(read, "although it was there again later");
                report.worst(read.call - known, tell);
                if linearizable {
                    report.find("stale-read", self.text, tell);
                }
            }
        }
    }

    fn duplicate(&self, read: &Op) -> (String, Vec<u32>) {
        let (object, times) = (self.object, times_in(self.object, read, self.text));
        let (reader, at) = (object.who(read.row), object.at(read.ret));
        (format!("The read by process {reader} at {at} returned {} {times} times.", short(self.text)), vec![read.row])
    }

    /// The read that lacks it, what made it known, and how long before.
    fn missed_by(&self, read: &Op, then: &str) -> (String, Vec<u32>) {
        let (object, value, known) = (self.object, short(self.text), self.seen.known(self.element));
        let (witness, how) = if self.element.acknowledged == known {
            (self.element.add, format!("after its add by process {} was acknowledged", object.who(self.element.add)))
        } else {
            let first = self.reads[self.seen.first_in as usize].row;
            (first, format!("after process {} had read it", object.who(first)))
        };
        let (reader, at) = (object.who(read.row), object.at(read.call));
        let late = moment(object.events, read.call - known);
        let late = if object.events.is_timed() { format!("{late} {how}") } else { how };
        (
            format!("Process {reader} invoked a read at {at} that missed {value}, {late}, {then}."),
            vec![witness, read.row],
        )
    }
}
