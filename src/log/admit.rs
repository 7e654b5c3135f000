//! The checks that a client's batch must pass before it is appended.
//!
//! **Invariant:** a batch accepted by [`admit`] has a correct CRC, 1 to 2147483647 records with
//! offsets 0, 1, 2, …, sound framing to its last byte, and a known codec. All later code may rely
//! on that.
//!
//! The order of the checks is Kafka's (`ProduceRequest.validateRecords`, then
//! `UnifiedLog.analyzeAndValidateRecords`, then `LogValidator`), because the first check that fails
//! decides which error the client sees.
//!
//! In three places Ottla is stricter than Kafka, which no client notices: offsets inside a batch
//! must count up from 0 (Kafka renumbers compressed records, and stores wrong offsets of
//! uncompressed ones as they are), the only negative length is -1, and the client may never set the
//! append-time bit (Kafka clears it on a CreateTime topic if the time is in range).

use std::fmt;
use std::ops::ControlFlow;

use crate::config::choices::TimestampType;
use crate::config::resolve::TopicConfig;
use crate::storage::batch::{BatchView, Codec, HEADER_BYTES, MAGIC, PREFIX_BYTES};
use crate::storage::record_input::MalformedRecord;
use crate::storage::records::{MalformedRecordAt, walk};

/// The first Produce version that may carry zstd (KIP-110).
pub const ZSTD_FROM_VERSION: i16 = 7;
/// Maximum number of rejected records that are reported individually. The rest are only counted.
pub const RECORD_ERRORS_MAX: usize = 1000;

/// Bytes after the prefix of the smallest batch that any Kafka version ever wrote; a smaller length
/// is malformed, not truncated.
const LENGTH_MIN: i32 = 14;
/// Prefix, leader epoch and magic: the bytes that Kafka reads to find the format version.
const MAGIC_END: usize = 17;

/// The rules for batches, from the topic's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmitRules {
    /// `max.message.bytes`: the largest batch, prefix included.
    pub max_message_bytes: i32,
    /// `segment.bytes`: a batch must fit in one segment.
    pub segment_bytes: i32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a record may be behind the broker's clock.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a record may be ahead of the broker's clock.
    pub timestamp_after_max_ms: i64,
    /// `max.decompressed.message.bytes`: the largest record of a compressed batch.
    pub max_decompressed_message_bytes: i32,
    /// True if `cleanup.policy` has `compact`: every record needs a key.
    pub compacted: bool,
}

impl AdmitRules {
    /// Returns a topic's rules.
    pub fn of(config: &TopicConfig) -> AdmitRules {
        AdmitRules {
            max_message_bytes: config.max_message_bytes,
            segment_bytes: config.segment_bytes,
            timestamp_type: config.timestamp_type,
            timestamp_before_max_ms: config.timestamp_before_max_ms,
            timestamp_after_max_ms: config.timestamp_after_max_ms,
            max_decompressed_message_bytes: config.max_decompressed_message_bytes,
            compacted: config.cleanup.compact,
        }
    }
}

/// A batch that may be appended.
#[derive(Debug, Clone, Copy)]
pub struct Admitted<'a> {
    /// The batch as received.
    pub batch: BatchView<'a>,
    /// Its largest timestamp after the rewrite, ms since 1970.
    pub max_timestamp: i64,
    /// What must change before it is written.
    pub rewrite: Rewrite,
}

/// What must change in a batch before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// Nothing that the CRC covers.
    AsItCame,
    /// The header's maximum timestamp differs from the records'.
    MaxTimestamp,
    /// The topic uses the time of the append.
    LogAppendTime,
}

/// Why a batch may not be appended.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The request has no complete batch for the partition.
    #[error("there is no complete record batch")]
    NoBatch,
    /// A message set from before Kafka 0.11.
    #[error("record batches must have magic 2, but this one has {0}")]
    OldMagic(i8),
    /// A format that never existed.
    #[error("unknown record format: magic {0}")]
    UnknownMagic(i8),
    /// The length leaves no room for the fields that every batch has.
    #[error("invalid record batch length {0}")]
    Length(i32),
    /// zstd in a Produce version that predates it.
    #[error("zstd requires Produce version {ZSTD_FROM_VERSION}, but this is version {0}")]
    ZstdTooEarly(i16),
    /// A second batch follows.
    #[error("more than one record batch for one partition")]
    MoreThanOne,
    /// Clients must count offsets from 0.
    #[error("the batch's base offset must be 0, but it is {0}")]
    BaseOffset(i64),
    /// Larger than `max.message.bytes`.
    #[error("the batch has {bytes} bytes, but max.message.bytes is {limit}")]
    TooLarge {
        /// Size of the batch, prefix included.
        bytes: usize,
        /// `max.message.bytes`.
        limit: i32,
    },
    /// Larger than `max.message.bytes` after it was compressed with the topic's codec.
    #[error(
        "the batch exceeds max.message.bytes ({limit}) after it was compressed according to \
         compression.type"
    )]
    RepackedTooLarge {
        /// `max.message.bytes`.
        limit: i32,
    },
    /// Damaged in transit, or never correct.
    #[error("the batch's CRC is wrong: the header has {said:#010x}, computed is {real:#010x}")]
    Crc {
        /// In the header.
        said: u32,
        /// Computed.
        real: u32,
    },
    /// The last offset precedes the first.
    #[error("invalid last offset delta {0}")]
    OffsetRange(i32),
    /// The number of records is zero or negative.
    #[error("invalid record count {0}")]
    Count(i32),
    /// The last offset delta and the record count contradict each other.
    #[error(
        "the batch has a count of {count} records, but a last offset delta of {last_offset_delta}"
    )]
    CountAndRange {
        /// From the header.
        count: i32,
        /// From the header.
        last_offset_delta: i32,
    },
    /// Only brokers write control batches.
    #[error("clients may not write control batches")]
    Control,
    /// A producer id without a sequence number.
    #[error("producer {producer_id} sent a batch with sequence {sequence}")]
    Sequence {
        /// From the header.
        producer_id: i64,
        /// From the header.
        sequence: i32,
    },
    /// The attributes name no known codec, or the codec cannot read the payload.
    #[error("{0}")]
    Undecodable(MalformedRecordAt),
    /// The records' framing is wrong, or their number differs from the header's.
    #[error("{0}")]
    Framing(MalformedRecordAt),
    /// An offset inside the batch is not one more than the one before it.
    #[error("record {index} of the batch has offset delta {found}")]
    InnerOffset {
        /// The record's index, which its offset delta should equal.
        index: i32,
        /// Its offset delta.
        found: i32,
    },
    /// Individual records were rejected, and the batch with them.
    #[error("{0}")]
    Rejected(Rejections),
    /// Larger than `segment.bytes`.
    #[error("the batch has {bytes} bytes, but segment.bytes is {limit}")]
    ExceedsSegment {
        /// Size of the batch, prefix included.
        bytes: usize,
        /// `segment.bytes`.
        limit: i32,
    },
}

/// The classes of [`AdmitError`], one per error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmitErrorKind {
    /// Violates the rules for records.
    InvalidRecord,
    /// Damaged bytes; a retry may succeed.
    Corrupt,
    /// A codec that is not allowed in this request version.
    UnsupportedCompression,
    /// Over `max.message.bytes`.
    TooLarge,
    /// A timestamp that is out of range, or that the client may not set.
    InvalidTimestamp,
    /// Over `segment.bytes`.
    ExceedsSegment,
    /// Decompression failed. Kafka has no error code for it: its own exception reaches the client
    /// as UNKNOWN_SERVER_ERROR.
    Undecodable,
}

impl AdmitError {
    /// Returns the class of the error.
    pub fn kind(&self) -> AdmitErrorKind {
        match self {
            AdmitError::UnknownMagic(_) | AdmitError::Length(_) | AdmitError::Crc { .. } => {
                AdmitErrorKind::Corrupt
            }
            AdmitError::ZstdTooEarly(_) => AdmitErrorKind::UnsupportedCompression,
            AdmitError::TooLarge { .. } | AdmitError::RepackedTooLarge { .. } => {
                AdmitErrorKind::TooLarge
            }
            AdmitError::ExceedsSegment { .. } => AdmitErrorKind::ExceedsSegment,
            AdmitError::Undecodable(_) => AdmitErrorKind::Undecodable,
            AdmitError::Rejected(rejections) if rejections.by_timestamp => {
                AdmitErrorKind::InvalidTimestamp
            }
            AdmitError::NoBatch
            | AdmitError::OldMagic(_)
            | AdmitError::MoreThanOne
            | AdmitError::BaseOffset(_)
            | AdmitError::OffsetRange(_)
            | AdmitError::Count(_)
            | AdmitError::CountAndRange { .. }
            | AdmitError::Control
            | AdmitError::Sequence { .. }
            | AdmitError::Framing(_)
            | AdmitError::InnerOffset { .. }
            | AdmitError::Rejected(_) => AdmitErrorKind::InvalidRecord,
        }
    }

    /// Returns the rejected records, for Produce v8 and later (KIP-467); empty if the batch was
    /// rejected as a whole.
    pub fn record_errors(&self) -> &[RecordError] {
        match self {
            AdmitError::Rejected(rejections) => &rejections.errors,
            _ => &[],
        }
    }
}

/// The rejected records of a batch.
#[derive(Debug, Default)]
pub struct Rejections {
    /// The first [`RECORD_ERRORS_MAX`] of them.
    pub errors: Vec<RecordError>,
    /// Number of rejected records.
    pub count: usize,
    /// True if at least one was rejected for its timestamp; this decides the error code.
    pub by_timestamp: bool,
}

impl Rejections {
    fn push(&mut self, batch_index: i32, cause: Cause) {
        self.count += 1;
        self.by_timestamp |= !matches!(cause, Cause::NoKey);
        if self.errors.len() < RECORD_ERRORS_MAX {
            self.errors.push(RecordError { batch_index, cause });
        }
    }
}

impl fmt::Display for Rejections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the batch's records were rejected", self.count)?;
        for error in self.errors.iter().take(3) {
            write!(f, "; record {}: {}", error.batch_index, error.cause)?;
        }
        Ok(())
    }
}

/// One rejected record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError {
    /// Its index in the batch, from 0.
    pub batch_index: i32,
    /// The reason; its Display form is the message for the client.
    pub cause: Cause,
}

/// Why a record was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Compaction keeps the last record of each key, so a key is required.
    #[error("records in a compacted topic must have a key")]
    NoKey,
    /// Outside the range that the topic allows around the broker's clock.
    #[error("timestamp {timestamp} is not within [{earliest}, {latest}]")]
    Timestamp {
        /// The record's timestamp, ms since 1970.
        timestamp: i64,
        /// The earliest timestamp allowed now.
        earliest: i64,
        /// The latest timestamp allowed now.
        latest: i64,
    },
    /// The batch's attributes say LogAppendTime, which only a broker may set.
    #[error("producers may not set the timestamp type to LogAppendTime")]
    AppendTime,
}

/// Checks the batch of a Produce request for one partition, which [`only_batch`] has returned.
///
/// # Errors
/// The first rule that is violated. If individual records violate it, all of them are reported.
pub fn admit<'a>(
    batch: BatchView<'a>,
    rules: &AdmitRules,
    now_wall_ms: i64,
) -> Result<Admitted<'a>, AdmitError> {
    check_whole(&batch, rules)?;
    check_header(&batch)?;
    let max_timestamp = check_records(&batch, rules, now_wall_ms)?;
    if batch.bytes.len() > limit(rules.segment_bytes) {
        let (bytes, limit) = (batch.bytes.len(), rules.segment_bytes);
        return Err(AdmitError::ExceedsSegment { bytes, limit });
    }
    let (max_timestamp, rewrite) = match rules.timestamp_type {
        TimestampType::LogAppendTime => (now_wall_ms, Rewrite::LogAppendTime),
        TimestampType::CreateTime if max_timestamp == batch.header.max_timestamp => {
            (max_timestamp, Rewrite::AsItCame)
        }
        TimestampType::CreateTime => (max_timestamp, Rewrite::MaxTimestamp),
    };
    Ok(Admitted { batch, max_timestamp, rewrite })
}

/// Returns the one batch that a Produce request of this version must have for a partition, checking
/// its format. Kafka checks this before anything that depends on the topic. Like Kafka, ignores
/// bytes after the batch that are not a complete second batch.
///
/// # Errors
/// The first rule that is violated.
pub fn only_batch(records: &[u8], produce_version: i16) -> Result<BatchView<'_>, AdmitError> {
    let first = whole_batch(records)?.ok_or(AdmitError::NoBatch)?;
    let magic = first.get(MAGIC_END - 1).map_or(MAGIC, |b| *b as i8);
    if magic != MAGIC {
        return Err(AdmitError::OldMagic(magic));
    }
    // Kafka accepts a batch of magic 2 that is shorter than its own header until it computes the
    // CRC; nothing in it can be read before that, so the error is returned here.
    let length = first.len().saturating_sub(PREFIX_BYTES) as i32;
    let batch = BatchView::first(first).ok_or(AdmitError::Length(length))?;
    let zstd = batch.header.codec() == Some(Codec::Zstd);
    if zstd && produce_version < ZSTD_FROM_VERSION {
        return Err(AdmitError::ZstdTooEarly(produce_version));
    }
    let rest = records.get(first.len()..).unwrap_or_default();
    if whole_batch(rest)?.is_some() { Err(AdmitError::MoreThanOne) } else { Ok(batch) }
}

/// Returns the bytes of the batch at the start of `bytes`; `None` if it is incomplete.
fn whole_batch(bytes: &[u8]) -> Result<Option<&[u8]>, AdmitError> {
    let Some(length) = bytes.get(8..).and_then(|b| b.first_chunk()) else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    if length < LENGTH_MIN {
        return Err(AdmitError::Length(length));
    }
    match bytes.get(MAGIC_END - 1).map(|b| *b as i8) {
        None => return Ok(None),
        Some(magic) if !(0..=MAGIC).contains(&magic) => {
            return Err(AdmitError::UnknownMagic(magic));
        }
        Some(_) => {}
    }
    Ok(bytes.get(..limit(length) + PREFIX_BYTES))
}

/// Checks base offset, size and CRC.
fn check_whole(batch: &BatchView<'_>, rules: &AdmitRules) -> Result<(), AdmitError> {
    debug_assert!(batch.bytes.len() >= HEADER_BYTES);
    if batch.header.base_offset != 0 {
        return Err(AdmitError::BaseOffset(batch.header.base_offset));
    }
    if batch.bytes.len() > limit(rules.max_message_bytes) {
        let (bytes, limit) = (batch.bytes.len(), rules.max_message_bytes);
        return Err(AdmitError::TooLarge { bytes, limit });
    }
    let (said, real) = (batch.header.crc, batch.crc());
    if said == real { Ok(()) } else { Err(AdmitError::Crc { said, real }) }
}

/// Checks the header's fields about its records and its producer.
fn check_header(batch: &BatchView<'_>) -> Result<(), AdmitError> {
    let header = &batch.header;
    let (count, last_offset_delta) = (header.records_count, header.last_offset_delta);
    if last_offset_delta < 0 {
        return Err(AdmitError::OffsetRange(last_offset_delta));
    }
    if count <= 0 {
        return Err(AdmitError::Count(count));
    }
    if last_offset_delta != count - 1 {
        return Err(AdmitError::CountAndRange { count, last_offset_delta });
    }
    if header.is_control() {
        return Err(AdmitError::Control);
    }
    if header.is_idempotent() && header.base_sequence < 0 {
        let (producer_id, sequence) = (header.producer_id, header.base_sequence);
        return Err(AdmitError::Sequence { producer_id, sequence });
    }
    Ok(())
}

/// Checks framing, offsets, keys and timestamps of all records; returns the largest timestamp, or
/// -1 if there is none above that.
fn check_records(
    batch: &BatchView<'_>,
    rules: &AdmitRules,
    now_wall_ms: i64,
) -> Result<i64, AdmitError> {
    let earliest = now_wall_ms.saturating_sub(rules.timestamp_before_max_ms);
    let latest = now_wall_ms.saturating_add(rules.timestamp_after_max_ms);
    let in_range = match rules.timestamp_type {
        TimestampType::CreateTime => earliest..=latest,
        TimestampType::LogAppendTime => i64::MIN..=i64::MAX,
    };
    let append_time = batch.header.is_log_append_time();
    let mut max_timestamp = -1;
    let mut index = 0;
    let mut misplaced = None;
    let mut rejections = Rejections::default();
    let walked = walk(batch, rules.max_decompressed_message_bytes, |record| {
        let timestamp = record.timestamp;
        if record.offset_delta != index && misplaced.is_none() {
            misplaced = Some((index, record.offset_delta));
        }
        if rules.compacted && !record.has_key {
            rejections.push(index, Cause::NoKey);
        } else if append_time {
            rejections.push(index, Cause::AppendTime);
        } else if !in_range.contains(&timestamp) && timestamp != -1 {
            rejections.push(index, Cause::Timestamp { timestamp, earliest, latest });
        }
        max_timestamp = max_timestamp.max(timestamp);
        index += 1;
        ControlFlow::Continue(())
    });
    match walked {
        Ok(_) => {}
        Err(
            fault @ MalformedRecordAt {
                fault: MalformedRecord::UnknownCodec(_) | MalformedRecord::Undecodable(_),
                ..
            },
        ) => {
            return Err(AdmitError::Undecodable(fault));
        }
        Err(fault) => return Err(AdmitError::Framing(fault)),
    }
    if let Some((index, found)) = misplaced {
        return Err(AdmitError::InnerOffset { index, found });
    }
    if rejections.count > 0 { Err(AdmitError::Rejected(rejections)) } else { Ok(max_timestamp) }
}

/// Returns a limit in bytes; a negative one allows nothing.
fn limit(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests;
