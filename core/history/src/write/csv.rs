use crate::history::History;
use crate::json::push_int;

pub const HEADER: &[u8] = b"index,time,process,type,f,key,value,node,error\n";

pub fn push_row(history: &History, row: usize, out: &mut Vec<u8>) {
    push_int(out, history.index(row) as i64);
    out.push(b',');
    push_int(out, history.time(row));
    out.push(b',');
    push_int(out, history.process(row));
    out.push(b',');
    out.extend_from_slice(history.kind(row).name().as_bytes());
    out.push(b',');
    push_field(out, Some(history.f(row)));
    for field in [history.key(row), history.value(row), history.node(row), history.error(row)] {
        out.push(b',');
        push_field(out, field);
    }
    out.push(b'\n');
}

/// Absent is empty; text that is empty is `""`.
fn push_field(out: &mut Vec<u8>, field: Option<&str>) {
    let Some(text) = field else { return };
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if !text.is_empty() && !text.as_bytes().iter().any(special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for &byte in text.as_bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
