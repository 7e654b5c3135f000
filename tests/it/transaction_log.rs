//! Transactions in the log: markers, the last stable offset, and what `read_committed` readers see.

use std::sync::LazyLock;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, ListOffsetsRequest};
use kafka_protocol::protocol::StrBytes;
use ottla::clock::{Clock, SystemClock};
use ottla::log::end_txn::{EndTxn, EndTxnMarker};
use ottla::log::producer::ProducerError;
use ottla::log::verification::TxnCheck;
use ottla::protocol::messages::describe_producers_request::{
    DescribeProducersRequest, TopicRequest,
};
use ottla::storage::batch::{BatchView, batches};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::topics::markers::MarkerError;
use ottla::types::TopicPartition;

use crate::client::{Client, fetching, topic_name};
use crate::harness::Ottla;

/// When records were made, ms since 1970: markers are later, but of the same segment.
static THEN: LazyLock<i64> = LazyLock::new(|| SystemClock::default().now().wall_ms - 1000);

/// Returns the end of a transaction, as `transaction.version` 2 writes it.
fn end(id: i64, epoch: i16, committed: bool, coordinator_epoch: i32) -> EndTxn {
    let marker = EndTxnMarker { committed, coordinator_epoch };
    EndTxn { producer_id: id, producer_epoch: epoch, marker, bumps_epoch: true }
}

/// Ends a transaction in the partition t-0.
async fn ended(ottla: &Ottla, id: i64, epoch: i16, committed: bool) {
    let partition = TopicPartition::new("t", 0);
    ottla.broker().topics.end_txn(&partition, end(id, epoch, committed, 0)).await.unwrap();
}

/// Returns a batch outside of transactions.
fn plain(count: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0, *THEN);
    (0..count).for_each(|n| builder.push(None, Some(b"value"), &[], *THEN + n));
    builder.finish()
}

/// Appends records of a transaction to t-0, as if its coordinator had confirmed it.
fn appended(ottla: &Ottla, id: i64, epoch: i16, sequence: i32, count: i64) {
    let mut builder = BatchBuilder::new(0, *THEN).producer(id, epoch, sequence).transactional();
    (0..count).for_each(|n| builder.push(Some(b"key"), Some(b"value"), &[], *THEN + n));
    let bytes = builder.finish();
    let topic = ottla.broker().topics.named("t").unwrap();
    let partition = topic.partition(0).unwrap();
    let batch = BatchView::first(&bytes).unwrap();
    let now = ottla.broker().clock.now();
    partition.append(now, batch, &partition.config(), TxnCheck::Unneeded).unwrap();
}

/// What a fetch of t-0 has for a client.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// The base offsets of its batches.
    batches: Vec<i64>,
    last_stable_offset: i64,
    /// Producer and first offset of the aborted transactions.
    aborted: Option<Vec<(i64, i64)>>,
}

async fn fetched(client: &mut Client, request: &FetchRequest) -> Seen {
    let answer = client.call(12, request).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!((answer.error_code, partition.error_code), (0, 0));
    let bytes = partition.records.clone().expect("records are never null");
    let aborted = partition.aborted_transactions.as_ref();
    Seen {
        batches: batches(&bytes).map(|batch| batch.header.base_offset).collect(),
        last_stable_offset: partition.last_stable_offset,
        aborted: aborted
            .map(|all| all.iter().map(|txn| (txn.producer_id.0, txn.first_offset)).collect()),
    }
}

async fn committed(client: &mut Client, offset: i64) -> Seen {
    fetched(client, &fetching("t", 0, offset).with_isolation_level(1)).await
}

fn seen(batches: &[i64], last_stable_offset: i64, aborted: Option<&[(i64, i64)]>) -> Seen {
    Seen { batches: batches.to_vec(), last_stable_offset, aborted: aborted.map(<[_]>::to_vec) }
}

async fn listed(client: &mut Client, timestamp: i64) -> (i16, i64) {
    let partition =
        ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(1)
        .with_topics(vec![topic]);
    let answer = client.call(8, &request).await;
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.offset)
}

#[tokio::test]
async fn markers_are_written_in_the_order_of_their_epochs() {
    for durability in ["os", "fsync"] {
        let ottla = Ottla::with(&[("durability", durability)]).await;
        let mut client = ottla.client().await;
        client.create("t", 1, &[]).await;
        let topics = &ottla.broker().topics;
        let id = TopicPartition::new("t", 0);
        for epoch in [1, 2, 2] {
            topics.end_txn(&id, end(7, epoch, true, 5)).await.expect("it is written");
        }
        let stale = topics.end_txn(&id, end(7, 1, true, 5)).await;
        assert!(matches!(stale, Err(MarkerError::Fenced(ProducerError::StaleEpoch { .. }))));
        let stale = topics.end_txn(&id, end(7, 3, true, 4)).await;
        assert!(matches!(stale, Err(MarkerError::Fenced(ProducerError::StaleCoordinator { .. }))));
        for missing in [TopicPartition::new("t", 1), TopicPartition::new("other", 0)] {
            let written = topics.end_txn(&missing, end(7, 3, true, 5)).await;
            assert!(matches!(written, Err(MarkerError::UnknownPartition(id)) if id == missing));
        }
        assert_eq!(client.list_offset("t", -1).await.1, 3);
    }
}

#[tokio::test]
async fn readers_of_committed_records_stop_at_an_open_transaction_and_know_the_aborted_ones() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(2)).await;
    assert_eq!(committed(&mut client, 0).await, seen(&[0], 2, Some(&[])));
    appended(&ottla, 7, 0, 0, 2);
    appended(&ottla, 8, 0, 0, 1);
    client.produce("t", 0, plain(1)).await;
    assert_eq!(committed(&mut client, 0).await, seen(&[0], 2, Some(&[])));
    assert_eq!(committed(&mut client, 2).await, seen(&[], 2, Some(&[])));
    let all = fetched(&mut client, &fetching("t", 0, 0)).await;
    assert_eq!(all, seen(&[0, 2, 4, 5], 2, None));
    ended(&ottla, 8, 1, false).await;
    assert_eq!(committed(&mut client, 0).await, seen(&[0], 2, Some(&[])));
    ended(&ottla, 7, 1, true).await;
    assert_eq!(committed(&mut client, 0).await, seen(&[0, 2, 4, 5, 6, 7], 8, Some(&[(8, 4)])));
    // Only the transactions that overlap what is returned.
    assert_eq!(committed(&mut client, 7).await, seen(&[7], 8, Some(&[])));
    assert_eq!(committed(&mut client, 6).await, seen(&[6, 7], 8, Some(&[(8, 4)])));
    let first = fetching("t", 0, 0).with_isolation_level(1).with_max_bytes(1);
    assert_eq!(fetched(&mut client, &first).await, seen(&[0], 8, Some(&[])));
    let third = fetching("t", 0, 4).with_isolation_level(1).with_max_bytes(1);
    assert_eq!(fetched(&mut client, &third).await, seen(&[4], 8, Some(&[(8, 4)])));
    let all = fetched(&mut client, &fetching("t", 0, 4)).await;
    assert_eq!(all, seen(&[4, 5, 6, 7], 8, None));
}

#[tokio::test]
async fn a_marker_wakes_who_waits_for_committed_records() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    appended(&ottla, 7, 0, 0, 1);
    let mut waiting = ottla.client().await;
    let wait = tokio::spawn(async move {
        let request = fetching("t", 0, 0).with_isolation_level(1).with_max_wait_ms(60_000);
        fetched(&mut waiting, &request).await
    });
    // The poll may begin later than this; it must not end before the marker in any case.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    appended(&ottla, 7, 0, 1, 1);
    appended(&ottla, 7, 0, 2, 1);
    ended(&ottla, 7, 1, true).await;
    assert_eq!(wait.await.unwrap(), seen(&[0, 1, 2, 3], 4, Some(&[])));
}

#[tokio::test]
async fn offsets_of_committed_records_lie_below_the_last_stable_one() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    appended(&ottla, 7, 0, 0, 3);
    assert_eq!(listed(&mut client, -1).await, (0, 0));
    assert_eq!(listed(&mut client, -2).await, (0, 0));
    assert_eq!(listed(&mut client, -3).await, (0, -1));
    assert_eq!(listed(&mut client, *THEN + 1).await, (0, -1));
    assert_eq!(client.list_offset("t", -1).await.1, 3);
    assert_eq!(client.list_offset("t", -3).await.1, 2);
    assert_eq!(client.list_offset("t", *THEN + 1).await.1, 1);
    ended(&ottla, 7, 1, true).await;
    assert_eq!(listed(&mut client, -1).await, (0, 4));
    assert_eq!(listed(&mut client, *THEN + 1).await, (0, 1));
    assert_eq!(listed(&mut client, -3).await, (0, 3));
}

#[tokio::test]
async fn a_restart_changes_nothing_for_readers_whatever_has_become_of_the_index() {
    for damage in ["none", "lost", "cut", "zeros"] {
        for is_killed in [false, true] {
            let mut ottla = Ottla::with(&[("log.segment.bytes", "1048576")]).await;
            let mut client = ottla.client().await;
            client.create("t", 1, &[]).await;
            for epoch in 0..3 {
                appended(&ottla, 7, epoch, 0, 2);
                ended(&ottla, 7, epoch + 1, epoch == 1).await;
            }
            appended(&ottla, 7, 3, 0, 1);
            let before = committed(&mut client, 0).await;
            assert_eq!(before, seen(&[0, 2, 3, 5, 6, 8], 9, Some(&[(7, 0), (7, 6)])));
            drop(client);
            match is_killed {
                true => ottla.kill().await,
                false => ottla.stop().await,
            }
            let file = ottla.log_file("t-0").with_extension("txnindex");
            let bytes = std::fs::read(&file).unwrap();
            assert_eq!(bytes.len(), 2 * 34);
            match damage {
                "none" => {}
                // A log that was closed has no reason to look for what is missing; nor has Kafka.
                "lost" if !is_killed => {}
                "lost" => std::fs::remove_file(&file).unwrap(),
                "cut" => std::fs::write(&file, &bytes[..40]).unwrap(),
                _ => std::fs::write(&file, [0; 68]).unwrap(),
            }
            ottla.start_again().await;
            let mut client = ottla.client().await;
            assert_eq!(committed(&mut client, 0).await, before, "{damage}, killed: {is_killed}");
            assert_eq!(std::fs::read(&file).unwrap(), bytes, "{damage}, killed: {is_killed}");
            ended(&ottla, 7, 4, false).await;
            let after = seen(&[0, 2, 3, 5, 6, 8, 9, 10], 11, Some(&[(7, 0), (7, 6), (7, 9)]));
            assert_eq!(committed(&mut client, 0).await, after);
        }
    }
}

#[tokio::test]
async fn producers_are_described_with_their_open_transactions() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    appended(&ottla, 7, 3, 0, 2);
    let topic = |name: &'static str, partitions: &[i32]| {
        TopicRequest::default()
            .with_name(StrBytes::from_static_str(name))
            .with_partition_indexes(partitions.to_vec())
    };
    let topics = vec![topic("t", &[0, 1]), topic("other", &[0])];
    let request = DescribeProducersRequest::default().with_topics(topics);
    let answer = client.ask(0, &request).await;
    let [known, unknown] = &answer.topics[0].partitions[..] else { panic!("two partitions") };
    assert_eq!((known.error_code, known.active_producers.len()), (0, 1));
    let producer = &known.active_producers[0];
    assert_eq!((producer.producer_id, producer.producer_epoch), (7, 3));
    assert_eq!((producer.last_sequence, producer.coordinator_epoch), (1, -1));
    assert_eq!(producer.current_txn_start_offset, 0);
    assert_eq!((unknown.error_code, unknown.error_message.is_some()), (3, false));
    let unknown = &answer.topics[1].partitions[0];
    assert_eq!((unknown.error_code, unknown.error_message.is_some()), (3, true));
    ended(&ottla, 7, 4, true).await;
    let answer = client.ask(0, &request).await;
    let producer = &answer.topics[0].partitions[0].active_producers[0];
    assert_eq!((producer.producer_epoch, producer.last_sequence), (4, -1));
    assert_eq!((producer.coordinator_epoch, producer.current_txn_start_offset), (0, -1));
}
