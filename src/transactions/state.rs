//! The states of a transactional id, and the flow of transactions that its client uses.

/// The state of a transactional id. Kafka has two more that are never written: one while an id is
/// being removed, one while a producer is being fenced; here each of these is one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransactionState {
    /// It has a producer, but no transaction yet.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// It is committed; its markers are being written.
    PrepareCommit,
    /// It is aborted; its markers are being written.
    PrepareAbort,
    /// It is committed, and all markers have been written.
    CompleteCommit,
    /// It is aborted, and all markers have been written.
    CompleteAbort,
}

impl TransactionState {
    /// Every state, in the order of the numbers by which records have them.
    pub const ALL: [TransactionState; 6] = [
        TransactionState::Empty,
        TransactionState::Ongoing,
        TransactionState::PrepareCommit,
        TransactionState::PrepareAbort,
        TransactionState::CompleteCommit,
        TransactionState::CompleteAbort,
    ];

    /// Returns the number by which records have it.
    pub fn number(self) -> i8 {
        self as i8
    }

    /// Returns the state of a record.
    pub fn of_number(number: i8) -> Option<TransactionState> {
        TransactionState::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Returns Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            TransactionState::Empty => "Empty",
            TransactionState::Ongoing => "Ongoing",
            TransactionState::PrepareCommit => "PrepareCommit",
            TransactionState::PrepareAbort => "PrepareAbort",
            TransactionState::CompleteCommit => "CompleteCommit",
            TransactionState::CompleteAbort => "CompleteAbort",
        }
    }

    /// Returns true while markers are being written.
    pub fn is_prepared(self) -> bool {
        matches!(self, TransactionState::PrepareCommit | TransactionState::PrepareAbort)
    }

    /// Returns true if there is no transaction: its id expires if it stays so.
    pub fn is_at_rest(self) -> bool {
        matches!(
            self,
            TransactionState::Empty
                | TransactionState::CompleteCommit
                | TransactionState::CompleteAbort
        )
    }

    /// Returns true if this state may follow that one.
    pub fn may_follow(self, previous: TransactionState) -> bool {
        use TransactionState::*;
        match self {
            Empty => previous.is_at_rest(),
            Ongoing => previous.is_at_rest() || previous == Ongoing,
            PrepareCommit => previous == Ongoing,
            // The abort of a transaction without partitions (KIP-890).
            PrepareAbort => previous == Ongoing || previous.is_at_rest(),
            CompleteCommit => previous == PrepareCommit,
            CompleteAbort => previous == PrepareAbort,
        }
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionResult {
    /// It is committed.
    Commit,
    /// It is aborted.
    Abort,
}

impl TransactionResult {
    /// Returns the state that the end begins with.
    pub fn prepared(self) -> TransactionState {
        match self {
            TransactionResult::Commit => TransactionState::PrepareCommit,
            TransactionResult::Abort => TransactionState::PrepareAbort,
        }
    }

    /// Returns the state after the end.
    pub fn completed(self) -> TransactionState {
        match self {
            TransactionResult::Commit => TransactionState::CompleteCommit,
            TransactionResult::Abort => TransactionState::CompleteAbort,
        }
    }
}

/// A level of `transaction.version`: what the cluster has finalized, or what a client uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionVersion(i16);

impl TransactionVersion {
    /// The classic flow (KIP-98).
    pub const V0: TransactionVersion = TransactionVersion(0);
    /// The classic flow, with records in the flexible format (KIP-915).
    pub const V1: TransactionVersion = TransactionVersion(1);
    /// A new epoch for every transaction (KIP-890).
    pub const V2: TransactionVersion = TransactionVersion(2);

    /// Returns the version of a level.
    pub fn of_level(level: i16) -> TransactionVersion {
        TransactionVersion(level.clamp(0, 2))
    }

    /// Returns the level.
    pub fn level(self) -> i16 {
        self.0
    }

    /// Returns true if the end of every transaction increases the producer's epoch.
    pub fn bumps_epochs(self) -> bool {
        self >= TransactionVersion::V2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_number_of_its_state() {
        for state in TransactionState::ALL {
            assert_eq!(TransactionState::of_number(state.number()), Some(state));
        }
        for number in [-1, 6, 7] {
            assert_eq!(TransactionState::of_number(number), None);
        }
    }
}
