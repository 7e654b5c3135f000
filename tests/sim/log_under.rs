//! The log under test, asked in the words of the model.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use ottla::clock::Now;
use ottla::config::choices::TimestampType;
use ottla::config::resolve::TopicConfig;
use ottla::log::admit::{AdmitRules, admit, only_batch};
use ottla::log::epochs::FIRST_EPOCH;
use ottla::log::producer::ProducerError;
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::log::{AppendError, Log};
use ottla::storage::batch::BatchView;
use ottla::storage::disk::{Disk, read_exact_at};
use ottla::storage::fd_cache::BoundedDisk;
use ottla::storage::record_input::RECORD_BYTES_MAX;
use ottla::storage::sim_disk::SimDisk;

use crate::batches::Batch;
use crate::log_model::{Answer, Model};
use crate::on_disk::names;

/// What a start knows of a partition beside its directory: what the checkpoints say.
#[derive(Debug, Clone)]
pub struct Start {
    pub config: Arc<TopicConfig>,
    pub recovery_point: i64,
    pub clean: bool,
    /// How many files may be open; `None`: all.
    pub files_open: Option<usize>,
}

impl Start {
    pub fn new(config: TopicConfig) -> Start {
        // What is remembered of producers is compared with a model that forgets none.
        let config = TopicConfig { producer_id_expiration_ms: i64::MAX, ..config };
        Start { config: Arc::new(config), recovery_point: 0, clean: false, files_open: None }
    }
}

/// Segments and index intervals so small that a few batches cross them.
pub fn small_config(rng: &mut Rng) -> TopicConfig {
    TopicConfig {
        segment_bytes: rng.i32(600..30_000),
        index_interval_bytes: rng.i32(0..5_000),
        segment_index_bytes: if rng.bool() { 10_485_760 } else { rng.i32(8..200) },
        segment_ms: if rng.bool() { 604_800_000 } else { rng.i64(100..20_000) },
        ..TopicConfig::default()
    }
}

/// The log takes nothing more.
#[derive(Debug)]
pub struct Offline(pub String);

/// Why the log did not take a batch.
#[derive(Debug)]
pub enum Refused {
    /// It takes nothing more.
    Offline(String),
    /// It is as it was.
    Full(String),
}

/// A log, and what may be asked of it.
#[derive(Debug)]
pub struct UnderTest {
    log: Log,
    /// From this offset on every batch was seen whole by this log; of what is older, snapshots
    /// tell only the newest batch of each producer.
    seen_from: i64,
}

fn at(wall_ms: i64) -> Now {
    Now { mono_ms: wall_ms - 1_600_000_000_000, wall_ms }
}

impl UnderTest {
    pub fn open(disk: &SimDisk, dir: &Path, start: &Start, now: i64) -> std::io::Result<UnderTest> {
        let snapshots = names(disk, dir);
        let snapshots = snapshots.iter().filter_map(|name| name.strip_suffix(".snapshot"));
        let newest = snapshots.filter_map(|digits| digits.parse().ok()).max();
        let known = RecoveryCheckpoint {
            clean: start.clean,
            recovery_point: start.recovery_point,
            log_start_offset: 0,
            index_interval_bytes: start.config.index_interval_bytes,
            producers_max: start.config.producers_max,
        };
        let disk: Arc<dyn Disk> = match start.files_open {
            None => Arc::new(disk.clone()),
            Some(most) => Arc::new(BoundedDisk::new(Arc::new(disk.clone()), most)),
        };
        let log = Log::open(disk, dir, start.config.clone(), known, at(now))?;
        Ok(UnderTest { log, seen_from: newest.unwrap_or(0) })
    }

    /// Whether a duplicate of this batch must be known for one.
    pub fn is_sure_of(&self, model: &Model, batch: &Batch) -> bool {
        let Some(producer) = batch.producer else { return true };
        let Some(known) = model.producers.get(&producer.id) else { return true };
        match known.window.iter().rposition(|sent| sent.first == producer.sequence) {
            Some(i) => i + 1 == known.window.len() || known.window[i].base_offset >= self.seen_from,
            None => true,
        }
    }

    pub fn append(&mut self, now: i64, batch: &Batch) -> Result<Answer, Refused> {
        let rules = AdmitRules {
            max_message_bytes: i32::MAX,
            segment_bytes: i32::MAX,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: i64::MAX,
            max_decompressed_message_bytes: RECORD_BYTES_MAX,
            compacted: false,
        };
        let bytes = batch.encode();
        let admitted = only_batch(&bytes, 11).and_then(|batch| admit(batch, &rules, now));
        let admitted = admitted.expect("a batch that is admissible");
        match self.log.append(at(now), &admitted) {
            Ok(placed) => {
                let end = placed.base_offset + batch.records.len() as i64;
                assert_eq!(placed.end_offset, end, "the answer covers the batch");
                Ok(match placed.bytes == 0 {
                    true => Answer::Duplicate(placed.base_offset),
                    false => Answer::Placed(placed.base_offset),
                })
            }
            Err(AppendError::Producer(ProducerError::OutOfOrder { .. })) => Ok(Answer::OutOfOrder),
            Err(AppendError::Producer(ProducerError::StaleEpoch { .. })) => Ok(Answer::Fenced),
            Err(AppendError::Producer(other)) => panic!("no one has a transaction here: {other}"),
            Err(AppendError::Offline(why)) => Err(Refused::Offline(why)),
            Err(AppendError::Full(why)) => Err(Refused::Full(why)),
        }
    }

    /// Sync as an acks=-1 produce with `durability = "fsync"` does. Gives the end of what is
    /// durable.
    pub fn flush(&mut self) -> Result<i64, Offline> {
        let Some(flush) = self.log.flush_due() else { return Ok(self.bounds().1) };
        match flush.run() {
            Ok(()) => {
                self.log.flushed(&flush);
                Ok(flush.up_to)
            }
            Err(error) => Err(Offline(self.log.fail(&error))),
        }
    }

    pub fn close(&mut self) -> std::io::Result<()> {
        self.log.close(true)
    }

    pub fn recovery_point(&self) -> i64 {
        self.log.recovery_point()
    }

    pub fn leader_epoch(&self) -> i32 {
        FIRST_EPOCH
    }

    /// Log start offset and end offset.
    pub fn bounds(&self) -> (i64, i64) {
        let view = self.log.view();
        (view.log_start_offset, view.end_offset)
    }

    /// Every byte that can be read, as a consumer gets it: fetch by fetch.
    pub fn everything(&self, max_bytes: u64) -> Result<Vec<u8>, String> {
        let view = self.log.view();
        let (mut all, mut next) = (Vec::new(), view.log_start_offset);
        while next < view.end_offset {
            let slice = view.read(next, view.end_offset, max_bytes, true);
            let slice = slice.map_err(|e| e.to_string())?;
            let slice = slice.ok_or_else(|| format!("nothing to read at offset {next}"))?;
            let mut bytes = vec![0; slice.len];
            read_exact_at(slice.file.as_ref(), &mut bytes, slice.position)
                .map_err(|e| e.to_string())?;
            let mut rest = bytes.as_slice();
            while let Some(batch) = BatchView::first(rest) {
                all.extend_from_slice(batch.bytes);
                next = batch.header.end_offset();
                rest = &rest[batch.bytes.len()..];
            }
            if rest.len() == bytes.len() {
                return Err(format!("a read at offset {next} begins with no whole batch"));
            }
        }
        Ok(all)
    }

    /// The base offset of the batch that a read from `offset` begins with; `None` at the end.
    pub fn batch_of(&self, offset: i64) -> Result<Option<i64>, String> {
        let view = self.log.view();
        let slice = view.read(offset, view.end_offset, 1, true).map_err(|e| e.to_string())?;
        let Some(slice) = slice else { return Ok(None) };
        let mut bytes = vec![0; slice.len];
        read_exact_at(slice.file.as_ref(), &mut bytes, slice.position)
            .map_err(|e| e.to_string())?;
        let batch = BatchView::first(&bytes).ok_or("no whole batch")?;
        Ok(Some(batch.header.base_offset))
    }

    /// The first record that is as late as `timestamp`: its offset and its timestamp.
    pub fn at_time(&self, timestamp: i64) -> Result<Option<(i64, i64)>, String> {
        let view = self.log.view();
        let found = view.first_at_or_after(timestamp, view.end_offset, RECORD_BYTES_MAX);
        Ok(found.map_err(|e| e.to_string())?.map(|f| (f.offset, f.timestamp)))
    }
}
