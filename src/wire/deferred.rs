//! Part of a response that is encoded only when the socket has taken what stands before it.

use bytes::Bytes;

/// Items that are encoded when the socket has taken what stands before them.
///
/// **Invariant:** the source gives as many bytes as were announced: it is made of what does not
/// change.
#[derive(Debug)]
pub struct DeferredItems {
    bytes: usize,
    source: Box<dyn ItemSource>,
}

/// The source of deferred items returned another number of bytes than was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{announced} bytes of it were announced, and {returned} came")]
pub struct LengthMismatch {
    announced: usize,
    returned: usize,
}

/// Makes pieces of an answer, one after the other.
pub trait ItemSource: std::fmt::Debug + Send + Sync {
    /// Returns the next piece; none, or one of no bytes, at the end.
    fn next(&mut self) -> Option<Bytes>;
}

impl DeferredItems {
    /// Returns what `source` will give, `bytes` bytes in all.
    pub fn new(bytes: usize, source: Box<dyn ItemSource>) -> DeferredItems {
        DeferredItems { bytes, source }
    }

    /// Returns how many bytes are still to come.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the next piece; none at the end.
    ///
    /// # Errors
    /// The source does not return as many bytes as were announced, which is a bug.
    pub fn next_piece(&mut self) -> Result<Option<Bytes>, LengthMismatch> {
        let piece = self.source.next().filter(|piece| !piece.is_empty());
        let len = piece.as_ref().map_or(0, Bytes::len);
        let is_short = piece.is_none() && self.bytes > 0;
        match self.bytes.checked_sub(len).filter(|_| !is_short) {
            Some(left) => self.bytes = left,
            None => return Err(LengthMismatch { announced: self.bytes, returned: len }),
        }
        Ok(piece)
    }
}
