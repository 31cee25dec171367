//! No bytes make a reader panic, and what it does read is a history.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use common::{bytes, parse, sample, told, Chance};
use splitbrain_history::read::{read, Format};
use splitbrain_history::write::{render, TextFormat};
use splitbrain_history::History;

const FORMATS: [Format; 5] = [Format::Arrow, Format::Edn, Format::JsonLines, Format::Sessions, Format::EtcdLog];

/// Whatever it came from: every row can be read, paired and written, and its values are JSON.
fn is_sound(history: &History) {
    let mut out = Vec::new();
    for row in 0..history.len() {
        for json in [history.value(row), history.error(row)].into_iter().flatten() {
            let numbers_too_large_for_it = |error: &serde_json::Error| error.to_string().contains("out of range");
            let half_surrogates = |error: &serde_json::Error| {
                error.to_string().contains("surrogate") || error.to_string().contains("hex escape")
            };
            if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
                assert!(numbers_too_large_for_it(&error) || half_surrogates(&error), "{json}: {error}");
            }
        }
        if let Some(completion) = history.completion(row) {
            assert_eq!(history.invocation(completion), Some(row));
        }
    }
    for format in [TextFormat::JsonLines, TextFormat::Edn, TextFormat::Csv] {
        render(history, format, 0..history.len(), &mut out);
    }
    history.problems(10);
    history.by_key();
}

/// Bits of syntax, more likely to matter than random bytes.
const BITS: [&[u8]; 38] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"#{",
    b"#_",
    b"#a ",
    b"#",
    b"##NaN",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\"",
    b":",
    b"nil",
    b"null",
    b";",
    b"\n",
    b",",
    b" ",
    b"-",
    b"+",
    b"1/2",
    b"1N",
    b"1.5M",
    b"1e999",
    b"0x",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\t:ok\t",
    b"99999999999999999999",
    b"{:process 0}",
    b"INFO jepsen.util - ",
    b"\n-----\n",
    b"\nw 1 2\n",
];

fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = chance.next() as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            3 => {
                let bit = chance.pick(&BITS).iter().copied();
                bytes.splice(at..at, bit);
            }
            4 => {
                let end = bytes.len().min(at + chance.below(40));
                bytes.drain(at..end);
            }
            _ => {
                let end = bytes.len().min(at + chance.below(200));
                let copy = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
        }
    }
}

fn check(bytes: &[u8], format: Format) {
    for history in [parse(bytes, format), read(bytes, None)].into_iter().flatten() {
        is_sound(&history);
    }
}

#[test]
fn mutated_files() {
    let history = sample();
    let mut chance = Chance(7);
    for format in FORMATS {
        let whole = bytes(&history, format);
        for _ in 0..2_000 {
            let mut mutated = whole.clone();
            mutate(&mut mutated, &mut chance);
            check(&mutated, format);
        }
    }
}

#[test]
fn random_bytes() {
    let mut chance = Chance(11);
    for round in 0..2_000 {
        let mut random: Vec<u8> = (0..chance.below(200)).map(|_| chance.next() as u8).collect();
        if round % 2 == 0 {
            random = (0..chance.below(60)).flat_map(|_| chance.pick(&BITS).to_vec()).collect();
        }
        for format in FORMATS {
            check(&random, format);
            let mut begun = bytes(&sample(), format);
            begun.truncate(chance.below(40));
            begun.extend_from_slice(&random);
            check(&begun, format);
        }
    }
}

#[test]
fn cut_off_anywhere() {
    let history = sample();
    // A transaction of `Sessions` ends with the file, so nobody can tell that it was cut off.
    for format in FORMATS.into_iter().filter(|&format| format != Format::Sessions) {
        let whole = bytes(&history, format);
        let all = told(&parse(&whole, format).unwrap());
        let mut most = 0;
        for length in 0..whole.len() {
            let Ok(part) = parse(&whole[..length], format) else {
                // Nothing can be said of an Arrow stream before its schema, or of a log without an event.
                assert!(most == 0, "{format:?} cut at {length} is refused, though shorter parts were read");
                continue;
            };
            is_sound(&part);
            assert!(part.len() >= most, "{format:?} cut at {length}");
            most = part.len();
            let rows: Vec<u32> = (0..part.len() as u32).collect();
            let reread = parse(&whole, format).unwrap().select(&rows).unwrap();
            assert_eq!(told(&part), told(&reread), "{format:?} cut at {length}");
        }
        assert!(!all.is_empty() && most > 0);
    }
}

#[test]
fn nested_too_deep_is_refused() {
    for depth in [150, 250, 100_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let jsonl = format!("{{\"process\":0,\"type\":\"invoke\",\"f\":\"x\",\"value\":{open}{close}}}\n");
        let edn = format!("{{:process 0 :type :invoke :f :x :value {open}{close}}}");
        let tags = format!("{{:process 0 :type :invoke :f :x :value {}1}}", "#a ".repeat(depth));
        for (text, format) in [(jsonl, Format::JsonLines), (edn, Format::Edn), (tags, Format::Edn)] {
            let read = parse(text.as_bytes(), format);
            assert_eq!(read.is_ok(), depth < 200, "{depth}");
        }
    }
}
