use std::fmt;
use std::io;

/// Why a history could not be read or written.
#[derive(Debug)]
pub enum Error {
    /// The file or stream failed.
    Io(io::Error),
    /// What was read is not a history: where (1-based line of a text file) and what was expected.
    Malformed { line: Option<u64>, message: String },
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Malformed, in a place that has no line.
    pub fn malformed(message: impl Into<String>) -> Error {
        Error::Malformed { line: None, message: message.into() }
    }

    /// Malformed, at a 1-based line of a text file.
    pub fn at(line: u64, message: impl Into<String>) -> Error {
        Error::Malformed { line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => error.fmt(out),
            Error::Malformed { line: Some(line), message } => write!(out, "line {line}: {message}"),
            Error::Malformed { line: None, message } => out.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}
