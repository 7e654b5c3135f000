//! One log file and its two indexes.
//!
//! **Invariant:** bytes below the length that its owner has published never change, and
//! base offset <= every offset here < base offset of the next segment.
//!
//! A [`Segment`] is shared by readers and has no length of its own: how far it may be read is in
//! the view that names it. Its files are opened when they are first wanted.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::storage::batch::{HEADER_BYTES, Header};
use crate::storage::disk::{Disk, File, OpenMode, is_full, read_exact_at};
use crate::storage::index::{OffsetEntry, OffsetIndex, TimeEntry, TimeIndex};
use crate::types::Offset;

/// The name of a segment's file: twenty digits and a suffix.
pub fn file_name(base_offset: Offset, suffix: &str) -> String {
    format!("{base_offset:020}.{suffix}")
}

/// The base offset in a file name that ends with `suffix` (given with its dot).
pub fn base_offset_of(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// A stretch of a file that nobody has read yet.
#[derive(Debug, Clone)]
pub struct FileSlice {
    /// The file.
    pub file: Arc<dyn File>,
    /// Where the stretch begins, in bytes.
    pub position: u64,
    /// How long it is, in bytes.
    pub len: usize,
}

/// A batch as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchAt {
    /// Where it starts, in bytes.
    pub position: u64,
    /// Its length in bytes, prefix included.
    pub bytes: u64,
    /// Its header.
    pub header: Header,
}

/// What the name of a file ends with that is part of the log.
pub const LIVE: &str = "";
/// What a retired file's name ends with, as in Kafka.
pub const RETIRED: &str = ".deleted";
/// What compaction's files are called while it writes them, as in Kafka.
pub const CLEANED: &str = ".cleaned";
/// What they are called once they are whole and durable: from then on they are what counts.
pub const SWAP: &str = ".swap";

/// What the name of a file ends with that holds what recovery has cut off a damaged log. Neither
/// Ottla nor Kafka reads such files.
pub const DAMAGED: &str = ".damaged";

/// The files of a segment.
const SUFFIXES: [&str; 4] = ["log", "index", "timeindex", "txnindex"];

/// How often an index that is made again has an entry, in bytes: `index.interval.bytes`'s default.
const MENDED_INTERVAL_BYTES: u64 = 4096;

/// An index says what the log does not.
#[derive(Debug)]
pub struct IndexMismatch;

/// One log file and its indexes.
#[derive(Debug)]
pub struct Segment {
    /// The first offset that it may hold.
    pub base_offset: Offset,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// What its files' names end with.
    ending: &'static str,
    log: OnceLock<Arc<dyn File>>,
    offsets: OnceLock<OffsetIndex>,
    times: OnceLock<TimeIndex>,
    latest_ms: OnceLock<Option<i64>>,
}

impl Segment {
    /// A segment of which no file is open yet.
    pub fn unopened(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> Segment {
        Segment::named(disk, dir, base_offset, LIVE)
    }

    /// As [`Segment::unopened`], of files whose names end with `ending`.
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
            latest_ms: OnceLock::new(),
        }
    }

    /// A new, empty segment: its three files are made, or emptied.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> io::Result<Segment> {
        Segment::unopened(disk, dir, base_offset).made()
    }

    /// Make its three files, or empty them; all of them or none.
    pub fn made(self) -> io::Result<Segment> {
        if let Err(error) = self.make_files() {
            // Whoever goes on with the segment before must not leave this one behind: a start
            // would take it for the end of the log.
            let undone = self.remove().and_then(|()| self.disk.sync_dir(&self.dir));
            return Err(undone.err().map_or(error, |undo| io::Error::other(undo.to_string())));
        }
        Ok(self)
    }

    fn make_files(&self) -> io::Result<()> {
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

    /// Open the indexes to write to them: entries that make no sense for a log of `log_bytes`
    /// are forgotten. Missing files are made. False if anything was missing or made no sense.
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

    /// The path of one of its files.
    pub fn path(&self, suffix: &str) -> PathBuf {
        self.path_as(suffix, self.ending)
    }

    fn path_as(&self, suffix: &str, ending: &str) -> PathBuf {
        self.dir.join(file_name(self.base_offset, &format!("{suffix}{ending}")))
    }

    /// The log file.
    pub fn log(&self) -> io::Result<&Arc<dyn File>> {
        if let Some(file) = self.log.get() {
            return Ok(file);
        }
        let file = self.disk.open(&self.path("log"), OpenMode::Write)?;
        Ok(self.log.get_or_init(|| file))
    }

    /// The offset index.
    pub fn offsets(&self) -> io::Result<&OffsetIndex> {
        if let Some(index) = self.offsets.get() {
            return Ok(index);
        }
        let index = OffsetIndex::sealed(self.disk.open(&self.path("index"), OpenMode::Write)?)?;
        Ok(self.offsets.get_or_init(|| index))
    }

    /// The time index.
    pub fn times(&self) -> io::Result<&TimeIndex> {
        if let Some(index) = self.times.get() {
            return Ok(index);
        }
        let index = TimeIndex::sealed(self.disk.open(&self.path("timeindex"), OpenMode::Write)?)?;
        Ok(self.times.get_or_init(|| index))
    }

    /// The largest timestamp of a sealed segment, ms since 1970; `None` if no record has one. The
    /// index is not opened for it: retention asks this of every segment there is.
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

    /// The header of the batch at `position` of a log of `log_bytes`; `None` if no whole batch
    /// starts there.
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

    /// The batch that holds `offset`, or the first one after it (offsets may have gaps).
    ///
    /// An index entry is believed only if the batch that it names lies where it says.
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

    /// The batch that a time entry names, if it is there and says the same.
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

    /// A position before which no record is as late as `timestamp`.
    pub fn position_before(&self, timestamp: i64, log_bytes: u64) -> io::Result<u64> {
        let Some(entry) = self.times()?.before(timestamp)? else { return Ok(0) };
        match self.batch_of(entry, log_bytes)? {
            Ok(batch) => Ok(batch.position),
            Err(IndexMismatch) => self.rebuild_index(log_bytes).map(|()| 0),
        }
    }

    /// Make both indexes again from the log, in memory; the files follow if the disk allows it.
    fn rebuild_index(&self, log_bytes: u64) -> io::Result<()> {
        let (mut offsets, mut times) = (Vec::new(), Vec::new());
        let (mut latest, mut last_offset, mut indexed_to) = (-1, 0, 0);
        self.scan(0, log_bytes, false, |batch, _| {
            last_offset = (batch.header.last_offset() - self.base_offset) as u32;
            if batch.position > indexed_to + MENDED_INTERVAL_BYTES {
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
        tracing::warn!(log = %log.display(), "made a damaged index again from the log");
        self.offsets()?.replace(&offsets, log_bytes);
        self.times()?.replace(&times, last_offset);
        if let Err(error) = self.offsets()?.flush().and_then(|()| self.times()?.flush()) {
            tracing::warn!(log = %log.display(), %error, "the index was not written");
        }
        Ok(())
    }

    /// Where to cut a read that starts with the batch `first` and may take `max_bytes`: at the
    /// start of an indexed batch, so that the reader is sent whole batches. A stretch without an
    /// index entry is cut anywhere after the first batch, as Kafka does.
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

    /// Visit the batches from `position` on, each with all its bytes if `whole`, else only its
    /// header. Returns where it ended: at `log_bytes`, at the first that is not whole, or where
    /// the visitor broke off.
    pub fn scan(
        &self,
        position: u64,
        log_bytes: u64,
        whole: bool,
        mut visit: impl FnMut(&BatchAt, &[u8]) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<u64> {
        let file = self.log()?;
        let mut buffer = ScanBuffer { start: 0, bytes: Vec::new() };
        let mut position = position;
        while position + HEADER_BYTES as u64 <= log_bytes {
            let head = buffer.get(file.as_ref(), position, HEADER_BYTES, log_bytes)?;
            let Some(header) = Header::read(head) else { break };
            let Some(bytes) = header.total_bytes().map(|n| n as u64) else { break };
            if position + bytes > log_bytes {
                break;
            }
            let lying = BatchAt { position, bytes, header };
            let all = if whole {
                buffer.get(file.as_ref(), position, bytes as usize, log_bytes)?
            } else {
                &[]
            };
            if visit(&lying, all)?.is_break() {
                break;
            }
            position += bytes;
        }
        Ok(position)
    }

    /// Make the log durable, and with it the indexes if the segment is sealed.
    pub fn sync(&self, sealed: bool) -> io::Result<()> {
        self.log()?.sync()?;
        if sealed {
            self.offsets()?.sync()?;
            self.times()?.sync()?;
        }
        Ok(())
    }

    /// Take it out of the directory: its files stay under other names for those who read them,
    /// until [`Segment::remove_retired`]. Where there is no room for the other names they go at
    /// once: what takes room must be able to go on a full disk. The log goes last.
    pub fn retire(&self) -> io::Result<()> {
        // Whoever has a view with this segment in it must still be able to read.
        self.log()?;
        self.offsets()?;
        self.times()?;
        for suffix in SUFFIXES.iter().rev() {
            let path = self.path(suffix);
            if !self.disk.exists(&path) {
                continue;
            }
            match self.disk.rename(&path, &self.path_as(suffix, RETIRED)) {
                // A longer name may need another block of the directory. Whoever reads the file
                // has it open.
                Err(error) if is_full(&error) => self.disk.remove_file(&path)?,
                renamed => renamed?,
            }
        }
        Ok(())
    }

    /// Let the names of its files end otherwise. The log goes last: as long as it stands under its
    /// old name, not all is done.
    pub fn rename(&self, ending: &str) -> io::Result<()> {
        for suffix in SUFFIXES.iter().rev() {
            let path = self.path(suffix);
            if self.disk.exists(&path) {
                self.disk.rename(&path, &self.path_as(suffix, ending))?;
            }
        }
        Ok(())
    }

    /// Remove the files that [`Segment::retire`] has left.
    pub fn remove_retired(&self) -> io::Result<()> {
        self.remove_as(RETIRED)
    }

    /// Remove its files; readers that hold them open finish.
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

/// A stretch of a file in memory, moved along by a scan.
struct ScanBuffer {
    start: u64,
    bytes: Vec<u8>,
}

impl ScanBuffer {
    const BYTES: u64 = 256 * 1024;

    fn get(&mut self, file: &dyn File, position: u64, len: usize, end: u64) -> io::Result<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        if position < self.start || position + len as u64 > held {
            let want = Self::BYTES.max(len as u64).min(end - position);
            self.bytes.resize(want as usize, 0);
            self.start = position;
            read_exact_at(file, &mut self.bytes, position)?;
        }
        let from = (position - self.start) as usize;
        self.bytes.get(from..from + len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
