//! Committed offsets: kept, told, forgotten.

use std::collections::BTreeSet;

use crate::clock::Now;
use crate::groups::group::{Group, Phase};
use crate::groups::input::{Commit, Deleted, Fault, Identity, Offsets, Reply, Wanted};
use crate::groups::records::{Committed, Record};
use crate::groups::{Groups, Step, Ticket, checked_id};

impl Groups {
    pub(crate) fn commit(&mut self, now: Now, ticket: Ticket, commit: Commit, step: &mut Step) {
        let outcome = self.may_commit(now, &commit).map(|()| {
            let most = usize::try_from(self.rules.metadata_bytes_max).unwrap_or(0);
            let group = commit.identity.group;
            let retention = commit.retention_ms.filter(|ms| *ms >= 0);
            let mut outcomes = Vec::with_capacity(commit.offsets.len());
            for wanted in commit.offsets {
                if wanted.metadata.len() > most {
                    outcomes.push(Err(Fault::MetadataTooLarge));
                    continue;
                }
                outcomes.push(Ok(()));
                let value = Some(Committed {
                    offset: wanted.offset,
                    leader_epoch: wanted.leader_epoch,
                    metadata: wanted.metadata,
                    commit_ms: now.wall_ms,
                    expire_ms: retention.map(|ms| now.wall_ms.saturating_add(ms)),
                });
                let (topic, partition) = (wanted.topic, wanted.partition);
                step.records.push(Record::Offset { group: group.clone(), topic, partition, value });
            }
            outcomes
        });
        step.reply(ticket, Reply::Committed(outcome));
    }

    fn may_commit(&mut self, now: Now, commit: &Commit) -> Result<(), Fault> {
        let identity = &commit.identity;
        checked_id(&identity.group)?;
        let checked = self.with_group(&identity.group, |groups, group| {
            validate_commit(group, identity)?;
            if matches!(group.phase, Phase::Stable | Phase::PreparingRebalance) {
                groups.touch(now, group, &identity.member);
            }
            Ok(())
        });
        match checked {
            Some(outcome) => outcome,
            // A consumer that assigns itself needs no group.
            None if identity.generation < 0 => Ok(()),
            None if commit.tells_unknown_group => Err(Fault::GroupNotFound),
            None => Err(Fault::IllegalGeneration),
        }
    }

    pub(crate) fn fetch_offsets(&self, group: &str, wanted: Wanted) -> Offsets {
        let group = self.groups.get(group);
        match wanted {
            Some(topics) => topics
                .into_iter()
                .map(|(topic, partitions)| {
                    let known = group.and_then(|group| group.offsets.get(&topic));
                    let told = |p: i32| (p, known.and_then(|known| known.get(&p)).cloned());
                    (topic, partitions.into_iter().map(told).collect())
                })
                .collect(),
            None => group
                .into_iter()
                .flat_map(|group| &group.offsets)
                .map(|(topic, partitions)| {
                    let all = partitions.iter().map(|(p, c)| (*p, Some(c.clone()))).collect();
                    (topic.clone(), all)
                })
                .collect(),
        }
    }

    pub(crate) fn delete_offsets(
        &mut self,
        ticket: Ticket,
        id: &str,
        wanted: Vec<(String, Vec<i32>)>,
        step: &mut Step,
    ) {
        let outcome = self.try_delete_offsets(id, wanted, step);
        step.reply(ticket, Reply::Deleted(outcome));
    }

    fn try_delete_offsets(
        &mut self,
        id: &str,
        wanted: Vec<(String, Vec<i32>)>,
        step: &mut Step,
    ) -> Result<Deleted, Fault> {
        checked_id(id)?;
        let group = self.groups.get(id).ok_or(Fault::GroupNotFound)?;
        let is_empty = group.phase == Phase::Empty;
        if !is_empty && group.protocol_type.as_deref() != Some("consumer") {
            return Err(Fault::NotEmpty);
        }
        let subscribed = if is_empty { Some(BTreeSet::new()) } else { group.subscribed_topics() };
        let mut all = Vec::new();
        for (topic, partitions) in wanted {
            // Consumers of which it is not known what they read may read anything.
            let is_read = subscribed.as_ref().is_none_or(|topics| topics.contains(&topic));
            let known = group.offsets.get(&topic);
            let mut outcomes = Vec::new();
            for partition in partitions {
                if is_read {
                    outcomes.push((partition, Err(Fault::Subscribed)));
                    continue;
                }
                outcomes.push((partition, Ok(())));
                if known.is_some_and(|known| known.contains_key(&partition)) {
                    step.records.push(forgotten(id, &topic, partition));
                }
            }
            all.push((topic, outcomes));
        }
        Ok(all)
    }

    /// A topic is no more.
    pub(crate) fn forget_topic(&mut self, topic: &str, step: &mut Step) {
        for (id, group) in self.in_order() {
            let partitions = group.offsets.get(topic).into_iter().flatten();
            step.records.extend(partitions.map(|(partition, _)| forgotten(id, topic, *partition)));
        }
    }

    /// Forget what is older than `offsets.retention.minutes`: counted from when the group became
    /// empty; in a group that only ever committed, from each commit; in one that is at work, for
    /// topics that it does not read. Groups without anything left go, too.
    pub(crate) fn expire_offsets(&mut self, now: Now, step: &mut Step) {
        let retention = self.rules.retention_ms;
        for (id, group) in self.in_order() {
            let subscribed = match group.phase {
                Phase::Empty => BTreeSet::new(),
                Phase::Stable => match group.subscribed_topics() {
                    Some(topics) => topics,
                    None => continue,
                },
                _ => continue,
            };
            let mut left = 0;
            for (topic, partitions) in &group.offsets {
                for (partition, committed) in partitions {
                    let counted_from = match (&group.protocol_type, group.phase) {
                        // Values before version 2 do not say since when.
                        (Some(_), Phase::Empty) if group.state_ms >= 0 => group.state_ms,
                        _ => committed.commit_ms,
                    };
                    let due = committed.expire_ms.unwrap_or(counted_from.saturating_add(retention));
                    if subscribed.contains(topic) || due > now.wall_ms {
                        left += 1;
                    } else {
                        step.records.push(forgotten(id, topic, *partition));
                    }
                }
            }
            let may_go = group.phase == Phase::Empty && group.pending.is_empty();
            if may_go && left == 0 && group.is_recorded {
                step.records.push(Record::Group { group: id.clone(), value: None });
            }
        }
        let is_idle = self.groups.is_empty();
        self.retention_due_ms = (!is_idle).then(|| now.mono_ms + self.rules.retention_check_ms);
    }
}

/// The tombstone of an offset.
pub(crate) fn forgotten(group: &str, topic: &str, partition: i32) -> Record {
    Record::Offset { group: group.to_owned(), topic: topic.to_owned(), partition, value: None }
}

/// Kafka's `ClassicGroup.validateOffsetCommit`.
fn validate_commit(group: &Group, identity: &Identity) -> Result<(), Fault> {
    if identity.generation < 0 && group.phase == Phase::Empty {
        return Ok(());
    }
    let names_itself = !identity.member.is_empty() || identity.instance_id.is_some();
    if identity.generation >= 0 || names_itself {
        group.validate(&identity.member, identity.instance_id.as_deref())?;
        if identity.generation != group.generation {
            return Err(Fault::IllegalGeneration);
        }
    } else {
        return Err(Fault::UnknownMember);
    }
    match group.phase {
        Phase::CompletingRebalance => Err(Fault::RebalanceInProgress),
        _ => Ok(()),
    }
}
