//! Configs of topics, the broker, its loggers, groups and client metrics, and client quotas, read
//! and changed.

use kafka_protocol::error::ResponseError as Code;

use crate::broker::config_changes::ConfigsError;
use crate::broker::loggers::LoggerError;
use crate::config::error::TopicConfigError;
use crate::log::AppendError;
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

/// Kafka's number for a topic among the resources.
pub const TOPIC: i8 = TOPIC_RESOURCE;
/// Kafka's number for a broker.
pub const BROKER: i8 = BROKER_RESOURCE;
/// Kafka's number for a broker's loggers.
pub const BROKER_LOGGER: i8 = 8;
/// Kafka's number for a client metrics subscription.
pub const CLIENT_METRICS: i8 = CLIENT_METRICS_RESOURCE;
/// Kafka's number for a group.
pub const GROUP: i8 = GROUP_RESOURCE;

/// Why configs were not told or changed, for the one who asked.
#[derive(Debug)]
pub struct Fault {
    code: Code,
    message: String,
}

/// A fault of the request.
pub fn invalid_request(message: impl Into<String>) -> Fault {
    Fault { code: Code::InvalidRequest, message: message.into() }
}

impl From<AppendError> for Fault {
    fn from(error: AppendError) -> Fault {
        Fault { code: crate::handlers::errors::of_append(&error), message: error.to_string() }
    }
}

impl From<ConfigsError> for Fault {
    fn from(error: ConfigsError) -> Fault {
        Fault { code: crate::handlers::errors::of_configs(&error), message: error.to_string() }
    }
}

impl From<LoggerError> for Fault {
    fn from(error: LoggerError) -> Fault {
        Fault { code: crate::handlers::errors::of_logger(&error), message: error.to_string() }
    }
}

impl From<TopicConfigError> for Fault {
    fn from(error: TopicConfigError) -> Fault {
        Fault { code: Code::InvalidConfig, message: error.to_string() }
    }
}
