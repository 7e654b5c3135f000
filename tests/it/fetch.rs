//! What is read, how much of it at a time, and when.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::FetchRequest;

use crate::client::{Client, fetching};
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

async fn with_topic() -> (Ottla, Client) {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    (ottla, client)
}

fn bytes(answer: &kafka_protocol::messages::FetchResponse, partition: usize) -> usize {
    answer.responses[0].partitions[partition].records.as_ref().expect("never null").len()
}

#[tokio::test]
async fn an_empty_partition_answers_with_empty_records_never_null() {
    let (_ottla, mut client) = with_topic().await;
    for version in 4..=12 {
        let answer = client.call(version, &fetching("t", 0, 0)).await;
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.records.as_ref().map(|r| r.len()), Some(0), "v{version}");
        assert_eq!((partition.high_watermark, partition.last_stable_offset), (0, 0));
    }
}

#[tokio::test]
async fn every_version_reads() {
    let (_ottla, mut client) = with_topic().await;
    let id = client.create("by-id", 1, &[]).await;
    client.produce("t", 0, plain(&["a", "b"])).await;
    client.produce("by-id", 0, plain(&["c"])).await;
    for version in 4..=12 {
        let answer = client.call(version, &fetching("t", 0, 0)).await;
        assert_eq!(read(&answer), expected(0, &["a", "b"]), "v{version}");
    }
    for version in 13..=18 {
        let mut request = fetching("", 0, 0);
        request.topics[0].topic_id = id;
        let answer = client.call(version, &request).await;
        assert_eq!(answer.responses[0].topic_id, id);
        assert_eq!(read(&answer), expected(0, &["c"]), "v{version}");
    }
}

#[tokio::test]
async fn a_read_from_the_middle_of_a_batch_brings_the_whole_batch() {
    let (_ottla, mut client) = with_topic().await;
    client.produce("t", 0, plain(&["a", "b", "c"])).await;
    client.produce("t", 0, plain(&["d"])).await;
    assert_eq!(read(&client.fetch("t", 0, 1).await), expected(0, &["a", "b", "c", "d"]));
    assert_eq!(read(&client.fetch("t", 0, 3).await), expected(3, &["d"]));
    assert_eq!(read(&client.fetch("t", 0, 4).await), []);
}

#[tokio::test]
async fn offsets_outside_the_log_are_out_of_range() {
    let (_ottla, mut client) = with_topic().await;
    client.produce("t", 0, plain(&["a"])).await;
    for offset in [-1, 2, i64::MAX, i64::MIN] {
        let answer = client.fetch("t", 0, offset).await;
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, Code::OffsetOutOfRange.code(), "{offset}");
        assert_eq!(partition.records.as_ref().map(|r| r.len()), Some(0));
    }
}

#[tokio::test]
async fn the_first_batch_comes_whole_however_small_the_limits() {
    let (_ottla, mut client) = with_topic().await;
    let large = "x".repeat(50_000);
    for partition in [0, 1] {
        client.produce("t", partition, plain(&[&large])).await;
        client.produce("t", partition, plain(&["small"])).await;
    }
    let mut request = fetching("t", 0, 0).with_max_bytes(1);
    request.topics[0].partitions[0].partition_max_bytes = 1;
    let second = request.topics[0].partitions[0].clone().with_partition(1);
    request.topics[0].partitions.push(second);
    let answer = client.call(12, &request).await;
    // Only the first partition with data may pass the limit.
    assert_eq!((bytes(&answer, 0), bytes(&answer, 1)), (plain(&[&large]).len(), 0));
}

#[tokio::test]
async fn limits_hold_across_partitions() {
    let (_ottla, mut client) = with_topic().await;
    let value = "x".repeat(1000);
    for partition in [0, 1] {
        for _ in 0..20 {
            client.produce("t", partition, plain(&[&value])).await;
        }
    }
    let batch = plain(&[&value]).len();
    let mut request = fetching("t", 0, 0).with_max_bytes(15 * batch as i32);
    request.topics[0].partitions[0].partition_max_bytes = 10 * batch as i32;
    let second = request.topics[0].partitions[0].clone().with_partition(1);
    request.topics[0].partitions.push(second);
    let answer = client.call(12, &request).await;
    assert!(bytes(&answer, 0) <= 10 * batch && bytes(&answer, 0) > 5 * batch);
    assert!(bytes(&answer, 0) + bytes(&answer, 1) <= 15 * batch && bytes(&answer, 1) > 0);
}

#[tokio::test]
async fn unknown_topics_and_ids_have_their_codes_and_do_not_wait() {
    let (_ottla, mut client) = with_topic().await;
    let forever = |request: FetchRequest| request.with_max_wait_ms(i32::MAX).with_min_bytes(1);
    let answer = client.call(12, &forever(fetching("none", 0, 0))).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, Code::UnknownTopicOrPartition.code());
    let mut request = forever(fetching("", 0, 0));
    request.topics[0].topic_id = uuid::Uuid::from_u128(9);
    let answer = client.call(16, &request).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, Code::UnknownTopicId.code());
}

#[tokio::test]
async fn an_unknown_partition_is_answered_after_the_others_in_the_same_topic() {
    let (_ottla, mut client) = with_topic().await;
    let mut request = fetching("t", 99, 0);
    let known = request.topics[0].partitions[0].clone().with_partition(0);
    request.topics[0].partitions.push(known);
    let answer = client.call(12, &request).await;
    let indexes = answer.responses.iter().map(|topic| {
        topic.partitions.iter().map(|partition| partition.partition_index).collect::<Vec<_>>()
    });
    assert_eq!(indexes.collect::<Vec<_>>(), [vec![0, 99]]);
}

#[tokio::test]
async fn a_leader_epoch_that_is_not_ours_is_refused() {
    let (_ottla, mut client) = with_topic().await;
    client.produce("t", 0, plain(&["a"])).await;
    for (epoch, expected) in [(-1, 0), (0, 0), (1, Code::UnknownLeaderEpoch.code())] {
        let mut request = fetching("t", 0, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = client.call(12, &request).await;
        assert_eq!(answer.responses[0].partitions[0].error_code, expected, "epoch {epoch}");
    }
}

#[tokio::test]
async fn a_fetch_waits_until_min_bytes_arrive() {
    let (ottla, mut client) = with_topic().await;
    let mut producer = ottla.client().await;
    let batch = plain(&["0123456789"]);
    let waiting =
        fetching("t", 0, 0).with_max_wait_ms(i32::MAX).with_min_bytes(batch.len() as i32 * 3);
    let id = client.send(12, &waiting).await;
    for _ in 0..3 {
        producer.produce("t", 0, batch.clone()).await;
    }
    let answer = client.receive::<FetchRequest>(12, id).await;
    assert_eq!(read(&answer).len(), 3);
}

#[tokio::test]
async fn a_fetch_that_nothing_arrives_for_ends_empty() {
    let (_ottla, mut client) = with_topic().await;
    client.produce("t", 0, plain(&["a"])).await;
    let answer = client.call(12, &fetching("t", 0, 1).with_max_wait_ms(30)).await;
    assert_eq!(read(&answer), []);
}

#[tokio::test]
async fn bytes_in_any_of_its_partitions_wake_a_fetch() {
    let (ottla, mut client) = with_topic().await;
    let mut request = fetching("t", 0, 0).with_max_wait_ms(i32::MAX);
    let second = request.topics[0].partitions[0].clone().with_partition(1);
    request.topics[0].partitions.push(second);
    let id = client.send(12, &request).await;
    ottla.client().await.produce("t", 1, plain(&["a"])).await;
    let answer = client.receive::<FetchRequest>(12, id).await;
    assert_eq!(bytes(&answer, 0), 0);
    assert!(bytes(&answer, 1) > 0);
}

#[tokio::test]
async fn the_deletion_of_its_topic_ends_a_waiting_fetch() {
    let (ottla, mut client) = with_topic().await;
    let id = client.send(12, &fetching("t", 0, 0).with_max_wait_ms(i32::MAX)).await;
    let mut admin = ottla.client().await;
    // The fetch may not have arrived yet: a deletion before it answers it as well.
    let deletion = kafka_protocol::messages::DeleteTopicsRequest::default()
        .with_topic_names(vec![crate::client::topic_name("t")])
        .with_timeout_ms(1000);
    assert_eq!(admin.call(5, &deletion).await.responses[0].error_code, 0);
    let answer = client.receive::<FetchRequest>(12, id).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, Code::UnknownTopicOrPartition.code());
}

#[tokio::test]
async fn what_is_read_across_many_segments_is_what_was_written() {
    let ottla = Ottla::with(&[("log.segment.bytes", "1048576")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let filler = "x".repeat(100_000);
    let mut all = Vec::new();
    for i in 0..40 {
        let value = format!("{i}{filler}");
        client.produce("t", 0, plain(&[&value])).await;
        all.push(value);
    }
    let logs = std::fs::read_dir(ottla.data_dir().join("t-0")).unwrap();
    let is_log = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".log");
    assert!(logs.filter(|entry| is_log(&entry.as_ref().unwrap().file_name())).count() > 3);
    let mut next = 0;
    while next < 40 {
        for (offset, value) in read(&client.fetch("t", 0, next).await) {
            assert!((offset, &value) == (next, &all[next as usize]), "offset {next}");
            next += 1;
        }
    }
}
