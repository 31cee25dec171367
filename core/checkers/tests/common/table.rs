//! A history written by hand.
use splitbrain_checkers::events::{Events, Kind};

pub struct Row {
    pub time: i64,
    pub process: i64,
    pub kind: Kind,
    pub f: String,
    pub key: Option<String>,
    pub value: Option<String>,
    pub error: Option<String>,
    partner: Option<usize>,
}

#[derive(Default)]
pub struct Table {
    pub rows: Vec<Row>,
}

fn owned(text: &str) -> Option<String> {
    (text != "null").then(|| text.to_owned())
}

impl Table {
    /// An event of key "x". A completion belongs to the last open invocation of its process.
    pub fn event(mut self, time: i64, process: i64, kind: Kind, f: &str, value: &str) -> Self {
        let is_open = |row: &Row| row.process == process && row.kind == Kind::Invoke && row.partner.is_none();
        let partner = if kind == Kind::Invoke { None } else { self.rows.iter().rposition(is_open) };
        let next = self.rows.len();
        if let Some(invocation) = partner {
            self.rows[invocation].partner = Some(next);
        }
        let key = Some("x".to_owned());
        self.rows.push(Row { time, process, kind, f: f.to_owned(), key, value: owned(value), error: None, partner });
        self
    }

    /// An operation that takes a unit of time and does what it says.
    pub fn done(self, time: i64, process: i64, f: &str, value: &str) -> Self {
        let asked = if f == "read" { "null" } else { value };
        self.event(time, process, Kind::Invoke, f, asked).event(time + 1, process, Kind::Ok, f, value)
    }

    /// Changes the last event.
    pub fn with(mut self, change: impl FnOnce(&mut Row)) -> Self {
        self.rows.last_mut().map(change);
        self
    }
}

impl Events for Table {
    fn len(&self) -> usize {
        self.rows.len()
    }
    fn time(&self, row: usize) -> i64 {
        self.rows[row].time
    }
    fn is_timed(&self) -> bool {
        true
    }
    fn process(&self, row: usize) -> i64 {
        self.rows[row].process
    }
    fn kind(&self, row: usize) -> Kind {
        self.rows[row].kind
    }
    fn f(&self, row: usize) -> &str {
        &self.rows[row].f
    }
    fn key(&self, row: usize) -> Option<&str> {
        self.rows[row].key.as_deref()
    }
    fn value(&self, row: usize) -> Option<&str> {
        self.rows[row].value.as_deref()
    }
    fn error(&self, row: usize) -> Option<&str> {
        self.rows[row].error.as_deref()
    }
    fn partner(&self, row: usize) -> Option<usize> {
        self.rows[row].partner
    }
}
