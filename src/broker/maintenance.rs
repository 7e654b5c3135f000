//! Background maintenance, done only on request: an idle broker sleeps.
//!
//! * Rolled segments are synced, so that recovery after a crash reads only newer data.
//! * Records are synced `flush.ms` after they were appended.
//! * After a sync the recovery points are saved, every `log.flush.offset.checkpoint.interval.ms`.
//! * Expired segments are looked for every `log.retention.check.interval.ms`.
//! * The directories of deleted topics are removed `file.delete.delay.ms` later.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::broker::parallel;
use crate::broker::state::Broker;
use crate::broker::tasks::join_or_resume_panic;
use crate::storage::segment::Segment;
use crate::topics::error::Unavailable;
use crate::topics::maintenance::{DirRemoval, FlushRequest};
use crate::topics::partition::Partition;

/// Work by due time (monotonic).
#[derive(Default)]
struct MaintenanceSchedule {
    partitions: BTreeMap<i64, Vec<Arc<Partition>>>,
    checkpoint_due: Option<i64>,
    retention_due: Option<i64>,
}

impl MaintenanceSchedule {
    fn next(&self) -> Option<i64> {
        let first = self.partitions.keys().next().copied();
        first.into_iter().chain(self.checkpoint_due).chain(self.retention_due).min()
    }

    fn add(&mut self, request: FlushRequest<Partition>) {
        self.partitions.entry(request.due_mono_ms).or_default().push(request.partition);
    }

    /// Takes the partitions that are due.
    fn due(&mut self, now_mono_ms: i64) -> Vec<Arc<Partition>> {
        let later = self.partitions.split_off(&(now_mono_ms.saturating_add(1)));
        std::mem::replace(&mut self.partitions, later).into_values().flatten().collect()
    }
}

/// Does the maintenance that is asked for until the broker stops.
pub async fn run(
    broker: Weak<Broker>,
    mut requests: UnboundedReceiver<FlushRequest<Partition>>,
    mut removals: UnboundedReceiver<DirRemoval>,
) {
    let Some(mut stopping) = broker.upgrade().map(|broker| broker.stopping()) else {
        return;
    };
    let mut stopped = pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    let mut agenda = MaintenanceSchedule::default();
    loop {
        let Some(now) = broker.upgrade().map(|broker| broker.clock.now().mono_ms) else { return };
        if agenda.retention_due.is_none() {
            agenda.retention_due = next_retention(&broker, now);
        }
        let sleep =
            agenda.next().map(|due| Duration::from_millis(due.saturating_sub(now).max(0) as u64));
        tokio::select! {
            () = &mut stopped => return,
            request = requests.recv() => match request {
                Some(request) => agenda.add(request),
                None => return,
            },
            removal = removals.recv() => match removal.zip(broker.upgrade()) {
                Some((removal, broker)) => remove_dirs_later(&broker, removal),
                None => return,
            },
            () = tokio::time::sleep(sleep.unwrap_or_default()), if sleep.is_some() => {
                let Some(broker) = broker.upgrade() else { return };
                work(&broker, &mut agenda).await;
            }
        }
    }
}

async fn work(broker: &Arc<Broker>, agenda: &mut MaintenanceSchedule) {
    let now = broker.clock.now();
    let due = agenda.due(now.mono_ms);
    if agenda.retention_due.is_some_and(|due| due <= now.mono_ms) {
        agenda.retention_due = None;
        retire(broker).await;
        broker.topics.check_disk_space(now);
    }
    let checkpoint = agenda.checkpoint_due.is_some_and(|due| due <= now.mono_ms);
    if !due.is_empty() && agenda.checkpoint_due.is_none() {
        let interval = broker.config.log_flush_offset_checkpoint_interval_ms;
        agenda.checkpoint_due = Some(now.mono_ms.saturating_add(interval));
    }
    if !due.is_empty() {
        flush(broker, due).await;
    }
    if checkpoint {
        agenda.checkpoint_due = None;
        let topics = broker.topics.clone();
        let saving = tokio::task::spawn_blocking(move || topics.save_checkpoints());
        let Some(saved) = join_or_resume_panic(saving).await else { return };
        broker.background_errors.note("checkpoint", None, &saved);
        if saved.is_err() {
            let interval = broker.config.log_flush_offset_checkpoint_interval_ms;
            agenda.checkpoint_due = Some(now.mono_ms.saturating_add(interval.max(1000)));
        }
    }
}

async fn flush(broker: &Arc<Broker>, due: Vec<Arc<Partition>>) {
    let broker = broker.clone();
    let flushing = tokio::task::spawn_blocking(move || {
        parallel::for_each_parallel(&due, |partition| {
            // A failure takes the partition offline, which is logged there.
            let flushed = partition.flush_what_is_due(broker.clock.now());
            note(&broker, "flush", partition, &flushed);
        });
    });
    join_or_resume_panic(flushing).await;
}

/// Records how work for a partition ended. A success on an offline partition is no recovery, and an
/// error of a deleted one no failure.
fn note<T>(
    broker: &Broker,
    work: &'static str,
    partition: &Partition,
    outcome: &Result<T, Unavailable>,
) {
    let is_over = outcome.is_ok() && partition.is_offline();
    if !is_over && !matches!(outcome, Err(Unavailable::Deleted | Unavailable::Recovering)) {
        broker.background_errors.note(work, Some(&partition.id), outcome);
    }
}

fn next_retention(broker: &Weak<Broker>, now_mono_ms: i64) -> Option<i64> {
    let interval = broker.upgrade()?.config.log_retention_check_interval_ms;
    Some(now_mono_ms.saturating_add(interval))
}

/// Checks every partition for expired segments.
async fn retire(broker: &Arc<Broker>) {
    let all = broker.clone();
    let retiring = tokio::task::spawn_blocking(move || {
        let mut due = Vec::new();
        for partition in all.topics.partitions() {
            if partition.is_recovering() {
                // The next check will find what has expired.
                continue;
            }
            let expired = partition.expire(all.clock.now());
            note(&all, "retention", &partition, &expired);
            if partition.config().cleanup.compact {
                // Records may have become cleanable with time alone.
                partition.pending_work().request_compaction(&partition);
            }
            if expired.unwrap_or_default() {
                due.push(partition);
            }
        }
        if !due.is_empty() {
            retire_durably(&all, &due);
        }
    });
    join_or_resume_panic(retiring).await;
}

/// Removes the segments below these partitions' log start offsets, which are made durable first.
/// Must be called within the runtime, and may block.
pub fn retire_durably(broker: &Broker, partitions: &[Arc<Partition>]) {
    let saved = broker.topics.save_checkpoints();
    broker.background_errors.note("checkpoint", None, &saved);
    if saved.is_err() {
        // The disk may be full, which is a reason to delete records.
        partitions.iter().take(1).for_each(Partition::ask_for_checkpoint);
    }
    for partition in partitions {
        let retired = partition.retire();
        note(broker, "retention", partition, &retired);
        let Ok(gone) = retired else { continue };
        let Some(first) = gone.first().map(|segment| segment.base_offset) else { continue };
        tracing::info!(
            topic = partition.id.topic,
            partition = partition.id.partition,
            segments = gone.len(),
            base_offset = first,
            "deleting expired segments"
        );
        remove_later(broker, gone, partition.config().file_delete_delay_ms);
    }
}

/// Removes the files of deleted segments after `delay_ms`, so that reads in progress can finish.
/// Must be called within the runtime.
pub fn remove_later(broker: &Broker, gone: Vec<Arc<Segment>>, delay_ms: i64) {
    if gone.is_empty() {
        return;
    }
    broker.tasks.spawn("deletion of segment files", async move {
        tokio::time::sleep(Duration::from_millis(delay_ms.max(0) as u64)).await;
        let removing = tokio::task::spawn_blocking(move || {
            gone.iter().try_for_each(|segment| {
                let file = || segment.path("log").display().to_string();
                segment.remove_retired().map_err(|error| (file(), error))
            })
        });
        if let Some(Err((file, error))) = join_or_resume_panic(removing).await {
            tracing::warn!(file, %error, "could not delete the segment file; the next start will");
        }
    });
}

/// Removes directories when their delay is over. One after another, so that even very many of them
/// take only one thread.
fn remove_dirs_later(broker: &Broker, removal: DirRemoval) {
    let disk = broker.disk.clone();
    broker.tasks.spawn("deletion of topic directories", async move {
        let mut waited_ms = 0;
        for (delay_ms, dirs) in removal.dirs {
            let more_ms = delay_ms.saturating_sub(waited_ms).max(0);
            tokio::time::sleep(Duration::from_millis(more_ms as u64)).await;
            waited_ms += more_ms;
            let disk = disk.clone();
            let removing = tokio::task::spawn_blocking(move || {
                for dir in dirs.iter().filter(|dir| disk.exists(dir)) {
                    if let Err(error) = disk.remove_dir(dir) {
                        let dir = dir.display();
                        tracing::warn!(%dir, %error, "could not delete the topic directory");
                    }
                }
            });
            join_or_resume_panic(removing).await;
        }
    });
}
