//! Deleting topics: from the metadata log, then from the registry of live topics, later from disk.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::broker::state::Broker;
use crate::broker::tasks::join_or_resume_panic;
use crate::log::AppendError;
use crate::metadata::records::{Record, RemoveTopicRecord};
use crate::topics::registry::LiveTopic;

impl Broker {
    /// Deletes one topic, as [`Broker::delete_topics`] does.
    ///
    /// # Errors
    /// Those of [`Broker::delete_topics`].
    pub fn delete_topic(&self, name: &str) -> Result<bool, AppendError> {
        let unanswered = || Err(AppendError::Offline("nothing was decided".to_owned()));
        self.delete_topics(&[name.to_owned()]).pop().unwrap_or_else(unanswered)
    }

    /// Deletes topics with one write for all of them. When this returns, their names are free and
    /// their partitions accept no more records; the result is false for a name that no topic has.
    /// Files are removed after `file.delete.delay.ms`, so that reads in progress can finish. Must
    /// be called within the runtime, and blocks.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn delete_topics(&self, names: &[String]) -> Vec<Result<bool, AppendError>> {
        let _one_at_a_time = self.topics_changing.lock();
        let removed = self.metadata.change_to_make_room(self.clock.now(), |image| {
            let mut found = BTreeSet::new();
            let ids = names.iter().map(|name| {
                let topic = image.topics.get(name)?;
                // A name listed twice is deleted once.
                found.insert(name.as_str()).then_some(topic.id)
            });
            let ids: Vec<_> = ids.collect();
            let remove = |topic_id| Record::RemoveTopic(RemoveTopicRecord { topic_id });
            let records = ids.iter().flatten().map(|id| remove(*id)).collect();
            Ok::<_, AppendError>((records, ids.iter().map(Option::is_some).collect::<Vec<_>>()))
        });
        let removed = match removed {
            Ok(removed) => removed,
            Err(error) => return names.iter().map(|_| Err(error.again())).collect(),
        };
        let mut aside = Vec::new();
        for topic in names.iter().filter_map(|name| self.registry.remove(name)) {
            let delay_ms = topic.partitions.first().map_or(0, |p| p.config().file_delete_delay_ms);
            aside.push((delay_ms, self.put_aside(&topic)));
        }
        self.remove_later(aside);
        removed.into_iter().map(Ok).collect()
    }

    /// Closes a topic's partitions. Returns the directories that remain to be removed.
    fn put_aside(&self, topic: &LiveTopic) -> Vec<PathBuf> {
        let mut dirs = Vec::new();
        for partition in &topic.partitions {
            self.checkpointed.lock().remove(&partition.id);
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

    /// Removes directories when their delay, in ms, is over. One after another, so that even very
    /// many of them take only one thread.
    fn remove_later(&self, mut aside: Vec<(i64, Vec<PathBuf>)>) {
        aside.retain(|(_, dirs)| !dirs.is_empty());
        aside.sort_by_key(|(delay_ms, _)| *delay_ms);
        if aside.is_empty() {
            return;
        }
        let disk = self.disk.clone();
        self.tasks.spawn("deletion of topic directories", async move {
            let mut waited_ms = 0;
            for (delay_ms, dirs) in aside {
                let more_ms = delay_ms.saturating_sub(waited_ms).max(0);
                tokio::time::sleep(Duration::from_millis(more_ms as u64)).await;
                waited_ms += more_ms;
                let disk = disk.clone();
                let removal = tokio::task::spawn_blocking(move || {
                    for dir in dirs.iter().filter(|dir| disk.exists(dir)) {
                        if let Err(error) = disk.remove_dir(dir) {
                            let dir = dir.display();
                            tracing::warn!(%dir, %error, "could not delete the topic directory");
                        }
                    }
                });
                join_or_resume_panic(removal).await;
            }
        });
    }
}
