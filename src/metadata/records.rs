//! The records of the KRaft metadata log, `__cluster_metadata-0`, byte for byte as Apache Kafka 4.1
//! writes them.
//!
//! A record's value is a frame version (1), the record's type and its version, each an unsigned
//! varint, followed by the message in the flexible encoding (Kafka: `AbstractApiMessageSerde`).
//! Partitions are in `partition_records.rs`, brokers in `broker_records.rs`.
//!
//! **Invariant:** records are written in the version that Kafka 4.1 writes at its own
//! `metadata.version` (4.1-IV1, level 27); every older version can be read.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::fields::{DecodeError, Reader, Tags, Writer};
use crate::metadata::broker_records::{BrokerRegistrationChangeRecord, RegisterBrokerRecord};
use crate::metadata::partition_records::{PartitionChangeRecord, PartitionRecord};
use crate::metadata::quotas::ClientQuotaRecord;

/// The frame version of every record.
const FRAME_VERSION: u32 = 1;

const REGISTER_BROKER: u32 = 0;
const TOPIC: u32 = 2;
const PARTITION: u32 = 3;
const CONFIG: u32 = 4;
const PARTITION_CHANGE: u32 = 5;
const REMOVE_TOPIC: u32 = 9;
const FEATURE_LEVEL: u32 = 12;
const CLIENT_QUOTA: u32 = 14;
const PRODUCER_IDS: u32 = 15;
const BROKER_REGISTRATION_CHANGE: u32 = 17;
const NO_OP: u32 = 20;
const BEGIN_TRANSACTION: u32 = 23;
const END_TRANSACTION: u32 = 24;
const ABORT_TRANSACTION: u32 = 25;

/// Why bytes are not a record, or not one that this version of Ottla can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The three numbers before the message cannot be read.
    #[error("a metadata record with an incomplete frame: {0}")]
    Frame(DecodeError),
    /// A frame version other than 1.
    #[error("a metadata record with frame version {0}, but only 1 is supported")]
    FrameVersion(u32),
    /// A known type in an unknown version: a later Kafka wrote it.
    #[error("{name} version {version}, but only versions up to {newest} are supported")]
    Version {
        /// The record's name in Kafka.
        name: &'static str,
        /// The version found.
        version: u32,
        /// The newest version that can be read.
        newest: u32,
    },
    /// The message is truncated, too long, or malformed.
    #[error("damaged {name} version {version}: {damage}")]
    Damaged {
        /// The record's name in Kafka.
        name: &'static str,
        /// The record's version.
        version: u32,
        /// What was found.
        damage: DecodeError,
    },
}

/// One record of the metadata log.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A broker registered.
    RegisterBroker(RegisterBrokerRecord),
    /// A topic was created.
    Topic(TopicRecord),
    /// A partition was created, or its state in a snapshot.
    Partition(PartitionRecord),
    /// A config was set or removed.
    Config(ConfigRecord),
    /// A partition changed.
    PartitionChange(PartitionChangeRecord),
    /// A topic and its partitions were deleted.
    RemoveTopic(RemoveTopicRecord),
    /// A feature's level was set.
    FeatureLevel(FeatureLevelRecord),
    /// A client quota was set or removed.
    ClientQuota(ClientQuotaRecord),
    /// A block of producer ids was allocated.
    ProducerIds(ProducerIdsRecord),
    /// A broker's registration changed.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    /// Nothing; Kafka's controller writes it so that the log advances in time.
    NoOp,
    /// The records that follow take effect only once the transaction has ended (KIP-868).
    BeginTransaction(BeginTransactionRecord),
    /// The open transaction takes effect.
    EndTransaction,
    /// The open transaction has no effect.
    AbortTransaction(AbortTransactionRecord),
    /// A type that Ottla has no use for, kept as it is.
    Other {
        /// Kafka's number for the record type.
        kind: u32,
        /// The record's version.
        version: u32,
        /// The message after the frame, unread.
        body: Bytes,
    },
}

/// A topic was created. Kafka: `TopicRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRecord {
    /// The topic's name.
    pub name: String,
    /// Its id, which is never reused.
    pub topic_id: Uuid,
}

/// A topic and all its partitions were deleted. Kafka: `RemoveTopicRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// The topic's id.
    pub topic_id: Uuid,
}

/// A config of a resource was set or removed. Kafka: `ConfigRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRecord {
    /// The resource type: 2 topic, 4 broker, 16 client metrics, 32 group (Kafka: `ConfigResource`).
    pub resource_type: i8,
    /// The topic's name, or the broker's id in decimal; empty for the default of all brokers.
    pub resource_name: String,
    /// The config's name.
    pub name: String,
    /// Its value; `None` removes it.
    pub value: Option<String>,
}

/// A feature's level was set. Kafka: `FeatureLevelRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature's name, for example `metadata.version`.
    pub name: String,
    /// Its level; 0 turns the feature off.
    pub feature_level: i16,
}

/// A block of producer ids was allocated to a broker. Kafka: `ProducerIdsRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// The broker that requested it.
    pub broker_id: i32,
    /// Its epoch at that time.
    pub broker_epoch: i64,
    /// The first id of the *next* block: all ids below it have been allocated.
    pub next_producer_id: i64,
}

/// A transaction of the metadata log begins. Kafka: `BeginTransactionRecord`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BeginTransactionRecord {
    /// A description for humans.
    pub name: Option<String>,
}

/// The open transaction is aborted. Kafka: `AbortTransactionRecord`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbortTransactionRecord {
    /// The reason, for humans.
    pub reason: Option<String>,
}

/// Type, name and newest readable version of the records that are not [`Record::Other`].
const KNOWN: &[(u32, &str, u32)] = &[
    (REGISTER_BROKER, "RegisterBrokerRecord", 4),
    (TOPIC, "TopicRecord", 0),
    (PARTITION, "PartitionRecord", 2),
    (CONFIG, "ConfigRecord", 0),
    (PARTITION_CHANGE, "PartitionChangeRecord", 2),
    (REMOVE_TOPIC, "RemoveTopicRecord", 0),
    (FEATURE_LEVEL, "FeatureLevelRecord", 0),
    (CLIENT_QUOTA, "ClientQuotaRecord", 0),
    (PRODUCER_IDS, "ProducerIdsRecord", 0),
    (BROKER_REGISTRATION_CHANGE, "BrokerRegistrationChangeRecord", 3),
    (NO_OP, "NoOpRecord", 0),
    (BEGIN_TRANSACTION, "BeginTransactionRecord", 0),
    (END_TRANSACTION, "EndTransactionRecord", 0),
    (ABORT_TRANSACTION, "AbortTransactionRecord", 0),
];

impl Record {
    /// Returns the record's value as stored in the log, frame included.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        let (kind, version) = self.kind_and_version();
        w.varint(FRAME_VERSION);
        w.varint(kind);
        w.varint(version);
        match self {
            Record::RegisterBroker(record) => record.write(&mut w),
            Record::Topic(record) => record.write(&mut w),
            Record::Partition(record) => record.write(&mut w),
            Record::Config(record) => record.write(&mut w),
            Record::PartitionChange(record) => record.write(&mut w),
            Record::RemoveTopic(record) => record.write(&mut w),
            Record::FeatureLevel(record) => record.write(&mut w),
            Record::ClientQuota(record) => record.write(&mut w),
            Record::ProducerIds(record) => record.write(&mut w),
            Record::BrokerRegistrationChange(record) => record.write(&mut w),
            Record::NoOp | Record::EndTransaction => w.no_tags(),
            Record::BeginTransaction(record) => write_remark(&mut w, record.name.as_deref()),
            Record::AbortTransaction(record) => write_remark(&mut w, record.reason.as_deref()),
            Record::Other { body, .. } => w.raw(body),
        }
        w.into_bytes()
    }

    /// Decodes a record's value.
    ///
    /// # Errors
    /// The bytes are truncated or too long, or a known type has an unknown version.
    pub fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
        let mut r = Reader::new(bytes);
        let frame = r.varint().map_err(RecordError::Frame)?;
        if frame != FRAME_VERSION {
            return Err(RecordError::FrameVersion(frame));
        }
        let kind = r.varint().map_err(RecordError::Frame)?;
        let version = r.varint().map_err(RecordError::Frame)?;
        let Some((_, name, newest)) = KNOWN.iter().find(|row| row.0 == kind).copied() else {
            return Ok(Record::Other { kind, version, body: r.remainder() });
        };
        if version > newest {
            return Err(RecordError::Version { name, version, newest });
        }
        let damaged = |damage| RecordError::Damaged { name, version, damage };
        let record = Record::read(kind, version, &mut r).map_err(damaged)?;
        match r.rest().len() {
            0 => Ok(record),
            n => Err(damaged(DecodeError::new(format_args!("{n} bytes after its end")))),
        }
    }

    fn kind_and_version(&self) -> (u32, u32) {
        match self {
            Record::RegisterBroker(_) => (REGISTER_BROKER, RegisterBrokerRecord::WRITTEN),
            Record::Topic(_) => (TOPIC, 0),
            Record::Partition(_) => (PARTITION, PartitionRecord::WRITTEN),
            Record::Config(_) => (CONFIG, 0),
            Record::PartitionChange(_) => (PARTITION_CHANGE, PartitionChangeRecord::WRITTEN),
            Record::RemoveTopic(_) => (REMOVE_TOPIC, 0),
            Record::FeatureLevel(_) => (FEATURE_LEVEL, 0),
            Record::ClientQuota(_) => (CLIENT_QUOTA, 0),
            Record::ProducerIds(_) => (PRODUCER_IDS, 0),
            Record::BrokerRegistrationChange(record) => {
                (BROKER_REGISTRATION_CHANGE, record.version())
            }
            Record::NoOp => (NO_OP, 0),
            Record::BeginTransaction(_) => (BEGIN_TRANSACTION, 0),
            Record::EndTransaction => (END_TRANSACTION, 0),
            Record::AbortTransaction(_) => (ABORT_TRANSACTION, 0),
            Record::Other { kind, version, .. } => (*kind, *version),
        }
    }

    fn read(kind: u32, version: u32, r: &mut Reader<'_>) -> Result<Record, DecodeError> {
        Ok(match kind {
            REGISTER_BROKER => Record::RegisterBroker(RegisterBrokerRecord::read(r, version)?),
            TOPIC => Record::Topic(TopicRecord::read(r)?),
            PARTITION => Record::Partition(PartitionRecord::read(r, version)?),
            CONFIG => Record::Config(ConfigRecord::read(r)?),
            PARTITION_CHANGE => Record::PartitionChange(PartitionChangeRecord::read(r, version)?),
            REMOVE_TOPIC => Record::RemoveTopic(RemoveTopicRecord::read(r)?),
            FEATURE_LEVEL => Record::FeatureLevel(FeatureLevelRecord::read(r)?),
            CLIENT_QUOTA => Record::ClientQuota(ClientQuotaRecord::read(r)?),
            PRODUCER_IDS => Record::ProducerIds(ProducerIdsRecord::read(r)?),
            BROKER_REGISTRATION_CHANGE => {
                Record::BrokerRegistrationChange(BrokerRegistrationChangeRecord::read(r, version)?)
            }
            NO_OP => {
                r.no_tags()?;
                Record::NoOp
            }
            BEGIN_TRANSACTION => {
                Record::BeginTransaction(BeginTransactionRecord { name: read_remark(r)? })
            }
            END_TRANSACTION => {
                r.no_tags()?;
                Record::EndTransaction
            }
            ABORT_TRANSACTION => {
                Record::AbortTransaction(AbortTransactionRecord { reason: read_remark(r)? })
            }
            _ => Record::Other { kind, version, body: r.remainder() },
        })
    }
}

impl TopicRecord {
    fn write(&self, w: &mut Writer) {
        w.string(&self.name);
        w.uuid(self.topic_id);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<TopicRecord, DecodeError> {
        let record = TopicRecord { name: r.string()?, topic_id: r.uuid()? };
        r.no_tags()?;
        Ok(record)
    }
}

impl RemoveTopicRecord {
    fn write(&self, w: &mut Writer) {
        w.uuid(self.topic_id);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<RemoveTopicRecord, DecodeError> {
        let record = RemoveTopicRecord { topic_id: r.uuid()? };
        r.no_tags()?;
        Ok(record)
    }
}

impl ConfigRecord {
    fn write(&self, w: &mut Writer) {
        w.i8(self.resource_type);
        w.string(&self.resource_name);
        w.string(&self.name);
        w.nullable_string(self.value.as_deref());
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<ConfigRecord, DecodeError> {
        let record = ConfigRecord {
            resource_type: r.i8()?,
            resource_name: r.string()?,
            name: r.string()?,
            value: r.nullable_string()?,
        };
        r.no_tags()?;
        Ok(record)
    }
}

impl FeatureLevelRecord {
    fn write(&self, w: &mut Writer) {
        w.string(&self.name);
        w.i16(self.feature_level);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<FeatureLevelRecord, DecodeError> {
        let record = FeatureLevelRecord { name: r.string()?, feature_level: r.i16()? };
        r.no_tags()?;
        Ok(record)
    }
}

impl ProducerIdsRecord {
    fn write(&self, w: &mut Writer) {
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.i64(self.next_producer_id);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<ProducerIdsRecord, DecodeError> {
        let record = ProducerIdsRecord {
            broker_id: r.i32()?,
            broker_epoch: r.i64()?,
            next_producer_id: r.i64()?,
        };
        r.no_tags()?;
        Ok(record)
    }
}

/// Writes the only field of the records that begin and abort a transaction: a tagged string.
fn write_remark(w: &mut Writer, remark: Option<&str>) {
    let mut tags = Tags::default();
    if let Some(text) = remark {
        tags.add(0, |w| w.string(text));
    }
    w.tags(tags);
}

fn read_remark(r: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let mut remark = None;
    r.tags(|tag, field| {
        if tag == 0 {
            remark = field.nullable_string()?;
        }
        Ok(tag == 0)
    })?;
    Ok(remark)
}

/// Returns the records that turn the configs `has` of a resource into `wanted`.
pub fn config_records(
    kind: i8,
    resource: &str,
    has: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
) -> Vec<Record> {
    let record = |name: &str, value: Option<&String>| {
        Record::Config(ConfigRecord {
            resource_type: kind,
            resource_name: resource.to_owned(),
            name: name.to_owned(),
            value: value.cloned(),
        })
    };
    let value_of = |name: &String| has.and_then(|has| has.get(name));
    let set = wanted.iter().filter(|(name, value)| value_of(name) != Some(*value));
    let set = set.map(|(name, value)| record(name, Some(value)));
    let gone = has.into_iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
    set.chain(gone.map(|(name, _)| record(name, None))).collect()
}

#[cfg(test)]
mod tests;
