use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray, UInt8Array};

use crate::columns::{schema, Columns};
use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::mend::{self, Mended};
use crate::pairing::{self, Problem, NONE};

/// The most events of one history; what is above is refused, so an event always fits 32 bits.
pub const EVENTS_MAX: usize = u32::MAX as usize - 1;

/// Key and value in the metadata of an arrow schema whose times are no times.
pub const TIMES: &str = "splitbrain.times";
pub const NO_TIMES: &str = "none";

/// The ordered record of all events: the only thing checkers read. Immutable.
///
/// Rows are dense from 0. In a history that was read or recorded the row is the event's index; a selection keeps the
/// rows' indices in the history it was taken from, see [`History::index`].
pub struct History {
    batch: RecordBatch,
    time: Int64Array,
    process: Int64Array,
    kind: UInt8Array,
    f: StringArray,
    key: StringArray,
    value: StringArray,
    node: StringArray,
    error: StringArray,
    partner: Vec<u32>,
    lines: Option<Vec<u32>>,
    origin: Option<Vec<u32>>,
    has_times: bool,
    truncated: bool,
    by_key: OnceLock<Vec<(Box<str>, Vec<u32>)>>,
}

/// What a reader knows about the file besides its columns.
#[derive(Default)]
pub struct Provenance {
    /// 1-based line of every event, for text files.
    pub lines: Option<Vec<u32>>,
    /// The events carry no times; the index stands in for nanoseconds.
    pub timeless: bool,
    /// The file ends before its end.
    pub truncated: bool,
}

impl History {
    /// Pairs and freezes columns that were read.
    pub(crate) fn from_columns(columns: Columns, provenance: Provenance) -> Result<History> {
        let mut history = History::unpaired(columns.freeze()?, provenance)?;
        history.partner = pairing::pair(&history);
        Ok(history)
    }

    /// Freezes columns whose pairs are known.
    pub(crate) fn from_paired(columns: Columns, partner: Vec<u32>) -> Result<History> {
        let mut history = History::unpaired(columns.freeze()?, Provenance::default())?;
        history.partner = partner;
        Ok(history)
    }

    /// The same events, which are not the first of their history: `row` were recorded before them.
    pub(crate) fn numbered_from(mut self, row: usize) -> History {
        self.origin = Some((row..row + self.len()).map(|index| index as u32).collect());
        self
    }

    fn unpaired(batch: RecordBatch, provenance: Provenance) -> Result<History> {
        if batch.num_rows() > EVENTS_MAX {
            return Err(Error::malformed(format!("more than {EVENTS_MAX} events")));
        }
        let batch = if provenance.timeless { without_times(batch)? } else { batch };
        let text = |column: usize| batch.column(column).as_string::<i32>().clone();
        Ok(History {
            time: batch.column(0).as_primitive::<Int64Type>().clone(),
            process: batch.column(1).as_primitive::<Int64Type>().clone(),
            kind: batch.column(2).as_primitive::<UInt8Type>().clone(),
            f: text(3),
            key: text(4),
            value: text(5),
            node: text(6),
            error: text(7),
            partner: Vec::new(),
            lines: provenance.lines,
            origin: None,
            has_times: !provenance.timeless,
            truncated: provenance.truncated,
            by_key: OnceLock::new(),
            batch,
        })
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Integer nanoseconds since the run began; the index where the file had no times.
    pub fn time(&self, row: usize) -> i64 {
        self.time.values()[row]
    }

    /// The process; below zero, a nemesis.
    pub fn process(&self, row: usize) -> i64 {
        self.process.values()[row]
    }

    pub fn kind(&self, row: usize) -> Kind {
        match self.kind.values()[row] {
            0 => Kind::Invoke,
            1 => Kind::Ok,
            2 => Kind::Fail,
            // Columns admits no other code, so what is left is 3.
            _ => Kind::Info,
        }
    }

    pub fn f(&self, row: usize) -> &str {
        self.f.value(row)
    }

    pub fn key(&self, row: usize) -> Option<&str> {
        text(&self.key, row)
    }

    /// Canonical JSON text: equal values have equal text. None is JSON's null.
    pub fn value(&self, row: usize) -> Option<&str> {
        text(&self.value, row)
    }

    pub fn node(&self, row: usize) -> Option<&str> {
        text(&self.node, row)
    }

    /// Canonical JSON text.
    pub fn error(&self, row: usize) -> Option<&str> {
        text(&self.error, row)
    }

    /// The row that completes this invocation; None while it is open, and for completions.
    pub fn completion(&self, row: usize) -> Option<usize> {
        self.partner(row, true)
    }

    /// The row that invoked this completion; None if there is none, and for invocations.
    pub fn invocation(&self, row: usize) -> Option<usize> {
        self.partner(row, false)
    }

    fn partner(&self, row: usize, of_invocation: bool) -> Option<usize> {
        let partner = self.partner[row];
        let is_invocation = self.kind.values()[row] == Kind::Invoke as u8;
        (partner != NONE && is_invocation == of_invocation).then_some(partner as usize)
    }

    /// The event's index in the history it was recorded in.
    pub fn index(&self, row: usize) -> usize {
        self.origin.as_ref().map_or(row, |origin| origin[row] as usize)
    }

    /// 1-based line of the text file the event was read from.
    pub fn line(&self, row: usize) -> Option<u64> {
        self.lines.as_ref().map(|lines| u64::from(lines[row]))
    }

    /// False where the file gave no times and the order of its lines stands in for them.
    pub fn has_times(&self) -> bool {
        self.has_times
    }

    /// The file ended before its end: what was recorded last is missing.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Whole columns, for bulk work.
    pub fn times(&self) -> &[i64] {
        self.time.values()
    }

    pub fn processes(&self) -> &[i64] {
        self.process.values()
    }

    /// Codes of [`Kind`].
    pub fn kinds(&self) -> &[u8] {
        self.kind.values()
    }

    /// All columns as one arrow batch, sharing the memory.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The batch behind the C stream interface of arrow, sharing the memory.
    pub fn arrow_stream(&self) -> FFI_ArrowArrayStream {
        let batches = RecordBatchIterator::new([Ok(self.batch.clone())], self.batch.schema());
        FFI_ArrowArrayStream::new(Box::new(batches))
    }

    /// Every key with its rows, in order of first appearance. Events without a key are in none.
    pub fn by_key(&self) -> &[(Box<str>, Vec<u32>)] {
        self.by_key.get_or_init(|| {
            let mut places = std::collections::HashMap::<&str, usize>::new();
            let mut groups: Vec<(Box<str>, Vec<u32>)> = Vec::new();
            for row in 0..self.len() {
                let Some(key) = self.key(row) else { continue };
                let place = *places.entry(key).or_insert_with(|| {
                    groups.push((key.into(), Vec::new()));
                    groups.len() - 1
                });
                groups[place].1.push(row as u32);
            }
            groups
        })
    }

    /// Broken rules of histories, by event, at most `limit`: see [`Problem`].
    pub fn problems(&self, limit: usize) -> Vec<Problem> {
        pairing::problems(self, limit)
    }

    /// What is left of it where it breaks no rule: see [`Mended`].
    pub fn mended(&self) -> Result<Mended> {
        mend::mend(self)
    }

    /// The history of these rows alone, strictly ascending. Pairs stay pairs where both halves are selected.
    pub fn select(&self, rows: &[u32]) -> Result<History> {
        self.selected(rows, |row| self.process(row as usize))
    }

    /// The same, with the processes of these rows.
    pub(crate) fn selected(&self, rows: &[u32], process: impl Fn(u32) -> i64) -> Result<History> {
        if let Some(pair) = rows.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::malformed(format!("selected rows must ascend, but {} follows {}", pair[1], pair[0])));
        }
        if let Some(&last) = rows.last().filter(|&&last| last as usize >= self.len()) {
            return Err(Error::malformed(format!("row {last} selected from a history of {} events", self.len())));
        }
        let mut columns = Columns::new();
        for &row in rows {
            columns.process.push(process(row));
            let row = row as usize;
            self.copy(row, self.key(row), self.value(row), &mut columns)?;
        }
        let provenance = Provenance {
            lines: self.lines.as_ref().map(|lines| rows.iter().map(|&row| lines[row as usize]).collect()),
            timeless: !self.has_times,
            truncated: self.truncated,
        };
        let place = |row: u32| rows.binary_search(&row).map_or(NONE, |place| place as u32);
        let partner = rows.iter().map(|&row| place(self.partner[row as usize])).collect();
        let mut history = History::unpaired(columns.freeze()?, provenance)?;
        history.partner = partner;
        history.origin = Some(rows.iter().map(|&row| self.index(row as usize) as u32).collect());
        Ok(history)
    }

    /// The same events with other keys and values.
    pub(crate) fn relabelled<'a>(
        &'a self,
        label: impl Fn(usize) -> (Option<&'a str>, Option<&'a str>),
    ) -> Result<History> {
        let mut columns = Columns::new();
        for row in 0..self.len() {
            let (key, value) = label(row);
            columns.process.push(self.process(row));
            self.copy(row, key, value, &mut columns)?;
        }
        let provenance = Provenance { lines: self.lines.clone(), timeless: !self.has_times, truncated: self.truncated };
        let mut history = History::unpaired(columns.freeze()?, provenance)?;
        history.partner.clone_from(&self.partner);
        history.origin.clone_from(&self.origin);
        Ok(history)
    }

    /// Copies an event but for its process.
    fn copy(&self, row: usize, key: Option<&str>, value: Option<&str>, columns: &mut Columns) -> Result<()> {
        columns.time.push(self.time(row));
        columns.f.push(Some(self.f(row)))?;
        columns.key.push(key)?;
        columns.value.push(value)?;
        columns.node.push(self.node(row))?;
        columns.error.push(self.error(row))?;
        columns.kind.push(self.kind.values()[row]);
        Ok(())
    }
}

/// Marks in the schema, and so in files, that the column of times only counts events.
fn without_times(batch: RecordBatch) -> Result<RecordBatch> {
    let schema = schema().with_metadata([(TIMES.to_owned(), NO_TIMES.to_owned())]);
    batch
        .with_schema(Arc::new(schema))
        .map_err(|error| Error::malformed(format!("the columns do not fit together: {error}")))
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The ranges in which a long history is handed out in pieces.
pub fn chunks(len: usize, rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(rows).map(move |from| from..len.min(from + rows))
}
