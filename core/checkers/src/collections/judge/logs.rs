//! What is wrong with append-only logs, by definition.
use super::claim::{confirm, vain, Claim, Deed, Roles};
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::Events;
use crate::json::{elements, members, pair};

/// One message as an operation speaks of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry<'a> {
    is_send: bool,
    key: &'a str,
    offset: Option<i64>,
    value: &'a str,
}

/// Findings of `log`, about a message; of the places of consumers and producers, about a key. With `caught_up` all was
/// polled in the end.
pub fn log<E: Events>(object: &Object<'_, E>, report: &mut Report, caught_up: bool) {
    confirm(object, report, speaks_of, |claim| match claim.kind {
        "thin-air" | "aborted-read" | "precommitted-read" => unsent(claim),
        "lost" => lost(claim, caught_up),
        "duplicate" | "inconsistent-offset" => misplaced(claim),
        "reordered" | "nonmonotonic-send" => reordered(claim),
        "int-nonmonotonic-send" | "int-nonmonotonic-poll" | "int-poll-skip" => within_one(claim),
        "nonmonotonic-poll" | "poll-skip" => between_two(claim),
        _ => None,
    });
}

fn speaks_of<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    entries(deed).into_iter().map(|entry| entry.value).collect()
}

fn bare(key: &str) -> &str {
    key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key)
}

/// All that an operation says, in its order: its answer if it is known to have happened, else what it was asked for, and
/// what it polled all the same.
fn entries<'a>(deed: &Deed<'a>) -> Vec<Entry<'a>> {
    let mut found = Vec::new();
    let text = if deed.is_ok { deed.answer } else { deed.asked };
    for step in text.and_then(elements).unwrap_or_default() {
        match elements(step).unwrap_or_default().as_slice() {
            ["\"send\"", key, message] => found.push(sent(key, message, deed.is_ok)),
            ["\"poll\"", polled] if deed.is_ok => found.extend(polls(polled)),
            _ => {}
        }
    }
    if !deed.is_ok {
        found.extend(polled_in_vain(deed));
    }
    found
}

fn polled_in_vain<'a>(deed: &Deed<'a>) -> Vec<Entry<'a>> {
    let steps = deed.answer.and_then(elements).unwrap_or_default();
    let polled = |step: &'a str| match elements(step)?.as_slice() {
        ["\"poll\"", polled] => Some(polls(polled)),
        _ => None,
    };
    steps.into_iter().filter_map(polled).flatten().collect()
}

fn sent<'a>(key: &'a str, message: &'a str, is_answer: bool) -> Entry<'a> {
    let placed = pair(message).filter(|_| is_answer).and_then(|(offset, value)| match offset {
        "null" => Some((None, value)),
        _ => Some((Some(offset.parse().ok()?), value)),
    });
    let (offset, value) = placed.unwrap_or((None, message));
    Entry { is_send: true, key: bare(key), offset, value }
}

fn polls<'a>(text: &'a str) -> Vec<Entry<'a>> {
    let of_key = |(key, messages): (&'a str, &'a str)| {
        let message = move |text: &'a str| {
            let (offset, value) = pair(text)?;
            Some(Entry { is_send: false, key, offset: Some(offset.parse().ok()?), value })
        };
        elements(messages).unwrap_or_default().into_iter().filter_map(message)
    };
    members(text).unwrap_or_default().into_iter().flat_map(of_key).collect()
}

fn polled<'a>(deed: &Deed<'a>) -> Vec<Entry<'a>> {
    entries(deed).into_iter().filter(|entry| !entry.is_send && deed.is_ok).collect()
}

fn sends<'a>(deed: &Deed<'a>) -> Vec<Entry<'a>> {
    entries(deed).into_iter().filter(|entry| entry.is_send).collect()
}

fn sends_it(deed: &Deed<'_>, key: &str, value: &str) -> bool {
    sends(deed).iter().any(|entry| entry.key == key && entry.value == value)
}

/// Polled, and no send can have put it there.
fn unsent(claim: &Claim<'_, '_>) -> Roles {
    for poll in claim.witness {
        for entry in polled(poll).into_iter().filter(|entry| entry.value == claim.about) {
            let all = claim.of(claim.about);
            let tried: Vec<_> = all.iter().filter(|deed| sends_it(deed, entry.key, entry.value)).collect();
            let (failed, other): (Vec<&Deed<'_>>, Vec<&Deed<'_>>) = tried.iter().partition(|deed| deed.is_failed);
            let is_it = match claim.kind {
                "precommitted-read" => sends_it(poll, entry.key, entry.value),
                "aborted-read" => !failed.is_empty() && other.is_empty(),
                _ => (failed.is_empty() || !other.is_empty()) && other.iter().all(|send| poll.ret < send.call),
            };
            if !is_it {
                continue;
            }
            if claim.kind == "precommitted-read" {
                return Some(vec![poll.row]);
            }
            let is_source =
                |deed: &Deed<'_>| sends_it(deed, entry.key, entry.value) && (other.is_empty() || !deed.is_failed);
            let mut roles = vain(claim, is_source)?;
            roles.push(poll.row);
            return Some(roles);
        }
    }
    None
}

/// Acknowledged, polled by nobody, though something behind it was.
fn lost(claim: &Claim<'_, '_>, caught_up: bool) -> Roles {
    let send = claim.first(|deed| deed.is_ok && sends(deed).iter().any(|entry| entry.value == claim.about))?;
    let entry = sends(send).into_iter().find(|entry| entry.value == claim.about)?;
    let is_it = |other: &Entry<'_>| !other.is_send && other.key == entry.key && other.value == entry.value;
    if claim.of(claim.about).iter().any(|deed| entries(deed).iter().any(is_it)) {
        return None;
    }
    let is_behind = |other: &Entry<'_>| other.key == entry.key && entry.offset.is_some() && other.offset > entry.offset;
    let later = claim.first(|deed| polled(deed).iter().any(is_behind)).map(|poll| poll.row);
    (later.is_some() || caught_up).then(|| [send.row].into_iter().chain(later).collect())
}

/// What the witness says about places: who, and which.
fn places<'c, 'a>(claim: &Claim<'c, 'a>) -> Vec<(u32, Entry<'a>)> {
    let placed = claim.witness.iter().filter(|deed| deed.is_ok);
    let placed = placed.flat_map(|deed| entries(deed).into_iter().map(|entry| (deed.row, entry)));
    placed.filter(|(_, entry)| entry.offset.is_some()).collect()
}

/// One message at two offsets, or two at one.
fn misplaced(claim: &Claim<'_, '_>) -> Roles {
    let places = places(claim);
    let of_it = places.iter().filter(|(_, entry)| entry.value == claim.about);
    let mut pairs = of_it.flat_map(|one| places.iter().map(move |other| (one, other)));
    let is_it = |one: &Entry<'_>, other: &Entry<'_>| match claim.kind {
        "duplicate" => one.value == other.value && one.offset != other.offset,
        _ => one.value != other.value && one.offset == other.offset,
    };
    let (one, other) = pairs.find(|(one, other)| one.1.key == other.1.key && is_it(&one.1, &other.1))?;
    Some(vec![one.0, other.0])
}

/// Sent after another was acknowledged, but before it in the log.
fn reordered(claim: &Claim<'_, '_>) -> Roles {
    let places = places(claim);
    let place = |key: &str, value: &str| places.iter().find(|(_, entry)| entry.key == key && entry.value == value);
    for second in claim.witness.iter().filter(|deed| !deed.is_failed) {
        let it = sends(second).into_iter().filter(|entry| entry.value == claim.about);
        for (entry, to) in it.filter_map(|entry| Some((entry, place(entry.key, entry.value)?))) {
            let is_earlier = |first: &&Deed<'_>| {
                first.is_ok
                    && first.ret < second.call
                    && (first.process == second.process) == (claim.kind != "reordered")
            };
            for first in claim.witness.iter().filter(is_earlier) {
                let others = sends(first).into_iter().filter(|other| other.key == entry.key);
                let mut behind = others.filter_map(|other| place(other.key, other.value));
                if let Some(from) = behind.find(|from| from.1.offset > to.1.offset) {
                    return Some(vec![first.row, second.row, from.0, to.0]);
                }
            }
        }
    }
    None
}

/// Whether somebody in the witness knows a message between two offsets; who.
fn known_between(claim: &Claim<'_, '_>, from: Option<i64>, to: Option<i64>) -> Option<u32> {
    let is_between = |entry: &Entry<'_>| entry.key == claim.about && from < entry.offset && entry.offset < to;
    places(claim).iter().find(|(_, entry)| is_between(entry)).map(|(row, _)| *row)
}

/// Two sends, or two polled messages, of one operation.
fn within_one(claim: &Claim<'_, '_>) -> Roles {
    let is_send = claim.kind == "int-nonmonotonic-send";
    for deed in claim.witness.iter().filter(|deed| deed.is_ok) {
        let all = entries(deed).into_iter().filter(|entry| entry.is_send == is_send && entry.key == claim.about);
        let offsets: Vec<Option<i64>> = all.map(|entry| entry.offset).filter(Option::is_some).collect();
        for step in offsets.windows(2) {
            if claim.kind != "int-poll-skip" {
                if step[1] <= step[0] {
                    return Some(vec![deed.row]);
                }
            } else if let Some(by) = known_between(claim, step[0], step[1]) {
                return Some(vec![deed.row, by]);
            }
        }
    }
    None
}

/// A process that went on polling, at an earlier offset, or past a message that it did not see.
fn between_two(claim: &Claim<'_, '_>) -> Roles {
    let offsets = |deed: &Deed<'_>| -> Vec<Option<i64>> {
        polled(deed).iter().filter(|entry| entry.key == claim.about).map(|entry| entry.offset).collect()
    };
    for first in claim.witness {
        for second in claim.witness.iter().filter(|second| second.process == first.process && first.row < second.row) {
            let (Some(&from), Some(&to)) = (offsets(first).last(), offsets(second).first()) else { continue };
            let known = if claim.kind == "poll-skip" { known_between(claim, from, to) } else { None };
            let is_it = if claim.kind == "poll-skip" { known.is_some() } else { to <= from };
            if is_it && goes_on(claim, first, second, |deed| !offsets(deed).is_empty()) {
                return Some([first.row, second.row].into_iter().chain(known).collect());
            }
        }
    }
    None
}

/// Whether nothing moved a process between two of its polls, nor did it poll the key in between.
fn goes_on(claim: &Claim<'_, '_>, first: &Deed<'_>, second: &Deed<'_>, polled_key: impl Fn(&Deed<'_>) -> bool) -> bool {
    let own = || claim.all().filter(|deed| deed.process == first.process);
    let keeps = |deed: &Deed<'_>| match deed.f {
        "send" | "poll" | "txn" => deed.is_ok && !polled_key(deed),
        "assign" => {
            let keys = deed.answer.or(deed.asked).and_then(elements).unwrap_or_default();
            deed.is_ok && keys.into_iter().any(|key| bare(key) == claim.about)
        }
        "subscribe" | "crash" => false,
        _ => true,
    };
    let chosen = own().rev().find(|deed| deed.row < second.row && matches!(deed.f, "assign" | "subscribe"));
    let is_subscribed = chosen.is_some_and(|deed| deed.f == "subscribe");
    !is_subscribed && own().filter(|deed| first.row < deed.row && deed.row < second.row).all(|deed| keeps(&deed))
}
