//! What the text readers share: a place in some bytes, the two ways to stop there, and the inside of strings.

use crate::json::{push_char_escape, push_unit_escape};

/// Why a reader cannot go on.
#[derive(Debug)]
pub enum Stop {
    /// The bytes end in the middle: more of the file is needed, or it was cut off.
    Short,
    /// At this place is something that has no meaning.
    Bad(usize, String),
}

pub type Step<T> = Result<T, Stop>;

/// A place in some bytes.
pub struct Cursor<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a [u8]) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// The byte here; `Short` at the end.
    #[inline]
    pub fn peek(&self) -> Step<u8> {
        self.text.get(self.at).copied().ok_or(Stop::Short)
    }

    /// What is bad here, and what was expected instead.
    #[cold]
    pub fn expected<T>(&self, what: &str) -> Step<T> {
        self.bad(self.at, format!("expected {what}, got {}", quote(&self.text[self.at..])))
    }

    #[cold]
    pub fn bad<T>(&self, at: usize, message: impl Into<String>) -> Step<T> {
        Err(Stop::Bad(at, message.into()))
    }

    /// UTF-8 from `start` up to here.
    pub fn utf8(&self, start: usize) -> Step<&'a str> {
        let text = &self.text[start..self.at];
        std::str::from_utf8(text).or_else(|_| self.bad(start, "text that is not UTF-8"))
    }

    /// Writes the string whose quote is here as a canonical JSON string. JSON and EDN differ only in their escapes:
    /// `escape` is called behind a backslash, and says what the characters there stand for.
    pub fn push_quoted(
        &mut self,
        out: &mut Vec<u8>,
        escape: impl Fn(&mut Cursor<'a>) -> Step<u16>,
        raw_controls: bool,
    ) -> Step<()> {
        out.push(b'"');
        self.at += 1;
        let mut copied = self.at;
        let mut ascii = true;
        loop {
            let byte = self.peek()?;
            if byte >= 0x80 {
                ascii = false;
            } else if byte == b'"' || byte == b'\\' || byte < 0x20 {
                if !ascii {
                    self.utf8(copied)?;
                    ascii = true;
                }
                out.extend_from_slice(&self.text[copied..self.at]);
                self.at += 1;
                match byte {
                    b'"' => break,
                    b'\\' => self.push_escape(out, &escape)?,
                    _ if raw_controls => push_char_escape(out, byte),
                    _ => {
                        self.at -= 1;
                        return self.expected("the end of a string (control characters must be escaped)");
                    }
                }
                copied = self.at;
                continue;
            }
            self.at += 1;
        }
        out.push(b'"');
        Ok(())
    }

    /// One escape, in UTF-16: halves that belong together become one character, others stay escapes.
    fn push_escape(&mut self, out: &mut Vec<u8>, escape: &impl Fn(&mut Cursor<'a>) -> Step<u16>) -> Step<()> {
        let mut unit = escape(self)?;
        while (0xd800..0xdc00).contains(&unit) {
            if self.peek()? != b'\\' {
                break;
            }
            self.at += 1;
            let next = escape(self)?;
            if let Some(Ok(letter)) = char::decode_utf16([unit, next]).next() {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            push_unit_escape(out, unit);
            unit = next;
        }
        match u8::try_from(unit) {
            Ok(byte) if byte < 0x20 || byte == b'"' || byte == b'\\' => push_char_escape(out, byte),
            _ => match char::from_u32(u32::from(unit)) {
                Some(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                None => push_unit_escape(out, unit),
            },
        }
        Ok(())
    }

    /// The four hexadecimal digits here.
    pub fn hex_unit(&mut self) -> Step<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.peek()?).to_digit(16) else {
                return self.expected("four hexadecimal digits");
            };
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// The beginning of some bytes, for messages.
pub fn quote(text: &[u8]) -> String {
    const SHOWN_BYTES: usize = 24;
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let shown = &line[..line.len().min(SHOWN_BYTES)];
    let more = if shown.len() < line.len() { "..." } else { "" };
    format!("`{}`{more}", shown.escape_ascii())
}
