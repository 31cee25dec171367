//! All registers of a history, judged while it is recorded.
//!
//! Events come in batches, of which nothing is kept: a process has at most one operation open, so a completion finds its
//! invocation by its process. Values are told apart by 128 bits: an integer is itself, any other text a fingerprint, so
//! that no text is kept either. Two values that share a fingerprint are not to be expected in the life of anybody, and
//! whoever acts on a violation has it proved from the recorded history first.
use std::hash::{DefaultHasher, Hasher};

use super::columns::{FailedCas, Reading};
use super::online::{Asked, OnlineRegister, Standing, Token};
use crate::events::{Events, Kind, Malformed};
use crate::intern::FastMap;
use crate::json;

/// Where a key was found not to be linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub key: Option<Box<str>>,
    /// The index of the invocation of the operation that nothing explains.
    pub event: u32,
}

/// One key and what is known of it.
#[derive(Debug)]
pub struct Watched {
    pub key: Option<Box<str>>,
    /// As many as the whole history is judged by: reads without a result and writes that failed do not count.
    pub ops: usize,
    register: OnlineRegister,
}

impl Watched {
    pub fn standing(&self) -> Standing {
        self.register.standing()
    }
}

/// The registers of a history that is being recorded.
pub struct OnlineRegisters {
    has_cas: bool,
    failed_cas: FailedCas,
    initial: Token,
    /// Keys, in the order of their first invocations.
    watched: Vec<Watched>,
    places: FastMap<Box<str>, u32>,
    nameless: Option<u32>,
    open: FastMap<i64, Running>,
    /// What completed at `time`: judged when time moves on, because operations called now are concurrent with it.
    due: Vec<Due>,
    time: i64,
    events: u32,
}

#[derive(Clone, Copy)]
struct Running {
    place: u32,
    event: u32,
    act: Act,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Read,
    Write,
    Cas,
}

#[derive(Clone, Copy)]
struct Due {
    place: u32,
    event: u32,
    found: Token,
}

impl OnlineRegisters {
    pub fn new(reading: &Reading) -> Self {
        Self {
            has_cas: reading.has_cas,
            failed_cas: reading.failed_cas,
            initial: token(reading.initial),
            watched: Vec::new(),
            places: FastMap::default(),
            nameless: None,
            open: FastMap::default(),
            due: Vec::new(),
            time: i64::MIN,
            events: 0,
        }
    }

    /// Judges the next events of the history. The first key found not to be linearizable in them, if there is one.
    ///
    /// Events that break the rules of histories are refused, by their rows in this batch; nothing can be fed afterwards.
    pub fn feed(&mut self, events: &impl Events) -> Result<Option<Broken>, Malformed> {
        let mut broken = None;
        for row in 0..events.len() {
            let time = events.time(row);
            if time < self.time {
                return Err(Malformed::at(row, format!("time goes backwards: {time} ns after {} ns", self.time)));
            }
            if time > self.time {
                broken = broken.or(self.pass());
                self.time = time;
            }
            if events.process(row) >= 0 {
                broken = broken.or(self.event(events, row)?);
            }
            self.events += 1;
        }
        Ok(broken)
    }

    /// The history ends here. The first key found not to be linearizable by that.
    pub fn end(&mut self) -> Option<Broken> {
        self.pass()
    }

    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// How many operations, values and chains are remembered, of all keys.
    pub fn remembered(&self) -> usize {
        self.open.len() + self.watched.iter().map(|watched| watched.register.remembered()).sum::<usize>()
    }

    /// Forgets what cannot matter any more, at once.
    pub fn sweep(&mut self) {
        for watched in &mut self.watched {
            watched.register.sweep(self.time);
        }
    }

    fn pass(&mut self) -> Option<Broken> {
        let mut broken = None;
        for Due { place, event, found } in std::mem::take(&mut self.due) {
            broken = broken.or(self.change(place, event, |register, time| register.ok(event, time, found)));
        }
        broken
    }

    fn change(&mut self, place: u32, event: u32, change: impl FnOnce(&mut OnlineRegister, i64)) -> Option<Broken> {
        let watched = &mut self.watched[place as usize];
        let before = watched.register.standing();
        change(&mut watched.register, self.time);
        let is_news = before == Standing::Linearizable && matches!(watched.standing(), Standing::Violated(_));
        is_news.then(|| Broken { key: watched.key.clone(), event })
    }

    fn event(&mut self, events: &impl Events, row: usize) -> Result<Option<Broken>, Malformed> {
        let process = events.process(row);
        if events.kind(row) == Kind::Invoke {
            let running = self.invoked(events, row)?;
            return match self.open.insert(process, running) {
                None => Ok(None),
                Some(earlier) => {
                    let what = format!("process {process} invokes while its event {} is still open", earlier.event);
                    Err(Malformed::at(row, what))
                }
            };
        }
        match self.open.remove(&process) {
            Some(running) => Ok(self.completed(events, row, running)),
            None => Err(Malformed::at(row, format!("process {process} completes but has no operation open"))),
        }
    }

    fn invoked(&mut self, events: &impl Events, row: usize) -> Result<Running, Malformed> {
        let (act, asked) = self.asked(events, row)?;
        let place = self.place(events.key(row));
        let watched = &mut self.watched[place as usize];
        watched.ops += usize::from(act != Act::Read);
        watched.register.invoke(self.events, events.time(row), asked);
        Ok(Running { place, event: self.events, act })
    }

    fn asked(&self, events: &impl Events, row: usize) -> Result<(Act, Asked), Malformed> {
        match events.f(row) {
            "read" => Ok((Act::Read, Asked::Read)),
            "write" => Ok((Act::Write, Asked::Write(token(events.value(row).unwrap_or("null"))))),
            "cas" if self.has_cas => {
                let found = events.value(row).unwrap_or("null");
                let Some((from, to)) = json::pair(found) else {
                    return Err(Malformed::at(row, format!("a cas needs the value [expected, new], not {found}")));
                };
                Ok((Act::Cas, Asked::Cas(token(from), token(to))))
            }
            f => {
                let known = if self.has_cas { "read, write and cas" } else { "read and write" };
                Err(Malformed::unknown_f(row, format!("a register knows {known}, not {f:?}")))
            }
        }
    }

    fn completed(&mut self, events: &impl Events, row: usize, running: Running) -> Option<Broken> {
        let Running { place, event, act } = running;
        let kind = events.kind(row);
        let register = &mut self.watched[place as usize];
        register.ops += usize::from(act == Act::Read && kind == Kind::Ok);
        register.ops -= usize::from(act != Act::Read && kind == Kind::Fail);
        match kind {
            Kind::Ok => {
                let found = if act == Act::Read { token(events.value(row).unwrap_or("null")) } else { 0 };
                self.due.push(Due { place, event, found });
                None
            }
            Kind::Fail if act == Act::Cas => match events.error(row).and_then(|error| json::field(error, "current")) {
                Some(current) => self.refused(place, event, token(current)),
                None if self.failed_cas == FailedCas::Assert => {
                    self.watched[place as usize].ops += 1;
                    self.change(place, event, |register, _| register.give_up())
                }
                None => self.change(place, event, |register, _| register.fail(event)),
            },
            Kind::Fail => self.change(place, event, |register, _| register.fail(event)),
            Kind::Info | Kind::Invoke => self.change(place, event, |register, _| register.crash(event)),
        }
    }

    /// A compare-and-set that failed and says what it found.
    fn refused(&mut self, place: u32, event: u32, found: Token) -> Option<Broken> {
        self.watched[place as usize].ops += 1;
        self.due.push(Due { place, event, found });
        self.change(place, event, |register, _| register.fail_to_read(event))
    }

    fn place(&mut self, key: Option<&str>) -> u32 {
        let known = key.map_or(self.nameless, |key| self.places.get(key).copied());
        if let Some(place) = known {
            return place;
        }
        let place = self.watched.len() as u32;
        match key {
            Some(key) => drop(self.places.insert(key.into(), place)),
            None => self.nameless = Some(place),
        }
        let register = OnlineRegister::new(self.initial);
        self.watched.push(Watched { key: key.map(Into::into), ops: 0, register });
        place
    }
}

const FINGERPRINT: Token = 1 << 127;

/// Canonical integers that fit stand for themselves, everything else for its fingerprint.
fn token(text: &str) -> Token {
    small(text).map_or_else(|| fingerprint(text), Token::from)
}

/// The number if the text is a whole one of at most 18 digits, as JSON writes it.
fn small(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 18 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    bytes.iter().try_fold(0u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

fn fingerprint(text: &str) -> Token {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(text.as_bytes());
        Token::from(hasher.finish())
    };
    FINGERPRINT | half(1) << 64 | half(2)
}
