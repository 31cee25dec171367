use crate::history::History;
use crate::json::{push_int, push_string};

/// One object a line; what an event does not have is left out, its time too where the file it came from had none.
pub fn push_row(history: &History, row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"index\":");
    push_int(out, history.index(row) as i64);
    if history.has_times() {
        out.extend_from_slice(b",\"time\":");
        push_int(out, history.time(row));
    }
    out.extend_from_slice(b",\"process\":");
    push_int(out, history.process(row));
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(history.kind(row).name().as_bytes());
    out.extend_from_slice(b"\",\"f\":");
    push_string(out, history.f(row));
    if let Some(key) = history.key(row) {
        out.extend_from_slice(b",\"key\":");
        push_string(out, key);
    }
    if let Some(value) = history.value(row) {
        out.extend_from_slice(b",\"value\":");
        out.extend_from_slice(value.as_bytes());
    }
    if let Some(node) = history.node(row) {
        out.extend_from_slice(b",\"node\":");
        push_string(out, node);
    }
    if let Some(error) = history.error(row) {
        out.extend_from_slice(b",\"error\":");
        out.extend_from_slice(error.as_bytes());
    }
    out.extend_from_slice(b"}\n");
}
