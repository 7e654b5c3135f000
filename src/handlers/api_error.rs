//! The common form of an error in a response: Kafka's code, and a message for people.

use kafka_protocol::error::ResponseError as Code;

use crate::broker::config_changes::ConfigsError;
use crate::broker::loggers::LoggerError;
use crate::config::error::TopicConfigError;
use crate::handlers::errors;
use crate::log::AppendError;
use crate::metadata::features::FeatureError;
use crate::topics::change_error::{CreateError, GrowError};

/// Why part of a request was refused.
#[derive(Debug)]
pub struct ApiError {
    /// Kafka's error code.
    pub code: Code,
    /// Explains the error to a person, and where possible what to do about it.
    pub message: String,
}

impl ApiError {
    /// Returns an error with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into() }
    }

    /// Returns an INVALID_REQUEST error.
    pub fn invalid_request(message: impl Into<String>) -> ApiError {
        ApiError::new(Code::InvalidRequest, message)
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> ApiError {
        ApiError::new(errors::append_error_code(&error), error.to_string())
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> ApiError {
        ApiError::new(errors::create_error_code(&error), error.to_string())
    }
}

impl From<GrowError> for ApiError {
    fn from(error: GrowError) -> ApiError {
        ApiError::new(errors::grow_error_code(&error), error.to_string())
    }
}

impl From<ConfigsError> for ApiError {
    fn from(error: ConfigsError) -> ApiError {
        ApiError::new(errors::configs_error_code(&error), error.to_string())
    }
}

impl From<LoggerError> for ApiError {
    fn from(error: LoggerError) -> ApiError {
        ApiError::new(errors::logger_error_code(&error), error.to_string())
    }
}

impl From<TopicConfigError> for ApiError {
    fn from(error: TopicConfigError) -> ApiError {
        ApiError::new(Code::InvalidConfig, error.to_string())
    }
}

impl From<FeatureError> for ApiError {
    fn from(error: FeatureError) -> ApiError {
        ApiError::new(Code::InvalidUpdateVersion, error.to_string())
    }
}
