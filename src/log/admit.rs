//! What a client's batch must satisfy before it may be appended.
//!
//! **Invariant:** a batch that comes out of [`admit`] has a right CRC, one to 2147483647 records
//! with offsets 0, 1, 2, …, sound framing to its last byte, and a codec that exists. Everything
//! behind it may rely on that.
//!
//! The order of the checks is Kafka's (`ProduceRequest.validateRecords`, then
//! `UnifiedLog.analyzeAndValidateRecords`, then `LogValidator`), because the first that fails
//! decides which error the client sees.
//!
//! In three places Ottla is stricter than Kafka, which no client notices: offsets inside a batch
//! must count up from 0 (Kafka numbers compressed records anew, and keeps uncompressed ones as
//! wrong as they came), the only negative length is -1, and the client may never set the
//! append-time bit (Kafka clears it on a CreateTime topic if the time is in range).

use std::fmt;
use std::ops::ControlFlow;

use crate::config::resolve::{TimestampType, TopicConfig};
use crate::storage::batch::{BatchView, Codec, HEADER_BYTES, MAGIC, PREFIX_BYTES};
use crate::storage::record_input::MalformedRecord;
use crate::storage::records::{MalformedRecordAt, walk};

/// The first Produce version that may carry zstd (KIP-110).
pub const ZSTD_FROM_VERSION: i16 = 7;
/// How many rejected records are told one by one. The rest are only counted.
pub const RECORD_ERRORS_MAX: usize = 1000;

/// The bytes after the prefix of the smallest batch that any Kafka ever wrote; what is shorter is
/// not cut off, but broken.
const LENGTH_MIN: i32 = 14;
/// Prefix, leader epoch and magic: what Kafka reads before it knows what it has before it.
const MAGIC_END: usize = 17;

/// What the topic and the request say about batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmitRules {
    /// `max.message.bytes`: the largest batch, prefix included.
    pub max_message_bytes: i32,
    /// `segment.bytes`: a batch must fit into one segment.
    pub segment_bytes: i32,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how much older than now a record may be.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how much younger than now a record may be.
    pub timestamp_after_max_ms: i64,
    /// True if `cleanup.policy` has `compact`: every record needs a key.
    pub compacted: bool,
    /// The version of the Produce request.
    pub produce_version: i16,
}

impl AdmitRules {
    /// Returns the rules of a topic for a request of this version.
    pub fn of(config: &TopicConfig, produce_version: i16) -> AdmitRules {
        AdmitRules {
            max_message_bytes: config.max_message_bytes,
            segment_bytes: config.segment_bytes,
            timestamp_type: config.timestamp_type,
            timestamp_before_max_ms: config.timestamp_before_max_ms,
            timestamp_after_max_ms: config.timestamp_after_max_ms,
            compacted: config.cleanup.compact,
            produce_version,
        }
    }
}

/// A batch that may be appended.
#[derive(Debug, Clone, Copy)]
pub struct Admitted<'a> {
    /// The batch as it came.
    pub batch: BatchView<'a>,
    /// The largest timestamp that it has once it is rewritten, ms since 1970.
    pub max_timestamp: i64,
    /// What must change before it is written.
    pub rewrite: Rewrite,
}

/// What must change in a batch before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// Nothing under the CRC.
    AsItCame,
    /// The header's maximum timestamp is not the records'.
    MaxTimestamp,
    /// The topic wants the time of the append.
    LogAppendTime,
}

/// Why a batch may not be appended.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The request carries no whole batch for the partition.
    #[error("there is no whole record batch")]
    NoBatch,
    /// A message set of before Kafka 0.11.
    #[error("record batches must have magic 2, this one has {0}")]
    OldMagic(i8),
    /// No format that ever was.
    #[error("there is no record format with magic {0}")]
    UnknownMagic(i8),
    /// A length that leaves no room for what every batch has.
    #[error("a record batch cannot have a length of {0}")]
    Length(i32),
    /// zstd, from a client that cannot know whether its readers understand it.
    #[error("zstd needs Produce version {ZSTD_FROM_VERSION}, this is version {0}")]
    ZstdTooEarly(i16),
    /// A second batch follows.
    #[error("more than one record batch for one partition")]
    MoreThanOne,
    /// Clients count from 0.
    #[error("the batch's base offset must be 0, it is {0}")]
    BaseOffset(i64),
    /// Larger than `max.message.bytes`.
    #[error("the batch has {bytes} bytes, max.message.bytes allows {limit}")]
    TooLarge {
        /// The batch, prefix included.
        bytes: usize,
        /// `max.message.bytes`.
        limit: i32,
    },
    /// Larger than `max.message.bytes` once it is in the topic's codec.
    #[error(
        "the batch is larger than max.message.bytes allows ({limit}) once it is as \
         compression.type wants it"
    )]
    RepackedTooLarge {
        /// `max.message.bytes`.
        limit: i32,
    },
    /// Damaged on its way, or never right.
    #[error("the batch's CRC is wrong: it says {said:#010x}, its bytes give {real:#010x}")]
    Crc {
        /// In the header.
        said: u32,
        /// Computed.
        real: u32,
    },
    /// The last offset lies before the first.
    #[error("the batch's last offset delta cannot be {0}")]
    OffsetRange(i32),
    /// No records, or fewer.
    #[error("the batch cannot have {0} records")]
    Count(i32),
    /// Last offset delta and count contradict each other.
    #[error("the batch counts {count} records but its last offset delta is {last_offset_delta}")]
    CountAndRange {
        /// From the header.
        count: i32,
        /// From the header.
        last_offset_delta: i32,
    },
    /// Markers are the broker's own.
    #[error("clients may not write control batches")]
    Control,
    /// A producer id without a sequence.
    #[error("producer {producer_id} sent a batch with sequence {sequence}")]
    Sequence {
        /// From the header.
        producer_id: i64,
        /// From the header.
        sequence: i32,
    },
    /// The attributes name no codec, or it cannot make sense of the payload.
    #[error("{0}")]
    Undecodable(MalformedRecordAt),
    /// The records are not framed as they should be, or not as many as the header says.
    #[error("{0}")]
    Framing(MalformedRecordAt),
    /// An offset inside the batch is not the one before it and one more.
    #[error("record {index} of the batch has offset delta {found}")]
    InnerOffset {
        /// The record's place, which is what its delta should be.
        index: i32,
        /// What it is.
        found: i32,
    },
    /// Single records were rejected, and with them the batch.
    #[error("{0}")]
    Rejected(Rejections),
    /// Larger than `segment.bytes`.
    #[error("the batch has {bytes} bytes, segment.bytes allows {limit}")]
    ExceedsSegment {
        /// The batch, prefix included.
        bytes: usize,
        /// `segment.bytes`.
        limit: i32,
    },
}

/// The families of [`AdmitError`], one for each answer that a client can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmitErrorKind {
    /// Against the rules for records.
    InvalidRecord,
    /// Damaged bytes; sending them again may help.
    Corrupt,
    /// A codec that this request's version may not use.
    UnsupportedCompression,
    /// Over `max.message.bytes`.
    TooLarge,
    /// A timestamp out of range, or not the client's to set.
    InvalidTimestamp,
    /// Over `segment.bytes`.
    ExceedsSegment,
    /// The codec failed. Kafka has no code for it: its own exception reaches the client as
    /// UNKNOWN_SERVER_ERROR.
    Undecodable,
}

impl AdmitError {
    /// Which answer this is.
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

    /// Returns the records at fault, for Produce v8 and later (KIP-467); empty if it is the whole
    /// batch.
    pub fn record_errors(&self) -> &[RecordError] {
        match self {
            AdmitError::Rejected(rejections) => &rejections.errors,
            _ => &[],
        }
    }
}

/// The records of a batch that were rejected.
#[derive(Debug, Default)]
pub struct Rejections {
    /// The first [`RECORD_ERRORS_MAX`] of them.
    pub errors: Vec<RecordError>,
    /// How many there are.
    pub count: usize,
    /// True if at least one was rejected for its timestamp; that decides the answer.
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
    /// Its place in the batch, from 0.
    pub batch_index: i32,
    /// Why; its Display is the message for the client.
    pub cause: Cause,
}

/// Why a record was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Compaction keeps the last record of each key, so there must be one.
    #[error("a compacted topic takes no record without a key")]
    NoKey,
    /// Outside what the topic allows round the broker's clock.
    #[error("timestamp {timestamp} is not within [{earliest}, {latest}]")]
    Timestamp {
        /// The record's, ms since 1970.
        timestamp: i64,
        /// The earliest that is allowed now.
        earliest: i64,
        /// The latest that is allowed now.
        latest: i64,
    },
    /// The batch's attributes say LogAppendTime, which only a broker may.
    #[error("producers may not set the timestamp type to LogAppendTime")]
    AppendTime,
}

/// Checks what a Produce request brings for one partition.
///
/// Bytes after the batch that make no whole second batch are not looked at, as in Kafka.
///
/// # Errors
/// The first rule that is broken. If single records are, all of them are told.
pub fn admit<'a>(
    records: &'a [u8],
    rules: &AdmitRules,
    now_wall_ms: i64,
) -> Result<Admitted<'a>, AdmitError> {
    let batch = only_batch(records, rules.produce_version)?;
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

/// What a Produce request of this version must bring for a partition: exactly one batch, of today's
/// format. Kafka looks at it before anything of the topic.
///
/// # Errors
/// The first rule that is broken.
pub fn only_batch(records: &[u8], produce_version: i16) -> Result<BatchView<'_>, AdmitError> {
    let first = whole_batch(records)?.ok_or(AdmitError::NoBatch)?;
    let magic = first.get(MAGIC_END - 1).map_or(MAGIC, |b| *b as i8);
    if magic != MAGIC {
        return Err(AdmitError::OldMagic(magic));
    }
    // A batch of magic 2 that is shorter than its own header passes as one until its CRC is
    // wanted; nothing of it can be read before that, so it is told here.
    let length = first.len().saturating_sub(PREFIX_BYTES) as i32;
    let batch = BatchView::first(first).ok_or(AdmitError::Length(length))?;
    let zstd = batch.header.codec() == Some(Codec::Zstd);
    if zstd && produce_version < ZSTD_FROM_VERSION {
        return Err(AdmitError::ZstdTooEarly(produce_version));
    }
    let rest = records.get(first.len()..).unwrap_or_default();
    if whole_batch(rest)?.is_some() { Err(AdmitError::MoreThanOne) } else { Ok(batch) }
}

/// Returns the bytes of the batch that starts here, as far as its length can be believed; `None` if
/// they are not all there.
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

/// Base offset, size and CRC.
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

/// What the header says about its records and its producer.
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

/// Framing, offsets, keys and timestamps of all records; returns the largest timestamp, or -1 if
/// none is later.
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
    let walked = walk(batch, |record| {
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
