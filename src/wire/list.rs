//! A response that consists of a list between two ends, encoded item by item.
//!
//! The source of an item is dropped as soon as the item is encoded, and the bytes are split into
//! pieces with separate memory: a piece that has been sent is freed while the others wait.

use bytes::Bytes;

use crate::protocol::encoder::{Encode, Encoder, Sink};
use crate::protocol::message::Response as Message;
use crate::wire::chunks::ChunkSink;
use crate::wire::deferred::DeferredItems;
use crate::wire::response::{Chunk, CloseReason, Response, begin, finish};

/// The size in bytes at which a piece is closed; its last item may exceed it.
pub const PIECE_BYTES: usize = 64 * 1024;

/// The items of a list encoded so far.
#[derive(Debug)]
pub struct EncodedList {
    version: i16,
    is_flexible: bool,
    sink: ChunkSink,
    items: usize,
}

/// An item that was encoded on its own.
#[derive(Debug)]
pub struct EncodedItem {
    /// The bytes, in order.
    pub pieces: Vec<Bytes>,
    /// Bytes that were not copied, minus the overhead of the pieces.
    pub shared_bytes: usize,
}

impl EncodedList {
    /// Returns an empty list for a response in this version.
    pub fn new(version: i16, is_flexible: bool) -> EncodedList {
        EncodedList { version, is_flexible, sink: ChunkSink::default(), items: 0 }
    }

    /// Appends an item.
    ///
    /// # Errors
    /// The item cannot be encoded in this version.
    pub fn put(&mut self, item: &impl Encode) -> Result<(), CloseReason> {
        self.items += 1;
        encode_into(&mut self.sink, item, self.version, self.is_flexible)
    }

    /// Encodes an item that [`put_encoded`](EncodedList::put_encoded) can append.
    ///
    /// # Errors
    /// The item cannot be encoded in this version.
    pub fn encode(&self, item: &impl Encode) -> Result<EncodedItem, CloseReason> {
        let mut sink = ChunkSink::default();
        encode_into(&mut sink, item, self.version, self.is_flexible)?;
        let shared_bytes = sink.shared_bytes();
        let pieces = sink.into_chunks().into_iter().filter_map(|chunk| match chunk {
            Chunk::Bytes(bytes) => Some(bytes),
            Chunk::File(_) | Chunk::Later(_) => None,
        });
        Ok(EncodedItem { pieces: pieces.collect(), shared_bytes })
    }

    /// Appends items that are already encoded; long parts are not copied.
    pub fn put_encoded(&mut self, items: usize, encoded: Vec<Bytes>) {
        self.items += items;
        encoded.iter().for_each(|bytes| self.sink.put_shared(bytes));
    }

    /// Appends items that are encoded only when they are sent.
    pub fn put_later(&mut self, items: usize, later: DeferredItems) {
        self.items += items;
        self.sink.put_later(later);
    }

    /// Closes the current piece.
    pub fn cut(&mut self) {
        self.sink.cut();
    }

    /// Returns the size of the current piece.
    pub fn piece_bytes(&self) -> usize {
        self.sink.piece_bytes()
    }

    /// Returns the number of bytes of the items.
    pub fn bytes(&self) -> usize {
        self.sink.bytes()
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
    pub fn into_response<M: Message>(
        mut self,
        correlation_id: i32,
        answer: &M,
        tail: usize,
    ) -> Result<Response, CloseReason> {
        let mut out = begin::<M>(self.version, correlation_id);
        encode_into(&mut out, answer, self.version, self.is_flexible)?;
        let end = out.split_off(out.len().saturating_sub(tail));
        out.truncate(out.len().saturating_sub(if self.is_flexible { 1 } else { 4 }));
        Encoder::new(&mut out, self.version, self.is_flexible).count(self.items);
        self.sink.put(&end);
        let bytes = self.sink.bytes();
        let mut chunks = self.sink.into_chunks();
        match &chunks[..] {
            [Chunk::Bytes(one)] if one.len() < PIECE_BYTES => {
                out.extend_from_slice(one);
                Ok(Response::Chunks(vec![Chunk::Bytes(finish(out, 0)?)]))
            }
            _ => {
                chunks.insert(0, Chunk::Bytes(finish(out, bytes)?));
                Ok(Response::Chunks(chunks))
            }
        }
    }
}

/// Encodes something in this version.
///
/// # Errors
/// It cannot be encoded in this version.
pub fn encode_into(
    sink: &mut impl Sink,
    what: &impl Encode,
    version: i16,
    is_flexible: bool,
) -> Result<(), CloseReason> {
    let mut encoder = Encoder::new(sink, version, is_flexible);
    Ok(what.encode(&mut encoder)?)
}

#[cfg(test)]
mod tests;
