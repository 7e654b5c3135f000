//! Configs of topics and of the broker, and client quotas, read and changed.

use crate::config::error::TopicConfigError;

pub mod alter_client_quotas;
pub mod alter_configs;
pub mod describe_client_quotas;
pub mod describe_configs;
pub mod incremental_alter_configs;
pub mod list_config_resources;

/// Kafka's number for a topic among the resources.
pub const TOPIC: i8 = 2;
/// Kafka's number for a broker.
pub const BROKER: i8 = 4;
/// Kafka's number for a broker's loggers.
pub const BROKER_LOGGER: i8 = 8;

/// Why configs were not changed, for the one who asked.
#[derive(Debug)]
pub struct Fault {
    code: kafka_protocol::error::ResponseError,
    message: String,
}

impl From<crate::log::AppendError> for Fault {
    fn from(error: crate::log::AppendError) -> Fault {
        Fault { code: crate::handlers::errors::of_append(&error), message: error.to_string() }
    }
}

impl From<TopicConfigError> for Fault {
    fn from(error: TopicConfigError) -> Fault {
        let code = kafka_protocol::error::ResponseError::InvalidConfig;
        Fault { code, message: error.to_string() }
    }
}
