//! Records that wait for space on a full disk.
//!
//! **Invariant:** there are at most as many records as the groups have keys: only the newest record
//! of each key is kept, as in compaction.

use std::collections::{BTreeMap, HashMap};

use crate::groups::records::Record;

/// Records that have not been written yet, oldest first.
#[derive(Debug, Default)]
pub struct Backlog {
    records: BTreeMap<u64, Record>,
    newest: HashMap<Vec<u8>, u64>,
    next: u64,
}

impl Backlog {
    /// Returns true if no records are waiting.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the oldest records, at most `count`.
    pub fn oldest(&self, count: usize) -> Vec<Record> {
        self.records.values().take(count).cloned().collect()
    }

    /// Removes the `count` oldest records, which have been written.
    pub fn forget(&mut self, count: usize) {
        for _ in 0..count {
            let Some((_, record)) = self.records.pop_first() else { return };
            self.newest.remove(&record.key());
        }
    }

    /// Adds records.
    pub fn extend(&mut self, records: Vec<Record>) {
        for record in records {
            if let Some(before) = self.newest.insert(record.key(), self.next) {
                self.records.remove(&before);
            }
            self.records.insert(self.next, record);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(partition: i32) -> Record {
        Record::Offset { group: "g".to_owned(), topic: "t".to_owned(), partition, value: None }
    }

    #[test]
    fn of_each_key_the_newest_stays_and_the_order_too() {
        let mut backlog = Backlog::default();
        for round in 0..10_000 {
            backlog.extend(vec![gone(round % 7), gone(-1)]);
            assert!(backlog.records.len() <= 8 && backlog.newest.len() <= 8);
        }
        backlog.extend(vec![gone(3); 100]);
        assert_eq!(backlog.records.len(), 8);
        assert_eq!(backlog.records.values().last(), Some(&gone(3)));
    }

    #[test]
    fn what_is_written_is_forgotten_piece_by_piece() {
        let mut backlog = Backlog::default();
        backlog.extend((0..10).map(gone).collect());
        assert_eq!(backlog.oldest(4), (0..4).map(gone).collect::<Vec<_>>());
        backlog.forget(4);
        backlog.extend(vec![gone(4), gone(0)]);
        let left: Vec<i32> = vec![5, 6, 7, 8, 9, 4, 0];
        assert_eq!(backlog.oldest(100), left.into_iter().map(gone).collect::<Vec<_>>());
        backlog.forget(100);
        assert!(backlog.is_empty() && backlog.newest.is_empty());
    }
}
