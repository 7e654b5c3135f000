//! Creating, growing and deleting topics.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::connection::text;
use crate::client::error::ClientError;

/// How long the broker may take for a change.
const TIMEOUT_MS: i32 = 30_000;
/// The newest version of DeleteTopics that takes a plain list of names.
const NAMES_ONLY: i16 = 5;

/// A topic to be created.
#[derive(Debug, Clone, Default)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// The number of partitions; the broker's default if unset.
    pub partitions: Option<i32>,
    /// The replication factor; the broker's default if unset.
    pub replication_factor: Option<i16>,
    /// The replicas of each partition, instead of both numbers.
    pub assignment: Vec<Vec<i32>>,
    /// Its configs.
    pub configs: BTreeMap<String, String>,
}

/// Creates a topic, or with `validate_only` checks whether it could be created.
///
/// # Errors
/// The broker refuses, for instance because the topic exists.
pub async fn create_topic(
    cluster: &mut Cluster,
    topic: &NewTopic,
    validate_only: bool,
) -> Result<(), ClientError> {
    let config = |(name, value): (&String, &String)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let assigned = |(at, brokers): (usize, &Vec<i32>)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(at as i32)
            .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
    };
    let asked = CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions.unwrap_or(-1))
        .with_replication_factor(topic.replication_factor.unwrap_or(-1))
        .with_assignments(topic.assignment.iter().enumerate().map(assigned).collect())
        .with_configs(topic.configs.iter().map(config).collect());
    let request = CreateTopicsRequest::default()
        .with_topics(vec![asked])
        .with_timeout_ms(TIMEOUT_MS)
        .with_validate_only(validate_only);
    let answer = cluster.controller().await?.call(7, &request).await?;
    let result = answer.topics.first();
    result.map_or(Ok(()), |t| ClientError::check(t.error_code, t.error_message.as_deref(), ""))
}

/// Deletes a topic.
///
/// # Errors
/// The broker refuses, for instance because there is no such topic.
pub async fn delete_topic(cluster: &mut Cluster, topic: &str) -> Result<(), ClientError> {
    let connection = cluster.controller().await?;
    let version = connection.version::<DeleteTopicsRequest>(6)?;
    let request = DeleteTopicsRequest::default().with_timeout_ms(TIMEOUT_MS);
    let request = match version > NAMES_ONLY {
        true => {
            let state = DeleteTopicState::default().with_name(Some(topic_name(topic)));
            request.with_topics(vec![state])
        }
        false => request.with_topic_names(vec![topic_name(topic)]),
    };
    let answer = connection.call(version, &request).await?;
    let result = answer.responses.first();
    cluster.forget_topic(topic);
    result.map_or(Ok(()), |t| ClientError::check(t.error_code, t.error_message.as_deref(), ""))
}

/// Increases a topic's number of partitions to `count`.
///
/// # Errors
/// The broker refuses, for instance because the topic has more already.
pub async fn grow_topic(cluster: &mut Cluster, topic: &str, count: i32) -> Result<(), ClientError> {
    let asked = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(None);
    let request =
        CreatePartitionsRequest::default().with_topics(vec![asked]).with_timeout_ms(TIMEOUT_MS);
    let answer = cluster.controller().await?.call(3, &request).await?;
    cluster.forget_topic(topic);
    let result = answer.results.first();
    result.map_or(Ok(()), |t| ClientError::check(t.error_code, t.error_message.as_deref(), ""))
}

/// Waits until the metadata has the topic with a leader for every partition, or with `is_gone`
/// until it no longer has the topic.
///
/// # Errors
/// The broker does not answer.
pub async fn settled(cluster: &mut Cluster, topic: &str, is_gone: bool) -> Result<(), ClientError> {
    for _ in 0..50 {
        cluster.forget_topic(topic);
        let answer = cluster.metadata(Some(&[topic.to_owned()]), false).await?;
        let is_there = answer.topics.iter().any(|t| {
            t.error_code == 0
                && !t.partitions.is_empty()
                && t.partitions.iter().all(|p| p.leader_id.0 >= 0)
        });
        if is_there != is_gone {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
