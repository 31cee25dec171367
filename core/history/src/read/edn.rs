//! Histories in EDN, as Jepsen writes them: maps, one after the other or in one vector or list.

use std::io::Read;

use super::cursor::{Cursor, Step};
use super::edn_value::{keyword, push_value, skip_blank, skip_tag, token};
use super::events::{Draft, Events, Field};
use super::source::Source;
use crate::error::Result;
use crate::history::History;
use crate::json::DEPTH_MAX;
use crate::kind::Kind;

/// Reads maps, one after the other or in one vector or list.
pub fn read<R: Read>(mut source: Source<R>) -> Result<History> {
    let mut events = Events::new();
    let mut frame = Frame::Unknown;
    source.skip_mark();
    events.read_all(&mut source, |events, cursor, _| next(events, cursor, &mut frame))?;
    if matches!(frame, Frame::Open(_)) {
        events.truncated = true;
    }
    events.into_history()
}

/// What is around the maps.
#[derive(Clone, Copy, PartialEq)]
enum Frame {
    Unknown,
    Absent,
    /// A vector or list, which will end with this bracket.
    Open(u8),
    Closed,
}

fn next(events: &mut Events, cursor: &mut Cursor<'_>, frame: &mut Frame) -> Step<Option<usize>> {
    skip_blank(cursor)?;
    let begin = cursor.at;
    let Ok(byte) = cursor.peek() else { return Ok(None) };
    if *frame == Frame::Unknown {
        *frame = match byte {
            b'[' => Frame::Open(b']'),
            b'(' => Frame::Open(b')'),
            _ => Frame::Absent,
        };
        if *frame != Frame::Absent {
            cursor.at += 1;
            return Ok(Some(begin));
        }
    }
    match *frame {
        Frame::Closed => return cursor.expected("the end of the file behind its last bracket"),
        Frame::Open(bracket) if byte == bracket => {
            *frame = Frame::Closed;
            cursor.at += 1;
        }
        _ => push_event(events, cursor)?,
    }
    Ok(Some(begin))
}

fn push_event(events: &mut Events, cursor: &mut Cursor<'_>) -> Step<()> {
    while cursor.peek()? == b'#' {
        skip_tag(cursor)?;
    }
    let begin = cursor.at;
    if cursor.peek()? != b'{' {
        return cursor.expected("a map with the fields of an event");
    }
    cursor.at += 1;
    let mut draft = Draft::default();
    loop {
        skip_blank(cursor)?;
        match cursor.peek()? {
            b'}' => break,
            b':' => {
                let at = cursor.at;
                let field = Field::named(keyword(cursor)?);
                skip_blank(cursor)?;
                match field {
                    Some(field) if !draft.see(field) => return cursor.bad(at, "a field that is there twice"),
                    Some(field) => push_field(events, cursor, &mut draft, field)?,
                    None => skip_value(events, cursor)?,
                }
            }
            _ => {
                skip_value(events, cursor)?;
                skip_blank(cursor)?;
                skip_value(events, cursor)?;
            }
        }
    }
    cursor.at += 1;
    events.finish(begin, &draft)
}

fn skip_value(events: &mut Events, cursor: &mut Cursor<'_>) -> Step<()> {
    events.scratch.clear();
    push_value(cursor, &mut events.scratch, DEPTH_MAX)
}

fn push_field(events: &mut Events, cursor: &mut Cursor<'_>, draft: &mut Draft, field: Field) -> Step<()> {
    let at = cursor.at;
    match field {
        Field::Time => draft.time = time(cursor)?,
        Field::Process => draft.process = Some(process(cursor)?),
        Field::Type => draft.kind = Some(kind(cursor)?),
        Field::Value | Field::Error => events.push_json(at, field, |out| push_value(cursor, out, DEPTH_MAX))?,
        Field::F | Field::Key | Field::Node => {
            skip_value(events, cursor)?;
            if field == Field::F && events.scratch.first() != Some(&b'"') {
                cursor.at = at;
                return cursor.expected("a keyword or string for :f");
            }
            events.push_label(at, field)?;
        }
    }
    Ok(())
}

pub fn kind(cursor: &mut Cursor<'_>) -> Step<Kind> {
    let at = cursor.at;
    let name = match cursor.peek()? {
        b':' => keyword(cursor)?,
        b'"' => {
            cursor.at += 1;
            let name = token(cursor)?;
            cursor.at += usize::from(cursor.peek()? == b'"');
            name
        }
        _ => b"",
    };
    Kind::from_name(name).map_or_else(
        || {
            cursor.at = at;
            cursor.expected("a type: :invoke, :ok, :fail or :info")
        },
        Ok,
    )
}

pub fn process(cursor: &mut Cursor<'_>) -> Step<i64> {
    let at = cursor.at;
    let number = match token(cursor)? {
        b":nemesis" => Some(-1),
        text => integer(text),
    };
    number.map_or_else(
        || {
            cursor.at = at;
            cursor.expected("a process: an integer or :nemesis")
        },
        Ok,
    )
}

fn time(cursor: &mut Cursor<'_>) -> Step<Option<i64>> {
    let at = cursor.at;
    let text = token(cursor)?;
    if text == b"nil" {
        return Ok(None);
    }
    integer(text).map_or_else(
        || {
            cursor.at = at;
            cursor.expected("a time in integer nanoseconds")
        },
        |time| Ok(Some(time)),
    )
}

fn integer(text: &[u8]) -> Option<i64> {
    let text = text.strip_suffix(b"N").unwrap_or(text);
    std::str::from_utf8(text).ok()?.parse().ok()
}
