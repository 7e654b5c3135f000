use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::config::resolve::TopicConfig;
use crate::log::admit::{AdmitRules, admit};
use crate::log::producer::ProducerError;
use crate::log::recovery::RecoveryCheckpoint;
use crate::storage::batch::BatchView;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::disk::Disk;
use crate::storage::sim_disk::SimDisk;
use crate::storage::sim_world::InjectedError;

const NOW: Now = Now { mono_ms: 0, wall_ms: 1_700_000_000_000 };

fn log(disk: &SimDisk, config: &TopicConfig) -> Log {
    let known = RecoveryCheckpoint {
        clean: false,
        recovery_point: 0,
        log_start_offset: 0,
        index_interval_bytes: config.index_interval_bytes,
        producers_max: 100,
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    disk.create_dir(Path::new("/data")).unwrap();
    Log::open(disk, Path::new("/data/t-0"), Arc::new(config.clone()), known, NOW).unwrap()
}

fn batch(producer: Option<(i64, i32)>, records: i32, timestamp: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(0, timestamp);
    if let Some((id, sequence)) = producer {
        builder = builder.producer(id, 0, sequence);
    }
    (0..records).for_each(|_| builder.push(None, Some(b"value"), &[], timestamp));
    builder.finish()
}

fn admitted(batches: &[Vec<u8>]) -> Vec<Admitted<'_>> {
    let rules = AdmitRules::of(&TopicConfig::default());
    let admitted = batches.iter().map(|bytes| {
        admit(BatchView::first(bytes).unwrap(), &rules, NOW.wall_ms).expect("a valid batch")
    });
    admitted.collect()
}

/// Returns what a client would see of the outcomes.
fn seen(outcomes: &[Result<AppendInfo, AppendError>]) -> Vec<Result<AppendInfo, String>> {
    let seen = |outcome: &Result<AppendInfo, AppendError>| match outcome {
        Ok(placed) => Ok(*placed),
        Err(error) => Err(error.to_string()),
    };
    outcomes.iter().map(seen).collect()
}

#[test]
fn together_they_have_the_outcome_and_the_bytes_that_they_have_one_by_one() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let config = TopicConfig {
            segment_bytes: rng.i32(200..2_000),
            index_interval_bytes: rng.i32(0..300),
            segment_index_bytes: 8 * rng.i32(1..10),
            segment_ms: rng.i64(1..100),
            ..TopicConfig::default()
        };
        let (one_disk, all_disk) = (SimDisk::new(1), SimDisk::new(1));
        let (mut one, mut all) = (log(&one_disk, &config), log(&all_disk, &config));
        let mut next = [0; 3];
        for _ in 0..10 {
            let batches: Vec<Vec<u8>> = (0..rng.usize(1..12))
                .map(|_| {
                    let records = rng.i32(1..4);
                    let id = rng.usize(0..3);
                    // Mostly what comes next, and also duplicates and gaps.
                    let sequence = (next[id] + [0, 0, 0, 0, -1, 1][rng.usize(..6)]).max(0);
                    if sequence == next[id] {
                        next[id] += records;
                    }
                    let producer = rng.bool().then_some((id as i64, sequence));
                    batch(producer, records, NOW.wall_ms + rng.i64(0..50))
                })
                .collect();
            let batches = admitted(&batches);
            let singly: Vec<_> = batches.iter().map(|batch| one.append(NOW, batch)).collect();
            let together = all.append_together(NOW, &batches);
            assert_eq!(seen(&together), seen(&singly), "seed {seed}");
        }
        assert_eq!(all_disk.everything(), one_disk.everything(), "seed {seed}");
        assert_eq!(all.producers.to_entries(), one.producers.to_entries(), "seed {seed}");
    }
}

#[test]
fn a_write_without_room_leaves_the_log_as_it_was() {
    let disk = SimDisk::new(1);
    let mut log = log(&disk, &TopicConfig::default());
    let first = batch(Some((7, 0)), 1, NOW.wall_ms);
    log.append(NOW, &admitted(&[first])[0]).unwrap();
    let more: Vec<_> = (1..6).map(|sequence| batch(Some((7, sequence)), 1, NOW.wall_ms)).collect();
    let before = (log.end_offset, log.producers.to_entries());
    disk.fail_next_write("t-0/", InjectedError::NoSpace);
    let outcomes = log.append_together(NOW, &admitted(&more));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(AppendError::Full(_)))));
    assert_eq!((log.end_offset, log.producers.to_entries()), before);
    let outcomes = log.append_together(NOW, &admitted(&more));
    let placed = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().base_offset);
    let offsets: Vec<_> = placed.collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5]);
}

#[test]
fn an_error_of_one_batch_is_no_error_of_those_around_it() {
    let disk = SimDisk::new(1);
    let mut log = log(&disk, &TopicConfig::default());
    let batches: Vec<_> =
        [0, 1, 5, 2, 3].map(|sequence| batch(Some((7, sequence)), 1, NOW.wall_ms)).to_vec();
    let outcomes = log.append_together(NOW, &admitted(&batches));
    let gap = |outcome: &Result<AppendInfo, AppendError>| {
        matches!(outcome, Err(AppendError::Producer(ProducerError::OutOfOrder { .. })))
    };
    let gaps: Vec<bool> = outcomes.iter().map(gap).collect();
    assert_eq!(gaps, [false, false, true, false, false]);
    assert_eq!(log.end_offset, 4);
}
