//! The register as a machine for searches.
use super::op::{Action, INITIAL};
use crate::model::Machine;

/// The state of a register about which nothing is known.
const UNKNOWN: u32 = u32::MAX;

/// A register whose states are its values and whose actions are looked up in a table.
#[derive(Clone, Debug, Default)]
pub struct RegisterMachine {
    actions: Vec<Action>,
}

impl RegisterMachine {
    pub fn new(actions: Vec<Action>) -> Self {
        Self { actions }
    }

    /// Changes what an action is.
    pub fn set(&mut self, number: u32, action: Action) {
        self.actions[number as usize] = action;
    }
}

impl Machine for RegisterMachine {
    fn initial(&mut self) -> u32 {
        INITIAL
    }

    fn unknown(&mut self) -> Option<u32> {
        Some(UNKNOWN)
    }

    fn step(&mut self, state: u32, action: u32) -> Option<u32> {
        match self.actions[action as usize] {
            Action::Read(value) => (value == state || state == UNKNOWN).then_some(value),
            Action::Write(value) => Some(value),
            Action::Cas(from, to) => (from == state || state == UNKNOWN).then_some(to),
            Action::Not(value) => (value != state).then_some(state),
        }
    }

    fn is_read_only(&self, action: u32) -> bool {
        match self.actions[action as usize] {
            Action::Read(_) | Action::Not(_) => true,
            Action::Write(_) => false,
            Action::Cas(from, to) => from == to,
        }
    }
}
