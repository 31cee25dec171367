//! Canonical JSON text, the form of values and errors in the columns.
//!
//! Canonical means that equal values have equal text, so checkers compare bytes: no white space, integers as plain digits
//! (of any length), floats in the shortest form that reads back the same (`1.0`, `1e+300`), strings in UTF-8 with only
//! the escapes JSON demands. Members of objects keep their order. A float never equals an integer: `1.0` is not `1`.

/// Nested deeper than this, a value is refused: nothing that walks it later runs out of stack.
pub const DEPTH_MAX: usize = 200;

pub fn push_int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// False, and nothing written, for what JSON cannot say: NaN and the infinities.
#[must_use]
pub fn push_float(out: &mut Vec<u8>, value: f64) -> bool {
    if !value.is_finite() {
        return false;
    }
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    true
}

/// A string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// The inside of a string. Bytes above ASCII pass as they are.
pub fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut copied = 0;
    for (place, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[copied..place]);
        copied = place + 1;
        push_char_escape(out, byte);
    }
    out.extend_from_slice(&text[copied..]);
}

/// The escape of a character that a string cannot hold as it is.
/// The escape of a character that a string cannot hold as it is.
pub fn push_char_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => return push_unit_escape(out, u16::from(byte)),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// `\uXXXX`, in lower case: for control characters, and for half surrogates, which UTF-8 cannot carry.
pub fn push_unit_escape(out: &mut Vec<u8>, unit: u16) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(DIGITS[usize::from(unit >> shift & 0xf)]);
    }
}
