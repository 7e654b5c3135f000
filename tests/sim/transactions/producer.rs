//! A transactional producer as Kafka's clients are, in one of the two flows.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use ottla::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla::protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest,
    ProduceRequest, TxnOffsetCommitRequest,
};
use ottla::protocol::text::text;
use ottla::storage::batch_builder::BatchBuilder;

use crate::transactions::{GROUP, INPUT};

/// How long a transaction may be open, ms.
pub const TIMEOUT_MS: i32 = 60_000;

/// One producer process.
#[derive(Debug)]
pub struct Producer {
    pub id: &'static str,
    /// True if every transaction has its own epoch (KIP-890).
    pub bumps: bool,
    /// The producer's id and epoch, once it has them.
    pub producer: Option<(i64, i16)>,
    sequences: BTreeMap<(&'static str, i32), i32>,
    /// The number of the open transaction.
    pub transaction: Option<usize>,
    /// What has been added to it.
    pub added: BTreeSet<(&'static str, i32)>,
    /// Its transaction may fail: another producer has its id, or time or a topic has gone.
    pub is_disturbed: bool,
}

impl Producer {
    pub fn new(id: &'static str, bumps: bool) -> Producer {
        Producer {
            id,
            bumps,
            producer: None,
            sequences: BTreeMap::new(),
            transaction: None,
            added: BTreeSet::new(),
            is_disturbed: false,
        }
    }

    /// It has its id and epoch, and has done nothing with them.
    pub fn begin_epoch(&mut self, producer: (i64, i16)) {
        self.producer = Some(producer);
        self.sequences.clear();
    }

    /// The topic is deleted, and sequence numbers begin again.
    pub fn forget(&mut self, topic: &str) {
        self.sequences.retain(|(name, _), _| *name != topic);
    }

    /// Its transaction is over.
    pub fn ended(&mut self) {
        self.transaction = None;
        self.added.clear();
    }

    fn ids(&self) -> (i64, i16) {
        self.producer.expect("an id")
    }

    pub fn init(&self) -> InitProducerIdRequest {
        InitProducerIdRequest::default()
            .with_transactional_id(Some(text(self.id)))
            .with_transaction_timeout_ms(TIMEOUT_MS)
            .with_producer_id(-1)
            .with_producer_epoch(-1)
    }

    /// The version of EndTxn.
    pub fn end_version(&self) -> i16 {
        if self.bumps { 5 } else { 4 }
    }

    pub fn end(&self, committed: bool) -> EndTxnRequest {
        let (producer_id, epoch) = self.ids();
        EndTxnRequest::default()
            .with_transactional_id(text(self.id))
            .with_producer_id(producer_id)
            .with_producer_epoch(epoch)
            .with_committed(committed)
    }

    pub fn add(&self, topic: &str, partition: i32) -> AddPartitionsToTxnRequest {
        let (producer_id, epoch) = self.ids();
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(text(topic))
            .with_partitions(vec![partition]);
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(text(self.id))
            .with_v3_and_below_producer_id(producer_id)
            .with_v3_and_below_producer_epoch(epoch)
            .with_v3_and_below_topics(vec![topic])
    }

    /// The version of Produce.
    pub fn produce_version(&self) -> i16 {
        if self.bumps { 12 } else { 11 }
    }

    pub fn produce(
        &self,
        topic: &'static str,
        partition: i32,
        now_ms: i64,
        value: &str,
    ) -> ProduceRequest {
        let (producer_id, epoch) = self.ids();
        let sequence = self.sequences.get(&(topic, partition)).copied().unwrap_or(0);
        let batch = BatchBuilder::new(0, now_ms).producer(producer_id, epoch, sequence);
        let mut batch = batch.transactional();
        batch.push(None, Some(value.as_bytes()), &[], now_ms);
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.finish().into()));
        let topic =
            TopicProduceData::default().with_name(text(topic)).with_partition_data(vec![data]);
        ProduceRequest::default()
            .with_transactional_id(Some(text(self.id)))
            .with_acks(-1)
            .with_timeout_ms(1000)
            .with_topic_data(vec![topic])
    }

    /// A batch of one record has been appended.
    pub fn produced(&mut self, topic: &'static str, partition: i32) {
        *self.sequences.entry((topic, partition)).or_default() += 1;
    }

    pub fn add_offsets(&self) -> AddOffsetsToTxnRequest {
        let (producer_id, epoch) = self.ids();
        AddOffsetsToTxnRequest::default()
            .with_transactional_id(text(self.id))
            .with_producer_id(producer_id)
            .with_producer_epoch(epoch)
            .with_group_id(text(GROUP))
    }

    /// The version of TxnOffsetCommit.
    pub fn offsets_version(&self) -> i16 {
        if self.bumps { 5 } else { 3 }
    }

    pub fn offsets(&self, partition: i32, offset: i64) -> TxnOffsetCommitRequest {
        let (producer_id, epoch) = self.ids();
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        let topic = TxnOffsetCommitRequestTopic::default().with_name(text(INPUT));
        TxnOffsetCommitRequest::default()
            .with_transactional_id(text(self.id))
            .with_group_id(text(GROUP))
            .with_producer_id(producer_id)
            .with_producer_epoch(epoch)
            .with_topics(vec![topic.with_partitions(vec![partition])])
    }
}

/// True if a client tries again after this code.
pub fn is_retriable(code: i16) -> bool {
    [
        Code::ConcurrentTransactions,
        Code::CoordinatorLoadInProgress,
        Code::CoordinatorNotAvailable,
        Code::NotCoordinator,
        Code::NotLeaderOrFollower,
        Code::KafkaStorageError,
        Code::NotEnoughReplicas,
        Code::RequestTimedOut,
    ]
    .iter()
    .any(|retriable| retriable.code() == code)
}
