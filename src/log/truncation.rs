//! Cuts off the end of a log that recovery cannot read.
//!
//! After a crash the last batch may be partly written: that is a torn tail, which was never
//! acknowledged. If more than that is cut off (sound batches follow, or the position was durable),
//! some of it may have been acknowledged: that is an error, and the bytes are kept next to the log,
//! under names that end with [`DAMAGED`] and that neither Ottla nor Kafka reads.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::storage::disk::{Disk, File, OpenMode};
use crate::storage::segment::{DAMAGED, Segment, file_name};
use crate::storage::verify::{Verified, Verifier};
use crate::types::{Offset, TopicPartition};

/// Maximum number of such files per partition; what is cut off beyond that is lost.
const KEPT_FILES_MAX: usize = 16;
/// Maximum number of bytes in them together.
const KEPT_BYTES_MAX: u64 = 256 << 20;
/// Bytes copied at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// A part at the end of a log that is cut off.
#[derive(Debug)]
pub struct TailTruncation<'a> {
    /// The disk.
    pub disk: &'a Arc<dyn Disk>,
    /// The partition's directory.
    pub dir: &'a Path,
    /// The segment in which the sound batches end.
    pub segment: &'a Segment,
    /// Where they end in it, in bytes.
    pub position: u64,
    /// Length of the segment's log file, in bytes.
    pub file_bytes: u64,
    /// One past the last sound record.
    pub end_offset: Offset,
    /// The base offsets of the segments that follow, which are removed as a whole.
    pub later: &'a [Offset],
    /// True if the position is known to have been durable, so that a torn write cannot be the
    /// cause.
    pub was_durable: bool,
}

/// What is known about the bytes that are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TruncatedData {
    bytes: u64,
    /// Number of sound batches among them.
    batches: u64,
    /// One past the last offset that is known to be among them.
    to: Offset,
    /// True if one unfinished write can account for all of it.
    is_torn_tail: bool,
}

impl TailTruncation<'_> {
    /// Keeps what may have been acknowledged, and cuts.
    ///
    /// # Errors
    /// The disk fails to cut. A failure to keep the bytes is only logged: the log remains usable.
    pub fn make(&self) -> io::Result<()> {
        let lost = self.lost();
        let log = self.segment.path("log");
        let id = TopicPartition::of_dir(self.dir);
        let (topic, partition) = id.map(|id| (id.topic, id.partition)).unzip();
        if lost.is_torn_tail {
            tracing::warn!(
                topic,
                partition,
                log = %log.display(),
                lost_bytes = lost.bytes,
                end_offset = self.end_offset,
                "cut off a torn tail: the bytes after the last complete batch were never \
                 acknowledged as durable"
            );
        } else {
            let kept = self.keep(&lost);
            tracing::error!(
                topic,
                partition,
                log = %log.display(),
                position = self.position,
                from_offset = self.end_offset,
                to_offset = lost.to,
                lost_offsets = lost.to - self.end_offset,
                lost_bytes = lost.bytes,
                sound_batches = lost.batches,
                kept = kept.join(", "),
                "the log is damaged: cut off its end, which may include acknowledged records"
            );
        }
        for base_offset in self.later {
            Segment::unopened(self.disk.clone(), self.dir, *base_offset).remove()?;
        }
        if !self.later.is_empty() {
            self.disk.sync_dir(self.dir)?;
        }
        if self.position < self.file_bytes {
            // The bytes that were cut must not reappear after later appends.
            let file = self.segment.log()?;
            file.truncate(self.position)?;
            file.sync()?;
        }
        Ok(())
    }

    /// Examines everything that is cut off. What cannot be read counts as damage.
    fn lost(&self) -> TruncatedData {
        let mut lost = TruncatedData {
            bytes: self.file_bytes - self.position,
            batches: 0,
            to: self.end_offset + i64::from(self.position < self.file_bytes),
            is_torn_tail: !self.was_durable,
        };
        // Opened for this only, as the verifier requires.
        if let Ok(file) = self.disk.open(&self.segment.path("log"), OpenMode::Read) {
            lost.look(&file, self.position, self.file_bytes, self.end_offset);
        }
        for base_offset in self.later {
            let path = Segment::unopened(self.disk.clone(), self.dir, *base_offset).path("log");
            let bytes = self.disk.len(&path).unwrap_or(0);
            if bytes == 0 {
                continue;
            }
            lost.bytes += bytes;
            lost.is_torn_tail = false;
            lost.to = lost.to.max(*base_offset);
            if let Ok(file) = self.disk.open(&path, OpenMode::Read) {
                lost.look(&file, 0, bytes, *base_offset);
            }
        }
        lost
    }

    /// Keeps as much as the limits allow. Returns the names of the files.
    fn keep(&self, lost: &TruncatedData) -> Vec<String> {
        let mut kept = Vec::new();
        let log = |name: &str, error: io::Error| {
            let file = self.dir.join(name);
            tracing::warn!(file = %file.display(), %error,
                "could not keep the bytes that are cut off");
        };
        if self.position < self.file_bytes {
            let name = format!("{}{DAMAGED}", file_name(self.end_offset, "tail"));
            match self.keep_tail(&name) {
                Ok(true) => kept.push(name),
                Ok(false) => {}
                Err(error) => log(&name, error),
            }
        }
        for base_offset in self.later {
            let name = format!("{}{DAMAGED}", file_name(*base_offset, "log"));
            match self.keep_segment(*base_offset, &name) {
                Ok(true) => kept.push(name),
                Ok(false) => {}
                Err(error) => log(&name, error),
            }
        }
        if kept.is_empty() && lost.bytes > 0 {
            kept.push("nothing".to_owned());
        }
        kept
    }

    /// Copies the end of the segment, as far as the limits allow. Returns false if they do not.
    fn keep_tail(&self, name: &str) -> io::Result<bool> {
        let bytes = (self.file_bytes - self.position).min(self.allowance(name)?);
        if bytes == 0 {
            return Ok(false);
        }
        let path = self.dir.join(name);
        let copied = self.copy_tail(&path, bytes);
        if copied.is_err() {
            // A partial copy would look complete.
            let _ = self.disk.remove_file(&path);
        }
        copied.map(|()| true)
    }

    fn copy_tail(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let (from, to) = (self.segment.log()?, self.disk.open(path, OpenMode::Create)?);
        to.truncate(0)?;
        let mut piece = vec![0; PIECE_BYTES.min(bytes) as usize];
        let mut done = 0;
        while done < bytes {
            let want = (bytes - done).min(PIECE_BYTES) as usize;
            match from.read_at(&mut piece[..want], self.position + done)? {
                0 => break,
                n => {
                    to.write_at(&piece[..n], &[], done)?;
                    done += n as u64;
                }
            }
        }
        to.sync()
    }

    /// Renames the log file of a segment that is removed as a whole. Returns false if the limits do
    /// not allow it.
    fn keep_segment(&self, base_offset: Offset, name: &str) -> io::Result<bool> {
        let path = Segment::unopened(self.disk.clone(), self.dir, base_offset).path("log");
        let bytes = self.disk.len(&path)?;
        if bytes == 0 || bytes > self.allowance(name)? {
            return Ok(false);
        }
        self.disk.rename(&path, &self.dir.join(name))?;
        Ok(true)
    }

    /// Returns how many more bytes may be kept, in a file of this name.
    fn allowance(&self, name: &str) -> io::Result<u64> {
        let entries = self.disk.list(self.dir)?;
        let others = || entries.iter().filter(|e| e.name.ends_with(DAMAGED) && e.name != name);
        if others().count() >= KEPT_FILES_MAX {
            return Ok(0);
        }
        let lengths = others().map(|e| self.disk.len(&self.dir.join(&e.name)));
        let held = lengths.sum::<io::Result<u64>>()?;
        Ok(KEPT_BYTES_MAX.saturating_sub(held))
    }
}

impl TruncatedData {
    fn look(&mut self, file: &Arc<dyn File>, position: u64, end: u64, offset: Offset) {
        let mut verifier = Verifier::new(file.clone(), position, end, offset);
        loop {
            match verifier.step(&mut |_| ControlFlow::Continue(())) {
                Ok(Some(Verified::Sound(batch_at))) => {
                    self.batches += 1;
                    self.to = self.to.max(batch_at.header.end_offset());
                    self.is_torn_tail = false;
                }
                Ok(Some(Verified::Damaged(damage))) => {
                    self.to = self.to.max(damage.next_offset.unwrap_or(self.to));
                    self.is_torn_tail &= damage.may_be_torn;
                }
                Ok(None) => return,
                Err(_) => {
                    self.is_torn_tail = false;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::log::recovery::{RecoveryCheckpoint, recover};
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::disk::read_all;
    use crate::storage::sim_disk::SimDisk;

    const DIR: &str = "/t-0";

    fn known(clean: bool, recovery_point: Offset) -> RecoveryCheckpoint {
        RecoveryCheckpoint {
            clean,
            recovery_point,
            log_start_offset: 0,
            index_interval_bytes: 4096,
            producers_max: 10_000,
        }
    }

    fn batch(offset: Offset) -> Vec<u8> {
        let mut builder = BatchBuilder::new(offset, 0);
        builder.push(None, Some(format!("record {offset}").as_bytes()), &[], 0);
        builder.push(None, Some(b"another"), &[], 0);
        builder.finish()
    }

    /// Writes segments of `batches` batches of two records each.
    fn written(disk: &SimDisk, segments: i64, batches: i64) {
        disk.create_dir(Path::new(DIR)).unwrap();
        for segment in 0..segments {
            let base = segment * batches * 2;
            let path = Path::new(DIR).join(file_name(base, "log"));
            let file = disk.open(&path, OpenMode::Create).unwrap();
            file.truncate(0).unwrap();
            let mut end = 0;
            for n in 0..batches {
                let bytes = batch(base + 2 * n);
                file.write_at(&bytes, &[], end).unwrap();
                end += bytes.len() as u64;
            }
        }
        disk.settle();
    }

    fn recovered(disk: &SimDisk, known: RecoveryCheckpoint) -> (Offset, Vec<(String, Vec<u8>)>) {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let now = Now { mono_ms: 0, wall_ms: 0 };
        let end_offset =
            recover(&shared, Path::new(DIR), known, now, &|| false).unwrap().end_offset;
        (end_offset, kept(disk))
    }

    fn kept(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
        let entries = disk.list(Path::new(DIR)).unwrap();
        let names = entries.into_iter().map(|e| e.name).filter(|name| name.ends_with(DAMAGED));
        names.map(|n| (n.clone(), read_all(disk, &Path::new(DIR).join(n)).unwrap())).collect()
    }

    fn bytes_of(disk: &SimDisk, base: Offset) -> Vec<u8> {
        read_all(disk, &Path::new(DIR).join(file_name(base, "log"))).unwrap()
    }

    #[test]
    fn whichever_bit_is_flipped_nothing_of_the_log_is_gone_for_good() {
        let origin = SimDisk::new(1);
        written(&origin, 1, 4);
        let log = Path::new(DIR).join(file_name(0, "log"));
        let whole = bytes_of(&origin, 0);
        let last = whole.len() - batch(6).len();
        for at in 0..whole.len() as u64 {
            let disk = origin.kill();
            disk.flip_bit(&log, at, (at % 8) as u8);
            let damaged = bytes_of(&disk, 0);
            let (end_offset, kept) = recovered(&disk, known(false, 0));
            let left = bytes_of(&disk, 0);
            if at as usize >= last {
                // It may have been the last write, left unfinished.
                assert!(left.len() >= last, "byte {at}");
                continue;
            }
            let tail = kept.first().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
            assert_eq!([left, tail].concat(), damaged, "byte {at}: end offset {end_offset}");
            assert!(kept.iter().all(|(name, _)| *name == format!("{end_offset:020}.tail.damaged")));
        }
    }

    #[test]
    fn segments_behind_the_damage_are_kept_as_a_whole() {
        let disk = SimDisk::new(1);
        written(&disk, 3, 3);
        let [second, third] = [6, 12].map(|base| bytes_of(&disk, base));
        let first = batch(0).len();
        disk.flip_bit(&Path::new(DIR).join(file_name(0, "log")), first as u64 + 70, 0);
        let damaged = bytes_of(&disk, 0);
        let (end_offset, kept) = recovered(&disk, known(false, 0));
        assert_eq!(end_offset, 2);
        let expected = [
            ("00000000000000000002.tail.damaged".to_owned(), damaged[first..].to_vec()),
            ("00000000000000000006.log.damaged".to_owned(), second),
            ("00000000000000000012.log.damaged".to_owned(), third),
        ];
        let mut sorted = kept;
        sorted.sort();
        assert_eq!(sorted, expected);
        // Another start finds a sound log and does not touch the kept files.
        let (end_offset, kept) = recovered(&disk.kill(), known(false, 0));
        assert_eq!((end_offset, kept.len()), (2, 3));
    }

    #[test]
    fn what_was_durable_is_kept_even_if_it_looks_like_a_torn_tail() {
        for (known, is_kept) in
            [(known(false, 0), false), (known(false, 6), true), (known(true, 6), true)]
        {
            let disk = SimDisk::new(1);
            written(&disk, 1, 3);
            let log = Path::new(DIR).join(file_name(0, "log"));
            let length = disk.len(&log).unwrap();
            disk.open(&log, OpenMode::Write).unwrap().truncate(length - 3).unwrap();
            let (end_offset, kept) = recovered(&disk, known);
            assert_eq!((end_offset, kept.len() == 1), (4, is_kept), "{known:?}");
        }
    }

    #[test]
    fn the_number_of_files_that_are_kept_is_bounded() {
        let disk = SimDisk::new(1);
        written(&disk, 1, 2);
        for n in 0..KEPT_FILES_MAX as i64 {
            let name = format!("{}{DAMAGED}", file_name(1000 + n, "tail"));
            disk.open(&Path::new(DIR).join(name), OpenMode::Create).unwrap();
        }
        disk.flip_bit(&Path::new(DIR).join(file_name(0, "log")), 70, 0);
        let (end_offset, kept) = recovered(&disk, known(false, 0));
        assert_eq!((end_offset, kept.len()), (0, KEPT_FILES_MAX));
    }

    #[test]
    fn a_disk_without_room_does_not_keep_the_log_from_going_on() {
        let disk = SimDisk::new(1);
        written(&disk, 1, 200);
        disk.flip_bit(&Path::new(DIR).join(file_name(0, "log")), 70, 0);
        disk.set_room(Some(100));
        let (end_offset, kept) = recovered(&disk, known(false, 0));
        assert_eq!((end_offset, kept.len()), (0, 0));
    }
}
