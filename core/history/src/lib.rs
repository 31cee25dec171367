//! Histories in columns: the recorder that makes them, the readers and writers that carry them, and the one type,
//! [`History`], that checkers read.
//!
//! Why columns and not a vector of operations: a run of a million operations is two million events, and as objects
//! they cost more than a kilobyte each in Python and some hundred bytes in Rust. In columns an event costs about fifty,
//! the file on disk is the memory image, and pandas reads it without a copy. The price is that a value is JSON text,
//! parsed by whoever asks for it; checkers that only compare values never parse them, because the text is canonical:
//! equal values have equal text (see [`json`]).
//!
//! Nothing in this crate panics on what it reads, however broken: every reader is fuzzed in `tests/fuzz.rs`.

mod columns;
mod error;
mod history;
mod independent;
pub mod json;
mod kind;
mod mend;
mod pairing;
pub mod read;
mod recorder;
pub mod write;

pub use error::{Error, Result};
pub use history::History;
pub use kind::Kind;
pub use mend::Mended;
pub use pairing::Problem;
pub use recorder::{RecordError, Recorder};
