//! Anomalies that are no cycles, and what an analysis of a data type hands on to the search for cycles.
use super::graph::Edge;
use super::history::NONE;

/// An anomaly that a few transactions prove. Unused places are `NONE`.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    pub name: &'static str,
    pub key: u32,
    /// The value it is about, or `NONE`.
    pub value: u32,
    /// The transaction that saw it or did it first, then those that made it one.
    pub txns: [u32; TXNS_MAX],
}

/// Two pairs that show an order each, and who wrote what they saw.
pub const TXNS_MAX: usize = 6;

/// These transactions, at most as many as there are places.
pub fn some(txns: impl IntoIterator<Item = u32>) -> [u32; TXNS_MAX] {
    let mut places = [NONE; TXNS_MAX];
    places.iter_mut().zip(txns).for_each(|(place, txn)| *place = txn);
    places
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
