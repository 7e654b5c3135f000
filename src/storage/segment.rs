//! One log file and its two indexes.
//!
//! **Invariant:** bytes below the length that its owner has published never change, and base offset
//! <= every offset in the segment < base offset of the next segment.
//!
//! A [`Segment`] is shared by readers and has no length of its own: how far it may be read is
//! stated by the view that contains it. Its files are opened on first use.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::storage::batch::{HEADER_BYTES, Header};
use crate::storage::disk::{Disk, File, OpenMode, is_full, read_exact_at};
use crate::storage::index::{OffsetEntry, OffsetIndex, TimeEntry, TimeIndex};
use crate::storage::scan_buffer::ScanBuffer;
use crate::storage::txn_index::TxnIndex;
use crate::types::Offset;

/// Returns the name of a segment's file: twenty digits and a suffix.
pub fn file_name(base_offset: Offset, suffix: &str) -> String {
    format!("{base_offset:020}.{suffix}")
}

/// Returns the base offset in a file name that ends with `suffix` (which includes its dot).
pub fn base_offset_of(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// A range of a file, not read yet.
#[derive(Debug, Clone)]
pub struct FileSlice {
    /// The file.
    pub file: Arc<dyn File>,
    /// Start of the range, in bytes.
    pub position: u64,
    /// Length, in bytes.
    pub len: usize,
}

/// A batch and its location in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchAt {
    /// Start of the batch, in bytes.
    pub position: u64,
    /// Its length in bytes, prefix included.
    pub bytes: u64,
    /// Its header.
    pub header: Header,
}

/// File name ending of the segments that are part of the log.
pub const LIVE: &str = "";
/// File name ending of a retired segment, as in Kafka.
pub const RETIRED: &str = ".deleted";
/// File name ending of the segments that compaction is still writing, as in Kafka.
pub const CLEANED: &str = ".cleaned";
/// File name ending of compacted segments once they are complete and durable: from then on they
/// replace the originals.
pub const SWAP: &str = ".swap";

/// File name ending of the bytes that recovery has cut off a damaged log. Neither Ottla nor Kafka
/// reads such files.
pub const DAMAGED: &str = ".damaged";

/// File types of a segment.
const SUFFIXES: [&str; 4] = ["log", "index", "timeindex", "txnindex"];

/// Size of a batch from which on a scan of headers does not read the rest of it, in bytes.
const SKIPPED_BYTES: u64 = 16 * 1024;

/// Bytes between the entries of a rebuilt index: the default of `index.interval.bytes`.
const REBUILT_INDEX_INTERVAL_BYTES: u64 = 4096;

/// An index that contradicts the log.
#[derive(Debug)]
pub struct IndexMismatch;

/// One log file and its indexes.
#[derive(Debug)]
pub struct Segment {
    /// The first offset that it may hold.
    pub base_offset: Offset,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Ending of its file names.
    ending: &'static str,
    log: OnceLock<Arc<dyn File>>,
    offsets: OnceLock<OffsetIndex>,
    times: OnceLock<TimeIndex>,
    aborted: OnceLock<TxnIndex>,
    latest_ms: OnceLock<Option<i64>>,
}

impl Segment {
    /// Returns a segment none of whose files is open yet.
    pub fn unopened(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> Segment {
        Segment::named(disk, dir, base_offset, LIVE)
    }

    /// Returns a segment like [`Segment::unopened`], with file names that end with `ending`.
    pub fn named(
        disk: Arc<dyn Disk>,
        dir: &Path,
        base_offset: Offset,
        ending: &'static str,
    ) -> Segment {
        Segment {
            base_offset,
            disk,
            dir: dir.to_owned(),
            ending,
            log: OnceLock::new(),
            offsets: OnceLock::new(),
            times: OnceLock::new(),
            aborted: OnceLock::new(),
            latest_ms: OnceLock::new(),
        }
    }

    /// Creates a new, empty segment; existing files of that name are truncated.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> io::Result<Segment> {
        Segment::unopened(disk, dir, base_offset).made()
    }

    /// Creates its three files, or truncates them: all of them or none.
    pub fn made(self) -> io::Result<Segment> {
        if let Err(error) = self.make_files() {
            // The caller carries on with the previous segment, so this one must not stay behind:
            // the next start would take it for the end of the log.
            let undone = self.remove().and_then(|()| self.disk.sync_dir(&self.dir));
            return Err(undone.err().map_or(error, |undo| io::Error::other(undo.to_string())));
        }
        Ok(self)
    }

    fn make_files(&self) -> io::Result<()> {
        // A power loss may have kept the one of an earlier segment that was removed.
        let aborted = self.path("txnindex");
        if self.disk.exists(&aborted) {
            self.disk.remove_file(&aborted)?;
        }
        for suffix in ["log", "index", "timeindex"] {
            let file = self.disk.open(&self.path(suffix), OpenMode::Create)?;
            if !file.is_empty()? {
                file.truncate(0)?;
            }
            match suffix {
                "log" => drop(self.log.set(file)),
                "index" => drop(self.offsets.set(OffsetIndex::open(file, 0)?)),
                _ => drop(self.times.set(TimeIndex::open(file)?)),
            }
        }
        Ok(())
    }

    /// Opens the indexes for writing: creates missing files and drops entries that are impossible
    /// for a log of `log_bytes`. Returns false if anything was missing or impossible.
    pub fn open_indexes(&self, log_bytes: u64) -> io::Result<bool> {
        let both_exist = ["index", "timeindex"].iter().all(|s| self.disk.exists(&self.path(s)));
        let file = self.disk.open(&self.path("index"), OpenMode::Create)?;
        let offsets = OffsetIndex::open(file, log_bytes)?;
        let file = self.disk.open(&self.path("timeindex"), OpenMode::Create)?;
        let times = TimeIndex::open(file)?;
        let is_whole = both_exist && offsets.is_whole() && times.is_whole();
        drop((self.offsets.set(offsets), self.times.set(times)));
        Ok(is_whole)
    }

    /// Returns the path of one of its files.
    pub fn path(&self, suffix: &str) -> PathBuf {
        self.path_as(suffix, self.ending)
    }

    fn path_as(&self, suffix: &str, ending: &str) -> PathBuf {
        self.dir.join(file_name(self.base_offset, &format!("{suffix}{ending}")))
    }

    /// Returns the log file.
    pub fn log(&self) -> io::Result<&Arc<dyn File>> {
        if let Some(file) = self.log.get() {
            return Ok(file);
        }
        let file = self.disk.open(&self.path("log"), OpenMode::Write)?;
        Ok(self.log.get_or_init(|| file))
    }

    /// Returns the offset index.
    pub fn offsets(&self) -> io::Result<&OffsetIndex> {
        if let Some(index) = self.offsets.get() {
            return Ok(index);
        }
        let index = OffsetIndex::sealed(self.disk.open(&self.path("index"), OpenMode::Write)?)?;
        Ok(self.offsets.get_or_init(|| index))
    }

    /// Returns the time index.
    pub fn times(&self) -> io::Result<&TimeIndex> {
        if let Some(index) = self.times.get() {
            return Ok(index);
        }
        let index = TimeIndex::sealed(self.disk.open(&self.path("timeindex"), OpenMode::Write)?)?;
        Ok(self.times.get_or_init(|| index))
    }

    /// Returns the index of aborted transactions.
    pub fn aborted(&self) -> io::Result<&TxnIndex> {
        if let Some(index) = self.aborted.get() {
            return Ok(index);
        }
        let index = TxnIndex::open(self.disk.clone(), self.path("txnindex"))?;
        Ok(self.aborted.get_or_init(|| index))
    }

    /// Returns the largest timestamp of a sealed segment, ms since 1970; `None` if no record has
    /// one. Does not keep the index open: retention calls this for every segment.
    pub fn latest_ms(&self) -> io::Result<Option<i64>> {
        if let Some(index) = self.times.get() {
            return Ok(index.last()?.map(|entry| entry.timestamp));
        }
        if let Some(known) = self.latest_ms.get() {
            return Ok(*known);
        }
        let index = TimeIndex::sealed(self.disk.open(&self.path("timeindex"), OpenMode::Write)?)?;
        let latest = index.last()?.map(|entry| entry.timestamp);
        Ok(*self.latest_ms.get_or_init(|| latest))
    }

    /// Returns the header of the batch at `position` of a log of `log_bytes`; `None` if no whole
    /// batch starts there.
    pub fn batch_at(&self, position: u64, log_bytes: u64) -> io::Result<Option<BatchAt>> {
        if position + HEADER_BYTES as u64 > log_bytes {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        read_exact_at(self.log()?.as_ref(), &mut bytes, position)?;
        let header = Header::read(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        let Some(bytes) = header.total_bytes().map(|n| n as u64) else { return Ok(None) };
        Ok((position + bytes <= log_bytes).then_some(BatchAt { position, bytes, header }))
    }

    /// Returns the batch that holds `offset`, or the first one after it (offsets may have gaps).
    ///
    /// An index entry is trusted only if the batch that it refers to starts at its position.
    pub fn find(&self, offset: Offset, log_bytes: u64) -> io::Result<Option<BatchAt>> {
        match self.find_by_index(offset, log_bytes)? {
            Ok(found) => Ok(found),
            Err(IndexMismatch) => {
                self.rebuild_index(log_bytes)?;
                self.walk_to(offset, 0, log_bytes)
            }
        }
    }

    fn find_by_index(
        &self,
        offset: Offset,
        log_bytes: u64,
    ) -> io::Result<Result<Option<BatchAt>, IndexMismatch>> {
        let relative = u32::try_from(offset - self.base_offset).unwrap_or(0);
        let Some(entry) = self.offsets()?.at_or_before(relative)? else {
            return self.walk_to(offset, 0, log_bytes).map(Ok);
        };
        let last_offset = self.base_offset + i64::from(entry.relative_offset);
        match self.batch_at(u64::from(entry.position), log_bytes)? {
            Some(batch) if batch.header.last_offset() != last_offset => Ok(Err(IndexMismatch)),
            None => Ok(Err(IndexMismatch)),
            Some(batch) if last_offset >= offset => Ok(Ok(Some(batch))),
            Some(batch) => self.walk_to(offset, batch.position + batch.bytes, log_bytes).map(Ok),
        }
    }

    fn walk_to(
        &self,
        offset: Offset,
        mut position: u64,
        log_bytes: u64,
    ) -> io::Result<Option<BatchAt>> {
        while let Some(batch) = self.batch_at(position, log_bytes)? {
            if batch.header.last_offset() >= offset {
                return Ok(Some(batch));
            }
            position += batch.bytes;
        }
        Ok(None)
    }

    /// Returns the batch that a time index entry refers to, if it exists and agrees with the entry.
    pub fn batch_of(
        &self,
        entry: TimeEntry,
        log_bytes: u64,
    ) -> io::Result<Result<BatchAt, IndexMismatch>> {
        let offset = self.base_offset + i64::from(entry.relative_offset);
        let found = self.find_by_index(offset, log_bytes)?;
        let is_it = |batch: &BatchAt| {
            let header = &batch.header;
            header.last_offset() == offset && header.max_timestamp == entry.timestamp
        };
        Ok(found.and_then(|batch| batch.filter(is_it).ok_or(IndexMismatch)))
    }

    /// Returns a position before which no record is as late as `timestamp`.
    pub fn position_before(&self, timestamp: i64, log_bytes: u64) -> io::Result<u64> {
        let Some(entry) = self.times()?.before(timestamp)? else { return Ok(0) };
        match self.batch_of(entry, log_bytes)? {
            Ok(batch) => Ok(batch.position),
            Err(IndexMismatch) => self.rebuild_index(log_bytes).map(|()| 0),
        }
    }

    /// Rebuilds both indexes in memory from the log; writes them to their files if the disk allows.
    fn rebuild_index(&self, log_bytes: u64) -> io::Result<()> {
        let (mut offsets, mut times) = (Vec::new(), Vec::new());
        let (mut latest, mut last_offset, mut indexed_to) = (-1, 0, 0);
        self.scan(0, log_bytes, false, |batch, _| {
            last_offset = (batch.header.last_offset() - self.base_offset) as u32;
            if batch.position > indexed_to + REBUILT_INDEX_INTERVAL_BYTES {
                let position = batch.position as u32;
                offsets.push(OffsetEntry { relative_offset: last_offset, position });
                indexed_to = batch.position;
            }
            if batch.header.max_timestamp > latest {
                latest = batch.header.max_timestamp;
                times.push(TimeEntry { timestamp: latest, relative_offset: last_offset });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let log = self.path("log");
        tracing::warn!(log = %log.display(), "rebuilt a damaged index from the log");
        self.offsets()?.replace(&offsets, log_bytes);
        self.times()?.replace(&times, last_offset);
        if let Err(error) = self.offsets()?.flush().and_then(|()| self.times()?.flush()) {
            tracing::warn!(log = %log.display(), %error, "could not write the rebuilt index");
        }
        Ok(())
    }

    /// Returns the position at which to end a read that starts with the batch `first` and may take
    /// `max_bytes`: the start of an indexed batch, so that the reader receives whole batches. A
    /// range without an index entry is cut anywhere after the first batch, as Kafka does.
    pub fn cut(&self, first: &BatchAt, max_bytes: u64, log_bytes: u64) -> io::Result<u64> {
        let (limit, least) = (first.position + max_bytes, first.position + first.bytes);
        if limit >= log_bytes {
            return Ok(log_bytes);
        }
        if least >= limit {
            return Ok(least);
        }
        let indexed =
            self.offsets()?.position_at_or_before(limit.min(u64::from(u32::MAX)) as u32)?;
        Ok(indexed.map(|e| u64::from(e.position)).filter(|cut| *cut >= least).unwrap_or(limit))
    }

    /// Visits the batches from `position` on, each with all its bytes if `whole`, else with its
    /// header only. Returns the position where it ended: `log_bytes`, the first incomplete batch,
    /// or where the visitor broke off.
    pub fn scan(
        &self,
        position: u64,
        log_bytes: u64,
        whole: bool,
        mut visit: impl FnMut(&BatchAt, &[u8]) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<u64> {
        let file = self.log()?;
        let mut buffer = ScanBuffer::default();
        let (mut position, mut ahead) = (position, ScanBuffer::BYTES);
        while position + HEADER_BYTES as u64 <= log_bytes {
            let within = (ahead, log_bytes);
            let head = buffer.get(file.as_ref(), position, HEADER_BYTES, within)?;
            let Some(header) = Header::read(head) else { break };
            let Some(bytes) = header.total_bytes().map(|n| n as u64) else { break };
            if position + bytes > log_bytes {
                break;
            }
            let batch_at = BatchAt { position, bytes, header };
            let all = if whole {
                buffer.get(file.as_ref(), position, bytes as usize, within)?
            } else {
                // What lies between the headers of large batches need not be read.
                ahead = if bytes > SKIPPED_BYTES { 0 } else { ScanBuffer::BYTES };
                &[]
            };
            if visit(&batch_at, all)?.is_break() {
                break;
            }
            position += bytes;
        }
        Ok(position)
    }

    /// Returns the offset up to which a reader gets whole batches, if it reads from `first` to the
    /// position `cut`; `None` if no batch follows them.
    pub fn end_of_read(
        &self,
        first: &BatchAt,
        cut: u64,
        log_bytes: u64,
    ) -> io::Result<Option<Offset>> {
        let indexed = self.offsets()?.position_at_or_before(cut.min(u64::from(u32::MAX)) as u32)?;
        let mut position = first.position;
        if let Some(entry) = indexed {
            let batch = self.batch_at(u64::from(entry.position), log_bytes)?;
            let last_offset = self.base_offset + i64::from(entry.relative_offset);
            let batch = batch.filter(|batch| batch.header.last_offset() == last_offset);
            position = batch.map_or(0, |batch| batch.position).max(position);
        }
        while let Some(batch) = self.batch_at(position, log_bytes)? {
            position += batch.bytes;
            if position > cut {
                return Ok(Some(batch.header.base_offset));
            }
        }
        Ok(None)
    }

    /// Makes the log durable, and the indexes as well if the segment is sealed.
    pub fn sync(&self, sealed: bool) -> io::Result<()> {
        self.log()?.sync()?;
        if sealed {
            self.offsets()?.sync()?;
            self.times()?.sync()?;
            self.aborted()?.sync()?;
        }
        Ok(())
    }

    /// Takes the segment out of the directory: its files stay under other names for their readers
    /// until [`Segment::remove_retired`]. If there is no space for the other names, the files are
    /// removed at once: it must be possible to free space on a full disk. The log file goes last.
    pub fn retire(&self) -> io::Result<()> {
        // Readers with a view that contains this segment must still be able to read it.
        self.log()?;
        self.offsets()?;
        self.times()?;
        self.aborted()?;
        for suffix in SUFFIXES.iter().rev() {
            let path = self.path(suffix);
            if !self.disk.exists(&path) {
                continue;
            }
            match self.disk.rename(&path, &self.path_as(suffix, RETIRED)) {
                // A longer name may need another block for the directory. Readers have the file
                // open.
                Err(error) if is_full(&error) => self.disk.remove_file(&path)?,
                renamed => renamed?,
            }
        }
        Ok(())
    }

    /// Changes the ending of its file names. The log file goes last: while it still has its old
    /// name, the rename is not complete.
    pub fn rename(&self, ending: &str) -> io::Result<()> {
        for suffix in SUFFIXES.iter().rev() {
            let path = self.path(suffix);
            if self.disk.exists(&path) {
                self.disk.rename(&path, &self.path_as(suffix, ending))?;
            }
        }
        Ok(())
    }

    /// Removes the files left by [`Segment::retire`].
    pub fn remove_retired(&self) -> io::Result<()> {
        self.remove_as(RETIRED)
    }

    /// Removes its files; readers that have them open can finish.
    pub fn remove(&self) -> io::Result<()> {
        self.remove_as(self.ending)
    }

    fn remove_as(&self, ending: &str) -> io::Result<()> {
        for suffix in SUFFIXES {
            let path = self.path_as(suffix, ending);
            if self.disk.exists(&path) {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }
}
