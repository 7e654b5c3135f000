//! The Fetch response, written around ranges of files that are not read here.

use bytes::{BufMut, BytesMut};

use crate::storage::segment::FileSlice;
use crate::types::{Offset, ProducerId, TopicId};
use crate::wire::response::{Chunk, CloseReason, Response, begin, finish, put_varint};

/// Fetch.
pub const KEY: i16 = 1;

/// One partition of the response.
#[derive(Debug, Clone, Default)]
pub struct FetchedPartition {
    /// The partition's index.
    pub index: i32,
    /// Kafka's error code.
    pub error_code: i16,
    /// High watermark; -1 with an error.
    pub high_watermark: Offset,
    /// Last stable offset; -1 with an error.
    pub last_stable_offset: Offset,
    /// Log start offset; -1 with an error.
    pub log_start_offset: Offset,
    /// Aborted transactions among the records; `None` for read_uncommitted.
    pub aborted: Option<Vec<(ProducerId, Offset)>>,
    /// If the client has read beyond it: the last epoch from which it can continue, and its end
    /// offset (from version 12 on).
    pub diverging: Option<(i32, Offset)>,
    /// The records; `None` is written as empty, never as null (which librdkafka treats as corrupt).
    pub records: Option<FileSlice>,
}

/// One topic of the response.
#[derive(Debug, Clone, Default)]
pub struct FetchedTopic {
    /// Its name, up to version 12.
    pub name: String,
    /// Its id, from version 13 on.
    pub id: TopicId,
    /// Its partitions.
    pub partitions: Vec<FetchedPartition>,
}

/// The whole response.
#[derive(Debug, Clone, Default)]
pub struct FetchedResponse {
    /// How long the client is throttled, in ms.
    pub throttle_time_ms: i32,
    /// Error of the request as a whole.
    pub error_code: i16,
    /// The session to continue with, or 0.
    pub session_id: i32,
    /// The topics.
    pub topics: Vec<FetchedTopic>,
}

/// Writes lengths and counts, in the old or the compact form.
struct Lengths(bool);

impl Lengths {
    fn put(&self, out: &mut BytesMut, n: usize) {
        if self.0 { put_varint(out, n as u32 + 1) } else { out.put_i32(n as i32) }
    }

    fn tags(&self, out: &mut BytesMut) {
        if self.0 {
            out.put_u8(0);
        }
    }
}

/// Encodes the response in this version.
///
/// # Errors
/// It is longer than a frame can be.
pub fn encode(
    version: i16,
    correlation_id: i32,
    fetched: FetchedResponse,
) -> Result<Response, CloseReason> {
    let lengths = Lengths(version >= 12);
    let mut chunks = Vec::new();
    let mut out = begin(KEY, version, correlation_id);
    out.put_i32(fetched.throttle_time_ms);
    if version >= 7 {
        out.put_i16(fetched.error_code);
        out.put_i32(fetched.session_id);
    }
    lengths.put(&mut out, fetched.topics.len());
    for topic in fetched.topics {
        if version >= 13 {
            out.put_u128(topic.id.as_u128());
        } else if version >= 12 {
            lengths.put(&mut out, topic.name.len());
            out.put_slice(topic.name.as_bytes());
        } else {
            out.put_i16(topic.name.len() as i16);
            out.put_slice(topic.name.as_bytes());
        }
        lengths.put(&mut out, topic.partitions.len());
        for partition in topic.partitions {
            head(&mut out, version, &lengths, &partition);
            lengths.put(&mut out, partition.records.as_ref().map_or(0, |r| r.len));
            if let Some(records) = partition.records {
                chunks.push(Chunk::Bytes(out.split().freeze()));
                chunks.push(Chunk::File(records));
            }
            match partition.diverging {
                Some(diverging) if version >= 12 => tag_diverging(&mut out, diverging),
                _ => lengths.tags(&mut out),
            }
        }
        lengths.tags(&mut out);
    }
    lengths.tags(&mut out);
    whole(chunks, out)
}

fn head(out: &mut BytesMut, version: i16, lengths: &Lengths, partition: &FetchedPartition) {
    out.put_i32(partition.index);
    out.put_i16(partition.error_code);
    out.put_i64(partition.high_watermark);
    out.put_i64(partition.last_stable_offset);
    if version >= 5 {
        out.put_i64(partition.log_start_offset);
    }
    match &partition.aborted {
        None if version >= 12 => out.put_u8(0),
        None => out.put_i32(-1),
        Some(aborted) => {
            lengths.put(out, aborted.len());
            for (producer_id, first_offset) in aborted {
                out.put_i64(*producer_id);
                out.put_i64(*first_offset);
                lengths.tags(out);
            }
        }
    }
    if version >= 11 {
        out.put_i32(-1);
    }
}

/// Writes the tagged fields of a partition that has a diverging epoch.
fn tag_diverging(out: &mut BytesMut, (epoch, end_offset): (i32, Offset)) {
    const BYTES: u8 = 4 + 8 + 1;
    // One field; its tag; its length.
    out.put_slice(&[1, 0, BYTES]);
    out.put_i32(epoch);
    out.put_i64(end_offset);
    out.put_u8(0);
}

/// Writes the frame's length, which is known only now, into the first chunk.
fn whole(mut chunks: Vec<Chunk>, out: BytesMut) -> Result<Response, CloseReason> {
    let total: usize = chunks.iter().map(Chunk::bytes).sum();
    match chunks.first_mut() {
        Some(Chunk::Bytes(first)) => {
            let head = BytesMut::from(&first[..]);
            let more = total + out.len() - first.len();
            *first = finish(head, more)?;
            chunks.push(Chunk::Bytes(out.freeze()));
            Ok(Response::Chunks(chunks))
        }
        _ => Ok(Response::Chunks(vec![Chunk::Bytes(finish(out, 0)?)])),
    }
}

#[cfg(test)]
mod tests;
