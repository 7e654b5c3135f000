//! A cordoned data directory (KIP-1066), which gets no new partitions.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use kafka_protocol::messages::{BrokerId, CreatePartitionsRequest, CreateTopicsRequest};
use ottla::protocol::messages::DescribeLogDirsRequest;

use crate::broker_configs::{BROKER, do_set, found, set};
use crate::client::{Client, creation, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

const DIRS: &str = "cordoned.log.dirs";
const WHY: &str = "All brokers are currently fenced, or have all their log directories cordoned.";

async fn created(client: &mut Client, request: CreateTopicsRequest) -> (i16, String) {
    let answer = client.call(7, &request).await.topics.remove(0);
    (answer.error_code, answer.error_message.map(|m| m.to_string()).unwrap_or_default())
}

async fn grown(client: &mut Client, count: i32) -> (i16, String) {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name("t"))
        .with_count(count)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
    let answer = client.call(3, &request).await.results.remove(0);
    (answer.error_code, answer.error_message.map(|m| m.to_string()).unwrap_or_default())
}

/// What DescribeLogDirs 5 says.
async fn is_shown_cordoned(client: &mut Client) -> bool {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    client.ask(5, &request).await.results[0].is_cordoned
}

#[tokio::test]
async fn a_cordoned_directory_gets_no_new_partitions_and_keeps_those_that_it_has() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert!(!is_shown_cordoned(&mut client).await);
    do_set(&mut client, BROKER, "1", DIRS, "*").await;
    assert!(is_shown_cordoned(&mut client).await);
    let refused = Code::InvalidReplicationFactor.code();
    assert_eq!(
        created(&mut client, creation("u", 1, &[])).await,
        (refused, format!("Unable to replicate the partition 1 time(s): {WHY}"))
    );
    let mut assigned = creation("u", -1, &[]);
    assigned.topics[0].replication_factor = -1;
    assigned.topics[0].assignments =
        vec![CreatableReplicaAssignment::default().with_broker_ids(vec![BrokerId(1)])];
    let why = "The manual partition assignment includes broker 1, but all its log directories are \
               cordoned.";
    assert_eq!(
        created(&mut client, assigned).await,
        (Code::InvalidReplicaAssignment.code(), why.to_owned())
    );
    assert_eq!(grown(&mut client, 2).await, (refused, WHY.to_owned()));
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 0);
    do_set(&mut client, BROKER, "1", DIRS, "").await;
    client.create("u", 1, &[]).await;
    assert_eq!(grown(&mut client, 2).await.0, 0);
}

#[tokio::test]
async fn only_the_directory_of_this_broker_can_be_cordoned() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let dir = found(&mut client, BROKER, "1", "log.dirs").await.value;
    let invalid = Code::InvalidRequest.code();
    assert_eq!(set(&mut client, BROKER, "1", DIRS, "/nowhere").await.0, invalid);
    let (code, why) = set(&mut client, BROKER, "", DIRS, "*").await;
    assert_eq!(code, invalid);
    assert!(why.contains("broker id must be specified: [cordoned.log.dirs]"), "{why}");
    do_set(&mut client, BROKER, "1", DIRS, dir.as_deref().unwrap_or("*")).await;
    assert_ne!(created(&mut client, creation("t", 1, &[])).await.0, 0);
}
