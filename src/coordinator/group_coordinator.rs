//! The handle of the group coordinator.
//!
//! What can be refused without looking at a group is refused here, on the task of the caller: a
//! large request costs its sender, not all groups. Long lists are sent to the coordinator in
//! slices, so that other requests are served in between.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::coordinator::handle::{Handle, Inbox};
use crate::coordinator::refusal_log::RefusalLog;
use crate::coordinator::slices::{PartitionSlice, PartitionSlices, append};
use crate::coordinator::usage_monitor::UsageMonitor;
use crate::groups::Groups;
use crate::groups::command::{Command, Reply};
use crate::groups::consumer::questions::ConsumerHeartbeat;
use crate::groups::error::GroupError;
use crate::groups::limits::{Limits, SLICE, Usage};
use crate::groups::questions::{
    Commit, CommitInTxn, Delete, DeleteOffsets, DeletedOffsets, FetchAllOffsets, FetchOffsets,
    FetchedOffsets, Join, JoinError, Joined, Leave, LeavingMember, List, Listing, Progress, Sync,
    Synced, TopicDeleted, TopicPartitions,
};
use crate::machine::{CoordinatorNotAvailable, Question};

/// The handle of the group coordinator.
#[derive(Clone)]
pub struct GroupCoordinator {
    handle: Handle<Groups>,
    usage: watch::Receiver<Usage>,
    limits: Limits,
    refusals: Arc<RefusalLog>,
}

impl std::fmt::Debug for GroupCoordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCoordinator").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The receiving end, for the coordinator's task.
pub struct GroupInbox {
    /// The queue of commands.
    pub pending: Inbox<Groups>,
    /// Where the coordinator's usage is published.
    pub monitor: UsageMonitor,
}

impl GroupCoordinator {
    /// Creates both ends.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> (GroupCoordinator, GroupInbox) {
        let (handle, pending) = Handle::new();
        let (usage_in, usage) = watch::channel(Usage::default());
        let refusals = Arc::new(RefusalLog::new(clock));
        let monitor = UsageMonitor::new(limits, usage_in);
        (GroupCoordinator { handle, usage, limits, refusals }, GroupInbox { pending, monitor })
    }

    /// Returns the coordinator's usage: groups, members, offsets, and the memory they take.
    pub fn usage(&self) -> Usage {
        *self.usage.borrow()
    }

    /// Sends a question and waits for the answer.
    ///
    /// # Errors
    ///
    /// Returns [`CoordinatorNotAvailable`] if there will be no answer.
    pub async fn ask<Q>(&self, question: Q) -> Result<Q::Answer, CoordinatorNotAvailable>
    where
        Q: Question<Command = Command, Reply = Reply>,
    {
        self.handle.ask(question).await
    }

    /// Lets a member join its group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn join(
        &self,
        mut join: Join,
    ) -> Result<Result<Box<Joined>, JoinError>, CoordinatorNotAvailable> {
        let group = join.identity.group.clone();
        let answer = match self.limits.check_join(&join) {
            Err(error) => Err(JoinError::Refused(error, join.identity.member)),
            Ok(()) => {
                join.detach();
                self.ask(join).await?
            }
        };
        if let Err(JoinError::Refused(error, _)) = &answer {
            self.note_refusal(error, &group);
        }
        Ok(answer)
    }

    /// Handles the heartbeat of a member of a consumer group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn beat(
        &self,
        beat: ConsumerHeartbeat,
    ) -> Result<<ConsumerHeartbeat as Question>::Answer, CoordinatorNotAvailable> {
        let group = beat.group.clone();
        let answer = self.ask(beat).await?;
        answer.as_ref().err().inspect(|refusal| self.note_refusal(&refusal.error, &group));
        Ok(answer)
    }

    /// Exchanges the assignments of a group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn sync(
        &self,
        mut sync: Sync,
    ) -> Result<Result<Synced, GroupError>, CoordinatorNotAvailable> {
        let group = sync.identity.group.clone();
        let answer = match self.limits.check_sync(&sync) {
            Err(error) => Err(error),
            Ok(()) => {
                sync.detach();
                self.ask(sync).await?
            }
        };
        answer.as_ref().err().inspect(|error| self.note_refusal(error, &group));
        Ok(answer)
    }

    /// Commits offsets.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn commit(
        &self,
        commit: Commit,
    ) -> Result<<Commit as Question>::Answer, CoordinatorNotAvailable> {
        let group = commit.identity.group.clone();
        let answer = match self.limits.check_commit(&commit) {
            Err(error) => Err(error),
            Ok(()) => self.ask(commit).await?,
        };
        answer.as_ref().err().inspect(|error| self.note_refusal(error, &group));
        Ok(answer)
    }

    /// Commits offsets that count once their transaction is committed.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn commit_in_txn(
        &self,
        commit: CommitInTxn,
    ) -> Result<<CommitInTxn as Question>::Answer, CoordinatorNotAvailable> {
        let group = commit.commit.identity.group.clone();
        let answer = match self.limits.check_commit(&commit.commit) {
            Err(error) => Err(error),
            Ok(()) => self.ask(commit).await?,
        };
        answer.as_ref().err().inspect(|error| self.note_refusal(error, &group));
        Ok(answer)
    }

    fn note_refusal(&self, error: &GroupError, group: &str) {
        if let GroupError::GroupLimit(limit) | GroupError::OffsetLimit(limit) = error {
            self.refusals.note(*limit, group);
        }
    }

    /// Deletes a group, regardless of the number of its offsets.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn delete(
        &self,
        group: &str,
    ) -> Result<Result<(), GroupError>, CoordinatorNotAvailable> {
        loop {
            match self.ask(Delete { group: group.to_owned() }).await? {
                Ok(Progress::ToBeContinued) => {}
                done => return Ok(done.map(drop)),
            }
        }
    }

    /// Removes the committed offsets of a deleted topic.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn forget_topic(&self, topic: &str) -> Result<(), CoordinatorNotAvailable> {
        loop {
            match self.ask(TopicDeleted { topic: topic.to_owned() }).await? {
                Progress::ToBeContinued => {}
                Progress::Done => return Ok(()),
            }
        }
    }

    /// Returns all groups in order of their ids.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn list(&self) -> Result<Vec<Listing>, CoordinatorNotAvailable> {
        let mut all: Vec<Listing> = Vec::new();
        loop {
            let after = all.last().map(|last| last.group.clone());
            let (page, is_more) = self.ask(List { after }).await?;
            all.extend(page);
            if !is_more {
                return Ok(all);
            }
        }
    }

    /// Returns the committed offsets of some partitions of a group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn fetch_offsets(
        &self,
        group: &str,
        wanted: TopicPartitions,
        requires_stable: bool,
    ) -> Result<FetchedOffsets, CoordinatorNotAvailable> {
        let mut all = Vec::new();
        for PartitionSlice { wanted, continues } in PartitionSlices::of(wanted) {
            let fetch = FetchOffsets { group: group.to_owned(), wanted, requires_stable };
            let offsets = self.ask(fetch).await?;
            append(&mut all, offsets, continues);
        }
        Ok(all)
    }

    /// Returns all committed offsets of a group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn fetch_all_offsets(
        &self,
        group: &str,
        requires_stable: bool,
    ) -> Result<FetchedOffsets, CoordinatorNotAvailable> {
        let mut all: FetchedOffsets = Vec::new();
        let mut from = (String::new(), i32::MIN);
        loop {
            let fetch = FetchAllOffsets { group: group.to_owned(), from, requires_stable };
            let (page, next) = self.ask(fetch).await?;
            let last = all.last().map(|(topic, _)| topic);
            let continues = last.is_some() && last == page.first().map(|(topic, _)| topic);
            append(&mut all, page, continues);
            match next {
                Some(next) => from = next,
                None => return Ok(all),
            }
        }
    }

    /// Deletes the offsets of some partitions of a group.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn delete_offsets(
        &self,
        group: &str,
        wanted: TopicPartitions,
    ) -> Result<Result<DeletedOffsets, GroupError>, CoordinatorNotAvailable> {
        let mut all = Vec::new();
        for PartitionSlice { wanted, continues } in PartitionSlices::of(wanted) {
            let later = (!all.is_empty()).then(|| wanted.clone());
            let outcome = self.ask(DeleteOffsets { group: group.to_owned(), wanted }).await?;
            match (outcome, later) {
                (Ok(deleted), _) => append(&mut all, deleted, continues),
                // The previous slice deleted the last offset, and the group with it.
                (Err(GroupError::GroupNotFound), Some(wanted)) => {
                    append(&mut all, nothing_there(wanted), continues);
                }
                (Err(fault), _) => return Ok(Err(fault)),
            }
        }
        Ok(Ok(all))
    }

    /// Removes members from a group. Returns the outcome for each.
    ///
    /// # Errors
    ///
    /// As [`GroupCoordinator::ask`].
    pub async fn leave(
        &self,
        group: &str,
        members: Vec<LeavingMember>,
    ) -> Result<Vec<(LeavingMember, Result<(), GroupError>)>, CoordinatorNotAvailable> {
        let mut all = Vec::with_capacity(members.len());
        let mut rest = members.into_iter();
        loop {
            let members: Vec<LeavingMember> = rest.by_ref().take(SLICE).collect();
            if members.is_empty() {
                return Ok(all);
            }
            all.extend(self.ask(Leave { group: group.to_owned(), members }).await?);
        }
    }
}

/// Returns the outcome of deleting offsets that do not exist.
fn nothing_there(wanted: TopicPartitions) -> DeletedOffsets {
    let all = |partitions: Vec<i32>| partitions.into_iter().map(|p| (p, Ok(()))).collect();
    wanted.into_iter().map(|(topic, partitions)| (topic, all(partitions))).collect()
}
