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
pub struct ApiError {
    code: Code,
    message: String,
}

/// A fault of the request.
pub fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError { code: Code::InvalidRequest, message: message.into() }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> ApiError {
        ApiError {
            code: crate::handlers::errors::append_error_code(&error),
            message: error.to_string(),
        }
    }
}

impl From<ConfigsError> for ApiError {
    fn from(error: ConfigsError) -> ApiError {
        ApiError {
            code: crate::handlers::errors::configs_error_code(&error),
            message: error.to_string(),
        }
    }
}

impl From<LoggerError> for ApiError {
    fn from(error: LoggerError) -> ApiError {
        ApiError {
            code: crate::handlers::errors::logger_error_code(&error),
            message: error.to_string(),
        }
    }
}

impl From<TopicConfigError> for ApiError {
    fn from(error: TopicConfigError) -> ApiError {
        ApiError { code: Code::InvalidConfig, message: error.to_string() }
    }
}
