//! Answers to the last byte, where a library's defaults are not Kafka's.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as Incremental, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterPartitionReassignmentsRequest, BrokerId, DescribeClientQuotasRequest,
    DescribeQuorumRequest, FindCoordinatorRequest, IncrementalAlterConfigsRequest,
    ListOffsetsRequest, ListPartitionReassignmentsRequest,
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
    let answer = client.call(2, &DescribeQuorumRequest::default()).await;
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
    let unknown = Code::UnknownServerError.code();
    let request = fetching("t", 0, 0).with_isolation_level(7);
    let answer = client.call(12, &request).await;
    assert_eq!(
        (answer.error_code, answer.responses[0].partitions[0].error_code),
        (unknown, unknown)
    );
    let mut request = fetching("t", 0, 0);
    request.topics[0].partitions[0].partition_max_bytes = -1;
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
