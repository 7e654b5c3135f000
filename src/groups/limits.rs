//! What the coordinator takes at most, and what it has.

use crate::groups::command::{Command, Commit, GroupError, Join, Sync};
use crate::groups::members::member_bytes;

/// How many protocols a member may offer. Clients offer up to four.
pub const PROTOCOLS_MAX: usize = 100;

/// How many bytes the records of one commit may take: as much as a batch of the topic may have by
/// Kafka's default of `message.max.bytes`, in which all of them must fit there.
pub const COMMIT_BYTES_MAX: usize = 1_048_588;

/// How many items one step works off of a list that may be longer. What is left is for a later
/// step, so that others are served between the two.
pub const SLICE: usize = 4096;

/// What the record of a committed offset takes beside the group, the topic and the metadata: the
/// fields of key and value, and those of a record.
const RECORD_BYTES: usize = 60;

/// A limit that has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Groups that there are.
    Groups,
    /// Bytes of all groups.
    Bytes,
    /// Bytes of the members of one group.
    GroupBytes,
    /// Bytes of one member.
    MemberBytes,
    /// Protocols of one member.
    Protocols,
    /// Bytes of one commit.
    CommitBytes,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 6] = [
        Limit::Groups,
        Limit::Bytes,
        Limit::GroupBytes,
        Limit::MemberBytes,
        Limit::Protocols,
        Limit::CommitBytes,
    ];

    /// Returns what sets it: the option's name, or what it counts if no option does.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Groups => "group.max.count",
            Limit::Bytes => "group.coordinator.max.bytes",
            Limit::GroupBytes => "group.max.bytes",
            Limit::MemberBytes => "group.member.max.bytes",
            Limit::Protocols => "protocols of a member",
            Limit::CommitBytes => "bytes of a commit",
        }
    }
}

/// How much there may be.
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
    /// No limit but those that are fixed.
    pub const NONE: Limits = Limits {
        groups: usize::MAX,
        bytes: usize::MAX,
        group_bytes: usize::MAX,
        member_bytes: usize::MAX,
    };

    /// Refuses what is too large whatever the groups are. Costs as much as the request is long,
    /// and so is asked before the coordinator's task has it.
    ///
    /// # Errors
    ///
    /// Returns the fault to answer with.
    pub fn check(&self, input: &Command) -> Result<(), GroupError> {
        match input {
            Command::Join(join) => self.check_join(join),
            Command::Sync(sync) => self.check_sync(sync),
            Command::Commit(commit) => check_commit(commit),
            _ => Ok(()),
        }
    }

    fn check_join(&self, join: &Join) -> Result<(), GroupError> {
        if join.protocols.len() > PROTOCOLS_MAX {
            return Err(GroupError::GroupLimit(Limit::Protocols));
        }
        match join.bytes() > self.member_bytes {
            true => Err(GroupError::GroupLimit(Limit::MemberBytes)),
            false => Ok(()),
        }
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), GroupError> {
        let all = sync.assignments.iter();
        let bytes: usize = all.map(|(id, bytes)| member_bytes(id.len() + bytes.len())).sum();
        match bytes > self.group_bytes {
            true => Err(GroupError::GroupLimit(Limit::GroupBytes)),
            false => Ok(()),
        }
    }
}

fn check_commit(commit: &Commit) -> Result<(), GroupError> {
    let group = commit.identity.group.len();
    let one = |topic: &str, metadata: &str| RECORD_BYTES + group + topic.len() + metadata.len();
    let bytes: usize = commit.offsets.iter().map(|o| one(&o.topic, &o.metadata)).sum();
    match bytes > COMMIT_BYTES_MAX {
        true => Err(GroupError::OffsetLimit(Limit::CommitBytes)),
        false => Ok(()),
    }
}

/// What there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Groups.
    pub groups: usize,
    /// Members of all groups.
    pub members: usize,
    /// Committed offsets of all groups.
    pub offsets: usize,
    /// About how many bytes of memory all of that takes.
    pub bytes: usize,
}

impl Usage {
    /// Replaces the share of one group.
    pub fn change(&mut self, before: Usage, after: Usage) {
        self.groups = self.groups + after.groups - before.groups;
        self.members = self.members + after.members - before.members;
        self.offsets = self.offsets + after.offsets - before.offsets;
        self.bytes = self.bytes + after.bytes - before.bytes;
    }
}
