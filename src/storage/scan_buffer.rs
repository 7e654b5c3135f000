//! Reading a file from one position to another in large pieces.

use std::io;

use crate::storage::disk::{File, read_exact_at};

/// A window of a file in memory that a scan moves forward.
#[derive(Debug, Default)]
pub struct ScanBuffer {
    start: u64,
    bytes: Vec<u8>,
}

impl ScanBuffer {
    const BYTES: u64 = 256 * 1024;

    /// Returns `len` bytes at `position`; reads no further than `end`.
    ///
    /// # Errors
    /// The file cannot be read, or is shorter.
    pub fn get(
        &mut self,
        file: &dyn File,
        position: u64,
        len: usize,
        end: u64,
    ) -> io::Result<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        if position < self.start || position + len as u64 > held {
            let want = Self::BYTES.max(len as u64).min(end - position);
            self.bytes.resize(want as usize, 0);
            self.start = position;
            read_exact_at(file, &mut self.bytes, position)?;
        }
        let from = (position - self.start) as usize;
        self.bytes.get(from..from + len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
