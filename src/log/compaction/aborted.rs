//! Which transactional batches were aborted, and which markers are no longer needed: Kafka's
//! `CleanedTransactionMetadata`.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::ControlFlow;

use crate::log::end_txn::EndTxnMarker;
use crate::log::view::SegmentView;
use crate::storage::batch::{BatchView, Header};
use crate::storage::txn_index::AbortedTxn;
use crate::types::{Offset, ProducerId};

/// The aborted transactions of a log: first and last offsets per producer, ascending.
#[derive(Debug, Default)]
pub struct AbortedTxns(HashMap<ProducerId, Vec<(Offset, Offset)>>);

impl AbortedTxns {
    /// Finds them in the batches of these segments, which must be all: the marker of a batch below
    /// the last stable offset may lie far above it, behind the beginning of an open transaction.
    pub fn find<'a>(spans: impl Iterator<Item = &'a SegmentView>) -> io::Result<AbortedTxns> {
        let mut open: HashMap<ProducerId, Offset> = HashMap::new();
        let mut aborted = AbortedTxns::default();
        for span in spans {
            let segment = &span.segment;
            segment.scan(0, span.log_bytes, false, |batch_at, _| {
                let header = &batch_at.header;
                if header.is_transactional() && !header.is_control() {
                    open.entry(header.producer_id).or_insert(header.base_offset);
                }
                if header.is_control()
                    && let Some(first) = open.remove(&header.producer_id)
                {
                    let end = batch_at.position + batch_at.bytes;
                    segment.scan(batch_at.position, end, true, |_, bytes| {
                        let marker = BatchView::first(bytes).as_ref().and_then(EndTxnMarker::of);
                        if marker.is_some_and(|marker| !marker.committed) {
                            let of_it = aborted.0.entry(header.producer_id).or_default();
                            of_it.push((first, header.last_offset()));
                        }
                        Ok(ControlFlow::Break(()))
                    })?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(aborted)
    }

    /// Returns the transaction that was aborted by this batch of a segment: as long as the marker
    /// is there, so is its entry in the index of aborted transactions.
    pub fn ended_by(&self, header: &Header, span: &SegmentView) -> io::Result<Option<AbortedTxn>> {
        if !header.is_control() || header.records_count == 0 {
            return Ok(None);
        }
        let last_offset = header.last_offset();
        let indexed = span.segment.aborted()?.at(last_offset)?;
        let found = || {
            let all = self.0.get(&header.producer_id)?;
            let at = all.binary_search_by_key(&last_offset, |(_, last)| *last).ok()?;
            let (first_offset, _) = *all.get(at)?;
            // Readers stop there if it is in the index; an early one only makes them go on.
            let last_stable_offset = first_offset;
            let producer_id = header.producer_id;
            Some(AbortedTxn { producer_id, first_offset, last_offset, last_stable_offset })
        };
        Ok(indexed.or_else(found))
    }

    /// Returns true for a batch of an aborted transaction.
    pub fn has(&self, header: &Header) -> bool {
        if !header.is_transactional() || header.is_control() {
            return false;
        }
        let Some(all) = self.0.get(&header.producer_id) else { return false };
        let at = all.partition_point(|(_, last)| *last < header.base_offset);
        all.get(at).is_some_and(|(first, _)| *first <= header.base_offset)
    }
}

/// The producers whose transactions have left batches in the part of the log passed so far.
#[derive(Debug, Default)]
pub struct Passed(HashSet<ProducerId>);

impl Passed {
    /// Records a batch, in log order. Returns true for a marker of a transaction of which no batch
    /// is left.
    pub fn is_empty_marker(&mut self, header: &Header) -> bool {
        if header.is_control() {
            return !self.0.remove(&header.producer_id);
        }
        if header.is_transactional() {
            self.0.insert(header.producer_id);
        }
        false
    }
}
