//! What a handler gives back: bytes, and stretches of files that nobody has read yet.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;

use crate::storage::segment::FileSlice;
use crate::wire::shapes;

/// ApiVersions: its response header never has tags (KIP-511).
pub const API_VERSIONS: i16 = 18;

/// A piece of a reply. How it leaves is decided in `server/outbound.rs` alone.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// Bytes.
    Bytes(Bytes),
    /// A stretch of a log file.
    File(FileSlice),
}

/// What leaves for one request. `None` is acks=0: nothing is sent.
#[derive(Debug)]
pub enum Reply {
    /// Nothing.
    None,
    /// These, in this order; the first begins with the frame's length.
    Chunks(Vec<Chunk>),
}

impl Reply {
    /// How many bytes leave.
    pub fn bytes(&self) -> usize {
        let Reply::Chunks(chunks) = self else { return 0 };
        let len = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(slice) => slice.len,
        };
        chunks.iter().map(len).sum()
    }
}

/// Why a request gets no answer; the connection is closed, as Kafka does.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not that request.
    #[error("a malformed request: {0}")]
    Malformed(String),
    /// The answer cannot be written in that version.
    #[error("the answer cannot be encoded: {0}")]
    Unencodable(String),
    /// acks=0 and something went wrong: closing is the only way to tell (as Kafka does).
    #[error("a produce request with acks=0 failed: {0}")]
    Unanswerable(String),
}

/// The first bytes of a frame: room for its length, and the response header.
pub fn begin(key: i16, version: i16, correlation_id: i32) -> BytesMut {
    let mut out = BytesMut::with_capacity(128);
    out.put_i32(0);
    out.put_i32(correlation_id);
    if key != API_VERSIONS && shapes::is_flexible(key, version) {
        out.put_u8(0);
    }
    out
}

/// Write the length into the first four bytes of a frame that ends with `more` bytes elsewhere.
pub fn finish(mut out: BytesMut, more: usize) -> Bytes {
    let len = (out.len() - 4 + more) as u32;
    if let Some(head) = out.first_chunk_mut::<4>() {
        *head = len.to_be_bytes();
    }
    out.freeze()
}

/// A whole reply of one message.
pub fn encode(
    key: i16,
    version: i16,
    correlation_id: i32,
    body: &impl Encodable,
) -> Result<Reply, Refusal> {
    let mut out = begin(key, version, correlation_id);
    body.encode(&mut out, version).map_err(|e| Refusal::Unencodable(e.to_string()))?;
    Ok(Reply::Chunks(vec![Chunk::Bytes(finish(out, 0))]))
}
