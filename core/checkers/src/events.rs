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
}

impl Malformed {
    pub fn at(row: usize, message: impl Into<String>) -> Self {
        Self { row, message: message.into() }
    }
}

/// The rows of client invocations, by key, keys in the order of their first appearance.
pub fn invocations_by_key<'a>(events: &'a impl Events) -> Vec<(Option<&'a str>, Vec<u32>)> {
    let mut groups: Vec<(Option<&'a str>, Vec<u32>)> = Vec::new();
    let mut place = crate::intern::FastMap::default();
    for row in 0..events.len() {
        if events.kind(row) != Kind::Invoke || events.process(row) < 0 {
            continue;
        }
        let key = events.key(row);
        let group = *place.entry(key).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(row as u32);
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
