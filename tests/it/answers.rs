//! Answers to the last byte, where a library's defaults are not Kafka's.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as Incremental, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterPartitionReassignmentsRequest, BrokerId, DeleteAclsRequest,
    DescribeAclsRequest, DescribeClientQuotasRequest, DescribeLogDirsRequest,
    DescribeQuorumRequest, DescribeTopicPartitionsRequest, ElectLeadersRequest,
    FindCoordinatorRequest, IncrementalAlterConfigsRequest, ListOffsetsRequest,
    ListPartitionReassignmentsRequest, MetadataRequest,
};

use crate::administration::describe;
use crate::client::{creation, fetching, text, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

#[tokio::test]
async fn where_nothing_is_wrong_the_message_is_null() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 2..=7 {
        let name = format!("t{version}");
        let answer = client.call(version, &creation(&name, 1, &[])).await;
        assert_eq!(answer.topics[0].error_message, None, "CreateTopics {version}");
    }
    let topic =
        AlterConfigsResource::default().with_resource_type(2).with_resource_name(text("t2"));
    let request = AlterConfigsRequest::default().with_resources(vec![topic]);
    for version in 0..=2 {
        let answer = client.call(version, &request).await;
        assert_eq!(answer.responses[0].error_message, None, "AlterConfigs {version}");
    }
    let topic = Incremental::default().with_resource_type(2).with_resource_name(text("t2"));
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![topic]);
    for version in 0..=1 {
        let answer = client.call(version, &request).await;
        assert_eq!(answer.responses[0].error_message, None, "IncrementalAlterConfigs {version}");
    }
    let partition = ReassignablePartition::default()
        .with_partition_index(0)
        .with_replicas(Some(vec![BrokerId(1)]));
    let topic =
        ReassignableTopic::default().with_name(topic_name("t2")).with_partitions(vec![partition]);
    let request = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
    let answer = client.call(0, &request).await;
    assert_eq!(answer.error_message, None);
    assert_eq!(answer.responses[0].partitions[0].error_message, None);
    let request = ListPartitionReassignmentsRequest::default().with_topics(None);
    assert_eq!(client.call(0, &request).await.error_message, None);
}

#[tokio::test]
async fn a_coordinator_is_found_with_the_word_none_and_quotas_with_none_at_all() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for version in 1..=3 {
        let request = FindCoordinatorRequest::default().with_key(text("g"));
        let answer = client.call(version, &request).await;
        assert_eq!(answer.error_message, Some(text("NONE")), "FindCoordinator {version}");
    }
    let answer = client.call(1, &DescribeClientQuotasRequest::default()).await;
    assert_eq!(answer.error_message, Some(text("")));
    let partition = PartitionData::default();
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![partition]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = client.call(2, &request).await;
    assert_eq!(answer.nodes[0].listeners[0].name, text("CONTROLLER"));
}

#[tokio::test]
async fn a_topic_that_is_only_validated_is_answered_with_an_id() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let request = creation("t", 1, &[]).with_validate_only(true);
    let answer = client.call(7, &request).await;
    assert_eq!(answer.topics[0].error_code, 0);
    assert!(!answer.topics[0].topic_id.is_nil());
}

#[tokio::test]
async fn a_refused_batch_is_answered_with_the_start_of_the_log() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("cleanup.policy", "compact")]).await;
    // Records without keys cannot be compacted.
    let answer = client.produce("t", 0, plain(&["a"])).await;
    assert_eq!(answer.error_code, Code::InvalidRecord.code());
    assert_eq!(answer.log_start_offset, 0);
    client.create("small", 1, &[("max.message.bytes", "10")]).await;
    let answer = client.produce("small", 0, plain(&["a"])).await;
    assert_eq!(answer.error_code, Code::MessageTooLarge.code());
    assert_eq!(answer.log_start_offset, -1);
}

#[tokio::test]
async fn what_kafka_cannot_name_or_read_is_an_unknown_server_error() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    let unknown = Code::UnknownServerError.code();
    let request = fetching("t", 0, 0).with_isolation_level(7);
    let answer = client.call(12, &request).await;
    assert_eq!(
        (answer.error_code, answer.responses[0].partitions[0].error_code),
        (unknown, unknown)
    );
    let request = fetching("unknown", 0, 0).with_isolation_level(7);
    assert_eq!(client.call(12, &request).await.error_code, 0, "nothing is read");
    let mut request = fetching("t", 0, 0);
    request.topics[0].partitions[0].partition_max_bytes = -1;
    let answer = client.call(12, &request).await;
    assert_eq!((answer.error_code, answer.responses[0].partitions[0].error_code), (0, unknown));
    for offset in [-1, 5] {
        request.topics[0].partitions[0].fetch_offset = offset;
        let answer = client.call(12, &request).await;
        let code = answer.responses[0].partitions[0].error_code;
        assert_eq!(code, Code::OffsetOutOfRange.code(), "the offset {offset} comes first");
    }
    request.topics[0].partitions[0].fetch_offset = 1;
    let answer = client.call(12, &request).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, 0, "at the end nothing is read");
    let request = fetching("t", 0, 0).with_max_bytes(-1);
    let answer = client.call(12, &request).await;
    assert_eq!((answer.error_code, answer.responses[0].partitions[0].error_code), (0, unknown));
    let partition = ListOffsetsPartition::default().with_timestamp(-1);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name("t")).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(7)
        .with_topics(vec![topic]);
    let answer = client.call(8, &request).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, unknown);
}

/// A new data directory pins it for the whole cluster (KIP-966).
#[tokio::test]
async fn min_insync_replicas_is_the_clusters_and_stays_so() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for _ in 0..2 {
        let described = describe(&mut client, 2, "t").await;
        let config = described.configs.iter().find(|c| &*c.name == "min.insync.replicas").unwrap();
        assert_eq!((config.value.clone(), config.config_source), (Some(text("1")), 3));
        let refused = [("", 1, None), ("1", 0, Some("1"))];
        for (broker, operation, value) in refused {
            let config = AlterableConfig::default()
                .with_name(text("min.insync.replicas"))
                .with_config_operation(operation)
                .with_value(value.map(text));
            let resource = Incremental::default()
                .with_resource_type(4)
                .with_resource_name(text(broker))
                .with_configs(vec![config]);
            let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            let code = client.call(1, &request).await.responses[0].error_code;
            assert_eq!(code, Code::InvalidConfig.code(), "of broker {broker:?}");
        }
        ottla.kill_and_restart().await;
        client = ottla.client().await;
    }
}

#[tokio::test]
async fn an_election_of_all_names_the_topics_and_one_of_an_unknown_type_is_invalid() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = ElectLeadersRequest::default().with_topic_partitions(None);
    let answer = client.call(2, &request).await;
    assert_eq!(answer.error_code, 0);
    let topics = answer.replica_election_results;
    let topic = topics.iter().find(|topic| &**topic.topic == "t").unwrap();
    assert_eq!(topic.partition_result, []);
    let topic = TopicPartitions::default().with_topic(topic_name("t")).with_partitions(vec![0]);
    let request = ElectLeadersRequest::default()
        .with_election_type(2)
        .with_topic_partitions(Some(vec![topic]));
    let answer = client.call(2, &request).await;
    assert_eq!(answer.error_code, Code::InvalidRequest.code());
    let partition = &answer.replica_election_results[0].partition_result[0];
    assert_eq!(partition.error_code, Code::InvalidRequest.code());
    assert_eq!(partition.error_message, Some(text("Unknown election type 2")));
}

#[tokio::test]
async fn only_the_one_partition_of_the_metadata_has_a_quorum() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let topic = |name: &str, partitions: &[i32]| {
        let partition = |index: &i32| PartitionData::default().with_partition_index(*index);
        let partitions = partitions.iter().map(partition).collect();
        TopicData::default().with_topic_name(topic_name(name)).with_partitions(partitions)
    };
    let metadata = || topic("__cluster_metadata", &[0]);
    let refused = [
        vec![metadata(), topic("t", &[0])],
        vec![metadata(), metadata()],
        vec![topic("__cluster_metadata", &[0, 0])],
        vec![topic("__cluster_metadata", &[1])],
    ];
    for topics in refused {
        let request = DescribeQuorumRequest::default().with_topics(topics);
        let answer = client.call(2, &request).await;
        assert_eq!(answer.nodes, []);
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        for partition in partitions {
            assert_eq!(partition.error_code, Code::UnknownTopicOrPartition.code());
        }
    }
    let request = DescribeQuorumRequest::default().with_topics(vec![metadata()]);
    assert_eq!(client.call(2, &request).await.topics[0].partitions[0].error_code, 0);
}

#[tokio::test]
async fn a_topic_of_which_no_asked_partition_is_there_has_no_directory() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let topic = |partitions| {
        DescribableLogDirTopic::default().with_topic(topic_name("t")).with_partitions(partitions)
    };
    for (partitions, topics) in [(vec![0, 1], 1), (vec![1], 0), (vec![], 0)] {
        let request = DescribeLogDirsRequest::default().with_topics(Some(vec![topic(partitions)]));
        assert_eq!(client.call(4, &request).await.results[0].topics.len(), topics);
    }
}

#[tokio::test]
async fn metadata_by_id_is_of_version_12_and_an_older_request_for_it_is_invalid() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("t", 1, &[]).await;
    let invalid = Code::InvalidRequest.code();
    let by_id = MetadataRequestTopic::default().with_topic_id(id).with_name(Some(topic_name("t")));
    let nameless = MetadataRequestTopic::default().with_name(None);
    for (version, topic, code) in [
        (11, by_id.clone(), invalid),
        (10, nameless.clone(), invalid),
        (12, by_id, 0),
        (12, nameless, Code::UnknownServerError.code()),
    ] {
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        let answer = client.call(version, &request).await;
        assert_eq!(answer.topics[0].error_code, code, "version {version}");
        assert_eq!(answer.brokers.len(), usize::from(code == 0));
    }
}

#[tokio::test]
async fn what_may_be_done_with_a_topic_is_said_of_an_unknown_one_too() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name("unknown")));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(true);
    let answer = client.call(12, &request).await;
    assert_eq!(answer.topics[0].error_code, Code::UnknownTopicOrPartition.code());
    assert_eq!(answer.topics[0].topic_authorized_operations, 3576);
}

#[tokio::test]
async fn a_cursor_names_one_of_the_topics_that_are_described() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let cursor = |topic, partition| {
        Some(Cursor::default().with_topic_name(topic_name(topic)).with_partition_index(partition))
    };
    let invalid = Code::InvalidRequest.code();
    for (topic, cursor, code) in [
        ("t", cursor("t", 1), 0),
        ("t", cursor("other", 0), invalid),
        ("t", cursor("t", -1), invalid),
        ("", None, Code::UnknownServerError.code()),
    ] {
        let request = DescribeTopicPartitionsRequest::default()
            .with_topics(vec![TopicRequest::default().with_name(topic_name(topic))])
            .with_response_partition_limit(10)
            .with_cursor(cursor);
        assert_eq!(client.call(0, &request).await.topics[0].error_code, code);
    }
}

#[tokio::test]
async fn acls_of_what_is_unknown_close_the_connection() {
    let ottla = Ottla::start().await;
    for operation in [3, 99] {
        let mut client = ottla.client().await;
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(2)
            .with_pattern_type_filter(3)
            .with_operation(operation)
            .with_permission_type(3);
        let answer = client.call(3, &request).await;
        assert_eq!(answer.error_code, Code::SecurityDisabled.code());
        let words = "No Authorizer is configured on the broker";
        assert_eq!(answer.error_message, Some(text(words)));
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(2)
            .with_pattern_type_filter(3)
            .with_operation(operation)
            .with_permission_type(3);
        let filter = filter.with_resource_name_filter(None).with_principal_filter(None);
        let filters = vec![filter.clone(), filter.with_operation(0)];
        let request = DeleteAclsRequest::default().with_filters(filters);
        client.send(3, &request).await;
        assert!(client.is_closed().await);
    }
}
