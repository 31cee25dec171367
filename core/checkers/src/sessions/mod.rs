//! Weaker promises about registers: what a client may rely on when it cannot rely on real time.
//!
//! Written values are distinct, so each read says which write it saw, and most of these questions are polynomial: a
//! promise fails exactly if the order it forces on the writes is cyclic. Orders are kept as vector clocks over sessions
//! (a session is a process), so "everything before this event" takes one number per session.
//!
//! - *Session guarantees* (Terry et al., PDIS 1994): what one session sees of one key never contradicts its earlier
//!   reads (monotonic reads), its own writes (read your writes), the order of other sessions' writes (monotonic writes),
//!   or what those sessions had read before they wrote (writes follow reads).
//! - *PRAM*: each session sees all writes in an order that agrees with every session's own (Lipton and Sandberg, 1988).
//! - *Causal memory*: in an order that agrees with causality (Ahamad et al., 1995); decided by the patterns of Bouajjani,
//!   Enea, Guerraoui and Hamza, "On verifying causal consistency" (POPL 2017).
//! - *Sequential*: all sessions see one order. That is NP-complete even so (Gibbons and Korach, 1997): a forced cycle
//!   refutes it, an order that was found proves it, and sometimes there is neither.
mod answer;
mod guarantees;
mod history;
mod judge;
mod order;
mod proof;
mod sequential;
mod shrink;
mod views;

pub use answer::{Guarantee, Outcome, Reason};
pub use history::{Event, Obstacle, SessionHistory};
pub use judge::judge;
pub use proof::{holds, is_from_nowhere, prove, Proof, EVENTS_MAX};
