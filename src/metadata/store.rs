//! The metadata log: decide, append, apply, publish a new image.
//!
//! **Invariant:** one writer at a time, whose decision is made under the lock; readers clone an
//! `Arc<Image>` and never see a partial change.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Now;
use crate::config::choices::Durability;
use crate::config::resolve::TopicConfig;
use crate::log::admit::{Admitted, Rewrite};
use crate::log::disk_space::DiskSpace;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::view::View;
use crate::log::{AppendError, Log};
use crate::metadata::image::Image;
use crate::metadata::quorum;
use crate::metadata::records::Record;
use crate::metadata::replay::Replay;
use crate::metadata::snapshot::{self, Snapshot};
use crate::metadata::version::{METADATA_VERSION, MetadataVersion};
use crate::protocol::messages::abort_transaction_record::AbortTransactionRecord;
use crate::protocol::text::text;
use crate::storage::batch::BatchView;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::disk::Disk;
use crate::sync::{Mutex, RwLock};
use crate::types::Offset;

/// The topic whose only partition is the metadata log.
pub const TOPIC: &str = "__cluster_metadata";
/// Its directory.
pub const DIRECTORY: &str = "__cluster_metadata-0";

/// The metadata log and the image built from it.
#[derive(Debug)]
pub struct Store {
    log: Mutex<Log>,
    image: RwLock<Arc<Image>>,
    /// The first records of a directory that Kafka has formatted and not used.
    bootstrap: Option<Vec<Record>>,
    /// True if Kafka has begun a transaction and not ended it.
    is_in_transaction: bool,
    durability: Durability,
    space: Arc<DiskSpace>,
    /// Why the log is offline, once it is.
    offline: watch::Sender<Option<String>>,
}

/// Bytes of disk space reserved for changes that free space: enough for some hundred of them.
const RESERVE_BYTES: u64 = 128 * 1024;

impl Store {
    /// Opens the metadata log in the data directory and applies all of it.
    pub fn open(
        disk: Arc<dyn Disk>,
        data_dir: &Path,
        known: RecoveryCheckpoint,
        durability: Durability,
        now: Now,
        space: Arc<DiskSpace>,
    ) -> io::Result<Store> {
        let mut log = Log::open(
            disk.clone(),
            &data_dir.join(DIRECTORY),
            Arc::new(TopicConfig::default()),
            known,
            now,
        )?;
        let opened = Opened::read(disk.as_ref(), data_dir, &log.view())?;
        log.begin_epoch(opened.leader_epoch)?;
        if let Err(error) = log.reserve(RESERVE_BYTES) {
            tracing::warn!(%error, "could not reserve disk space for the deletion of topics");
        }
        Ok(Store {
            log: Mutex::new(log),
            image: RwLock::new(Arc::new(opened.image)),
            bootstrap: opened.bootstrap,
            is_in_transaction: opened.is_in_transaction,
            durability,
            space,
            offline: watch::Sender::new(None),
        })
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock_or_poisoned().unwrap_or_else(|mut log| {
            // A panic under the lock may have left the log in an inconsistent state.
            if log.offline().is_none() {
                let why = log.fail(&io::Error::other("a panic interrupted an earlier change"));
                self.report_offline(&why);
            }
            log
        })
    }

    /// Returns why the log is offline, if it is: topics cannot be changed until the next start.
    pub fn offline(&self) -> Option<String> {
        // A panic is noticed only here.
        if self.log.is_poisoned() {
            drop(self.log());
        }
        self.offline.borrow().clone()
    }

    /// Returns a receiver that is notified when the log goes offline.
    pub fn changes(&self) -> watch::Receiver<Option<String>> {
        self.offline.subscribe()
    }

    /// Returns the current image.
    pub fn image(&self) -> Arc<Image> {
        self.image.read().clone()
    }

    /// Returns the epoch of the quorum in which the log continues.
    pub fn leader_epoch(&self) -> i32 {
        self.view().epochs.current()
    }

    /// Returns the records with which a directory begins that Kafka has formatted and not used.
    pub fn bootstrap(&self) -> Option<&[Record]> {
        self.bootstrap.as_deref()
    }

    /// Writes what a start writes: the end of a transaction that Kafka has begun, and the records
    /// of `first` if the log is empty.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn begin(&self, now: Now, first: impl FnOnce() -> Vec<Record>) -> Result<(), AppendError> {
        if self.durability == Durability::Fsync {
            // What a crash has left was not synced, and is answered from now on.
            sync(&mut self.log())?;
        }
        self.change(now, |image| {
            // The reason that Kafka gives.
            let reason =
                AbortTransactionRecord::default().with_reason(Some(text("Controller failover")));
            let abort = self.is_in_transaction.then_some(Record::AbortTransaction(reason));
            let first = if image.features.is_empty() { first() } else { Vec::new() };
            Ok((abort.into_iter().chain(first).collect(), ()))
        })
    }

    /// Makes one change: `decide` receives the newest image and returns the records to write. All
    /// of them are in one batch, so that a crash keeps all or none.
    pub fn change<T, E: From<AppendError>>(
        &self,
        now: Now,
        decide: impl FnOnce(&Image) -> Result<(Vec<Record>, T), E>,
    ) -> Result<T, E> {
        self.change_within(now, RESERVE_BYTES, decide)
    }

    /// Makes one change that frees disk space, or leads to that. On a full disk it may use the
    /// reserved space.
    pub fn change_to_make_room<T, E: From<AppendError>>(
        &self,
        now: Now,
        decide: impl FnOnce(&Image) -> Result<(Vec<Record>, T), E>,
    ) -> Result<T, E> {
        self.change_within(now, 0, decide)
    }

    /// Makes one change after which `spare` bytes of disk space must still be reserved.
    fn change_within<T, E: From<AppendError>>(
        &self,
        now: Now,
        spare: u64,
        decide: impl FnOnce(&Image) -> Result<(Vec<Record>, T), E>,
    ) -> Result<T, E> {
        let mut log = self.log();
        let changed = self.change_log(&mut log, now, spare, decide);
        if let Some(why) = log.offline().filter(|_| changed.is_err()) {
            self.report_offline(why);
        }
        changed
    }

    fn report_offline(&self, why: &str) {
        self.offline.send_if_modified(|known| {
            let is_news = known.is_none();
            known.get_or_insert_with(|| why.to_owned());
            is_news
        });
    }

    fn change_log<T, E: From<AppendError>>(
        &self,
        log: &mut Log,
        now: Now,
        spare: u64,
        decide: impl FnOnce(&Image) -> Result<(Vec<Record>, T), E>,
    ) -> Result<T, E> {
        let image = self.image();
        let level = image.metadata_version();
        let (decided, outcome) = decide(&image)?;
        drop(image);
        if decided.is_empty() {
            return Ok(outcome);
        }
        let mut builder = BatchBuilder::new(0, now.wall_ms);
        for record in &decided {
            let value = record.encode(level).map_err(|e| AppendError::Offline(e.to_string()))?;
            builder.push(None, Some(&value), &[], now.wall_ms);
        }
        let bytes = builder.finish();
        let Some(batch) = BatchView::first(&bytes) else {
            return Err(AppendError::Offline("an empty metadata batch".to_owned()).into());
        };
        let admitted = Admitted { batch, max_timestamp: now.wall_ms, rewrite: Rewrite::AsItCame };
        // While the disk is full, no change may begin that will need more space later.
        let spare = if self.space.is_full() { 2 * spare } else { spare };
        let kept = match log.reserve(bytes.len() as u64 + spare) {
            Err(AppendError::Full(_)) if spare == 0 => Ok(()),
            kept => kept,
        };
        let appended = kept.and_then(|()| log.append(now, &admitted)).inspect_err(|error| {
            if let AppendError::Full(why) = error {
                self.space.on_full(now, why);
            }
        })?;
        if self.durability == Durability::Fsync {
            sync(log)?;
        }
        // Copies the image only if a reader holds it now.
        let mut image = self.image.write();
        let image = Arc::make_mut(&mut image);
        decided.iter().for_each(|record| image.apply(record));
        image.end_offset = appended.end_offset;
        Ok(outcome)
    }

    /// Returns the current view of the log.
    pub fn view(&self) -> View {
        self.log().view()
    }

    /// Returns the recovery point and the end offset.
    pub fn bounds(&self) -> (Offset, Offset) {
        let log = self.log();
        (log.recovery_point(), log.view().end_offset)
    }

    /// Writes and syncs everything; returns the bounds after that.
    pub fn close(&self) -> io::Result<(Offset, Offset)> {
        self.log().close(true)?;
        Ok(self.bounds())
    }
}

fn sync(log: &mut Log) -> Result<(), AppendError> {
    let Some(flush) = log.flush_due() else { return Ok(()) };
    flush.run().map_err(|error| AppendError::Offline(log.fail(&error)))?;
    log.flushed(&flush);
    Ok(())
}

/// What is read when the log is opened.
struct Opened {
    image: Image,
    leader_epoch: i32,
    bootstrap: Option<Vec<Record>>,
    is_in_transaction: bool,
}

impl Opened {
    /// Reads the newest snapshot and the log after it.
    fn read(disk: &dyn Disk, data_dir: &Path, view: &View) -> io::Result<Opened> {
        let dir = data_dir.join(DIRECTORY);
        let snapshot = Snapshot::newest(disk, &dir)?;
        let (first, newest) = match snapshot {
            // Kafka has written its records to the log as well.
            Some(first) if first.end_offset == 0 => (Some(first), None),
            newest => (None, newest),
        };
        let begun = newest.as_ref().map_or(0, |snapshot| snapshot.end_offset);
        let (start, end) = (view.log_start_offset, view.end_offset);
        if begun < start {
            return Err(invalid(&format!(
                "it begins at offset {start}, and no snapshot has all that came before"
            )));
        }
        if begun > end {
            return Err(invalid(&format!(
                "it ends at offset {end}, before its newest snapshot, {begun}"
            )));
        }
        let mut replay = match &newest {
            Some(snapshot) => {
                Replay::of_snapshot(&snapshot.read(disk)?, begun, snapshot.leader_epoch)
            }
            None => Replay::default(),
        };
        view.for_each_batch(|batch| match batch.header.last_offset() < begun {
            true => Ok(()),
            false => replay.apply(batch).map_err(|error| invalid(&error)),
        })?;
        let leader_epoch = replay.leader_epoch.max(quorum::leader_epoch(disk, &dir));
        let (image, is_in_transaction) = replay.finish();
        let mut bootstrap = None;
        if image.features.is_empty() {
            bootstrap = snapshot::bootstrap(disk, data_dir, first.as_ref())?;
            check_level(
                &Replay::of_snapshot(bootstrap.as_deref().unwrap_or(&[]), 0, 0).finish().0,
            )?;
        }
        check_level(&image)?;
        Ok(Opened { image, leader_epoch, bootstrap, is_in_transaction })
    }
}

/// Refuses a level of `metadata.version` whose records are not known.
fn check_level(image: &Image) -> io::Result<()> {
    let level = image.features.get(METADATA_VERSION).copied();
    if level.is_none_or(|level| MetadataVersion::of(level).is_some()) {
        return Ok(());
    }
    let (oldest, newest) = (MetadataVersion::OLDEST.level(), MetadataVersion::NEWEST.level());
    Err(invalid(&format!(
        "{METADATA_VERSION} is {}, but only levels {oldest} to {newest} are supported",
        level.unwrap_or_default()
    )))
}

fn invalid(why: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{DIRECTORY}: {why}"))
}

#[cfg(test)]
mod tests;
