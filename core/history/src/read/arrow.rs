//! Arrow IPC streams, up to their last whole batch.
//!
//! The messages are taken apart here and not by arrow's own reader, because that one panics when the numbers in a
//! message do not fit its body, and a damaged history is something users have. What is given up is compressed,
//! dictionary-encoded and nested columns, none of which a recorder writes; they are refused by name.

use std::io::Read;

use arrow_ipc::{root_as_message, Endianness, Message, MessageHeader};

use super::arrow_batch::{damaged, Columns, Layout};
use super::source::Source;
use crate::error::{Error, Result};
use crate::history::{History, Provenance};

/// Begins every message of a stream.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Continuation and size of a message's metadata.
const PREFIX_BYTES: usize = 8;

/// Reads a stream. Its columns may come in any order and beside others; `key`, `value`, `node` and `error` may be
/// missing.
pub fn read<R: Read>(mut source: Source<R>) -> Result<History> {
    let mut layout: Option<Layout> = None;
    let mut columns = Columns::new();
    let truncated = loop {
        let (metadata, end) = match next_frame(&mut source, columns.len())? {
            Frame::Message { metadata, end } => (metadata, end),
            Frame::End => break false,
            Frame::CutOff => break true,
        };
        let (metadata, body) = source.unread()[PREFIX_BYTES..end].split_at(metadata);
        let message = message(metadata, columns.len())?;
        match (message.header_type(), &layout) {
            (MessageHeader::Schema, None) => layout = Some(schema(&message)?),
            (MessageHeader::RecordBatch, Some(layout)) => {
                let batch =
                    message.header_as_record_batch().ok_or_else(|| damaged(columns.len(), "an empty message"))?;
                layout.append(&batch, body, &mut columns)?;
            }
            (MessageHeader::DictionaryBatch, Some(_)) => {}
            (other, _) => {
                let name = other.variant_name().unwrap_or("an unknown message");
                return Err(damaged(columns.len(), &format!("{name} where it may not be")));
            }
        }
        source.consume(end);
    };
    let Some(layout) = layout else {
        return Err(Error::malformed("the Arrow stream ends before its schema"));
    };
    History::from_columns(columns, Provenance { truncated, timeless: layout.timeless, lines: None })
}

enum Frame {
    /// A message is unread as a whole: the size of its metadata, and where its body ends.
    Message { metadata: usize, end: usize },
    /// The mark a closed recorder puts last.
    End,
    /// The file ends where more should follow: the recorder was killed, or bytes were lost.
    CutOff,
}

/// Reads on until a whole message is unread.
fn next_frame<R: Read>(source: &mut Source<R>, events: usize) -> Result<Frame> {
    if !fill(source, PREFIX_BYTES)? {
        return Ok(Frame::CutOff);
    }
    let (continuation, size) = source.unread()[..PREFIX_BYTES].split_at(CONTINUATION.len());
    if continuation != CONTINUATION {
        return Err(damaged(events, "bytes that begin no message"));
    }
    let size = <[u8; 4]>::try_from(size).map_or(0, u32::from_le_bytes) as usize;
    if size == 0 {
        let rest = source.unread().len() > PREFIX_BYTES || fill(source, PREFIX_BYTES + 1)?;
        return if rest { Err(damaged(events, "bytes behind its end mark")) } else { Ok(Frame::End) };
    }
    if !fill(source, PREFIX_BYTES + size)? {
        return Ok(Frame::CutOff);
    }
    let metadata = &source.unread()[PREFIX_BYTES..PREFIX_BYTES + size];
    let body = usize::try_from(message(metadata, events)?.bodyLength());
    let end = body.ok().and_then(|body| body.checked_add(PREFIX_BYTES + size));
    let Some(end) = end else { return Err(damaged(events, "a message of impossible length")) };
    Ok(if fill(source, end)? { Frame::Message { metadata: size, end } } else { Frame::CutOff })
}

/// Whether so many bytes are unread, after reading on if need be.
fn fill<R: Read>(source: &mut Source<R>, bytes: usize) -> Result<bool> {
    while source.unread().len() < bytes && !source.ended() {
        source.more()?;
    }
    Ok(source.unread().len() >= bytes)
}

fn message(metadata: &[u8], events: usize) -> Result<Message<'_>> {
    root_as_message(metadata).map_err(|_| damaged(events, "a message that cannot be taken apart"))
}

fn schema(message: &Message<'_>) -> Result<Layout> {
    let schema = message.header_as_schema().ok_or_else(|| damaged(0, "an empty schema"))?;
    if schema.endianness() != Endianness::Little {
        return Err(Error::malformed("the Arrow stream is big-endian; expected little-endian"));
    }
    Layout::of(&schema)
}
