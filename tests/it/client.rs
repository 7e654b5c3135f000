//! A client that says anything in any version, with short ways to say what tests say most.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    ApiKey, BrokerId, CreateTopicsRequest, FetchRequest, FetchResponse,
    IncrementalAlterConfigsRequest, ListOffsetsRequest, ProduceRequest, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};
use ottla::protocol::message::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::schemas::response_body;

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    next: i32,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).await.unwrap())
    }

    /// Over a connection that is there already.
    pub fn over(stream: TcpStream) -> Client {
        Client { stream, next: 1 }
    }

    /// Send bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Send a request; gives its correlation id.
    pub async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let id = self.next;
        self.next += 1;
        let frame = framed(version, id, request);
        self.send_bytes(&frame).await;
        id
    }

    /// The next frame without its length; `None` if the broker has closed the connection.
    pub async fn frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).await.ok()?;
        let mut frame = vec![0; i32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.into())
    }

    /// The next answer, which must be to the request with this correlation id.
    pub async fn receive<R: Request>(&mut self, version: i16, id: i32) -> R::Response {
        let mut frame = self.frame().await.expect("an answer");
        let api = ApiKey::try_from(R::KEY).unwrap();
        let header = ResponseHeader::decode(&mut frame, api.response_header_version(version));
        assert_eq!(header.unwrap().correlation_id, id);
        let response = R::Response::decode(&mut frame, version).unwrap();
        assert!(!frame.has_remaining(), "nothing follows the answer");
        response
    }

    /// Ask and wait for the answer.
    pub async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let id = self.send(version, request).await;
        self.receive::<R>(version, id).await
    }

    /// Ask with a message of Ottla's own, whose versions are the newest, and wait for the answer.
    pub async fn ask<R: ottla::protocol::message::Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> R::Response {
        self.try_ask(version, request).await.expect("an answer")
    }

    /// The same; `None` if the connection is closed instead.
    pub async fn try_ask<R: ottla::protocol::message::Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        let id = self.next;
        self.next += 1;
        let mut frame = BytesMut::zeroed(4);
        RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(text("it")))
            .encode(&mut frame, if R::is_flexible(version) { 2 } else { 1 })
            .unwrap();
        request.encode_to(&mut frame, version).unwrap();
        let length = frame.len() as i32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).await.ok()?;
        let frame = self.frame().await?;
        assert_eq!(frame[..4], id.to_be_bytes());
        let body = response_body(R::KEY, version, &frame);
        let (response, used) = R::Response::decode_from(&body, version, 1 << 20).unwrap();
        assert_eq!(used, body.len(), "nothing follows the answer");
        Some(response)
    }

    /// True once the broker has closed the connection and nothing more comes.
    pub async fn is_closed(&mut self) -> bool {
        self.frame().await.is_none()
    }

    /// Create a topic; it must not exist. Gives its id.
    pub async fn create(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Uuid {
        let answer = self.call(7, &creation(topic, partitions, configs)).await;
        assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0].error_message);
        answer.topics[0].topic_id
    }

    /// Produce one record set with acks=-1; gives the partition's answer.
    pub async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Vec<u8>,
    ) -> PartitionProduceResponse {
        let answer = self.call(9, &production(topic, partition, records)).await;
        answer.responses[0].partition_responses[0].clone()
    }

    /// Fetch from one partition without waiting; gives the whole answer.
    pub async fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> FetchResponse {
        self.call(12, &fetching(topic, partition, offset)).await
    }

    /// Fetch from one partition in which there is something, after a crash: waits for its recovery.
    pub async fn fetch_recovered(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> FetchResponse {
        self.call(12, &fetching(topic, partition, offset).with_max_wait_ms(60_000)).await
    }

    /// Set a topic's config, live; gives the error code.
    pub async fn set(&mut self, topic: &str, name: &str, value: &str) -> i16 {
        let config = AlterableConfig::default().with_name(text(name)).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(topic))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        self.call(1, &request).await.responses[0].error_code
    }

    /// The offset for a timestamp, with its error code and its own timestamp.
    pub async fn list_offset(&mut self, topic: &str, timestamp: i64) -> (i16, i64, i64) {
        let partition =
            ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request =
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let answer = self.call(8, &request).await;
        let partition = &answer.topics[0].partitions[0];
        (partition.error_code, partition.offset, partition.timestamp)
    }
}

/// A request with its header and its length.
pub fn framed<R: Request>(version: i16, correlation_id: i32, request: &R) -> Vec<u8> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(text("it")));
    let mut bytes = BytesMut::new();
    let api = ApiKey::try_from(R::KEY).unwrap();
    header.encode(&mut bytes, api.request_header_version(version)).unwrap();
    request.encode(&mut bytes, version).unwrap();
    [&(bytes.len() as i32).to_be_bytes(), &bytes[..]].concat()
}

pub fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

pub fn topic_name(s: &str) -> TopicName {
    TopicName(text(s))
}

pub fn creation(topic: &str, partitions: i32, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect());
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000)
}

pub fn production(topic: &str, partition: i32, records: Vec<u8>) -> ProduceRequest {
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(Bytes::from(records)));
    let topic =
        TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(1000).with_topic_data(vec![topic])
}

pub fn fetching(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic =
        FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic])
}
