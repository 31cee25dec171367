/// What an event says about its operation. The numbers are those of the `type` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    Invoke = 0,
    /// It happened.
    Ok = 1,
    /// It did not happen.
    Fail = 2,
    /// Nobody knows.
    Info = 3,
}

impl Kind {
    /// The kind of this number in the `type` column, if it is one.
    pub fn from_code(code: u8) -> Option<Kind> {
        [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info].get(usize::from(code)).copied()
    }

    /// The kind of this word in a text file, if it is one.
    pub fn from_name(name: &[u8]) -> Option<Kind> {
        match name {
            b"invoke" => Some(Kind::Invoke),
            b"ok" => Some(Kind::Ok),
            b"fail" => Some(Kind::Fail),
            b"info" => Some(Kind::Info),
            _ => None,
        }
    }

    /// The word used in text files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }
}
