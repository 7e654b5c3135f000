//! Requests of consumer groups.
//!
//! From the message schemas of Apache Kafka 4.1.

use kafka_protocol::messages::{
    consumer_group_heartbeat_request, join_group_request, leave_group_request,
    offset_commit_request, offset_delete_request, offset_fetch_request, sync_group_request,
};

use crate::wire::field::{
    RequestSchema, array, bool, bytes, i8, i32, i32s, i64, request, string, strings, uuid,
};

/// `OffsetCommitRequest`.
pub const OFFSET_COMMIT: RequestSchema = request(8, "OffsetCommit", 2, 9).flexible(8).of(&[
    string("group_id"),
    i32("generation_id_or_member_epoch"),
    string("member_id"),
    string("group_instance_id").since(7).nullable(),
    i64("retention_time_ms").until(4),
    array::<offset_commit_request::OffsetCommitRequestTopic>("topics").of(&[
        string("name"),
        array::<offset_commit_request::OffsetCommitRequestPartition>("partitions").of(&[
            i32("partition_index"),
            i64("committed_offset"),
            i32("committed_leader_epoch").since(6),
            string("committed_metadata").nullable(),
        ]),
    ]),
]);

/// `OffsetFetchRequest`.
pub const OFFSET_FETCH: RequestSchema = request(9, "OffsetFetch", 1, 9).flexible(6).of(&[
    string("group_id").until(7),
    array::<offset_fetch_request::OffsetFetchRequestTopic>("topics")
        .until(7)
        .nullable_since(2)
        .of(&[string("name"), i32s("partition_indexes")]),
    array::<offset_fetch_request::OffsetFetchRequestGroup>("groups").since(8).of(&[
        string("group_id"),
        string("member_id").since(9).nullable(),
        i32("member_epoch").since(9),
        array::<offset_fetch_request::OffsetFetchRequestTopics>("topics")
            .nullable()
            .of(&[string("name"), i32s("partition_indexes")]),
    ]),
    bool("require_stable").since(7),
]);

/// `FindCoordinatorRequest`.
pub const FIND_COORDINATOR: RequestSchema = request(10, "FindCoordinator", 0, 6).flexible(3).of(&[
    string("key").until(3),
    i8("key_type").since(1),
    strings("coordinator_keys").since(4),
]);

/// `JoinGroupRequest`.
pub const JOIN_GROUP: RequestSchema = request(11, "JoinGroup", 0, 9).flexible(6).of(&[
    string("group_id"),
    i32("session_timeout_ms"),
    i32("rebalance_timeout_ms").since(1),
    string("member_id"),
    string("group_instance_id").since(5).nullable(),
    string("protocol_type"),
    array::<join_group_request::JoinGroupRequestProtocol>("protocols")
        .of(&[string("name"), bytes("metadata")]),
    string("reason").since(8).nullable(),
]);

/// `HeartbeatRequest`.
pub const HEARTBEAT: RequestSchema = request(12, "Heartbeat", 0, 4).flexible(4).of(&[
    string("group_id"),
    i32("generation_id"),
    string("member_id"),
    string("group_instance_id").since(3).nullable(),
]);

/// `LeaveGroupRequest`.
pub const LEAVE_GROUP: RequestSchema = request(13, "LeaveGroup", 0, 5).flexible(4).of(&[
    string("group_id"),
    string("member_id").until(2),
    array::<leave_group_request::MemberIdentity>("members").since(3).of(&[
        string("member_id"),
        string("group_instance_id").nullable(),
        string("reason").since(5).nullable(),
    ]),
]);

/// `SyncGroupRequest`.
pub const SYNC_GROUP: RequestSchema = request(14, "SyncGroup", 0, 5).flexible(4).of(&[
    string("group_id"),
    i32("generation_id"),
    string("member_id"),
    string("group_instance_id").since(3).nullable(),
    string("protocol_type").since(5).nullable(),
    string("protocol_name").since(5).nullable(),
    array::<sync_group_request::SyncGroupRequestAssignment>("assignments")
        .of(&[string("member_id"), bytes("assignment")]),
]);

/// `DescribeGroupsRequest`.
pub const DESCRIBE_GROUPS: RequestSchema = request(15, "DescribeGroups", 0, 6)
    .flexible(5)
    .of(&[strings("groups"), bool("include_authorized_operations").since(3)]);

/// `ListGroupsRequest`.
pub const LIST_GROUPS: RequestSchema = request(16, "ListGroups", 0, 5)
    .flexible(3)
    .of(&[strings("states_filter").since(4), strings("types_filter").since(5)]);

/// `DeleteGroupsRequest`.
pub const DELETE_GROUPS: RequestSchema =
    request(42, "DeleteGroups", 0, 2).flexible(2).of(&[strings("groups_names")]);

/// `OffsetDeleteRequest`.
pub const OFFSET_DELETE: RequestSchema = request(47, "OffsetDelete", 0, 0).of(&[
    string("group_id"),
    array::<offset_delete_request::OffsetDeleteRequestTopic>("topics").of(&[
        string("name"),
        array::<offset_delete_request::OffsetDeleteRequestPartition>("partitions")
            .of(&[i32("partition_index")]),
    ]),
]);

/// `ConsumerGroupHeartbeatRequest`.
pub const CONSUMER_GROUP_HEARTBEAT: RequestSchema =
    request(68, "ConsumerGroupHeartbeat", 0, 1).flexible(0).of(&[
        string("group_id"),
        string("member_id"),
        i32("member_epoch"),
        string("instance_id").nullable(),
        string("rack_id").nullable(),
        i32("rebalance_timeout_ms"),
        strings("subscribed_topic_names").nullable(),
        string("subscribed_topic_regex").since(1).nullable(),
        string("server_assignor").nullable(),
        array::<consumer_group_heartbeat_request::TopicPartitions>("topic_partitions")
            .nullable()
            .of(&[uuid("topic_id"), i32s("partitions")]),
    ]);

/// `ConsumerGroupDescribeRequest`.
pub const CONSUMER_GROUP_DESCRIBE: RequestSchema = request(69, "ConsumerGroupDescribe", 0, 1)
    .flexible(0)
    .of(&[strings("group_ids"), bool("include_authorized_operations")]);
