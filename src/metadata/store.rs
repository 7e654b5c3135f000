//! The metadata log: decide, append, apply, publish a new image.
//!
//! **Invariant:** one writer at a time, whose decision is made under the lock; readers clone an
//! `Arc<Image>` and never see a partial change.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use bytes::Bytes;

use crate::clock::Now;
use crate::config::choices::Durability;
use crate::config::resolve::TopicConfig;
use crate::log::admit::{Admitted, Rewrite};
use crate::log::disk_space::DiskSpace;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::view::View;
use crate::log::{AppendError, Log};
use crate::metadata::image::Image;
use crate::metadata::records::Record;
use crate::storage::batch::BatchView;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::disk::Disk;
use crate::storage::records::records;
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
            disk,
            &data_dir.join(DIRECTORY),
            Arc::new(TopicConfig::default()),
            known,
            now,
        )?;
        let view = log.view();
        if view.log_start_offset > 0 {
            let why = format!(
                "{DIRECTORY} begins at offset {}: Apache Kafka keeps what came before in a \
                 snapshot, which is not read here",
                view.log_start_offset
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let image = replay(&view)?;
        if let Err(error) = log.reserve(RESERVE_BYTES) {
            tracing::warn!(%error, "could not reserve disk space for the deletion of topics");
        }
        Ok(Store {
            log: Mutex::new(log),
            image: RwLock::new(Arc::new(image)),
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
        let (decided, outcome) = decide(&self.image())?;
        if decided.is_empty() {
            return Ok(outcome);
        }
        let mut builder = BatchBuilder::new(0, now.wall_ms);
        for record in &decided {
            let value = record.encode().map_err(|e| AppendError::Offline(e.to_string()))?;
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
        kept.and_then(|()| log.append(now, &admitted)).inspect_err(|error| {
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

fn replay(view: &View) -> io::Result<Image> {
    let mut image = Image::default();
    view.for_each_batch(|batch| {
        if batch.header.is_control() {
            return Ok(());
        }
        let damaged = |offset, why: String| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{DIRECTORY}: the record at offset {offset} cannot be read: {why}"),
            )
        };
        let base = batch.header.base_offset;
        for record in records(batch).map_err(|e| damaged(base, e.to_string()))? {
            let record = record.map_err(|e| damaged(base, e.to_string()))?;
            let Some(value) = record.value else { continue };
            let decoded = Record::decode(&Bytes::copy_from_slice(&value))
                .map_err(|e| damaged(record.offset, e.to_string()))?;
            image.apply(&decoded);
        }
        Ok(())
    })?;
    Ok(image)
}
