//! Decodes fetched records for a consumer.

use std::collections::BTreeSet;

use kafka_protocol::messages::fetch_response::PartitionData;

use crate::storage::batch::{BatchView, batches};
use crate::storage::records::{Record, records};
use crate::types::Offset;

/// Returns the records from offset `from` on, and the next offset to read. Without control records,
/// and without aborted ones if the response lists them.
///
/// # Errors
/// A batch is damaged; the message says which.
pub fn shown(data: &PartitionData, from: Offset) -> Result<(Vec<Record>, Offset), String> {
    let Some(bytes) = &data.records else { return Ok((Vec::new(), from)) };
    let mut found = Vec::new();
    let mut next = from;
    let mut aborts: Vec<(Offset, i64)> = data
        .aborted_transactions
        .iter()
        .flatten()
        .map(|a| (a.first_offset, a.producer_id.0))
        .collect();
    aborts.sort_unstable_by(|a, b| b.cmp(a));
    let mut aborted = BTreeSet::new();
    for batch in batches(bytes) {
        let header = batch.header;
        if header.magic != 2 {
            return Err(format!(
                "the batch at offset {} has the unsupported format {}",
                header.base_offset, header.magic
            ));
        }
        while let Some((_, id)) = aborts.pop_if(|(first, _)| *first <= header.last_offset()) {
            aborted.insert(id);
        }
        next = next.max(header.end_offset());
        if header.is_control() {
            if is_abort(&batch) {
                aborted.remove(&header.producer_id);
            }
            continue;
        }
        if header.is_transactional() && aborted.contains(&header.producer_id) {
            continue;
        }
        if !batch.crc_is_right() {
            return Err(format!("the batch at offset {} has a wrong CRC", header.base_offset));
        }
        for record in records(&batch).map_err(|e| e.to_string())? {
            let record = record.map_err(|e| e.to_string())?;
            if record.offset >= from {
                found.push(record);
            }
        }
    }
    Ok((found, next))
}

/// Returns true for the marker of an aborted transaction.
fn is_abort(batch: &BatchView<'_>) -> bool {
    let first = records(batch).ok().and_then(|mut all| all.next()?.ok());
    // Version and type, 16 bits each; type 0 is an abort.
    first.and_then(|r| r.key).is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}
