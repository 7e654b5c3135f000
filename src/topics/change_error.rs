//! Reasons why a topic was not created or not given more partitions.

use crate::log::AppendError;

/// A limit on topics or partitions is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The broker takes at most {max} {what} and has {has}; {wanted} more would exceed that. Delete \
     topics, or raise {option}."
)]
pub struct TopicLimitReached {
    /// What is limited: `topics` or `partitions`.
    pub what: &'static str,
    /// The option that sets the limit.
    pub option: &'static str,
    /// The limit.
    pub max: usize,
    /// The current number.
    pub has: usize,
    /// How many more were requested.
    pub wanted: usize,
}

/// No partition can be created, as the data directory is cordoned (`cordoned.log.dirs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("All brokers are currently fenced, or have all their log directories cordoned.")]
pub struct Cordoned;

/// Why a topic was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A topic of that name exists.
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    /// The name is that of the metadata log.
    #[error("Creation of internal topic {0} is prohibited.")]
    Reserved(String),
    /// The name differs from another only by `.` and `_`, which Kafka's metrics could not tell
    /// apart.
    #[error("Topic '{name}' collides with existing topic: {existing}")]
    Collides {
        /// The requested name.
        name: String,
        /// The existing name.
        existing: String,
    },
    /// The limit on topics or partitions is reached.
    #[error(transparent)]
    NoRoom(#[from] TopicLimitReached),
    /// The data directory is cordoned.
    #[error(transparent)]
    Cordoned(#[from] Cordoned),
    /// The metadata log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why a topic's partitions were not increased.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// There is no such topic.
    #[error("there is no such topic")]
    Unknown,
    /// The number of partitions never decreases.
    #[error("{}", not_more(name, *has, *wanted))]
    NotMore {
        /// The topic.
        name: String,
        /// The current number of partitions.
        has: i32,
        /// The requested number of partitions.
        wanted: i32,
    },
    /// The limit on partitions is reached.
    #[error(transparent)]
    NoRoom(#[from] TopicLimitReached),
    /// The data directory is cordoned.
    #[error(transparent)]
    Cordoned(#[from] Cordoned),
    /// The metadata log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Returns Kafka's message for each of the two cases.
fn not_more(name: &str, has: i32, wanted: i32) -> String {
    if has == wanted {
        return format!("Topic already has {has} partition(s).");
    }
    format!("The topic {name} currently has {has} partition(s); {wanted} would not be an increase.")
}
