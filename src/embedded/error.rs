//! Reasons why an embedded broker has not started, or has not stopped cleanly.

use std::io;

use crate::broker::first_topics::FirstTopicError;
use crate::broker::start;
use crate::config::error::ConfigError;
use crate::storage::datadir::DataDirError;

/// Why a broker has not started. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A config is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody has said where everything is to be kept.
    #[error(
        "nothing says where the data is kept: call ephemeral(), or name a directory with data_dir()"
    )]
    NoDirectory,
    /// Somebody has said it twice.
    #[error("a broker with a directory of its own ({0}) cannot be ephemeral")]
    TwoDirectories(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A topic that was to be there cannot be created.
    #[error(transparent)]
    FirstTopic(#[from] FirstTopicError),
    /// Nobody can listen there.
    #[error(transparent)]
    Listen(io::Error),
    /// The system gives no threads, or no temporary directory.
    #[error("the system refuses {what}: {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it said.
        error: io::Error,
    },
    /// The thread that was to start it has panicked.
    #[error("the broker's thread has ended at its start")]
    Ended,
}

impl From<start::StartError> for StartError {
    fn from(error: start::StartError) -> StartError {
        match error {
            start::StartError::DataDir(error) => StartError::DataDir(error),
            start::StartError::Config(error) => StartError::Config(error),
            start::StartError::FirstTopic(error) => StartError::FirstTopic(error),
        }
    }
}

/// Why a broker has not stopped in good order. It has ended all the same.
#[derive(Debug, thiserror::Error)]
#[error("the broker was not stopped cleanly: {0}")]
pub struct StopError(pub String);
