//! Committed offsets by topic ids (OffsetCommit and OffsetFetch 10, KIP-848).

use kafka_protocol::messages::DeleteTopicsRequest;
use ottla::protocol::messages::offset_commit_request::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla::protocol::messages::offset_fetch_request::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use ottla::protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use uuid::Uuid;

use crate::client::{Client, text, topic_name};
use crate::harness::Ottla;

/// Commits offset 5 in each of these partitions, and returns the codes by topic.
async fn commit(client: &mut Client, topics: &[(Uuid, &[i32])]) -> Vec<(Uuid, Vec<(i32, i16)>)> {
    let partition = |index: &i32| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(5)
            .with_committed_metadata(Some(text("m")))
    };
    let topics = topics.iter().map(|(id, partitions)| {
        OffsetCommitRequestTopic::default()
            .with_topic_id(*id)
            .with_partitions(partitions.iter().map(partition).collect())
    });
    let request =
        OffsetCommitRequest::default().with_group_id(text("g")).with_topics(topics.collect());
    let answer = client.ask(10, &request).await;
    let codes = answer.topics.into_iter().map(|topic| {
        assert!(topic.name.is_empty());
        let codes = topic.partitions.iter().map(|p| (p.partition_index, p.error_code));
        (topic.topic_id, codes.collect())
    });
    codes.collect()
}

async fn fetch(client: &mut Client, topics: Option<&[(Uuid, &[i32])]>) -> OffsetFetchResponseGroup {
    let topic = |(id, partitions): &(Uuid, &[i32])| {
        OffsetFetchRequestTopics::default()
            .with_topic_id(*id)
            .with_partition_indexes(partitions.to_vec())
    };
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(text("g"))
        .with_topics(topics.map(|topics| topics.iter().map(topic).collect()));
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    client.ask(10, &request).await.groups.remove(0)
}

/// Topic, partition, offset and error code of each partition.
fn found(group: &OffsetFetchResponseGroup) -> Vec<(Uuid, i32, i64, i16)> {
    assert_eq!(group.error_code, 0);
    let topics = group.topics.iter().flat_map(|topic| {
        assert!(topic.name.is_empty());
        topic
            .partitions
            .iter()
            .map(|p| (topic.topic_id, p.partition_index, p.committed_offset, p.error_code))
    });
    topics.collect()
}

#[tokio::test]
async fn offsets_are_committed_and_fetched_by_topic_id() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let (t, u) = (client.create("t", 2, &[]).await, client.create("u", 1, &[]).await);
    let none = Uuid::from_u128(77);
    let codes = commit(&mut client, &[(t, &[0, 7]), (none, &[0, 1]), (u, &[0])]).await;
    // As in Kafka, those that fail come first.
    assert_eq!(
        codes,
        [(t, vec![(7, 3), (0, 0)]), (none, vec![(0, 100), (1, 100)]), (u, vec![(0, 0)])]
    );
    let wanted: &[(Uuid, &[i32])] = &[(none, &[3]), (u, &[0]), (t, &[1, 0])];
    assert_eq!(
        found(&fetch(&mut client, Some(wanted)).await),
        [(u, 0, 5, 0), (t, 1, -1, 0), (t, 0, 5, 0), (none, 3, -1, 100)]
    );
    assert_eq!(found(&fetch(&mut client, None).await), [(t, 0, 5, 0), (u, 0, 5, 0)]);
    assert!(found(&fetch(&mut client, Some(&[])).await).is_empty());
}

#[tokio::test]
async fn a_topic_that_was_created_again_has_another_id_and_no_offsets() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let old = client.create("t", 1, &[]).await;
    assert_eq!(commit(&mut client, &[(old, &[0])]).await, [(old, vec![(0, 0)])]);
    let deletion = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("t")])
        .with_timeout_ms(1000);
    client.call(5, &deletion).await;
    let new = client.create("t", 1, &[]).await;
    assert_eq!(commit(&mut client, &[(old, &[0])]).await, [(old, vec![(0, 100)])]);
    let both: &[(Uuid, &[i32])] = &[(old, &[0]), (new, &[0])];
    assert_eq!(found(&fetch(&mut client, Some(both)).await), [(new, 0, -1, 0), (old, 0, -1, 100)]);
}
