//! A response in chunks: what is long and already encoded is not copied, and records stay in their
//! files until they are sent.

use bytes::{Bytes, BytesMut};

use crate::protocol::encoder::Sink;
use crate::storage::segment::FileSlice;
use crate::wire::deferred::DeferredItems;
use crate::wire::response::Chunk;

/// Anything shorter than this is copied.
pub const COPIED_BYTES_MAX: usize = 4096;
/// Memory of a chunk that is not copied, in addition to its bytes: rounded up.
pub const CHUNK_OVERHEAD_BYTES: usize = 256;

/// A sink that makes chunks.
#[derive(Debug, Default)]
pub struct ChunkSink {
    piece: BytesMut,
    chunks: Vec<Chunk>,
    chunk_bytes: usize,
    shared_bytes: usize,
    /// What the messages leave out, the next one last.
    slices: Vec<FileSlice>,
}

impl ChunkSink {
    /// Returns a sink for what follows `head`. Its records are in these ranges of files, in order.
    pub fn with_slices(head: BytesMut, mut slices: Vec<FileSlice>) -> ChunkSink {
        slices.reverse();
        // Each range has bytes before it, and the last has bytes behind it.
        let chunks = Vec::with_capacity(2 * slices.len() + 1);
        ChunkSink { piece: head, chunks, slices, ..ChunkSink::default() }
    }

    /// Ends the current chunk. The next one has memory of its own.
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

    /// Appends items that are encoded only when they are sent.
    pub fn put_later(&mut self, later: DeferredItems) {
        self.cut();
        self.push(Chunk::Later(later));
    }

    /// Returns the size of the current chunk.
    pub fn piece_bytes(&self) -> usize {
        self.piece.len()
    }

    /// Returns the number of bytes of all chunks.
    pub fn bytes(&self) -> usize {
        self.chunk_bytes + self.piece.len()
    }

    /// Returns how many of these bytes were not copied, without the memory of their chunks.
    pub fn shared_bytes(&self) -> usize {
        self.shared_bytes
    }

    /// Returns the chunks.
    pub fn into_chunks(mut self) -> Vec<Chunk> {
        self.cut();
        self.chunks
    }
}

impl Sink for ChunkSink {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.piece.extend_from_slice(bytes);
    }

    fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < COPIED_BYTES_MAX {
            return self.put(bytes);
        }
        self.cut();
        self.shared_bytes += bytes.len() - CHUNK_OVERHEAD_BYTES;
        self.push(Chunk::Bytes(bytes.clone()));
    }

    /// Puts the next range of a file there.
    fn leave_out(&mut self, bytes: usize) -> bool {
        let Some(slice) = self.slices.pop().filter(|slice| slice.len == bytes) else {
            return false;
        };
        // Little is between two ranges: it stays in one allocation with what follows.
        let piece = self.piece.split().freeze();
        self.push(Chunk::Bytes(piece));
        self.push(Chunk::File(slice));
        true
    }
}
