//! The committed offsets of groups.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::connection::{Connection, text};
use crate::client::error::ClientError;
use crate::types::{Offset, TopicPartition};

/// The newest version of OffsetCommit and OffsetFetch that names topics.
const BY_NAME: i16 = 9;
/// The newest version of OffsetFetch that takes a single group.
const ONE_GROUP: i16 = 7;

/// Identifies the committer: a member in a generation, or none.
#[derive(Debug, Clone, Default)]
pub struct CommitIdentity {
    /// The member's id; empty for none.
    pub member_id: String,
    /// Its generation; -1 for none.
    pub generation: i32,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
}

/// Returns all offsets that a group has committed.
///
/// # Errors
/// The coordinator refuses or does not answer.
pub async fn committed(
    cluster: &mut Cluster,
    group: &str,
) -> Result<BTreeMap<TopicPartition, Offset>, ClientError> {
    let node = cluster.coordinator(group).await?;
    let connection = cluster.node(node).await?;
    let version = connection.version::<OffsetFetchRequest>(BY_NAME)?;
    let request = match version > ONE_GROUP {
        true => {
            let asked = OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(text(group)))
                .with_topics(None);
            OffsetFetchRequest::default().with_groups(vec![asked])
        }
        false => {
            OffsetFetchRequest::default().with_group_id(GroupId(text(group))).with_topics(None)
        }
    };
    let answer = connection.call(version, &request).await?;
    let about = format!("the group {group}");
    ClientError::check(answer.error_code, None, &about)?;
    let mut found = BTreeMap::new();
    let mut add = |topic: &str, partition: i32, offset: Offset| {
        if offset >= 0 {
            found.insert(TopicPartition::new(topic, partition), offset);
        }
    };
    for topic in &answer.topics {
        for p in &topic.partitions {
            add(&topic.name, p.partition_index, p.committed_offset);
        }
    }
    for group in &answer.groups {
        ClientError::check(group.error_code, None, &about)?;
        for topic in &group.topics {
            for p in &topic.partitions {
                add(&topic.name, p.partition_index, p.committed_offset);
            }
        }
    }
    Ok(found)
}

/// Commits offsets over a connection to the coordinator.
///
/// # Errors
/// The coordinator refuses one of them or does not answer.
pub async fn commit(
    connection: &mut Connection,
    group: &str,
    committer: &CommitIdentity,
    offsets: &BTreeMap<TopicPartition, Offset>,
) -> Result<(), ClientError> {
    let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for (place, offset) in offsets {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(place.partition)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(text("")));
        topics.entry(&place.topic).or_default().push(partition);
    }
    let one = |(name, partitions): (&str, Vec<OffsetCommitRequestPartition>)| {
        OffsetCommitRequestTopic::default().with_name(topic_name(name)).with_partitions(partitions)
    };
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(committer.generation)
        .with_member_id(text(&committer.member_id))
        .with_group_instance_id(committer.instance_id.as_deref().map(text))
        .with_topics(topics.into_iter().map(one).collect());
    let answer = connection.call(BY_NAME, &request).await?;
    for topic in &answer.topics {
        for p in &topic.partitions {
            let place = TopicPartition::new(topic.name.as_str(), p.partition_index);
            ClientError::check(p.error_code, None, &place.to_string())?;
        }
    }
    Ok(())
}

/// Deletes committed offsets. Returns each partition's error code, 0 for success.
///
/// # Errors
/// The coordinator refuses the whole request or does not answer.
pub async fn delete(
    cluster: &mut Cluster,
    group: &str,
    places: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, i16>, ClientError> {
    let mut topics: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
    for place in places {
        let partition =
            OffsetDeleteRequestPartition::default().with_partition_index(place.partition);
        topics.entry(&place.topic).or_default().push(partition);
    }
    let one = |(name, partitions): (&str, Vec<OffsetDeleteRequestPartition>)| {
        OffsetDeleteRequestTopic::default().with_name(topic_name(name)).with_partitions(partitions)
    };
    let request = OffsetDeleteRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_topics(topics.into_iter().map(one).collect());
    let node = cluster.coordinator(group).await?;
    let answer = cluster.node(node).await?.call(0, &request).await?;
    ClientError::check(answer.error_code, None, &format!("the group {group}"))?;
    let of_topic =
        |t: &kafka_protocol::messages::offset_delete_response::OffsetDeleteResponseTopic| {
            let name = t.name.to_string();
            let codes = t.partitions.iter().map(|p| (p.partition_index, p.error_code));
            codes.map(|(p, code)| (TopicPartition::new(name.clone(), p), code)).collect::<Vec<_>>()
        };
    Ok(answer.topics.iter().flat_map(of_topic).collect())
}
