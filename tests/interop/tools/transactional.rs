//! A producer that leaves transactions in any state. It speaks the classic flow, so that it decides
//! itself what the coordinator knows.

use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use ottla::protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla::protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest,
    FindCoordinatorRequest, InitProducerIdRequest, TxnOffsetCommitRequest,
};
use ottla::protocol::text::text;
use ottla::storage::batch::Codec;

use crate::differential::batch::{Flaw, Record, encode};
use crate::differential::client::{Client, production};
use crate::tools::side::with_client;

/// A transactional producer.
pub struct Transactional {
    pub id: &'static str,
    pub producer_id: i64,
    pub epoch: i16,
}

/// Asks until the coordinator is ready for it. `ask` returns the error code and the answer.
async fn retried<T>(mut ask: impl AsyncFnMut() -> (i16, T)) -> T {
    let retriable = [
        Code::CoordinatorLoadInProgress,
        Code::CoordinatorNotAvailable,
        Code::NotCoordinator,
        Code::ConcurrentTransactions,
    ];
    loop {
        let (code, answer) = ask().await;
        if retriable.iter().all(|retriable| retriable.code() != code) {
            assert_eq!(code, 0);
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Transactional {
    /// Gives the transactional id a producer.
    pub fn init(address: &str, id: &'static str) -> Transactional {
        let mut producer = Transactional { id, producer_id: -1, epoch: -1 };
        with_client(address, async |client| {
            let find = FindCoordinatorRequest::default()
                .with_key_type(1)
                .with_coordinator_keys(vec![text(id)]);
            retried(async || (client.ask(4, &find).await.coordinators[0].error_code, ())).await;
            let init = InitProducerIdRequest::default()
                .with_transactional_id(Some(text(id)))
                .with_transaction_timeout_ms(600_000)
                .with_producer_id(-1)
                .with_producer_epoch(-1);
            (producer.producer_id, producer.epoch) = retried(async || {
                let answer = client.ask(4, &init).await;
                (answer.error_code, (answer.producer_id, answer.producer_epoch))
            })
            .await;
        });
        producer
    }

    /// Adds partitions of a topic to the transaction.
    pub fn add(&self, address: &str, topic: &str, partitions: &[i32]) {
        let topic = AddPartitionsToTxnTopic::default().with_name(text(topic));
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(text(self.id))
            .with_v3_and_below_producer_id(self.producer_id)
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic.with_partitions(partitions.to_vec())]);
        with_client(address, async |client| {
            retried(async || {
                let answer = client.ask(3, &request).await;
                let topic = &answer.results_by_topic_v3_and_below[0];
                (topic.results_by_partition[0].partition_error_code, ())
            })
            .await;
        });
    }

    /// Writes a batch of these values to a partition.
    pub fn produce(
        &self,
        address: &str,
        (topic, partition): (&str, i32),
        (sequence, timestamp): (i32, i64),
        values: &[&str],
    ) {
        let one = |value: &&str| Record {
            timestamp,
            key: Some(value.as_bytes().to_vec()),
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
        };
        let records: Vec<Record> = values.iter().map(one).collect();
        let producer = (self.producer_id, self.epoch, sequence);
        let batch = encode(Codec::None, producer, &records, Some(Flaw::Transactional));
        let mut request = production(topic, partition, batch);
        request.transactional_id = Some(crate::differential::client::text(self.id).into());
        with_client(address, async |client| {
            retried(async || {
                let answer = client.call(9, &request).await;
                (answer.responses[0].partition_responses[0].error_code, ())
            })
            .await;
        });
    }

    /// Commits an offset of a group in the transaction.
    pub fn commit_offset(
        &self,
        address: &str,
        group: &str,
        (topic, partition): (&str, i32),
        offset: i64,
    ) {
        let add = AddOffsetsToTxnRequest::default()
            .with_transactional_id(text(self.id))
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_group_id(text(group));
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(text(topic))
            .with_partitions(vec![partition]);
        let commit = TxnOffsetCommitRequest::default()
            .with_transactional_id(text(self.id))
            .with_group_id(text(group))
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_topics(vec![topic]);
        with_client(address, async |client| {
            let find = FindCoordinatorRequest::default().with_key(text(group));
            retried(async || (client.ask(3, &find).await.error_code, ())).await;
            retried(async || (client.ask(3, &add).await.error_code, ())).await;
            retried(async || {
                let answer = client.ask(3, &commit).await;
                (answer.topics[0].partitions[0].error_code, ())
            })
            .await;
        });
    }

    /// Ends the transaction, and waits until it is complete.
    pub fn end(&self, address: &str, committed: bool) {
        let request = EndTxnRequest::default()
            .with_transactional_id(text(self.id))
            .with_producer_id(self.producer_id)
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        with_client(address, async |client| {
            retried(async || (client.ask(3, &request).await.error_code, ())).await;
            while !self.state(client).await.starts_with("Complete") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    async fn state(&self, client: &mut Client) -> String {
        let request =
            DescribeTransactionsRequest::default().with_transactional_ids(vec![text(self.id)]);
        client.ask(0, &request).await.transaction_states[0].transaction_state.to_string()
    }
}
