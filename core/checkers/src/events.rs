//! What a history looks like from here: rows of columns, whoever holds them.

/// What an event says about its operation. The numbers are those of the `type` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// A history: row i is the event with index i. Values and errors are canonical JSON text, `None` for null.
pub trait Events: Sync {
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Nanoseconds; if `is_timed` is false, the event's index.
    fn time(&self, row: usize) -> i64;
    fn is_timed(&self) -> bool;
    /// Below zero for nemeses.
    fn process(&self, row: usize) -> i64;
    fn kind(&self, row: usize) -> Kind;
    fn f(&self, row: usize) -> &str;
    fn key(&self, row: usize) -> Option<&str>;
    fn value(&self, row: usize) -> Option<&str>;
    fn error(&self, row: usize) -> Option<&str>;
    /// The completion of an invocation, the invocation of a completion.
    fn partner(&self, row: usize) -> Option<usize>;
}

/// A history that breaks a rule, at one of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub row: usize,
    pub message: String,
    /// No operation of this function can be one of the model.
    pub unknown_f: bool,
}

impl Malformed {
    pub fn at(row: usize, message: impl Into<String>) -> Self {
        Self { row, message: message.into(), unknown_f: false }
    }

    pub fn unknown_f(row: usize, message: impl Into<String>) -> Self {
        Self { row, message: message.into(), unknown_f: true }
    }
}

/// The invocations of clients, in order of rows.
pub struct Invocations<'a> {
    /// In the order of their first appearance.
    pub keys: Vec<Option<&'a str>>,
    /// Per key how many.
    pub counts: Vec<usize>,
    /// Row, and number of the key.
    pub rows: Vec<(u32, u32)>,
}

impl<'a> Invocations<'a> {
    pub fn of(events: &'a impl Events) -> Self {
        let mut found = Self { keys: Vec::new(), counts: Vec::new(), rows: Vec::with_capacity(events.len() / 2 + 1) };
        let mut number = crate::intern::FastMap::default();
        for row in 0..events.len() {
            if events.kind(row) != Kind::Invoke || events.process(row) < 0 {
                continue;
            }
            let key = events.key(row);
            let number = *number.entry(key).or_insert_with(|| {
                found.keys.push(key);
                found.counts.push(0);
                found.keys.len() - 1
            });
            found.counts[number] += 1;
            found.rows.push((row as u32, number as u32));
        }
        found
    }
}

/// The rows of client invocations, by key, keys in the order of their first appearance.
pub fn invocations_by_key<'a>(events: &'a impl Events) -> Vec<(Option<&'a str>, Vec<u32>)> {
    let found = Invocations::of(events);
    let group = |(&key, &count): (&Option<&'a str>, &usize)| (key, Vec::with_capacity(count));
    let mut groups: Vec<(Option<&str>, Vec<u32>)> = found.keys.iter().zip(&found.counts).map(group).collect();
    for (row, key) in found.rows {
        groups[key as usize].1.push(row);
    }
    groups
}

/// The row of the harness's mark that a phase began, if it did.
pub fn phase_mark(events: &impl Events, phase: &str) -> Option<usize> {
    let is_mark = |&row: &usize| {
        events.process(row) < 0
            && events.f(row) == "phase"
            && events.value(row).is_some_and(|v| v.trim_matches('"') == phase)
    };
    (0..events.len()).find(is_mark)
}

/// A moment in words: milliseconds, or the event where there are no clocks.
pub fn moment(events: &impl Events, time: i64) -> String {
    if !events.is_timed() {
        return format!("event {time}");
    }
    let micros = (time + 500).div_euclid(1_000);
    let (millis, rest) = (micros.div_euclid(1_000), micros.rem_euclid(1_000));
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}").trim_end_matches('0').to_owned() };
    format!("{}{fraction} ms", thousands(millis))
}

/// 1204 as "1,204".
fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    format!("{}{}", if number < 0 { "-" } else { "" }, groups.join(","))
}
