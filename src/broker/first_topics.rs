//! Topics of the environment variable `KAFKA_CREATE_TOPICS`, created before clients connect.

use std::collections::BTreeMap;

use crate::broker::state::Broker;
use crate::config::first_topics::{FirstTopic, TOPICS};
use crate::topics::change_error::CreateError;
use crate::topics::changes::NewTopic;
use crate::topics::names;

/// A topic of `KAFKA_CREATE_TOPICS` cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("{TOPICS}: {why}")]
pub struct FirstTopicError {
    why: String,
}

/// Refuses topics that no broker could create, before anything is written.
///
/// # Errors
/// An invalid topic name.
pub fn check(topics: &[FirstTopic]) -> Result<(), FirstTopicError> {
    let fault = topics.iter().find_map(|topic| names::fault(&topic.name));
    fault.map_or(Ok(()), |why| Err(FirstTopicError { why }))
}

impl Broker {
    /// Creates the topics of `KAFKA_CREATE_TOPICS`. Existing topics are left as they are.
    ///
    /// # Errors
    /// The first topic that cannot be created.
    pub fn create_first_topics(&self) -> Result<(), FirstTopicError> {
        let settings = self.settings.now();
        for topic in settings.first_topics() {
            if self.topics.named(&topic.name).is_some() {
                tracing::info!(topic = topic.name, "topic already exists; leaving it as it is");
                continue;
            }
            match self.topics.create_one(new_topic(topic)) {
                Ok(_) => {
                    tracing::info!(
                        topic = topic.name,
                        partitions = topic.partitions,
                        "created topic of {TOPICS}"
                    );
                }
                Err(error) => return Err(refused(&topic.name, &error)),
            }
            if topic.replication_factor > 1 {
                tracing::warn!(
                    topic = topic.name,
                    replication_factor = topic.replication_factor,
                    "created the topic with one replica: there is only one broker"
                );
            }
        }
        Ok(())
    }
}

fn new_topic(topic: &FirstTopic) -> NewTopic {
    let policy = topic.cleanup_policy.clone();
    let configs = policy.map(|policy| ("cleanup.policy".to_owned(), policy));
    NewTopic {
        name: topic.name.clone(),
        partitions: topic.partitions,
        configs: configs.into_iter().collect::<BTreeMap<_, _>>(),
    }
}

fn refused(topic: &str, error: &CreateError) -> FirstTopicError {
    FirstTopicError { why: format!("topic {topic} cannot be created: {error}") }
}
