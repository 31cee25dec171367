//! A set: `add` and `remove` an element, `read` them all as a list.
use super::names::Names;
use super::{Call, Model, Readable, Unreadable};
use crate::json;
use crate::monitors::{judge_set, Judgement};
use crate::objects::Timed;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    Add(u32),
    Remove(u32),
    /// Sorted; an element that was read twice is there twice, which no set allows.
    Read(Vec<u32>),
}

#[derive(Clone, Debug, Default)]
pub struct Set {
    names: Names,
    has_removals: bool,
}

impl Model for Set {
    /// Sorted; `None` while nobody knows.
    type State = Option<Vec<u32>>;
    type Op = SetOp;

    fn initial(&self) -> Self::State {
        Some(Vec::new())
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &SetOp) -> Option<Self::State> {
        let Some(state) = state else {
            let SetOp::Read(elements) = op else { return Some(None) };
            return elements.windows(2).all(|pair| pair[0] < pair[1]).then(|| Some(elements.clone()));
        };
        let next = match op {
            SetOp::Add(element) => Some(match state.binary_search(element) {
                Ok(_) => state.clone(),
                Err(at) => [&state[..at], &[*element], &state[at..]].concat(),
            }),
            SetOp::Remove(element) => Some(match state.binary_search(element) {
                Ok(at) => [&state[..at], &state[at + 1..]].concat(),
                Err(_) => state.clone(),
            }),
            SetOp::Read(elements) => (state == elements).then(|| state.clone()),
        };
        next.map(Some)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state.as_deref().unwrap_or_default())
    }

    fn is_read_only(&self, op: &SetOp) -> bool {
        matches!(op, SetOp::Read(_))
    }

    fn may_lead_to(&self, state: &Self::State, op: &SetOp) -> bool {
        match op {
            SetOp::Read(elements) if !self.has_removals => {
                state.iter().flatten().all(|element| elements.binary_search(element).is_ok())
            }
            _ => true,
        }
    }
}

impl Readable for Set {
    fn read(&mut self, call: Call<'_>) -> Result<Option<SetOp>, Unreadable> {
        match call.f {
            "add" => Ok(Some(SetOp::Add(self.names.number(call.asked())))),
            "remove" => {
                self.has_removals = true;
                Ok(Some(SetOp::Remove(self.names.number(call.asked()))))
            }
            "read" if call.is_pending() => Ok(None),
            "read" => {
                let answer = call.answer();
                let list = if answer == "null" { Some(Vec::new()) } else { json::elements(answer) };
                let list = list.ok_or_else(|| format!("a read of a set returns a list, not {answer}"))?;
                let mut elements: Vec<u32> = list.into_iter().map(|element| self.names.number(element)).collect();
                elements.sort_unstable();
                Ok(Some(SetOp::Read(elements)))
            }
            _ => Err(call.unknown_f("a set knows add, remove and read")),
        }
    }

    fn judge(&self, ops: &[Timed<SetOp>]) -> Judgement<SetOp> {
        judge_set(ops)
    }
}
