//! From the events of a history to registers.
use rayon::prelude::*;

use super::explain::Story;
use super::op::{Action, RegisterHistory, RegisterOp, Value};
use crate::events::{moment, Events, Invocations, Kind, Malformed};
use crate::intern::Interner;
use crate::json;
use crate::model::NEVER;

/// What a refused compare-and-set says about the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// Nothing, unless it reports the current value: errors of any kind are recorded in the same way.
    Drop,
    /// That the register did not hold the expected value at some moment in between.
    Assert,
}

/// How to read a history of registers.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// The value before the first write, as canonical JSON text.
    pub initial: &'a str,
    pub failed_cas: FailedCas,
    /// Whether compare-and-set is one of the operations.
    pub has_cas: bool,
}

/// One key's operations. The id of an operation is the row of its invocation.
pub struct Register<'a, E> {
    pub key: Option<&'a str>,
    pub history: RegisterHistory,
    texts: Vec<&'a str>,
    events: &'a E,
}

impl<E: Events> Story for Register<'_, E> {
    fn process(&self, id: u32) -> i64 {
        self.events.process(id as usize)
    }

    fn value(&self, value: Value) -> String {
        self.texts.get(value as usize).map_or_else(String::new, |text| (*text).to_owned())
    }

    fn moment(&self, time: i64) -> String {
        moment(self.events, time)
    }
}

impl<'a, E: Events> Register<'a, E> {
    /// Reads all registers of a history, in the order of their first appearance.
    ///
    /// Every thread goes through all rows in order and takes those of its share of the keys. Going through one key after
    /// the other would jump about in every column, and a thousand keys would cost three times as much as one.
    pub fn read_all(events: &'a E, reading: &Reading<'a>) -> Result<Vec<Register<'a, E>>, Malformed> {
        let invocations = Invocations::of(events);
        let shards = rayon::current_num_threads().clamp(1, invocations.keys.len().max(1));
        let read: Vec<_> =
            (0..shards).into_par_iter().map(|shard| read_shard(events, reading, &invocations, shard, shards)).collect();
        let first_wrong = read.iter().filter_map(|shard| shard.as_ref().err()).min_by_key(|malformed| malformed.row);
        if let Some(malformed) = first_wrong {
            return Err(malformed.clone());
        }
        let mut parts: Vec<_> = read.into_iter().flatten().map(Vec::into_iter).collect();
        let of_key = |key: usize| parts[key % shards].next();
        Ok((0..invocations.keys.len()).filter_map(of_key).collect())
    }
}

/// The registers whose number is `shard` modulo `shards`.
fn read_shard<'a, E: Events>(
    events: &'a E,
    reading: &Reading<'a>,
    invocations: &Invocations<'a>,
    shard: usize,
    shards: usize,
) -> Result<Vec<Register<'a, E>>, Malformed> {
    let own = || (shard..invocations.keys.len()).step_by(shards);
    let mut readers: Vec<(Reader<'a, '_, E>, RegisterHistory)> = own()
        .map(|key| {
            let count = invocations.counts[key];
            let reader = Reader { events, reading, values: Interner::new(reading.initial, count) };
            (reader, RegisterHistory { ops: Vec::with_capacity(count), ..RegisterHistory::default() })
        })
        .collect();
    for &(row, key) in invocations.rows.iter().filter(|(_, key)| *key as usize % shards == shard) {
        let (reader, history) = &mut readers[key as usize / shards];
        reader.add(history, row)?;
    }
    let register = |(key, (reader, mut history)): (usize, (Reader<'a, '_, E>, RegisterHistory))| {
        let texts = reader.values.into_texts();
        history.values = texts.len() as Value;
        Register { key: invocations.keys[key], history, texts, events }
    };
    Ok(own().zip(readers).map(register).collect())
}

struct Reader<'a, 'r, E> {
    events: &'a E,
    reading: &'r Reading<'a>,
    values: Interner<'a>,
}

impl<'a, E: Events> Reader<'a, '_, E> {
    fn add(&mut self, history: &mut RegisterHistory, id: u32) -> Result<(), Malformed> {
        let (events, row) = (self.events, id as usize);
        let completion = events.partner(row);
        let kind = completion.map_or(Kind::Info, |row| events.kind(row));
        let call = events.time(row);
        let ret = completion.filter(|_| kind != Kind::Info).map_or(NEVER, |row| events.time(row));
        let mut push = |action: Action| history.ops.push(RegisterOp { call, ret, action, id });
        match (events.f(row), kind) {
            ("read", Kind::Ok) => push(Action::Read(self.number(completion.and_then(|row| events.value(row))))),
            ("read", _) => {}
            ("write", Kind::Fail) => history.aborted.push((id, self.number(events.value(row)))),
            ("write", _) => push(Action::Write(self.number(events.value(row)))),
            ("cas", _) if self.reading.has_cas => {
                let Some((from, to)) = events.value(row).and_then(json::pair) else {
                    let found = events.value(row).unwrap_or("null");
                    return Err(Malformed::at(row, format!("a cas needs the value [expected, new], not {found}")));
                };
                let (from, to) = (self.values.number(from), self.values.number(to));
                if kind != Kind::Fail {
                    push(Action::Cas(from, to));
                    return Ok(());
                }
                let error = completion.and_then(|row| events.error(row));
                match error.and_then(|error| json::field(error, "current")) {
                    Some(current) => push(Action::Read(self.values.number(current))),
                    None if self.reading.failed_cas == FailedCas::Assert => push(Action::Not(from)),
                    None => {}
                }
                history.aborted.push((id, to));
            }
            (f, _) => {
                let known = if self.reading.has_cas { "read, write and cas" } else { "read and write" };
                return Err(Malformed::unknown_f(row, format!("a register knows {known}, not {f:?}")));
            }
        }
        Ok(())
    }

    fn number(&mut self, value: Option<&'a str>) -> Value {
        self.values.number(value.unwrap_or("null"))
    }
}
