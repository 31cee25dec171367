//! Pure algorithms that judge a history. They know nothing of files, columns or Python: callers hand over operations
//! as intervals with interned values and get verdicts with the operations that prove them.
pub mod brute;
pub mod collections;
pub mod events;
pub mod intern;
pub mod json;
pub mod model;
pub mod models;
pub mod monitors;
pub mod objects;
pub mod register;
pub mod ruling;
pub mod search;
pub mod sessions;
pub mod turns;
pub mod txn;
