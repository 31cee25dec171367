//! Why a register cannot have behaved as it did.

/// Two things that cannot both be. Operations are indices into the history's `ops`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Somebody saw a value that nobody wrote.
    ThinAir { observer: u32 },
    /// Somebody saw the value of a write that failed; `writer` is the caller's name for it.
    Aborted { observer: u32, writer: u32 },
    /// Two compare-and-sets found the same value.
    Fork { first: u32, second: u32 },
    /// Compare-and-sets that each found what the one before left, round and round.
    Cycle { ops: Vec<u32> },
    /// `earlier` comes before `later` in a chain of compare-and-sets, but was called only after `later` returned.
    Order { earlier: u32, later: u32 },
    /// `first` before `second` in real time puts one value before the other; `third` before `fourth` the other way
    /// round. `first` and `fourth` belong to one chain, `second` and `third` to the other; `first` is `None` if its
    /// chain starts with the initial value, which needs no proof to come first.
    Zones { first: Option<u32>, second: u32, third: u32, fourth: u32 },
}
