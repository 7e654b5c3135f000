//! Comparison with bytes written by Apache Kafka 3.9.0's own message classes.

use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;

use super::*;
use crate::wire::shape::{check, decoded_bytes_max};

const CREATE_0: &str = "0000000200066f72646572730000000300010000000000000002000c726574656e74696f\
     6e2e6d73000431303030000e636c65616e75702e706f6c696379ffff0006706c61636564ffffffffffff00000001\
     00000000000000020000000100000002000000000000\
     7530";
const DELETE_0: &str = "0000000200066f726465727300017800007530";

fn bytes(hex: &str) -> Bytes {
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn passes(key: i16, version: i16, body: &[u8]) -> bool {
    let shape = check(key, version, body, decoded_bytes_max(body.len()));
    shape.is_ok_and(|shape| shape.body_bytes == body.len())
}

fn name(text: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(text))
}

#[test]
fn create_topics_0_is_read() {
    let body = bytes(CREATE_0);
    assert!(passes(19, 0, &body));
    let request = create_topics_request(0, &body).unwrap();
    assert_eq!((request.timeout_ms, request.validate_only), (30000, false));
    let [orders, placed] = &request.topics[..] else { panic!("{request:?}") };
    assert_eq!((&orders.name, orders.num_partitions), (&name("orders"), 3));
    assert_eq!((orders.replication_factor, orders.assignments.len()), (1, 0));
    let configs: Vec<_> =
        orders.configs.iter().map(|c| (c.name.as_str(), c.value.as_deref())).collect();
    assert_eq!(configs, [("retention.ms", Some("1000")), ("cleanup.policy", None)]);
    assert_eq!((placed.num_partitions, placed.replication_factor), (-1, -1));
    assert_eq!(placed.assignments[0].partition_index, 0);
    assert_eq!(placed.assignments[0].broker_ids, [BrokerId(1), BrokerId(2)]);
}

#[test]
fn create_topics_1_adds_validate_only() {
    let body = bytes(&format!("{CREATE_0}01"));
    assert!(passes(19, 1, &body));
    assert!(create_topics_request(1, &body).unwrap().validate_only);
    assert_eq!(create_topics_request(1, &bytes(CREATE_0)), Err(LegacyError::Short));
}

#[test]
fn delete_topics_0_is_read() {
    let body = bytes(DELETE_0);
    assert!(passes(20, 0, &body));
    let request = delete_topics_request(&body).unwrap();
    assert_eq!(request.topic_names, [name("orders"), name("x")]);
    assert_eq!(request.timeout_ms, 30000);
}

#[test]
fn the_answers_are_those_of_kafka_3_9() {
    let mut orders = CreatableTopicResult::default();
    orders.name = name("orders");
    orders.error_message = None;
    let mut placed = CreatableTopicResult::default();
    placed.name = name("placed");
    placed.error_code = 36;
    placed.error_message = Some(StrBytes::from_static_str("there is one"));
    let mut created = CreateTopicsResponse::default();
    created.topics = vec![orders, placed];
    let version_0 = bytes("0000000200066f726465727300000006706c616365640024");
    assert_eq!(create_topics_response(0, &created), version_0);
    let version_1 =
        bytes("0000000200066f72646572730000ffff0006706c616365640024000c7468657265206973206f6e65");
    assert_eq!(create_topics_response(1, &created), version_1);

    let mut deleted = DeleteTopicsResponse::default();
    for (topic, error_code) in [("orders", 0), ("x", 3)] {
        let mut result = DeletableTopicResult::default();
        result.name = Some(name(topic));
        result.error_code = error_code;
        deleted.responses.push(result);
    }
    let version_0 = bytes("0000000200066f726465727300000001780003");
    assert_eq!(delete_topics_response(&deleted), version_0);
}

#[test]
fn a_request_cut_short_is_refused_wherever_it_is_cut() {
    let (create, delete) = (bytes(CREATE_0), bytes(DELETE_0));
    for end in 0..create.len() {
        assert!(create_topics_request(0, &create.slice(..end)).is_err());
    }
    for end in 0..delete.len() {
        assert!(delete_topics_request(&delete.slice(..end)).is_err());
    }
}

#[test]
fn a_huge_count_anywhere_is_refused_or_harmless() {
    for (key, whole) in [(19, bytes(CREATE_0)), (20, bytes(DELETE_0))] {
        for at in 0..whole.len() - 3 {
            for count in [0x7fff_ffff_i32, -1, i32::MIN] {
                let mut changed = whole.to_vec();
                changed[at..at + 4].copy_from_slice(&count.to_be_bytes());
                let changed = Bytes::from(changed);
                let decoded = match key {
                    19 => create_topics_request(0, &changed).is_ok(),
                    _ => delete_topics_request(&changed).is_ok(),
                };
                let checked = check(key, 0, &changed, decoded_bytes_max(changed.len())).is_ok();
                assert!(checked || !decoded, "{changed:?}");
            }
        }
    }
    assert_eq!(delete_topics_request(&bytes("7fffffff")), Err(LegacyError::Short));
    assert_eq!(delete_topics_request(&bytes("ffffffff")), Err(LegacyError::Null));
}
