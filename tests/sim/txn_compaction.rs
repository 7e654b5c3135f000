//! Transactions in a compacted log whose process is killed, and whose passes break off anywhere.
//!
//! A reader of committed records that has read everything knows of each key what was committed
//! last, as if nothing had been compacted; it is never shown a record that was aborted; what a pass
//! has cleaned has no aborted records any more; and a pass moves neither the last stable offset nor
//! a transaction that is open.

use std::collections::{BTreeMap, BTreeSet};
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
use ottla::log::end_txn::{EndTxn, EndTxnMarker};
use ottla::log::recovery::RecoveryCheckpoint;
use ottla::storage::batch::{BatchView, batches};
use ottla::storage::batch_builder::BatchBuilder;
use ottla::storage::disk::{Disk, read_exact_at};
use ottla::storage::records::records;
use ottla::storage::sim_disk::SimDisk;

use crate::seeds::seeds;

const DIR: &str = "/data/t-0";
const PRODUCERS: i64 = 4;

/// A record that was appended.
#[derive(Debug, Clone)]
struct Row {
    key: u8,
    value: Option<Vec<u8>>,
    /// The offset of the marker that has aborted it.
    aborted_at: Option<i64>,
}

struct Life {
    rng: Rng,
    disk: SimDisk,
    config: Arc<TopicConfig>,
    known: RecoveryCheckpoint,
    now: i64,
    cleaned: Option<i64>,
    rows: BTreeMap<i64, Row>,
    /// The records of open transactions, by producer.
    open: BTreeMap<i64, Vec<i64>>,
}

impl Life {
    fn begin(seed: u64) -> Life {
        let mut rng = Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        disk.create_dir(Path::new("/data")).unwrap();
        disk.settle();
        let config = TopicConfig {
            cleanup: Cleanup { delete: false, compact: true },
            segment_bytes: rng.i32(300..3000),
            index_interval_bytes: rng.i32(0..500),
            delete_retention_ms: rng.i64(0..3000),
            producer_id_expiration_ms: i64::MAX,
            ..TopicConfig::default()
        };
        let known = RecoveryCheckpoint {
            clean: false,
            recovery_point: 0,
            log_start_offset: 0,
            index_interval_bytes: config.index_interval_bytes,
            producers_max: 100,
        };
        Life {
            rng,
            disk,
            config: Arc::new(config),
            known,
            now: 1_700_000_000_000,
            cleaned: None,
            rows: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    fn at(&self) -> Now {
        Now { mono_ms: self.now - 1_600_000_000_000, wall_ms: self.now }
    }

    fn live(&mut self, times: usize) {
        for _ in 0..times {
            let disk = Arc::new(self.disk.clone());
            let config = self.config.clone();
            let mut log = Log::open(disk, Path::new(DIR), config, self.known, self.at()).unwrap();
            self.check(&log);
            for _ in 0..self.rng.usize(0..80) {
                self.now += self.rng.i64(0..300);
                match self.rng.u8(0..20) {
                    // An empty segment is never rolled.
                    0 if log.view().active.log_bytes > 0 => {
                        log.roll(self.at()).map(drop).unwrap();
                    }
                    1..3 => self.pass(&mut log),
                    3..7 => self.end_one(&mut log),
                    _ => self.append(&mut log),
                }
            }
            self.check(&log);
            self.known.clean = self.rng.bool() && log.close(true).is_ok();
            self.known.recovery_point = log.recovery_point();
            self.disk = self.disk.kill();
            // The checkpoint may be lost.
            self.cleaned = self.cleaned.filter(|_| self.rng.u8(0..4) > 0);
        }
    }

    /// Returns the epoch of a producer and its next sequence number.
    fn next_of(log: &Log, id: i64) -> (i16, i32) {
        let known = log.producers().to_entries().into_iter().find(|e| e.producer_id == id);
        known.map_or((0, 0), |entry| {
            let sequence = if entry.last_offset < 0 { 0 } else { entry.last_sequence + 1 };
            (entry.producer_epoch, sequence)
        })
    }

    fn append(&mut self, log: &mut Log) {
        let id = self.rng.i64(0..PRODUCERS + 1);
        let is_transactional = id < PRODUCERS;
        let base = log.view().end_offset;
        let mut builder = BatchBuilder::new(0, self.now);
        if is_transactional {
            let (epoch, sequence) = Life::next_of(log, id);
            builder = builder.producer(id, epoch, sequence).transactional();
        }
        for offset in base..base + self.rng.i64(1..4) {
            let key = self.rng.u8(0..10);
            let value = (self.rng.u8(0..5) > 0).then(|| offset.to_be_bytes().to_vec());
            builder.push(Some(&[key]), value.as_deref(), &[], self.now);
            self.rows.insert(offset, Row { key, value, aborted_at: None });
            if is_transactional {
                self.open.entry(id).or_default().push(offset);
            }
        }
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let rewrite = Rewrite::AsItCame;
        let admitted = Admitted { batch, max_timestamp: self.now, rewrite };
        log.append(self.at(), &admitted).unwrap();
    }

    /// Ends a transaction; or what is none, as a repeated marker does.
    fn end_one(&mut self, log: &mut Log) {
        let id = self.rng.i64(0..PRODUCERS);
        let (epoch, _) = Life::next_of(log, id);
        let (committed, bumps_epoch) = (self.rng.bool(), self.rng.bool());
        let marker = EndTxnMarker { committed, coordinator_epoch: 0 };
        let producer_epoch = epoch + i16::from(bumps_epoch);
        let offset = log.view().end_offset;
        let end = EndTxn { producer_id: id, producer_epoch, marker, bumps_epoch };
        log.append_marker(self.at(), &end).unwrap();
        for row in self.open.remove(&id).unwrap_or_default() {
            let aborted_at = (!committed).then_some(offset);
            self.rows.entry(row).and_modify(|row| row.aborted_at = aborted_at);
        }
    }

    /// Runs a pass, which may break off.
    fn pass(&mut self, log: &mut Log) {
        while let Some(flush) = log.flush_due() {
            flush.run().unwrap();
            log.flushed(&flush);
        }
        let (view, last) = (log.view(), log.producers().last_written());
        let stable = view.last_stable_offset;
        let Ok(range) = CleanableRange::of(&view, &self.config, self.cleaned, self.now) else {
            return;
        };
        assert!(range.first_uncleanable <= stable, "an open transaction is not cleaned");
        let pass_config = PassConfig {
            map_bytes: self.rng.usize(200..2000),
            map_load: 0.9,
            buffer_bytes: self.rng.usize(0..2000),
            now_wall_ms: self.now,
        };
        let mut left = if self.rng.u8(0..4) == 0 { self.rng.i32(0..6) } else { i32::MAX };
        let throttler = &mut |_| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let config = self.config.clone();
        let begun =
            CompactionPass::begin(disk, &view, config, &range, last, pass_config, throttler);
        let Ok(mut pass) = begun else { return };
        loop {
            let swap = match pass.next(Path::new(DIR), throttler) {
                Ok(Some(swap)) => swap,
                Ok(None) => break,
                Err(_) => return,
            };
            assert!(log.begin_swap(&swap));
            assert!(swap.run().unwrap());
            log.finish_swap(swap).iter().for_each(|old| old.remove_retired().unwrap());
            // In the middle of a pass, too.
            self.check(log);
        }
        assert_eq!(log.view().last_stable_offset, stable);
        self.cleaned = Some(pass.cleaned_to);
        self.no_aborted_records_below(log, pass.cleaned_to);
    }

    fn no_aborted_records_below(&self, log: &Log, cleaned_to: i64) {
        log.view()
            .for_each_batch(|batch| {
                for record in records(batch).map_err(std::io::Error::other)? {
                    let offset = record.map_err(std::io::Error::other)?.offset;
                    let aborted_at = self.rows.get(&offset).and_then(|row| row.aborted_at);
                    let is_clean = aborted_at.is_some_and(|marker| marker < cleaned_to);
                    assert!(!is_clean, "{offset} was aborted, and cleaned up to {cleaned_to}");
                }
                Ok(())
            })
            .unwrap();
    }

    /// Reads everything that is committed, as a client does, and compares what it knows then.
    fn check(&mut self, log: &Log) {
        let view = log.view();
        let first_open = self.open.values().flatten().min().copied();
        assert_eq!(view.last_stable_offset, first_open.unwrap_or(view.end_offset));
        let (mut known, mut offset) = (BTreeMap::new(), 0);
        while offset < view.last_stable_offset {
            let max_bytes = self.rng.u64(1..2000);
            let read = view.read_committed(offset, max_bytes, true).unwrap();
            let Some(slice) = read.records else { break };
            let mut bytes = vec![0; slice.len];
            read_exact_at(slice.file.as_ref(), &mut bytes, slice.position).unwrap();
            let mut aborted = read.aborted;
            aborted.sort_by_key(|txn| txn.first_offset);
            let (mut aborted, mut aborting) = (aborted.into_iter().peekable(), BTreeSet::new());
            for batch in batches(&bytes) {
                let id = batch.header.producer_id;
                let begins = |txn: &ottla::storage::txn_index::AbortedTxn| {
                    txn.first_offset <= batch.header.last_offset()
                };
                while let Some(txn) = aborted.next_if(begins) {
                    aborting.insert(txn.producer_id);
                }
                if let Some(marker) = EndTxnMarker::of(&batch) {
                    if !marker.committed {
                        aborting.remove(&id);
                    }
                } else if !(batch.header.is_transactional() && aborting.contains(&id)) {
                    self.learn(&batch, offset, &mut known);
                }
                offset = batch.header.end_offset();
            }
        }
        let committed = self.rows.range(..view.last_stable_offset);
        let committed = committed.filter(|(_, row)| row.aborted_at.is_none());
        let mut expected: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for (_, row) in committed {
            match &row.value {
                Some(value) => drop(expected.insert(row.key, value.clone())),
                None => drop(expected.remove(&row.key)),
            }
        }
        assert_eq!(known, expected, "what a reader knows");
    }

    /// Applies the records of a batch from this offset on.
    fn learn(&self, batch: &BatchView<'_>, from: i64, known: &mut BTreeMap<u8, Vec<u8>>) {
        for record in records(batch).unwrap() {
            let record = record.unwrap();
            if record.offset < from {
                continue;
            }
            let row = &self.rows[&record.offset];
            assert!(row.aborted_at.is_none(), "{} was aborted", record.offset);
            assert_eq!(record.key.as_deref(), Some(&[row.key][..]));
            assert_eq!(record.value.as_deref(), row.value.as_deref());
            match &row.value {
                Some(value) => drop(known.insert(row.key, value.clone())),
                None => drop(known.remove(&row.key)),
            }
        }
    }
}

#[test]
fn readers_of_committed_records_know_the_same_after_compaction() {
    for seed in seeds(200) {
        Life::begin(seed).live(6);
    }
}
