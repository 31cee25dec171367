//! Registers: one object that is read, written and compared-and-set.
mod chains;
mod decide;
mod explain;
mod lost;
mod machine;
mod op;
mod refuted;
mod staleness;
mod witness;
mod zones;

pub use chains::Chains;
pub use decide::{decide, numbered, Decision, Method, Proof, Verdict};
pub use explain::{explain, Story};
pub use lost::{lost_writes, LostWrite};
pub use machine::RegisterMachine;
pub use op::{Action, RegisterHistory, RegisterOp, Value, INITIAL};
pub use refuted::{reduce, Refuted};
pub use staleness::{staleness, Late, Staleness};
pub use witness::{prove, Witness};
pub use zones::{judge, Conflict, Outcome};
