//! Anomalies that are no cycles, and what an analysis of a data type hands on to the search for cycles.
use super::graph::Edge;
use super::history::NONE;

/// An anomaly that a few transactions prove.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub name: &'static str,
    /// The transaction that saw it or did it first, then those that made it one.
    pub txns: Vec<u32>,
    pub key: u32,
    /// The value it is about, or `NONE`.
    pub value: u32,
}

/// Those of these transactions that there are.
pub fn some(txns: impl IntoIterator<Item = u32>) -> Vec<u32> {
    txns.into_iter().filter(|&txn| txn != NONE).collect()
}

/// What the values of a history say about the order of its transactions.
#[derive(Default)]
pub struct Dependencies {
    pub edges: Vec<Edge>,
    /// Transactions and auxiliary nodes.
    pub nodes: u32,
    pub findings: Vec<Finding>,
    /// Whether it may matter: completed, or observed.
    pub is_node: Vec<bool>,
}
