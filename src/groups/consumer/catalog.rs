//! The topics of the broker as a consumer group sees them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::sync::RwLock;
use crate::types::TopicId;

/// A topic that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its id.
    pub id: TopicId,
    /// The number of its partitions.
    pub partitions: i32,
}

/// The topics that exist.
pub trait TopicCatalog: Debug + Send + Sync {
    /// Returns a number that is another one after each change of the topics, and never comes back
    /// while the process runs.
    fn version(&self) -> i64;

    /// Returns a topic by name.
    fn named(&self, name: &str) -> Option<TopicInfo>;

    /// Returns the name of a topic.
    fn name_of(&self, id: TopicId) -> Option<String>;
}

/// Topics in memory alone, for tests and benches.
#[derive(Debug, Default)]
pub struct TopicsInMemory(RwLock<(i64, BTreeMap<String, TopicInfo>)>);

impl TopicsInMemory {
    /// Creates a topic, or gives it this many partitions.
    pub fn put(&self, name: &str, partitions: i32) {
        let mut topics = self.0.write();
        topics.0 += 1;
        // A topic that comes back is another one, and one history always has the same ids.
        let fresh = TopicInfo { id: TopicId::from_u128(topics.0 as u128), partitions };
        topics.1.entry(name.to_owned()).or_insert(fresh).partitions = partitions;
    }

    /// Deletes a topic.
    pub fn remove(&self, name: &str) {
        let mut topics = self.0.write();
        topics.0 += 1;
        topics.1.remove(name);
    }

    /// Returns the topics whose names satisfy a condition.
    pub fn matching(&self, mut condition: impl FnMut(&str) -> bool) -> Vec<String> {
        self.0.read().1.keys().filter(|name| condition(name)).cloned().collect()
    }
}

impl TopicCatalog for TopicsInMemory {
    fn version(&self) -> i64 {
        self.0.read().0
    }

    fn named(&self, name: &str) -> Option<TopicInfo> {
        self.0.read().1.get(name).copied()
    }

    fn name_of(&self, id: TopicId) -> Option<String> {
        let topics = self.0.read();
        topics.1.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name.clone())
    }
}
