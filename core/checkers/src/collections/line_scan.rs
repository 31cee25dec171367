//! Patterns in the lines of log files.
//!
//! The regular expressions are those of automata: no look-around and no references back, and in return the time is
//! linear in the text whatever the pattern and the text are. A line is looked at up to a bounded length, and a deadline
//! is asked for every few lines, so neither a huge file nor a file of one line takes over the machine.
use std::io::{BufRead, ErrorKind, Read, Result};
use std::time::Instant;

use regex::bytes::{RegexSet, RegexSetBuilder};

/// Bytes of a line that are searched; what is beyond is passed over.
pub const LINE_MAX: usize = 64 * 1024;

/// Bytes of a line that are shown.
const SHOWN_MAX: usize = 200;

const LINES_BETWEEN_CLOCKS: u64 = 256;

/// A line in which a pattern was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The first of the patterns that is in it, by its place.
    pub pattern: usize,
    /// From 1.
    pub line: u64,
    pub text: String,
}

/// What one file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub lines: u64,
    /// Lines longer than what is searched.
    pub cut: u64,
    pub hits: u64,
    /// The first of them.
    pub told: Vec<Hit>,
    pub out_of_time: bool,
}

/// Patterns that are searched for together.
pub struct Patterns(RegexSet);

impl Patterns {
    /// Fails with the words of the library on a pattern that is none, or is too large when compiled.
    pub fn new(patterns: &[String]) -> std::result::Result<Self, String> {
        RegexSetBuilder::new(patterns).build().map(Self).map_err(|error| error.to_string())
    }

    /// Reads to the end or to the deadline, and keeps so many hits.
    pub fn scan(&self, mut text: impl BufRead, deadline: Instant, told_max: usize) -> Result<Scan> {
        let mut scan = Scan::default();
        let mut line = Vec::new();
        loop {
            if scan.lines % LINES_BETWEEN_CLOCKS == 0 && Instant::now() >= deadline {
                scan.out_of_time = true;
                return Ok(scan);
            }
            line.clear();
            if text.by_ref().take(LINE_MAX as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(scan);
            }
            scan.lines += 1;
            if line.len() == LINE_MAX && line.last() != Some(&b'\n') {
                let (more, in_time) = pass_line(&mut text, deadline)?;
                scan.cut += u64::from(more);
                scan.out_of_time |= !in_time;
            }
            self.look_at(&mut scan, &line, told_max);
            if scan.out_of_time {
                return Ok(scan);
            }
        }
    }

    fn look_at(&self, scan: &mut Scan, line: &[u8], told_max: usize) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !self.0.is_match(line) {
            return;
        }
        scan.hits += 1;
        if scan.told.len() < told_max {
            let pattern = self.0.matches(line).iter().next().unwrap_or_default();
            let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN_MAX)]).into_owned();
            let text = if line.len() > SHOWN_MAX { shown + "..." } else { shown };
            scan.told.push(Hit { pattern, line: scan.lines, text });
        }
    }
}

/// Passes over the rest of a line: whether there was any, and whether the deadline allowed it.
fn pass_line(text: &mut impl BufRead, deadline: Instant) -> Result<(bool, bool)> {
    let mut passed = false;
    while Instant::now() < deadline {
        let buffer = match text.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        let (length, is_last) = match memchr::memchr(b'\n', buffer) {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        passed |= length > usize::from(is_last);
        text.consume(length);
        if is_last {
            return Ok((passed, true));
        }
    }
    Ok((passed, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn scan(patterns: &[&str], text: &[u8]) -> Scan {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        Patterns::new(&patterns).expect("they are patterns").scan(text, deadline, 3).expect("memory can be read")
    }

    #[test]
    fn names_lines_and_patterns() {
        let found = scan(&["panic", "^FATAL: .*disk"], b"ok\r\nFATAL: no disk\r\n\xff panic: FATAL\nfatal: disk");
        let hit = |pattern, line, text: &str| Hit { pattern, line, text: text.to_owned() };
        assert_eq!(found.told, [hit(1, 2, "FATAL: no disk"), hit(0, 3, "\u{fffd} panic: FATAL")]);
        assert_eq!((found.lines, found.hits, found.cut), (4, 2, 0));
        assert_eq!(scan(&["x"], b""), Scan::default());
        assert_eq!(scan(&["x"], &b"x\n".repeat(5)).told.len(), 3);
        assert_eq!(scan(&["x"], &b"x\n".repeat(5)).hits, 5);
    }

    #[test]
    fn long_lines_are_searched_up_to_a_length() {
        for length in [LINE_MAX - 1, LINE_MAX, LINE_MAX + 1, 3 * LINE_MAX] {
            let text = [vec![b'a'; length], b"\nneedle\n".to_vec()].concat();
            let found = scan(&["needle"], &text);
            assert_eq!((found.lines, found.hits, found.told[0].line), (2, 1, 2), "{length}");
            assert_eq!(found.cut, u64::from(length > LINE_MAX), "{length}");
        }
        let late = [vec![b'a'; LINE_MAX], b"needle".to_vec()].concat();
        assert_eq!(scan(&["needle"], &late).hits, 0);
    }

    #[test]
    fn patterns_that_make_others_explode_take_linear_time() {
        let began = Instant::now();
        let text = [vec![b'a'; LINE_MAX - 1], b"!\n".to_vec()].concat().repeat(8);
        assert_eq!(scan(&["^(a+)+$", "(a|aa)+$", "(.*)*x"], &text).hits, 0);
        assert!(began.elapsed() < Duration::from_secs(20));
        assert!(Patterns::new(&["(".to_owned()]).is_err());
        assert!(Patterns::new(&["(?=a)".to_owned()]).is_err());
    }

    #[test]
    fn out_of_time_is_told() {
        let patterns = Patterns::new(&["x".to_owned()]).expect("it is a pattern");
        let found = patterns.scan(&b"x\n"[..], Instant::now(), 3).expect("memory can be read");
        assert!(found.out_of_time && found.hits == 0);
    }
}
