//! Takes the text of a transaction apart: `[["append",1,2],["r",1,[1,2]]]`.
//!
//! No tree is built: what comes out are slices of the text. Most of a history's bytes are lists that were read, and
//! those are skipped by searching for their closing bracket, at the speed of memory.
use memchr::{memchr, memchr2, memchr3, memrchr};

/// One micro-operation: its function, its key and its value, as JSON text.
pub struct Token<'a> {
    pub f: &'a str,
    pub key: &'a str,
    pub value: &'a str,
}

/// The micro-operations of one transaction. `None` is the last item of a text that is not a list of triples.
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    done: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, done: false }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.text.as_bytes().get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at = value_end(self.text.as_bytes(), start)?;
        self.text.get(start..self.at)
    }

    fn triple(&mut self) -> Option<Token<'a>> {
        self.take(b'[')?;
        let f = self.value()?;
        self.take(b',')?;
        let key = self.value()?;
        self.take(b',')?;
        let value = self.value()?;
        self.take(b']')?;
        Some(Token { f: f.strip_prefix('"')?.strip_suffix('"')?, key, value })
    }

    fn step(&mut self) -> Option<Option<Token<'a>>> {
        if self.at == 0 {
            self.take(b'[')?;
            if self.take(b']').is_some() {
                return (self.at == self.text.len()).then_some(None);
            }
        } else if self.take(b',').is_none() {
            self.take(b']')?;
            return (self.at == self.text.len()).then_some(None);
        }
        self.triple().map(Some)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Option<Token<'a>>;

    fn next(&mut self) -> Option<Option<Token<'a>>> {
        if self.done {
            return None;
        }
        match self.step() {
            Some(Some(token)) => Some(Some(token)),
            Some(None) => {
                self.done = true;
                None
            }
            None => {
                self.done = true;
                Some(None)
            }
        }
    }
}

/// Where the value that starts here ends. The text is canonical JSON, so there is no white space.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    let end = match *bytes.get(start)? {
        b'"' => string_end(bytes, start)?,
        b'[' => {
            let end = start + memchr(b']', &bytes[start..])? + 1;
            let inside = &bytes[start + 1..end];
            if memchr3(b'"', b'[', b'{', inside).is_some() {
                nested_end(bytes, start)?
            } else {
                end
            }
        }
        b'{' => nested_end(bytes, start)?,
        _ => start + bytes[start..].iter().position(|byte| matches!(byte, b',' | b']' | b'}'))?,
    };
    (end > start).then_some(end)
}

fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

fn nested_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0usize);
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// What is between the brackets of a list: `Some("")` for `[]` and `null`, `None` for what is no list.
pub fn list_inside(text: &str) -> Option<&str> {
    if text == "null" {
        return Some("");
    }
    text.strip_prefix('[')?.strip_suffix(']')
}

/// The elements between the brackets of a list.
pub fn elements(inside: &str) -> Elements<'_> {
    Elements { inside, at: 0 }
}

pub struct Elements<'a> {
    inside: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.inside.as_bytes();
        if self.at >= bytes.len() {
            return None;
        }
        let end = match bytes[self.at] {
            b'"' | b'[' | b'{' => value_end(bytes, self.at).unwrap_or(bytes.len()),
            _ => memchr(b',', &bytes[self.at..]).map_or(bytes.len(), |length| self.at + length),
        };
        let element = &self.inside[self.at..end];
        self.at = end + 1;
        Some(element)
    }
}

/// The last of them, found from behind where the list is flat.
pub fn last_element(inside: &str) -> Option<&str> {
    let bytes = inside.as_bytes();
    if matches!(bytes.last()?, b'"' | b']' | b'}') {
        return elements(inside).last();
    }
    Some(memrchr(b',', bytes).map_or(inside, |at| &inside[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Option<Vec<(&str, &str, &str)>> {
        Tokens::new(text).map(|token| token.map(|t| (t.f, t.key, t.value))).collect()
    }

    #[test]
    fn micro_operations() {
        assert_eq!(tokens("[]"), Some(vec![]));
        assert_eq!(
            tokens(r#"[["append",1,2],["r","a]b",[1,"x]\"",[2,{"k":[]}]]],["r",3,null]]"#),
            Some(vec![("append", "1", "2"), ("r", "\"a]b\"", r#"[1,"x]\"",[2,{"k":[]}]]"#), ("r", "3", "null")])
        );
        for wrong in ["", "7", "[", "[]]", "[[]]", "[[\"r\",1]]", "[[\"r\",1,2,3]]", "[[\"r\",1,2]", "[[r,1,2]]"] {
            assert_eq!(tokens(wrong), None, "{wrong}");
        }
        for wrong in ["[[\"r\",1,2],]", "[[\"r\",,2]]", "[[\"r\",1,\"]", "[[\"r\",1,[1]]x", "{\"r\":1}"] {
            assert_eq!(tokens(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists() {
        assert_eq!(list_inside("null"), Some(""));
        assert_eq!(list_inside("[1,2]"), Some("1,2"));
        assert_eq!(list_inside("7"), None);
        for (inside, expected) in [
            ("", vec![]),
            ("1", vec!["1"]),
            ("1,22,3", vec!["1", "22", "3"]),
            (r#""a,b",[1,2],{"k":3},4"#, vec![r#""a,b""#, "[1,2]", r#"{"k":3}"#, "4"]),
            (r#"1,"b,""#, vec!["1", r#""b,""#]),
        ] {
            assert_eq!(elements(inside).collect::<Vec<_>>(), expected);
            assert_eq!(last_element(inside), expected.last().copied());
        }
    }
}
