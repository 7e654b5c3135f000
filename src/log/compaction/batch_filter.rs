//! Filters one batch by the offset map, as Kafka's `Cleaner.cleanInto` and
//! `MemoryRecords.filterTo`.
//!
//! **Invariant:** a batch that stays keeps its base offset and its last offset, and so its
//! producer's sequence numbers; offsets are never renumbered.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;

use crate::log::compaction::aborted::{AbortedTxns, Passed};
use crate::log::compaction::offset_map::OffsetMap;
use crate::storage::batch::{BatchView, Codec, DELETE_HORIZON, HEADER_BYTES, Header};
use crate::storage::batch_builder::sealed;
use crate::storage::codec::DEFAULT_LEVEL;
use crate::storage::compressor::Compressor;
use crate::storage::record_filter::{KeyedRecord, filter_records, for_each_key};
use crate::types::{Offset, ProducerId};

/// The low three bits of the attributes.
const CODEC_BITS: i16 = 0x07;

/// The last batch of each producer that may resume: offset of its last batch of data, if there is
/// one in this partition, and its epoch.
pub type LastWritten = HashMap<ProducerId, (Option<Offset>, i16)>;

/// The inputs that decide about batches and records.
#[derive(Debug)]
pub struct BatchFilter<'a> {
    /// The last offset of each key in the dirty part.
    pub map: &'a OffsetMap,
    /// Transactions whose data `read_committed` readers have never seen.
    pub aborted: &'a AbortedTxns,
    /// The batches from which the producer state must be restored later.
    pub last_written: &'a LastWritten,
    /// The current time, ms since 1970.
    pub now_wall_ms: i64,
    /// `delete.retention.ms`.
    pub delete_retention_ms: i64,
    /// `max.decompressed.message.bytes`.
    pub record_bytes_max: i32,
}

/// The result for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filtered {
    /// It is unchanged.
    AsItIs,
    /// Some of it stays: the new batch.
    Changed(Vec<u8>),
    /// Nothing stays.
    Gone,
}

impl BatchFilter<'_> {
    /// Filters the next batch of the log. If `must_end_there`, at least an empty batch stays: it
    /// marks the end of its segment.
    ///
    /// # Errors
    /// `InvalidData` if the batch cannot be read: the log must be left as it is.
    pub fn filter(
        &self,
        batch: &BatchView<'_>,
        passed: &mut Passed,
        must_end_there: bool,
    ) -> io::Result<Filtered> {
        let header = &batch.header;
        let is_empty_marker = passed.is_empty_marker(header);
        let horizon = header.delete_horizon_ms();
        let is_discarded = match header.is_control() {
            true => is_empty_marker && horizon.is_some_and(|ms| ms <= self.now_wall_ms),
            false => self.aborted.has(header),
        };
        let verdict = self.verdict(batch, is_discarded)?;
        if verdict.kept == 0 {
            let is_wanted = must_end_there || self.is_last_of_its_producer(header);
            if is_wanted && header.records_count == 0 {
                return Ok(Filtered::AsItIs);
            }
            return Ok(if is_wanted { Filtered::Changed(emptied(header)) } else { Filtered::Gone });
        }
        let wants_horizon = (verdict.has_tombstones || is_empty_marker) && horizon.is_none();
        if verdict.kept == verdict.keep.len() && !wants_horizon {
            return Ok(Filtered::AsItIs);
        }
        let horizon = match wants_horizon {
            true => Some(self.now_wall_ms.saturating_add(self.delete_retention_ms.max(0))),
            false => horizon,
        };
        Ok(Filtered::Changed(rebuilt(batch, &verdict.keep, horizon)?))
    }

    fn is_last_of_its_producer(&self, header: &Header) -> bool {
        if !header.is_idempotent() {
            return false;
        }
        match self.last_written.get(&header.producer_id) {
            Some((Some(offset), _)) => header.last_offset() == *offset,
            Some((None, epoch)) => header.is_control() && header.producer_epoch == *epoch,
            None => false,
        }
    }

    fn verdict(&self, batch: &BatchView<'_>, is_discarded: bool) -> io::Result<RetainedRecords> {
        let mut verdict = RetainedRecords::default();
        if is_discarded {
            return Ok(verdict);
        }
        let is_control = batch.header.is_control();
        let may_go = batch.header.delete_horizon_ms().is_some_and(|ms| ms <= self.now_wall_ms);
        let mut key = Vec::new();
        for_each_key(batch, self.record_bytes_max, &mut key, |record| {
            let keep = is_control || self.keeps(&record, may_go);
            verdict.keep.push(keep);
            verdict.kept += usize::from(keep);
            verdict.has_tombstones |= keep && !is_control && !record.has_value;
            ControlFlow::Continue(())
        })
        .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        Ok(verdict)
    }

    /// Returns true if the record stays. `may_go` is true if the delete horizon has passed.
    fn keeps(&self, record: &KeyedRecord<'_>, may_go: bool) -> bool {
        if self.map.latest().is_none_or(|latest| record.offset > latest) {
            return true;
        }
        // A record without a key predates compaction of the topic, and could never be replaced.
        let Some(key) = record.key else { return false };
        let is_last = self.map.get(key).is_none_or(|last| record.offset >= last);
        is_last && (record.has_value || !may_go)
    }
}

#[derive(Debug, Default)]
struct RetainedRecords {
    keep: Vec<bool>,
    kept: usize,
    has_tombstones: bool,
}

/// Returns the batch without its records: it keeps its offsets and its producer's sequence numbers.
fn emptied(header: &Header) -> Vec<u8> {
    let attributes = header.attributes & !(CODEC_BITS | DELETE_HORIZON);
    let empty = Header { attributes, base_timestamp: -1, records_count: 0, ..*header };
    sealed(empty, vec![0; HEADER_BYTES])
}

fn rebuilt(batch: &BatchView<'_>, keep: &[bool], horizon: Option<i64>) -> io::Result<Vec<u8>> {
    let mut header = batch.header;
    if let Some(ms) = horizon {
        header.attributes |= DELETE_HORIZON;
        header.base_timestamp = ms;
    }
    let codec = header.codec().unwrap_or(Codec::None);
    let mut out = Compressor::new(codec, DEFAULT_LEVEL, None, vec![0; HEADER_BYTES])?;
    let kept = filter_records(batch, keep, header.base_timestamp, &mut out)?;
    header.records_count = kept.records;
    if !header.is_log_append_time() {
        header.max_timestamp = kept.max_timestamp;
    }
    Ok(sealed(header, out.finish()?))
}
