//! Writes, compacts and rereads logs on the simulated disk.

use std::path::Path;

use super::cleanable::CleanableRange;
use super::*;
use crate::clock::Now;
use crate::config::choices::Cleanup;
use crate::log::Log;
use crate::log::admit::{Admitted, Rewrite};
use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::log::producer::ProducerError;
use crate::log::producers::Staged;
use crate::log::recovery::RecoveryCheckpoint;
use crate::log::verification::{TxnCheck, Verifications};
use crate::storage::batch::{Codec, Header};
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::record_input::RECORD_BYTES_MAX;
use crate::storage::records::records;
use crate::storage::sim_disk::SimDisk;

const NOW: i64 = 1_700_000_000_000;

/// Offset, key and value.
type Row = (Offset, Option<String>, Option<String>);

struct Under {
    disk: Arc<dyn Disk>,
    log: Log,
    config: Arc<TopicConfig>,
}

fn config() -> TopicConfig {
    TopicConfig {
        cleanup: Cleanup { delete: false, compact: true },
        segment_bytes: 1 << 20,
        min_cleanable_dirty_ratio: 0.0,
        producer_id_expiration_ms: i64::MAX,
        ..TopicConfig::default()
    }
}

fn dir() -> &'static Path {
    Path::new("/data/t-0")
}

fn at(wall_ms: i64) -> Now {
    Now { mono_ms: wall_ms - 1_600_000_000_000, wall_ms }
}

fn open(disk: &Arc<dyn Disk>, config: &Arc<TopicConfig>, clean: bool) -> Log {
    let known = RecoveryCheckpoint {
        clean,
        recovery_point: 0,
        log_start_offset: 0,
        index_interval_bytes: 100,
        producers_max: 10_000,
    };
    Log::open(disk.clone(), dir(), config.clone(), known, at(NOW)).unwrap()
}

fn under(config: TopicConfig) -> Under {
    let sim = SimDisk::new(7);
    sim.create_dir(Path::new("/data")).unwrap();
    let (disk, config): (Arc<dyn Disk>, _) = (Arc::new(sim), Arc::new(config));
    Under { log: open(&disk, &config, false), disk, config }
}

impl Under {
    fn stages(&self, header: &Header) -> Result<Staged, ProducerError> {
        self.log.producers.stage(header, TxnCheck::Unneeded, &Verifications::default())
    }

    fn append(&mut self, bytes: &[u8]) -> Offset {
        let batch = BatchView::first(bytes).unwrap();
        let max_timestamp = batch.header.max_timestamp;
        let admitted = Admitted { batch, max_timestamp, rewrite: Rewrite::AsItCame };
        self.log.append(at(NOW), &admitted).unwrap().base_offset
    }

    fn put(&mut self, codec: Codec, rows: &[(&str, Option<&str>)]) {
        let mut builder = BatchBuilder::new(0, NOW).compressed(codec, -1);
        for (key, value) in rows {
            builder.push(Some(key.as_bytes()), value.map(str::as_bytes), &[], NOW);
        }
        self.append(&builder.finish());
    }

    fn roll(&mut self) {
        self.log.roll(at(NOW)).unwrap();
    }

    /// Runs one pass at this time, with room for `keys` keys.
    fn clean(&mut self, cleaned: Offset, now: i64, keys: usize) -> (Offset, CleanerStats) {
        self.try_clean(cleaned, now, keys).unwrap()
    }

    fn try_clean(
        &mut self,
        cleaned: Offset,
        now: i64,
        keys: usize,
    ) -> io::Result<(Offset, CleanerStats)> {
        let view = self.log.view();
        let range = CleanableRange::of(&view, &self.config, Some(cleaned), now).unwrap();
        let pass_config = PassConfig {
            map_bytes: (keys + 1) * 2 * offset_map::SLOT_BYTES,
            map_load: 0.5,
            buffer_bytes: 100,
            now_wall_ms: now,
        };
        let last = self.log.producers.last_written();
        let (disk, config) = (self.disk.clone(), self.config.clone());
        let throttler = &mut |_| ControlFlow::Continue(());
        let mut pass =
            CompactionPass::begin(disk, &view, config, &range, last, pass_config, throttler)?;
        while let Some(swap) = pass.next(dir(), throttler)? {
            assert!(self.log.begin_swap(&swap));
            swap.run().unwrap();
            for old in self.log.finish_swap(swap) {
                old.remove_retired().unwrap();
            }
        }
        Ok((pass.cleaned_to, pass.stats))
    }

    fn rows(&self) -> Vec<Row> {
        let text =
            |bytes: Option<bytes::Bytes>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
        let mut rows = Vec::new();
        let view = self.log.view();
        view.for_each_batch(|batch| {
            assert!(batch.crc_is_right());
            if batch.header.is_control() {
                return Ok(());
            }
            for record in records(batch).unwrap() {
                let record = record.unwrap();
                rows.push((record.offset, text(record.key), text(record.value)));
            }
            Ok(())
        })
        .unwrap();
        rows
    }

    /// Returns the number of records of each batch, and -1 for a marker.
    fn shape(&self) -> Vec<i32> {
        let mut shape = Vec::new();
        let each = |batch: &BatchView<'_>| {
            let header = &batch.header;
            shape.push(if header.is_control() { -1 } else { header.records_count });
            Ok(())
        };
        self.log.view().for_each_batch(each).unwrap();
        shape
    }
}

fn row(offset: Offset, key: &str, value: Option<&str>) -> Row {
    (offset, Some(key.to_owned()), value.map(str::to_owned))
}

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

#[test]
fn the_last_value_of_each_key_stays_at_its_offset_with_every_codec() {
    for codec in CODECS {
        let mut it = under(config());
        it.put(codec, &[("a", Some("1")), ("b", Some("2")), ("a", Some("3"))]);
        it.put(codec, &[("c", Some("4"))]);
        it.roll();
        it.put(codec, &[("b", Some("5")), ("d", Some("6"))]);
        it.roll();
        it.put(codec, &[("a", Some("in the active segment"))]);
        let (to, stats) = it.clean(0, NOW, 100);
        assert_eq!((to, stats.keys), (6, 4));
        let expected = vec![
            row(2, "a", Some("3")),
            row(3, "c", Some("4")),
            row(4, "b", Some("5")),
            row(5, "d", Some("6")),
            row(6, "a", Some("in the active segment")),
        ];
        assert_eq!(it.rows(), expected, "{codec:?}");
        // Two segments became one, and a restart finds the same.
        assert_eq!(it.log.view().sealed.len(), 1);
        it.log = open(&it.disk, &it.config, false);
        assert_eq!(it.rows(), expected);
        assert_eq!(it.log.view().end_offset, 7);
        let found = it.log.view().first_at_or_after(NOW, 7, RECORD_BYTES_MAX).unwrap().unwrap();
        assert_eq!(found.offset, 2);
    }
}

#[test]
fn a_tombstone_stays_for_its_time_and_goes_then() {
    let mut it = under(TopicConfig { delete_retention_ms: 1000, ..config() });
    it.put(Codec::None, &[("a", Some("1")), ("b", Some("2"))]);
    it.put(Codec::None, &[("a", None), ("c", Some("3"))]);
    it.roll();
    it.clean(0, NOW, 100);
    let before = [row(1, "b", Some("2")), row(2, "a", None), row(3, "c", Some("3"))];
    assert_eq!(it.rows(), before);
    it.clean(0, NOW + 999, 100);
    assert_eq!(it.rows(), before, "its time counts from when it was seen first");
    it.clean(0, NOW + 1000, 100);
    assert_eq!(it.rows(), [before[0].clone(), before[2].clone()]);
    // The records' timestamps are unchanged, although the batch stores them relative to its
    // horizon.
    let found = it.log.view().first_at_or_after(NOW, 4, RECORD_BYTES_MAX).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (1, NOW));
}

#[test]
fn a_small_map_takes_several_passes_and_comes_to_the_same() {
    let mut it = under(config());
    for i in 0..60 {
        let key = format!("k{}", i % 20);
        it.put(Codec::None, &[(&key, Some("v")), (&key, Some("w"))]);
        if i % 7 == 6 {
            it.roll();
        }
    }
    it.roll();
    let (mut cleaned, mut passes) = (0, 0);
    while cleaned < 120 {
        let (to, _) = it.clean(cleaned, NOW, 6);
        assert!(to > cleaned);
        (cleaned, passes) = (to, passes + 1);
    }
    assert!(passes > 3);
    let expected: Vec<Row> =
        (40..60).map(|i| row(i * 2 + 1, &format!("k{}", i % 20), Some("w"))).collect();
    assert_eq!(it.rows(), expected);
}

#[test]
fn records_without_keys_go_and_what_says_how_far_a_segment_reaches_stays() {
    let mut it = under(config());
    let mut builder = BatchBuilder::new(0, NOW);
    builder.push(None, Some(b"from before the topic was compacted"), &[], NOW);
    it.append(&builder.finish());
    it.put(Codec::Lz4, &[("a", Some("1"))]);
    it.roll();
    it.put(Codec::None, &[("a", Some("2"))]);
    it.roll();
    it.clean(0, NOW, 100);
    assert_eq!((it.rows(), it.shape()), (vec![row(2, "a", Some("2"))], vec![1]));
    // A segment alone in its group keeps an empty batch at its end.
    it.config = Arc::new(TopicConfig { segment_bytes: 1, ..config() });
    it.put(Codec::None, &[("a", Some("3"))]);
    it.roll();
    it.clean(0, NOW, 100);
    assert_eq!((it.rows(), it.shape()), (vec![row(3, "a", Some("3"))], vec![0, 1]));
    it.log = open(&it.disk, &it.config, false);
    assert_eq!((it.rows(), it.log.view().end_offset), (vec![row(3, "a", Some("3"))], 4));
    assert_eq!(it.log.view().latest_timestamp(RECORD_BYTES_MAX).unwrap().unwrap().offset, 3);
}

#[test]
fn the_last_batch_of_a_producer_stays_without_its_records() {
    let mut it = under(config());
    let batch = |sequence: i32, value: &str| {
        let mut builder = BatchBuilder::new(0, NOW).producer(9, 2, sequence);
        builder.push(Some(b"a"), Some(value.as_bytes()), &[], NOW);
        builder.push(Some(b"b"), Some(value.as_bytes()), &[], NOW);
        builder.finish()
    };
    it.append(&batch(0, "one"));
    it.append(&batch(2, "two"));
    it.put(Codec::None, &[("a", Some("3")), ("b", Some("3"))]);
    it.roll();
    it.clean(0, NOW, 100);
    assert_eq!(it.shape(), [0, 2]);
    for name in it.disk.list(dir()).unwrap() {
        if name.name.ends_with(".snapshot") {
            it.disk.remove_file(&dir().join(name.name)).unwrap();
        }
    }
    it.log = open(&it.disk, &it.config, false);
    let header = BatchView::first(&batch(4, "next")).unwrap().header;
    it.stages(&header).unwrap();
    let header = BatchView::first(&batch(5, "too far")).unwrap().header;
    it.stages(&header).unwrap_err();
}

#[test]
fn aborted_data_goes_and_a_marker_goes_when_nothing_hangs_on_it() {
    let mut it = under(TopicConfig { delete_retention_ms: 100, ..config() });
    let data = |id, value: &str| {
        let mut builder = BatchBuilder::new(0, NOW).producer(id, 0, 0).transactional();
        builder.push(Some(b"a"), Some(value.as_bytes()), &[], NOW);
        builder.finish()
    };
    it.append(&data(1, "committed"));
    it.append(&data(2, "aborted"));
    for (producer_id, committed) in [(1, true), (2, false)] {
        let marker = EndTxnMarker { committed, coordinator_epoch: 0 };
        let end = EndTxn { producer_id, producer_epoch: 0, marker, bumps_epoch: false };
        it.log.append_marker(at(NOW), &end).unwrap();
    }
    // Producers that are not known any more do not keep their last batches.
    it.log.producers = Default::default();
    let indexed = |it: &Under| {
        let view = it.log.view();
        let lens = view.spans().map(|span| span.segment.aborted().unwrap().len());
        lens.sum::<usize>()
    };
    assert_eq!(indexed(&it), 1);
    it.put(Codec::None, &[("z", Some("end"))]);
    it.roll();
    let view = it.log.view();
    let aborted = AbortedTxns::find(view.sealed.iter()).unwrap();
    let mut seen = Vec::new();
    view.for_each_batch(|batch| {
        seen.push(aborted.has(&batch.header));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [false, true, false, false, false]);
    it.clean(0, NOW, 100);
    assert_eq!(it.rows(), [row(0, "a", Some("committed")), row(4, "z", Some("end"))]);
    assert_eq!(it.shape(), [1, -1, -1, 1], "markers stay for their time");
    assert_eq!(indexed(&it), 1, "and so does what the index has of them");
    it.put(Codec::None, &[("a", Some("later"))]);
    it.roll();
    for now in [NOW + 1, NOW + 101, NOW + 202] {
        it.clean(0, now, 100);
    }
    assert_eq!((it.shape(), indexed(&it)), (vec![1, 1], 0));
    assert_eq!(it.rows(), [row(4, "z", Some("end")), row(5, "a", Some("later"))]);
}

#[test]
fn lags_keep_young_records_and_hurry_old_ones() {
    let mut it = under(TopicConfig { min_compaction_lag_ms: 1000, ..config() });
    it.put(Codec::None, &[("a", Some("1")), ("a", Some("2"))]);
    it.roll();
    let range =
        |it: &Under, now| CleanableRange::of(&it.log.view(), &it.config, None, now).unwrap();
    let young = range(&it, NOW + 999);
    assert!(!young.is_due(&it.config));
    assert_eq!(young.next_wall_ms, Some(NOW + 1000));
    assert!(range(&it, NOW + 1000).is_due(&it.config));
    it.config = Arc::new(TopicConfig {
        min_cleanable_dirty_ratio: 1.0,
        max_compaction_lag_ms: 5000,
        ..config()
    });
    assert_eq!(range(&it, NOW + 5000).next_wall_ms, Some(NOW + 5000));
    assert!(!range(&it, NOW + 5000).is_due(&it.config));
    assert!(range(&it, NOW + 5001).is_due(&it.config));
}

#[test]
fn a_pass_that_is_broken_off_leaves_everything_as_it_was() {
    let mut it = under(config());
    for i in 0..40 {
        it.put(Codec::None, &[("a", Some(&"x".repeat(5000))), ("b", Some(&i.to_string()))]);
    }
    it.roll();
    let (view, rows) = (it.log.view(), it.rows());
    let range = CleanableRange::of(&view, &it.config, None, NOW).unwrap();
    let pass_config =
        PassConfig { map_bytes: 1 << 20, map_load: 0.9, buffer_bytes: 1000, now_wall_ms: NOW };
    let (disk, config) = (it.disk.clone(), it.config.clone());
    let go_on = &mut |_| ControlFlow::Continue(());
    let last = LastWritten::new();
    let mut pass =
        CompactionPass::begin(disk, &view, config, &range, last, pass_config, go_on).unwrap();
    let error = pass.next(dir(), &mut |_| ControlFlow::Break(())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert_eq!(it.rows(), rows);
    let names = it.disk.list(dir()).unwrap();
    assert!(names.iter().all(|entry| !entry.name.ends_with(CLEANED)), "{names:?}");
}

#[test]
fn a_damaged_log_is_left_alone() {
    let mut it = under(config());
    it.put(Codec::None, &[("a", Some("1")), ("a", Some("2"))]);
    it.roll();
    let view = it.log.view();
    view.sealed[0].segment.log().unwrap().write_at(b"!", &[], 70).unwrap();
    let range = CleanableRange::of(&view, &it.config, None, NOW).unwrap();
    let pass_config =
        PassConfig { map_bytes: 1000, map_load: 0.9, buffer_bytes: 1000, now_wall_ms: NOW };
    let (disk, config) = (it.disk.clone(), it.config.clone());
    let go_on = &mut |_| ControlFlow::Continue(());
    let begun =
        CompactionPass::begin(disk, &view, config, &range, LastWritten::new(), pass_config, go_on);
    assert_eq!(begun.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_record_larger_than_the_topic_allows_stops_a_pass_and_stays() {
    // Attributes, two deltas, a key of one byte, a value of five, no headers: 12 bytes.
    let config = |limit| TopicConfig { max_decompressed_message_bytes: limit, ..config() };
    let mut it = under(config(11));
    it.put(Codec::None, &[("a", Some("large"))]);
    it.put(Codec::Zstd, &[("a", Some("1")), ("a", Some("large"))]);
    it.roll();
    let before = it.rows();
    let error = it.try_clean(0, NOW, 100).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let wanted = "its 12 bytes exceed max.decompressed.message.bytes (11)";
    assert!(error.to_string().contains(wanted), "{error}");
    assert_eq!(it.rows(), before);
    it.config = Arc::new(config(12));
    it.clean(0, NOW, 100);
    assert_eq!(it.rows(), [row(2, "a", Some("large"))]);
}

#[test]
fn an_aborted_record_replaces_nothing_wherever_its_marker_lies() {
    let mut it = under(config());
    let data = |id, value: &str| {
        let mut builder = BatchBuilder::new(0, NOW).producer(id, 0, 0).transactional();
        builder.push(Some(b"a"), Some(value.as_bytes()), &[], NOW);
        builder.finish()
    };
    it.put(Codec::None, &[("a", Some("committed"))]);
    it.append(&data(1, "aborted"));
    it.roll();
    it.append(&data(2, "open"));
    it.roll();
    // Behind the beginning of the open transaction, in a segment of its own.
    let marker = EndTxnMarker { committed: false, coordinator_epoch: 0 };
    let end = EndTxn { producer_id: 1, producer_epoch: 0, marker, bumps_epoch: false };
    it.log.append_marker(at(NOW), &end).unwrap();
    it.clean(0, NOW, 100);
    assert_eq!(it.rows().first(), Some(&row(0, "a", Some("committed"))));
}
