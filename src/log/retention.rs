//! Retention: which segments are due for deletion, as in Kafka's `deleteOldSegments`.
//!
//! Segments are deleted from the start of the log without gaps: nothing may be missing between
//! those that stay.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;

use crate::clock::Now;
use crate::config::resolve::TopicConfig;
use crate::log::Log;
use crate::storage::disk::is_full;
use crate::storage::segment::Segment;
use crate::types::Offset;

/// The properties of a segment that retention needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Base offset of the next segment.
    pub next_offset: Offset,
    /// Bytes of its log file.
    pub bytes: u64,
    /// Its largest timestamp, ms since 1970; `None` if its records have none.
    pub latest_ms: Option<i64>,
}

/// Returns how many segments are due, from the oldest on. The last of `segments` is the active one.
///
/// Below the log start offset every segment is due whatever the policy; time and size apply if
/// `cleanup.policy` has `delete`. By size the active segment is never due. Records without
/// timestamps have no age: they are due by size, or with the other records of their segment.
pub fn due(
    segments: &[Candidate],
    log_start_offset: Offset,
    config: &TopicConfig,
    now_wall_ms: i64,
) -> usize {
    let sealed = segments.len().saturating_sub(1);
    let by_start =
        segments[..sealed].iter().take_while(|s| s.next_offset <= log_start_offset).count();
    if !config.cleanup.delete {
        return by_start;
    }
    let is_old = |s: &&Candidate| {
        s.latest_ms.is_some_and(|latest| now_wall_ms.saturating_sub(latest) > config.retention_ms)
    };
    let by_time = match config.retention_ms {
        0.. => segments.iter().take_while(is_old).count(),
        _ => 0,
    };
    by_start.max(by_time).max(by_size(segments, sealed, config.retention_bytes))
}

fn by_size(segments: &[Candidate], sealed: usize, retention_bytes: i64) -> usize {
    let Ok(limit) = u64::try_from(retention_bytes) else { return 0 };
    let mut left: u64 = segments.iter().map(|s| s.bytes).sum();
    let goes = |s: &&Candidate| match left.checked_sub(s.bytes) {
        Some(without) if without >= limit => {
            left = without;
            true
        }
        _ => false,
    };
    segments[..sealed].iter().take_while(goes).count()
}

impl Log {
    /// Returns the maximum age of the active segment. Compaction does not touch the active segment,
    /// so it must not delay compaction beyond `max.compaction.lag.ms` (Kafka's
    /// `LogConfig.maxSegmentMs`).
    pub(super) fn segment_ms(&self) -> i64 {
        let most = match self.config.cleanup.compact {
            true => self.config.segment_ms.min(self.config.max_compaction_lag_ms),
            false => self.config.segment_ms,
        };
        most - self.jitter_ms(most)
    }

    /// Returns how much earlier the active segment ends, less than `segment.jitter.ms`: spread over
    /// partitions and segments, but constant for each of them.
    fn jitter_ms(&self, segment_ms: i64) -> i64 {
        let most = self.config.segment_jitter_ms.min(segment_ms);
        if most <= 0 {
            return 0;
        }
        let mut hasher = std::hash::DefaultHasher::new();
        (self.dir.file_name(), self.active.segment.base_offset).hash(&mut hasher);
        (hasher.finish() % most as u64) as i64
    }

    /// Rolls if the active segment is old enough even without appends, and moves the log start past
    /// the segments that are due. Returns true if there are segments to retire once the log start
    /// offset is durable: without it, the next start might take a gap for a lost tail.
    pub fn expire(&mut self, now: Now) -> io::Result<bool> {
        if self.offline.is_some() || self.is_swapping {
            return Ok(false);
        }
        let due = self.retention_due(now)?;
        let has_records = self.active.log_bytes > 0;
        // Measured by the broker's clock: records may be years old when they arrive.
        let is_aged = now.wall_ms - self.created_wall_ms > self.segment_ms();
        if has_records && (is_aged || due > self.sealed.len()) {
            let all_go = due > self.sealed.len();
            let rolled = self.roll(now).or_else(|error| match is_full(&error) {
                // The snapshot and the indexes for which there was no space are not needed.
                true if all_go => self.begin_segment(now),
                _ => Err(error),
            });
            // Deleting segments frees space for what could not be written.
            rolled.or_else(|error| if is_full(&error) { Ok(()) } else { Err(error) })?;
        }
        let first = self.sealed.get(due).map_or(&self.active.segment, |span| &span.segment);
        self.log_start_offset = self.log_start_offset.max(first.base_offset);
        Ok(due > 0)
    }

    /// Takes out the segments that lie entirely below the log start offset. Returns them; their
    /// files are to be removed later.
    pub fn retire(&mut self) -> io::Result<Vec<Arc<Segment>>> {
        if self.offline.is_some() || self.is_swapping {
            return Ok(Vec::new());
        }
        let active = self.active.segment.base_offset;
        let nexts = self.sealed.iter().skip(1).map(|span| span.segment.base_offset).chain([active]);
        let due = self.sealed.iter().zip(nexts).take_while(|(_, n)| *n <= self.log_start_offset);
        let gone: Vec<Arc<Segment>> = due.map(|(span, _)| span.segment.clone()).collect();
        for segment in &gone {
            segment.retire()?;
        }
        self.sealed = self.sealed[gone.len()..].to_vec().into();
        let first = self.sealed.first().map_or(&self.active.segment, |span| &span.segment);
        self.recovery_point = self.recovery_point.max(first.base_offset);
        Ok(gone)
    }

    fn retention_due(&self, now: Now) -> io::Result<usize> {
        let mut all = Vec::with_capacity(self.sealed.len() + 1);
        for (i, span) in self.sealed.iter().enumerate() {
            let next = self.sealed.get(i + 1).map_or(&self.active.segment, |s| &s.segment);
            all.push(Candidate {
                next_offset: next.base_offset,
                bytes: span.log_bytes,
                latest_ms: span.segment.latest_ms()?,
            });
        }
        all.push(Candidate {
            next_offset: self.end_offset,
            bytes: self.active.log_bytes,
            latest_ms: self.active.latest.map(|(timestamp, _)| timestamp).filter(|ms| *ms >= 0),
        });
        Ok(due(&all, self.log_start_offset, &self.config, now.wall_ms))
    }

    /// Advances the log start offset to `offset`. Returns the log start offset, or `None` if
    /// `offset` is past the end.
    pub fn delete_before(&mut self, offset: Offset) -> Option<Offset> {
        if offset > self.end_offset {
            return None;
        }
        self.log_start_offset = self.log_start_offset.max(offset);
        Some(self.log_start_offset)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::choices::Cleanup;
    use crate::log::admit::{Admitted, Rewrite};
    use crate::log::recovery::RecoveryCheckpoint;
    use crate::storage::batch::BatchView;
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::disk::Disk;
    use crate::storage::sim_disk::SimDisk;

    const NOW: i64 = 1_000_000;

    fn segment(next_offset: i64, bytes: u64, latest_ms: i64) -> Candidate {
        Candidate { next_offset, bytes, latest_ms: Some(latest_ms) }
    }

    fn config(retention_ms: i64, retention_bytes: i64) -> TopicConfig {
        TopicConfig { retention_ms, retention_bytes, ..TopicConfig::default() }
    }

    #[test]
    fn old_segments_go_in_one_row_from_the_start() {
        let at = |ages: &[i64]| -> Vec<Candidate> {
            ages.iter().zip(1..).map(|(age, i)| segment(i * 10, 1, NOW - age)).collect()
        };
        let due = |ages: &[i64]| due(&at(ages), 0, &config(100, -1), NOW);
        assert_eq!(due(&[500, 101, 100, 500]), 2, "one that is exactly as old as allowed stays");
        assert_eq!(due(&[50, 500]), 0);
        assert_eq!(due(&[500, 500]), 2, "also the one that takes appends");
        assert_eq!(super::due(&at(&[500, 500]), 0, &config(-1, -1), NOW), 0);
    }

    #[test]
    fn size_keeps_at_least_what_is_allowed_and_the_last_segment() {
        let all = [segment(1, 40, NOW), segment(2, 40, NOW), segment(3, 40, NOW)];
        let due = |bytes| due(&all, 0, &config(-1, bytes), NOW);
        assert_eq!(
            [due(-1), due(120), due(81), due(80), due(41), due(40), due(0)],
            [0, 0, 0, 1, 1, 2, 2]
        );
    }

    #[test]
    fn below_the_log_start_offset_everything_goes_whatever_the_policy() {
        let all = [segment(10, 1, NOW), segment(20, 1, NOW), segment(30, 1, NOW)];
        let compact =
            TopicConfig { cleanup: Cleanup { delete: false, compact: true }, ..config(0, 0) };
        assert_eq!(due(&all, 9, &compact, NOW), 0);
        assert_eq!(due(&all, 10, &compact, NOW), 1);
        assert_eq!(due(&all, 30, &compact, NOW), 2);
    }

    #[test]
    fn records_without_timestamps_have_no_age() {
        let mut all = [segment(10, 1, NOW - 500), segment(20, 1, NOW - 500)];
        all[0].latest_ms = None;
        assert_eq!(due(&all, 0, &config(100, -1), NOW), 0);
    }

    /// Returns the age, ms, at which this partition's active segment is rolled.
    fn age_at_roll(disk: &Arc<dyn Disk>, partition: usize, config: &Arc<TopicConfig>) -> i64 {
        let at = |ms| Now { mono_ms: ms, wall_ms: NOW + ms };
        let known = RecoveryCheckpoint {
            clean: false,
            recovery_point: 0,
            log_start_offset: 0,
            index_interval_bytes: 100,
            producers_max: 100,
        };
        let dir = format!("/data/t-{partition}");
        let mut log =
            Log::open(disk.clone(), Path::new(&dir), config.clone(), known, at(0)).unwrap();
        let mut builder = BatchBuilder::new(0, NOW);
        builder.push(None, Some(b"a"), &[], NOW);
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let admitted = Admitted { batch, max_timestamp: NOW, rewrite: Rewrite::AsItCame };
        log.append(at(0), &admitted).unwrap();
        let rolls = |ms: &i64| {
            log.expire(at(*ms)).unwrap();
            !log.sealed.is_empty()
        };
        (1..=1001).find(rolls).expect("segment.ms is 1000")
    }

    #[test]
    fn segments_of_partitions_end_at_other_times_within_the_jitter() {
        let sim = SimDisk::new(7);
        sim.create_dir(Path::new("/data")).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(sim);
        let ages = |first: usize, segment_jitter_ms| -> Vec<i64> {
            let config = TopicConfig { segment_ms: 1000, segment_jitter_ms, ..config(-1, -1) };
            let config = Arc::new(config);
            (first..first + 50).map(|partition| age_at_roll(&disk, partition, &config)).collect()
        };
        assert_eq!(ages(0, 0), [1001; 50], "without jitter all end at once");
        for (first, jitter, least) in [(100, 400, 602), (200, i64::MAX, 2)] {
            let ages = ages(first, jitter);
            assert!(ages.iter().all(|age| (least..=1001).contains(age)), "{ages:?}");
            let different: std::collections::BTreeSet<_> = ages.iter().collect();
            assert!(different.len() > 25, "{ages:?}");
        }
    }
}
