//! Creating and changing topics: first in the metadata log, then in the registry of live topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::capacity::{NameReservations, TopicCapacity};
use crate::broker::config_changes::config_records;
use crate::broker::state::Broker;
use crate::broker::topic_errors::{CreateError, GrowError, TopicLimitReached};
use crate::config::resolve::TopicConfig;
use crate::log::AppendError;
use crate::log::recovery::RecoveryCheckpoint;
use crate::metadata::image::{TOPIC_RESOURCE, Topic};
use crate::metadata::partition_records::PartitionRecord;
use crate::metadata::records::{Record, TopicRecord};
use crate::storage::datadir::new_id;
use crate::topics::partition::{Partition, PartitionContext};
use crate::topics::registry::LiveTopic;
use crate::types::{TopicId, TopicPartition};

/// A topic to be created.
#[derive(Debug, Clone)]
pub struct NewTopic {
    /// Its name, already validated.
    pub name: String,
    /// The number of partitions, at least 1.
    pub partitions: i32,
    /// Its configs, already validated.
    pub configs: BTreeMap<String, String>,
}

impl Broker {
    /// Creates one topic, as [`Broker::create_topics`] does.
    pub fn create_topic(&self, wanted: NewTopic) -> Result<TopicId, CreateError> {
        let unanswered = || Err(AppendError::Offline("nothing was decided".to_owned()).into());
        self.create_topics(&[wanted]).pop().unwrap_or_else(unanswered)
    }

    /// Creates topics with one write for all of them; each may be refused on its own. Created
    /// topics are durable in the metadata log and ready to be written to when this returns.
    pub fn create_topics(&self, wanted: &[NewTopic]) -> Vec<Result<TopicId, CreateError>> {
        let _one_at_a_time = self.topics_changing.lock();
        let decided = self.metadata.change(self.clock.now(), |image| {
            let mut reservations = NameReservations::of(image, self.settings.now().live().topics);
            let mut records = Vec::new();
            let decide = |wanted: &NewTopic| {
                reservations.take(&wanted.name, wanted.partitions)?;
                let id = new_id();
                records.extend(self.records_of(wanted, id));
                Ok(id)
            };
            let outcomes = wanted.iter().map(decide).collect::<Vec<_>>();
            Ok::<_, AppendError>((records, outcomes))
        });
        let outcomes = decided
            .unwrap_or_else(|error| wanted.iter().map(|_| Err(error.again().into())).collect());
        let image = self.image();
        for (wanted, _) in wanted.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()) {
            if let Some(topic) = image.topics.get(&wanted.name) {
                self.go_live(topic);
            }
        }
        outcomes
    }

    /// Checks what [`Broker::create_topics`] would answer, for `validate_only`.
    pub fn could_create(&self, wanted: &[NewTopic]) -> Vec<Result<(), CreateError>> {
        let image = self.image();
        let mut reservations = NameReservations::of(&image, self.settings.now().live().topics);
        wanted.iter().map(|topic| reservations.take(&topic.name, topic.partitions)).collect()
    }

    /// Checks which of these names are free, regardless of the limits.
    pub fn are_free(&self, names: &[&str]) -> Vec<Result<(), CreateError>> {
        let image = self.image();
        let mut reservations = NameReservations::of(&image, self.settings.now().live().topics);
        names.iter().map(|name| reservations.is_free(name)).collect()
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

    /// Makes a topic of the image live. Its logs are opened on first use.
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
        let checkpointed = self.checkpointed.lock();
        let (recovery_point, log_start_offset) = checkpointed.get(&id).copied().unwrap_or_default();
        let known = RecoveryCheckpoint {
            clean: self.was_clean,
            recovery_point,
            log_start_offset,
            index_interval_bytes: config.index_interval_bytes,
            producers_max: config.producers_max,
        };
        let origin = PartitionContext {
            disk: self.disk.clone(),
            dir: self.data_dir.join(id.to_string()),
            checkpoint: known,
            clock: self.clock.clone(),
            maintenance: self.maintenance.clone(),
            disk_space: self.space.clone(),
            producers: self.producers.clone(),
        };
        Arc::new(Partition::new(id, topic.id, config.clone(), origin))
    }

    /// Increases a topic's number of partitions to `count`. Existing partitions and their readers
    /// are not affected.
    pub fn add_partitions(&self, name: &str, count: i32) -> Result<(), GrowError> {
        let _one_at_a_time = self.topics_changing.lock();
        self.metadata.change(self.clock.now(), |image| {
            let topic = image.topics.get(name).ok_or(GrowError::Unknown)?;
            if count <= topic.partitions {
                let (name, has) = (name.to_owned(), topic.partitions);
                return Err(GrowError::NotMore { name, has, wanted: count });
            }
            TopicCapacity::of(image, self.settings.now().live().topics).take(
                name,
                false,
                count - topic.partitions,
            )?;
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

    /// Checks whether an existing topic could be given `more` partitions.
    ///
    /// # Errors
    /// `max.partitions` would be exceeded.
    pub fn could_grow(&self, name: &str, more: i32) -> Result<(), TopicLimitReached> {
        TopicCapacity::of(&self.image(), self.settings.now().live().topics).take(name, false, more)
    }

    /// Changes a topic's configs. `decide` gets the current ones and returns the new ones, already
    /// validated. They take effect at once.
    pub fn alter_topic<E: From<AppendError>>(
        &self,
        name: &str,
        decide: impl FnOnce(Option<&Topic>) -> Result<BTreeMap<String, String>, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.topics_changing.lock();
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
}
