//! The end of a transaction in a partition: the marker that commits or aborts it.

use crate::config::choices::TimestampType;
use crate::storage::batch::BatchView;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::records::records;
use crate::types::{Offset, ProducerId};

/// The version of the marker's key and value.
const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The end of a transaction, as recorded by a control batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// True for a commit, false for an abort.
    pub committed: bool,
    /// Epoch of the transaction coordinator that requested it.
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    /// Reads a control batch; `None` if it is not the end of a transaction (the metadata log has
    /// other types of control batches) or has been emptied by compaction.
    pub fn of(batch: &BatchView<'_>) -> Option<EndTxnMarker> {
        if !batch.header.is_control() || !batch.header.is_idempotent() {
            return None;
        }
        let record = records(batch).ok()?.next()?.ok()?;
        let (key, value) = (record.key?, record.value?);
        let kind = i16::from_be_bytes(*key.get(2..)?.first_chunk()?);
        let coordinator_epoch = i32::from_be_bytes(*value.get(2..)?.first_chunk()?);
        let committed = match kind {
            ABORT => false,
            COMMIT => true,
            _ => return None,
        };
        Some(EndTxnMarker { committed, coordinator_epoch })
    }
}

/// The request of a coordinator to end a producer's transaction in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTxn {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// The epoch of the marker: that of the transaction, or a later one.
    pub producer_epoch: i16,
    /// What the marker records.
    pub marker: EndTxnMarker,
    /// True from `transaction.version` 2 on: every transaction has its own epoch, and its marker
    /// begins the next one (KIP-890).
    pub bumps_epoch: bool,
}

impl EndTxn {
    /// Returns the control batch, as Kafka's `MemoryRecords.withEndTransactionMarker` builds it.
    pub fn batch(&self, timestamp_type: TimestampType, now_wall_ms: i64) -> Vec<u8> {
        let builder = BatchBuilder::new(0, now_wall_ms);
        let builder = builder.producer(self.producer_id, self.producer_epoch, -1);
        let mut builder = builder.transactional().control();
        if timestamp_type == TimestampType::LogAppendTime {
            builder = builder.append_time(now_wall_ms);
        }
        let kind = if self.marker.committed { COMMIT } else { ABORT };
        let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
        let coordinator_epoch = self.marker.coordinator_epoch.to_be_bytes();
        let value = [VERSION.to_be_bytes().as_slice(), coordinator_epoch.as_slice()].concat();
        builder.push(Some(&key), Some(&value), &[], now_wall_ms);
        builder.finish()
    }
}

/// A transaction ended by a marker in this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedTxn {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Offset of its first record in this partition.
    pub first_offset: Offset,
    /// Offset of the marker.
    pub last_offset: Offset,
    /// True if readers with `read_committed` must skip it.
    pub aborted: bool,
    /// The last stable offset after the marker.
    pub last_stable_offset: Offset,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(committed: bool, coordinator_epoch: i32) -> EndTxn {
        let marker = EndTxnMarker { committed, coordinator_epoch };
        EndTxn { producer_id: 7, producer_epoch: 3, marker, bumps_epoch: true }
    }

    #[test]
    fn a_marker_has_the_bytes_that_kafka_writes() {
        let bytes = end(true, 0).batch(TimestampType::CreateTime, 1_700_000_000_000);
        let batch = BatchView::first(&bytes).unwrap();
        let header = batch.header;
        assert_eq!((header.attributes, header.base_sequence, header.records_count), (0x30, -1, 1));
        assert_eq!((header.producer_id, header.producer_epoch), (7, 3));
        assert_eq!(header.max_timestamp, 1_700_000_000_000);
        let record = [0x20, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(batch.payload(), record);
        assert!(batch.crc_is_right());
    }

    #[test]
    fn what_is_written_is_read() {
        for committed in [false, true] {
            for timestamp_type in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
                let end = end(committed, 9);
                let bytes = end.batch(timestamp_type, 5);
                let batch = BatchView::first(&bytes).unwrap();
                assert_eq!(EndTxnMarker::of(&batch), Some(end.marker));
                let is_append_time = timestamp_type == TimestampType::LogAppendTime;
                assert_eq!(batch.header.is_log_append_time(), is_append_time);
            }
        }
    }

    #[test]
    fn only_ends_of_transactions_are_markers() {
        let of = |bytes: &[u8]| EndTxnMarker::of(&BatchView::first(bytes).unwrap());
        let control = || BatchBuilder::new(0, 0).producer(1, 0, -1).control();
        let with = |key: &[u8], value: &[u8]| {
            let mut builder = control();
            builder.push(Some(key), Some(value), &[], 0);
            of(&builder.finish())
        };
        assert!(with(&[0, 0, 0, 1], &[0, 0, 0, 0, 0, 6]).is_some());
        assert_eq!(with(&[0, 0, 0, 2], &[0, 0, 0, 0, 0, 6]), None);
        assert_eq!(with(&[0, 0, 0], &[0, 0, 0, 0, 0]), None);
        assert_eq!(of(&control().finish()), None);
    }
}
