//! What a compacted log must hold: what was appended, and what passes have looked at.

use std::collections::BTreeMap;

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<u8>,
    pub value: Option<Vec<u8>>,
}

/// What was appended at once.
#[derive(Debug, Clone)]
pub struct Stored {
    pub rows: Vec<Row>,
    pub producer: Option<i64>,
}

impl Stored {
    pub fn end(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.offset + 1)
    }
}

/// What has been appended, and what passes have looked at.
#[derive(Debug, Default)]
pub struct Model {
    pub batches: Vec<Stored>,
    /// Appended last, and the disk failed: it may be there.
    pub unsure: Option<Stored>,
    /// Everything below survives a loss of power.
    pub durable: i64,
    pub log_start: i64,
    /// Everything from here on no pass has touched.
    pub untouched: i64,
    /// No key stands twice below this offset.
    pub clean: i64,
    /// When a pass saw a tombstone for the first time, and whether one came after its time.
    pub tombstones: BTreeMap<i64, (i64, bool)>,
}

impl Model {
    pub fn end(&self) -> i64 {
        self.batches.last().map_or(0, Stored::end)
    }

    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.batches.iter().flat_map(|batch| &batch.rows)
    }

    /// A pass begins that may come up to here, and writes segments again that end below `sealed`.
    pub fn pass(&mut self, up_to: i64, sealed: i64, now: i64, retention_ms: i64) {
        self.untouched = self.untouched.max(up_to);
        let rows = self.batches.iter().flat_map(|batch| &batch.rows);
        for row in rows.filter(|row| row.value.is_none() && row.offset < sealed) {
            let (first, may_be_gone) = self.tombstones.entry(row.offset).or_insert((now, false));
            *may_be_gone |= row.offset < up_to && now >= *first + retention_ms;
        }
    }

    /// A start found the log ending here.
    pub fn found(&mut self, end: i64, least: i64) -> Result<(), String> {
        if end < least {
            return Err(format!("ends at {end}, {least} had to survive"));
        }
        if let Some(unsure) = self.unsure.take()
            && unsure.end() == end
        {
            self.batches.push(unsure);
        }
        self.batches.retain(|batch| batch.end() <= end);
        if self.end() != end {
            return Err(format!("ends at {end}, where no batch ended"));
        }
        self.untouched = self.untouched.min(end);
        self.clean = self.clean.min(end);
        Ok(())
    }

    pub fn check(&self, found: &[Row]) -> Result<(), String> {
        let all: BTreeMap<i64, &Row> = self.rows().map(|row| (row.offset, row)).collect();
        let mut last = -1;
        for row in found {
            if all.get(&row.offset) != Some(&row) {
                return Err(format!("found {row:?}, appended {:?}", all.get(&row.offset)));
            }
            if row.offset <= last {
                return Err(format!("offset {} after {last}", row.offset));
            }
            last = row.offset;
        }
        let found: BTreeMap<i64, &Row> = found.iter().map(|row| (row.offset, row)).collect();
        let mut last_of: BTreeMap<u8, &Row> = BTreeMap::new();
        for row in self.rows() {
            if row.offset >= self.untouched.max(self.log_start) && !found.contains_key(&row.offset)
            {
                return Err(format!(
                    "{row:?} is gone, and no pass went further than {}",
                    self.untouched
                ));
            }
            if let Some(key) = row.key {
                last_of.insert(key, row);
            }
        }
        for row in last_of.values().filter(|row| row.offset >= self.log_start) {
            let may_be_gone = self.tombstones.get(&row.offset).is_some_and(|(_, may)| *may);
            if !found.contains_key(&row.offset) && !may_be_gone {
                return Err(format!("the last of its key is gone: {row:?}"));
            }
        }
        self.check_clean(&found)
    }

    /// Below `clean` there is nothing that something else below it outdates.
    pub fn check_clean(&self, found: &BTreeMap<i64, &Row>) -> Result<(), String> {
        let mut newest: BTreeMap<u8, i64> = BTreeMap::new();
        for row in self.rows().filter(|row| row.offset < self.clean) {
            if let Some(key) = row.key {
                newest.insert(key, row.offset);
            }
        }
        for row in
            found.values().filter(|row| row.offset < self.clean && row.offset >= self.log_start)
        {
            let is_newest = row.key.is_some_and(|key| newest.get(&key) == Some(&row.offset));
            if !is_newest {
                return Err(format!("{row:?} stayed, cleaned to {}", self.clean));
            }
        }
        Ok(())
    }

    /// Where each producer's last batch ends.
    pub fn producers(&self) -> BTreeMap<i64, i64> {
        let of = |batch: &Stored| Some((batch.producer?, batch.end() - 1));
        self.batches.iter().filter_map(of).collect()
    }
}
