//! Name and id → live partitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::sync::RwLock;
use crate::topics::partition::Partition;
use crate::types::TopicId;

/// One live topic.
#[derive(Debug)]
pub struct LiveTopic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: TopicId,
    /// Its partitions, by index.
    pub partitions: Vec<Arc<Partition>>,
}

#[derive(Debug, Default)]
struct TopicIndex {
    by_name: BTreeMap<String, Arc<LiveTopic>>,
    by_id: HashMap<TopicId, Arc<LiveTopic>>,
}

/// The live topics.
#[derive(Debug, Default)]
pub struct Registry {
    index: RwLock<TopicIndex>,
    /// The number of changes so far.
    version: AtomicI64,
}

impl Registry {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, TopicIndex> {
        self.index.read()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, TopicIndex> {
        self.index.write()
    }

    /// Returns a topic by name.
    pub fn named(&self, name: &str) -> Option<Arc<LiveTopic>> {
        self.read().by_name.get(name).cloned()
    }

    /// Returns a topic by id.
    pub fn with_id(&self, id: TopicId) -> Option<Arc<LiveTopic>> {
        self.read().by_id.get(&id).cloned()
    }

    /// Returns the number of changes of topics so far: additions, removals, and new partitions.
    /// What is read after it is at least as new.
    pub fn version(&self) -> i64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns all topics, by name.
    pub fn all(&self) -> Vec<Arc<LiveTopic>> {
        self.read().by_name.values().cloned().collect()
    }

    /// Returns all partitions, topic by topic.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        self.all().iter().flat_map(|topic| topic.partitions.iter().cloned()).collect()
    }

    /// Adds a topic.
    pub fn insert(&self, topic: LiveTopic) {
        let topic = Arc::new(topic);
        let mut shelves = self.write();
        shelves.by_id.insert(topic.id, topic.clone());
        shelves.by_name.insert(topic.name.clone(), topic);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Removes a topic.
    pub fn remove(&self, name: &str) -> Option<Arc<LiveTopic>> {
        let mut shelves = self.write();
        let topic = shelves.by_name.remove(name)?;
        shelves.by_id.remove(&topic.id);
        self.version.fetch_add(1, Ordering::Release);
        Some(topic)
    }
}

impl LiveTopic {
    /// Returns the partition with this index.
    pub fn partition(&self, index: i32) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}
