//! How long one connection is served before others are.
//!
//! A client that sends as fast as its requests are answered always has more to read, and the
//! others of its thread would wait for it.

/// How often one connection is read before others are served.
const READS_MAX: usize = 8;
/// How many bytes are read from one connection before others are served.
const BYTES_MAX: usize = 1024 * 1024;

/// What a connection has received since it last waited.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    reads: usize,
    bytes: usize,
}

impl Turn {
    /// Counts a read.
    pub fn count(&mut self, bytes: usize) {
        self.reads += 1;
        self.bytes += bytes;
    }

    /// Returns true if it is the turn of other connections.
    pub fn is_over(&self) -> bool {
        self.reads >= READS_MAX || self.bytes >= BYTES_MAX
    }
}
