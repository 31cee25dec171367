//! Every message of every log: who sent it, where it is, and whether anybody saw it.
use super::entry::{answered, asked, is_transfer, Entry};
use crate::collections::object::{short, Object, Op, Outcome};
use crate::collections::report::Report;
use crate::events::{Events, Malformed};
use crate::intern::FastMap;
use crate::model::NEVER;

pub const NOBODY: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub key: u32,
    pub value: &'a str,
    /// None if nobody tried to send it.
    pub outcome: Option<Outcome>,
    pub send: u32,
    pub call: i64,
    pub ret: i64,
    /// The first offset it was known to be at, and who said so.
    pub offset: Option<i64>,
    pub placed_by: u32,
    pub is_seen: bool,
}

/// The message at an offset of a key, and who said so first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub key: u32,
    pub offset: i64,
    pub message: u32,
    pub by: u32,
}

/// The greatest offset that a poll returned, and that poll.
#[derive(Clone, Copy)]
struct Last {
    offset: i64,
    poll: u32,
}

pub struct Messages<'o, 'a, E> {
    pub object: &'o Object<'a, E>,
    pub keys: Vec<&'a str>,
    pub all: Vec<Message<'a>>,
    /// What is known of every offset, sorted by key and offset.
    pub places: Vec<Place>,
    last_polled: Vec<Last>,
    key_numbers: FastMap<&'a str, u32>,
    numbers: FastMap<(u32, &'a str), u32>,
    occupants: FastMap<(u32, i64), (u32, u32)>,
}

impl<'o, 'a, E: Events> Messages<'o, 'a, E> {
    pub fn read(object: &'o Object<'a, E>, report: &mut Report) -> Result<Self, Malformed> {
        let mut messages = Self {
            object,
            keys: Vec::new(),
            all: Vec::new(),
            places: Vec::new(),
            last_polled: Vec::new(),
            key_numbers: FastMap::default(),
            numbers: FastMap::default(),
            occupants: FastMap::default(),
        };
        for op in object.ops() {
            if !is_transfer(object, &op)? {
                continue;
            }
            if op.outcome == Outcome::Ok {
                answered(object, &op, |entry| messages.take_send(&op, &entry, report))?;
            } else {
                asked(object, &op, |entry| messages.take_send(&op, &entry, report))?;
            }
        }
        // What an operation polled that failed, or may have, was there; it only proves nothing against anybody.
        let mut polled = 0;
        for op in object.ops() {
            if is_transfer(object, &op)? && object.answer(&op).is_some() {
                answered(object, &op, |entry| {
                    polled += usize::from(matches!(entry, Entry::Polled { .. }));
                    messages.take_polled(&op, &entry, report);
                    Ok(())
                })?;
            }
        }
        report.count("polled", polled);
        let occupants = std::mem::take(&mut messages.occupants);
        let place = |((key, offset), (message, by))| Place { key, offset, message, by };
        messages.places = occupants.into_iter().map(place).collect();
        messages.places.sort_unstable();
        Ok(messages)
    }

    pub fn key(&mut self, key: &'a str) -> u32 {
        *self.key_numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.last_polled.push(Last { offset: i64::MIN, poll: NOBODY });
            self.keys.len() as u32 - 1
        })
    }

    pub fn key_number(&self, key: &str) -> Option<u32> {
        self.key_numbers.get(key).copied()
    }

    fn number(&mut self, key: u32, value: &'a str) -> usize {
        let next = self.all.len() as u32;
        let number = *self.numbers.entry((key, value)).or_insert(next);
        if number == next {
            self.all.push(Message {
                key,
                value,
                outcome: None,
                send: NOBODY,
                call: NEVER,
                ret: NEVER,
                offset: None,
                placed_by: NOBODY,
                is_seen: false,
            });
        }
        number as usize
    }

    fn take_send(&mut self, op: &Op, entry: &Entry<'a>, report: &mut Report) -> Result<(), Malformed> {
        let &Entry::Send { key, offset, value } = entry else { return Ok(()) };
        let key = self.key(key);
        let number = self.number(key, value);
        let message = &mut self.all[number];
        if matches!(message.outcome, None | Some(Outcome::Failed)) {
            (message.outcome, message.send) = (Some(op.outcome), op.row);
            (message.call, message.ret) = (op.call, op.ret);
        } else if op.outcome != Outcome::Failed {
            let told = format!("{} is sent to key {} a second time", short(value), self.keys[key as usize]);
            return Err(self.object.malformed_call(op, told));
        }
        if let Some(offset) = offset {
            self.place(op, key, offset, number, report);
        }
        Ok(())
    }

    fn take_polled(&mut self, op: &Op, entry: &Entry<'a>, report: &mut Report) {
        let &Entry::Polled { key, offset, value } = entry else { return };
        let key = self.key(key);
        let number = self.number(key, value);
        self.all[number].is_seen = true;
        if op.outcome != Outcome::Ok {
            return;
        }
        let last = &mut self.last_polled[key as usize];
        if offset > last.offset {
            *last = Last { offset, poll: op.row };
        }
        self.hold_to_send(op, number, report);
        self.place(op, key, offset, number, report);
    }

    /// Somebody says that the message is at this offset.
    fn place(&mut self, op: &Op, key: u32, offset: i64, number: usize, report: &mut Report) {
        let (occupant, by) = *self.occupants.entry((key, offset)).or_insert((number as u32, op.row));
        if occupant as usize != number {
            report.find("inconsistent-offset", self.all[number].value, || {
                let (one, other) = (short(self.all[occupant as usize].value), short(self.all[number].value));
                let object = self.object;
                let told = format!(
                    "Offset {offset} of key {} holds {one} according to process {} at {}, and {other} according to \
                     process {} at {}.",
                    self.keys[key as usize],
                    object.who(by),
                    object.at(object.op(by).ret),
                    object.who(op.row),
                    object.at(op.ret),
                );
                (told, vec![by, op.row])
            });
        }
        let message = &mut self.all[number];
        match message.offset {
            None => (message.offset, message.placed_by) = (Some(offset), op.row),
            Some(known) if known != offset => {
                let message = *message;
                report.find("duplicate", message.value, || {
                    let (by, then) = (self.object.who(message.placed_by), self.object.who(op.row));
                    let told = format!(
                        "{} is in key {} twice: at offset {known} according to process {by}, and at {offset} according \
                         to process {then}.",
                        short(message.value),
                        self.keys[key as usize],
                    );
                    (told, vec![message.placed_by, op.row])
                });
            }
            Some(_) => {}
        }
    }

    fn hold_to_send(&self, op: &Op, number: usize, report: &mut Report) {
        let (object, message) = (self.object, &self.all[number]);
        let saw = || {
            let (who, at) = (object.who(op.row), object.at(op.ret));
            format!(
                "Process {who} polled {} from key {} at {at}",
                short(message.value),
                self.keys[message.key as usize]
            )
        };
        let by = || object.who(message.send);
        match message.outcome {
            None => report.find("thin-air", message.value, || (format!("{}, which nobody sent.", saw()), vec![op.row])),
            Some(Outcome::Failed) => report.find("aborted-read", message.value, || {
                (format!("{}, although its send by process {} had failed.", saw(), by()), vec![op.row, message.send])
            }),
            Some(_) if op.row == message.send => report.find("precommitted-read", message.value, || {
                (
                    format!("{}, which it sent in the same transaction, so before that was committed.", saw()),
                    vec![op.row],
                )
            }),
            Some(_) if op.ret < message.call => report.find("thin-air", message.value, || {
                let called = object.at(message.call);
                let told = format!("{}, but process {} sent it no earlier than {called}.", saw(), by());
                (told, vec![op.row, message.send])
            }),
            Some(_) => {}
        }
    }

    pub fn find_lost(&self, report: &mut Report, caught_up: bool) {
        let mut unseen = 0;
        for message in &self.all {
            if message.outcome != Some(Outcome::Ok) || message.is_seen {
                continue;
            }
            let last = self.last_polled[message.key as usize];
            if message.offset.is_some_and(|offset| offset < last.offset) {
                report.find("lost", message.value, || self.tell_lost(message, Some(last)));
            } else if caught_up {
                report.find("lost", message.value, || self.tell_lost(message, None));
            } else {
                unseen += 1;
            }
        }
        report.count("unseen", unseen);
        if unseen > 0 {
            report.unproven(format!("{unseen} acknowledged messages were not polled, and nothing behind them either"));
        }
    }

    fn tell_lost(&self, message: &Message<'a>, last: Option<Last>) -> (String, Vec<u32>) {
        let (object, key) = (self.object, self.keys[message.key as usize]);
        let (by, at) = (object.who(message.send), object.at(message.ret));
        let place = message.offset.map_or_else(String::new, |offset| format!(" at offset {offset}"));
        let but = match last {
            Some(last) => {
                let poller = object.who(last.poll);
                format!("nobody polled it, although process {poller} polled the later offset {}", last.offset)
            }
            None => "nobody polled it to the end".to_owned(),
        };
        let value = short(message.value);
        let told =
            format!("The send of {value} to key {key} by process {by} was acknowledged at {at}{place}, but {but}.");
        (told, [message.send].into_iter().chain(last.map(|last| last.poll)).collect())
    }
}
