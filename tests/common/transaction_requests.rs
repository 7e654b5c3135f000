//! Valid requests of the transactions' APIs, to start mutations from.

use kafka_protocol::protocol::StrBytes;
use ottla::protocol::message::{Message, Request as _};
use ottla::protocol::messages::add_offsets_to_txn_request::AddOffsetsToTxnRequest;
use ottla::protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use ottla::protocol::messages::describe_transactions_request::DescribeTransactionsRequest;
use ottla::protocol::messages::end_txn_request::EndTxnRequest;
use ottla::protocol::messages::list_transactions_request::ListTransactionsRequest;
use ottla::protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla::protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};

use crate::requests::{Subject, body};

/// The body of a request about transactions; `None` if the API is about something else.
pub fn valid(key: i16, version: i16, subject: &Subject) -> Option<Vec<u8>> {
    fn of(message: &impl Message, version: i16) -> Option<Vec<u8>> {
        Some(body(message, version))
    }
    let id = || StrBytes::from_static_str("sim");
    match key {
        AddPartitionsToTxnRequest::KEY => of(&add(version, subject), version),
        AddOffsetsToTxnRequest::KEY => {
            let group = StrBytes::from_static_str("g");
            let add = AddOffsetsToTxnRequest::default().with_transactional_id(id());
            of(&add.with_group_id(group), version)
        }
        TxnOffsetCommitRequest::KEY => of(&offsets(version, subject), version),
        EndTxnRequest::KEY => {
            let end = EndTxnRequest::default().with_transactional_id(id()).with_producer_id(0);
            of(&end.with_producer_epoch(0).with_committed(true), version)
        }
        WriteTxnMarkersRequest::KEY => of(&markers(subject), version),
        DescribeTransactionsRequest::KEY => {
            of(&DescribeTransactionsRequest::default().with_transactional_ids(vec![id()]), version)
        }
        ListTransactionsRequest::KEY => {
            let state = StrBytes::from_static_str("Ongoing");
            let list = ListTransactionsRequest::default().with_state_filters(vec![state]);
            let list = list.with_producer_id_filters(vec![0]);
            let pattern = (version > 1).then(|| StrBytes::from_static_str("s(i|o)m"));
            of(&list.with_transactional_id_pattern(pattern), version)
        }
        _ => None,
    }
}

fn topic(subject: &Subject) -> StrBytes {
    StrBytes::from_string(subject.topic.clone())
}

fn add(version: i16, subject: &Subject) -> AddPartitionsToTxnRequest {
    let id = StrBytes::from_static_str("sim");
    let topics = AddPartitionsToTxnTopic::default().with_name(topic(subject));
    let topics = vec![topics.with_partitions(vec![0, 1])];
    let request = AddPartitionsToTxnRequest::default();
    if version < 4 {
        return request.with_v3_and_below_transactional_id(id).with_v3_and_below_topics(topics);
    }
    let transaction = AddPartitionsToTxnTransaction::default().with_transactional_id(id);
    request.with_transactions(vec![transaction.with_topics(topics)])
}

fn offsets(version: i16, subject: &Subject) -> TxnOffsetCommitRequest {
    let partition = |index| {
        TxnOffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(1)
            .with_committed_metadata(Some(StrBytes::from_static_str("m")))
    };
    let topic_commit = TxnOffsetCommitRequestTopic::default();
    let topic_commit = match version {
        ..6 => topic_commit.with_name(topic(subject)),
        _ => topic_commit.with_topic_id(subject.topic_id),
    };
    TxnOffsetCommitRequest::default()
        .with_transactional_id(StrBytes::from_static_str("sim"))
        .with_group_id(StrBytes::from_static_str("g"))
        .with_topics(vec![topic_commit.with_partitions(vec![partition(0), partition(1)])])
}

fn markers(subject: &Subject) -> WriteTxnMarkersRequest {
    let topics = WritableTxnMarkerTopic::default().with_name(topic(subject));
    let marker = WritableTxnMarker::default().with_producer_id(7).with_coordinator_epoch(0);
    let marker = marker.with_topics(vec![topics.with_partition_indexes(vec![0, 1])]);
    WriteTxnMarkersRequest::default().with_markers(vec![marker])
}
