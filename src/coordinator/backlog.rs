//! Records that wait for room on a full disk.
//!
//! **Invariant:** there are at most twice as many as the groups have keys: of each key only the
//! newest is kept, as compaction would.

use std::collections::HashSet;

use crate::groups::records::Record;

/// Fewer are not worth looking through.
const FEW: usize = 1024;

/// Records that are not written yet, oldest first.
#[derive(Debug, Default)]
pub struct Backlog {
    records: Vec<Record>,
    /// How many there were when only the newest of each key had been kept.
    distinct: usize,
}

impl Backlog {
    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What waits, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Let more wait.
    pub fn extend(&mut self, records: Vec<Record>) {
        self.records.extend(records);
        if self.records.len() < 2 * self.distinct.max(FEW) {
            return;
        }
        let mut seen = HashSet::new();
        let mut kept: Vec<Record> = std::mem::take(&mut self.records);
        kept.reverse();
        kept.retain(|record| seen.insert(record.encode().0));
        kept.reverse();
        self.distinct = kept.len();
        self.records = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_key_the_newest_stays_and_the_order_too() {
        let gone = |partition| Record::Offset {
            group: "g".to_owned(),
            topic: "t".to_owned(),
            partition,
            value: None,
        };
        let mut backlog = Backlog::default();
        for round in 0..10_000 {
            backlog.extend(vec![gone(round % 7), gone(-1)]);
            assert!(backlog.records().len() < 2 * FEW + 2);
        }
        backlog.extend((0..2 * FEW as i32).map(|_| gone(3)).collect());
        assert_eq!(backlog.records().len(), 8);
        assert_eq!(backlog.records().last(), Some(&gone(3)));
    }
}
