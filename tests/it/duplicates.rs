//! A request that names a thing twice, or by name and id that disagree, does nothing to it.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, DeleteTopicsRequest, ListOffsetsRequest, MetadataRequest,
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
    let told =
        |message: Option<_>| message.map(|m: kafka_protocol::protocol::StrBytes| m.to_string());
    answers
        .into_iter()
        .map(|answer| (answer.error_code, told(answer.error_message).unwrap_or_default()))
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
