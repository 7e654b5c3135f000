//! Results by topic, in the order in which Kafka's builders add them
//! (`OffsetCommitResponse.Builder`, `OffsetDeleteResponse.Builder`).

use std::collections::HashMap;

use kafka_protocol::messages::TopicName;

/// Results of partitions, by topic.
#[derive(Debug)]
pub struct ByTopic<P> {
    topics: Vec<(TopicName, Vec<P>)>,
    at: HashMap<TopicName, usize>,
}

impl<P> ByTopic<P> {
    /// Creates an empty collection.
    pub fn new() -> ByTopic<P> {
        ByTopic { topics: Vec::new(), at: HashMap::new() }
    }

    /// Returns the results of a topic, to add to.
    pub fn of(&mut self, name: &TopicName) -> &mut Vec<P> {
        let at = *self.at.entry(name.clone()).or_insert_with(|| {
            self.topics.push((name.clone(), Vec::new()));
            self.topics.len() - 1
        });
        &mut self.topics[at].1
    }

    /// Adds the results of the group. If there are none before, they stay as they are: a topic that
    /// is named twice is answered twice.
    pub fn merge(&mut self, of_group: Vec<(TopicName, Vec<P>)>) {
        if self.topics.is_empty() {
            self.topics = of_group;
            return;
        }
        for (name, partitions) in of_group {
            self.of(&name).extend(partitions);
        }
    }

    /// Returns all topics, in the order in which they were first named.
    pub fn into_topics(self) -> Vec<(TopicName, Vec<P>)> {
        self.topics
    }
}
