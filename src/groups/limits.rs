//! The coordinator's limits, and its usage of them.

use crate::groups::error::{GroupError, Limit};
use crate::groups::protocols::member_bytes;
use crate::groups::questions::{Commit, Join, Sync};

/// Maximum number of protocols of a member. Clients send up to four.
pub const PROTOCOLS_MAX: usize = 100;

/// Maximum size of the records of one commit, in bytes: the largest batch of the topic by Kafka's
/// default of `message.max.bytes`, into which all of them have to fit there.
pub const COMMIT_BYTES_MAX: usize = 1_048_588;

/// Number of items of a longer list that one step processes. The rest is left to later steps, so
/// that other requests are served in between.
pub const SLICE: usize = 4096;

/// Size of the record of a committed offset beside the group, the topic and the metadata, in bytes:
/// the fields of key and value, and those of the record itself.
const RECORD_BYTES: usize = 60;

/// The values of the limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `group.max.count`.
    pub groups: usize,
    /// `group.coordinator.max.bytes`.
    pub bytes: usize,
    /// `group.max.bytes`.
    pub group_bytes: usize,
    /// `group.member.max.bytes`.
    pub member_bytes: usize,
}

impl Limits {
    /// No limits but the fixed ones.
    pub const NONE: Limits = Limits {
        groups: usize::MAX,
        bytes: usize::MAX,
        group_bytes: usize::MAX,
        member_bytes: usize::MAX,
    };

    /// Refuses a member that is too large, whatever the state of the groups. As the other checks
    /// here, its cost is linear in the size of the request, so it is called before the request
    /// reaches the coordinator's task.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    pub fn check_join(&self, join: &Join) -> Result<(), GroupError> {
        if join.protocols.len() > PROTOCOLS_MAX {
            return Err(GroupError::GroupLimit(Limit::Protocols));
        }
        match join.bytes() > self.member_bytes {
            true => Err(GroupError::GroupLimit(Limit::MemberBytes)),
            false => Ok(()),
        }
    }

    /// Refuses assignments that are too large for any group.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    pub fn check_sync(&self, sync: &Sync) -> Result<(), GroupError> {
        let all = sync.assignments.iter();
        let bytes: usize = all.map(|(id, bytes)| member_bytes(id.len() + bytes.len())).sum();
        match bytes > self.group_bytes {
            true => Err(GroupError::GroupLimit(Limit::GroupBytes)),
            false => Ok(()),
        }
    }

    /// Refuses a commit that is too large.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    pub fn check_commit(&self, commit: &Commit) -> Result<(), GroupError> {
        let group = commit.identity.group.len();
        let one = |topic: &str, metadata: &str| RECORD_BYTES + group + topic.len() + metadata.len();
        let bytes: usize = commit.offsets.iter().map(|o| one(&o.topic, &o.metadata)).sum();
        match bytes > COMMIT_BYTES_MAX {
            true => Err(GroupError::OffsetLimit(Limit::CommitBytes)),
            false => Ok(()),
        }
    }
}

/// What the groups use of the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of groups.
    pub groups: usize,
    /// Number of members of all groups.
    pub members: usize,
    /// Number of committed offsets of all groups.
    pub offsets: usize,
    /// Approximate memory of all of these, in bytes.
    pub bytes: usize,
}

impl Usage {
    /// Replaces one group's share.
    pub fn change(&mut self, before: Usage, after: Usage) {
        self.groups = self.groups + after.groups - before.groups;
        self.members = self.members + after.members - before.members;
        self.offsets = self.offsets + after.offsets - before.offsets;
        self.bytes = self.bytes + after.bytes - before.bytes;
    }
}
