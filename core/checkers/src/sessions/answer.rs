//! What is asked of a history of sessions, and what the answer can be.

/// What a client may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guarantee {
    MonotonicReads,
    MonotonicWrites,
    ReadYourWrites,
    WritesFollowReads,
    Pram,
    Causal,
    Sequential,
}

/// Whether it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    Violated(Reason),
    /// Nothing refutes it and nothing proves it: all that is known of sequential consistency now and then.
    Unknown,
    OutOfBudget,
}

/// Events that force an order on each other that goes round in a circle; `reader` is the session that sees it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub cycle: Vec<u32>,
    pub reader: Option<u32>,
}
