//! The broker's durable metadata: one immutable value.
//!
//! **Invariant:** an image is only built by applying the records of `__cluster_metadata-0`, in
//! order; start-up does the same as a change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::log::epochs::FIRST_EPOCH;
use crate::metadata::quotas::{self, ClientQuota};
use crate::metadata::records::Record;
use crate::metadata::version::{METADATA_VERSION, MetadataVersion};
use crate::protocol::messages::config_record::ConfigRecord;
use crate::types::{Offset, ProducerId, TopicId};

/// Kafka's number for a topic in a config record.
pub const TOPIC_RESOURCE: i8 = 2;
/// Kafka's number for a broker, whose name is its id; the default of all brokers has an empty name.
pub const BROKER_RESOURCE: i8 = 4;
/// Kafka's number for a client metrics subscription.
pub const CLIENT_METRICS_RESOURCE: i8 = 16;
/// Kafka's number for a group.
pub const GROUP_RESOURCE: i8 = 32;

/// The leader in a record of a change that does not begin a leader epoch.
const NO_LEADER_CHANGE: i32 = -2;

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: TopicId,
    /// Number of partitions.
    pub partitions: i32,
    /// The leader epochs of partitions that Apache Kafka has led before, by index.
    pub leader_epochs: BTreeMap<i32, i32>,
    /// The configs set on it.
    pub configs: BTreeMap<String, String>,
}

impl Topic {
    /// Returns the leader epoch of a partition.
    pub fn leader_epoch(&self, index: i32) -> i32 {
        self.leader_epochs.get(&index).copied().unwrap_or(FIRST_EPOCH)
    }

    fn set_leader_epoch(&mut self, index: i32, epoch: i32) {
        if epoch > FIRST_EPOCH {
            self.leader_epochs.insert(index, epoch);
        }
    }
}

/// Topics, configs, producer ids, features and quotas.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// The topics, by name.
    pub topics: BTreeMap<String, Arc<Topic>>,
    /// Names by topic id.
    pub names: HashMap<TopicId, String>,
    /// The configs set on resources other than topics, by type and name; no entry is empty.
    pub configs: BTreeMap<(i8, String), Arc<BTreeMap<String, String>>>,
    /// The first producer id that has not been allocated in a block.
    pub next_producer_id: ProducerId,
    /// Levels of finalized features (KIP-584).
    pub features: BTreeMap<String, i16>,
    /// Client quotas.
    pub quotas: Arc<quotas::Table>,
    /// The end of the log whose records have been applied.
    pub end_offset: Offset,
}

impl Image {
    fn topic_mut(&mut self, name: &str) -> &mut Topic {
        Arc::make_mut(self.topics.entry(name.to_owned()).or_default())
    }

    /// Returns the configs set on a resource other than a topic.
    pub fn configs_of(&self, kind: i8, name: &str) -> Arc<BTreeMap<String, String>> {
        self.configs.get(&(kind, name.to_owned())).cloned().unwrap_or_default()
    }

    /// Returns the level of `metadata.version`; the newest if none is finalized yet.
    pub fn metadata_version(&self) -> MetadataVersion {
        let level = self.features.get(METADATA_VERSION);
        level.and_then(|level| MetadataVersion::of(*level)).unwrap_or(MetadataVersion::NEWEST)
    }

    /// Applies a record: the only way in which an image changes.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Topic(topic) => {
                self.names.insert(topic.topic_id, topic.name.as_str().to_owned());
                let entry = self.topic_mut(&topic.name);
                entry.name = topic.name.as_str().to_owned();
                entry.id = topic.topic_id;
            }
            Record::Partition(partition) => {
                if let Some(name) = self.names.get(&partition.topic_id).cloned() {
                    let topic = self.topic_mut(&name);
                    topic.partitions = topic.partitions.max(partition.partition_id + 1);
                    topic.set_leader_epoch(partition.partition_id, partition.leader_epoch);
                }
            }
            Record::PartitionChange(change) if change.leader != NO_LEADER_CHANGE => {
                if let Some(name) = self.names.get(&change.topic_id).cloned() {
                    let topic = self.topic_mut(&name);
                    let epoch = topic.leader_epoch(change.partition_id) + 1;
                    topic.set_leader_epoch(change.partition_id, epoch);
                }
            }
            Record::Config(config) if config.resource_type == TOPIC_RESOURCE => {
                set(&mut self.topic_mut(&config.resource_name).configs, config);
            }
            Record::Config(config) => {
                let resource = (config.resource_type, config.resource_name.as_str().to_owned());
                let configs = Arc::make_mut(self.configs.entry(resource.clone()).or_default());
                set(configs, config);
                if configs.is_empty() {
                    self.configs.remove(&resource);
                }
            }
            Record::RemoveTopic(topic) => {
                if let Some(name) = self.names.remove(&topic.topic_id) {
                    self.topics.remove(&name);
                }
            }
            Record::ProducerIds(ids) => self.next_producer_id = ids.next_producer_id,
            Record::FeatureLevel(feature) if feature.feature_level == 0 => {
                self.features.remove(feature.name.as_str());
            }
            Record::FeatureLevel(feature) => {
                self.features.insert(feature.name.as_str().to_owned(), feature.feature_level);
            }
            Record::ClientQuota(quota) => {
                ClientQuota::of(quota).apply(Arc::make_mut(&mut self.quotas));
            }
            // Nothing depends on the other records yet; they stay in the log.
            _ => {}
        }
    }
}

/// Sets a config, or removes it.
fn set(configs: &mut BTreeMap<String, String>, config: &ConfigRecord) {
    match &config.value {
        Some(value) => configs.insert(config.name.as_str().to_owned(), value.as_str().to_owned()),
        None => configs.remove(config.name.as_str()),
    };
}
