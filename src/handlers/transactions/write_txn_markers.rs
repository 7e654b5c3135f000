//! WriteTxnMarkers (27): writes the ends of transactions to partitions (KIP-98). Here the
//! coordinator does not need it; it is for tools that end a transaction which the coordinator does
//! not know any more (KIP-664).
//!
//! v2 the version of the transaction

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::{Handler, WaitsFor};
use crate::handlers::context::Context;
use crate::handlers::errors::{NONE, marker_error_code};
use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::protocol::messages::write_txn_markers_request::WritableTxnMarker;
use crate::protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use crate::protocol::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use crate::transactions::state::TransactionVersion;
use crate::types::TopicPartition;

/// The handler.
pub struct WriteTxnMarkers;

impl Handler for WriteTxnMarkers {
    const WAITS_FOR: WaitsFor = WaitsFor::Disk;
    type Request = WriteTxnMarkersRequest;

    async fn handle(cx: &Context<'_>, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse {
        let mut markers = Vec::with_capacity(request.markers.len());
        for marker in &request.markers {
            markers.push(write(cx, marker).await);
        }
        WriteTxnMarkersResponse::default().with_markers(markers)
    }
}

async fn write(cx: &Context<'_>, marker: &WritableTxnMarker) -> WritableTxnMarkerResult {
    let version = TransactionVersion::of_level(marker.transaction_version.into());
    let end = EndTxn {
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
        marker: EndTxnMarker {
            committed: marker.transaction_result,
            coordinator_epoch: marker.coordinator_epoch,
        },
        bumps_epoch: version.bumps_epochs(),
    };
    let mut topics = Vec::with_capacity(marker.topics.len());
    for topic in &marker.topics {
        let mut partitions = Vec::with_capacity(topic.partition_indexes.len());
        for index in &topic.partition_indexes {
            let code = write_one(cx, &topic.name, *index, end).await;
            let result = WritableTxnMarkerPartitionResult::default();
            partitions.push(result.with_partition_index(*index).with_error_code(code));
        }
        let result = WritableTxnMarkerTopicResult::default();
        topics.push(result.with_name(topic.name.clone()).with_partitions(partitions));
    }
    WritableTxnMarkerResult::default().with_producer_id(marker.producer_id).with_topics(topics)
}

async fn write_one(cx: &Context<'_>, topic: &StrBytes, index: i32, end: EndTxn) -> i16 {
    let id = TopicPartition::new(topic.as_str(), index);
    let topic = cx.broker.topics.named(topic);
    let is_there = topic.is_some_and(|topic| topic.partition(index).is_some());
    if is_there && (end.producer_id < 0 || end.producer_epoch < 0) {
        // Kafka fails to build such a marker.
        return Code::UnknownServerError.code();
    }
    match cx.broker.write_marker(&id, end).await {
        Ok(()) => NONE,
        Err(error) => marker_error_code(&error).code(),
    }
}
