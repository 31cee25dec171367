//! The classes of cycles, from the worst to the mildest, and the orders beyond the data that may take part in one.
use super::graph::{PROCESS, REALTIME, RW, WR, WW};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    G0,
    G1c,
    Single,
    Nonadjacent,
    G2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Variant {
    Plain,
    Process,
    Realtime,
}

pub const CLASSES: [Class; 5] = [Class::G0, Class::G1c, Class::Single, Class::Nonadjacent, Class::G2];
pub const VARIANTS: [Variant; 3] = [Variant::Plain, Variant::Process, Variant::Realtime];

impl Class {
    pub fn implies(self, other: Class) -> bool {
        use Class::{G1c, Nonadjacent, Single, G0, G2};
        self == other || matches!((self, other), (G0, G1c) | (Single, Nonadjacent | G2) | (Nonadjacent, G2))
    }

    /// The kind of edge that every cycle of the class has.
    pub fn required(self) -> u8 {
        match self {
            Class::G0 => WW,
            Class::G1c => WR,
            _ => RW,
        }
    }

    /// The row of the subgraph whose components hold its cycles.
    pub fn row(self) -> usize {
        match self {
            Class::G0 => 0,
            Class::G1c => 1,
            Class::Single | Class::Nonadjacent => 2,
            Class::G2 => 3,
        }
    }
}

impl Variant {
    pub fn mask(self) -> u8 {
        [0, PROCESS, PROCESS | REALTIME][self as usize]
    }
}

pub fn name(class: Class, variant: Variant) -> &'static str {
    const NAMES: [[&str; 3]; 5] = [
        ["G0", "G0-process", "G0-realtime"],
        ["G1c", "G1c-process", "G1c-realtime"],
        ["G-single-item", "G-single-item-process", "G-single-item-realtime"],
        ["G-nonadjacent-item", "G-nonadjacent-item-process", "G-nonadjacent-item-realtime"],
        ["G2-item", "G2-item-process", "G2-item-realtime"],
    ];
    NAMES[class as usize][variant as usize]
}
