//! Administrative requests: topics, configs, the cluster, telemetry.
//!
//! From the message schemas of Apache Kafka 4.1.

use kafka_protocol::messages::{
    add_raft_voter_request, alter_configs_request, alter_partition_reassignments_request,
    alter_replica_log_dirs_request, create_partitions_request, create_topics_request,
    delete_topics_request, describe_configs_request, describe_log_dirs_request,
    describe_quorum_request, elect_leaders_request, incremental_alter_configs_request,
    list_partition_reassignments_request, update_features_request,
};

use crate::wire::field::{
    RequestSchema, array, bool, bytes, i8, i8s, i16, i32, i32s, request, string, strings, u16, uuid,
};

/// `ApiVersionsRequest`.
pub const API_VERSIONS: RequestSchema = request(18, "ApiVersions", 0, 4)
    .flexible(3)
    .of(&[string("client_software_name").since(3), string("client_software_version").since(3)]);

/// `CreateTopicsRequest`.
pub const CREATE_TOPICS: RequestSchema = request(19, "CreateTopics", 0, 7).flexible(5).of(&[
    array::<create_topics_request::CreatableTopic>("topics").of(&[
        string("name"),
        i32("num_partitions"),
        i16("replication_factor"),
        array::<create_topics_request::CreatableReplicaAssignment>("assignments")
            .of(&[i32("partition_index"), i32s("broker_ids")]),
        array::<create_topics_request::CreatableTopicConfig>("configs")
            .of(&[string("name"), string("value").nullable()]),
    ]),
    i32("timeout_ms"),
    bool("validate_only").since(1),
]);

/// `DeleteTopicsRequest`.
pub const DELETE_TOPICS: RequestSchema = request(20, "DeleteTopics", 0, 6).flexible(4).of(&[
    array::<delete_topics_request::DeleteTopicState>("topics")
        .since(6)
        .of(&[string("name").nullable(), uuid("topic_id")]),
    strings("topic_names").until(5),
    i32("timeout_ms"),
]);

/// `DescribeConfigsRequest`.
pub const DESCRIBE_CONFIGS: RequestSchema = request(32, "DescribeConfigs", 1, 4).flexible(4).of(&[
    array::<describe_configs_request::DescribeConfigsResource>("resources").of(&[
        i8("resource_type"),
        string("resource_name"),
        strings("configuration_keys").nullable(),
    ]),
    bool("include_synonyms"),
    bool("include_documentation").since(3),
]);

/// `AlterConfigsRequest`.
pub const ALTER_CONFIGS: RequestSchema = request(33, "AlterConfigs", 0, 2).flexible(2).of(&[
    array::<alter_configs_request::AlterConfigsResource>("resources").of(&[
        i8("resource_type"),
        string("resource_name"),
        array::<alter_configs_request::AlterableConfig>("configs")
            .of(&[string("name"), string("value").nullable()]),
    ]),
    bool("validate_only"),
]);

/// `AlterReplicaLogDirsRequest`.
pub const ALTER_REPLICA_LOG_DIRS: RequestSchema = request(34, "AlterReplicaLogDirs", 1, 2)
    .flexible(2)
    .of(&[array::<alter_replica_log_dirs_request::AlterReplicaLogDir>("dirs").of(&[
        string("path"),
        array::<alter_replica_log_dirs_request::AlterReplicaLogDirTopic>("topics")
            .of(&[string("name"), i32s("partitions")]),
    ])]);

/// `DescribeLogDirsRequest`.
pub const DESCRIBE_LOG_DIRS: RequestSchema =
    request(35, "DescribeLogDirs", 1, 4).flexible(2).of(&[array::<
        describe_log_dirs_request::DescribableLogDirTopic,
    >("topics")
    .nullable()
    .of(&[string("topic"), i32s("partitions")])]);

/// `CreatePartitionsRequest`.
pub const CREATE_PARTITIONS: RequestSchema =
    request(37, "CreatePartitions", 0, 3).flexible(2).of(&[
        array::<create_partitions_request::CreatePartitionsTopic>("topics").of(&[
            string("name"),
            i32("count"),
            array::<create_partitions_request::CreatePartitionsAssignment>("assignments")
                .nullable()
                .of(&[i32s("broker_ids")]),
        ]),
        i32("timeout_ms"),
        bool("validate_only"),
    ]);

/// `ElectLeadersRequest`.
pub const ELECT_LEADERS: RequestSchema = request(43, "ElectLeaders", 0, 2).flexible(2).of(&[
    i8("election_type").since(1),
    array::<elect_leaders_request::TopicPartitions>("topic_partitions")
        .nullable()
        .of(&[string("topic"), i32s("partitions")]),
    i32("timeout_ms"),
]);

/// `IncrementalAlterConfigsRequest`.
pub const INCREMENTAL_ALTER_CONFIGS: RequestSchema =
    request(44, "IncrementalAlterConfigs", 0, 1).flexible(1).of(&[
        array::<incremental_alter_configs_request::AlterConfigsResource>("resources").of(&[
            i8("resource_type"),
            string("resource_name"),
            array::<incremental_alter_configs_request::AlterableConfig>("configs").of(&[
                string("name"),
                i8("config_operation"),
                string("value").nullable(),
            ]),
        ]),
        bool("validate_only"),
    ]);

/// `AlterPartitionReassignmentsRequest`.
pub const ALTER_PARTITION_REASSIGNMENTS: RequestSchema =
    request(45, "AlterPartitionReassignments", 0, 1).flexible(0).of(&[
        i32("timeout_ms"),
        bool("allow_replication_factor_change").since(1),
        array::<alter_partition_reassignments_request::ReassignableTopic>("topics").of(&[
            string("name"),
            array::<alter_partition_reassignments_request::ReassignablePartition>("partitions")
                .of(&[i32("partition_index"), i32s("replicas").nullable()]),
        ]),
    ]);

/// `ListPartitionReassignmentsRequest`.
pub const LIST_PARTITION_REASSIGNMENTS: RequestSchema =
    request(46, "ListPartitionReassignments", 0, 0).flexible(0).of(&[
        i32("timeout_ms"),
        array::<list_partition_reassignments_request::ListPartitionReassignmentsTopics>("topics")
            .nullable()
            .of(&[string("name"), i32s("partition_indexes")]),
    ]);

/// `DescribeQuorumRequest`.
pub const DESCRIBE_QUORUM: RequestSchema =
    request(55, "DescribeQuorum", 0, 2).flexible(0).of(&[array::<
        describe_quorum_request::TopicData,
    >("topics")
    .of(&[
        string("topic_name"),
        array::<describe_quorum_request::PartitionData>("partitions").of(&[i32("partition_index")]),
    ])]);

/// `UpdateFeaturesRequest`.
pub const UPDATE_FEATURES: RequestSchema = request(57, "UpdateFeatures", 0, 2).flexible(0).of(&[
    i32("timeout_ms"),
    array::<update_features_request::FeatureUpdateKey>("feature_updates").of(&[
        string("feature"),
        i16("max_version_level"),
        bool("allow_downgrade").until(0),
        i8("upgrade_type").since(1),
    ]),
    bool("validate_only").since(1),
]);

/// `DescribeClusterRequest`.
pub const DESCRIBE_CLUSTER: RequestSchema = request(60, "DescribeCluster", 0, 2).flexible(0).of(&[
    bool("include_cluster_authorized_operations"),
    i8("endpoint_type").since(1),
    bool("include_fenced_brokers").since(2),
]);

/// `UnregisterBrokerRequest`.
pub const UNREGISTER_BROKER: RequestSchema =
    request(64, "UnregisterBroker", 0, 0).flexible(0).of(&[i32("broker_id")]);

/// `GetTelemetrySubscriptionsRequest`.
pub const GET_TELEMETRY_SUBSCRIPTIONS: RequestSchema =
    request(71, "GetTelemetrySubscriptions", 0, 0).flexible(0).of(&[uuid("client_instance_id")]);

/// `PushTelemetryRequest`.
pub const PUSH_TELEMETRY: RequestSchema = request(72, "PushTelemetry", 0, 0).flexible(0).of(&[
    uuid("client_instance_id"),
    i32("subscription_id"),
    bool("terminating"),
    i8("compression_type"),
    bytes("metrics"),
]);

/// `ListConfigResourcesRequest`.
pub const LIST_CONFIG_RESOURCES: RequestSchema =
    request(74, "ListConfigResources", 0, 1).flexible(0).of(&[i8s("resource_types").since(1)]);

/// `AddRaftVoterRequest`.
pub const ADD_RAFT_VOTER: RequestSchema = request(80, "AddRaftVoter", 0, 0).flexible(0).of(&[
    string("cluster_id").nullable(),
    i32("timeout_ms"),
    i32("voter_id"),
    uuid("voter_directory_id"),
    array::<add_raft_voter_request::Listener>("listeners").of(&[
        string("name"),
        string("host"),
        u16("port"),
    ]),
]);

/// `RemoveRaftVoterRequest`.
pub const REMOVE_RAFT_VOTER: RequestSchema = request(81, "RemoveRaftVoter", 0, 0)
    .flexible(0)
    .of(&[string("cluster_id").nullable(), i32("voter_id"), uuid("voter_directory_id")]);
