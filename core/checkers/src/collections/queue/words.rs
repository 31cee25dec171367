//! What is wrong with a queue, in words.
use super::{Deed, Queue};
use crate::collections::object::{short, Op};
use crate::events::Events;

impl<E: Events> Queue<'_, '_, E> {
    fn value(&self, value: u32) -> String {
        short(self.texts[value as usize])
    }

    pub fn tell_unexpected(&self, value: u32, dequeue: &Op) -> (String, Vec<u32>) {
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

    pub fn tell_duplicate(&self, value: u32, put: &[Deed], got: &[Deed]) -> (String, Vec<u32>) {
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

    pub fn tell_early(&self, value: u32, put: &[Deed], got: &[Deed]) -> (String, Vec<u32>) {
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

    pub fn tell_lost(&self, lost: &Deed, empty: Option<&Op>, excused: &[(Deed, Op)]) -> (String, Vec<u32>) {
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
