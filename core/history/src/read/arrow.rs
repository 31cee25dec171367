use std::io::Read;

use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{Array, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::ArrowError;

use super::json::push_canonical;
use super::source::Source;
use crate::columns::{Columns, Text};
use crate::error::{Error, Result};
use crate::history::{History, Provenance, EVENTS_MAX};
use crate::kind::Kind;

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Ends a stream that was closed; a recorder that was killed never came to write it.
const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Reads an Arrow IPC stream up to its last whole batch.
///
/// Columns may come in any order and beside others; `key`, `value`, `node` and `error` may be missing.
pub fn read<R: Read>(source: Source<R>) -> Result<History> {
    let mut source = source.into_reader();
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
    let first = columns.len();
    if first + batch.num_rows() > EVENTS_MAX {
        return Err(Error::malformed(format!("more than {EVENTS_MAX} events")));
    }
    columns.time.extend_from_slice(required::<PrimitiveArray<Int64Type>>(batch, "time")?.values());
    columns.process.extend_from_slice(required::<PrimitiveArray<Int64Type>>(batch, "process")?.values());
    append_text(&mut columns.f, Some(required(batch, "f")?), batch.num_rows())?;
    append_text(&mut columns.key, typed(batch, "key")?, batch.num_rows())?;
    append_text(&mut columns.node, typed(batch, "node")?, batch.num_rows())?;
    append_json(&mut columns.value, typed(batch, "value")?, first, batch.num_rows())?;
    append_json(&mut columns.error, typed(batch, "error")?, first, batch.num_rows())?;
    for (row, &code) in required::<PrimitiveArray<UInt8Type>>(batch, "type")?.values().iter().enumerate() {
        if Kind::from_code(code).is_none() {
            return Err(Error::malformed(format!(
                "event {} has type {code}; expected 0 (invoke), 1 (ok), 2 (fail) or 3 (info)",
                first + row
            )));
        }
        columns.kind.push(code);
    }
    Ok(())
}

fn append_text(column: &mut Text, array: Option<&StringArray>, rows: usize) -> Result<()> {
    let Some(array) = array else { return (0..rows).try_for_each(|_| column.push(None)) };
    array.iter().try_for_each(|text| column.push(text))
}

/// JSON is checked and made canonical, because others write these files too.
fn append_json(column: &mut Text, array: Option<&StringArray>, first: usize, rows: usize) -> Result<()> {
    let Some(array) = array else { return (0..rows).try_for_each(|_| column.push(None)) };
    for (row, json) in array.iter().enumerate() {
        let Some(json) = json else {
            column.push(None)?;
            continue;
        };
        push_canonical(json, column.open()).map_err(|wrong| {
            let (name, event) = (column.name(), first + row);
            Error::malformed(format!("the {name} of event {event} is not JSON: {wrong}"))
        })?;
        column.commit_json()?;
    }
    Ok(())
}

/// A column of this type, if there is one of this name.
fn typed<'a, A: Array + Wanted + 'static>(batch: &'a RecordBatch, name: &str) -> Result<Option<&'a A>> {
    let Some(array) = batch.column_by_name(name) else { return Ok(None) };
    array.as_any().downcast_ref::<A>().map(Some).ok_or_else(|| {
        Error::malformed(format!("the column {name:?} is of type {}; expected {}", array.data_type(), A::NAME))
    })
}

fn required<'a, A: Array + Wanted + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A> {
    let array = typed::<A>(batch, name)?
        .ok_or_else(|| Error::malformed(format!("no column {name:?}; expected time, process, type and f at least")))?;
    if array.null_count() > 0 {
        return Err(Error::malformed(format!("the column {name:?} has nulls; every event needs it")));
    }
    Ok(array)
}

/// What a type of column is called.
trait Wanted {
    const NAME: &'static str;
}

impl Wanted for PrimitiveArray<Int64Type> {
    const NAME: &'static str = "int64";
}

impl Wanted for PrimitiveArray<UInt8Type> {
    const NAME: &'static str = "uint8";
}

impl Wanted for StringArray {
    const NAME: &'static str = "utf8";
}
