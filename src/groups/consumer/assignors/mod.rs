//! The assignors of consumer groups (KIP-848): pure functions from the members' subscriptions and
//! their assignments so far to new ones.
//!
//! **Invariant:** the result does not depend on the order of a hash map, and has every partition of
//! a topic with subscribers exactly once, at one of these.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::consumer::assignment::Assignment;
use crate::types::TopicId;

mod heterogeneous;
mod homogeneous;
mod range;

/// What is to be assigned to whom.
#[derive(Debug)]
pub struct GroupSpec<'a> {
    /// The members, by id.
    pub members: Vec<MemberSpec<'a>>,
    /// The number of partitions of each topic.
    pub topics: &'a BTreeMap<TopicId, i32>,
}

/// A member as the assignors see it.
#[derive(Debug, Clone, Copy)]
pub struct MemberSpec<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its `group.instance.id`.
    pub instance_id: Option<&'a str>,
    /// The topics to which it is subscribed. Those that do not exist are ignored.
    pub topics: &'a BTreeSet<TopicId>,
    /// What was assigned to it so far.
    pub target: &'a Assignment,
}

/// An assignor of the broker (`group.consumer.assignors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignor {
    /// As even as possible, and as little as possible moves (Kafka's `UniformAssignor`).
    Uniform,
    /// Consecutive partitions of each topic (Kafka's `RangeAssignor`).
    Range,
}

impl Assignor {
    /// Returns the name by which members ask for it.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    /// Returns the assignment of each member, in the order of the members.
    pub fn assign(self, group: &GroupSpec<'_>) -> Vec<Assignment> {
        let assigned = match self {
            Assignor::Range => range::assign(group),
            Assignor::Uniform if group.is_homogeneous() => homogeneous::assign(group),
            Assignor::Uniform => heterogeneous::assign(group),
        };
        assigned.into_iter().map(|partitions| partitions.into_iter().collect()).collect()
    }
}

/// The partitions of each member.
type Assigned = Vec<Vec<(TopicId, i32)>>;

impl GroupSpec<'_> {
    /// Returns whether all members are subscribed to the same topics.
    fn is_homogeneous(&self) -> bool {
        let Some(first) = self.members.first() else { return true };
        let is_same = |member: &MemberSpec<'_>| {
            std::ptr::eq(member.topics, first.topics) || member.topics == first.topics
        };
        self.members.iter().all(is_same)
    }

    /// Returns the subscribers of each topic that exists, by their places in `order`.
    fn subscribers(&self, order: &[usize]) -> BTreeMap<TopicId, Vec<usize>> {
        let mut subscribers: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
        for index in order {
            let topics = self.members[*index].topics.iter();
            for topic in topics.filter(|topic| self.topics.contains_key(topic)) {
                subscribers.entry(*topic).or_default().push(*index);
            }
        }
        subscribers
    }

    /// Returns what each member may keep of its assignment so far: what exists, what it is still
    /// subscribed to, and no partition twice.
    fn kept(&self) -> (Assigned, BTreeSet<(TopicId, i32)>) {
        let mut taken = BTreeSet::new();
        let kept = self.members.iter().map(|member| {
            let is_there = |(topic, partition): &(TopicId, i32)| {
                let exists = self.topics.get(topic).is_some_and(|count| partition < count);
                exists && member.topics.contains(topic)
            };
            member.target.iter().filter(is_there).filter(|p| taken.insert(*p)).collect()
        });
        (kept.collect(), taken)
    }
}

#[cfg(test)]
mod tests;
