//! The topics of a broker: in the metadata log, and live.
//!
//! Looking topics up is here. `changes.rs` creates and alters them, `deletion.rs` deletes them, and
//! `batches.rs` does either for many at once.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};

use tokio::sync::watch;

use crate::clock::{Clock, Now};
use crate::config::choices::Durability;
use crate::config::resolve::TopicConfig;
use crate::config::topic_limits::TopicLimits;
use crate::log::disk_space::DiskSpace;
use crate::metadata::image::{Image, Topic};
use crate::metadata::live_settings::LiveSettings;
use crate::metadata::store::Store;
use crate::storage::datadir::DataDirLock;
use crate::storage::disk::Disk;
use crate::sync::Mutex;
use crate::topics::auto_creation::AutoCreation;
use crate::topics::checkpoints::Checkpoints;
use crate::topics::maintenance::MaintenanceQueue;
use crate::topics::names;
use crate::topics::partition::{Partition, PartitionContext};
use crate::topics::producer_count::ProducerCount;
use crate::topics::recovery_queue::RecoveryQueue;
use crate::topics::registry::{LiveTopic, Registry};
use crate::types::{DirectoryId, Offset, TopicId, TopicPartition};

/// What the topics of a broker need from their surroundings.
#[derive(Debug)]
pub struct TopicsContext {
    /// The metadata log.
    pub metadata: Arc<Store>,
    /// The settings in effect: the limits, and the defaults of topics.
    pub settings: Arc<LiveSettings>,
    /// The broker id, the only replica of every partition.
    pub node_id: i32,
    /// The id of the data directory.
    pub directory_id: DirectoryId,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The lock on it, held for as long as anything can write to a partition.
    pub data_dir_lock: Option<DataDirLock>,
    /// Its checkpoint files.
    pub checkpoints: Checkpoints,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// Whether the disk is full.
    pub disk_space: Arc<DiskSpace>,
    /// What has to be durable before a response.
    pub durability: Durability,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The queue for deferred work.
    pub maintenance: MaintenanceQueue<Partition>,
    /// Turns true when the broker is to stop.
    pub stopping: watch::Receiver<bool>,
}

/// The topics of a broker.
#[derive(Debug)]
pub struct Topics {
    pub(super) context: TopicsContext,
    pub(super) registry: Registry,
    /// Held while topics are changed: the live topics must follow the metadata, and a name that is
    /// free again must not meet the old directory.
    changing: Mutex<()>,
    auto_creation: AutoCreation,
    producers: Arc<ProducerCount>,
    recovery: Arc<RecoveryQueue<Partition>>,
}

impl Topics {
    /// Returns the topics, none of them live yet.
    pub fn new(context: TopicsContext) -> Topics {
        Topics {
            context,
            registry: Registry::default(),
            changing: Mutex::new(()),
            auto_creation: AutoCreation::default(),
            producers: Arc::default(),
            recovery: Arc::default(),
        }
    }

    /// Returns a live topic by name.
    pub fn named(&self, name: &str) -> Option<Arc<LiveTopic>> {
        self.registry.named(name)
    }

    /// Returns a live topic by id.
    pub fn with_id(&self, id: TopicId) -> Option<Arc<LiveTopic>> {
        self.registry.with_id(id)
    }

    /// Returns the number of changes of live topics so far: additions, removals, new partitions.
    pub fn version(&self) -> i64 {
        self.registry.version()
    }

    /// Returns all live topics, by name.
    pub fn all(&self) -> Vec<Arc<LiveTopic>> {
        self.registry.all()
    }

    /// Returns all live partitions, topic by topic.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        self.registry.partitions()
    }

    /// Returns how many topics clients may have auto-created.
    pub fn auto_creation(&self) -> &AutoCreation {
        &self.auto_creation
    }

    /// Returns the partitions whose logs are to be recovered.
    pub fn recovery(&self) -> &Arc<RecoveryQueue<Partition>> {
        &self.recovery
    }

    /// Queues the logs that may have been written before a crash: those of the coordinators first.
    ///
    /// # Errors
    /// The data directory cannot be read.
    pub fn queue_recovery(&self) -> io::Result<()> {
        if self.was_clean() {
            return Ok(());
        }
        let dirs = self.context.disk.list(&self.context.data_dir)?;
        let used: HashSet<String> = dirs.into_iter().map(|entry| entry.name).collect();
        let mut partitions = self.partitions();
        // A partition that was never written to needs no recovery.
        partitions.retain(|partition| used.contains(&partition.id.to_string()));
        partitions.sort_by_key(|partition| !names::is_internal(&partition.id.topic));
        partitions.iter().for_each(Partition::queue_recovery);
        Ok(())
    }

    /// Logs that the disk has space again, if it has (see [`DiskSpace::check`]).
    pub fn check_disk_space(&self, now: Now) {
        self.context.disk_space.check(now);
    }

    /// Makes the topics of the metadata image live. Their logs are opened on first use.
    ///
    /// # Errors
    /// An error from the disk.
    pub fn load(&self) -> io::Result<()> {
        if !self.was_clean() {
            self.set_strays_aside()?;
        }
        for topic in self.image().topics.values() {
            self.go_live(topic);
        }
        Ok(())
    }

    /// Returns true if the last run ended with a clean stop, so that no log needs recovery.
    pub fn was_clean(&self) -> bool {
        self.context.checkpoints.was_clean()
    }

    /// Keeps topics from being created, altered or deleted until the guard is dropped.
    pub fn hold_changes(&self) -> MutexGuard<'_, ()> {
        self.changing.lock()
    }

    /// Puts changed defaults into effect for every topic that does not override them.
    pub fn apply_defaults(&self) {
        self.image().topics.values().for_each(|topic| self.configure(topic));
    }

    /// Writes the checkpoints of a running broker. Does nothing once it stops, since the stop
    /// writes them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_checkpoints(&self) -> io::Result<()> {
        let TopicsContext { checkpoints, metadata, stopping, .. } = &self.context;
        checkpoints.save(|| (!*stopping.borrow()).then(|| metadata.bounds()), || self.partitions())
    }

    /// Writes the checkpoints at the stop. `metadata` is the metadata log's recovery point and end
    /// offset.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save_last_checkpoints(&self, metadata: (Offset, Offset)) -> io::Result<()> {
        self.context.checkpoints.save(|| Some(metadata), || self.partitions())
    }

    pub(super) fn image(&self) -> Arc<Image> {
        self.context.metadata.image()
    }

    pub(super) fn limits(&self) -> TopicLimits {
        self.context.settings.now().live().topics
    }

    /// Makes a topic of the image live, or the partitions that it has gained: existing ones and
    /// their readers are not affected.
    pub(super) fn go_live(&self, topic: &Topic) {
        let config = Arc::new(self.context.settings.now().topic(&topic.configs));
        let live = self.registry.with_id(topic.id);
        let mut partitions = live.map(|live| live.partitions.clone()).unwrap_or_default();
        let more = partitions.len() as i32..topic.partitions;
        partitions.extend(more.map(|index| self.partition(topic, index, &config)));
        self.registry.insert(LiveTopic { name: topic.name.clone(), id: topic.id, partitions });
    }

    fn partition(&self, topic: &Topic, index: i32, config: &Arc<TopicConfig>) -> Arc<Partition> {
        let id = TopicPartition::new(topic.name.clone(), index);
        let context = PartitionContext {
            disk: self.context.disk.clone(),
            dir: self.context.data_dir.join(id.to_string()),
            checkpoint: self.context.checkpoints.of(&id, config),
            leader_epoch: topic.leader_epoch(index),
            clock: self.context.clock.clone(),
            maintenance: self.context.maintenance.clone(),
            disk_space: self.context.disk_space.clone(),
            producers: self.producers.clone(),
            recovery: self.recovery.clone(),
            syncs_recovered: self.context.durability == Durability::Fsync,
            stopping: self.context.stopping.clone(),
        };
        Arc::new(Partition::new(id, topic.id, config.clone(), context))
    }

    /// Puts a topic's current configs into effect on its live partitions.
    pub(super) fn configure(&self, topic: &Topic) {
        let Some(live) = self.registry.named(&topic.name) else { return };
        let config = Arc::new(self.context.settings.now().topic(&topic.configs));
        for partition in live.partitions.iter().filter(|one| *one.config() != *config) {
            partition.set_config(config.clone());
            if config.cleanup.compact {
                partition.pending_work().request_compaction(partition);
            }
        }
    }
}
