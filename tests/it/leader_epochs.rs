//! Leader epochs, which a partition has if its data directory comes from Apache Kafka.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::fetch_response::EpochEndOffset;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    BrokerId, ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest,
};
use ottla::metadata::records::Record;
use ottla::metadata::version::MetadataVersion;
use ottla::protocol::messages::partition_change_record::PartitionChangeRecord;
use ottla::storage::batch::batches;
use ottla::storage::batch_builder::BatchBuilder;
use uuid::Uuid;

use crate::client::{Client, fetching, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

/// Adds to the metadata log what Kafka writes when it stops and starts again: the partition loses
/// its leader, and gets it back.
fn restart_of_kafka(ottla: &Ottla, topic_id: Uuid) {
    let path = ottla.log_file("__cluster_metadata-0");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = batches(&bytes).last().unwrap().header.end_offset();
    let mut builder = BatchBuilder::new(end, 1_700_000_000_000).leader_epoch(4);
    for leader in [-1, 1] {
        let change = PartitionChangeRecord::default()
            .with_partition_id(0)
            .with_topic_id(topic_id)
            .with_leader(leader);
        let value = Record::PartitionChange(change).encode(MetadataVersion::NEWEST).unwrap();
        builder.push(None, Some(&value), &[], 1_700_000_000_000);
    }
    bytes.extend(builder.finish());
    std::fs::write(path, bytes).unwrap();
    // The checkpoints are behind now, as after a crash.
    std::fs::remove_file(ottla.data_dir().join(".kafka_cleanshutdown")).unwrap();
}

/// A topic of one partition with two records of epoch 0 and one of epoch 2.
async fn after_kafka() -> (Ottla, Client) {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a", "b"])).await;
    drop(client);
    ottla.stop().await;
    restart_of_kafka(&ottla, id);
    ottla.start_again().await;
    let mut client = ottla.client().await;
    client.produce("t", 0, plain(&["c"])).await;
    (ottla, client)
}

/// The error, the epoch and its end for a client that is in `current`.
async fn end_of(client: &mut Client, current: i32, epoch: i32) -> (i16, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(current)
        .with_leader_epoch(epoch);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    let answer = client.call(4, &request).await;
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.leader_epoch, partition.end_offset)
}

/// The offset for a timestamp, and its epoch.
async fn listed(client: &mut Client, timestamp: i64) -> (i64, i32) {
    let partition =
        ListOffsetsPartition::default().with_timestamp(timestamp).with_current_leader_epoch(2);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = client.call(7, &request).await;
    let partition = &answer.topics[0].partitions[0];
    (partition.offset, partition.leader_epoch)
}

#[tokio::test]
async fn a_partition_continues_in_the_epoch_that_kafka_began() {
    let (mut ottla, _) = after_kafka().await;
    for _ in 0..2 {
        let mut client = ottla.client().await;
        let request = MetadataRequest::default().with_topics(None);
        let answer = client.call(12, &request).await;
        assert_eq!(answer.topics[0].partitions[0].leader_epoch, 2);
        let (fenced, unknown) = (Code::FencedLeaderEpoch.code(), Code::UnknownLeaderEpoch.code());
        assert_eq!(end_of(&mut client, 1, 0).await.0, fenced);
        assert_eq!(end_of(&mut client, 3, 0).await.0, unknown);
        assert_eq!(end_of(&mut client, 2, 0).await, (0, 0, 2));
        assert_eq!(end_of(&mut client, 2, 1).await, (0, 0, 2));
        assert_eq!(end_of(&mut client, -1, 2).await, (0, 2, 3));
        assert_eq!(end_of(&mut client, -1, 3).await, (0, -1, -1));
        assert_eq!(listed(&mut client, -1).await, (3, 2));
        assert_eq!(listed(&mut client, -2).await, (0, 0));
        drop(client);
        ottla.restart().await;
    }
    ottla.stop().await;
    let log = std::fs::read(ottla.log_file("t-0")).unwrap();
    let epochs: Vec<i32> = batches(&log).map(|b| b.header.partition_leader_epoch).collect();
    assert_eq!(epochs, [0, 2]);
    let kept = std::fs::read_to_string(ottla.data_dir().join("t-0/leader-epoch-checkpoint"));
    assert_eq!(kept.unwrap(), "0\n2\n0 0\n2 2\n");
}

#[tokio::test]
async fn a_reader_of_an_earlier_epoch_learns_where_that_ended() {
    let (_ottla, mut client) = after_kafka().await;
    let none = EpochEndOffset::default();
    let end = EpochEndOffset::default().with_epoch(0).with_end_offset(2);
    for (last, offset, wanted, code) in [
        (0, 2, &none, 0),
        (0, 3, &end, 0),
        (1, 2, &end, 0),
        (2, 3, &none, 0),
        (3, 2, &none, Code::OffsetOutOfRange.code()),
    ] {
        let mut request = fetching("t", 0, offset);
        request.topics[0].partitions[0].last_fetched_epoch = last;
        let answer = client.call(12, &request).await;
        let partition = &answer.responses[0].partitions[0];
        let found = (partition.error_code, &partition.diverging_epoch);
        assert_eq!(found, (code, wanted), "epoch {last}, offset {offset}");
    }
}
