//! The `.txnindex` file of a segment: the aborted transactions whose markers are in it.
//!
//! Kafka's format (`TransactionIndex`, `AbortedTxn`): 34 bytes per entry, in the order of the
//! markers. The file exists only if there are entries.
//!
//! **Invariant:** entries strictly ascend by the offset of their marker. One for which there was no
//! space on the disk stays in memory and is written with the next one; a sync fails without it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::storage::disk::{Disk, File, OpenMode, is_full, read_exact_at, replace};
use crate::sync::RwLock;
use crate::types::{Offset, ProducerId};

const VERSION: i16 = 0;
const ENTRY_BYTES: usize = 34;
/// Number of entries read from the file at once.
const PIECE_ENTRIES: usize = 120;

/// An aborted transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Offset of its first record in the partition.
    pub first_offset: Offset,
    /// Offset of its marker.
    pub last_offset: Offset,
    /// The last stable offset after the marker.
    pub last_stable_offset: Offset,
}

type Entry = [u8; ENTRY_BYTES];

impl AbortedTxn {
    fn encode(&self) -> Entry {
        let mut entry = [0; ENTRY_BYTES];
        entry[..2].copy_from_slice(&VERSION.to_be_bytes());
        entry[2..10].copy_from_slice(&self.producer_id.to_be_bytes());
        entry[10..18].copy_from_slice(&self.first_offset.to_be_bytes());
        entry[18..26].copy_from_slice(&self.last_offset.to_be_bytes());
        entry[26..].copy_from_slice(&self.last_stable_offset.to_be_bytes());
        entry
    }

    fn decode(entry: &Entry) -> AbortedTxn {
        let number = |at: usize| entry[at..].first_chunk().map_or(0, |b| i64::from_be_bytes(*b));
        AbortedTxn {
            producer_id: number(2),
            first_offset: number(10),
            last_offset: number(18),
            last_stable_offset: number(26),
        }
    }

    fn is_sound_after(entry: &Entry, previous: Offset) -> bool {
        let txn = AbortedTxn::decode(entry);
        entry[..2] == VERSION.to_be_bytes()
            && txn.last_offset > previous
            && (0..txn.last_offset).contains(&txn.first_offset)
    }
}

/// The index.
#[derive(Debug)]
pub struct TxnIndex {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    parts: RwLock<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    /// The file, if there is one.
    file: Option<Arc<dyn File>>,
    /// Number of entries in the file.
    stored: usize,
    /// The entries after them.
    tail: Vec<Entry>,
    /// True if the file contained anything but entries when it was opened.
    is_damaged: bool,
    /// True if the file is not known to be durable.
    is_dirty: bool,
    /// True if the file must be replaced, and there was no space for that.
    is_unwritten: bool,
}

impl Parts {
    fn len(&self) -> usize {
        self.stored + self.tail.len()
    }

    fn read(&self, from: usize, count: usize) -> io::Result<Vec<AbortedTxn>> {
        let to = (from + count).min(self.len());
        let in_file = self.stored.min(to).saturating_sub(from);
        let mut entries = vec![[0; ENTRY_BYTES]; in_file];
        if let Some(file) = self.file.as_ref().filter(|_| in_file > 0) {
            let position = (from * ENTRY_BYTES) as u64;
            read_exact_at(file.as_ref(), entries.as_flattened_mut(), position)?;
        }
        let rest = from.max(self.stored) - self.stored..to.max(self.stored) - self.stored;
        entries.extend_from_slice(self.tail.get(rest).unwrap_or_default());
        Ok(entries.iter().map(AbortedTxn::decode).collect())
    }

    /// Returns the number of entries whose marker lies before `offset`.
    fn count_before(&self, offset: Offset) -> io::Result<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let is_before = self.read(middle, 1)?.iter().all(|txn| txn.last_offset < offset);
            if is_before { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn store(&mut self, index: &TxnIndex) -> io::Result<()> {
        if self.is_unwritten {
            replace(index.disk.as_ref(), &index.path, self.tail.as_flattened())?;
            self.file = Some(index.disk.open(&index.path, OpenMode::Write)?);
            self.stored = self.tail.len();
            self.tail = Vec::new();
            self.is_unwritten = false;
        }
        if self.tail.is_empty() {
            return Ok(());
        }
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(index.disk.open(&index.path, OpenMode::Create)?),
        };
        self.is_dirty = true;
        let position = (self.stored * ENTRY_BYTES) as u64;
        file.write_at(self.tail.as_flattened(), &[], position)?;
        self.stored += self.tail.len();
        self.tail = Vec::new();
        Ok(())
    }

    fn keep(&mut self, count: usize) -> io::Result<()> {
        self.tail.truncate(count.saturating_sub(self.stored));
        self.stored = self.stored.min(count);
        let bytes = (self.stored * ENTRY_BYTES) as u64;
        match &self.file {
            Some(file) if file.len()? != bytes => {
                self.is_dirty = true;
                file.truncate(bytes)
            }
            _ => Ok(()),
        }
    }
}

impl TxnIndex {
    /// Opens the index at `path`, and checks what is in the file.
    pub fn open(disk: Arc<dyn Disk>, path: PathBuf) -> io::Result<TxnIndex> {
        let mut parts = Parts::default();
        if disk.exists(&path) {
            let file = disk.open(&path, OpenMode::Write)?;
            let mut bytes = vec![0; file.len()? as usize];
            read_exact_at(file.as_ref(), &mut bytes, 0)?;
            let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
            let mut last = -1;
            let sound = entries.iter().take_while(|entry| {
                let is_sound = AbortedTxn::is_sound_after(entry, last);
                last = AbortedTxn::decode(entry).last_offset;
                is_sound
            });
            parts.stored = sound.count();
            parts.is_damaged = parts.stored < entries.len() || !rest.is_empty();
            parts.file = Some(file);
        }
        Ok(TxnIndex { disk, path, parts: RwLock::new(parts) })
    }

    /// Returns true if the file was damaged when it was opened, and has not been replaced since.
    pub fn is_damaged(&self) -> bool {
        self.parts.read().is_damaged
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.parts.read().len()
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry, which must lie after the last one, and writes it.
    pub fn push(&self, txn: &AbortedTxn) -> io::Result<()> {
        let mut parts = self.parts.write();
        parts.tail.push(txn.encode());
        match parts.store(self) {
            Err(error) if is_full(&error) => Ok(()),
            stored => stored,
        }
    }

    /// Removes the entries whose marker lies at or after `offset`.
    pub fn cut_from(&self, offset: Offset) -> io::Result<()> {
        let mut parts = self.parts.write();
        let count = parts.count_before(offset)?;
        parts.keep(count)
    }

    /// Replaces all entries, and the file as a whole: a crash leaves the old one or the new one.
    /// If there is no space for it, they stay in memory.
    pub fn replace(&self, txns: &[AbortedTxn]) -> io::Result<()> {
        let mut parts = self.parts.write();
        let tail: Vec<Entry> = txns.iter().map(AbortedTxn::encode).collect();
        let replaced = replace(self.disk.as_ref(), &self.path, tail.as_flattened());
        *parts = Parts::default();
        match replaced {
            Ok(()) => {
                parts.stored = tail.len();
                parts.file = Some(self.disk.open(&self.path, OpenMode::Write)?);
                Ok(())
            }
            Err(error) if is_full(&error) => {
                (parts.tail, parts.is_unwritten) = (tail, true);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes all entries durable. Returns false if they are already.
    pub fn sync(&self) -> io::Result<bool> {
        let mut parts = self.parts.write();
        parts.store(self)?;
        if !parts.is_dirty {
            return Ok(false);
        }
        if let Some(file) = &parts.file {
            file.sync()?;
        }
        parts.is_dirty = false;
        Ok(true)
    }

    /// Returns the transaction whose marker is at this offset.
    pub fn at(&self, last_offset: Offset) -> io::Result<Option<AbortedTxn>> {
        let parts = self.parts.read();
        let found = parts.read(parts.count_before(last_offset)?, 1)?;
        Ok(found.first().copied().filter(|txn| txn.last_offset == last_offset))
    }

    /// Adds to `found` the transactions with offsets in the range `from` to `below`. Returns true
    /// if no later marker can end another one.
    pub fn collect(
        &self,
        from: Offset,
        below: Offset,
        found: &mut Vec<AbortedTxn>,
    ) -> io::Result<bool> {
        let parts = self.parts.read();
        let mut next = if parts.len() == 0 { 0 } else { parts.count_before(from)? };
        while next < parts.len() {
            let piece = parts.read(next, PIECE_ENTRIES)?;
            next += piece.len();
            for txn in piece {
                if txn.first_offset < below {
                    found.push(txn);
                }
                if txn.last_stable_offset >= below {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::storage::disk::read_all;
    use crate::storage::sim_disk::SimDisk;

    const PATH: &str = "/t-0/00000000000000000000.txnindex";

    fn txn(first_offset: Offset, last_offset: Offset, last_stable_offset: Offset) -> AbortedTxn {
        AbortedTxn { producer_id: 7, first_offset, last_offset, last_stable_offset }
    }

    fn disk() -> SimDisk {
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new("/t-0")).unwrap();
        disk
    }

    fn open(disk: &SimDisk) -> TxnIndex {
        TxnIndex::open(Arc::new(disk.clone()), PATH.into()).unwrap()
    }

    fn collected(index: &TxnIndex, from: Offset, below: Offset) -> (Vec<Offset>, bool) {
        let mut found = Vec::new();
        let is_complete = index.collect(from, below, &mut found).unwrap();
        (found.iter().map(|txn| txn.last_offset).collect(), is_complete)
    }

    #[test]
    fn the_file_has_the_bytes_that_kafka_reads_and_exists_only_if_it_has_entries() {
        let disk = disk();
        let index = open(&disk);
        assert!(!index.sync().unwrap() && !disk.exists(Path::new(PATH)));
        index.push(&txn(3, 9, 10)).unwrap();
        let bytes = read_all(&disk, Path::new(PATH)).unwrap();
        let numbers: Vec<u8> = [7_i64, 3, 9, 10].iter().flat_map(|n| n.to_be_bytes()).collect();
        assert_eq!(bytes, [[0, 0].as_slice(), &numbers].concat());
        assert!(index.sync().unwrap() && !index.sync().unwrap());
    }

    #[test]
    fn exactly_the_transactions_that_overlap_are_collected() {
        let index = open(&disk());
        assert_eq!(collected(&index, 0, 100), (vec![], false));
        // One that lasts long, and many that end meanwhile.
        for last in 1..=300 {
            index.push(&txn(last * 10, last * 10 + 5, 8)).unwrap();
        }
        index.push(&txn(8, 4000, 4001)).unwrap();
        assert_eq!(collected(&index, 0, 8), (vec![], true));
        assert_eq!(collected(&index, 0, 9), (vec![4000], true));
        assert_eq!(collected(&index, 16, 30), (vec![25, 4000], true));
        assert_eq!(collected(&index, 25, 31), (vec![25, 35, 4000], true));
        assert_eq!(collected(&index, 3006, 4002), (vec![4000], false));
        assert_eq!(collected(&index, 0, 5000).0.len(), 301);
        assert_eq!(index.at(25).unwrap(), Some(txn(20, 25, 8)));
        assert_eq!(index.at(26).unwrap(), None);
    }

    #[test]
    fn a_cut_and_an_end_without_space_lose_no_entry_that_stays() {
        let disk = disk();
        let index = open(&disk);
        (0..5).for_each(|n| index.push(&txn(n * 10, n * 10 + 5, n * 10 + 6)).unwrap());
        disk.set_room(Some(0));
        (5..8).for_each(|n| index.push(&txn(n * 10, n * 10 + 5, n * 10 + 6)).unwrap());
        assert!(is_full(&index.sync().unwrap_err()));
        assert_eq!(collected(&index, 41, 1000).0, [45, 55, 65, 75]);
        index.cut_from(75).unwrap();
        disk.set_room(None);
        index.push(&txn(80, 85, 86)).unwrap();
        index.sync().unwrap();
        let index = open(&disk);
        assert!(!index.is_damaged());
        assert_eq!(collected(&index, 0, 1000).0, [5, 15, 25, 35, 45, 55, 65, 85]);
        index.cut_from(16).unwrap();
        assert_eq!(collected(&open(&disk), 0, 1000).0, [5, 15]);
    }

    #[test]
    fn damage_is_noticed_and_mended_by_a_replacement() {
        for damage in 0..3 {
            let disk = disk();
            let index = open(&disk);
            (0..5).for_each(|n| index.push(&txn(n * 10, n * 10 + 5, n * 10 + 6)).unwrap());
            let file = disk.open(Path::new(PATH), OpenMode::Write).unwrap();
            match damage {
                0 => file.truncate(5 * 34 - 1).unwrap(),
                1 => file.write_at(&[1], &[], 3 * 34).unwrap(),
                _ => file.write_at(&[0; 34], &[], 3 * 34).unwrap(),
            }
            let index = open(&disk);
            assert!(index.is_damaged(), "{damage}");
            let all: Vec<_> = (0..5).map(|n| txn(n * 10, n * 10 + 5, n * 10 + 6)).collect();
            // What there is no space for is not lost while the index is open.
            disk.set_room(Some(0));
            index.replace(&all).unwrap();
            assert!(!index.is_damaged() && open(&disk).is_damaged());
            assert_eq!(collected(&index, 0, 1000).0, [5, 15, 25, 35, 45]);
            disk.set_room(None);
            assert!(!index.sync().unwrap());
            let index = open(&disk);
            assert!(!index.is_damaged());
            assert_eq!(collected(&index, 0, 1000).0, [5, 15, 25, 35, 45]);
        }
    }
}
