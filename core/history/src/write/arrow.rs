use std::io::Write;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use crate::error::{Error, Result};
use crate::history::{chunks, History};

/// Rows of one batch.
const BATCH_ROWS: usize = 1 << 16;

/// Writes an Arrow IPC stream, the format of a run's folder.
pub fn write_arrow(history: &History, out: impl Write) -> Result<()> {
    let batch = history.batch();
    let mut writer = StreamWriter::try_new(out, &batch.schema()).map_err(failed)?;
    for rows in chunks(history.len(), BATCH_ROWS) {
        writer.write(&batch.slice(rows.start, rows.len())).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => Error::Io(error),
        other => Error::malformed(format!("a batch could not be encoded: {other}")),
    }
}
