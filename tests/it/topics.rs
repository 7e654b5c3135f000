//! Topics come and go.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::DeleteTopicsRequest;
use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{BrokerId, CreateTopicsRequest};

use crate::client::{Client, creation, topic_name};
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

fn deletion(topic: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest::default().with_topic_names(vec![topic_name(topic)]).with_timeout_ms(1000)
}

async fn refused(client: &mut Client, request: &CreateTopicsRequest) -> Code {
    let answer = client.call(7, request).await;
    let topic = &answer.topics[0];
    assert!(topic.error_message.as_ref().is_some_and(|message| !message.is_empty()));
    Code::try_from_code(topic.error_code).expect("an error")
}

#[tokio::test]
async fn a_created_topic_is_there_at_once_and_after_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 3, &[("retention.ms", "1000")]).await;
    assert_eq!(client.produce("t", 2, plain(&["a"])).await.error_code, 0);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 2, 0).await), expected(0, &["a"]));
    assert_eq!(refused(&mut client, &creation("t", 1, &[])).await, Code::TopicAlreadyExists);
    let by_id = DeleteTopicState::default().with_name(None).with_topic_id(id);
    let deletion = DeleteTopicsRequest::default().with_topics(vec![by_id]).with_timeout_ms(1000);
    let answer = client.call(6, &deletion).await;
    assert_eq!((answer.responses[0].error_code, answer.responses[0].topic_id), (0, id));
    assert_eq!(answer.responses[0].name, Some(topic_name("t")));
}

#[tokio::test]
async fn a_deleted_name_is_free_at_once_and_nothing_of_it_comes_back() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let first = client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["old"])).await;
    assert_eq!(client.call(5, &deletion("t")).await.responses[0].error_code, 0);
    let answer = client.call(5, &deletion("t")).await;
    assert_eq!(answer.responses[0].error_code, Code::UnknownTopicOrPartition.code());
    let second = client.create("t", 1, &[]).await;
    assert!(first != second);
    assert_eq!(read(&client.fetch("t", 0, 0).await), []);
    client.produce("t", 0, plain(&["new"])).await;
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["new"]));
}

#[tokio::test]
async fn files_of_a_deleted_topic_go() {
    let ottla = Ottla::with(&[("log.segment.delete.delay.ms", "0")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    client.call(5, &deletion("t")).await;
    let is_there = || {
        let entries = std::fs::read_dir(ottla.data_dir()).unwrap();
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("t-0"))
    };
    while is_there() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_a_reason() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("a.b", 1, &[]).await;
    let mut factor = creation("t", 1, &[]);
    factor.topics[0].replication_factor = 2;
    let mut without_partitions = factor.clone();
    without_partitions.topics[0].num_partitions = 0;
    let assigned = CreatableReplicaAssignment::default()
        .with_partition_index(0)
        .with_broker_ids(vec![BrokerId(9)]);
    let mut elsewhere = creation("t", -1, &[]);
    elsewhere.topics[0].replication_factor = -1;
    elsewhere.topics[0].assignments = vec![assigned];
    let mut twice = creation("t", 1, &[]);
    twice.topics.push(twice.topics[0].clone());
    let cases = [
        (creation("bad name", 1, &[]), Code::InvalidTopicException),
        (creation("a_b", 1, &[]), Code::InvalidTopicException),
        (creation("t", 0, &[]), Code::InvalidPartitions),
        (creation("t", 10_001, &[]), Code::PolicyViolation),
        (creation("t", 1, &[("no.such.config", "1")]), Code::InvalidConfig),
        (creation("t", 1, &[("retention.ms", "soon")]), Code::InvalidConfig),
        // Of two faults the first counts: what is there, then configs, then counts.
        (creation("a.b", 0, &[("no.such.config", "1")]), Code::TopicAlreadyExists),
        (creation("t", 0, &[("no.such.config", "1")]), Code::InvalidConfig),
        (without_partitions, Code::InvalidPartitions),
        (factor, Code::InvalidReplicationFactor),
        (elsewhere, Code::InvalidReplicaAssignment),
        (twice, Code::InvalidRequest),
    ];
    for (request, expected) in cases {
        assert_eq!(refused(&mut client, &request).await, expected, "{request:?}");
    }
    assert_eq!(client.list_offset("t", -1).await.0, Code::UnknownTopicOrPartition.code());
}

#[tokio::test]
async fn validate_only_creates_nothing() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let answer = client.call(7, &creation("t", 2, &[]).with_validate_only(true)).await;
    assert_eq!((answer.topics[0].error_code, answer.topics[0].num_partitions), (0, 2));
    assert_eq!(client.list_offset("t", -1).await.0, Code::UnknownTopicOrPartition.code());
}

#[tokio::test]
async fn topics_are_kept_where_deletion_is_switched_off() {
    let ottla = Ottla::with(&[("delete.topic.enable", "false")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let answer = client.call(5, &deletion("t")).await;
    assert_eq!(answer.responses[0].error_code, Code::TopicDeletionDisabled.code());
    assert_eq!(client.list_offset("t", -1).await.0, 0);
}
