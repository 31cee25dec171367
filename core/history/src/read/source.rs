use std::io::{self, Read};

/// Bytes asked for at once.
const PIECE_BYTES: usize = 1 << 20;

/// A file in pieces: what was read and not yet consumed, and the line that begins there.
pub struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    line: u64,
    ended: bool,
}

impl<R: Read> Source<R> {
    pub fn new(reader: R) -> Source<R> {
        Source { reader, buffer: Vec::new(), start: 0, line: 1, ended: false }
    }

    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// 1-based line of the byte at this place of what is unread.
    pub fn line(&self, place: usize) -> u64 {
        let unread = self.unread();
        self.line + newlines(&unread[..place.min(unread.len())])
    }

    pub fn consume(&mut self, bytes: usize) {
        self.line = self.line(bytes);
        self.start += bytes;
    }

    /// Whether nothing will be added to what is unread.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Reads on. What is unread at least doubles, so whoever starts over with it does so a logarithmic number of times.
    pub fn more(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let wanted = PIECE_BYTES.max(self.buffer.len());
        let got = self.reader.by_ref().take(wanted as u64).read_to_end(&mut self.buffer)?;
        self.ended = got < wanted;
        Ok(())
    }

    /// Skips the byte order mark some editors put first.
    pub fn skip_mark(&mut self) {
        let mark = self.unread().len() - without_mark(self.unread()).len();
        self.consume(mark);
    }
}

/// Text without the byte order mark some editors put first.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

fn newlines(text: &[u8]) -> u64 {
    // Sums of at most 255 ones fit a byte, and sums of bytes are what processors do many at a time.
    let some = |text: &[u8]| text.iter().map(|&byte| u8::from(byte == b'\n')).sum::<u8>();
    text.chunks(255).map(|text| u64::from(some(text))).sum()
}
