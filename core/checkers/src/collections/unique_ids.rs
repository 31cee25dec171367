//! Identifiers that must never be given out twice.
use super::judge;
use super::object::{each_key, short, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::FastMap;

/// Per identifier the first operation that got it, and the second.
struct Given {
    first: Op,
    second: Option<Op>,
    times: u32,
}

pub fn check_unique_ids(events: &impl Events) -> Result<Report, Malformed> {
    each_key(events, check)
}

fn check<E: Events>(object: &Object<'_, E>) -> Result<Report, Malformed> {
    let mut given: FastMap<&str, u32> = FastMap::default();
    let mut twice: Vec<(&str, Given)> = Vec::new();
    let mut twice_at: FastMap<&str, usize> = FastMap::default();
    let (mut acknowledged, mut range) = (0, Range::default());
    for op in object.ops() {
        if object.f(&op) != "generate" {
            return Err(object.unknown_f(&op, "a generator of identifiers", "generate"));
        }
        if op.outcome != Outcome::Ok {
            continue;
        }
        acknowledged += 1;
        let id = object.answer(&op).ok_or_else(|| object.malformed_answer(&op, "a generate returned no identifier"))?;
        range.take(id);
        let first = *given.entry(id).or_insert(op.row);
        if first != op.row {
            let place = *twice_at.entry(id).or_insert(twice.len());
            if place == twice.len() {
                twice.push((id, Given { first: object.op(first), second: None, times: 1 }));
            }
            let given = &mut twice[place].1;
            given.second.get_or_insert(op);
            given.times += 1;
        }
    }
    let mut report = Report::default();
    report.count("attempted", object.len());
    report.count("acknowledged", acknowledged);
    if let Range { least: Some(least), greatest: Some(greatest) } = range {
        report.notes.push(("range", format!("{least}..{greatest}")));
    }
    for (id, given) in &twice {
        report.find("duplicate", id, || tell(object, id, given));
    }
    judge::unique_ids(object, &mut report);
    if acknowledged < 2 {
        report.unproven("fewer than two identifiers were given out");
    }
    Ok(report)
}

fn tell<E: Events>(object: &Object<'_, E>, id: &str, given: &Given) -> (String, Vec<u32>) {
    let second = given.second.unwrap_or(given.first);
    let got = |op: &Op| format!("process {} at {}", object.who(op.row), object.at(op.ret));
    let times = if given.times > 2 { format!(", {} times in all", given.times) } else { String::new() };
    let told = format!("{} was given to {} and to {}{times}.", short(id), got(&given.first), got(&second));
    (told, vec![given.first.row, second.row])
}

/// The least and the greatest of the identifiers that are integers.
#[derive(Default)]
struct Range {
    least: Option<i64>,
    greatest: Option<i64>,
}

impl Range {
    fn take(&mut self, id: &str) {
        if let Some(number) = scan::integer(id) {
            self.least = Some(self.least.map_or(number, |least| least.min(number)));
            self.greatest = Some(self.greatest.map_or(number, |greatest| greatest.max(number)));
        }
    }
}
