//! Readers. Each takes bytes as they come, keeps one piece of the file in memory at a time, and never panics on what it
//! reads. Text goes from the file's bytes straight into the columns: no tree of values is built on the way.

mod arrow;
mod arrow_batch;
mod cursor;
mod edn;
mod edn_value;
mod events;
mod json;
mod jsonl;
mod log;
mod sessions;
mod source;

use std::io::Read;

use crate::error::{Error, Result};
use crate::history::History;
use source::Source;

pub(crate) use events::unquoted;

/// How a history is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Arrow IPC stream, the format of a run's folder.
    Arrow,
    /// Jepsen's form: maps, one after the other or in a vector or list.
    Edn,
    /// One JSON object a line.
    JsonLines,
    /// Transactions by session, without times: `r KEY VALUE`, `w KEY VALUE`, `-----`, `=====`.
    Sessions,
    /// The log lines of early Jepsen tests: `INFO  jepsen.util - 0 :invoke :write 4`.
    EtcdLog,
}

/// Reads a history; without a format, the one its content speaks for.
pub fn read(reader: impl Read, format: Option<Format>) -> Result<History> {
    let mut source = Source::new(reader);
    source.more()?;
    match format.map_or_else(|| sniff(source.unread()), Ok)? {
        Format::Arrow => arrow::read(source),
        Format::Edn => edn::read(source),
        Format::JsonLines => jsonl::read(source),
        Format::Sessions => sessions::read(source),
        Format::EtcdLog => log::read(source),
    }
}

/// Tells the format by how a file begins.
pub fn sniff(beginning: &[u8]) -> Result<Format> {
    const OTHERS: [(&[u8], &str); 4] = [
        (b"ARROW1", "an Arrow (Feather) file"),
        (b"PAR1", "a Parquet file"),
        (b"\x1f\x8b", "compressed (gzip)"),
        (b"\x28\xb5\x2f\xfd", "compressed (zstd)"),
    ];
    const EXPECTED: &str = "expected an Arrow IPC stream, EDN, JSON lines, a Jepsen log or sessions of transactions";
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| beginning.starts_with(magic)) {
        return Err(Error::malformed(format!("the file is {what}; {EXPECTED}")));
    }
    if beginning.starts_with(&[0xff; 4]) {
        return Ok(Format::Arrow);
    }
    let text = source::without_mark(beginning);
    let mut visible = text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b',');
    match (visible.next(), visible.next(), visible.next()) {
        (None, ..) => Err(Error::malformed(format!("the file is empty; {EXPECTED}"))),
        (Some(b'{'), Some(b'"'), _) => Ok(Format::JsonLines),
        (Some(b'['), Some(b'{'), Some(b'"')) => Err(Error::malformed(
            "the file is a JSON array; expected JSON lines, one object a line and nothing around them",
        )),
        (Some(b'{' | b'[' | b'(' | b';' | b'#'), ..) => Ok(Format::Edn),
        _ if log::is_log(text) => Ok(Format::EtcdLog),
        _ if sessions::is_sessions(text) => Ok(Format::Sessions),
        _ => Err(Error::malformed(format!("not a history: it begins with {}; {EXPECTED}", cursor::quote(text)))),
    }
}
