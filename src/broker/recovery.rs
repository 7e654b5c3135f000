//! Recovers logs after a crash, beside serving (`topics/recovery.rs`).

use std::thread;

use tokio::task::JoinSet;

use crate::broker::state::Broker;
use crate::config::choices::Durability;
use crate::topics::service::Topics;

/// The least number of threads: some of them wait for the disk.
const THREADS_MIN: usize = 4;
/// The number of threads if everything that is recovered is synced as well: the file system commits
/// for all waiting threads together.
const SYNCING_THREADS: usize = 16;

/// Starts to recover what is queued, on blocking threads.
pub fn begin(broker: &Broker) {
    let partitions = broker.topics.recovery().left();
    if partitions == 0 {
        return;
    }
    let (topics, clock, stopping) =
        (broker.topics.clone(), broker.clock.clone(), broker.stopping());
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let least = match broker.config.durability {
        Durability::Os => THREADS_MIN,
        Durability::Fsync => SYNCING_THREADS,
    };
    let threads = processors.max(least).min(partitions);
    broker.tasks.spawn("recovery", async move {
        let began = clock.now().mono_ms;
        tracing::info!(partitions, "recovering logs after a crash");
        let mut recovering = JoinSet::new();
        for _ in 0..threads {
            let (topics, stopping) = (topics.clone(), stopping.clone());
            recovering.spawn_blocking(move || recover(&topics, || *stopping.borrow()));
        }
        while let Some(ended) = recovering.join_next().await {
            if let Err(Ok(panic)) = ended.map_err(|error| error.try_into_panic()) {
                std::panic::resume_unwind(panic);
            }
        }
        if !*stopping.borrow() {
            let ms = clock.now().mono_ms - began;
            tracing::info!(partitions, ms, "recovered logs after a crash");
        }
    });
}

/// Recovers one log after the other until none is left, or the broker stops.
fn recover(topics: &Topics, is_over: impl Fn() -> bool) {
    while let Some(partition) = topics.recovery().next() {
        if is_over() {
            topics.recovery().clear();
            return;
        }
        // Requests ask for partitions again that a thread is recovering already.
        if partition.is_recovering() && !partition.is_opening() {
            // A partition that cannot be opened is offline, which is logged there.
            let _ = partition.open();
            // A second crash should not have to read the same again.
            partition.request_due_flush();
        }
    }
}
