//! JSON lines. An event ends where its line ends, so a broken line is told apart from a file that was cut off.

use std::io::Read;

use super::cursor::{Cursor, Step};
use super::events::{Draft, Events, Field};
use super::json::{another, push_string, push_value, skip_blank, skip_colon};
use super::source::Source;
use crate::error::Result;
use crate::history::History;
use crate::json::DEPTH_MAX;
use crate::kind::Kind;

/// Reads one object a line; empty lines are passed over.
pub fn read<R: Read>(mut source: Source<R>) -> Result<History> {
    let mut events = Events::new();
    source.skip_mark();
    events.read_all(&mut source, next)?;
    events.into_history()
}

fn next(events: &mut Events, cursor: &mut Cursor<'_>, ended: bool) -> Step<Option<usize>> {
    while cursor.text.get(cursor.at).is_some_and(u8::is_ascii_whitespace) {
        cursor.at += 1;
    }
    let begin = cursor.at;
    if begin == cursor.text.len() {
        return Ok(None);
    }
    let draft = push_event(events, cursor)?;
    skip_blank(cursor);
    match cursor.peek() {
        Ok(b'\n') => {}
        Err(_) if ended => {}
        Err(short) => return Err(short),
        Ok(_) => return cursor.expected("the end of the line behind an event"),
    }
    events.finish(begin, &draft)?;
    Ok(Some(begin))
}

fn push_event(events: &mut Events, cursor: &mut Cursor<'_>) -> Step<Draft> {
    if cursor.peek()? != b'{' {
        return cursor.expected("an object with the fields of an event");
    }
    cursor.at += 1;
    let mut draft = Draft::default();
    let mut first = true;
    while another(cursor, first, b'}')? {
        first = false;
        let at = cursor.at;
        events.scratch.clear();
        push_string(cursor, &mut events.scratch)?;
        skip_colon(cursor)?;
        match Field::named(inside(&events.scratch)) {
            Some(field) if !draft.see(field) => return cursor.bad(at, "a field that is there twice"),
            Some(field) => push_field(events, cursor, &mut draft, field)?,
            None => skip_value(events, cursor)?,
        }
    }
    Ok(draft)
}

/// A canonical string without its quotes.
fn inside(json: &[u8]) -> &[u8] {
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default()
}

fn skip_value(events: &mut Events, cursor: &mut Cursor<'_>) -> Step<()> {
    events.scratch.clear();
    push_value(cursor, &mut events.scratch, DEPTH_MAX)
}

fn push_field(events: &mut Events, cursor: &mut Cursor<'_>, draft: &mut Draft, field: Field) -> Step<()> {
    let at = cursor.at;
    if matches!(field, Field::Value | Field::Error) {
        return events.push_json(at, field, |out| push_value(cursor, out, DEPTH_MAX));
    }
    skip_value(events, cursor)?;
    let json = events.scratch.as_slice();
    let integer = || std::str::from_utf8(json).ok().and_then(|text| text.parse().ok());
    let is_string = json.first() == Some(&b'"');
    let wanted = match field {
        Field::Time => {
            draft.time = integer();
            (draft.time.is_none() && json != b"null").then_some("a time in integer nanoseconds")
        }
        Field::Process => {
            draft.process = if json == b"\"nemesis\"" { Some(-1) } else { integer() };
            draft.process.is_none().then_some("a process: an integer or \"nemesis\"")
        }
        Field::Type => {
            draft.kind = Kind::from_name(inside(json)).filter(|_| is_string);
            draft.kind.is_none().then_some("a type: \"invoke\", \"ok\", \"fail\" or \"info\"")
        }
        Field::F if !is_string => Some("a string for f"),
        _ => {
            events.push_label(at, field)?;
            None
        }
    };
    match wanted {
        Some(wanted) => {
            cursor.at = at;
            cursor.expected(wanted)
        }
        None => Ok(()),
    }
}
