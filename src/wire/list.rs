//! A response that consists of a list between two ends, encoded item by item.
//!
//! The source of an item is dropped as soon as the item is encoded, and the bytes are split into
//! pieces with separate memory: a piece that has been sent is freed while the others wait.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;

use crate::wire::deferred::DeferredItems;
use crate::wire::response::{Chunk, CloseReason, Response, begin, finish, put_varint};
use crate::wire::shapes;

/// The size in bytes at which a piece is closed; its last item may exceed it.
pub const PIECE_BYTES: usize = 64 * 1024;
/// Anything shorter than this is copied into a piece.
pub const COPIED_BYTES_MAX: usize = 4096;

/// The items of a list encoded so far.
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
    /// Returns an empty list for a response to this API in this version.
    pub fn new(key: i16, version: i16) -> EncodedList {
        let (piece, chunks) = (BytesMut::new(), Vec::new());
        EncodedList { key, version, piece, chunks, chunk_bytes: 0, items: 0 }
    }

    /// Appends an item.
    ///
    /// # Errors
    /// The item cannot be encoded in this version.
    pub fn put(&mut self, item: &impl Encodable) -> Result<(), CloseReason> {
        self.items += 1;
        encode_into(&mut self.piece, item, self.version)
    }

    /// Appends items that are already encoded; long parts are not copied.
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

    /// Appends items that are encoded only when they are sent.
    pub fn put_later(&mut self, items: usize, later: DeferredItems) {
        self.cut();
        self.items += items;
        self.push(Chunk::Later(later));
    }

    /// Closes the current piece.
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

    /// Returns the size of the current piece.
    pub fn piece_bytes(&self) -> usize {
        self.piece.len()
    }

    /// Returns the number of bytes of the items.
    pub fn bytes(&self) -> usize {
        self.chunk_bytes + self.piece.len()
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Returns true if there are no items.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Inserts the list into `answer`, the response with an empty list that is followed by `tail`
    /// bytes.
    ///
    /// # Errors
    /// The response cannot be encoded in this version, or is larger than a frame can be.
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
/// The message cannot be encoded in this version.
pub fn encode_into(
    out: &mut BytesMut,
    message: &impl Encodable,
    version: i16,
) -> Result<(), CloseReason> {
    message.encode(out, version).map_err(|error| CloseReason::Unencodable(error.to_string()))
}

#[cfg(test)]
mod tests;
