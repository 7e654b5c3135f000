//! Fetching records of many partitions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};

use crate::client::cluster::{Cluster, topic_name};
use crate::client::connection::Connection;
use crate::client::decode::shown;
use crate::client::error::ClientError;
use crate::client::offsets::{self, EARLIEST, LATEST};
use crate::storage::records::Record;
use crate::types::{Offset, TopicPartition};

/// The newest version of Fetch that names topics.
const FETCH: i16 = 12;
/// A full fetch without a session (KIP-227).
const NO_SESSION: i32 = -1;
const OFFSET_OUT_OF_RANGE: i16 = 1;

/// Where to begin if there is no committed offset, or none that still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// The beginning.
    Earliest,
    /// The end.
    Latest,
    /// Nowhere: it is an error.
    None,
}

/// The fetch configuration. Names are those of Kafka's configs.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// `fetch.min.bytes`.
    pub min_bytes: i32,
    /// `fetch.max.bytes`.
    pub max_bytes: i32,
    /// `max.partition.fetch.bytes`.
    pub partition_bytes: i32,
    /// `fetch.max.wait.ms`.
    pub max_wait: Duration,
    /// `isolation.level=read_committed`.
    pub read_committed: bool,
    /// `auto.offset.reset`.
    pub reset: OffsetReset,
}

impl Default for FetchConfig {
    fn default() -> FetchConfig {
        FetchConfig {
            min_bytes: 1,
            max_bytes: 50 << 20,
            partition_bytes: 1 << 20,
            max_wait: Duration::from_millis(500),
            read_committed: false,
            reset: OffsetReset::Latest,
        }
    }
}

/// The records fetched from one partition.
#[derive(Debug)]
pub struct FetchedRecords {
    /// The partition.
    pub partition: TopicPartition,
    /// Its records, in order.
    pub records: Vec<Record>,
}

/// The fetch positions of partitions.
#[derive(Debug)]
pub struct Fetcher {
    config: FetchConfig,
    /// The next offset to fetch from each partition.
    pub positions: BTreeMap<TopicPartition, Offset>,
    /// The end offset of each partition, from the last response.
    pub ends: BTreeMap<TopicPartition, Offset>,
    connections: BTreeMap<i32, Connection>,
}

impl Fetcher {
    /// Returns a fetcher without partitions.
    pub fn new(config: FetchConfig) -> Fetcher {
        Fetcher {
            config,
            positions: BTreeMap::new(),
            ends: BTreeMap::new(),
            connections: BTreeMap::new(),
        }
    }

    /// Replaces the partitions to fetch. Each begins at its offset, or, without one, where the
    /// reset policy says.
    ///
    /// # Errors
    /// A broker does not answer, or there is neither an offset nor a reset policy.
    pub async fn assign(
        &mut self,
        cluster: &mut Cluster,
        places: &BTreeMap<TopicPartition, Option<Offset>>,
    ) -> Result<(), ClientError> {
        self.positions.clear();
        self.ends.clear();
        let known = places.iter().filter_map(|(place, offset)| Some((place.clone(), (*offset)?)));
        self.positions.extend(known);
        let unknown: Vec<TopicPartition> =
            places.iter().filter(|(_, o)| o.is_none()).map(|(p, _)| p.clone()).collect();
        self.reset(cluster, &unknown).await
    }

    async fn reset(
        &mut self,
        cluster: &mut Cluster,
        places: &[TopicPartition],
    ) -> Result<(), ClientError> {
        if places.is_empty() {
            return Ok(());
        }
        let timestamp = match self.config.reset {
            OffsetReset::Earliest => EARLIEST,
            OffsetReset::Latest => LATEST,
            OffsetReset::None => {
                let names: Vec<String> = places.iter().map(ToString::to_string).collect();
                return Err(ClientError::Invalid(format!(
                    "there is no offset to start from for {}, and auto.offset.reset is none",
                    names.join(", ")
                )));
            }
        };
        let found = offsets::all_at(cluster, places, timestamp).await?;
        self.positions.extend(found);
        Ok(())
    }

    /// Waits for records, at most `fetch.max.wait.ms`. The wait may be dropped without loss.
    ///
    /// # Errors
    /// A broker returns an error that is not retriable or cannot be reached; the positions remain.
    pub async fn poll(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<Vec<FetchedRecords>, ClientError> {
        if self.positions.is_empty() {
            tokio::time::sleep(self.config.max_wait).await;
            return Ok(Vec::new());
        }
        let mut asked = Vec::new();
        for (node, topics) in self.by_leader(cluster).await? {
            let request = self.request(topics);
            let connection = self.connection(cluster, node).await?;
            let version = connection.version::<FetchRequest>(FETCH)?;
            match connection.send(version, &request).await {
                Ok(id) => asked.push((node, version, id)),
                Err(error) => return Err(self.dropped(node, error)),
            }
        }
        let patience = self.config.max_wait + Duration::from_secs(30);
        let mut answers = Vec::new();
        for (node, version, id) in asked {
            let Some(connection) = self.connections.get_mut(&node) else { continue };
            match connection.receive::<FetchRequest>(version, id, patience).await {
                Ok(answer) => answers.push(answer),
                Err(error) => return Err(self.dropped(node, error)),
            }
        }
        let mut fetched = Vec::new();
        for answer in &answers {
            self.take(cluster, answer, &mut fetched).await?;
        }
        Ok(fetched)
    }

    fn dropped(&mut self, node: i32, error: ClientError) -> ClientError {
        self.connections.remove(&node);
        error
    }

    async fn connection(
        &mut self,
        cluster: &mut Cluster,
        node: i32,
    ) -> Result<&mut Connection, ClientError> {
        match self.connections.entry(node) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(none) => Ok(none.insert(cluster.own_connection(node).await?)),
        }
    }

    async fn by_leader(
        &self,
        cluster: &mut Cluster,
    ) -> Result<BTreeMap<i32, BTreeMap<String, Vec<FetchPartition>>>, ClientError> {
        let mut found: BTreeMap<i32, BTreeMap<String, Vec<FetchPartition>>> = BTreeMap::new();
        for (place, offset) in &self.positions {
            cluster.topic(&place.topic, false).await?;
            let leader = cluster.leader(&place.topic, place.partition)?;
            let partition = FetchPartition::default()
                .with_partition(place.partition)
                .with_fetch_offset(*offset)
                .with_partition_max_bytes(self.config.partition_bytes);
            found
                .entry(leader)
                .or_default()
                .entry(place.topic.clone())
                .or_default()
                .push(partition);
        }
        Ok(found)
    }

    fn request(&self, topics: BTreeMap<String, Vec<FetchPartition>>) -> FetchRequest {
        let one = |(name, partitions): (String, Vec<FetchPartition>)| {
            FetchTopic::default().with_topic(topic_name(&name)).with_partitions(partitions)
        };
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(self.config.max_wait.as_millis() as i32)
            .with_min_bytes(self.config.min_bytes)
            .with_max_bytes(self.config.max_bytes)
            .with_isolation_level(i8::from(self.config.read_committed))
            .with_session_epoch(NO_SESSION)
            .with_topics(topics.into_iter().map(one).collect())
    }

    async fn take(
        &mut self,
        cluster: &mut Cluster,
        answer: &FetchResponse,
        fetched: &mut Vec<FetchedRecords>,
    ) -> Result<(), ClientError> {
        ClientError::check(answer.error_code, None, "fetching")?;
        for topic in &answer.responses {
            for data in &topic.partitions {
                let place = TopicPartition::new(topic.topic.as_str(), data.partition_index);
                if let Some(got) = self.take_partition(cluster, place, data).await? {
                    fetched.push(got);
                }
            }
        }
        Ok(())
    }

    async fn take_partition(
        &mut self,
        cluster: &mut Cluster,
        place: TopicPartition,
        data: &PartitionData,
    ) -> Result<Option<FetchedRecords>, ClientError> {
        let Some(from) = self.positions.get(&place).copied() else { return Ok(None) };
        match ClientError::check(data.error_code, None, &place.to_string()) {
            Ok(()) => {}
            Err(error) if error.code() == Some(OFFSET_OUT_OF_RANGE) => {
                self.reset(cluster, &[place]).await?;
                return Ok(None);
            }
            Err(error) if error.may_pass() => {
                cluster.forget_topic(&place.topic);
                tokio::time::sleep(Duration::from_millis(100)).await;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let (records, next) =
            shown(data, from).map_err(|why| ClientError::Invalid(format!("{place}: {why}")))?;
        let end =
            if self.config.read_committed { data.last_stable_offset } else { data.high_watermark };
        self.ends.insert(place.clone(), end);
        self.positions.insert(place.clone(), next);
        Ok((!records.is_empty()).then_some(FetchedRecords { partition: place, records }))
    }
}
