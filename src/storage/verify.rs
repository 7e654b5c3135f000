//! Finds damage in a log file: batch by batch, with a fixed amount of memory.
//!
//! A batch is sound if its header is plausible, it does not begin before the previous one's end,
//! and its CRC is correct. After one that is not sound, the next sound one is searched for: first
//! where its length points to, then byte by byte. The bytes in between are one [`DamagedRange`].
//!
//! The CRC does not cover a batch's base offset and leader epoch. Of the base offset only its order
//! is checked; a flipped bit in the leader epoch is not found.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::storage::batch::{CRC_FROM, HEADER_BYTES, Header, MAGIC};
use crate::storage::disk::{Disk, File, OpenMode};
use crate::storage::segment::BatchAt;
use crate::types::{Offset, Throttler};

/// Bytes read at once.
const WINDOW_BYTES: u64 = 256 * 1024;
/// Position of the format version (magic) in a header.
const MAGIC_AT: usize = 16;
/// How many times the bytes after damage may be read in search of a sound batch. Records may
/// contain bytes that look like batches; without a limit they would make the search quadratic.
const SEARCH_FACTOR: u64 = 8;
/// The attribute bits that are assigned; all others are 0.
const KNOWN_ATTRIBUTES: i16 = 0x7f;

/// A range of a log file that contains no sound batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedRange {
    /// Start of the range, in bytes.
    pub position: u64,
    /// Length, in bytes.
    pub bytes: u64,
    /// The first offset affected: one past the last sound batch before it.
    pub offset: Offset,
    /// The base offset of the next sound batch; `None` if there is none.
    pub next_offset: Option<Offset>,
    /// True if it may be an unfinished write: it is the last batch and incomplete, or zeros to the
    /// end.
    pub may_be_torn: bool,
}

/// The result of verifying a log file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of sound batches.
    pub batches: u64,
    /// The damaged ranges, at most the first [`DAMAGES_MAX`].
    pub damages: Vec<DamagedRange>,
}

/// Maximum number of damaged ranges reported per file.
pub const DAMAGES_MAX: usize = 100;

/// Verifies the first `end` bytes of a log file whose first offset is `base_offset`.
///
/// # Errors
/// As for [`Verifier::step`], or the file does not exist.
pub fn verify(
    disk: &dyn Disk,
    path: &Path,
    base_offset: Offset,
    end: u64,
    throttler: Throttler<'_>,
) -> io::Result<Report> {
    let mut verifier = Verifier::new(disk.open(path, OpenMode::Read)?, 0, end, base_offset);
    let mut report = Report::default();
    while let Some(found) = verifier.step(throttler)? {
        match found {
            Verified::Sound(_) => report.batches += 1,
            Verified::Damaged(damage) => report.damages.push(damage),
        }
        if report.damages.len() == DAMAGES_MAX {
            break;
        }
    }
    Ok(report)
}

/// The result of one step of a [`Verifier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// A sound batch.
    Sound(BatchAt),
    /// A damaged range.
    Damaged(DamagedRange),
}

/// Verifies a log file one batch at a time.
#[derive(Debug)]
pub struct Verifier {
    file: Arc<dyn File>,
    /// Everything before this position has been verified.
    position: u64,
    /// Where to stop: the end of the file or of its published part.
    end: u64,
    /// One past the last sound batch.
    offset: Offset,
    window: ReadWindow,
}

#[derive(Debug)]
struct ReadWindow {
    start: u64,
    bytes: Vec<u8>,
}

impl Verifier {
    /// Verifies the first `end` bytes of a file from `position` on, where the next offset is at
    /// least `offset`.
    pub fn new(file: Arc<dyn File>, position: u64, end: u64, offset: Offset) -> Verifier {
        let window = ReadWindow { start: position, bytes: Vec::new() };
        Verifier { file, position, end, offset, window }
    }

    /// Returns the next batch or the next damaged range; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or `throttler` broke off ([`io::ErrorKind::Interrupted`]).
    pub fn step(&mut self, throttler: Throttler<'_>) -> io::Result<Option<Verified>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let (position, offset) = (self.position, self.offset);
        let whole = self.whole_at(position, throttler)?;
        if let Some(batch_at) = whole.filter(|batch_at| self.follows(&batch_at.header)) {
            self.position = position + batch_at.bytes;
            self.offset = batch_at.header.end_offset();
            return Ok(Some(Verified::Sound(batch_at)));
        }
        let claimed = self.claimed_end(position, throttler)?;
        let next = match claimed.filter(|end| *end < self.end) {
            Some(end) => self.sound_at(end, throttler)?,
            None => None,
        };
        // The length itself may be damaged.
        let next = match next {
            Some(batch_at) => Some(batch_at),
            None => self.search(position + 1, throttler)?,
        };
        self.position = next.map_or(self.end, |batch_at| batch_at.position);
        let may_be_torn = next.is_none()
            && whole.is_none()
            && (claimed.is_some_and(|end| end >= self.end)
                || position + HEADER_BYTES as u64 > self.end
                || self.is_zeros(position, throttler)?);
        Ok(Some(Verified::Damaged(DamagedRange {
            position,
            bytes: self.position - position,
            offset,
            next_offset: next.map(|batch_at| batch_at.header.base_offset),
            may_be_torn,
        })))
    }

    /// Returns where the batch at `position` ends according to its length, if that is possible.
    fn claimed_end(&mut self, position: u64, throttler: Throttler<'_>) -> io::Result<Option<u64>> {
        let header = self.header_at(position, throttler)?;
        Ok(header.and_then(|h| h.total_bytes()).map(|bytes| position + bytes as u64))
    }

    fn header_at(&mut self, position: u64, throttler: Throttler<'_>) -> io::Result<Option<Header>> {
        let bytes = self.read(position, HEADER_BYTES, throttler)?;
        Ok(Header::read(bytes))
    }

    /// Returns the batch at `position`, if it is sound.
    fn sound_at(&mut self, position: u64, throttler: Throttler<'_>) -> io::Result<Option<BatchAt>> {
        let whole = self.whole_at(position, throttler)?;
        Ok(whole.filter(|batch_at| self.follows(&batch_at.header)))
    }

    /// Returns true if it can follow the sound batches before it: offsets ascend, and those of a
    /// segment are no further apart than its index can represent.
    fn follows(&self, header: &Header) -> bool {
        let ahead = header.base_offset.checked_sub(self.offset);
        ahead.is_some_and(|ahead| (0..=i64::from(i32::MAX)).contains(&ahead))
            && header.last_offset_delta >= 0
    }

    /// Returns the batch at `position`, if it is complete and its CRC is correct.
    fn whole_at(&mut self, position: u64, throttler: Throttler<'_>) -> io::Result<Option<BatchAt>> {
        let Some(header) = self.header_at(position, throttler)? else { return Ok(None) };
        let Some(bytes) = header.total_bytes().map(|bytes| bytes as u64) else { return Ok(None) };
        if header.magic != MAGIC || position + bytes > self.end {
            return Ok(None);
        }
        let (mut crc, mut at) = (0, position + CRC_FROM as u64);
        while at < position + bytes {
            let rest = (position + bytes - at).min(WINDOW_BYTES) as usize;
            let piece = self.read(at, rest, throttler)?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            crc = crc32c::crc32c_append(crc, piece);
            at += piece.len() as u64;
        }
        Ok((crc == header.crc).then_some(BatchAt { position, bytes, header }))
    }

    /// Returns true if it looks like the header of a later batch, as hardly any random bytes do.
    fn looks_right(&self, header: &Header) -> bool {
        self.follows(header)
            && header.attributes & !KNOWN_ATTRIBUTES == 0
            && header.codec().is_some()
            && (0..=i64::from(header.last_offset_delta) + 1)
                .contains(&i64::from(header.records_count))
    }

    /// Returns the first sound batch that begins at or after `from`.
    fn search(&mut self, from: u64, throttler: Throttler<'_>) -> io::Result<Option<BatchAt>> {
        let mut allowance = (self.end - from.min(self.end)).saturating_mul(SEARCH_FACTOR);
        let mut position = from;
        while position + HEADER_BYTES as u64 <= self.end {
            let head = self.read(position, HEADER_BYTES, throttler)?;
            // The whole header is read only where there may be one: this runs for every byte.
            let header = match head.get(MAGIC_AT).is_some_and(|magic| *magic as i8 == MAGIC) {
                true => Header::read(head),
                false if head.len() < HEADER_BYTES => return Ok(None),
                false => None,
            };
            let Some(header) = header else {
                position += 1;
                continue;
            };
            let bytes = header.total_bytes().map_or(0, |bytes| bytes as u64);
            if bytes > 0 && position + bytes <= self.end && self.looks_right(&header) {
                if let Some(batch_at) = self.sound_at(position, throttler)? {
                    return Ok(Some(batch_at));
                }
                match allowance.checked_sub(bytes) {
                    Some(left) => allowance = left,
                    None => return Ok(None),
                }
            }
            position += 1;
        }
        Ok(None)
    }

    fn is_zeros(&mut self, from: u64, throttler: Throttler<'_>) -> io::Result<bool> {
        let mut at = from;
        while at < self.end {
            let rest = (self.end - at).min(WINDOW_BYTES) as usize;
            let piece = self.read(at, rest, throttler)?;
            if piece.is_empty() || piece.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += piece.len() as u64;
        }
        Ok(true)
    }

    /// Reads at most `len` bytes from `position` on; returns fewer only at the end, or where a
    /// window ends that still holds a whole header.
    fn read(&mut self, position: u64, len: usize, throttler: Throttler<'_>) -> io::Result<&[u8]> {
        let held = self.window.start + self.window.bytes.len() as u64;
        let least = (len.min(HEADER_BYTES) as u64).min(self.end.saturating_sub(position));
        if position < self.window.start || position + least > held {
            self.fill(position, throttler)?;
        }
        let from = (position - self.window.start) as usize;
        let to = (from + len).min(self.window.bytes.len());
        Ok(self.window.bytes.get(from..to).unwrap_or_default())
    }

    fn fill(&mut self, position: u64, throttler: Throttler<'_>) -> io::Result<()> {
        let want = WINDOW_BYTES.min(self.end.saturating_sub(position)) as usize;
        self.window.start = position;
        self.window.bytes.resize(want, 0);
        let mut done = 0;
        while done < want {
            let at = position + done as u64;
            match self.file.read_once_at(&mut self.window.bytes[done..], at) {
                // Shorter than expected: the missing bytes are not sound.
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) => {
                    self.window.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.window.bytes.truncate(done);
        match throttler(done as u64) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::sim_disk::SimDisk;

    const LOG: &str = "/log";

    /// Writes `count` batches of `records` records of `value` bytes each, and returns where each
    /// begins.
    fn written(count: i64, records: i64, value: usize) -> (SimDisk, Vec<u64>, u64) {
        let disk = SimDisk::new(1);
        let file = disk.open(Path::new(LOG), OpenMode::Create).unwrap();
        let (mut starts, mut end) = (Vec::new(), 0);
        for n in 0..count {
            let mut builder = BatchBuilder::new(n * records, 0);
            for _ in 0..records {
                builder.push(None, Some(&vec![n as u8; value]), &[], 0);
            }
            let bytes = builder.finish();
            file.write_at(&bytes, &[], end).unwrap();
            starts.push(end);
            end += bytes.len() as u64;
        }
        (disk, starts, end)
    }

    fn verified(disk: &SimDisk, end: u64) -> (usize, Vec<DamagedRange>, u64) {
        let file = disk.open(Path::new(LOG), OpenMode::Read).unwrap();
        let mut verifier = Verifier::new(file, 0, end, 0);
        let (mut sound, mut damages, mut read) = (0, Vec::new(), 0);
        let mut throttler = |bytes| {
            read += bytes;
            ControlFlow::Continue(())
        };
        while let Some(found) = verifier.step(&mut throttler).unwrap() {
            match found {
                Verified::Sound(_) => sound += 1,
                Verified::Damaged(damage) => damages.push(damage),
            }
        }
        (sound, damages, read)
    }

    #[test]
    fn a_sound_file_is_read_once() {
        let (disk, _, end) = written(100, 3, 1000);
        let (sound, damages, read) = verified(&disk, end);
        assert_eq!((sound, damages), (100, vec![]));
        // Where a window ends within a batch, its header is read again.
        assert!(read < end + end / 10, "{read} of {end}");
    }

    #[test]
    fn a_flipped_bit_anywhere_that_counts_is_found_and_what_follows_is_sound() {
        let (disk, starts, end) = written(20, 2, 30);
        let (from, to) = (starts[7], starts[8]);
        for at in from..to {
            // Changes of the base offset's low half and of the leader epoch cannot be detected.
            if (4..8).contains(&(at - from)) || (12..16).contains(&(at - from)) {
                continue;
            }
            for bit in 0..8 {
                disk.flip_bit(Path::new(LOG), at, bit);
                let (sound, damages, _) = verified(&disk, end);
                disk.flip_bit(Path::new(LOG), at, bit);
                assert_eq!(sound, 19, "byte {} bit {bit}", at - from);
                let expected = DamagedRange {
                    position: from,
                    bytes: to - from,
                    offset: 14,
                    next_offset: Some(16),
                    may_be_torn: false,
                };
                assert_eq!(damages, [expected], "byte {} bit {bit}", at - from);
            }
        }
    }

    #[test]
    fn a_batch_that_ends_too_early_and_zeros_may_be_torn_writes() {
        let (disk, starts, end) = written(5, 2, 30);
        for short in [end - 1, starts[4] + 70, starts[4] + 10, starts[4] + 1] {
            let (sound, damages, _) = verified(&disk, short);
            assert_eq!(sound, 4);
            assert!(damages[0].may_be_torn && damages.len() == 1, "{damages:?}");
            assert_eq!((damages[0].position, damages[0].offset), (starts[4], 8));
        }
        let file = disk.open(Path::new(LOG), OpenMode::Write).unwrap();
        file.truncate(end + 5000).unwrap();
        let (sound, damages, _) = verified(&disk, end + 5000);
        assert_eq!(sound, 5);
        assert!(damages[0].may_be_torn, "{damages:?}");
        file.write_at(&[0xab; 100], &[], end + 1000).unwrap();
        assert!(!verified(&disk, end + 5000).1[0].may_be_torn, "more than one write can have left");
    }

    #[test]
    fn records_full_of_batches_do_not_make_the_search_quadratic() {
        // A value that consists of headers, each of which claims all the bytes that follow.
        let header = Header {
            base_offset: 1,
            batch_length: 0,
            partition_leader_epoch: 0,
            magic: MAGIC,
            crc: 0,
            attributes: 0,
            last_offset_delta: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 1,
        };
        let count = 20_000;
        let mut value = Vec::new();
        for n in 0..count {
            let batch_length = ((count - n) * HEADER_BYTES - 12) as i32;
            value.extend(Header { batch_length, ..header }.write());
        }
        let mut builder = BatchBuilder::new(0, 0);
        builder.push(None, Some(&value), &[], 0);
        let mut bytes = builder.finish();
        let disk = SimDisk::new(1);
        let file = disk.open(Path::new(LOG), OpenMode::Create).unwrap();
        // Its length is impossible, so the next batch must be searched for.
        bytes[8..12].copy_from_slice(&(-1_i32).to_be_bytes());
        file.write_at(&bytes, &[], 0).unwrap();
        let end = bytes.len() as u64;
        let (sound, damages, read) = verified(&disk, end);
        assert_eq!((sound, damages.len()), (0, 1));
        assert!(read <= end * (2 * SEARCH_FACTOR + 4), "{read} of {end}");
    }

    #[test]
    fn a_step_can_be_broken_off() {
        let (disk, _, end) = written(3, 1, 10);
        let file = disk.open(Path::new(LOG), OpenMode::Read).unwrap();
        let mut verifier = Verifier::new(file, 0, end, 0);
        let broken = verifier.step(&mut |_| ControlFlow::Break(()));
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
