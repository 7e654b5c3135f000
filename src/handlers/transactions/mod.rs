//! Transactions and the producers of them.

use kafka_protocol::error::ResponseError as Code;

use crate::broker::transactions::TransactionRequestError;
use crate::handlers::context::Context;
use crate::handlers::errors::transaction_error_code;
use crate::topics::names;
use crate::transactions::error::TransactionError;
use crate::transactions::questions::TransactionalProducer;

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod describe_transactions;
pub mod end_txn;
pub mod init_producer_id;
pub mod list_transactions;
pub mod txn_offset_commit;
pub mod verification;
pub mod write_txn_markers;

/// The first version of the requests of a transaction in which a producer that has been replaced
/// is answered with PRODUCER_FENCED; before, with INVALID_PRODUCER_EPOCH.
const FENCED_SINCE: i16 = 2;

/// Returns the code of an error, as clients of this version know it.
fn code_of(error: &TransactionRequestError, version: i16, fenced_since: i16) -> Code {
    let is_fenced = matches!(error, TransactionRequestError::Refused(TransactionError::Fenced));
    match is_fenced && version < fenced_since {
        true => Code::InvalidProducerEpoch,
        false => transaction_error_code(error),
    }
}

fn producer(id: &str, producer_id: i64, epoch: i16) -> TransactionalProducer {
    TransactionalProducer { id: id.to_owned(), producer_id, epoch }
}

/// Returns why a client may not add a partition to a transaction, if so.
fn refusal(cx: &Context<'_>, topic: &str, partition: i32) -> Option<Code> {
    // As in Kafka, no client writes to an internal topic, and brokers are not asked.
    if cx.version < add_partitions_to_txn::BATCHED_SINCE && names::is_internal(topic) {
        return Some(Code::TopicAuthorizationFailed);
    }
    let live = cx.broker.topics.named(topic);
    let is_there = live.is_some_and(|live| live.partition(partition).is_some());
    (!is_there).then_some(Code::UnknownTopicOrPartition)
}
