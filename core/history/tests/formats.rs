//! What each format says, and that a history is the same after a trip through it.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use common::{bytes, parse, sample, told, LOG, SESSIONS};
use splitbrain_history::read::{sniff, Format};
use splitbrain_history::{Error, History, Kind};

fn edn(text: &str) -> History {
    parse(text.as_bytes(), Format::Edn).unwrap()
}

/// The value of one event in EDN, as JSON text.
fn value_of(edn_value: &str) -> Option<String> {
    let history = edn(&format!("{{:process 0, :type :invoke, :f :x, :value {edn_value}}}"));
    history.value(0).map(str::to_owned)
}

fn refusal(text: &str, format: Format) -> (Option<u64>, String) {
    match parse(text.as_bytes(), format) {
        Err(Error::Malformed { line, message }) => (line, message),
        Err(Error::Io(error)) => panic!("{error}"),
        Ok(history) => panic!("read as {}", told(&history)),
    }
}

#[test]
fn round_trips() {
    let history = sample();
    for format in [Format::Arrow, Format::Edn, Format::JsonLines] {
        let written = bytes(&history, format);
        assert_eq!(sniff(&written).unwrap(), format);
        let again = parse(&written, format).unwrap();
        assert_eq!(told(&again), told(&history), "{format:?}");
        assert!(!again.truncated() && again.has_times());
        assert_eq!(bytes(&again, format), written, "{format:?}");
    }
}

#[test]
fn edn_values() {
    for (edn, json) in [
        ("nil", None),
        ("true", Some("true")),
        (":kw", Some("\"kw\"")),
        (":ns/kw", Some("\"ns/kw\"")),
        ("sym", Some("\"sym\"")),
        ("-5", Some("-5")),
        ("+5", Some("5")),
        ("-0", Some("0")),
        ("12345678901234567890N", Some("12345678901234567890")),
        ("1/3", Some("\"1/3\"")),
        ("1.50", Some("1.5")),
        ("2.5M", Some("2.5")),
        ("1e3", Some("1000.0")),
        ("##Inf", Some("\"Inf\"")),
        ("\\a", Some("\"a\"")),
        ("\\newline", Some("\"\\n\"")),
        ("\\u00e9", Some("\"é\"")),
        ("\\\\", Some("\"\\\\\"")),
        ("\"a\\tb\nc\"", Some("\"a\\tb\\nc\"")),
        ("\"\\u00e9\\101\\0\"", Some("\"éA\\u0000\"")),
        ("\"\\ud83d\\ude00 \\ud83d\"", Some("\"😀 \\ud83d\"")),
        ("[1, 2 (3) #{4}]", Some("[1,2,[3],[4]]")),
        ("{:a 1, \"b\" 2, 3 4, [5] 6, nil 7}", Some("{\"a\":1,\"b\":2,\"3\":4,\"[5]\":6,\"null\":7}")),
        ("#inst \"2020-01-01\"", Some("\"2020-01-01\"")),
        ("#a.b.C{:x 1}", Some("{\"x\":1}")),
        ("[1 #_2 #_ #_ 3 4 5 ; rest\n 6]", Some("[1,5,6]")),
        ("[[:append 1 2] [:r 3 nil]]", Some("[[\"append\",1,2],[\"r\",3,null]]")),
    ] {
        assert_eq!(value_of(edn).as_deref(), json, "{edn}");
    }
}

#[test]
fn edn_of_jepsen() {
    let history = edn("; comment\n[#jepsen.history.Op{:index 0, :time 5, :type :info, :process :nemesis, :f :start, \
                       :value nil, :clock {:n1 1.5}, :exception {:via [{:type x.Y}]}}\n {:type :invoke, :f \"w\", \
                       :value 1, :key 7, :node :n2, :time 6, :process 12}\n{:type :ok :f :w :value 1 :time 6 :process 12 \
                       :error [:x \"y\"]}]");
    assert_eq!((history.len(), history.process(0), history.kind(0)), (3, -1, Kind::Info));
    assert_eq!((history.key(1), history.node(1), history.line(1)), (Some("7"), Some("n2"), Some(3)));
    assert_eq!((history.error(2), history.completion(1)), (Some("[\"x\",\"y\"]"), Some(2)));
    assert!(history.has_times() && !history.truncated() && history.problems(9).is_empty());
}

#[test]
fn edn_for_elle() {
    let history = edn("{:process 0 :type :ok :f :txn :value [[:append 1 2] [:r \"r\" [\"r\"]] [:other 1]]}");
    let text = String::from_utf8(bytes(&history, Format::Edn)).unwrap();
    assert_eq!(
        text,
        "{:index 0, :process 0, :type :ok, :f :txn, :value [[:append 1 2] [:r \"r\" [\"r\"]] [\"other\" 1]]}\n"
    );
}

#[test]
fn times() {
    let without = edn("{:process 0 :type :invoke :f :x} {:process 0 :type :ok :f :x}");
    assert!(!without.has_times());
    assert_eq!(without.times(), [0, 1]);
    let again = parse(&bytes(&without, Format::JsonLines), Format::JsonLines).unwrap();
    assert!(!again.has_times());
    let arrow = parse(&bytes(&without, Format::Arrow), Format::Arrow).unwrap();
    assert!(!arrow.has_times());
    let mixed = "{:process 0 :type :invoke :f :x :time 3}\n{:process 0 :type :ok :f :x}";
    assert_eq!(refusal(mixed, Format::Edn).0, Some(2));
}

#[test]
fn log() {
    let history = parse(LOG.as_bytes(), Format::EtcdLog).unwrap();
    assert_eq!(history.len(), 7);
    assert_eq!(history.completion(0), Some(3));
    assert_eq!((history.f(1), history.value(1)), ("cas", Some("[3,0]")));
    assert_eq!((history.value(4), history.error(4)), (None, Some("\"timed-out\"")));
    assert_eq!(history.value(2), Some("\"Cut off {:n1 #{:n2}}\""));
    assert_eq!((history.value(6), history.error(6)), (Some("4"), Some("\"full\"")));
    assert_eq!(history.line(6), Some(8));
    assert!(!history.has_times());
}

#[test]
fn refusals_name_the_line_and_what_was_read() {
    let ok = "{\"process\":0,\"type\":\"invoke\",\"f\":\"x\"}\n";
    for (bad, expected) in [
        ("{\"process\":0,\"type\":\"done\",\"f\":\"x\"}", "expected a type"),
        ("{\"process\":\"me\",\"type\":\"ok\",\"f\":\"x\"}", "expected a process"),
        ("{\"process\":0,\"type\":\"ok\"}", "without an f"),
        ("{\"type\":\"ok\",\"f\":\"x\"}", "without a process"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\",\"f\":\"y\"}", "twice"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\",\"time\":1.5}", "integer nanoseconds"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\",\"value\":01}", "expected a number"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\",\"value\":1e999}", "expected a number"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\",\"value\":nul}", "expected a JSON value"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\"} 5", "end of the line"),
        ("{\"process\":0,\"type\":\"ok\",\"f\":\"x\"", "expected `,` or `}`"),
        ("[]", "expected an object"),
        ("<html>", "`<html>`"),
    ] {
        let (line, message) = refusal(&format!("{ok}\n{bad}\n{ok}"), Format::JsonLines);
        assert_eq!(line, Some(3), "{bad}");
        assert!(message.contains(expected), "{bad}: {message}");
    }
    for (bad, expected) in [
        ("{:process 0 :type :done :f :x}", "expected a type"),
        ("{:process :me :type :ok :f :x}", "expected a process"),
        ("{:process 0 :type :ok :f nil}", "keyword or string for :f"),
        ("{:process 0 :type :ok :f :x :value 0x1F}", "expected a number"),
        ("{:process 0 :type :ok :f :x :value {:a}}", "value for the last key"),
        ("{:process 0 :type :ok :f :x :value ]}", "expected a value"),
        ("{:process 0 :type :ok :f :x :value \"\\q\"}", "escape"),
        ("(1 2)", "expected a map"),
    ] {
        let (line, message) = refusal(&format!("\n\n{bad}\n"), Format::Edn);
        assert_eq!(line, Some(3), "{bad}");
        assert!(message.contains(expected), "{bad}: {message}");
    }
    let (line, message) = refusal(
        "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:odd\t:read\tnil\n",
        Format::EtcdLog,
    );
    assert_eq!((line, message.contains("expected a type")), (Some(2), true), "{message}");
}

#[test]
fn cut_off_text_is_told() {
    let whole = "{\"process\":0,\"type\":\"invoke\",\"f\":\"x\"}\n{\"process\":1,\"type\":\"inv";
    let history = parse(whole.as_bytes(), Format::JsonLines).unwrap();
    assert_eq!((history.len(), history.truncated()), (1, true));
    for (text, truncated) in
        [("[{:process 0 :type :invoke :f :x}", true), ("[{:process 0 :type :invoke :f :x}] ", false)]
    {
        let history = edn(text);
        assert_eq!((history.len(), history.truncated()), (1, truncated), "{text}");
    }
}

#[test]
fn sniffing() {
    for (text, format) in [
        ("{:a", Format::Edn),
        (" \n{ :a", Format::Edn),
        ("({:type", Format::Edn),
        ("#x{", Format::Edn),
        ("; comment", Format::Edn),
        ("{ \"a\"", Format::JsonLines),
        ("\u{feff}{\"a\"", Format::JsonLines),
        ("INFO  jepsen", Format::EtcdLog),
    ] {
        assert_eq!(sniff(text.as_bytes()).unwrap(), format, "{text}");
    }
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"PAR1xxxx", "Parquet"),
        (b"ARROW1\0\0", "Feather"),
        (b"[{\"a\":1}]", "JSON array"),
        (b"\x7fELF\x02", "`\\x7fELF\\x02`"),
    ] {
        let message = sniff(bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn sessions_are_processes_and_claim_no_order_between_them() {
    assert_eq!(sniff(SESSIONS.as_bytes()).unwrap(), Format::Sessions);
    let history = parse(SESSIONS.as_bytes(), Format::Sessions).unwrap();
    let rows: Vec<_> = (0..history.len()).map(|row| (history.process(row), history.value(row).unwrap())).collect();
    assert_eq!(
        rows,
        [
            (0, "[[\"w\",0,1],[\"r\",\"x\",null]]"),
            (0, "[[\"w\",0,1],[\"r\",\"x\",\"01\"]]"),
            (0, "[[\"w\",-3,2]]"),
            (0, "[[\"w\",-3,2]]"),
            (1, "[[\"r\",0,null],[\"r\",0,null]]"),
            (1, "[[\"r\",0,1],[\"r\",0,\"-0\"]]"),
        ]
    );
    assert!((0..history.len()).all(|row| history.time(row) == 0 && history.f(row) == "txn"));
    assert_eq!((history.line(0), history.line(3), history.line(4)), (Some(1), Some(4), Some(7)));
    let (line, message) = refusal("w 0 1\n-----\nw 0\n", Format::Sessions);
    assert_eq!(line, Some(3));
    assert!(message.contains("`r KEY VALUE`"), "{message}");
}

#[test]
fn tuples_of_independent_keys() {
    let told = |history: &History| -> Vec<(Option<String>, Option<String>)> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        (0..history.len()).map(|row| (text(history.key(row)), text(history.value(row)))).collect()
    };
    let row = |key: &str, value: Option<&str>| (Some(key.to_owned()), value.map(str::to_owned));
    let keyed = edn(
        "{:process 0, :type :invoke, :f :cas, :value [5 [1 2]]}\n{:process :nemesis, :type :info, :f :start, :value [1 2]}\n\
         {:process 1, :type :invoke, :f :read, :value [\"a\\\"\" nil]}\n{:process 0, :type :ok, :f :cas, :value [5 [1 2]]}\n\
         {:process 1, :type :info, :f :read, :value :timed-out}",
    );
    assert!(keyed.has_tuples());
    let taken = keyed.untupled().unwrap();
    assert_eq!(
        told(&taken),
        [
            row("5", Some("[1,2]")),
            (None, Some("[1,2]".to_owned())),
            row("a\"", None),
            row("5", Some("[1,2]")),
            row("a\"", Some("\"timed-out\"")),
        ]
    );
    assert_eq!((taken.completion(0), taken.completion(2), taken.line(4)), (Some(3), Some(4), Some(5)));
    for unsure in [
        "{:process 0, :type :invoke, :f :cas, :value [1 2]}",
        "{:process 0, :type :invoke, :f :cas, :value [1 2]} {:process 1, :type :invoke, :f :read, :value nil}",
        "{:process 0, :type :invoke, :f :txn, :value [[:r 1 nil] nil]}",
        "{:process 0, :type :invoke, :f :read, :key 1, :value [1 nil]}",
    ] {
        assert!(!edn(unsure).has_tuples(), "{unsure}");
    }
    let refused = edn("{:process 0, :type :invoke, :f :read, :value nil}").untupled();
    assert!(matches!(refused, Err(Error::Malformed { line: Some(1), .. })));
}
