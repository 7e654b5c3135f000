//! Which names a topic may have, and where its files may be moved: nowhere.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, MetadataRequest};
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::client::{Client, creation, text, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

/// Code and message.
async fn created(client: &mut Client, name: &str, validate_only: bool) -> (i16, String) {
    let request = creation(name, 1, &[]).with_validate_only(validate_only);
    let answer = client.call(7, &request).await.topics.remove(0);
    assert_eq!(&**answer.name, name);
    (answer.error_code, answer.error_message.map(|m| m.to_string()).unwrap_or_default())
}

#[tokio::test]
async fn names_are_legal_or_refused_in_kafkas_words() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let (longest, longer) = ("l".repeat(249), "l".repeat(250));
    for name in ["a", "A.b_c-9", "...", "-", "a.1", &longest] {
        assert_eq!(created(&mut client, name, false).await.0, 0, "{name}");
        assert_eq!(client.produce(name, 0, plain(&["v"])).await.error_code, 0, "{name}");
    }
    let other = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
    let cases = [
        ("", "the empty string is not allowed".to_owned()),
        (".", "'.' is not allowed".to_owned()),
        ("..", "'..' is not allowed".to_owned()),
        ("a b", format!("'a b' {other}")),
        ("a/b", format!("'a/b' {other}")),
        ("../b", format!("'../b' {other}")),
        ("ü", format!("'ü' {other}")),
        ("a\0", format!("'a\0' {other}")),
        (&longer, format!("the length of '{longest}…' is longer than the max allowed length 249")),
    ];
    for (name, why) in cases {
        for validate_only in [true, false] {
            let found = created(&mut client, name, validate_only).await;
            let expected = format!("Topic name is invalid: {why}");
            assert_eq!(found, (Code::InvalidTopicException.code(), expected));
        }
    }
}

#[tokio::test]
async fn names_that_differ_by_dots_and_underscores_collide() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for (name, against) in [("a.b", "a_b"), ("x_y.z", "x.y_z")] {
        assert_eq!(created(&mut client, name, false).await.0, 0);
        for validate_only in [true, false] {
            let why = format!("Topic '{against}' collides with existing topic: {name}");
            let found = created(&mut client, against, validate_only).await;
            assert_eq!(found, (Code::InvalidTopicException.code(), why));
        }
        let exists = created(&mut client, name, false).await;
        assert_eq!(exists.0, Code::TopicAlreadyExists.code());
    }
    for free in ["a-b", "ab", "a.b.c", "xy.z"] {
        assert_eq!(created(&mut client, free, false).await.0, 0, "{free}");
    }
    // In one request, the second of two; and a topic that a client creates by asking for it.
    let mut both = creation("p.q", 1, &[]);
    both.topics.extend(creation("p_q", 1, &[]).topics);
    let codes: Vec<_> = client.call(7, &both).await.topics.iter().map(|t| t.error_code).collect();
    assert_eq!(codes, [0, Code::InvalidTopicException.code()]);
    assert_eq!(asked_for(&mut client, "a_b").await, Code::InvalidTopicException.code());
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(created(&mut client, "a_b", false).await.0, Code::InvalidTopicException.code());
    let gone = kafka_protocol::messages::DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("a.b")]);
    assert_eq!(client.call(5, &gone).await.responses[0].error_code, 0);
    assert_eq!(created(&mut client, "a_b", false).await.0, 0, "the name is free again");
}

/// The error code of a topic that Metadata may create.
async fn asked_for(client: &mut Client, name: &str) -> i16 {
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(true);
    client.call(9, &request).await.topics[0].error_code
}

#[tokio::test]
async fn the_brokers_own_topics_are_not_for_everybody() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    // Its directory is the metadata log's.
    let prohibited = "Creation of internal topic __cluster_metadata is prohibited.";
    for validate_only in [true, false] {
        let found = created(&mut client, "__cluster_metadata", validate_only).await;
        assert_eq!(found, (Code::InvalidRequest.code(), prohibited.to_owned()));
    }
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(asked_for(&mut client, "__cluster_metadata").await, unknown);
    assert_eq!(client.produce("__cluster_metadata", 0, plain(&["v"])).await.error_code, unknown);
    // Who only asks for them does not make them, with other configs than they need.
    for name in ["__consumer_offsets", "__transaction_state", "__share_group_state"] {
        assert_eq!(asked_for(&mut client, name).await, unknown, "{name}");
    }
    drop(client);
    ottla.kill_and_restart().await;
    assert_eq!(ottla.client().await.list_offset("t", -1).await.0, 0);
}

async fn moved(client: &mut Client, to: &str, topic: &str, partition: i32) -> i16 {
    let topic = AlterReplicaLogDirTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let dir = AlterReplicaLogDir::default().with_path(text(to)).with_topics(vec![topic]);
    let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]);
    let answer = client.call(2, &request).await.results.remove(0);
    assert_eq!(answer.partitions[0].partition_index, partition);
    answer.partitions[0].error_code
}

#[tokio::test]
async fn files_can_be_moved_only_to_where_they_are() {
    let disk = SimDisk::new(1);
    let ottla = Ottla::on(std::sync::Arc::new(disk.clone()), &[]).await;
    let mut client = ottla.client().await;
    let (long, longer) = ("l".repeat(213), "l".repeat(214));
    for name in ["t", "failed", &long, &longer] {
        client.create(name, 1, &[]).await;
    }
    let here = ottla.data_dir().to_str().unwrap().to_owned();
    let none = Code::LogDirNotFound.code();
    let unknown = Code::UnknownTopicOrPartition.code();
    // As Apache Kafka answers, tried with 4.1.
    for (to, topic, partition, expected) in [
        (here.as_str(), "t", 0, 0),
        (&here, "t", 7, unknown),
        (&here, "t", -1, unknown),
        (&here, "none", 0, unknown),
        ("/nowhere", "t", 0, none),
        ("/nowhere", "none", 0, none),
        ("", "t", 0, none),
        (&format!("{here}/"), "t", 0, none),
        (&here, &long, 0, 0),
        (&here, &longer, 0, Code::InvalidTopicException.code()),
        ("/nowhere", &longer, 0, Code::InvalidTopicException.code()),
    ] {
        assert_eq!(moved(&mut client, to, topic, partition).await, expected, "{topic} to {to}");
    }
    disk.fail_next_write("failed-0/", InjectedError::Io);
    let storage = Code::KafkaStorageError.code();
    assert_eq!(client.produce("failed", 0, plain(&["v"])).await.error_code, storage);
    assert_eq!(moved(&mut client, &here, "failed", 0).await, storage);
}
