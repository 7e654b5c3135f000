//! Transactions that are open in a partition and unknown to the coordinator: how they come about,
//! and how a tool ends them.

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::describe_producers_request::TopicRequest;
use ottla::protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use ottla::protocol::messages::{DescribeProducersRequest, WriteTxnMarkersRequest};
use ottla::protocol::text::text;

use crate::broker_configs::{BROKER, do_set};
use crate::client::Client;
use crate::harness::Ottla;
use crate::transactions::{Producer, end, init, produce, read_committed, state};

const VERIFICATION: &str = "transaction.partition.verification.enable";

/// Returns the first offset of the producer's open transaction.
async fn open_since(client: &mut Client) -> i64 {
    let topic = TopicRequest::default().with_name(text("t")).with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = client.ask(0, &request).await;
    answer.topics[0].partitions[0].active_producers[0].current_txn_start_offset
}

/// Ends the transaction in the partition, as `kafka-transactions.sh abort` does.
pub async fn abort(client: &mut Client, (id, epoch): Producer) -> i16 {
    let topic =
        WritableTxnMarkerTopic::default().with_name(text("t")).with_partition_indexes(vec![0]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(id)
        .with_producer_epoch(epoch)
        .with_coordinator_epoch(0)
        .with_topics(vec![topic]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    client.ask(1, &request).await.markers[0].topics[0].partitions[0].error_code
}

#[tokio::test]
async fn without_verification_a_classic_producer_can_leave_a_transaction_that_only_a_tool_ends() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    let refused = Code::InvalidTxnState.code();
    assert_eq!(produce(&mut client, 10, producer, 0, "v0").await, refused, "it was not added");

    do_set(&mut client, BROKER, "", VERIFICATION, "false").await;
    assert_eq!(produce(&mut client, 10, producer, 0, "v0").await, 0);
    assert_eq!(produce(&mut client, 11, producer, 1, "v1").await, 0);
    assert_eq!(state(&mut client).await, "Empty");
    assert_eq!(end(&mut client, 4, producer, true).await.0, refused);
    assert_eq!(open_since(&mut client).await, 0);
    assert_eq!(client.list_offset("t", -1).await.1, 2);
    assert_eq!(read_committed(&mut client).await.0, [""; 0]);

    assert_eq!(abort(&mut client, producer).await, 0);
    assert_eq!(open_since(&mut client).await, -1);
    assert_eq!(produce(&mut client, 11, producer, 2, "v2").await, 0);
    do_set(&mut client, BROKER, "", VERIFICATION, "true").await;
    assert_eq!(produce(&mut client, 11, producer, 3, "v3").await, 0, "it is open already");
}

#[tokio::test]
async fn without_verification_newer_producers_add_their_partitions_all_the_same() {
    let ottla = Ottla::with(&[(VERIFICATION, "false")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    assert_eq!(produce(&mut client, 12, producer, 0, "v0").await, 0);
    assert_eq!(state(&mut client).await, "Ongoing");
    assert_eq!(end(&mut client, 5, producer, true).await.0, 0);
    assert_eq!(read_committed(&mut client).await.0, ["v0"]);
}
