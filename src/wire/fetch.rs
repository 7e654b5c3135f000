//! The Fetch response, written around ranges of files that are not read here.

use crate::protocol::encoder::{Encode, Encoder};
use crate::protocol::message::Message;
use crate::protocol::messages::FetchResponse;
use crate::storage::segment::FileSlice;
use crate::wire::chunks::ChunkSink;
use crate::wire::response::{Chunk, CloseReason, Response, begin_sized, finish};

/// Encodes the response in this version. `slices` are the records that it leaves out, in order.
///
/// # Errors
///
/// Returns an error if it cannot be encoded in this version or is longer than a frame can be.
pub fn encode(
    version: i16,
    correlation_id: i32,
    fetched: &FetchResponse,
    slices: Vec<FileSlice>,
) -> Result<Response, CloseReason> {
    let head = begin_sized::<FetchResponse>(version, correlation_id, size_hint(fetched));
    let mut sink = ChunkSink::with_slices(head, slices);
    let is_flexible = FetchResponse::is_flexible(version);
    fetched.encode(&mut Encoder::new(&mut sink, version, is_flexible))?;
    let bytes = sink.bytes();
    let mut chunks = sink.into_chunks();
    if let Some(Chunk::Bytes(first)) = chunks.first_mut() {
        let more = bytes - first.len();
        // The frame's length is known only now.
        *first = finish(std::mem::take(first).into(), more)?;
    }
    Ok(Response::Chunks(chunks))
}

/// Returns about how many bytes a response takes without its records: more than most take.
fn size_hint(fetched: &FetchResponse) -> usize {
    let topics = fetched.responses.iter();
    topics.fold(64, |bytes, topic| bytes + 32 + topic.topic.len() + 64 * topic.partitions.len())
}

#[cfg(test)]
mod tests;
