//! The struct of parts that every handler works on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::broker::advertised::AdvertisedListeners;
use crate::broker::auto_creation::AutoCreation;
use crate::broker::background_errors::BackgroundErrors;
use crate::broker::health::Health;
use crate::broker::live_settings::LiveSettings;
use crate::broker::loggers::Loggers;
use crate::broker::memory_budget::MemoryBudget;
use crate::broker::tasks::Tasks;
use crate::clock::Clock;
use crate::config::resolve::BrokerConfig;
use crate::coordinator::handle::Coordinator;
use crate::fetch::session::FetchSessions;
use crate::log::AppendError;
use crate::log::disk_space::DiskSpace;
use crate::metadata::image::Image;
use crate::metadata::records::{ProducerIdsRecord, Record};
use crate::metadata::store::Store;
use crate::quotas::enforcer::Quotas;
use crate::storage::datadir::{DataDirLock, MetaProperties};
use crate::storage::disk::Disk;
use crate::sync::Mutex;
use crate::topics::maintenance::MaintenanceQueue;
use crate::topics::partition::Partition;
use crate::topics::producer_count::ProducerCount;
use crate::topics::registry::Registry;
use crate::types::{Offset, ProducerId, TopicPartition};

/// The size of the blocks in which producer ids are reserved in the metadata log, as in Kafka.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

/// The parts of a running broker.
#[derive(Debug)]
pub struct Broker {
    /// The settings in effect.
    pub settings: LiveSettings,
    /// The broker's static configuration, fixed until it stops.
    pub config: BrokerConfig,
    /// Cluster, node and directory ids.
    pub identity: MetaProperties,
    /// The data directory.
    pub data_dir: PathBuf,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The metadata log and its image.
    pub metadata: Store,
    /// Live partitions.
    pub registry: Registry,
    /// Held while a topic is created or deleted: the live topics must follow the metadata, and a
    /// name that is free again must not meet the old directory.
    pub topics_changing: Mutex<()>,
    /// How many topics clients may have auto-created now.
    pub auto_creation: AutoCreation,
    /// Incremental fetch sessions.
    pub sessions: Mutex<FetchSessions>,
    /// The rest of the reserved block of producer ids: next and end (exclusive).
    pub producer_ids: Mutex<(ProducerId, ProducerId)>,
    /// The recovery point and log start offset that the checkpoint files have for partitions whose
    /// log is not open.
    pub checkpointed: Mutex<BTreeMap<TopicPartition, (Offset, Offset)>>,
    /// True if the last run ended with a clean stop.
    pub was_clean: bool,
    /// The handle of the group coordinator.
    pub coordinator: Coordinator,
    /// The log levels.
    pub loggers: Loggers,
    /// The queue of maintenance that partitions ask for.
    pub maintenance: MaintenanceQueue<Partition>,
    /// The number of idempotent producers in all partitions' producer states.
    pub producers: Arc<ProducerCount>,
    /// The broker's essential tasks.
    pub tasks: Tasks,
    /// The offline components.
    pub health: Health,
    /// The failures of background work.
    pub background_errors: BackgroundErrors,
    /// Whether the disk is full.
    pub space: Arc<DiskSpace>,
    /// Client quotas and their usage.
    pub quotas: Quotas,
    /// Memory for decoded requests (`queued.max.decoded.bytes`).
    pub decoded_bytes: Arc<MemoryBudget>,
    /// Memory for responses (`queued.max.response.bytes`).
    pub answer_bytes: Arc<MemoryBudget>,
    /// The permit to execute a large request: one at a time.
    pub large_requests: Arc<Semaphore>,
    /// Permits for long coordinator requests: all groups, all offsets.
    pub long_listings: Semaphore,
    /// Permits to recompress batches, one per processor; they bound the memory as well.
    pub recompress_permits: Semaphore,
    /// Turns true when the broker is to stop.
    pub stopping: watch::Sender<bool>,
    /// The addresses advertised to clients.
    pub advertised: AdvertisedListeners,
    /// The lock on the data directory.
    pub data_dir_lock: Option<DataDirLock>,
}

impl Broker {
    /// Returns the current metadata image.
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }

    /// Returns a producer id that was never used before.
    pub fn next_producer_id(&self) -> Result<ProducerId, AppendError> {
        let mut block = self.producer_ids.lock();
        if block.0 >= block.1 {
            *block = self.metadata.change(self.clock.now(), |image| {
                let first = image.next_producer_id;
                let next = first + PRODUCER_ID_BLOCK;
                let record = ProducerIdsRecord {
                    broker_id: self.config.node_id,
                    broker_epoch: 0,
                    next_producer_id: next,
                };
                Ok::<_, AppendError>((vec![Record::ProducerIds(record)], (first, next)))
            })?;
        }
        let id = block.0;
        block.0 += 1;
        Ok(id)
    }
}
