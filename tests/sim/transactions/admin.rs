//! What tools and readers ask.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::create_topics_request::CreatableTopic;
use ottla::protocol::messages::describe_producers_request::TopicRequest;
use ottla::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla::protocol::messages::fetch_response::PartitionData;
use ottla::protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla::protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeProducersRequest, FetchRequest,
    FindCoordinatorRequest, ListTransactionsRequest, OffsetFetchRequest,
};
use ottla::protocol::text::text;

use crate::transactions::model::Place;
use crate::transactions::reader::committed;
use crate::transactions::{Failure, GROUP, INPUT, OUTPUT, PARTITIONS, World};

/// The topic in which offsets are recorded.
const OFFSETS: &str = "__consumer_offsets";

fn wrong(failure: Failure) -> String {
    format!("{failure:?}")
}

impl World {
    pub async fn create(&mut self, topic: &'static str) -> Result<(), String> {
        let wanted = CreatableTopic::default()
            .with_name(text(topic))
            .with_num_partitions(PARTITIONS)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![wanted]);
        let request = request.with_timeout_ms(1000);
        let created = |code| if code == Code::TopicAlreadyExists.code() { 0 } else { code };
        let created = self.ask(5, &request, |answer| created(answer.topics[0].error_code)).await;
        *self.model.eras.entry(topic).or_default() += 1;
        created.map(drop).map_err(wrong)
    }

    pub async fn delete_and_create(&mut self) -> Result<(), String> {
        let topic = OUTPUT[self.rng.usize(0..OUTPUT.len())];
        for producer in &mut self.producers {
            producer.is_disturbed |= producer.transaction.is_some();
            producer.forget(topic);
        }
        let request = DeleteTopicsRequest::default().with_topic_names(vec![text(topic)]);
        let request = request.with_timeout_ms(1000);
        let gone = |code| if code == Code::UnknownTopicOrPartition.code() { 0 } else { code };
        let gone = self.ask(4, &request, |answer| gone(answer.responses[0].error_code)).await;
        gone.map_err(wrong)?;
        self.create(topic).await
    }

    pub async fn find_coordinator(&mut self) -> Result<(), String> {
        let request = FindCoordinatorRequest::default().with_key(text(GROUP));
        self.ask(3, &request, |answer| answer.error_code).await.map(drop).map_err(wrong)
    }

    /// The transactional ids whose transactions have not ended, with their states.
    pub async fn open_transactions(&mut self) -> Result<Vec<String>, String> {
        let request = ListTransactionsRequest::default();
        let listed = self.ask(0, &request, |answer| answer.error_code).await.map_err(wrong)?;
        let all = listed
            .transaction_states
            .iter()
            .map(|listed| format!("{} {}", &*listed.transactional_id, &*listed.transaction_state));
        let ended = ["Empty", "CompleteCommit", "CompleteAbort"];
        Ok(all.filter(|id| !ended.iter().any(|state| id.ends_with(state))).collect())
    }

    pub async fn read_somewhere(&mut self) -> Result<(), String> {
        let topic = OUTPUT[self.rng.usize(0..OUTPUT.len())];
        let place = self.model.place(topic, self.rng.i32(0..PARTITIONS));
        let (found, _) = self.read(place).await?;
        self.model.check_reads(place, &found, false)
    }

    /// Everything that is committed in a partition, and what the last answer says of the partition.
    async fn read(&mut self, place: Place) -> Result<(Vec<(i64, String)>, PartitionData), String> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let partition = FetchPartition::default()
                .with_partition(place.2)
                .with_fetch_offset(from)
                .with_partition_max_bytes(self.rng.i32(1..2000));
            let topic = FetchTopic::default().with_topic(text(place.0));
            let request = FetchRequest::default()
                .with_max_bytes(1 << 20)
                .with_isolation_level(1)
                .with_topics(vec![topic.with_partitions(vec![partition])]);
            let code = |answer: &ottla::protocol::messages::FetchResponse| {
                answer.responses[0].partitions[0].error_code
            };
            let answer = self.ask(12, &request, code).await.map_err(wrong)?;
            let data = answer.responses[0].partitions[0].clone();
            let stable = self.stable.entry(place).or_insert(data.last_stable_offset);
            if data.last_stable_offset < *stable {
                let now = data.last_stable_offset;
                return Err(format!("the last stable offset of {place:?}: {stable}, now {now}"));
            }
            *stable = data.last_stable_offset;
            let (found, next) = committed(&data, from)?;
            all.extend(found);
            if next == from {
                return Ok((all, data));
            }
            from = next;
        }
    }

    /// Nothing is open, and everything that was committed is there.
    pub async fn check_at_rest(&mut self) -> Result<(), String> {
        let mut everything = BTreeMap::new();
        for (topic, partition) in OUTPUT.iter().flat_map(|t| (0..PARTITIONS).map(move |p| (*t, p)))
        {
            let place = self.model.place(topic, partition);
            let (found, data) = self.read(place).await?;
            if data.last_stable_offset != data.high_watermark {
                return Err(format!("{place:?} is not stable at rest: {data:?}"));
            }
            self.model.check_reads(place, &found, true)?;
            self.check_producers(topic, partition).await?;
            everything.insert(place, found);
        }
        self.model.check_whole(&everything)?;
        self.check_producers(OFFSETS, 0).await?;
        for partition in 0..PARTITIONS {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(text(INPUT))
                .with_partition_indexes(vec![partition]);
            let request = OffsetFetchRequest::default()
                .with_group_id(text(GROUP))
                .with_topics(Some(vec![topic]))
                .with_require_stable(true);
            let code = |answer: &ottla::protocol::messages::OffsetFetchResponse| {
                answer.topics[0].partitions[0].error_code
            };
            let answer = self.ask(7, &request, code).await.map_err(wrong)?;
            let offset = answer.topics[0].partitions[0].committed_offset;
            self.model.check_offset(partition, offset)?;
        }
        Ok(())
    }

    /// No producer has a transaction in the partition.
    async fn check_producers(&mut self, topic: &str, partition: i32) -> Result<(), String> {
        let wanted =
            TopicRequest::default().with_name(text(topic)).with_partition_indexes(vec![partition]);
        let request = DescribeProducersRequest::default().with_topics(vec![wanted]);
        let code = |answer: &ottla::protocol::messages::DescribeProducersResponse| {
            answer.topics[0].partitions[0].error_code
        };
        let answer = self.ask(0, &request, code).await.map_err(wrong)?;
        let producers = &answer.topics[0].partitions[0].active_producers;
        match producers.iter().find(|producer| producer.current_txn_start_offset >= 0) {
            Some(producer) => Err(format!("open in {topic}-{partition}: {producer:?}")),
            None => Ok(()),
        }
    }
}
