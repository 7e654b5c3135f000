//! The struct of parts that every handler works on.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::broker::advertised::AdvertisedListeners;
use crate::broker::background_errors::BackgroundErrors;
use crate::broker::health::Health;
use crate::broker::loggers::Loggers;
use crate::broker::request_resources::RequestResources;
use crate::broker::tasks::Tasks;
use crate::clock::Clock;
use crate::config::choices::GroupProtocol;
use crate::config::resolve::BrokerConfig;
use crate::coordinator::group_coordinator::GroupCoordinator;
use crate::coordinator::transaction_coordinator::TransactionCoordinator;
use crate::fetch::sessions::FetchSessions;
use crate::metadata::features;
use crate::metadata::image::Image;
use crate::metadata::live_settings::LiveSettings;
use crate::metadata::producer_ids::ProducerIds;
use crate::metadata::store::Store;
use crate::quotas::enforcer::Quotas;
use crate::storage::datadir::MetaProperties;
use crate::storage::disk::{Disk, FileSystemSpace};
use crate::topics::service::Topics;
use crate::types::DirectoryId;

/// The parts of a running broker.
#[derive(Debug)]
pub struct Broker {
    /// The settings in effect.
    pub settings: Arc<LiveSettings>,
    /// The broker's static configuration, fixed until it stops.
    pub config: BrokerConfig,
    /// The data directory.
    pub data_dir: PathBuf,
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
    pub coordinator: GroupCoordinator,
    /// The handle of the transaction coordinator.
    pub transactions: TransactionCoordinator,
    /// The log levels.
    pub loggers: Loggers,
    /// The broker's essential tasks.
    pub tasks: Tasks,
    /// Client quotas and their usage.
    pub quotas: Quotas,
    /// What all requests share and may have to wait for.
    pub resources: RequestResources,
    /// The addresses advertised to clients.
    pub advertised: AdvertisedListeners,
    /// Cluster, node and directory ids.
    pub(super) identity: MetaProperties,
    /// The disk.
    pub(super) disk: Arc<dyn Disk>,
    /// The offline components.
    pub(super) health: Health,
    /// The failures of background work.
    pub(super) background_errors: BackgroundErrors,
    /// Turns true when the broker is to stop.
    pub(super) stopping: watch::Sender<bool>,
}

impl Broker {
    /// Returns the current metadata image.
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }

    /// Returns the finalized level of `group.version`.
    pub fn group_version(&self) -> i16 {
        features::level_of(&self.image(), features::GROUP_VERSION)
    }

    /// Returns true if consumer groups (KIP-848) are served: their protocol can be turned off by
    /// an option and by the level of a feature.
    pub fn serves_consumer_groups(&self) -> bool {
        self.config.groups.rebalance_protocols.contains(&GroupProtocol::Consumer)
            && self.group_version() > 0
    }

    /// Returns the id of the cluster that consists of this broker.
    pub fn cluster_id(&self) -> &str {
        &self.identity.cluster_id
    }

    /// Returns the id of the data directory.
    pub fn directory_id(&self) -> DirectoryId {
        self.identity.directory_id
    }

    /// Returns the size of the data directory's file system and what is left of it, if known.
    pub fn file_system_space(&self) -> Option<FileSystemSpace> {
        self.disk.file_system_space(&self.data_dir)
    }

    /// Asks everything that runs for the broker to end.
    pub fn begin_stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns true if the broker is to stop.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns a watch that turns true when the broker is to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}
