//! A history with everything in it, and a generator of chance that is the same on every machine.
#![allow(dead_code)] // each test file uses its part

use splitbrain_history::read::{read, Format};
use splitbrain_history::write::{write_arrow, write_text, TextFormat};
use splitbrain_history::{History, Kind, RecordError, Recorder, Result};

pub type Put = fn(&mut Vec<u8>) -> std::result::Result<bool, RecordError>;

pub const NOTHING: Put = |_| Ok(false);

/// Reads bytes as this format.
pub fn parse(bytes: &[u8], format: Format) -> Result<History> {
    read(bytes, Some(format))
}

/// The history as bytes of this format; a log has no writer.
pub fn bytes(history: &History, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Format::Arrow => write_arrow(history, &mut out).unwrap(),
        Format::Edn => write_text(history, TextFormat::Edn, &mut out).unwrap(),
        Format::JsonLines => write_text(history, TextFormat::JsonLines, &mut out).unwrap(),
        Format::Sessions => out.extend_from_slice(SESSIONS.as_bytes()),
        Format::EtcdLog => out.extend_from_slice(LOG.as_bytes()),
    }
    out
}

/// All that a history says, as text.
pub fn told(history: &History) -> String {
    let mut out = Vec::new();
    write_text(history, TextFormat::JsonLines, &mut out).unwrap();
    for row in 0..history.len() {
        let pair = (history.completion(row), history.invocation(row));
        out.extend_from_slice(format!("{pair:?}\n").as_bytes());
    }
    String::from_utf8(out).unwrap()
}

pub const LOG: &str = "INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.core - Run complete, writing
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 0]
INFO  jepsen.util - :nemesis\t:info\t:start\tCut off {:n1 #{:n2}}
INFO  jepsen.util - 0   :ok     :read   3
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out
INFO  jepsen.util - 2\t:invoke\t:write\t4
INFO  jepsen.util - 2\t:fail\t:write\t4\t\"full\"
";

pub const SESSIONS: &str = "w 0 1\nr x 01\n-----\nw -3 2\n\n=====\nr 0 1\r\nr 0 -0";

/// Pairs, marks, open operations, nested values, absent values, and text of every sort.
pub fn sample() -> History {
    let mut recorder = Recorder::new(None).unwrap();
    let mut time = 0;
    let mut tick = || {
        time += 1_000_003;
        time
    };
    let texts: [Put; 8] = [
        |out| put(out, "1"),
        |out| put(out, "[[\"append\",1,2],[\"r\",\"x\",null],[\"w\",3,[1,2]]]"),
        |out| put(out, "{\"from\":1,\"7\":true,\"a b\":\"\\u0001\\n\\\"é😀\\\\\",\"\":{}}"),
        |out| put(out, "-12345678901234567890123"),
        |out| put(out, "[1.5,-0.0,1e+300,false,[],\"r\",\"nil\",\":k\"]"),
        |out| put(out, "\"\\ud800 half\""),
        |_| Ok(false),
        |out| put(out, "\"\""),
    ];
    let mut open = Vec::new();
    for (process, &value) in texts.iter().enumerate() {
        let key = (process % 3 > 0).then_some(["", "k", "ключ \"1\"\n"][process % 3]);
        let node = (process % 2 == 0).then_some("n1");
        let f = ["read", "cas", "a b", "ü/;"][process % 4];
        let row =
            recorder.event::<RecordError>(tick(), process as i64, Kind::Invoke, f, key, node, value, NOTHING).unwrap();
        open.push(row as u64);
    }
    recorder
        .event::<RecordError>(tick(), -1, Kind::Info, "phase", None, None, |out| put(out, "\"load\""), NOTHING)
        .unwrap();
    for (place, &invocation) in open.iter().enumerate().filter(|(place, _)| place % 4 < 3) {
        let kind = [Kind::Ok, Kind::Fail, Kind::Info][place % 3];
        let error = texts[(place + 2) % texts.len()];
        recorder.complete::<RecordError>(invocation, tick(), kind, texts[(place + 1) % texts.len()], error).unwrap();
    }
    recorder.close().unwrap();
    recorder.take_history().unwrap()
}

fn put(out: &mut Vec<u8>, json: &str) -> std::result::Result<bool, RecordError> {
    out.extend_from_slice(json.as_bytes());
    Ok(true)
}

/// xorshift64*: chance enough for mutations.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
