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

impl Model for MultiRegister {
    /// What is not null, by register.
    type State = Vec<(u32, u32)>;
    type Op = Vec<Micro>;

    fn initial(&self) -> Self::State {
        Vec::new()
    }

    fn step(&self, state: &Self::State, op: &Vec<Micro>) -> Option<Self::State> {
        let mut state = state.clone();
        for micro in op {
            let at = state.binary_search_by_key(&micro.register, |&(register, _)| register);
            if !micro.write {
                if at.map_or(NULL, |at| state[at].1) != micro.value {
                    return None;
                }
                continue;
            }
            match at {
                Ok(at) if micro.value == NULL => drop(state.remove(at)),
                Ok(at) => state[at].1 = micro.value,
                Err(_) if micro.value == NULL => {}
                Err(at) => state.insert(at, (micro.register, micro.value)),
            }
        }
        Some(state)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state.as_slice())
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
