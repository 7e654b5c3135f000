//! Listing, describing and ending transactions.

use std::time::Duration;

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeTransactionsRequest, InitProducerIdRequest,
    ListTransactionsRequest, ProducerId, TransactionalId, WriteTxnMarkersRequest,
};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::connection::text;
use crate::client::error::ClientError;
use crate::types::{Offset, TopicPartition};

/// Kafka's TRANSACTIONAL_ID_NOT_FOUND.
pub const TRANSACTIONAL_ID_NOT_FOUND: i16 = 105;
/// Kafka's CONCURRENT_TRANSACTIONS.
const CONCURRENT_TRANSACTIONS: i16 = 51;
/// The first version of ListTransactions with a pattern.
const WITH_PATTERN: i16 = 2;
/// The time between two attempts, and how often to wait for the end of a transaction.
const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: u32 = 200;

/// A transactional id in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionListing {
    /// The id.
    pub id: String,
    /// Its coordinator.
    pub coordinator: i32,
    /// Its producer id.
    pub producer_id: i64,
    /// Its state.
    pub state: String,
}

/// Which transactional ids are listed.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// Those in one of these states; all if there is none.
    pub states: Vec<String>,
    /// Those whose transaction has been open for longer than this, ms.
    pub open_longer_ms: Option<i64>,
    /// Those that match this pattern as a whole.
    pub pattern: Option<String>,
}

/// The description of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDescription {
    /// Its coordinator.
    pub coordinator: i32,
    /// Its producer id.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Its state.
    pub state: String,
    /// How long its transactions may be open, ms.
    pub timeout_ms: i32,
    /// When the transaction began, ms since 1970; or -1.
    pub start_ms: i64,
    /// The partitions of the transaction.
    pub partitions: Vec<TopicPartition>,
}

/// Lists transactional ids of all coordinators, in order.
///
/// # Errors
/// A broker does not answer, or refuses the pattern.
pub async fn list(
    cluster: &mut Cluster,
    filter: &TransactionFilter,
) -> Result<Vec<TransactionListing>, ClientError> {
    let request = ListTransactionsRequest::default()
        .with_state_filters(filter.states.iter().map(|state| text(state)).collect())
        .with_duration_filter(filter.open_longer_ms.unwrap_or(-1))
        .with_transactional_id_pattern(filter.pattern.as_deref().map(text));
    let nodes: Vec<i32> = cluster.nodes.keys().copied().collect();
    let mut found = Vec::new();
    for node in nodes {
        let answer = cluster.node(node).await?.call(WITH_PATTERN, &request).await?;
        ClientError::check(answer.error_code, None, "listing transactions")?;
        found.extend(answer.transaction_states.iter().map(|state| TransactionListing {
            id: state.transactional_id.to_string(),
            coordinator: node,
            producer_id: state.producer_id.0,
            state: state.transaction_state.to_string(),
        }));
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Describes a transactional id. One that does not exist is refused with
/// TRANSACTIONAL_ID_NOT_FOUND.
///
/// # Errors
/// There is no such id, or its coordinator does not answer.
pub async fn describe(
    cluster: &mut Cluster,
    id: &str,
) -> Result<TransactionDescription, ClientError> {
    let coordinator = cluster.transaction_coordinator(id).await?;
    let request = DescribeTransactionsRequest::default()
        .with_transactional_ids(vec![TransactionalId(text(id))]);
    let answer = cluster.node(coordinator).await?.call(0, &request).await?;
    let about = format!("the transactional id {id}");
    let Some(state) = answer.transaction_states.first() else {
        return Err(ClientError::Invalid(format!("the response does not include {about}")));
    };
    ClientError::check(state.error_code, None, &about)?;
    let partitions = state.topics.iter().flat_map(|topic| {
        let name = topic.topic.to_string();
        topic.partitions.iter().map(move |index| TopicPartition::new(name.clone(), *index))
    });
    Ok(TransactionDescription {
        coordinator,
        producer_id: state.producer_id.0,
        epoch: state.producer_epoch,
        state: state.transaction_state.to_string(),
        timeout_ms: state.transaction_timeout_ms,
        start_ms: state.transaction_start_time_ms,
        partitions: partitions.collect(),
    })
}

/// Aborts the open transaction of an id, as a second producer of it does when it starts: the first
/// one is fenced.
///
/// # Errors
/// There is no such id, or its coordinator does not answer, or cannot end the transaction.
pub async fn fence(cluster: &mut Cluster, id: &str) -> Result<(), ClientError> {
    let described = describe(cluster, id).await?;
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(TransactionalId(text(id))))
        .with_transaction_timeout_ms(described.timeout_ms)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let mut attempt = 0;
    loop {
        let answer = cluster.node(described.coordinator).await?.call(4, &request).await?;
        attempt += 1;
        if answer.error_code != CONCURRENT_TRANSACTIONS || attempt == ATTEMPTS {
            let about = format!("the transactional id {id}");
            return ClientError::check(answer.error_code, None, &about);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Aborts the transaction that is open in a partition since this offset, by a marker in that
/// partition alone.
///
/// # Errors
/// There is no such transaction, or the leader refuses the marker.
pub async fn abort_at(
    cluster: &mut Cluster,
    place: &TopicPartition,
    start: Offset,
) -> Result<(), ClientError> {
    let (topic, index) = (topic_name(&place.topic), place.partition);
    cluster.topic(&place.topic, false).await?;
    let leader = cluster.leader(&place.topic, index)?;
    let asked =
        TopicRequest::default().with_name(topic.clone()).with_partition_indexes(vec![index]);
    let request = DescribeProducersRequest::default().with_topics(vec![asked]);
    let answer = cluster.node(leader).await?.call(0, &request).await?;
    let partition = answer.topics.iter().flat_map(|topic| &topic.partitions).next();
    if let Some(partition) = partition {
        let message = partition.error_message.as_deref();
        ClientError::check(partition.error_code, message, &place.to_string())?;
    }
    let mut producers = partition.iter().flat_map(|partition| &partition.active_producers);
    let Some(producer) = producers.find(|p| p.current_txn_start_offset == start) else {
        let why = format!("no transaction is open in {place} since offset {start}");
        return Err(ClientError::Invalid(why));
    };
    let topic = WritableTxnMarkerTopic::default().with_name(topic);
    let marker = WritableTxnMarker::default()
        .with_producer_id(producer.producer_id)
        .with_producer_epoch(producer.producer_epoch as i16)
        // The coordinator has written none yet if it is -1.
        .with_coordinator_epoch(producer.coordinator_epoch.max(0))
        .with_transaction_result(false)
        .with_topics(vec![topic.with_partition_indexes(vec![index])]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let answer = cluster.node(leader).await?.call(1, &request).await?;
    let results = answer.markers.iter().flat_map(|marker| &marker.topics);
    let result = results.flat_map(|topic| &topic.partitions).next();
    result.map_or(Ok(()), |r| ClientError::check(r.error_code, None, &place.to_string()))
}
