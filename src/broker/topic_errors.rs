//! Reasons why a topic was not created or not given more partitions.

use crate::log::AppendError;

/// There are as many topics or partitions as the broker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The broker takes at most {max} {what} and has {has}; {wanted} more would exceed that. Delete \
     topics, or raise {option}."
)]
pub struct TopicLimitReached {
    /// What is limited: `topics` or `partitions`.
    pub what: &'static str,
    /// The option that limits it.
    pub option: &'static str,
    /// Its value.
    pub max: usize,
    /// How many there are.
    pub has: usize,
    /// How many more were asked for.
    pub wanted: usize,
}

/// Why a topic was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one of that name.
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    /// It is where the broker keeps what it knows of topics.
    #[error("Creation of internal topic {0} is prohibited.")]
    Reserved(String),
    /// A name that differs only by `.` and `_` exists; Kafka's metrics could not tell them apart.
    #[error("Topic '{name}' collides with existing topic: {existing}")]
    Collides {
        /// The wanted name.
        name: String,
        /// The name that is there.
        existing: String,
    },
    /// There are as many topics or partitions as there may be.
    #[error(transparent)]
    NoRoom(#[from] TopicLimitReached),
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why a topic was not given more partitions.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// There is no such topic.
    #[error("there is no such topic")]
    Unknown,
    /// Partitions are never taken away.
    #[error("{}", not_more(name, *has, *wanted))]
    NotMore {
        /// The topic.
        name: String,
        /// How many there are.
        has: i32,
        /// How many were wanted.
        wanted: i32,
    },
    /// There are as many partitions as there may be.
    #[error(transparent)]
    NoRoom(#[from] TopicLimitReached),
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Kafka's two sentences for it.
fn not_more(name: &str, has: i32, wanted: i32) -> String {
    if has == wanted {
        return format!("Topic already has {has} partition(s).");
    }
    format!("The topic {name} currently has {has} partition(s); {wanted} would not be an increase.")
}
