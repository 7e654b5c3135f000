//! ACLs, where no one has asked for an authorizer.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::{
    CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest, DescribeClusterRequest,
    DescribeTopicPartitionsRequest, MetadataRequest,
};

use crate::client::topic_name;
use crate::harness::Ottla;

/// As Apache Kafka 4.4 says it, so that a client can tell this from an old broker.
#[tokio::test]
async fn requests_for_acls_are_answered_that_there_is_no_authorizer() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let disabled = (Code::SecurityDisabled.code(), Some("No Authorizer is configured."));
    for version in 1..=3 {
        let filter = DescribeAclsRequest::default()
            .with_resource_type_filter(2)
            .with_pattern_type_filter(3)
            .with_operation(3)
            .with_permission_type(3);
        let answer = client.call(version, &filter).await;
        let words = "No Authorizer is configured on the broker";
        assert_eq!((answer.error_code, answer.error_message.as_deref()), (disabled.0, Some(words)));
        assert!(answer.resources.is_empty());
        let creation = AclCreation::default()
            .with_resource_type(2)
            .with_resource_pattern_type(3)
            .with_operation(3)
            .with_permission_type(3);
        let creations = vec![creation; 2];
        let creation = CreateAclsRequest::default().with_creations(creations);
        let results = client.call(version, &creation).await.results;
        let refused: Vec<_> =
            results.iter().map(|r| (r.error_code, r.error_message.as_deref())).collect();
        assert_eq!(refused, [disabled; 2]);
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(2)
            .with_pattern_type_filter(3)
            .with_operation(3)
            .with_permission_type(3);
        let filters = vec![filter; 2];
        let deletion = DeleteAclsRequest::default().with_filters(filters);
        let results = client.call(version, &deletion).await.filter_results;
        let refused: Vec<_> =
            results.iter().map(|r| (r.error_code, r.error_message.as_deref())).collect();
        assert_eq!(refused, [disabled; 2]);
    }
}

/// The numbers are what Kafka 4.4 computes of all operations that it knows for a resource.
#[tokio::test]
async fn authorized_operations_are_all_operations() {
    let (topic, cluster, unasked) = (3576, 8096, i32::MIN);
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let metadata = MetadataRequest::default().with_topics(None);
    let silent = client.call(8, &metadata).await;
    assert_eq!(silent.cluster_authorized_operations, unasked);
    assert_eq!(silent.topics[0].topic_authorized_operations, unasked);
    let asking = metadata
        .with_include_topic_authorized_operations(true)
        .with_include_cluster_authorized_operations(true);
    let answer = client.call(8, &asking).await;
    assert_eq!(answer.cluster_authorized_operations, cluster);
    assert_eq!(answer.topics[0].topic_authorized_operations, topic);
    for (asks, operations) in [(false, unasked), (true, cluster)] {
        let asking = DescribeClusterRequest::default()
            .with_endpoint_type(1)
            .with_include_cluster_authorized_operations(asks);
        let answer = client.call(1, &asking).await;
        assert_eq!(answer.cluster_authorized_operations, operations);
    }
    let named = TopicRequest::default().with_name(topic_name("t"));
    let asking = DescribeTopicPartitionsRequest::default()
        .with_topics(vec![named])
        .with_response_partition_limit(10);
    assert_eq!(client.call(0, &asking).await.topics[0].topic_authorized_operations, topic);
}
