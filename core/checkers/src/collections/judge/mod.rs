//! The second judge of collections: every violation once more, by its definition.
//!
//! A finding is put before it as the few operations that are said to show it, and a name of what it is about: an element,
//! an identifier, a key. The definition reads them from the text of their events with another parser, knows no tables, sums
//! or numbers of the scans, and fills the roles that it has (an add, a read that should have seen it) from those operations
//! alone. It gives back the ones it took; what it did not take is left out, so what is told is minimal.
//!
//! Some definitions say that something is nowhere: that nobody added an element, that no read saw it again. For these
//! `of` gives all operations of the history that speak of the element, found in one pass for all findings of an object.
//! If such operations exist and excuse nothing (an add that failed), one of them has a role, too: whoever reads the proof
//! would look for it.
mod claim;
mod logs;
mod numbers;
mod queues;
mod sets;
mod writes;

pub use logs::log;
pub use numbers::{bank, counter, unique_ids};
pub use queues::queue;
pub use sets::{set_final, set_full};
pub use writes::{adya_g2, causal_reverse, long_fork};

#[cfg(test)]
mod tests;
