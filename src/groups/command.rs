//! The coordinator's commands and replies, in its own terms rather than in Kafka's error codes.

use bytes::Bytes;

use crate::groups::members::{Protocols, member_bytes, protocols_bytes};
use crate::groups::records::OffsetAndMetadata;

/// A limit that has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Number of groups.
    Groups,
    /// Memory of all groups.
    Bytes,
    /// Memory of the members of one group.
    GroupBytes,
    /// Memory of one member.
    MemberBytes,
    /// Number of protocols of one member.
    Protocols,
    /// Size of one commit.
    CommitBytes,
}

impl Limit {
    /// All limits.
    pub const ALL: [Limit; 6] = [
        Limit::Groups,
        Limit::Bytes,
        Limit::GroupBytes,
        Limit::MemberBytes,
        Limit::Protocols,
        Limit::CommitBytes,
    ];

    /// Returns the name of the option that sets the limit, or else what it counts.
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

/// Reason for which a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The group id is not valid.
    #[error("the group id is empty")]
    InvalidGroupId,
    /// The session timeout is too short or too long.
    #[error("the session timeout is not within group.min and group.max.session.timeout.ms")]
    InvalidSessionTimeout,
    /// The group has no member of this id.
    #[error("the group has no such member")]
    UnknownMember,
    /// Another process has taken over the `group.instance.id`.
    #[error("another member has taken over this group.instance.id")]
    FencedInstance,
    /// The member's generation is not the group's current one.
    #[error("the generation is not the current generation of the group")]
    IllegalGeneration,
    /// The group is rebalancing; the member has to rejoin.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// No protocol is supported by all members.
    #[error("the group and the member have no protocol in common")]
    InconsistentProtocol,
    /// The group has `group.max.size` members already.
    #[error("the group is full (group.max.size)")]
    GroupFull,
    /// The group does not exist.
    #[error("the group does not exist")]
    GroupNotFound,
    /// The group has members.
    #[error("the group is not empty")]
    NotEmpty,
    /// A member of the group is subscribed to the topic.
    #[error("the group is subscribed to this topic")]
    Subscribed,
    /// The metadata of an offset is longer than `offset.metadata.max.bytes`.
    #[error("the metadata is longer than offset.metadata.max.bytes")]
    MetadataTooLarge,
    /// A member or a group would exceed its limit, or there would be too many groups.
    #[error("a group limit has been reached ({})", .0.name())]
    GroupLimit(Limit),
    /// Committed offsets would exceed their limit, or there would be too many groups.
    #[error("a limit on committed offsets has been reached ({})", .0.name())]
    OffsetLimit(Limit),
    /// The coordinator cannot accept more commands at the moment.
    #[error("the coordinator is not available")]
    Unavailable,
}

/// The member on whose behalf a request is made.
#[derive(Debug, Clone, Default)]
pub struct MemberIdentity {
    /// The group id.
    pub group: String,
    /// The member id; empty if none has been assigned yet.
    pub member: String,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
    /// The generation that the member believes to be current; negative for none.
    pub generation: i32,
}

/// A JoinGroup request.
#[derive(Debug, Clone)]
pub struct Join {
    /// The member; the generation is not used.
    pub identity: MemberIdentity,
    /// The client id.
    pub client_id: String,
    /// The address from which the client connected.
    pub client_host: String,
    /// The session timeout, ms.
    pub session_timeout_ms: i32,
    /// The rebalance timeout, ms: how long the member may take to rejoin.
    pub rebalance_timeout_ms: i32,
    /// The protocol type, such as `consumer`.
    pub protocol_type: String,
    /// The protocols, in order of preference.
    pub protocols: Protocols,
    /// True if a new member is assigned an id first and then joins with it (v4, KIP-394).
    pub requires_member_id: bool,
    /// True if the leader may be asked to skip its assignment (v9, KIP-814).
    pub supports_skip_assignment: bool,
}

impl Join {
    /// Returns the approximate memory that the member takes, in bytes.
    pub fn bytes(&self) -> usize {
        let instance = self.identity.instance_id.as_ref().map_or(0, |id| 2 * id.len());
        // A member id begins with the client id.
        let id = self.identity.member.len().max(self.client_id.len());
        let texts = id + instance + self.client_id.len() + self.client_host.len();
        member_bytes(texts + self.protocol_type.len() + protocols_bytes(&self.protocols))
    }
}

/// The response to a JoinGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member's id.
    pub member: String,
    /// The generation.
    pub generation: i32,
    /// The protocol type, such as `consumer`.
    pub protocol_type: Option<String>,
    /// The assignor that was chosen.
    pub protocol: Option<String>,
    /// The member id of the leader, which computes the assignment.
    pub leader: String,
    /// All members, for the leader; empty for the others.
    pub members: Vec<JoinedMember>,
    /// True for a leader that has to skip its assignment.
    pub skip_assignment: bool,
}

/// A member as sent to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

/// Why a JoinGroup failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// The member has to join again with this id.
    MemberIdRequired(String),
    /// The join was refused. The id is the one that the member has to use from now on.
    Refused(GroupError, String),
}

/// A SyncGroup request.
#[derive(Debug, Clone)]
pub struct Sync {
    /// The member.
    pub identity: MemberIdentity,
    /// The group's protocol type as the member knows it (v5).
    pub protocol_type: Option<String>,
    /// The chosen protocol as the member knows it (v5).
    pub protocol: Option<String>,
    /// The assignment of each member id, from the leader.
    pub assignments: Vec<(String, Bytes)>,
}

/// The response to a SyncGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The protocol type, such as `consumer`.
    pub protocol_type: Option<String>,
    /// The assignor that was chosen.
    pub protocol: Option<String>,
    /// The member's assignment.
    pub assignment: Bytes,
}

/// A member that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty if it is identified by its instance id alone.
    pub member: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
}

/// An OffsetCommit request. Partitions that do not exist have been answered already.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The member; without a member id and a generation, a consumer that assigns itself.
    pub identity: MemberIdentity,
    /// How long to keep the offsets, ms (set by v2 to v4); none for the broker's retention.
    pub retention_ms: Option<i64>,
    /// The offsets.
    pub offsets: Vec<OffsetToCommit>,
    /// True if an unknown group gets another error than an illegal generation (v9).
    pub tells_unknown_group: bool,
}

/// One offset to commit.
#[derive(Debug, Clone)]
pub struct OffsetToCommit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// The metadata that the client stores with the offset.
    pub metadata: String,
}

/// Partitions by topic.
pub type TopicPartitions = Vec<(String, Vec<i32>)>;
/// Offsets by topic and partition.
pub type FetchedOffsets = Vec<(String, Vec<(i32, Option<OffsetAndMetadata>)>)>;
/// The outcome for each partition, by topic.
pub type DeletedOffsets = Vec<(String, Vec<(i32, Result<(), GroupError>)>)>;

/// A command to the coordinator.
#[derive(Debug, Clone)]
pub enum Command {
    /// JoinGroup.
    Join(Join),
    /// SyncGroup.
    Sync(Sync),
    /// Heartbeat.
    Heartbeat(MemberIdentity),
    /// LeaveGroup.
    Leave {
        /// The group id.
        group: String,
        /// The members.
        members: Vec<LeavingMember>,
    },
    /// OffsetCommit.
    Commit(Commit),
    /// OffsetFetch, for some partitions of one group.
    FetchOffsets {
        /// The group id.
        group: String,
        /// The partitions.
        wanted: TopicPartitions,
    },
    /// OffsetFetch, for all partitions of one group: as many as one step returns.
    FetchAllOffsets {
        /// The group id.
        group: String,
        /// The topic and partition to begin with: where the previous reply ended.
        from: (String, i32),
    },
    /// OffsetDelete.
    DeleteOffsets {
        /// The group id.
        group: String,
        /// The partitions.
        wanted: TopicPartitions,
    },
    /// DescribeGroups, for one group.
    Describe {
        /// The group id.
        group: String,
    },
    /// ListGroups: as many as one step returns, in order of their ids.
    List {
        /// The last id of the previous reply; none for the first one.
        after: Option<String>,
    },
    /// DeleteGroups, for one group.
    Delete {
        /// The group id.
        group: String,
    },
    /// A topic has been deleted; its offsets are removed.
    TopicDeleted {
        /// The topic name.
        topic: String,
    },
}

impl Command {
    /// Returns the group whose state the command may change.
    pub fn group(&self) -> Option<&str> {
        match self {
            Command::Join(Join { identity, .. })
            | Command::Sync(Sync { identity, .. })
            | Command::Commit(Commit { identity, .. })
            | Command::Heartbeat(identity) => Some(&identity.group),
            Command::Leave { group, .. }
            | Command::FetchOffsets { group, .. }
            | Command::FetchAllOffsets { group, .. }
            | Command::DeleteOffsets { group, .. }
            | Command::Describe { group }
            | Command::Delete { group } => Some(group),
            Command::List { .. } | Command::TopicDeleted { .. } => None,
        }
    }

    /// Copies the bytes that are kept out of the request's buffer: a slice of it, however short,
    /// would keep the whole request in memory.
    pub fn detach(&mut self) {
        let own = |(_, bytes): &mut (String, Bytes)| *bytes = Bytes::copy_from_slice(bytes);
        match self {
            Command::Join(join) => join.protocols.iter_mut().for_each(own),
            Command::Sync(sync) => sync.assignments.iter_mut().for_each(own),
            _ => {}
        }
    }

    /// Returns true if success promises that something outlives the process. Membership does not:
    /// members that are unknown after a restart join again.
    pub fn is_durable(&self) -> bool {
        match self {
            Command::Commit(_) | Command::DeleteOffsets { .. } | Command::Delete { .. } => true,
            Command::Join(_)
            | Command::Sync(_)
            | Command::Heartbeat(_)
            | Command::Leave { .. }
            | Command::FetchOffsets { .. }
            | Command::FetchAllOffsets { .. }
            | Command::Describe { .. }
            | Command::List { .. }
            | Command::TopicDeleted { .. } => false,
        }
    }
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub group: String,
    /// Its protocol type, such as `consumer`, or empty.
    pub protocol_type: String,
    /// The name of its state.
    pub state: &'static str,
}

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name of its state.
    pub state: &'static str,
    /// Its protocol type, such as `consumer`, or empty.
    pub protocol_type: String,
    /// The chosen assignor, if the group is stable.
    pub protocol: String,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

/// A member in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its client id.
    pub client_id: String,
    /// The address from which it connected.
    pub client_host: String,
    /// Its metadata, if the group is stable.
    pub metadata: Bytes,
    /// Its assignment, if the group is stable.
    pub assignment: Bytes,
}

/// A reply of the coordinator.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To a JoinGroup.
    Joined(Result<Box<Joined>, JoinError>),
    /// To a SyncGroup.
    Synced(Result<Synced, GroupError>),
    /// To a Heartbeat.
    Heartbeat(Result<(), GroupError>),
    /// To a LeaveGroup: the outcome for each member.
    Left(Vec<(LeavingMember, Result<(), GroupError>)>),
    /// To an OffsetCommit: for the group, or for each partition in the order of the request.
    Committed(Result<Vec<Result<(), GroupError>>, GroupError>),
    /// To an OffsetFetch for some partitions.
    Fetched(FetchedOffsets),
    /// To an OffsetFetch for all partitions, and where to continue if there are more.
    FetchedAll(FetchedOffsets, Option<(String, i32)>),
    /// To an OffsetDelete.
    Deleted(Result<DeletedOffsets, GroupError>),
    /// To a DescribeGroups.
    Described(Result<Box<Description>, GroupError>),
    /// To a ListGroups: groups, and whether there are more.
    Listed(Vec<Listing>, bool),
    /// To a DeleteGroups.
    GroupDeleted(Result<(), GroupError>),
    /// To the deletion of a topic.
    TopicForgotten,
    /// To a DeleteGroups or the deletion of a topic that takes more than one step: the command has
    /// to be sent again.
    ToBeContinued,
}

impl Reply {
    /// Returns the reply to a command that is refused before it reaches the coordinator.
    pub fn refusal(input: &Command, fault: GroupError) -> Option<Reply> {
        match input {
            Command::Join(join) => {
                let member = join.identity.member.clone();
                Some(Reply::Joined(Err(JoinError::Refused(fault, member))))
            }
            Command::Sync(_) => Some(Reply::Synced(Err(fault))),
            Command::Commit(_) => Some(Reply::Committed(Err(fault))),
            _ => None,
        }
    }

    /// Returns the limit for which a command was refused.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Reply::Joined(Err(JoinError::Refused(fault, _)))
            | Reply::Synced(Err(fault))
            | Reply::Committed(Err(fault)) => match fault {
                GroupError::GroupLimit(limit) | GroupError::OffsetLimit(limit) => Some(*limit),
                _ => None,
            },
            _ => None,
        }
    }
}
