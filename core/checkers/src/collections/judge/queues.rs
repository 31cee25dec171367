//! What is wrong with a queue, by definition.
use super::claim::{confirm, times, vain, Claim, Deed, Roles};
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::Events;
use crate::model::NEVER;

/// Findings of `total-queue`. With `drained` the queue is empty when the history ends.
pub fn queue<E: Events>(object: &Object<'_, E>, report: &mut Report, drained: bool) {
    confirm(object, report, speaks_of, |claim| match claim.kind {
        "lost" => lost(claim, drained),
        "duplicate" | "unexpected" => unfed(claim),
        _ => None,
    });
}

fn speaks_of<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    if deed.f == "enqueue" {
        return deed.asked.into_iter().collect();
    }
    taken(deed)
}

/// The values that an operation got for sure.
fn taken<'a>(deed: &Deed<'a>) -> Vec<&'a str> {
    match deed.f {
        "dequeue" if deed.is_ok => deed.answer.into_iter().collect(),
        "drain" => deed.list(),
        _ => Vec::new(),
    }
}

fn puts<'c, 'a>(claim: &Claim<'c, 'a>, value: &'c str) -> impl Iterator<Item = &'c Deed<'a>> {
    claim.of(value).iter().filter(move |deed| deed.f == "enqueue" && deed.asked == Some(value) && !deed.is_failed)
}

/// By some moment the witness had got a value more often than it can have been enqueued by then.
fn unfed(claim: &Claim<'_, '_>) -> Roles {
    let got = |deed: &Deed<'_>| times(&taken(deed), claim.about);
    let mut gets: Vec<_> = claim.witness.iter().filter(|deed| got(deed) > 0).collect();
    gets.sort_by_key(|deed| deed.ret);
    let count = |until: i64| gets.iter().filter(|deed| deed.ret <= until).map(|deed| got(deed)).sum::<usize>();
    let fed = |until: i64| puts(claim, claim.about).filter(move |put| put.call <= until);
    let until = match claim.kind {
        "duplicate" => (count(NEVER) > fed(NEVER).count()).then_some(NEVER)?,
        _ => gets.iter().map(|deed| deed.ret).find(|&ret| count(ret) > fed(ret).count())?,
    };
    let mut roles: Vec<u32> = fed(until).map(|put| put.row).collect();
    if !roles.iter().all(|row| claim.witness.iter().any(|deed| deed.row == *row)) {
        return None;
    }
    roles.extend(gets.iter().filter(|deed| deed.ret <= until).map(|deed| deed.row));
    if claim.kind == "unexpected" {
        roles.extend(vain(claim, |deed| deed.f == "enqueue" && (deed.is_failed || deed.call > until))?);
    }
    Some(roles)
}

fn found_empty(deed: &Deed<'_>) -> bool {
    let says_so =
        |error: &str| error.to_ascii_lowercase().contains("empty") || error.to_ascii_lowercase().contains("exhausted");
    match deed.f {
        "drain" => deed.is_ok,
        "dequeue" => deed.is_ok && deed.answer.is_none() || deed.is_failed && deed.error.is_some_and(says_so),
        _ => false,
    }
}

/// More values are missing from what was got than operations of unknown outcome can have taken, by the time at which the
/// queue was found empty.
fn lost(claim: &Claim<'_, '_>, drained: bool) -> Roles {
    let is_before = |empty: &Deed<'_>| {
        let mut acknowledged = puts(claim, claim.about).filter(|put| put.is_ok);
        acknowledged.any(|put| put.ret < empty.call)
    };
    let proofs = claim.witness.iter().filter(|deed| found_empty(deed) && is_before(deed));
    proofs
        .map(Some)
        .chain(drained.then_some(None))
        .find_map(|proof| missing_by(claim, proof.map_or(NEVER, |empty| empty.ret), proof))
}

/// Whether so many are missing when the queue was found empty for a proof, or in the end.
fn missing_by<'a>(claim: &Claim<'_, 'a>, until: i64, proof: Option<&Deed<'a>>) -> Roles {
    let sure = |put: &Deed<'_>| put.f == "enqueue" && put.is_ok;
    let (mut empties, mut takers) = (Vec::new(), Vec::new());
    for deed in claim.all() {
        let is_unknown = !deed.is_ok && !deed.is_failed;
        match deed.f {
            "drain" if is_unknown && deed.call <= until => return None,
            "dequeue" if is_unknown && deed.call <= until => takers.push(deed.row),
            _ if found_empty(&deed) && deed.ret <= until => empties.push(deed.call),
            _ => {}
        }
    }
    let is_proved = |put: &Deed<'_>| until == NEVER || empties.iter().any(|&call| put.ret < call);
    let mut values: Vec<&str> = claim.witness.iter().filter(|deed| sure(deed)).filter_map(|deed| deed.asked).collect();
    values.sort_unstable();
    values.dedup();
    let (mut missing, mut roles) = (0, takers.clone());
    for value in values {
        let put: Vec<&Deed<'_>> = puts(claim, value).collect();
        let got = claim.of(value).iter().filter(|deed| times(&taken(deed), value) > 0);
        let got: Vec<(u32, usize)> = got.map(|deed| (deed.row, times(&taken(deed), value))).collect();
        let must = put.iter().filter(|deed| deed.is_ok && is_proved(deed)).count();
        missing += must.saturating_sub(got.iter().map(|got| got.1).sum());
        // Of a value that was enqueued more than once, any may be the one that is missing.
        roles.extend(put.iter().map(|deed| deed.row));
        roles.extend(got.iter().map(|got| got.0));
    }
    roles.extend(proof.map(|empty| empty.row));
    let is_whole = roles.iter().all(|row| claim.witness.iter().any(|deed| deed.row == *row));
    (missing > takers.len() && is_whole).then_some(roles)
}
