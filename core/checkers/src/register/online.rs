//! One register, judged while its history grows.
//!
//! The zones of `zones` need the whole history; here an operation is judged when it completes and then forgotten. What
//! makes that possible: a chain of values gets its `min` the moment its first operation completes, and keeps it, since
//! later operations return later. Only `max` grows. So a chain that comes into being excludes nothing (no operation so
//! far was called after this moment), and a violation can only appear when an operation joins an older chain Y and
//! raises `Y.max` to its own call `c`: exactly if another chain X has `X.min < c` and `X.max > Y.min`. Within a chain it
//! appears when somebody sees a value after its successor had been established.
//!
//! *When.* A history is refuted as soon as no continuation could be linearized, and not before. Operations that are open
//! may take effect or not, so they count like crashed ones. An operation that returned at this very moment is still
//! concurrent with whatever is called at this moment, so completions are judged only once time has moved on; the caller
//! sees to that.
//!
//! *Cost.* Chains are in the order of `min`. Forward zones are disjoint (or there was a violation before), so the one
//! that may contain `Y.min` is found in a search tree, and the part of the line that Y newly covers is looked at once in
//! all. Amortized, an operation costs O(log live).
//!
//! *Memory.* Let L be the earliest call among the operations that are open (now, if none is): whatever completes later
//! was called at L or later. If X.min < L and X.max > Y.min, any operation that joins Y is a violation, so Y's values are
//! forgotten; a value that nobody remembers is one that nobody may see. Of Y itself one number remains, the greatest
//! `max` of what was forgotten. The same goes for a value in the middle of a chain whose successor was established
//! before L. What stays: values of writes that are open or crashed and not yet seen (they may take effect at any time,
//! so each crashed write costs an entry until it is seen and overwritten); chains that came into being since L (so an
//! operation that stays open for a minute keeps a minute's worth); and of the older ones those that were all written
//! concurrently, of which any may still be the last.
use std::collections::BTreeSet;

use super::chains::NONE;
use crate::intern::FastMap;
use crate::model::NEVER;

/// A value: a number or a fingerprint; equal ones are equal values.
pub type Token = u128;

/// What a client asks of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Read,
    Write(Token),
    Cas(Token, Token),
}

/// What is known so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Some continuation is linearizable.
    Linearizable,
    /// None is, since this operation.
    Violated(u32),
    /// A value was written twice, so this checker does not know. The first violation stands; this does too.
    NotUnique,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    call: i64,
    asked: Asked,
}

/// A value that may be seen.
#[derive(Clone, Copy, Debug)]
struct Known {
    writer: u32,
    call: i64,
    /// What its writer found, if that was a compare-and-set.
    from: Option<Token>,
    /// Where it stands, once it certainly was written.
    chain: Option<u32>,
    /// When the first operation after this value in its chain returned.
    replaced: i64,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    min: i64,
    max: i64,
}

/// The first sizes at which it is worth looking for what can be forgotten.
const SWEEP_AT: usize = 128;

/// One register. Feed it the invocations of a moment before the completions of that moment, and completions only when the
/// time has moved on.
#[derive(Debug)]
pub struct OnlineRegister {
    standing: Standing,
    open: FastMap<u32, Open>,
    values: FastMap<Token, Known>,
    /// By `min`.
    chains: Vec<Chain>,
    /// Places in `chains`.
    forward: BTreeSet<u32>,
    /// The greatest `max` of a chain that was forgotten.
    forgotten_max: i64,
    sweep_at: usize,
}

/// Why an operation cannot be: told by which one it was.
struct Impossible;

impl OnlineRegister {
    pub fn new(initial: Token) -> Self {
        let always = Known { writer: NONE, call: i64::MIN, from: None, chain: Some(0), replaced: NEVER };
        Self {
            standing: Standing::Linearizable,
            open: FastMap::default(),
            values: FastMap::from_iter([(initial, always)]),
            chains: vec![Chain { min: i64::MIN, max: i64::MIN }],
            forward: BTreeSet::new(),
            forgotten_max: i64::MIN,
            sweep_at: SWEEP_AT,
        }
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// How many operations, values and chains are remembered.
    pub fn remembered(&self) -> usize {
        self.open.len() + self.values.len() + self.chains.len()
    }

    fn is_settled(&self) -> bool {
        self.standing != Standing::Linearizable
    }

    /// The operation `op` begins.
    pub fn invoke(&mut self, op: u32, call: i64, asked: Asked) {
        if self.is_settled() {
            return;
        }
        let (from, to) = match asked {
            Asked::Read => (None, None),
            Asked::Write(to) => (None, Some(to)),
            Asked::Cas(from, to) => (Some(from), Some(to)),
        };
        self.open.insert(op, Open { call, asked });
        if let Some(to) = to {
            let known = Known { writer: op, call, from, chain: None, replaced: NEVER };
            if self.values.insert(to, known).is_some() {
                self.settle(Standing::NotUnique);
            }
        }
    }

    /// It took effect, at `ret` at the latest; a read found `found`.
    pub fn ok(&mut self, op: u32, ret: i64, found: Token) {
        let Some(open) = self.open.remove(&op) else { return };
        let judged = match open.asked {
            Asked::Read => self.see(found, open.call, ret),
            Asked::Write(to) | Asked::Cas(_, to) => self.establish_written(op, to, ret),
        };
        if judged.is_err() {
            return self.settle(Standing::Violated(op));
        }
        if self.values.len() + self.chains.len() > self.sweep_at {
            self.sweep(ret);
        }
    }

    /// It did not take effect and never will.
    pub fn fail(&mut self, op: u32) {
        let Some(open) = self.open.remove(&op) else { return };
        let (Asked::Write(to) | Asked::Cas(_, to)) = open.asked else { return };
        let is_unseen = |known: &Known| known.writer == op && known.chain.is_none();
        if self.values.get(&to).is_some_and(is_unseen) {
            self.values.remove(&to);
        } else {
            self.settle(Standing::Violated(op)); // somebody saw its value
        }
    }

    /// It did not take effect, but tells what it found: from now on it counts as a read.
    pub fn fail_to_read(&mut self, op: u32) {
        let call = self.open.get(&op).map(|open| open.call);
        self.fail(op);
        if let (Some(call), false) = (call, self.is_settled()) {
            self.open.insert(op, Open { call, asked: Asked::Read });
        }
    }

    /// Nobody will ever know.
    pub fn crash(&mut self, op: u32) {
        self.open.remove(&op);
    }

    /// It cannot be told any more.
    pub fn give_up(&mut self) {
        if !self.is_settled() {
            self.settle(Standing::NotUnique);
        }
    }

    fn settle(&mut self, standing: Standing) {
        self.standing = standing;
        self.open = FastMap::default();
        self.values = FastMap::default();
        self.chains = Vec::new();
        self.forward = BTreeSet::new();
    }

    fn see(&mut self, value: Token, call: i64, ret: i64) -> Result<(), Impossible> {
        let (chain, written) = self.establish(value, ret)?;
        if self.values.get(&value).is_none_or(|known| known.replaced < call) {
            return Err(Impossible);
        }
        self.join(chain, call.max(written))
    }

    fn establish_written(&mut self, op: u32, value: Token, ret: i64) -> Result<(), Impossible> {
        // A value that is unknown, or known of another writer, was seen, overwritten and forgotten meanwhile.
        let is_news = |known: &Known| known.writer == op && known.chain.is_none();
        if !self.values.get(&value).is_some_and(is_news) {
            return Ok(());
        }
        let (chain, written) = self.establish(value, ret)?;
        self.join(chain, written)
    }

    /// The chain of a value that certainly was written before `ret`, and the latest call of the operations that are
    /// certain only now: its writer and, if that was a compare-and-set, the writers that led to it.
    fn establish(&mut self, value: Token, ret: i64) -> Result<(u32, i64), Impossible> {
        let mut led: Vec<Token> = Vec::new();
        let mut at = value;
        let mut chain = loop {
            // Nobody wrote it before somebody saw it; or nobody may see it any more.
            let known = self.values.get(&at).ok_or(Impossible)?;
            if known.chain.is_some() {
                break known.chain;
            }
            led.push(at);
            if led.len() > self.values.len() {
                return Err(Impossible); // compare-and-sets in a circle
            }
            match known.from {
                Some(from) => at = from,
                None => break None,
            }
        };
        let mut call = i64::MIN;
        for value in led.into_iter().rev() {
            let place = chain.unwrap_or_else(|| self.begin(ret));
            chain = Some(place);
            let Some(known) = self.values.get_mut(&value) else { continue };
            known.chain = chain;
            call = call.max(known.call);
            if let Some(before) = known.from.and_then(|from| self.values.get_mut(&from)) {
                if before.replaced != NEVER {
                    return Err(Impossible); // two updates of one value
                }
                before.replaced = ret;
            }
        }
        Ok((chain.unwrap_or_default(), call))
    }

    fn begin(&mut self, min: i64) -> u32 {
        self.chains.push(Chain { min, max: i64::MIN });
        self.chains.len() as u32 - 1
    }

    /// An operation called at `call` belongs to this chain.
    fn join(&mut self, place: u32, call: i64) -> Result<(), Impossible> {
        let Chain { min, max } = self.chains[place as usize];
        if call <= max {
            return Ok(());
        }
        if self.forgotten_max > min {
            return Err(Impossible);
        }
        if max <= min {
            self.not_inside(min.min(call), min)?;
        }
        self.nothing_inside(place, min.max(max), call)?;
        self.chains[place as usize].max = call;
        if call > min {
            self.forward.insert(place);
        }
        Ok(())
    }

    /// No forward zone begins before `until` and goes on after `min`.
    fn not_inside(&self, until: i64, min: i64) -> Result<(), Impossible> {
        let end = self.chains.partition_point(|chain| chain.min < until) as u32;
        match self.forward.range(..end).next_back() {
            Some(&held) if self.chains[held as usize].max > min => Err(Impossible),
            _ => Ok(()),
        }
    }

    /// Of the chains whose `min` lies from `from` to before `call`, none has anything after this chain's `min`.
    fn nothing_inside(&self, place: u32, from: i64, call: i64) -> Result<(), Impossible> {
        let min = self.chains[place as usize].min;
        let start = self.chains.partition_point(|chain| chain.min < from);
        let inside = self.chains[start..].iter().zip(start as u32..).take_while(|(chain, _)| chain.min < call);
        match inside.into_iter().any(|(chain, other)| other != place && chain.max > min) {
            true => Err(Impossible),
            false => Ok(()),
        }
    }

    /// Forgets what cannot matter any more. Happens by itself, as often as there is twice as much.
    pub fn sweep(&mut self, now: i64) {
        let earliest = self.open.values().map(|open| open.call).fold(now, i64::min);
        let old = self.chains.partition_point(|chain| chain.min < earliest);
        let (mut first, mut second) = (NONE, self.forgotten_max);
        let mut greatest = i64::MIN;
        for (place, chain) in self.chains[..old].iter().enumerate() {
            if chain.max > greatest {
                second = second.max(greatest);
                (first, greatest) = (place as u32, chain.max);
            } else {
                second = second.max(chain.max);
            }
        }
        let greatest_all = second.max(greatest);
        let is_dead = |place: usize, chain: &Chain| {
            let others_max = if place as u32 == first { second } else { greatest_all };
            place < old && chain.min < others_max
        };
        let mut places = vec![NONE; self.chains.len()];
        let mut kept = Vec::new();
        for (place, chain) in self.chains.iter().enumerate() {
            if is_dead(place, chain) {
                self.forgotten_max = self.forgotten_max.max(chain.max);
            } else {
                places[place] = kept.len() as u32;
                kept.push(*chain);
            }
        }
        self.chains = kept;
        self.forward =
            self.forward.iter().map(|&place| places[place as usize]).filter(|&place| place != NONE).collect();
        self.values.retain(|_, known| {
            let Some(chain) = known.chain else { return true };
            known.chain = Some(places[chain as usize]);
            known.chain != Some(NONE) && known.replaced >= earliest
        });
        let left = self.values.len() + self.chains.len();
        self.values.shrink_to(2 * left);
        self.sweep_at = SWEEP_AT.max(2 * left);
    }
}
