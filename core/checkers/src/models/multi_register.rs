//! Several registers that one operation reads and writes at once: a list of `["r", key, value]` and `["w", key, value]`.
use super::names::Names;
use super::{Call, Model, Readable, Unreadable};
use crate::json;

/// One step of an operation: `write` or read, register, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Micro {
    pub write: bool,
    pub register: u32,
    pub value: u32,
}

/// Registers that hold null at first. Those that no operation touches together are independent.
#[derive(Clone, Debug)]
pub struct MultiRegister {
    registers: Names,
    values: Names,
}

impl Default for MultiRegister {
    fn default() -> Self {
        let mut values = Names::default();
        values.number("null");
        Self { registers: Names::default(), values }
    }
}

const NULL: u32 = 0;

/// What registers hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// By register, where it is not what all the others hold.
    pub values: Vec<(u32, u32)>,
    /// `None` if nobody knows.
    pub others: Option<u32>,
}

impl Held {
    fn get(&self, register: u32) -> Option<u32> {
        let at = self.values.binary_search_by_key(&register, |&(register, _)| register);
        at.map_or(self.others, |at| Some(self.values[at].1))
    }

    fn set(&mut self, register: u32, value: u32) {
        let is_other = self.others == Some(value);
        match self.values.binary_search_by_key(&register, |&(register, _)| register) {
            Ok(at) if is_other => drop(self.values.remove(at)),
            Ok(at) => self.values[at].1 = value,
            Err(_) if is_other => {}
            Err(at) => self.values.insert(at, (register, value)),
        }
    }
}

impl Model for MultiRegister {
    type State = Held;
    type Op = Vec<Micro>;

    fn initial(&self) -> Held {
        Held { others: Some(NULL), values: Vec::new() }
    }

    fn unknown(&self) -> Option<Held> {
        Some(Held { others: None, values: Vec::new() })
    }

    fn step(&self, state: &Held, op: &Vec<Micro>) -> Option<Held> {
        let mut state = state.clone();
        for micro in op {
            if !micro.write && state.get(micro.register).is_some_and(|held| held != micro.value) {
                return None;
            }
            // An unknown value is known once it was read.
            state.set(micro.register, micro.value);
        }
        Some(state)
    }

    fn heap_bytes(&self, state: &Held) -> usize {
        size_of_val(state.values.as_slice())
    }

    fn is_read_only(&self, op: &Vec<Micro>) -> bool {
        op.iter().all(|micro| !micro.write)
    }
}

impl Readable for MultiRegister {
    fn read(&mut self, call: Call<'_>) -> Result<Option<Vec<Micro>>, Unreadable> {
        let list = if call.is_pending() { call.asked() } else { call.answer() };
        let wrong =
            || format!("an operation on several registers is a list of [\"r\" or \"w\", register, value], not {list}");
        let mut op = Vec::new();
        for micro in json::elements(list).ok_or_else(wrong)? {
            let parts = json::elements(micro).ok_or_else(wrong)?;
            let &[f, register, value] = parts.as_slice() else { return Err(wrong().into()) };
            let write = match f {
                "\"w\"" | "\"write\"" => true,
                "\"r\"" | "\"read\"" => false,
                _ => return Err(wrong().into()),
            };
            // Nobody knows what a pending operation read.
            if write || !call.is_pending() {
                op.push(Micro { write, register: self.registers.number(register), value: self.values.number(value) });
            }
        }
        Ok((!op.is_empty()).then_some(op))
    }

    fn objects(&self, op: &Vec<Micro>) -> Vec<u32> {
        op.iter().map(|micro| micro.register).collect()
    }
}
