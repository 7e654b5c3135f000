//! The structs that the layers resolve to, which the rest of the program reads.
//!
//! The hot path reads fields, never names. Units are in the field names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::choices::{Cleanup, Compression, Durability, TimestampType};
use crate::config::entry::Entry;
use crate::config::group_config::GroupConfig;
use crate::config::layers::Layers;
use crate::config::listeners::{Listener, RawListeners};
use crate::config::quota::QuotaConfig;
use crate::config::transaction_config::TransactionConfig;
use crate::config::{broker, connections, topic, topic_limits, transaction};

/// The configuration of one topic: its own overrides over the broker's values.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup: Cleanup,
    /// `retention.ms`: how long a closed segment is kept; -1 keeps it for ever.
    pub retention_ms: i64,
    /// `retention.bytes`: the size at which old segments of a partition are deleted; -1 is no
    /// limit.
    pub retention_bytes: i64,
    /// `segment.bytes`: a batch that would exceed it starts a new segment.
    pub segment_bytes: i32,
    /// `segment.ms`: a segment older than this is closed, and a new one started.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: the maximum random reduction of `segment_ms`, drawn for each segment.
    pub segment_jitter_ms: i64,
    /// `max.message.bytes`: the largest batch, its 12-byte prefix included.
    pub max_message_bytes: i32,
    /// `max.decompressed.message.bytes`: the largest record of a compressed batch.
    pub max_decompressed_message_bytes: i32,
    /// `compression.type`.
    pub compression: Compression,
    /// `compression.gzip.level`: -1 or 1 to 9.
    pub compression_gzip_level: i32,
    /// `compression.lz4.level`: 1 to 17.
    pub compression_lz4_level: i32,
    /// `compression.zstd.level`: -131072 to 22.
    pub compression_zstd_level: i32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a timestamp may be behind the broker's clock.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a timestamp may be ahead of the broker's clock.
    pub timestamp_after_max_ms: i64,
    /// `min.insync.replicas`: with more than 1, acks=-1 cannot be satisfied by one node.
    pub min_insync_replicas: i32,
    /// `delete.retention.ms`: how long compaction keeps a tombstone.
    pub delete_retention_ms: i64,
    /// `min.cleanable.dirty.ratio`: the share of a log that must be dirty before it is compacted.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: the minimum time before a record is compacted.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: the maximum time before a record is compacted.
    pub max_compaction_lag_ms: i64,
    /// `index.interval.bytes`: bytes of log between two index entries.
    pub index_interval_bytes: i32,
    /// `segment.index.bytes`: the maximum size of the offset index; a full one starts a new
    /// segment.
    pub segment_index_bytes: i32,
    /// `flush.messages`: records between two syncs.
    pub flush_messages: i64,
    /// `flush.ms`: milliseconds between two syncs.
    pub flush_ms: i64,
    /// `file.delete.delay.ms`: how long a deleted file stays on the disk, renamed.
    pub file_delete_delay_ms: i64,
    /// `producer.id.expiration.ms`, which only the broker has: how long an idle idempotent producer
    /// is remembered.
    pub producer_id_expiration_ms: i64,
    /// `max.producers.per.partition`, which only the broker has: the number of producers to
    /// remember.
    pub producers_max: usize,
    /// `max.producers`, which only the broker has: the same for all partitions together.
    pub producers_max_in_all: usize,
}

impl Default for TopicConfig {
    /// Returns the configuration of a topic without overrides on a broker with defaults.
    fn default() -> TopicConfig {
        TopicConfig::resolve(&BTreeMap::new(), &Layers::default())
    }
}

impl TopicConfig {
    /// Resolves a topic's own values over the broker's.
    pub fn resolve(overrides: &BTreeMap<String, String>, layers: &Layers) -> TopicConfig {
        // One closure for each type of option, so that the list below has only what differs.
        let int = |row: &Entry<i32>| row.resolve_topic(overrides, layers);
        let long = |row: &Entry<i64>| row.resolve_topic(overrides, layers);
        let count = |row: &Entry<i32>| usize::try_from(row.resolve(layers)).unwrap_or(1);
        TopicConfig {
            cleanup: topic::CLEANUP_POLICY.resolve_topic(overrides, layers),
            retention_ms: long(&topic::RETENTION_MS),
            retention_bytes: long(&topic::RETENTION_BYTES),
            segment_bytes: int(&topic::SEGMENT_BYTES),
            segment_ms: long(&topic::SEGMENT_MS),
            segment_jitter_ms: long(&topic::SEGMENT_JITTER_MS),
            max_message_bytes: int(&topic::MAX_MESSAGE_BYTES),
            max_decompressed_message_bytes: int(&topic::MAX_DECOMPRESSED_MESSAGE_BYTES),
            compression: topic::COMPRESSION_TYPE.resolve_topic(overrides, layers),
            compression_gzip_level: int(&topic::COMPRESSION_GZIP_LEVEL),
            compression_lz4_level: int(&topic::COMPRESSION_LZ4_LEVEL),
            compression_zstd_level: int(&topic::COMPRESSION_ZSTD_LEVEL),
            timestamp_type: topic::MESSAGE_TIMESTAMP_TYPE.resolve_topic(overrides, layers),
            timestamp_before_max_ms: long(&topic::MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
            timestamp_after_max_ms: long(&topic::MESSAGE_TIMESTAMP_AFTER_MAX_MS),
            min_insync_replicas: int(&topic::MIN_INSYNC_REPLICAS),
            delete_retention_ms: long(&topic::DELETE_RETENTION_MS),
            min_cleanable_dirty_ratio: topic::MIN_CLEANABLE_DIRTY_RATIO
                .resolve_topic(overrides, layers),
            min_compaction_lag_ms: long(&topic::MIN_COMPACTION_LAG_MS),
            max_compaction_lag_ms: long(&topic::MAX_COMPACTION_LAG_MS),
            index_interval_bytes: int(&topic::INDEX_INTERVAL_BYTES),
            segment_index_bytes: int(&topic::SEGMENT_INDEX_BYTES),
            flush_messages: long(&topic::FLUSH_MESSAGES),
            flush_ms: long(&topic::FLUSH_MS),
            file_delete_delay_ms: long(&topic::FILE_DELETE_DELAY_MS),
            producer_id_expiration_ms: i64::from(
                transaction::PRODUCER_ID_EXPIRATION_MS.resolve(layers),
            ),
            producers_max: count(&topic_limits::MAX_PRODUCERS_PER_PARTITION),
            producers_max_in_all: count(&topic_limits::MAX_PRODUCERS),
        }
    }
}

/// The configuration of the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerConfig {
    /// `node.id`: the id by which clients know this broker.
    pub node_id: i32,
    /// `cluster.id`; `None` if a new data directory gets an id of its own.
    pub cluster_id: Option<String>,
    /// The cluster id for a new data directory; one that has an id keeps it.
    pub first_cluster_id: Option<String>,
    /// `listeners` with the advertised address of each; at least one.
    pub listeners: Vec<Listener>,
    /// `published.port`: the port of the host that leads to the first listener, if it differs.
    pub published_port: Option<u16>,
    /// `log.dirs`: the data directory; `None` means the user's own.
    pub log_dir: Option<PathBuf>,
    /// `durability`.
    pub durability: Durability,
    /// `connections.max.idle.ms`: connections idle for longer are closed; at least 1.
    pub connections_max_idle_ms: i64,
    /// `socket.request.min.bytes.per.second`.
    pub socket_request_min_bytes_per_second: i64,
    /// `socket.request.max.bytes`: the maximum size of a request.
    pub socket_request_max_bytes: i32,
    /// `queued.max.request.bytes`: maximum size of all requests in memory.
    pub queued_max_request_bytes: i64,
    /// `queued.max.decoded.bytes`: maximum memory of all decoded requests.
    pub queued_max_decoded_bytes: i64,
    /// `queued.max.response.bytes`: maximum memory of all responses, over all connections.
    pub queued_max_response_bytes: i64,
    /// `connection.max.response.bytes`: maximum memory of the responses of one connection.
    pub connection_max_response_bytes: i64,
    /// `fetch.max.bytes`: the maximum size of a Fetch response, except for one batch.
    pub fetch_max_bytes: i32,
    /// `max.incremental.fetch.session.cache.slots`: the maximum number of fetch sessions (KIP-227).
    pub max_incremental_fetch_session_cache_slots: i32,
    /// `num.partitions`: of a topic that is created without a number.
    pub num_partitions: i32,
    /// `default.replication.factor`: of a topic that is created without one.
    pub default_replication_factor: i32,
    /// `auto.create.topics.enable`: Metadata may create the topics that it is asked for.
    pub auto_create_topics_enable: bool,
    /// `delete.topic.enable`: DeleteTopics is served.
    pub delete_topic_enable: bool,
    /// The options of groups.
    pub groups: GroupConfig,
    /// The options of transactions.
    pub transactions: TransactionConfig,
    /// The time over which client quotas are averaged.
    pub quotas: QuotaConfig,
    /// `log.retention.check.interval.ms`: how often to check for expired segments.
    pub log_retention_check_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`: how often recovery points are saved.
    pub log_flush_offset_checkpoint_interval_ms: i64,
    /// `max.request.partition.size.limit`: partitions in one DescribeTopicPartitions response.
    pub max_request_partition_size_limit: i32,
}

impl Default for BrokerConfig {
    /// Returns the defaults.
    fn default() -> BrokerConfig {
        BrokerConfig::resolve(&Layers::default())
    }
}

/// Returns the options that define the listeners.
pub fn listeners(layers: &Layers) -> RawListeners {
    RawListeners {
        listeners: broker::LISTENERS.resolve(layers),
        advertised: broker::ADVERTISED_LISTENERS.resolve(layers).unwrap_or_default(),
        protocols: broker::LISTENER_SECURITY_PROTOCOL_MAP.resolve(layers),
        controllers: broker::CONTROLLER_LISTENER_NAMES.resolve(layers).unwrap_or_default(),
    }
}

impl BrokerConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> BrokerConfig {
        let published = u16::try_from(broker::PUBLISHED_PORT.resolve(layers)).unwrap_or(0);
        let cluster_id = broker::CLUSTER_ID.resolve(layers);
        BrokerConfig {
            node_id: broker::NODE_ID.resolve(layers),
            cluster_id: (!cluster_id.is_empty()).then_some(cluster_id),
            first_cluster_id: None,
            // Contradictory values have not passed `Settings::check_consistency`.
            listeners: listeners(layers).resolve().unwrap_or_default(),
            published_port: (published != 0).then_some(published),
            log_dir: broker::LOG_DIRS
                .resolve(layers)
                .into_iter()
                .flatten()
                .next()
                .map(PathBuf::from),
            durability: broker::DURABILITY.resolve(layers),
            connections_max_idle_ms: broker::CONNECTIONS_MAX_IDLE_MS.resolve(layers),
            socket_request_min_bytes_per_second: connections::SOCKET_REQUEST_MIN_BYTES_PER_SECOND
                .resolve(layers),
            socket_request_max_bytes: broker::SOCKET_REQUEST_MAX_BYTES.resolve(layers),
            queued_max_request_bytes: broker::QUEUED_MAX_REQUEST_BYTES.resolve(layers),
            queued_max_decoded_bytes: broker::QUEUED_MAX_DECODED_BYTES.resolve(layers),
            queued_max_response_bytes: broker::QUEUED_MAX_RESPONSE_BYTES.resolve(layers),
            connection_max_response_bytes: broker::CONNECTION_MAX_RESPONSE_BYTES.resolve(layers),
            fetch_max_bytes: broker::FETCH_MAX_BYTES.resolve(layers),
            max_incremental_fetch_session_cache_slots:
                broker::MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS.resolve(layers),
            num_partitions: broker::NUM_PARTITIONS.resolve(layers),
            default_replication_factor: broker::DEFAULT_REPLICATION_FACTOR.resolve(layers),
            auto_create_topics_enable: broker::AUTO_CREATE_TOPICS_ENABLE.resolve(layers),
            delete_topic_enable: broker::DELETE_TOPIC_ENABLE.resolve(layers),
            groups: GroupConfig::resolve(layers),
            transactions: TransactionConfig::resolve(layers),
            quotas: QuotaConfig::resolve(layers),
            log_retention_check_interval_ms: broker::LOG_RETENTION_CHECK_INTERVAL_MS
                .resolve(layers),
            log_flush_offset_checkpoint_interval_ms:
                broker::LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS.resolve(layers).into(),
            max_request_partition_size_limit: broker::MAX_REQUEST_PARTITION_SIZE_LIMIT
                .resolve(layers),
        }
    }
}
