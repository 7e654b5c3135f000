//! A struct of parts: what every handler is given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
use crate::topics::maintenance::MaintenanceQueue;
use crate::topics::partition::Partition;
use crate::topics::producer_count::ProducerCount;
use crate::topics::registry::Registry;
use crate::types::{Offset, ProducerId, TopicPartition};

/// Producer ids are taken from the metadata log in blocks of this size, as in Kafka.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

/// The parts of a running broker.
#[derive(Debug)]
pub struct Broker {
    /// What is configured, now.
    pub settings: LiveSettings,
    /// What was configured for the broker as a whole and stays until its end.
    pub config: BrokerConfig,
    /// Cluster, node and directory ids.
    pub identity: MetaProperties,
    /// Where everything lies.
    pub data_dir: PathBuf,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What is known durably.
    pub metadata: Store,
    /// Live partitions.
    pub registry: Registry,
    /// Held while a topic is created or deleted: what is live must follow what is known, and a
    /// name that is free again must not find the old directory.
    pub topics_changing: Mutex<()>,
    /// How many topics may be created now because clients ask for them.
    pub auto_creation: AutoCreation,
    /// Incremental fetch sessions.
    pub sessions: Mutex<FetchSessions>,
    /// What is left of the block of producer ids: next and end.
    pub producer_ids: Mutex<(ProducerId, ProducerId)>,
    /// What the checkpoints say of partitions whose log is not open.
    pub checkpointed: Mutex<BTreeMap<TopicPartition, (Offset, Offset)>>,
    /// True if the last run ended with a clean stop.
    pub was_clean: bool,
    /// The way to the group coordinator.
    pub coordinator: Coordinator,
    /// How much is logged.
    pub loggers: Loggers,
    /// Where partitions ask for upkeep.
    pub maintenance: MaintenanceQueue<Partition>,
    /// How many idempotent producers the partitions remember in all.
    pub producers: Arc<ProducerCount>,
    /// The tasks that it cannot do without.
    pub tasks: Tasks,
    /// Which parts are offline.
    pub health: Health,
    /// What fails in the background.
    pub background_errors: BackgroundErrors,
    /// Whether the disk has room.
    pub space: Arc<DiskSpace>,
    /// Client quotas, and what was used of them.
    pub quotas: Quotas,
    /// Memory for decoded requests (`queued.max.decoded.bytes`).
    pub decoded_bytes: Arc<MemoryBudget>,
    /// Memory for answers (`queued.max.response.bytes`).
    pub answer_bytes: Arc<MemoryBudget>,
    /// The permit to carry out a large request: one at a time.
    pub large_requests: Arc<Semaphore>,
    /// Permits to ask the coordinator for what may be long: all groups, all offsets.
    pub long_listings: Semaphore,
    /// Permits to pack batches anew, as many as there are processors: it bounds the memory, too.
    pub recompress_permits: Semaphore,
    /// Turns true when the broker is asked to stop.
    pub stopping: watch::Sender<bool>,
    /// Where clients are told to go.
    pub advertised: AdvertisedListeners,
    /// The exclusive hold on the data directory.
    pub data_dir_lock: Option<DataDirLock>,
}

impl Broker {
    /// What is known durably, now.
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }

    /// A producer id that nobody has had before.
    pub fn next_producer_id(&self) -> Result<ProducerId, AppendError> {
        let mut block = self.producer_ids.lock().unwrap_or_else(|p| p.into_inner());
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
