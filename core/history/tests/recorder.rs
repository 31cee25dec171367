//! Recording, pairing, selecting, and what is wrong with a history.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use std::fs::{self, File};
use std::path::PathBuf;

use common::{parse, sample, told, NOTHING};
use splitbrain_history::read::Format;
use splitbrain_history::{Kind, RecordError, Recorder};

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("splitbrain-history-{}-{name}", std::process::id()))
}

fn invoke(recorder: &mut Recorder, process: i64) -> u64 {
    recorder.event::<RecordError>(0, process, Kind::Invoke, "w", Some("k"), None, NOTHING, NOTHING).unwrap() as u64
}

fn complete(recorder: &mut Recorder, invocation: u64) -> Result<usize, RecordError> {
    recorder.complete::<RecordError>(invocation, 1, Kind::Ok, NOTHING, NOTHING)
}

#[test]
fn what_was_flushed_is_readable_at_any_time() {
    let path = path("flushed");
    let mut recorder = Recorder::new(Some(File::create_new(&path).unwrap())).unwrap();
    let mut counts = Vec::new();
    for process in 0..5 {
        let read = parse(&fs::read(&path).unwrap(), Format::Arrow).unwrap();
        counts.push((read.len(), read.truncated()));
        let invocation = invoke(&mut recorder, process);
        recorder.flush().unwrap();
        complete(&mut recorder, invocation).unwrap();
    }
    recorder.close().unwrap();
    let read = parse(&fs::read(&path).unwrap(), Format::Arrow).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(counts, [(0, true), (1, true), (3, true), (5, true), (7, true)]);
    assert!(!read.truncated());
    assert_eq!(told(&read), told(&recorder.take_history().unwrap()));
}

#[test]
fn completions_must_complete_something() {
    let mut recorder = Recorder::new(None).unwrap();
    let invocation = invoke(&mut recorder, 0);
    let completion = complete(&mut recorder, invocation).unwrap() as u64;
    assert!(matches!(complete(&mut recorder, invocation), Err(RecordError::AlreadyCompleted(0))));
    assert!(matches!(complete(&mut recorder, completion), Err(RecordError::NotAnInvocation(1))));
    assert!(matches!(complete(&mut recorder, u64::MAX), Err(RecordError::NotAnInvocation(u64::MAX))));
    recorder.close().unwrap();
    assert!(matches!(complete(&mut recorder, invocation), Err(RecordError::Closed)));
    assert_eq!(recorder.take_history().unwrap().len(), 2);
}

#[test]
fn a_refused_value_leaves_nothing_behind() {
    let mut recorder = Recorder::new(None).unwrap();
    let invocation = invoke(&mut recorder, 0);
    let refused = recorder.complete::<RecordError>(invocation, 1, Kind::Ok, NOTHING, |out| {
        out.extend_from_slice(b"[1,");
        Err(RecordError::Closed)
    });
    assert!(refused.is_err());
    assert_eq!(recorder.len(), 1);
    complete(&mut recorder, invocation).unwrap();
    let history = recorder.take_history().unwrap();
    assert_eq!((history.len(), history.completion(0), history.error(1)), (2, Some(1), None));
}

#[test]
fn a_history_taken_while_recording_is_a_snapshot() {
    let mut recorder = Recorder::new(None).unwrap();
    let invocation = invoke(&mut recorder, 0);
    let before = recorder.take_history().unwrap();
    complete(&mut recorder, invocation).unwrap();
    assert_eq!((before.len(), before.completion(0)), (1, None));
    assert_eq!(recorder.take_history().unwrap().completion(0), Some(1));
}

#[test]
fn pairs_that_were_recorded_are_the_pairs_that_are_read() {
    let history = sample();
    let read = parse(&common::bytes(&history, Format::Arrow), Format::Arrow).unwrap();
    for row in 0..history.len() {
        assert_eq!(read.completion(row), history.completion(row));
        assert_eq!(read.invocation(row), history.invocation(row));
    }
}

#[test]
fn problems() {
    let text = "{:process 0 :type :invoke :f :a :time 1}
{:process 0 :type :invoke :f :b :time 2}
{:process 1 :type :ok :f :a :time 3}
{:process 0 :type :info :f :b :time 2}
{:process 0 :type :info :f :b :time 4}
{:process :nemesis :type :info :f :start :time 5}
{:process :nemesis :type :ok :f :start :time 6}";
    let history = parse(text.as_bytes(), Format::Edn).unwrap();
    let found: Vec<_> =
        history.problems(10).into_iter().map(|problem| (problem.event, problem.line, problem.fatal)).collect();
    let expected = [(1, true), (2, true), (3, false), (4, true), (6, true)];
    assert_eq!(found, expected.map(|(event, fatal)| (event, Some(event as u64 + 1), fatal)));
    assert!(history.problems(1)[0].message.contains("process 0 invokes \"b\" while its operation of event 0"));
    assert!(history.problems(4).iter().all(|problem| problem.fatal), "fatal ones first");
}

#[test]
fn nemeses_may_run_concurrently_under_one_process() {
    let text = "{:process -1 :type :invoke :f :start-kill}
{:process -1 :type :info :f :phase}
{:process -1 :type :invoke :f :start-partition}
{:process -1 :type :info :f :start-kill}
{:process -1 :type :info :f :start-partition}";
    let history = parse(text.as_bytes(), Format::Edn).unwrap();
    assert!(history.problems(10).is_empty());
    assert_eq!((history.completion(0), history.completion(2), history.invocation(1)), (Some(3), Some(4), None));
}

#[test]
fn selections_keep_indices_and_pairs() {
    let history = sample();
    let rows: Vec<u32> = (0..history.len() as u32).filter(|row| row % 2 == 0).collect();
    let half = history.select(&rows).unwrap();
    let again = half.select(&[1, 3]).unwrap();
    assert_eq!((again.index(0), again.index(1)), (2, 6));
    for (place, &row) in rows.iter().enumerate() {
        let partner =
            history.completion(row as usize).and_then(|row| rows.iter().position(|&other| other as usize == row));
        assert_eq!((half.index(place), half.completion(place)), (row as usize, partner));
        assert_eq!(half.value(place), history.value(row as usize));
    }
    for rows in [&[0, 0][..], &[2, 1], &[u32::MAX - 1], &[0, 9999]] {
        assert!(history.select(rows).is_err(), "{rows:?}");
    }
    assert_eq!(history.select(&[]).unwrap().len(), 0);
}

#[test]
fn keys_come_in_order_of_first_appearance() {
    let text = "{:process 0 :type :invoke :f :a :key \"z\"} {:process 1 :type :invoke :f :a}
                {:process 2 :type :invoke :f :a :key :y} {:process 0 :type :ok :f :a :key \"z\"}";
    let history = parse(text.as_bytes(), Format::Edn).unwrap();
    let keys: Vec<(&str, &[u32])> = history.by_key().iter().map(|(key, rows)| (&**key, rows.as_slice())).collect();
    assert_eq!(keys, [("z", &[0, 3][..]), ("y", &[2])]);
}
