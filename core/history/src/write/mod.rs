//! Writers. Equal histories give equal bytes.

mod arrow;
mod csv;
mod edn;
mod jsonl;

use std::io::Write;
use std::ops::Range;

use crate::error::Result;
use crate::history::{chunks, History};

pub use arrow::write_arrow;

/// A format of one line per event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    JsonLines,
    Edn,
    /// RFC 4180, with a header; `value` and `error` are JSON text. For spreadsheets: there is no reader.
    Csv,
}

/// Rows rendered before they are written.
const PIECE_ROWS: usize = 4096;

/// What a file of this format begins with.
pub fn header(format: TextFormat) -> &'static [u8] {
    match format {
        TextFormat::JsonLines | TextFormat::Edn => b"",
        TextFormat::Csv => csv::HEADER,
    }
}

/// Appends some rows, a line each.
pub fn render(history: &History, format: TextFormat, rows: Range<usize>, out: &mut Vec<u8>) {
    let row = match format {
        TextFormat::JsonLines => jsonl::push_row,
        TextFormat::Edn => edn::push_row,
        TextFormat::Csv => csv::push_row,
    };
    rows.for_each(|place| row(history, place, out));
}

/// Writes a whole text file.
pub fn write_text(history: &History, format: TextFormat, mut out: impl Write) -> Result<()> {
    let mut piece = header(format).to_vec();
    for rows in chunks(history.len(), PIECE_ROWS) {
        render(history, format, rows, &mut piece);
        out.write_all(&piece)?;
        piece.clear();
    }
    Ok(out.write_all(&piece)?)
}
