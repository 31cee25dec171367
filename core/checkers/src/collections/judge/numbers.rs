//! What is wrong with identifiers, counters and banks, by definition.
use super::claim::{confirm, nothing, Claim, Deed};
use crate::collections::bank::Bank;
use crate::collections::object::Object;
use crate::collections::report::Report;
use crate::events::Events;
use crate::json::members;

/// Findings of `unique-ids`: two operations got the same.
pub fn unique_ids<E: Events>(object: &Object<'_, E>, report: &mut Report) {
    confirm(object, report, nothing, |claim| {
        let got = |deed: &Deed<'_>| deed.returned("generate") && deed.answer == Some(claim.about);
        claim.pair(|one, other| got(one) && got(other)).map(|(one, other)| vec![one.row, other.row])
    });
}

/// Findings of `counter-bounds`, about the value that was read.
pub fn counter<E: Events>(object: &Object<'_, E>, report: &mut Report, initial: i64) {
    confirm(object, report, nothing, |claim| {
        let read = claim.first(|deed| deed.returned("read") && deed.answer == Some(claim.about))?;
        let (value, sign) = (number(read.answer)?, if claim.kind == "below-bounds" { 1 } else { -1 });
        // Above is below, with all signs turned.
        let off_by = least(claim, read, initial, sign) - sign * value;
        if off_by <= 0 {
            return None;
        }
        let helps = |deed: &&Deed<'_>| deed.f == "add" && deed.is_ok && deed.ret < read.ret;
        let of_sign = |deed: &&Deed<'_>| number(deed.asked).is_some_and(|delta| delta.signum() == sign);
        let helpers = claim.witness.iter().filter(helps).filter(of_sign);
        Some(helpers.chain([read]).map(|deed| deed.row).collect())
    });
}

fn number(text: Option<&str>) -> Option<i128> {
    text?.parse().ok()
}

/// The least that a read can have found at any of the moments at which something changed while it was open.
fn least(claim: &Claim<'_, '_>, read: &Deed<'_>, initial: i64, sign: i128) -> i128 {
    // Moments are doubled: what is acknowledged counts just behind its moment.
    let (from, until) = (2 * i128::from(read.call), 2 * i128::from(read.ret));
    let mut sum = sign * i128::from(initial);
    let mut changes: Vec<(i128, i128)> = Vec::new();
    for deed in claim.all().filter(|deed| deed.f == "add" && !deed.is_failed) {
        let delta = sign * number(deed.asked).unwrap_or_default();
        let at = match deed.is_ok {
            _ if delta < 0 => 2 * i128::from(deed.call),
            true => 2 * i128::from(deed.ret) + 1,
            false => continue,
        };
        if at <= from {
            sum += delta;
        } else if at <= until {
            changes.push((at, delta));
        }
    }
    changes.sort_unstable();
    let mut least = sum;
    for moment in changes.chunk_by(|one, other| one.0 == other.0) {
        sum += moment.iter().map(|change| change.1).sum::<i128>();
        least = least.min(sum);
    }
    least
}

/// Findings of `bank`.
pub fn bank<E: Events>(object: &Object<'_, E>, report: &mut Report, bank: &Bank) {
    confirm(object, report, nothing, |claim| {
        let alone = |is_it: &dyn Fn(&Balances<'_>) -> bool| {
            let read = claim.first(|deed| balances(deed).is_some_and(|found| is_it(&found)))?;
            Some(vec![read.row])
        };
        let differ = |do_they: &dyn Fn(&Balances<'_>, &Balances<'_>) -> bool| {
            let both = |one: &Deed<'_>, other: &Deed<'_>| {
                balances(one).zip(balances(other)).is_some_and(|(one, other)| do_they(&one, &other))
            };
            claim.pair(both).map(|(one, other)| vec![one.row, other.row])
        };
        match (claim.kind, &bank.accounts, bank.total) {
            ("negative-balance", ..) => alone(&|found| !bank.negative_balances && found.has(|balance| balance < 0)),
            ("missing-balance", ..) => alone(&|found| found.0.iter().any(|(_, balance)| balance.is_none())),
            ("wrong-total", _, Some(right)) => alone(&|found| found.total().is_some_and(|sum| sum != right.into())),
            ("wrong-total", ..) => {
                differ(&|one, other| one.total().zip(other.total()).is_some_and(|(one, other)| one != other))
            }
            ("wrong-accounts", Some(accounts), _) => {
                let mut right: Vec<&str> = accounts.iter().map(String::as_str).collect();
                right.sort_unstable();
                alone(&|found| found.names() != right)
            }
            ("wrong-accounts", ..) => differ(&|one, other| one.names() != other.names()),
            _ => None,
        }
    });
}

/// What a read found in every account, sorted by name.
struct Balances<'a>(Vec<(&'a str, Option<i128>)>);

impl<'a> Balances<'a> {
    fn names(&self) -> Vec<&'a str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    fn has(&self, is_it: impl Fn(i128) -> bool) -> bool {
        self.0.iter().any(|(_, balance)| balance.is_some_and(&is_it))
    }

    /// Unless one is missing.
    fn total(&self) -> Option<i128> {
        self.0.iter().map(|(_, balance)| *balance).sum()
    }
}

fn balances<'a>(deed: &Deed<'a>) -> Option<Balances<'a>> {
    let text = deed.answer.filter(|_| deed.returned("read"))?;
    let mut found: Vec<_> = members(text)?.into_iter().map(|(name, text)| (name, number(Some(text)))).collect();
    found.sort_unstable();
    Some(Balances(found))
}
