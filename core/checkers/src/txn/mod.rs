//! Transactions: lists that are appended to, and registers that are written.
//!
//! The values say which transaction depends on which (Adya, "Weak Consistency", 1999; Kingsbury and Alvaro, "Elle:
//! inferring isolation anomalies from experimental observations", VLDB 2020). A cycle of dependencies is an anomaly,
//! and its kind decides which levels of isolation it breaks.
mod append;
mod bipartite;
mod check;
mod class;
mod components;
mod confirm;
mod cycles;
mod deeds;
mod definitions;
mod finding;
mod graph;
mod history;
mod internal;
mod orders;
mod past;
mod reasons;
mod register;
mod sessions;
mod story;
mod tokens;
mod versions;
mod walk;
mod weak;
mod writers;
mod writes;

pub use check::{check_appends, check_registers, Bounds, Report, TOLD_MAX};
pub use story::{Step, Told};
pub use versions::Assumptions;
pub use weak::Weak;
