//! One key of a store of texts: `get`, `put`, `append`. A key that was never written reads as "" or null.
use super::{Call, Model, Readable, Unreadable};

/// A text, known by its length and two polynomial hashes.
///
/// Appending n parts to one key makes texts of length O(n), and storing them all takes quadratic memory. The hash of a
/// concatenation follows from those of its parts; two texts of one length agree in both by chance once in 10^36.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text {
    len: u64,
    hashes: [u64; 2],
}

/// A Mersenne prime, so that remainders are cheap.
const PRIME: u64 = (1 << 61) - 1;
const BASES: [u64; 2] = [1_442_695_040_888_963_407 % PRIME, 1_181_783_497_276_652_981 % PRIME];

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut result, mut square) = (1, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}

impl Text {
    pub fn of(text: &str) -> Self {
        let hash = |base: u64| text.bytes().fold(0, |hash, byte| (times(hash, base) + u64::from(byte) + 1) % PRIME);
        Self { len: text.len() as u64, hashes: BASES.map(hash) }
    }

    fn append(&self, part: &Text) -> Text {
        let hash = |i: usize| (times(self.hashes[i], power(BASES[i], part.len)) + part.hashes[i]) % PRIME;
        Text { len: self.len + part.len, hashes: [hash(0), hash(1)] }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvOp {
    Get(Text),
    Put(Text),
    Append(Text),
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Kv {
    has_puts: bool,
}

impl Model for Kv {
    /// `None` while nobody knows.
    type State = Option<Text>;
    type Op = KvOp;

    fn initial(&self) -> Self::State {
        Some(Text::default())
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &KvOp) -> Option<Self::State> {
        match op {
            KvOp::Get(text) => state.is_none_or(|held| held == *text).then_some(Some(*text)),
            KvOp::Put(text) => Some(Some(*text)),
            KvOp::Append(part) => Some(state.map(|held| held.append(part))),
        }
    }

    fn is_read_only(&self, op: &KvOp) -> bool {
        match op {
            KvOp::Get(_) => true,
            KvOp::Append(part) => part.len == 0,
            KvOp::Put(_) => false,
        }
    }

    fn may_lead_to(&self, state: &Self::State, op: &KvOp) -> bool {
        match op {
            KvOp::Get(text) => self.has_puts || state.is_none_or(|held| held.len <= text.len),
            _ => true,
        }
    }
}

impl Readable for Kv {
    fn read(&mut self, call: Call<'_>) -> Result<Option<KvOp>, Unreadable> {
        match call.f {
            "get" if call.is_pending() => Ok(None),
            "get" => Ok(Some(KvOp::Get(text(call.answer())?))),
            "put" => {
                self.has_puts = true;
                Ok(Some(KvOp::Put(text(call.asked())?)))
            }
            "append" => Ok(Some(KvOp::Append(text(call.asked())?))),
            _ => Err(call.unknown_f("a key knows get, put and append")),
        }
    }
}

/// What stands between the quotes; concatenating that is concatenating texts.
fn text(json: &str) -> Result<Text, String> {
    let inside = if json == "null" { Some("") } else { json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) };
    inside.map(Text::of).ok_or_else(|| format!("a text is needed here, not {json}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_parts_make_the_hash_of_the_whole() {
        assert_eq!(Text::of("x 0 1 y").append(&Text::of("")).append(&Text::of("x 2 y")), Text::of("x 0 1 yx 2 y"));
        assert_ne!(Text::of("ab").append(&Text::of("c")), Text::of("acb"));
        assert_ne!(Text::of("\0"), Text::of(""));
    }
}
