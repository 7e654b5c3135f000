//! Batches that Ottla itself writes: metadata, internal topics, markers, rebuilt batches.
//!
//! A client's batch is rebuilt only if a rule requires it (`log/rewrite.rs`).

use crate::storage::batch::{
    CONTROL, CRC_FROM, Codec, HEADER_BYTES, Header, LOG_APPEND_TIME, MAGIC, PREFIX_BYTES,
    TRANSACTIONAL,
};
use crate::storage::{codec, compressor};
use crate::types::{NO_PRODUCER_ID, Offset, ProducerId};

/// A batch under construction.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    header: Header,
    records: Vec<u8>,
    codec: Codec,
    level: i32,
}

impl BatchBuilder {
    /// Returns an empty batch that starts at `base_offset`. Timestamp deltas are relative to
    /// `base_timestamp` (ms since 1970); Kafka uses the first record's timestamp.
    pub fn new(base_offset: Offset, base_timestamp: i64) -> BatchBuilder {
        let header = Header {
            base_offset,
            batch_length: 0,
            partition_leader_epoch: 0,
            magic: MAGIC,
            crc: 0,
            attributes: 0,
            last_offset_delta: 0,
            base_timestamp,
            max_timestamp: -1,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 0,
        };
        BatchBuilder {
            header,
            records: Vec::new(),
            codec: Codec::None,
            level: codec::DEFAULT_LEVEL,
        }
    }

    /// Sets the leader epoch, which is 0 by default.
    pub fn leader_epoch(mut self, epoch: i32) -> BatchBuilder {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// Sets the producer; `base_sequence` is the first record's, or -1 for markers.
    pub fn producer(mut self, id: ProducerId, epoch: i16, base_sequence: i32) -> BatchBuilder {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Makes it part of a transaction.
    pub fn transactional(mut self) -> BatchBuilder {
        self.header.attributes |= TRANSACTIONAL;
        self
    }

    /// Makes it a control batch, which consumers do not deliver.
    pub fn control(mut self) -> BatchBuilder {
        self.header.attributes |= CONTROL;
        self
    }

    /// Sets all records to the append time `append_ms` (ms since 1970) instead of their own
    /// timestamps.
    pub fn append_time(mut self, append_ms: i64) -> BatchBuilder {
        self.header.attributes |= LOG_APPEND_TIME;
        self.header.max_timestamp = append_ms;
        self
    }

    /// Compresses the records; for `level` see [`compressor::compress`].
    pub fn compressed(mut self, codec: Codec, level: i32) -> BatchBuilder {
        self.codec = codec;
        self.level = level;
        self
    }

    /// Adds a record at the next offset.
    pub fn push(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
        timestamp: i64,
    ) {
        let delta = if self.is_empty() { 0 } else { self.header.last_offset_delta + 1 };
        self.push_at(delta, key, value, headers, timestamp);
    }

    /// Adds a record `offset_delta` after the base offset: compaction leaves gaps.
    pub fn push_at(
        &mut self,
        offset_delta: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
        timestamp: i64,
    ) {
        let mut body = Vec::with_capacity(32 + key.map_or(0, <[u8]>::len));
        body.push(0);
        put_number(&mut body, timestamp.wrapping_sub(self.header.base_timestamp));
        put_number(&mut body, i64::from(offset_delta));
        put_bytes(&mut body, key);
        put_bytes(&mut body, value);
        put_number(&mut body, headers.len() as i64);
        for (name, value) in headers {
            put_bytes(&mut body, Some(name));
            put_bytes(&mut body, *value);
        }
        put_number(&mut self.records, body.len() as i64);
        self.records.extend_from_slice(&body);
        self.header.last_offset_delta = offset_delta;
        self.header.records_count += 1;
        if !self.header.is_log_append_time() {
            self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        }
    }

    /// Returns the number of records.
    pub fn len(&self) -> i32 {
        self.header.records_count
    }

    /// Returns true if there are no records.
    pub fn is_empty(&self) -> bool {
        self.header.records_count == 0
    }

    /// Returns the batch's length in bytes without compression.
    pub fn uncompressed_bytes(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// Returns the batch, with its length and CRC set. If the codec fails, the records stay
    /// uncompressed: longer, but valid.
    ///
    /// # Panics
    /// If the batch is longer than 2 GiB, far more than Ottla ever writes.
    pub fn finish(self) -> Vec<u8> {
        let mut header = self.header;
        let mut batch = vec![0; HEADER_BYTES];
        let packed = compressor::compress(self.codec, self.level, &self.records, &mut batch);
        if self.codec == Codec::None || packed.is_ok() {
            header.attributes |= self.codec.bits();
        } else {
            batch.truncate(HEADER_BYTES);
            batch.extend_from_slice(&self.records);
        }
        sealed(header, batch)
    }
}

/// Writes `header` to the start of `batch`, with correct length and CRC. The records are already in
/// `batch`, after space for the header.
///
/// # Panics
/// If the batch is longer than 2 GiB or shorter than a header.
pub fn sealed(mut header: Header, mut batch: Vec<u8>) -> Vec<u8> {
    header.batch_length =
        i32::try_from(batch.len() - PREFIX_BYTES).expect("a batch of less than 2 GiB");
    batch[..HEADER_BYTES].copy_from_slice(&header.write());
    header.crc = crc32c::crc32c(&batch[CRC_FROM..]);
    batch[..HEADER_BYTES].copy_from_slice(&header.write());
    batch
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_number(out, -1),
        Some(bytes) => {
            put_number(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}

/// Appends a zigzag varint. Numbers of 32 and of 64 bits have the same encoding.
pub(crate) fn put_number(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch::BatchView;
    use crate::storage::records::records;

    #[test]
    fn a_built_batch_is_read_back_with_everything_in_it() {
        let mut builder = BatchBuilder::new(40, 1000).producer(7, 1, 3).transactional();
        builder.push(Some(b"k"), None, &[(b"h", Some(b"v")), (b"h", None)], 1005);
        builder.push_at(4, None, Some(b""), &[], 999);
        let bytes = builder.leader_epoch(9).finish();
        let batch = BatchView::first(&bytes).unwrap();
        assert_eq!(batch.bytes.len(), bytes.len());
        assert!(batch.crc_is_right() && batch.header.is_transactional());
        assert_eq!((batch.header.last_offset(), batch.header.records_count), (44, 2));
        assert_eq!((batch.header.max_timestamp, batch.header.partition_leader_epoch), (1005, 9));
        let read: Vec<_> = records(&batch).unwrap().map(Result::unwrap).collect();
        assert_eq!((read[0].offset, read[0].timestamp), (40, 1005));
        assert_eq!(read[0].key.as_deref(), Some(b"k".as_slice()));
        assert_eq!(read[0].value, None);
        assert_eq!(read[0].headers.len(), 2);
        assert_eq!(read[0].headers[1].value, None);
        assert_eq!((read[1].offset, read[1].timestamp), (44, 999));
        assert_eq!(read[1].key, None);
        assert_eq!(read[1].value.as_deref(), Some(b"".as_slice()));
    }

    #[test]
    fn an_append_time_speaks_for_all_records() {
        let mut builder = BatchBuilder::new(0, 10).append_time(77);
        builder.push(None, None, &[], 500);
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        assert_eq!(batch.header.max_timestamp, 77);
        assert_eq!(records(&batch).unwrap().next().unwrap().unwrap().timestamp, 77);
    }
}
