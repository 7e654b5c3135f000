//! TxnOffsetCommit and the markers of transactions: offsets that count once their transaction is
//! committed (KIP-98, KIP-447).

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::consumer::commits::validate_commit;
use crate::groups::error::GroupError;
use crate::groups::group::{Group, GroupState};
use crate::groups::group_type::GroupType;
use crate::groups::offsets::validate_without_group;
use crate::groups::pending_offsets::{EndedOffset, TxnKey, pending_bytes};
use crate::groups::questions::{Commit, CommitInTxn, EndOfTxn, MemberIdentity, OffsetToCommit};
use crate::groups::records::{OffsetAndMetadata, Record};
use crate::groups::step::Step;
use crate::log::end_txn::EndTxn;
use crate::machine::Ticket;

impl Groups {
    /// Stores offsets that count once their transaction is committed.
    pub(crate) fn commit_in_txn(
        &mut self,
        now: Now,
        ticket: Ticket<CommitInTxn>,
        CommitInTxn { commit, txn }: CommitInTxn,
        step: &mut Step,
    ) {
        let key = (txn.partition, txn.producer_id);
        let outcome = self.may_commit_in_txn(&commit, key).map(|()| {
            let group = commit.identity.group.clone();
            self.checked_offsets(now, commit, |topic, partition, value| {
                let group = group.clone();
                step.records.push(Record::TxnOffset { txn, group, topic, partition, value });
            })
        });
        step.confirm(ticket, outcome);
    }

    fn may_commit_in_txn(&self, commit: &Commit, txn: TxnKey) -> Result<(), GroupError> {
        let identity = &commit.identity;
        match self.groups.get(identity.group.as_str()).map(|group| &**group) {
            Some(Group { consumer: Some(consumers), .. }) => {
                validate_commit(consumers, commit, true)?;
            }
            Some(group) => validate_commit_in_txn(group, identity)?,
            None => validate_without_group(commit)?,
        }
        let growth = |group: Option<&Group>, wanted: &OffsetToCommit| match group {
            Some(group) => {
                let (topic, metadata) = (&wanted.topic, &wanted.metadata);
                group.pending_offsets.growth(txn, topic, wanted.partition, metadata)
            }
            None => pending_bytes(&wanted.topic, &wanted.metadata),
        };
        self.has_room_for_offsets(commit, growth).map_err(GroupError::OffsetLimit)
    }

    /// Writes the end of a producer's transaction.
    pub(crate) fn end_of_txn(ticket: Ticket<EndOfTxn>, end: EndOfTxn, step: &mut Step) {
        step.records.push(Record::TxnEnd { partition: end.partition, end: end.end });
        step.confirm(ticket, Ok(()));
    }

    /// Applies an offset of a transaction.
    pub(crate) fn keep_pending_offset(
        &mut self,
        txn: TxnKey,
        group: &mut Group,
        (topic, partition): (&str, i32),
        value: OffsetAndMetadata,
    ) {
        self.open_txns.add(txn, &group.id);
        let topic = self.topics.add(topic, &group.id);
        group.pending_offsets.put(txn, &topic, partition, value);
    }

    /// Applies the end of a transaction. Its offsets are all looked at: the commits that brought
    /// them have paid for that.
    pub(crate) fn end_txn(&mut self, partition: i32, end: &EndTxn) {
        let txn = (partition, end.producer_id);
        for id in self.open_txns.end(txn) {
            self.with_group(&id, |groups, group| {
                for ended in group.pending_offsets.end(txn, end.marker.committed) {
                    groups.take_ended_offset(group, ended);
                }
            });
            self.forget_if_bare(&id);
        }
    }

    fn take_ended_offset(&mut self, group: &mut Group, ended: EndedOffset) {
        let EndedOffset { topic, partition, value } = ended;
        match value {
            Some(value) => self.keep_offset(group, &topic, partition, value),
            None => self.forget_topic_of(group, &topic),
        }
    }

    /// Takes the group out of the index of a topic of which it has no offset any more.
    pub(crate) fn forget_topic_of(&mut self, group: &Group, topic: &str) {
        if !group.offsets.has_topic(topic) && !group.pending_offsets.has_topic(topic) {
            self.topics.remove(topic, &group.id);
        }
    }
}

/// Checks the member and the generation of a commit in a transaction (Kafka's
/// `ClassicGroup.validateOffsetCommit`): one that names neither is taken from outside the group,
/// and one during a rebalance is taken as well.
fn validate_commit_in_txn(group: &Group, identity: &MemberIdentity) -> Result<(), GroupError> {
    // A share group has no committed offsets.
    if group.group_type == GroupType::Share {
        return Err(GroupError::GroupNotFound);
    }
    if identity.generation < 0 && group.phase == GroupState::Empty {
        return Ok(());
    }
    let names_itself = !identity.member.is_empty() || identity.instance_id.is_some();
    if identity.generation < 0 && !names_itself {
        return Ok(());
    }
    group.validate(&identity.member, identity.instance_id.as_deref())?;
    match identity.generation == group.generation {
        true => Ok(()),
        false => Err(GroupError::IllegalGeneration),
    }
}
