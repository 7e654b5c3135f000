//! Directories of partitions that no longer exist: a crash came between the record of their
//! topic's deletion and the renaming of their directories.

use std::io;
use std::path::Path;

use crate::storage::checkpoint::{PARTITION_METADATA, read_topic_id};
use crate::topics::lifecycle::name_aside;
use crate::topics::service::Topics;
use crate::types::TopicPartition;

impl Topics {
    /// Renames them, as Kafka does, so that a new topic of the same name does not find them. They
    /// are kept: after the metadata log was restored from an older copy, they may be needed.
    ///
    /// # Errors
    /// An error from the disk.
    pub(super) fn set_strays_aside(&self) -> io::Result<()> {
        let (disk, data_dir) = (self.context.disk.as_ref(), &self.context.data_dir);
        for entry in disk.list(data_dir)?.into_iter().filter(|entry| entry.is_dir) {
            let dir = data_dir.join(entry.name);
            let Some(id) = TopicPartition::of_dir(&dir) else { continue };
            if !self.is_stray(&id, &dir)? {
                continue;
            }
            let aside = name_aside(&dir, &id, "stray");
            disk.rename(&dir, &aside)?;
            self.context.checkpoints.forget(&id);
            tracing::warn!(partition = %id, dir = %aside.display(),
                "set aside the directory of a partition that does not exist");
        }
        Ok(())
    }

    fn is_stray(&self, id: &TopicPartition, dir: &Path) -> io::Result<bool> {
        if id.topic == crate::metadata::store::TOPIC {
            return Ok(false);
        }
        let image = self.image();
        let Some(topic) = image.topics.get(&id.topic) else { return Ok(true) };
        match read_topic_id(self.context.disk.as_ref(), &dir.join(PARTITION_METADATA)) {
            Ok(written) => Ok(written.is_some_and(|written| written != topic.id)),
            // A power loss may have left any part of it; opening the partition decides.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
            Err(error) => Err(error),
        }
    }
}
