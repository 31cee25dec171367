//! A history as the checkers see it.
use pyo3::prelude::*;
use splitbrain_checkers::events::{Events, Kind, Malformed};
use splitbrain_history::History;

use crate::history::MalformedHistory;

/// The columns of a history, row by row.
pub struct Rows<'a>(pub &'a History);

impl Events for Rows<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn time(&self, row: usize) -> i64 {
        self.0.time(row)
    }

    fn is_timed(&self) -> bool {
        self.0.has_times()
    }

    fn process(&self, row: usize) -> i64 {
        self.0.process(row)
    }

    fn kind(&self, row: usize) -> Kind {
        match self.0.kind(row) {
            splitbrain_history::Kind::Invoke => Kind::Invoke,
            splitbrain_history::Kind::Ok => Kind::Ok,
            splitbrain_history::Kind::Fail => Kind::Fail,
            splitbrain_history::Kind::Info => Kind::Info,
        }
    }

    fn f(&self, row: usize) -> &str {
        self.0.f(row)
    }

    fn key(&self, row: usize) -> Option<&str> {
        self.0.key(row)
    }

    fn value(&self, row: usize) -> Option<&str> {
        self.0.value(row)
    }

    fn error(&self, row: usize) -> Option<&str> {
        self.0.error(row)
    }

    fn partner(&self, row: usize) -> Option<usize> {
        self.0.completion(row).or_else(|| self.0.invocation(row))
    }
}

impl Rows<'_> {
    /// The indices of the events of these operations, given by the rows of their invocations; sorted.
    pub fn events_of(&self, invocations: impl IntoIterator<Item = u32>) -> Vec<usize> {
        let mut events: Vec<usize> = invocations
            .into_iter()
            .map(|row| row as usize)
            .flat_map(|row| [Some(row), self.0.completion(row)])
            .flatten()
            .map(|row| self.0.index(row))
            .collect();
        events.sort_unstable();
        events.dedup();
        events
    }

    /// Fails at the first event that breaks the rules of histories.
    pub fn checked(&self) -> Result<(), Refusal> {
        match self.0.problems(1).into_iter().find(|problem| problem.fatal) {
            Some(problem) => Err(Refusal::at(problem.event, problem.line, &problem.message)),
            None => Ok(()),
        }
    }

    /// What a checker says about an event, with the event's place.
    pub fn refusal(&self, malformed: Malformed) -> Refusal {
        let Malformed { row, message, unknown_f } = malformed;
        Refusal { unknown_f, ..Refusal::at(self.0.index(row), self.0.line(row), &message) }
    }
}

/// The same with times that never go backwards.
///
/// Where a clock did, the order of events is believed: a time is then that of the latest event so far, which makes
/// events concurrent that the clock would have put the wrong way round.
pub struct Timeline<'a> {
    rows: Rows<'a>,
    times: Option<Vec<i64>>,
}

impl<'a> Timeline<'a> {
    pub fn new(history: &'a History) -> Self {
        let recorded = history.times();
        let times = (!recorded.is_sorted()).then(|| {
            let latest = recorded.iter().scan(i64::MIN, |latest, &time| {
                *latest = time.max(*latest);
                Some(*latest)
            });
            latest.collect()
        });
        Self { rows: Rows(history), times }
    }
}

impl<'a> std::ops::Deref for Timeline<'a> {
    type Target = Rows<'a>;

    fn deref(&self) -> &Rows<'a> {
        &self.rows
    }
}

impl Events for Timeline<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn time(&self, row: usize) -> i64 {
        self.times.as_ref().map_or_else(|| self.rows.time(row), |times| times[row])
    }

    fn is_timed(&self) -> bool {
        self.rows.is_timed()
    }

    fn process(&self, row: usize) -> i64 {
        self.rows.process(row)
    }

    fn kind(&self, row: usize) -> Kind {
        self.rows.kind(row)
    }

    fn f(&self, row: usize) -> &str {
        self.rows.f(row)
    }

    fn key(&self, row: usize) -> Option<&str> {
        self.rows.key(row)
    }

    fn value(&self, row: usize) -> Option<&str> {
        self.rows.value(row)
    }

    fn error(&self, row: usize) -> Option<&str> {
        self.rows.error(row)
    }

    fn partner(&self, row: usize) -> Option<usize> {
        self.rows.partner(row)
    }
}

/// Why a history is not judged.
pub struct Refusal {
    message: String,
    line: Option<u64>,
    event: usize,
    unknown_f: bool,
}

impl Refusal {
    fn at(event: usize, line: Option<u64>, message: &str) -> Self {
        Self { message: format!("event {event}: {message}"), line, event, unknown_f: false }
    }
}

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> PyErr {
        MalformedHistory::new_err((refusal.message, refusal.line, refusal.event, refusal.unknown_f))
    }
}
