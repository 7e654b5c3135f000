//! Offsets by time and by name.

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::{ListOffsetsRequest, list_offsets_request};

use crate::batches::Packing;
use crate::broker_configs::do_set;
use crate::client::{Client, text};
use crate::harness::Ottla;
use crate::records::{THEN, batch, plain};

/// Resource type of topics in configs.
const TOPIC: i8 = 2;
const LIMIT: &str = "max.decompressed.message.bytes";

async fn filled(ottla: &Ottla) -> Client {
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for values in [&["a", "b", "c"][..], &["d"], &["e", "f"]] {
        client.produce("t", 0, plain(values)).await;
    }
    client
}

#[tokio::test]
async fn special_timestamps_name_the_ends() {
    let ottla = Ottla::start().await;
    let mut client = filled(&ottla).await;
    assert_eq!(client.list_offset("t", -1).await, (0, 6, -1));
    assert_eq!(client.list_offset("t", -2).await, (0, 0, -1));
    assert_eq!(client.list_offset("t", -4).await, (0, 0, -1));
    assert_eq!(client.list_offset("t", -3).await, (0, 2, THEN + 2), "the first of the latest");
}

#[tokio::test]
async fn a_time_is_answered_with_the_first_record_as_late_as_it() {
    let ottla = Ottla::start().await;
    let mut client = filled(&ottla).await;
    assert_eq!(client.list_offset("t", 0).await, (0, 0, THEN));
    assert_eq!(client.list_offset("t", THEN).await, (0, 0, THEN));
    assert_eq!(client.list_offset("t", THEN + 1).await, (0, 1, THEN + 1));
    assert_eq!(client.list_offset("t", THEN + 2).await, (0, 2, THEN + 2));
    assert_eq!(client.list_offset("t", THEN + 3).await, (0, -1, -1), "nothing is as late");
}

#[tokio::test]
async fn an_empty_partition_has_ends_and_no_times() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for timestamp in [-1, -2] {
        assert_eq!(client.list_offset("t", timestamp).await, (0, 0, -1));
    }
    assert_eq!(client.list_offset("t", -3).await, (0, -1, -1));
    assert_eq!(client.list_offset("t", 5).await, (0, -1, -1));
}

#[tokio::test]
async fn what_waits_for_upload_is_nothing_and_only_the_newest_version_asks_for_it() {
    let ottla = Ottla::start().await;
    let mut client = filled(&ottla).await;
    for (version, code) in [(10, Code::UnsupportedVersion.code()), (11, 0)] {
        let partition = list_offsets_request::ListOffsetsPartition::default().with_timestamp(-6);
        let topic = list_offsets_request::ListOffsetsTopic::default()
            .with_name(text("t"))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default().with_replica_id(-1).with_topics(vec![topic]);
        let answer = client.ask(version, &request).await;
        let found = &answer.topics[0].partitions[0];
        assert_eq!((found.error_code, found.offset, found.timestamp), (code, -1, -1));
    }
}

#[tokio::test]
async fn an_unknown_topic_is_reported() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    assert_eq!(client.list_offset("none", -1).await, (3, -1, -1));
    // What no version knows is reported first.
    assert_eq!(client.list_offset("none", -7).await.0, 35);
}

#[tokio::test]
async fn a_record_larger_than_a_topic_allows_is_not_decompressed_to_find_a_time() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let large = "x".repeat(1000);
    client.produce("t", 0, batch(Packing::Gzip, None, &["a", "b", &large]).encode()).await;
    // Attributes, two deltas, no key, a length of two bytes, the value, no headers.
    do_set(&mut client, TOPIC, "t", LIMIT, "1006").await;
    assert_eq!(client.list_offset("t", THEN).await, (0, 0, THEN));
    assert_eq!(client.list_offset("t", THEN + 1).await, (0, 1, THEN + 1));
    let refused = Code::InvalidRecord.code();
    assert_eq!(client.list_offset("t", THEN + 2).await, (refused, -1, -1));
    assert_eq!(client.list_offset("t", -3).await, (refused, -1, -1));
    assert_eq!(client.list_offset("t", -1).await, (0, 3, -1));
    do_set(&mut client, TOPIC, "t", LIMIT, "1007").await;
    assert_eq!(client.list_offset("t", THEN + 2).await, (0, 2, THEN + 2));
    assert_eq!(client.list_offset("t", -3).await, (0, 2, THEN + 2));
}
