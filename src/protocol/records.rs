//! Record batches in messages: bytes of the frame, or a range of a file that is sent as it is.

use bytes::Bytes;

/// Where record batches are.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In memory.
    Here(&'a Bytes),
    /// In a file; this is their size in bytes.
    Elsewhere(usize),
}

/// Record batches, as the encoder sees them.
pub trait RecordBatches {
    /// Returns where they are.
    fn place(&self) -> Place<'_>;
}

impl RecordBatches for Bytes {
    #[inline]
    fn place(&self) -> Place<'_> {
        Place::Here(self)
    }
}

/// The record batches of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// In memory.
    Memory(Bytes),
    /// In a file: the sink of the response has a range of this many bytes for them.
    File {
        /// The size of the range.
        bytes: usize,
    },
}

impl Default for Records {
    /// Returns no records.
    fn default() -> Records {
        Records::Memory(Bytes::new())
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Records {
        Records::Memory(bytes)
    }
}

impl RecordBatches for Records {
    #[inline]
    fn place(&self) -> Place<'_> {
        match self {
            Records::Memory(bytes) => Place::Here(bytes),
            Records::File { bytes } => Place::Elsewhere(*bytes),
        }
    }
}
