//! Many objects in one history, as Jepsen's `independent` writes them: values that are tuples of a key and a value.
//!
//! In a file a tuple looks like any other list of two, so an operation cannot be told from its shape alone:
//! `[5 [1 2]]` may be a compare-and-set of key 5, or one from 5 to `[1 2]`. What gives tuples away is an operation that is
//! called with a key and nothing else, `[5 nil]`, in a history in which every operation is called with a list of two.
use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::read::unquoted;
use crate::History;

impl History {
    /// Whether the values of all clients are tuples of a key and a value, beyond doubt.
    pub fn has_tuples(&self) -> bool {
        let mut is_told = false;
        for row in (0..self.len()).filter(|&row| self.is_call(row)) {
            let Some((key, value)) = self.value(row).and_then(pair) else { return false };
            if self.key(row).is_some() || is_nested(key) {
                return false;
            }
            is_told |= value == "null";
        }
        is_told
    }

    /// The same events with their tuples taken apart: each has the key and the value that were one.
    ///
    /// Events of nemeses are left alone. A completion without a tuple says nothing but belongs to the key of its
    /// invocation. An invocation without one is malformed.
    pub fn untupled(&self) -> Result<History> {
        let mut keys: Vec<Option<Cow<'_, str>>> = Vec::with_capacity(self.len());
        for row in 0..self.len() {
            keys.push(match self.tuple(row) {
                Some((key, _)) => Some(bare(key)),
                None if self.is_call(row) => return Err(self.no_tuple(row)),
                None => self.invocation(row).and_then(|call| keys[call].clone()),
            });
        }
        self.relabelled(|row| {
            let value = self.tuple(row).map_or(self.value(row), |(_, value)| (value != "null").then_some(value));
            (keys[row].as_deref(), value)
        })
    }

    fn tuple(&self, row: usize) -> Option<(&str, &str)> {
        self.value(row).filter(|_| self.process(row) >= 0).and_then(pair)
    }

    fn is_call(&self, row: usize) -> bool {
        self.kind(row) == Kind::Invoke && self.process(row) >= 0
    }

    fn no_tuple(&self, row: usize) -> Error {
        let value = self.value(row).unwrap_or("null");
        let message =
            format!("event {}: the keys are in the values, so a value is [key, value], not {value}", self.index(row));
        Error::Malformed { line: self.line(row), message }
    }
}

/// Keys that are lists or maps are nobody's; micro-operations of transactions are.
fn is_nested(key: &str) -> bool {
    key.starts_with(['[', '{']) || key == "null"
}

/// The two elements of canonical JSON text that is a list of two.
fn pair(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let (mut commas, mut comma) = (0, 0);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                commas += 1;
                comma = at;
            }
            _ => {}
        }
    }
    (commas == 1).then(|| (&inside[..comma], &inside[comma + 1..]))
}

/// A key as text: strings bare, the rest as JSON.
fn bare(json: &str) -> Cow<'_, str> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if inside.contains('\\') => unquoted(json.as_bytes()).map_or(Cow::Borrowed(json), Cow::Owned),
        Some(inside) => Cow::Borrowed(inside),
        None => Cow::Borrowed(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        assert_eq!(pair("[5,[1,2]]"), Some(("5", "[1,2]")));
        assert_eq!(pair("[\"a,]\\\"\",{\"x\":[4,5]}]"), Some(("\"a,]\\\"\"", "{\"x\":[4,5]}")));
        for wrong in ["5", "[]", "[5]", "[1,2,3]", "{\"a\":1,\"b\":2}", "null"] {
            assert_eq!(pair(wrong), None, "{wrong}");
        }
    }
}
