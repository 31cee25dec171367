//! Collections and applications: what can be decided in one pass over a history, or in one sort.
//!
//! None of these asks for an order of all operations; each looks for a few operations that no order of their kind can
//! explain. An operation whose outcome is unknown may have happened or not, whichever excuses the store; one that
//! failed did not happen. Equal timestamps are concurrent. Every key is an object of its own where operations have one.
mod adya;
mod bank;
mod causal_reverse;
mod counter;
mod elements;
mod judge;
mod line_scan;
mod log;
mod long_fork;
mod object;
mod queue;
mod report;
mod scan;
mod set_final;
mod set_full;
mod unique_ids;

pub use adya::check_adya_g2;
pub use bank::{check_bank, Bank};
pub use causal_reverse::check_causal_reverse;
pub use counter::check_counter;
pub use line_scan::{Hit, Patterns, Scan};
pub use log::check_log;
pub use long_fork::check_long_fork;
pub use queue::check_total_queue;
pub use report::{quantiles, Finding, Report};
pub use set_final::check_set;
pub use set_full::check_set_full;
pub use unique_ids::check_unique_ids;
