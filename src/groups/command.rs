//! The coordinator's commands and replies: one of each for every question.

use crate::groups::consumer::questions::{
    CheckMember, ConsumerBeat, ConsumerGroupDescription, ConsumerHeartbeat, DescribeConsumers,
    Refusal, ResolvedRegexes,
};
use crate::groups::error::GroupError;
use crate::groups::questions::{
    Commit, CommitInTxn, Delete, DeleteOffsets, DeletedOffsets, Describe, Description, EndOfTxn,
    FetchAllOffsets, FetchOffsets, FetchedOffsets, Heartbeat, Join, JoinError, Joined, Leave,
    LeavingMember, List, Listing, Progress, Sync, Synced, TopicDeleted,
};
use crate::log::producer::ProducerError;
use crate::machine::{Question, question};

/// A command to the coordinator.
#[derive(Debug, Clone)]
pub enum Command {
    /// JoinGroup.
    Join(Join),
    /// SyncGroup.
    Sync(Sync),
    /// Heartbeat.
    Heartbeat(Heartbeat),
    /// LeaveGroup.
    Leave(Leave),
    /// ConsumerGroupHeartbeat.
    ConsumerHeartbeat(ConsumerHeartbeat),
    /// The topics that regular expressions match.
    ResolvedRegexes(ResolvedRegexes),
    /// The epoch of a member.
    CheckMember(CheckMember),
    /// ConsumerGroupDescribe, for one group.
    DescribeConsumers(DescribeConsumers),
    /// OffsetCommit.
    Commit(Commit),
    /// TxnOffsetCommit.
    CommitInTxn(CommitInTxn),
    /// The marker of a transaction.
    EndOfTxn(EndOfTxn),
    /// OffsetFetch, for some partitions.
    FetchOffsets(FetchOffsets),
    /// OffsetFetch, for all partitions.
    FetchAllOffsets(FetchAllOffsets),
    /// OffsetDelete.
    DeleteOffsets(DeleteOffsets),
    /// DescribeGroups, for one group.
    Describe(Describe),
    /// ListGroups.
    List(List),
    /// DeleteGroups, for one group.
    Delete(Delete),
    /// The deletion of a topic.
    TopicDeleted(TopicDeleted),
}

/// A reply of the coordinator.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To a JoinGroup.
    Joined(Result<Box<Joined>, JoinError>),
    /// To a SyncGroup.
    Synced(Result<Synced, GroupError>),
    /// To a Heartbeat.
    Heartbeat(Result<(), GroupError>),
    /// To a LeaveGroup: the outcome for each member.
    Left(Vec<(LeavingMember, Result<(), GroupError>)>),
    /// To a ConsumerGroupHeartbeat.
    ConsumerBeat(Result<Box<ConsumerBeat>, Refusal>),
    /// To the topics that regular expressions match.
    RegexesTaken(()),
    /// To the epoch of a member.
    MemberChecked(Result<(), GroupError>),
    /// To a ConsumerGroupDescribe.
    ConsumersDescribed(Result<Box<ConsumerGroupDescription>, Refusal>),
    /// To an OffsetCommit: for the group, or for each partition in the order of the request.
    Committed(Result<Vec<Result<(), GroupError>>, GroupError>),
    /// To a TxnOffsetCommit, as to an OffsetCommit.
    CommittedInTxn(Result<Vec<Result<(), GroupError>>, GroupError>),
    /// To the marker of a transaction.
    TxnEnded(Result<(), ProducerError>),
    /// To an OffsetFetch for some partitions.
    Fetched(FetchedOffsets),
    /// To an OffsetFetch for all partitions, and where to continue if there are more.
    FetchedAll((FetchedOffsets, Option<(String, i32)>)),
    /// To an OffsetDelete.
    Deleted(Result<DeletedOffsets, GroupError>),
    /// To a DescribeGroups.
    Described(Result<Box<Description>, GroupError>),
    /// To a ListGroups: groups, and whether there are more.
    Listed((Vec<Listing>, bool)),
    /// To a DeleteGroups.
    GroupDeleted(Result<Progress, GroupError>),
    /// To the deletion of a topic.
    TopicForgotten(Progress),
}

impl Command {
    /// Returns the group whose state the command may change.
    pub fn group(&self) -> Option<&str> {
        match self {
            Command::Join(Join { identity, .. })
            | Command::Sync(Sync { identity, .. })
            | Command::Commit(Commit { identity, .. })
            | Command::CommitInTxn(CommitInTxn { commit: Commit { identity, .. }, .. })
            | Command::Heartbeat(Heartbeat(identity)) => Some(&identity.group),
            Command::ConsumerHeartbeat(beat) => Some(&beat.group),
            Command::Leave(Leave { group, .. })
            | Command::ResolvedRegexes(ResolvedRegexes { group, .. })
            | Command::CheckMember(CheckMember { group, .. })
            | Command::DescribeConsumers(DescribeConsumers { group })
            | Command::FetchOffsets(FetchOffsets { group, .. })
            | Command::FetchAllOffsets(FetchAllOffsets { group, .. })
            | Command::DeleteOffsets(DeleteOffsets { group, .. })
            | Command::Describe(Describe { group })
            | Command::Delete(Delete { group }) => Some(group),
            Command::List(_) | Command::TopicDeleted(_) | Command::EndOfTxn(_) => None,
        }
    }
}

question!(Join, Joined, Result<Box<Joined>, JoinError>);
question!(Sync, Synced, Result<Synced, GroupError>);
question!(Heartbeat, Heartbeat, Result<(), GroupError>);
question!(Leave, Left, Vec<(LeavingMember, Result<(), GroupError>)>);
question!(CheckMember, MemberChecked, Result<(), GroupError>);
question!(ResolvedRegexes, RegexesTaken, ());
question!(DescribeConsumers, ConsumersDescribed, Result<Box<ConsumerGroupDescription>, Refusal>);
question!(ConsumerHeartbeat, ConsumerBeat, Result<Box<ConsumerBeat>, Refusal>);
question!(Commit, Committed, Result<Vec<Result<(), GroupError>>, GroupError>);
question!(CommitInTxn, CommittedInTxn, Result<Vec<Result<(), GroupError>>, GroupError>);
question!(EndOfTxn, TxnEnded, Result<(), ProducerError>);
question!(FetchOffsets, Fetched, FetchedOffsets);
question!(FetchAllOffsets, FetchedAll, (FetchedOffsets, Option<(String, i32)>));
question!(DeleteOffsets, Deleted, Result<DeletedOffsets, GroupError>);
question!(Describe, Described, Result<Box<Description>, GroupError>);
question!(List, Listed, (Vec<Listing>, bool));
question!(Delete, GroupDeleted, Result<Progress, GroupError>);
question!(TopicDeleted, TopicForgotten, Progress);
