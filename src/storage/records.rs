//! The records inside a batch.
//!
//! **Invariant:** nothing here believes a length before the bytes are there; whatever a batch
//! claims, walking it holds one small buffer beside what its codec holds.
//!
//! [`walk`] is on the way of every produced batch. Uncompressed records are walked where they
//! lie; compressed ones pass through a buffer, and keys and values are skipped, not kept.
//! [`records`] is for readers inside the broker, who want keys and values.

use std::io::{self, Read};
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::storage::batch::{BatchView, Codec, Header};
use crate::storage::codec::{self, Reader};
use crate::types::Offset;

/// The most bytes that one batch may unfold to. No client could hold more in one array, and a
/// batch of a megabyte that claims more is made to keep a processor busy.
pub const UNFOLDED_BYTES_MAX: u64 = i32::MAX as u64;

const BUFFER_BYTES: usize = 16 * 1024;

/// What is wrong with the inside of a batch, and at which record.
#[derive(Debug, thiserror::Error)]
#[error("record {index} of the batch: {fault}")]
pub struct RecordFault {
    /// The record's place in the batch, from 0.
    pub index: i32,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a record. Sizes and counts are as Kafka's `DefaultRecord` demands them.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The batch's attributes name none of the codecs.
    #[error("compressed with codec {0}, which does not exist")]
    UnknownCodec(i16),
    /// The codec could not go on.
    #[error("cannot be decompressed: {0}")]
    Undecodable(io::Error),
    /// More than [`UNFOLDED_BYTES_MAX`] bytes came out of the codec.
    #[error("the batch unfolds to more than {UNFOLDED_BYTES_MAX} bytes")]
    TooMuch,
    /// The batch ends before the record does.
    #[error("the batch ends in the middle of it")]
    Cut,
    /// A variable-length number goes on for too long.
    #[error("a number is longer than it may be")]
    Number,
    /// A size or a count is negative where it may not be, or larger than what is left.
    #[error("a size or count of {0} cannot be true")]
    Size(i32),
    /// The record says that it has so many bytes; its parts have another number.
    #[error("its parts do not add up to its size of {0} bytes")]
    Sum(i32),
    /// The header says how many records there are, and something follows the last of them.
    #[error("bytes follow the last record")]
    LeftOver,
}

/// What a walk sees of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead {
    /// Offset less the batch's base offset, as the record has it.
    pub offset_delta: i32,
    /// Milliseconds since 1970: base timestamp and delta, or the batch's append time.
    pub timestamp: i64,
    /// False for a null key.
    pub has_key: bool,
}

/// How far a walk went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Records seen.
    pub records: i32,
    /// True if the batch was walked to its end, so that all of its framing is known to be right;
    /// false if the visitor broke off.
    pub complete: bool,
}

/// Visit the records of a batch, checking their framing: every size within the batch, the parts
/// of each record adding up to its size, as many records as the header counts, nothing after
/// them.
///
/// # Errors
/// The first fault. Records before it have been visited.
pub fn walk(
    batch: &BatchView<'_>,
    visit: impl FnMut(RecordHead) -> ControlFlow<()>,
) -> Result<Walked, RecordFault> {
    match open(batch)? {
        Source::Here(mut slice) => walk_in(&mut slice, &batch.header, visit),
        Source::Unfolding(mut stream) => walk_in(stream.as_mut(), &batch.header, visit),
    }
}

fn walk_in<S: Input>(
    input: &mut S,
    header: &Header,
    mut visit: impl FnMut(RecordHead) -> ControlFlow<()>,
) -> Result<Walked, RecordFault> {
    let times = Times::of(header);
    for index in 0..header.records_count {
        let head = match head(input, times) {
            Ok(head) => head,
            Err(fault) => return Err(RecordFault { index, fault }),
        };
        if visit(head).is_break() {
            return Ok(Walked { records: index + 1, complete: false });
        }
    }
    ended(input, header)?;
    Ok(Walked { records: header.records_count, complete: true })
}

/// After the last record there must be nothing.
fn ended<S: Input>(input: &mut S, header: &Header) -> Result<(), RecordFault> {
    let at = |fault| RecordFault { index: header.records_count, fault };
    if header.records_count < 0 {
        return Err(at(Fault::Size(header.records_count)));
    }
    if !input.is_at_end().map_err(at)? {
        return Err(at(Fault::LeftOver));
    }
    Ok(())
}

/// How a batch's records come by their timestamps.
#[derive(Clone, Copy)]
struct Times {
    base: i64,
    append: Option<i64>,
}

impl Times {
    fn of(header: &Header) -> Times {
        let append = header.is_log_append_time().then_some(header.max_timestamp);
        Times { base: header.base_timestamp, append }
    }

    /// Java's addition, which wraps.
    fn at(self, delta: i64) -> i64 {
        self.append.unwrap_or_else(|| self.base.wrapping_add(delta))
    }
}

/// One record, its key, value and headers passed over.
#[inline]
fn head<S: Input>(input: &mut S, times: Times) -> Result<RecordHead, Fault> {
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

/// The bytes between a record's size and its end.
struct Body<'i, S> {
    input: &'i mut S,
    size: i32,
    end: u64,
}

impl<'i, S: Input> Body<'i, S> {
    #[inline]
    fn enter(input: &'i mut S) -> Result<Body<'i, S>, Fault> {
        let size = number(input)?;
        let bytes = usize::try_from(size).map_err(|_| Fault::Size(size))?;
        if !input.may_hold(bytes) {
            return Err(Fault::Size(size));
        }
        let end = input.position() + bytes as u64;
        Ok(Body { input, size, end })
    }

    /// Attributes (which nobody uses), timestamp and offset delta.
    #[inline]
    fn start(&mut self, times: Times) -> Result<(i64, i32), Fault> {
        self.input.byte()?;
        let timestamp = times.at(long_number(self.input)?);
        Ok((timestamp, number(self.input)?))
    }

    /// A length of which -1 means null.
    #[inline]
    fn length(&mut self) -> Result<Option<usize>, Fault> {
        match number(self.input)? {
            -1 => Ok(None),
            length => self.fits(length).map(Some),
        }
    }

    /// A length that cannot be null.
    #[inline]
    fn name_length(&mut self) -> Result<usize, Fault> {
        let length = number(self.input)?;
        self.fits(length)
    }

    #[inline]
    fn fits(&self, length: i32) -> Result<usize, Fault> {
        let left = self.end.saturating_sub(self.input.position());
        match usize::try_from(length) {
            Ok(bytes) if bytes as u64 <= left => Ok(bytes),
            _ => Err(Fault::Size(length)),
        }
    }

    /// How many headers follow. Each takes two bytes at least, but Kafka holds the count against
    /// the bytes, and so do we.
    #[inline]
    fn header_count(&mut self) -> Result<usize, Fault> {
        self.name_length()
    }

    #[inline]
    fn skip(&mut self, length: Option<usize>) -> Result<(), Fault> {
        match length {
            Some(bytes) => self.input.skip(bytes),
            None => Ok(()),
        }
    }

    fn take(&mut self, length: Option<usize>) -> Result<Option<Bytes>, Fault> {
        length.map(|bytes| self.input.take(bytes)).transpose()
    }

    #[inline]
    fn leave(self) -> Result<(), Fault> {
        if self.input.position() == self.end { Ok(()) } else { Err(Fault::Sum(self.size)) }
    }
}

/// Where records are read from.
trait Input {
    /// The next byte.
    fn byte(&mut self) -> Result<u8, Fault>;
    /// Pass over so many bytes.
    fn skip(&mut self, bytes: usize) -> Result<(), Fault>;
    /// So many bytes, kept.
    fn take(&mut self, bytes: usize) -> Result<Bytes, Fault>;
    /// How many bytes have been read or passed.
    fn position(&self) -> u64;
    /// False if it is certain that fewer bytes are left.
    fn may_hold(&self, bytes: usize) -> bool;
    /// True if nothing is left.
    fn is_at_end(&mut self) -> Result<bool, Fault>;
}

/// Records that lie uncompressed in memory.
struct Slice<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input for Slice<'_> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn skip(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > self.bytes.len() - self.at {
            return Err(Fault::Cut);
        }
        self.at += bytes;
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Bytes, Fault> {
        let from = self.at;
        self.skip(bytes)?;
        self.bytes.get(from..self.at).map(Bytes::copy_from_slice).ok_or(Fault::Cut)
    }

    #[inline(always)]
    fn position(&self) -> u64 {
        self.at as u64
    }

    #[inline(always)]
    fn may_hold(&self, bytes: usize) -> bool {
        bytes <= self.bytes.len() - self.at
    }

    fn is_at_end(&mut self) -> Result<bool, Fault> {
        Ok(self.at == self.bytes.len())
    }
}

/// Records on their way out of a codec, through one buffer.
struct Stream<'a> {
    reader: Reader<'a>,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    passed: u64,
}

impl<'a> Stream<'a> {
    fn new(reader: Reader<'a>) -> Stream<'a> {
        Stream { reader, buffer: vec![0; BUFFER_BYTES], at: 0, filled: 0, passed: 0 }
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.at..self.filled).unwrap_or_default()
    }

    /// Fill the empty buffer; false at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool, Fault> {
        self.passed += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        self.filled = self.reader.read(&mut self.buffer).map_err(Fault::Undecodable)?;
        if self.passed + self.filled as u64 > UNFOLDED_BYTES_MAX {
            return Err(Fault::TooMuch);
        }
        Ok(self.filled > 0)
    }

    /// Make sure that something is in the buffer.
    #[inline]
    fn need(&mut self) -> Result<(), Fault> {
        if self.at == self.filled && !self.fill()? { Err(Fault::Cut) } else { Ok(()) }
    }
}

impl Input for Stream<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        self.need()?;
        let byte = *self.buffer.get(self.at).ok_or(Fault::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn skip(&mut self, bytes: usize) -> Result<(), Fault> {
        let mut left = bytes;
        while left > 0 {
            self.need()?;
            let step = left.min(self.filled - self.at);
            self.at += step;
            left -= step;
        }
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Bytes, Fault> {
        // Memory grows with what has come, not with what was announced.
        let mut taken = Vec::with_capacity(bytes.min(BUFFER_BYTES));
        while taken.len() < bytes {
            self.need()?;
            let step = (bytes - taken.len()).min(self.filled - self.at);
            taken.extend(self.buffered().iter().take(step));
            self.at += step;
        }
        Ok(taken.into())
    }

    #[inline]
    fn position(&self) -> u64 {
        self.passed + self.at as u64
    }

    fn may_hold(&self, _: usize) -> bool {
        true
    }

    fn is_at_end(&mut self) -> Result<bool, Fault> {
        Ok(self.at == self.filled && !self.fill()?)
    }
}

enum Source<'a> {
    Here(Slice<'a>),
    Unfolding(Box<Stream<'a>>),
}

fn open<'a>(batch: &BatchView<'a>) -> Result<Source<'a>, RecordFault> {
    let first = |fault| RecordFault { index: 0, fault };
    match batch.header.codec() {
        None => Err(first(Fault::UnknownCodec(batch.header.attributes & 0x07))),
        Some(Codec::None) => Ok(Source::Here(Slice { bytes: batch.payload(), at: 0 })),
        Some(codec) => {
            let reader =
                codec::reader(codec, batch.payload()).map_err(|e| first(Fault::Undecodable(e)))?;
            Ok(Source::Unfolding(Box::new(Stream::new(reader))))
        }
    }
}

/// A zigzag varint of at most five bytes. Nearly all have one or two.
#[inline(always)]
fn number<S: Input>(input: &mut S) -> Result<i32, Fault> {
    let first = u32::from(input.byte()?);
    if first < 0x80 {
        return Ok(unzigzag(first));
    }
    let second = u32::from(input.byte()?);
    let low = (first & 0x7f) | (second & 0x7f) << 7;
    if second < 0x80 { Ok(unzigzag(low)) } else { longer_number(input, low) }
}

#[cold]
fn longer_number<S: Input>(input: &mut S, low: u32) -> Result<i32, Fault> {
    let mut value = low;
    for shift in [14, 21, 28] {
        let byte = u32::from(input.byte()?);
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(unzigzag(value));
        }
    }
    Err(Fault::Number)
}

fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// A zigzag varint of at most ten bytes.
#[inline(always)]
fn long_number<S: Input>(input: &mut S) -> Result<i64, Fault> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = u64::from(input.byte()?);
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(Fault::Number)
}

/// A whole record, its bytes kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it lies in the partition.
    pub offset: Offset,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The key; null is not empty.
    pub key: Option<Bytes>,
    /// The value; null is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// The headers, in their order; names may repeat.
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

/// The records of a batch, whole and one by one. Ends after the first fault.
pub struct Records<'a> {
    source: Source<'a>,
    header: Header,
    next: i32,
}

/// Read the records of a batch.
///
/// # Errors
/// The codec is unknown or its payload does not begin as it should; everything later is an error
/// of the iterator.
pub fn records<'a>(batch: &BatchView<'a>) -> Result<Records<'a>, RecordFault> {
    Ok(Records { source: open(batch)?, header: batch.header, next: 0 })
}

impl Iterator for Records<'_> {
    type Item = Result<Record, RecordFault>;

    fn next(&mut self) -> Option<Result<Record, RecordFault>> {
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
            Some(record.map_err(|fault| RecordFault { index, fault }))
        };
        self.next = if matches!(read, Some(Ok(_))) { index + 1 } else { i32::MAX };
        read
    }
}

fn whole<S: Input>(input: &mut S, header: &Header) -> Result<Record, Fault> {
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

/// A record that was looked for by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp: i64,
}

/// The batch's first record at or after `timestamp` whose offset is `from` or later.
///
/// # Errors
/// A fault before that record.
pub fn first_at_or_after(
    batch: &BatchView<'_>,
    timestamp: i64,
    from: Offset,
) -> Result<Option<Found>, RecordFault> {
    let mut found = None;
    walk(batch, |record| {
        let offset = batch.header.base_offset.wrapping_add(i64::from(record.offset_delta));
        if record.timestamp < timestamp || offset < from {
            return ControlFlow::Continue(());
        }
        found = Some(Found { offset, timestamp: record.timestamp });
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The batch's first record that carries the batch's largest timestamp; `None` if there are no
/// records.
///
/// # Errors
/// A fault anywhere in the batch.
pub fn first_with_max_timestamp(batch: &BatchView<'_>) -> Result<Option<Found>, RecordFault> {
    let mut found: Option<Found> = None;
    walk(batch, |record| {
        if found.is_none_or(|f| record.timestamp > f.timestamp) {
            let offset = batch.header.base_offset.wrapping_add(i64::from(record.offset_delta));
            found = Some(Found { offset, timestamp: record.timestamp });
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
