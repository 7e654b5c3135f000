//! A request that names a thing twice, or by name and id that disagree, does nothing to it, or what
//! it says last.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, BrokerId, CreatePartitionsRequest, DeleteRecordsRequest,
    DeleteTopicsRequest, DescribeLogDirsRequest, GroupId, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest,
};
use uuid::Uuid;

use crate::client::{Client, production, text, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

async fn partitions(client: &mut Client, topic: &str) -> usize {
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    client.call(9, &request).await.topics[0].partitions.len()
}

fn state(name: Option<&str>, id: Uuid) -> DeleteTopicState {
    DeleteTopicState::default().with_name(name.map(topic_name)).with_topic_id(id)
}

async fn delete(client: &mut Client, topics: Vec<DeleteTopicState>) -> Vec<(i16, String)> {
    let request = DeleteTopicsRequest::default().with_topics(topics).with_timeout_ms(1000);
    let answers = client.call(6, &request).await.responses;
    let reported =
        |message: Option<_>| message.map(|m: kafka_protocol::protocol::StrBytes| m.to_string());
    answers
        .into_iter()
        .map(|answer| (answer.error_code, reported(answer.error_message).unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_topic_that_is_named_twice_is_not_deleted() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 1, &[]).await;
    let other = client.create("other", 1, &[]).await;
    let nil = Uuid::nil();
    let refusal = |why: &str| (Code::InvalidRequest.code(), why.to_owned());
    let names = vec![topic_name("t"), topic_name("t")];
    let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(1000);
    let answer = client.call(5, &request).await;
    assert_eq!(answer.responses.len(), 1);
    assert_eq!(answer.responses[0].error_code, Code::InvalidRequest.code());
    assert_eq!(answer.responses[0].error_message, Some(text("Duplicate topic name.")));
    let twice = vec![state(Some("t"), nil), state(Some("t"), nil)];
    assert_eq!(delete(&mut client, twice).await, [refusal("Duplicate topic name.")]);
    let twice = vec![state(None, id), state(None, id)];
    assert_eq!(delete(&mut client, twice).await, [refusal("Duplicate topic id.")]);
    for id in [id, other, Uuid::from_u128(7)] {
        let why = "You may not specify both topic name and topic id.";
        assert_eq!(delete(&mut client, vec![state(Some("t"), id)]).await, [refusal(why)]);
    }
    let why = "Neither topic name nor id were specified.";
    assert_eq!(delete(&mut client, vec![state(None, nil)]).await, [refusal(why)]);
    assert_eq!(partitions(&mut client, "t").await, 1);
    assert_eq!(partitions(&mut client, "other").await, 1);
    let why = "The provided topic name maps to an ID that was already supplied.";
    let by_both = vec![state(None, id), state(Some("t"), nil)];
    assert_eq!(delete(&mut client, by_both).await, [(0, String::new()), refusal(why)]);
}

#[tokio::test]
async fn a_topic_that_is_named_twice_does_not_grow() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let to = |count| {
        let topic = CreatePartitionsTopic::default().with_name(topic_name("t"));
        topic.with_count(count).with_assignments(None)
    };
    let request = CreatePartitionsRequest::default().with_topics(vec![to(2), to(3)]);
    let answer = client.call(3, &request).await;
    assert_eq!(answer.results.len(), 1);
    assert_eq!(answer.results[0].error_code, Code::InvalidRequest.code());
    assert_eq!(partitions(&mut client, "t").await, 1);
}

#[tokio::test]
async fn a_partition_that_is_listed_twice_has_no_offset() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let partition =
        |index| ListOffsetsPartition::default().with_partition_index(index).with_timestamp(-1);
    let topic = |indexes: &[i32]| {
        ListOffsetsTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(indexes.iter().copied().map(partition).collect())
    };
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic(&[0, 1]), topic(&[0])]);
    let answer = client.call(8, &request).await;
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let codes: Vec<i16> = partitions.map(|partition| partition.error_code).collect();
    assert_eq!(codes, [Code::InvalidRequest.code(), 0], "answered once");
}

#[tokio::test]
async fn of_a_partition_that_is_named_twice_the_last_batch_is_appended() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let mut request = production("t", 0, plain(&["a"]));
    let again = production("t", 0, plain(&["b", "c"])).topic_data.remove(0);
    request.topic_data.push(again);
    let answer = client.call(9, &request).await;
    assert_eq!(answer.responses.len(), 1);
    let partitions = &answer.responses[0].partition_responses;
    assert_eq!(partitions.len(), 1);
    assert_eq!((partitions[0].error_code, partitions[0].base_offset), (0, 0));
    assert_eq!(client.list_offset("t", -1).await.1, 2);
    // What is no batch is answered, and the batch beside it is appended.
    let mut request = production("t", 0, plain(&["d"]));
    let again = production("t", 0, b"no batch".to_vec()).topic_data.remove(0);
    request.topic_data.push(again);
    let answer = client.call(9, &request).await;
    assert_ne!(answer.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(client.list_offset("t", -1).await.1, 3);
}

#[tokio::test]
async fn of_a_partition_whose_records_are_deleted_twice_the_last_offset_counts() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a", "b", "c"])).await;
    let partition = |offset| DeleteRecordsPartition::default().with_offset(offset);
    let topic = |offsets: &[i64]| {
        DeleteRecordsTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(offsets.iter().copied().map(partition).collect())
    };
    let topics = vec![topic(&[3, 2]), topic(&[1]), topic(&[])];
    let request = DeleteRecordsRequest::default().with_topics(topics).with_timeout_ms(1000);
    let answer = client.call(2, &request).await;
    assert_eq!(answer.topics.len(), 1);
    assert_eq!(answer.topics[0].partitions.len(), 1);
    let partition = &answer.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.low_watermark), (0, 1));
    assert_eq!(client.list_offset("t", -2).await.1, 1);
}

#[tokio::test]
async fn a_replica_that_is_to_move_twice_is_answered_for_the_last_directory() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let log_dirs = client.call(4, &DescribeLogDirsRequest::default().with_topics(None)).await;
    let ours = log_dirs.results[0].log_dir.clone();
    let to = |path| {
        let topic =
            AlterReplicaLogDirTopic::default().with_name(topic_name("t")).with_partitions(vec![0]);
        AlterReplicaLogDir::default().with_path(path).with_topics(vec![topic])
    };
    let elsewhere = text("/no/such/dir");
    let not_found = Code::LogDirNotFound.code();
    for (first, last, code) in
        [(ours.clone(), elsewhere.clone(), not_found), (elsewhere.clone(), ours.clone(), 0)]
    {
        let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![to(first), to(last)]);
        let answer = client.call(2, &request).await;
        assert_eq!(answer.results.len(), 1);
        let codes: Vec<i16> = answer.results[0].partitions.iter().map(|p| p.error_code).collect();
        assert_eq!(codes, [code]);
    }
}

#[tokio::test]
async fn a_topic_that_is_named_twice_in_a_commit_is_answered_twice_unless_others_are_unknown() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let topic = |name: &str| {
        OffsetCommitRequestTopic::default()
            .with_name(topic_name(name))
            .with_partitions(vec![OffsetCommitRequestPartition::default()])
    };
    for (names, answered) in
        [(&["t", "t"][..], &["t", "t"][..]), (&["t", "unknown", "t"], &["unknown", "t"])]
    {
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(names.iter().map(|name| topic(name)).collect());
        let topics = client.call(8, &request).await.topics;
        let names: Vec<String> = topics.iter().map(|topic| topic.name.to_string()).collect();
        assert_eq!(names, answered);
        let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        assert_eq!(partitions, request.topics.len());
    }
}
