//! The growing columns behind recorder and readers.
//!
//! Plain vectors and not arrow's builders: a recorder has to read back what it appended (a completion copies `f`, `key`
//! and `node` from its invocation), a reader has to take back a row that turned out to be cut off, and both then hand
//! the same memory to arrow without a copy.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt8Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema};

use crate::error::{Error, Result};

/// A column of optional UTF-8 text. Whoever writes into `open()` writes whole, valid UTF-8.
pub struct Text {
    name: &'static str,
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    validity: Vec<u8>,
    nulls: usize,
}

impl Text {
    fn new(name: &'static str) -> Text {
        Text { name, offsets: vec![0], bytes: Vec::new(), validity: Vec::new(), nulls: 0 }
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn end(&self) -> usize {
        self.offsets.last().map_or(0, |&end| end as usize)
    }

    /// The place for the next row's bytes; `commit` or `abandon` them.
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Drops what was written since the last row.
    pub fn abandon(&mut self) {
        let end = self.end();
        self.bytes.truncate(end);
    }

    /// Makes what was written since the last row a row; without `present`, a null row.
    pub fn commit(&mut self, present: bool) -> Result<()> {
        if !present {
            self.abandon();
        }
        let Ok(end) = i32::try_from(self.bytes.len()) else {
            self.abandon();
            return Err(Error::malformed(format!(
                "the column {:?} would exceed 2 GiB of text, the limit of a history",
                self.name
            )));
        };
        self.mark(present);
        self.offsets.push(end);
        Ok(())
    }

    /// Makes the JSON text written since the last row a row; JSON's null is a null row.
    pub fn commit_json(&mut self) -> Result<()> {
        let present = &self.bytes[self.end()..] != b"null";
        self.commit(present)
    }

    fn mark(&mut self, present: bool) {
        let bit = self.len() % 8;
        if bit == 0 {
            self.validity.push(0);
        }
        if present {
            if let Some(last) = self.validity.last_mut() {
                *last |= 1 << bit;
            }
        } else {
            self.nulls += 1;
        }
    }

    fn is_present(&self, row: usize) -> bool {
        self.validity[row / 8] >> (row % 8) & 1 == 1
    }

    pub fn push(&mut self, text: Option<&str>) -> Result<()> {
        self.bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.commit(text.is_some())
    }

    /// Appends a copy of an earlier row.
    pub fn repeat(&mut self, row: usize) -> Result<()> {
        let span = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        let present = self.is_present(row);
        self.bytes.extend_from_within(span);
        self.commit(present)
    }

    fn truncate(&mut self, rows: usize) {
        while self.len() > rows {
            let row = self.len() - 1;
            if !self.is_present(row) {
                self.nulls -= 1;
            }
            self.validity[row / 8] &= !(1 << (row % 8));
            self.offsets.pop();
        }
        self.validity.truncate(rows.div_ceil(8));
        self.abandon();
    }

    fn slice(&self, from: usize, to: usize) -> Text {
        let base = self.offsets[from];
        let mut part = Text::new(self.name);
        part.bytes.extend_from_slice(&self.bytes[base as usize..self.offsets[to] as usize]);
        for row in from..to {
            part.mark(self.is_present(row));
            part.offsets.push(self.offsets[row + 1] - base);
        }
        part
    }

    fn freeze(self) -> Result<ArrayRef> {
        let rows = self.len();
        let nulls = (self.nulls > 0).then(|| {
            let bits = BooleanBuffer::new(Buffer::from_vec(self.validity), 0, rows);
            NullBuffer::new(bits)
        });
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let array = StringArray::try_new(offsets, Buffer::from_vec(self.bytes), nulls)
            .map_err(|error| Error::malformed(format!("the column {:?} is not text: {error}", self.name)))?;
        Ok(Arc::new(array))
    }
}

/// All columns of a history, growing. A row is complete when every column has it.
pub struct Columns {
    pub time: Vec<i64>,
    pub process: Vec<i64>,
    pub kind: Vec<u8>,
    pub f: Text,
    pub key: Text,
    pub value: Text,
    pub node: Text,
    pub error: Text,
}

impl Columns {
    pub fn new() -> Columns {
        Columns {
            time: Vec::new(),
            process: Vec::new(),
            kind: Vec::new(),
            f: Text::new("f"),
            key: Text::new("key"),
            value: Text::new("value"),
            node: Text::new("node"),
            error: Text::new("error"),
        }
    }

    /// Complete rows: `kind` is the column that is appended last.
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    /// Takes back everything from this row on, also columns of a row that never became complete.
    pub fn truncate(&mut self, rows: usize) {
        self.time.truncate(rows);
        self.process.truncate(rows);
        self.kind.truncate(rows);
        for text in [&mut self.f, &mut self.key, &mut self.value, &mut self.node, &mut self.error] {
            text.truncate(rows);
        }
    }

    /// A copy of some rows as one record batch.
    pub fn batch(&self, from: usize, to: usize) -> Result<RecordBatch> {
        self.slice(from, to).freeze()
    }

    /// A copy of some rows.
    pub fn slice(&self, from: usize, to: usize) -> Columns {
        Columns {
            time: self.time[from..to].to_vec(),
            process: self.process[from..to].to_vec(),
            kind: self.kind[from..to].to_vec(),
            f: self.f.slice(from, to),
            key: self.key.slice(from, to),
            value: self.value.slice(from, to),
            node: self.node.slice(from, to),
            error: self.error.slice(from, to),
        }
    }

    /// The same memory as one record batch.
    pub fn freeze(self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(self.time)),
            Arc::new(Int64Array::from(self.process)),
            Arc::new(UInt8Array::from(self.kind)),
            self.f.freeze()?,
            self.key.freeze()?,
            self.value.freeze()?,
            self.node.freeze()?,
            self.error.freeze()?,
        ];
        RecordBatch::try_new(Arc::new(schema()), columns)
            .map_err(|error| Error::malformed(format!("the columns do not fit together: {error}")))
    }
}

/// The columns of a history, on disk and in memory. The index of an event is its row.
pub fn schema() -> Schema {
    Schema::new(vec![
        Field::new("time", DataType::Int64, false),
        Field::new("process", DataType::Int64, false),
        Field::new("type", DataType::UInt8, false),
        Field::new("f", DataType::Utf8, false),
        Field::new("key", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
        Field::new("node", DataType::Utf8, true),
        Field::new("error", DataType::Utf8, true),
    ])
}
