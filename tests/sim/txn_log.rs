//! Transactions in a log whose disk loses power, is killed, and damages the index of aborted ones.
//!
//! After each reopening, and in between: the last stable offset and the aborted transactions that a
//! reader gets are those that a scan of the log finds, whatever became of `.txnindex` and of the
//! snapshots; and the last stable offset never goes back while the log is not cut.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use ottla::clock::Now;
use ottla::config::resolve::TopicConfig;
use ottla::log::Log;
use ottla::log::admit::{Admitted, Rewrite};
use ottla::log::end_txn::{EndTxn, EndTxnMarker};
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::log::view::View;
use ottla::storage::batch::{BatchView, batches};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::disk::{Disk, OpenMode, read_exact_at};
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::txn_index::AbortedTxn;

use crate::seeds::seeds;

const DIR: &str = "/data/t-0";
const NOW: i64 = 1_700_000_000_000;
const PRODUCERS: i64 = 5;

/// What a scan of the log finds.
#[derive(Debug, Default)]
struct Scanned {
    open: BTreeMap<i64, i64>,
    /// Producer, first offset and marker.
    aborted: Vec<(i64, i64, i64)>,
    end: i64,
}

impl Scanned {
    fn of(view: &View) -> Scanned {
        let mut scanned = Scanned::default();
        let visit = |batch: &BatchView<'_>| {
            let (id, first) = (batch.header.producer_id, batch.header.base_offset);
            scanned.end = batch.header.end_offset();
            if let Some(marker) = EndTxnMarker::of(batch) {
                let began = scanned.open.remove(&id).filter(|_| !marker.committed);
                scanned.aborted.extend(began.map(|began| (id, began, first)));
            } else if batch.header.is_transactional() {
                scanned.open.entry(id).or_insert(first);
            }
            Ok(())
        };
        view.for_each_batch(visit).expect("a log that can be read");
        scanned
    }

    fn last_stable_offset(&self) -> i64 {
        self.open.values().min().copied().unwrap_or(self.end)
    }
}

struct Life {
    rng: Rng,
    disk: SimDisk,
    config: Arc<TopicConfig>,
    known: RecoveryCheckpoint,
    last_stable_offset: i64,
}

impl Life {
    fn begin(seed: u64) -> Life {
        let mut rng = Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.create_dir(Path::new("/data")).unwrap();
        disk.settle();
        let segment_bytes = rng.i32(300..4000);
        Life {
            rng,
            disk,
            config: Arc::new(TopicConfig {
                segment_bytes,
                index_interval_bytes: 200,
                ..TopicConfig::default()
            }),
            known: RecoveryCheckpoint {
                clean: false,
                recovery_point: 0,
                log_start_offset: 0,
                index_interval_bytes: 200,
                producers_max: 100,
            },
            last_stable_offset: 0,
        }
    }

    fn live(&mut self, times: usize) {
        for _ in 0..times {
            let disk = Arc::new(self.disk.clone());
            let config = self.config.clone();
            let mut log = Log::open(disk, Path::new(DIR), config, self.known, at()).unwrap();
            self.check(&log);
            for _ in 0..self.rng.usize(0..40) {
                self.step(&mut log);
            }
            self.check(&log);
            self.end(log);
        }
    }

    fn step(&mut self, log: &mut Log) {
        let id = self.rng.i64(0..PRODUCERS);
        let known = log.producers().to_entries().into_iter().find(|e| e.producer_id == id);
        let (epoch, sequence) = known.map_or((0, 0), |entry| {
            let sequence = if entry.last_offset < 0 { 0 } else { entry.last_sequence + 1 };
            (entry.producer_epoch, sequence)
        });
        match self.rng.u8(0..20) {
            0 => drop(log.roll(at())),
            1 => {
                if let Some(flush) = log.flush_due() {
                    flush.run().unwrap();
                    log.flushed(&flush);
                }
            }
            2 => self.known.recovery_point = log.recovery_point(),
            3 => self.check(log),
            4..10 => {
                let (committed, coordinator_epoch) = (self.rng.bool(), 0);
                let marker = EndTxnMarker { committed, coordinator_epoch };
                let bumps_epoch = self.rng.bool();
                let producer_epoch = epoch + i16::from(bumps_epoch);
                let end = EndTxn { producer_id: id, producer_epoch, marker, bumps_epoch };
                log.append_marker(at(), &end).unwrap();
            }
            10 => append(log, BatchBuilder::new(0, NOW)),
            _ => {
                let batch = BatchBuilder::new(0, NOW).producer(id, epoch, sequence);
                append(log, batch.transactional());
            }
        }
        let stable = log.last_stable_offset();
        assert!(stable >= self.last_stable_offset, "{stable} < {}", self.last_stable_offset);
        self.last_stable_offset = stable;
    }

    fn check(&mut self, log: &Log) {
        let view = log.view();
        let scanned = Scanned::of(&view);
        assert_eq!(view.last_stable_offset, scanned.last_stable_offset());
        let mut offset = 0;
        while offset < view.last_stable_offset {
            let max_bytes = self.rng.u64(1..1000);
            let read = view.read_committed(offset, max_bytes, true).unwrap();
            let slice = read.records.expect("records below the last stable offset");
            let mut bytes = vec![0; slice.len];
            read_exact_at(slice.file.as_ref(), &mut bytes, slice.position).unwrap();
            let end = batches(&bytes).last().expect("a whole batch").header.end_offset();
            let expected = scanned.aborted.iter().copied();
            let expected: Vec<_> = expected.filter(|t| t.2 >= offset && t.1 < end).collect();
            let found = |txn: &AbortedTxn| (txn.producer_id, txn.first_offset, txn.last_offset);
            let found: Vec<_> = read.aborted.iter().map(found).collect();
            assert_eq!(found, expected, "from {offset} to {end}");
            offset = end;
        }
    }

    /// Ends the process one way or another; the index may be damaged.
    fn end(&mut self, mut log: Log) {
        let is_closed = self.rng.bool() && log.close(true).is_ok();
        self.known.clean = is_closed;
        if is_closed {
            self.known.recovery_point = log.recovery_point();
        }
        let has_power = self.rng.bool();
        self.disk = if has_power { self.disk.kill() } else { self.disk.crash() };
        // What was lost may have been stable.
        self.last_stable_offset = if has_power { self.last_stable_offset } else { 0 };
        for entry in self.disk.list(Path::new(DIR)).unwrap_or_default() {
            if !entry.name.ends_with(".txnindex") || self.rng.u8(0..4) > 0 {
                continue;
            }
            let path = Path::new(DIR).join(&entry.name);
            let bytes = self.disk.len(&path).unwrap();
            let file = self.disk.open(&path, OpenMode::Write).unwrap();
            match self.rng.bool() {
                true => file.truncate(bytes.saturating_sub(1)).unwrap(),
                false => {
                    let at = self.rng.u64(0..(bytes / 34).max(1)) * 34;
                    file.write_at(&[0; 34], &[], at).unwrap();
                }
            }
            // A part of this damage would be an entry that looks sound.
            file.sync().unwrap();
        }
    }
}

fn append(log: &mut Log, mut builder: BatchBuilder) {
    builder.push(Some(b"key"), Some(b"value"), &[], NOW);
    let bytes = builder.finish();
    let batch = BatchView::first(&bytes).unwrap();
    let admitted = Admitted { batch, max_timestamp: NOW, rewrite: Rewrite::AsItCame };
    log.append(at(), &admitted).unwrap();
}

fn at() -> Now {
    Now { mono_ms: 0, wall_ms: NOW }
}

#[test]
fn readers_see_the_aborted_transactions_that_a_scan_finds_after_any_crash() {
    for seed in seeds(300) {
        Life::begin(seed).live(8);
    }
}

#[test]
fn a_damaged_index_is_rebuilt_also_where_there_is_nothing_to_replay() {
    // Its log ends with batches of no producer, and its index has lost an entry.
    Life::begin(1854).live(8);
}
