//! A compacted log on a disk that loses power, is killed and fails, at any moment: also between
//! two steps of an exchange of segments.
//!
//! What a reader sees before and after is the same, but for what the policy removes: every record
//! that is there is the one that was appended at its offset; of each key the last one is there,
//! unless it is a tombstone whose time has passed; what no pass has looked at is all there; after
//! a whole pass no key stands twice; the producers are known by what they wrote last.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use ottla::clock::Now;
use ottla::config::choices::Cleanup;
use ottla::config::resolve::TopicConfig;
use ottla::log::Log;
use ottla::log::admit::{Admitted, Rewrite};
use ottla::log::compaction::cleanable::CleanableRange;
use ottla::log::compaction::{CompactionPass, PassConfig};
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::storage::batch::{BatchView, Codec};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::disk::Disk;
use ottla::storage::records::records;
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::compaction_model::{Model, Row, Stored};
use crate::seeds::seeds;

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// One partition's life over many starts.
struct Life {
    rng: Rng,
    disk: SimDisk,
    config: Arc<TopicConfig>,
    model: Model,
    recovery_point: i64,
    clean_stop: bool,
    lost_power: bool,
    /// What had to survive the last end.
    least: i64,
    /// What the cleaner's checkpoint says.
    cleaned: Option<i64>,
    now: i64,
    sequences: BTreeMap<i64, i32>,
    story: String,
}

fn dir() -> &'static Path {
    Path::new("/data/t-0")
}

fn at(wall_ms: i64) -> Now {
    Now { mono_ms: wall_ms - 1_600_000_000_000, wall_ms }
}

impl Life {
    fn begin(seed: u64) -> Life {
        let mut rng = Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.create_dir(Path::new("/data")).expect("a new directory");
        disk.settle();
        let config = TopicConfig {
            cleanup: Cleanup { delete: false, compact: true },
            segment_bytes: rng.i32(400..6000),
            index_interval_bytes: rng.i32(0..1000),
            delete_retention_ms: rng.i64(0..3000),
            producer_id_expiration_ms: i64::MAX,
            min_compaction_lag_ms: if rng.u8(0..4) == 0 { rng.i64(0..2000) } else { 0 },
            ..TopicConfig::default()
        };
        Life {
            disk,
            config: Arc::new(config),
            model: Model::default(),
            recovery_point: 0,
            clean_stop: false,
            lost_power: false,
            least: 0,
            cleaned: None,
            now: 1_700_000_000_000,
            sequences: BTreeMap::new(),
            story: String::new(),
            rng,
        }
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push_str(&format!("{what}\n"));
    }

    fn live(&mut self, times: usize) -> Result<(), String> {
        for _ in 0..times {
            if self.rng.u8(0..5) == 0 {
                self.disk.fail_after(self.rng.u64(0..30));
            }
            let known = RecoveryCheckpoint {
                clean: self.clean_stop,
                recovery_point: self.recovery_point,
                log_start_offset: self.model.log_start,
                index_interval_bytes: self.config.index_interval_bytes,
                producers_max: self.config.producers_max,
            };
            let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
            match Log::open(disk, dir(), self.config.clone(), known, at(self.now)) {
                Ok(log) => {
                    self.disk.heal();
                    self.work(log)?;
                }
                Err(error) if self.disk.has_stopped() => {
                    self.tell(format_args!("stopped while opening: {error}"));
                    self.end(None);
                }
                Err(error) => return Err(format!("does not open: {error}")),
            }
        }
        Ok(())
    }

    fn work(&mut self, mut log: Log) -> Result<(), String> {
        let end = log.view().end_offset;
        self.tell(format_args!("opened, ends at {end}"));
        self.model.found(end, self.least)?;
        if self.lost_power {
            // What is still there lies on the disk itself.
            self.model.durable = end;
        }
        self.check(&log)?;
        self.sequences = self.sequences_now();
        match self.rng.u8(0..10) {
            0..5 => self.disk.fail_after(self.rng.u64(0..200)),
            5 => self.disk.fail_next_write(".cleaned", InjectedError::NoSpace),
            6 => self.disk.fail_next_name(".swap", InjectedError::Io),
            _ => {}
        }
        for _ in 0..self.rng.usize(0..60) {
            self.now += self.rng.i64(0..200);
            let went_on = match self.rng.u8(0..24) {
                0 => self.flush(&mut log),
                1..4 => self.clean(&mut log)?,
                4 => {
                    self.recovery_point = log.recovery_point();
                    true
                }
                5 => self.delete_before(&mut log),
                6 if !self.disk.has_stopped() => self.check(&log).map(|()| true)?,
                _ => self.append(&mut log),
            };
            if !went_on {
                break;
            }
        }
        self.end(Some(log));
        Ok(())
    }

    fn check(&self, log: &Log) -> Result<(), String> {
        let found = rows(log).map_err(|error| error.to_string())?;
        let start = log.view().log_start_offset;
        let visible: Vec<Row> = found.into_iter().filter(|row| row.offset >= start).collect();
        self.model.check(&visible)?;
        let reported = log.producers().last_written();
        for (producer, last) in self.model.producers() {
            if reported.get(&producer).is_none_or(|(offset, _)| *offset != Some(last)) {
                return Err(format!("producer {producer} is not known by {last}: {reported:?}"));
            }
        }
        Ok(())
    }

    /// The next sequence of each producer, from what the model has.
    fn sequences_now(&self) -> BTreeMap<i64, i32> {
        let mut next = BTreeMap::new();
        for batch in &self.model.batches {
            if let Some(producer) = batch.producer {
                *next.entry(producer).or_insert(0) += batch.rows.len() as i32;
            }
        }
        next
    }

    fn append(&mut self, log: &mut Log) -> bool {
        let base = self.model.end();
        let producer = self.rng.bool().then(|| self.rng.i64(1..4));
        let codec = CODECS[self.rng.usize(..CODECS.len())];
        let mut builder = BatchBuilder::new(0, self.now).compressed(codec, -1);
        if let Some(id) = producer {
            builder = builder.producer(id, 0, self.sequences.get(&id).copied().unwrap_or(0));
        }
        let mut appended = Vec::new();
        for offset in base..base + self.rng.i64(1..5) {
            let key = (self.rng.u8(0..15) > 0).then(|| self.rng.u8(0..12));
            let size = self.rng.usize(0..120);
            let value = (self.rng.u8(0..5) > 0).then(|| vec![self.rng.u8(..); size]);
            let timestamp = self.now + self.rng.i64(-50..50);
            let bytes = key.as_ref().map(std::slice::from_ref);
            builder.push(bytes, value.as_deref(), &[], timestamp);
            appended.push(Row { offset, timestamp, key, value });
        }
        let bytes = builder.finish();
        let Some(batch) = BatchView::first(&bytes) else { return false };
        let max_timestamp = batch.header.max_timestamp;
        let admitted = Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame };
        let stored = Stored { rows: appended, producer };
        match log.append(at(self.now), &admitted) {
            Ok(placed) => {
                assert_eq!(placed.base_offset, base);
                if let Some(id) = producer {
                    *self.sequences.entry(id).or_insert(0) += stored.rows.len() as i32;
                }
                self.model.batches.push(stored);
                true
            }
            Err(error) => {
                self.tell(format_args!("append failed: {error}"));
                self.model.unsure = Some(stored);
                false
            }
        }
    }

    fn flush(&mut self, log: &mut Log) -> bool {
        let Some(flush) = log.flush_due() else { return true };
        self.run(log, &flush)
    }

    fn run(&mut self, log: &mut Log, flush: &ottla::log::flush::Flush) -> bool {
        match flush.run() {
            Ok(()) => {
                log.flushed(flush);
                self.model.durable = self.model.durable.max(flush.up_to);
                true
            }
            Err(error) => {
                log.fail(&error);
                false
            }
        }
    }

    fn delete_before(&mut self, log: &mut Log) -> bool {
        // A log start behind a lost tail is another story, and not this one's.
        if !self.flush(log) {
            return false;
        }
        let offset = self.rng.i64(0..=self.model.end());
        if let Some(start) = log.delete_before(offset) {
            self.model.log_start = start;
            self.tell(format_args!("deleted before {start}"));
        }
        match log.retire() {
            Ok(gone) => gone.iter().all(|segment| segment.remove_retired().is_ok()),
            Err(error) => {
                log.fail(&error);
                false
            }
        }
    }

    /// A pass, as a partition has it done.
    fn clean(&mut self, log: &mut Log) -> Result<bool, String> {
        let (view, last) = (log.view(), log.producers().last_written());
        if !self.flush(log) {
            return Ok(false);
        }
        let pass_config = PassConfig {
            map_bytes: self.rng.usize(0..600),
            map_load: 0.9,
            buffer_bytes: self.rng.usize(0..2000),
            now_wall_ms: self.now,
        };
        let Ok(range) = CleanableRange::of(&view, &self.config, self.cleaned, self.now) else {
            return Ok(!self.disk.has_stopped());
        };
        let sealed = view.active.segment.base_offset;
        let retention_ms = self.config.delete_retention_ms;
        self.model.pass(range.first_uncleanable, sealed, self.now, retention_ms);
        let mut left = if self.rng.u8(0..4) == 0 { self.rng.i32(0..4) } else { i32::MAX };
        let throttler = &mut |_| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let begun = CompactionPass::begin(
            disk,
            &view,
            self.config.clone(),
            &range,
            last,
            pass_config,
            throttler,
        );
        let Ok(mut pass) = begun else { return Ok(!self.disk.has_stopped()) };
        loop {
            let swap = match pass.next(dir(), throttler) {
                Ok(Some(swap)) => swap,
                Ok(None) => break,
                // What was there is there.
                Err(_) => return Ok(!self.disk.has_stopped()),
            };
            if !log.begin_swap(&swap) {
                return Err("the old segments are gone".to_owned());
            }
            match self.rng.u8(0..8) {
                0 => self.disk.fail_renames(".swap"),
                1 => self.disk.fail_renames(".deleted"),
                _ => {}
            }
            let swapped = swap.run();
            self.disk.allow_renames();
            match swapped {
                Ok(true) => {}
                Ok(false) => {
                    self.tell(format_args!("no room for the names of a swap"));
                    log.abandon_swap();
                    return Ok(!self.disk.has_stopped());
                }
                Err(error) => {
                    self.tell(format_args!("a swap failed: {error}"));
                    log.fail(&error);
                    return Ok(false);
                }
            }
            for old in log.finish_swap(swap) {
                if self.rng.bool() && old.remove_retired().is_err() {
                    return Ok(false);
                }
            }
        }
        self.tell(format_args!("cleaned {} to {}", range.first_dirty, pass.cleaned_to));
        self.model.clean = self.model.clean.max(pass.cleaned_to);
        self.cleaned = Some(pass.cleaned_to);
        Ok(true)
    }

    /// The process ends, one way or another.
    fn end(&mut self, log: Option<Log>) {
        self.clean_stop = false;
        let was_open = log.is_some();
        if let Some(mut log) = log
            && !self.disk.has_stopped()
            && self.rng.u8(0..3) == 0
            && log.close(true).is_ok()
        {
            self.clean_stop = true;
            self.model.durable = self.model.end();
            self.recovery_point = log.recovery_point();
        }
        let power = self.rng.bool();
        // Who did not get as far as opening knows no more than the one before.
        let held = if was_open { self.model.end() } else { self.least };
        self.least = if power { held.min(self.model.durable) } else { held };
        self.lost_power = power || (self.lost_power && !was_open);
        self.disk = if power { self.disk.crash() } else { self.disk.kill() };
        let clean = self.clean_stop;
        self.tell(format_args!("power lost: {power}, clean: {clean}"));
        // The checkpoint may be older than the log, or lost.
        if self.rng.u8(0..4) == 0 {
            self.cleaned = None;
        }
    }
}

/// Every record, through the batches as they lie.
fn rows(log: &Log) -> std::io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    log.view().for_each_batch(|batch| {
        assert!(batch.crc_is_right());
        for record in records(batch).map_err(std::io::Error::other)? {
            let record = record.map_err(std::io::Error::other)?;
            rows.push(Row {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(|key| key[0]),
                value: record.value.map(|value| value.to_vec()),
            });
        }
        Ok(())
    })?;
    Ok(rows)
}

#[test]
fn compaction_removes_what_the_policy_says_and_nothing_else_whatever_the_disk_does() {
    for seed in seeds(150) {
        let mut life = Life::begin(seed);
        if let Err(error) = life.live(8) {
            panic!("seed {seed}: the log {error}\n{}", life.story);
        }
    }
}
