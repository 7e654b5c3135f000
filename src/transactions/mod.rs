//! The transaction coordinator's state machine (no I/O): `(now, command)` to records and replies.
//!
//! The rules are those of Kafka's `TransactionCoordinator` and `TransactionMetadata`, for the
//! classic flow (KIP-98) and for the one in which every transaction has its own epoch (KIP-890).
//!
//! **Invariant:** the value of an id is changed by `apply` alone, to that of the record. What else
//! there is (which markers are written, when ids are looked at next) is derived from the values, or
//! lost with the process without harm: a marker may be written twice.
//!
//! **Invariant:** a step looks at no more than a [`SLICE`] of ids, and at the partitions of its
//! command and of as many transactions.
//!
//! A transition is decided, written and applied before the next command is looked at, so there is
//! no state in between. Only the markers take longer: an id in a Prepare state answers everything
//! with [`Concurrent`](error::TransactionError::Concurrent) until all of them are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Now;
use crate::transactions::error::TransactionError;
use crate::transactions::pending_markers::PendingMarkers;
use crate::transactions::records::{Record, TransactionValue};
use crate::transactions::state::{TransactionState, TransactionVersion};

mod add;
mod admin;
pub mod command;
mod deadlines;
mod dispatch;
mod end;
pub mod error;
mod init;
mod markers;
pub mod partitions;
mod pending_markers;
pub mod questions;
pub mod records;
pub mod state;

/// Number of ids of a longer list that one step processes.
const SLICE: usize = 4096;

/// Approximate memory of an id beside its name and its partitions, in bytes.
const ID_BYTES: usize = 512;
/// How many copies of its name an id has.
const NAMES: usize = 2;

/// Size of the partitions that fit into one record: the largest batch of the topic by Kafka's
/// default of `message.max.bytes`.
const PARTITIONS_BYTES_MAX: usize = 1_000_000;

/// The result of one step.
type Step = crate::machine::Step<Record, command::Reply>;

/// Returns the `transaction.version` that the cluster has finalized.
pub type FinalizedVersion = Box<dyn Fn() -> TransactionVersion + Send>;

/// The coordinator's configs.
#[derive(Debug, Clone)]
pub struct TransactionCoordinatorConfig {
    /// `transaction.max.timeout.ms`.
    pub timeout_max_ms: i32,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub timeout_check_ms: i64,
    /// `transactional.id.expiration.ms`.
    pub expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub expiration_check_ms: i64,
    /// `transactional.id.max.count`.
    pub ids_max: usize,
    /// `transaction.coordinator.max.bytes`.
    pub bytes_max: usize,
}

/// All transactional ids of the coordinator.
pub struct Transactions {
    rules: TransactionCoordinatorConfig,
    finalized: FinalizedVersion,
    ids: BTreeMap<Arc<str>, Box<TransactionValue>>,
    /// When the transaction of each id with an open one times out, ms since 1970.
    timeouts: BTreeSet<(i64, Arc<str>)>,
    /// When each id without a transaction was last used, ms since 1970.
    at_rest: BTreeSet<(i64, Arc<str>)>,
    markers: PendingMarkers,
    timeout_check_due_ms: Option<i64>,
    expiration_check_due_ms: Option<i64>,
    bytes: usize,
    /// Number of transactions that have been completed since the start.
    completed: u64,
}

impl Transactions {
    /// Creates a coordinator without ids.
    pub fn new(rules: TransactionCoordinatorConfig, finalized: FinalizedVersion) -> Transactions {
        Transactions {
            rules,
            finalized,
            ids: BTreeMap::new(),
            timeouts: BTreeSet::new(),
            at_rest: BTreeSet::new(),
            markers: PendingMarkers::default(),
            timeout_check_due_ms: None,
            expiration_check_due_ms: None,
            bytes: 0,
            completed: 0,
        }
    }

    /// Returns the number of ids, and about how much memory they take, in bytes.
    pub fn usage(&self) -> (usize, usize) {
        (self.ids.len(), self.bytes)
    }

    /// Returns how many transactions have been completed since the start.
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// Returns the record of an id's next value.
    fn record(&self, id: &str, value: TransactionValue) -> Record {
        let version = (self.finalized)();
        Record { id: id.to_owned(), value: Some(Box::new(value)), version }
    }

    /// Refuses a value that would exceed a limit.
    fn check_room(&self, id: &str, value: &TransactionValue) -> Result<(), TransactionError> {
        if value.partitions.bytes() > PARTITIONS_BYTES_MAX {
            return Err(TransactionError::TooLarge);
        }
        let before = match self.ids.get(id) {
            Some(known) => bytes_of(id, known),
            None if self.ids.len() >= self.rules.ids_max => return Err(TransactionError::Limit),
            None => 0,
        };
        let (after, bytes_max) = (bytes_of(id, value), self.rules.bytes_max);
        match after > before && self.bytes - before + after > bytes_max {
            true => Err(TransactionError::Limit),
            false => Ok(()),
        }
    }

    /// Changes the value of an id, or removes it.
    fn put(&mut self, now: Now, id: &str, value: Option<&TransactionValue>) {
        let (id, old) = match self.ids.remove_entry(id) {
            Some((id, old)) => (id, Some(old)),
            None => (Arc::from(id), None),
        };
        if let Some(old) = old {
            self.bytes -= bytes_of(&id, &old);
            self.timeouts.remove(&(timeout_of(&old).unwrap_or_default(), id.clone()));
            self.at_rest.remove(&(old.update_ms, id.clone()));
            self.markers.remove(&id);
            let was_prepared = old.state.is_prepared();
            let is_completed = value.is_some_and(|value| !value.state.is_prepared());
            self.completed += u64::from(was_prepared && is_completed);
        }
        let Some(value) = value else { return };
        self.bytes += bytes_of(&id, value);
        if let Some(timeout) = timeout_of(value) {
            self.timeouts.insert((timeout, id.clone()));
            self.timeout_check_due_ms.get_or_insert(now.mono_ms + self.rules.timeout_check_ms);
        }
        if value.state.is_at_rest() {
            self.at_rest.insert((value.update_ms, id.clone()));
            self.expiration_check_due_ms
                .get_or_insert(now.mono_ms + self.rules.expiration_check_ms);
        }
        if value.state.is_prepared() {
            self.markers.add(id.clone(), value.partitions.clone());
        }
        self.ids.insert(id, Box::new(value.clone()));
    }
}

/// Returns about how much memory an id takes, in bytes.
fn bytes_of(id: &str, value: &TransactionValue) -> usize {
    ID_BYTES + NAMES * id.len() + value.partitions.bytes()
}

/// Returns when a transaction times out, ms since 1970: never if an external coordinator decides
/// on its end (KIP-939).
fn timeout_of(value: &TransactionValue) -> Option<i64> {
    let may_time_out = value.state == TransactionState::Ongoing && value.timeout_ms != i32::MAX;
    may_time_out.then(|| value.start_ms.saturating_add(value.timeout_ms.into()))
}

#[cfg(test)]
mod tests;
