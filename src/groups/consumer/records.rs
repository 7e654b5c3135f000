//! The records of a consumer group in `__consumer_offsets` (KIP-848), byte for byte as Apache Kafka
//! writes them (`GroupCoordinatorRecordHelpers`).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Now;
use crate::groups::consumer::assignment::Assignment;
use crate::groups::protocols::Protocols;
use crate::groups::record_bytes::{RecordError, versioned};
use crate::protocol::decoder::{Decode, Decoder};
use crate::protocol::message::{Message, RecordType};
use crate::protocol::messages::consumer_group_current_member_assignment_key;
use crate::protocol::messages::consumer_group_current_member_assignment_value::{
    ConsumerGroupCurrentMemberAssignmentValue, TopicPartitions,
};
use crate::protocol::messages::consumer_group_member_metadata_key;
use crate::protocol::messages::consumer_group_member_metadata_value::{
    ClassicMemberMetadata, ClassicProtocol, ConsumerGroupMemberMetadataValue,
};
use crate::protocol::messages::consumer_group_metadata_key::ConsumerGroupMetadataKey as GroupKey;
use crate::protocol::messages::consumer_group_metadata_value::ConsumerGroupMetadataValue;
use crate::protocol::messages::consumer_group_partition_metadata_key;
use crate::protocol::messages::consumer_group_regular_expression_key;
use crate::protocol::messages::consumer_group_regular_expression_value;
use crate::protocol::messages::consumer_group_target_assignment_member_key;
use crate::protocol::messages::consumer_group_target_assignment_member_value::{
    ConsumerGroupTargetAssignmentMemberValue, TopicPartition,
};
use crate::protocol::messages::consumer_group_target_assignment_metadata_key;
use crate::protocol::messages::consumer_group_target_assignment_metadata_value;
use crate::protocol::text::{owned, text};
use crate::types::TopicId;

type CurrentKey =
    consumer_group_current_member_assignment_key::ConsumerGroupCurrentMemberAssignmentKey;
type MemberKey = consumer_group_member_metadata_key::ConsumerGroupMemberMetadataKey;
type PartitionsKey = consumer_group_partition_metadata_key::ConsumerGroupPartitionMetadataKey;
type RegexKey = consumer_group_regular_expression_key::ConsumerGroupRegularExpressionKey;
type ConsumerGroupRegularExpressionValue =
    consumer_group_regular_expression_value::ConsumerGroupRegularExpressionValue;
type TargetKey =
    consumer_group_target_assignment_member_key::ConsumerGroupTargetAssignmentMemberKey;
type TargetMetadataKey =
    consumer_group_target_assignment_metadata_key::ConsumerGroupTargetAssignmentMetadataKey;
type ConsumerGroupTargetAssignmentMetadataValue =
    consumer_group_target_assignment_metadata_value::ConsumerGroupTargetAssignmentMetadataValue;

/// A record of a consumer group; without a value, its tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerRecord {
    /// The group's epoch.
    Group(Option<GroupEpoch>),
    /// The partitions of the subscribed topics, which Kafka 4.0 wrote. They are not looked at.
    PartitionMetadata(Option<Bytes>),
    /// A member as it describes itself.
    Member(String, Option<Box<MemberMetadata>>),
    /// The epoch of the target assignment.
    TargetEpoch(Option<TargetEpoch>),
    /// The target assignment of a member.
    Target(String, Option<Assignment>),
    /// What a member has of the target.
    Current(String, Option<CurrentAssignment>),
    /// The topics that a regular expression matches.
    Regex(String, Option<ResolvedRegex>),
}

/// The epoch of a group: the number of changes that ask for a new target assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEpoch {
    /// The epoch.
    pub epoch: i32,
    /// The hash of the subscribed topics, or 0.
    pub metadata_hash: i64,
}

/// A member as it describes itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberMetadata {
    /// `group.instance.id` of a static member.
    pub instance_id: Option<String>,
    /// `client.rack`.
    pub rack_id: Option<String>,
    /// The client id.
    pub client_id: String,
    /// The address from which it connected.
    pub client_host: String,
    /// The names of the subscribed topics, sorted.
    pub topic_names: Vec<String>,
    /// The regular expression of the subscribed topics; empty for none.
    pub topic_regex: Option<String>,
    /// How long it may take to give up partitions, ms.
    pub rebalance_timeout_ms: i32,
    /// The assignor that it prefers.
    pub server_assignor: Option<String>,
    /// What else is known of a member that uses the classic protocol.
    pub classic: Option<ClassicMember>,
}

/// A member that uses the classic protocol in a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicMember {
    /// The session timeout, ms.
    pub session_timeout_ms: i32,
    /// The protocols that it supports.
    pub protocols: Protocols,
}

/// The epoch of the target assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetEpoch {
    /// The group's epoch for which it was computed.
    pub epoch: i32,
    /// When it was computed, ms since 1970; 0 if the next one need not wait.
    pub computed_ms: i64,
}

/// The partitions that a member has, each with the assignment epoch at which it got them.
pub type EpochsByPartition = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// How far a member has come with its target assignment (Kafka's `MemberState`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It has it.
    #[default]
    Stable,
    /// It has to give up partitions first.
    UnrevokedPartitions,
    /// Other members have to give up partitions first.
    UnreleasedPartitions,
    /// A later version of Kafka knows.
    Unknown,
}

impl MemberState {
    fn value(self) -> i8 {
        match self {
            MemberState::Stable => 0,
            MemberState::UnrevokedPartitions => 1,
            MemberState::UnreleasedPartitions => 2,
            MemberState::Unknown => 127,
        }
    }

    fn of(value: i8) -> MemberState {
        match value {
            0 => MemberState::Stable,
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => MemberState::Unknown,
        }
    }
}

/// What a member has of its target assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CurrentAssignment {
    /// The epoch of the member: that of the last target that it took over.
    pub epoch: i32,
    /// The epoch before.
    pub previous_epoch: i32,
    /// How far it has come.
    pub state: MemberState,
    /// The partitions that it may read.
    pub assigned: EpochsByPartition,
    /// The partitions that it has to give up.
    pub pending_revocation: EpochsByPartition,
}

/// The topics that a regular expression matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedRegex {
    /// Their names, sorted.
    pub topics: Vec<Arc<str>>,
    /// The version of the topics that were looked at.
    pub version: i64,
    /// When they were looked at, ms since 1970.
    pub resolved_ms: i64,
}

impl ConsumerRecord {
    /// Returns the key of this record of a group.
    pub fn key(&self, group: &str) -> Vec<u8> {
        let group = text(group);
        match self {
            ConsumerRecord::Group(_) => {
                GroupKey::default().with_group_id(group).numbered(GroupKey::TYPE, 0)
            }
            ConsumerRecord::PartitionMetadata(_) => {
                PartitionsKey::default().with_group_id(group).numbered(PartitionsKey::TYPE, 0)
            }
            ConsumerRecord::Member(id, _) => {
                let key = MemberKey::default().with_group_id(group).with_member_id(text(id));
                key.numbered(MemberKey::TYPE, 0)
            }
            ConsumerRecord::TargetEpoch(_) => {
                let key = TargetMetadataKey::default().with_group_id(group);
                key.numbered(TargetMetadataKey::TYPE, 0)
            }
            ConsumerRecord::Target(id, _) => {
                let key = TargetKey::default().with_group_id(group).with_member_id(text(id));
                key.numbered(TargetKey::TYPE, 0)
            }
            ConsumerRecord::Current(id, _) => {
                let key = CurrentKey::default().with_group_id(group).with_member_id(text(id));
                key.numbered(CurrentKey::TYPE, 0)
            }
            ConsumerRecord::Regex(regex, _) => {
                let key = RegexKey::default().with_group_id(group);
                key.with_regular_expression(text(regex)).numbered(RegexKey::TYPE, 0)
            }
        }
    }

    /// Returns the value; `None` for a tombstone.
    pub fn value(&self) -> Option<Vec<u8>> {
        match self {
            ConsumerRecord::Group(value) => value.as_ref().map(GroupEpoch::encode),
            ConsumerRecord::PartitionMetadata(value) => value.as_ref().map(|value| value.to_vec()),
            ConsumerRecord::Member(_, value) => value.as_ref().map(|value| value.encode()),
            ConsumerRecord::TargetEpoch(value) => value.as_ref().map(TargetEpoch::encode),
            ConsumerRecord::Target(_, value) => value.as_ref().map(encode_target),
            ConsumerRecord::Current(_, value) => value.as_ref().map(CurrentAssignment::encode),
            ConsumerRecord::Regex(_, value) => value.as_ref().map(ResolvedRegex::encode),
        }
    }

    /// Returns true for a tombstone.
    pub fn is_tombstone(&self) -> bool {
        match self {
            ConsumerRecord::Group(value) => value.is_none(),
            ConsumerRecord::PartitionMetadata(value) => value.is_none(),
            ConsumerRecord::Member(_, value) => value.is_none(),
            ConsumerRecord::TargetEpoch(value) => value.is_none(),
            ConsumerRecord::Target(_, value) => value.is_none(),
            ConsumerRecord::Current(_, value) => value.is_none(),
            ConsumerRecord::Regex(_, value) => value.is_none(),
        }
    }

    /// Returns the tombstone of its key.
    pub fn tombstone(&self) -> ConsumerRecord {
        match self {
            ConsumerRecord::Group(_) => ConsumerRecord::Group(None),
            ConsumerRecord::PartitionMetadata(_) => ConsumerRecord::PartitionMetadata(None),
            ConsumerRecord::Member(id, _) => ConsumerRecord::Member(id.clone(), None),
            ConsumerRecord::TargetEpoch(_) => ConsumerRecord::TargetEpoch(None),
            ConsumerRecord::Target(id, _) => ConsumerRecord::Target(id.clone(), None),
            ConsumerRecord::Current(id, _) => ConsumerRecord::Current(id.clone(), None),
            ConsumerRecord::Regex(regex, _) => ConsumerRecord::Regex(regex.clone(), None),
        }
    }

    /// Returns about how many bytes of variable size its value has.
    pub fn weight(&self) -> usize {
        let epochs = |all: &EpochsByPartition| all.values().map(|of| 16 + 8 * of.len()).sum();
        match self {
            ConsumerRecord::Group(_) | ConsumerRecord::TargetEpoch(_) => 0,
            ConsumerRecord::PartitionMetadata(value) => value.as_ref().map_or(0, Bytes::len),
            ConsumerRecord::Member(_, value) => value.as_ref().map_or(0, |value| value.bytes()),
            ConsumerRecord::Target(_, value) => value.as_ref().map_or(0, Assignment::bytes),
            ConsumerRecord::Current(_, value) => value.as_ref().map_or(0, |value| {
                let pending: usize = epochs(&value.pending_revocation);
                pending + epochs(&value.assigned)
            }),
            ConsumerRecord::Regex(_, value) => value.as_ref().map_or(0, ResolvedRegex::bytes),
        }
    }

    /// Returns the group and the record of a key, behind its type, and a value; `None` if it is of
    /// another type.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are malformed.
    pub fn decode(
        record_type: i16,
        key: &mut Decoder<'_>,
        value: Option<&[u8]>,
    ) -> Result<Option<(String, ConsumerRecord)>, RecordError> {
        let (group, record) = match record_type {
            GroupKey::TYPE => {
                let value = value.map(versioned).transpose()?.map(GroupEpoch::of);
                (GroupKey::decode(key)?.group_id, ConsumerRecord::Group(value))
            }
            PartitionsKey::TYPE => {
                let value = value.map(Bytes::copy_from_slice);
                (PartitionsKey::decode(key)?.group_id, ConsumerRecord::PartitionMetadata(value))
            }
            MemberKey::TYPE => {
                let key = MemberKey::decode(key)?;
                let value = value.map(versioned).transpose()?.map(MemberMetadata::of);
                (key.group_id, ConsumerRecord::Member(owned(key.member_id), value.map(Box::new)))
            }
            TargetMetadataKey::TYPE => {
                let value = value.map(versioned).transpose()?.map(TargetEpoch::of);
                (TargetMetadataKey::decode(key)?.group_id, ConsumerRecord::TargetEpoch(value))
            }
            TargetKey::TYPE => {
                let key = TargetKey::decode(key)?;
                let value = value.map(versioned).transpose()?.map(target_of);
                (key.group_id, ConsumerRecord::Target(owned(key.member_id), value))
            }
            CurrentKey::TYPE => {
                let key = CurrentKey::decode(key)?;
                let value = value.map(versioned).transpose()?.map(CurrentAssignment::of);
                (key.group_id, ConsumerRecord::Current(owned(key.member_id), value))
            }
            RegexKey::TYPE => {
                let key = RegexKey::decode(key)?;
                let value = value.map(versioned).transpose()?.map(ResolvedRegex::of);
                (key.group_id, ConsumerRecord::Regex(owned(key.regular_expression), value))
            }
            _ => return Ok(None),
        };
        Ok(Some((owned(group), record)))
    }
}

/// Returns the value in the only version.
fn encoded(value: &impl Message) -> Vec<u8> {
    value.numbered(0, 0)
}

impl GroupEpoch {
    fn encode(&self) -> Vec<u8> {
        let value = ConsumerGroupMetadataValue::default().with_epoch(self.epoch);
        encoded(&value.with_metadata_hash(self.metadata_hash))
    }

    fn of(value: ConsumerGroupMetadataValue) -> GroupEpoch {
        GroupEpoch { epoch: value.epoch, metadata_hash: value.metadata_hash }
    }
}

impl MemberMetadata {
    /// Returns the bytes of its texts.
    pub fn bytes(&self) -> usize {
        let texts = [&self.instance_id, &self.rack_id, &self.topic_regex, &self.server_assignor];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let names: usize = self.topic_names.iter().map(|name| 24 + name.len()).sum();
        let classic = self.classic.as_ref();
        let protocols =
            classic.map_or(0, |m| crate::groups::protocols::protocols_bytes(&m.protocols));
        self.client_id.len() + self.client_host.len() + texts + names + protocols
    }

    fn encode(&self) -> Vec<u8> {
        let protocol = |(name, metadata): &(String, Bytes)| {
            ClassicProtocol::default().with_name(text(name)).with_metadata(metadata.clone())
        };
        let classic = self.classic.as_ref().map(|member| {
            ClassicMemberMetadata::default()
                .with_session_timeout_ms(member.session_timeout_ms)
                .with_supported_protocols(member.protocols.iter().map(protocol).collect())
        });
        let optional = |value: &Option<String>| value.as_deref().map(text);
        let value = ConsumerGroupMemberMetadataValue::default()
            .with_instance_id(optional(&self.instance_id))
            .with_rack_id(optional(&self.rack_id))
            .with_client_id(text(&self.client_id))
            .with_client_host(text(&self.client_host))
            .with_subscribed_topic_names(self.topic_names.iter().map(|name| text(name)).collect())
            .with_subscribed_topic_regex(optional(&self.topic_regex))
            .with_rebalance_timeout_ms(self.rebalance_timeout_ms)
            .with_server_assignor(optional(&self.server_assignor))
            .with_classic_member_metadata(classic);
        encoded(&value)
    }

    fn of(value: ConsumerGroupMemberMetadataValue) -> MemberMetadata {
        let protocol =
            |p: ClassicProtocol| (owned(p.name), Bytes::copy_from_slice(p.metadata.as_ref()));
        let classic = |member: ClassicMemberMetadata| ClassicMember {
            session_timeout_ms: member.session_timeout_ms,
            protocols: member.supported_protocols.into_iter().map(protocol).collect(),
        };
        let mut topic_names: Vec<String> =
            value.subscribed_topic_names.into_iter().map(owned).collect();
        topic_names.sort_unstable();
        topic_names.dedup();
        MemberMetadata {
            instance_id: value.instance_id.map(owned),
            rack_id: value.rack_id.map(owned),
            client_id: owned(value.client_id),
            client_host: owned(value.client_host),
            topic_names,
            topic_regex: value.subscribed_topic_regex.map(owned),
            rebalance_timeout_ms: value.rebalance_timeout_ms,
            server_assignor: value.server_assignor.map(owned),
            classic: value.classic_member_metadata.map(classic),
        }
    }
}

impl TargetEpoch {
    fn encode(&self) -> Vec<u8> {
        let value = ConsumerGroupTargetAssignmentMetadataValue::default();
        let value = value.with_assignment_epoch(self.epoch);
        encoded(&value.with_assignment_timestamp(self.computed_ms))
    }

    fn of(value: ConsumerGroupTargetAssignmentMetadataValue) -> TargetEpoch {
        TargetEpoch { epoch: value.assignment_epoch, computed_ms: value.assignment_timestamp }
    }
}

fn encode_target(target: &Assignment) -> Vec<u8> {
    let topic = |(id, partitions): (TopicId, &[i32])| {
        TopicPartition::default().with_topic_id(id).with_partitions(partitions.to_vec())
    };
    let value = ConsumerGroupTargetAssignmentMemberValue::default();
    encoded(&value.with_topic_partitions(target.by_topic().map(topic).collect()))
}

fn target_of(value: ConsumerGroupTargetAssignmentMemberValue) -> Assignment {
    let topics = value.topic_partitions.into_iter();
    topics.flat_map(|t| t.partitions.into_iter().map(move |p| (t.topic_id, p))).collect()
}

impl CurrentAssignment {
    fn encode(&self) -> Vec<u8> {
        let topics = |all: &EpochsByPartition| {
            let topic = |(id, partitions): (&TopicId, &BTreeMap<i32, i32>)| {
                TopicPartitions::default()
                    .with_topic_id(*id)
                    .with_partitions(partitions.keys().copied().collect())
                    .with_assignment_epochs(Some(partitions.values().copied().collect()))
            };
            all.iter().map(topic).collect()
        };
        let value = ConsumerGroupCurrentMemberAssignmentValue::default()
            .with_member_epoch(self.epoch)
            .with_previous_member_epoch(self.previous_epoch)
            .with_state(self.state.value())
            .with_assigned_partitions(topics(&self.assigned))
            .with_partitions_pending_revocation(topics(&self.pending_revocation));
        encoded(&value)
    }

    fn of(value: ConsumerGroupCurrentMemberAssignmentValue) -> CurrentAssignment {
        // Kafka up to 4.1 does not write the epochs, and counts them as that of the member.
        let epoch = value.member_epoch;
        let by_partition = |topics: Vec<TopicPartitions>| {
            let mut all = EpochsByPartition::new();
            for topic in topics {
                let epochs = topic.assignment_epochs.unwrap_or_default();
                let epochs = epochs.into_iter().chain(std::iter::repeat(epoch));
                let of = all.entry(topic.topic_id).or_default();
                of.extend(topic.partitions.into_iter().zip(epochs));
            }
            all
        };
        CurrentAssignment {
            epoch,
            previous_epoch: value.previous_member_epoch,
            state: MemberState::of(value.state),
            assigned: by_partition(value.assigned_partitions),
            pending_revocation: by_partition(value.partitions_pending_revocation),
        }
    }
}

impl ResolvedRegex {
    /// Returns the bytes of its topics.
    pub fn bytes(&self) -> usize {
        self.topics.iter().map(|topic| 32 + topic.len()).sum()
    }

    /// Returns true if the topics were looked at this long ago, ms.
    pub fn is_older(&self, now: Now, age_ms: i64) -> bool {
        self.resolved_ms.saturating_add(age_ms) <= now.wall_ms
    }

    fn encode(&self) -> Vec<u8> {
        let value = ConsumerGroupRegularExpressionValue::default()
            .with_topics(self.topics.iter().map(|topic| text(topic)).collect())
            .with_version(self.version)
            .with_timestamp(self.resolved_ms);
        encoded(&value)
    }

    fn of(value: ConsumerGroupRegularExpressionValue) -> ResolvedRegex {
        let mut topics: Vec<Arc<str>> =
            value.topics.iter().map(|topic| Arc::from(topic.as_str())).collect();
        topics.sort_unstable();
        ResolvedRegex { topics, version: value.version, resolved_ms: value.timestamp }
    }
}
