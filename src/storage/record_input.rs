//! The input of a record parser: a slice, or a codec's stream through one buffer.
//!
//! **Invariant:** memory grows with the bytes received so far, never with a length that they claim.

use std::io::{self, Read, Write};

use bytes::Bytes;

use crate::storage::codec::Decompressor;

/// The most bytes that one batch may decompress to. No client could hold more in one array, and a
/// batch of a megabyte that claims more is made to waste CPU time.
pub const UNFOLDED_BYTES_MAX: u64 = i32::MAX as u64;

/// The largest record of a compressed batch that can be allowed: the longest array of a Java client
/// (`max.decompressed.message.bytes`).
pub const RECORD_BYTES_MAX: i32 = i32::MAX - 8;

const BUFFER_BYTES: usize = 16 * 1024;

/// What is wrong with a record. Sizes and counts must satisfy the rules of Kafka's `DefaultRecord`.
#[derive(Debug, thiserror::Error)]
pub enum MalformedRecord {
    /// The batch's attributes name no known codec.
    #[error("compressed with the unknown codec {0}")]
    UnknownCodec(i16),
    /// Decompression failed.
    #[error("cannot be decompressed: {0}")]
    Undecodable(io::Error),
    /// More than [`UNFOLDED_BYTES_MAX`] bytes came out of the codec.
    #[error("the batch decompresses to more than {UNFOLDED_BYTES_MAX} bytes")]
    TooMuch,
    /// Writing the records to be kept failed.
    #[error("cannot be written: {0}")]
    Unwritable(io::Error),
    /// The batch ends before the record does.
    #[error("the batch ends in the middle of it")]
    Cut,
    /// A variable-length number has too many bytes.
    #[error("a variable-length number is too long")]
    Number,
    /// A size or a count is negative where it must not be, or exceeds the bytes left.
    #[error("invalid size or count {0}")]
    Size(i32),
    /// A record of a compressed batch is larger than is allowed.
    #[error("its {bytes} bytes exceed max.decompressed.message.bytes ({limit})")]
    TooLarge {
        /// Its size, without the bytes of the size itself.
        bytes: i32,
        /// The size that is allowed.
        limit: i32,
    },
    /// The parts of the record do not add up to its size.
    #[error("its parts do not add up to its size of {0} bytes")]
    Sum(i32),
    /// Bytes follow the last of the records that the header counts.
    #[error("bytes follow the last record")]
    LeftOver,
}

/// The input that records are read from.
pub trait RecordInput {
    /// Reads the next byte.
    fn byte(&mut self) -> Result<u8, MalformedRecord>;
    /// Skips `bytes` bytes.
    fn skip(&mut self, bytes: usize) -> Result<(), MalformedRecord>;
    /// Reads and keeps `bytes` bytes.
    fn take(&mut self, bytes: usize) -> Result<Bytes, MalformedRecord>;
    /// Copies `bytes` bytes to `out`.
    fn copy(
        &mut self,
        bytes: usize,
        out: &mut (impl Write + ?Sized),
    ) -> Result<(), MalformedRecord>;
    /// Returns the number of bytes read or skipped.
    fn position(&self) -> u64;
    /// Converts the size of a record, unless it cannot be right or is not allowed.
    fn record_bytes(&self, size: i32) -> Result<usize, MalformedRecord>;
    /// Returns true if no bytes are left.
    fn is_at_end(&mut self) -> Result<bool, MalformedRecord>;
    /// Parses the whole next record in one step if it is of the common form: short numbers, no
    /// headers. `None` says nothing about the record, and leaves it unread.
    fn peek(&mut self) -> Option<Peeked>;
}

/// The fields of a record parsed by [`RecordInput::peek`].
#[derive(Debug, Clone, Copy)]
pub struct Peeked {
    /// Timestamp relative to the batch's base timestamp.
    pub timestamp_delta: i64,
    /// Offset relative to the batch's base offset.
    pub offset_delta: i32,
    /// False for a null key.
    pub has_key: bool,
}

/// Uncompressed records in memory.
pub struct SliceInput<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> SliceInput<'a> {
    /// Returns the records in `bytes`.
    pub fn new(bytes: &'a [u8]) -> SliceInput<'a> {
        SliceInput { bytes, at: 0 }
    }
}

impl RecordInput for SliceInput<'_> {
    #[inline(always)]
    fn byte(&mut self) -> Result<u8, MalformedRecord> {
        let byte = *self.bytes.get(self.at).ok_or(MalformedRecord::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline(always)]
    fn skip(&mut self, bytes: usize) -> Result<(), MalformedRecord> {
        if bytes > self.bytes.len() - self.at {
            return Err(MalformedRecord::Cut);
        }
        self.at += bytes;
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Bytes, MalformedRecord> {
        let from = self.at;
        self.skip(bytes)?;
        self.bytes.get(from..self.at).map(Bytes::copy_from_slice).ok_or(MalformedRecord::Cut)
    }

    fn copy(
        &mut self,
        bytes: usize,
        out: &mut (impl Write + ?Sized),
    ) -> Result<(), MalformedRecord> {
        let from = self.at;
        self.skip(bytes)?;
        let copied = self.bytes.get(from..self.at).ok_or(MalformedRecord::Cut)?;
        out.write_all(copied).map_err(MalformedRecord::Unwritable)
    }

    #[inline(always)]
    fn position(&self) -> u64 {
        self.at as u64
    }

    #[inline(always)]
    fn record_bytes(&self, size: i32) -> Result<usize, MalformedRecord> {
        match usize::try_from(size) {
            Ok(bytes) if bytes <= self.bytes.len() - self.at => Ok(bytes),
            _ => Err(MalformedRecord::Size(size)),
        }
    }

    fn is_at_end(&mut self) -> Result<bool, MalformedRecord> {
        Ok(self.at == self.bytes.len())
    }

    #[inline(always)]
    fn peek(&mut self) -> Option<Peeked> {
        let bytes = self.bytes.get(self.at..)?;
        let (glance, end) = glance(bytes)?;
        self.at += end;
        Some(glance)
    }
}

/// Parses a record of the common form at the start of `bytes`; returns it and its end.
///
/// This runs for each record of every uncompressed batch, so one check covers all the bytes up to
/// the key.
#[inline(always)]
fn glance(bytes: &[u8]) -> Option<(Peeked, usize)> {
    let mut front = Front::<16> { bytes: bytes.first_chunk()?, at: 0 };
    let size = front.length()?;
    let end = front.at + size?;
    front.at += 1;
    let timestamp_delta = i64::from(unzigzag(front.short()?));
    let offset_delta = unzigzag(front.short()?);
    let key = front.length()?;
    let value_at = front.at + key.unwrap_or(0);
    let mut front = Front::<4> { bytes: bytes.get(value_at..)?.first_chunk()?, at: 0 };
    let value = front.length()?;
    let headers_at = value_at + front.at + value.unwrap_or(0);
    // The last byte of the record says that there are no headers.
    let whole = headers_at + 1 == end && *bytes.get(headers_at)? == 0;
    let has_key = key.is_some();
    whole.then_some((Peeked { timestamp_delta, offset_delta, has_key }, end))
}

/// A few bytes that are known to be there.
struct Front<'a, const N: usize> {
    bytes: &'a [u8; N],
    at: usize,
}

impl<const N: usize> Front<'_, N> {
    /// Reads the next byte. `N` covers four short numbers and one byte.
    #[inline(always)]
    fn byte(&mut self) -> u32 {
        let byte = self.bytes[self.at % N];
        self.at += 1;
        u32::from(byte)
    }

    /// Reads a varint of at most three bytes, without undoing zigzag.
    #[inline(always)]
    fn short(&mut self) -> Option<u32> {
        let first = self.byte();
        if first < 0x80 {
            return Some(first);
        }
        let low = first & 0x7f | self.byte() << 7;
        if low < 0x80 << 7 {
            return Some(low);
        }
        let all = low & 0x3fff | self.byte() << 14;
        (all < 0x80 << 14).then_some(all)
    }

    /// Reads a length; -1 means null.
    #[inline(always)]
    fn length(&mut self) -> Option<Option<usize>> {
        match self.short()? {
            1 => Some(None),
            negative if negative & 1 == 1 => None,
            twice => Some(Some(twice as usize / 2)),
        }
    }
}

/// Records from a decompressor, through one buffer.
pub struct StreamInput<'a> {
    reader: Decompressor<'a>,
    record_bytes_max: i32,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    passed: u64,
}

impl<'a> StreamInput<'a> {
    /// Returns the records that `reader` decompresses, none of which may have more than
    /// `record_bytes_max` bytes.
    pub fn new(reader: Decompressor<'a>, record_bytes_max: i32) -> StreamInput<'a> {
        let buffer = vec![0; BUFFER_BYTES];
        StreamInput { reader, record_bytes_max, buffer, at: 0, filled: 0, passed: 0 }
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.at..self.filled).unwrap_or_default()
    }

    /// Fills the empty buffer; returns false at the end.
    #[cold]
    fn fill(&mut self) -> Result<bool, MalformedRecord> {
        self.passed += self.filled as u64;
        (self.at, self.filled) = (0, 0);
        self.filled = self.reader.read(&mut self.buffer).map_err(MalformedRecord::Undecodable)?;
        if self.passed + self.filled as u64 > UNFOLDED_BYTES_MAX {
            return Err(MalformedRecord::TooMuch);
        }
        Ok(self.filled > 0)
    }

    /// Makes sure that the buffer is not empty.
    #[inline]
    fn need(&mut self) -> Result<(), MalformedRecord> {
        if self.at == self.filled && !self.fill()? { Err(MalformedRecord::Cut) } else { Ok(()) }
    }
}

impl RecordInput for StreamInput<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, MalformedRecord> {
        self.need()?;
        let byte = *self.buffer.get(self.at).ok_or(MalformedRecord::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn skip(&mut self, bytes: usize) -> Result<(), MalformedRecord> {
        let mut left = bytes;
        while left > 0 {
            self.need()?;
            let step = left.min(self.filled - self.at);
            self.at += step;
            left -= step;
        }
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Bytes, MalformedRecord> {
        // Memory grows with the bytes received so far, not with the claimed length.
        let mut taken = Vec::with_capacity(bytes.min(BUFFER_BYTES));
        while taken.len() < bytes {
            self.need()?;
            let step = (bytes - taken.len()).min(self.filled - self.at);
            taken.extend(self.buffered().iter().take(step));
            self.at += step;
        }
        Ok(taken.into())
    }

    fn copy(
        &mut self,
        bytes: usize,
        out: &mut (impl Write + ?Sized),
    ) -> Result<(), MalformedRecord> {
        let mut left = bytes;
        while left > 0 {
            self.need()?;
            let step = left.min(self.filled - self.at);
            let copied = self.buffer.get(self.at..self.at + step).ok_or(MalformedRecord::Cut)?;
            out.write_all(copied).map_err(MalformedRecord::Unwritable)?;
            self.at += step;
            left -= step;
        }
        Ok(())
    }

    #[inline]
    fn position(&self) -> u64 {
        self.passed + self.at as u64
    }

    fn record_bytes(&self, size: i32) -> Result<usize, MalformedRecord> {
        let bytes = usize::try_from(size).map_err(|_| MalformedRecord::Size(size))?;
        let limit = self.record_bytes_max;
        if size > limit {
            return Err(MalformedRecord::TooLarge { bytes: size, limit });
        }
        Ok(bytes)
    }

    fn is_at_end(&mut self) -> Result<bool, MalformedRecord> {
        Ok(self.at == self.filled && !self.fill()?)
    }

    fn peek(&mut self) -> Option<Peeked> {
        None
    }
}

/// Reads a zigzag varint of at most five bytes. Nearly all have one or two.
#[inline(always)]
pub fn number<S: RecordInput>(input: &mut S) -> Result<i32, MalformedRecord> {
    let first = u32::from(input.byte()?);
    if first < 0x80 {
        return Ok(unzigzag(first));
    }
    let second = u32::from(input.byte()?);
    let low = (first & 0x7f) | (second & 0x7f) << 7;
    if second < 0x80 { Ok(unzigzag(low)) } else { more_of_number(input, low) }
}

#[cold]
fn more_of_number<S: RecordInput>(input: &mut S, low: u32) -> Result<i32, MalformedRecord> {
    let mut value = low;
    for shift in [14, 21, 28] {
        let byte = u32::from(input.byte()?);
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(unzigzag(value));
        }
    }
    Err(MalformedRecord::Number)
}

fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// Reads a zigzag varint of at most ten bytes.
#[inline(always)]
pub fn long_number<S: RecordInput>(input: &mut S) -> Result<i64, MalformedRecord> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = u64::from(input.byte()?);
        value |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(MalformedRecord::Number)
}
