//! The resolved options of groups and committed offsets.

use crate::config::group;
use crate::config::layers::Layers;

/// The options of the group coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay_ms: i32,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout_ms: i32,
    /// `group.max.size`: members of one group.
    pub max_size: i32,
    /// `group.max.count`: groups.
    pub max_count: i32,
    /// `group.max.bytes`: memory of the members of one group.
    pub max_bytes: i32,
    /// `group.member.max.bytes`: size of one member.
    pub member_max_bytes: i32,
    /// `group.coordinator.max.bytes`: memory of all groups.
    pub coordinator_max_bytes: i64,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_max_bytes: i32,
    /// `offsets.retention.minutes`, in ms.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval_ms: i64,
    /// `offsets.topic.num.partitions`.
    pub offsets_topic_num_partitions: i32,
    /// `offsets.topic.segment.bytes`.
    pub offsets_topic_segment_bytes: i32,
}

impl Default for GroupConfig {
    /// Returns the defaults.
    fn default() -> GroupConfig {
        GroupConfig::resolve(&Layers::default())
    }
}

impl GroupConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> GroupConfig {
        GroupConfig {
            initial_rebalance_delay_ms: group::GROUP_INITIAL_REBALANCE_DELAY_MS.resolve(layers),
            min_session_timeout_ms: group::GROUP_MIN_SESSION_TIMEOUT_MS.resolve(layers),
            max_session_timeout_ms: group::GROUP_MAX_SESSION_TIMEOUT_MS.resolve(layers),
            max_size: group::GROUP_MAX_SIZE.resolve(layers),
            max_count: group::GROUP_MAX_COUNT.resolve(layers),
            max_bytes: group::GROUP_MAX_BYTES.resolve(layers),
            member_max_bytes: group::GROUP_MEMBER_MAX_BYTES.resolve(layers),
            coordinator_max_bytes: group::GROUP_COORDINATOR_MAX_BYTES.resolve(layers),
            offset_metadata_max_bytes: group::OFFSET_METADATA_MAX_BYTES.resolve(layers),
            offsets_retention_ms: i64::from(group::OFFSETS_RETENTION_MINUTES.resolve(layers))
                * 60_000,
            offsets_retention_check_interval_ms: group::OFFSETS_RETENTION_CHECK_INTERVAL_MS
                .resolve(layers),
            offsets_topic_num_partitions: group::OFFSETS_TOPIC_NUM_PARTITIONS.resolve(layers),
            offsets_topic_segment_bytes: group::OFFSETS_TOPIC_SEGMENT_BYTES.resolve(layers),
        }
    }
}
