//! Who reads which partitions: pure functions from a group to the target of each member.
//!
//! The same group gets the same result always; members and topics come sorted, and nothing depends
//! on the order of a hash map.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::consumer::assignment::Assignment;
use crate::types::TopicId;

mod even_shares;
mod pool_shares;
mod pools;
mod range;
mod take_back;
mod uniform;

#[cfg(test)]
mod tests;

/// What is assigned to whom (Kafka: `GroupSpec`).
#[derive(Debug)]
pub struct GroupSpec<'a> {
    /// The members, in the order of their ids.
    pub members: Vec<MemberSpec<'a>>,
    /// The topics that exist, each with its number of partitions. It may have more topics than the
    /// members subscribe to.
    pub topics: &'a BTreeMap<TopicId, i32>,
}

/// A member as assignors see it.
#[derive(Debug, Clone)]
pub struct MemberSpec<'a> {
    /// The instance id of a static member.
    pub instance_id: Option<&'a str>,
    /// The topics that the member subscribes to. Those that do not exist are ignored.
    pub topics: &'a BTreeSet<TopicId>,
    /// The member's target so far.
    pub target: &'a Assignment,
}

/// A way to assign partitions (`group.consumer.assignors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// Every member gets as many partitions as the others, and keeps what it has if it can (Kafka:
    /// `UniformAssignor`).
    Uniform,
    /// The partitions of each topic are cut into consecutive ranges, one per subscriber. Partitions
    /// with the same number, of topics with equally many partitions and the same subscribers, go
    /// to the same member (Kafka: `RangeAssignor`).
    Range,
}

impl Assignor {
    /// The assignors, the default first.
    pub const ALL: [Assignor; 2] = [Assignor::Uniform, Assignor::Range];

    /// Returns the name in `group.consumer.assignors` and in requests.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    /// Returns the assignor with a name.
    pub fn from_name(name: &str) -> Option<Assignor> {
        Assignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// Returns the target of each member, in the order of `group.members`. Each partition of a
    /// topic with a subscriber is in exactly one of them, and a subscriber's.
    pub fn assign(self, group: &GroupSpec) -> Vec<Assignment> {
        let mut targets = match self {
            Assignor::Uniform => uniform::assign(group),
            Assignor::Range => range::assign(group),
        };
        targets.iter_mut().for_each(Assignment::shrink);
        targets
    }
}
