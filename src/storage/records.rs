//! The records inside a batch.
//!
//! **Invariant:** no length is trusted before the bytes are there; whatever a batch claims, walking
//! it takes one small buffer in addition to the codec's memory.
//!
//! Every produced batch goes through [`walk`]. Uncompressed records are walked in place; compressed
//! ones pass through a buffer, and keys and values are skipped, not kept. [`records`] is for
//! readers inside the broker that need keys and values.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::storage::batch::{BatchView, Codec, Header};
use crate::storage::codec;
use crate::storage::record_input::{
    MalformedRecord, RECORD_BYTES_MAX, RecordInput, SliceInput, StreamInput, long_number, number,
};
use crate::types::Offset;

/// A fault in the records of a batch, and the index of the record.
#[derive(Debug, thiserror::Error)]
#[error("record {index} of the batch: {fault}")]
pub struct MalformedRecordAt {
    /// Index of the record in the batch, from 0.
    pub index: i32,
    /// The fault.
    pub fault: MalformedRecord,
}

/// The fields of a record that a walk reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead {
    /// Offset relative to the batch's base offset, as stored in the record.
    pub offset_delta: i32,
    /// Milliseconds since 1970: base timestamp plus delta, or the batch's append time.
    pub timestamp: i64,
    /// False for a null key.
    pub has_key: bool,
}

/// The result of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Number of records visited.
    pub records: i32,
    /// True if the batch was walked to its end, so that all of its framing is known to be correct;
    /// false if the visitor broke off.
    pub complete: bool,
}

/// Visits the records of a batch and checks their framing: every size lies within the batch, the
/// parts of each record add up to its size, there are as many records as the header counts, and
/// nothing follows them. No record of a compressed batch may have more than `record_bytes_max`
/// bytes (`max.decompressed.message.bytes`).
///
/// # Errors
/// The first fault. Records before it have been visited.
pub fn walk(
    batch: &BatchView<'_>,
    record_bytes_max: i32,
    visit: impl FnMut(RecordHead) -> ControlFlow<()>,
) -> Result<Walked, MalformedRecordAt> {
    match open(batch, record_bytes_max)? {
        Source::Here(mut slice) => walk_in(&mut slice, &batch.header, visit),
        Source::Unfolding(mut stream) => walk_in(stream.as_mut(), &batch.header, visit),
    }
}

fn walk_in<S: RecordInput>(
    input: &mut S,
    header: &Header,
    mut visit: impl FnMut(RecordHead) -> ControlFlow<()>,
) -> Result<Walked, MalformedRecordAt> {
    let times = Times::of(header);
    for index in 0..header.records_count {
        if let Some(glance) = input.peek() {
            let timestamp = times.at(glance.timestamp_delta);
            let (offset_delta, has_key) = (glance.offset_delta, glance.has_key);
            if visit(RecordHead { offset_delta, timestamp, has_key }).is_break() {
                return Ok(Walked { records: index + 1, complete: false });
            }
            continue;
        }
        let head = match head(input, times) {
            Ok(head) => head,
            Err(fault) => return Err(MalformedRecordAt { index, fault }),
        };
        if visit(head).is_break() {
            return Ok(Walked { records: index + 1, complete: false });
        }
    }
    ended(input, header)?;
    Ok(Walked { records: header.records_count, complete: true })
}

/// Checks that nothing follows the last record.
pub(crate) fn ended<S: RecordInput>(
    input: &mut S,
    header: &Header,
) -> Result<(), MalformedRecordAt> {
    let at = |fault| MalformedRecordAt { index: header.records_count, fault };
    if header.records_count < 0 {
        return Err(at(MalformedRecord::Size(header.records_count)));
    }
    if !input.is_at_end().map_err(at)? {
        return Err(at(MalformedRecord::LeftOver));
    }
    Ok(())
}

/// How the timestamps of a batch's records are determined.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    base: i64,
    append: Option<i64>,
}

impl Times {
    /// Reads the timestamp type and the base or append time from the batch's header.
    pub(crate) fn of(header: &Header) -> Times {
        let append = header.is_log_append_time().then_some(header.max_timestamp);
        Times { base: header.base_timestamp, append }
    }

    /// Returns the timestamp for a delta; the addition wraps as in Java.
    pub(crate) fn at(self, delta: i64) -> i64 {
        self.append.unwrap_or_else(|| self.base.wrapping_add(delta))
    }
}

/// Reads one record, skipping its key, value and headers.
#[inline]
fn head<S: RecordInput>(input: &mut S, times: Times) -> Result<RecordHead, MalformedRecord> {
    let mut body = Body::enter(input)?;
    let (timestamp, offset_delta) = body.start(times)?;
    let key = body.length()?;
    body.skip(key)?;
    let value = body.length()?;
    body.skip(value)?;
    let headers = body.header_count()?;
    for _ in 0..headers {
        let name = body.name_length()?;
        body.skip(Some(name))?;
        let value = body.length()?;
        body.skip(value)?;
    }
    body.leave()?;
    Ok(RecordHead { offset_delta, timestamp, has_key: key.is_some() })
}

/// The bytes of a record after its size.
pub(crate) struct Body<'i, S> {
    /// Where the record is read from.
    pub(crate) input: &'i mut S,
    size: i32,
    end: u64,
}

impl<'i, S: RecordInput> Body<'i, S> {
    #[inline]
    pub(crate) fn enter(input: &'i mut S) -> Result<Body<'i, S>, MalformedRecord> {
        let size = number(input)?;
        let end = input.position() + input.record_bytes(size)? as u64;
        Ok(Body { input, size, end })
    }

    /// Reads the attributes (unused), the timestamp and the offset delta.
    #[inline]
    pub(crate) fn start(&mut self, times: Times) -> Result<(i64, i32), MalformedRecord> {
        self.input.byte()?;
        let timestamp = times.at(long_number(self.input)?);
        Ok((timestamp, number(self.input)?))
    }

    /// Reads a length; -1 means null.
    #[inline]
    pub(crate) fn length(&mut self) -> Result<Option<usize>, MalformedRecord> {
        match number(self.input)? {
            -1 => Ok(None),
            length => self.fits(length).map(Some),
        }
    }

    /// Reads a length that cannot be null.
    #[inline]
    fn name_length(&mut self) -> Result<usize, MalformedRecord> {
        let length = number(self.input)?;
        self.fits(length)
    }

    #[inline]
    fn fits(&self, length: i32) -> Result<usize, MalformedRecord> {
        let left = self.end.saturating_sub(self.input.position());
        match usize::try_from(length) {
            Ok(bytes) if bytes as u64 <= left => Ok(bytes),
            _ => Err(MalformedRecord::Size(length)),
        }
    }

    /// Reads the number of headers. Each takes at least two bytes, but like Kafka this compares the
    /// count with the number of bytes left.
    #[inline]
    fn header_count(&mut self) -> Result<usize, MalformedRecord> {
        self.name_length()
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Result<i32, MalformedRecord> {
        number(self.input)
    }

    /// Returns the number of bytes left in the record.
    pub(crate) fn bytes_left(&self) -> Result<usize, MalformedRecord> {
        let left = self.end.checked_sub(self.input.position());
        left.map(|bytes| bytes as usize).ok_or(MalformedRecord::Sum(self.size))
    }

    /// Skips the rest of the record.
    pub(crate) fn skip_rest(self) -> Result<(), MalformedRecord> {
        let left = self.bytes_left()?;
        self.input.skip(left)
    }

    #[inline]
    fn skip(&mut self, length: Option<usize>) -> Result<(), MalformedRecord> {
        match length {
            Some(bytes) => self.input.skip(bytes),
            None => Ok(()),
        }
    }

    fn take(&mut self, length: Option<usize>) -> Result<Option<Bytes>, MalformedRecord> {
        length.map(|bytes| self.input.take(bytes)).transpose()
    }

    #[inline]
    fn leave(self) -> Result<(), MalformedRecord> {
        if self.input.position() == self.end {
            Ok(())
        } else {
            Err(MalformedRecord::Sum(self.size))
        }
    }
}

/// Where a batch's records are read from.
pub(crate) enum Source<'a> {
    /// Uncompressed, in place.
    Here(SliceInput<'a>),
    /// Compressed, through the codec.
    Unfolding(Box<StreamInput<'a>>),
}

pub(crate) fn open<'a>(
    batch: &BatchView<'a>,
    record_bytes_max: i32,
) -> Result<Source<'a>, MalformedRecordAt> {
    let first = |fault| MalformedRecordAt { index: 0, fault };
    match batch.header.codec() {
        None => Err(first(MalformedRecord::UnknownCodec(batch.header.attributes & 0x07))),
        Some(Codec::None) => Ok(Source::Here(SliceInput::new(batch.payload()))),
        Some(codec) => {
            let reader = codec::reader(codec, batch.payload())
                .map_err(|e| first(MalformedRecord::Undecodable(e)))?;
            Ok(Source::Unfolding(Box::new(StreamInput::new(reader, record_bytes_max))))
        }
    }
}

/// A whole record with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: Offset,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The key; a null key differs from an empty one.
    pub key: Option<Bytes>,
    /// The value; null is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in order; names may repeat.
    pub headers: Vec<RecordHeader>,
}

/// One header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    /// Its name. UTF-8 by convention only.
    pub name: Bytes,
    /// Its value.
    pub value: Option<Bytes>,
}

/// Iterator over the records of a batch, each in full. Ends after the first fault.
pub struct Records<'a> {
    source: Source<'a>,
    header: Header,
    next: i32,
}

/// Returns an iterator over the records of a batch.
///
/// # Errors
/// The codec is unknown or the payload does not begin as it requires; later faults are errors of
/// the iterator.
pub fn records<'a>(batch: &BatchView<'a>) -> Result<Records<'a>, MalformedRecordAt> {
    Ok(Records { source: open(batch, RECORD_BYTES_MAX)?, header: batch.header, next: 0 })
}

impl Iterator for Records<'_> {
    type Item = Result<Record, MalformedRecordAt>;

    fn next(&mut self) -> Option<Result<Record, MalformedRecordAt>> {
        let index = self.next;
        if index > self.header.records_count.max(0) {
            return None;
        }
        let read = if index == self.header.records_count.max(0) {
            let end = match &mut self.source {
                Source::Here(slice) => ended(slice, &self.header),
                Source::Unfolding(stream) => ended(stream.as_mut(), &self.header),
            };
            end.err().map(Err)
        } else {
            let record = match &mut self.source {
                Source::Here(slice) => whole(slice, &self.header),
                Source::Unfolding(stream) => whole(stream.as_mut(), &self.header),
            };
            Some(record.map_err(|fault| MalformedRecordAt { index, fault }))
        };
        self.next = if matches!(read, Some(Ok(_))) { index + 1 } else { i32::MAX };
        read
    }
}

fn whole<S: RecordInput>(input: &mut S, header: &Header) -> Result<Record, MalformedRecord> {
    let mut body = Body::enter(input)?;
    let (timestamp, offset_delta) = body.start(Times::of(header))?;
    let length = body.length()?;
    let key = body.take(length)?;
    let length = body.length()?;
    let value = body.take(length)?;
    let mut headers = Vec::new();
    for _ in 0..body.header_count()? {
        let length = body.name_length()?;
        let name = body.input.take(length)?;
        let length = body.length()?;
        headers.push(RecordHeader { name, value: body.take(length)? });
    }
    body.leave()?;
    let offset = header.base_offset.wrapping_add(i64::from(offset_delta));
    Ok(Record { offset, timestamp, key, value, headers })
}

/// The offset and timestamp of a record found by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampAndOffset {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp: i64,
}

/// Returns the batch's first record with at least this timestamp whose offset is `from` or later.
/// `record_bytes_max` is that of [`walk`].
///
/// # Errors
/// A fault before that record.
pub fn first_at_or_after(
    batch: &BatchView<'_>,
    timestamp: i64,
    from: Offset,
    record_bytes_max: i32,
) -> Result<Option<TimestampAndOffset>, MalformedRecordAt> {
    let mut found = None;
    walk(batch, record_bytes_max, |record| {
        let offset = batch.header.base_offset.wrapping_add(i64::from(record.offset_delta));
        if record.timestamp < timestamp || offset < from {
            return ControlFlow::Continue(());
        }
        found = Some(TimestampAndOffset { offset, timestamp: record.timestamp });
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Returns the batch's first record that has the batch's largest timestamp; `None` if there are no
/// records. `record_bytes_max` is that of [`walk`].
///
/// # Errors
/// A fault anywhere in the batch.
pub fn first_with_max_timestamp(
    batch: &BatchView<'_>,
    record_bytes_max: i32,
) -> Result<Option<TimestampAndOffset>, MalformedRecordAt> {
    let mut found: Option<TimestampAndOffset> = None;
    walk(batch, record_bytes_max, |record| {
        if found.is_none_or(|f| record.timestamp > f.timestamp) {
            let offset = batch.header.base_offset.wrapping_add(i64::from(record.offset_delta));
            found = Some(TimestampAndOffset { offset, timestamp: record.timestamp });
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
