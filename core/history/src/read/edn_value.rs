//! EDN turned into canonical JSON text byte by byte.
//!
//! What JSON has no form for: keywords and symbols become strings of their name, characters strings of one letter, sets
//! and lists arrays, ratios their text; a tagged value is the value without its tag. Keys of maps become strings:
//! keywords their name, strings themselves, anything else its JSON text.
//!
//! The way back is `write::edn`, which makes keywords of map keys and of the functions of micro-operations. So JSON
//! text is the same after a trip through EDN; EDN from elsewhere is not the same after a trip through JSON.

use memchr::memchr;

use super::cursor::{Cursor, Step, Stop};
use crate::json::{push_escaped, push_float, push_string, DEPTH_MAX};

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
pub fn token<'a>(cursor: &mut Cursor<'a>) -> Step<&'a [u8]> {
    let start = cursor.at;
    while !ENDS[usize::from(cursor.peek()?)] {
        cursor.at += 1;
    }
    Ok(&cursor.text[start..cursor.at])
}

/// The name of the keyword here.
#[inline]
pub fn keyword<'a>(cursor: &mut Cursor<'a>) -> Step<&'a [u8]> {
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

pub fn skip_tag(cursor: &mut Cursor<'_>) -> Step<()> {
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
    let mut first = !push_integers(cursor, out, bracket);
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

/// Copies all items up to the bracket if they are integers with one space between them, as Clojure prints them; that is
/// JSON but for the spaces, and most of what there is to read in a history of lists.
fn push_integers(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, bracket: u8) -> bool {
    let rest = &cursor.text[cursor.at..];
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let Some(end) = memchr(bracket, rest) else { return false };
    let items = &rest[..end];
    // Processors compare many bytes at a time as long as nobody asks for an early answer.
    let is_other = |byte: u8| !byte.is_ascii_digit() & (byte != b' ');
    let begins_wrong = |((before, byte), after): ((u8, u8), u8)| {
        (before == b' ') & ((byte == b' ') | (byte == b'0') & (after != b' '))
    };
    let at = |place: usize| items.get(place..).unwrap_or_default().iter().copied();
    let is_odd = at(0).fold(false, |odd, byte| odd | is_other(byte))
        | at(0).zip(at(1)).zip(at(2)).fold(false, |odd, three| odd | begins_wrong(three));
    let is_first_odd = items[0] == b'0' && items.get(1).is_some_and(|&byte| byte != b' ');
    if is_odd || is_first_odd || items[end - 1] == b' ' {
        return false;
    }
    out.extend(items.iter().map(|&byte| if byte == b' ' { b',' } else { byte }));
    cursor.at += end;
    true
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
        None => Err(Stop::Short),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn json(edn: &str) -> Option<String> {
        let mut out = Vec::new();
        push_value(&mut Cursor::new(edn.as_bytes()), &mut out, DEPTH_MAX).ok()?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn lists_of_integers_are_read_as_their_items_are() {
        let items = ["0", "7", "10", "00", "01", "-1", "1N", "1.5", "1/2", "x", ":k", "[1 2]", "(3)", "", " ", ","];
        let one = |item: &str| {
            if item.trim_matches([' ', ',']).is_empty() {
                Some(None)
            } else {
                json(&format!("{item} ")).map(Some)
            }
        };
        for a in items {
            for b in items {
                for c in items {
                    let read: Option<Vec<Option<String>>> = [a, b, c].into_iter().map(one).collect();
                    let expected =
                        read.map(|read| format!("[{}]", read.into_iter().flatten().collect::<Vec<_>>().join(",")));
                    assert_eq!(json(&format!("[{a} {b} {c}]")), expected, "[{a} {b} {c}]");
                    assert_eq!(json(&format!("({a} {b} {c})")), expected, "({a} {b} {c})");
                }
            }
        }
        assert_eq!(json("[1 2"), None);
    }
}
