//! Causal reverse: a read that sees a write, but not an earlier one that was acknowledged before that was called.
//!
//! Strict serializability forbids it; serializability alone does not. For a read, only the write it saw that was called
//! last matters: every write acknowledged before that call must be in the read as well. So the read holds as many of
//! them as there are, and one count decides.
use super::judge;
use super::object::{each_key, short, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::Interner;
use crate::model::NEVER;

pub fn check_causal_reverse(events: &impl Events) -> Result<Report, Malformed> {
    each_key(events, check)
}

#[derive(Clone, Copy)]
enum Source {
    Nobody,
    Failed(u32),
    Write(Op),
}

fn check<E: Events>(object: &Object<'_, E>) -> Result<Report, Malformed> {
    let mut values = Interner::new("null", object.len());
    let mut sources = vec![Source::Nobody];
    let mut reads = Vec::new();
    for op in object.ops() {
        match (object.f(&op), op.outcome) {
            ("write" | "add", outcome) => {
                let value = object.asked(&op);
                let value = value.ok_or_else(|| object.malformed_call(&op, "a write needs a value"))?;
                let number = values.number(value) as usize;
                sources.resize(sources.len().max(number + 1), Source::Nobody);
                match (sources[number], outcome) {
                    (Source::Write(_), Outcome::Failed) => {}
                    (_, Outcome::Failed) => sources[number] = Source::Failed(op.row),
                    (Source::Write(_), _) => {
                        let value = short(value);
                        return Err(object.malformed_call(&op, format!("{value} is written a second time")));
                    }
                    _ => sources[number] = Source::Write(op),
                }
            }
            ("read", Outcome::Ok) => reads.push(op),
            ("read", _) => {}
            _ => return Err(object.unknown_f(&op, "causal reverse", "write (or add) and read")),
        }
    }
    let mut acknowledged: Vec<(i64, u32)> = (0u32..)
        .zip(&sources)
        .filter_map(|(number, source)| match source {
            Source::Write(op) if op.ret != NEVER => Some((op.ret, number)),
            _ => None,
        })
        .collect();
    acknowledged.sort_unstable();
    let mut search = Search { object, values, sources, acknowledged, seen: Vec::new(), report: Report::default() };
    search.report.count("reads", reads.len());
    search.report.count("acknowledged", search.acknowledged.len());
    for (place, read) in (1u32..).zip(&reads) {
        search.look_at(read, place)?;
    }
    let mut report = search.report;
    judge::causal_reverse(object, &mut report);
    if reads.is_empty() || report.counts.contains(&("acknowledged", 0)) {
        report.unproven("there is no read that could show two writes in the wrong order");
    }
    Ok(report)
}

struct Search<'o, 'a, E> {
    object: &'o Object<'a, E>,
    values: Interner<'a>,
    sources: Vec<Source>,
    /// The moment and value of every acknowledged write, by moment.
    acknowledged: Vec<(i64, u32)>,
    /// The place of the read that saw the value last.
    seen: Vec<u32>,
    report: Report,
}

impl<E: Events> Search<'_, '_, E> {
    fn look_at(&mut self, read: &Op, place: u32) -> Result<(), Malformed> {
        let text = self.object.answer(read).unwrap_or("null");
        let mut latest: Option<Op> = None;
        let mut rets = Vec::new();
        for item in scan::items(text) {
            let item = item.map_err(|_| {
                self.object.malformed_answer(read, format!("a read returns a list of values, not {}", short(text)))
            })?;
            let at = self.values.number(item) as usize;
            self.sources.resize(self.sources.len().max(at + 1), Source::Nobody);
            self.seen.resize(self.seen.len().max(self.sources.len()), 0);
            if std::mem::replace(&mut self.seen[at], place) == place {
                continue;
            }
            match self.sources[at] {
                Source::Write(op) => {
                    rets.push(op.ret);
                    if latest.is_none_or(|last| last.call < op.call) {
                        latest = Some(op);
                    }
                }
                source => self.thin_air(read, item, source),
            }
        }
        let Some(latest) = latest else { return Ok(()) };
        let required = self.acknowledged.partition_point(|(ret, _)| *ret < latest.call);
        if rets.iter().filter(|&&ret| ret < latest.call).count() < required {
            self.reversed(read, place, &latest, required);
        }
        Ok(())
    }

    fn reversed(&mut self, read: &Op, place: u32, latest: &Op, required: usize) {
        let seen = &self.seen;
        let is_missing = |value: u32| seen.get(value as usize) != Some(&place);
        let missing = self.acknowledged[..required].iter().find(|(_, value)| is_missing(*value));
        let Some(&(acknowledged, missing)) = missing else { return };
        let Source::Write(write) = self.sources[missing as usize] else { return };
        let object = self.object;
        let value = |op: &Op| short(object.asked(op).unwrap_or("null"));
        self.report.find("causal-reverse", object.asked(&write).unwrap_or("null"), || {
            let told = format!(
                "Process {} read {} at {} without {}, whose write by process {} was acknowledged at {}, before process \
                 {} wrote {} at {}.",
                object.who(read.row),
                value(latest),
                object.at(read.ret),
                value(&write),
                object.who(write.row),
                object.at(acknowledged),
                object.who(latest.row),
                value(latest),
                object.at(latest.call),
            );
            (told, vec![read.row, latest.row, write.row])
        });
    }

    fn thin_air(&mut self, read: &Op, value: &str, source: Source) {
        let object = self.object;
        let saw = || format!("Process {} read {} at {}", object.who(read.row), short(value), object.at(read.ret));
        match source {
            Source::Failed(write) => self.report.find("aborted-read", value, || {
                let by = object.who(write);
                (format!("{}, although the write by process {by} had failed.", saw()), vec![read.row, write])
            }),
            _ => self.report.find("thin-air", value, || (format!("{}, which nobody wrote.", saw()), vec![read.row])),
        }
    }
}
