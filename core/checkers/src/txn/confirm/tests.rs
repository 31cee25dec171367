use super::super::history::{Dialect, Txns};
use super::super::register::Registers;
use super::super::story::Evidence;
use super::super::versions::Assumptions;
use super::super::writes::Writes;
use super::*;
use crate::events::Kind;

/// Transactions one after the other, each with its outcome, its process and what it did.
struct Rows(Vec<(Kind, i64, &'static str)>);

impl Events for Rows {
    fn len(&self) -> usize {
        self.0.len() * 2
    }
    fn time(&self, row: usize) -> i64 {
        row as i64
    }
    fn is_timed(&self) -> bool {
        true
    }
    fn process(&self, row: usize) -> i64 {
        self.0[row / 2].1
    }
    fn kind(&self, row: usize) -> Kind {
        if row % 2 == 0 {
            Kind::Invoke
        } else {
            self.0[row / 2].0
        }
    }
    fn f(&self, _row: usize) -> &str {
        "txn"
    }
    fn key(&self, _row: usize) -> Option<&str> {
        None
    }
    fn value(&self, row: usize) -> Option<&str> {
        Some(self.0[row / 2].2)
    }
    fn error(&self, _row: usize) -> Option<&str> {
        None
    }
    fn partner(&self, row: usize) -> Option<usize> {
        Some(row ^ 1)
    }
}

const ALL: Assumptions = Assumptions { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };

/// The transactions that a claim about one key needs; `None` if it is not so.
fn needed(rows: &Rows, dialect: Dialect, name: &'static str, value: &str, txns: &[u32]) -> Option<Vec<u32>> {
    let (read, values) = Txns::read(rows, dialect).expect("well formed");
    let registers = Registers::new(&read, Writes::index(&read).expect("distinct values"));
    let texts = values.into_texts();
    let evidence = match dialect {
        Dialect::Append => Evidence::Lists { longest: &[] },
        Dialect::Register => Evidence::Registers { registers: &registers, order: Vec::new(), assume: ALL },
    };
    let story = Story::new(rows, &read, &texts, evidence);
    let value = texts.iter().position(|&text| text == value).map_or(NONE, |at| at as u32);
    let key = read.keys.iter().position(|&key| key == "0").expect("it is used") as u32;
    let finding = Finding { name, txns: txns.to_vec(), key, value };
    story.confirm(&finding, &story.writers([&finding])).map(|finding| finding.txns)
}

#[test]
fn claims_about_lists() {
    use Kind::{Fail, Ok};
    let rows = Rows(vec![
        (Ok, 0, "[[\"append\",0,1],[\"append\",0,2]]"),
        (Fail, 1, "[[\"append\",0,3]]"),
        (Ok, 2, "[[\"r\",0,[1]]]"),
        (Ok, 3, "[[\"r\",0,[1,2,3]]]"),
        (Ok, 4, "[[\"r\",0,[2,1]]]"),
        (Ok, 5, "[[\"r\",0,[1,2,3,4]],[\"append\",0,4]]"),
        (Ok, 6, "[[\"r\",0,[1,2,9,9]]]"),
        (Ok, 7, "[[\"r\",0,[1,2]],[\"append\",0,5],[\"r\",0,[1,5]]]"),
        (Ok, 8, "[[\"r\",0,[1,2]],[\"append\",0,6]]"),
    ]);
    let judged = |name, value, txns: &[u32]| needed(&rows, Dialect::Append, name, value, txns);
    for (name, value, txns, expected) in [
        ("thin-air", "9", [6, 3, 2], vec![6]),
        ("G1a", "3", [3, 1, 2], vec![3, 1]),
        ("G1b", "1", [2, 0, 3], vec![2, 0]),
        ("internal", "5", [7, 6, 5], vec![7]),
        ("future-read", "4", [5, 6, 7], vec![5]),
        ("dirty-update", "4", [5, 1, 8], vec![5, 1]),
        ("duplicate-elements", "9", [6, 0, 1], vec![6]),
        ("incompatible-order", "2", [4, 3, 1], vec![4, 3]),
        ("incompatible-order", "1", [4, 0, 1], vec![4, 0]),
        ("lost-update", "2", [7, 0, 8], vec![7, 8]),
    ] {
        assert_eq!(judged(name, value, &txns), Some(expected), "{name}");
    }
    for (name, value, txns) in [
        ("thin-air", "3", vec![3]),       // its writer failed
        ("thin-air", "9", vec![0, 1, 2]), // none of these read it
        ("G1a", "2", vec![3, 0]),         // its writer did not fail
        ("G1a", "3", vec![3, 0]),         // the wrong writer
        ("G1b", "2", vec![3, 0]),         // the last that it wrote
        ("internal", "2", vec![8, 0]),
        ("future-read", "6", vec![8]),
        ("dirty-update", "2", vec![0, 1, 3]), // before what failed
        ("duplicate-elements", "3", vec![3]),
        ("incompatible-order", "3", vec![3, 2]),
        ("incompatible-order", "2", vec![3, 0]),
        ("lost-update", "2", vec![7, 0]),
        ("cyclic-versions", "2", vec![3, 4]),
        ("no such thing", "2", vec![3, 4]),
    ] {
        assert_eq!(judged(name, value, &txns), None, "{name} {value}");
    }
}

#[test]
fn claims_about_registers() {
    use Kind::{Fail, Info, Ok};
    let rows = Rows(vec![
        (Ok, 0, "[[\"w\",0,1],[\"w\",0,2]]"),
        (Fail, 1, "[[\"w\",0,3]]"),
        (Ok, 2, "[[\"r\",0,1],[\"w\",0,4]]"),
        (Ok, 2, "[[\"r\",0,4]]"),
        (Ok, 2, "[[\"r\",0,2]]"),
        (Ok, 3, "[[\"r\",0,2],[\"r\",0,4]]"),
        (Info, 4, "[[\"w\",0,7]]"),
        (Ok, 5, "[[\"r\",0,3],[\"w\",0,8]]"),
        (Ok, 6, "[[\"r\",0,9],[\"w\",0,9]]"),
        (Ok, 7, "[[\"r\",0,1],[\"w\",0,10]]"),
        (Ok, 8, "[[\"r\",0,99]]"),
    ]);
    let judged = |name, value, txns: &[u32]| needed(&rows, Dialect::Register, name, value, txns);
    for (name, value, txns, expected) in [
        ("thin-air", "99", [10, 6, 3], vec![10]),
        ("G1a", "3", [7, 1, 0], vec![7, 1]),
        ("G1b", "1", [2, 0, 9], vec![0, 9]),
        ("internal", "4", [5, 6, 0], vec![5]),
        ("future-read", "9", [8, 6, 0], vec![8]),
        ("lost-update", "1", [2, 9, 0], vec![2, 9]),
        ("cyclic-versions", "2", [0, 3, 4], vec![0, 3, 4]),
    ] {
        assert_eq!(judged(name, value, &txns), Some(expected), "{name}");
    }
    for (name, value, txns) in [
        ("thin-air", "7", vec![6]),
        ("thin-air", "3", vec![7]),
        ("G1a", "7", vec![7, 6]),
        ("G1b", "2", vec![4, 0]),
        ("internal", "4", vec![3]),
        ("future-read", "4", vec![2]),
        ("lost-update", "1", vec![2, 3]),
        ("cyclic-versions", "2", vec![0, 3]),
        ("dirty-update", "8", vec![7, 1]),
    ] {
        assert_eq!(judged(name, value, &txns), None, "{name} {value}");
    }
}
