//! What a log should hold and answer: the same rules, in the simplest form.

use std::collections::{BTreeMap, VecDeque};

use ottla::storage::batch::{BatchView, sequence_after};

use crate::batches::{Batch, Producer, Record};

/// How many of a producer's batches are remembered, to know duplicates by.
pub const WINDOW: usize = 5;

/// A batch where it lies.
#[derive(Debug, Clone)]
pub struct Stored {
    pub base_offset: i64,
    pub batch: Batch,
    /// Its bytes in the log.
    pub bytes: Vec<u8>,
}

impl Stored {
    pub fn new(base_offset: i64, leader_epoch: i32, batch: Batch) -> Stored {
        let sent = batch.encode();
        let view = BatchView::first(&sent).expect("a whole batch");
        let head = view.placed_at(base_offset, leader_epoch);
        Stored { base_offset, batch, bytes: [&head, &sent[head.len()..]].concat() }
    }

    pub fn end_offset(&self) -> i64 {
        self.base_offset + self.batch.records.len() as i64
    }

    /// Its records with their offsets.
    fn records(&self) -> impl Iterator<Item = (i64, &Record)> {
        (self.base_offset..).zip(&self.batch.records)
    }
}

/// What the log should answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Stored, from this offset on.
    Placed(i64),
    /// Stored before, from that offset on.
    Duplicate(i64),
    /// A gap in the producer's sequence.
    OutOfOrder,
    /// A newer epoch of the producer was seen.
    Fenced,
}

/// One batch that a producer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub first: i32,
    pub last: i32,
    pub base_offset: i64,
}

/// What is known of a producer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub epoch: i16,
    pub window: VecDeque<Sent>,
}

impl Known {
    /// The sequence that comes next.
    pub fn next(&self) -> i32 {
        self.window.back().map_or(0, |sent| sequence_after(sent.last, 1))
    }
}

/// One partition's log, as it should be.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Everything that was acknowledged, in order.
    pub stored: Vec<Stored>,
    /// Batches whose append failed in the middle: one may be there, as the last, or none.
    pub unsure: Vec<Stored>,
    /// How many of `stored` are known to be durable.
    pub durable: usize,
    /// Every producer, as its batches tell.
    pub producers: BTreeMap<i64, Known>,
}

impl Model {
    pub fn end(&self) -> i64 {
        self.stored.last().map_or(0, Stored::end_offset)
    }

    /// Everything below this offset is known to be durable.
    pub fn durable_end(&self) -> i64 {
        self.durable.checked_sub(1).map_or(0, |last| self.stored[last].end_offset())
    }

    /// What the log should answer to this batch.
    pub fn answer(&self, batch: &Batch) -> Answer {
        let placed = Answer::Placed(self.end());
        let Some(producer) = batch.producer else { return placed };
        let Some(known) = self.producers.get(&producer.id) else { return placed };
        let sent = sent(&producer, batch.records.len(), 0);
        let same = |s: &&Sent| (s.first, s.last) == (sent.first, sent.last);
        match producer.epoch.cmp(&known.epoch) {
            std::cmp::Ordering::Less => Answer::Fenced,
            std::cmp::Ordering::Greater if producer.sequence == 0 => placed,
            std::cmp::Ordering::Greater => Answer::OutOfOrder,
            std::cmp::Ordering::Equal => match known.window.iter().find(same) {
                Some(sent) => Answer::Duplicate(sent.base_offset),
                None if producer.sequence == known.next() => placed,
                None => Answer::OutOfOrder,
            },
        }
    }

    /// A batch was stored.
    pub fn store(&mut self, stored: Stored) {
        if let Some(producer) = stored.batch.producer {
            let known = self.producers.entry(producer.id).or_default();
            if producer.epoch != known.epoch {
                *known = Known { epoch: producer.epoch, window: VecDeque::new() };
            }
            let count = stored.batch.records.len();
            known.window.push_back(sent(&producer, count, stored.base_offset));
            if known.window.len() > WINDOW {
                known.window.pop_front();
            }
        }
        self.stored.push(stored);
    }

    /// Everything up to this end offset is durable now.
    pub fn synced_to(&mut self, end: i64) {
        let durable = self.stored.iter().take_while(|s| s.end_offset() <= end).count();
        self.durable = self.durable.max(durable);
    }

    /// The log was found again with these batches. At least `least` of them must be there, what
    /// is there must be what was appended, in order, and nothing may be there beside it. What is
    /// not there is forgotten.
    pub fn found(&mut self, log: &[u8], least: usize) -> Result<(), String> {
        let all = std::mem::take(&mut self.stored);
        let unsure = std::mem::take(&mut self.unsure);
        self.producers.clear();
        let mut rest = log;
        for stored in all {
            let Some(after) = rest.strip_prefix(stored.bytes.as_slice()) else { break };
            rest = after;
            self.store(stored);
        }
        let end = self.end();
        let last = |s: &Stored| s.base_offset == end && s.bytes == rest;
        if let Some(stored) = unsure.into_iter().find(last) {
            rest = &[];
            self.store(stored);
        }
        if !rest.is_empty() {
            let (n, more) = (self.stored.len(), rest.len());
            return Err(format!(
                "batch {n} is not what was appended, nor are {more} bytes from it"
            ));
        }
        if self.stored.len() < least {
            return Err(format!("{} batches survive of {least} that had to", self.stored.len()));
        }
        self.durable = self.durable.min(self.stored.len());
        Ok(())
    }

    /// The base offset of the batch that a read from `offset` begins with.
    pub fn batch_of(&self, offset: i64) -> Option<i64> {
        self.stored.iter().find(|s| s.end_offset() > offset).map(|s| s.base_offset)
    }

    /// The first record that is as late as `timestamp`: its offset and its timestamp.
    pub fn at_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        let mut records = self.stored.iter().flat_map(Stored::records);
        records.find(|(_, r)| r.timestamp >= timestamp).map(|(offset, r)| (offset, r.timestamp))
    }

    /// Every timestamp at which a lookup could begin to answer something else.
    pub fn interesting_times(&self) -> Vec<i64> {
        let records = self.stored.iter().flat_map(Stored::records);
        let mut times: Vec<i64> =
            records.flat_map(|(_, r)| [r.timestamp, r.timestamp + 1]).chain([0]).collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}

fn sent(producer: &Producer, count: usize, base_offset: i64) -> Sent {
    let last = sequence_after(producer.sequence, count as i32 - 1);
    Sent { first: producer.sequence, last, base_offset }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batches::Packing;

    fn batch(epoch: i16, sequence: i32, count: i64) -> Batch {
        let record = |i| Record { timestamp: 100 + i, key: None, value: vec![] };
        let producer = Some(Producer { id: 4, epoch, sequence });
        Batch { packing: Packing::Plain, producer, records: (0..count).map(record).collect() }
    }

    fn append(model: &mut Model, batch: Batch) -> Answer {
        let answer = model.answer(&batch);
        if let Answer::Placed(offset) = answer {
            model.store(Stored::new(offset, 0, batch));
        }
        answer
    }

    #[test]
    fn the_model_knows_the_last_five_batches_of_a_producer() {
        let mut model = Model::default();
        assert_eq!(append(&mut model, batch(0, i32::MAX - 1, 2)), Answer::Placed(0));
        for i in 0..5 {
            assert_eq!(
                append(&mut model, batch(0, i * 2, 2)),
                Answer::Placed(2 + 2 * i64::from(i))
            );
        }
        assert_eq!(append(&mut model, batch(0, i32::MAX - 1, 2)), Answer::OutOfOrder);
        assert_eq!(append(&mut model, batch(0, 0, 2)), Answer::Duplicate(2));
        assert_eq!(append(&mut model, batch(0, 0, 3)), Answer::OutOfOrder);
        assert_eq!(append(&mut model, batch(0, 11, 1)), Answer::OutOfOrder);
        assert_eq!(append(&mut model, batch(1, 3, 1)), Answer::OutOfOrder);
        assert_eq!(append(&mut model, batch(1, 0, 1)), Answer::Placed(12));
        assert_eq!(append(&mut model, batch(0, 10, 1)), Answer::Fenced);
    }

    #[test]
    fn the_model_refuses_what_is_missing_changed_or_invented() {
        let mut model = Model::default();
        for i in 0..4 {
            append(&mut model, batch(0, i, 1));
        }
        let whole: Vec<u8> = model.stored.iter().flat_map(|s| s.bytes.clone()).collect();
        let one = model.stored[0].bytes.len();
        assert!(model.clone().found(&whole, 4).is_ok());
        assert!(model.clone().found(&whole[..3 * one], 3).is_ok());
        assert!(model.clone().found(&whole[..3 * one], 4).is_err());
        assert!(model.clone().found(&whole[one..], 0).is_err());
        assert!(model.clone().found(&[whole.as_slice(), b"x"].concat(), 0).is_err());
        model.unsure = vec![Stored::new(4, 0, batch(0, 4, 1))];
        let more = [whole.as_slice(), &Stored::new(4, 0, batch(0, 4, 1)).bytes].concat();
        assert!(model.clone().found(&more, 4).is_ok());
    }

    #[test]
    fn the_model_finds_by_offset_and_by_time() {
        let mut model = Model::default();
        append(&mut model, batch(0, 0, 3));
        append(&mut model, batch(0, 3, 5));
        assert_eq!(
            (model.batch_of(2), model.batch_of(3), model.batch_of(8)),
            (Some(0), Some(3), None)
        );
        assert_eq!(model.at_time(102), Some((2, 102)));
        assert_eq!(model.at_time(104), Some((7, 104)));
        assert_eq!(model.at_time(105), None);
        assert_eq!(model.interesting_times(), [0, 100, 101, 102, 103, 104, 105]);
    }
}
