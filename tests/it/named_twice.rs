//! What a request that reads names more than once, as Apache Kafka 4.4 answers it: some APIs make
//! a set of the names, others answer each.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeConfigsRequest, DescribeGroupsRequest, DescribeLogDirsRequest,
    DescribeTopicPartitionsRequest, ElectLeadersRequest, FindCoordinatorRequest, GroupId,
    ListOffsetsRequest, MetadataRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest,
};
use uuid::Uuid;

use crate::client::{text, topic_name};
use crate::harness::Ottla;

#[tokio::test]
async fn metadata_and_topic_partitions_have_each_topic_once() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 2, &[]).await;
    let named = |name: &str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let request = MetadataRequest::default()
        .with_topics(Some(["u", "t", "u", "t"].map(named).to_vec()))
        .with_allow_auto_topic_creation(false);
    let answer = client.call(9, &request).await;
    let names = answer.topics.iter().map(|topic| topic.name.clone().unwrap().to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["u", "t"]);

    // Unknown ids come first.
    let (other, of) = (Uuid::from_u128(7), |id| {
        MetadataRequestTopic::default().with_name(None).with_topic_id(id)
    });
    let ids = MetadataRequest::default().with_topics(Some([id, other, id, other].map(of).to_vec()));
    let answer = client.call(12, &ids).await;
    let found = answer.topics.iter().map(|topic| (topic.topic_id, topic.error_code));
    assert_eq!(found.collect::<Vec<_>>(), [(other, Code::UnknownTopicId.code()), (id, 0)]);

    let named = |name: &str| TopicRequest::default().with_name(topic_name(name));
    let request = DescribeTopicPartitionsRequest::default()
        .with_topics(["t", "u", "t", "u"].map(named).to_vec())
        .with_response_partition_limit(100);
    let answer = client.call(0, &request).await;
    let found = answer.topics.iter().map(|topic| (topic.error_code, topic.partitions.len()));
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(found.collect::<Vec<_>>(), [(0, 2), (unknown, 0)]);
}

#[tokio::test]
async fn partitions_of_log_dirs_are_a_set() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 3, &[]).await;
    let of = |name: &str, partitions: &[i32]| {
        DescribableLogDirTopic::default()
            .with_topic(topic_name(name))
            .with_partitions(partitions.to_vec())
    };
    let topics = vec![of("t", &[0, 0]), of("unknown", &[0]), of("t", &[2, 0])];
    let request = DescribeLogDirsRequest::default().with_topics(Some(topics));
    for version in 1..=4 {
        let answer = client.call(version, &request).await;
        let [topic] = &answer.results[0].topics[..] else { panic!("{answer:?}") };
        let found = topic.partitions.iter().map(|partition| partition.partition_index);
        assert_eq!(found.collect::<Vec<_>>(), [0, 2], "version {version}");
        assert_eq!(answer.results[0].total_bytes > 0, version >= 4);
    }
}

#[tokio::test]
async fn offsets_of_a_partition_that_is_named_twice_are_refused_once() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 3, &[]).await;
    let of = |partitions: &[i32]| {
        let partition = |index: &i32| {
            ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(-1)
        };
        ListOffsetsTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![of(&[0, 0, 1]), of(&[2, 0])]);
    let answer = client.call(5, &request).await;
    let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let found: Vec<_> = partitions.map(|p| (p.partition_index, p.error_code)).collect();
    assert_eq!(found, [(0, Code::InvalidRequest.code()), (1, 0), (2, 0)]);
}

#[tokio::test]
async fn the_others_answer_each_time() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let group = || GroupId(text("g"));
    let request = DescribeGroupsRequest::default().with_groups(vec![group(); 3]);
    assert_eq!(client.call(5, &request).await.groups.len(), 3);
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("k"); 3]);
    assert_eq!(client.call(4, &request).await.coordinators.len(), 3);
    let resource =
        DescribeConfigsResource::default().with_resource_type(2).with_resource_name(text("t"));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource; 3]);
    let answer = client.call(4, &request).await;
    assert_eq!(answer.results.len(), 3);
    assert!(answer.results.iter().all(|result| result.configs.len() > 20));

    let topic = OffsetFetchRequestTopics::default()
        .with_name(topic_name("t"))
        .with_partition_indexes(vec![0, 0]);
    let wanted = OffsetFetchRequestGroup::default()
        .with_group_id(group())
        .with_topics(Some(vec![topic.clone(), topic]));
    let request = OffsetFetchRequest::default().with_groups(vec![wanted; 2]);
    let answer = client.call(8, &request).await;
    let of = |group: usize| answer.groups[group].topics.iter().map(|topic| topic.partitions.len());
    assert_eq!(of(0).chain(of(1)).collect::<Vec<_>>(), [2; 4]);

    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name("t"))
        .with_partitions(vec![OffsetForLeaderPartition::default(); 2]);
    let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic; 2]);
    let answer = client.call(3, &request).await;
    assert_eq!(answer.topics.iter().map(|t| t.partitions.len()).collect::<Vec<_>>(), [2, 2]);

    let topic = TopicPartitions::default().with_topic(topic_name("t")).with_partitions(vec![0, 0]);
    let request = ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic; 2]));
    let answer = client.call(2, &request).await;
    let results = answer.replica_election_results.iter();
    assert_eq!(results.map(|t| t.partition_result.len()).collect::<Vec<_>>(), [2, 2]);
}
