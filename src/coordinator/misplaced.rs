//! Records that are in another partition than the one of their group.
//!
//! Ottla once wrote all records to partition 0, also where Apache Kafka had created 50 partitions
//! and kept each group in its own; and a topic may have been given more partitions. The same key
//! can then be in several partitions. Its newest record counts, by timestamp, whichever partition
//! it is in, and everything is moved to where it belongs: Kafka looks for a group in its partition
//! only.

use std::collections::HashMap;

use crate::machine::MachineRecord;

/// A key that has records in a partition where they do not belong.
#[derive(Debug)]
struct MisplacedKey<R> {
    /// The last record of each of these partitions.
    last: Vec<MisplacedRecord<R>>,
    /// The timestamp of the newest record in the partition of the group.
    at_home: Option<i64>,
}

#[derive(Debug)]
struct MisplacedRecord<R> {
    partition: usize,
    timestamp: i64,
    record: R,
}

/// The misplaced records of a topic.
#[derive(Debug)]
pub struct MisplacedRecords<R> {
    by_key: HashMap<Vec<u8>, MisplacedKey<R>>,
}

impl<R> Default for MisplacedRecords<R> {
    fn default() -> MisplacedRecords<R> {
        MisplacedRecords { by_key: HashMap::new() }
    }
}

/// What has to be written so that no record is misplaced any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Relocation<R> {
    /// Records that count, to be written to the partition of their group.
    pub moved: Vec<R>,
    /// Tombstones, each for a partition that is not the one of the group.
    pub removed: Vec<(usize, R)>,
    /// Number of keys whose misplaced records are obsolete.
    pub obsolete: usize,
}

impl<R> Default for Relocation<R> {
    fn default() -> Relocation<R> {
        Relocation { moved: Vec::new(), removed: Vec::new(), obsolete: 0 }
    }
}

impl<R: MachineRecord> MisplacedRecords<R> {
    /// Adds a record of `partition`; the records of a partition are added together and in order.
    pub fn add(&mut self, partition: usize, timestamp: i64, record: R) {
        let empty = || MisplacedKey { last: Vec::new(), at_home: None };
        let key = self.by_key.entry(record.key()).or_insert_with(empty);
        if key.last.last().is_some_and(|last| last.partition == partition) {
            key.last.pop();
        }
        key.last.push(MisplacedRecord { partition, timestamp, record });
    }

    /// Iterates over the ids of the records. An id may come more than once.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let records = self.by_key.values().flat_map(|key| key.last.first());
        records.map(|misplaced| misplaced.record.placement())
    }

    /// Notes a record in the partition of its group.
    pub fn note_at_home(&mut self, timestamp: i64, record: &R) {
        if let Some(key) = self.by_key.get_mut(&record.key()) {
            key.at_home = key.at_home.max(Some(timestamp));
        }
    }

    /// Decides which records count: the newest of each key, and at equal timestamps the one in the
    /// partition of the group.
    pub fn relocation(self) -> Relocation<R> {
        let mut relocation = Relocation::default();
        let mut moved: Vec<MisplacedRecord<R>> = Vec::new();
        for key in self.by_key.into_values() {
            let with_value = key.last.iter().filter(|misplaced| !misplaced.record.is_tombstone());
            let tombstone = |misplaced: &MisplacedRecord<R>| {
                (misplaced.partition, misplaced.record.tombstone())
            };
            relocation.removed.extend(with_value.map(tombstone));
            let newest = key.last.into_iter().max_by_key(|misplaced| misplaced.timestamp);
            match newest.filter(|newest| Some(newest.timestamp) > key.at_home) {
                // Where nothing is, there is nothing to delete.
                Some(newest) if newest.record.is_tombstone() && key.at_home.is_none() => {}
                Some(newest) => moved.push(newest),
                None => relocation.obsolete += 1,
            }
        }
        // In the order in which they were written: of a group's records the last one may decide.
        moved.sort_by_cached_key(|misplaced| (misplaced.timestamp, misplaced.record.key()));
        relocation.moved = moved.into_iter().map(|misplaced| misplaced.record).collect();
        relocation.removed.sort_by_cached_key(|(partition, record)| (*partition, record.key()));
        relocation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::records::{OffsetAndMetadata, Record};

    fn offset(topic: &str, value: Option<i64>) -> Record {
        let value = value.map(|offset| OffsetAndMetadata {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            commit_ms: 0,
            expire_ms: None,
        });
        Record::Offset { group: "g".to_owned(), topic: topic.to_owned(), partition: 0, value }
    }

    #[test]
    fn the_newest_record_of_each_key_counts_wherever_it_is() {
        let mut misplaced = MisplacedRecords::default();
        for topic in ["newer", "same", "older", "only"] {
            misplaced.add(0, 50, offset(topic, Some(1)));
            misplaced.add(0, 10, offset(topic, Some(2)));
        }
        for (topic, timestamp) in [("newer", 9), ("same", 10), ("older", 11), ("older", 3)] {
            misplaced.note_at_home(timestamp, &offset(topic, Some(3)));
        }
        misplaced.note_at_home(99, &offset("unrelated", Some(3)));
        let relocation = misplaced.relocation();
        assert_eq!(relocation.moved, [offset("only", Some(2)), offset("newer", Some(2))]);
        assert_eq!(relocation.obsolete, 2);
        let removed = ["newer", "older", "only", "same"].map(|topic| (0, offset(topic, None)));
        let mut sorted = removed.to_vec();
        sorted.sort_by_cached_key(|(_, record)| record.key());
        assert_eq!(relocation.removed, sorted);
    }

    #[test]
    fn of_several_partitions_the_newest_counts_and_all_are_cleared() {
        let mut misplaced = MisplacedRecords::default();
        misplaced.add(0, 7, offset("t", Some(1)));
        misplaced.add(2, 9, offset("t", Some(2)));
        misplaced.add(3, 8, offset("t", Some(3)));
        let relocation = misplaced.relocation();
        assert_eq!(relocation.moved, [offset("t", Some(2))]);
        assert_eq!(relocation.removed, [0, 2, 3].map(|partition| (partition, offset("t", None))));
    }

    #[test]
    fn a_misplaced_tombstone_deletes_what_is_older_and_is_not_removed() {
        let mut misplaced = MisplacedRecords::default();
        misplaced.add(0, 7, offset("here", Some(1)));
        misplaced.add(0, 8, offset("here", None));
        misplaced.add(0, 8, offset("nowhere", None));
        misplaced.note_at_home(5, &offset("here", Some(2)));
        let relocation = misplaced.relocation();
        let moved = vec![offset("here", None)];
        assert_eq!(relocation, Relocation { moved, removed: Vec::new(), obsolete: 0 });
    }
}
