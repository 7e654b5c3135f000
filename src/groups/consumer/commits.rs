//! Which offsets the members of a consumer group may commit and fetch (Kafka's
//! `ConsumerGroup.validateOffsetCommit` and `validateOffsetFetch`).

use crate::groups::Groups;
use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::member::ConsumerMember;
use crate::groups::consumer::questions::CheckMember;
use crate::groups::error::GroupError;
use crate::groups::questions::{Commit, OffsetToCommit};

/// Checks the member of a commit, and that its epoch is not ahead of the coordinator's.
///
/// # Errors
///
/// Returns why nothing may be committed.
pub fn validate_commit(
    group: &ConsumerGroup,
    commit: &Commit,
    is_transactional: bool,
) -> Result<(), GroupError> {
    let identity = &commit.identity;
    if identity.generation < 0 && group.is_empty() {
        return Ok(());
    }
    let names_itself = !identity.member.is_empty() || identity.instance_id.is_some();
    if is_transactional && identity.generation == -1 && !names_itself {
        return Ok(());
    }
    let member = group.member(&identity.member).ok_or(GroupError::UnknownMember)?;
    // Before version 9 a client does not know that its epoch may be stale.
    if !is_transactional && member.metadata.classic.is_none() && !commit.tells_unknown_group {
        return Err(GroupError::UnsupportedVersion);
    }
    match identity.generation > member.current.epoch {
        true => Err(stale(member)),
        false => Ok(()),
    }
}

/// Returns the error for an epoch that is not the member's.
fn stale(member: &ConsumerMember) -> GroupError {
    match member.metadata.classic {
        Some(_) => GroupError::IllegalGeneration,
        None => GroupError::StaleEpoch,
    }
}

impl Groups {
    /// Checks one offset of a commit whose member has been checked. With an epoch before its own a
    /// member may commit what it had then, and has still (KIP-1251).
    pub(crate) fn validate_offset(
        &self,
        commit: &Commit,
        offset: &OffsetToCommit,
    ) -> Result<(), GroupError> {
        let group = self.groups.get(commit.identity.group.as_str());
        let group = group.and_then(|group| group.consumer.as_deref());
        let Some(member) = group.and_then(|group| group.member(&commit.identity.member)) else {
            return Ok(());
        };
        let epoch = commit.identity.generation;
        if epoch == member.current.epoch {
            return Ok(());
        }
        let topic = self.catalog.named(&offset.topic);
        let since = topic.and_then(|t| member.assignment_epoch(t.id, offset.partition));
        match since.is_some_and(|since| epoch >= since) {
            true => Ok(()),
            false => Err(stale(member)),
        }
    }

    /// Checks that a member of a consumer group has this epoch. Other groups do not check it.
    pub(crate) fn check_member(&self, check: &CheckMember) -> Result<(), GroupError> {
        let group = self.groups.get(check.group.as_str());
        let Some(group) = group.and_then(|group| group.consumer.as_deref()) else { return Ok(()) };
        let member = group.member(&check.member).ok_or(GroupError::UnknownMember)?;
        match member.current.epoch == check.epoch {
            true => Ok(()),
            false => Err(stale(member)),
        }
    }
}
