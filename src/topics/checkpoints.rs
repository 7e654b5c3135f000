//! The data directory's checkpoint files: recovery points, high watermarks, log start offsets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::resolve::TopicConfig;
use crate::log::recovery::RecoveryCheckpoint;
use crate::metadata::store;
use crate::storage::checkpoint::{
    HIGH_WATERMARK, LOG_START, RECOVERY_POINT, read_offsets, write_offsets,
};
use crate::storage::datadir;
use crate::storage::disk::Disk;
use crate::sync::Mutex;
use crate::topics::partition::Partition;
use crate::types::{Offset, TopicPartition};

/// The checkpoints of all partitions of a data directory.
#[derive(Debug)]
pub struct Checkpoints {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    was_clean: bool,
    /// The recovery point and log start offset that the files have for partitions whose log is not
    /// open.
    kept: Mutex<BTreeMap<TopicPartition, (Offset, Offset)>>,
}

impl Checkpoints {
    /// Reads the files, and then reads and removes the mark of a clean stop.
    ///
    /// # Errors
    /// A file cannot be read, or the mark not removed.
    pub fn read(disk: Arc<dyn Disk>, dir: &Path) -> io::Result<Checkpoints> {
        let recovery_points = read_offsets(disk.as_ref(), &dir.join(RECOVERY_POINT))?;
        let log_starts = read_offsets(disk.as_ref(), &dir.join(LOG_START))?;
        let kept = recovery_points.into_iter().map(|(id, point)| {
            let log_start = log_starts.get(&id).copied().unwrap_or(0);
            (id, (point, log_start))
        });
        let kept = Mutex::new(kept.collect());
        let was_clean = datadir::take_clean_shutdown_file(disk.as_ref(), dir)?;
        Ok(Checkpoints { disk, dir: dir.to_owned(), was_clean, kept })
    }

    /// Returns true if the last run ended with a clean stop.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Returns the recovery point and the log start offset that the files have for a partition.
    fn kept_of(&self, id: &TopicPartition) -> (Offset, Offset) {
        self.kept.lock().get(id).copied().unwrap_or_default()
    }

    /// Returns what is known about the log of a partition before it is opened.
    pub fn of(&self, id: &TopicPartition, config: &TopicConfig) -> RecoveryCheckpoint {
        let (recovery_point, log_start_offset) = self.kept_of(id);
        RecoveryCheckpoint {
            clean: self.was_clean,
            recovery_point,
            log_start_offset,
            index_interval_bytes: config.index_interval_bytes,
            producers_max: config.producers_max,
        }
    }

    /// Returns what is known about the metadata log before it is opened.
    pub fn of_metadata(&self) -> RecoveryCheckpoint {
        let (recovery_point, _) = self.kept_of(&TopicPartition::new(store::TOPIC, 0));
        RecoveryCheckpoint {
            clean: self.was_clean,
            recovery_point,
            log_start_offset: 0,
            index_interval_bytes: 4096,
            producers_max: 1,
        }
    }

    /// Forgets a deleted partition.
    pub fn forget(&self, id: &TopicPartition) {
        self.kept.lock().remove(id);
    }

    /// Writes the files for the partitions that `partitions` returns. `metadata` returns the
    /// metadata log's recovery point and end offset, or `None` if nothing is to be written.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(
        &self,
        metadata: impl FnOnce() -> Option<(Offset, Offset)>,
        partitions: impl FnOnce() -> Vec<Arc<Partition>>,
    ) -> io::Result<()> {
        let mut points = BTreeMap::new();
        let mut watermarks = BTreeMap::new();
        let mut starts = BTreeMap::new();
        // Held to the end: of two concurrent writers, the later one's files must remain.
        let kept = self.kept.lock();
        let Some((point, end)) = metadata() else { return Ok(()) };
        let id = TopicPartition::new(store::TOPIC, 0);
        points.insert(id.clone(), point);
        watermarks.insert(id, end);
        for partition in partitions() {
            let id = partition.id.clone();
            let known = kept.get(&id).map(|(point, start)| (*point, *point, *start));
            let Some((point, end, start)) = partition.checkpoint().or(known) else { continue };
            points.insert(id.clone(), point);
            watermarks.insert(id.clone(), end);
            if start > 0 {
                starts.insert(id, start);
            }
        }
        let (disk, dir) = (self.disk.as_ref(), &self.dir);
        write_offsets(disk, &dir.join(RECOVERY_POINT), &points)?;
        write_offsets(disk, &dir.join(HIGH_WATERMARK), &watermarks)?;
        write_offsets(disk, &dir.join(LOG_START), &starts)
    }
}
