//! Long forks, writes that come back in the wrong order, and write skew on predicates, by definition.
use super::claim::{confirm, nothing, vain, Claim, Deed, Roles};
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::Events;
use crate::json::{elements, pair};

/// Somebody saw a value that only failed operations wrote, or nobody. `wrote` and `saw` say who did.
fn from_nowhere<'a>(
    claim: &Claim<'_, 'a>,
    wrote: impl Fn(&Deed<'a>) -> bool,
    saw: impl Fn(&Deed<'a>) -> bool,
) -> Roles {
    let reader = claim.first(&saw)?;
    let mut roles = vain(claim, &wrote)?;
    let writes: Vec<_> = claim.of(claim.about).iter().filter(|deed| wrote(deed)).collect();
    let is_so = writes.iter().all(|deed| deed.is_failed) && writes.is_empty() == (claim.kind == "thin-air");
    roles.push(reader.row);
    is_so.then_some(roles)
}

fn is_write(deed: &Deed<'_>) -> bool {
    matches!(deed.f, "write" | "add")
}

fn written<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    deed.asked.filter(|_| is_write(deed)).into_iter().collect()
}

/// Findings of `causal-reverse`, about the value that is wrong, or missing.
pub fn causal_reverse<E: Events>(object: &Object<'_, E>, report: &mut Report) {
    confirm(object, report, written, |claim| {
        if claim.kind != "causal-reverse" {
            let saw = |deed: &Deed<'_>| deed.returned("read") && deed.list().contains(&claim.about);
            return from_nowhere(claim, |deed| is_write(deed) && deed.asked == Some(claim.about), saw);
        }
        let is_missing = |deed: &Deed<'_>| is_write(deed) && deed.is_ok && deed.asked == Some(claim.about);
        let write = claim.first(is_missing)?;
        let is_later = |deed: &&Deed<'_>| is_write(deed) && !deed.is_failed && write.ret < deed.call;
        for later in claim.witness.iter().filter(is_later) {
            let saw_one = |deed: &Deed<'_>| {
                let seen = deed.list();
                deed.returned("read")
                    && later.asked.is_some_and(|value| seen.contains(&value))
                    && !seen.contains(&claim.about)
            };
            if let Some(read) = claim.first(saw_one) {
                return Some(vec![read.row, later.row, write.row]);
            }
        }
        None
    });
}

/// What a transaction says of keys and values, reads or writes alone.
fn steps<'a>(text: Option<&'a str>, f: &str) -> Vec<(&'a str, &'a str)> {
    let step = |text: &'a str| match elements(text)?.as_slice() {
        &[name, key, value] if name.trim_matches('"') == f => Some((key, value)),
        _ => None,
    };
    text.and_then(elements).unwrap_or_default().into_iter().filter_map(step).collect()
}

fn reads<'a>(deed: &Deed<'a>) -> Vec<(&'a str, &'a str)> {
    steps(deed.answer.filter(|_| deed.is_ok), "r")
}

/// Findings of `long-fork`, about a key.
pub fn long_fork<E: Events>(object: &Object<'_, E>, report: &mut Report) {
    confirm(object, report, keys_written, |claim| {
        if claim.kind == "long-fork" {
            return claim.pair(are_forked).map(|(one, other)| vec![one.row, other.row]);
        }
        claim.witness.iter().flat_map(reads).filter(|(key, value)| *key == claim.about && *value != "null").find_map(
            |step| {
                let wrote = |deed: &Deed<'_>| steps(deed.asked, "w").contains(&step);
                from_nowhere(claim, wrote, |deed| reads(deed).contains(&step))
            },
        )
    });
}

fn keys_written<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    steps(deed.asked, "w").into_iter().map(|step| step.0).collect()
}

/// Two reads of which each saw a write that the other did not see.
fn are_forked(one: &Deed<'_>, other: &Deed<'_>) -> bool {
    let (one, other) = (reads(one), reads(other));
    let saw_more = |a: &[(&str, &str)], b: &[(&str, &str)]| {
        let is_ahead = |&(key, value): &(&str, &str)| {
            let once = |reads: &[(&str, &str)]| reads.iter().filter(|read| read.0 == key).count() == 1;
            value != "null" && once(a) && once(b) && b.contains(&(key, "null"))
        };
        a.iter().any(is_ahead)
    };
    saw_more(&one, &other) && saw_more(&other, &one)
}

/// Findings of `adya-g2`: two inserts for one key were acknowledged.
pub fn adya_g2<E: Events>(object: &Object<'_, E>, report: &mut Report) {
    let events = object.events;
    confirm(object, report, nothing, |claim| {
        let inserted = |deed: &Deed<'_>| {
            let own = events.key(deed.row as usize);
            let key = own.or_else(|| deed.asked.and_then(pair).map(|(key, _)| key));
            deed.returned("insert") && key == Some(claim.about)
        };
        claim.pair(|one, other| inserted(one) && inserted(other)).map(|(one, other)| vec![one.row, other.row])
    });
}
