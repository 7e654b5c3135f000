//! What the coordinator is asked, one type for each question, and what the answers consist of.

use crate::transactions::partitions::TopicPartitions;
use crate::transactions::state::{TransactionResult, TransactionState, TransactionVersion};

/// The producer on whose behalf a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionalProducer {
    /// The transactional id.
    pub id: String,
    /// The producer id.
    pub producer_id: i64,
    /// The epoch.
    pub epoch: i16,
}

/// A producer id with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerIdAndEpoch {
    /// The producer id.
    pub producer_id: i64,
    /// The epoch.
    pub epoch: i16,
}

/// An InitProducerId request with a transactional id.
#[derive(Debug, Clone)]
pub struct InitProducer {
    /// The transactional id.
    pub id: String,
    /// How long its transactions may be open, ms.
    pub timeout_ms: i32,
    /// The producer that the client had before, if it only needs a new epoch (KIP-360).
    pub current: Option<ProducerIdAndEpoch>,
    /// A producer id that has never been used, if it is known that one is needed.
    pub fresh_id: Option<i64>,
}

/// An AddPartitionsToTxn request for one transaction; also AddOffsetsToTxn, and what Produce and
/// TxnOffsetCommit add.
#[derive(Debug, Clone)]
pub struct AddPartitions {
    /// The producer.
    pub producer: TransactionalProducer,
    /// The partitions.
    pub partitions: TopicPartitions,
    /// The version that the client uses.
    pub client_version: TransactionVersion,
}

/// An AddPartitionsToTxn request that only asks which partitions are in the transaction.
#[derive(Debug, Clone)]
pub struct VerifyPartitions {
    /// The producer.
    pub producer: TransactionalProducer,
    /// The partitions.
    pub partitions: TopicPartitions,
}

/// Whether each partition is in the transaction, by topic.
pub type VerifiedPartitions = Vec<(String, Vec<(i32, bool)>)>;

/// An EndTxn request.
#[derive(Debug, Clone)]
pub struct EndTransaction {
    /// The producer.
    pub producer: TransactionalProducer,
    /// How the transaction is to end.
    pub result: TransactionResult,
    /// The version that the client uses.
    pub client_version: TransactionVersion,
    /// A producer id that has never been used, if it is known that one is needed.
    pub fresh_id: Option<i64>,
}

/// The request of the task that writes markers: it reports what it has written, and waits for what
/// is to be written next.
#[derive(Debug, Clone)]
pub struct NextMarkers {
    /// What has become of the markers in the previous answer.
    pub written: Vec<MarkersWritten>,
}

/// The markers of one transaction, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionMarkers {
    /// The producer, with the epoch of the markers.
    pub producer: TransactionalProducer,
    /// How the transaction ends.
    pub result: TransactionResult,
    /// The version that the transaction's client uses.
    pub client_version: TransactionVersion,
    /// The partitions.
    pub partitions: TopicPartitions,
}

/// What has become of the markers of one transaction.
#[derive(Debug, Clone)]
pub struct MarkersWritten {
    /// The producer of the markers.
    pub producer: TransactionalProducer,
    /// The partitions to which the marker could not be written for now. All others have it, or do
    /// not exist any more.
    pub failed: TopicPartitions,
}

/// A DescribeTransactions request, for one id.
#[derive(Debug, Clone)]
pub struct DescribeTransaction {
    /// The transactional id.
    pub id: String,
}

/// A transactional id in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDescription {
    /// The producer.
    pub producer: ProducerIdAndEpoch,
    /// The state.
    pub state: TransactionState,
    /// How long a transaction may be open, ms.
    pub timeout_ms: i32,
    /// When the transaction began, ms since 1970; or -1.
    pub start_ms: i64,
    /// The partitions that have no marker yet.
    pub partitions: TopicPartitions,
}

/// A ListTransactions request: as many ids as one step returns, in order.
#[derive(Debug, Clone)]
pub struct ListTransactionalIds {
    /// The last id of the previous answer; none for the first one.
    pub after: Option<String>,
}

/// A transactional id in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionListing {
    /// The id.
    pub id: String,
    /// The producer id.
    pub producer_id: i64,
    /// The state.
    pub state: TransactionState,
    /// When the transaction began, ms since 1970; or -1.
    pub start_ms: i64,
}
