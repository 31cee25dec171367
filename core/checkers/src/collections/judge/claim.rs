//! A finding before its judge: the operations said to show it, and what the rest of the history says of them.
use std::collections::HashMap;

use crate::collections::object::Object;
use crate::collections::report::{Finding, Report};
use crate::events::{Events, Kind};
use crate::json::elements;
use crate::model::NEVER;

/// One operation, as its events say.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    pub row: u32,
    pub process: i64,
    pub f: &'a str,
    pub is_ok: bool,
    pub is_failed: bool,
    pub call: i64,
    /// `NEVER` unless it is known to have ended.
    pub ret: i64,
    pub asked: Option<&'a str>,
    pub answer: Option<&'a str>,
    pub error: Option<&'a str>,
}

impl<'a> Deed<'a> {
    pub fn of(events: &'a dyn Events, row: u32) -> Self {
        let invoked = row as usize;
        let ended = events.partner(invoked);
        let kind = ended.map_or(Kind::Info, |row| events.kind(row));
        Self {
            row,
            process: events.process(invoked),
            f: events.f(invoked),
            is_ok: kind == Kind::Ok,
            is_failed: kind == Kind::Fail,
            call: events.time(invoked),
            ret: ended.filter(|_| kind != Kind::Info).map_or(NEVER, |row| events.time(row)),
            asked: events.value(invoked),
            answer: ended.and_then(|row| events.value(row)),
            error: ended.and_then(|row| events.error(row)),
        }
    }

    /// Of an operation that returned a list, its elements.
    pub fn list(&self) -> Vec<&'a str> {
        self.answer.filter(|_| self.is_ok).and_then(elements).unwrap_or_default()
    }

    pub fn returned(&self, f: &str) -> bool {
        self.is_ok && self.f == f
    }
}

/// A finding before its judge.
pub struct Claim<'c, 'a> {
    pub kind: &'static str,
    pub about: &'c str,
    /// What is said to show it.
    pub witness: &'c [Deed<'a>],
    events: &'a dyn Events,
    rows: &'a [u32],
    mentions: &'c HashMap<String, Vec<Deed<'a>>>,
}

impl<'c, 'a> Claim<'c, 'a> {
    /// All operations on the object that speak of this value: of the one in question, or of one that the witness asked for.
    pub fn of(&self, value: &str) -> &'c [Deed<'a>] {
        self.mentions.get(value).map_or(&[], Vec::as_slice)
    }

    /// All operations on the object.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = Deed<'a>> + 'c {
        let events = self.events;
        let rows: &'a [u32] = self.rows;
        rows.iter().map(move |&row| Deed::of(events, row))
    }

    pub fn first(&self, is_it: impl Fn(&Deed<'a>) -> bool) -> Option<&'c Deed<'a>> {
        self.witness.iter().find(|deed| is_it(deed))
    }

    /// The first two of the witness, in any order of their roles, that are what is asked for.
    pub fn pair(&self, are_they: impl Fn(&Deed<'a>, &Deed<'a>) -> bool) -> Option<(&'c Deed<'a>, &'c Deed<'a>)> {
        let pairs = self.witness.iter().flat_map(|one| self.witness.iter().map(move |other| (one, other)));
        pairs.into_iter().find(|(one, other)| one.row != other.row && are_they(one, other))
    }
}

/// The operations that a definition took, if it was met.
pub type Roles = Option<Vec<u32>>;

/// Puts all findings of an object before its definition. `speaks_of` says which values an operation is about.
///
/// A finding that is not met is taken out and named in `unconfirmed`: one of the two judges errs.
pub fn confirm<E: Events>(
    object: &Object<'_, E>,
    report: &mut Report,
    speaks_of: for<'d> fn(&Deed<'d>) -> Vec<&'d str>,
    definition: impl Fn(&Claim<'_, '_>) -> Roles,
) {
    if report.findings.is_empty() {
        return;
    }
    let events: &dyn Events = object.events;
    let rows = object.rows();
    let witnesses: Vec<Vec<Deed<'_>>> =
        report.findings.iter().map(|found| found.ops.iter().map(|&row| Deed::of(events, row)).collect()).collect();
    let mut mentions: HashMap<String, Vec<Deed<'_>>> = HashMap::new();
    for (found, witness) in report.findings.iter().zip(&witnesses) {
        mentions.entry(found.about.clone()).or_default();
        for asked in witness.iter().filter_map(|deed| deed.asked) {
            mentions.entry(asked.to_owned()).or_default();
        }
    }
    for &row in rows {
        let deed = Deed::of(events, row);
        for value in speaks_of(&deed) {
            if let Some(known) = mentions.get_mut(value).filter(|known| known.last().is_none_or(|last| last.row != row))
            {
                known.push(deed.clone());
            }
        }
    }
    let judged = |(found, witness): (Finding, &Vec<Deed<'_>>)| {
        let about = &found.about;
        let claim = Claim { kind: found.kind, about, witness, events, rows, mentions: &mentions };
        let mut ops = definition(&claim).ok_or(found.kind)?;
        ops.sort_unstable();
        ops.dedup();
        Ok(Finding { ops, ..found })
    };
    for answer in std::mem::take(&mut report.findings).into_iter().zip(&witnesses).map(judged) {
        match answer {
            Ok(found) => report.findings.push(found),
            Err(kind) => report.unconfirmed.push(kind),
        }
    }
}

/// Where no definition looks beyond its witness.
pub fn nothing<'a>(_: &Deed<'a>) -> Vec<&'a str> {
    Vec::new()
}

/// How often a list holds a value.
pub fn times(list: &[&str], value: &str) -> usize {
    list.iter().filter(|item| **item == value).count()
}

/// Of what could have brought a value about but did not: one that is in the witness, if there is any in the history.
/// `None` if the witness lacks it.
pub fn vain<'a>(claim: &Claim<'_, 'a>, is_source: impl Fn(&Deed<'a>) -> bool) -> Roles {
    let sources: Vec<u32> = claim.of(claim.about).iter().filter(|deed| is_source(deed)).map(|deed| deed.row).collect();
    if sources.is_empty() {
        return Some(Vec::new());
    }
    claim.first(|deed| sources.contains(&deed.row)).map(|deed| vec![deed.row])
}
