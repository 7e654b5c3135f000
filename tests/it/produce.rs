//! What is stored, and what is refused with which code.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{CreateTopicsResponse, ProduceRequest};

use crate::batches::{PACKINGS, Packing};
use crate::client::{Client, creation, production, topic_name};
use crate::harness::Ottla;
use crate::records::{THEN, batch, changed, expected, plain, read};

async fn with_topic(configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, configs).await;
    (ottla, client)
}

fn code(answer: &PartitionProduceResponse) -> Option<Code> {
    Code::try_from_code(answer.error_code)
}

async fn refused(client: &mut Client, records: Vec<u8>) -> Code {
    let answer = client.produce("t", 0, records).await;
    assert_eq!((answer.base_offset, answer.log_append_time_ms), (-1, -1));
    code(&answer).expect("an error")
}

#[tokio::test]
async fn a_batch_is_stored_as_it_came_whatever_its_codec() {
    let (ottla, mut client) = with_topic(&[]).await;
    let mut sent = Vec::new();
    for packing in PACKINGS {
        let bytes = batch(packing, None, &["one", "two", "three"]).encode();
        let answer = client.produce("t", 0, bytes.clone()).await;
        assert_eq!((answer.error_code, answer.log_append_time_ms), (0, -1), "{packing:?}");
        assert_eq!(answer.base_offset, sent.len() as i64 * 3);
        sent.push(bytes);
    }
    let log = std::fs::read(ottla.log_file("t-0")).unwrap();
    let mut rest = log.as_slice();
    for bytes in &sent {
        // The base offset and the leader epoch are the broker's; all else is the client's.
        assert_eq!(rest[8..12], bytes[8..12]);
        assert_eq!(rest[16..bytes.len()], bytes[16..]);
        rest = &rest[bytes.len()..];
    }
    assert!(rest.is_empty());
    let values = ["one", "two", "three"].repeat(PACKINGS.len());
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &values));
}

#[tokio::test]
async fn every_version_stores_and_answers() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let id = client.create("by-id", 1, &[]).await;
    for version in 3..=12 {
        let answer = client.call(version, &production("t", 1, plain(&["v"]))).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(version) - 3));
    }
    let mut request = production("", 0, plain(&["v"]));
    request.topic_data[0].topic_id = id;
    let answer = client.call(13, &request).await;
    assert_eq!(answer.responses[0].topic_id, id);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[tokio::test]
async fn what_is_no_batch_or_not_one_is_an_invalid_record() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let good = plain(&["a", "b"]);
    let twice = [good.clone(), good.clone()].concat();
    let cases = [
        ("nothing", vec![]),
        ("two batches", twice),
        ("an old magic", changed(good.clone(), 16, &[1])),
        ("a base offset", changed(good.clone(), 0, &5_i64.to_be_bytes())),
        ("a control bit", changed(good.clone(), 21, &0x20_i16.to_be_bytes())),
        ("a wrong last offset delta", changed(good.clone(), 23, &5_i32.to_be_bytes())),
        ("a wrong count", changed(good.clone(), 57, &3_i32.to_be_bytes())),
        ("no records", changed(good.clone(), 57, &0_i32.to_be_bytes())),
        ("a producer without a sequence", changed(good, 43, &7_i64.to_be_bytes())),
    ];
    for (what, records) in cases {
        assert_eq!(refused(&mut client, records).await, Code::InvalidRecord, "{what}");
    }
    assert_eq!(read(&client.fetch("t", 0, 0).await), []);
}

#[tokio::test]
async fn damaged_bytes_are_corrupt() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let mut bytes = plain(&["a", "b"]);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&mut client, bytes).await, Code::CorruptMessage);
    let good = plain(&["a", "b"]);
    // Half a batch is none, as in Kafka.
    let half = good[..good.len() - 3].to_vec();
    assert_eq!(refused(&mut client, half).await, Code::InvalidRecord);
}

#[tokio::test]
async fn framing_inside_a_compressed_batch_is_checked() {
    let (_ottla, mut client) = with_topic(&[]).await;
    for packing in [Packing::Gzip, Packing::SnappyXerial, Packing::Lz4, Packing::Zstd] {
        let bytes = batch(packing, None, &["a", "b", "c"]).encode();
        // One record more than there is, written twice so that the header agrees with itself.
        let bytes = changed(bytes, 23, &3_i32.to_be_bytes());
        let bytes = changed(bytes, 57, &4_i32.to_be_bytes());
        assert_eq!(refused(&mut client, bytes).await, Code::InvalidRecord, "{packing:?}");
    }
}

#[tokio::test]
async fn a_batch_may_be_too_large_for_its_topic_or_its_segment() {
    let (_ottla, mut client) = with_topic(&[("max.message.bytes", "1000")]).await;
    let head = plain(&[""]).len();
    let fits = "x".repeat(1000 - head - 2);
    let bytes = plain(&[&fits]);
    assert_eq!(bytes.len(), 1000);
    assert_eq!(client.produce("t", 0, bytes).await.error_code, 0);
    let over = plain(&[&format!("{fits}x")]);
    assert_eq!(refused(&mut client, over).await, Code::MessageTooLarge);
    let configs = [("segment.bytes", "1048576"), ("max.message.bytes", "3000000")];
    client.create("small", 1, &configs).await;
    let answer = client.produce("small", 0, plain(&[&"x".repeat(1_100_000)])).await;
    assert_eq!(code(&answer), Some(Code::RecordListTooLarge));
}

#[tokio::test]
async fn timestamps_have_bounds_and_append_time_is_the_brokers() {
    let (_ottla, mut client) = with_topic(&[("message.timestamp.before.max.ms", "1000")]).await;
    assert_eq!(refused(&mut client, plain(&["old"])).await, Code::InvalidTimestamp);
    client.create("log-time", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let answer = client.produce("log-time", 0, plain(&["old", "older"])).await;
    assert_eq!(answer.error_code, 0);
    assert!(answer.log_append_time_ms > THEN);
    let found = client.list_offset("log-time", answer.log_append_time_ms).await;
    assert_eq!(found, (0, 0, answer.log_append_time_ms));
    client.create("plain", 1, &[]).await;
    let marked = changed(plain(&["a"]), 21, &0x08_i16.to_be_bytes());
    let answer = client.produce("plain", 0, marked).await;
    assert_eq!(code(&answer), Some(Code::InvalidTimestamp));
}

#[tokio::test]
async fn a_compacted_topic_wants_keys_and_names_the_records_without() {
    let (_ottla, mut client) = with_topic(&[("cleanup.policy", "compact")]).await;
    let answer = client.produce("t", 0, plain(&["a", "b"])).await;
    assert_eq!(code(&answer), Some(Code::InvalidRecord));
    assert!(!answer.record_errors.is_empty());
    let mut keyed = batch(Packing::Lz4, None, &["a", "b"]);
    keyed.records.iter_mut().for_each(|record| record.key = Some(b"k".to_vec()));
    assert_eq!(client.produce("t", 0, keyed.encode()).await.error_code, 0);
}

#[tokio::test]
async fn zstd_needs_version_7() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let bytes = batch(Packing::Zstd, None, &["a"]).encode();
    for (version, expected) in [(6, Code::UnsupportedCompressionType.code()), (7, 0)] {
        let answer = client.call(version, &production("t", 0, bytes.clone())).await;
        assert_eq!(answer.responses[0].partition_responses[0].error_code, expected);
    }
}

#[tokio::test]
async fn unknown_topics_partitions_and_ids_have_their_codes() {
    let (_ottla, mut client) = with_topic(&[]).await;
    for (topic, partition) in [("none", 0), ("t", 2), ("t", -1)] {
        let answer = client.produce(topic, partition, plain(&["a"])).await;
        assert_eq!(code(&answer), Some(Code::UnknownTopicOrPartition), "{topic}-{partition}");
    }
    let mut request = production("", 0, plain(&["a"]));
    request.topic_data[0].topic_id = uuid::Uuid::from_u128(5);
    let answer = client.call(13, &request).await;
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(code(partition), Some(Code::UnknownTopicId));
}

#[tokio::test]
async fn acks_are_0_1_or_all() {
    let (_ottla, mut client) = with_topic(&[]).await;
    for (acks, expected) in [(1, 0), (-1, 0), (2, 21), (-2, 21)] {
        let answer = client.call(9, &production("t", 0, plain(&["a"])).with_acks(acks)).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, expected, "acks={acks}");
    }
}

#[tokio::test]
async fn of_two_faults_the_one_that_kafka_checks_first_is_reported() {
    let (_ottla, mut client) = with_topic(&[("min.insync.replicas", "2")]).await;
    // The topic, then what the version demands of a batch, then acks, then the replicas.
    for (topic, records, acks, expected) in [
        ("none", Vec::new(), 2, Code::UnknownTopicOrPartition),
        ("t", Vec::new(), 2, Code::InvalidRecord),
        ("t", Vec::new(), -1, Code::InvalidRecord),
        ("t", plain(&["a"]), 2, Code::InvalidRequiredAcks),
        ("t", plain(&["a"]), -1, Code::NotEnoughReplicas),
    ] {
        let answer = client.call(9, &production(topic, 0, records).with_acks(acks)).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(code(partition), Some(expected), "{topic} acks={acks}");
    }
}

#[tokio::test]
async fn acks_0_is_not_answered_and_an_error_closes_the_connection() {
    let (ottla, mut client) = with_topic(&[]).await;
    let silent = |topic: &str| production(topic, 0, plain(&["quiet"])).with_acks(0);
    client.send(9, &silent("t")).await;
    // The next answer on this connection is the one to the next request.
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["quiet"]));
    client.send(9, &silent("none")).await;
    assert!(client.is_closed().await);
    assert_eq!(read(&ottla.client().await.fetch("t", 0, 0).await).len(), 1);
}

#[tokio::test]
async fn min_insync_replicas_of_two_cannot_be_had_with_acks_all() {
    let (_ottla, mut client) = with_topic(&[("min.insync.replicas", "2")]).await;
    assert_eq!(refused(&mut client, plain(&["a"])).await, Code::NotEnoughReplicas);
    let answer = client.call(9, &production("t", 0, plain(&["a"])).with_acks(1)).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let mut ids = Vec::new();
    for i in 0..200 {
        let value = format!("value {i}");
        ids.push(client.send(9, &production("t", 0, plain(&[&value]))).await);
    }
    for (i, id) in ids.into_iter().enumerate() {
        let answer = client.receive::<ProduceRequest>(9, id).await;
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, i as i64);
    }
}

#[tokio::test]
async fn several_partitions_in_one_request_are_answered_each_for_itself() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let mut request = production("t", 0, plain(&["a"]));
    let mut second = request.topic_data[0].partition_data[0].clone();
    second.index = 7;
    let third = second.clone().with_index(1);
    request.topic_data[0].partition_data.extend([second, third]);
    let other = production("none", 0, plain(&["a"])).topic_data.remove(0);
    request.topic_data.push(other);
    let answer = client.call(9, &request).await;
    let codes = |i: usize| {
        let partitions = &answer.responses[i].partition_responses;
        partitions.iter().map(|p| (p.index, p.error_code)).collect::<Vec<_>>()
    };
    assert_eq!(codes(0), [(0, 0), (7, 3), (1, 0)]);
    assert_eq!((codes(1), answer.responses[1].name.clone()), (vec![(0, 3)], topic_name("none")));
}

#[tokio::test]
async fn a_transaction_is_refused_as_a_whole() {
    let (_ottla, mut client) = with_topic(&[]).await;
    let transactional = changed(crate::records::by(1, 0, 0, &["a"]), 21, &0x10_i16.to_be_bytes());
    assert_eq!(refused(&mut client, transactional).await, Code::TransactionalIdAuthorizationFailed);
}

#[tokio::test]
async fn only_the_admin_client_writes_to_internal_topics() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let created: CreateTopicsResponse =
        client.call(7, &creation("__consumer_offsets", 1, &[])).await;
    assert_eq!(created.topics[0].error_code, 0);
    let answer = client.produce("__consumer_offsets", 0, plain(&["a"])).await;
    assert_eq!(code(&answer), Some(Code::InvalidTopicException));
}
