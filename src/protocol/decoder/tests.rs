//! Budgets, and what the encoding forbids.

use bytes::BytesMut;

use super::*;
use crate::protocol::message::Message;
use crate::protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use crate::protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use crate::protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};

/// Decodes a body within the budget of its length, and returns how many of its bytes were read.
fn decode<T: Message>(version: i16, body: &[u8]) -> Result<usize, DecodeError> {
    let max = decoded_bytes_max(body.len());
    T::decode_from(&Bytes::copy_from_slice(body), version, max).map(|(_, bytes)| bytes)
}

#[test]
fn the_budget_of_a_request_grows_with_its_bytes_up_to_a_limit() {
    assert_eq!(decoded_bytes_max(0), 1 << 20);
    assert_eq!(decoded_bytes_max(1000), (1 << 20) + 24_000);
    assert_eq!(decoded_bytes_max(1_354_411), 32 << 20);
    assert_eq!(decoded_bytes_max(usize::MAX), 32 << 20);
}

#[test]
fn a_fetch_of_349_000_partitions_is_within_the_budget() {
    let topic = FetchTopic::default().with_partitions(vec![FetchPartition::default(); 349_000]);
    let mut body = BytesMut::new();
    FetchRequest::default().with_topics(vec![topic]).encode_to(&mut body, 17).unwrap();
    assert_eq!(decode::<FetchRequest>(17, &body), Ok(body.len()));
}

#[test]
fn fifty_million_empty_topic_names_are_refused() {
    let count = 50_000_000;
    let mut body = vec![0; 4 + 2 * count];
    body[..4].copy_from_slice(&(count as i32).to_be_bytes());
    let error = decode::<MetadataRequest>(0, &body).unwrap_err();
    assert!(matches!(error, DecodeError::Budget { field: "Topics", .. }), "{error}");
}

#[test]
fn memory_is_counted_to_the_last_byte_of_the_budget() {
    // Metadata 0: one topic of an empty name.
    let body = Bytes::from_static(&[0, 0, 0, 1, 0, 0]);
    let needed = size_of::<MetadataRequestTopic>().max(LISTED_BYTES) + ALLOCATION_BYTES;
    assert!(MetadataRequest::decode_from(&body, 0, needed).is_ok());
    assert_eq!(MetadataRequest::decoded_bytes(&body, 0, needed), Ok(needed));
    assert!(MetadataRequest::decoded_bytes(&body, 0, needed - 1).is_err());
    let error = DecodeError::Budget { field: "Topics", bytes: needed, budget: needed - 1 };
    assert_eq!(MetadataRequest::decode_from(&body, 0, needed - 1).unwrap_err(), error);
}

#[test]
fn what_the_encoding_forbids_is_refused() {
    let metadata = decode::<MetadataRequest>;
    assert_eq!(metadata(0, &[0xff; 4]), Err(DecodeError::Null { field: "Topics" }));
    assert_eq!(metadata(1, &[0xff; 4]), Ok(4));
    let length = DecodeError::Length { field: "Topics", length: -2, left: 0 };
    assert_eq!(metadata(1, &[0xff, 0xff, 0xff, 0xfe]), Err(length));
    let varint = DecodeError::Varint { field: "Topics" };
    assert_eq!(metadata(9, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0, 0, 0, 0]), Err(varint.clone()));
    assert_eq!(metadata(9, &[0xff, 0xff, 0xff, 0xff, 0x10, 0, 0, 0, 0, 0]), Err(varint));
    // As in Kafka, a varint may be padded with zeros up to five bytes.
    assert_eq!(metadata(9, &[0x80, 0x80, 0x80, 0x80, 0x00, 0, 0, 0, 0]), Ok(9));
    let tag = DecodeError::Tag { field: "MetadataRequest", tag: 3 };
    assert_eq!(metadata(9, &[1, 0, 0, 0, 2, 3, 0, 3, 0]), Err(tag));
    let utf8 = DecodeError::Utf8 { field: "Name" };
    assert_eq!(metadata(0, &[0, 0, 0, 1, 0, 1, 0xff]), Err(utf8));
}

#[test]
fn unknown_tags_take_no_memory() {
    // Metadata 9: null topics, three flags, one unknown tag.
    let body = Bytes::from_static(&[0, 0, 0, 0, 1, 9, 1, 0xff]);
    assert_eq!(MetadataRequest::decode_from(&body, 9, 0).map(|(_, bytes)| bytes), Ok(8));
}

#[test]
fn a_known_tag_must_be_of_this_version_and_take_what_it_says() {
    let fetch = |version, tags: &[u8]| {
        let mut body = vec![0; if version < 15 { 25 } else { 21 }];
        body.extend_from_slice(&[1, 1, 1]);
        body.extend_from_slice(tags);
        decode::<FetchRequest>(version, &body)
    };
    let state = [1, 1, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    assert_eq!(fetch(15, &state), Ok(40));
    assert_eq!(fetch(14, &state), Err(DecodeError::Tag { field: "ReplicaState", tag: 1 }));
    let too_long = [1, 0, 3, 2, b'a', b'b'];
    let left_over = DecodeError::TagLength { field: "FetchRequest", left: 1 };
    assert_eq!(fetch(15, &too_long), Err(left_over));
}

#[test]
fn a_string_of_more_than_32767_bytes_is_refused() {
    let mut body = vec![0x80, 0x80, 0x02];
    body.resize(3 + 0x7fff, b'a');
    body.extend_from_slice(&[0, 0, 0]);
    // FindCoordinator 3: a key, its type, no tags.
    assert!(decode::<FindCoordinatorRequest>(3, &body).is_ok());
    body[0] = 0x81;
    let error = decode::<FindCoordinatorRequest>(3, &body).unwrap_err();
    assert!(matches!(error, DecodeError::Length { length: 0x8000, .. }), "{error}");
}
