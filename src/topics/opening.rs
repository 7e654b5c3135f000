//! Logs are opened on first use, which takes many disk operations: opening very many at once must
//! not block the threads that serve all clients.
//!
//! The lock on a log is not held while it is opened, so that what does not need the log never waits
//! for it. One thread opens it; others that need it wait for that one.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use crate::log::Log;
use crate::storage::checkpoint::{PARTITION_METADATA, identify};
use crate::storage::disk::is_full;
use crate::topics::error::Unavailable;
use crate::topics::partition::{LogState, Partition, PartitionContext};
use crate::topics::recovery::{RECOVERY_WAIT, recovered_all};

impl Partition {
    /// Opens the log now, or waits until it is open; recovers it if the broker has crashed.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub fn open(&self) -> Result<(), Unavailable> {
        self.settled()?.opened().map(|_| ())
    }

    /// Returns true while a thread is opening the log.
    pub fn is_opening(&self) -> bool {
        matches!(*self.log(), LogState::Opening)
    }

    /// Takes the lock on the log, which is opened if it was not.
    pub(super) fn usable(&self) -> Result<MutexGuard<'_, LogState>, Unavailable> {
        self.check_recovered()?;
        self.settled()
    }

    fn settled(&self) -> Result<MutexGuard<'_, LogState>, Unavailable> {
        let mut state = self.not_opening();
        if !matches!(*state, LogState::Closed) {
            return Ok(state);
        }
        if self.gives_up_opening() {
            return Err(Unavailable::Recovering);
        }
        *state = LogState::Opening;
        self.is_missing.store(false, Ordering::Relaxed);
        drop(state);
        let mut begun = BegunOpening { partition: self, is_over: false };
        let opened = self.open_files();
        let mut state = self.log();
        let outcome = self.put(&mut state, opened);
        begun.is_over = true;
        // Under the lock: a thread that finds the log open must be able to use it.
        let is_recovered = outcome != Err(Unavailable::Recovering) && self.mark_recovered();
        drop(state);
        self.opening_ended.notify_all();
        if is_recovered {
            self.notify_recovered();
        }
        outcome.map(|()| self.log())
    }

    /// Takes the lock on the log once no thread is opening it.
    pub(super) fn not_opening(&self) -> MutexGuard<'_, LogState> {
        let mut state = self.log();
        while let LogState::Opening = *state {
            // A panic under the lock has poisoned the guard; `log` decides what that means.
            drop(self.opening_ended.wait(state));
            state = self.log();
        }
        state
    }

    fn open_files(&self) -> io::Result<Log> {
        let PartitionContext { disk, dir, checkpoint, clock, .. } = &self.context;
        let gives_up = || self.gives_up_opening();
        let config = self.config();
        let mut log =
            Log::open_unless(disk.clone(), dir, config, *checkpoint, clock.now(), &gives_up)?;
        self.identify()?;
        log.begin_epoch(self.context.leader_epoch)?;
        // A power loss must not take back what is answered from now on.
        if self.context.syncs_recovered
            && !checkpoint.clean
            && let Some(flush) = log.flush_due()
        {
            match flush.run() {
                Ok(()) => log.flushed(&flush),
                // It is offline, but can be read.
                Err(error) => drop(log.fail(&error)),
            }
        }
        Ok(log)
    }

    /// Puts the log that was opened in place, or why it was not.
    fn put(&self, state: &mut LogState, opened: io::Result<Log>) -> Result<(), Unavailable> {
        match opened {
            Ok(mut log) => {
                // It may have changed meanwhile.
                log.set_config(self.config());
                self.count_producers(&mut log);
                self.publish(&log);
                *state = LogState::Open(Box::new(log));
                Ok(())
            }
            Err(_) if self.gives_up_opening() => {
                *state = LogState::Closed;
                Err(Unavailable::Recovering)
            }
            Err(error) if is_full(&error) => {
                *state = LogState::Closed;
                let why = format!("{}: {error}", self.context.dir.display());
                self.context.disk_space.on_full(self.context.clock.now(), &why);
                Err(Unavailable::Full(why))
            }
            Err(error) => {
                tracing::error!(topic = self.id.topic, partition = self.id.partition,
                    %error, "could not open the log");
                *state = LogState::Failed(error.to_string());
                Ok(())
            }
        }
    }

    /// Writes the topic's id to the log's directory, or checks the one that is there.
    fn identify(&self) -> io::Result<()> {
        let disk = self.context.disk.as_ref();
        let path = self.context.dir.join(PARTITION_METADATA);
        let known = self.context.checkpoint;
        // Before the first flush a power loss may have left any part of it.
        let may_be_torn = !known.clean && known.recovery_point == 0;
        identify(disk, &path, self.topic_id, may_be_torn, known.recovery_point > 0)
    }
}

impl LogState {
    /// Returns the log, which [`Partition::usable`] has opened.
    pub(super) fn opened(&mut self) -> Result<&mut Log, Unavailable> {
        match self {
            LogState::Open(log) => Ok(log),
            LogState::Failed(why) => Err(Unavailable::Offline(why.clone())),
            LogState::Closed | LogState::Opening | LogState::Deleted => Err(Unavailable::Deleted),
        }
    }
}

/// A thread that opens a log: if it panics, those that wait for the log must not wait for ever.
struct BegunOpening<'a> {
    partition: &'a Partition,
    is_over: bool,
}

impl Drop for BegunOpening<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.partition.log();
        if let LogState::Opening = *state {
            *state = LogState::Failed("a panic interrupted the opening of the log".to_owned());
        }
        let is_recovered = self.partition.mark_recovered();
        drop(state);
        self.partition.opening_ended.notify_all();
        if is_recovered {
            self.partition.notify_recovered();
        }
    }
}

/// Opens the logs that are not open yet, on a blocking thread; waits for those that are being
/// recovered, but not for long. A failure to open is reported on the next use of the log.
pub async fn open_all(partitions: impl Iterator<Item = &Arc<Partition>>) {
    let closed = closed(partitions);
    recovered_all(closed.iter(), RECOVERY_WAIT).await;
    open_each(closed, |_| true).await;
}

/// Opens logs as [`open_all`] does, but none that was never written: a reader needs no files to
/// find that there is nothing.
pub async fn open_written(partitions: impl Iterator<Item = &Arc<Partition>>) {
    let mut closed = closed(partitions);
    closed.retain(|partition| !partition.is_known_missing());
    recovered_all(closed.iter(), RECOVERY_WAIT).await;
    open_each(closed, |partition| !partition.is_unused()).await;
}

/// Opens logs as [`open_written`] does, but waits for none: those that are being recovered will be
/// recovered before others.
pub async fn open_recovered(partitions: impl Iterator<Item = &Arc<Partition>>) {
    let mut closed = closed(partitions);
    closed.retain(|partition| !partition.is_known_missing());
    closed.iter().for_each(Partition::prefer_recovery);
    open_each(closed, |partition| !partition.is_unused()).await;
}

fn closed<'a>(partitions: impl Iterator<Item = &'a Arc<Partition>>) -> Vec<Arc<Partition>> {
    partitions.filter(|one| !one.is_open()).cloned().collect()
}

async fn open_each(mut closed: Vec<Arc<Partition>>, is_wanted: fn(&Partition) -> bool) {
    closed.retain(|partition| !partition.is_recovering());
    if closed.is_empty() {
        return;
    }
    let opening = tokio::task::spawn_blocking(move || {
        for partition in closed.iter().filter(|partition| is_wanted(partition)) {
            let _ = partition.open();
        }
    });
    // A panic leaves its partition offline.
    let _ = opening.await;
}
