//! Collects records into batches: partitions them, assigns sequence numbers, compresses them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{InitProducerIdRequest, ProducerId};

use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::partitioner;
use crate::client::sender::{Acknowledged, Batch, RetryPolicy, Sender};
use crate::storage::batch::{Codec, sequence_after};
use crate::storage::batch_builder::BatchBuilder;

/// The producer configuration. Names are those of Kafka's configs.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// `acks`: 0, 1, or -1 for all.
    pub acks: i16,
    /// `enable.idempotence`.
    pub is_idempotent: bool,
    /// `batch.size`: a batch is sent when it has this many bytes.
    pub batch_bytes: usize,
    /// `compression.type`.
    pub codec: Codec,
    /// `compression.LEVEL`; -1 for the codec's own default.
    pub level: i32,
    /// `retries`.
    pub retries: u32,
    /// `retry.backoff.ms`.
    pub backoff: Duration,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
}

impl Default for ProducerConfig {
    fn default() -> ProducerConfig {
        ProducerConfig {
            acks: -1,
            is_idempotent: true,
            batch_bytes: 16 * 1024,
            codec: Codec::None,
            level: -1,
            retries: 30,
            backoff: Duration::from_millis(100),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// A record to be produced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Its key; records with the same one go to the same partition.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// Its partition, if not chosen by the key.
    pub partition: Option<i32>,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

#[derive(Debug)]
struct OpenBatch {
    builder: BatchBuilder,
    stamp: u64,
}

/// A producer for one topic.
#[derive(Debug)]
pub struct Producer {
    topic: String,
    partitions: i32,
    config: ProducerConfig,
    identity: Option<(i64, i16)>,
    sequences: BTreeMap<i32, i32>,
    open: BTreeMap<i32, OpenBatch>,
    sticky: i32,
    sender: Sender,
}

impl Producer {
    /// Returns a producer for `topic`, which the broker creates if it auto-creates topics.
    ///
    /// # Errors
    /// There is no such topic, or the broker does not return a producer id.
    pub async fn new(
        cluster: &mut Cluster,
        topic: &str,
        config: ProducerConfig,
    ) -> Result<Producer, ClientError> {
        let partitions = cluster.topic(topic, true).await?.partitions.len() as i32;
        let is_idempotent = config.is_idempotent && config.acks == -1;
        let identity = match is_idempotent {
            true => Some(producer_id(cluster).await?),
            false => None,
        };
        let policy = RetryPolicy {
            acks: config.acks,
            is_idempotent,
            retries: config.retries,
            backoff: config.backoff,
            request_timeout: config.request_timeout,
        };
        Ok(Producer {
            topic: topic.to_owned(),
            partitions,
            config,
            identity,
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
            sticky: fastrand::i32(0..partitions.max(1)),
            sender: Sender::new(policy),
        })
    }

    /// Adds a record; its batch is sent when it is full. `stamp` is returned in the acknowledgement
    /// of the batch if this record is its first.
    ///
    /// # Errors
    /// There is no such partition, or a batch was refused.
    pub async fn send(
        &mut self,
        cluster: &mut Cluster,
        record: &NewRecord,
        stamp: u64,
    ) -> Result<(), ClientError> {
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partitioner::by_key(key, self.partitions),
            (None, None) => self.sticky,
        };
        if !(0..self.partitions).contains(&partition) {
            return Err(ClientError::Invalid(format!(
                "the topic {} has {} partitions, so there is no partition {partition}",
                self.topic, self.partitions
            )));
        }
        let size = record_bytes(record);
        let is_full = self
            .open
            .get(&partition)
            .is_some_and(|open| open.builder.uncompressed_bytes() + size > self.config.batch_bytes);
        if is_full {
            self.close(cluster, partition).await?;
        }
        let open = self.open.entry(partition).or_insert_with(|| OpenBatch {
            builder: BatchBuilder::new(0, record.timestamp),
            stamp,
        });
        let headers: Vec<(&[u8], Option<&[u8]>)> =
            record.headers.iter().map(|(n, v)| (n.as_ref(), v.as_deref())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        open.builder.push(key, value, &headers, record.timestamp);
        Ok(())
    }

    /// Sends all batches, full or not, without waiting for the responses.
    ///
    /// # Errors
    /// A batch was refused.
    pub async fn push(&mut self, cluster: &mut Cluster) -> Result<(), ClientError> {
        let waiting: Vec<i32> = self.open.keys().copied().collect();
        for partition in waiting {
            self.close(cluster, partition).await?;
        }
        Ok(())
    }

    /// Sends all batches and waits until everything is acknowledged.
    ///
    /// # Errors
    /// A batch was refused.
    pub async fn flush(&mut self, cluster: &mut Cluster) -> Result<(), ClientError> {
        self.push(cluster).await?;
        self.sender.drain(cluster).await
    }

    /// Returns the batches acknowledged since the last call.
    pub fn take_acknowledged(&mut self) -> Vec<Acknowledged> {
        self.sender.take_acknowledged()
    }

    async fn close(&mut self, cluster: &mut Cluster, partition: i32) -> Result<(), ClientError> {
        let Some(OpenBatch { mut builder, stamp }) = self.open.remove(&partition) else {
            return Ok(());
        };
        let count = builder.len();
        if let Some((id, epoch)) = self.identity {
            let sequence = self.sequences.entry(partition).or_insert(0);
            builder = builder.producer(id, epoch, *sequence);
            *sequence = sequence_after(*sequence, count);
        }
        if self.config.codec != Codec::None {
            builder = builder.compressed(self.config.codec, self.config.level);
        }
        // Records without a key stay together in a batch; the next batch goes to another partition
        // (KIP-480).
        if partition == self.sticky && self.partitions > 1 {
            self.sticky = (self.sticky + fastrand::i32(1..self.partitions)) % self.partitions;
        }
        let records = Bytes::from(builder.finish());
        let batch = Batch { topic: self.topic.clone(), partition, records, count, stamp };
        self.sender.push(cluster, batch).await
    }
}

async fn producer_id(cluster: &mut Cluster) -> Result<(i64, i16), ClientError> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(i32::MAX)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    for _ in 0..50 {
        let answer = cluster.any().await?.call(4, &request).await?;
        match ClientError::check(answer.error_code, None, "a producer id") {
            Ok(()) => return Ok((answer.producer_id.0, answer.producer_epoch)),
            Err(error) if !error.may_pass() => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    Err(ClientError::Invalid("the broker did not return a producer id".to_owned()))
}

/// Returns an upper bound of what a record adds to a batch.
fn record_bytes(record: &NewRecord) -> usize {
    let bytes = |b: &Option<Bytes>| b.as_ref().map_or(0, Bytes::len);
    let headers: usize = record.headers.iter().map(|(n, v)| n.len() + bytes(v) + 10).sum();
    bytes(&record.key) + bytes(&record.value) + headers + 21
}
