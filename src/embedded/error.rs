//! Reasons why an embedded broker has not started, or has not stopped cleanly.

use std::io;

use crate::broker::first_topics::FirstTopicError;
use crate::broker::start;
use crate::config::error::ConfigError;
use crate::server::boot::BootError;
use crate::storage::datadir::DataDirError;

/// Why a broker did not start. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A config is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No data directory was given.
    #[error("no data directory: call ephemeral(), or set a directory with data_dir()")]
    NoDirectory,
    /// Both a data directory and an ephemeral one were asked for.
    #[error("a broker with a data directory ({0}) cannot be ephemeral")]
    TwoDirectories(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(DataDirError),
    /// A topic of `KAFKA_CREATE_TOPICS` cannot be created.
    #[error(transparent)]
    FirstTopic(FirstTopicError),
    /// The broker cannot listen on an address.
    #[error(transparent)]
    Listen(io::Error),
    /// The operating system refuses threads or a temporary directory.
    #[error("could not create {what}: {error}")]
    System {
        /// What could not be created.
        what: &'static str,
        /// The operating system's error.
        error: io::Error,
    },
    /// The thread that starts the broker panicked.
    #[error("the broker's thread ended during the start")]
    Ended,
}

impl From<BootError> for StartError {
    fn from(error: BootError) -> StartError {
        match error {
            BootError::Start(start::StartError::DataDir(error)) => StartError::DataDir(error),
            BootError::Start(start::StartError::Config(error)) => StartError::Config(error),
            BootError::Start(start::StartError::FirstTopic(error)) => StartError::FirstTopic(error),
            BootError::Listen(error) => StartError::Listen(error),
        }
    }
}

/// An unclean stop. The broker has ended nevertheless.
#[derive(Debug, thiserror::Error)]
#[error("the broker was not stopped cleanly: {0}")]
pub struct StopError(pub String);
