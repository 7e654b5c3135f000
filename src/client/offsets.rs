//! ListOffsets: the first and last offsets of partitions, and offsets by timestamp.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::error::ClientError;
use crate::types::{Offset, TopicPartition};

/// The timestamp that means the end offset.
pub const LATEST: i64 = -1;
/// The timestamp that means the log start offset.
pub const EARLIEST: i64 = -2;
/// The timestamp that means the record with the largest timestamp (KIP-734).
pub const MAX_TIMESTAMP: i64 = -3;

/// Returns the offset and timestamp found for each partition's timestamp; -1 where there is none.
///
/// # Errors
/// A broker does not answer or refuses one of the partitions.
pub async fn list(
    cluster: &mut Cluster,
    wanted: &[(TopicPartition, i64)],
    read_committed: bool,
) -> Result<BTreeMap<TopicPartition, (Offset, i64)>, ClientError> {
    let mut by_leader: BTreeMap<i32, BTreeMap<String, Vec<ListOffsetsPartition>>> = BTreeMap::new();
    for (place, timestamp) in wanted {
        cluster.topic(&place.topic, false).await?;
        let leader = cluster.leader(&place.topic, place.partition)?;
        let partition = ListOffsetsPartition::default()
            .with_partition_index(place.partition)
            .with_timestamp(*timestamp);
        let topics = by_leader.entry(leader).or_default();
        topics.entry(place.topic.clone()).or_default().push(partition);
    }
    let mut found = BTreeMap::new();
    for (leader, topics) in by_leader {
        let one = |(name, partitions): (String, Vec<ListOffsetsPartition>)| {
            ListOffsetsTopic::default().with_name(topic_name(&name)).with_partitions(partitions)
        };
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(i8::from(read_committed))
            .with_topics(topics.into_iter().map(one).collect());
        let answer = cluster.node(leader).await?.call(9, &request).await?;
        for topic in &answer.topics {
            for p in &topic.partitions {
                let place = TopicPartition::new(topic.name.as_str(), p.partition_index);
                ClientError::check(p.error_code, None, &place.to_string())?;
                found.insert(place, (p.offset, p.timestamp));
            }
        }
    }
    Ok(found)
}

/// Returns the offsets of many partitions for one timestamp.
///
/// # Errors
/// Those of [`list`].
pub async fn all_at(
    cluster: &mut Cluster,
    places: &[TopicPartition],
    timestamp: i64,
) -> Result<BTreeMap<TopicPartition, Offset>, ClientError> {
    let wanted: Vec<_> = places.iter().map(|place| (place.clone(), timestamp)).collect();
    let found = list(cluster, &wanted, false).await?;
    Ok(found.into_iter().map(|(place, (offset, _))| (place, offset)).collect())
}
