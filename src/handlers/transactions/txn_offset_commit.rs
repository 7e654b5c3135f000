//! TxnOffsetCommit (28): stores the offsets of a group as part of a transaction (KIP-98): they
//! count once it is committed.
//!
//! * As in Kafka, the transaction is verified before the group is checked.
//!
//! v2 leader epoch · v3 the group's members and generations (KIP-447) · v4 TRANSACTION_ABORTABLE ·
//! v5 the partition of the offsets is added to the transaction (KIP-890) · v6 topic ids, more error
//! codes (KIP-1319)

use kafka_protocol::error::ResponseError as Code;

use crate::groups::error::GroupError;
use crate::groups::questions::{Commit, CommitInTxn, OffsetToCommit};
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::commits::{PartitionFields, TopicCommit, commit_existing};
use crate::handlers::groups::{identity, no_coordinator};
use crate::handlers::transactions::verification::{TransactionalBatch, TxnFlow, verify};
use crate::log::verification::TxnCheck;
use crate::machine::RecordTxn;
use crate::protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use crate::protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use crate::protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use crate::storage::batch::Header;
use crate::storage::batch_builder::BatchBuilder;
use crate::topics::names::CONSUMER_OFFSETS;

/// The handler.
pub struct TxnOffsetCommit;

impl Handler for TxnOffsetCommit {
    type Request = TxnOffsetCommitRequest;

    async fn handle(
        cx: &Context<'_>,
        mut request: TxnOffsetCommitRequest,
    ) -> TxnOffsetCommitResponse {
        let topics = std::mem::take(&mut request.topics).into_iter().map(to_commit).collect();
        let outcomes = commit_existing(cx, cx.version >= 6, topics, async |offsets| {
            commit(cx, request, offsets).await
        });
        let topics = outcomes.await.into_iter().map(|((name, id), partitions)| {
            let partition = |(index, code)| {
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(code)
            };
            TxnOffsetCommitResponseTopic::default()
                .with_name(name)
                .with_topic_id(id)
                .with_partitions(partitions.into_iter().map(partition).collect())
        });
        TxnOffsetCommitResponse::default().with_topics(topics.collect())
    }
}

fn to_commit(topic: TxnOffsetCommitRequestTopic) -> TopicCommit {
    let fields = |p: TxnOffsetCommitRequestPartition| PartitionFields {
        index: p.partition_index,
        offset: p.committed_offset,
        leader_epoch: p.committed_leader_epoch,
        metadata: p.committed_metadata,
    };
    TopicCommit::new((topic.name, topic.topic_id), topic.partitions.into_iter().map(fields))
}

async fn commit(
    cx: &Context<'_>,
    request: TxnOffsetCommitRequest,
    offsets: Vec<OffsetToCommit>,
) -> Result<Vec<Result<(), GroupError>>, Code> {
    if request.group_id.is_empty() {
        return Err(Code::InvalidGroupId);
    }
    let txn = transaction(cx, &request).await?;
    let commit = Commit {
        identity: identity(
            &request.group_id,
            &request.member_id,
            request.group_instance_id,
            request.generation_id_or_member_epoch,
        ),
        retention_ms: None,
        offsets,
        tells_unknown_group: cx.version >= 6,
    };
    match cx.broker.coordinator.commit_in_txn(CommitInTxn { commit, txn }).await {
        Ok(outcomes) => outcomes.map_err(group_error_code),
        Err(error) => Err(no_coordinator(error)),
    }
}

/// Verifies that the offsets of the group may be part of the transaction, or adds them to it.
async fn transaction(
    cx: &Context<'_>,
    request: &TxnOffsetCommitRequest,
) -> Result<RecordTxn, Code> {
    let (producer_id, producer_epoch) = (request.producer_id, request.producer_epoch);
    let index = cx.broker.offsets_partition(&request.group_id);
    let topic = cx.broker.topics.named(CONSUMER_OFFSETS);
    let partition = topic.as_ref().and_then(|topic| topic.partition(index));
    let partition = partition.ok_or(Code::CoordinatorNotAvailable)?.clone();
    let batch = TransactionalBatch { partition, header: header(producer_id, producer_epoch)? };
    let checks = verify(cx, txn_flow(cx.version), &request.transactional_id, vec![batch]).await;
    let check: Result<TxnCheck, Code> = match checks.into_iter().next() {
        Some(check) => check.map_err(|(code, _)| code),
        None => Ok(TxnCheck::Unverified),
    };
    Ok(RecordTxn { partition: index, producer_id, producer_epoch, check: check? })
}

/// Returns the header of a batch of this producer.
fn header(producer_id: i64, producer_epoch: i16) -> Result<Header, Code> {
    let batch = BatchBuilder::new(0, 0).producer(producer_id, producer_epoch, -1).transactional();
    Header::read(&batch.finish()).ok_or(Code::UnknownServerError)
}

/// Returns how a request of this version takes part in transactions.
fn txn_flow(version: i16) -> TxnFlow {
    let not_added = match version {
        ..4 => Code::InvalidTxnState,
        _ => Code::TransactionAbortable,
    };
    TxnFlow { adds: version >= 5, not_added, code_of: |code| code }
}
