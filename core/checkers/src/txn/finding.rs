//! Anomalies that are no cycles, and what an analysis of a data type hands on to the search for cycles.
use super::graph::Edge;

/// An anomaly that one, two or three transactions prove. Unused places are `NONE`.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    pub name: &'static str,
    pub key: u32,
    /// The value it is about, or `NONE`.
    pub value: u32,
    /// The transaction that saw it or did it first, then those that made it one.
    pub txns: [u32; 3],
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
