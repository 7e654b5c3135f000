//! Valid requests of the administrators' APIs, to start mutations from.

use kafka_protocol::protocol::StrBytes;
use ottla::protocol::message::{Message, Request as _};
use ottla::protocol::messages::alter_client_quotas_request::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use ottla::protocol::messages::alter_configs_request::{
    AlterConfigsRequest, AlterConfigsResource as Replaced, AlterableConfig as ReplacedConfig,
};
use ottla::protocol::messages::alter_partition_reassignments_request::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use ottla::protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use ottla::protocol::messages::create_acls_request::{AclCreation, CreateAclsRequest};
use ottla::protocol::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use ottla::protocol::messages::delete_acls_request::{DeleteAclsFilter, DeleteAclsRequest};
use ottla::protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use ottla::protocol::messages::describe_acls_request::DescribeAclsRequest;
use ottla::protocol::messages::describe_client_quotas_request::{
    ComponentData, DescribeClientQuotasRequest,
};
use ottla::protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use ottla::protocol::messages::describe_log_dirs_request::{
    DescribableLogDirTopic, DescribeLogDirsRequest,
};
use ottla::protocol::messages::describe_quorum_request::{
    DescribeQuorumRequest, PartitionData, TopicData,
};
use ottla::protocol::messages::elect_leaders_request::{ElectLeadersRequest, TopicPartitions};
use ottla::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use ottla::protocol::messages::list_config_resources_request::ListConfigResourcesRequest;
use ottla::protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsRequest;
use ottla::protocol::messages::update_features_request::{FeatureUpdateKey, UpdateFeaturesRequest};

use crate::requests::{Subject, body};

/// The body of an administrator's request; `None` if the API is about something else.
pub fn valid(key: i16, version: i16, subject: &Subject) -> Option<Vec<u8>> {
    fn of(message: &impl Message, version: i16) -> Option<Vec<u8>> {
        Some(body(message, version))
    }
    match key {
        DescribeAclsRequest::KEY => of(&describe_acls(), version),
        CreateAclsRequest::KEY => of(&create_acls(), version),
        DeleteAclsRequest::KEY => of(&delete_acls(), version),
        DescribeConfigsRequest::KEY => of(&describe(version, subject), version),
        AlterConfigsRequest::KEY => of(&alter(subject), version),
        IncrementalAlterConfigsRequest::KEY => of(&alter_some(subject), version),
        CreatePartitionsRequest::KEY => of(&grow(subject), version),
        DeleteRecordsRequest::KEY => of(&delete_records(subject), version),
        AlterReplicaLogDirsRequest::KEY => of(&move_to(subject), version),
        DescribeLogDirsRequest::KEY => of(&log_dirs(subject), version),
        ElectLeadersRequest::KEY => of(&elect(version, subject), version),
        AlterPartitionReassignmentsRequest::KEY => of(&reassign(subject), version),
        ListPartitionReassignmentsRequest::KEY => {
            of(&ListPartitionReassignmentsRequest::default().with_topics(None), version)
        }
        DescribeQuorumRequest::KEY => of(&quorum(), version),
        DescribeClientQuotasRequest::KEY => of(&describe_quotas(), version),
        AlterClientQuotasRequest::KEY => of(&alter_quotas(), version),
        UpdateFeaturesRequest::KEY => of(&features(version), version),
        ListConfigResourcesRequest::KEY => of(&resources(version), version),
        _ => None,
    }
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn topic(subject: &Subject) -> StrBytes {
    text(&subject.topic)
}

fn describe(version: i16, subject: &Subject) -> DescribeConfigsRequest {
    let resource = |kind: i8, name: &str| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None)
    };
    let some = resource(2, &subject.topic)
        .with_configuration_keys(Some(vec![text("retention.ms"), text("cleanup.policy")]));
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![
            some,
            resource(2, "none"),
            resource(4, "1"),
            resource(4, ""),
            resource(8, "1"),
            resource(16, "m"),
            resource(32, "g"),
        ])
        .with_include_synonyms(true);
    if version >= 3 { request.with_include_documentation(true) } else { request }
}

fn alter(subject: &Subject) -> AlterConfigsRequest {
    let config = ReplacedConfig::default()
        .with_name(text("retention.ms"))
        .with_value(Some(text("100000000")));
    let resource = Replaced::default()
        .with_resource_type(2)
        .with_resource_name(text(&subject.topic))
        .with_configs(vec![config]);
    AlterConfigsRequest::default().with_resources(vec![resource])
}

fn alter_some(subject: &Subject) -> IncrementalAlterConfigsRequest {
    let config = |name: &str, operation: i8, value: Option<&str>| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(operation)
            .with_value(value.map(text))
    };
    let configs = vec![
        config("retention.ms", 0, Some("100000000")),
        config("segment.ms", 1, None),
        config("cleanup.policy", 2, Some("compact")),
    ];
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(&subject.topic))
        .with_configs(configs);
    let of = |kind: i8, name: &str, configs| {
        AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configs(configs)
    };
    let resources = vec![
        resource,
        of(4, "1", vec![config("log.cleaner.backoff.ms", 0, Some("20000"))]),
        of(4, "", vec![config("log.cleanup.policy", 2, Some("delete"))]),
        of(8, "1", vec![config("root", 0, Some("INFO"))]),
        of(16, "m", vec![config("interval.ms", 0, Some("1000"))]),
        of(32, "g", vec![config("consumer.session.timeout.ms", 0, Some("50000"))]),
    ];
    IncrementalAlterConfigsRequest::default().with_resources(resources)
}

fn grow(subject: &Subject) -> CreatePartitionsRequest {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic(subject))
        .with_count(3)
        .with_assignments(None);
    CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(100)
}

fn delete_records(subject: &Subject) -> DeleteRecordsRequest {
    let partition =
        |index| DeleteRecordsPartition::default().with_partition_index(index).with_offset(0);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic(subject))
        .with_partitions(vec![partition(0), partition(9)]);
    DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(100)
}

fn log_dirs(subject: &Subject) -> DescribeLogDirsRequest {
    let topic =
        DescribableLogDirTopic::default().with_topic(topic(subject)).with_partitions(vec![0, 1]);
    DescribeLogDirsRequest::default().with_topics(Some(vec![topic]))
}

fn move_to(subject: &Subject) -> AlterReplicaLogDirsRequest {
    let topic =
        AlterReplicaLogDirTopic::default().with_name(topic(subject)).with_partitions(vec![0, 1]);
    let dir = AlterReplicaLogDir::default().with_path(text("/data")).with_topics(vec![topic]);
    AlterReplicaLogDirsRequest::default().with_dirs(vec![dir])
}

fn elect(version: i16, subject: &Subject) -> ElectLeadersRequest {
    let topic = TopicPartitions::default().with_topic(topic(subject)).with_partitions(vec![0, 9]);
    let request = ElectLeadersRequest::default()
        .with_topic_partitions(Some(vec![topic]))
        .with_timeout_ms(100);
    if version >= 1 { request.with_election_type(0) } else { request }
}

fn reassign(subject: &Subject) -> AlterPartitionReassignmentsRequest {
    let partition = |index, replicas: Option<Vec<i32>>| {
        ReassignablePartition::default().with_partition_index(index).with_replicas(replicas)
    };
    let topic = ReassignableTopic::default().with_name(topic(subject)).with_partitions(vec![
        partition(0, Some(vec![1])),
        partition(1, None),
        partition(9, Some(vec![2, 3])),
    ]);
    AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]).with_timeout_ms(100)
}

fn quorum() -> DescribeQuorumRequest {
    let partition = |index| PartitionData::default().with_partition_index(index);
    let topic = TopicData::default()
        .with_topic_name(text("__cluster_metadata"))
        .with_partitions(vec![partition(0), partition(1)]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

fn describe_quotas() -> DescribeClientQuotasRequest {
    let component = |kind: &str, number: i8, name: Option<&str>| {
        ComponentData::default()
            .with_entity_type(text(kind))
            .with_match_type(number)
            .with_match(name.map(text))
    };
    DescribeClientQuotasRequest::default().with_components(vec![
        component("user", 0, Some("unknown")),
        component("client-id", 2, None),
    ])
}

/// For no one, and so much that no one would notice.
fn alter_quotas() -> AlterClientQuotasRequest {
    let entity = |kind: &str, name: Option<&str>| {
        EntityData::default().with_entity_type(text(kind)).with_entity_name(name.map(text))
    };
    let op = |key: &str, value: f64, remove: bool| {
        OpData::default().with_key(text(key)).with_value(value).with_remove(remove)
    };
    let entry = EntryData::default()
        .with_entity(vec![entity("user", Some("unknown")), entity("client-id", None)])
        .with_ops(vec![op("producer_byte_rate", 1e15, false), op("request_percentage", 0.0, true)]);
    AlterClientQuotasRequest::default().with_entries(vec![entry])
}

fn resources(version: i16) -> ListConfigResourcesRequest {
    let request = ListConfigResourcesRequest::default();
    if version >= 1 { request.with_resource_types(vec![2, 4, 8, 16, 32]) } else { request }
}

fn features(version: i16) -> UpdateFeaturesRequest {
    let update = FeatureUpdateKey::default()
        .with_feature(text("metadata.version"))
        .with_max_version_level(27);
    let request = UpdateFeaturesRequest::default().with_timeout_ms(100);
    if version == 0 {
        return request.with_feature_updates(vec![update.with_allow_downgrade(true)]);
    }
    request.with_feature_updates(vec![update.with_upgrade_type(1)]).with_validate_only(true)
}

/// Every ACL there is.
fn describe_acls() -> DescribeAclsRequest {
    DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(1)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1)
}

/// Someone may read a topic.
fn create_acls() -> CreateAclsRequest {
    let creation = AclCreation::default()
        .with_resource_type(2)
        .with_resource_name(text("t"))
        .with_resource_pattern_type(3)
        .with_principal(text("User:someone"))
        .with_host(text("*"))
        .with_operation(3)
        .with_permission_type(3);
    CreateAclsRequest::default().with_creations(vec![creation])
}

fn delete_acls() -> DeleteAclsRequest {
    let filter = DeleteAclsFilter::default()
        .with_resource_type_filter(2)
        .with_resource_name_filter(Some(text("t")))
        .with_pattern_type_filter(3)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(1)
        .with_permission_type(1);
    DeleteAclsRequest::default().with_filters(vec![filter])
}
