//! Index of the groups that have committed offsets of a topic, for the deletion of topics.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::groups::visits::visit;

/// Topics with committed offsets, each with its groups.
#[derive(Debug, Default)]
pub struct CommittedTopics {
    groups_of: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl CommittedTopics {
    /// Registers an offset of this topic in a group. Returns the topic's name, of which all groups
    /// share one copy.
    pub fn add(&mut self, topic: &str, group: &Arc<str>) -> Arc<str> {
        visit();
        let known = self.groups_of.get_key_value(topic).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| Arc::from(topic));
        self.groups_of.entry(name.clone()).or_default().insert(group.clone());
        name
    }

    /// Removes a group that has no offsets of this topic any more.
    pub fn remove(&mut self, topic: &str, group: &str) {
        visit();
        let Some(groups) = self.groups_of.get_mut(topic) else { return };
        groups.remove(group);
        if groups.is_empty() {
            self.groups_of.remove(topic);
        }
    }

    /// Iterates over the groups that have offsets of a topic, in order of their ids.
    pub fn groups_of(&self, topic: &str) -> impl Iterator<Item = &Arc<str>> {
        let groups = self.groups_of.get(topic).into_iter().flatten();
        groups.inspect(|_| visit())
    }

    /// Returns whether a group has offsets of the topic.
    pub fn contains(&self, topic: &str) -> bool {
        self.groups_of.contains_key(topic)
    }

    /// Returns whether the group is registered for the topic.
    #[cfg(test)]
    pub fn has(&self, topic: &str, group: &str) -> bool {
        self.groups_of.get(topic).is_some_and(|groups| groups.contains(group))
    }

    /// Returns all topics.
    pub fn names(&self) -> BTreeSet<String> {
        self.groups_of.keys().map(|name| name.to_string()).collect()
    }
}
