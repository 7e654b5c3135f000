//! The records of the KRaft metadata log, `__cluster_metadata-0`, byte for byte as Apache Kafka
//! writes them.
//!
//! A record's value is a frame version (1), the record's type and its version, each an unsigned
//! varint, followed by the message in the flexible encoding (Kafka: `AbstractApiMessageSerde`).
//!
//! **Invariant:** records are written in the version that Kafka writes at metadata.version 4.1-IV1,
//! level 27, and in a later one only where no other can say what they say; every version can be
//! read.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::metadata::quotas::ClientQuota;
use crate::protocol::decoder::Decoder;
use crate::protocol::encoder::Encoder;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::message::RecordType;
use crate::protocol::messages::abort_transaction_record::AbortTransactionRecord;
use crate::protocol::messages::begin_transaction_record::BeginTransactionRecord;
use crate::protocol::messages::broker_registration_change_record::BrokerRegistrationChangeRecord;
use crate::protocol::messages::client_quota_record::ClientQuotaRecord;
use crate::protocol::messages::config_record::ConfigRecord;
use crate::protocol::messages::end_transaction_record::EndTransactionRecord;
use crate::protocol::messages::feature_level_record::FeatureLevelRecord;
use crate::protocol::messages::no_op_record::NoOpRecord;
use crate::protocol::messages::partition_change_record::PartitionChangeRecord;
use crate::protocol::messages::partition_record::PartitionRecord;
use crate::protocol::messages::producer_ids_record::ProducerIdsRecord;
use crate::protocol::messages::register_broker_record::RegisterBrokerRecord;
use crate::protocol::messages::remove_topic_record::RemoveTopicRecord;
use crate::protocol::messages::topic_record::TopicRecord;
use crate::protocol::text::text;
use crate::types::TopicId;

/// The frame version of every record.
const FRAME_VERSION: u32 = 1;

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
        newest: i16,
    },
    /// The message is truncated or malformed.
    #[error("damaged {name} version {version}: {damage}")]
    Damaged {
        /// The record's name in Kafka.
        name: &'static str,
        /// The record's version.
        version: i16,
        /// What was found.
        damage: DecodeError,
    },
    /// The message is too long.
    #[error("damaged {name} version {version}: {bytes} bytes after its end")]
    TooLong {
        /// The record's name in Kafka.
        name: &'static str,
        /// The record's version.
        version: i16,
        /// How many bytes follow it.
        bytes: usize,
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
    ClientQuota(ClientQuota),
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

impl Record {
    /// Returns the record's value as stored in the log, frame included.
    ///
    /// # Errors
    ///
    /// Returns an error if no version can say what the record says.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        match self {
            Record::RegisterBroker(record) => framed(record, register_broker_version(record)),
            Record::Topic(record) => framed(record, 0),
            Record::Partition(record) => framed(record, 2),
            Record::Config(record) => framed(record, 0),
            Record::PartitionChange(record) => framed(record, 2),
            Record::RemoveTopic(record) => framed(record, 0),
            Record::FeatureLevel(record) => framed(record, 0),
            Record::ClientQuota(quota) => framed(&quota.record(), 0),
            Record::ProducerIds(record) => framed(record, 0),
            Record::BrokerRegistrationChange(record) => framed(record, change_version(record)),
            Record::NoOp => framed(&NoOpRecord::default(), 0),
            Record::BeginTransaction(record) => framed(record, 0),
            Record::EndTransaction => framed(&EndTransactionRecord::default(), 0),
            Record::AbortTransaction(record) => framed(record, 0),
            Record::Other { kind, version, body } => {
                let mut out = frame(*kind, *version);
                out.extend_from_slice(body);
                Ok(out.freeze())
            }
        }
    }

    /// Decodes a record's value.
    ///
    /// # Errors
    /// The bytes are truncated or too long, or a known type has an unknown version.
    pub fn decode(value: &Bytes) -> Result<Record, RecordError> {
        let mut frame = Decoder::new(value, 0, true, 0);
        let mut number = |field| frame.varint(field).map_err(RecordError::Frame);
        let found = number("frame version")?;
        if found != FRAME_VERSION {
            return Err(RecordError::FrameVersion(found));
        }
        let (kind, version) = (number("type")?, number("version")?);
        let body = value.slice(frame.position()..);
        Ok(match i16::try_from(kind).unwrap_or(i16::MAX) {
            RegisterBrokerRecord::TYPE => Record::RegisterBroker(message(version, &body)?),
            TopicRecord::TYPE => Record::Topic(message(version, &body)?),
            PartitionRecord::TYPE => Record::Partition(message(version, &body)?),
            ConfigRecord::TYPE => Record::Config(message(version, &body)?),
            PartitionChangeRecord::TYPE => Record::PartitionChange(message(version, &body)?),
            RemoveTopicRecord::TYPE => Record::RemoveTopic(message(version, &body)?),
            FeatureLevelRecord::TYPE => Record::FeatureLevel(message(version, &body)?),
            ClientQuotaRecord::TYPE => {
                Record::ClientQuota(ClientQuota::of(message(version, &body)?))
            }
            ProducerIdsRecord::TYPE => Record::ProducerIds(message(version, &body)?),
            BrokerRegistrationChangeRecord::TYPE => {
                Record::BrokerRegistrationChange(message(version, &body)?)
            }
            NoOpRecord::TYPE => message::<NoOpRecord>(version, &body).map(|_| Record::NoOp)?,
            BeginTransactionRecord::TYPE => Record::BeginTransaction(message(version, &body)?),
            EndTransactionRecord::TYPE => {
                message::<EndTransactionRecord>(version, &body).map(|_| Record::EndTransaction)?
            }
            AbortTransactionRecord::TYPE => Record::AbortTransaction(message(version, &body)?),
            _ => Record::Other { kind, version, body },
        })
    }
}

/// Returns the three numbers before a message.
fn frame(kind: u32, version: u32) -> BytesMut {
    let mut out = BytesMut::new();
    let mut encoder = Encoder::new(&mut out, 0, true);
    encoder.varint(FRAME_VERSION);
    encoder.varint(kind);
    encoder.varint(version);
    out
}

fn framed<T: RecordType>(message: &T, version: i16) -> Result<Bytes, EncodeError> {
    let mut out = frame(T::TYPE as u32, version as u32);
    message.encode_to(&mut out, version)?;
    Ok(out.freeze())
}

fn message<T: RecordType>(version: u32, body: &Bytes) -> Result<T, RecordError> {
    let (name, newest) = (T::NAME, *T::VERSIONS.end());
    let too_new = RecordError::Version { name, version, newest };
    let version = i16::try_from(version).ok().filter(|v| *v <= newest).ok_or(too_new)?;
    // It comes from the disk: it has an end, and counts are compared with it.
    let (message, used) = T::decode_from(body, version, usize::MAX)
        .map_err(|damage| RecordError::Damaged { name, version, damage })?;
    match body.len() - used {
        0 => Ok(message),
        bytes => Err(RecordError::TooLong { name, version, bytes }),
    }
}

/// Returns the version that Kafka writes from metadata.version 3.7-IV2 on, or the first one with
/// what the record says.
fn register_broker_version(record: &RegisterBrokerRecord) -> i16 {
    if record.cordoned_log_dirs.is_some() { 4 } else { 3 }
}

/// Returns the lowest version that can say what the record says, which Kafka's controller writes as
/// well.
fn change_version(record: &BrokerRegistrationChangeRecord) -> i16 {
    match record {
        _ if record.cordoned_log_dirs.is_some() => 3,
        _ if !record.log_dirs.is_empty() => 2,
        _ if record.in_controlled_shutdown != 0 => 1,
        _ => 0,
    }
}

/// Returns the record that sets a config of a resource, or removes it.
///
/// `kind` is the resource type: 2 topic, 4 broker, 16 client metrics, 32 group (Kafka:
/// `ConfigResource`). `resource` is the topic's name, or the broker's id in decimal; empty for the
/// default of all brokers.
pub fn config_record(kind: i8, resource: &str, name: &str, value: Option<String>) -> Record {
    Record::Config(
        ConfigRecord::default()
            .with_resource_type(kind)
            .with_resource_name(text(resource))
            .with_name(text(name))
            .with_value(value.as_deref().map(text)),
    )
}

/// Returns the record that sets the level of a feature, for example of `metadata.version`; 0 turns
/// it off.
pub fn feature_level_record(name: &str, level: i16) -> Record {
    let name = text(name);
    Record::FeatureLevel(FeatureLevelRecord::default().with_name(name).with_feature_level(level))
}

/// Returns the record that creates a topic.
pub fn topic_record(name: &str, id: TopicId) -> Record {
    let name = text(name);
    Record::Topic(TopicRecord::default().with_name(name).with_topic_id(id))
}

/// Returns the record that deletes a topic and all its partitions.
pub fn remove_topic_record(id: TopicId) -> Record {
    Record::RemoveTopic(RemoveTopicRecord::default().with_topic_id(id))
}

/// Returns the record that creates a partition whose only replica is on the broker `node_id`, in
/// the log directory with this id.
pub fn partition_record(topic: TopicId, index: i32, node_id: i32, directory: Uuid) -> Record {
    Record::Partition(
        PartitionRecord::default()
            .with_partition_id(index)
            .with_topic_id(topic)
            .with_replicas(vec![node_id])
            .with_isr(vec![node_id])
            .with_leader(node_id)
            .with_leader_epoch(crate::log::LEADER_EPOCH)
            .with_partition_epoch(0)
            .with_directories(vec![directory]),
    )
}

/// Returns the records that turn the configs `has` of a resource into `wanted`.
pub fn config_records(
    kind: i8,
    resource: &str,
    has: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
) -> Vec<Record> {
    let record =
        |name: &str, value: Option<&String>| config_record(kind, resource, name, value.cloned());
    let value_of = |name: &String| has.and_then(|has| has.get(name));
    let set = wanted.iter().filter(|(name, value)| value_of(name) != Some(*value));
    let set = set.map(|(name, value)| record(name, Some(value)));
    let gone = has.into_iter().flatten().filter(|(name, _)| !wanted.contains_key(*name));
    set.chain(gone.map(|(name, _)| record(name, None))).collect()
}

#[cfg(test)]
mod tests;
