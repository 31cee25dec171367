//! JSON text, checked and made canonical on its way into a column.

use super::cursor::{Cursor, Step, Stop};
use crate::json::{push_float, DEPTH_MAX};

/// Writes the canonical form of a whole JSON text; otherwise says what is wrong with it.
pub fn push_canonical(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut cursor = Cursor::new(text.as_bytes());
    skip_blank(&mut cursor);
    let wrong = |stop| match stop {
        Stop::Short => "it ends in the middle".to_owned(),
        Stop::Bad(_, message) => message,
    };
    if matches!(cursor.peek(), Ok(b'-' | b'0'..=b'9')) {
        let number = text.trim_ascii().as_bytes();
        return if push_number_text(number, out) { Ok(()) } else { cursor.expected("a number").map_err(wrong) };
    }
    push_value(&mut cursor, out, DEPTH_MAX).map_err(wrong)?;
    skip_blank(&mut cursor);
    if cursor.at < text.len() {
        return cursor.expected("nothing behind the value").map_err(wrong);
    }
    Ok(())
}

/// Passes over white space within a line.
pub fn skip_blank(cursor: &mut Cursor<'_>) {
    while matches!(cursor.text.get(cursor.at), Some(b' ' | b'\t' | b'\r')) {
        cursor.at += 1;
    }
}

/// Writes the value here in canonical form. Something must follow it: a number never ends with the bytes.
pub fn push_value(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    match cursor.peek()? {
        b'-' | b'0'..=b'9' => push_number(cursor, out),
        b'"' => push_string(cursor, out),
        b'[' => push_items(cursor, out, depth_left),
        b'{' => push_members(cursor, out, depth_left),
        b'n' => push_word(cursor, out, b"null"),
        b't' => push_word(cursor, out, b"true"),
        b'f' => push_word(cursor, out, b"false"),
        _ => cursor.expected("a JSON value"),
    }
}

fn push_word(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, word: &[u8]) -> Step<()> {
    for (place, &letter) in word.iter().enumerate() {
        match cursor.text.get(cursor.at + place) {
            None => return Err(Stop::Short),
            Some(&byte) if byte != letter => return cursor.expected("a JSON value"),
            Some(_) => {}
        }
    }
    cursor.at += word.len();
    out.extend_from_slice(word);
    Ok(())
}

/// Writes the string here.
pub fn push_string(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Step<()> {
    if cursor.peek()? != b'"' {
        return cursor.expected("a string");
    }
    cursor.push_quoted(out, escape, false)
}

fn escape(cursor: &mut Cursor<'_>) -> Step<u16> {
    let byte = cursor.peek()?;
    let letter = match byte {
        b'"' | b'\\' | b'/' => byte,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'u' => {
            cursor.at += 1;
            return cursor.hex_unit();
        }
        _ => return cursor.expected("an escape of JSON behind \\"),
    };
    cursor.at += 1;
    Ok(u16::from(letter))
}

fn push_items(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    let depth_left = deeper(cursor, depth_left)?;
    cursor.at += 1;
    out.push(b'[');
    let mut first = true;
    while another(cursor, first, b']')? {
        if !first {
            out.push(b',');
        }
        first = false;
        push_value(cursor, out, depth_left)?;
    }
    out.push(b']');
    Ok(())
}

fn push_members(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth_left: usize) -> Step<()> {
    let depth_left = deeper(cursor, depth_left)?;
    cursor.at += 1;
    out.push(b'{');
    let mut first = true;
    while another(cursor, first, b'}')? {
        if !first {
            out.push(b',');
        }
        first = false;
        push_string(cursor, out)?;
        skip_colon(cursor)?;
        out.push(b':');
        push_value(cursor, out, depth_left)?;
    }
    out.push(b'}');
    Ok(())
}

fn deeper(cursor: &Cursor<'_>, depth_left: usize) -> Step<usize> {
    depth_left
        .checked_sub(1)
        .map_or_else(|| cursor.bad(cursor.at, format!("a value nested deeper than {DEPTH_MAX}")), Ok)
}

/// Whether another item follows, with the cursor at it; otherwise the closing bracket is behind the cursor.
pub fn another(cursor: &mut Cursor<'_>, first: bool, bracket: u8) -> Step<bool> {
    skip_blank(cursor);
    let byte = cursor.peek()?;
    if byte == bracket {
        cursor.at += 1;
        return Ok(false);
    }
    if !first {
        if byte != b',' {
            return cursor.expected(&format!("`,` or `{}`", char::from(bracket)));
        }
        cursor.at += 1;
        skip_blank(cursor);
        cursor.peek()?;
    }
    Ok(true)
}

/// Passes over the colon between a name and its value.
pub fn skip_colon(cursor: &mut Cursor<'_>) -> Step<()> {
    skip_blank(cursor);
    if cursor.peek()? != b':' {
        return cursor.expected("`:`");
    }
    cursor.at += 1;
    skip_blank(cursor);
    Ok(())
}

fn push_number(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Step<()> {
    let start = cursor.at;
    while matches!(cursor.peek()?, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
        cursor.at += 1;
    }
    if push_number_text(&cursor.text[start..cursor.at], out) {
        return Ok(());
    }
    cursor.at = start;
    cursor.expected("a number")
}

/// Writes a number in canonical form; false, and nothing written, for what is none, or is too large for a float.
fn push_number_text(text: &[u8], out: &mut Vec<u8>) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let whole = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return false;
    }
    if whole == unsigned.len() {
        out.extend_from_slice(if unsigned == b"0" { unsigned } else { text });
        return true;
    }
    is_fraction_and_exponent(&unsigned[whole..])
        && std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .is_some_and(|number| push_float(out, number))
}

fn is_fraction_and_exponent(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = match text.strip_prefix(b".") {
        None => text,
        Some(fraction) => match digits(fraction) {
            0 => return false,
            length => &fraction[length..],
        },
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', power @ ..] | [b'e' | b'E', power @ ..] => {
            !power.is_empty() && digits(power) == power.len()
        }
        _ => false,
    }
}
