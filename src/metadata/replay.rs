//! From batches of the metadata log, or of a snapshot of it, to an image.
//!
//! **Invariant:** the records of a transaction (KIP-868) are applied when it ends, or never.

use std::io;

use bytes::Bytes;

use crate::metadata::image::Image;
use crate::metadata::records::Record;
use crate::storage::batch::BatchView;
use crate::storage::records::records;
use crate::types::Offset;

/// The image so far.
#[derive(Debug, Default)]
pub struct Replay {
    image: Image,
    /// The records of the transaction that has begun.
    transaction: Option<Vec<Record>>,
    /// The latest epoch in which a batch was written.
    pub leader_epoch: i32,
}

impl Replay {
    /// Begins with a snapshot: its records, and the offset and the epoch at which it ends.
    pub fn of_snapshot(records: &[Record], end: Offset, leader_epoch: i32) -> Replay {
        let mut image = Image::default();
        records.iter().for_each(|record| image.apply(record));
        image.end_offset = end;
        Replay { image, transaction: None, leader_epoch }
    }

    /// Applies a batch of the log.
    ///
    /// # Errors
    /// A record cannot be read, or a transaction begins in another or ends without having begun.
    pub fn apply(&mut self, batch: &BatchView<'_>) -> io::Result<()> {
        self.leader_epoch = self.leader_epoch.max(batch.header.partition_leader_epoch);
        if batch.header.is_control() {
            return Ok(());
        }
        for (offset, record) in decoded(batch)? {
            let refuse = |why| Err(damaged(offset, why));
            match (record, &mut self.transaction) {
                (Record::BeginTransaction(_), None) => self.transaction = Some(Vec::new()),
                (Record::BeginTransaction(_), Some(_)) => {
                    return refuse("a transaction begins in a transaction");
                }
                (Record::EndTransaction(_) | Record::AbortTransaction(_), None) => {
                    return refuse("a transaction ends that has not begun");
                }
                (Record::EndTransaction(_), open @ Some(_)) => {
                    let records = open.take().unwrap_or_default();
                    records.iter().for_each(|record| self.image.apply(record));
                }
                (Record::AbortTransaction(_), open @ Some(_)) => *open = None,
                (record, Some(open)) => open.push(record),
                (record, None) => self.image.apply(&record),
            }
        }
        self.image.end_offset = batch.header.end_offset();
        Ok(())
    }

    /// Returns the image, and whether a transaction has begun and not ended.
    pub fn finish(self) -> (Image, bool) {
        (self.image, self.transaction.is_some())
    }
}

/// Returns the records of a batch with their offsets.
///
/// # Errors
/// A record cannot be read.
pub fn decoded(batch: &BatchView<'_>) -> io::Result<Vec<(Offset, Record)>> {
    let base = batch.header.base_offset;
    let mut found = Vec::new();
    for record in records(batch).map_err(|e| damaged(base, e))? {
        let record = record.map_err(|e| damaged(base, e))?;
        let Some(value) = record.value else { continue };
        let decoded = Record::decode(&Bytes::copy_from_slice(&value));
        found.push((record.offset, decoded.map_err(|e| damaged(record.offset, e))?));
    }
    Ok(found)
}

fn damaged(offset: Offset, why: impl std::fmt::Display) -> io::Error {
    let why = format!("the record at offset {offset} cannot be read: {why}");
    io::Error::new(io::ErrorKind::InvalidData, why)
}
