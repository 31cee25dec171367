//! Sessions, keys, and which write every read saw.
use crate::register::{Action, RegisterHistory, Value, INITIAL};

/// No write: the value a key had at first.
pub const NONE: u32 = u32::MAX;

/// One completed operation, or a pending write that somebody saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub session: u32,
    pub key: u32,
    /// The event whose write it saw, `Some(NONE)` for the initial value; `None` if it did not look.
    pub saw: Option<u32>,
    pub writes: bool,
    /// The caller's name for it.
    pub id: u32,
}

/// Events of all keys; those of a session in its order.
#[derive(Clone, Debug, Default)]
pub struct SessionHistory {
    pub events: Vec<Event>,
    /// Per session its events, in order.
    pub sessions: Vec<Vec<u32>>,
    /// Per event its place in its session.
    pub place: Vec<u32>,
    pub keys: u32,
}

/// Why the question cannot be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A value somebody saw has two possible writers.
    NotUnique { key: u32, observer: u32 },
    /// Somebody saw a value that nobody wrote; the caller's name for the read.
    FromNowhere { key: u32, observer: u32 },
}

impl SessionHistory {
    /// From one register per key; `session_of` tells the session of an operation by its name. Names must ascend with
    /// time within a session.
    pub fn new<'a>(
        registers: impl IntoIterator<Item = &'a RegisterHistory>,
        session_of: impl Fn(u32) -> i64,
    ) -> Result<Self, Obstacle> {
        let mut rows: Vec<(i64, Raw)> = Vec::new();
        let mut keys = 0;
        for history in registers {
            add_key(history, keys, &mut rows, &session_of)?;
            keys += 1;
        }
        rows.sort_unstable_by_key(|(session, raw)| (*session, raw.id));
        let mut history = SessionHistory { keys, ..Self::default() };
        let mut event_of = std::collections::HashMap::new();
        for (index, (_, raw)) in (0u32..).zip(&rows) {
            event_of.insert(raw.id, index);
        }
        for (number, group) in (0u32..).zip(rows.chunk_by(|a, b| a.0 == b.0)) {
            let mut session = Vec::with_capacity(group.len());
            for (place, (_, raw)) in (0u32..).zip(group) {
                session.push(history.events.len() as u32);
                history.place.push(place);
                let saw = raw.saw.map(|writer| writer.map_or(NONE, |writer| event_of[&writer]));
                history.events.push(Event { session: number, key: raw.key, saw, writes: raw.writes, id: raw.id });
            }
            history.sessions.push(session);
        }
        Ok(history)
    }

    /// These events alone, which must include the writers of all they saw.
    pub fn select(&self, events: &[u32]) -> SessionHistory {
        let mut number = std::collections::HashMap::new();
        for (new, &old) in (0u32..).zip(events) {
            number.insert(old, new);
        }
        let mut part = SessionHistory { keys: self.keys, ..Self::default() };
        part.sessions = vec![Vec::new(); self.sessions.len()];
        for &old in events {
            let event = self.events[old as usize];
            let session = &mut part.sessions[event.session as usize];
            part.place.push(session.len() as u32);
            session.push(part.events.len() as u32);
            let saw = event.saw.map(|writer| if writer == NONE { NONE } else { number[&writer] });
            part.events.push(Event { saw, ..event });
        }
        part
    }

    /// Per key and session its writes of that key, by place.
    pub fn writes(&self) -> Vec<Vec<Vec<u32>>> {
        let mut writes = vec![vec![Vec::new(); self.sessions.len()]; self.keys as usize];
        for (index, event) in (0u32..).zip(&self.events) {
            if event.writes {
                writes[event.key as usize][event.session as usize].push(index);
            }
        }
        writes
    }

    pub fn place(&self, event: u32) -> u32 {
        self.place[event as usize]
    }
}

struct Raw {
    id: u32,
    key: u32,
    saw: Option<Option<u32>>,
    writes: bool,
}

fn add_key(
    history: &RegisterHistory,
    key: u32,
    rows: &mut Vec<(i64, Raw)>,
    session_of: &impl Fn(u32) -> i64,
) -> Result<(), Obstacle> {
    let size = history.values as usize;
    let mut writer: Vec<Option<u32>> = vec![None; size];
    let mut shared = vec![false; size];
    for (index, op) in (0u32..).zip(&history.ops) {
        if let Some(value) = op.action.written() {
            shared[value as usize] = value == INITIAL || writer[value as usize].is_some();
            writer[value as usize] = Some(index);
        }
    }
    let mut observed = vec![false; size];
    let mut reach: Vec<(Value, u32)> = Vec::new();
    for op in history.ops.iter().filter(|op| !op.is_pending()) {
        reach.extend(op.action.observed().map(|value| (value, op.id)));
        while let Some((value, observer)) = reach.pop() {
            if shared[value as usize] {
                return Err(Obstacle::NotUnique { key, observer });
            }
            if value != INITIAL && writer[value as usize].is_none() {
                return Err(Obstacle::FromNowhere { key, observer });
            }
            if !std::mem::replace(&mut observed[value as usize], true) {
                let by = writer[value as usize].map(|by| &history.ops[by as usize]);
                reach.extend(by.and_then(|op| Some((op.action.observed()?, op.id))));
            }
        }
    }
    for op in &history.ops {
        let counts = !op.is_pending() || op.action.written().is_some_and(|value| observed[value as usize]);
        if !counts || matches!(op.action, Action::Not(_)) {
            continue;
        }
        let writer_id = |value: Value| writer[value as usize].map(|by| history.ops[by as usize].id);
        let saw = op.action.observed().map(writer_id);
        rows.push((session_of(op.id), Raw { id: op.id, key, saw, writes: op.action.written().is_some() }));
    }
    Ok(())
}
