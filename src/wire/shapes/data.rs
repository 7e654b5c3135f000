//! Requests about records: produce, fetch, offsets, topics as clients see them, transactions.
//!
//! From the message schemas of Apache Kafka 4.1.

use kafka_protocol::messages::{
    add_partitions_to_txn_request, delete_records_request, describe_producers_request,
    describe_topic_partitions_request, fetch_request, list_offsets_request, metadata_request,
    offset_for_leader_epoch_request, produce_request, txn_offset_commit_request,
    write_txn_markers_request,
};

use crate::wire::field::{
    RequestSchema, array, bool, group, i8, i16, i32, i32s, i64, i64s, records, request, string,
    strings, uuid,
};

/// `ProduceRequest`.
pub const PRODUCE: RequestSchema = request(0, "Produce", 3, 13).flexible(9).of(&[
    string("transactional_id").nullable(),
    i16("acks"),
    i32("timeout_ms"),
    array::<produce_request::TopicProduceData>("topic_data").of(&[
        string("name").until(12),
        uuid("topic_id").since(13),
        array::<produce_request::PartitionProduceData>("partition_data")
            .of(&[i32("index"), records("records").nullable()]),
    ]),
]);

/// `FetchRequest`.
pub const FETCH: RequestSchema = request(1, "Fetch", 4, 18).flexible(12).of(&[
    string("cluster_id").since(12).nullable().tag(0),
    i32("replica_id").until(14),
    group("replica_state").since(15).tag(1).of(&[i32("replica_id"), i64("replica_epoch")]),
    i32("max_wait_ms"),
    i32("min_bytes"),
    i32("max_bytes"),
    i8("isolation_level"),
    i32("session_id").since(7),
    i32("session_epoch").since(7),
    array::<fetch_request::FetchTopic>("topics").of(&[
        string("topic").until(12),
        uuid("topic_id").since(13),
        array::<fetch_request::FetchPartition>("partitions").of(&[
            i32("partition"),
            i32("current_leader_epoch").since(9),
            i64("fetch_offset"),
            i32("last_fetched_epoch").since(12),
            i64("log_start_offset").since(5),
            i32("partition_max_bytes"),
            uuid("replica_directory_id").since(17).tag(0),
            i64("high_watermark").since(18).tag(1),
        ]),
    ]),
    array::<fetch_request::ForgottenTopic>("forgotten_topics_data").since(7).of(&[
        string("topic").until(12),
        uuid("topic_id").since(13),
        i32s("partitions"),
    ]),
    string("rack_id").since(11),
]);

/// `ListOffsetsRequest`.
pub const LIST_OFFSETS: RequestSchema = request(2, "ListOffsets", 1, 10).flexible(6).of(&[
    i32("replica_id"),
    i8("isolation_level").since(2),
    array::<list_offsets_request::ListOffsetsTopic>("topics").of(&[
        string("name"),
        array::<list_offsets_request::ListOffsetsPartition>("partitions").of(&[
            i32("partition_index"),
            i32("current_leader_epoch").since(4),
            i64("timestamp"),
        ]),
    ]),
    i32("timeout_ms").since(10),
]);

/// `MetadataRequest`.
pub const METADATA: RequestSchema = request(3, "Metadata", 0, 13).flexible(9).of(&[
    array::<metadata_request::MetadataRequestTopic>("topics")
        .nullable_since(1)
        .of(&[uuid("topic_id").since(10), string("name").nullable_since(10)]),
    bool("allow_auto_topic_creation").since(4),
    bool("include_cluster_authorized_operations").since(8).until(10),
    bool("include_topic_authorized_operations").since(8),
]);

/// `DeleteRecordsRequest`.
pub const DELETE_RECORDS: RequestSchema = request(21, "DeleteRecords", 0, 2).flexible(2).of(&[
    array::<delete_records_request::DeleteRecordsTopic>("topics").of(&[
        string("name"),
        array::<delete_records_request::DeleteRecordsPartition>("partitions")
            .of(&[i32("partition_index"), i64("offset")]),
    ]),
    i32("timeout_ms"),
]);

/// `InitProducerIdRequest`.
pub const INIT_PRODUCER_ID: RequestSchema = request(22, "InitProducerId", 0, 5).flexible(2).of(&[
    string("transactional_id").nullable(),
    i32("transaction_timeout_ms"),
    i64("producer_id").since(3),
    i16("producer_epoch").since(3),
]);

/// `OffsetForLeaderEpochRequest`.
pub const OFFSET_FOR_LEADER_EPOCH: RequestSchema =
    request(23, "OffsetForLeaderEpoch", 2, 4).flexible(4).of(&[
        i32("replica_id").since(3),
        array::<offset_for_leader_epoch_request::OffsetForLeaderTopic>("topics").of(&[
            string("topic"),
            array::<offset_for_leader_epoch_request::OffsetForLeaderPartition>("partitions").of(&[
                i32("partition"),
                i32("current_leader_epoch"),
                i32("leader_epoch"),
            ]),
        ]),
    ]);

/// `AddPartitionsToTxnRequest`.
pub const ADD_PARTITIONS_TO_TXN: RequestSchema =
    request(24, "AddPartitionsToTxn", 0, 5).flexible(3).of(&[
        array::<add_partitions_to_txn_request::AddPartitionsToTxnTransaction>("transactions")
            .since(4)
            .of(&[
                string("transactional_id"),
                i64("producer_id"),
                i16("producer_epoch"),
                bool("verify_only"),
                array::<add_partitions_to_txn_request::AddPartitionsToTxnTopic>("topics")
                    .of(&[string("name"), i32s("partitions")]),
            ]),
        string("v3_and_below_transactional_id").until(3),
        i64("v3_and_below_producer_id").until(3),
        i16("v3_and_below_producer_epoch").until(3),
        array::<add_partitions_to_txn_request::AddPartitionsToTxnTopic>("v3_and_below_topics")
            .until(3)
            .of(&[string("name"), i32s("partitions")]),
    ]);

/// `AddOffsetsToTxnRequest`.
pub const ADD_OFFSETS_TO_TXN: RequestSchema =
    request(25, "AddOffsetsToTxn", 0, 4).flexible(3).of(&[
        string("transactional_id"),
        i64("producer_id"),
        i16("producer_epoch"),
        string("group_id"),
    ]);

/// `EndTxnRequest`.
pub const END_TXN: RequestSchema = request(26, "EndTxn", 0, 5).flexible(3).of(&[
    string("transactional_id"),
    i64("producer_id"),
    i16("producer_epoch"),
    bool("committed"),
]);

/// `WriteTxnMarkersRequest`.
pub const WRITE_TXN_MARKERS: RequestSchema =
    request(27, "WriteTxnMarkers", 1, 1).flexible(1).of(&[array::<
        write_txn_markers_request::WritableTxnMarker,
    >("markers")
    .of(&[
        i64("producer_id"),
        i16("producer_epoch"),
        bool("transaction_result"),
        array::<write_txn_markers_request::WritableTxnMarkerTopic>("topics")
            .of(&[string("name"), i32s("partition_indexes")]),
        i32("coordinator_epoch"),
    ])]);

/// `TxnOffsetCommitRequest`.
pub const TXN_OFFSET_COMMIT: RequestSchema =
    request(28, "TxnOffsetCommit", 0, 5).flexible(3).of(&[
        string("transactional_id"),
        string("group_id"),
        i64("producer_id"),
        i16("producer_epoch"),
        i32("generation_id").since(3),
        string("member_id").since(3),
        string("group_instance_id").since(3).nullable(),
        array::<txn_offset_commit_request::TxnOffsetCommitRequestTopic>("topics").of(&[
            string("name"),
            array::<txn_offset_commit_request::TxnOffsetCommitRequestPartition>("partitions").of(
                &[
                    i32("partition_index"),
                    i64("committed_offset"),
                    i32("committed_leader_epoch").since(2),
                    string("committed_metadata").nullable(),
                ],
            ),
        ]),
    ]);

/// `DescribeProducersRequest`.
pub const DESCRIBE_PRODUCERS: RequestSchema = request(61, "DescribeProducers", 0, 0)
    .flexible(0)
    .of(&[array::<describe_producers_request::TopicRequest>("topics")
        .of(&[string("name"), i32s("partition_indexes")])]);

/// `DescribeTransactionsRequest`.
pub const DESCRIBE_TRANSACTIONS: RequestSchema =
    request(65, "DescribeTransactions", 0, 0).flexible(0).of(&[strings("transactional_ids")]);

/// `ListTransactionsRequest`.
pub const LIST_TRANSACTIONS: RequestSchema =
    request(66, "ListTransactions", 0, 2).flexible(0).of(&[
        strings("state_filters"),
        i64s("producer_id_filters"),
        i64("duration_filter").since(1),
        string("transactional_id_pattern").since(2).nullable(),
    ]);

/// `DescribeTopicPartitionsRequest`.
pub const DESCRIBE_TOPIC_PARTITIONS: RequestSchema =
    request(75, "DescribeTopicPartitions", 0, 0).flexible(0).of(&[
        array::<describe_topic_partitions_request::TopicRequest>("topics").of(&[string("name")]),
        i32("response_partition_limit"),
        group("cursor").nullable().of(&[string("topic_name"), i32("partition_index")]),
    ]);
