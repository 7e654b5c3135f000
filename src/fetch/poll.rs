//! Plan, read, wait, read again: one Fetch over many partitions.
//!
//! **Invariant:** the order is arm, read, settle, sleep (`topics/waiters.rs` explains why).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::log::aborted_index::CommittedRead;
use crate::log::view::ReadError;
use crate::storage::segment::FileSlice;
use crate::storage::txn_index::AbortedTxn;
use crate::topics::error::Unavailable;
use crate::topics::opening::open_recovered;
use crate::topics::partition::Partition;
use crate::topics::waiters::Wait;
use crate::types::Offset;

/// The limits of a request as a whole.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Maximum bytes of records in the response; the first batch may exceed it.
    pub max_bytes: u64,
    /// Minimum bytes of records for a response without waiting.
    pub min_bytes: u64,
    /// Maximum time to wait for them, in ms.
    pub max_wait_ms: u64,
    /// True to read only below the last stable offset.
    pub committed: bool,
}

/// A partition to read.
#[derive(Debug)]
pub struct ReadRequest {
    /// The partition, or Kafka's error code if there is none.
    pub partition: Result<Arc<Partition>, i16>,
    /// The offset to read from.
    pub offset: Offset,
    /// Epoch of the last record that the client has; -1 if not given.
    pub last_fetched_epoch: i32,
    /// Maximum bytes from this partition. A negative limit fails if there is something to read.
    pub max_bytes: i64,
}

/// The result of reading a partition.
#[derive(Debug)]
pub struct Read {
    /// The end offset, which is the high watermark.
    pub end_offset: Offset,
    /// The last stable offset.
    pub last_stable_offset: Offset,
    /// The log start offset.
    pub log_start_offset: Offset,
    /// The records, if there are any.
    pub records: Option<FileSlice>,
    /// The aborted transactions that overlap them, if only committed records were asked for.
    pub aborted: Option<Vec<AbortedTxn>>,
}

/// The outcome for one partition.
#[derive(Debug)]
pub enum ReadOutcome {
    /// There is no partition to read; Kafka's error code.
    Refused(i16),
    /// The log cannot be opened, or no longer exists.
    Unavailable(Unavailable),
    /// The log cannot be read at this offset.
    Failed(ReadError),
    /// There is something to read, but the partition's limit is negative.
    NegativeLimit,
    /// Read; possibly without records.
    Read(Read),
    /// The epoch that the client has read up to ends before its offset: it has records that are not
    /// in the log (KIP-595).
    Diverging {
        /// What a read would say of the log, without records.
        read: Read,
        /// The last epoch of the log that is not later.
        epoch: i32,
        /// Where it ends.
        end: Offset,
    },
}

/// Reads until there is enough, an error, or no time left, or until `hurry` completes: whatever was
/// read so far is a valid response.
pub async fn poll(
    wanted: &[ReadRequest],
    limits: FetchLimits,
    mut stopping: watch::Receiver<bool>,
    hurry: impl Future<Output = ()>,
) -> Vec<ReadOutcome> {
    open_recovered(wanted.iter().filter_map(|w| w.partition.as_ref().ok())).await;
    // Every read whose records are sent passes here, and none that is repeated first.
    read_in_time(wanted, limits, &mut stopping, hurry).await
}

/// Reads, and if that is not enough, waits and reads again.
async fn read_in_time(
    wanted: &[ReadRequest],
    limits: FetchLimits,
    stopping: &mut watch::Receiver<bool>,
    hurry: impl Future<Output = ()>,
) -> Vec<ReadOutcome> {
    let (outcomes, bytes) = read(wanted, limits);
    if is_done(&outcomes, bytes, limits) {
        return outcomes;
    }
    let wait = Arc::new(Wait::new(limits.committed));
    for partition in wanted.iter().filter_map(|w| w.partition.as_ref().ok()) {
        partition.waiters.watch(&wait);
    }
    let deadline = tokio::time::sleep(Duration::from_millis(limits.max_wait_ms));
    tokio::pin!(deadline, hurry);
    loop {
        wait.arm();
        let (outcomes, bytes) = read(wanted, limits);
        if is_done(&outcomes, bytes, limits) {
            return outcomes;
        }
        // Not held while waiting.
        drop(outcomes);
        wait.settle((limits.min_bytes - bytes) as i64);
        tokio::select! {
            () = wait.woken() => continue,
            () = &mut deadline => {}
            () = &mut hurry => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        return read(wanted, limits).0;
    }
}

fn is_done(outcomes: &[ReadOutcome], bytes: u64, limits: FetchLimits) -> bool {
    bytes >= limits.min_bytes
        || limits.max_wait_ms == 0
        || outcomes.iter().any(|o| !matches!(o, ReadOutcome::Read(_)) && !is_recovering(o))
}

/// Returns true if the log is being recovered: there may be something to read once it is.
fn is_recovering(outcome: &ReadOutcome) -> bool {
    matches!(outcome, ReadOutcome::Unavailable(Unavailable::Recovering))
}

fn read(wanted: &[ReadRequest], limits: FetchLimits) -> (Vec<ReadOutcome>, u64) {
    let mut bytes = 0;
    let outcomes = wanted.iter().map(|one| read_one(one, limits, &mut bytes)).collect();
    (outcomes, bytes)
}

fn read_one(wanted: &ReadRequest, limits: FetchLimits, bytes: &mut u64) -> ReadOutcome {
    let partition = match &wanted.partition {
        Ok(partition) => partition,
        Err(code) => return ReadOutcome::Refused(*code),
    };
    let view = match partition.view() {
        Ok(view) => view,
        Err(error) => return ReadOutcome::Unavailable(error),
    };
    let below = if limits.committed { view.last_stable_offset } else { view.end_offset };
    let found = |records, aborted| Read {
        end_offset: view.end_offset,
        last_stable_offset: view.last_stable_offset,
        log_start_offset: view.log_start_offset,
        records,
        aborted,
    };

    if wanted.last_fetched_epoch >= 0 {
        let Some((epoch, end)) = view.end_of_epoch(wanted.last_fetched_epoch) else {
            return ReadOutcome::Failed(view.out_of_range(wanted.offset));
        };
        if epoch < wanted.last_fetched_epoch || end < wanted.offset {
            return ReadOutcome::Diverging { read: found(None, None), epoch, end };
        }
    }
    let most = u64::try_from(wanted.max_bytes).ok();
    let left = limits.max_bytes.saturating_sub(*bytes).min(most.unwrap_or(0));
    let read = match limits.committed {
        true => view.read_committed(wanted.offset, left, *bytes == 0),
        false => view
            .read(wanted.offset, below, left, *bytes == 0)
            .map(|records| CommittedRead { records, aborted: Vec::new() }),
    };
    match read {
        // As in Kafka (`LocalLog.read`), an offset out of range is checked first, and at the end
        // nothing is read.
        Ok(_) if most.is_none() && wanted.offset < below => ReadOutcome::NegativeLimit,
        Ok(CommittedRead { records, aborted }) => {
            *bytes += records.as_ref().map_or(0, |r| r.len as u64);
            ReadOutcome::Read(found(records, limits.committed.then_some(aborted)))
        }
        Err(error) => ReadOutcome::Failed(error),
    }
}
