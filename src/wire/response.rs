//! The response of a handler: bytes, and ranges of files that are not read yet.

use bytes::{BufMut, Bytes, BytesMut};

use crate::protocol::error::EncodeError;
use crate::protocol::message::{Request, Response as Message};
use crate::protocol::messages::ApiVersionsRequest;
use crate::storage::segment::FileSlice;
use crate::wire::deferred::{DeferredItems, LengthMismatch};

/// ApiVersions: its response header never has tags (KIP-511).
pub const API_VERSIONS: i16 = ApiVersionsRequest::KEY;

/// A piece of a response. How it is sent is decided in `server/outbound.rs` alone.
#[derive(Debug)]
pub enum Chunk {
    /// Bytes.
    Bytes(Bytes),
    /// A range of a log file.
    File(FileSlice),
    /// Items that are encoded only when they are sent.
    Later(DeferredItems),
}

impl Chunk {
    /// Returns the number of bytes to send.
    pub fn bytes(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(slice) => slice.len,
            Chunk::Later(later) => later.bytes(),
        }
    }
}

/// The bytes to send for one request. `None` is for acks=0: nothing is sent.
#[derive(Debug)]
pub enum Response {
    /// Nothing.
    None,
    /// These chunks in order; the first begins with the frame's length.
    Chunks(Vec<Chunk>),
}

impl Response {
    /// Returns the number of bytes to send.
    pub fn bytes(&self) -> usize {
        let Response::Chunks(chunks) = self else { return 0 };
        chunks.iter().map(Chunk::bytes).sum()
    }

    /// Returns how many of these bytes are held in memory until they have been sent.
    pub fn bytes_in_memory(&self) -> usize {
        let Response::Chunks(chunks) = self else { return 0 };
        let held = |chunk: &Chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::File(_) | Chunk::Later(_) => 0,
        };
        chunks.iter().map(held).sum()
    }
}

/// Why a request gets no response; the connection is closed, as in Kafka.
#[derive(Debug, thiserror::Error)]
pub enum CloseReason {
    /// The bytes are not a valid request.
    #[error("malformed request: {0}")]
    Malformed(String),
    /// The API may not be used before the client has authenticated.
    #[error("{0} is not permitted before authentication")]
    Unauthenticated(&'static str),
    /// The response cannot be encoded in that version.
    #[error("the response cannot be encoded: {0}")]
    Unencodable(String),
    /// A request with acks=0 failed: closing is the only way to report it (as in Kafka).
    #[error("a produce request with acks=0 failed: {0}")]
    Unanswerable(String),
    /// The request or its response would exceed its memory limit.
    #[error("the request cannot be served: {0}")]
    Unaffordable(String),
}

impl From<EncodeError> for CloseReason {
    fn from(error: EncodeError) -> CloseReason {
        CloseReason::Unencodable(error.to_string())
    }
}

impl From<LengthMismatch> for CloseReason {
    fn from(mismatch: LengthMismatch) -> CloseReason {
        CloseReason::Unencodable(mismatch.to_string())
    }
}

/// The longest frame that the length field can represent.
const FRAME_BYTES_MAX: usize = i32::MAX as usize;

/// Begins a frame: reserves space for its length, and writes the response header.
pub fn begin<M: Message>(version: i16, correlation_id: i32) -> BytesMut {
    begin_sized::<M>(version, correlation_id, 128)
}

/// Begins a frame with memory for a response of about this size, header included.
pub fn begin_sized<M: Message>(version: i16, correlation_id: i32, bytes: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(bytes);
    out.put_i32(0);
    out.put_i32(correlation_id);
    if M::KEY != API_VERSIONS && M::is_flexible(version) {
        out.put_u8(0);
    }
    out
}

/// Writes the length into the first four bytes of a frame that is followed by `more` bytes
/// elsewhere.
///
/// # Errors
/// The frame is longer than a frame can be.
pub fn finish(mut out: BytesMut, more: usize) -> Result<Bytes, CloseReason> {
    let len = check_frame(out.len().saturating_sub(4) + more)?;
    if let Some(head) = out.first_chunk_mut::<4>() {
        *head = len.to_be_bytes();
    }
    Ok(out.freeze())
}

/// Returns the length of a frame as it is written.
///
/// # Errors
/// The frame is longer than a frame can be.
pub fn check_frame(bytes: usize) -> Result<i32, CloseReason> {
    let too_long =
        || format!("a response of {bytes} bytes or more exceeds the limit of {FRAME_BYTES_MAX}");
    i32::try_from(bytes).map_err(|_| CloseReason::Unaffordable(too_long()))
}

/// Encodes a response that consists of one message.
///
/// # Errors
/// The message cannot be encoded in this version, or is larger than a frame can be.
pub fn encode<M: Message>(
    version: i16,
    correlation_id: i32,
    message: &M,
) -> Result<Response, CloseReason> {
    let mut out = begin::<M>(version, correlation_id);
    message.encode_to(&mut out, version)?;
    Ok(Response::Chunks(vec![Chunk::Bytes(finish(out, 0)?)]))
}
