//! The elements of a set: who added them, and since when they are known.
use super::object::{Object, Op, Outcome};
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::Interner;
use crate::model::NEVER;

pub const NOBODY: u32 = u32::MAX;

/// What the adds say about one element.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// The first call of an add that may have happened; `NEVER` if there was none.
    pub called: i64,
    /// The add that was called first.
    pub caller: u32,
    /// The first acknowledgement; `NEVER` if there was none.
    pub acknowledged: i64,
    /// The add that was acknowledged first.
    pub add: u32,
    /// An add that failed.
    pub failed: u32,
}

const UNHEARD: Element = Element { called: NEVER, caller: NOBODY, acknowledged: NEVER, add: NOBODY, failed: NOBODY };

impl Element {
    pub fn may_be_added(&self) -> bool {
        self.called != NEVER
    }

    fn take(&mut self, op: &Op) {
        if op.outcome == Outcome::Failed {
            self.failed = op.row;
            return;
        }
        if op.outcome == Outcome::Ok && op.ret < self.acknowledged {
            (self.acknowledged, self.add) = (op.ret, op.row);
        }
        if op.call < self.called {
            (self.called, self.caller) = (op.call, op.row);
        }
    }
}

/// The elements of one set, numbered.
pub struct Elements<'a> {
    texts: Interner<'a>,
    known: Vec<Element>,
}

impl<'a> Elements<'a> {
    /// Reads the adds of a set, and gives the reads that returned.
    pub fn read<E: Events>(object: &Object<'a, E>) -> Result<(Self, Vec<Op>), Malformed> {
        let mut elements = Self { texts: Interner::new("null", object.len()), known: vec![UNHEARD] };
        let mut reads = Vec::new();
        for op in object.ops() {
            match object.f(&op) {
                "add" => {
                    let value = object.asked(&op);
                    let value = value.ok_or_else(|| object.malformed_call(&op, "an add needs an element"))?;
                    let number = elements.number(value);
                    elements.known[number].take(&op);
                }
                "read" if op.outcome == Outcome::Ok => reads.push(op),
                "read" => {}
                _ => return Err(object.unknown_f(&op, "a set", "add and read")),
            }
        }
        Ok((elements, reads))
    }

    #[inline]
    pub fn number(&mut self, text: &'a str) -> usize {
        let number = self.texts.number(text) as usize;
        if number == self.known.len() {
            self.known.push(UNHEARD);
        }
        number
    }

    /// Calls `visit` with the number of every element that a read returned, as often as it did.
    pub fn visit<E: Events>(
        &mut self,
        object: &Object<'a, E>,
        read: &Op,
        mut visit: impl FnMut(usize, &Element),
    ) -> Result<(), Malformed> {
        let text = object.answer(read).unwrap_or("null");
        for item in scan::items(text) {
            let Ok(item) = item else {
                let found = super::object::short(text);
                return Err(object.malformed_answer(read, format!("a read of a set returns a list, not {found}")));
            };
            let number = self.number(item);
            visit(number, &self.known[number]);
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn into_parts(self) -> (Vec<&'a str>, Vec<Element>) {
        (self.texts.into_texts(), self.known)
    }
}

/// How often a read returned an element.
pub fn times_in<E: Events>(object: &Object<'_, E>, read: &Op, text: &str) -> usize {
    scan::items(object.answer(read).unwrap_or("null")).filter(|item| *item == Ok(text)).count()
}

/// What is wrong with an element that nobody can have added, or not by then.
pub fn unexpected<E: Events>(object: &Object<'_, E>, read: &Op, text: &str, element: &Element) -> (String, Vec<u32>) {
    let (value, reader, at) = (super::object::short(text), object.who(read.row), object.at(read.ret));
    let saw = format!("Process {reader} read {value} at {at}");
    if element.may_be_added() {
        let (adder, called) = (object.who(element.caller), object.at(element.called));
        let told = format!("{saw}, but the first to add it was process {adder}, not before {called}.");
        return (told, vec![read.row, element.caller]);
    }
    if element.failed != NOBODY {
        let adder = object.who(element.failed);
        return (format!("{saw}, although the add by process {adder} had failed."), vec![read.row, element.failed]);
    }
    (format!("{saw}, which nobody ever added."), vec![read.row])
}
