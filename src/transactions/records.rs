//! The keys and values of `__transaction_state`, byte for byte as Apache Kafka 4.4 writes them.
//!
//! A key begins with its record type, a value with its version, 16 bits each; a null value is a
//! tombstone. The version is 1 if `transaction.version` 1 or 2 is finalized, else 0.

use bytes::Bytes;

use crate::machine::MachineRecord;
use crate::protocol::decoder::{Decode, Decoder};
use crate::protocol::error::DecodeError;
use crate::protocol::message::{Message, RecordType};
use crate::protocol::messages::transaction_log_key::TransactionLogKey;
use crate::protocol::messages::transaction_log_value::{PartitionsSchema, TransactionLogValue};
use crate::protocol::text::{owned, text};
use crate::transactions::partitions::PartitionSet;
use crate::transactions::state::{TransactionResult, TransactionState, TransactionVersion};

/// The topic of transactional ids.
pub const TOPIC: &str = "__transaction_state";

/// The producer id or epoch of none.
pub const NONE: i16 = -1;
/// The epoch from which on there is no next one for a client: the last one is kept for fencing.
pub const LAST_EPOCH: i16 = i16::MAX - 1;

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// They are truncated or malformed.
    #[error("{0}")]
    Damaged(#[from] DecodeError),
    /// The value has a version that a later Kafka wrote.
    #[error("TransactionLogValue version {0}, but only versions up to 1 are supported")]
    Version(i16),
    /// The state is none that is written.
    #[error("unknown transaction status {0}")]
    State(i8),
}

/// One record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The transactional id.
    pub id: String,
    /// Its state; none for a tombstone.
    pub value: Option<Box<TransactionValue>>,
    /// The version of the cluster, which the format depends on.
    pub version: TransactionVersion,
}

/// The state of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionValue {
    /// Its producer id.
    pub producer_id: i64,
    /// The producer id before the last change.
    pub previous_producer_id: i64,
    /// The producer id from the end of the transaction on, if its epoch is exhausted; or -1.
    pub next_producer_id: i64,
    /// The producer's epoch.
    pub epoch: i16,
    /// The epoch before, for retries; or -1. It is not in the log, as in Kafka.
    pub last_epoch: i16,
    /// How long a transaction may be open.
    pub timeout_ms: i32,
    /// The state.
    pub state: TransactionState,
    /// The partitions of the transaction.
    pub partitions: PartitionSet,
    /// When this became the state, ms since 1970.
    pub update_ms: i64,
    /// When the transaction began, ms since 1970; or -1.
    pub start_ms: i64,
    /// The version that the client of the last transaction uses.
    pub client_version: TransactionVersion,
}

impl TransactionValue {
    /// Returns true if the epoch cannot be increased for a client any more.
    pub fn is_exhausted(&self) -> bool {
        self.epoch >= LAST_EPOCH
    }

    /// Returns how the transaction is ending.
    pub fn result(&self) -> TransactionResult {
        match self.state {
            TransactionState::PrepareCommit | TransactionState::CompleteCommit => {
                TransactionResult::Commit
            }
            _ => TransactionResult::Abort,
        }
    }

    /// Returns the next value, in this state. The producer's id becomes the previous one.
    pub fn next(&self, state: TransactionState, update_ms: i64) -> TransactionValue {
        debug_assert!(state.may_follow(self.state), "{:?} to {state:?}", self.state);
        let previous_producer_id = self.producer_id;
        TransactionValue { state, update_ms, previous_producer_id, ..self.clone() }
    }

    /// Returns the value once all markers have been written.
    pub fn completed(&self, now_ms: i64) -> TransactionValue {
        let mut next = self.next(self.result().completed(), now_ms);
        if self.client_version.bumps_epochs() && self.next_producer_id != i64::from(NONE) {
            (next.producer_id, next.epoch) = (self.next_producer_id, 0);
        }
        next.next_producer_id = NONE.into();
        next.partitions = PartitionSet::default();
        next
    }

    fn encode(&self, version: TransactionVersion) -> Vec<u8> {
        let of = |(topic, indexes): (String, Vec<i32>)| {
            PartitionsSchema::default().with_topic(text(&topic)).with_partition_ids(indexes)
        };
        let has_partitions = self.state != TransactionState::Empty;
        let partitions = || self.partitions.to_vec().into_iter().map(of).collect();
        let value = TransactionLogValue::default()
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_transaction_timeout_ms(self.timeout_ms)
            .with_transaction_status(self.state.number())
            .with_transaction_partitions(has_partitions.then(partitions))
            .with_transaction_last_update_timestamp_ms(self.update_ms)
            .with_transaction_start_timestamp_ms(self.start_ms);
        let number = version.min(TransactionVersion::V1).level();
        let value = match number {
            0 => value,
            _ => value
                .with_previous_producer_id(self.previous_producer_id)
                .with_next_producer_id(self.next_producer_id)
                .with_client_transaction_version(self.client_version.level()),
        };
        value.numbered(number, number)
    }

    fn of(value: TransactionLogValue) -> Result<TransactionValue, RecordError> {
        let status = value.transaction_status;
        let state = TransactionState::of_number(status).ok_or(RecordError::State(status))?;
        let partitions = value.transaction_partitions.unwrap_or_default();
        let partitions = partitions.into_iter().map(|all| (owned(all.topic), all.partition_ids));
        Ok(TransactionValue {
            producer_id: value.producer_id,
            previous_producer_id: value.previous_producer_id,
            next_producer_id: value.next_producer_id,
            epoch: value.producer_epoch,
            last_epoch: NONE,
            timeout_ms: value.transaction_timeout_ms,
            state,
            partitions: PartitionSet::of(partitions),
            update_ms: value.transaction_last_update_timestamp_ms,
            start_ms: value.transaction_start_timestamp_ms,
            client_version: TransactionVersion::of_level(value.client_transaction_version),
        })
    }
}

impl MachineRecord for Record {
    const TOPIC: &'static str = TOPIC;
    type DecodeError = RecordError;

    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        (self.key(), self.value.as_ref().map(|value| value.encode(self.version)))
    }

    fn key(&self) -> Vec<u8> {
        let key = TransactionLogKey::default().with_transactional_id(text(&self.id));
        key.numbered(TransactionLogKey::TYPE, 0)
    }

    fn placement(&self) -> &str {
        &self.id
    }

    fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }

    fn tombstone(&self) -> Record {
        Record { value: None, ..self.clone() }
    }

    fn weight(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.partitions.bytes())
    }

    fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, RecordError> {
        let key = Bytes::copy_from_slice(key);
        let mut decoder = Decoder::new(&key, 0, false, 0);
        if decoder.i16("version")? != TransactionLogKey::TYPE {
            return Ok(None);
        }
        let id = owned(TransactionLogKey::decode(&mut decoder)?.transactional_id);
        let Some(value) = value else {
            return Ok(Some(Record { id, value: None, version: TransactionVersion::V0 }));
        };
        let value = Bytes::copy_from_slice(value);
        let number = Decoder::new(&value, 0, false, 0).i16("version")?;
        if !TransactionLogValue::VERSIONS.contains(&number) {
            return Err(RecordError::Version(number));
        }
        // It comes from the disk: counts are compared with the bytes that are there.
        let (value, _) = TransactionLogValue::decode_from(&value.slice(2..), number, usize::MAX)?;
        let version = TransactionVersion::of_level(number);
        Ok(Some(Record { id, value: Some(Box::new(TransactionValue::of(value)?)), version }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ongoing() -> TransactionValue {
        TransactionValue {
            producer_id: 4000,
            previous_producer_id: 3999,
            next_producer_id: -1,
            epoch: 7,
            last_epoch: -1,
            timeout_ms: 60_000,
            state: TransactionState::Ongoing,
            partitions: PartitionSet::of([("t".to_owned(), vec![1, 0])]),
            update_ms: 2,
            start_ms: 1,
            client_version: TransactionVersion::V2,
        }
    }

    #[test]
    fn a_record_survives_its_encoding() {
        for version in [TransactionVersion::V0, TransactionVersion::V1] {
            let value = match version {
                TransactionVersion::V0 => TransactionValue {
                    previous_producer_id: -1,
                    client_version: version,
                    ..ongoing()
                },
                _ => ongoing(),
            };
            let record = Record { id: "a".to_owned(), value: Some(Box::new(value)), version };
            let (key, value) = record.encode();
            assert_eq!(Record::decode(&key, value.as_deref()), Ok(Some(record.clone())));
            let removed = Record { version: TransactionVersion::V0, ..record.tombstone() };
            assert_eq!(Record::decode(&key, None), Ok(Some(removed)));
        }
    }

    #[test]
    fn the_bytes_are_those_of_kafka() {
        let of = |version| {
            let value = Some(Box::new(ongoing()));
            Record { id: "a".to_owned(), value, version }.encode()
        };
        let (key, value) = of(TransactionVersion::V0);
        assert_eq!(key, [0, 0, 0, 1, b'a']);
        let mut expected = vec![0, 0];
        expected.extend(4000_i64.to_be_bytes());
        expected.extend([0, 7, 0, 0, 0xea, 0x60, 1]);
        expected.extend([0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend(2_i64.to_be_bytes());
        expected.extend(1_i64.to_be_bytes());
        assert_eq!(value, Some(expected));
        let (_, value) = of(TransactionVersion::V2);
        let mut expected = vec![0, 1];
        expected.extend(4000_i64.to_be_bytes());
        expected.extend([0, 7, 0, 0, 0xea, 0x60, 1]);
        expected.extend([2, 2, b't', 3, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        expected.extend(2_i64.to_be_bytes());
        expected.extend(1_i64.to_be_bytes());
        // Two tagged fields: PreviousProducerId and ClientTransactionVersion.
        expected.extend([2, 0, 8]);
        expected.extend(3999_i64.to_be_bytes());
        expected.extend([2, 2, 0, 2]);
        assert_eq!(value, Some(expected));
    }
}
