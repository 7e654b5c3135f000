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
    /// Bytes to read at once. They fit the cache of a processor, and are checked while in it.
    pub const BYTES: u64 = 256 * 1024;

    /// Returns `len` bytes at `position`. If they are not in memory yet, reads up to `ahead` bytes,
    /// but no further than `end`.
    ///
    /// # Errors
    /// The file cannot be read, or is shorter.
    pub fn get(
        &mut self,
        file: &dyn File,
        position: u64,
        len: usize,
        (ahead, end): (u64, u64),
    ) -> io::Result<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        if position < self.start || position + len as u64 > held {
            let want = ahead.max(len as u64).min(end - position) as usize;
            let mut kept = 0;
            if (self.start..held).contains(&position) {
                // The rest of the window is its next beginning.
                let from = (position - self.start) as usize;
                kept = (self.bytes.len() - from).min(want);
                self.bytes.copy_within(from..from + kept, 0);
            }
            self.bytes.resize(want, 0);
            self.start = position;
            if let Err(error) = read_exact_at(file, &mut self.bytes[kept..], position + kept as u64)
            {
                self.bytes.clear();
                return Err(error);
            }
        }
        let from = (position - self.start) as usize;
        self.bytes.get(from..from + len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
