//! What is wrong with a set, by definition.
use std::cell::OnceCell;

use super::claim::{confirm, times, vain, Claim, Deed, Roles};
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::Events;

/// Findings of `set-final`. `mark` is the row behind which reads are final; without it, only the last one is.
pub fn set_final<E: Events>(object: &Object<'_, E>, report: &mut Report, mark: Option<usize>) {
    let last = OnceCell::new();
    confirm(object, report, speaks_of, |claim| {
        let last = || *last.get_or_init(|| claim.all().rev().find(|deed| deed.returned("read")).map(|deed| deed.row));
        let is_final = |read: &Deed<'_>| match mark {
            Some(mark) => read.row as usize > mark,
            None => last() == Some(read.row),
        };
        match claim.kind {
            "lost" => {
                let is_lost = |add: &Deed<'_>, read: &Deed<'_>| is_missed(claim, add, read) && is_final(read);
                claim.pair(is_lost).map(|(add, read)| vec![add.row, read.row])
            }
            _ => wrong_read(claim, is_final),
        }
    });
}

/// Findings of `set-full`.
pub fn set_full<E: Events>(object: &Object<'_, E>, report: &mut Report) {
    confirm(object, report, speaks_of, |claim| match claim.kind {
        "lost" | "stale-read" => {
            let later =
                |read: &Deed<'_>| claim.of(claim.about).iter().any(|deed| holds(claim, deed) && deed.ret >= read.call);
            let known_before = |known: &Deed<'_>, read: &Deed<'_>| {
                is_missed(claim, known, read) || holds(claim, known) && lacks(claim, read) && known.ret < read.call
            };
            let is_it = |known: &Deed<'_>, read: &Deed<'_>| {
                known_before(known, read) && later(read) == (claim.kind == "stale-read")
            };
            claim.pair(is_it).map(|(known, read)| vec![known.row, read.row])
        }
        _ => wrong_read(claim, |_| true),
    });
}

fn speaks_of<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    match deed.f {
        "add" => deed.asked.into_iter().collect(),
        _ => deed.list(),
    }
}

fn is_add(claim: &Claim<'_, '_>, deed: &Deed<'_>) -> bool {
    deed.f == "add" && deed.asked == Some(claim.about)
}

fn holds(claim: &Claim<'_, '_>, deed: &Deed<'_>) -> bool {
    deed.returned("read") && deed.list().contains(&claim.about)
}

fn lacks(claim: &Claim<'_, '_>, deed: &Deed<'_>) -> bool {
    deed.returned("read") && !deed.list().contains(&claim.about)
}

/// An add that was acknowledged before a read was invoked that lacks the element.
fn is_missed(claim: &Claim<'_, '_>, add: &Deed<'_>, read: &Deed<'_>) -> bool {
    is_add(claim, add) && add.is_ok && lacks(claim, read) && add.ret < read.call
}

fn wrong_read(claim: &Claim<'_, '_>, counts: impl Fn(&Deed<'_>) -> bool) -> Roles {
    match claim.kind {
        "duplicate" => {
            let is_twice = |deed: &Deed<'_>| deed.returned("read") && times(&deed.list(), claim.about) > 1;
            claim.first(|deed| is_twice(deed) && counts(deed)).map(|read| vec![read.row])
        }
        "unexpected" => {
            let may_explain =
                |read: &Deed<'_>, add: &Deed<'_>| is_add(claim, add) && !add.is_failed && add.call <= read.ret;
            let is_explained = |read: &Deed<'_>| claim.of(claim.about).iter().any(|add| may_explain(read, add));
            let read = claim.first(|deed| holds(claim, deed) && counts(deed) && !is_explained(deed))?;
            let mut roles = vain(claim, |deed| is_add(claim, deed))?;
            roles.push(read.row);
            Some(roles)
        }
        _ => None,
    }
}
