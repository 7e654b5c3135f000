//! Finds the open transactions of a data directory: how long they have been open, and which of them
//! hang.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::doctor::segments::of_partitions;
use crate::cli::doctor::{CheckResult, ill, well};
use crate::machine::MachineRecord;
use crate::storage::batch::BatchView;
use crate::storage::datadir;
use crate::storage::disk::{Disk, OsDisk, read_all};
use crate::storage::records::records;
use crate::storage::segment::{Segment, base_offset_of, file_name};
use crate::storage::snapshot;
use crate::transactions::records::{Record, TOPIC, TransactionValue};
use crate::transactions::state::TransactionState;
use crate::types::{Offset, ProducerId, TopicPartition};

/// How long a running broker may take to abort a transaction whose timeout is over, ms.
const PATIENCE_MS: i64 = 60_000;

/// A transaction that is open in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OpenTransaction {
    epoch: i16,
    first_offset: Offset,
    /// The timestamp of its first batch, or of its producer's last one if that is gone.
    since_ms: i64,
}

/// The open transactions of a partition, by producer.
type OpenByProducer = BTreeMap<ProducerId, OpenTransaction>;

/// The transactional ids, as their coordinator knows them.
type Ids = BTreeMap<String, TransactionValue>;

/// Looks for open transactions. `now_ms` is the current time.
pub fn check(dir: &Path, now_ms: i64) -> Vec<CheckResult> {
    match looked(dir, now_ms) {
        Ok(results) => results,
        Err(error) => vec![ill("transactions", error.to_string())],
    }
}

fn looked(dir: &Path, now_ms: i64) -> io::Result<Vec<CheckResult>> {
    let is_running = datadir::is_locked(dir);
    let partitions = of_partitions(dir).map_err(io::Error::other)?;
    let mut open: Vec<(&TopicPartition, &PathBuf, OpenByProducer)> = Vec::new();
    for (id, dir) in &partitions {
        let found = if_there(open_in(dir))?;
        open.extend((!found.is_empty()).then_some((id, dir, found)));
    }
    // Read last: a transaction that is open in a partition has begun here before.
    let ids = ids(&partitions)?;
    let mut results = Vec::new();
    for (place, dir, found) in &open {
        for (producer_id, transaction) in found {
            if is_known(&ids, place, *producer_id) {
                continue;
            }
            // It may have ended in the meantime.
            if is_running && if_there(open_in(dir))?.get(producer_id) != Some(transaction) {
                continue;
            }
            results.push(hanging(place, *producer_id, transaction, now_ms));
        }
    }
    let states = ids.iter().filter(|(_, value)| is_open(value));
    results.extend(states.map(|(id, value)| described(id, value, now_ms, is_running)));
    if results.is_empty() {
        results.push(well("transactions", "none is open"));
    }
    Ok(results)
}

/// Returns nothing for what has been deleted in the meantime.
fn if_there<T: Default>(read: io::Result<T>) -> io::Result<T> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        read => read,
    }
}

fn is_open(value: &TransactionValue) -> bool {
    use TransactionState::{Ongoing, PrepareAbort, PrepareCommit};
    matches!(value.state, Ongoing | PrepareCommit | PrepareAbort)
}

/// Returns true if the coordinator will end the producer's transaction in this partition.
fn is_known(ids: &Ids, place: &TopicPartition, producer_id: ProducerId) -> bool {
    ids.values().any(|value| {
        is_open(value)
            && (value.producer_id == producer_id || value.previous_producer_id == producer_id)
            && value.partitions.contains(&place.topic, place.partition)
    })
}

fn hanging(
    place: &TopicPartition,
    producer_id: ProducerId,
    transaction: &OpenTransaction,
    now_ms: i64,
) -> CheckResult {
    let OpenTransaction { epoch, first_offset, since_ms } = *transaction;
    let seconds = now_ms.saturating_sub(since_ms).max(0) / 1000;
    let TopicPartition { topic, partition } = place;
    ill(
        "transactions",
        format!(
            "hangs in {place} since offset {first_offset}, for {seconds} s (producer \
             {producer_id}, epoch {epoch}): no transactional id has it. `ottla transaction abort \
             --topic {topic} --partition {partition} --start-offset {first_offset}` ends it"
        ),
    )
}

fn described(id: &str, value: &TransactionValue, now_ms: i64, is_running: bool) -> CheckResult {
    let open_ms = now_ms.saturating_sub(value.start_ms).max(0);
    let overdue_ms = open_ms.saturating_sub(value.timeout_ms.into());
    let partitions = value.partitions.to_vec();
    let places: usize = partitions.iter().map(|(_, indexes)| indexes.len()).sum();
    let says = format!(
        "{id:?} is {} for {} s in {places} partitions (timeout {} s)",
        value.state.name(),
        open_ms / 1000,
        value.timeout_ms / 1000
    );
    match (is_running, value.state) {
        (true, _) if overdue_ms > PATIENCE_MS => {
            ill("transactions", format!("{says}: the broker should have ended it"))
        }
        (false, TransactionState::Ongoing) if overdue_ms > 0 => {
            well("transactions", format!("{says}; the next start aborts it"))
        }
        (false, TransactionState::PrepareCommit | TransactionState::PrepareAbort) => {
            well("transactions", format!("{says}; the next start completes it"))
        }
        _ => well("transactions", says),
    }
}

/// Returns the transactions that are open in a partition, from its newest valid snapshot of
/// producers on.
fn open_in(dir: &Path) -> io::Result<OpenByProducer> {
    let entries = OsDisk.list(dir)?;
    let based = |suffix: &str| {
        let mut all: Vec<Offset> =
            entries.iter().filter_map(|entry| base_offset_of(&entry.name, suffix)).collect();
        all.sort_unstable();
        all
    };
    let (segments, snapshots) = (based(".log"), based(".snapshot"));
    let (mut open, mut from) = (OpenByProducer::new(), 0);
    for at in snapshots.into_iter().rev() {
        let bytes = read_all(&OsDisk, &dir.join(file_name(at, "snapshot")))?;
        let Ok(producers) = snapshot::decode(&bytes) else { continue };
        from = at;
        open.extend(producers.iter().filter_map(|producer| {
            let first_offset = producer.txn_first_offset?;
            let (epoch, since_ms) = (producer.producer_epoch, producer.timestamp);
            Some((producer.producer_id, OpenTransaction { epoch, first_offset, since_ms }))
        }));
        break;
    }
    let first = segments.partition_point(|base| *base <= from).saturating_sub(1);
    for base in &segments[first.min(segments.len())..] {
        follow(dir, *base, from, &mut open)?;
    }
    for transaction in open.values_mut() {
        let at = segments.partition_point(|base| *base <= transaction.first_offset);
        let Some(base) = at.checked_sub(1).and_then(|at| segments.get(at)) else { continue };
        transaction.since_ms =
            timestamp_at(dir, *base, transaction.first_offset)?.unwrap_or(transaction.since_ms);
    }
    Ok(open)
}

/// Follows the transactions through the batches of a segment, from this offset on.
fn follow(dir: &Path, base: Offset, from: Offset, open: &mut OpenByProducer) -> io::Result<()> {
    let segment = Segment::unopened(Arc::new(OsDisk), dir, base);
    let bytes = OsDisk.len(&segment.path("log"))?;
    segment.scan(0, bytes, false, |batch_at, _| {
        let header = &batch_at.header;
        if header.base_offset < from || !header.is_transactional() {
            return Ok(ControlFlow::Continue(()));
        }
        if header.is_control() {
            open.remove(&header.producer_id);
        } else {
            open.entry(header.producer_id).or_insert(OpenTransaction {
                epoch: header.producer_epoch,
                first_offset: header.base_offset,
                since_ms: header.max_timestamp,
            });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// Returns the timestamp of the batch that begins at this offset, if it is there.
fn timestamp_at(dir: &Path, base: Offset, offset: Offset) -> io::Result<Option<i64>> {
    let segment = Segment::unopened(Arc::new(OsDisk), dir, base);
    let bytes = OsDisk.len(&segment.path("log"))?;
    let mut found = None;
    segment.scan(0, bytes, false, |batch_at, _| {
        let header = &batch_at.header;
        if header.base_offset < offset {
            return Ok(ControlFlow::Continue(()));
        }
        found = (header.base_offset == offset).then_some(header.max_timestamp);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Reads the transactional ids from the coordinator's log.
fn ids(partitions: &[(TopicPartition, PathBuf)]) -> io::Result<Ids> {
    let mut ids = Ids::new();
    for (_, dir) in partitions.iter().filter(|(id, _)| &*id.topic == TOPIC) {
        let mut bases: Vec<Offset> = OsDisk
            .list(dir)?
            .iter()
            .filter_map(|entry| base_offset_of(&entry.name, ".log"))
            .collect();
        bases.sort_unstable();
        for base in bases {
            let segment = Segment::unopened(Arc::new(OsDisk), dir, base);
            let bytes = OsDisk.len(&segment.path("log"))?;
            segment.scan(0, bytes, true, |_, bytes| {
                if let Some(batch) = BatchView::first(bytes) {
                    apply(&batch, &mut ids);
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
    }
    Ok(ids)
}

/// Applies the records of a batch. What cannot be read is not the concern of this check.
fn apply(batch: &BatchView<'_>, ids: &mut Ids) {
    let Ok(all) = records(batch) else { return };
    for record in all.flatten() {
        let key = record.key.as_deref().unwrap_or_default();
        match Record::decode(key, record.value.as_deref()) {
            Ok(Some(Record { id, value: Some(value), .. })) => {
                ids.insert(id, *value);
            }
            Ok(Some(Record { id, value: None, .. })) => {
                ids.remove(&id);
            }
            Ok(None) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::disk::replace;
    use crate::transactions::partitions::PartitionSet;
    use crate::transactions::state::TransactionVersion;

    fn batch(offset: Offset, producer_id: ProducerId, is_marker: bool) -> Vec<u8> {
        let sequence = if is_marker { -1 } else { 0 };
        let mut builder = BatchBuilder::new(offset, 0).producer(producer_id, 3, sequence);
        builder.push(None, Some(b"v"), &[], 5_000);
        let builder = builder.transactional();
        if is_marker { builder.control().finish() } else { builder.finish() }
    }

    fn state(id: &str, producer_id: ProducerId, state: TransactionState) -> Record {
        let value = TransactionValue {
            producer_id,
            previous_producer_id: producer_id,
            next_producer_id: -1,
            epoch: 3,
            last_epoch: -1,
            timeout_ms: 60_000,
            state,
            partitions: PartitionSet::of([("t".to_owned(), vec![0])]),
            update_ms: 5_000,
            start_ms: 5_000,
            client_version: TransactionVersion::V2,
        };
        let version = TransactionVersion::V2;
        Record { id: id.to_owned(), value: Some(Box::new(value)), version }
    }

    fn write(dir: &Path, partition: &str, base: Offset, batches: &[Vec<u8>]) {
        let dir = dir.join(partition);
        if !OsDisk.exists(&dir) {
            OsDisk.create_dir(&dir).unwrap();
        }
        replace(&OsDisk, &dir.join(file_name(base, "log")), &batches.concat()).unwrap();
    }

    #[test]
    fn open_transactions_are_found_and_those_without_an_id_hang() {
        let dir = tempfile::tempdir().unwrap();
        let check = |now_ms| -> Vec<(bool, String)> {
            let results = check(dir.path(), now_ms);
            results.into_iter().map(|result| (result.is_well, result.says)).collect()
        };
        assert_eq!(check(0), [(true, "none is open".to_owned())]);

        // 7 is open and known, 8 has ended, 9 is open and unknown.
        let written = [batch(0, 7, false), batch(1, 8, false), batch(2, 8, true)];
        write(dir.path(), "t-0", 0, &written);
        write(dir.path(), "t-0", 3, &[batch(3, 9, false), batch(4, 7, false)]);
        let states = [
            state("a", 7, TransactionState::Ongoing),
            state("b", 8, TransactionState::Ongoing),
            state("b", 8, TransactionState::CompleteCommit),
        ];
        let mut log = BatchBuilder::new(0, 0);
        for record in states {
            let (key, value) = record.encode();
            log.push(Some(&key), value.as_deref(), &[], 0);
        }
        write(dir.path(), "__transaction_state-0", 0, &[log.finish()]);
        let hangs = "hangs in t-0 since offset 3, for 10 s (producer 9, epoch 3): no transactional \
                     id has it. `ottla transaction abort --topic t --partition 0 --start-offset 3` \
                     ends it";
        let open = "\"a\" is Ongoing for 10 s in 1 partitions (timeout 60 s)";
        assert_eq!(check(15_000), [(false, hangs.to_owned()), (true, open.to_owned())]);
        let results = check(105_000);
        assert!(results[1].1.ends_with("; the next start aborts it"), "{results:?}");
        assert!(results[1].0, "which is no problem");

        // A snapshot stands for what is before it.
        let snapshot = dir.path().join("t-0").join(file_name(3, "snapshot"));
        replace(&OsDisk, &snapshot, &snapshot::encode(&[])).unwrap();
        write(dir.path(), "t-0", 3, &[batch(3, 9, false), batch(4, 9, true)]);
        let results = check(15_000);
        assert_eq!(results, [(true, open.to_owned())]);
    }
}
