//! The records of the KRaft metadata log, `__cluster_metadata-0`, byte for byte as Apache Kafka
//! writes them.
//!
//! A record's value is a frame version (1), the record's type and its version, each an unsigned
//! varint, followed by the message in the flexible encoding (Kafka: `AbstractApiMessageSerde`).
//!
//! **Invariant:** records are written in the version that Kafka writes at the directory's level of
//! `metadata.version`; every version can be read.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::metadata::version::MetadataVersion;
use crate::protocol::decoder::Decoder;
use crate::protocol::encoder::Encoder;
use crate::protocol::error::{DecodeError, EncodeError};
use crate::protocol::message::RecordType;
use crate::protocol::messages::abort_transaction_record::AbortTransactionRecord;
use crate::protocol::messages::access_control_entry_record::AccessControlEntryRecord;
use crate::protocol::messages::begin_transaction_record::BeginTransactionRecord;
use crate::protocol::messages::broker_registration_change_record::BrokerRegistrationChangeRecord;
use crate::protocol::messages::clear_elr_record::ClearElrRecord;
use crate::protocol::messages::client_quota_record::ClientQuotaRecord;
use crate::protocol::messages::config_record::ConfigRecord;
use crate::protocol::messages::delegation_token_record::DelegationTokenRecord;
use crate::protocol::messages::end_transaction_record::EndTransactionRecord;
use crate::protocol::messages::feature_level_record::FeatureLevelRecord;
use crate::protocol::messages::fence_broker_record::FenceBrokerRecord;
use crate::protocol::messages::no_op_record::NoOpRecord;
use crate::protocol::messages::partition_change_record::PartitionChangeRecord;
use crate::protocol::messages::partition_record::PartitionRecord;
use crate::protocol::messages::producer_ids_record::ProducerIdsRecord;
use crate::protocol::messages::register_broker_record::RegisterBrokerRecord;
use crate::protocol::messages::register_controller_record::RegisterControllerRecord;
use crate::protocol::messages::remove_access_control_entry_record::RemoveAccessControlEntryRecord;
use crate::protocol::messages::remove_delegation_token_record::RemoveDelegationTokenRecord;
use crate::protocol::messages::remove_topic_record::RemoveTopicRecord;
use crate::protocol::messages::remove_user_scram_credential_record::RemoveUserScramCredentialRecord;
use crate::protocol::messages::topic_record::TopicRecord;
use crate::protocol::messages::unfence_broker_record::UnfenceBrokerRecord;
use crate::protocol::messages::unregister_broker_record::UnregisterBrokerRecord;
use crate::protocol::messages::unregister_controller_record::UnregisterControllerRecord;
use crate::protocol::messages::user_scram_credential_record::UserScramCredentialRecord;
use crate::protocol::messages::zk_migration_state_record::ZkMigrationStateRecord;
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
    /// An unknown type: a later Kafka wrote it.
    #[error("a metadata record of the unknown type {0}")]
    Kind(u32),
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

/// Makes [`Record`], with a variant for each kind.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident($message:ident),)*) => {
        /// One record of the metadata log.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Record {
            $($(#[$doc])* $name($message),)*
        }

        impl Record {
            /// Decodes the message after the frame.
            fn decode_message(
                kind: u32,
                version: u32,
                body: &Bytes,
            ) -> Result<Record, RecordError> {
                match i16::try_from(kind).unwrap_or(i16::MAX) {
                    $($message::TYPE => message(version, body).map(Record::$name),)*
                    _ => Err(RecordError::Kind(kind)),
                }
            }

            /// Encodes the record in this version of its kind.
            fn encode_as(&self, version: i16) -> Result<Bytes, EncodeError> {
                match self {
                    $(Record::$name(record) => framed(record, version),)*
                }
            }
        }
    };
}

records! {
    /// A broker registered.
    RegisterBroker(RegisterBrokerRecord),
    /// A broker was unregistered.
    UnregisterBroker(UnregisterBrokerRecord),
    /// A topic was created.
    Topic(TopicRecord),
    /// A partition was created, or its state in a snapshot.
    Partition(PartitionRecord),
    /// A config was set or removed.
    Config(ConfigRecord),
    /// A partition changed.
    PartitionChange(PartitionChangeRecord),
    /// A broker was fenced (before metadata.version 3.3).
    FenceBroker(FenceBrokerRecord),
    /// A broker was unfenced (before metadata.version 3.3).
    UnfenceBroker(UnfenceBrokerRecord),
    /// A topic and its partitions were deleted.
    RemoveTopic(RemoveTopicRecord),
    /// A delegation token was created or renewed (KIP-48).
    DelegationToken(DelegationTokenRecord),
    /// A user's SCRAM credential was set (KIP-554).
    UserScramCredential(UserScramCredentialRecord),
    /// A feature's level was set.
    FeatureLevel(FeatureLevelRecord),
    /// A client quota was set or removed.
    ClientQuota(ClientQuotaRecord),
    /// A block of producer ids was allocated.
    ProducerIds(ProducerIdsRecord),
    /// A broker's registration changed.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    /// An ACL was created.
    AccessControlEntry(AccessControlEntryRecord),
    /// An ACL was deleted.
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord),
    /// Nothing; Kafka's controller writes it so that the log advances in time.
    NoOp(NoOpRecord),
    /// How far a migration from ZooKeeper has come (KIP-866).
    ZkMigrationState(ZkMigrationStateRecord),
    /// A user's SCRAM credential was deleted.
    RemoveUserScramCredential(RemoveUserScramCredentialRecord),
    /// The records that follow take effect only once the transaction has ended (KIP-868).
    BeginTransaction(BeginTransactionRecord),
    /// The open transaction takes effect.
    EndTransaction(EndTransactionRecord),
    /// The open transaction has no effect.
    AbortTransaction(AbortTransactionRecord),
    /// A delegation token expired or was deleted.
    RemoveDelegationToken(RemoveDelegationTokenRecord),
    /// A controller registered.
    RegisterController(RegisterControllerRecord),
    /// The eligible leader replicas of a topic, or of all, were forgotten (KIP-966).
    ClearElr(ClearElrRecord),
    /// A controller was unregistered.
    UnregisterController(UnregisterControllerRecord),
}

impl Record {
    /// Returns the record's value as stored in the log, frame included, in the version that Kafka
    /// writes at this level of `metadata.version`.
    ///
    /// # Errors
    ///
    /// Returns an error if that version cannot say what the record says.
    pub fn encode(&self, level: MetadataVersion) -> Result<Bytes, EncodeError> {
        let version = match self {
            Record::RegisterBroker(_) => level.register_broker_record(),
            Record::Partition(_) | Record::PartitionChange(_) => level.partition_record(),
            Record::BrokerRegistrationChange(record) => change_version(record),
            _ => 0,
        };
        match self {
            // Before that version a replica is in its broker's only log directory.
            Record::Partition(record) if version == 0 => {
                let record = record.clone().with_directories(Vec::new());
                Record::Partition(record).encode_as(version)
            }
            _ => self.encode_as(version),
        }
    }

    /// Decodes a record's value.
    ///
    /// # Errors
    /// The bytes are truncated or too long, or a later Kafka wrote them: the kind or its version is
    /// unknown.
    pub fn decode(value: &Bytes) -> Result<Record, RecordError> {
        let mut frame = Decoder::new(value, 0, true, 0);
        let mut number = |field| frame.varint(field).map_err(RecordError::Frame);
        let found = number("frame version")?;
        if found != FRAME_VERSION {
            return Err(RecordError::FrameVersion(found));
        }
        let (kind, version) = (number("type")?, number("version")?);
        Record::decode_message(kind, version, &value.slice(frame.position()..))
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
            .with_leader_epoch(crate::log::epochs::FIRST_EPOCH)
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
