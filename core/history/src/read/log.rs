//! The log lines of early Jepsen tests: `INFO  jepsen.util - PROCESS :type :f value`, in EDN, with tabs or blanks between.
//!
//! A completion that does not know its value carries a keyword in its place, such as `:timed-out`: that is its error.
//! Lines of other loggers are passed over. The last line counts only with its newline: what is cut off may still look
//! like a value.

use std::io::Read;

use super::cursor::{Cursor, Step, Stop};
use super::edn;
use super::edn_value::{push_value, skip_blank};
use super::events::{Draft, Events, Field};
use super::source::Source;
use crate::error::{Error, Result};
use crate::history::History;
use crate::json::{push_string, DEPTH_MAX};

/// What comes before the event in its line.
const LOGGER: &[u8] = b"jepsen.util - ";

/// Whether the first line is one of a log.
pub fn is_log(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"INFO") || find(line, LOGGER).is_some()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Reads the events among the lines of a log.
pub fn read<R: Read>(mut source: Source<R>) -> Result<History> {
    let mut events = Events::new();
    source.skip_mark();
    events.read_all(&mut source, next)?;
    if events.columns.len() == 0 {
        return Err(Error::malformed(
            "no line of the log is an event; expected `jepsen.util - PROCESS :type :f value`",
        ));
    }
    events.into_history()
}

fn next(events: &mut Events, cursor: &mut Cursor<'_>, _ended: bool) -> Step<Option<usize>> {
    let begin = cursor.at;
    let rest = &cursor.text[begin..];
    if rest.is_empty() {
        return Ok(None);
    }
    let length = rest.iter().position(|&byte| byte == b'\n').ok_or(Stop::Short)?;
    let end = begin + length + 1;
    let mut line = Cursor { text: &cursor.text[..end], at: begin };
    if let Some(logger) = find(&rest[..length], LOGGER) {
        line.at += logger + LOGGER.len();
        match push_event(events, &mut line, begin) {
            Err(Stop::Short) => return cursor.bad(end - 1, "expected the rest of an event, got the end of its line"),
            done => done?,
        }
    }
    cursor.at = end;
    Ok(Some(begin))
}

fn push_event(events: &mut Events, line: &mut Cursor<'_>, begin: usize) -> Step<()> {
    let Ok(process) = edn::process(line) else { return Ok(()) };
    let mut draft = Draft::of(process);
    skip_blank(line)?;
    draft.kind = Some(edn::kind(line)?);
    skip_blank(line)?;
    draft.see(Field::F);
    events.scratch.clear();
    push_value(line, &mut events.scratch, DEPTH_MAX)?;
    events.push_label(line.at, Field::F)?;
    if process < 0 {
        // A nemesis says what it did in words.
        let words = line.text[line.at..].trim_ascii();
        let words = String::from_utf8_lossy(words);
        if !words.is_empty() && words != "nil" {
            draft.see(Field::Value);
            events.push_json(begin, Field::Value, |out| {
                push_string(out, &words);
                Ok(())
            })?;
        }
        return events.finish(begin, &draft);
    }
    push_rest(events, line, &mut draft)?;
    events.finish(begin, &draft)
}

/// The value, the error, or both.
fn push_rest(events: &mut Events, line: &mut Cursor<'_>, draft: &mut Draft) -> Step<()> {
    for field in [Field::Value, Field::Error] {
        skip_blank(line)?;
        let at = line.at;
        let Ok(byte) = line.peek() else { return Ok(()) };
        let field = if byte == b':' { Field::Error } else { field };
        if !draft.see(field) {
            break;
        }
        events.push_json(at, field, |out| push_value(line, out, DEPTH_MAX))?;
    }
    skip_blank(line)?;
    match line.peek() {
        Ok(_) => line.expected("the end of the line behind an event"),
        Err(_) => Ok(()),
    }
}
