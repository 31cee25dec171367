//! Registers: one object that is read, written and compared-and-set.
mod chains;
mod check;
mod columns;
mod decide;
mod explain;
mod lost;
mod machine;
mod online;
mod op;
mod refuted;
mod staleness;
mod stream;
mod witness;
mod zones;

pub use check::{KeyVerdict, Registers};
pub use columns::{FailedCas, Reading, Register};
pub use decide::{by_zones, decide, numbered, Decision, Method, Proof, Verdict};
pub use explain::{explain, Story};
pub use lost::{lost_writes, LostWrite};
pub use machine::RegisterMachine;
pub use online::Standing;
pub use op::{Action, RegisterHistory, RegisterOp, Value, INITIAL};
pub use refuted::{reduce, Refuted};
pub use staleness::{staleness, Late, Staleness};
pub use stream::{Broken, OnlineRegisters, Watched};
pub use witness::{prove, Witness};
pub use zones::{judge, Conflict, Outcome};
