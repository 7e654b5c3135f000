//! Creating and changing topics: first in the metadata log, then in the registry of live topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::log::AppendError;
use crate::metadata::image::{TOPIC_RESOURCE, Topic};
use crate::metadata::records::{Record, config_records, partition_record, topic_record};
use crate::storage::datadir::new_id;
use crate::topics::capacity::{NameReservations, TopicCapacity};
use crate::topics::change_error::{CreateError, GrowError};
use crate::topics::service::Topics;
use crate::types::TopicId;

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

impl Topics {
    /// Creates one topic, as [`Topics::create`] does.
    pub fn create_one(&self, wanted: NewTopic) -> Result<TopicId, CreateError> {
        let unanswered = || Err(AppendError::Offline("nothing was decided".to_owned()).into());
        self.create(&[wanted]).pop().unwrap_or_else(unanswered)
    }

    /// Creates topics with one write for all of them; each may be refused on its own. Created
    /// topics are durable in the metadata log and ready to be written to when this returns.
    pub fn create(&self, wanted: &[NewTopic]) -> Vec<Result<TopicId, CreateError>> {
        let _one_at_a_time = self.hold_changes();
        let decided = self.context.metadata.change(self.context.clock.now(), |image| {
            let mut reservations = NameReservations::of(image, self.limits());
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

    /// Checks what [`Topics::create`] would answer, for `validate_only`.
    pub fn could_create(&self, wanted: &[NewTopic]) -> Vec<Result<(), CreateError>> {
        let image = self.image();
        let mut reservations = NameReservations::of(&image, self.limits());
        wanted.iter().map(|topic| reservations.take(&topic.name, topic.partitions)).collect()
    }

    /// Checks which of these names are free, regardless of the limits.
    pub fn are_free(&self, names: &[&str]) -> Vec<Result<(), CreateError>> {
        let image = self.image();
        let mut reservations = NameReservations::of(&image, self.limits());
        names.iter().map(|name| reservations.is_free(name)).collect()
    }

    fn records_of(&self, wanted: &NewTopic, id: TopicId) -> Vec<Record> {
        let topic = topic_record(&wanted.name, id);
        let configs = config_records(TOPIC_RESOURCE, &wanted.name, None, &wanted.configs);
        let partitions = (0..wanted.partitions).map(|index| self.partition_record(id, index));
        std::iter::once(topic).chain(configs).chain(partitions).collect()
    }

    fn partition_record(&self, topic_id: TopicId, partition_id: i32) -> Record {
        partition_record(topic_id, partition_id, self.context.node_id, self.context.directory_id)
    }

    /// Increases a topic's number of partitions to `count`. Existing partitions and their readers
    /// are not affected.
    pub fn add_partitions(&self, name: &str, count: i32) -> Result<(), GrowError> {
        let _one_at_a_time = self.hold_changes();
        self.context.metadata.change(self.context.clock.now(), |image| {
            let topic = image.topics.get(name).ok_or(GrowError::Unknown)?;
            if count <= topic.partitions {
                let (name, has) = (name.to_owned(), topic.partitions);
                return Err(GrowError::NotMore { name, has, wanted: count });
            }
            let mut room = TopicCapacity::of(image, self.limits());
            room.may_grow()?;
            room.take(name, false, count - topic.partitions)?;
            let more = topic.partitions..count;
            Ok((more.map(|index| self.partition_record(topic.id, index)).collect(), ()))
        })?;
        let image = self.image();
        let topic = image.topics.get(name).ok_or(GrowError::Unknown)?;
        self.go_live(topic);
        Ok(())
    }

    /// Checks whether an existing topic could be given `more` partitions.
    ///
    /// # Errors
    /// The data directory is cordoned, or `max.partitions` would be exceeded.
    pub fn could_add_partitions(&self, name: &str, more: i32) -> Result<(), GrowError> {
        let mut room = TopicCapacity::of(&self.image(), self.limits());
        room.may_grow()?;
        Ok(room.take(name, false, more)?)
    }

    /// Changes a topic's configs. `decide` gets the current ones and returns the new ones, already
    /// validated. They take effect at once.
    pub fn alter<E: From<AppendError>>(
        &self,
        name: &str,
        decide: impl FnOnce(Option<&Topic>) -> Result<BTreeMap<String, String>, E>,
    ) -> Result<(), E> {
        let _one_at_a_time = self.hold_changes();
        self.context.metadata.change_to_make_room(self.context.clock.now(), |image| {
            let topic = image.topics.get(name);
            let wanted = decide(topic.map(Arc::as_ref))?;
            let has = topic.map(|topic| &topic.configs);
            Ok::<_, E>((config_records(TOPIC_RESOURCE, name, has, &wanted), ()))
        })?;
        let image = self.image();
        if let Some(topic) = image.topics.get(name) {
            self.configure(topic);
        }
        Ok(())
    }
}
