//! Requests as bytes, and one request and its answer over a blocking socket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, CreateTopicsResponse, ListOffsetsRequest, ListOffsetsResponse,
    ProduceRequest, ProduceResponse, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use ottla::storage::batch_builder::BatchBuilder;

/// Where the correlation id stands in a request, its length included.
pub const CORRELATION_AT: usize = 8;

/// A whole request frame with correlation id 0.
pub fn frame(key: ApiKey, version: i16, body: &impl Encodable) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_i32(0);
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("ottla-bench")));
    header.encode(&mut out, key.request_header_version(version)).unwrap();
    body.encode(&mut out, version).unwrap();
    let len = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&len.to_be_bytes());
    out.to_vec()
}

/// Send a frame and wait for the whole answer, which is returned without its length.
pub fn call(stream: &mut TcpStream, frame: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(frame)?;
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// The message in an answer to `key` in `version`.
pub fn decode<R: Decodable>(key: ApiKey, version: i16, answer: Vec<u8>) -> R {
    let mut bytes = Bytes::from(answer);
    // Correlation id, and from response header 1 on an empty set of tags.
    let skip = if key.response_header_version(version) >= 1 { 5 } else { 4 };
    drop(bytes.split_to(skip));
    R::decode(&mut bytes, version).unwrap()
}

/// Create these topics with this many partitions each.
pub fn create_topics(address: &str, names: &[String], partitions: i32) {
    let topics = names.iter().map(|name| {
        CreatableTopic::default()
            .with_name(TopicName(StrBytes::from_string(name.clone())))
            .with_num_partitions(partitions)
            .with_replication_factor(1)
    });
    let request =
        CreateTopicsRequest::default().with_topics(topics.collect()).with_timeout_ms(60_000);
    let mut stream = TcpStream::connect(address).unwrap();
    let answer = call(&mut stream, &frame(ApiKey::CreateTopics, 7, &request)).unwrap();
    let response: CreateTopicsResponse = decode(ApiKey::CreateTopics, 7, answer);
    assert!(response.topics.iter().all(|topic| topic.error_code == 0), "{response:?}");
}

/// Write one small batch to every partition of these topics.
pub fn produce_everywhere(address: &str, names: &[String], partitions: i32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut builder = BatchBuilder::new(0, now);
    builder.push(None, Some(b"a record"), &[], now);
    produce_batch(address, names, partitions, &Bytes::from(builder.finish()), 1);
}

/// Write this batch `times` times to every partition of these topics.
pub fn produce_batch(
    address: &str,
    names: &[String],
    partitions: i32,
    batch: &Bytes,
    times: usize,
) {
    let data =
        |index| PartitionProduceData::default().with_index(index).with_records(Some(batch.clone()));
    let topics = names.iter().map(|name| {
        TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(name.clone())))
            .with_partition_data((0..partitions).map(data).collect())
    });
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(60_000)
        .with_topic_data(topics.collect());
    let frame = frame(ApiKey::Produce, 9, &request);
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..times {
        let answer = call(&mut stream, &frame).unwrap();
        let response: ProduceResponse = decode(ApiKey::Produce, 9, answer);
        let mut answers = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        assert!(answers.all(|partition| partition.error_code == 0), "{response:?}");
    }
}

/// The end offset of a partition, or the error code that is answered.
pub fn end_offset(stream: &mut TcpStream, topic: &str, partition: i32) -> Result<i64, i16> {
    let wanted = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![wanted]);
    let request =
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let answer = call(stream, &frame(ApiKey::ListOffsets, 7, &request)).unwrap();
    let response: ListOffsetsResponse = decode(ApiKey::ListOffsets, 7, answer);
    let partition = &response.topics[0].partitions[0];
    if partition.error_code == 0 { Ok(partition.offset) } else { Err(partition.error_code) }
}
