//! Jepsen's form: one map a line. See `read::edn_value` for how keywords and strings correspond.

use crate::history::History;
use crate::json::{push_int, push_string};

pub fn push_row(history: &History, row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{:index ");
    push_int(out, history.index(row) as i64);
    if history.has_times() {
        out.extend_from_slice(b", :time ");
        push_int(out, history.time(row));
    }
    out.extend_from_slice(b", :process ");
    match history.process(row) {
        process if process < 0 => out.extend_from_slice(b":nemesis"),
        process => push_int(out, process),
    }
    out.extend_from_slice(b", :type :");
    out.extend_from_slice(history.kind(row).name().as_bytes());
    out.extend_from_slice(b", :f ");
    let f = history.f(row);
    if is_keyword(f.as_bytes()) {
        out.push(b':');
        out.extend_from_slice(f.as_bytes());
    } else {
        push_string(out, f);
    }
    if let Some(key) = history.key(row) {
        out.extend_from_slice(b", :key ");
        push_string(out, key);
    }
    out.extend_from_slice(b", :value ");
    // Jepsen's tools want the value there even when there is none.
    push_value(out, history.value(row).unwrap_or("null"));
    if let Some(node) = history.node(row) {
        out.extend_from_slice(b", :node ");
        push_string(out, node);
    }
    if let Some(error) = history.error(row) {
        out.extend_from_slice(b", :error ");
        push_value(out, error);
    }
    out.extend_from_slice(b"}\n");
}

/// Functions of micro-operations, the strings that are written as keywords.
const MICRO_OPERATIONS: [&[u8]; 3] = [b"append", b"r", b"w"];

/// Canonical JSON as EDN. Strings, numbers and brackets are the same in both, so they are copied.
fn push_value(out: &mut Vec<u8>, json: &str) {
    let json = json.as_bytes();
    // The brackets open around the place we are at, and what came right before it.
    let mut open: Vec<u8> = Vec::new();
    let mut first = true;
    let mut place = 0;
    while let Some(&byte) = json.get(place) {
        let mut end = place + 1;
        match byte {
            b'{' | b'[' => {
                open.push(byte);
                out.push(byte);
            }
            b'}' | b']' => {
                open.pop();
                out.push(byte);
            }
            b',' if open.last() == Some(&b'{') => out.extend_from_slice(b", "),
            b',' | b':' => out.push(b' '),
            b'"' => {
                end = string_end(json, place);
                let text = &json[place..end];
                if json.get(end) == Some(&b':') {
                    push_map_key(out, text);
                } else if first && open == b"[[" && MICRO_OPERATIONS.contains(&inside(text)) {
                    out.push(b':');
                    out.extend_from_slice(inside(text));
                } else {
                    out.extend_from_slice(text);
                }
            }
            b'n' => {
                end = json.len().min(place + b"null".len());
                out.extend_from_slice(b"nil");
            }
            _ => out.push(byte),
        }
        first = byte == b'[';
        place = end;
    }
}

/// The place after the string that begins at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut place = start + 1;
    while let Some(&byte) = json.get(place) {
        match byte {
            b'"' => return place + 1,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    json.len()
}

/// A string without its quotes.
fn inside(text: &[u8]) -> &[u8] {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

/// Keys of maps: integers and keywords where their text is one, else strings.
fn push_map_key(out: &mut Vec<u8>, text: &[u8]) {
    let name = inside(text);
    if is_integer(name) {
        out.extend_from_slice(name);
    } else if is_keyword(name) {
        out.push(b':');
        out.extend_from_slice(name);
    } else {
        out.extend_from_slice(text);
    }
}

/// Whether these digits are what an integer reads back as.
fn is_integer(name: &[u8]) -> bool {
    let digits = name.strip_prefix(b"-").unwrap_or(name);
    match digits {
        [b'0'] => name.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Narrower than EDN allows: what every reader agrees on.
fn is_keyword(name: &[u8]) -> bool {
    let within = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.*+!?<>=$%&".contains(byte);
    match name {
        [first, rest @ ..] => (first.is_ascii_alphabetic() || *first == b'_') && rest.iter().all(within),
        [] => false,
    }
}
