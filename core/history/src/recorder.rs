//! The recorder: events go straight into columns, and to disk in batches.
//!
//! Everything stays in memory too (about fifty bytes an event), because a completion takes `f`, `key` and `node` from
//! its invocation and because the checkers want the whole history the moment the run ends. The file is there for when
//! it does not end: it grows by whole batches, so whatever kills the controller leaves a history that reads up to the
//! last one. A batch is encoded in memory and written by one call; if that fails, the file is cut back to the batch
//! before, and the rows stay pending for the next attempt.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use arrow_ipc::writer::StreamWriter;

use crate::columns::{schema, Columns};
use crate::error::Error;
use crate::history::{History, EVENTS_MAX};
use crate::kind::Kind;
use crate::pairing::NONE;

/// Rows pending beyond which an event is flushed without being asked: bounds what a crash can lose when nobody flushes.
pub const PENDING_ROWS_MAX: usize = 1 << 16;

/// Why an event was not recorded, or not written.
#[derive(Debug)]
pub enum RecordError {
    /// There is no invocation of this index.
    NotAnInvocation(u64),
    /// The invocation of this index has its completion.
    AlreadyCompleted(u64),
    /// The recorder was closed.
    Closed,
    /// The file could not be written; the event itself is kept in memory.
    Io(io::Error),
    /// The history outgrew its limits.
    Full(Error),
}

impl From<Error> for RecordError {
    fn from(error: Error) -> RecordError {
        match error {
            Error::Io(error) => RecordError::Io(error),
            full => RecordError::Full(full),
        }
    }
}

/// The file, as far as it is whole.
struct Sink {
    file: File,
    encoder: StreamWriter<Vec<u8>>,
    whole_bytes: u64,
}

impl Sink {
    fn create(file: File) -> Result<Sink, Error> {
        let encoder = StreamWriter::try_new(Vec::new(), &schema()).map_err(encoding)?;
        let mut sink = Sink { file, encoder, whole_bytes: 0 };
        sink.write_encoded()?;
        Ok(sink)
    }

    fn write_batch(&mut self, columns: &Columns, rows: Range<usize>) -> Result<(), Error> {
        let batch = columns.batch(rows.start, rows.end)?;
        self.encoder.write(&batch).map_err(encoding)?;
        Ok(self.write_encoded()?)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.encoder.finish().map_err(encoding)?;
        Ok(self.write_encoded()?)
    }

    /// All or nothing: on failure the file ends where it ended before.
    fn write_encoded(&mut self) -> io::Result<()> {
        let encoded = self.encoder.get_mut();
        let size = encoded.len() as u64;
        let written = self.file.write_all(encoded);
        encoded.clear();
        match written {
            Ok(()) => {
                self.whole_bytes += size;
                Ok(())
            }
            Err(error) => {
                // A cut that fails too leaves a partial batch at the end, which readers take for a truncated file.
                let _ = self.file.set_len(self.whole_bytes);
                let _ = self.file.seek(SeekFrom::Start(self.whole_bytes));
                Err(error)
            }
        }
    }
}

fn encoding(error: arrow_schema::ArrowError) -> Error {
    Error::malformed(format!("a batch could not be encoded: {error}"))
}

/// Records events in the order they are given; the index of an event is its place in that order.
pub struct Recorder {
    columns: Columns,
    partner: Vec<u32>,
    sink: Option<Sink>,
    written_rows: usize,
    next_flush_rows: usize,
    closed: bool,
}

impl Recorder {
    /// Records in memory only, or also to a file, which must be empty.
    pub fn new(file: Option<File>) -> Result<Recorder, Error> {
        Ok(Recorder {
            columns: Columns::new(),
            partner: Vec::new(),
            sink: file.map(Sink::create).transpose()?,
            written_rows: 0,
            next_flush_rows: PENDING_ROWS_MAX,
            closed: false,
        })
    }

    /// Number of events recorded.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nothing can be recorded any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// An event that starts an operation, or stands alone. `value` writes canonical JSON text and says whether there is
    /// any; if it fails, nothing is recorded.
    #[allow(clippy::too_many_arguments)] // the columns of an event; a struct would be built per event for one caller
    pub fn event<E: From<RecordError>>(
        &mut self,
        time: i64,
        process: i64,
        kind: Kind,
        f: &str,
        key: Option<&str>,
        node: Option<&str>,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        error: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let row = self.ready()?;
        self.texts(row, value, error)?;
        let columns = &mut self.columns;
        let texts =
            (columns.f.push(Some(f))).and_then(|()| columns.key.push(key)).and_then(|()| columns.node.push(node));
        self.finish_row(row, texts, time, process, kind, NONE)?;
        Ok(row)
    }

    /// The event that ends an operation. Process, `f`, key and node are those of its invocation.
    pub fn complete<E: From<RecordError>>(
        &mut self,
        invocation: u64,
        time: i64,
        kind: Kind,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        error: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let row = self.ready()?;
        let invoked = invocation as usize;
        match self.columns.kind.get(invoked) {
            Some(&kind) if kind == Kind::Invoke as u8 => {}
            _ => return Err(RecordError::NotAnInvocation(invocation).into()),
        }
        if self.partner[invoked] != NONE {
            return Err(RecordError::AlreadyCompleted(invocation).into());
        }
        self.texts(row, value, error)?;
        let columns = &mut self.columns;
        let process = columns.process[invoked];
        let texts = (columns.f.repeat(invoked))
            .and_then(|()| columns.key.repeat(invoked))
            .and_then(|()| columns.node.repeat(invoked));
        self.finish_row(row, texts, time, process, kind, invoked as u32)?;
        Ok(row)
    }

    fn ready(&self) -> Result<usize, RecordError> {
        if self.closed {
            return Err(RecordError::Closed);
        }
        if self.len() >= EVENTS_MAX {
            return Err(Error::malformed(format!("more than {EVENTS_MAX} events")).into());
        }
        Ok(self.len())
    }

    fn texts<E: From<RecordError>>(
        &mut self,
        row: usize,
        value: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
        error: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let columns = &mut self.columns;
        let written = || -> Result<(), E> {
            let present = value(columns.value.open())?;
            columns.value.commit(present).map_err(RecordError::from)?;
            let present = error(columns.error.open())?;
            columns.error.commit(present).map_err(RecordError::from)?;
            Ok(())
        };
        written().inspect_err(|_| self.columns.truncate(row))
    }

    fn finish_row(
        &mut self,
        row: usize,
        texts: Result<(), Error>,
        time: i64,
        process: i64,
        kind: Kind,
        invocation: u32,
    ) -> Result<(), RecordError> {
        if let Err(error) = texts {
            self.columns.truncate(row);
            return Err(error.into());
        }
        self.columns.time.push(time);
        self.columns.process.push(process);
        self.columns.kind.push(kind as u8);
        self.partner.push(invocation);
        if invocation != NONE {
            self.partner[invocation as usize] = row as u32;
        }
        Ok(())
    }

    /// Whether so much is pending that whoever records should flush now. Asking again after a failure waits for as much more.
    pub fn wants_flush(&self) -> bool {
        self.sink.is_some() && self.len() >= self.next_flush_rows
    }

    /// Writes what is pending and hands it to the operating system.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.next_flush_rows = self.len() + PENDING_ROWS_MAX;
        let Some(sink) = &mut self.sink else { return Ok(()) };
        while self.written_rows < self.columns.len() {
            let end = self.columns.len().min(self.written_rows + PENDING_ROWS_MAX);
            sink.write_batch(&self.columns, self.written_rows..end)?;
            self.written_rows = end;
        }
        Ok(())
    }

    /// Flushes and ends the file. Nothing can be recorded afterwards; closing twice does nothing. If what was pending
    /// cannot be written, the recorder stays open, so it can be tried again.
    pub fn close(&mut self) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        self.flush()?;
        self.closed = true;
        self.sink.as_mut().map_or(Ok(()), Sink::finish)
    }

    /// The events from `row` on, as a history of their own that keeps their indices. Pairs stay pairs where both halves
    /// are in it. Costs what the copy of those rows costs, so a history can be followed while it grows.
    pub fn tail(&self, row: usize) -> Result<History, Error> {
        let row = row.min(self.len());
        let within = |&partner: &u32| partner.checked_sub(row as u32).filter(|_| partner != NONE).unwrap_or(NONE);
        let partner = self.partner[row..].iter().map(within).collect();
        Ok(History::from_paired(self.columns.slice(row, self.len()), partner)?.numbered_from(row))
    }

    /// The history so far. Of a closed recorder its memory, handed over: afterwards the recorder is empty.
    pub fn take_history(&mut self) -> Result<History, Error> {
        if self.closed {
            let columns = std::mem::replace(&mut self.columns, Columns::new());
            History::from_paired(columns, std::mem::take(&mut self.partner))
        } else {
            History::from_paired(self.columns.slice(0, self.len()), self.partner.clone())
        }
    }
}
