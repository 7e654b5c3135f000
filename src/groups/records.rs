//! The keys and values of `__consumer_offsets`, byte for byte as Apache Kafka 4.1 writes them.
//!
//! A key begins with its record type, a value with its version, 16 bits each; a null value is a
//! tombstone. Written are OffsetCommit (key 1, value 3) and GroupMetadata (key 2, value 3). All
//! older values can be read, and so can the flexible version 4 that newer brokers may write.

use bytes::Bytes;

use crate::fields::{DecodeError, Reader, Writer};
use crate::groups::group_type::{GroupType, is_of_group};
use crate::machine::MachineRecord;

/// The topic of groups and committed offsets.
pub const TOPIC: &str = "__consumer_offsets";

const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;
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
    /// A group with its members; without a value, its tombstone.
    Group {
        /// The group id.
        group: String,
        /// The group's metadata.
        value: Option<GroupValue>,
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
            Record::Offset { .. } => false,
            Record::Group { .. } => true,
            Record::Unserved { key, .. } => Reader::new(key).i16().is_ok_and(is_of_group),
        }
    }
}

impl MachineRecord for Record {
    const TOPIC: &'static str = TOPIC;
    type DecodeError = DecodeError;

    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let value = match self {
            Record::Offset { value, .. } => value.as_ref().map(OffsetAndMetadata::encode),
            Record::Group { value, .. } => value.as_ref().map(GroupValue::encode),
            Record::Unserved { value, .. } => value.as_ref().map(|value| value.to_vec()),
        };
        (self.key(), value)
    }

    fn key(&self) -> Vec<u8> {
        let mut key = Writer::default();
        match self {
            Record::Offset { group, topic, partition, .. } => {
                key.i16(OFFSET_COMMIT);
                key.old_string(group);
                key.old_string(topic);
                key.i32(*partition);
            }
            Record::Group { group, .. } => {
                key.i16(GROUP_METADATA);
                key.old_string(group);
            }
            Record::Unserved { key, .. } => return key.to_vec(),
        }
        key.into_bytes()
    }

    fn placement(&self) -> &str {
        match self {
            Record::Offset { group, .. }
            | Record::Group { group, .. }
            | Record::Unserved { group, .. } => group,
        }
    }

    fn is_tombstone(&self) -> bool {
        match self {
            Record::Offset { value, .. } => value.is_none(),
            Record::Group { value, .. } => value.is_none(),
            Record::Unserved { value, .. } => value.is_none(),
        }
    }

    fn tombstone(&self) -> Record {
        let mut tombstone = self.clone();
        match &mut tombstone {
            Record::Offset { value, .. } => *value = None,
            Record::Group { value, .. } => *value = None,
            Record::Unserved { value, .. } => *value = None,
        }
        tombstone
    }

    fn weight(&self) -> usize {
        let of = |m: &MemberValue| m.subscription.len() + m.assignment.len();
        match self {
            Record::Offset { value, .. } => value.as_ref().map_or(0, |value| value.metadata.len()),
            Record::Group { value, .. } => {
                value.as_ref().map_or(0, |value| value.members.iter().map(of).sum())
            }
            Record::Unserved { value, .. } => value.as_ref().map_or(0, Bytes::len),
        }
    }

    fn decode(bytes: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, DecodeError> {
        let mut key = Reader::new(bytes);
        let record = match key.i16()? {
            0 | OFFSET_COMMIT => Record::Offset {
                group: key.string_i16()?,
                topic: key.string_i16()?,
                partition: key.i32()?,
                value: value.map(OffsetAndMetadata::decode).transpose()?,
            },
            GROUP_METADATA => Record::Group {
                group: key.string_i16()?,
                value: value.map(GroupValue::decode).transpose()?,
            },
            other => match GroupType::unserved(other) {
                Some(group_type) => Record::Unserved {
                    group: key.string_i16()?,
                    group_type,
                    key: Bytes::copy_from_slice(bytes),
                    value: value.map(Bytes::copy_from_slice),
                },
                None => return Ok(None),
            },
        };
        Ok(Some(record))
    }
}

impl OffsetAndMetadata {
    /// Encodes the value in version 3; in version 1 if it has an expiry, which later versions lack.
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.i16(if self.expire_ms.is_some() { 1 } else { VALUE_VERSION });
        w.i64(self.offset);
        if self.expire_ms.is_none() {
            w.i32(self.leader_epoch);
        }
        w.old_string(&self.metadata);
        w.i64(self.commit_ms);
        if let Some(expire_ms) = self.expire_ms {
            w.i64(expire_ms);
        }
        w.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<OffsetAndMetadata, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = known(r.i16()?)?;
        let offset = r.i64()?;
        let leader_epoch = if version >= 3 { r.i32()? } else { -1 };
        let metadata = if version >= 4 { r.string()? } else { r.string_i16()? };
        let commit_ms = r.i64()?;
        let expire_ms = if version == 1 { Some(r.i64()?).filter(|ms| *ms >= 0) } else { None };
        Ok(OffsetAndMetadata { offset, leader_epoch, metadata, commit_ms, expire_ms })
    }
}

impl GroupValue {
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.i16(VALUE_VERSION);
        w.old_string(&self.protocol_type);
        w.i32(self.generation);
        w.old_nullable_string(self.protocol.as_deref());
        w.old_nullable_string(self.leader.as_deref());
        w.i64(self.state_ms);
        w.i32(self.members.len() as i32);
        for member in &self.members {
            w.old_string(&member.id);
            w.old_nullable_string(member.instance_id.as_deref());
            w.old_string(&member.client_id);
            w.old_string(&member.client_host);
            w.i32(member.rebalance_timeout_ms);
            w.i32(member.session_timeout_ms);
            w.old_bytes(&member.subscription);
            w.old_bytes(&member.assignment);
        }
        w.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<GroupValue, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = known(r.i16()?)?;
        let flexible = version >= 4;
        let text = |r: &mut Reader<'_>| if flexible { r.string() } else { r.string_i16() };
        let nullable = |r: &mut Reader<'_>| match flexible {
            true => r.nullable_string(),
            false => r.nullable_string_i16(),
        };
        let protocol_type = text(&mut r)?;
        let generation = r.i32()?;
        let protocol = nullable(&mut r)?;
        let leader = nullable(&mut r)?;
        let state_ms = if version >= 2 { r.i64()? } else { -1 };
        let member = |r: &mut Reader<'_>| {
            let id = text(r)?;
            let instance_id = if version >= 3 { nullable(r)? } else { None };
            let (client_id, client_host) = (text(r)?, text(r)?);
            let rebalance = if version >= 1 { Some(r.i32()?) } else { None };
            let session_timeout_ms = r.i32()?;
            let bytes = |r: &mut Reader<'_>| if flexible { r.bytes() } else { r.bytes_i32() };
            let (subscription, assignment) = (bytes(r)?, bytes(r)?);
            if flexible {
                r.no_tags()?;
            }
            Ok(MemberValue {
                id,
                instance_id,
                client_id,
                client_host,
                rebalance_timeout_ms: rebalance.unwrap_or(session_timeout_ms),
                session_timeout_ms,
                subscription,
                assignment,
            })
        };
        let members = if flexible { r.array(1, member)? } else { r.array_i32(member)? };
        Ok(GroupValue { protocol_type, generation, protocol, leader, state_ms, members })
    }
}

fn known(version: i16) -> Result<i16, DecodeError> {
    match version {
        0..=4 => Ok(version),
        _ => Err(DecodeError::new(format!("version {version} is not in 0 to 4"))),
    }
}
