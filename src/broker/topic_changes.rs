//! Topics come, change, grow and go: first in the metadata log, then live.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::broker::config_changes::config_records;
use crate::broker::parts::Broker;
use crate::config::resolve::TopicConfig;
use crate::log::AppendError;
use crate::log::recovery::Known;
use crate::metadata::image::{Image, TOPIC_RESOURCE, Topic};
use crate::metadata::partition_records::PartitionRecord;
use crate::metadata::records::{Record, RemoveTopicRecord, TopicRecord};
use crate::metadata::store;
use crate::storage::datadir::new_id;
use crate::topics::partition::{Origin, Partition};
use crate::topics::registry::LiveTopic;
use crate::types::{TopicId, TopicPartition};

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
    /// It is where the broker keeps what it knows of topics.
    #[error("Creation of internal topic {0} is prohibited.")]
    Reserved(String),
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

/// Why a topic was not given more partitions.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// There is no such topic.
    #[error("there is no such topic")]
    Unknown,
    /// Partitions are never taken away.
    #[error("{}", not_more(name, *has, *wanted))]
    NotMore {
        /// The topic.
        name: String,
        /// How many there are.
        has: i32,
        /// How many were wanted.
        wanted: i32,
    },
    /// The metadata log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Broker {
    /// Create one topic, as [`Broker::create_topics`] does.
    pub fn create_topic(&self, wanted: NewTopic) -> Result<TopicId, CreateError> {
        let unanswered = || Err(AppendError::Offline("nothing was decided".to_owned()).into());
        self.create_topics(&[wanted]).pop().unwrap_or_else(unanswered)
    }

    /// Create topics, with one write for all of them; each for itself may be refused. What was
    /// created is durable in the metadata log and ready to be written to when this returns.
    pub fn create_topics(&self, wanted: &[NewTopic]) -> Vec<Result<TopicId, CreateError>> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        let decided = self.metadata.change(self.clock.now(), |image| {
            let mut taken = Taken::of(image);
            let mut records = Vec::new();
            let decide = |wanted: &NewTopic| {
                taken.take(&wanted.name)?;
                let id = new_id();
                records.extend(self.records_of(wanted, id));
                Ok(id)
            };
            let outcomes = wanted.iter().map(decide).collect::<Vec<_>>();
            Ok::<_, AppendError>((records, outcomes))
        });
        let outcomes = decided.unwrap_or_else(|error| {
            let why = match error {
                AppendError::Offline(why) => why,
                other => other.to_string(),
            };
            wanted.iter().map(|_| Err(AppendError::Offline(why.clone()).into())).collect()
        });
        let image = self.image();
        for (wanted, _) in wanted.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()) {
            if let Some(topic) = image.topics.get(&wanted.name) {
                self.go_live(topic);
            }
        }
        outcomes
    }

    /// What [`Broker::create_topics`] would say to these names; what `validate_only` asks.
    pub fn could_create(&self, names: &[&str]) -> Vec<Result<(), CreateError>> {
        let image = self.image();
        let mut taken = Taken::of(&image);
        names.iter().map(|name| taken.take(name)).collect()
    }

    fn records_of(&self, wanted: &NewTopic, id: TopicId) -> Vec<Record> {
        let topic = Record::Topic(TopicRecord { name: wanted.name.clone(), topic_id: id });
        let configs = config_records(TOPIC_RESOURCE, &wanted.name, None, &wanted.configs);
        let partitions = (0..wanted.partitions).map(|index| self.partition_record(id, index));
        std::iter::once(topic).chain(configs).chain(partitions).collect()
    }

    fn partition_record(&self, topic_id: TopicId, partition_id: i32) -> Record {
        let node = self.config.node_id;
        Record::Partition(PartitionRecord {
            partition_id,
            topic_id,
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
    }

    /// Make a topic of the image live. Its logs are opened when they are first wanted.
    pub fn go_live(&self, topic: &Topic) {
        let config = Arc::new(self.settings.now().topic(&topic.configs));
        let partitions = (0..topic.partitions).map(|index| self.partition(topic, index, &config));
        self.registry.insert(LiveTopic {
            name: topic.name.clone(),
            id: topic.id,
            partitions: partitions.collect(),
        });
    }

    fn partition(&self, topic: &Topic, index: i32, config: &Arc<TopicConfig>) -> Arc<Partition> {
        let id = TopicPartition::new(topic.name.clone(), index);
        let checkpointed = self.checkpointed.lock().unwrap_or_else(|p| p.into_inner());
        let (recovery_point, log_start_offset) = checkpointed.get(&id).copied().unwrap_or_default();
        let known = Known {
            clean: self.was_clean,
            recovery_point,
            log_start_offset,
            index_interval_bytes: config.index_interval_bytes,
        };
        let origin = Origin {
            disk: self.disk.clone(),
            dir: self.data_dir.join(id.to_string()),
            known,
            clock: self.clock.clone(),
            upkeep: self.upkeep.clone(),
            space: self.space.clone(),
        };
        Arc::new(Partition::new(id, topic.id, config.clone(), origin))
    }

    /// Give a topic more partitions. What it has keeps its place and its readers.
    pub fn add_partitions(&self, name: &str, count: i32) -> Result<(), GrowError> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        self.metadata.change(self.clock.now(), |image| {
            let topic = image.topics.get(name).ok_or(GrowError::Unknown)?;
            if count <= topic.partitions {
                let (name, has) = (name.to_owned(), topic.partitions);
                return Err(GrowError::NotMore { name, has, wanted: count });
            }
            let more = topic.partitions..count;
            Ok((more.map(|index| self.partition_record(topic.id, index)).collect(), ()))
        })?;
        let image = self.image();
        let (Some(topic), Some(live)) = (image.topics.get(name), self.registry.named(name)) else {
            return Err(GrowError::Unknown);
        };
        let config = Arc::new(self.settings.now().topic(&topic.configs));
        let mut partitions = live.partitions.clone();
        let more = partitions.len() as i32..topic.partitions;
        partitions.extend(more.map(|index| self.partition(topic, index, &config)));
        self.registry.insert(LiveTopic { name: topic.name.clone(), id: topic.id, partitions });
        Ok(())
    }

    /// Change a topic's configs; `decide` is given those that it has and gives those that it is
    /// to have, which have been checked. They act at once.
    pub fn alter_topic<E: From<AppendError>>(
        &self,
        name: &str,
        decide: impl FnOnce(Option<&Topic>) -> Result<BTreeMap<String, String>, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        self.metadata.change_to_make_room(self.clock.now(), |image| {
            let topic = image.topics.get(name);
            let wanted = decide(topic.map(Arc::as_ref))?;
            let has = topic.map(|topic| &topic.configs);
            Ok::<_, E>((config_records(TOPIC_RESOURCE, name, has, &wanted), ()))
        })?;
        let image = self.image();
        if let (Some(topic), Some(live)) = (image.topics.get(name), self.registry.named(name)) {
            self.configure(topic, &live);
        }
        Ok(())
    }

    /// Delete a topic: its name is free and its partitions take nothing more when this returns.
    /// Its files go after `file.delete.delay.ms`, so that readers in the middle finish.
    pub fn delete_topic(&self, name: &str) -> Result<bool, AppendError> {
        let _one_at_a_time = self.topics_changing.lock().unwrap_or_else(|p| p.into_inner());
        let removed = self.metadata.change_to_make_room(self.clock.now(), |image| {
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
                Ok(aside) => self.remove_later(aside, partition.config().file_delete_delay_ms),
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
}

/// The names that topics have, and those that are being given.
struct Taken<'a> {
    image: &'a Image,
    new: HashSet<String>,
    /// Names by what they are once every `.` is a `_`; made when it is first wanted.
    flat: Option<HashMap<String, String>>,
}

/// Kafka's two sentences for it.
fn not_more(name: &str, has: i32, wanted: i32) -> String {
    if has == wanted {
        return format!("Topic already has {has} partition(s).");
    }
    format!("The topic {name} currently has {has} partition(s); {wanted} would not be an increase.")
}

impl<'a> Taken<'a> {
    fn of(image: &'a Image) -> Taken<'a> {
        Taken { image, new: HashSet::new(), flat: None }
    }

    fn take(&mut self, name: &str) -> Result<(), CreateError> {
        // Its directory must not be another's.
        if name == store::TOPIC {
            return Err(CreateError::Reserved(name.to_owned()));
        }
        if self.image.topics.contains_key(name) || self.new.contains(name) {
            return Err(CreateError::Exists(name.to_owned()));
        }
        // A name without either character equals no other.
        if name.contains(['.', '_']) {
            let flatten = |name: &String| (name.replace('.', "_"), name.clone());
            let (topics, new) = (&self.image.topics, &self.new);
            let flat =
                self.flat.get_or_insert_with(|| topics.keys().chain(new).map(flatten).collect());
            if let Some(existing) = flat.get(&name.replace('.', "_")) {
                let (name, existing) = (name.to_owned(), existing.clone());
                return Err(CreateError::Collides { name, existing });
            }
            flat.insert(name.replace('.', "_"), name.to_owned());
        }
        self.new.insert(name.to_owned());
        Ok(())
    }
}
