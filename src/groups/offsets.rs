//! OffsetCommit, OffsetFetch and OffsetDelete, and the offsets of deleted topics.

use std::collections::HashSet;

use crate::clock::Now;
use crate::groups::committed::offset_bytes;
use crate::groups::error::{GroupError, Limit};
use crate::groups::group::{Group, GroupState};
use crate::groups::group_type::GroupType;
use crate::groups::limits::SLICE;
use crate::groups::questions::{
    Commit, DeleteOffsets, DeletedOffsets, FetchAllOffsets, FetchOffsets, FetchedOffset,
    FetchedOffsets, MemberIdentity, OffsetToCommit, Progress, TopicDeleted, TopicPartitions,
};
use crate::groups::records::{OffsetAndMetadata, Record};
use crate::groups::step::Step;
use crate::groups::{Groups, checked_id, consumer};
use crate::machine::Ticket;

/// How long after a failure to try again to remove the offsets of a deleted topic, ms.
const FORGET_AGAIN_MS: i64 = 1000;

impl Groups {
    pub(crate) fn commit(
        &mut self,
        now: Now,
        ticket: Ticket<Commit>,
        commit: Commit,
        step: &mut Step,
    ) {
        let outcome = self.may_commit(now, &commit).map(|()| {
            let group = commit.identity.group.clone();
            self.checked_offsets(now, commit, |topic, partition, value| {
                let (group, value) = (group.clone(), Some(value));
                step.records.push(Record::Offset { group, topic, partition, value });
            })
        });
        step.confirm(ticket, outcome);
    }

    /// Calls `record` with each offset that can be committed. Returns the outcome for each.
    pub(crate) fn checked_offsets(
        &self,
        now: Now,
        mut commit: Commit,
        mut record: impl FnMut(String, i32, OffsetAndMetadata),
    ) -> Vec<Result<(), GroupError>> {
        let most = self.metadata_bytes_max();
        let retention = commit.retention_ms.filter(|ms| *ms >= 0);
        let mut outcomes = Vec::with_capacity(commit.offsets.len());
        for wanted in std::mem::take(&mut commit.offsets) {
            let checked = match wanted.metadata.len() > most {
                true => Err(GroupError::MetadataTooLarge),
                false => self.validate_offset(&commit, &wanted),
            };
            if checked.is_err() {
                outcomes.push(checked);
                continue;
            }
            outcomes.push(Ok(()));
            let value = OffsetAndMetadata {
                offset: wanted.offset,
                leader_epoch: wanted.leader_epoch,
                metadata: wanted.metadata,
                commit_ms: now.wall_ms,
                expire_ms: retention.map(|ms| now.wall_ms.saturating_add(ms)),
            };
            record(wanted.topic, wanted.partition, value);
        }
        outcomes
    }

    fn may_commit(&mut self, now: Now, commit: &Commit) -> Result<(), GroupError> {
        let identity = &commit.identity;
        let checked = self.with_group(&identity.group, |groups, group| {
            if let Some(consumers) = &group.consumer {
                return consumer::commits::validate_commit(consumers, commit, false);
            }
            validate_commit(group, identity)?;
            if matches!(group.phase, GroupState::Stable | GroupState::PreparingRebalance) {
                groups.touch(now, group, &identity.member);
            }
            Ok(())
        });
        match checked {
            Some(outcome) => outcome?,
            None => validate_without_group(commit)?,
        }
        let growth = |group: Option<&Group>, wanted: &OffsetToCommit| match group {
            Some(group) => group.offsets.growth(&wanted.topic, wanted.partition, &wanted.metadata),
            None => wanted.topic.len() + offset_bytes(&wanted.metadata),
        };
        self.has_room_for_offsets(commit, growth).map_err(GroupError::OffsetLimit)
    }

    /// Refuses offsets that would exceed the memory of all groups. `growth` returns the bytes by
    /// which an offset would grow it, 0 for one that replaces another.
    pub(crate) fn has_room_for_offsets(
        &self,
        commit: &Commit,
        growth: impl Fn(Option<&Group>, &OffsetToCommit) -> usize,
    ) -> Result<(), Limit> {
        let group = self.groups.get(commit.identity.group.as_str());
        if group.is_none() && !commit.offsets.is_empty() {
            self.has_room_for_group(&commit.identity.group)?;
        }
        let most = self.metadata_bytes_max();
        let taken = commit.offsets.iter().filter(|wanted| wanted.metadata.len() <= most);
        self.has_room_for(taken.map(|wanted| growth(group.map(|group| &**group), wanted)).sum())
    }

    pub(crate) fn metadata_bytes_max(&self) -> usize {
        usize::try_from(self.rules.metadata_bytes_max).unwrap_or(0)
    }

    pub(crate) fn fetch_offsets(&self, fetch: FetchOffsets) -> FetchedOffsets {
        let FetchOffsets { group, wanted, requires_stable } = fetch;
        let group = self.groups.get(group.as_str());
        let of_topic = |(topic, partitions): (String, Vec<i32>)| {
            let known = |p| match group {
                Some(group) => {
                    fetched(group, (&topic, p), group.offsets.get(&topic, p), requires_stable)
                }
                None => Ok(None),
            };
            let fetched = partitions.into_iter().map(|p| (p, known(p))).collect();
            (topic, fetched)
        };
        wanted.into_iter().map(of_topic).collect()
    }

    /// Returns the offsets of a group starting at this topic and partition, and where to continue
    /// if there are more.
    pub(crate) fn fetch_all_offsets(
        &self,
        fetch: &FetchAllOffsets,
    ) -> (FetchedOffsets, Option<(String, i32)>) {
        let FetchAllOffsets { group, from: (topic, partition), requires_stable } = fetch;
        let Some(group) = self.groups.get(group.as_str()) else { return (Vec::new(), None) };
        let mut all = group.offsets.from((topic, *partition));
        let mut page: FetchedOffsets = Vec::new();
        for (topic, partition, value) in all.by_ref().take(SLICE) {
            let offset = fetched(group, (topic, partition), Some(value), *requires_stable);
            match page.last_mut().filter(|(last, _)| **last == **topic) {
                Some((_, partitions)) => partitions.push((partition, offset)),
                None => page.push((topic.to_string(), vec![(partition, offset)])),
            }
        }
        let next = all.next().map(|(topic, partition, _)| (topic.to_string(), partition));
        (page, next)
    }

    pub(crate) fn delete_offsets(
        &mut self,
        ticket: Ticket<DeleteOffsets>,
        delete: DeleteOffsets,
        step: &mut Step,
    ) {
        let outcome = self.try_delete_offsets(&delete.group, delete.wanted, step);
        step.confirm(ticket, outcome);
    }

    fn try_delete_offsets(
        &mut self,
        id: &str,
        wanted: TopicPartitions,
        step: &mut Step,
    ) -> Result<DeletedOffsets, GroupError> {
        checked_id(id)?;
        let group = self.groups.get(id).ok_or(GroupError::GroupNotFound)?;
        if group.group_type == GroupType::Share {
            return Err(GroupError::GroupNotFound);
        }
        let is_empty = group.has_no_members();
        if !is_empty
            && group.consumer.is_none()
            && group.protocol_type.as_deref() != Some("consumer")
        {
            return Err(GroupError::NotEmpty);
        }
        let subscriptions = if is_empty { None } else { group.subscriptions() };
        let subscribed = match (&subscriptions, is_empty) {
            (Some(subscriptions), _) => subscriptions.topics(),
            (None, true) => Some(HashSet::new()),
            (None, false) => None,
        };
        let mut all = Vec::new();
        for (topic, partitions) in wanted {
            // If the subscriptions are not known, any topic may be subscribed.
            let is_read = match &group.consumer {
                Some(consumers) => consumers.is_subscribed_to(&topic),
                None => subscribed.as_ref().is_none_or(|topics| topics.contains(topic.as_bytes())),
            };
            let mut outcomes = Vec::new();
            for partition in partitions {
                if is_read {
                    outcomes.push((partition, Err(GroupError::Subscribed)));
                    continue;
                }
                outcomes.push((partition, Ok(())));
                let is_pending = group.pending_offsets.has(&topic, partition);
                if is_pending || group.offsets.get(&topic, partition).is_some() {
                    step.records.push(forgotten(id, &topic, partition));
                }
            }
            all.push((topic, outcomes));
        }
        Ok(all)
    }

    /// Begins to remove the offsets of a deleted topic.
    pub(crate) fn topic_deleted(
        &mut self,
        now: Now,
        ticket: Ticket<TopicDeleted>,
        topic: &str,
        step: &mut Step,
    ) {
        // All that has been committed by now, whatever the clock was then.
        let progress = self.forget_topic(topic, i64::MAX, step);
        if !step.records.is_empty() {
            // They may find no room on the disk.
            self.deleted_topics.insert(topic, now.wall_ms, now.mono_ms + FORGET_AGAIN_MS);
        }
        step.confirm(ticket, progress);
    }

    /// Continues to remove the offsets of a deleted topic.
    pub(crate) fn forget_deleted_topic(&mut self, now: Now, step: &mut Step) {
        let Some((topic, deleted_ms)) = self.deleted_topics.first() else { return };
        let before = step.records.len();
        let progress = self.forget_topic(&topic, deleted_ms, step);
        match (progress, step.records.len() == before) {
            (Progress::Done, true) => self.deleted_topics.remove(&topic),
            _ => self.deleted_topics.insert(&topic, deleted_ms, now.mono_ms + FORGET_AGAIN_MS),
        }
    }

    /// Removes the offsets that were committed for a topic before its deletion, or as many as one
    /// step may.
    fn forget_topic(&self, topic: &str, deleted_ms: i64, step: &mut Step) -> Progress {
        let mut left = SLICE;
        for id in self.topics.groups_of(topic) {
            let Some(group) = self.groups.get(id) else { continue };
            let committed = group.offsets.of_topic(topic).map(|(p, value)| (p, value.commit_ms));
            let is_pending = |(p, _): &(i32, i64)| group.offsets.get(topic, *p).is_none();
            let pending = group.pending_offsets.of_topic(topic).filter(is_pending);
            for (partition, commit_ms) in committed.chain(pending) {
                // The others are those of a new topic of this name.
                if commit_ms > deleted_ms {
                    continue;
                }
                if left == 0 {
                    return Progress::ToBeContinued;
                }
                left -= 1;
                step.records.push(forgotten(id, topic, partition));
            }
        }
        Progress::Done
    }
}

/// Returns the offset of a partition as it is fetched.
fn fetched(
    group: &Group,
    (topic, partition): (&str, i32),
    committed: Option<&OffsetAndMetadata>,
    requires_stable: bool,
) -> FetchedOffset {
    match requires_stable && group.pending_offsets.has(topic, partition) {
        true => Err(GroupError::UnstableOffset),
        false => Ok(committed.cloned()),
    }
}

/// Checks a commit to a group that does not exist: a consumer that assigns itself needs none.
pub(crate) fn validate_without_group(commit: &Commit) -> Result<(), GroupError> {
    match (commit.identity.generation < 0, commit.tells_unknown_group) {
        (true, _) => Ok(()),
        (false, true) => Err(GroupError::GroupNotFound),
        (false, false) => Err(GroupError::IllegalGeneration),
    }
}

/// Returns the tombstone of an offset.
pub(crate) fn forgotten(group: &str, topic: &str, partition: i32) -> Record {
    Record::Offset { group: group.to_owned(), topic: topic.to_owned(), partition, value: None }
}

/// Checks the member and the generation of a commit (Kafka's `ClassicGroup.validateOffsetCommit`).
fn validate_commit(group: &Group, identity: &MemberIdentity) -> Result<(), GroupError> {
    // A share group has no committed offsets.
    if group.group_type == GroupType::Share {
        return Err(GroupError::GroupNotFound);
    }
    if identity.generation < 0 && group.phase == GroupState::Empty {
        return Ok(());
    }
    let names_itself = !identity.member.is_empty() || identity.instance_id.is_some();
    if identity.generation >= 0 || names_itself {
        group.validate(&identity.member, identity.instance_id.as_deref())?;
        if identity.generation != group.generation {
            return Err(GroupError::IllegalGeneration);
        }
    } else {
        return Err(GroupError::UnknownMember);
    }
    match group.phase {
        GroupState::CompletingRebalance => Err(GroupError::RebalanceInProgress),
        _ => Ok(()),
    }
}
