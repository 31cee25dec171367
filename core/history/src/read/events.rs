//! How the fields of an event, read in any order, become a row.

use super::cursor::{Cursor, Step, Stop};
use super::source::Source;
use crate::columns::Columns;
use crate::error::{Error, Result};
use crate::history::{History, Provenance, EVENTS_MAX};
use crate::kind::Kind;

use std::io::Read;

/// The fields of an event that mean something; all others are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Time,
    Process,
    Type,
    F,
    Key,
    Value,
    Node,
    Error,
}

impl Field {
    pub fn name(self) -> &'static str {
        match self {
            Field::Time => "time",
            Field::Process => "process",
            Field::Type => "type",
            Field::F => "f",
            Field::Key => "key",
            Field::Value => "value",
            Field::Node => "node",
            Field::Error => "error",
        }
    }

    pub fn named(name: &[u8]) -> Option<Field> {
        Some(match name {
            b"time" => Field::Time,
            b"process" => Field::Process,
            b"type" => Field::Type,
            b"f" => Field::F,
            b"key" => Field::Key,
            b"value" => Field::Value,
            b"node" => Field::Node,
            b"error" => Field::Error,
            _ => return None,
        })
    }
}

/// What is known so far of the event being read. Its texts are in the columns already.
#[derive(Default)]
pub struct Draft {
    pub time: Option<i64>,
    pub process: Option<i64>,
    pub kind: Option<Kind>,
    seen: u8,
}

impl Draft {
    pub fn of(process: i64) -> Draft {
        Draft { process: Some(process), ..Draft::default() }
    }

    /// Notes that a field was there; false if it was there before.
    pub fn see(&mut self, field: Field) -> bool {
        let bit = 1 << field as u8;
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }

    fn has(&self, field: Field) -> bool {
        self.seen & 1 << field as u8 != 0
    }
}

/// Events in the making.
pub struct Events {
    pub columns: Columns,
    /// For what is read and not kept.
    pub scratch: Vec<u8>,
    lines: Vec<u32>,
    untimed: usize,
    pub truncated: bool,
}

impl Events {
    pub fn new() -> Events {
        Events { columns: Columns::new(), scratch: Vec::new(), lines: Vec::new(), untimed: 0, truncated: false }
    }

    /// Writes the text of a key or node, which came as JSON in `scratch`: strings bare, null absent, the rest as JSON.
    pub fn push_label(&mut self, at: usize, field: Field) -> Step<()> {
        let json = self.scratch.as_slice();
        let column = match field {
            Field::Key => &mut self.columns.key,
            Field::F => &mut self.columns.f,
            _ => &mut self.columns.node,
        };
        match json {
            b"null" => {}
            [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => column.open().extend_from_slice(inside),
            [b'"', ..] => {
                let Some(text) = unquoted(json) else {
                    return Err(Stop::Bad(at, "a name with half a surrogate pair".to_owned()));
                };
                column.open().extend_from_slice(text.as_bytes());
            }
            _ => column.open().extend_from_slice(json),
        }
        column.commit(json != b"null").map_err(|error| Stop::Bad(at, error.to_string()))
    }

    /// Reads a value or error straight into its column.
    pub fn push_json(&mut self, at: usize, field: Field, push: impl FnOnce(&mut Vec<u8>) -> Step<()>) -> Step<()> {
        let column = match field {
            Field::Value => &mut self.columns.value,
            _ => &mut self.columns.error,
        };
        push(column.open())?;
        column.commit_json().map_err(|error| Stop::Bad(at, error.to_string()))
    }

    /// The row is complete: fills in what it does not have. `at` is where the event begins.
    pub fn finish(&mut self, at: usize, draft: &Draft) -> Step<()> {
        let missing =
            |what: &str| Err(Stop::Bad(at, format!("an event without {what}; each needs a process, type and f")));
        let Some(process) = draft.process else {
            return missing("a process");
        };
        let Some(kind) = draft.kind else { return missing("a type") };
        if !draft.has(Field::F) {
            return missing("an f");
        }
        let row = self.columns.len();
        if row >= EVENTS_MAX {
            return Err(Stop::Bad(at, format!("more than {EVENTS_MAX} events")));
        }
        if (self.untimed > 0) != draft.time.is_none() && row > 0 {
            let (this, before) = if draft.time.is_none() { ("no", "have one") } else { ("a", "have none") };
            return Err(Stop::Bad(at, format!("this event has {this} time, but those before {before}")));
        }
        let columns = &mut self.columns;
        let absent = [
            (Field::Key, &mut columns.key),
            (Field::Value, &mut columns.value),
            (Field::Node, &mut columns.node),
            (Field::Error, &mut columns.error),
        ];
        for (field, column) in absent {
            if !draft.has(field) {
                column.push(None).map_err(|error| Stop::Bad(at, error.to_string()))?;
            }
        }
        self.untimed += usize::from(draft.time.is_none());
        columns.time.push(draft.time.unwrap_or(row as i64));
        columns.process.push(process);
        columns.kind.push(kind as u8);
        Ok(())
    }

    /// Reads event after event: `next` finds the next one in what is unread, takes it apart, and says where it began and
    /// where it ended, or that there is none.
    pub fn read_all<R: Read>(
        &mut self,
        source: &mut Source<R>,
        mut next: impl FnMut(&mut Events, &mut Cursor<'_>, bool) -> Step<Option<usize>>,
    ) -> Result<()> {
        loop {
            let row = self.columns.len();
            let mut cursor = Cursor::new(source.unread());
            match next(self, &mut cursor, source.ended()) {
                Ok(Some(begin)) => {
                    let (line, end) = (source.line(begin), cursor.at);
                    self.lines.resize(self.columns.len(), u32::try_from(line).unwrap_or(u32::MAX));
                    source.consume(end);
                }
                Ok(None) if source.ended() => return Ok(()),
                Err(Stop::Short) if source.ended() => {
                    self.columns.truncate(row);
                    self.truncated = true;
                    return Ok(());
                }
                Ok(None) | Err(Stop::Short) => {
                    self.columns.truncate(row);
                    source.more()?;
                }
                Err(Stop::Bad(place, message)) => return Err(Error::at(source.line(place), message)),
            }
        }
    }

    pub fn into_history(self) -> Result<History> {
        let provenance = Provenance { lines: Some(self.lines), timeless: self.untimed > 0, truncated: self.truncated };
        History::from_columns(self.columns, provenance)
    }
}

/// A canonical JSON string as the text it stands for; None if it holds half a surrogate pair.
pub fn unquoted(json: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(json.len());
    let mut inside = json.get(1..json.len() - 1)?.iter();
    while let Some(&byte) = inside.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match inside.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'u' => {
                let digits = inside.as_slice().get(..4)?;
                inside.nth(3);
                // Canonical text has this escape for control characters and half surrogates alone.
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            &plain => plain,
        });
    }
    String::from_utf8(text).ok()
}
