//! Decoding requests: `cargo bench --bench decode`.
//!
//! A decoder that bounds what it allocates, against a walk that checks the bounds and the
//! kafka-protocol crate's decoder behind it.

#[path = "common/timing.rs"]
mod timing;

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, StrBytes};
use ottla::protocol::message::Request;
use ottla::protocol::messages::{
    fetch_request, metadata_request, offset_commit_request, produce_request,
};
use ottla::wire::shape;
use uuid::Uuid;

fn name(i: usize) -> StrBytes {
    StrBytes::from_string(format!("topic-name-{i}"))
}

fn measure<Ours: Request, Theirs: Decodable>(what: &str, message: &Ours, version: i16) {
    let mut body = BytesMut::new();
    message.encode_to(&mut body, version).unwrap();
    let body: Bytes = body.freeze();
    let max = shape::decoded_bytes_max(body.len());
    let baseline = timing::ns(|| {
        let shape = shape::check(Ours::KEY, version, &body, max).unwrap();
        assert_eq!(shape.body_bytes, body.len());
        drop(black_box(Theirs::decode(&mut body.clone(), version).unwrap()));
    });
    let ours = timing::ns(|| {
        drop(black_box(Ours::decode_from(&body, version, max).unwrap()));
    });
    timing::line(&format!("{what}: walk and crate"), baseline, body.len(), baseline);
    timing::line(&format!("{what}: bounded"), ours, body.len(), baseline);
}

fn produce(partitions: usize) -> produce_request::ProduceRequest {
    let records = Some(Bytes::from(vec![7; 200]));
    let of = |i| {
        produce_request::PartitionProduceData::default()
            .with_index(i as i32)
            .with_records(records.clone())
    };
    let topic = produce_request::TopicProduceData::default()
        .with_name(name(0))
        .with_partition_data((0..partitions).map(of).collect());
    produce_request::ProduceRequest::default().with_topic_data(vec![topic])
}

fn fetch(partitions: usize) -> fetch_request::FetchRequest {
    let of = |i| fetch_request::FetchPartition::default().with_partition(i as i32);
    let topics = (0..partitions.div_ceil(10)).map(|i| {
        fetch_request::FetchTopic::default()
            .with_topic_id(Uuid::from_u128(i as u128 + 1))
            .with_partitions((0..partitions.min(10)).map(of).collect())
    });
    fetch_request::FetchRequest::default().with_topics(topics.collect())
}

fn metadata(topics: usize) -> metadata_request::MetadataRequest {
    let of = |i| metadata_request::MetadataRequestTopic::default().with_name(Some(name(i)));
    metadata_request::MetadataRequest::default().with_topics(Some((0..topics).map(of).collect()))
}

fn commit(partitions: usize) -> offset_commit_request::OffsetCommitRequest {
    let of = |i| {
        offset_commit_request::OffsetCommitRequestPartition::default()
            .with_partition_index(i as i32)
            .with_committed_metadata(Some(StrBytes::from_static_str("")))
    };
    let topic = offset_commit_request::OffsetCommitRequestTopic::default()
        .with_name(name(0))
        .with_partitions((0..partitions).map(of).collect());
    offset_commit_request::OffsetCommitRequest::default().with_topics(vec![topic])
}

fn main() {
    use kafka_protocol::messages as theirs;
    timing::head();
    measure::<_, theirs::ProduceRequest>("Produce, 1 partition", &produce(1), 12);
    measure::<_, theirs::ProduceRequest>("Produce, 100 partitions", &produce(100), 12);
    measure::<_, theirs::FetchRequest>("Fetch, incremental", &fetch(0), 17);
    measure::<_, theirs::FetchRequest>("Fetch, 1 partition", &fetch(1), 17);
    measure::<_, theirs::FetchRequest>("Fetch, 1,000 partitions", &fetch(1000), 17);
    measure::<_, theirs::MetadataRequest>("Metadata, 1,000 topics", &metadata(1000), 13);
    measure::<_, theirs::OffsetCommitRequest>("OffsetCommit, 100", &commit(100), 9);
}
