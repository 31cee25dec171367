//! A stack for searches, in which the order of pushes that were open together is decided by the pops.
//!
//! As in `late_queue`, a search that fixes the order of two pushes learns late that it was the wrong one. Pushes that
//! follow each other in a linearization, with no pop in between, may follow each other in any order that their times
//! allow, so they form a layer without an order. A pop takes, from the topmost layer, an element that none of the others
//! there must follow; after it, pushes form a new layer. Of several such elements with the value it takes the one whose
//! push was called last: the element left behind instead must follow fewer others, and no other joins a layer once
//! something was taken from it.
//!
//! A pop of unknown outcome may take any element, so histories with one are left to the plain stack.
use super::{Model, StackOp};
use crate::objects::Timed;

/// A push.
struct Element {
    value: u32,
    call: i64,
    ret: i64,
}

pub struct LateStack {
    /// By their call.
    elements: Vec<Element>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateOp {
    /// The index of the element.
    Push(u32),
    /// The value.
    Pop(u32),
    Empty,
}

/// What lies on the stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layers {
    /// Nobody knows what lies below, if anything.
    on_unknown: bool,
    /// Pushes join the topmost layer.
    is_open: bool,
    /// Layer by layer, the topmost last; by their call within a layer. The first of each is marked.
    held: Vec<u32>,
}

const FIRST: u32 = 1 << 31;

impl Layers {
    fn empty(on_unknown: bool) -> Self {
        Self { on_unknown, is_open: false, held: Vec::new() }
    }

    /// Where the topmost layer begins.
    fn top(&self) -> usize {
        self.held.iter().rposition(|element| element & FIRST != 0).unwrap_or(0)
    }

    fn with_top(&self, is_open: bool, below: usize, mut layer: Vec<u32>) -> Self {
        if let Some(first) = layer.first_mut() {
            *first |= FIRST;
        }
        Self { on_unknown: self.on_unknown, is_open, held: [&self.held[..below], &layer].concat() }
    }
}

impl LateStack {
    /// The stack and what the operations are in it, if it can take them.
    pub fn new(ops: &[&Timed<StackOp>]) -> Option<(Self, Vec<LateOp>)> {
        let mut order: Vec<u32> = Vec::new();
        let mut late: Vec<LateOp> = Vec::with_capacity(ops.len());
        for (i, timed) in (0u32..).zip(ops) {
            late.push(match timed.op {
                StackOp::Push(_) => LateOp::Push(0),
                StackOp::Pop(value) => LateOp::Pop(value),
                StackOp::Empty => LateOp::Empty,
                StackOp::PopUnknown => return None,
            });
            order.extend(matches!(timed.op, StackOp::Push(_)).then_some(i));
        }
        order.sort_by_key(|&i| ops[i as usize].call);
        let mut elements = Vec::with_capacity(order.len());
        for i in order {
            let Timed { call, ret, op, .. } = *ops[i as usize];
            if let StackOp::Push(value) = op {
                late[i as usize] = LateOp::Push(elements.len() as u32);
                elements.push(Element { value, call, ret });
            }
        }
        Some((Self { elements }, late))
    }

    /// The topmost layer without its mark.
    fn layer(&self, state: &Layers) -> Vec<u32> {
        state.held[state.top()..].iter().map(|element| element & !FIRST).collect()
    }
}

impl Model for LateStack {
    type State = Layers;
    type Op = LateOp;

    fn initial(&self) -> Layers {
        Layers::empty(false)
    }

    fn unknown(&self) -> Option<Layers> {
        Some(Layers::empty(true))
    }

    fn step(&self, state: &Layers, op: &LateOp) -> Option<Layers> {
        match *op {
            LateOp::Push(element) if state.is_open => {
                let mut layer = self.layer(state);
                layer.insert(layer.partition_point(|&other| other < element), element);
                Some(state.with_top(true, state.top(), layer))
            }
            LateOp::Push(element) => Some(state.with_top(true, state.held.len(), vec![element])),
            LateOp::Pop(_) if state.held.is_empty() => state.on_unknown.then(|| state.clone()),
            LateOp::Pop(value) => {
                let mut layer = self.layer(state);
                let latest = self.elements[*layer.last()? as usize].call;
                let is_next = |&element: &u32| {
                    let Element { value: of, ret, .. } = self.elements[element as usize];
                    of == value && ret >= latest
                };
                layer.remove(layer.iter().rposition(is_next)?);
                Some(state.with_top(false, state.top(), layer))
            }
            LateOp::Empty => state.held.is_empty().then(|| self.initial()),
        }
    }

    fn heap_bytes(&self, state: &Layers) -> usize {
        size_of_val(state.held.as_slice())
    }

    fn is_read_only(&self, op: &LateOp) -> bool {
        matches!(op, LateOp::Empty)
    }
}
