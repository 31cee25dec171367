//! EDN, as Jepsen writes histories, turned into canonical JSON text byte by byte.
//!
//! What JSON has no form for: keywords and symbols become strings of their name, characters strings of one letter, sets
//! and lists arrays, ratios their text; a tagged value is the value without its tag. Keys of maps become strings:
//! keywords their name, strings themselves, anything else its JSON text.
//!
//! The way back is `write::edn`, which makes keywords of map keys and of the functions of micro-operations. So JSON
//! text is the same after a trip through EDN; EDN from elsewhere is not the same after a trip through JSON.

use std::io::Read;

use super::cursor::{Cursor, Step};
use super::events::{Draft, Events, Field};
use super::source::Source;
use crate::error::Result;
use crate::history::History;
use crate::json::{push_escaped, push_float, push_string, DEPTH_MAX};
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

/// Bytes that end a token.
static ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let bytes = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f,;\"()[]{}\\";
    let mut place = 0;
    while place < bytes.len() {
        ends[bytes[place] as usize] = true;
        place += 1;
    }
    ends
};

/// The token here, possibly empty. Something must follow it: a token never ends with the bytes.
#[inline]
fn token<'a>(cursor: &mut Cursor<'a>) -> Step<&'a [u8]> {
    let start = cursor.at;
    while !ENDS[usize::from(cursor.peek()?)] {
        cursor.at += 1;
    }
    Ok(&cursor.text[start..cursor.at])
}

/// The name of the keyword here.
#[inline]
fn keyword<'a>(cursor: &mut Cursor<'a>) -> Step<&'a [u8]> {
    cursor.at += 1;
    token(cursor)
}

/// Passes over white space, commas, comments and discarded values.
#[inline]
pub fn skip_blank(cursor: &mut Cursor<'_>) -> Step<()> {
    while let Some(&byte) = cursor.text.get(cursor.at) {
        match byte {
            b' ' | b'\n' | b',' | b'\t' | b'\r' | 0x0b | 0x0c | 0x1c..=0x1f => cursor.at += 1,
            b';' => skip_comment(cursor),
            b'#' if cursor.text.get(cursor.at + 1) == Some(&b'_') => {
                cursor.at += 2;
                skip_discarded(cursor)?;
            }
            _ => break,
        }
    }
    Ok(())
}

fn skip_comment(cursor: &mut Cursor<'_>) {
    let comment = &cursor.text[cursor.at..];
    let length = comment.iter().position(|&byte| byte == b'\n');
    cursor.at += length.unwrap_or(comment.len());
}

/// `#_ #_ a b` discards both, so discards nest; their number is bounded like any depth.
#[cold]
fn skip_discarded(cursor: &mut Cursor<'_>) -> Step<()> {
    let mut pending = 1_usize;
    let mut scratch = Vec::new();
    while pending > 0 {
        match cursor.peek()? {
            b' ' | b'\n' | b',' | b'\t' | b'\r' => cursor.at += 1,
            b';' => skip_comment(cursor),
            b'#' if cursor.text.get(cursor.at + 1) == Some(&b'_') => {
                cursor.at += 2;
                pending += 1;
            }
            _ => {
                push_value(cursor, &mut scratch, DEPTH_MAX)?;
                scratch.clear();
                pending -= 1;
            }
        }
    }
    Ok(())
}

fn skip_tag(cursor: &mut Cursor<'_>) -> Step<()> {
    cursor.at += 1;
    if token(cursor)?.is_empty() {
        return cursor.expected("a tag behind #");
    }
    skip_blank(cursor)
}

/// Writes the value here as canonical JSON.
pub fn push_value(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    match cursor.peek()? {
        b'0'..=b'9' => push_number(cursor, out),
        b':' => push_name(cursor, out, 1),
        b'[' => push_items(cursor, out, b']', depth_left),
        b'{' => push_members(cursor, out, depth_left),
        b'"' => cursor.push_quoted(out, escape, true),
        b'(' => push_items(cursor, out, b')', depth_left),
        b'#' => push_dispatched(cursor, out, depth_left),
        b'\\' => push_character(cursor, out),
        b'-' | b'+' if cursor.text.get(cursor.at + 1).is_some_and(u8::is_ascii_digit) => push_number(cursor, out),
        b')' | b']' | b'}' => cursor.expected("a value"),
        _ => push_symbol(cursor, out),
    }
}

fn deeper(cursor: &Cursor<'_>, depth_left: usize) -> Step<usize> {
    depth_left
        .checked_sub(1)
        .map_or_else(|| cursor.bad(cursor.at, format!("a value nested deeper than {DEPTH_MAX}")), Ok)
}

fn push_items(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, bracket: u8, depth_left: usize) -> Step<()> {
    let depth_left = deeper(cursor, depth_left)?;
    cursor.at += 1;
    out.push(b'[');
    let mut first = true;
    loop {
        skip_blank(cursor)?;
        if cursor.peek()? == bracket {
            break;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        push_value(cursor, out, depth_left)?;
    }
    cursor.at += 1;
    out.push(b']');
    Ok(())
}

fn push_members(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    let depth_left = deeper(cursor, depth_left)?;
    cursor.at += 1;
    out.push(b'{');
    let mut first = true;
    loop {
        skip_blank(cursor)?;
        if cursor.peek()? == b'}' {
            break;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        push_member_key(cursor, out, depth_left)?;
        out.push(b':');
        skip_blank(cursor)?;
        if cursor.peek()? == b'}' {
            return cursor.expected("a value for the last key of a map");
        }
        push_value(cursor, out, depth_left)?;
    }
    cursor.at += 1;
    out.push(b'}');
    Ok(())
}

fn push_member_key(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    let start = out.len();
    push_value(cursor, out, depth_left)?;
    if out[start] != b'"' {
        let key = out.split_off(start);
        out.push(b'"');
        push_escaped(out, &key);
        out.push(b'"');
    }
    Ok(())
}

/// What follows `#`: a set, a special number, or a tagged value.
fn push_dispatched(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    match cursor.text.get(cursor.at + 1) {
        None => Err(super::cursor::Stop::Short),
        Some(b'{') => {
            cursor.at += 1;
            push_items(cursor, out, b'}', depth_left)
        }
        Some(b'#') => push_name(cursor, out, 2),
        Some(_) => {
            let depth_left = deeper(cursor, depth_left)?;
            skip_tag(cursor)?;
            push_value(cursor, out, depth_left)
        }
    }
}

/// A token as a string, without its first bytes.
#[inline]
fn push_name(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, skip: usize) -> Step<()> {
    cursor.at += skip;
    let start = cursor.at;
    let name = token(cursor)?;
    if name.is_empty() {
        return cursor.expected("a name");
    }
    if name.is_ascii() && name.iter().all(|&byte| byte >= 0x20) {
        out.push(b'"');
        out.extend_from_slice(name);
        out.push(b'"');
    } else {
        push_string(out, cursor.utf8(start)?);
    }
    Ok(())
}

fn push_symbol(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Step<()> {
    let start = cursor.at;
    match token(cursor)? {
        b"nil" => out.extend_from_slice(b"null"),
        word @ (b"true" | b"false") => out.extend_from_slice(word),
        _ => {
            cursor.at = start;
            push_name(cursor, out, 0)?;
        }
    }
    Ok(())
}

fn push_number(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Step<()> {
    let start = cursor.at;
    let text = token(cursor)?;
    if push_number_text(text, out) {
        Ok(())
    } else {
        cursor.at = start;
        cursor.expected("a number")
    }
}

/// False for what only begins like a number.
fn push_number_text(text: &[u8], out: &mut Vec<u8>) -> bool {
    let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let digits = unsigned.strip_suffix(b"N").unwrap_or(unsigned);
    if digits.iter().all(u8::is_ascii_digit) {
        if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') {
            return false;
        }
        if text[0] == b'-' && digits != b"0" {
            out.push(b'-');
        }
        out.extend_from_slice(digits);
        return true;
    }
    let all_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let mut parts = unsigned.split(|&byte| byte == b'/');
    if let (Some(over), Some(under), None) = (parts.next(), parts.next(), parts.next()) {
        if all_digits(over) && all_digits(under) {
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
            return true;
        }
        return false;
    }
    let decimal = text.strip_suffix(b"M").unwrap_or(text);
    let is_decimal = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    decimal.iter().all(is_decimal)
        && std::str::from_utf8(decimal)
            .ok()
            .and_then(|decimal| decimal.parse().ok())
            .is_some_and(|number| push_float(out, number))
}

/// `\a`, `\newline`, `\u00e9`.
fn push_character(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Step<()> {
    let start = cursor.at + 1;
    // The first byte belongs to the character even where it would end a token.
    cursor.at += 2;
    token(cursor)?;
    let text = cursor.utf8(start)?;
    let mut letters = text.chars();
    match (letters.next(), letters.as_str()) {
        (Some(_), "") => push_string(out, text),
        (Some('u'), digits) if digits.len() == 4 => {
            let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
            let Some(letter) = code else {
                return cursor.bad(start, "expected a character behind \\u");
            };
            push_string(out, letter.encode_utf8(&mut [0; 4]));
        }
        _ => match text {
            "newline" => push_string(out, "\n"),
            "return" => push_string(out, "\r"),
            "space" => push_string(out, " "),
            "tab" => push_string(out, "\t"),
            "backspace" => push_string(out, "\u{8}"),
            "formfeed" => push_string(out, "\u{c}"),
            _ => return cursor.bad(start, "expected a character behind \\"),
        },
    }
    Ok(())
}

/// What stands behind a backslash in a string.
fn escape(cursor: &mut Cursor<'_>) -> Step<u16> {
    let byte = cursor.peek()?;
    if (b'0'..=b'7').contains(&byte) {
        return octal(cursor);
    }
    let letter = match byte {
        b't' => b'\t',
        b'r' => b'\r',
        b'n' => b'\n',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'"' | b'\\' => byte,
        b'u' => {
            cursor.at += 1;
            return cursor.hex_unit();
        }
        _ => return cursor.expected("an escape of EDN behind \\"),
    };
    cursor.at += 1;
    Ok(u16::from(letter))
}

/// Up to three octal digits, as Clojure has them.
fn octal(cursor: &mut Cursor<'_>) -> Step<u16> {
    let start = cursor.at;
    let mut unit = 0;
    while cursor.at < start + 3 && (b'0'..=b'7').contains(&cursor.peek()?) {
        unit = unit << 3 | u16::from(cursor.peek()? - b'0');
        cursor.at += 1;
    }
    if unit > 0o377 {
        return cursor.bad(start, "an octal escape above \\377");
    }
    Ok(unit)
}
