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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::{Disk, OpenMode, OsDisk};

    #[test]
    fn a_window_shows_the_file_wherever_and_however_far_it_reads() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("f"), OpenMode::Create).unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let bytes: Vec<u8> = (0..10_000).map(|_| rng.u8(..)).collect();
        file.write_at(&bytes, &[], 0).unwrap();
        let (mut buffer, end) = (ScanBuffer::default(), bytes.len() as u64);
        for _ in 0..1000 {
            let from = rng.usize(..bytes.len());
            let len = rng.usize(..(bytes.len() - from).min(900));
            let ahead = rng.u64(..2000);
            let found = buffer.get(file.as_ref(), from as u64, len, (ahead, end)).unwrap();
            assert_eq!(found, &bytes[from..from + len]);
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_announced_is_an_error_and_no_data() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("f"), OpenMode::Create).unwrap();
        file.write_at(b"0123456789", &[], 0).unwrap();
        let mut buffer = ScanBuffer::default();
        assert_eq!(buffer.get(file.as_ref(), 0, 4, (4, 20)).unwrap(), b"0123");
        assert!(buffer.get(file.as_ref(), 2, 12, (4, 20)).is_err());
        assert_eq!(buffer.get(file.as_ref(), 2, 4, (4, 20)).unwrap(), b"2345");
    }
}
