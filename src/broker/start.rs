//! Assembles the broker, recovers its logs and starts its tasks. Nothing else does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use crate::broker::advertised::AdvertisedListeners;
use crate::broker::background_errors::BackgroundErrors;
use crate::broker::config_changes::MIN_INSYNC_REPLICAS;
use crate::broker::first_topics::{self, FirstTopicError};
use crate::broker::health::Health;
use crate::broker::loggers::Loggers;
use crate::broker::request_resources::RequestResources;
use crate::broker::state::Broker;
use crate::broker::tasks::Tasks;
use crate::broker::{
    cleaner, coordinators, health_monitor, maintenance, recovery, scrubber, transactions,
};
use crate::clock::{Clock, Now};
use crate::config::dynamic;
use crate::config::error::ConfigError;
use crate::config::resolve::BrokerConfig;
use crate::config::settings::Settings;
use crate::coordinator::group_coordinator::GroupCoordinator;
use crate::coordinator::transaction_coordinator::TransactionCoordinator;
use crate::fetch::sessions::FetchSessions;
use crate::log::disk_space::DiskSpace;
use crate::log::recovery::RecoveryCheckpoint;
use crate::metadata::features;
use crate::metadata::image::BROKER_RESOURCE;
use crate::metadata::live_settings::LiveSettings;
use crate::metadata::producer_ids::ProducerIds;
use crate::metadata::quorum;
use crate::metadata::records::{Record, config_record, feature_level_record};
use crate::metadata::store::{self, Store};
use crate::quotas::enforcer::Quotas;
use crate::quotas::meters::Sampling;
use crate::quotas::rate::Windows;
use crate::storage::datadir::{self, DataDirError, DataDirLock, ExpectedIdentity};
use crate::storage::disk::Disk;
use crate::topics::checkpoints::Checkpoints;
use crate::topics::maintenance::{MaintenanceQueue, MaintenanceReceiver};
use crate::topics::partition::Partition;
use crate::topics::service::{Topics, TopicsContext};

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A config that clients have set in the data directory is not supported by this version.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A topic of `KAFKA_CREATE_TOPICS` cannot be created.
    #[error(transparent)]
    FirstTopic(#[from] FirstTopicError),
}

/// Starts a broker on a data directory. Must be called within a tokio runtime, on which it spawns
/// the broker's tasks.
///
/// # Errors
/// The directory cannot be used, or a config or topic asks for something that is not supported.
pub fn start(
    settings: Arc<Settings>,
    data_dir: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    hold: Option<DataDirLock>,
) -> Result<Arc<Broker>, StartError> {
    first_topics::check(settings.first_topics())?;
    let config = settings.broker();
    let wanted = ExpectedIdentity {
        node_id: config.node_id,
        cluster_id: config.cluster_id.as_deref(),
        first_cluster_id: config.first_cluster_id.as_deref(),
    };
    let identity = datadir::identify(disk.as_ref(), &data_dir, wanted)?;
    let failed = |error| DataDirError::Disk { dir: data_dir.display().to_string(), error };
    let checkpoints = Checkpoints::read(disk.clone(), &data_dir).map_err(failed)?;
    for leftover in datadir::leftovers(disk.as_ref(), &data_dir).map_err(failed)? {
        disk.remove_dir(&leftover).map_err(failed)?;
    }
    let disk_space = Arc::new(DiskSpace::default());
    let known = checkpoints.of_metadata();
    let now = clock.now();
    let metadata = open_metadata(&disk, &data_dir, known, &config, now, disk_space.clone())?;
    let (maintenance, requests) = MaintenanceQueue::new();
    let (coordinator, inbox) =
        GroupCoordinator::new(coordinators::limits(&config.groups), clock.clone());
    let (transactions, transaction_inbox) = TransactionCoordinator::new();
    let stopping = watch::Sender::new(false);
    let topics = TopicsContext {
        metadata: Arc::new(metadata),
        settings: Arc::new(LiveSettings::new(settings)),
        node_id: config.node_id,
        directory_id: identity.directory_id,
        data_dir,
        data_dir_lock: hold,
        checkpoints,
        disk,
        disk_space,
        durability: config.durability,
        clock,
        maintenance,
        stopping: stopping.subscribe(),
    };
    let parts = StartParts { config, identity, coordinator, transactions, topics, stopping };
    let broker = Arc::new(assemble(parts));
    begin(&broker).map_err(|error| DataDirError::Disk {
        dir: broker.data_dir.display().to_string(),
        error,
    })?;
    broker.create_first_topics()?;
    begin_tasks(&broker, requests);
    recovery::begin(&broker);
    coordinators::begin(&broker, inbox);
    transactions::begin(&broker, transaction_inbox);
    Ok(broker)
}

/// Spawns all tasks but those of the coordinators.
fn begin_tasks(broker: &Arc<Broker>, requests: MaintenanceReceiver<Partition>) {
    let (tasks, weak) = (&broker.tasks, || Arc::downgrade(broker));
    tasks.spawn("maintenance", maintenance::run(weak(), requests.flushes, requests.removals));
    tasks.spawn("cleaner", cleaner::run(weak(), requests.compactions));
    tasks.spawn("scrubber", scrubber::run(weak()));
    tasks.spawn("health", health_monitor::run(weak()));
}

/// Opens the metadata log. Kept configs are checked before anything is written.
fn open_metadata(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    known: RecoveryCheckpoint,
    config: &BrokerConfig,
    now: Now,
    space: Arc<DiskSpace>,
) -> Result<Store, StartError> {
    let failed = |error| DataDirError::Disk { dir: dir.display().to_string(), error };
    let metadata =
        Store::open(disk.clone(), dir, known, config.durability, now, space).map_err(failed)?;
    if let Err(error) = check_kept_configs(&metadata, config.node_id) {
        if known.clean {
            // The directory is as it was before.
            datadir::write_clean_shutdown_file(disk.as_ref(), dir).map_err(failed)?;
        }
        return Err(error.into());
    }
    Ok(metadata)
}

/// Refuses a directory with configs that this version does not support.
fn check_kept_configs(metadata: &Store, node_id: i32) -> Result<(), ConfigError> {
    let image = metadata.image();
    ["", &node_id.to_string()]
        .iter()
        .try_for_each(|name| dynamic::check_kept(&image.configs_of(BROKER_RESOURCE, name)))
}

struct StartParts {
    config: BrokerConfig,
    identity: datadir::MetaProperties,
    coordinator: GroupCoordinator,
    transactions: TransactionCoordinator,
    topics: TopicsContext,
    stopping: watch::Sender<bool>,
}

fn assemble(parts: StartParts) -> Broker {
    let slots = parts.config.max_incremental_fetch_session_cache_slots.max(0) as usize;
    let quotas = parts.config.quotas;
    let sampling = Sampling {
        clients: windows(quotas.window_num, quotas.window_size_seconds),
        mutations: windows(quotas.controller_window_num, quotas.controller_window_size_seconds),
    };
    let topics = parts.topics;
    let producer_ids = ProducerIds::new(topics.metadata.clone(), parts.config.node_id);
    Broker {
        quotas: Quotas::new(sampling),
        producer_ids,
        fetch_sessions: FetchSessions::new(slots, fastrand::Rng::new()),
        resources: RequestResources::new(&parts.config),
        stopping: parts.stopping,
        coordinator: parts.coordinator,
        transactions: parts.transactions,
        background_errors: BackgroundErrors::default(),
        tasks: Tasks::default(),
        health: Health::default(),
        loggers: Loggers::default(),
        advertised: AdvertisedListeners::new(&parts.config),
        config: parts.config,
        identity: parts.identity,
        settings: topics.settings.clone(),
        data_dir: topics.data_dir.clone(),
        disk: topics.disk.clone(),
        clock: topics.clock.clone(),
        metadata: topics.metadata.clone(),
        topics: Arc::new(Topics::new(topics)),
    }
}

fn windows(samples: i32, seconds: i32) -> Windows {
    Windows { samples: i64::from(samples), window_ms: i64::from(seconds) * 1000 }
}

/// Writes the first records of an empty metadata log and makes the topics live. After a crash,
/// queues their logs to be recovered.
fn begin(broker: &Broker) -> io::Result<()> {
    let offline = |error: crate::log::AppendError| io::Error::other(error.to_string());
    broker.metadata.begin(broker.clock.now(), || first_records(broker)).map_err(offline)?;
    name_voter(broker);
    broker.quotas.load(|| broker.image());
    broker.apply_dynamic_configs();
    broker.log_group_configs();
    broker.topics.load()?;
    broker.topics.queue_recovery()?;
    Ok(())
}

/// Names this node as the voter of the quorum, for a Kafka that may start on the directory later.
fn name_voter(broker: &Broker) {
    let voter = (broker.config.node_id, broker.directory_id());
    let (disk, dir) = (broker.disk.as_ref(), broker.data_dir.join(store::DIRECTORY));
    let named = quorum::name_voter(disk, &dir, broker.clock.now(), voter, &broker.image());
    if let Err(error) = named {
        tracing::warn!(%error, "could not name the voter of the metadata quorum");
    }
}

/// Returns the first records of the metadata log: those of a directory that Kafka has formatted, or
/// Ottla's own.
fn first_records(broker: &Broker) -> Vec<Record> {
    let Some(formatted) = broker.metadata.bootstrap() else {
        return features::first_records().chain([min_insync_replicas(broker)]).collect();
    };
    let mut records = formatted.to_vec();
    if records.contains(&feature_level_record(features::ELIGIBLE_LEADER_REPLICAS, 1)) {
        records.push(min_insync_replicas(broker));
    }
    records
}

/// Returns the record that pins `min.insync.replicas` for the cluster, as Kafka does in a new data
/// directory (KIP-966): the value must not depend on which broker is asked.
fn min_insync_replicas(broker: &Broker) -> Record {
    let value = broker.settings.now().topic(&BTreeMap::new()).min_insync_replicas;
    config_record(BROKER_RESOURCE, "", MIN_INSYNC_REPLICAS, Some(value.to_string()))
}
