//! Which judge decides which guarantee.
use super::answer::{Guarantee, Outcome};
use super::history::SessionHistory;
use super::{guarantees, sequential, views};
use crate::search::Limits;

/// Decides one guarantee for a whole history.
pub fn judge(history: &SessionHistory, guarantee: Guarantee, limits: Limits) -> Outcome {
    // Clocks take a number per event and session, twice while they are renewed.
    if history.events.len() * history.sessions.len() * 8 > limits.memory_bytes {
        return Outcome::OutOfBudget;
    }
    match guarantee {
        Guarantee::Sequential => sequential::judge(history, limits),
        Guarantee::Causal | Guarantee::Pram => views::each(history, guarantee == Guarantee::Causal, limits),
        _ => guarantees::judge(history, guarantee),
    }
}
