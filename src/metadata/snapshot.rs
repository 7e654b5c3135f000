//! Snapshots of the metadata log (KIP-630), which Apache Kafka writes and Ottla reads: the records
//! that make the image as of an offset. Kafka deletes the log below a snapshot.
//!
//! The snapshot of offset 0 and `bootstrap.checkpoint` have the records that the first start of a
//! formatted directory writes to its log.

use std::io;
use std::path::{Path, PathBuf};

use crate::metadata::records::Record;
use crate::metadata::replay::decoded;
use crate::storage::batch::{BatchView, batches};
use crate::storage::disk::{Disk, read_all};
use crate::storage::records::records;
use crate::types::Offset;

/// The first records of a directory that Kafka before 4.4 has formatted.
pub const BOOTSTRAP: &str = "bootstrap.checkpoint";
/// The snapshot of offset 0.
pub const FIRST: &str = "00000000000000000000-0000000000.checkpoint";
/// The type of the control record at the end.
pub const FOOTER: i16 = 4;
const ENDING: &str = ".checkpoint";

/// Returns the key of a control record: a version, 0, and the type.
pub fn control_key(kind: i16) -> [u8; 4] {
    let [high, low] = kind.to_be_bytes();
    [0, 0, high, low]
}

/// A snapshot, not read yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// The offset of the first record that is not in it.
    pub end_offset: Offset,
    /// The leader epoch at that offset.
    pub leader_epoch: i32,
    path: PathBuf,
}

impl Snapshot {
    /// Returns the newest snapshot in the metadata log's directory.
    pub fn newest(disk: &dyn Disk, dir: &Path) -> io::Result<Option<Snapshot>> {
        if !disk.exists(dir) {
            return Ok(None);
        }
        let names = disk.list(dir)?.into_iter().map(|entry| entry.name);
        Ok(names.filter_map(|name| Snapshot::named(dir, &name)).max())
    }

    fn named(dir: &Path, name: &str) -> Option<Snapshot> {
        let (offset, epoch) = name.strip_suffix(ENDING)?.split_once('-')?;
        let is_number = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(offset, 20) || !is_number(epoch, 10) {
            return None;
        }
        let (end_offset, leader_epoch) = (offset.parse().ok()?, epoch.parse().ok()?);
        Some(Snapshot { end_offset, leader_epoch, path: dir.join(name) })
    }

    /// Reads its records.
    ///
    /// # Errors
    /// It is incomplete or damaged, or a record is unknown.
    pub fn read(&self, disk: &dyn Disk) -> io::Result<Vec<Record>> {
        read(disk, &self.path)
    }
}

/// Reads the records with which a formatted directory begins, from the snapshot of offset 0 or, as
/// Kafka before 4.4 formats a directory, from `bootstrap.checkpoint`; `None` if there are none.
///
/// # Errors
/// They cannot be read.
pub fn bootstrap(
    disk: &dyn Disk,
    data_dir: &Path,
    first: Option<&Snapshot>,
) -> io::Result<Option<Vec<Record>>> {
    let records = first.map(|snapshot| snapshot.read(disk)).transpose()?;
    let path = data_dir.join(BOOTSTRAP);
    match records.filter(|records| !records.is_empty()) {
        None if disk.exists(&path) => read(disk, &path).map(Some),
        records => Ok(records),
    }
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<Record>> {
    let bytes = read_all(disk, path)?;
    records_of(&bytes).map_err(|error| {
        io::Error::new(error.kind(), format!("{} cannot be read: {error}", path.display()))
    })
}

fn records_of(bytes: &[u8]) -> io::Result<Vec<Record>> {
    let damaged = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let (mut found, mut is_whole) = (Vec::new(), false);
    for batch in batches(bytes) {
        if !batch.crc_is_right() {
            return damaged("a checksum is wrong");
        }
        if batch.header.is_control() {
            is_whole |= is_footer(&batch);
        } else {
            found.extend(decoded(&batch)?.into_iter().map(|(_, record)| record));
        }
    }
    if is_whole { Ok(found) } else { damaged("it is incomplete") }
}

fn is_footer(batch: &BatchView<'_>) -> bool {
    let found = records(batch).ok().and_then(|mut records| records.next());
    matches!(found, Some(Ok(record)) if record.key.as_deref() == Some(&control_key(FOOTER)))
}
