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
use super::object::{each_key, short, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::Interner;
use crate::model::NEVER;

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
                self.leave(&mut left, put, sure - got.len());
            }
        }
        self.find_lost(&mut report, left, drained);
        if acknowledged == 0 {
            report.unproven("no enqueue was acknowledged");
        }
        Ok(report)
    }

    /// Everything dequeued needs an enqueue of its own, called before the dequeue returned.
    fn balance(&self, report: &mut Report, value: u32, put: &[Deed], got: &[Deed]) {
        for (place, (_, dequeue)) in got.iter().enumerate() {
            match put.get(place) {
                _ if put.is_empty() => report.find("unexpected", || self.tell_unexpected(value, dequeue)),
                None => report.find("duplicate", || self.tell_duplicate(value, put, &got[..=place])),
                Some((_, enqueue)) if dequeue.ret < enqueue.call => {
                    report.find("unexpected", || self.tell_early(value, &put[..=place], &got[..=place]));
                }
                Some(_) => {}
            }
        }
    }

    /// Of the acknowledged enqueues of a value so many left no trace: say, those acknowledged last, whose proof is
    /// hardest.
    fn leave(&self, left: &mut Vec<Deed>, put: &[Deed], count: usize) {
        let mut sure: Vec<Deed> = put.iter().copied().filter(|(_, op)| op.outcome == Outcome::Ok).collect();
        sure.sort_by_key(|(_, op)| std::cmp::Reverse(op.ret));
        left.extend(&sure[..count]);
    }

    fn find_lost(&self, report: &mut Report, left: Vec<Deed>, drained: bool) {
        let proofs = Proofs::of(&self.empties);
        let mut late = 0;
        let mut missing: Vec<(i64, Deed, Option<Op>)> = Vec::new();
        for enqueue in left {
            match proofs.after(enqueue.1.ret) {
                Some(empty) => missing.push((empty.ret, enqueue, Some(empty))),
                None if drained => missing.push((NEVER, enqueue, None)),
                None => late += 1,
            }
        }
        missing.sort_by_key(|(proved, enqueue, _)| (*proved, enqueue.1.row));
        let mut takers = self.takers.clone();
        takers.sort_by_key(|op| op.call);
        let drained_from = self.drains.iter().map(|op| op.call).min().unwrap_or(NEVER);
        let mut excused: Vec<(Deed, Op)> = Vec::new();
        let mut excuses = takers.iter().peekable();
        let mut unsure = 0;
        for (proved, enqueue, empty) in missing {
            if drained_from <= proved && drained_from != NEVER {
                unsure += 1;
            } else if let Some(taker) = excuses.next_if(|taker| taker.call <= proved) {
                excused.push((enqueue, *taker));
            } else {
                report.find("lost", || self.tell_lost(&enqueue, empty.as_ref(), &excused));
            }
        }
        report.count("not_seen_again", late);
        report.count("maybe_taken", unsure + excused.len());
        if unsure + excused.len() > 0 {
            report.unproven(format!(
                "{} acknowledged values were never dequeued, but dequeues whose outcome is unknown may have taken them",
                unsure + excused.len()
            ));
        }
        if late > 0 {
            report.unproven(format!(
                "{late} acknowledged values were never dequeued, but the queue was not seen empty after them"
            ));
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

/// The moments at which the queue was found empty.
struct Proofs {
    /// By call; each with the one that returned first among those called no earlier.
    by_call: Vec<(i64, Op)>,
}

impl Proofs {
    fn of(empties: &[Op]) -> Self {
        let mut by_call: Vec<(i64, Op)> = empties.iter().map(|op| (op.call, *op)).collect();
        by_call.sort_by_key(|(call, _)| *call);
        for place in (1..by_call.len()).rev() {
            if by_call[place].1.ret < by_call[place - 1].1.ret {
                by_call[place - 1].1 = by_call[place].1;
            }
        }
        Self { by_call }
    }

    /// Of those called later than this, the one that returned first.
    fn after(&self, time: i64) -> Option<Op> {
        self.by_call.get(self.by_call.partition_point(|(call, _)| *call <= time)).map(|(_, op)| *op)
    }
}

impl<E: Events> Queue<'_, '_, E> {
    fn value(&self, value: u32) -> String {
        short(self.texts[value as usize])
    }

    fn tell_unexpected(&self, value: u32, dequeue: &Op) -> (String, Vec<u32>) {
        let (object, value_text) = (self.object, self.value(value));
        let got = format!("Process {} dequeued {value_text} at {}", object.who(dequeue.row), object.at(dequeue.ret));
        match self.failed.iter().find(|(failed, _)| *failed == value) {
            Some((_, enqueue)) => {
                let by = object.who(enqueue.row);
                (format!("{got}, although its enqueue by process {by} had failed."), vec![dequeue.row, enqueue.row])
            }
            None => (format!("{got}, which nobody ever enqueued."), vec![dequeue.row]),
        }
    }

    fn tell_duplicate(&self, value: u32, put: &[Deed], got: &[Deed]) -> (String, Vec<u32>) {
        let object = self.object;
        let (first, last) = (&got[0].1, &got[got.len() - 1].1);
        let told = format!(
            "{} was enqueued {} and dequeued {}: first by process {} at {}, last by process {} at {}.",
            self.value(value),
            times(put.len()),
            times(got.len()),
            object.who(first.row),
            object.at(first.ret),
            object.who(last.row),
            object.at(last.ret),
        );
        (told, put.iter().chain(got).map(|(_, op)| op.row).collect())
    }

    fn tell_early(&self, value: u32, put: &[Deed], got: &[Deed]) -> (String, Vec<u32>) {
        let object = self.object;
        let (enqueue, dequeue) = (&put[put.len() - 1].1, &got[got.len() - 1].1);
        let told = format!(
            "Process {} dequeued {} at {}, but process {} enqueued it no earlier than {}.",
            object.who(dequeue.row),
            self.value(value),
            object.at(dequeue.ret),
            object.who(enqueue.row),
            object.at(enqueue.call),
        );
        let others = put.iter().chain(got).map(|(_, op)| op.row);
        (told, others.collect())
    }

    fn tell_lost(&self, lost: &Deed, empty: Option<&Op>, excused: &[(Deed, Op)]) -> (String, Vec<u32>) {
        let (object, &(value, enqueue)) = (self.object, lost);
        let (by, at) = (object.who(enqueue.row), object.at(enqueue.ret));
        let end = match empty {
            Some(empty) => {
                let (by, at) = (object.who(empty.row), object.at(empty.ret));
                format!("was not among what was dequeued when process {by} found the queue empty at {at}, nor later")
            }
            None => "was never dequeued".to_owned(),
        };
        let text = self.value(value);
        let mut told = format!("The enqueue of {text} by process {by} was acknowledged at {at}, but it {end}.");
        if !excused.is_empty() {
            let count = excused.len();
            let dequeues = if count == 1 { "One dequeue".to_owned() } else { format!("{count} dequeues") };
            told += &format!(" {dequeues} of unknown outcome can have taken {count} of {} such values.", count + 1);
        }
        let mut ops = vec![enqueue.row];
        ops.extend(empty.map(|op| op.row));
        ops.extend(self.copies(value));
        for ((value, enqueue), taker) in excused {
            ops.extend([enqueue.row, taker.row]);
            ops.extend(self.copies(*value));
        }
        (told, ops)
    }

    /// What was done with a value that was enqueued more than once: each copy may be the one that is missing.
    fn copies(&self, value: u32) -> impl Iterator<Item = u32> + '_ {
        let put = of_value(&self.enqueues, value);
        let got = of_value(&self.dequeues, value);
        put.iter().chain(got).filter(|_| put.len() > 1).map(|(_, op)| op.row)
    }
}

/// The deeds with this value, of all sorted by value.
fn of_value(deeds: &[Deed], value: u32) -> &[Deed] {
    let from = deeds.partition_point(|deed| deed.0 < value);
    let until = deeds.partition_point(|deed| deed.0 <= value);
    &deeds[from..until]
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}
