//! Closing and deleting a partition, and the right to compact it, which ends before either.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use crate::storage::disk::is_full;
use crate::topics::partition::{LogState, Partition, PartitionContext};
use crate::types::TopicPartition;

impl Partition {
    /// Takes the lock for replacing the log's files; `None` if it is held, or the partition is
    /// being closed or deleted.
    pub(crate) fn begin_compacting(&self) -> Option<MutexGuard<'_, ()>> {
        let right = self.compacting.try_lock()?;
        (!self.is_closing()).then_some(right)
    }

    /// Returns true once the partition is being closed or deleted: a compaction must break off
    /// soon.
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Prevents further compaction, and waits for the one in progress.
    fn end_compacting(&self) {
        self.is_closing.store(true, Ordering::Release);
        drop(self.compacting.lock());
    }

    /// Writes and syncs everything except the name of its directory, which saving the checkpoints
    /// afterwards makes durable for all; returns true if the log needs no recovery at the next
    /// start.
    pub fn close(&self) -> bool {
        self.end_compacting();
        match &mut *self.not_opening() {
            LogState::Open(log) => log
                .close(false)
                .inspect_err(|error| {
                    tracing::error!(topic = self.id.topic, partition = self.id.partition,
                        %error, "could not close the log");
                })
                .is_ok(),
            // What was not recovered, the next start must recover.
            LogState::Closed => self.context.checkpoint.clean || !self.has_dir(),
            LogState::Deleted => true,
            LogState::Opening | LogState::Failed(_) => false,
        }
    }

    fn has_dir(&self) -> bool {
        self.context.disk.exists(&self.context.dir)
    }

    /// Rejects further use, wakes the waiters, and renames the directory. Returns its new path, to
    /// be removed later; `None` if there is none, or no space for another name: then it is removed
    /// at once.
    ///
    /// # Errors
    /// An error from the disk: the directory is unchanged.
    pub fn delete(&self) -> io::Result<Option<PathBuf>> {
        self.end_compacting();
        let state = self.mark_deleted();
        self.producers.end(&self.context.producers);
        let PartitionContext { disk, dir, .. } = &self.context;
        let aside = name_aside(dir, &self.id, "delete");
        let outcome = match disk.exists(dir).then(|| disk.rename(dir, &aside)) {
            None => Ok(None),
            Some(Ok(())) => Ok(Some(aside)),
            Some(Err(error)) if is_full(&error) => disk.remove_dir(dir).map(|()| None),
            Some(Err(error)) => Err(error),
        };
        drop(state);
        self.end_recovery();
        self.waiters.changed();
        outcome
    }
}

/// Returns the path under which a partition's directory is set aside, for this reason.
pub(super) fn name_aside(dir: &Path, id: &TopicPartition, reason: &str) -> PathBuf {
    let name = format!("{id}.{:032x}-{reason}", uuid::Uuid::new_v4().as_u128());
    dir.with_file_name(name.get(name.len().saturating_sub(255)..).unwrap_or(&name))
}
