//! Operations in words.
use super::Object;
use crate::events::{moment, Events};
use crate::model::NEVER;
use crate::models::Readable;

/// How much of a value a sentence shows.
const VALUE_CHARS_MAX: usize = 60;

impl<M: Readable> Object<'_, M> {
    /// "the dequeue of process 3, which returned 5 (open from 10 ms to 12 ms)".
    pub(super) fn describe(&self, events: &impl Events, op: u32) -> String {
        let timed = &self.ops[op as usize];
        let row = timed.id as usize;
        let asked = events.value(row).map_or_else(String::new, |value| format!(" {}", short(value)));
        let answer = events.partner(row).filter(|_| timed.ret < NEVER).map(|row| events.value(row).unwrap_or("null"));
        let answered = match answer {
            Some(answer) if Some(answer) != events.value(row) => format!(" returned {},", short(answer)),
            _ => String::new(),
        };
        let until = if timed.ret < NEVER { format!("to {}", moment(events, timed.ret)) } else { "on".to_owned() };
        format!(
            "the {}{asked} of process {} ({answered} open from {} {until})",
            events.f(row),
            events.process(row),
            moment(events, timed.call),
        )
        .replace("( ", "(")
    }
}

fn short(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}

pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
