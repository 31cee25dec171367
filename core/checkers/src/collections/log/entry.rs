//! The sends and polled messages of one operation.
use crate::collections::object::{short, Object, Op};
use crate::collections::scan::{self, Broken};
use crate::events::{Events, Malformed};

/// Keys without quotes: in polls they are keys of an object, so always strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Send { key: &'a str, offset: Option<i64>, value: &'a str },
    Polled { key: &'a str, offset: i64, value: &'a str },
}

/// Whether operations of this name carry sends and polls. Others manage the consumer.
pub fn is_transfer<E: Events>(object: &Object<'_, E>, op: &Op) -> Result<bool, Malformed> {
    match object.f(op) {
        "send" | "poll" | "txn" => Ok(true),
        "assign" | "subscribe" | "crash" | "debug-topic-partitions" => Ok(false),
        _ => Err(object.unknown_f(op, "a log", "send, poll, txn, assign, subscribe and crash")),
    }
}

/// What an operation was asked to send.
pub fn asked<'a, E: Events>(
    object: &Object<'a, E>,
    op: &Op,
    visit: impl FnMut(Entry<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let wrong = |text: &str| object.malformed_call(op, format!("{NEEDS} {}", short(text)));
    each(object.asked(op), false, wrong, visit)
}

/// What an operation sent and polled.
pub fn answered<'a, E: Events>(
    object: &Object<'a, E>,
    op: &Op,
    visit: impl FnMut(Entry<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let wrong = |text: &str| object.malformed_answer(op, format!("{NEEDS} {}", short(text)));
    each(object.answer(op), true, wrong, visit)
}

const NEEDS: &str =
    "an operation on logs is a list of [\"send\", key, message], completed as [\"send\", key, [offset, \
                     message]], and of [\"poll\"], completed as [\"poll\", {key: [[offset, message], ...]}], not";

fn each<'a>(
    text: Option<&'a str>,
    is_answer: bool,
    wrong: impl Fn(&str) -> Malformed,
    mut visit: impl FnMut(Entry<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let text = text.unwrap_or("null");
    for item in scan::items(text) {
        let steps = item.and_then(|step| steps(step, is_answer)).map_err(|_| wrong(text))?;
        match steps {
            Step::Send(entry) => visit(entry)?,
            Step::Poll(None) => {}
            Step::Poll(Some(polled)) => {
                for member in scan::members(polled) {
                    let (key, messages) = member.map_err(|_| wrong(text))?;
                    for message in scan::items(messages) {
                        let (offset, value) = message.ok().and_then(placed).ok_or_else(|| wrong(text))?;
                        let offset = offset.ok_or_else(|| wrong(text))?;
                        visit(Entry::Polled { key, offset, value })?;
                    }
                }
            }
        }
    }
    Ok(())
}

enum Step<'a> {
    Send(Entry<'a>),
    Poll(Option<&'a str>),
}

fn steps(text: &str, is_answer: bool) -> Result<Step<'_>, Broken> {
    let mut parts = scan::items(text);
    let mut part = || parts.next().transpose();
    match part()? {
        Some("\"poll\"") => {
            let polled = part()?.filter(|polled| *polled != "null");
            part()?.is_none().then_some(Step::Poll(polled)).ok_or(Broken)
        }
        Some("\"send\"") => {
            let (key, message) = (part()?.ok_or(Broken)?, part()?.ok_or(Broken)?);
            if part()?.is_some() {
                return Err(Broken);
            }
            let whole = (None, message);
            let (offset, value) = if is_answer { placed(message).unwrap_or(whole) } else { whole };
            Ok(Step::Send(Entry::Send { key: scan::bare(key), offset, value }))
        }
        _ => Err(Broken),
    }
}

/// `[offset, message]`; the offset may be null where the client was not told.
fn placed(text: &str) -> Option<(Option<i64>, &str)> {
    let [offset, value] = scan::exactly(text)?;
    if offset == "null" {
        return Some((None, value));
    }
    Some((Some(scan::integer(offset)?), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_answer: bool) -> Option<Vec<Entry<'_>>> {
        let mut entries = Vec::new();
        let wrong = |text: &str| Malformed::at(0, text);
        each(Some(text), is_answer, wrong, |entry| {
            entries.push(entry);
            Ok(())
        })
        .ok()
        .map(|()| entries)
    }

    #[test]
    fn shapes() {
        let send = |offset, value| Entry::Send { key: "3", offset, value };
        assert_eq!(read("[[\"send\",3,7],[\"poll\"]]", false), Some(vec![send(None, "7")]));
        assert_eq!(read("[[\"send\",\"3\",[4,7]]]", true), Some(vec![send(Some(4), "7")]));
        assert_eq!(read("[[\"send\",3,[4,7]]]", false), Some(vec![send(None, "[4,7]")]), "a message is anything");
        assert_eq!(read("[[\"send\",3,[null,7]]]", true), Some(vec![send(None, "7")]));
        let polled = |offset, value| Entry::Polled { key: "3", offset, value };
        assert_eq!(
            read("[[\"poll\",{\"3\":[[0,\"a\"],[2,[]]],\"4\":[]}],[\"poll\",null]]", true),
            Some(vec![polled(0, "\"a\""), polled(2, "[]")])
        );
        for wrong in
            ["null", "[7]", "[[\"send\",3]]", "[[\"push\",3,4]]", "[[\"poll\",[1]]]", "[[\"poll\",{\"3\":[[1]]}]]"]
        {
            assert_eq!(read(wrong, true), None, "{wrong}");
        }
        assert_eq!(read("[[\"poll\",{\"3\":[[null,1]]}]]", true), None, "what was polled has an offset");
    }
}
