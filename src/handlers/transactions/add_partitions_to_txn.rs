//! AddPartitionsToTxn (24): adds partitions to a transaction (KIP-98), or verifies that they are in
//! it (KIP-890).
//!
//! * A partition that does not exist keeps the others of its transaction out.
//!
//! v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH · v4 several transactions, from brokers

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::NONE;
use crate::handlers::transactions::{FENCED_SINCE, code_of, producer, refusal};
use crate::protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use crate::protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use crate::protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use crate::transactions::partitions::TopicPartitions;
use crate::transactions::questions::{AddPartitions, VerifyPartitions};
use crate::transactions::state::TransactionVersion;

/// The first version with several transactions; only brokers send it, and with it the partitions
/// that the clients of the newer flow produce to.
pub const BATCHED_SINCE: i16 = 4;

/// The handler.
pub struct AddPartitionsToTxn;

/// A partition with its error code.
type Outcome = (i32, i16);

impl Handler for AddPartitionsToTxn {
    type Request = AddPartitionsToTxnRequest;

    async fn handle(
        cx: &Context<'_>,
        request: AddPartitionsToTxnRequest,
    ) -> AddPartitionsToTxnResponse {
        let response = AddPartitionsToTxnResponse::default();
        if cx.version < BATCHED_SINCE {
            let transaction = AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_topics(request.v3_and_below_topics);
            return response.with_results_by_topic_v3_and_below(outcomes(cx, transaction).await);
        }
        let mut results = Vec::with_capacity(request.transactions.len());
        for transaction in request.transactions {
            let id = transaction.transactional_id.clone();
            let outcomes = outcomes(cx, transaction).await;
            let result = AddPartitionsToTxnResult::default().with_transactional_id(id);
            results.push(result.with_topic_results(outcomes));
        }
        response.with_results_by_transaction(results)
    }
}

async fn outcomes(
    cx: &Context<'_>,
    transaction: AddPartitionsToTxnTransaction,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let topics = &transaction.topics;
    let is_refused = |topic: &AddPartitionsToTxnTopic| {
        topic.partitions.iter().any(|index| refusal(cx, &topic.name, *index).is_some())
    };
    if topics.iter().any(is_refused) {
        let not_attempted = Code::OperationNotAttempted;
        return each(topics, |topic, index| {
            refusal(cx, topic, index).unwrap_or(not_attempted).code()
        });
    }
    let producer = producer(
        &transaction.transactional_id,
        transaction.producer_id,
        transaction.producer_epoch,
    );
    let partitions = topics.iter().map(|topic| (topic.name.to_string(), topic.partitions.clone()));
    let partitions: TopicPartitions = partitions.collect();
    let asked = if transaction.verify_only {
        let verify = VerifyPartitions { producer, partitions };
        cx.broker.ask_transactions(verify).await.map(Some)
    } else {
        let client_version = match cx.version < BATCHED_SINCE {
            true => TransactionVersion::V0,
            false => TransactionVersion::V2,
        };
        let add = AddPartitions { producer, partitions, client_version };
        cx.broker.ask_transactions(add).await.map(|()| None)
    };
    match asked {
        Err(error) => {
            let code = code_of(&error, cx.version, FENCED_SINCE).code();
            each(topics, |_, _| code)
        }
        Ok(None) => each(topics, |_, _| NONE),
        Ok(Some(verified)) => {
            let code = |(index, is_in)| {
                (index, if is_in { NONE } else { Code::TransactionAbortable.code() })
            };
            let topics = verified.into_iter().map(|(topic, partitions)| {
                let partitions = partitions.into_iter().map(code).collect();
                result(StrBytes::from_string(topic), partitions)
            });
            topics.collect()
        }
    }
}

fn each(
    topics: &[AddPartitionsToTxnTopic],
    code: impl Fn(&str, i32) -> i16,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let of = |topic: &AddPartitionsToTxnTopic| {
        let indexes = topic.partitions.iter();
        let outcomes = indexes.map(|index| (*index, code(&topic.name, *index))).collect();
        result(topic.name.clone(), outcomes)
    };
    topics.iter().map(of).collect()
}

fn result(name: StrBytes, outcomes: Vec<Outcome>) -> AddPartitionsToTxnTopicResult {
    let of = |(index, code)| {
        AddPartitionsToTxnPartitionResult::default()
            .with_partition_index(index)
            .with_partition_error_code(code)
    };
    let partitions = outcomes.into_iter().map(of).collect();
    AddPartitionsToTxnTopicResult::default().with_name(name).with_results_by_partition(partitions)
}
