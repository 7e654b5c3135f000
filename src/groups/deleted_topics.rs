//! Deleted topics whose offsets have not all been removed yet.

use std::collections::BTreeMap;

/// Deleted topics, each with the time of its deletion, ms since 1970.
#[derive(Debug, Default)]
pub struct DeletedTopics {
    topics: BTreeMap<String, i64>,
    /// When to continue, monotonic ms.
    due_ms: Option<i64>,
}

impl DeletedTopics {
    /// Adds a topic. Unless there is progress before, removing its offsets is tried again at
    /// `due_ms`, monotonic ms.
    pub fn insert(&mut self, topic: &str, deleted_ms: i64, due_ms: i64) {
        self.topics.insert(topic.to_owned(), deleted_ms);
        self.due_ms = Some(due_ms);
    }

    /// Removes a topic.
    pub fn remove(&mut self, topic: &str) {
        self.topics.remove(topic);
        self.due_ms = self.due_ms.filter(|_| !self.topics.is_empty());
    }

    /// Continues at once if the topic is one of these: another offset of it has been removed.
    pub fn made_progress(&mut self, topic: &str, now_mono_ms: i64) {
        if self.topics.contains_key(topic) {
            self.due_ms = Some(now_mono_ms);
        }
    }

    /// Returns the first topic with the time of its deletion.
    pub fn first(&self) -> Option<(String, i64)> {
        self.topics.first_key_value().map(|(topic, deleted_ms)| (topic.clone(), *deleted_ms))
    }

    /// Returns when to continue, monotonic ms.
    pub fn due_ms(&self) -> Option<i64> {
        self.due_ms
    }
}
