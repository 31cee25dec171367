use std::io::Read;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::ArrowError;

use crate::columns::{Columns, Rows};
use crate::error::{Error, Result};
use crate::history::{History, Provenance, EVENTS_MAX};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Ends a stream that was closed; a recorder that was killed never came to write it.
const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Reads an Arrow IPC stream up to its last whole batch.
///
/// Columns may come in any order and beside others; `key`, `value`, `node` and `error` may be missing.
pub fn read_arrow(mut source: impl Read) -> Result<History> {
    let mut decoder = StreamDecoder::new();
    let mut columns = Columns::new();
    let mut tail = [0; END_MARK.len()];
    loop {
        let mut piece = Vec::new();
        source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            break;
        }
        remember_tail(&mut tail, &piece);
        let mut piece = Buffer::from_vec(piece);
        while !piece.is_empty() {
            if let Some(batch) = decoder.decode(&mut piece).map_err(|error| broken(&columns, &error))? {
                append(&mut columns, &batch)?;
            }
        }
    }
    if decoder.schema().is_none() {
        return Err(Error::malformed("the Arrow stream ends before its schema"));
    }
    let provenance = Provenance { truncated: decoder.finish().is_err() || tail != END_MARK, ..Provenance::default() };
    History::from_columns(columns, provenance)
}

fn remember_tail(tail: &mut [u8; END_MARK.len()], piece: &[u8]) {
    let new = piece.len().min(tail.len());
    tail.rotate_left(new);
    let kept = tail.len() - new;
    tail[kept..].copy_from_slice(&piece[piece.len() - new..]);
}

fn broken(columns: &Columns, error: &ArrowError) -> Error {
    Error::malformed(format!("not an Arrow stream, or a damaged one, after {} whole events: {error}", columns.len()))
}

fn append(columns: &mut Columns, batch: &RecordBatch) -> Result<()> {
    if columns.len() + batch.num_rows() > EVENTS_MAX {
        return Err(Error::malformed(format!("more than {EVENTS_MAX} events")));
    }
    let time = required(batch, "time")?;
    let process = required(batch, "process")?;
    let kind = required(batch, "type")?;
    let f = required(batch, "f")?;
    let wrong = |name: &str, array: &ArrayRef, wanted: &str| {
        Error::malformed(format!("the column {name:?} is of type {}; expected {wanted}", array.data_type()))
    };
    let text = |name: &str| match batch.column_by_name(name) {
        None => Ok(None),
        Some(array) => array.as_string_opt::<i32>().map(Some).ok_or_else(|| wrong(name, array, "utf8")),
    };
    columns.append(&Rows {
        time: time.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("time", time, "int64"))?,
        process: process.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("process", process, "int64"))?,
        kind: kind.as_primitive_opt::<UInt8Type>().ok_or_else(|| wrong("type", kind, "uint8"))?,
        f: f.as_string_opt::<i32>().ok_or_else(|| wrong("f", f, "utf8"))?,
        key: text("key")?,
        value: text("value")?,
        node: text("node")?,
        error: text("error")?,
    })
}

fn required<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    let array = batch.column_by_name(name).ok_or_else(|| {
        Error::malformed(format!("no column {name:?}; expected the columns time, process, type and f"))
    })?;
    if array.null_count() > 0 {
        return Err(Error::malformed(format!("the column {name:?} has nulls; every event needs it")));
    }
    Ok(array)
}
