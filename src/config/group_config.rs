//! The resolved options of groups and committed offsets.

use std::collections::BTreeMap;

use crate::config::choices::{Assignor, GroupProtocol, MigrationPolicy};
use crate::config::layers::Layers;
use crate::config::resources::{self, ResourceOption};
use crate::config::{consumer_group, group};

/// The options of the group coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.coordinator.rebalance.protocols`; classic is among them.
    pub rebalance_protocols: Vec<GroupProtocol>,
    /// The options of consumer groups.
    pub consumer: ConsumerGroupConfig,
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
            rebalance_protocols: group::GROUP_COORDINATOR_REBALANCE_PROTOCOLS.resolve(layers),
            consumer: ConsumerGroupConfig::resolve(layers),
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

/// The options of consumer groups (KIP-848) that only the broker has. Those that groups have as
/// well are in [`DynamicGroupConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupConfig {
    /// `group.consumer.max.size`: members of one group.
    pub max_size: i32,
    /// `group.consumer.assignors`: at least one; the first is the default.
    pub assignors: Vec<Assignor>,
    /// `group.consumer.migration.policy`.
    pub migration_policy: MigrationPolicy,
    /// `group.consumer.regex.refresh.interval.ms`.
    pub regex_refresh_interval_ms: i32,
}

impl ConsumerGroupConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> ConsumerGroupConfig {
        ConsumerGroupConfig {
            max_size: consumer_group::GROUP_CONSUMER_MAX_SIZE.resolve(layers),
            assignors: consumer_group::GROUP_CONSUMER_ASSIGNORS.resolve(layers),
            migration_policy: consumer_group::GROUP_CONSUMER_MIGRATION_POLICY.resolve(layers),
            regex_refresh_interval_ms: consumer_group::GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS
                .resolve(layers),
        }
    }
}

/// The configuration of one group: its own configs over the broker's, within the broker's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicGroupConfig {
    /// `consumer.session.timeout.ms`.
    pub consumer_session_timeout_ms: i32,
    /// `consumer.heartbeat.interval.ms`.
    pub consumer_heartbeat_interval_ms: i32,
    /// `consumer.assignment.interval.ms`.
    pub consumer_assignment_interval_ms: i32,
}

impl DynamicGroupConfig {
    /// Resolves a group's own configs over the broker's.
    pub fn resolve(configs: &BTreeMap<String, String>, layers: &Layers) -> DynamicGroupConfig {
        let int = |option: ResourceOption| {
            i32::try_from(option.number(configs, layers)).unwrap_or(i32::MAX)
        };
        DynamicGroupConfig {
            consumer_session_timeout_ms: int(resources::CONSUMER_SESSION_TIMEOUT_MS),
            consumer_heartbeat_interval_ms: int(resources::CONSUMER_HEARTBEAT_INTERVAL_MS),
            consumer_assignment_interval_ms: int(resources::CONSUMER_ASSIGNMENT_INTERVAL_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{Flag, Settings};

    fn on_a_broker_with(settings: &[(&str, &str)]) -> Settings {
        let flag = |(name, value): &(&str, &str)| Flag {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            origin: "--set".to_owned(),
        };
        Settings::load(None, [], &settings.iter().map(flag).collect::<Vec<_>>()).unwrap()
    }

    /// Returns the session timeout, heartbeat interval and assignment interval of a group.
    fn of_group(settings: &Settings, configs: &[(&str, &str)]) -> [i32; 3] {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let group = settings.group(&configs.iter().map(pair).collect());
        [
            group.consumer_session_timeout_ms,
            group.consumer_heartbeat_interval_ms,
            group.consumer_assignment_interval_ms,
        ]
    }

    #[test]
    fn a_group_has_its_own_configs_or_else_the_brokers() {
        let session = ("consumer.session.timeout.ms", "50000");
        assert_eq!(of_group(&Settings::default(), &[]), [45_000, 5000, 1000]);
        assert_eq!(of_group(&Settings::default(), &[session]), [50_000, 5000, 1000]);
        let broker = on_a_broker_with(&[
            ("group.consumer.session.timeout.ms", "55000"),
            ("group.consumer.heartbeat.interval.ms", "6000"),
        ]);
        assert_eq!(of_group(&broker, &[]), [55_000, 6000, 1000]);
        let interval = ("consumer.assignment.interval.ms", "0");
        assert_eq!(of_group(&broker, &[session, interval]), [50_000, 6000, 0]);
    }

    #[test]
    fn what_is_out_of_the_brokers_bounds_is_moved_to_the_nearest() {
        let configs = [
            ("consumer.session.timeout.ms", "1"),
            ("consumer.heartbeat.interval.ms", "60000"),
            ("consumer.assignment.interval.ms", "15001"),
        ];
        assert_eq!(of_group(&Settings::default(), &configs), [45_000, 15_000, 15_000]);
        let (name, value) = configs[1];
        let heartbeat = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(Settings::default().out_of_bounds(&heartbeat), [name]);
        let wide = on_a_broker_with(&[
            ("group.consumer.max.heartbeat.interval.ms", "60000"),
            ("group.consumer.max.session.timeout.ms", "70000"),
        ]);
        assert_eq!(wide.out_of_bounds(&heartbeat), [""; 0]);
        let narrow = on_a_broker_with(&[("group.consumer.max.assignment.interval.ms", "2000")]);
        let set = [("group.consumer.assignment.interval.ms".to_owned(), "9000".to_owned())];
        let live = narrow.with_live(&set.into(), &BTreeMap::new());
        assert_eq!(of_group(&live, &[])[2], 2000, "a value that was set when there was no bound");
    }

    #[test]
    fn consumer_groups_have_the_options_of_kafka() {
        let config = GroupConfig::default();
        assert_eq!(config.consumer.assignors, [Assignor::Uniform, Assignor::Range]);
        assert_eq!(config.consumer.migration_policy, MigrationPolicy::Bidirectional);
        assert!(config.rebalance_protocols.contains(&GroupProtocol::Consumer));
        let set = on_a_broker_with(&[
            ("group.consumer.assignors", "range"),
            ("group.consumer.migration.policy", "Upgrade"),
            ("group.consumer.max.size", "7"),
            ("group.consumer.regex.refresh.interval.ms", "10000"),
            ("group.coordinator.rebalance.protocols", "classic"),
        ]);
        let groups = set.broker().groups;
        assert_eq!(
            groups.consumer,
            ConsumerGroupConfig {
                max_size: 7,
                assignors: vec![Assignor::Range],
                migration_policy: MigrationPolicy::Upgrade,
                regex_refresh_interval_ms: 10_000,
            }
        );
        assert_eq!(groups.rebalance_protocols, [GroupProtocol::Classic]);
        assert_eq!(set.unused_settings(), []);
    }
}
