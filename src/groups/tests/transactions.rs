use super::*;
use crate::groups::questions::{CommitInTxn, EndOfTxn};
use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::log::producer::ProducerError;
use crate::log::verification::TxnCheck;
use crate::machine::RecordTxn;

/// The generation of a consumer that assigns itself.
const SIMPLE: i32 = -1;

fn txn(producer_id: i64) -> RecordTxn {
    RecordTxn { partition: 0, producer_id, producer_epoch: 0, check: TxnCheck::Unverified }
}

impl Lab {
    fn commit_in_txn(
        &mut self,
        producer_id: i64,
        commit: Commit,
    ) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        let command = CommitInTxn { commit, txn: txn(producer_id) };
        let ticket = self.ask(Command::CommitInTxn(command));
        match self.said.remove(&ticket) {
            Some(Reply::CommittedInTxn(outcome)) => outcome,
            other => panic!("no commit: {other:?}"),
        }
    }

    /// Adds an offset of partition 0 of `t`.
    #[track_caller]
    fn add(&mut self, producer_id: i64, offset: i64) {
        let offsets = vec![to_commit("t", 0, offset)];
        let outcome = self.commit_in_txn(producer_id, commit(identity("", SIMPLE), offsets));
        assert_eq!(outcome, Ok(vec![Ok(())]));
    }

    fn end(&mut self, partition: i32, producer_id: i64, committed: bool) {
        let marker = EndTxnMarker { committed, coordinator_epoch: 0 };
        let end = EndTxn { producer_id, producer_epoch: 1, marker, bumps_epoch: true };
        let ticket = self.ask(Command::EndOfTxn(EndOfTxn { partition, end }));
        assert!(matches!(self.said.remove(&ticket), Some(Reply::TxnEnded(Ok(())))));
    }

    fn stable_offset(&self) -> Result<Option<i64>, GroupError> {
        self.fetched("g", "t", 0, true).map(|found| found.map(|found| found.offset))
    }

    fn any_offset(&self) -> Option<i64> {
        self.offset("g", "t", 0).map(|found| found.offset)
    }

    /// The same, also after a restart.
    #[track_caller]
    fn assert_offsets(&mut self, stable: Result<Option<i64>, GroupError>, any: Option<i64>) {
        for _ in 0..2 {
            assert_eq!((self.stable_offset(), self.any_offset()), (stable, any));
            self.groups.assert_sound();
            self.crash();
        }
    }
}

#[test]
fn an_offset_in_a_transaction_counts_once_it_is_committed() {
    let mut lab = Lab::new();
    lab.commit_as(identity("", SIMPLE)).expect("a commit");
    lab.add(7, 5);
    lab.assert_offsets(Err(GroupError::UnstableOffset), Some(1));
    lab.end(1, 7, true);
    lab.end(0, 8, true);
    lab.assert_offsets(Err(GroupError::UnstableOffset), Some(1));
    lab.end(0, 7, true);
    lab.assert_offsets(Ok(Some(5)), Some(5));
    assert_eq!(lab.groups.usage().offsets, 1);
}

#[test]
fn an_aborted_offset_leaves_no_trace() {
    let mut lab = Lab::new();
    lab.add(7, 5);
    lab.assert_offsets(Err(GroupError::UnstableOffset), None);
    assert_eq!(lab.phase(), "Empty");
    lab.end(0, 7, false);
    lab.assert_offsets(Ok(None), None);
    assert!(lab.groups.is_empty());
}

#[test]
fn the_offset_that_was_recorded_last_counts_whichever_transaction_ends_first() {
    let mut lab = Lab::new();
    lab.add(1, 10);
    lab.add(2, 20);
    lab.end(0, 2, true);
    lab.assert_offsets(Err(GroupError::UnstableOffset), Some(20));
    lab.end(0, 1, true);
    lab.assert_offsets(Ok(Some(20)), Some(20));
    lab.add(1, 30);
    lab.commit(commit(identity("", SIMPLE), vec![to_commit("t", 0, 40)])).expect("a commit");
    lab.end(0, 1, true);
    lab.assert_offsets(Ok(Some(40)), Some(40));
}

#[test]
fn members_and_generations_are_checked_but_a_rebalance_does_not_matter() {
    let mut lab = Lab::new();
    let unknown = lab.commit_in_txn(1, commit(identity("m", 3), vec![to_commit("t", 0, 1)]));
    assert_eq!(unknown, Err(GroupError::IllegalGeneration));
    let mut newer = commit(identity("m", 3), vec![to_commit("t", 0, 1)]);
    newer.tells_unknown_group = true;
    assert_eq!(lab.commit_in_txn(1, newer), Err(GroupError::GroupNotFound));
    let ids = lab.stable(1);
    let generation = lab.generation();
    let mut as_member = |member: &str, generation| {
        lab.commit_in_txn(1, commit(identity(member, generation), vec![to_commit("t", 0, 1)]))
    };
    assert_eq!(as_member("other", generation), Err(GroupError::UnknownMember));
    assert_eq!(as_member(&ids[0], generation - 1), Err(GroupError::IllegalGeneration));
    assert_eq!(as_member(&ids[0], generation), Ok(vec![Ok(())]));
    assert_eq!(as_member("", SIMPLE), Ok(vec![Ok(())]), "from outside the group");
    // Its members have joined, and wait for the leader's assignment.
    let ticket = lab.join(&join(&ids[0]));
    let generation = lab.joined(ticket).generation;
    assert_eq!(lab.phase(), "CompletingRebalance");
    let offsets = vec![to_commit("t", 0, 1)];
    let outcome = lab.commit_in_txn(1, commit(identity(&ids[0], generation), offsets));
    assert_eq!(outcome, Ok(vec![Ok(())]));
}

#[test]
fn metadata_that_is_too_long_is_refused_alone() {
    let mut lab = Lab::new();
    let long = OffsetToCommit { metadata: "m".repeat(17), ..to_commit("t", 0, 1) };
    let all = commit(identity("", SIMPLE), vec![long, to_commit("t", 1, 2)]);
    let outcome = lab.commit_in_txn(1, all);
    assert_eq!(outcome, Ok(vec![Err(GroupError::MetadataTooLarge), Ok(())]));
}

#[test]
fn deleted_offsets_groups_and_topics_take_those_of_open_transactions_along() {
    let deletions: [fn() -> Command; 3] = [
        || {
            let wanted = vec![("t".to_owned(), vec![0])];
            Command::DeleteOffsets(DeleteOffsets { group: "g".to_owned(), wanted })
        },
        || Command::Delete(Delete { group: "g".to_owned() }),
        || Command::TopicDeleted(TopicDeleted { topic: "t".to_owned() }),
    ];
    for deletion in deletions {
        for committed in [false, true] {
            let mut lab = Lab::new();
            if committed {
                lab.commit_as(identity("", SIMPLE)).expect("a commit");
            }
            lab.add(1, 5);
            lab.add(2, 6);
            lab.ask(deletion());
            lab.pass(10_000);
            lab.assert_offsets(Ok(None), None);
            lab.end(0, 1, true);
            lab.end(0, 2, true);
            lab.assert_offsets(Ok(None), None);
            assert!(lab.groups.is_empty());
        }
    }
}

#[test]
fn an_offset_that_a_transaction_may_replace_does_not_expire() {
    let mut lab = Lab::new();
    lab.commit_as(identity("", SIMPLE)).expect("a commit");
    lab.add(1, 5);
    lab.pass(10 * 3_600_000);
    assert_eq!(lab.any_offset(), Some(1));
    lab.end(0, 1, false);
    lab.pass(3_600_000);
    assert_eq!(lab.any_offset(), None);
    assert!(lab.groups.is_empty());
}

#[test]
fn offsets_in_transactions_take_no_more_than_the_memory_of_all_groups() {
    let limits = Limits { bytes: 100_000, ..Limits::NONE };
    let mut lab = Lab::with(GroupCoordinatorConfig { limits, ..rules() });
    let mut refused = 0;
    for partition in 0..1000 {
        let offsets = vec![to_commit("t", partition, 1)];
        match lab.commit_in_txn(1, commit(identity("", SIMPLE), offsets)) {
            Ok(_) => assert!(lab.groups.usage().bytes <= 100_000),
            Err(error) => {
                assert_eq!(error, GroupError::OffsetLimit(Limit::Bytes));
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    lab.end(0, 1, true);
    assert!(lab.groups.usage().bytes <= 100_000, "committed offsets take no more");
    lab.ask(Command::Delete(Delete { group: "g".to_owned() }));
    assert!(lab.groups.is_empty());
}

#[test]
fn what_the_log_refuses_is_answered_with_the_reason() {
    let error = ProducerError::NotInTransaction { producer_id: 1 };
    let refused = Groups::refused(Reply::CommittedInTxn(Ok(vec![Ok(())])), error);
    let expected = GroupError::Producer(error);
    assert!(matches!(refused, Some(Reply::CommittedInTxn(Err(e))) if e == expected));
    let refused = Groups::refused(Reply::TxnEnded(Ok(())), error);
    assert!(matches!(refused, Some(Reply::TxnEnded(Err(e))) if e == error));
}
