//! Sends complete batches to the leaders, several in flight, and retries.
//!
//! **Invariant:** batches of a partition arrive in the order in which they were pushed. More than
//! one is in flight only if the broker itself keeps the order (KIP-98).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::connection::Connection;
use crate::client::error::ClientError;
use crate::types::Offset;

/// The newest version of Produce that names topics.
const PRODUCE: i16 = 12;
/// The number of batches per partition whose sequence numbers Kafka remembers.
const IN_FLIGHT_MAX: usize = 5;
/// OUT_OF_ORDER_SEQUENCE_NUMBER: the error for batches in flight behind a failed one.
const OUT_OF_ORDER: i16 = 45;
/// DUPLICATE_SEQUENCE_NUMBER: the batch was appended already.
const DUPLICATE: i16 = 46;

/// A batch, ready to be sent.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The batch's bytes.
    pub records: Bytes,
    /// How many records it has.
    pub count: i32,
    /// The caller's mark, returned with the acknowledgement.
    pub stamp: u64,
}

/// A batch that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The first record's offset; -1 with acks=0.
    pub base_offset: Offset,
    /// The number of records.
    pub count: i32,
    /// The caller's mark.
    pub stamp: u64,
}

/// The acknowledgements to wait for, and the retries.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// `acks`: 0, 1, or -1 for all.
    pub acks: i16,
    /// True if the broker keeps the order and drops duplicates.
    pub is_idempotent: bool,
    /// `retries`: how often a batch is sent again.
    pub retries: u32,
    /// `retry.backoff.ms`: the time before that.
    pub backoff: Duration,
    /// `request.timeout.ms`: how long the broker may wait for its replicas.
    pub request_timeout: Duration,
}

#[derive(Debug)]
struct BrokerConnection {
    connection: Connection,
    in_flight: VecDeque<(i32, Batch)>,
}

/// The batches in flight.
#[derive(Debug)]
pub struct Sender {
    policy: RetryPolicy,
    connections: BTreeMap<i32, BrokerConnection>,
    acknowledged: Vec<Acknowledged>,
}

impl Sender {
    /// Returns a sender with nothing in flight.
    pub fn new(policy: RetryPolicy) -> Sender {
        Sender { policy, connections: BTreeMap::new(), acknowledged: Vec::new() }
    }

    /// Returns the batches acknowledged since the last call.
    pub fn take_acknowledged(&mut self) -> Vec<Acknowledged> {
        std::mem::take(&mut self.acknowledged)
    }

    /// Sends a batch; waits while too many are in flight.
    ///
    /// # Errors
    /// A batch was refused with an error that is not retriable, or its retries are exhausted.
    pub async fn push(&mut self, cluster: &mut Cluster, batch: Batch) -> Result<(), ClientError> {
        let most = if self.policy.is_idempotent { IN_FLIGHT_MAX } else { 1 };
        let node = match cluster.leader(&batch.topic, batch.partition) {
            Ok(node) if node >= 0 => node,
            _ => return self.again(cluster, vec![batch], None).await,
        };
        while self.connections.get(&node).is_some_and(|broker| broker.in_flight.len() >= most) {
            self.settle(cluster, node).await?;
        }
        match self.post(cluster, node, batch.clone()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut all = self.recall(node);
                all.push(batch);
                self.again(cluster, all, Some(error)).await
            }
        }
    }

    /// Waits until nothing is in flight.
    ///
    /// # Errors
    /// Those of [`Sender::push`].
    pub async fn drain(&mut self, cluster: &mut Cluster) -> Result<(), ClientError> {
        let nodes: Vec<i32> = self.connections.keys().copied().collect();
        for node in nodes {
            while self.connections.get(&node).is_some_and(|broker| !broker.in_flight.is_empty()) {
                self.settle(cluster, node).await?;
            }
        }
        Ok(())
    }

    /// Sends a batch over its leader's connection.
    async fn post(
        &mut self,
        cluster: &mut Cluster,
        node: i32,
        batch: Batch,
    ) -> Result<(), ClientError> {
        let broker = match self.connections.entry(node) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(none) => {
                let connection = cluster.own_connection(node).await?;
                none.insert(BrokerConnection { connection, in_flight: VecDeque::new() })
            }
        };
        let version = broker.connection.version::<ProduceRequest>(PRODUCE)?;
        let data = PartitionProduceData::default()
            .with_index(batch.partition)
            .with_records(Some(batch.records.clone()));
        let topic = TopicProduceData::default()
            .with_name(topic_name(&batch.topic))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(self.policy.acks)
            .with_timeout_ms(self.policy.request_timeout.as_millis() as i32)
            .with_topic_data(vec![topic]);
        let id = broker.connection.send(version, &request).await?;
        match self.policy.acks {
            0 => self.acknowledged.push(acknowledged(batch, -1)),
            _ => broker.in_flight.push_back((id, batch)),
        }
        Ok(())
    }

    /// Waits for the response to the oldest batch of a broker.
    async fn settle(&mut self, cluster: &mut Cluster, node: i32) -> Result<(), ClientError> {
        let patience = self.policy.request_timeout;
        let Some(broker) = self.connections.get_mut(&node) else { return Ok(()) };
        let Some((id, _)) = broker.in_flight.front() else { return Ok(()) };
        let (id, version) = (*id, broker.connection.version::<ProduceRequest>(PRODUCE)?);
        let answer = broker.connection.receive::<ProduceRequest>(version, id, patience).await;
        let outcome = answer.and_then(|answer| outcome(&answer));
        if let Ok(base_offset) = outcome {
            if let Some((_, batch)) = broker.in_flight.pop_front() {
                self.acknowledged.push(acknowledged(batch, base_offset));
            }
            return Ok(());
        }
        let batches = self.recall(node);
        self.again(cluster, batches, outcome.err()).await
    }

    /// Takes back everything in flight to a broker, oldest first, and drops its connection.
    fn recall(&mut self, node: i32) -> Vec<Batch> {
        let broker = self.connections.remove(&node);
        broker.into_iter().flat_map(|broker| broker.in_flight).map(|(_, batch)| batch).collect()
    }

    /// Sends batches again, one by one, until each is acknowledged or its retries are exhausted.
    async fn again(
        &mut self,
        cluster: &mut Cluster,
        batches: Vec<Batch>,
        first: Option<ClientError>,
    ) -> Result<(), ClientError> {
        let mut error = first;
        for batch in batches {
            let mut left = self.policy.retries;
            loop {
                if let Some(error) = error.take() {
                    let passes = error.may_pass() || error.code() == Some(OUT_OF_ORDER);
                    if !passes || left == 0 {
                        return Err(error);
                    }
                    left -= 1;
                    tokio::time::sleep(self.policy.backoff).await;
                }
                match self.once(cluster, &batch).await {
                    Ok(()) => break,
                    Err(failed) => error = Some(failed),
                }
            }
        }
        Ok(())
    }

    /// Refreshes the metadata, sends a batch and waits for its response.
    async fn once(&mut self, cluster: &mut Cluster, batch: &Batch) -> Result<(), ClientError> {
        cluster.forget_topic(&batch.topic);
        cluster.topic(&batch.topic, true).await?;
        let node = cluster.leader(&batch.topic, batch.partition)?;
        self.connections.remove(&node);
        self.post(cluster, node, batch.clone()).await?;
        let patience = self.policy.request_timeout;
        let Some(broker) = self.connections.get_mut(&node) else { return Ok(()) };
        let Some((id, batch)) = broker.in_flight.pop_front() else { return Ok(()) };
        let version = broker.connection.version::<ProduceRequest>(PRODUCE)?;
        let answer = broker.connection.receive::<ProduceRequest>(version, id, patience).await?;
        let base_offset = outcome(&answer)?;
        self.acknowledged.push(acknowledged(batch, base_offset));
        Ok(())
    }
}

fn acknowledged(batch: Batch, base_offset: Offset) -> Acknowledged {
    let Batch { topic, partition, count, stamp, .. } = batch;
    Acknowledged { topic, partition, base_offset, count, stamp }
}

/// Returns the base offset of the response's only partition, or its error.
fn outcome(answer: &ProduceResponse) -> Result<Offset, ClientError> {
    let topic = answer.responses.first();
    let partition = topic.and_then(|t| Some((&t.name, t.partition_responses.first()?)));
    let Some((name, partition)) = partition else {
        return Err(ClientError::Invalid("the response includes no partition".to_owned()));
    };
    if partition.error_code == DUPLICATE {
        return Ok(partition.base_offset);
    }
    let about = format!("{}-{}", name.as_str(), partition.index);
    ClientError::check(partition.error_code, words(partition).as_deref(), &about)?;
    Ok(partition.base_offset)
}

/// Returns the broker's message about the batch or, preferably, about one of its records.
fn words(partition: &PartitionProduceResponse) -> Option<String> {
    let of_record =
        partition.record_errors.first().and_then(|r| r.batch_index_error_message.as_ref());
    of_record.or(partition.error_message.as_ref()).map(ToString::to_string)
}
