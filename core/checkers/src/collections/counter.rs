//! A counter: every read must lie between the least and the greatest sum that the adds allow.
//!
//! A read took effect at some moment t while it was open. By then every add acknowledged before t had happened, and
//! any that was called by then and did not fail may have. The least sum at t is that of the acknowledged increments and
//! of all decrements that may have happened; the greatest the other way round. The read is in order only if its value
//! lies between the least of the least sums and the greatest of the greatest, over all t. With increments alone that is
//! the familiar [acknowledged before its call, called before its return]; with decrements it is narrower than that rule
//! taken by sign, because an increment acknowledged before a decrement was called can no longer be left out.
//!
//! The least sums change only where an increment is acknowledged or a decrement called, so they are a row of numbers,
//! and each read asks for the minimum of a range of it.
use super::judge;
use super::object::{each_key, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};

/// `initial` is the value before the first add.
pub fn check_counter(events: &impl Events, initial: i64) -> Result<Report, Malformed> {
    each_key(events, |object| check(object, initial))
}

struct Add {
    op: Op,
    delta: i64,
}

fn check<E: Events>(object: &Object<'_, E>, initial: i64) -> Result<Report, Malformed> {
    let (mut adds, mut reads) = (Vec::new(), Vec::new());
    for op in object.ops() {
        match object.f(&op) {
            "add" => {
                let delta = whole(object.asked(&op)).map_err(|found| {
                    object.malformed_call(&op, format!("an add to a counter needs a whole number, not {found}"))
                })?;
                if op.outcome != Outcome::Failed {
                    adds.push(Add { op, delta });
                }
            }
            "read" if op.outcome == Outcome::Ok => {
                let value = whole(object.answer(&op)).map_err(|found| {
                    object.malformed_answer(&op, format!("a read of a counter returns a whole number, not {found}"))
                })?;
                reads.push((op, value));
            }
            "read" => {}
            _ => return Err(object.unknown_f(&op, "a counter", "add and read")),
        }
    }
    let least = Sums::over(&adds, initial, 1);
    let greatest = Sums::over(&adds, initial, -1);
    let mut report = Report::default();
    report.count("adds", adds.len());
    report.count("reads", reads.len());
    for (read, value) in &reads {
        let (low, high) = (least.least(read), -greatest.least(read));
        if i128::from(*value) < low {
            report.find("below-bounds", &value.to_string(), || below(object, &adds, read, *value, low));
        } else if i128::from(*value) > high {
            report.find("above-bounds", &value.to_string(), || above(object, &adds, read, *value, high));
        }
    }
    judge::counter(object, &mut report, initial);
    if reads.is_empty() {
        report.unproven("no read returned");
    }
    Ok(report)
}

fn whole(text: Option<&str>) -> Result<i64, String> {
    let text = text.unwrap_or("null");
    scan::integer(text).ok_or_else(|| super::object::short(text))
}

/// The least sum at every moment: `sum[i]` holds from `from[i]` on, until the next. Times are doubled: an
/// acknowledgement counts just after its timestamp, because equal timestamps are concurrent.
struct Sums {
    from: Vec<i128>,
    tree: Vec<i128>,
}

impl Sums {
    /// With `sign` -1, of the negated sums.
    fn over(adds: &[Add], initial: i64, sign: i128) -> Self {
        let change = |add: &Add| {
            let delta = sign * i128::from(add.delta);
            let called = 2 * i128::from(add.op.call);
            match add.op.outcome {
                _ if delta < 0 => Some((called, delta)),
                Outcome::Ok => Some((2 * i128::from(add.op.ret) + 1, delta)),
                _ => None,
            }
        };
        let mut changes: Vec<(i128, i128)> = adds.iter().filter_map(change).collect();
        changes.sort_unstable();
        let mut from = vec![i128::MIN];
        let mut sums = vec![sign * i128::from(initial)];
        for (at, delta) in changes {
            let sum = sums[sums.len() - 1] + delta;
            if from[from.len() - 1] == at {
                let last = sums.len() - 1;
                sums[last] = sum;
            } else {
                from.push(at);
                sums.push(sum);
            }
        }
        let leaves = sums.len();
        let mut tree = vec![i128::MAX; leaves];
        tree.append(&mut sums);
        for node in (1..leaves).rev() {
            tree[node] = tree[2 * node].min(tree[2 * node + 1]);
        }
        Self { from, tree }
    }

    /// The least sum at any moment while the operation was open.
    fn least(&self, op: &Op) -> i128 {
        let place = |time: i64| self.from.partition_point(|&from| from <= 2 * i128::from(time)) - 1;
        let leaves = self.from.len();
        let (mut left, mut right) = (place(op.call) + leaves, place(op.ret) + leaves + 1);
        let mut least = i128::MAX;
        while left < right {
            if left & 1 == 1 {
                least = least.min(self.tree[left]);
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                least = least.min(self.tree[right]);
            }
            left /= 2;
            right /= 2;
        }
        least
    }
}

fn below<E: Events>(object: &Object<'_, E>, adds: &[Add], read: &Op, value: i64, low: i128) -> (String, Vec<u32>) {
    let told = format!("{}, but the adds that certainly came before leave at least {low}.", said(object, read, value));
    (told, proof(adds, read, 1, low - i128::from(value)))
}

fn above<E: Events>(object: &Object<'_, E>, adds: &[Add], read: &Op, value: i64, high: i128) -> (String, Vec<u32>) {
    let told = format!("{}, but all adds that can have come before make at most {high}.", said(object, read, value));
    (told, proof(adds, read, -1, i128::from(value) - high))
}

/// The most operations that a proof names. All that count are in the sentence.
const PROOF_MAX: usize = 100;

/// The read, and the fewest acknowledged adds of this sign that it takes: without others, whose sum is less than what
/// the read is off by, it would be off still.
fn proof(adds: &[Add], read: &Op, sign: i64, off_by: i128) -> Vec<u32> {
    let counts = |add: &&Add| add.delta.signum() == sign && add.op.ret < read.ret;
    let mut before: Vec<&Add> = adds.iter().filter(counts).collect();
    before.sort_by_key(|add| std::cmp::Reverse(add.delta.unsigned_abs()));
    let mut needed = before.iter().map(|add| i128::from(add.delta).abs()).sum::<i128>() - off_by + 1;
    let mut ops = vec![read.row];
    for add in before.iter().take(PROOF_MAX) {
        if needed <= 0 {
            break;
        }
        needed -= i128::from(add.delta).abs();
        ops.push(add.op.row);
    }
    ops
}

fn said<E: Events>(object: &Object<'_, E>, read: &Op, value: i64) -> String {
    format!("Process {} read {value} at {}", object.who(read.row), object.at(read.ret))
}
