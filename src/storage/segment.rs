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
use crate::storage::disk::{Disk, File, Open, read_exact_at};
use crate::storage::index::{OffsetIndex, TimeIndex};
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
pub struct Lying {
    /// Where it starts, in bytes.
    pub position: u64,
    /// Its length in bytes, prefix included.
    pub bytes: u64,
    /// Its header.
    pub header: Header,
}

/// One log file and its indexes.
#[derive(Debug)]
pub struct Segment {
    /// The first offset that it may hold.
    pub base_offset: Offset,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    log: OnceLock<Arc<dyn File>>,
    offsets: OnceLock<OffsetIndex>,
    times: OnceLock<TimeIndex>,
}

impl Segment {
    /// A segment of which no file is open yet.
    pub fn unopened(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> Segment {
        Segment {
            base_offset,
            disk,
            dir: dir.to_owned(),
            log: OnceLock::new(),
            offsets: OnceLock::new(),
            times: OnceLock::new(),
        }
    }

    /// A new, empty segment: its three files are made, or emptied.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, base_offset: Offset) -> io::Result<Segment> {
        let segment = Segment::unopened(disk, dir, base_offset);
        for suffix in ["log", "index", "timeindex"] {
            let file = segment.disk.open(&segment.path(suffix), Open::Create)?;
            if !file.is_empty()? {
                file.truncate(0)?;
            }
            match suffix {
                "log" => drop(segment.log.set(file)),
                "index" => drop(segment.offsets.set(OffsetIndex::open(file, 0)?)),
                _ => drop(segment.times.set(TimeIndex::open(file)?)),
            }
        }
        Ok(segment)
    }

    /// Open the indexes to write to them: entries that make no sense for a log of `log_bytes`
    /// are forgotten. Missing files are made.
    pub fn open_indexes(&self, log_bytes: u64) -> io::Result<()> {
        let file = self.disk.open(&self.path("index"), Open::Create)?;
        drop(self.offsets.set(OffsetIndex::open(file, log_bytes)?));
        let file = self.disk.open(&self.path("timeindex"), Open::Create)?;
        drop(self.times.set(TimeIndex::open(file)?));
        Ok(())
    }

    /// The path of one of its files.
    pub fn path(&self, suffix: &str) -> PathBuf {
        self.dir.join(file_name(self.base_offset, suffix))
    }

    /// The log file.
    pub fn log(&self) -> io::Result<&Arc<dyn File>> {
        if let Some(file) = self.log.get() {
            return Ok(file);
        }
        let file = self.disk.open(&self.path("log"), Open::Write)?;
        Ok(self.log.get_or_init(|| file))
    }

    /// The offset index.
    pub fn offsets(&self) -> io::Result<&OffsetIndex> {
        if let Some(index) = self.offsets.get() {
            return Ok(index);
        }
        let index = OffsetIndex::sealed(self.disk.open(&self.path("index"), Open::Write)?)?;
        Ok(self.offsets.get_or_init(|| index))
    }

    /// The time index.
    pub fn times(&self) -> io::Result<&TimeIndex> {
        if let Some(index) = self.times.get() {
            return Ok(index);
        }
        let index = TimeIndex::sealed(self.disk.open(&self.path("timeindex"), Open::Write)?)?;
        Ok(self.times.get_or_init(|| index))
    }

    /// The header of the batch at `position` of a log of `log_bytes`; `None` if no whole batch
    /// starts there.
    pub fn batch_at(&self, position: u64, log_bytes: u64) -> io::Result<Option<Lying>> {
        if position + HEADER_BYTES as u64 > log_bytes {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        read_exact_at(self.log()?.as_ref(), &mut bytes, position)?;
        let header = Header::read(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        let Some(bytes) = header.total_bytes().map(|n| n as u64) else { return Ok(None) };
        Ok((position + bytes <= log_bytes).then_some(Lying { position, bytes, header }))
    }

    /// The batch that holds `offset`, or the first one after it (offsets may have gaps).
    pub fn find(&self, offset: Offset, log_bytes: u64) -> io::Result<Option<Lying>> {
        let relative = u32::try_from(offset - self.base_offset).unwrap_or(0);
        let from = self.offsets()?.at_or_before(relative)?.map_or(0, |e| u64::from(e.position));
        let mut position = from;
        while let Some(batch) = self.batch_at(position, log_bytes)? {
            if batch.header.last_offset() >= offset {
                return Ok(Some(batch));
            }
            position += batch.bytes;
        }
        Ok(None)
    }

    /// Where to cut a read that starts at `start` and may take `max_bytes`: at the start of an
    /// indexed batch, so that the reader is sent whole batches. A stretch without an index entry
    /// is cut anywhere, as Kafka does.
    pub fn cut(&self, start: u64, max_bytes: u64, log_bytes: u64) -> io::Result<u64> {
        let limit = start + max_bytes;
        if limit >= log_bytes {
            return Ok(log_bytes);
        }
        let indexed =
            self.offsets()?.position_at_or_before(limit.min(u64::from(u32::MAX)) as u32)?;
        Ok(indexed.map(|e| u64::from(e.position)).filter(|cut| *cut > start).unwrap_or(limit))
    }

    /// Visit the batches from `position` on, each with all its bytes if `whole`, else only its
    /// header. Returns where it ended: at `log_bytes`, at the first that is not whole, or where
    /// the visitor broke off.
    pub fn scan(
        &self,
        position: u64,
        log_bytes: u64,
        whole: bool,
        mut visit: impl FnMut(&Lying, &[u8]) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<u64> {
        let file = self.log()?;
        let mut buffer = Window { start: 0, bytes: Vec::new() };
        let mut position = position;
        while position + HEADER_BYTES as u64 <= log_bytes {
            let head = buffer.get(file.as_ref(), position, HEADER_BYTES, log_bytes)?;
            let Some(header) = Header::read(head) else { break };
            let Some(bytes) = header.total_bytes().map(|n| n as u64) else { break };
            if position + bytes > log_bytes {
                break;
            }
            let lying = Lying { position, bytes, header };
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

    /// Remove its files; readers that hold them open finish.
    pub fn remove(&self) -> io::Result<()> {
        for suffix in ["log", "index", "timeindex", "txnindex"] {
            let path = self.path(suffix);
            if self.disk.exists(&path) {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// A stretch of a file in memory, moved along by a scan.
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
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
