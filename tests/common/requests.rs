//! Valid requests of every API, to start mutations from.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use ottla::protocol::message::{Message, Request as _};
use ottla::protocol::messages::APIS;
use ottla::protocol::messages::api_versions_request::ApiVersionsRequest;
use ottla::protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use ottla::protocol::messages::create_topics_response::CreateTopicsResponse;
use ottla::protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use ottla::protocol::messages::describe_cluster_request::DescribeClusterRequest;
use ottla::protocol::messages::describe_producers_request::{
    DescribeProducersRequest, TopicRequest as ProducersOfTopic,
};
use ottla::protocol::messages::describe_topic_partitions_request::{
    Cursor, DescribeTopicPartitionsRequest, TopicRequest,
};
use ottla::protocol::messages::fetch_request::{
    FetchPartition, FetchRequest, FetchTopic, ForgottenTopic,
};
use ottla::protocol::messages::init_producer_id_request::InitProducerIdRequest;
use ottla::protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use ottla::protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use ottla::protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla::protocol::messages::produce_request::{
    PartitionProduceData, ProduceRequest, TopicProduceData,
};
use uuid::Uuid;

use crate::admin_requests;
use crate::batches::{Batch, Packing, Producer, Record};
use crate::group_requests;
use crate::transaction_requests;

/// What the requests talk about: it exists, so that they go as deep as they can.
#[derive(Debug, Clone)]
pub struct Subject {
    pub topic: String,
    pub topic_id: Uuid,
}

impl Subject {
    /// A topic that has not been created yet.
    pub fn new(topic: &str) -> Subject {
        Subject { topic: topic.to_owned(), topic_id: Uuid::nil() }
    }
}

/// The request that creates the subject, with two partitions.
pub fn create_subject(subject: &Subject) -> Request {
    let topic = CreatableTopic::default()
        .with_name(name(&subject.topic))
        .with_num_partitions(2)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(100);
    let mut bytes = header(19, 7, 7);
    bytes.extend(body(&request, 7));
    Request { bytes }
}

/// The id in the answer to [`create_subject`].
pub fn created_id(answer: &[u8]) -> Uuid {
    // Behind the correlation id and no tags.
    let answer = Bytes::copy_from_slice(&answer[5..]);
    let (response, _) = CreateTopicsResponse::decode_from(&answer, 7, 1 << 20).expect("an answer");
    response.topics[0].topic_id
}

/// One request, without its length, as a client would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub bytes: Vec<u8>,
}

/// A request of this API in this version; `None` if no one has written one yet.
pub fn valid(key: i16, version: i16, subject: &Subject) -> Option<Request> {
    let body = match (key, version) {
        (CreateTopicsRequest::KEY, 0) => create_topics_of_old(subject),
        (CreateTopicsRequest::KEY, 1) => [create_topics_of_old(subject), vec![0]].concat(),
        (DeleteTopicsRequest::KEY, 0) => delete_topics_of_old(subject),
        (ProduceRequest::KEY, _) => body(&produce(version, subject), version),
        (FetchRequest::KEY, _) => body(&fetch(version, subject), version),
        (ListOffsetsRequest::KEY, _) => body(&list_offsets(version, subject), version),
        (MetadataRequest::KEY, _) => body(&metadata(version, subject), version),
        (ApiVersionsRequest::KEY, _) => body(&api_versions(), version),
        (CreateTopicsRequest::KEY, _) => body(&create_topics(subject), version),
        (DeleteTopicsRequest::KEY, _) => body(&delete_topics(version), version),
        (InitProducerIdRequest::KEY, _) => body(&init_producer_id(version), version),
        (OffsetForLeaderEpochRequest::KEY, _) => body(&leader_epoch(version, subject), version),
        (DescribeProducersRequest::KEY, _) => body(&describe_producers(subject), version),
        (DescribeClusterRequest::KEY, _) => body(&DescribeClusterRequest::default(), version),
        (DescribeTopicPartitionsRequest::KEY, _) => body(&describe_partitions(subject), version),
        (other, _) => group_requests::valid(other, version, subject)
            .or_else(|| admin_requests::valid(other, version, subject))
            .or_else(|| transaction_requests::valid(other, version, subject))?,
    };
    let mut bytes = header(key, version, 7);
    bytes.extend(body);
    Some(Request { bytes })
}

/// A request header, as this API wants it in this version.
pub fn header(key: i16, version: i16, correlation_id: i32) -> Vec<u8> {
    let mut bytes = [key.to_be_bytes(), version.to_be_bytes()].concat();
    bytes.extend(correlation_id.to_be_bytes());
    bytes.extend(short("sim"));
    let api = APIS.iter().find(|api| api.key == key).expect("a key that is known");
    if version >= api.flexible_since {
        bytes.push(0);
    }
    bytes
}

/// The bytes of a message.
pub fn body(message: &impl Message, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode_to(&mut bytes, version).expect("a message that fits its version");
    bytes.to_vec()
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn name(s: &str) -> StrBytes {
    text(s)
}

/// A produce request whose batches have a right CRC and a right length, whatever is in them.
pub fn produce_of(version: i16, subject: &Subject, batches: &[Vec<u8>]) -> Request {
    let mut bytes = header(0, version, 7);
    bytes.extend(body(&produce_batches(version, subject, batches), version));
    Request { bytes }
}

fn produce(version: i16, subject: &Subject) -> ProduceRequest {
    let record = |i: u8| Record { timestamp: 1_700_000_000_000, key: None, value: vec![i; 40] };
    let packing = if version < 7 { Packing::Lz4 } else { Packing::Zstd };
    let batches = [
        Batch { packing: Packing::Plain, producer: None, records: (0..3).map(record).collect() },
        Batch {
            packing,
            producer: Some(Producer { id: 1, epoch: 0, sequence: 0 }),
            records: (0..9).map(record).collect(),
        },
    ];
    produce_batches(version, subject, &batches.map(|batch| batch.encode()))
}

fn produce_batches(version: i16, subject: &Subject, batches: &[Vec<u8>]) -> ProduceRequest {
    let partition = |(index, batch): (usize, &Vec<u8>)| {
        PartitionProduceData::default()
            .with_index(index as i32)
            .with_records(Some(Bytes::from(batch.clone())))
    };
    let mut topic = TopicProduceData::default()
        .with_partition_data(batches.iter().enumerate().map(partition).collect());
    topic = match version {
        13.. => topic.with_topic_id(subject.topic_id),
        _ => topic.with_name(name(&subject.topic)),
    };
    ProduceRequest::default().with_acks(1).with_timeout_ms(100).with_topic_data(vec![topic])
}

fn fetch(version: i16, subject: &Subject) -> FetchRequest {
    let partition = |index| {
        let partition = FetchPartition::default().with_partition(index);
        partition.with_fetch_offset(0).with_partition_max_bytes(10_000)
    };
    let topic = FetchTopic::default().with_partitions(vec![partition(0), partition(1)]);
    let forgotten = ForgottenTopic::default().with_partitions(vec![0, 1, 2]);
    let (topic, forgotten) = match version {
        13.. => (topic.with_topic_id(subject.topic_id), forgotten.with_topic_id(Uuid::nil())),
        _ => (topic.with_topic(name(&subject.topic)), forgotten.with_topic(name("gone"))),
    };
    let request = FetchRequest::default()
        .with_max_wait_ms(1)
        .with_min_bytes(1)
        .with_max_bytes(100_000)
        .with_topics(vec![topic]);
    match version {
        7.. => request.with_session_epoch(0).with_forgotten_topics_data(vec![forgotten]),
        _ => request,
    }
}

fn list_offsets(version: i16, subject: &Subject) -> ListOffsetsRequest {
    let partition = |timestamp| {
        ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp)
    };
    let partitions = vec![partition(-1), partition(-2), partition(1_700_000_000_000)];
    let topic =
        ListOffsetsTopic::default().with_name(name(&subject.topic)).with_partitions(partitions);
    let request = ListOffsetsRequest::default().with_replica_id(-1).with_topics(vec![topic]);
    if version >= 10 { request.with_timeout_ms(100) } else { request }
}

fn metadata(version: i16, subject: &Subject) -> MetadataRequest {
    let topic = |s: &str| MetadataRequestTopic::default().with_name(Some(name(s)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic(&subject.topic), topic("fresh-by-metadata")]));
    if version >= 4 { request.with_allow_auto_topic_creation(true) } else { request }
}

fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("sim"))
        .with_client_software_version(text("1.0"))
}

fn create_topics(subject: &Subject) -> CreateTopicsRequest {
    let config = |key: &str, value: &str| {
        let config = CreatableTopicConfig::default().with_name(text(key));
        config.with_value(Some(text(value)))
    };
    let assigned =
        CreatableReplicaAssignment::default().with_partition_index(0).with_broker_ids(vec![1]);
    let fresh = CreatableTopic::default()
        .with_name(name("fresh"))
        .with_num_partitions(2)
        .with_replication_factor(1)
        .with_configs(vec![config("retention.ms", "1000"), config("segment.bytes", "1048576")]);
    let placed = CreatableTopic::default()
        .with_name(name("placed"))
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_assignments(vec![assigned]);
    let there = CreatableTopic::default()
        .with_name(name(&subject.topic))
        .with_num_partitions(1)
        .with_replication_factor(1);
    CreateTopicsRequest::default().with_topics(vec![fresh, placed, there]).with_timeout_ms(100)
}

/// A version that only old clients of one library send, written by hand. After it v1 has
/// `validate_only`.
fn create_topics_of_old(subject: &Subject) -> Vec<u8> {
    let mut bytes = 1_i32.to_be_bytes().to_vec();
    bytes.extend(short(&subject.topic));
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(1_i16.to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend(1_i32.to_be_bytes());
    bytes.extend(short("retention.ms"));
    bytes.extend(short("1000"));
    bytes.extend(100_i32.to_be_bytes());
    bytes
}

fn delete_topics_of_old(subject: &Subject) -> Vec<u8> {
    let mut bytes = 2_i32.to_be_bytes().to_vec();
    bytes.extend(short("fresh"));
    bytes.extend(short(&format!("no-{}", subject.topic)));
    bytes.extend(100_i32.to_be_bytes());
    bytes
}

fn short(s: &str) -> Vec<u8> {
    [&(s.len() as i16).to_be_bytes(), s.as_bytes()].concat()
}

fn delete_topics(version: i16) -> DeleteTopicsRequest {
    let request = DeleteTopicsRequest::default().with_timeout_ms(100);
    let by_name = |s: &str| DeleteTopicState::default().with_name(Some(name(s)));
    let by_id = DeleteTopicState::default().with_name(None).with_topic_id(Uuid::from_u128(77));
    match version {
        6.. => request.with_topics(vec![by_name("fresh"), by_name("placed"), by_id]),
        _ => request.with_topic_names(vec![name("fresh"), name("placed")]),
    }
}

fn init_producer_id(version: i16) -> InitProducerIdRequest {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(1000);
    match version {
        3.. => request.with_producer_id(-1).with_producer_epoch(-1),
        _ => request,
    }
}

fn leader_epoch(version: i16, subject: &Subject) -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(0)
        .with_leader_epoch(0);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(name(&subject.topic))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    if version >= 3 { request.with_replica_id(-2) } else { request }
}

fn describe_producers(subject: &Subject) -> DescribeProducersRequest {
    let topic =
        ProducersOfTopic::default().with_name(name(&subject.topic)).with_partition_indexes(vec![0]);
    DescribeProducersRequest::default().with_topics(vec![topic])
}

fn describe_partitions(subject: &Subject) -> DescribeTopicPartitionsRequest {
    let topic = TopicRequest::default().with_name(name(&subject.topic));
    let cursor = Cursor::default().with_topic_name(name(&subject.topic)).with_partition_index(0);
    DescribeTopicPartitionsRequest::default()
        .with_topics(vec![topic])
        .with_response_partition_limit(10)
        .with_cursor(Some(cursor))
}

#[test]
fn every_served_api_has_a_valid_request_in_every_stable_version() {
    let subject = Subject { topic: "t".to_owned(), topic_id: Uuid::from_u128(1) };
    for api in ottla::handlers::table::APIS {
        let of_kafka = APIS.iter().find(|facts| facts.key == api.key).expect("an API of Kafka's");
        for version in *api.versions.start()..=of_kafka.latest_stable {
            assert!(valid(api.key, version, &subject).is_some(), "{} v{version}", api.name);
        }
    }
    assert!(valid(999, 0, &subject).is_none());
}
