//! Why one transaction comes before another, found in the text of the events alone.
use super::graph::{PROCESS, REALTIME, RW, WR, WW};
use super::history::NONE;
use super::story::{list, plain, short, Evidence, Raw, Reason, Story};
use super::versions::Precedes;
use crate::events::{Events, Kind};

impl<'a, E: Events> Story<'a, E> {
    /// A transaction that reads a key from one writer though it knows of another, so that one comes first.
    pub fn aware_reason(&self, path: &[u32], key: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (&from, &reader) = (path.first()?, path.last()?);
        let key = self.txns.keys[key as usize];
        let is_linked = |hop: &[u32]| {
            self.process_reason(hop[0], hop[1], ("", "")).is_some()
                || self.wr_reason(hop[0], hop[1], ("", "")).is_some()
        };
        let writes_key = self.raw(from).iter().any(|raw| raw.is_write && raw.key == key);
        let wrote = if to as usize == self.txns.len() { Vec::new() } else { self.raw(to) };
        let seen = self.raw(reader).into_iter().find(|raw| {
            let is_of = |write: &Raw| write.is_write && write.key == key && write.value == raw.value;
            !raw.is_write
                && raw.key == key
                && if wrote.is_empty() { raw.value == "null" } else { wrote.iter().any(is_of) }
        })?;
        if !writes_key || !path.windows(2).all(is_linked) {
            return None;
        }
        let why = format!(
            "{a} comes before {b}, because {} read key {} as {}, of {b}, although it {} {a}, which wrote that key too",
            self.name(reader),
            plain(key),
            seen.value,
            if path.len() == 2 { "had seen or followed" } else { "could know, through others, of" },
        );
        Some(Reason { key: Some(plain(key)), why, witnesses: path[1..].to_vec() })
    }

    pub fn reason(&self, from: u32, to: u32, kind: u8, names: (&str, &str)) -> Option<Reason> {
        match kind {
            PROCESS => self.process_reason(from, to, names),
            REALTIME => self.realtime_reason(from, to, names),
            WR => self.wr_reason(from, to, names),
            _ if self.is_lists() => self.list_reason(from, to, kind, names),
            _ => self.register_reason(from, to, kind, names),
        }
    }

    fn ended(&self, txn: u32) -> Option<usize> {
        self.completion(txn).filter(|&row| self.events.kind(row) == Kind::Ok)
    }

    pub fn process_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (ended, began) = (self.ended(from)?, self.row(to));
        let process = self.events.process(began);
        let is_so = ended < began && self.events.process(self.row(from)) == process;
        let why = format!("{a} comes before {b}, because process {process} executed {a} before it began {b}");
        is_so.then_some(Reason { key: None, why, witnesses: Vec::new() })
    }

    pub fn realtime_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (ended, began) = (self.ended(from)?, self.row(to));
        let (end, begin) = (self.events.time(ended), self.events.time(began));
        let latest = |row: usize| (0..=row).map(|row| self.events.time(row)).max();
        let is_so = ended < began && (end < begin || latest(ended) < latest(began));
        let (end, begin) = (crate::events::moment(self.events, end), crate::events::moment(self.events, begin));
        let why = format!("{a} comes before {b}, because {a} had completed at {end} and {b} began at {begin}");
        is_so.then_some(Reason { key: None, why, witnesses: Vec::new() })
    }

    pub fn wr_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let wrote = self.raw(from);
        for read in self.raw(to).iter().filter(|raw| !raw.is_write) {
            let seen = if self.is_lists() { list(read.value).last().copied() } else { Some(read.value) };
            let Some(seen) = seen else { continue };
            if wrote.iter().any(|raw| raw.is_write && raw.key == read.key && raw.value == seen) {
                let (key, value) = (plain(read.key), short(read.value, 60));
                let how = if self.is_lists() {
                    format!("whose last element {a} had appended")
                } else {
                    format!("which {a} had written")
                };
                let why = format!("{a} comes before {b}, because {b} read key {key} as {value}, {how}");
                return Some(Reason { key: Some(key), why, witnesses: Vec::new() });
            }
        }
        None
    }

    /// The longest read of a key, and who read it.
    fn longest(&self, key: &str) -> Option<(u32, Vec<&'a str>)> {
        let Evidence::Lists { longest } = self.evidence else { return None };
        let number = self.txns.keys.iter().position(|&text| text == key)?;
        let mop = longest[number];
        if mop == NONE {
            return None;
        }
        let reader = self.txns.first.partition_point(|&first| first <= mop) as u32 - 1;
        let read = self.raw(reader).into_iter().nth((mop - self.txns.first[reader as usize]) as usize)?;
        (!read.is_write && read.key == key).then(|| (reader, list(read.value)))
    }

    fn list_reason(&self, from: u32, to: u32, kind: u8, (a, b): (&str, &str)) -> Option<Reason> {
        let (first, second) = (self.raw(from), self.raw(to));
        for append in second.iter().filter(|raw| raw.is_write) {
            let longest = self.longest(append.key);
            let place = |element: &str| longest.as_ref()?.1.iter().position(|&other| other == element);
            let after = place(append.value);
            let key = plain(append.key);
            for earlier in first.iter().filter(|raw| raw.key == append.key) {
                let (is_before, what) = match kind {
                    WW if earlier.is_write => (place(earlier.value), format!("{a} appended {}", earlier.value)),
                    RW if !earlier.is_write => {
                        let seen = list(earlier.value);
                        let is_prefix = longest.as_ref().is_none_or(|(_, longest)| longest.starts_with(&seen));
                        let place = (is_prefix && !seen.contains(&append.value)).then_some(seen.len().wrapping_sub(1));
                        (place, format!("{a} read {}", short(earlier.value, 60)))
                    }
                    _ => continue,
                };
                let Some(before) = is_before else { continue };
                let (proof, witnesses) = match (after, &longest) {
                    (Some(after), Some((reader, _))) if before.wrapping_add(1) <= after => {
                        let process = self.events.process(self.row(*reader));
                        let event = self.told_by(*reader);
                        (format!("a read by process {process} (event {event}) shows in which order"), vec![*reader])
                    }
                    (None, Some((reader, _))) => ("which no read shows".to_owned(), vec![*reader]),
                    (None, None) if kind == RW => ("which no read shows".to_owned(), Vec::new()),
                    _ => continue,
                };
                let witnesses = witnesses.into_iter().filter(|&txn| txn != from && txn != to).collect();
                let why = format!(
                    "{a} comes before {b}, because on key {key} {what} and {b} appended {} after that ({proof})",
                    append.value
                );
                return Some(Reason { key: Some(key), why, witnesses });
            }
        }
        None
    }

    fn register_reason(&self, from: u32, to: u32, kind: u8, (a, b): (&str, &str)) -> Option<Reason> {
        let Evidence::Registers { registers, order, .. } = &self.evidence else { return None };
        let by = self.order.get_or_init(|| order.iter().map(|edge| ((edge.from, edge.to), *edge)).collect());
        let (first, second) = (self.raw(from), self.raw(to));
        for write in second.iter().filter(|raw| raw.is_write) {
            for earlier in first.iter().filter(|raw| raw.key == write.key && raw.is_write == (kind == WW)) {
                let key = plain(write.key);
                let verb = if earlier.is_write { "wrote" } else { "read" };
                let mut reason = Reason {
                    key: Some(key.clone()),
                    why: format!(
                        "{a} comes before {b}, because on key {key} {a} {verb} {}, and {b} wrote {}",
                        earlier.value, write.value
                    ),
                    witnesses: Vec::new(),
                };
                if earlier.value == "null" {
                    reason.why.push_str(" over the initial state");
                    return Some(reason);
                }
                let number = |text: &str| self.texts.iter().position(|&other| other == text).map(|at| at as u32);
                let key = self.txns.keys.iter().position(|&text| text == write.key)? as u32;
                let version = |text: &str| Some(registers.seen(key, number(text)?));
                let pair = (version(earlier.value)?, version(write.value)?);
                let Some(edge) = by.get(&pair) else { continue };
                let Some(how) = self.precedes(edge, earlier, write) else { continue };
                reason.why.push_str(&how);
                let others = edge.by.iter().copied().filter(|&txn| txn != NONE && txn != from && txn != to);
                reason.witnesses = others.collect();
                return Some(reason);
            }
        }
        None
    }

    /// How the transactions behind an inferred order of two versions show it; `None` if they do not.
    fn precedes(&self, edge: &Precedes, earlier: &Raw, later: &Raw) -> Option<String> {
        let has = |txn: u32, value: &str| self.raw(txn).iter().any(|raw| raw.key == earlier.key && raw.value == value);
        let [one, two] = edge.by;
        if two == NONE {
            let is_so = has(one, earlier.value) && has(one, later.value);
            return is_so.then(|| {
                let process = self.events.process(self.row(one));
                format!(" (a transaction of process {process} read the former and wrote the latter)")
            });
        }
        let (ended, began) = (self.ended(one)?, self.row(two));
        let is_so = has(one, earlier.value) && has(two, later.value) && ended < began;
        is_so.then(|| {
            let (p, q) = (self.events.process(self.row(one)), self.events.process(began));
            format!(
                " (process {p} was done with {} at event {ended}, and process {q} began with {} at event {began})",
                earlier.value, later.value
            )
        })
    }
}
