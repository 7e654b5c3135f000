//! The offsets of groups in transactions, as clients see them, in both flows.

use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla::protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla::protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use ottla::protocol::messages::{
    AddOffsetsToTxnRequest, DeleteGroupsRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, OffsetFetchRequest, TxnOffsetCommitRequest, WriteTxnMarkersRequest,
};
use ottla::protocol::text::text;
use ottla::types::TopicId;

use crate::client::Client;
use crate::harness::Ottla;

const CONCURRENT: i16 = Code::ConcurrentTransactions.code();
const UNSTABLE: (i16, i64) = (Code::UnstableOffsetCommit.code(), -1);
const NOTHING: (i16, i64) = (0, -1);

/// A producer: its id and epoch.
type Producer = (i64, i16);

async fn init(client: &mut Client, id: &str) -> Producer {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(text(id)))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(-1)
        .with_producer_epoch(-1);
    loop {
        let answer = client.ask(5, &request).await;
        if answer.error_code != CONCURRENT {
            assert_eq!(answer.error_code, 0);
            return (answer.producer_id, answer.producer_epoch);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Adds the offsets of the group to the transaction, as clients of the classic flow do.
async fn add(client: &mut Client, id: &str, (producer_id, epoch): Producer) -> i16 {
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(text(id))
        .with_producer_id(producer_id)
        .with_producer_epoch(epoch)
        .with_group_id(text("g"));
    loop {
        match client.ask(3, &request).await.error_code {
            CONCURRENT => tokio::time::sleep(Duration::from_millis(1)).await,
            code => return code,
        }
    }
}

fn committing(id: &str, (producer_id, epoch): Producer, offset: i64) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("m")));
    let topic = TxnOffsetCommitRequestTopic::default().with_name(text("t"));
    TxnOffsetCommitRequest::default()
        .with_transactional_id(text(id))
        .with_group_id(text("g"))
        .with_producer_id(producer_id)
        .with_producer_epoch(epoch)
        .with_topics(vec![topic.with_partitions(vec![partition])])
}

async fn commit(
    client: &mut Client,
    version: i16,
    id: &str,
    producer: Producer,
    offset: i64,
) -> i16 {
    let answer = client.ask(version, &committing(id, producer, offset)).await;
    answer.topics[0].partitions[0].error_code
}

async fn end(
    client: &mut Client,
    version: i16,
    id: &str,
    (producer_id, epoch): Producer,
    committed: bool,
) -> Producer {
    let request = EndTxnRequest::default()
        .with_transactional_id(text(id))
        .with_producer_id(producer_id)
        .with_producer_epoch(epoch)
        .with_committed(committed);
    let answer = client.ask(version, &request).await;
    assert_eq!(answer.error_code, 0);
    (answer.producer_id, answer.producer_epoch)
}

/// Returns the error code and the offset.
async fn fetch(client: &mut Client, stable: bool) -> (i16, i64) {
    let topic = OffsetFetchRequestTopic::default().with_name(text("t"));
    let request = OffsetFetchRequest::default()
        .with_group_id(text("g"))
        .with_topics(Some(vec![topic.with_partition_indexes(vec![0])]))
        .with_require_stable(stable);
    let answer = client.ask(7, &request).await;
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.committed_offset)
}

/// Returns the offset once no transaction is open any more.
async fn stable(client: &mut Client) -> i64 {
    loop {
        match fetch(client, true).await {
            UNSTABLE => tokio::time::sleep(Duration::from_millis(1)).await,
            (code, offset) => {
                assert_eq!(code, 0);
                return offset;
            }
        }
    }
}

async fn with_topic() -> (Ottla, Client, TopicId) {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 1, &[]).await;
    client.ask(3, &FindCoordinatorRequest::default().with_key(text("g"))).await;
    (ottla, client, id)
}

#[tokio::test]
async fn in_the_classic_flow_offsets_count_once_their_transaction_is_committed() {
    let (_ottla, mut client, _) = with_topic().await;
    let producer = init(&mut client, "a").await;
    for version in 0..=4 {
        let code = commit(&mut client, version, "a", producer, 1).await;
        let expected = match version {
            ..4 => Code::InvalidTxnState,
            _ => Code::TransactionAbortable,
        };
        assert_eq!(code, expected.code(), "not added, v{version}");
    }
    for (version, committed) in (0..=4).flat_map(|version| [(version, false), (version, true)]) {
        let before = fetch(&mut client, false).await;
        assert_eq!(add(&mut client, "a", producer).await, 0);
        let offset = 10 * i64::from(version) + 1;
        assert_eq!(commit(&mut client, version, "a", producer, offset).await, 0);
        assert_eq!(fetch(&mut client, true).await, UNSTABLE);
        assert_eq!(fetch(&mut client, false).await, before);
        end(&mut client, 3, "a", producer, committed).await;
        let expected = if committed { offset } else { before.1 };
        assert_eq!(stable(&mut client).await, expected, "v{version}");
    }
}

#[tokio::test]
async fn with_an_epoch_for_every_transaction_a_commit_adds_the_offsets() {
    let (_ottla, mut client, topic_id) = with_topic().await;
    let first = init(&mut client, "a").await;
    assert_eq!(commit(&mut client, 5, "a", first, 5).await, 0);
    assert_eq!(fetch(&mut client, true).await, UNSTABLE);
    let second = end(&mut client, 5, "a", first, true).await;
    assert_eq!(stable(&mut client).await, 5);
    let stale = Code::InvalidProducerEpoch.code();
    assert_eq!(commit(&mut client, 5, "a", first, 6).await, stale, "the epoch is over");
    let mut by_id = committing("a", second, 7);
    by_id.topics[0].topic_id = topic_id;
    let answer = client.ask(6, &by_id).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    assert_eq!(answer.topics[0].topic_id, topic_id);
    end(&mut client, 5, "a", second, false).await;
    assert_eq!(stable(&mut client).await, 5);
}

#[tokio::test]
async fn what_is_wrong_with_a_commit_has_kafkas_code() {
    let (_ottla, mut client, topic_id) = with_topic().await;
    let producer = init(&mut client, "a").await;
    let mapping = Code::InvalidProducerIdMapping.code();
    assert_eq!(commit(&mut client, 5, "b", producer, 1).await, mapping);
    let mut code_of = async |version, change: &dyn Fn(&mut TxnOffsetCommitRequest)| {
        let mut request = committing("a", producer, 1);
        request.topics[0].topic_id = topic_id;
        change(&mut request);
        client.ask(version, &request).await.topics[0].partitions[0].error_code
    };
    let unknown = |request: &mut TxnOffsetCommitRequest| {
        request.topics[0].name = text("none");
        request.topics[0].topic_id = TopicId::from_u128(9);
    };
    assert_eq!(code_of(5, &unknown).await, Code::UnknownTopicOrPartition.code());
    assert_eq!(code_of(6, &unknown).await, Code::UnknownTopicId.code());
    let no_partition = |request: &mut TxnOffsetCommitRequest| {
        request.topics[0].partitions[0].partition_index = 1;
    };
    assert_eq!(code_of(6, &no_partition).await, Code::UnknownTopicOrPartition.code());
    let no_group = |request: &mut TxnOffsetCommitRequest| request.group_id = text("");
    assert_eq!(code_of(5, &no_group).await, Code::InvalidGroupId.code());
    let member = |request: &mut TxnOffsetCommitRequest| {
        request.member_id = text("m");
        request.generation_id_or_member_epoch = 3;
    };
    assert_eq!(code_of(5, &member).await, Code::IllegalGeneration.code());
    assert_eq!(code_of(6, &member).await, Code::GroupIdNotFound.code());
}

#[tokio::test]
async fn open_transactions_survive_a_kill_and_end_as_they_should() {
    let (mut ottla, mut client, _) = with_topic().await;
    let mut producer = init(&mut client, "a").await;
    let mut offset = NOTHING.1;
    for committed in [true, false, true] {
        assert_eq!(commit(&mut client, 5, "a", producer, offset + 10).await, 0);
        ottla.kill_and_restart().await;
        client = ottla.client().await;
        assert_eq!(fetch(&mut client, true).await, UNSTABLE);
        assert_eq!(fetch(&mut client, false).await, (0, offset));
        producer = end(&mut client, 5, "a", producer, committed).await;
        // Its marker may not have been written yet.
        ottla.kill_and_restart().await;
        client = ottla.client().await;
        offset += if committed { 10 } else { 0 };
        assert_eq!(stable(&mut client).await, offset);
    }
}

#[tokio::test]
async fn a_commit_that_comes_after_its_marker_does_not_hang() {
    let (_ottla, mut client, _) = with_topic().await;
    let producer = init(&mut client, "a").await;
    assert_eq!(add(&mut client, "a", producer).await, 0);
    assert_eq!(commit(&mut client, 4, "a", producer, 5).await, 0);
    end(&mut client, 3, "a", producer, true).await;
    assert_eq!(stable(&mut client).await, 5);
    let late = commit(&mut client, 3, "a", producer, 6).await;
    assert_eq!(late, Code::InvalidTxnState.code());
    assert_eq!(stable(&mut client).await, 5);
}

#[tokio::test]
async fn a_tool_can_end_what_the_coordinator_does_not_know() {
    let (_ottla, mut client, _) = with_topic().await;
    let producer = init(&mut client, "a").await;
    assert_eq!(commit(&mut client, 5, "a", producer, 5).await, 0);
    let topic = WritableTxnMarkerTopic::default().with_name(text("__consumer_offsets"));
    let marker = WritableTxnMarker::default()
        .with_producer_id(producer.0)
        .with_producer_epoch(producer.1)
        .with_topics(vec![topic.with_partition_indexes(vec![0, 1])]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let answer = client.ask(1, &request).await;
    let results = &answer.markers[0].topics[0].partitions;
    let codes: Vec<i16> = results.iter().map(|result| result.error_code).collect();
    assert_eq!(codes, [0, Code::UnknownTopicOrPartition.code()]);
    assert_eq!(fetch(&mut client, true).await, NOTHING);
}

#[tokio::test]
async fn a_deleted_group_takes_its_offsets_in_open_transactions_along() {
    let (_ottla, mut client, _) = with_topic().await;
    let producer = init(&mut client, "a").await;
    assert_eq!(commit(&mut client, 5, "a", producer, 5).await, 0);
    let request = DeleteGroupsRequest::default().with_groups_names(vec![text("g")]);
    assert_eq!(client.ask(2, &request).await.results[0].error_code, 0);
    end(&mut client, 5, "a", producer, true).await;
    assert_eq!(stable(&mut client).await, NOTHING.1);
}
