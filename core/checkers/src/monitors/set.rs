//! Sets that only grow.
//!
//! If no element is added twice, each read tells exactly which additions came before it. So reads form a chain by
//! inclusion, and every addition has its place in it: before the first read that saw it, after the last that did not.
//! That order must agree with real time, which one pass along it shows.
use super::{Judgement, Pattern};
use crate::intern::FastMap;
use crate::models::SetOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<SetOp>];

/// Decides a set of additions and reads, in time linear in what was read (plus sorting the reads).
pub fn judge_set(ops: Ops<'_>) -> Judgement<SetOp> {
    let mut added: FastMap<u32, u32> = FastMap::default();
    let mut reads: Vec<(&Vec<u32>, u32)> = Vec::new();
    for (index, timed) in (0u32..).zip(ops) {
        match &timed.op {
            SetOp::Remove(_) => return Judgement::Undecided,
            SetOp::Read(elements) => reads.push((elements, index)),
            SetOp::Add(element) => {
                if added.insert(*element, index).is_some() {
                    return Judgement::Undecided;
                }
            }
        }
    }
    reads.sort_by_key(|(elements, index)| (elements.len(), *index));
    Chain { ops, added, reads }.judge()
}

struct Chain<'a> {
    ops: Ops<'a>,
    added: FastMap<u32, u32>,
    /// By size.
    reads: Vec<(&'a Vec<u32>, u32)>,
}

impl Chain<'_> {
    fn judge(&self) -> Judgement<SetOp> {
        for (elements, read) in &self.reads {
            if elements.windows(2).any(|pair| pair[0] == pair[1]) {
                return Pattern::of("duplicate-element", self.ops, &[*read], "{0}, which saw an element twice.");
            }
            if elements.iter().any(|element| !self.added.contains_key(element)) {
                return Pattern::of(
                    "thin-air-read",
                    self.ops,
                    &[*read],
                    "{0}, which saw an element that nobody added.",
                );
            }
        }
        match self.levels() {
            Ok(levels) => self.in_order(&levels),
            Err(pattern) => pattern,
        }
    }

    /// Per element the first read, by place in the chain, that saw it.
    fn levels(&self) -> Result<FastMap<u32, u32>, Judgement<SetOp>> {
        let mut levels: FastMap<u32, u32> = FastMap::default();
        for (level, pair) in (1u32..).zip(self.reads.windows(2)) {
            if level == 1 {
                levels.extend(pair[0].0.iter().map(|&element| (element, 0)));
            }
            let ((before, first), (elements, second)) = (pair[0], pair[1]);
            let old = elements.iter().filter(|&&element| *levels.entry(element).or_insert(level) < level).count();
            if old < before.len() {
                return Err(self.incomparable(first, second));
            }
        }
        if let [(elements, _)] = self.reads.as_slice() {
            levels.extend(elements.iter().map(|&element| (element, 0)));
        }
        Ok(levels)
    }

    fn elements(&self, read: u32) -> &[u32] {
        match &self.ops[read as usize].op {
            SetOp::Read(elements) => elements,
            _ => &[],
        }
    }

    fn has(&self, read: u32, element: u32) -> bool {
        self.elements(read).binary_search(&element).is_ok()
    }

    /// An element that one read saw and the other did not.
    fn only_in(&self, read: u32, other: u32) -> Option<u32> {
        self.elements(read).iter().copied().find(|&element| !self.has(other, element))
    }

    fn incomparable(&self, first: u32, second: u32) -> Judgement<SetOp> {
        let only = [self.only_in(first, second), self.only_in(second, first)];
        let text = "{0} and {1} exclude each other: each saw an element that the other did not, {2} and {3}.";
        self.pattern("non-linearizable", &[first, second], only.into_iter().flatten(), text)
    }

    /// Reads reduced to the given elements, with their additions.
    fn pattern(
        &self,
        kind: &'static str,
        members: &[u32],
        elements: impl IntoIterator<Item = u32>,
        text: &str,
    ) -> Judgement<SetOp> {
        let mut about: Vec<u32> = elements.into_iter().collect();
        let additions: Vec<u32> = about.iter().filter_map(|element| self.added.get(element)).copied().collect();
        about.sort_unstable();
        let mut all = members.to_vec();
        all.extend(additions.into_iter().filter(|addition| !members.contains(addition)));
        let reduced = |op: u32| match &self.ops[op as usize].op {
            SetOp::Read(seen) => SetOp::Read(seen.iter().copied().filter(|e| about.binary_search(e).is_ok()).collect()),
            other => other.clone(),
        };
        let ops = all.into_iter().map(|op| (op, reduced(op))).collect();
        Judgement::Violation(Pattern { kind, ops, text: text.to_owned() })
    }

    /// Whether the only possible order agrees with real time.
    fn in_order(&self, levels: &FastMap<u32, u32>) -> Judgement<SetOp> {
        let last = self.reads.len() as u32;
        // (level, addition before read, operation); reads of equal sets share the place of the first of them.
        let mut order: Vec<(u32, bool, u32)> = Vec::with_capacity(self.ops.len());
        let mut place = 0;
        for (level, (elements, read)) in (0u32..).zip(&self.reads) {
            if level == 0 || elements.len() != self.reads[level as usize - 1].0.len() {
                place = level;
            }
            order.push((place, true, *read));
        }
        for (element, &addition) in &self.added {
            match levels.get(element) {
                Some(&level) => order.push((level, false, addition)),
                None if self.ops[addition as usize].ret == crate::model::NEVER => {}
                None => order.push((last, false, addition)),
            }
        }
        order.sort_unstable();
        let mut latest: Option<u32> = None;
        for group in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            for &(.., op) in group {
                if let Some(earlier) = latest.filter(|&l| self.ops[op as usize].ret < self.ops[l as usize].call) {
                    return self.disorder(earlier, op);
                }
            }
            let latest_of_group = group.iter().map(|&(.., op)| op).chain(latest);
            latest = latest_of_group.max_by_key(|&op| self.ops[op as usize].call);
        }
        Judgement::Linearizable
    }

    /// `earlier` must come first although `later` returned before it was invoked.
    fn disorder(&self, earlier: u32, later: u32) -> Judgement<SetOp> {
        match (&self.ops[earlier as usize].op, &self.ops[later as usize].op) {
            (SetOp::Read(_), SetOp::Add(element)) => self.pattern(
                "stale-read",
                &[earlier, later],
                [*element],
                "{0} did not see the element of {1}, which came before it.",
            ),
            (SetOp::Add(element), SetOp::Read(_)) => self.pattern(
                "non-linearizable",
                &[later, earlier],
                [*element],
                "{0} saw the element of {1}, which began only later.",
            ),
            (SetOp::Read(_), SetOp::Read(_)) => {
                let newer = self.only_in(later, earlier);
                let text = "{0} did not see the element of {2}, which {1} had seen before.";
                self.pattern("stale-read", &[earlier, later], newer, text)
            }
            (SetOp::Add(first), SetOp::Add(second)) => {
                let sees_first_only = |read: &&(&Vec<u32>, u32)| self.has(read.1, *first) && !self.has(read.1, *second);
                let witness = self.reads.iter().find(sees_first_only).map(|read| read.1);
                let members: Vec<u32> = [later, earlier].into_iter().chain(witness).collect();
                let text = "{0} came before {1}, but {2} saw only the second of the two.";
                self.pattern("stale-read", &members, [*first, *second], text)
            }
            _ => Judgement::Undecided,
        }
    }
}
