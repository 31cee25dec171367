//! Whether messages are in their log in the order in which they were sent.
use super::messages::{Message, Messages};
use crate::collections::object::{short, Outcome};
use crate::collections::report::Report;
use crate::events::Events;

/// Finds every message that was sent after another was acknowledged, and is before it in the log. Of those
/// acknowledged before a send, the one at the greatest offset decides.
pub fn find_reordered<E: Events>(messages: &Messages<'_, '_, E>, report: &mut Report) {
    let placed = |message: &&Message<'_>| message.offset.is_some() && message.outcome != Some(Outcome::Failed);
    let mut sent: Vec<&Message<'_>> = messages.all.iter().filter(|m| m.outcome.is_some()).filter(placed).collect();
    let mut returned: Vec<&Message<'_>> = sent.iter().copied().filter(|m| m.outcome == Some(Outcome::Ok)).collect();
    sent.sort_by_key(|message| (message.key, message.call));
    returned.sort_by_key(|message| (message.key, message.ret));
    let mut returned = returned.into_iter().peekable();
    let mut furthest: Option<&Message<'_>> = None;
    for message in sent {
        if furthest.is_some_and(|furthest| furthest.key != message.key) {
            furthest = None;
        }
        let is_before = |other: &&Message<'_>| (other.key, other.ret) < (message.key, message.call);
        while let Some(other) = returned.next_if(is_before) {
            let is_further = furthest.is_none_or(|furthest| furthest.offset < other.offset);
            if other.key == message.key && is_further {
                furthest = Some(other);
            }
        }
        if let Some(before) = furthest.filter(|before| before.offset > message.offset) {
            tell(messages, report, before, message);
        }
    }
}

fn tell<E: Events>(messages: &Messages<'_, '_, E>, report: &mut Report, first: &Message<'_>, second: &Message<'_>) {
    let object = messages.object;
    let (one, other) = (object.who(first.send), object.who(second.send));
    report.find(if one == other { "nonmonotonic-send" } else { "reordered" }, second.value, || {
        let told = format!(
            "The send of {} by process {one} was acknowledged at {}, before process {other} sent {} at {}, but in key {} \
             it is behind, at offset {} and not before {}.",
            short(first.value),
            object.at(first.ret),
            short(second.value),
            object.at(second.call),
            messages.keys[first.key as usize],
            first.offset.unwrap_or_default(),
            second.offset.unwrap_or_default(),
        );
        (told, vec![first.send, second.send, first.placed_by, second.placed_by])
    });
}
