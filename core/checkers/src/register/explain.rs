//! A proof in words: which client saw what, when, and why it could not.
use super::conflict::Conflict;
use super::op::{Action, RegisterOp, Value, INITIAL};
use super::witness::Witness;
use crate::model::NEVER;

/// What a sentence needs to know about a history beside its operations.
pub trait Story {
    fn process(&self, id: u32) -> i64;
    /// The value as the user writes it.
    fn value(&self, value: Value) -> String;
    /// A moment with its unit, such as "1,204 ms".
    fn moment(&self, time: i64) -> String;
}

/// The name of the anomaly and one to three sentences about it.
pub fn explain(witness: &Witness, story: &impl Story) -> (&'static str, String) {
    let teller = Teller { ops: &witness.ops, story };
    match &witness.conflict {
        Conflict::ThinAir { observer } => ("thin-air-read", teller.thin_air(*observer)),
        Conflict::Aborted { observer, writer } => ("aborted-read", teller.aborted(*observer, *writer)),
        Conflict::Fork { first, second } => ("forked-cas", teller.fork(*first, *second)),
        Conflict::Cycle { ops } => ("non-linearizable", teller.cycle(ops)),
        Conflict::Order { earlier, later } => teller.order(*earlier, *later),
        Conflict::Zones { first, second, third, fourth } => teller.zones(*first, *second, *third, *fourth),
    }
}

struct Teller<'a, S> {
    ops: &'a [RegisterOp],
    story: &'a S,
}

impl<S: Story> Teller<'_, S> {
    fn op(&self, index: u32) -> &RegisterOp {
        &self.ops[index as usize]
    }

    fn process(&self, index: u32) -> String {
        format!("process {}", self.story.process(self.op(index).id))
    }

    fn called(&self, index: u32) -> String {
        self.story.moment(self.op(index).call)
    }

    /// "at 12 ms", or what stands in for it if the client never got an answer.
    fn at(&self, index: u32) -> String {
        match self.op(index).ret {
            NEVER => "without ever getting an answer".to_owned(),
            time => format!("at {}", self.story.moment(time)),
        }
    }

    /// The end of an operation that has one; pending operations prove nothing by their end.
    fn returned(&self, index: u32) -> String {
        self.story.moment(self.op(index).ret)
    }

    fn value(&self, value: Value) -> String {
        self.story.value(value)
    }

    fn observed(&self, index: u32) -> String {
        self.value(self.op(index).action.observed().unwrap_or(INITIAL))
    }

    /// The value an operation stands for.
    fn place(&self, index: u32) -> Value {
        let action = self.op(index).action;
        action.written().or(action.observed()).unwrap_or(INITIAL)
    }

    /// "process 3 read 7", "process 1 wrote 9", "process 2 changed 7 into 9".
    fn deed(&self, index: u32) -> String {
        let process = self.process(index);
        match self.op(index).action {
            Action::Read(value) => format!("{process} read {}", self.value(value)),
            Action::Write(value) => format!("{process} wrote {}", self.value(value)),
            Action::Cas(from, to) => format!("{process} changed {} into {}", self.value(from), self.value(to)),
            Action::Not(value) => format!("{process} found something other than {}", self.value(value)),
        }
    }

    fn thin_air(&self, observer: u32) -> String {
        let value = self.observed(observer);
        let deed = capitalized(&self.deed(observer));
        format!("{deed} {}, but nobody ever wrote {value}.", self.at(observer))
    }

    fn aborted(&self, observer: u32, writer: u32) -> String {
        let value = self.observed(observer);
        let deed = capitalized(&self.deed(observer));
        let writer = self.story.process(writer);
        let when = self.at(observer);
        format!("{deed} {when}, but the only write of {value}, by process {writer}, had failed.")
    }

    fn fork(&self, first: u32, second: u32) -> String {
        let (first, second) = if self.op(second).ret < self.op(first).ret { (second, first) } else { (first, second) };
        let from = self.observed(first);
        format!(
            "{} {}, and {} {}: both found {from}, which was written only once. One of the two updates was lost.",
            capitalized(&self.deed(first)),
            self.at(first),
            self.deed(second),
            self.at(second),
        )
    }

    fn cycle(&self, ops: &[u32]) -> String {
        let deeds: Vec<String> = ops.iter().map(|&op| self.deed(op)).collect();
        format!(
            "{}: each found what another of them left, and nothing else wrote these values.",
            capitalized(&deeds.join(", "))
        )
    }

    /// `later` stands after `earlier` in one chain, yet returned before it was called.
    fn order(&self, earlier: u32, later: u32) -> (&'static str, String) {
        let (late, early) = (self.op(later), self.op(earlier));
        match (early.action, late.action) {
            (Action::Write(value) | Action::Cas(_, value), Action::Read(seen)) if value == seen => (
                "non-linearizable",
                format!(
                    "{} at {}, before the only write of {} was even invoked, by {} at {}.",
                    capitalized(&self.deed(later)),
                    self.returned(later),
                    self.value(value),
                    self.process(earlier),
                    self.called(earlier),
                ),
            ),
            (Action::Read(value), _) => ("stale-read", self.stale(earlier, value, later)),
            _ => (
                "non-linearizable",
                format!(
                    "{} by {}, which needs what was there only after {} - and that was not invoked before {}.",
                    capitalized(&self.deed(later)),
                    self.returned(later),
                    self.deed(earlier),
                    self.called(earlier),
                ),
            ),
        }
    }

    /// `reader` saw `value` after `newer`, an operation that wrote or saw something newer, had returned.
    fn stale(&self, reader: u32, value: Value, newer: u32) -> String {
        let verb = match self.op(reader).action {
            Action::Cas(_, to) => format!("changed {} into {}", self.value(value), self.value(to)),
            _ => format!("read {}", self.value(value)),
        };
        let start = format!("{} {verb} at {}", capitalized(&self.process(reader)), self.called(reader));
        let done = self.returned(newer);
        let by = self.process(newer);
        match self.op(newer).action {
            Action::Write(new) => format!(
                "{start} although {} had been written over it by {by}, whose write was acknowledged at {done}.",
                self.value(new)
            ),
            Action::Cas(from, new) if from == value => {
                format!("{start} although {by} had replaced it by {}, acknowledged at {done}.", self.value(new))
            }
            Action::Cas(_, new) => format!(
                "{start} although {by} had already set a newer value, {}, acknowledged at {done}.",
                self.value(new)
            ),
            Action::Read(new) | Action::Not(new) => {
                format!("{start} although {by} had already read a newer value, {}, at {done}.", self.value(new))
            }
        }
    }

    /// Real time puts `first` before `second` and `third` before `fourth`; the values allow one of these only.
    fn zones(&self, first: Option<u32>, second: u32, third: u32, fourth: u32) -> (&'static str, String) {
        let is_read = |op: u32| matches!(self.op(op).action, Action::Read(_));
        // Told from the side of a read if there is one: a read that came too late for its value.
        let told_from_second = first.is_some() && is_read(second) && !is_read(fourth);
        let (evidence, reader, newer) = match first {
            Some(first) if told_from_second => (Some((third, fourth)), second, first),
            _ => (first.map(|first| (first, second)), fourth, third),
        };
        let value = self.op(reader).action.observed().unwrap_or_else(|| self.place(reader));
        let kind = if is_read(reader) { "stale-read" } else { "non-linearizable" };
        let mut text = match self.op(reader).action {
            Action::Write(_) => return (kind, self.tangle(first, second, third, fourth)),
            _ => self.stale(reader, value, newer),
        };
        if let Action::Cas(..) = self.op(reader).action {
            text.push_str(" That write was lost.");
        }
        if let Some((older, successor)) = evidence {
            if self.is_obvious(older, value) && successor == newer {
                return (kind, text);
            }
            text.push_str(&format!(
                " {} is the newer of the two: {} by {}, before {} (invoked at {}).",
                self.value(self.place(newer)),
                self.deed(older),
                self.returned(older),
                self.deed(successor),
                self.called(successor),
            ));
        }
        (kind, text)
    }

    /// The plain case: a value, then another written over it, then the first one again.
    fn is_obvious(&self, older: u32, value: Value) -> bool {
        self.op(older).action == Action::Write(value)
    }

    /// Both orders are impossible, and no read is to blame.
    fn tangle(&self, first: Option<u32>, second: u32, third: u32, fourth: u32) -> String {
        let before = |a: u32, b: u32| {
            format!("{} by {}, before {} (invoked at {})", self.deed(a), self.returned(a), self.deed(b), self.called(b))
        };
        let (x, y) = (self.value(self.place(fourth)), self.value(self.place(third)));
        let start =
            first.map_or_else(|| format!("The history began with {x}"), |first| capitalized(&before(first, second)));
        format!("{start}, so {y} is newer than {x}; but {}, so {x} is newer than {y}.", before(third, fourth))
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
