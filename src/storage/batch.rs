//! A record batch of format v2 (KIP-98), read in place.
//!
//! **Invariant:** a [`Header`] is 61 bytes of untrusted input: nothing in it may be relied on
//! before the batch has passed its CRC and `log/admit.rs`.
//!
//! The CRC covers everything after it, from the attributes on. Base offset, length, leader epoch
//! and magic precede it, so a broker may place a batch without recomputing the CRC.

use crate::types::{Offset, ProducerId};

/// Bytes before the records.
pub const HEADER_BYTES: usize = 61;
/// Bytes of the base offset and the length: the length field counts the bytes after them.
pub const PREFIX_BYTES: usize = 12;
/// The bytes that a broker rewrites when it places a batch: base offset, length, leader epoch.
pub const HEAD_BYTES: usize = 16;
/// The only format that is stored.
pub const MAGIC: i8 = 2;
/// Position of the first byte that the CRC covers.
pub const CRC_FROM: usize = 21;

/// Compression of a batch's records: the low three bits of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Uncompressed.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Snappy, raw or in the xerial framing of the Java client.
    Snappy,
    /// An LZ4 frame.
    Lz4,
    /// A Zstandard frame (KIP-110).
    Zstd,
}

impl Codec {
    /// Returns the codec of these attributes; `None` for the three numbers that are not assigned.
    pub fn of(attributes: i16) -> Option<Codec> {
        match attributes & 0x07 {
            0 => Some(Codec::None),
            1 => Some(Codec::Gzip),
            2 => Some(Codec::Snappy),
            3 => Some(Codec::Lz4),
            4 => Some(Codec::Zstd),
            _ => None,
        }
    }

    /// Returns the codec as the low bits of the attributes.
    pub fn bits(self) -> i16 {
        self as i16
    }
}

/// The attribute bit of a batch whose records have the time of their append as timestamp.
pub const LOG_APPEND_TIME: i16 = 0x08;
/// The attribute bit of a batch inside a transaction.
pub const TRANSACTIONAL: i16 = 0x10;
/// The attribute bit of a control batch.
pub const CONTROL: i16 = 0x20;

/// The attribute bit of a batch whose base timestamp is its delete horizon: until then, compaction
/// keeps its tombstones or its marker (KIP-534).
pub const DELETE_HORIZON: i16 = 0x40;

/// The fixed part of a batch. Field names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Offset of the first record (or what it was, before compaction).
    pub base_offset: Offset,
    /// Bytes after the first twelve.
    pub batch_length: i32,
    /// Epoch of the leader that placed it.
    pub partition_leader_epoch: i32,
    /// Format version.
    pub magic: i8,
    /// CRC-32C of everything from byte 21 on.
    pub crc: u32,
    /// Codec, timestamp type, transactional, control, delete horizon.
    pub attributes: i16,
    /// Offset of the last record minus the base offset.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, ms since 1970; deltas count from it.
    pub base_timestamp: i64,
    /// The largest timestamp of its records, or the append time.
    pub max_timestamp: i64,
    /// -1 if not idempotent.
    pub producer_id: ProducerId,
    /// -1 if not idempotent.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 if not idempotent.
    pub base_sequence: i32,
    /// Number of records.
    pub records_count: i32,
}

impl Header {
    /// Reads a header; `None` if there are fewer than 61 bytes.
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let b: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        Some(Header {
            base_offset: i64::from_be_bytes(part(b, 0)),
            batch_length: i32::from_be_bytes(part(b, 8)),
            partition_leader_epoch: i32::from_be_bytes(part(b, 12)),
            magic: b[16] as i8,
            crc: u32::from_be_bytes(part(b, 17)),
            attributes: i16::from_be_bytes(part(b, 21)),
            last_offset_delta: i32::from_be_bytes(part(b, 23)),
            base_timestamp: i64::from_be_bytes(part(b, 27)),
            max_timestamp: i64::from_be_bytes(part(b, 35)),
            producer_id: i64::from_be_bytes(part(b, 43)),
            producer_epoch: i16::from_be_bytes(part(b, 51)),
            base_sequence: i32::from_be_bytes(part(b, 53)),
            records_count: i32::from_be_bytes(part(b, 57)),
        })
    }

    /// Writes the header's 61 bytes as they stand, the CRC field included.
    pub fn write(&self) -> [u8; HEADER_BYTES] {
        let mut b = [0; HEADER_BYTES];
        b[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        b[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        b[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        b[16] = self.magic as u8;
        b[17..21].copy_from_slice(&self.crc.to_be_bytes());
        b[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        b[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        b[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        b[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        b[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        b[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        b[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        b[57..61].copy_from_slice(&self.records_count.to_be_bytes());
        b
    }

    /// Returns the length of the whole batch in bytes, prefix included: at least 61, or `None` for
    /// a length that leaves no room for the header.
    pub fn total_bytes(&self) -> Option<usize> {
        let total = usize::try_from(self.batch_length).ok()? + PREFIX_BYTES;
        (total >= HEADER_BYTES).then_some(total)
    }

    /// Returns the offset of the last record.
    pub fn last_offset(&self) -> Offset {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Returns one past the last offset: where the next batch may begin.
    pub fn end_offset(&self) -> Offset {
        self.last_offset() + 1
    }

    /// Returns the sequence number of the last record; wraps from 2147483647 to 0 (KIP-98).
    pub fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.last_offset_delta)
    }

    /// Returns true if its producer is idempotent.
    pub fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    /// Returns true if it is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Returns true if it is a control batch, written by a broker.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Returns true if all its records have the time of their append as timestamp.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Returns the time until which compaction keeps its tombstones, ms since 1970, if it is set.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Returns the codec, if it is a known one.
    pub fn codec(&self) -> Option<Codec> {
        Codec::of(self.attributes)
    }
}

/// Returns the sequence number `delta` after `sequence`; 2147483647 is followed by 0.
pub fn sequence_after(sequence: i32, delta: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(delta);
    (sum % (i64::from(i32::MAX) + 1)) as i32
}

/// A whole batch: its parsed header and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a> {
    /// The parsed header.
    pub header: Header,
    /// The bytes of exactly this batch, header included.
    pub bytes: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// Returns the first batch in `bytes`; `None` if it is incomplete or its length is impossible.
    pub fn first(bytes: &'a [u8]) -> Option<BatchView<'a>> {
        let header = Header::read(bytes)?;
        let bytes = bytes.get(..header.total_bytes()?)?;
        Some(BatchView { header, bytes })
    }

    /// Returns the records, compressed or not.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Returns true if the CRC is correct.
    pub fn crc_is_right(&self) -> bool {
        self.crc() == self.header.crc
    }

    /// Returns the CRC of the batch's bytes, regardless of the one in its header.
    pub fn crc(&self) -> u32 {
        crc32c::crc32c(&self.bytes[CRC_FROM..])
    }

    /// Returns the sixteen bytes rewritten to place the batch: base offset, length, leader epoch.
    pub fn placed_at(&self, base_offset: Offset, leader_epoch: i32) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[0..8].copy_from_slice(&base_offset.to_be_bytes());
        head[8..12].copy_from_slice(&self.header.batch_length.to_be_bytes());
        head[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
        head
    }
}

/// Returns the batches of `bytes` in order, up to the first that is incomplete.
pub fn batches(bytes: &[u8]) -> impl Iterator<Item = BatchView<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let batch = BatchView::first(rest)?;
        rest = &rest[batch.bytes.len()..];
        Some(batch)
    })
}

fn part<const N: usize>(bytes: &[u8; HEADER_BYTES], from: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[from..from + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(sequence_after(i32::MAX, 0), i32::MAX);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 3), 1);
    }

    #[test]
    fn a_header_survives_the_round_trip() {
        let bytes: Vec<u8> = (0..61).collect();
        assert_eq!(Header::read(&bytes).unwrap().write().as_slice(), bytes);
        assert!(Header::read(&bytes[..60]).is_none());
    }

    #[test]
    fn a_length_that_leaves_no_header_is_no_batch() {
        let mut bytes = [0; 61];
        bytes[8..12].copy_from_slice(&48_i32.to_be_bytes());
        assert!(BatchView::first(&bytes).is_none());
        bytes[8..12].copy_from_slice(&49_i32.to_be_bytes());
        assert!(BatchView::first(&bytes).is_some());
        bytes[8..12].copy_from_slice(&(-1_i32).to_be_bytes());
        assert!(BatchView::first(&bytes).is_none());
    }
}
