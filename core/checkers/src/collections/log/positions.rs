//! Where each consumer is in each log, from poll to poll, and each producer within an operation.
//!
//! A consumer goes on where it was, until it is assigned other keys or fails an operation: then nobody knows where it
//! goes on. One that subscribes is moved between keys without being told, so its jumps are counted and not held
//! against anybody.
use super::entry::{answered, is_transfer, Entry};
use super::messages::{Messages, Place};
use crate::collections::object::{short, Op, Outcome};
use crate::collections::report::Report;
use crate::collections::scan;
use crate::events::{Events, Malformed};
use crate::intern::FastMap;

/// The last message of a key that a process polled.
#[derive(Clone, Copy)]
struct Position {
    offset: i64,
    poll: u32,
    /// Positions of other eras of the process are forgotten.
    era: u32,
}

#[derive(Clone, Copy, Default)]
struct Consumer {
    era: u32,
    is_subscribed: bool,
}

struct Follower<'f, 'o, 'a, E> {
    messages: &'f Messages<'o, 'a, E>,
    consumers: FastMap<i64, Consumer>,
    positions: FastMap<(i64, u32), Position>,
}

pub fn follow<E: Events>(messages: &Messages<'_, '_, E>, report: &mut Report) -> Result<(), Malformed> {
    let object = messages.object;
    let mut follower = Follower { messages, consumers: FastMap::default(), positions: FastMap::default() };
    for op in object.ops() {
        let process = object.who(op.row);
        if !is_transfer(object, &op)? {
            follower.moved(&op, process);
        } else if op.outcome != Outcome::Ok {
            follower.consumers.entry(process).or_default().era += 1;
        } else {
            let consumer = *follower.consumers.entry(process).or_default();
            let mut sent: Vec<(u32, i64)> = Vec::new();
            answered(object, &op, |entry| {
                match entry {
                    Entry::Polled { key, offset, .. } => {
                        follower.polled(report, &op, consumer, key, offset);
                    }
                    Entry::Send { key, offset: Some(offset), .. } => {
                        follower.sent(report, &op, &mut sent, key, offset);
                    }
                    Entry::Send { .. } => {}
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

impl<E: Events> Follower<'_, '_, '_, E> {
    /// After an assignment a process keeps its place in the keys it keeps.
    fn moved(&mut self, op: &Op, process: i64) {
        let object = self.messages.object;
        let f = object.f(op);
        let consumer = self.consumers.entry(process).or_default();
        let before = consumer.era;
        match f {
            "assign" => consumer.is_subscribed = false,
            "subscribe" => consumer.is_subscribed = true,
            "crash" => {}
            _ => return,
        }
        consumer.era += 1;
        let era = consumer.era;
        if f != "assign" || op.outcome != Outcome::Ok {
            return;
        }
        let kept = object.answer(op).or_else(|| object.asked(op)).unwrap_or("[]");
        for key in scan::items(kept).flatten().filter_map(|key| self.messages.key_number(scan::bare(key))) {
            if let Some(position) = self.positions.get_mut(&(process, key)).filter(|position| position.era == before) {
                position.era = era;
            }
        }
    }

    fn polled(&mut self, report: &mut Report, op: &Op, consumer: Consumer, key: &str, offset: i64) {
        let (messages, object) = (self.messages, self.messages.object);
        let process = object.who(op.row);
        let Some(number) = messages.key_number(key) else { return };
        let here = Position { offset, poll: op.row, era: consumer.era };
        let last = self.positions.insert((process, number), here).filter(|last| last.era == consumer.era);
        let Some(last) = last else { return };
        let is_internal = last.poll == op.row;
        if offset <= last.offset {
            let kind = if is_internal { "int-nonmonotonic-poll" } else { "nonmonotonic-poll" };
            if consumer.is_subscribed && !is_internal {
                report.count("nonmonotonic_polls_while_subscribed", 1);
                return;
            }
            report.find(kind, key, || {
                let told = format!(
                    "Process {process} polled offset {} of key {key} at {}, and offset {offset} after it at {}.",
                    last.offset,
                    object.at(object.op(last.poll).ret),
                    object.at(op.ret),
                );
                (told, vec![last.poll, op.row])
            });
        } else if let Some(skipped) = self.between(number, last.offset, offset) {
            if consumer.is_subscribed && !is_internal {
                report.count("poll_skips_while_subscribed", 1);
                return;
            }
            report.find(if is_internal { "int-poll-skip" } else { "poll-skip" }, key, || {
                let message = &messages.all[skipped.message as usize];
                let told = format!(
                    "Process {process} polled offset {} of key {key} and then {offset} at {}, past {} at offset {}, which \
                     process {} knew to be there.",
                    last.offset,
                    object.at(op.ret),
                    short(message.value),
                    skipped.offset,
                    object.who(skipped.by),
                );
                (told, vec![last.poll, op.row, skipped.by])
            });
        }
    }

    /// The first message known to be between two offsets of a key.
    fn between(&self, key: u32, from: i64, to: i64) -> Option<&Place> {
        if from + 1 >= to {
            return None;
        }
        let places = &self.messages.places;
        let next = places.partition_point(|place| (place.key, place.offset) <= (key, from));
        places.get(next).filter(|place| place.key == key && place.offset < to)
    }

    /// Within one operation, sends to a key get growing offsets.
    fn sent(&self, report: &mut Report, op: &Op, sent: &mut Vec<(u32, i64)>, key: &str, offset: i64) {
        let object = self.messages.object;
        let Some(number) = self.messages.key_number(key) else { return };
        if let Some((_, last)) = sent.iter_mut().find(|(known, _)| *known == number) {
            let before = std::mem::replace(last, offset);
            if offset <= before {
                report.find("int-nonmonotonic-send", key, || {
                    let (who, at) = (object.who(op.row), object.at(op.ret));
                    let told = format!(
                        "Process {who} sent two messages to key {key} in one operation, acknowledged at {at}: the first \
                         at offset {before}, the second at {offset}."
                    );
                    (told, vec![op.row])
                });
            } else if self.between(number, before, offset).is_some() {
                report.count("int_send_skips", 1);
            }
            return;
        }
        sent.push((number, offset));
    }
}
