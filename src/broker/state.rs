//! The struct of parts that every handler works on.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::broker::advertised::AdvertisedListeners;
use crate::broker::background_errors::BackgroundErrors;
use crate::broker::health::Health;
use crate::broker::loggers::Loggers;
use crate::broker::memory_budget::MemoryBudget;
use crate::broker::tasks::Tasks;
use crate::clock::Clock;
use crate::config::resolve::BrokerConfig;
use crate::coordinator::handle::Coordinator;
use crate::fetch::sessions::FetchSessions;
use crate::metadata::image::Image;
use crate::metadata::live_settings::LiveSettings;
use crate::metadata::producer_ids::ProducerIds;
use crate::metadata::store::Store;
use crate::quotas::enforcer::Quotas;
use crate::storage::datadir::MetaProperties;
use crate::storage::disk::Disk;
use crate::topics::service::Topics;

/// The parts of a running broker.
#[derive(Debug)]
pub struct Broker {
    /// The settings in effect.
    pub settings: Arc<LiveSettings>,
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
    pub metadata: Arc<Store>,
    /// The topics, in the metadata log and live.
    pub topics: Arc<Topics>,
    /// The allocation of producer ids.
    pub producer_ids: ProducerIds,
    /// Incremental fetch sessions.
    pub fetch_sessions: FetchSessions,
    /// The handle of the group coordinator.
    pub coordinator: Coordinator,
    /// The log levels.
    pub loggers: Loggers,
    /// The broker's essential tasks.
    pub tasks: Tasks,
    /// The offline components.
    pub health: Health,
    /// The failures of background work.
    pub background_errors: BackgroundErrors,
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
}

impl Broker {
    /// Returns the current metadata image.
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }
}
