//! The leader epochs of a log: at which offset each began (KIP-101), as in
//! `leader-epoch-checkpoint`.
//!
//! The broker never begins an epoch by itself. Apache Kafka does at each start, so that a directory
//! that comes from it has several; the log continues in the last.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::storage::checkpoint::{LEADER_EPOCHS, read_epochs, write_epochs};
use crate::storage::disk::Disk;
use crate::types::Offset;

/// The leader epoch in which a log begins.
pub const FIRST_EPOCH: i32 = 0;

/// Epochs and the offsets at which they began, both ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderEpochs(Arc<[(i32, Offset)]>);

impl LeaderEpochs {
    /// Reads the epochs of a log; writes the first one if there is no file. A file that cannot be
    /// read is replaced: a power loss may have torn it.
    pub fn open(disk: &dyn Disk, dir: &Path, at_once: bool) -> io::Result<LeaderEpochs> {
        let path = dir.join(LEADER_EPOCHS);
        let first = || LeaderEpochs([(FIRST_EPOCH, 0)].into());
        let kept = match disk.exists(&path) {
            true => read_epochs(disk, &path),
            false => Err(io::ErrorKind::InvalidData.into()),
        };
        match kept {
            // Kafka creates the file before there is anything to write.
            Ok(entries) => Ok(entries.map_or_else(first, |entries| LeaderEpochs(entries.into()))),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                write_epochs(disk, &path, &first().0, at_once)?;
                Ok(first())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the epochs that began up to `end`, where the log ends: after a crash it may have
    /// lost the others.
    pub fn up_to(self, end: Offset) -> LeaderEpochs {
        match self.0.last() {
            Some((_, start)) if *start > end => {
                LeaderEpochs(self.0.iter().copied().filter(|(_, start)| *start <= end).collect())
            }
            _ => self,
        }
    }

    /// Returns the epochs with one that begins at `offset`, the end of the log; `None` if it, or a
    /// later one, has begun. An epoch without a record is forgotten.
    pub fn with(&self, epoch: i32, offset: Offset) -> Option<LeaderEpochs> {
        if epoch <= self.current() {
            return None;
        }
        let used = self.0.iter().copied().filter(|(_, start)| *start < offset);
        Some(LeaderEpochs(used.chain([(epoch, offset)]).collect()))
    }

    /// Returns the epochs of a log that was never written.
    pub fn unwritten(epoch: i32) -> LeaderEpochs {
        let first = LeaderEpochs([(FIRST_EPOCH, 0)].into());
        first.with(epoch, 0).unwrap_or(first)
    }

    /// Writes the epochs to the log's directory.
    pub fn write(&self, disk: &dyn Disk, dir: &Path, at_once: bool) -> io::Result<()> {
        write_epochs(disk, &dir.join(LEADER_EPOCHS), &self.0, at_once)
    }

    /// Returns the current epoch: the one of the next batch.
    pub fn current(&self) -> i32 {
        self.0.last().map_or(FIRST_EPOCH, |(epoch, _)| *epoch)
    }

    /// Returns the epoch of the record at `offset`, if it is known.
    pub fn of(&self, offset: Offset) -> Option<i32> {
        let after = self.0.partition_point(|(_, start)| *start <= offset);
        after.checked_sub(1).map(|index| self.0[index].0)
    }

    /// Returns the last epoch of the log `start..end` that is not later than `epoch`, and the
    /// offset at which it ended; `None` if `epoch` has not begun. If all of the log is later, the
    /// offset is its start (Kafka: `LeaderEpochFileCache.endOffsetFor`).
    pub fn end_of(&self, epoch: i32, start: Offset, end: Offset) -> Option<(i32, Offset)> {
        if epoch == -1 {
            return None;
        }
        if epoch == self.current() {
            return Some((epoch, end));
        }
        // Of what the log no longer has, only the epoch at its start counts.
        let gone = self.0.partition_point(|(_, begun)| *begun <= start).saturating_sub(1);
        let kept = &self.0[gone..];
        let later = kept.partition_point(|(begun, _)| *begun <= epoch);
        let (_, ended) = kept.get(later)?;
        let floor = later.checked_sub(1).map_or(epoch, |index| kept[index].0);
        Some((floor, (*ended).max(start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::disk::{OsDisk, read_all};

    fn epochs(entries: &[(i32, Offset)]) -> LeaderEpochs {
        LeaderEpochs(entries.into())
    }

    #[test]
    fn an_epoch_begins_once_and_forgets_those_without_a_record() {
        let first = epochs(&[(0, 0), (2, 5)]);
        assert_eq!((first.with(2, 9), first.with(1, 9)), (None, None));
        assert_eq!(first.with(3, 9), Some(epochs(&[(0, 0), (2, 5), (3, 9)])));
        assert_eq!(first.with(3, 5), Some(epochs(&[(0, 0), (3, 5)])));
        assert_eq!(epochs(&[(0, 0)]).with(4, 0), Some(epochs(&[(4, 0)])));
        assert_eq!((first.clone().up_to(5), first.clone().up_to(4)), (first, epochs(&[(0, 0)])));
    }

    /// As `LeaderEpochFileCache` of Kafka 4.4.0 says.
    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let all = epochs(&[(1, 0), (3, 5), (6, 9)]);
        let end_of = |epoch| all.end_of(epoch, 0, 12);
        assert_eq!([-1, 7].map(end_of), [None, None]);
        assert_eq!([6, 5, 3].map(end_of), [Some((6, 12)), Some((3, 9)), Some((3, 9))]);
        assert_eq!(
            [2, 1, 0, -5].map(end_of),
            [Some((1, 5)), Some((1, 5)), Some((0, 0)), Some((-5, 0))]
        );
        assert_eq!(all.end_of(1, 7, 12), Some((1, 7)), "its records are gone");
        assert_eq!(all.end_of(4, 7, 12), Some((3, 9)));
        assert_eq!([0, 4, 5, 9, 99].map(|at| all.of(at)), [1, 1, 3, 6, 6].map(Some));
        assert_eq!(epochs(&[(1, 5)]).of(4), None);
    }

    #[test]
    fn a_torn_file_is_replaced_and_an_empty_one_is_the_first_epoch() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LEADER_EPOCHS);
        let open = || LeaderEpochs::open(&OsDisk, dir.path(), true).unwrap();
        assert_eq!(open(), epochs(&[(0, 0)]));
        open().with(5, 7).unwrap().write(&OsDisk, dir.path(), true).unwrap();
        assert_eq!(open(), epochs(&[(0, 0), (5, 7)]));
        for torn in ["", "0\n2\n0 0\n", "0\n1\nx\n"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(open(), epochs(&[(0, 0)]), "{torn}");
        }
        assert_eq!(read_all(&OsDisk, &path).unwrap(), b"0\n1\n0 0\n");
    }
}
