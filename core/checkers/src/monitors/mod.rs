//! Near-linear answers for collections of distinct elements.
//!
//! What makes searches hard is not knowing where an operation stands. Where elements are distinct, results tell: which
//! read saw which additions, which dequeue took which element. A monitor looks for the few patterns that no
//! linearizable history has, and knows that a history without them is linearizable. What it cannot decide (elements that
//! were added twice, types it has no patterns for) it hands to the search.
mod counter;
mod lives;
mod permits;
mod priority_queue;
mod queue;
mod set;
mod stack;
mod trees;

pub use counter::judge_counter;
pub use permits::judge_permits;
pub use priority_queue::judge_priority_queue;
pub use queue::judge_queue;
pub use set::judge_set;
pub use stack::judge_stack;

use crate::objects::Timed;

/// A monitor's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement<O> {
    Linearizable,
    Violation(Pattern<O>),
    Undecided,
}

/// A forbidden pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern<O> {
    pub kind: &'static str,
    /// Indices of the operations that form it, each as far as it matters: a read may be reduced to the elements the
    /// pattern is about.
    pub ops: Vec<(u32, O)>,
    /// What is wrong in words. `{0}` stands for the first of the operations, and so on.
    pub text: String,
}

impl<O: Clone> Pattern<O> {
    fn of(kind: &'static str, ops: &[Timed<O>], members: &[u32], text: &str) -> Judgement<O> {
        let ops = members.iter().map(|&op| (op, ops[op as usize].op.clone())).collect();
        Judgement::Violation(Self { kind, ops, text: text.to_owned() })
    }
}
