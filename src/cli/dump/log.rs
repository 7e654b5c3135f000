//! Segments: batches and their records, in the format of Kafka's `DumpLogSegments`.

use std::path::Path;

use bytes::Bytes;

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::groups::records as groups;
use crate::machine::MachineRecord;
use crate::metadata::records as metadata;
use crate::storage::batch::{BatchView, Codec, Header, sequence_after};
use crate::storage::records::{Record, records};
use crate::transactions::records as transactions;

/// The kind of records in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// Client records.
    Data,
    /// Those of `__consumer_offsets`.
    Groups,
    /// Those of `__transaction_state`.
    Transactions,
    /// Those of `__cluster_metadata`.
    Metadata,
}

impl RecordKind {
    /// Returns the kind for the name of a log's directory.
    pub fn of(path: &Path) -> RecordKind {
        let is_below = |name: &str| {
            path.parent()
                .and_then(Path::file_name)
                .is_some_and(|dir| dir.to_string_lossy().starts_with(name))
        };
        match path.extension().is_some_and(|e| e == "checkpoint") {
            _ if is_below("__consumer_offsets-") => RecordKind::Groups,
            _ if is_below("__transaction_state-") => RecordKind::Transactions,
            true => RecordKind::Metadata,
            false if is_below("__cluster_metadata-") => RecordKind::Metadata,
            false => RecordKind::Data,
        }
    }
}

/// Prints the batches of a segment. Returns its fault, if it has one.
///
/// # Errors
/// Stdout is closed.
pub fn dump(bytes: &[u8], kind: RecordKind, deep: bool) -> Result<Result<(), String>, Failure> {
    let (mut rest, mut position, mut fault) = (bytes, 0, None);
    if let Some(first) = BatchView::first(bytes) {
        screen::line(&format!("Log starting offset: {}", first.header.base_offset))?;
    }
    while let Some(batch) = BatchView::first(rest) {
        let is_valid = batch.crc_is_right();
        screen::line(&batch_line(&batch, position, is_valid))?;
        if !is_valid {
            fault = Some(format!("the batch at position {position} has a wrong CRC"));
        } else if deep && let Err(why) = each(&batch, kind)? {
            fault = Some(format!("the batch at position {position}: {why}"));
        }
        position += batch.bytes.len();
        rest = &rest[batch.bytes.len()..];
    }
    // A preallocated segment ends in zeros.
    if fault.is_none() && rest.iter().any(|byte| *byte != 0) {
        fault = Some(format!(
            "{} bytes after position {position} are not a complete batch",
            rest.len()
        ));
    }
    Ok(fault.map_or(Ok(()), Err))
}

fn codec_name(header: &Header) -> &'static str {
    match header.codec() {
        Some(Codec::None) => "none",
        Some(Codec::Gzip) => "gzip",
        Some(Codec::Snappy) => "snappy",
        Some(Codec::Lz4) => "lz4",
        Some(Codec::Zstd) => "zstd",
        None => "unknown",
    }
}

fn time_name(header: &Header) -> &'static str {
    if header.is_log_append_time() { "LogAppendTime" } else { "CreateTime" }
}

fn batch_line(batch: &BatchView<'_>, position: usize, is_valid: bool) -> String {
    let h = &batch.header;
    let last_sequence = if h.base_sequence < 0 { -1 } else { h.last_sequence() };
    format!(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {last_sequence} \
         producerId: {} producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: \
         {} position: {position} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: \
         {is_valid}",
        h.base_offset,
        h.last_offset(),
        h.records_count,
        h.base_sequence,
        h.producer_id,
        h.producer_epoch,
        h.partition_leader_epoch,
        h.is_transactional(),
        h.is_control(),
        time_name(h),
        h.max_timestamp,
        batch.bytes.len(),
        h.magic,
        codec_name(h),
        h.crc,
    )
}

/// Prints the records of a batch.
fn each(batch: &BatchView<'_>, kind: RecordKind) -> Result<Result<(), String>, Failure> {
    let all = match records(batch) {
        Ok(all) => all,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    for record in all {
        match record {
            Ok(record) => screen::line(&record_line(&batch.header, &record, kind))?,
            Err(fault) => return Ok(Err(fault.to_string())),
        }
    }
    Ok(Ok(()))
}

fn record_line(header: &Header, record: &Record, kind: RecordKind) -> String {
    let size = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(-1, |b| b.len() as i64);
    let delta = (record.offset - header.base_offset) as i32;
    let sequence =
        if header.base_sequence < 0 { -1 } else { sequence_after(header.base_sequence, delta) };
    let names: Vec<_> =
        record.headers.iter().map(|h| String::from_utf8_lossy(&h.name).into_owned()).collect();
    let mut line = format!(
        "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
        record.offset,
        time_name(header),
        record.timestamp,
        size(&record.key),
        size(&record.value),
        names.join(",")
    );
    line.push_str(&contents(header, record, kind));
    line
}

/// Returns the content of a record, if its kind is known.
fn contents(header: &Header, record: &Record, kind: RecordKind) -> String {
    if header.is_control() {
        let kind = record.key.as_ref().and_then(|key| Some((*key.get(2)?, *key.get(3)?)));
        let name = match kind {
            Some((0, 0)) => "ABORT",
            Some((0, 1)) => "COMMIT",
            Some((0, 2)) => "LEADER_CHANGE",
            Some((0, 3)) => "SNAPSHOT_HEADER",
            Some((0, 4)) => "SNAPSHOT_FOOTER",
            Some((0, 5)) => "KRAFT_VERSION",
            Some((0, 6)) => "KRAFT_VOTERS",
            _ => "unknown",
        };
        return format!(" endTxnMarker: {name}");
    }
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    match kind {
        RecordKind::Groups => {
            let decoded = groups::Record::decode(key.unwrap_or_default(), value);
            if let Ok(Some(known)) = decoded
                && !matches!(known, groups::Record::Unserved { .. })
            {
                return format!(" payload: {known:?}");
            }
        }
        RecordKind::Transactions => {
            let decoded = transactions::Record::decode(key.unwrap_or_default(), value);
            if let Ok(Some(known)) = decoded {
                return format!(" payload: {known:?}");
            }
        }
        RecordKind::Metadata => {
            if let Ok(known) =
                metadata::Record::decode(&Bytes::copy_from_slice(value.unwrap_or_default()))
            {
                return format!(" payload: {known:?}");
            }
        }
        RecordKind::Data => {}
    }
    let text = |bytes: Option<&[u8]>| {
        bytes.map_or("null".to_owned(), |b| String::from_utf8_lossy(b).into_owned())
    };
    let key = if key.is_some() { format!(" key: {}", text(key)) } else { String::new() };
    format!("{key} payload: {}", text(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch_builder::BatchBuilder;

    #[test]
    fn a_log_is_known_by_where_it_lies() {
        let kind = |path: &str| RecordKind::of(Path::new(path));
        assert_eq!(kind("/d/orders-0/00000000000000000000.log"), RecordKind::Data);
        assert_eq!(kind("/d/__consumer_offsets-0/0.log"), RecordKind::Groups);
        assert_eq!(kind("/d/__transaction_state-0/0.log"), RecordKind::Transactions);
        assert_eq!(kind("/d/__cluster_metadata-0/0.log"), RecordKind::Metadata);
        assert_eq!(kind("/d/bootstrap.checkpoint"), RecordKind::Metadata);
    }

    #[test]
    fn a_batch_and_a_record_are_lines_as_kafkas() {
        let mut builder = BatchBuilder::new(5, 1000).producer(7, 1, 3);
        builder.push(Some(b"k"), Some(b"v"), &[(b"h", None)], 1000);
        let bytes = builder.finish();
        let batch = BatchView::first(&bytes).unwrap();
        let line = batch_line(&batch, 0, true);
        assert!(
            line.starts_with(
                "baseOffset: 5 lastOffset: 5 count: 1 baseSequence: 3 lastSequence: 3 \
                 producerId: 7 producerEpoch: 1 partitionLeaderEpoch: 0 isTransactional: false \
                 isControl: false position: 0 CreateTime: 1000 size: "
            ),
            "{line}"
        );
        let record = records(&batch).unwrap().next().unwrap().unwrap();
        assert_eq!(
            record_line(&batch.header, &record, RecordKind::Data),
            "| offset: 5 CreateTime: 1000 keySize: 1 valueSize: 1 sequence: 3 headerKeys: [h] key: \
             k payload: v"
        );
    }
}
