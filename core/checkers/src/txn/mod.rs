//! Transactions: lists that are appended to, and registers that are written.
//!
//! The values say which transaction depends on which (Adya, "Weak Consistency", 1999; Kingsbury and Alvaro, "Elle:
//! inferring isolation anomalies from experimental observations", VLDB 2020). A cycle of dependencies is an anomaly,
//! and its kind decides which levels of isolation it breaks.
mod append;
mod bipartite;
mod components;
mod cycles;
mod finding;
mod graph;
mod history;
mod internal;
mod orders;
mod register;
mod tokens;
mod versions;
mod writes;
