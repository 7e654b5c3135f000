//! A struct of parts: what every handler is given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};

use crate::clock::Clock;
use crate::config::resolve::BrokerConfig;
use crate::config::settings::Settings;
use crate::coordinator::driver::Coordinator;
use crate::fetch::session::Sessions;
use crate::log::AppendError;
use crate::log::recovery::Known;
use crate::metadata::image::{Image, TOPIC_RESOURCE, Topic};
use crate::metadata::partition_records::PartitionRecord;
use crate::metadata::records::{
    ConfigRecord, ProducerIdsRecord, Record, RemoveTopicRecord, TopicRecord,
};
use crate::metadata::store::Store;
use crate::storage::datadir::{Hold, Identity, new_id};
use crate::storage::disk::Disk;
use crate::topics::partition::{Origin, Partition};
use crate::topics::registry::{LiveTopic, Registry};
use crate::topics::upkeep::Desk;
use crate::types::{Offset, ProducerId, TopicId, TopicPartition};

/// Producer ids are taken from the metadata log in blocks of this size, as in Kafka.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

/// A topic that somebody wants.
#[derive(Debug, Clone)]
pub struct NewTopic {
    /// Its name, which has been checked.
    pub name: String,
    /// How many partitions, at least 1.
    pub partitions: i32,
    /// Configs, which have been checked.
    pub configs: BTreeMap<String, String>,
}

/// Why a topic was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one of that name.
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    /// A name that differs only by `.` and `_` exists; Kafka's metrics could not tell them apart.
    #[error("Topic '{name}' collides with existing topic: {existing}")]
    Collides {
        /// The wanted name.
        name: String,
        /// The name that is there.
        existing: String,
    },
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// The parts of a running broker.
#[derive(Debug)]
pub struct Broker {
    /// What was configured.
    pub settings: Arc<Settings>,
    /// What that means for the broker as a whole.
    pub config: BrokerConfig,
    /// Cluster, node and directory ids.
    pub identity: Identity,
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
    /// Incremental fetch sessions.
    pub sessions: Mutex<Sessions>,
    /// What is left of the block of producer ids: next and end.
    pub producer_ids: Mutex<(ProducerId, ProducerId)>,
    /// What the checkpoints say of partitions whose log is not open.
    pub checkpointed: Mutex<BTreeMap<TopicPartition, (Offset, Offset)>>,
    /// True if the last run ended with a clean stop.
    pub was_clean: bool,
    /// The way to the group coordinator.
    pub coordinator: Coordinator,
    /// Where partitions ask for upkeep.
    pub upkeep: Desk,
    /// Permits for bytes of requests in flight (`queued.max.request.bytes`).
    pub request_bytes: Arc<Semaphore>,
    /// Turns true when the broker is asked to stop.
    pub stopping: watch::Sender<bool>,
    /// The exclusive hold on the data directory.
    pub hold: Option<Hold>,
}

impl Broker {
    /// What is known durably, now.
    pub fn image(&self) -> Arc<Image> {
        self.metadata.image()
    }

    /// Create topics. Each is durable in the metadata log and ready to be written to when this
    /// returns.
    pub fn create_topic(&self, wanted: NewTopic) -> Result<TopicId, CreateError> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        let id = self.metadata.change(self.clock.now(), |image| {
            if image.topics.contains_key(&wanted.name) {
                return Err(CreateError::Exists(wanted.name.clone()));
            }
            if let Some(existing) = collision(image, &wanted.name) {
                return Err(CreateError::Collides { name: wanted.name.clone(), existing });
            }
            let id = new_id();
            Ok((self.records_of(&wanted, id), id))
        })?;
        if let Some(topic) = self.image().topics.get(&wanted.name) {
            self.go_live(topic);
        }
        Ok(id)
    }

    /// True if the topic could be created; what `validate_only` asks.
    pub fn could_create(&self, name: &str) -> Result<(), CreateError> {
        let image = self.image();
        if image.topics.contains_key(name) {
            return Err(CreateError::Exists(name.to_owned()));
        }
        match collision(&image, name) {
            Some(existing) => Err(CreateError::Collides { name: name.to_owned(), existing }),
            None => Ok(()),
        }
    }

    fn records_of(&self, wanted: &NewTopic, id: TopicId) -> Vec<Record> {
        let node = self.config.node_id;
        let mut records =
            vec![Record::Topic(TopicRecord { name: wanted.name.clone(), topic_id: id })];
        records.extend(wanted.configs.iter().map(|(name, value)| {
            Record::Config(ConfigRecord {
                resource_type: TOPIC_RESOURCE,
                resource_name: wanted.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            })
        }));
        records.extend((0..wanted.partitions).map(|partition_id| {
            Record::Partition(PartitionRecord {
                partition_id,
                topic_id: id,
                replicas: vec![node],
                isr: vec![node],
                removing_replicas: Vec::new(),
                adding_replicas: Vec::new(),
                leader: node,
                leader_recovery_state: 0,
                leader_epoch: crate::log::LEADER_EPOCH,
                partition_epoch: 0,
                directories: vec![self.identity.directory_id],
                eligible_leader_replicas: None,
                last_known_elr: None,
            })
        }));
        records
    }

    /// Make a topic of the image live. Its logs are opened when they are first wanted.
    pub fn go_live(&self, topic: &Topic) {
        let config = Arc::new(self.settings.topic(&topic.configs));
        let checkpointed = self.checkpointed.lock().unwrap_or_else(|p| p.into_inner());
        let partitions = (0..topic.partitions)
            .map(|index| {
                let id = TopicPartition::new(topic.name.clone(), index);
                let (recovery_point, log_start_offset) =
                    checkpointed.get(&id).copied().unwrap_or_default();
                let known = Known {
                    clean: self.was_clean,
                    recovery_point,
                    log_start_offset,
                    index_interval_bytes: config.index_interval_bytes,
                    producer_id_expiration_ms: self.config.producer_id_expiration_ms,
                };
                let origin = Origin {
                    disk: self.disk.clone(),
                    dir: self.data_dir.join(id.to_string()),
                    known,
                    clock: self.clock.clone(),
                    upkeep: self.upkeep.clone(),
                };
                Arc::new(Partition::new(id, topic.id, config.clone(), origin))
            })
            .collect();
        self.registry.insert(LiveTopic { name: topic.name.clone(), id: topic.id, partitions });
    }

    /// Delete a topic: its name is free and its partitions take nothing more when this returns.
    /// Its files go after `file.delete.delay.ms`, so that readers in the middle finish.
    pub fn delete_topic(&self, name: &str) -> Result<bool, AppendError> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        let removed = self.metadata.change(self.clock.now(), |image| {
            let Some(topic) = image.topics.get(name) else { return Ok((Vec::new(), false)) };
            Ok::<_, AppendError>((
                vec![Record::RemoveTopic(RemoveTopicRecord { topic_id: topic.id })],
                true,
            ))
        })?;
        let Some(topic) = self.registry.remove(name) else { return Ok(removed) };
        for partition in &topic.partitions {
            self.checkpointed.lock().unwrap_or_else(|p| p.into_inner()).remove(&partition.id);
            match partition.delete() {
                Ok(aside) => self.remove_later(aside, partition.config.file_delete_delay_ms),
                Err(error) => {
                    tracing::error!(partition = %partition.id, %error, "its directory stays")
                }
            }
        }
        Ok(removed)
    }

    fn remove_later(&self, dir: PathBuf, delay_ms: i64) {
        let disk = self.disk.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(delay_ms.max(0) as u64)).await;
            let removal = tokio::task::spawn_blocking(move || {
                if disk.exists(&dir) { disk.remove_dir(&dir) } else { Ok(()) }
            });
            if let Ok(Err(error)) = removal.await {
                tracing::warn!(%error, "a deleted topic's directory could not be removed");
            }
        });
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

/// The existing topic whose name equals this one once every `.` is a `_`.
fn collision(image: &Image, name: &str) -> Option<String> {
    if !name.contains(['.', '_']) {
        return None;
    }
    let flat = name.replace('.', "_");
    image.topics.keys().find(|existing| existing.replace('.', "_") == flat).cloned()
}
