//! Adya's G2 on predicates: of two transactions that each insert only if nothing matches, both succeeded.
//!
//! Both transactions of a key look whether any row with that key exists, in either of two tables, and insert one if
//! not; each into another table, so that no write conflicts. If both are acknowledged, each missed the other's insert:
//! a cycle of two predicate anti-dependencies, which serializability forbids.
use super::judge;
use super::object::{short, whole, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::FastMap;

pub fn check_adya_g2(events: &impl Events) -> Result<Report, Malformed> {
    whole(events, check)
}

#[derive(Default)]
struct Pair {
    attempted: u32,
    inserted: Vec<u32>,
}

fn check<E: Events>(object: &Object<'_, E>) -> Result<Report, Malformed> {
    let mut pairs: Vec<(&str, Pair)> = Vec::new();
    let mut places: FastMap<&str, usize> = FastMap::default();
    for op in object.ops() {
        if object.f(&op) != "insert" {
            return Err(object.unknown_f(&op, "adya-g2", "insert"));
        }
        let key = key(object, &op)?;
        let place = *places.entry(key).or_insert_with(|| {
            pairs.push((key, Pair::default()));
            pairs.len() - 1
        });
        let pair = &mut pairs[place].1;
        pair.attempted += 1;
        if op.outcome == Outcome::Ok {
            pair.inserted.push(op.row);
        }
    }
    let mut report = Report::default();
    report.count("pairs", pairs.len());
    report.count("contended", pairs.iter().filter(|(_, pair)| pair.attempted > 1).count());
    report.count("inserted", pairs.iter().filter(|(_, pair)| !pair.inserted.is_empty()).count());
    for (key, pair) in &pairs {
        if let [first, second, ..] = pair.inserted[..] {
            report.find("G2-predicate", key, || tell(object, key, first, second));
        }
    }
    judge::adya_g2(object, &mut report);
    let decided = |pair: &Pair| pair.attempted > 1 && !pair.inserted.is_empty();
    if !pairs.iter().any(|(_, pair)| decided(pair)) {
        report.unproven("no key was inserted and tried by two transactions");
    }
    Ok(report)
}

/// The key is that of the event, or the first of the value's pair, as Jepsen writes it: `[key, [a, b]]`.
fn key<'a, E: Events>(object: &Object<'a, E>, op: &Op) -> Result<&'a str, Malformed> {
    let text = object.asked(op).unwrap_or("null");
    let own = object.events.key(op.row as usize);
    let found = match own {
        Some(key) => is_row(text).then_some(key),
        None => scan::exactly(text).and_then(|[key, row]| is_row(row).then_some(key)),
    };
    found.ok_or_else(|| {
        let shape = if own.is_some() { "[a, b]" } else { "[key, [a, b]]" };
        object
            .malformed_call(op, format!("an insert needs the value {shape}, one of a and b null, not {}", short(text)))
    })
}

fn is_row(text: &str) -> bool {
    matches!(scan::exactly(text), Some([a, b]) if (a == "null") != (b == "null"))
}

fn tell<E: Events>(object: &Object<'_, E>, key: &str, first: u32, second: u32) -> (String, Vec<u32>) {
    let did = |row: u32| {
        let op = object.op(row);
        format!("process {} at {}", object.who(row), object.at(op.ret))
    };
    let told = format!(
        "Two inserts for key {} were acknowledged, to {} and to {}, though each was to be made only if there was none.",
        short(key),
        did(first),
        did(second)
    );
    (told, vec![first, second])
}
