//! Describing and changing the configs of topics, the broker, its loggers, groups and client
//! metrics, and client quotas.

use crate::metadata::image::{
    BROKER_RESOURCE, CLIENT_METRICS_RESOURCE, GROUP_RESOURCE, TOPIC_RESOURCE,
};

pub mod alter_client_quotas;
pub mod alter_configs;
pub mod change;
pub mod describe_client_quotas;
pub mod describe_configs;
pub mod incremental_alter_configs;
pub mod list_config_resources;
pub mod update_features;

/// Kafka's resource type of topics.
pub const TOPIC: i8 = TOPIC_RESOURCE;
/// Kafka's resource type of brokers.
pub const BROKER: i8 = BROKER_RESOURCE;
/// Kafka's resource type of a broker's loggers.
pub const BROKER_LOGGER: i8 = 8;
/// Kafka's resource type of client metrics subscriptions.
pub const CLIENT_METRICS: i8 = CLIENT_METRICS_RESOURCE;
/// Kafka's resource type of groups.
pub const GROUP: i8 = GROUP_RESOURCE;

/// All resource types that have configs.
pub const RESOURCE_TYPES: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];
