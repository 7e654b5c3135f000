//! Part of a response that is encoded only once the socket has taken everything before it.

use bytes::Bytes;

/// Items that are encoded only once the socket has taken everything before them.
///
/// **Invariant:** the source yields as many bytes as announced: it is built from immutable data.
#[derive(Debug)]
pub struct DeferredItems {
    bytes: usize,
    source: Box<dyn ItemSource>,
}

/// The source of deferred items yielded more or fewer bytes than announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{announced} more bytes were announced, but {returned} were produced")]
pub struct LengthMismatch {
    announced: usize,
    returned: usize,
}

/// A source of pieces of a response, in order.
pub trait ItemSource: std::fmt::Debug + Send + Sync {
    /// Returns the next piece; at the end, none or an empty one.
    fn next(&mut self) -> Option<Bytes>;
}

impl DeferredItems {
    /// Returns the items of `source`, which are `bytes` bytes in total.
    pub fn new(bytes: usize, source: Box<dyn ItemSource>) -> DeferredItems {
        DeferredItems { bytes, source }
    }

    /// Returns the number of bytes still to come.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the next piece; none at the end.
    ///
    /// # Errors
    /// The source yields more or fewer bytes than announced: a bug in Ottla.
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
