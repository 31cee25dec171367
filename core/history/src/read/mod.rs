//! Readers. Each takes bytes as they come, keeps one piece in memory at a time, and never panics on what it reads.

mod arrow;

use std::io::Read;

use crate::error::Result;
use crate::history::History;

pub use arrow::read_arrow;

/// How a history is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Arrow IPC stream, the format of a run's folder.
    Arrow,
}

/// Reads a history in a known format.
pub fn read(source: impl Read, format: Format) -> Result<History> {
    match format {
        Format::Arrow => read_arrow(source),
    }
}
