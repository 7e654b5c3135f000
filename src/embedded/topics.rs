//! The topics of an embedded broker, as plain types.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError as Code;

use crate::client::admin;
use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::types::TopicId;

/// A topic to be created. Made from a name alone, it has the broker's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    name: String,
    partitions: Option<i32>,
    configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// Returns a topic with `num.partitions` partitions and default configs.
    pub fn new(name: impl Into<String>) -> NewTopic {
        NewTopic { name: name.into(), partitions: None, configs: BTreeMap::new() }
    }

    /// Sets the number of partitions, at least 1.
    pub fn partitions(mut self, count: i32) -> NewTopic {
        self.partitions = Some(count);
        self
    }

    /// Sets a config by its Kafka topic config name: `retention.ms`, `cleanup.policy`.
    pub fn config(mut self, name: impl Into<String>, value: impl ToString) -> NewTopic {
        self.configs.insert(name.into(), value.to_string());
        self
    }
}

impl From<&str> for NewTopic {
    fn from(name: &str) -> NewTopic {
        NewTopic::new(name)
    }
}

impl From<String> for NewTopic {
    fn from(name: String) -> NewTopic {
        NewTopic::new(name)
    }
}

/// An existing topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id. A topic that is deleted and created again gets a new one.
    pub id: TopicId,
    /// The number of partitions.
    pub partitions: usize,
}

/// Why a topic was not created, deleted or listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// A topic of that name exists.
    #[error("the topic {0} already exists")]
    Exists(String),
    /// There is no topic of that name.
    #[error("there is no topic {0}")]
    Unknown(String),
    /// The name, the number of partitions or a config is invalid.
    #[error("the topic {topic} cannot be created: {message}")]
    Invalid {
        /// The requested name.
        topic: String,
        /// The broker's error message.
        message: String,
    },
    /// Refused for another reason.
    #[error("{message} (error code {code})")]
    Refused {
        /// Kafka's error code.
        code: i16,
        /// The broker's error message.
        message: String,
    },
    /// The broker does not answer.
    #[error("the broker does not answer: {0}")]
    Lost(String),
}

impl TopicError {
    fn of(topic: &str, error: ClientError) -> TopicError {
        let ClientError::Refused(refusal) = error else {
            return TopicError::Lost(error.to_string());
        };
        let topic = topic.to_owned();
        match Code::try_from_code(refusal.code) {
            Some(Code::TopicAlreadyExists) => TopicError::Exists(topic),
            Some(Code::UnknownTopicOrPartition) => TopicError::Unknown(topic),
            Some(
                Code::InvalidTopicException
                | Code::InvalidPartitions
                | Code::InvalidConfig
                | Code::PolicyViolation,
            ) => TopicError::Invalid { topic, message: refusal.words() },
            _ => TopicError::Refused { code: refusal.code, message: refusal.words() },
        }
    }
}

/// Creates a topic.
///
/// # Errors
/// The broker refuses or does not answer.
pub async fn create(mut cluster: Cluster, topic: NewTopic) -> Result<(), TopicError> {
    let NewTopic { name, partitions, configs } = topic;
    let wanted =
        admin::NewTopic { name: name.clone(), partitions, configs, ..admin::NewTopic::default() };
    let created = admin::create_topic(&mut cluster, &wanted, false).await;
    created.map_err(|error| TopicError::of(&name, error))
}

/// Deletes a topic.
///
/// # Errors
/// The broker refuses or does not answer.
pub async fn delete(mut cluster: Cluster, name: String) -> Result<(), TopicError> {
    let deleted = admin::delete_topic(&mut cluster, &name).await;
    deleted.map_err(|error| TopicError::of(&name, error))
}

/// Returns all topics except internal ones, sorted by name.
///
/// # Errors
/// The broker does not answer.
pub async fn list(mut cluster: Cluster) -> Result<Vec<Topic>, TopicError> {
    let all = cluster.all_topics().await.map_err(|error| TopicError::of("", error))?;
    let of_clients = all.into_iter().filter(|topic| !topic.is_internal);
    let shown = of_clients.map(|topic| Topic {
        name: topic.name,
        id: topic.id,
        partitions: topic.partitions.len(),
    });
    Ok(shown.collect())
}
