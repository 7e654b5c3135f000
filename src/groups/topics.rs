//! Which groups have offsets of which topic: what a deleted topic is looked up in.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::groups::visits::visit;

/// Topics of which something is committed, each with its groups.
#[derive(Debug, Default)]
pub struct Topics {
    groups_of: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Topics {
    /// Notes that a group has an offset of this topic. Returns the topic's name, of which all
    /// groups keep the same copy.
    pub fn add(&mut self, topic: &str, group: &Arc<str>) -> Arc<str> {
        visit();
        let known = self.groups_of.get_key_value(topic).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| Arc::from(topic));
        self.groups_of.entry(name.clone()).or_default().insert(group.clone());
        name
    }

    /// Notes that a group has no offset of this topic any more.
    pub fn remove(&mut self, topic: &str, group: &str) {
        visit();
        let Some(groups) = self.groups_of.get_mut(topic) else { return };
        groups.remove(group);
        if groups.is_empty() {
            self.groups_of.remove(topic);
        }
    }

    /// Walks through the groups that have offsets of a topic, by id.
    pub fn groups_of(&self, topic: &str) -> impl Iterator<Item = &Arc<str>> {
        let groups = self.groups_of.get(topic).into_iter().flatten();
        groups.inspect(|_| visit())
    }

    /// Returns whether a group is noted for a topic.
    #[cfg(test)]
    pub fn has(&self, topic: &str, group: &str) -> bool {
        self.groups_of.get(topic).is_some_and(|groups| groups.contains(group))
    }

    /// Returns all topics.
    pub fn names(&self) -> BTreeSet<String> {
        self.groups_of.keys().map(|name| name.to_string()).collect()
    }
}
