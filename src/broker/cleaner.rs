//! Background compaction: which log is next, and how fast (Kafka's `LogCleaner`).
//!
//! A partition asks for compaction when it rolls a segment, when its config changes and at each
//! retention check; `log.cleaner.backoff.ms` later it is examined. Of the logs that are dirty
//! enough, the dirtiest is compacted first. A thread pauses between small steps, so that it never
//! takes more than `log.cleaner.cpu.share` of one processor.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::broker::maintenance::remove_later;
use crate::broker::state::Broker;
use crate::broker::tasks::{join_or_resume_panic, message};
use crate::log::compaction::PassConfig;
use crate::storage::checkpoint::{CLEANED_TO, read_offsets, write_offsets};
use crate::topics::compaction::{CompactError, Compacted};
use crate::topics::partition::Partition;
use crate::types::{Offset, TopicId, TopicPartition};

/// How long a thread works before it pauses, ms. Short compared with what a client notices.
const STEP_MS: i64 = 4;

/// The minimum time before a failed compaction is retried, ms.
const RETRY_MS: i64 = 1000;

/// How long a pausing thread sleeps before it checks whether it must stop, ms.
const NAP_MS: u64 = 20;

/// Where each log's last pass ended, and the partitions that wait for one.
struct Cleaner {
    broker: Weak<Broker>,
    cleaned: BTreeMap<TopicPartition, (TopicId, Offset)>,
    /// Partitions to examine, by due time (monotonic).
    waiting: BTreeMap<i64, Vec<Arc<Partition>>>,
    /// Partitions that are dirty enough, with their dirty ratio; the dirtiest last.
    ready: Vec<(f64, Arc<Partition>)>,
    /// Partitions whose compaction panicked.
    uncleanable: BTreeSet<(TopicPartition, TopicId)>,
}

type Done = (Arc<Partition>, Result<Compacted, CompactError>);

/// Compacts the partitions that ask for it until the broker stops.
pub async fn run(broker: Weak<Broker>, mut requests: UnboundedReceiver<Arc<Partition>>) {
    let Some(mut stopping) = broker.upgrade().map(|broker| broker.stopping()) else {
        return;
    };
    let mut stopped = pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    let Some(mut settings) = broker.upgrade().map(|broker| broker.settings.changes()) else {
        return;
    };
    let mut cleaner = match Cleaner::begin(broker.clone()) {
        Some(cleaner) => cleaner,
        None => return,
    };
    let mut running: JoinSet<Done> = JoinSet::new();
    loop {
        let Some(now) = broker.upgrade().map(|broker| broker.clock.now().mono_ms) else { return };
        let next = cleaner.waiting.keys().next();
        let sleep = next.map(|due| Duration::from_millis(due.saturating_sub(now).max(0) as u64));
        tokio::select! {
            () = &mut stopped => break,
            request = requests.recv() => match request {
                Some(partition) => cleaner.wait(partition, now),
                None => break,
            },
            Some(done) = running.join_next() => match done {
                Ok((partition, outcome)) => cleaner.done(&partition, outcome).await,
                Err(error) => tracing::debug!(%error, "compaction aborted"),
            },
            () = tokio::time::sleep(sleep.unwrap_or_default()), if sleep.is_some() => {
                cleaner.look(now).await;
            }
            // There may be more threads now for the partitions that are ready.
            Ok(()) = settings.changed() => {}
        }
        cleaner.begin_what_is_ready(&mut running);
    }
    // A stop closes the logs: no compaction may change their files meanwhile.
    while running.join_next().await.is_some() {}
}

impl Cleaner {
    fn begin(weak: Weak<Broker>) -> Option<Cleaner> {
        let broker = weak.upgrade()?;
        let file = broker.data_dir.join(CLEANED_TO);
        // A damaged file costs one pass over records that are clean already, no more.
        let offsets = read_offsets(broker.disk.as_ref(), &file).unwrap_or_else(|error| {
            tracing::warn!(
                %error,
                "could not read {CLEANED_TO}; compacting every log from its start"
            );
            BTreeMap::new()
        });
        let known = |id: &TopicPartition| Some(broker.topics.named(&id.topic)?.id);
        let cleaned = offsets
            .into_iter()
            .filter_map(|(id, offset)| known(&id).map(|topic_id| (id, (topic_id, offset))))
            .collect();
        Some(Cleaner {
            broker: weak,
            cleaned,
            waiting: BTreeMap::new(),
            ready: Vec::new(),
            uncleanable: BTreeSet::new(),
        })
    }

    fn wait(&mut self, partition: Arc<Partition>, now_mono_ms: i64) {
        let Some(broker) = self.broker.upgrade() else { return };
        let backoff_ms = broker.settings.now().live().cleaner.backoff_ms;
        self.waiting.entry(now_mono_ms.saturating_add(backoff_ms)).or_default().push(partition);
    }

    fn cleaned_to(&self, partition: &Partition) -> Option<Offset> {
        let (topic_id, offset) = self.cleaned.get(&partition.id)?;
        (*topic_id == partition.topic_id).then_some(*offset)
    }

    /// Examines the partitions that are due.
    async fn look(&mut self, now_mono_ms: i64) {
        let Some(broker) = self.broker.upgrade() else { return };
        let later = self.waiting.split_off(&now_mono_ms.saturating_add(1));
        let due = std::mem::replace(&mut self.waiting, later);
        let mut all: Vec<_> =
            due.into_values().flatten().map(|p| (self.cleaned_to(&p), p)).collect();
        all.dedup_by(|one, two| Arc::ptr_eq(&one.1, &two.1));
        let now = broker.clock.now();
        let looking = tokio::task::spawn_blocking(move || {
            let look = |(cleaned, partition): (Option<Offset>, Arc<Partition>)| {
                partition.pending_work().compaction_taken();
                partition.cleanable_range(cleaned, now).map(|range| (range, partition))
            };
            all.into_iter().filter_map(look).collect::<Vec<_>>()
        });
        let Some(found) = join_or_resume_panic(looking).await else { return };
        for (range, partition) in found {
            if self.uncleanable.contains(&(partition.id.clone(), partition.topic_id)) {
                continue;
            }
            if range.is_due(&partition.config()) {
                self.ready.retain(|(_, other)| !Arc::ptr_eq(other, &partition));
                self.ready.push((range.ratio(), partition));
            } else if let Some(due) = range.next_wall_ms {
                let ms = due.saturating_sub(now.wall_ms).saturating_add(1);
                let ms = ms.max(broker.settings.now().live().cleaner.backoff_ms);
                let at = now_mono_ms.saturating_add(ms);
                self.waiting.entry(at).or_default().push(partition);
            }
        }
        self.ready.sort_by(|one, two| one.0.total_cmp(&two.0));
    }

    fn begin_what_is_ready(&mut self, running: &mut JoinSet<Done>) {
        let Some(broker) = self.broker.upgrade() else { return };
        let settings = broker.settings.now();
        let config = &settings.live().cleaner;
        while config.enable && running.len() < config.threads.max(0) as usize {
            let Some((_, partition)) = self.ready.pop() else { return };
            let cleaned = self.cleaned_to(&partition);
            let broker = broker.clone();
            running.spawn_blocking(move || {
                let compacting = AssertUnwindSafe(|| compact(&broker, &partition, cleaned));
                let outcome = catch_unwind(compacting)
                    .unwrap_or_else(|panic| Err(CompactError::Panicked(message(panic.as_ref()))));
                (partition, outcome)
            });
        }
    }

    async fn done(&mut self, partition: &Arc<Partition>, outcome: Result<Compacted, CompactError>) {
        let Some(broker) = self.broker.upgrade() else { return };
        let compacted = match outcome {
            Ok(compacted) => compacted,
            Err(CompactError::Io(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
                return;
            }
            Err(_) if partition.is_closing() => return,
            Err(CompactError::Panicked(why)) => {
                // The others continue; this one's records would cause the same panic again.
                tracing::error!(
                    topic = partition.id.topic,
                    partition = partition.id.partition,
                    error = why,
                    "compaction panicked; partition will not be compacted until the next start"
                );
                let id = &partition.id;
                self.uncleanable.insert((id.clone(), partition.topic_id));
                partition.end_swap();
                return;
            }
            Err(error) => {
                let failed = Err::<(), _>(error);
                broker.background_errors.note("compaction", Some(&partition.id), &failed);
                if !partition.is_offline() {
                    let backoff_ms = broker.settings.now().live().cleaner.backoff_ms.max(RETRY_MS);
                    let at = broker.clock.now().mono_ms.saturating_add(backoff_ms);
                    self.waiting.entry(at).or_default().push(partition.clone());
                }
                return;
            }
        };
        let succeeded = Ok::<(), CompactError>(());
        broker.background_errors.note("compaction", Some(&partition.id), &succeeded);
        let before = self.cleaned_to(partition);
        let stats = compacted.stats;
        tracing::info!(
            topic = partition.id.topic,
            partition = partition.id.partition,
            cleaned_to = compacted.cleaned_to,
            keys = stats.keys,
            read_bytes = stats.read_bytes,
            written_bytes = stats.written_bytes,
            "compacted"
        );
        remove_later(&broker, compacted.removed_segments, partition.config().file_delete_delay_ms);
        self.cleaned.insert(partition.id.clone(), (partition.topic_id, compacted.cleaned_to));
        self.save(&broker).await;
        // The offset map may have been too small for the whole dirty range, and the log has grown.
        if before != Some(compacted.cleaned_to) {
            self.waiting.entry(i64::MIN).or_default().push(partition.clone());
        }
    }

    /// Writes cleaner-offset-checkpoint, without deleted topics.
    async fn save(&mut self, broker: &Arc<Broker>) {
        self.cleaned.retain(|id, (topic_id, _)| {
            broker.topics.named(&id.topic).is_some_and(|topic| topic.id == *topic_id)
        });
        let offsets = self.cleaned.iter().map(|(id, (_, offset))| (id.clone(), *offset)).collect();
        let (disk, file) = (broker.disk.clone(), broker.data_dir.join(CLEANED_TO));
        let saving =
            tokio::task::spawn_blocking(move || write_offsets(disk.as_ref(), &file, &offsets));
        if let Some(saved) = join_or_resume_panic(saving).await {
            broker.background_errors.note("cleaner checkpoint", None, &saved);
        }
    }
}

fn compact(
    broker: &Arc<Broker>,
    partition: &Partition,
    cleaned: Option<Offset>,
) -> Result<Compacted, CompactError> {
    let settings = broker.settings.now();
    let config = &settings.live().cleaner;
    let threads = config.threads.max(1) as usize;
    let pass_config = PassConfig {
        map_bytes: usize::try_from(config.dedupe_buffer_bytes).unwrap_or(0) / threads,
        map_load: config.load_factor,
        buffer_bytes: config.io_buffer_bytes.max(0) as usize / threads,
        now_wall_ms: broker.clock.now().wall_ms,
    };
    let mut throttle = CompactionThrottle::new(broker);
    partition.compact(cleaned, pass_config, &mut |bytes| throttle.passed(broker, partition, bytes))
}

/// Keeps a compaction within its share of a processor and its I/O rate.
struct CompactionThrottle {
    began_mono_ms: i64,
    step_began_mono_ms: i64,
    bytes: u64,
}

impl CompactionThrottle {
    fn new(broker: &Broker) -> CompactionThrottle {
        let now = broker.clock.now().mono_ms;
        CompactionThrottle { began_mono_ms: now, step_began_mono_ms: now, bytes: 0 }
    }

    fn passed(&mut self, broker: &Broker, partition: &Partition, bytes: u64) -> ControlFlow<()> {
        let settings = broker.settings.now();
        let config = &settings.live().cleaner;
        self.bytes += bytes;
        let now = broker.clock.now().mono_ms;
        let worked = now - self.step_began_mono_ms;
        if worked >= STEP_MS {
            let share = config.cpu_share.clamp(0.01, 1.0);
            let for_share = worked as f64 * (1.0 - share) / share;
            let due = self.bytes as f64 / config.max_bytes_per_second.max(1.0) * 1000.0;
            let for_bytes = due - (now - self.began_mono_ms) as f64;
            let mut rest = for_share.max(for_bytes).max(0.0) as u64;
            while rest > 0 && !is_unwanted(broker, partition) {
                let nap = rest.min(NAP_MS);
                std::thread::sleep(Duration::from_millis(nap));
                rest -= nap;
            }
            self.step_began_mono_ms = broker.clock.now().mono_ms;
        }
        if is_unwanted(broker, partition) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn is_unwanted(broker: &Broker, partition: &Partition) -> bool {
    partition.is_closing() || broker.is_stopping()
}
