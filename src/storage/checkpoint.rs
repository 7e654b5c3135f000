//! Kafka's small text files: the offset checkpoints of the data directory, and the leader epochs
//! and topic id of a partition.
//!
//! **Invariant:** each is replaced as a whole; a damaged one is an error and is never used in part.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::storage::disk::{Disk, read_all, replace, replace_for_now};
use crate::types::{Offset, TopicId, TopicPartition};

/// Offset up to which a log is known to be durable, per partition.
pub const RECOVERY_POINT: &str = "recovery-point-offset-checkpoint";
/// High watermark per partition.
pub const HIGH_WATERMARK: &str = "replication-offset-checkpoint";
/// Log start offset per partition, where it differs from the first segment's base offset.
pub const LOG_START: &str = "log-start-offset-checkpoint";
/// Offset up to which a log is compacted, per partition.
pub const CLEANED_TO: &str = "cleaner-offset-checkpoint";
/// The leader epochs of one partition and their start offsets.
pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// The topic id of one partition.
pub const PARTITION_METADATA: &str = "partition.metadata";

fn damaged(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged: {why}", path.display()))
}

/// Returns the lines of a checkpoint of version 0; `None` if the file does not exist.
fn lines(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<String>>> {
    if !disk.exists(path) {
        return Ok(None);
    }
    let text = String::from_utf8(read_all(disk, path)?).map_err(|_| damaged(path, "not text"))?;
    if text.is_empty() {
        // Kafka creates the file before there is anything to write.
        return Ok(None);
    }
    let mut lines = text.lines();
    if lines.next() != Some("0") {
        return Err(damaged(path, "its first line is not the version 0"));
    }
    let count: usize = lines
        .next()
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| damaged(path, "it has no count"))?;
    let entries: Vec<String> = lines.filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if entries.len() != count {
        return Err(damaged(path, "the count does not match the lines"));
    }
    Ok(Some(entries))
}

/// Reads an offset checkpoint; empty if there is none.
pub fn read_offsets(disk: &dyn Disk, path: &Path) -> io::Result<BTreeMap<TopicPartition, Offset>> {
    let mut offsets = BTreeMap::new();
    for line in lines(disk, path)?.unwrap_or_default() {
        let mut words = line.split(' ');
        let (topic, partition, offset) = (words.next(), words.next(), words.next());
        let entry = (|| {
            let id = TopicPartition::new(topic?, partition?.parse().ok()?);
            Some((id, offset?.parse().ok()?))
        })();
        let (id, offset) =
            entry.ok_or_else(|| damaged(path, "a line is not `topic partition offset`"))?;
        offsets.insert(id, offset);
    }
    Ok(offsets)
}

/// Replaces an offset checkpoint.
pub fn write_offsets(
    disk: &dyn Disk,
    path: &Path,
    offsets: &BTreeMap<TopicPartition, Offset>,
) -> io::Result<()> {
    let mut text = format!("0\n{}\n", offsets.len());
    for (id, offset) in offsets {
        text.push_str(&format!("{} {} {offset}\n", id.topic, id.partition));
    }
    replace(disk, path, text.as_bytes())
}

/// Reads the leader epochs of a partition: epoch and start offset, ascending.
pub fn read_epochs(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<(i32, Offset)>>> {
    let Some(lines) = lines(disk, path)? else { return Ok(None) };
    let entries: Option<Vec<_>> = lines
        .iter()
        .map(|line| {
            let (epoch, offset) = line.split_once(' ')?;
            Some((epoch.parse().ok()?, offset.parse().ok()?))
        })
        .collect();
    entries.map(Some).ok_or_else(|| damaged(path, "a line is not `epoch offset`"))
}

/// Replaces the leader epochs of a partition; durable `at_once`, or with the log's first flush.
pub fn write_epochs(
    disk: &dyn Disk,
    path: &Path,
    epochs: &[(i32, Offset)],
    at_once: bool,
) -> io::Result<()> {
    let mut text = format!("0\n{}\n", epochs.len());
    for (epoch, offset) in epochs {
        text.push_str(&format!("{epoch} {offset}\n"));
    }
    replacing(at_once)(disk, path, text.as_bytes())
}

/// Reads a partition's topic id; `None` if the file does not exist.
pub fn read_topic_id(disk: &dyn Disk, path: &Path) -> io::Result<Option<TopicId>> {
    if !disk.exists(path) {
        return Ok(None);
    }
    let text = String::from_utf8(read_all(disk, path)?).map_err(|_| damaged(path, "not text"))?;
    let id = text.lines().find_map(|line| line.strip_prefix("topic_id: ")).and_then(id_of);
    id.map(Some).ok_or_else(|| damaged(path, "it names no topic id"))
}

/// Writes a partition's topic id; durable `at_once`, or with the log's first flush.
pub fn write_topic_id(disk: &dyn Disk, path: &Path, id: TopicId, at_once: bool) -> io::Result<()> {
    let text = format!("version: 0\ntopic_id: {}\n", id_text(id));
    replacing(at_once)(disk, path, text.as_bytes())
}

/// Writes a partition's topic id as [`write_topic_id`] does, or checks that the file already has
/// it. A file that `may_be_torn` is overwritten if it cannot be read.
///
/// # Errors
/// An error from the disk, or the file has another topic's id.
pub fn identify(
    disk: &dyn Disk,
    path: &Path,
    id: TopicId,
    may_be_torn: bool,
    at_once: bool,
) -> io::Result<()> {
    let written = match read_topic_id(disk, path) {
        Err(error) if may_be_torn && error.kind() == io::ErrorKind::InvalidData => None,
        other => other?,
    };
    match written {
        None => write_topic_id(disk, path, id, at_once),
        Some(written) if written == id => Ok(()),
        Some(other) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} belongs to another topic, {}", path.display(), id_text(other)),
        )),
    }
}

/// Returns the function that replaces a small file with or without syncs. Two syncs for each small
/// file would be most of the time that creating a partition takes.
fn replacing(at_once: bool) -> fn(&dyn Disk, &Path, &[u8]) -> io::Result<()> {
    if at_once { replace } else { replace_for_now }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns an id as Kafka prints it: url-safe base64 without padding, 22 characters.
pub fn id_text(id: TopicId) -> String {
    let bits = id.as_u128();
    // 128 bits are 21 whole sextets and two more bits, followed by four zero bits.
    let sextet = |i: u32| (if i < 21 { bits >> (122 - 6 * i) } else { bits << 4 } & 63) as usize;
    (0..22).map(|i| char::from(ALPHABET[sextet(i)])).collect()
}

/// Parses an id; `None` if the text is not one.
pub fn id_of(text: &str) -> Option<TopicId> {
    if text.len() != 22 {
        return None;
    }
    let mut bits = 0_u128;
    for (i, byte) in text.bytes().enumerate() {
        let sextet = ALPHABET.iter().position(|b| *b == byte)? as u128;
        bits = if i < 21 { bits << 6 | sextet } else { bits << 2 | sextet >> 4 };
    }
    Some(TopicId::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::{OpenMode, OsDisk};

    #[test]
    fn ids_are_url_safe_base64() {
        let id = TopicId::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id_text(id), "ASNFZ4mrze8BI0VniavN7w");
        assert_eq!(id_of("ASNFZ4mrze8BI0VniavN7w"), Some(id));
        assert_eq!(id_of("short"), None);
    }

    #[test]
    fn offsets_come_back_and_a_wrong_count_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(RECOVERY_POINT);
        let offsets =
            BTreeMap::from([(TopicPartition::new("a", 0), 7), (TopicPartition::new("b.c", 3), 9)]);
        write_offsets(&OsDisk, &path, &offsets).unwrap();
        assert_eq!(read_all(&OsDisk, &path).unwrap(), b"0\n2\na 0 7\nb.c 3 9\n");
        assert_eq!(read_offsets(&OsDisk, &path).unwrap(), offsets);
        OsDisk.open(&path, OpenMode::Write).unwrap().write_at(b"0\n3", &[], 0).unwrap();
        assert!(read_offsets(&OsDisk, &path).unwrap_err().to_string().contains("count"));
    }

    #[test]
    fn a_partition_remembers_its_topic_id() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(PARTITION_METADATA);
        let id = TopicId::from_u128(77);
        assert_eq!(read_topic_id(&OsDisk, &path).unwrap(), None);
        write_topic_id(&OsDisk, &path, id, true).unwrap();
        assert_eq!(read_topic_id(&OsDisk, &path).unwrap(), Some(id));
    }
}
