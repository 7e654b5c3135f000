//! What a member gets next of its target assignment, and what it has to give up before (Kafka's
//! `CurrentAssignmentBuilder`).

use std::collections::BTreeMap;

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::records::{CurrentAssignment, EpochsByPartition, MemberState};
use crate::types::TopicId;

/// What decides on a member's next step.
pub struct Reconciliation<'a> {
    /// The epoch of the target assignment.
    pub target_epoch: i32,
    /// What the member is to have.
    pub target: &'a Assignment,
    /// True if the member's subscription is another one than in its last heartbeat.
    pub has_subscription_changed: bool,
    /// The partitions that the member says it has; none if it does not say.
    pub owned: Option<&'a Assignment>,
    /// Returns whether the member is subscribed to a topic.
    pub is_subscribed_to: &'a dyn Fn(TopicId) -> bool,
    /// Returns whether a member has a partition, or still has to give it up.
    pub is_taken: &'a dyn Fn(TopicId, i32) -> bool,
}

/// The member's state is one that a later version of Kafka wrote: it has to rejoin.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownState;

impl Reconciliation<'_> {
    /// Returns what the member has next.
    ///
    /// # Errors
    ///
    /// Returns [`UnknownState`] if the member has to rejoin without any partitions first.
    pub fn next(&self, current: &CurrentAssignment) -> Result<CurrentAssignment, UnknownState> {
        Ok(match current.state {
            MemberState::Stable if current.epoch != self.target_epoch => {
                self.advance(current, current.epoch)
            }
            MemberState::UnrevokedPartitions if !self.owns(&current.pending_revocation) => {
                self.advance(current, current.epoch)
            }
            MemberState::Stable | MemberState::UnrevokedPartitions => {
                match self.has_subscription_changed {
                    true => self.without_unsubscribed(current),
                    false => current.clone(),
                }
            }
            MemberState::UnreleasedPartitions => self.advance(current, current.epoch),
            MemberState::Unknown => {
                if self.owned.is_none_or(|owned| !owned.is_empty()) {
                    return Err(UnknownState);
                }
                self.advance(current, self.target_epoch)
            }
        })
    }

    /// Returns whether the member still has one of these partitions. One that does not say has all.
    fn owns(&self, partitions: &EpochsByPartition) -> bool {
        let Some(owned) = self.owned else { return true };
        let mut all = owned.iter();
        all.any(|(topic, p)| partitions.get(&topic).is_some_and(|known| known.contains_key(&p)))
    }

    /// Takes the partitions of topics to which the member is no longer subscribed, as far as it
    /// still has them.
    fn without_unsubscribed(&self, current: &CurrentAssignment) -> CurrentAssignment {
        let (assigned, unsubscribed): (EpochsByPartition, EpochsByPartition) =
            current.assigned.clone().into_iter().partition(|(id, _)| (self.is_subscribed_to)(*id));
        if unsubscribed.is_empty() {
            return current.clone();
        }
        let mut pending_revocation = current.pending_revocation.clone();
        for (topic, partitions) in unsubscribed {
            pending_revocation.entry(topic).or_default().extend(partitions);
        }
        let after =
            CurrentAssignment { previous_epoch: current.epoch, assigned, ..current.clone() };
        match self.owns(&pending_revocation) {
            true => CurrentAssignment {
                state: MemberState::UnrevokedPartitions,
                pending_revocation,
                ..after
            },
            false => after,
        }
    }

    /// Takes what is not in the target; once the member has given that up, gives it what is free.
    fn advance(&self, current: &CurrentAssignment, epoch: i32) -> CurrentAssignment {
        let is_target = |topic, p| self.target.contains(topic, p) && (self.is_subscribed_to)(topic);
        let mut assigned = EpochsByPartition::new();
        let mut revoked = EpochsByPartition::new();
        for (topic, partitions) in &current.assigned {
            let (kept, gone): (BTreeMap<i32, i32>, BTreeMap<i32, i32>) =
                partitions.iter().partition(|(p, _)| is_target(*topic, **p));
            let parts = [(&mut assigned, kept), (&mut revoked, gone)];
            for (all, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
                all.insert(*topic, part);
            }
        }
        if !revoked.is_empty() && self.owns(&revoked) {
            return CurrentAssignment {
                epoch,
                previous_epoch: current.epoch,
                state: MemberState::UnrevokedPartitions,
                assigned,
                pending_revocation: revoked,
            };
        }
        let mut has_unreleased = false;
        for (topic, p) in self.target.iter().filter(|(topic, _)| (self.is_subscribed_to)(*topic)) {
            if assigned.get(&topic).is_some_and(|known| known.contains_key(&p)) {
                continue;
            }
            match (self.is_taken)(topic, p) {
                true => has_unreleased = true,
                false => {
                    assigned.entry(topic).or_default().insert(p, self.target_epoch);
                }
            }
        }
        CurrentAssignment {
            epoch: self.target_epoch,
            previous_epoch: current.epoch,
            state: match has_unreleased {
                true => MemberState::UnreleasedPartitions,
                false => MemberState::Stable,
            },
            assigned,
            pending_revocation: EpochsByPartition::new(),
        }
    }
}
