//! Results by topic, in the order in which Kafka's builders add them
//! (`OffsetCommitResponse.Builder`, `OffsetDeleteResponse.Builder`). A topic is what the request
//! names it by: its name, its id, or one of both.

use std::collections::HashMap;
use std::hash::Hash;

/// Results of partitions, by topic.
#[derive(Debug)]
pub struct ByTopic<T, P> {
    topics: Vec<(T, Vec<P>)>,
    at: HashMap<T, usize>,
}

impl<T: Clone + Eq + Hash, P> ByTopic<T, P> {
    /// Creates an empty collection.
    pub fn new() -> ByTopic<T, P> {
        ByTopic { topics: Vec::new(), at: HashMap::new() }
    }

    /// Returns the results of a topic, to add to.
    pub fn of(&mut self, topic: &T) -> &mut Vec<P> {
        let at = *self.at.entry(topic.clone()).or_insert_with(|| {
            self.topics.push((topic.clone(), Vec::new()));
            self.topics.len() - 1
        });
        &mut self.topics[at].1
    }

    /// Adds the results of the group. If there are none before, they stay as they are: a topic that
    /// is named twice is answered twice.
    pub fn merge(&mut self, of_group: Vec<(T, Vec<P>)>) {
        if self.topics.is_empty() {
            self.topics = of_group;
            return;
        }
        for (topic, partitions) in of_group {
            self.of(&topic).extend(partitions);
        }
    }

    /// Returns all topics, in the order in which they were first named.
    pub fn into_topics(self) -> Vec<(T, Vec<P>)> {
        self.topics
    }
}
