//! What must become of transactions, whatever happens to the broker.

use std::collections::{BTreeMap, BTreeSet};

/// A topic's name and how often it has been created, and a partition.
pub type Place = (&'static str, u32, i32);

/// What is known of a transaction's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Open,
    /// Its end was asked for, and not answered yet.
    Committing,
    /// It is committed.
    Committed,
    /// It is aborted, or will be.
    Aborted,
    /// Its end was asked for and never answered, and its producer has been replaced.
    Either,
}

/// One transaction.
#[derive(Debug)]
pub struct Transaction {
    pub outcome: Outcome,
    /// What it wrote: where, which offset if that was answered, and the value.
    pub writes: Vec<(Place, Option<i64>, String)>,
}

/// The transactions of a world, and the offsets committed in them.
#[derive(Debug, Default)]
pub struct Model {
    pub transactions: Vec<Transaction>,
    /// By partition, in the order in which they were recorded: the transaction and the offset.
    pub offsets: BTreeMap<i32, Vec<(usize, i64)>>,
    /// How often each topic was created.
    pub eras: BTreeMap<&'static str, u32>,
}

impl Model {
    pub fn begin(&mut self) -> usize {
        self.transactions.push(Transaction { outcome: Outcome::Open, writes: Vec::new() });
        self.transactions.len() - 1
    }

    pub fn place(&self, topic: &'static str, partition: i32) -> Place {
        (topic, self.eras.get(topic).copied().unwrap_or(0), partition)
    }

    /// Its producer is gone: what was not asked to be committed is aborted.
    pub fn abandon(&mut self, transaction: usize) {
        let outcome = &mut self.transactions[transaction].outcome;
        match outcome {
            Outcome::Open => *outcome = Outcome::Aborted,
            Outcome::Committing => *outcome = Outcome::Either,
            _ => {}
        }
    }

    /// A reader of committed records has found these in a partition: none is of a transaction that
    /// is not committed, and none is there twice. At rest, all that must be there is.
    pub fn check_reads(
        &self,
        place: Place,
        found: &[(i64, String)],
        at_rest: bool,
    ) -> Result<(), String> {
        let found: BTreeMap<&str, i64> = found.iter().map(|(o, v)| (v.as_str(), *o)).collect();
        let mut known = BTreeSet::new();
        for (number, transaction) in self.transactions.iter().enumerate() {
            for (at, offset, value) in transaction.writes.iter().filter(|(at, ..)| *at == place) {
                known.insert(value.as_str());
                let is_there = found.get(value.as_str());
                let wrong = match transaction.outcome {
                    Outcome::Open | Outcome::Aborted => is_there.is_some(),
                    Outcome::Committed => at_rest && is_there.is_none(),
                    Outcome::Committing | Outcome::Either => false,
                };
                if wrong {
                    let outcome = transaction.outcome;
                    return Err(format!(
                        "{value} of {number} ({outcome:?}) in {at:?}: {is_there:?}"
                    ));
                }
                if let (Some(offset), Some(found)) = (offset, is_there)
                    && offset != found
                {
                    return Err(format!("{value} is at {found}, and was answered with {offset}"));
                }
            }
        }
        match found.keys().find(|value| !known.contains(*value)) {
            Some(value) => Err(format!("{value} in {place:?} was never written there")),
            None => Ok(()),
        }
    }

    /// Of each transaction whose end is not known, all that is left was found, or nothing.
    pub fn check_whole(&self, found: &BTreeMap<Place, Vec<(i64, String)>>) -> Result<(), String> {
        for (number, transaction) in self.transactions.iter().enumerate() {
            let there = transaction.writes.iter().filter_map(|(place, _, value)| {
                let values = found.get(place)?;
                Some(values.iter().any(|(_, found)| found == value))
            });
            let there: BTreeSet<bool> = there.collect();
            if there.len() > 1 {
                return Err(format!("transaction {number} is there in part: {transaction:?}"));
            }
        }
        Ok(())
    }

    /// The offsets that a partition may have: that of the last committed transaction, or of a later
    /// one whose end is not known.
    pub fn check_offset(&self, partition: i32, found: i64) -> Result<(), String> {
        let recorded = self.offsets.get(&partition).map_or(&[][..], Vec::as_slice);
        for (transaction, offset) in recorded.iter().rev() {
            let outcome = self.transactions[*transaction].outcome;
            let may_be = !matches!(outcome, Outcome::Aborted | Outcome::Open);
            if may_be && *offset == found {
                return Ok(());
            }
            if outcome == Outcome::Committed {
                return Err(format!(
                    "partition {partition} has {found}, not {offset}: {recorded:?}"
                ));
            }
        }
        match found {
            -1 => Ok(()),
            _ => Err(format!("partition {partition} has {found}: {recorded:?}")),
        }
    }
}
