//! An answer that is a list between two ends, encoded item by item.
//!
//! What the items are made from is dropped as soon as they are bytes, and the bytes lie in pieces,
//! each with memory of its own: a piece that the client has taken is free while the others wait.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;

use crate::wire::deferred::DeferredItems;
use crate::wire::response::{Chunk, CloseReason, Response, begin, finish, put_varint};
use crate::wire::shapes;

/// The size that a piece has when it is closed, in bytes; its last item may go beyond.
pub const PIECE_BYTES: usize = 64 * 1024;
/// Fewer bytes than this are copied into a piece.
pub const COPIED_BYTES_MAX: usize = 4096;

/// The items of a list, encoded so far.
#[derive(Debug)]
pub struct EncodedList {
    key: i16,
    version: i16,
    piece: BytesMut,
    chunks: Vec<Chunk>,
    chunk_bytes: usize,
    items: usize,
}

impl EncodedList {
    /// Returns an empty list of an answer to this API in this version.
    pub fn new(key: i16, version: i16) -> EncodedList {
        let (piece, chunks) = (BytesMut::new(), Vec::new());
        EncodedList { key, version, piece, chunks, chunk_bytes: 0, items: 0 }
    }

    /// Appends an item.
    ///
    /// # Errors
    /// It cannot be written in this version.
    pub fn put(&mut self, item: &impl Encodable) -> Result<(), CloseReason> {
        self.items += 1;
        encode_into(&mut self.piece, item, self.version)
    }

    /// Appends items that are encoded already; what of them is long is not copied.
    pub fn put_encoded(&mut self, items: usize, encoded: Vec<Bytes>) {
        self.items += items;
        for bytes in encoded {
            if bytes.len() < COPIED_BYTES_MAX {
                self.piece.extend_from_slice(&bytes);
            } else {
                self.cut();
                self.push(Chunk::Bytes(bytes));
            }
        }
    }

    /// Appends items that are encoded when their turn comes.
    pub fn put_later(&mut self, items: usize, later: DeferredItems) {
        self.cut();
        self.items += items;
        self.push(Chunk::Later(later));
    }

    /// Closes the piece that is being filled.
    pub fn cut(&mut self) {
        if !self.piece.is_empty() {
            let piece = std::mem::take(&mut self.piece).freeze();
            self.push(Chunk::Bytes(piece));
        }
    }

    fn push(&mut self, chunk: Chunk) {
        self.chunk_bytes += chunk.bytes();
        self.chunks.push(chunk);
    }

    /// Returns the size of the piece that is being filled.
    pub fn piece_bytes(&self) -> usize {
        self.piece.len()
    }

    /// Returns how many bytes the items take.
    pub fn bytes(&self) -> usize {
        self.chunk_bytes + self.piece.len()
    }

    /// Returns how many items there are.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Puts the list into its answer: `answer` is the answer with an empty list, behind which
    /// `tail` bytes follow.
    ///
    /// # Errors
    /// The answer cannot be written in this version, or is larger than a frame can be.
    pub fn into_response(
        mut self,
        correlation_id: i32,
        answer: &impl Encodable,
        tail: usize,
    ) -> Result<Response, CloseReason> {
        let mut out = begin(self.key, self.version, correlation_id);
        encode_into(&mut out, answer, self.version)?;
        let is_compact = shapes::is_flexible(self.key, self.version);
        let end = out.split_off(out.len().saturating_sub(tail));
        out.truncate(out.len().saturating_sub(if is_compact { 1 } else { 4 }));
        match is_compact {
            true => put_varint(&mut out, self.items as u32 + 1),
            false => out.put_i32(self.items as i32),
        }
        if self.chunks.is_empty() {
            out.extend_from_slice(&self.piece);
            out.extend_from_slice(&end);
            return Ok(Response::Chunks(vec![Chunk::Bytes(finish(out, 0)?)]));
        }
        self.piece.extend_from_slice(&end);
        self.cut();
        let head = Chunk::Bytes(finish(out, self.chunk_bytes)?);
        self.chunks.insert(0, head);
        Ok(Response::Chunks(self.chunks))
    }
}

/// Appends a message to a buffer.
///
/// # Errors
/// It cannot be written in this version.
pub fn encode_into(
    out: &mut BytesMut,
    message: &impl Encodable,
    version: i16,
) -> Result<(), CloseReason> {
    message.encode(out, version).map_err(|error| CloseReason::Unencodable(error.to_string()))
}

#[cfg(test)]
mod tests;
