//! One broker, to which a plan is done; its answers, in the form in which they are compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::CreatableTopicConfig;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListOffsetsRequest,
};

use super::batch::{ReadRecord, Record, encode, seen};
use super::client::{Client, creation, fetching, production, text, topic_name};
use super::plan::{Action, Batch, Operation, OperationKind, Point};
use super::settle::{Barrier, compacted};

/// What a broker has answered.
#[derive(Debug, Default)]
pub struct Answer {
    /// Compared as it is.
    pub reported: String,
    /// One broker may give more of them at once than the other.
    pub records: Option<Vec<ReadRecord>>,
}

/// One broker.
pub struct World {
    pub client: Client,
    /// Topics of one run begin so.
    prefix: String,
    /// Where the broker says how far it has compacted.
    data_dir: PathBuf,
    /// Where partitions end, as far as answers have shown.
    ends: BTreeMap<(usize, i32), i64>,
    /// What the topics are that are there.
    kinds: BTreeMap<usize, OperationKind>,
    /// How many partitions they have.
    partitions: BTreeMap<usize, i32>,
    /// For a broker that acts on changes later than it answers.
    barrier: Option<Barrier>,
    now: i64,
}

impl World {
    pub fn new(client: Client, prefix: &str, data_dir: &Path, barrier: bool, now: i64) -> World {
        World {
            client,
            prefix: prefix.to_owned(),
            data_dir: data_dir.to_owned(),
            ends: BTreeMap::new(),
            kinds: BTreeMap::new(),
            partitions: BTreeMap::new(),
            barrier: barrier.then(|| Barrier::new(prefix)),
            now,
        }
    }

    fn name(&self, topic: usize) -> String {
        format!("{}t{topic}", self.prefix)
    }

    fn offset(&self, topic: usize, partition: i32, point: Point) -> i64 {
        let end = self.ends.get(&(topic, partition)).copied().unwrap_or(0);
        match point {
            Point::At(offset) => offset,
            Point::Part(thousandths) => end * thousandths / 1000,
            Point::Past(more) => end.saturating_add(more),
        }
    }

    /// Do one operation and say what came of it.
    pub async fn run(&mut self, operation: &Operation) -> Answer {
        let topic = operation.topic;
        let kind = self.kinds.get(&topic).copied().unwrap_or(operation.kind);
        let reported = match &operation.deed {
            Action::Fetch { partition, from, max_bytes } => {
                let from = self.offset(topic, *partition, *from);
                return self.fetch(topic, *partition, from, *max_bytes, kind).await;
            }
            Action::Create { partitions, factor, configs, validate_only } => {
                let reported =
                    self.create(topic, *partitions, *factor, configs, *validate_only).await;
                if self.partitions.contains_key(&topic) {
                    self.kinds.entry(topic).or_insert(operation.kind);
                }
                reported
            }
            Action::Delete => self.delete(topic).await,
            Action::Grow { count, assigned } => self.grow(topic, *count, assigned.as_deref()).await,
            Action::Alter { changes, validate_only } => {
                self.alter(topic, changes, *validate_only).await
            }
            Action::Describe => self.describe(topic).await,
            Action::Produce { partition, version, acks, batch } => {
                self.produce(topic, *partition, *version, *acks, batch).await
            }
            Action::DeleteRecords { partition, before } => {
                let before = self.offset(topic, *partition, *before);
                self.delete_records(topic, *partition, before).await
            }
            Action::ListOffset { partition, timestamp } => {
                self.list_offset(topic, *partition, *timestamp, kind).await
            }
            Action::Compact { step } => self.compact(topic, *step).await,
            Action::ReadAll => self.read_all(topic, kind).await,
        };
        Answer { reported, records: None }
    }

    async fn create(
        &mut self,
        topic: usize,
        partitions: i32,
        factor: i16,
        configs: &[(String, String)],
        validate_only: bool,
    ) -> String {
        let mut request = creation(&self.name(topic), partitions, &[]);
        let config = |(name, value): &(String, String)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        request.topics[0].replication_factor = factor;
        request.topics[0].configs = configs.iter().map(config).collect();
        request.timeout_ms = 30_000;
        request.validate_only = validate_only;
        let answer = self.client.call(7, &request).await;
        let result = &answer.topics[0];
        if result.error_code == 0 && !validate_only {
            self.partitions.insert(topic, result.num_partitions);
            self.settle_partitions(topic, 0..result.num_partitions).await;
        }
        let mut own: Vec<String> = Vec::new();
        for config in result.configs.iter().flatten().filter(|config| config.config_source == 1) {
            own.push(format!("{:?}={:?}", config.name, config.value));
        }
        own.sort();
        let (code, count) = (result.error_code, result.num_partitions);
        format!("code {code}, {count} partitions, {} replicas, {own:?}", result.replication_factor)
    }

    /// Wait until the partitions take requests.
    async fn settle_partitions(&mut self, topic: usize, partitions: std::ops::Range<i32>) {
        for partition in partitions {
            for attempt in 0.. {
                assert!(attempt < 10_000, "partition {partition} of topic {topic} is not there");
                if self.offset_at(topic, partition, -1).await.0 == 0 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            self.ends.insert((topic, partition), 0);
        }
    }

    async fn delete(&mut self, topic: usize) -> String {
        let read = if self.partitions.contains_key(&topic) { "there" } else { "not there" };
        let state = DeleteTopicState::default().with_name(Some(topic_name(&self.name(topic))));
        let request =
            DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(30_000);
        let code = self.client.call(6, &request).await.responses[0].error_code;
        if code == 0 {
            self.partitions.remove(&topic);
            self.kinds.remove(&topic);
            for attempt in 0.. {
                assert!(attempt < 10_000, "topic {topic} does not go");
                if self.offset_at(topic, 0, -1).await.0 == 3 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            self.ends.retain(|(of, _), _| *of != topic);
        }
        format!("{read}: code {code}")
    }

    async fn grow(&mut self, topic: usize, count: i32, assigned: Option<&[i32]>) -> String {
        let assigned = assigned.map(|ids| {
            let to = |id: &i32| {
                CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(*id)])
            };
            ids.iter().map(to).collect()
        });
        let wanted = CreatePartitionsTopic::default()
            .with_name(topic_name(&self.name(topic)))
            .with_count(count)
            .with_assignments(assigned);
        let request =
            CreatePartitionsRequest::default().with_topics(vec![wanted]).with_timeout_ms(30_000);
        let code = self.client.call(3, &request).await.results[0].error_code;
        if code == 0 {
            let has = self.partitions.insert(topic, count).unwrap();
            self.settle_partitions(topic, has..count).await;
        }
        format!("code {code}")
    }

    async fn alter(
        &mut self,
        topic: usize,
        changes: &[(String, i8, Option<String>)],
        validate_only: bool,
    ) -> String {
        let change = |(name, operation, value): &(String, i8, Option<String>)| {
            AlterableConfig::default()
                .with_name(text(name))
                .with_config_operation(*operation)
                .with_value(value.as_deref().map(text))
        };
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&self.name(topic)))
            .with_configs(changes.iter().map(change).collect());
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![resource])
            .with_validate_only(validate_only);
        let code = self.client.call(1, &request).await.responses[0].error_code;
        if code == 0
            && !validate_only
            && let Some(barrier) = &mut self.barrier
        {
            barrier.pass(&mut self.client).await;
        }
        format!("code {code}")
    }

    async fn describe(&mut self, topic: usize) -> String {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&self.name(topic)))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.client.call(4, &request).await;
        let result = &answer.results[0];
        let own = result.configs.iter().filter(|config| config.config_source == 1);
        let mut own: Vec<String> =
            own.map(|config| format!("{:?}={:?}", config.name, config.value)).collect();
        own.sort();
        format!("code {}, {own:?}", result.error_code)
    }

    async fn produce(
        &mut self,
        topic: usize,
        partition: i32,
        version: i16,
        acks: i16,
        batch: &Batch,
    ) -> String {
        let bytes = encode(batch.codec, batch.producer, &batch.records, batch.flaw);
        let request = production(&self.name(topic), partition, bytes).with_acks(acks);
        let answer = self.client.call(version, &request).await;
        let result = &answer.responses[0].partition_responses[0];
        if result.error_code == 0 {
            let end = result.base_offset + batch.records.len() as i64;
            let known = self.ends.entry((topic, partition)).or_default();
            *known = end.max(*known);
        }
        // Where the log of a refused batch begins, Kafka tells with some errors only.
        let start = if result.error_code == 0 { result.log_start_offset } else { -1 };
        let mut wrong: Vec<i32> = result.record_errors.iter().map(|e| e.batch_index).collect();
        wrong.sort_unstable();
        format!(
            "code {}, offset {}, append time {}, start {start}, wrong records {wrong:?}",
            result.error_code,
            result.base_offset,
            result.log_append_time_ms != -1
        )
    }

    async fn delete_records(&mut self, topic: usize, partition: i32, before: i64) -> String {
        let partition =
            DeleteRecordsPartition::default().with_partition_index(partition).with_offset(before);
        let wanted = DeleteRecordsTopic::default()
            .with_name(topic_name(&self.name(topic)))
            .with_partitions(vec![partition]);
        let request =
            DeleteRecordsRequest::default().with_topics(vec![wanted]).with_timeout_ms(30_000);
        let answer = self.client.call(2, &request).await;
        let result = &answer.topics[0].partitions[0];
        format!("code {}, low watermark {}", result.error_code, result.low_watermark)
    }

    async fn fetch(
        &mut self,
        topic: usize,
        partition: i32,
        from: i64,
        max_bytes: i32,
        kind: OperationKind,
    ) -> Answer {
        let mut request = fetching(&self.name(topic), partition, from);
        request.max_bytes = max_bytes;
        request.topics[0].partitions[0].partition_max_bytes = max_bytes;
        let answer = self.client.call(12, &request).await;
        let result = &answer.responses[0].partitions[0];
        let reported = format!(
            "code {}, from {from}, high watermark {}, stable {}, start {}",
            result.error_code,
            result.high_watermark,
            result.last_stable_offset,
            result.log_start_offset
        );
        let records = result.records.as_deref().unwrap_or_default();
        let is_comparable = kind != OperationKind::Compacted;
        Answer { reported, records: is_comparable.then(|| seen(records, from)) }
    }

    async fn list_offset(
        &mut self,
        topic: usize,
        partition: i32,
        timestamp: i64,
        kind: OperationKind,
    ) -> String {
        let (code, offset, time) = self.offset_at(topic, partition, timestamp).await;
        // A time of the broker's, and what compaction has left, are chance.
        if kind != OperationKind::Plain && (timestamp >= 0 || timestamp == -3) {
            return format!("code {code}");
        }
        // Kafka looks at records that have been deleted, too, while their segment is there.
        if (timestamp >= 0 || timestamp == -3) && self.offset_at(topic, partition, -2).await.1 > 0 {
            return format!("code {code}");
        }
        format!("code {code}, offset {offset}, timestamp {time}")
    }

    /// The error code, the offset and its timestamp.
    async fn offset_at(&mut self, topic: usize, partition: i32, timestamp: i64) -> (i16, i64, i64) {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_timestamp(timestamp);
        let wanted = ListOffsetsTopic::default()
            .with_name(topic_name(&self.name(topic)))
            .with_partitions(vec![partition]);
        let request =
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![wanted]);
        let answer = self.client.call(9, &request).await;
        let result = &answer.topics[0].partitions[0];
        (result.error_code, result.offset, result.timestamp)
    }

    /// All that a partition holds.
    async fn all(&mut self, topic: usize, partition: i32) -> Vec<ReadRecord> {
        let (_, mut next, _) = self.offset_at(topic, partition, -2).await;
        let (_, end, _) = self.offset_at(topic, partition, -1).await;
        let mut all = Vec::new();
        while next < end {
            let mut request = fetching(&self.name(topic), partition, next);
            request.max_wait_ms = 1000;
            let answer = self.client.call(12, &request).await;
            let result = &answer.responses[0].partitions[0];
            assert_eq!(result.error_code, 0, "reading {partition} from {next}");
            let bytes = result.records.as_deref().unwrap_or_default();
            let Some(last) = ottla::storage::batch::batches(bytes).last() else {
                // Of what compaction took away at the very end there is no batch left.
                break;
            };
            all.extend(seen(bytes, next));
            next = last.header.end_offset();
        }
        all
    }

    async fn read_all(&mut self, topic: usize, kind: OperationKind) -> String {
        let count = self.partitions.get(&topic).copied().unwrap_or(0);
        let mut reported = String::new();
        for partition in 0..count {
            let all = self.all(topic, partition).await;
            reported += &match kind {
                OperationKind::Compacted => format!("{partition}: {:?}\n", last_values(all)),
                _ => format!("{partition}: {all:?}\n"),
            };
        }
        reported
    }

    async fn compact(&mut self, topic: usize, step: i64) -> String {
        let Some(count) = self.partitions.get(&topic).copied() else { return String::new() };
        let set = |name: &str, value: &str| (name.to_owned(), 0, Some(value.to_owned()));
        let changes = [
            set("cleanup.policy", "compact"),
            set("segment.ms", "500"),
            set("min.cleanable.dirty.ratio", "0.0"),
            set("max.message.bytes", "1048588"),
            set("min.insync.replicas", "1"),
            set("message.timestamp.after.max.ms", "9223372036854775807"),
        ];
        let mut reported = self.alter(topic, &changes, false).await;
        // A record of a later time than all before it closes the segment behind them.
        let record = Record {
            timestamp: self.now + step * 1000,
            key: Some(b"last".to_vec()),
            value: Some(step.to_string().into_bytes()),
            headers: Vec::new(),
        };
        let producer = (-1, -1, -1);
        let codec = ottla::storage::batch::Codec::None;
        let batch = Batch { codec, producer, records: vec![record], flaw: None };
        for partition in 0..count {
            reported += &self.produce(topic, partition, 9, -1, &batch).await;
        }
        for partition in 0..count {
            let last = self.ends[&(topic, partition)] - 1;
            // Where nothing is before that record there is nothing to do, and nothing is noted.
            if self.offset_at(topic, partition, -2).await.1 < last {
                compacted(&self.data_dir, &self.name(topic), partition, last).await;
            }
        }
        reported + &self.read_all(topic, OperationKind::Compacted).await
    }

    /// Take away what this run has made; says what all held.
    pub async fn end(&mut self) -> String {
        let mut reported = String::new();
        for (topic, kind) in self.kinds.clone() {
            reported += &self.read_all(topic, kind).await;
            self.delete(topic).await;
        }
        if let Some(barrier) = &mut self.barrier {
            barrier.end(&mut self.client).await;
        }
        reported
    }
}

/// By key the last value, and where it lies; a key that was deleted last has none.
fn last_values(all: Vec<ReadRecord>) -> BTreeMap<Bytes, (i64, Bytes)> {
    let mut last = BTreeMap::new();
    for record in all {
        let Some(key) = record.key else { continue };
        match record.value {
            Some(value) => last.insert(key, (record.offset, value)),
            None => last.remove(&key),
        };
    }
    last
}
