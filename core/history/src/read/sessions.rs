//! Transactions by session, as testers of weak isolation write them: `r KEY VALUE` or `w KEY VALUE` a line, `-----` ends
//! a transaction, `=====` a session.
//!
//! The format has no times and tells nothing of the order between sessions. So a session becomes a process, and all events
//! get one time: then nothing precedes anything but within its session. All transactions were committed.

use std::io::Read;

use super::cursor::{Cursor, Step, Stop};
use super::events::{Draft, Events, Field};
use super::source::Source;
use crate::error::Result;
use crate::history::History;
use crate::json::push_string;
use crate::kind::Kind;

/// Whether the first line that is not empty belongs to this format.
pub fn is_sessions(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    line.is_some_and(|line| is_rule(line, '-') || is_rule(line, '=') || Access::read(line).is_some())
}

/// Reads one transaction after another.
pub fn read<R: Read>(mut source: Source<R>) -> Result<History> {
    let mut events = Events::new();
    let mut session = 0;
    source.skip_mark();
    events.read_all(&mut source, |events, cursor, ended| next(events, cursor, ended, &mut session))?;
    events.into_history()
}

struct Access<'a> {
    is_write: bool,
    key: &'a str,
    value: &'a str,
}

impl<'a> Access<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let is_write = match words.next()? {
            "r" => false,
            "w" => true,
            _ => return None,
        };
        let access = Self { is_write, key: words.next()?, value: words.next()? };
        words.next().is_none().then_some(access)
    }

    fn push(&self, out: &mut Vec<u8>, with_result: bool) {
        out.extend_from_slice(if self.is_write { b"[\"w\"," } else { b"[\"r\"," });
        push_word(out, self.key);
        out.push(b',');
        if self.is_write || with_result {
            push_word(out, self.value);
        } else {
            out.extend_from_slice(b"null");
        }
        out.push(b']');
    }
}

/// A number if it is written as JSON writes it, else a string.
fn push_word(out: &mut Vec<u8>, word: &str) {
    let digits = word.strip_prefix('-').filter(|digits| *digits != "0").unwrap_or(word);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if is_number && !digits.is_empty() {
        out.extend_from_slice(word.as_bytes());
    } else {
        push_string(out, word);
    }
}

fn is_rule(line: &str, of: char) -> bool {
    line.len() >= 3 && line.chars().all(|letter| letter == of)
}

fn next(events: &mut Events, cursor: &mut Cursor<'_>, ended: bool, session: &mut i64) -> Step<Option<usize>> {
    let begin = cursor.at;
    let text = cursor.text;
    if begin == text.len() {
        return Ok(None);
    }
    let mut accesses = Vec::new();
    let (mut at, mut ends_session) = (begin, false);
    while at < text.len() {
        let length = match text[at..].iter().position(|&byte| byte == b'\n') {
            Some(length) => length,
            None if ended => text.len() - at,
            None => return Err(Stop::Short),
        };
        cursor.at = at + length;
        let line = cursor.utf8(at)?.trim();
        let start = std::mem::replace(&mut at, (cursor.at + 1).min(text.len()));
        if is_rule(line, '-') || is_rule(line, '=') {
            ends_session = line.starts_with('=');
            break;
        }
        if !line.is_empty() {
            cursor.at = start;
            match Access::read(line) {
                Some(access) => accesses.push(access),
                None => return cursor.expected("`r KEY VALUE`, `w KEY VALUE`, `-----` or `=====`"),
            }
        }
        if at == text.len() && !ended {
            return Err(Stop::Short);
        }
    }
    cursor.at = at;
    if !accesses.is_empty() {
        push_event(events, begin, *session, Kind::Invoke, &accesses)?;
        push_event(events, begin, *session, Kind::Ok, &accesses)?;
    }
    *session += i64::from(ends_session);
    Ok(Some(begin))
}

fn push_event(events: &mut Events, at: usize, session: i64, kind: Kind, accesses: &[Access<'_>]) -> Step<()> {
    let mut draft = Draft::of(session);
    (draft.time, draft.kind) = (Some(0), Some(kind));
    draft.see(Field::F);
    events.columns.f.push(Some("txn")).map_err(|error| Stop::Bad(at, error.to_string()))?;
    draft.see(Field::Value);
    events.push_json(at, Field::Value, |out| {
        for (place, access) in accesses.iter().enumerate() {
            out.push(if place == 0 { b'[' } else { b',' });
            access.push(out, kind == Kind::Ok);
        }
        out.push(b']');
        Ok(())
    })?;
    events.finish(at, &draft)
}
