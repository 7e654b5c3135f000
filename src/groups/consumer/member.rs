//! A member of a consumer group.

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::records::{
    CurrentAssignment, EpochsByPartition, MemberMetadata, MemberState,
};
use crate::groups::protocols::member_bytes;
use crate::types::TopicId;

/// The epoch of a static member that has left and may come back (KIP-848).
pub const LEFT_STATIC_EPOCH: i32 = -2;

/// A member of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMember {
    /// What it says of itself.
    pub metadata: MemberMetadata,
    /// What it is to have.
    pub target: Assignment,
    /// What it has of it.
    pub current: CurrentAssignment,
    /// When its session expires, monotonic ms.
    pub session_due_ms: i64,
    /// When it must have given up the partitions that it has to; monotonic ms.
    pub revocation_due_ms: Option<i64>,
}

impl ConsumerMember {
    /// Creates a member of which nothing is known but when its session expires, monotonic ms.
    pub fn new(session_due_ms: i64) -> ConsumerMember {
        ConsumerMember {
            metadata: MemberMetadata::default(),
            target: Assignment::default(),
            current: CurrentAssignment::default(),
            session_due_ms,
            revocation_due_ms: None,
        }
    }

    /// Returns true if it has its target assignment of this epoch.
    pub fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.current.state == MemberState::Stable && self.current.epoch == target_epoch
    }

    /// Returns when something times out, monotonic ms.
    pub fn deadlines(&self) -> impl Iterator<Item = i64> + use<> {
        [Some(self.session_due_ms), self.revocation_due_ms].into_iter().flatten()
    }

    /// Returns the approximate memory that it takes, beside the partitions that it owns, in bytes.
    pub fn bytes(&self) -> usize {
        member_bytes(self.metadata.bytes() + self.target.bytes())
    }

    /// Returns the epoch at which it got a partition that it has, or still has to give up.
    pub fn assignment_epoch(&self, topic: TopicId, partition: i32) -> Option<i32> {
        let of = |all: &EpochsByPartition| all.get(&topic)?.get(&partition).copied();
        of(&self.current.assigned).or_else(|| of(&self.current.pending_revocation))
    }
}

impl MemberMetadata {
    /// Returns the regular expression to which the member is subscribed.
    pub fn regex(&self) -> Option<&str> {
        self.topic_regex.as_deref().filter(|regex| !regex.is_empty())
    }

    /// Returns true if both are subscribed to the same names and the same regular expression.
    pub fn has_subscription_of(&self, other: &MemberMetadata) -> bool {
        self.topic_names == other.topic_names && self.regex() == other.regex()
    }
}
