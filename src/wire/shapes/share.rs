//! Requests of share groups (KIP-932).
//!
//! From the message schemas of Apache Kafka 4.1.

use kafka_protocol::messages::{
    alter_share_group_offsets_request, delete_share_group_offsets_request,
    delete_share_group_state_request, describe_share_group_offsets_request,
    initialize_share_group_state_request, read_share_group_state_request,
    read_share_group_state_summary_request, share_acknowledge_request, share_fetch_request,
    write_share_group_state_request,
};

use crate::wire::field::{
    RequestSchema, array, bool, i8, i8s, i16, i32, i32s, i64, request, string, strings, uuid,
};

/// `ShareGroupHeartbeatRequest`.
pub const SHARE_GROUP_HEARTBEAT: RequestSchema =
    request(76, "ShareGroupHeartbeat", 1, 1).flexible(0).of(&[
        string("group_id"),
        string("member_id"),
        i32("member_epoch"),
        string("rack_id").nullable(),
        strings("subscribed_topic_names").nullable(),
    ]);

/// `ShareGroupDescribeRequest`.
pub const SHARE_GROUP_DESCRIBE: RequestSchema = request(77, "ShareGroupDescribe", 1, 1)
    .flexible(0)
    .of(&[strings("group_ids"), bool("include_authorized_operations")]);

/// `ShareFetchRequest`.
pub const SHARE_FETCH: RequestSchema =
    request(78, "ShareFetch", 1, 1).flexible(0).of(&[
        string("group_id").nullable(),
        string("member_id").nullable(),
        i32("share_session_epoch"),
        i32("max_wait_ms"),
        i32("min_bytes"),
        i32("max_bytes"),
        i32("max_records"),
        i32("batch_size"),
        array::<share_fetch_request::FetchTopic>("topics").of(&[
            uuid("topic_id"),
            array::<share_fetch_request::FetchPartition>("partitions").of(&[
                i32("partition_index"),
                array::<share_fetch_request::AcknowledgementBatch>("acknowledgement_batches")
                    .of(&[i64("first_offset"), i64("last_offset"), i8s("acknowledge_types")]),
            ]),
        ]),
        array::<share_fetch_request::ForgottenTopic>("forgotten_topics_data")
            .of(&[uuid("topic_id"), i32s("partitions")]),
    ]);

/// `ShareAcknowledgeRequest`.
pub const SHARE_ACKNOWLEDGE: RequestSchema =
    request(79, "ShareAcknowledge", 1, 1).flexible(0).of(&[
        string("group_id").nullable(),
        string("member_id").nullable(),
        i32("share_session_epoch"),
        array::<share_acknowledge_request::AcknowledgeTopic>("topics").of(&[
            uuid("topic_id"),
            array::<share_acknowledge_request::AcknowledgePartition>("partitions").of(&[
                i32("partition_index"),
                array::<share_acknowledge_request::AcknowledgementBatch>("acknowledgement_batches")
                    .of(&[i64("first_offset"), i64("last_offset"), i8s("acknowledge_types")]),
            ]),
        ]),
    ]);

/// `InitializeShareGroupStateRequest`.
pub const INITIALIZE_SHARE_GROUP_STATE: RequestSchema =
    request(83, "InitializeShareGroupState", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<initialize_share_group_state_request::InitializeStateData>("topics").of(&[
            uuid("topic_id"),
            array::<initialize_share_group_state_request::PartitionData>("partitions").of(&[
                i32("partition"),
                i32("state_epoch"),
                i64("start_offset"),
            ]),
        ]),
    ]);

/// `ReadShareGroupStateRequest`.
pub const READ_SHARE_GROUP_STATE: RequestSchema =
    request(84, "ReadShareGroupState", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<read_share_group_state_request::ReadStateData>("topics").of(&[
            uuid("topic_id"),
            array::<read_share_group_state_request::PartitionData>("partitions")
                .of(&[i32("partition"), i32("leader_epoch")]),
        ]),
    ]);

/// `WriteShareGroupStateRequest`.
pub const WRITE_SHARE_GROUP_STATE: RequestSchema =
    request(85, "WriteShareGroupState", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<write_share_group_state_request::WriteStateData>("topics").of(&[
            uuid("topic_id"),
            array::<write_share_group_state_request::PartitionData>("partitions").of(&[
                i32("partition"),
                i32("state_epoch"),
                i32("leader_epoch"),
                i64("start_offset"),
                array::<write_share_group_state_request::StateBatch>("state_batches").of(&[
                    i64("first_offset"),
                    i64("last_offset"),
                    i8("delivery_state"),
                    i16("delivery_count"),
                ]),
            ]),
        ]),
    ]);

/// `DeleteShareGroupStateRequest`.
pub const DELETE_SHARE_GROUP_STATE: RequestSchema =
    request(86, "DeleteShareGroupState", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<delete_share_group_state_request::DeleteStateData>("topics").of(&[
            uuid("topic_id"),
            array::<delete_share_group_state_request::PartitionData>("partitions")
                .of(&[i32("partition")]),
        ]),
    ]);

/// `ReadShareGroupStateSummaryRequest`.
pub const READ_SHARE_GROUP_STATE_SUMMARY: RequestSchema =
    request(87, "ReadShareGroupStateSummary", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<read_share_group_state_summary_request::ReadStateSummaryData>("topics").of(&[
            uuid("topic_id"),
            array::<read_share_group_state_summary_request::PartitionData>("partitions")
                .of(&[i32("partition"), i32("leader_epoch")]),
        ]),
    ]);

/// `DescribeShareGroupOffsetsRequest`.
pub const DESCRIBE_SHARE_GROUP_OFFSETS: RequestSchema =
    request(90, "DescribeShareGroupOffsets", 0, 0).flexible(0).of(&[array::<
        describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup,
    >("groups")
    .of(&[
        string("group_id"),
        array::<describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestTopic>(
            "topics",
        )
        .nullable()
        .of(&[string("topic_name"), i32s("partitions")]),
    ])]);

/// `AlterShareGroupOffsetsRequest`.
pub const ALTER_SHARE_GROUP_OFFSETS: RequestSchema =
    request(91, "AlterShareGroupOffsets", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<alter_share_group_offsets_request::AlterShareGroupOffsetsRequestTopic>("topics")
            .of(&[
                string("topic_name"),
                array::<alter_share_group_offsets_request::AlterShareGroupOffsetsRequestPartition>(
                    "partitions",
                )
                .of(&[i32("partition_index"), i64("start_offset")]),
            ]),
    ]);

/// `DeleteShareGroupOffsetsRequest`.
pub const DELETE_SHARE_GROUP_OFFSETS: RequestSchema =
    request(92, "DeleteShareGroupOffsets", 0, 0).flexible(0).of(&[
        string("group_id"),
        array::<delete_share_group_offsets_request::DeleteShareGroupOffsetsRequestTopic>("topics")
            .of(&[string("topic_name")]),
    ]);
