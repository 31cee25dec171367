//! A queue as a bag of values: nothing may be lost, made up or delivered twice. In which order, others look at.
//!
//! *Lost* needs proof. A value whose enqueue was acknowledged and that nobody dequeued may still be in the queue, so
//! it is lost only if, after the acknowledgement, somebody found the queue empty: a drain that returned, a dequeue that
//! returned nothing, or one that failed saying so. (`drained` says that the end of the history is such a moment.) And a
//! dequeue or drain whose outcome is unknown may have taken a value along: a dequeue one, a drain any number, if it was
//! invoked before the queue was found empty. Each is matched with the value it can excuse whose proof is earliest; what
//! is left over is lost. No choice of excuses leaves fewer, because whoever can excuse a value can excuse every value
//! whose proof is later.
//!
//! *Duplicated* are values dequeued more often than they were enqueued, counting enqueues that may have happened;
//! *unexpected* those never enqueued, or dequeued earlier than they can have been.
mod lost;
mod words;

use super::judge;
use super::object::{each_key, short, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::Interner;

pub fn check_total_queue(events: &impl Events, drained: bool) -> Result<Report, Malformed> {
    each_key(events, |object| Queue::read(object)?.check(drained))
}

/// An operation on one value.
type Deed = (u32, Op);

struct Queue<'o, 'a, E> {
    object: &'o Object<'a, E>,
    texts: Vec<&'a str>,
    enqueues: Vec<Deed>,
    failed: Vec<Deed>,
    dequeues: Vec<Deed>,
    /// Found the queue empty.
    empties: Vec<Op>,
    /// May have taken one value, or any number.
    takers: Vec<Op>,
    drains: Vec<Op>,
}

impl<'o, 'a, E: Events> Queue<'o, 'a, E> {
    fn read(object: &'o Object<'a, E>) -> Result<Self, Malformed> {
        let mut texts = Interner::new("null", object.len());
        let (mut enqueues, mut failed, mut dequeues) = (Vec::new(), Vec::new(), Vec::new());
        let (mut empties, mut takers, mut drains) = (Vec::new(), Vec::new(), Vec::new());
        for op in object.ops() {
            match (object.f(&op), op.outcome) {
                ("enqueue", outcome) => {
                    let value = object.asked(&op);
                    let value = value.ok_or_else(|| object.malformed_call(&op, "an enqueue needs a value"))?;
                    let deeds = if outcome == Outcome::Failed { &mut failed } else { &mut enqueues };
                    deeds.push((texts.number(value), op));
                }
                ("dequeue", Outcome::Ok) => match object.answer(&op) {
                    Some(value) => dequeues.push((texts.number(value), op)),
                    None => empties.push(op),
                },
                ("dequeue", Outcome::Failed) if says_empty(object.error(&op)) => empties.push(op),
                ("dequeue", Outcome::Unknown) => takers.push(op),
                ("drain", Outcome::Ok) => {
                    let text = object.answer(&op).unwrap_or("null");
                    for item in scan::items(text) {
                        let item = item.map_err(|_| {
                            object.malformed_answer(&op, format!("a drain returns a list, not {}", short(text)))
                        })?;
                        dequeues.push((texts.number(item), op));
                    }
                    empties.push(op);
                }
                ("drain", Outcome::Unknown) => drains.push(op),
                ("dequeue" | "drain", _) => {}
                _ => return Err(object.unknown_f(&op, "a queue", "enqueue, dequeue and drain")),
            }
        }
        let texts = texts.into_texts();
        Ok(Self { object, texts, enqueues, failed, dequeues, empties, takers, drains })
    }

    fn check(mut self, drained: bool) -> Result<Report, Malformed> {
        let mut report = Report::default();
        self.enqueues.sort_by_key(|(value, op)| (*value, op.call));
        self.dequeues.sort_by_key(|(value, op)| (*value, op.ret));
        let acknowledged = self.enqueues.iter().filter(|(_, op)| op.outcome == Outcome::Ok).count();
        report.count("attempted", self.enqueues.len());
        report.count("acknowledged", acknowledged);
        report.count("dequeued", self.dequeues.len());
        report.count("dequeues_of_unknown_outcome", self.takers.len() + self.drains.len());
        let mut left = Vec::new();
        let (mut enqueues, mut dequeues) = (self.enqueues.as_slice(), self.dequeues.as_slice());
        for value in 0..self.texts.len() as u32 {
            let put = take_while(&mut enqueues, value);
            let got = take_while(&mut dequeues, value);
            self.balance(&mut report, value, put, got);
            let sure = put.iter().filter(|(_, op)| op.outcome == Outcome::Ok).count();
            report.count("recovered", got.len().min(put.len()).saturating_sub(sure));
            if got.len() < sure {
                left.extend(lost::left_over(put, sure - got.len()));
            }
        }
        lost::find_lost(&self, &mut report, left, drained);
        judge::queue(self.object, &mut report, drained);
        if acknowledged == 0 {
            report.unproven("no enqueue was acknowledged");
        }
        Ok(report)
    }

    /// Everything dequeued needs an enqueue of its own, called before the dequeue returned.
    fn balance(&self, report: &mut Report, value: u32, put: &[Deed], got: &[Deed]) {
        for (place, (_, dequeue)) in got.iter().enumerate() {
            match put.get(place) {
                _ if put.is_empty() => {
                    report.find("unexpected", self.texts[value as usize], || self.tell_unexpected(value, dequeue))
                }
                None => report
                    .find("duplicate", self.texts[value as usize], || self.tell_duplicate(value, put, &got[..=place])),
                Some((_, enqueue)) if dequeue.ret < enqueue.call => {
                    report.find("unexpected", self.texts[value as usize], || {
                        self.tell_early(value, &put[..=place], &got[..=place])
                    });
                }
                Some(_) => {}
            }
        }
    }
}

/// The deeds with this value, which come first.
fn take_while<'d>(deeds: &mut &'d [Deed], value: u32) -> &'d [Deed] {
    let (of_value, rest) = deeds.split_at(deeds.partition_point(|deed| deed.0 <= value));
    *deeds = rest;
    of_value
}

/// Whether an error says that there was nothing to dequeue.
fn says_empty(error: Option<&str>) -> bool {
    error.is_some_and(|error| ["empty", "exhausted"].iter().any(|word| error.to_ascii_lowercase().contains(word)))
}
