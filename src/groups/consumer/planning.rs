//! When a group gets a new epoch, and when a new target assignment.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Now;
use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::assignors::{Assignor, GroupSpec, MemberSpec};
use crate::groups::consumer::catalog::TopicCatalog;
use crate::groups::consumer::records::{ConsumerRecord, GroupEpoch, MemberMetadata, TargetEpoch};
use crate::groups::consumer::view::{GroupView, MemberView};
use crate::types::TopicId;

/// What a group is to do.
#[derive(Debug)]
pub struct Plan {
    /// The epoch of the target assignment.
    pub target_epoch: i32,
    /// The target assignment of the member whose heartbeat it is, if it is a new one.
    pub own_target: Option<Assignment>,
    /// What has been decided.
    pub records: Vec<ConsumerRecord>,
    /// The version of the topics, if the epoch is known to be for it.
    pub checked_version: Option<i64>,
}

/// What a plan is made of.
#[derive(Debug)]
pub struct Planning<'a> {
    /// The group.
    pub view: &'a GroupView<'a>,
    /// The topics.
    pub catalog: &'a dyn TopicCatalog,
    /// The assignors that the broker has; the first is the default.
    pub assignors: &'a [Assignor],
    /// The shortest time between two target assignments, ms.
    pub interval_ms: i32,
}

impl Planning<'_> {
    /// Returns what the group is to do, with a new epoch if `bumps` or if its topics have changed.
    pub fn plan(&self, now: Now, bumps: bool) -> Plan {
        let group = self.view.group;
        let version = self.catalog.version();
        let checks = bumps || group.checked_version != Some(version);
        let waits = group.target.epoch < group.epoch.epoch && !self.is_due(now);
        let mut plan = Plan {
            target_epoch: group.target.epoch,
            own_target: None,
            records: Vec::new(),
            checked_version: None,
        };
        if !checks && (waits || group.target.epoch >= group.epoch.epoch) {
            return plan;
        }
        let members = self.view.members();
        let mut epoch = group.epoch;
        if checks {
            let metadata_hash = self.view.metadata_hash(&members, self.catalog);
            if bumps || metadata_hash != epoch.metadata_hash {
                epoch = GroupEpoch { epoch: epoch.epoch.saturating_add(1), metadata_hash };
                plan.records.push(ConsumerRecord::Group(Some(epoch)));
                if group.has_partition_metadata {
                    plan.records.push(ConsumerRecord::PartitionMetadata(None));
                }
            } else {
                plan.checked_version = Some(version);
            }
        }
        if group.target.epoch < epoch.epoch && self.is_due(now) {
            self.assign(now, epoch, &members, &mut plan);
        }
        plan
    }

    /// Returns true if the next target assignment may be computed (KIP-1263).
    fn is_due(&self, now: Now) -> bool {
        let last_ms = self.view.group.target.computed_ms;
        let due_ms = last_ms.saturating_add(self.interval_ms.into());
        // The clock may have been put back since.
        last_ms == 0 || last_ms > now.wall_ms || due_ms <= now.wall_ms
    }

    /// Returns the assignor with the most votes, or the default. In a tie it is the one that comes
    /// first among those that the broker has.
    pub fn assignor(&self, members: &[MemberView<'_>]) -> Assignor {
        let votes = self.view.votes(members);
        let count = |assignor: &Assignor| votes.get(assignor.name()).copied().unwrap_or(0);
        let most = self.assignors.iter().rev().max_by_key(|assignor| count(assignor));
        most.copied().unwrap_or(Assignor::Uniform)
    }

    fn assign(&self, now: Now, epoch: GroupEpoch, members: &[MemberView<'_>], plan: &mut Plan) {
        // Members mostly have the same subscription.
        let mut subscriptions: Vec<(&MemberMetadata, BTreeSet<TopicId>)> = Vec::new();
        let mut indexes = Vec::with_capacity(members.len());
        let mut by_names: BTreeMap<(&[String], Option<&str>), usize> = BTreeMap::new();
        for member in members {
            let key = (member.metadata.topic_names.as_slice(), member.metadata.regex());
            let index = *by_names.entry(key).or_insert_with(|| {
                let topics = self.view.topics_of(member.metadata, self.catalog);
                subscriptions.push((member.metadata, topics));
                subscriptions.len() - 1
            });
            indexes.push(index);
        }
        let mut topics = BTreeMap::new();
        for (metadata, _) in &subscriptions {
            let known = self.view.subscription(metadata).filter_map(|n| self.catalog.named(n));
            topics.extend(known.map(|topic| (topic.id, topic.partitions)));
        }
        // A topic may have come or gone in between.
        for (_, subscribed) in &mut subscriptions {
            subscribed.retain(|id| topics.contains_key(id));
        }
        let specs = members.iter().zip(&indexes).map(|(member, index)| MemberSpec {
            id: member.id,
            instance_id: member.metadata.instance_id.as_deref(),
            topics: &subscriptions[*index].1,
            target: member.target,
        });
        let spec = GroupSpec { members: specs.collect(), topics: &topics };
        let targets = self.assignor(members).assign(&spec);
        let own = self.view.changed.map(|changed| changed.id);
        for (member, target) in members.iter().zip(targets) {
            let is_new = self.view.group.member(member.id).is_none();
            let is_own = own == Some(member.id);
            if is_new || target != *member.target {
                let record = ConsumerRecord::Target(member.id.to_owned(), Some(target.clone()));
                plan.records.push(record);
            }
            if is_own {
                plan.own_target = Some(target);
            }
        }
        let computed_ms = now.wall_ms;
        plan.records.push(ConsumerRecord::TargetEpoch(Some(TargetEpoch {
            epoch: epoch.epoch,
            computed_ms,
        })));
        plan.target_epoch = epoch.epoch;
    }
}
