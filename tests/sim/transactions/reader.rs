//! A consumer that reads committed records, as Kafka's clients filter what they are sent.

use std::collections::{BTreeMap, BTreeSet};

use ottla::log::end_txn::EndTxnMarker;
use ottla::protocol::messages::fetch_response::PartitionData;
use ottla::protocol::records::Records;
use ottla::storage::batch::batches;
use ottla::storage::records::records;

/// The committed records of an answer, and the offset to continue with.
pub fn committed(answer: &PartitionData, from: i64) -> Result<(Vec<(i64, String)>, i64), String> {
    let bytes = match &answer.records {
        Some(Records::Memory(bytes)) => bytes.clone(),
        _ => return Ok((Vec::new(), from)),
    };
    let listed = answer.aborted_transactions.iter().flatten();
    let mut to_come: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for aborted in listed {
        to_come.entry(aborted.first_offset).or_default().push(aborted.producer_id);
    }
    let (mut aborted, mut found, mut next) = (BTreeSet::new(), Vec::new(), from);
    for batch in batches(&bytes) {
        let header = batch.header;
        if header.end_offset() > answer.last_stable_offset {
            return Err(format!("sent what is not stable: {header:?}"));
        }
        while let Some(entry) = to_come.first_entry()
            && *entry.key() < header.end_offset()
        {
            aborted.extend(entry.remove());
        }
        next = header.end_offset();
        if header.is_control() {
            if EndTxnMarker::of(&batch).is_some_and(|marker| !marker.committed) {
                aborted.remove(&header.producer_id);
            }
            continue;
        }
        if header.is_transactional() && aborted.contains(&header.producer_id) {
            continue;
        }
        for record in records(&batch).map_err(|e| e.to_string())? {
            let record = record.map_err(|e| e.to_string())?;
            let value = record.value.unwrap_or_default();
            if record.offset >= from {
                found.push((record.offset, String::from_utf8_lossy(&value).into_owned()));
            }
        }
    }
    Ok((found, next))
}
