//! Requests decoded, and a response encoded, as the broker does it.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use ottla::protocol::decoder::decoded_bytes_max;
use ottla::protocol::message::Request;
use ottla::protocol::messages::fetch_response::{
    FetchResponse, FetchableTopicResponse, PartitionData,
};
use ottla::protocol::messages::{fetch_request, metadata_request, produce_request};
use ottla::protocol::records::Records;
use ottla::storage::disk::{Disk, File, OpenMode};
use ottla::storage::segment::FileSlice;
use ottla::storage::sim_disk::SimDisk;
use uuid::Uuid;

use crate::Work;

const PARTITIONS: i32 = 100;

fn decoding<R: Request + 'static>(request: &R, version: i16) -> Work {
    let mut body = BytesMut::new();
    request.encode_to(&mut body, version).expect("a valid message");
    let body: Bytes = body.freeze();
    let max = decoded_bytes_max(body.len());
    Box::new(move |_| drop(black_box(R::decode_from(&body, version, max).expect("a request"))))
}

/// One batch for one partition.
pub fn produce() -> Work {
    let data = produce_request::PartitionProduceData::default()
        .with_records(Some(Bytes::from(vec![7; 200])));
    let topic = produce_request::TopicProduceData::default()
        .with_name(StrBytes::from_static_str("topic-name"))
        .with_partition_data(vec![data]);
    decoding(&produce_request::ProduceRequest::default().with_topic_data(vec![topic]), 12)
}

/// 100 partitions of ten topics.
pub fn fetch() -> Work {
    let of = |i| fetch_request::FetchPartition::default().with_partition(i);
    let topics = (0..PARTITIONS / 10).map(|i| {
        fetch_request::FetchTopic::default()
            .with_topic_id(Uuid::from_u128(i as u128 + 1))
            .with_partitions((0..10).map(of).collect())
    });
    decoding(&fetch_request::FetchRequest::default().with_topics(topics.collect()), 17)
}

/// 100 topics by name.
pub fn metadata() -> Work {
    let of = |i| {
        let name = StrBytes::from_string(format!("topic-name-{i}"));
        metadata_request::MetadataRequestTopic::default().with_name(Some(name))
    };
    let topics = (0..PARTITIONS).map(of).collect();
    decoding(&metadata_request::MetadataRequest::default().with_topics(Some(topics)), 13)
}

/// 100 partitions with a slice of a file each.
pub fn fetch_answer() -> Work {
    let disk = SimDisk::new(1);
    let file = disk.open(Path::new("/log"), OpenMode::Create).expect("a new file");
    let file: Arc<dyn File> = file;
    let partition = |i| {
        PartitionData::default()
            .with_partition_index(i)
            .with_high_watermark(1_000_000)
            .with_last_stable_offset(1_000_000)
            .with_records(Some(Records::File { bytes: 4096 }))
    };
    let topics = (0..PARTITIONS / 10).map(|i| {
        FetchableTopicResponse::default()
            .with_topic_id(Uuid::from_u128(i as u128 + 1))
            .with_partitions((0..10).map(partition).collect())
    });
    let answer = FetchResponse::default().with_responses(topics.collect());
    Box::new(move |n| {
        let slice = |i| FileSlice { file: file.clone(), position: i * 4096, len: 4096 };
        let slices = (0..PARTITIONS as u64).map(slice).collect();
        drop(black_box(ottla::wire::fetch::encode(17, n as i32, &answer, slices)));
    })
}
