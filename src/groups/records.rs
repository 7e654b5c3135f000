//! The keys and values of `__consumer_offsets`, byte for byte as Apache Kafka writes them.
//!
//! A key begins with its record type, a value with its version, 16 bits each; a null value is a
//! tombstone. Written are OffsetCommit (key 1, value 3) and GroupMetadata (key 2, value 3). Every
//! version can be read.

use bytes::Bytes;

use crate::groups::consumer::records::ConsumerRecord;
use crate::groups::group_type::{GroupType, is_of_group};
pub use crate::groups::record_bytes::RecordError;
use crate::groups::record_bytes::{decoder, number, versioned};
use crate::log::end_txn::EndTxn;
use crate::machine::{MachineRecord, RecordTxn};
use crate::protocol::decoder::Decode;
use crate::protocol::message::{Message, RecordType};
use crate::protocol::messages::group_metadata_key::GroupMetadataKey;
use crate::protocol::messages::group_metadata_value::{GroupMetadataValue, MemberMetadata};
use crate::protocol::messages::offset_commit_key::OffsetCommitKey;
use crate::protocol::messages::offset_commit_value::OffsetCommitValue;
use crate::protocol::text::{owned, text};

/// The topic of groups and committed offsets.
pub const TOPIC: &str = "__consumer_offsets";

/// The type of committed offsets in the oldest directories.
const OLD_OFFSET_COMMIT: i16 = 0;
const VALUE_VERSION: i16 = 3;

/// One record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A committed offset; without a value, its tombstone.
    Offset {
        /// The group id.
        group: String,
        /// The topic name.
        topic: String,
        /// The partition.
        partition: i32,
        /// The committed offset.
        value: Option<OffsetAndMetadata>,
    },
    /// An offset in a transaction that has not ended.
    TxnOffset {
        /// The transaction.
        txn: RecordTxn,
        /// The group id.
        group: String,
        /// The topic name.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        value: OffsetAndMetadata,
    },
    /// The end of a producer's transaction in one partition of the topic.
    TxnEnd {
        /// The partition of the topic.
        partition: i32,
        /// The end.
        end: EndTxn,
    },
    /// A group with its members; without a value, its tombstone.
    Group {
        /// The group id.
        group: String,
        /// The group's metadata.
        value: Option<GroupValue>,
    },
    /// A record of a consumer group (KIP-848).
    Consumer {
        /// The group id.
        group: String,
        /// The record.
        record: ConsumerRecord,
    },
    /// A record of a group whose type is not served. It is kept as it is.
    Unserved {
        /// The group id.
        group: String,
        /// The type of the group.
        group_type: GroupType,
        /// The key.
        key: Bytes,
        /// The value; none for a tombstone.
        value: Option<Bytes>,
    },
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The metadata that the client stores with the offset.
    pub metadata: String,
    /// When it was committed, ms since 1970.
    pub commit_ms: i64,
    /// When it expires, ms since 1970, if the client set a retention (OffsetCommit 2 to 4).
    pub expire_ms: Option<i64>,
}

/// A group at the beginning of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupValue {
    /// The protocol type, such as `consumer` or `connect`.
    pub protocol_type: String,
    /// The generation.
    pub generation: i32,
    /// The assignor that was chosen; none without members.
    pub protocol: Option<String>,
    /// The leader's member id; none without members.
    pub leader: Option<String>,
    /// When it entered its state, ms since 1970, or -1.
    pub state_ms: i64,
    /// Its members; none if it is empty.
    pub members: Vec<MemberValue>,
}

/// A member of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberValue {
    /// The id that the coordinator assigned to it.
    pub id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// The client id.
    pub client_id: String,
    /// The address from which it connected.
    pub client_host: String,
    /// The rebalance timeout, ms: how long it may take to rejoin.
    pub rebalance_timeout_ms: i32,
    /// The session timeout, ms.
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen protocol.
    pub subscription: Bytes,
    /// The assignment from the leader.
    pub assignment: Bytes,
}

impl Record {
    /// Returns true for the record that a group has, beside those of its members and offsets, as
    /// long as it exists.
    pub fn is_of_group(&self) -> bool {
        match self {
            Record::Offset { .. } | Record::TxnOffset { .. } | Record::TxnEnd { .. } => false,
            Record::Group { .. } => true,
            Record::Consumer { record, .. } => matches!(record, ConsumerRecord::Group(_)),
            Record::Unserved { key, .. } => number(&mut decoder(key)).is_ok_and(is_of_group),
        }
    }
}

impl MachineRecord for Record {
    const TOPIC: &'static str = TOPIC;
    type DecodeError = RecordError;

    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let value = match self {
            Record::Offset { value, .. } => value.as_ref().map(OffsetAndMetadata::encode),
            Record::TxnOffset { value, .. } => Some(value.encode()),
            Record::TxnEnd { .. } => None,
            Record::Group { value, .. } => value.as_ref().map(GroupValue::encode),
            Record::Consumer { record, .. } => record.value(),
            Record::Unserved { value, .. } => value.as_ref().map(|value| value.to_vec()),
        };
        (self.key(), value)
    }

    fn key(&self) -> Vec<u8> {
        match self {
            Record::Offset { group, topic, partition, .. }
            | Record::TxnOffset { group, topic, partition, .. } => {
                let key = OffsetCommitKey::default().with_group(text(group));
                let key = key.with_topic(text(topic)).with_partition(*partition);
                key.numbered(OffsetCommitKey::TYPE, 0)
            }
            Record::Group { group, .. } => {
                let key = GroupMetadataKey::default().with_group(text(group));
                key.numbered(GroupMetadataKey::TYPE, 0)
            }
            Record::TxnEnd { .. } => Vec::new(),
            Record::Consumer { group, record } => record.key(group),
            Record::Unserved { key, .. } => key.to_vec(),
        }
    }

    fn placement(&self) -> &str {
        match self {
            Record::TxnEnd { .. } => "",
            Record::Offset { group, .. }
            | Record::TxnOffset { group, .. }
            | Record::Group { group, .. }
            | Record::Consumer { group, .. }
            | Record::Unserved { group, .. } => group,
        }
    }

    fn is_tombstone(&self) -> bool {
        match self {
            Record::TxnOffset { .. } | Record::TxnEnd { .. } => false,
            Record::Offset { value, .. } => value.is_none(),
            Record::Group { value, .. } => value.is_none(),
            Record::Consumer { record, .. } => record.is_tombstone(),
            Record::Unserved { value, .. } => value.is_none(),
        }
    }

    fn tombstone(&self) -> Record {
        let mut tombstone = self.clone();
        match &mut tombstone {
            // They are never misplaced: what is read of a transaction is complete.
            Record::TxnOffset { .. } | Record::TxnEnd { .. } => {}
            Record::Offset { value, .. } => *value = None,
            Record::Group { value, .. } => *value = None,
            Record::Consumer { record, .. } => *record = record.tombstone(),
            Record::Unserved { value, .. } => *value = None,
        }
        tombstone
    }

    fn weight(&self) -> usize {
        let of = |m: &MemberValue| m.subscription.len() + m.assignment.len();
        match self {
            Record::Offset { value, .. } => value.as_ref().map_or(0, |value| value.metadata.len()),
            Record::TxnOffset { value, .. } => value.metadata.len(),
            Record::TxnEnd { .. } => 0,
            Record::Group { value, .. } => {
                value.as_ref().map_or(0, |value| value.members.iter().map(of).sum())
            }
            Record::Consumer { record, .. } => record.weight(),
            Record::Unserved { value, .. } => value.as_ref().map_or(0, Bytes::len),
        }
    }

    fn decode(bytes: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, RecordError> {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut key = decoder(&bytes);
        let record = match number(&mut key)? {
            OLD_OFFSET_COMMIT | OffsetCommitKey::TYPE => {
                let key = OffsetCommitKey::decode(&mut key)?;
                Record::Offset {
                    group: owned(key.group),
                    topic: owned(key.topic),
                    partition: key.partition,
                    value: value.map(versioned).transpose()?.map(OffsetAndMetadata::of),
                }
            }
            GroupMetadataKey::TYPE => Record::Group {
                group: owned(GroupMetadataKey::decode(&mut key)?.group),
                value: value.map(versioned).transpose()?.map(GroupValue::of),
            },
            other => {
                if let Some((group, record)) = ConsumerRecord::decode(other, &mut key, value)? {
                    return Ok(Some(Record::Consumer { group, record }));
                }
                let Some(group_type) = GroupType::unserved(other) else { return Ok(None) };
                Record::Unserved {
                    // The group's id is the first field of all their keys.
                    group: owned(key.string("group")?),
                    group_type,
                    key: bytes,
                    value: value.map(Bytes::copy_from_slice),
                }
            }
        };
        Ok(Some(record))
    }

    fn transaction(&self) -> Option<RecordTxn> {
        match self {
            Record::TxnOffset { txn, .. } => Some(*txn),
            _ => None,
        }
    }

    fn marker(&self) -> Option<(i32, EndTxn)> {
        match self {
            Record::TxnEnd { partition, end } => Some((*partition, *end)),
            _ => None,
        }
    }

    fn in_transaction(self, txn: RecordTxn) -> Record {
        match self {
            Record::Offset { group, topic, partition, value: Some(value) } => {
                Record::TxnOffset { txn, group, topic, partition, value }
            }
            // Kafka writes nothing else in transactions.
            other => other,
        }
    }

    fn of_marker(partition: i32, end: EndTxn) -> Option<Record> {
        Some(Record::TxnEnd { partition, end })
    }
}

impl OffsetAndMetadata {
    /// Encodes the value in version 3; in version 1 if it has an expiry, which later versions lack.
    fn encode(&self) -> Vec<u8> {
        let version = if self.expire_ms.is_some() { 1 } else { VALUE_VERSION };
        let value = OffsetCommitValue::default()
            .with_offset(self.offset)
            .with_leader_epoch(self.leader_epoch)
            .with_metadata(text(&self.metadata))
            .with_commit_timestamp(self.commit_ms)
            .with_expire_timestamp(self.expire_ms.unwrap_or(-1));
        value.numbered(version, version)
    }

    fn of(value: OffsetCommitValue) -> OffsetAndMetadata {
        OffsetAndMetadata {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: owned(value.metadata),
            commit_ms: value.commit_timestamp,
            expire_ms: Some(value.expire_timestamp).filter(|ms| *ms >= 0),
        }
    }
}

impl GroupValue {
    fn encode(&self) -> Vec<u8> {
        let member = |member: &MemberValue| {
            MemberMetadata::default()
                .with_member_id(text(&member.id))
                .with_group_instance_id(member.instance_id.as_deref().map(text))
                .with_client_id(text(&member.client_id))
                .with_client_host(text(&member.client_host))
                .with_rebalance_timeout(member.rebalance_timeout_ms)
                .with_session_timeout(member.session_timeout_ms)
                .with_subscription(member.subscription.clone())
                .with_assignment(member.assignment.clone())
        };
        let value = GroupMetadataValue::default()
            .with_protocol_type(text(&self.protocol_type))
            .with_generation(self.generation)
            .with_protocol(self.protocol.as_deref().map(text))
            .with_leader(self.leader.as_deref().map(text))
            .with_current_state_timestamp(self.state_ms)
            .with_members(self.members.iter().map(member).collect());
        value.numbered(VALUE_VERSION, VALUE_VERSION)
    }

    fn of(value: GroupMetadataValue) -> GroupValue {
        let member = |member: MemberMetadata| MemberValue {
            id: owned(member.member_id),
            instance_id: member.group_instance_id.map(owned),
            client_id: owned(member.client_id),
            client_host: owned(member.client_host),
            rebalance_timeout_ms: match member.rebalance_timeout {
                // Version 0 does not have it.
                -1 => member.session_timeout,
                timeout => timeout,
            },
            session_timeout_ms: member.session_timeout,
            subscription: member.subscription,
            assignment: member.assignment,
        };
        GroupValue {
            protocol_type: owned(value.protocol_type),
            generation: value.generation,
            protocol: value.protocol.map(owned),
            leader: value.leader.map(owned),
            state_ms: value.current_state_timestamp,
            members: value.members.into_iter().map(member).collect(),
        }
    }
}
