//! The two indexes of a segment, in Kafka's file formats.
//!
//! `.index`: 8 bytes per entry, offset relative to the segment's base offset, and position in the
//! log file; the offset is that of the *last* record of the batch that starts at the position.
//! `.timeindex`: 12 bytes per entry, the largest timestamp so far and the relative last offset of
//! the batch that holds it.
//!
//! **Invariant:** entries strictly ascend. The newest ones live in memory until there is a page of
//! them or the segment is sealed; those that a killed process loses, recovery finds again in the
//! log.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::storage::disk::{File, is_full, read_exact_at};
use crate::sync::RwLock;

/// Number of entries written to the file at once: a page.
const TAIL_ENTRIES: usize = 512;

/// Fixed-size entries, ascending: a stored part in a file and a tail in memory.
#[derive(Debug)]
struct Entries<const N: usize> {
    file: Arc<dyn File>,
    /// False if the file contained anything but entries when it was opened for writing.
    is_whole: bool,
    /// True if the file may differ from what is durable.
    is_dirty: AtomicBool,
    parts: RwLock<StoredAndTail<N>>,
}

#[derive(Debug, Default)]
struct StoredAndTail<const N: usize> {
    stored: usize,
    tail: Vec<[u8; N]>,
}

impl<const N: usize> Entries<N> {
    /// Reads the file up to the first entry that `follows` rejects. Bytes after that (the zeros of
    /// a preallocated file, a partial entry) are ignored.
    fn open(
        file: Arc<dyn File>,
        follows: impl Fn(Option<&[u8; N]>, &[u8; N]) -> bool,
    ) -> io::Result<Self> {
        let mut bytes = vec![0; file.len()? as usize / N * N];
        read_exact_at(file.as_ref(), &mut bytes, 0)?;
        let (entries, _) = bytes.as_chunks::<N>();
        let mut stored = 0;
        while stored < entries.len()
            && follows(stored.checked_sub(1).map(|i| &entries[i]), &entries[stored])
        {
            stored += 1;
        }
        let file_bytes = file.len()?;
        let is_whole = (stored * N) as u64 == file_bytes;
        Ok(Entries {
            file,
            is_whole,
            is_dirty: AtomicBool::new(file_bytes > 0),
            parts: RwLock::new(StoredAndTail { stored, tail: Vec::new() }),
        })
    }

    /// Returns the index of a sealed segment, which is durable, unread: it is searched in the file.
    fn sealed(file: Arc<dyn File>) -> io::Result<Self> {
        let stored = file.len()? as usize / N;
        Ok(Entries {
            file,
            is_whole: true,
            is_dirty: AtomicBool::new(false),
            parts: RwLock::new(StoredAndTail { stored, tail: Vec::new() }),
        })
    }

    fn parts(&self) -> std::sync::RwLockReadGuard<'_, StoredAndTail<N>> {
        self.parts.read()
    }

    fn parts_mut(&self) -> std::sync::RwLockWriteGuard<'_, StoredAndTail<N>> {
        self.parts.write()
    }

    fn len(&self) -> usize {
        let parts = self.parts();
        parts.stored + parts.tail.len()
    }

    fn get(&self, parts: &StoredAndTail<N>, at: usize) -> io::Result<[u8; N]> {
        if let Some(entry) = at.checked_sub(parts.stored).and_then(|at| parts.tail.get(at)) {
            return Ok(*entry);
        }
        let mut entry = [0; N];
        read_exact_at(self.file.as_ref(), &mut entry, (at * N) as u64)?;
        Ok(entry)
    }

    fn last(&self) -> io::Result<Option<[u8; N]>> {
        let parts = self.parts();
        match parts.stored + parts.tail.len() {
            0 => Ok(None),
            n => self.get(&parts, n - 1).map(Some),
        }
    }

    /// Returns the last entry for which `holds` is true; `holds` must be true of a prefix of the
    /// entries.
    fn last_where(&self, holds: impl Fn(&[u8; N]) -> bool) -> io::Result<Option<[u8; N]>> {
        let parts = self.parts();
        if parts.tail.first().is_some_and(&holds) {
            let n = parts.tail.partition_point(&holds);
            return Ok(Some(parts.tail[n - 1]));
        }
        let (mut low, mut high) = (0, parts.stored);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.get(&parts, middle)?;
            if holds(&entry) {
                found = Some(entry);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    fn push(&self, entry: [u8; N]) -> io::Result<()> {
        let mut parts = self.parts_mut();
        parts.tail.push(entry);
        if parts.tail.len() < TAIL_ENTRIES {
            return Ok(());
        }
        match self.store(&mut parts) {
            // They stay in memory: a log that needed many more would have no space either.
            Err(error) if is_full(&error) => Ok(()),
            stored => stored,
        }
    }

    fn store(&self, parts: &mut StoredAndTail<N>) -> io::Result<()> {
        self.is_dirty.store(true, Ordering::Release);
        self.file.write_at(parts.tail.as_flattened(), &[], (parts.stored * N) as u64)?;
        parts.stored += parts.tail.len();
        parts.tail = Vec::new();
        Ok(())
    }

    /// Writes the tail to the file, and truncates the file to its entries.
    fn flush(&self) -> io::Result<()> {
        let mut parts = self.parts_mut();
        if !parts.tail.is_empty() {
            self.store(&mut parts)?;
        }
        self.truncate(&parts)
    }

    /// Truncates the file to the entries that are stored in it. There is rarely anything to
    /// truncate, and a file that was changed must be synced.
    fn truncate(&self, parts: &StoredAndTail<N>) -> io::Result<()> {
        let bytes = (parts.stored * N) as u64;
        if self.file.len()? == bytes {
            return Ok(());
        }
        self.is_dirty.store(true, Ordering::Release);
        self.file.truncate(bytes)
    }

    /// Makes the file durable, if it has been changed.
    fn sync(&self) -> io::Result<()> {
        if !self.is_dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.file.sync().inspect_err(|_| self.is_dirty.store(true, Ordering::Release))
    }

    /// Keeps the first `n` entries.
    fn keep(&self, n: usize) -> io::Result<()> {
        let mut parts = self.parts_mut();
        let stored = parts.stored;
        parts.tail.truncate(n.saturating_sub(stored));
        parts.stored = stored.min(n);
        self.truncate(&parts)
    }

    /// Replaces the entries, but keeps those in memory for which `newer` is true: the writer has
    /// added them in the meantime. The next flush writes the file.
    fn replace(&self, entries: Vec<[u8; N]>, newer: impl Fn(&[u8; N]) -> bool) {
        let mut parts = self.parts_mut();
        let kept = parts.tail.iter().filter(|entry| newer(entry)).copied();
        let tail = entries.into_iter().chain(kept).collect();
        *parts = StoredAndTail { stored: 0, tail };
    }

    fn keep_where(&self, holds: impl Fn(&[u8; N]) -> bool) -> io::Result<()> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let holds = holds(&self.get(&self.parts(), middle)?);
            if holds { low = middle + 1 } else { high = middle }
        }
        self.keep(low)
    }
}

/// Offset → position.
#[derive(Debug)]
pub struct OffsetIndex(Entries<8>);

/// One entry of an [`OffsetIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetEntry {
    /// Last offset of the batch, relative to the segment's base offset.
    pub relative_offset: u32,
    /// Start of the batch, in bytes.
    pub position: u32,
}

impl OffsetEntry {
    fn read(b: &[u8; 8]) -> OffsetEntry {
        let [o0, o1, o2, o3, p0, p1, p2, p3] = *b;
        OffsetEntry {
            relative_offset: u32::from_be_bytes([o0, o1, o2, o3]),
            position: u32::from_be_bytes([p0, p1, p2, p3]),
        }
    }

    fn bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes[4..].copy_from_slice(&self.position.to_be_bytes());
        bytes
    }
}

impl OffsetIndex {
    /// Opens the index and reads the entries of `file` that ascend and lie below `log_bytes`.
    pub fn open(file: Arc<dyn File>, log_bytes: u64) -> io::Result<OffsetIndex> {
        let entries = Entries::open(file, |previous, entry| {
            let entry = OffsetEntry::read(entry);
            u64::from(entry.position) < log_bytes
                && match previous.map(OffsetEntry::read) {
                    Some(p) => {
                        p.relative_offset < entry.relative_offset && p.position < entry.position
                    }
                    // An all-zero entry is the padding of a preallocated file.
                    None => {
                        entry != OffsetEntry { relative_offset: 0, position: 0 } || log_bytes == 0
                    }
                }
        })?;
        Ok(OffsetIndex(entries))
    }

    /// Returns the index of a sealed segment, unread.
    pub fn sealed(file: Arc<dyn File>) -> io::Result<OffsetIndex> {
        Ok(OffsetIndex(Entries::sealed(file)?))
    }

    /// Returns false if the file contained anything but entries when it was opened for writing.
    pub fn is_whole(&self) -> bool {
        self.0.is_whole
    }

    /// Replaces the entries for the log's first `log_bytes` with these.
    pub fn replace(&self, entries: &[OffsetEntry], log_bytes: u64) {
        let entries = entries.iter().map(OffsetEntry::bytes).collect();
        self.0.replace(entries, |e| u64::from(OffsetEntry::read(e).position) >= log_bytes);
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the last entry.
    pub fn last(&self) -> io::Result<Option<OffsetEntry>> {
        Ok(self.0.last()?.as_ref().map(OffsetEntry::read))
    }

    /// Returns the last entry at or before this relative offset.
    pub fn at_or_before(&self, relative_offset: u32) -> io::Result<Option<OffsetEntry>> {
        let found =
            self.0.last_where(|e| OffsetEntry::read(e).relative_offset <= relative_offset)?;
        Ok(found.as_ref().map(OffsetEntry::read))
    }

    /// Returns the last entry whose batch starts at or before this position, in bytes.
    pub fn position_at_or_before(&self, position: u32) -> io::Result<Option<OffsetEntry>> {
        let found = self.0.last_where(|e| OffsetEntry::read(e).position <= position)?;
        Ok(found.as_ref().map(OffsetEntry::read))
    }

    /// Adds an entry, which must lie after the last one.
    pub fn push(&self, entry: OffsetEntry) -> io::Result<()> {
        self.0.push(entry.bytes())
    }

    /// Removes the entries whose batch starts at or after this position.
    pub fn cut_from(&self, position: u32) -> io::Result<()> {
        self.0.keep_where(|e| OffsetEntry::read(e).position < position)
    }

    /// Writes everything to the file (without a sync).
    pub fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    /// Makes the file durable.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

/// Timestamp → offset.
#[derive(Debug)]
pub struct TimeIndex(Entries<12>);

/// One entry of a [`TimeIndex`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeEntry {
    /// The largest timestamp up to and including the batch, ms since 1970.
    pub timestamp: i64,
    /// Last offset of the batch that holds it, relative to the segment's base offset.
    pub relative_offset: u32,
}

impl TimeEntry {
    fn read(b: &[u8; 12]) -> TimeEntry {
        let [t0, t1, t2, t3, t4, t5, t6, t7, o0, o1, o2, o3] = *b;
        TimeEntry {
            timestamp: i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            relative_offset: u32::from_be_bytes([o0, o1, o2, o3]),
        }
    }

    fn bytes(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes
    }
}

impl TimeIndex {
    /// Opens the index and reads the entries of `file` that ascend.
    pub fn open(file: Arc<dyn File>) -> io::Result<TimeIndex> {
        let entries = Entries::open(file, |previous, entry| {
            let entry = TimeEntry::read(entry);
            match previous.map(TimeEntry::read) {
                Some(p) => {
                    p.timestamp < entry.timestamp && p.relative_offset <= entry.relative_offset
                }
                None => entry.timestamp > 0,
            }
        })?;
        Ok(TimeIndex(entries))
    }

    /// Returns the index of a sealed segment, unread.
    pub fn sealed(file: Arc<dyn File>) -> io::Result<TimeIndex> {
        Ok(TimeIndex(Entries::sealed(file)?))
    }

    /// Returns false if the file contained anything but entries when it was opened for writing.
    pub fn is_whole(&self) -> bool {
        self.0.is_whole
    }

    /// Replaces the entries for the log up to this relative offset with these.
    pub fn replace(&self, entries: &[TimeEntry], up_to: u32) {
        let entries = entries.iter().map(TimeEntry::bytes).collect();
        self.0.replace(entries, |e| TimeEntry::read(e).relative_offset > up_to);
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the last entry: the segment's largest timestamp, once it is sealed.
    pub fn last(&self) -> io::Result<Option<TimeEntry>> {
        Ok(self.0.last()?.as_ref().map(TimeEntry::read))
    }

    /// Returns the last entry with a smaller timestamp: every record up to its offset is older.
    pub fn before(&self, timestamp: i64) -> io::Result<Option<TimeEntry>> {
        let found = self.0.last_where(|e| TimeEntry::read(e).timestamp < timestamp)?;
        Ok(found.as_ref().map(TimeEntry::read))
    }

    /// Returns the last entry for a batch before this relative offset.
    pub fn before_offset(&self, relative_offset: u32) -> io::Result<Option<TimeEntry>> {
        let found = self.0.last_where(|e| TimeEntry::read(e).relative_offset < relative_offset)?;
        Ok(found.as_ref().map(TimeEntry::read))
    }

    /// Adds an entry if its timestamp is larger than the last one's.
    pub fn push_if_later(&self, entry: TimeEntry) -> io::Result<()> {
        if self.last()?.is_some_and(|last| last.timestamp >= entry.timestamp) || entry.timestamp < 0
        {
            return Ok(());
        }
        self.0.push(entry.bytes())
    }

    /// Removes the entries for this relative offset and later ones.
    pub fn cut_from(&self, relative_offset: u32) -> io::Result<()> {
        self.0.keep_where(|e| TimeEntry::read(e).relative_offset < relative_offset)
    }

    /// Writes everything to the file (without a sync).
    pub fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    /// Makes the file durable.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::{Disk, OpenMode, OsDisk};

    fn entry(relative_offset: u32, position: u32) -> OffsetEntry {
        OffsetEntry { relative_offset, position }
    }

    #[test]
    fn lookups_agree_with_a_scan_wherever_the_entries_lie() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("i"), OpenMode::Create).unwrap();
        let index = OffsetIndex::open(file.clone(), 0).unwrap();
        let all: Vec<_> = (1..1300).map(|i| entry(i * 3, i * 50)).collect();
        all.iter().for_each(|e| index.push(*e).unwrap());
        for wanted in 0..3905 {
            let expected = all.iter().rev().find(|e| e.relative_offset <= wanted).copied();
            assert_eq!(index.at_or_before(wanted).unwrap(), expected);
        }
        index.flush().unwrap();
        let again = OffsetIndex::open(file.clone(), u64::MAX).unwrap();
        assert_eq!(again.len(), all.len());
        assert_eq!(again.position_at_or_before(149).unwrap(), Some(entry(6, 100)));
        again.cut_from(101).unwrap();
        assert_eq!(again.last().unwrap(), Some(entry(6, 100)));
        assert_eq!(file.len().unwrap(), 16);
    }

    #[test]
    fn zeros_and_halves_at_the_end_of_a_file_are_no_entries() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("i"), OpenMode::Create).unwrap();
        let index = OffsetIndex::open(file.clone(), 0).unwrap();
        index.push(entry(9, 4200)).unwrap();
        index.flush().unwrap();
        file.truncate(8 * 40 + 3).unwrap();
        assert_eq!(OffsetIndex::open(file.clone(), 5000).unwrap().len(), 1);
        assert_eq!(OffsetIndex::open(file, 4200).unwrap().len(), 0);
    }

    #[test]
    fn time_entries_only_ascend() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("t"), OpenMode::Create).unwrap();
        let index = TimeIndex::open(file).unwrap();
        for (timestamp, relative_offset) in [(5, 1), (5, 2), (4, 3), (9, 4)] {
            index.push_if_later(TimeEntry { timestamp, relative_offset }).unwrap();
        }
        assert_eq!(index.len(), 2);
        assert_eq!(index.before(9).unwrap().unwrap().relative_offset, 1);
        assert_eq!(index.before(5).unwrap(), None);
    }
}
