//! Deleting topics: from the metadata log, then from the registry of live topics, later from disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::log::AppendError;
use crate::metadata::records::remove_topic_record;
use crate::topics::maintenance::DirRemoval;
use crate::topics::registry::LiveTopic;
use crate::topics::service::Topics;

impl Topics {
    /// Deletes one topic, as [`Topics::delete`] does.
    ///
    /// # Errors
    /// Those of [`Topics::delete`].
    pub fn delete_one(&self, name: &str) -> Result<bool, AppendError> {
        let unanswered = || Err(AppendError::Offline("nothing was decided".to_owned()));
        self.delete(&[name.to_owned()]).pop().unwrap_or_else(unanswered)
    }

    /// Deletes topics with one write for all of them. When this returns, their names are free and
    /// their partitions accept no more records; the result is false for a name that no topic has.
    /// Files are removed after `file.delete.delay.ms`, so that reads in progress can finish.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn delete(&self, names: &[String]) -> Vec<Result<bool, AppendError>> {
        let _one_at_a_time = self.hold_changes();
        let removed =
            self.context.metadata.change_to_make_room(self.context.clock.now(), |image| {
                let mut found = BTreeSet::new();
                let ids = names.iter().map(|name| {
                    let topic = image.topics.get(name)?;
                    // A name listed twice is deleted once.
                    found.insert(name.as_str()).then_some(topic.id)
                });
                let ids: Vec<_> = ids.collect();
                let records = ids.iter().flatten().map(|id| remove_topic_record(*id)).collect();
                Ok::<_, AppendError>((records, ids.iter().map(Option::is_some).collect::<Vec<_>>()))
            });
        let removed = match removed {
            Ok(removed) => removed,
            Err(error) => return names.iter().map(|_| Err(error.again())).collect(),
        };
        let mut aside = DirRemoval::default();
        for topic in names.iter().filter_map(|name| self.registry.remove(name)) {
            let delay_ms = topic.partitions.first().map_or(0, |p| p.config().file_delete_delay_ms);
            aside.add(delay_ms, self.put_aside(&topic));
        }
        self.context.maintenance.request_removal(aside);
        removed.into_iter().map(Ok).collect()
    }

    /// Closes a topic's partitions. Returns the directories that remain to be removed.
    fn put_aside(&self, topic: &LiveTopic) -> Vec<PathBuf> {
        let mut dirs = Vec::new();
        for partition in &topic.partitions {
            self.context.checkpoints.forget(&partition.id);
            match partition.delete() {
                Ok(dir) => dirs.extend(dir),
                Err(error) => {
                    let (topic, partition) = (&partition.id.topic, partition.id.partition);
                    tracing::error!(topic, partition, %error,
                        "could not delete the partition directory");
                }
            }
        }
        dirs
    }
}
