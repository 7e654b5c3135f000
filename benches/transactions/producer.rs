//! A transactional producer of the newer flow (KIP-890), without a client library in between.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse, ProducerId,
    TopicName, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;
use ottla::storage::batch_builder::BatchBuilder;

use crate::connection::Connection;

/// What the client has to try again after: a new topic has no leader yet, or the coordinator is not
/// ready, or still at work.
const RETRIABLE: [i16; 6] = [3, 6, 14, 15, 16, 51];

/// One producer.
pub struct Producer {
    connection: Connection,
    id: TransactionalId,
    producer_id: i64,
    epoch: i16,
    sequence: i32,
}

impl Producer {
    /// Connect, and get a producer id.
    pub async fn new(address: &str, id: &str) -> Producer {
        let mut connection = Connection::to(address).await;
        let id = TransactionalId(StrBytes::from_string(id.to_owned()));
        let find = FindCoordinatorRequest::default()
            .with_key_type(1)
            .with_coordinator_keys(vec![id.0.clone()]);
        let init = InitProducerIdRequest::default()
            .with_transactional_id(Some(id.clone()))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        loop {
            let found: FindCoordinatorResponse =
                connection.call(ApiKey::FindCoordinator, 4, &find).await;
            let answer: InitProducerIdResponse =
                connection.call(ApiKey::InitProducerId, 4, &init).await;
            if found.coordinators[0].error_code == 0 && answer.error_code == 0 {
                let (producer_id, epoch) = (answer.producer_id.0, answer.producer_epoch);
                return Producer { connection, id, producer_id, epoch, sequence: 0 };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Write a batch of this many records of this size to partition 0.
    pub async fn produce(&mut self, topic: &str, records: i32, bytes: usize) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let value = vec![b'v'; bytes];
        let batch = BatchBuilder::new(0, now);
        let batch = batch.producer(self.producer_id, self.epoch, self.sequence);
        let mut batch = batch.transactional();
        (0..records).for_each(|_| batch.push(None, Some(&value), &[], now));
        let data = PartitionProduceData::default()
            .with_index(0)
            .with_records(Some(Bytes::from(batch.finish())));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(self.id.clone()))
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        loop {
            let answer: ProduceResponse = self.connection.call(ApiKey::Produce, 12, &request).await;
            match answer.responses[0].partition_responses[0].error_code {
                0 => break,
                code if RETRIABLE.contains(&code) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                code => panic!("Produce: {code}"),
            }
        }
        self.sequence += records;
    }

    /// Commit or abort.
    pub async fn end(&mut self, committed: bool) {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.id.clone())
            .with_producer_id(ProducerId(self.producer_id))
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        loop {
            let answer: EndTxnResponse = self.connection.call(ApiKey::EndTxn, 5, &request).await;
            match answer.error_code {
                0 => {
                    (self.producer_id, self.epoch) = (answer.producer_id.0, answer.producer_epoch);
                    self.sequence = 0;
                    return;
                }
                code if RETRIABLE.contains(&code) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                code => panic!("EndTxn: {code}"),
            }
        }
    }
}
