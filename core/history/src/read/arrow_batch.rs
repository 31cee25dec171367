//! The columns of one Arrow record batch, checked against the bytes they are said to be in, and appended to ours.

use arrow_ipc::{Field as IpcField, RecordBatch, Schema, Type};

use super::events::Field;
use super::json::push_canonical;
pub use crate::columns::Columns;
use crate::columns::Text;
use crate::error::{Error, Result};
use crate::history::{EVENTS_MAX, NO_TIMES, TIMES};
use crate::kind::Kind;

/// How a column lies in a body, as far as we read it.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Int64,
    UInt8,
    Utf8,
    /// Something else, of so many buffers.
    Other(usize),
}

/// The columns of a stream, in their order there.
pub struct Layout {
    columns: Vec<(Option<Field>, Shape)>,
    /// The times are none: see `History::has_times`.
    pub timeless: bool,
}

const REQUIRED: [Field; 4] = [Field::Time, Field::Process, Field::Type, Field::F];
const OPTIONAL: [Field; 4] = [Field::Key, Field::Value, Field::Node, Field::Error];

impl Layout {
    pub fn of(schema: &Schema<'_>) -> Result<Layout> {
        let mut columns: Vec<(Option<Field>, Shape)> = Vec::new();
        for column in schema.fields().into_iter().flatten() {
            let name = column.name().unwrap_or_default();
            let field = Field::named(name.as_bytes());
            if field.is_some() && columns.iter().any(|(other, _)| *other == field) {
                return Err(Error::malformed(format!("the column {name:?} is there twice")));
            }
            columns.push((field, shape(&column, name, field)?));
        }
        for field in REQUIRED {
            if !columns.iter().any(|(other, _)| *other == Some(field)) {
                let name = field.name();
                return Err(Error::malformed(format!(
                    "no column {name:?}; expected time, process, type and f at least"
                )));
            }
        }
        let metadata = schema.custom_metadata();
        let timeless =
            metadata.into_iter().flatten().any(|pair| (pair.key(), pair.value()) == (Some(TIMES), Some(NO_TIMES)));
        Ok(Layout { columns, timeless })
    }

    /// Appends a batch; on an error some columns may have got rows already.
    pub fn append(&self, batch: &RecordBatch<'_>, body: &[u8], columns: &mut Columns) -> Result<()> {
        let first = columns.len();
        if batch.compression().is_some() {
            return Err(Error::malformed("the Arrow stream is compressed; expected it uncompressed"));
        }
        // A batch has a byte per row at least, which bounds all that follows by the size of the file.
        let rows = usize::try_from(batch.length()).ok().filter(|&rows| rows <= body.len());
        let Some(rows) = rows else { return Err(damaged(first, "a batch shorter than its rows")) };
        if first + rows > EVENTS_MAX {
            return Err(Error::malformed(format!("more than {EVENTS_MAX} events")));
        }
        let mut part = Part { batch, body, rows, first, node: 0, buffer: 0 };
        for &(field, shape) in &self.columns {
            part.append(field, shape, columns)?;
        }
        for field in OPTIONAL.into_iter().filter(|&field| !self.columns.iter().any(|(other, _)| *other == Some(field)))
        {
            let column = text_column(columns, field);
            (0..rows).try_for_each(|_| column.push(None))?;
        }
        Ok(())
    }
}

fn shape(column: &IpcField<'_>, name: &str, field: Option<Field>) -> Result<Shape> {
    let kind = column.type_type();
    let int = column.type_as_int().map(|int| (int.bitWidth(), int.is_signed()));
    let shape = match (kind, int) {
        _ if column.dictionary().is_some() => Shape::Other(2),
        (_, Some((64, true))) => Shape::Int64,
        (_, Some((8, false))) => Shape::UInt8,
        (Type::Utf8, _) => Shape::Utf8,
        (Type::Int | Type::FloatingPoint | Type::Bool | Type::Decimal | Type::Date | Type::Time, _)
        | (Type::Timestamp | Type::Interval | Type::Duration | Type::FixedSizeBinary, _) => Shape::Other(2),
        (Type::Binary | Type::LargeBinary | Type::LargeUtf8, _) => Shape::Other(3),
        (Type::Null, _) => Shape::Other(0),
        _ => return Err(wrong_type(name, kind, "no nested columns or views")),
    };
    let (wanted, called) = match field {
        None => return Ok(shape),
        Some(Field::Time | Field::Process) => (Shape::Int64, "int64"),
        Some(Field::Type) => (Shape::UInt8, "uint8"),
        Some(_) => (Shape::Utf8, "utf8, not dictionary-encoded"),
    };
    if shape == wanted {
        Ok(shape)
    } else {
        Err(wrong_type(name, kind, called))
    }
}

fn wrong_type(name: &str, kind: Type, expected: &str) -> Error {
    let kind = kind.variant_name().unwrap_or("an unknown type");
    Error::malformed(format!("the column {name:?} is of another type ({kind}); expected {expected}"))
}

fn text_column(columns: &mut Columns, field: Field) -> &mut Text {
    match field {
        Field::Key => &mut columns.key,
        Field::Value => &mut columns.value,
        Field::Node => &mut columns.node,
        Field::Error => &mut columns.error,
        _ => &mut columns.f,
    }
}

/// A batch, and how many of its nodes and buffers were taken.
struct Part<'a> {
    batch: &'a RecordBatch<'a>,
    body: &'a [u8],
    rows: usize,
    first: usize,
    node: usize,
    buffer: usize,
}

impl<'a> Part<'a> {
    fn append(&mut self, field: Option<Field>, shape: Shape, columns: &mut Columns) -> Result<()> {
        let nulls = self.next_nulls()?;
        let Some(field) = field else {
            self.buffer += match shape {
                Shape::Other(buffers) => buffers,
                Shape::Utf8 => 3,
                Shape::Int64 | Shape::UInt8 => 2,
            };
            return Ok(());
        };
        if nulls > 0 && REQUIRED.contains(&field) {
            return Err(Error::malformed(format!("the column {:?} has nulls; every event needs it", field.name())));
        }
        let validity = self.next_buffer()?;
        if !validity.is_empty() && validity.len() < self.rows.div_ceil(8) {
            return Err(self.damaged("a batch shorter than its rows"));
        }
        match field {
            Field::Time => self.append_ints(&mut columns.time),
            Field::Process => self.append_ints(&mut columns.process),
            Field::Type => self.append_kinds(&mut columns.kind),
            _ => self.append_texts(text_column(columns, field), field, validity),
        }
    }

    fn append_ints(&mut self, column: &mut Vec<i64>) -> Result<()> {
        let data = self.next_sized(8)?;
        column.extend(data.chunks_exact(8).map(|bytes| <[u8; 8]>::try_from(bytes).map_or(0, i64::from_le_bytes)));
        Ok(())
    }

    fn append_kinds(&mut self, column: &mut Vec<u8>) -> Result<()> {
        let data = self.next_sized(1)?;
        if let Some(row) = data.iter().position(|&code| Kind::from_code(code).is_none()) {
            return Err(Error::malformed(format!(
                "event {} has type {}; expected 0 (invoke), 1 (ok), 2 (fail) or 3 (info)",
                self.first + row,
                data[row]
            )));
        }
        column.extend_from_slice(data);
        Ok(())
    }

    fn append_texts(&mut self, column: &mut Text, field: Field, validity: &[u8]) -> Result<()> {
        let offsets = self.next_buffer()?;
        let data = self.next_buffer()?;
        if self.rows == 0 {
            return Ok(());
        }
        let Some(offsets) = offsets.get(..(self.rows + 1) * 4) else {
            return Err(self.damaged("a batch shorter than its rows"));
        };
        let text = std::str::from_utf8(data).map_err(|_| self.damaged("text that is not UTF-8"))?;
        let mut offsets =
            offsets.chunks_exact(4).map(|bytes| <[u8; 4]>::try_from(bytes).map_or(0, u32::from_le_bytes) as usize);
        let mut start = offsets.next().unwrap_or_default();
        for (row, end) in offsets.enumerate() {
            let present = validity.get(row / 8).is_none_or(|bits| bits >> (row % 8) & 1 == 1);
            let Some(text) = text.get(start..end) else {
                return Err(self.damaged("text that lies outside of its column"));
            };
            start = end;
            if present && matches!(field, Field::Value | Field::Error) {
                self.push_json(column, field, row, text)?;
            } else {
                column.push(present.then_some(text))?;
            }
        }
        Ok(())
    }

    /// JSON is checked and made canonical, because others write these files too.
    fn push_json(&self, column: &mut Text, field: Field, row: usize, text: &str) -> Result<()> {
        push_canonical(text, column.open()).map_err(|wrong| {
            let event = self.first + row;
            Error::malformed(format!("the {} of event {event} is not JSON: {wrong}", field.name()))
        })?;
        column.commit_json()
    }

    fn next_nulls(&mut self) -> Result<i64> {
        let node = self.batch.nodes().filter(|nodes| self.node < nodes.len()).map(|nodes| *nodes.get(self.node));
        self.node += 1;
        match node {
            Some(node) if usize::try_from(node.length()) == Ok(self.rows) => Ok(node.null_count()),
            _ => Err(self.damaged("a batch whose columns differ in length")),
        }
    }

    /// The bytes of the next buffer.
    fn next_buffer(&mut self) -> Result<&'a [u8]> {
        let found = self.batch.buffers().filter(|buffers| self.buffer < buffers.len()).and_then(|buffers| {
            let buffer = buffers.get(self.buffer);
            let start = usize::try_from(buffer.offset()).ok()?;
            let end = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
            self.body.get(start..end)
        });
        self.buffer += 1;
        found.ok_or_else(|| self.damaged("a column that lies outside of its batch"))
    }

    /// The next buffer as one item of so many bytes per row.
    fn next_sized(&mut self, item_bytes: usize) -> Result<&'a [u8]> {
        let bytes = self.next_buffer()?;
        bytes.get(..self.rows * item_bytes).ok_or_else(|| self.damaged("a batch shorter than its rows"))
    }

    fn damaged(&self, what: &str) -> Error {
        damaged(self.first, what)
    }
}

/// What is wrong, and how far the stream could be read.
pub fn damaged(events: usize, what: &str) -> Error {
    Error::malformed(format!("the Arrow stream is damaged after {events} whole events: {what}"))
}
