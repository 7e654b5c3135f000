//! What the log of a coordinator holds: records, some of them in transactions, and the ends of
//! these.

use std::collections::HashMap;
use std::io;

use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::log::verification::TxnCheck;
use crate::log::view::View;
use crate::machine::{MachineRecord, RecordTxn};
use crate::storage::batch::BatchView;
use crate::storage::records::records;
use crate::types::{ProducerId, TopicPartition};

/// One entry of a partition.
pub enum LogEntry<R> {
    /// A record.
    Record {
        /// Its timestamp, ms since 1970.
        timestamp: i64,
        /// The record.
        record: R,
        /// The transaction that it is part of.
        txn: Option<RecordTxn>,
    },
    /// The end of a producer's transaction.
    Marker(EndTxn),
}

/// Records of one partition whose transactions have not ended yet.
pub struct OpenTransactions<R> {
    by_producer: HashMap<ProducerId, Vec<(i64, R)>>,
}

impl<R> Default for OpenTransactions<R> {
    fn default() -> OpenTransactions<R> {
        OpenTransactions { by_producer: HashMap::new() }
    }
}

impl<R> OpenTransactions<R> {
    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_producer.is_empty()
    }

    /// Takes the next entry, and calls `visit` with the records that count now, and their
    /// timestamps: the one that is part of no transaction, or those of one that has been committed.
    pub fn settle(&mut self, entry: LogEntry<R>, mut visit: impl FnMut(i64, R)) {
        match entry {
            LogEntry::Record { timestamp, record, txn: None } => visit(timestamp, record),
            LogEntry::Record { timestamp, record, txn: Some(txn) } => {
                self.by_producer.entry(txn.producer_id).or_default().push((timestamp, record));
            }
            LogEntry::Marker(end) => {
                let ended = self.by_producer.remove(&end.producer_id).unwrap_or_default();
                let counts = ended.into_iter().filter(|_| end.marker.committed);
                counts.for_each(|(timestamp, record)| visit(timestamp, record));
            }
        }
    }
}

/// Calls `visit` with each entry of a partition, in order.
pub fn for_each_entry<R: MachineRecord>(
    id: &TopicPartition,
    view: &View,
    mut visit: impl FnMut(LogEntry<R>),
) -> io::Result<()> {
    view.for_each_batch(|batch| {
        if batch.header.is_control() {
            marker_of(batch).map(LogEntry::Marker).into_iter().for_each(&mut visit);
            return Ok(());
        }
        let txn = batch.header.is_transactional().then_some(RecordTxn {
            partition: id.partition,
            producer_id: batch.header.producer_id,
            producer_epoch: batch.header.producer_epoch,
            check: TxnCheck::Unneeded,
        });
        for record in records(batch).map_err(io::Error::other)? {
            let record = record.map_err(io::Error::other)?;
            let Some(key) = &record.key else { continue };
            match R::decode(key, record.value.as_deref()) {
                Ok(Some(known)) => {
                    visit(LogEntry::Record { timestamp: record.timestamp, record: known, txn });
                }
                Ok(None) => {}
                Err(error) => {
                    let (partition, offset) = (id.partition, record.offset);
                    tracing::warn!(
                        topic = R::TOPIC, partition, offset, %error, "skipped an unreadable record"
                    );
                }
            }
        }
        Ok(())
    })
}

fn marker_of(batch: &BatchView<'_>) -> Option<EndTxn> {
    let marker = EndTxnMarker::of(batch)?;
    let (producer_id, producer_epoch) = (batch.header.producer_id, batch.header.producer_epoch);
    // Which protocol wrote it makes no difference to the records before it.
    Some(EndTxn { producer_id, producer_epoch, marker, bumps_epoch: false })
}
