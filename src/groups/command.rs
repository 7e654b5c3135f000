//! What the coordinator is asked, and what it answers: in its own words, not in Kafka's codes.

use bytes::Bytes;

use crate::groups::limits::Limit;
use crate::groups::members::{Protocols, member_bytes, protocols_bytes};
use crate::groups::records::OffsetAndMetadata;

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// No group may be called so.
    #[error("the group id is empty")]
    InvalidGroupId,
    /// The session timeout is too short or too long.
    #[error("the session timeout is not within group.min and group.max.session.timeout.ms")]
    InvalidSessionTimeout,
    /// Nobody of that id is in the group.
    #[error("the member is not known to the group")]
    UnknownMember,
    /// Another process has taken over the `group.instance.id`.
    #[error("another member has taken over this group.instance.id")]
    FencedInstance,
    /// The member is behind or ahead.
    #[error("the generation is not the group's")]
    IllegalGeneration,
    /// The group is rebalancing: the member is to join again.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// No protocol that all members know.
    #[error("the protocols have nothing in common with the group's")]
    InconsistentProtocol,
    /// `group.max.size` members are there.
    #[error("the group is full (group.max.size)")]
    GroupFull,
    /// There is no such group.
    #[error("there is no such group")]
    GroupNotFound,
    /// The group has members.
    #[error("the group is not empty")]
    NotEmpty,
    /// Somebody in the group reads the topic.
    #[error("the group reads this topic")]
    Subscribed,
    /// The metadata of an offset is longer than `offset.metadata.max.bytes`.
    #[error("the metadata is longer than offset.metadata.max.bytes")]
    MetadataTooLarge,
    /// A member or a group would be larger than it may be, or there would be too many groups.
    #[error("a limit of groups is reached ({})", .0.name())]
    GroupLimit(Limit),
    /// Committed offsets would be larger than they may be, or there would be too many groups.
    #[error("a limit of committed offsets is reached ({})", .0.name())]
    OffsetLimit(Limit),
    /// The coordinator cannot take more now.
    #[error("the coordinator cannot take this now")]
    Unavailable,
}

/// Who speaks for a member.
#[derive(Debug, Clone, Default)]
pub struct MemberIdentity {
    /// The group.
    pub group: String,
    /// Empty for one that has no id yet.
    pub member: String,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
    /// The generation that it believes in; negative for none.
    pub generation: i32,
}

/// A JoinGroup.
#[derive(Debug, Clone)]
pub struct Join {
    /// Who; the generation means nothing here.
    pub identity: MemberIdentity,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// How long it may be silent, ms.
    pub session_timeout_ms: i32,
    /// How long it may take to rejoin, ms.
    pub rebalance_timeout_ms: i32,
    /// `consumer` and the like.
    pub protocol_type: String,
    /// In the order of its preference.
    pub protocols: Protocols,
    /// True if a newcomer is given an id first and joins with it then (v4, KIP-394).
    pub requires_member_id: bool,
    /// True if the leader may be told to skip its assignment (v9, KIP-814).
    pub supports_skip_assignment: bool,
}

impl Join {
    /// About how many bytes of memory the member takes.
    pub fn bytes(&self) -> usize {
        let instance = self.identity.instance_id.as_ref().map_or(0, |id| 2 * id.len());
        // An id begins with what the client calls itself.
        let id = self.identity.member.len().max(self.client_id.len());
        let texts = id + instance + self.client_id.len() + self.client_host.len();
        member_bytes(texts + self.protocol_type.len() + protocols_bytes(&self.protocols))
    }
}

/// The answer to a JoinGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member's id.
    pub member: String,
    /// The generation.
    pub generation: i32,
    /// `consumer` and the like.
    pub protocol_type: Option<String>,
    /// The assignor that was chosen.
    pub protocol: Option<String>,
    /// Who assigns.
    pub leader: String,
    /// For the leader: everybody.
    pub members: Vec<JoinedMember>,
    /// True for a leader whose assignment is not wanted.
    pub skip_assignment: bool,
}

/// A member as its leader sees it.
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
    /// Join again with this id.
    MemberIdRequired(String),
    /// Refused. The id is what the member may call itself from now on.
    Refused(GroupError, String),
}

/// A SyncGroup.
#[derive(Debug, Clone)]
pub struct Sync {
    /// Who.
    pub identity: MemberIdentity,
    /// What the member takes the group's type for (v5).
    pub protocol_type: Option<String>,
    /// What it takes the chosen protocol for (v5).
    pub protocol: Option<String>,
    /// From the leader: who gets what.
    pub assignments: Vec<(String, Bytes)>,
}

/// The answer to a SyncGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// `consumer` and the like.
    pub protocol_type: Option<String>,
    /// The assignor that was chosen.
    pub protocol: Option<String>,
    /// What the member gets.
    pub assignment: Bytes,
}

/// One that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty if it is named by its instance id alone.
    pub member: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
}

/// An OffsetCommit. Partitions that do not exist have been answered already.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Who; without a member and a generation, a consumer that assigns itself.
    pub identity: MemberIdentity,
    /// How long to keep the offsets, ms; none for the broker's retention (v2 to v4 may say).
    pub retention_ms: Option<i64>,
    /// What.
    pub offsets: Vec<OffsetToCommit>,
    /// True if an unknown group is to be told from a wrong generation (v9).
    pub tells_unknown_group: bool,
}

/// One offset to commit.
#[derive(Debug, Clone)]
pub struct OffsetToCommit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read, or -1.
    pub leader_epoch: i32,
    /// What to remember with it.
    pub metadata: String,
}

/// Partitions by topic.
pub type TopicPartitions = Vec<(String, Vec<i32>)>;
/// Offsets by topic and partition.
pub type FetchedOffsets = Vec<(String, Vec<(i32, Option<OffsetAndMetadata>)>)>;
/// What became of each partition, by topic.
pub type DeletedOffsets = Vec<(String, Vec<(i32, Result<(), GroupError>)>)>;

/// What is asked.
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
        /// Which group.
        group: String,
        /// Who.
        members: Vec<LeavingMember>,
    },
    /// OffsetCommit.
    Commit(Commit),
    /// OffsetFetch, for some partitions of one group.
    FetchOffsets {
        /// Which group.
        group: String,
        /// Which partitions.
        wanted: TopicPartitions,
    },
    /// OffsetFetch, for all partitions of one group: as many as one step gives.
    FetchAllOffsets {
        /// Which group.
        group: String,
        /// The first topic and partition that is wanted: what the last answer ended with.
        from: (String, i32),
    },
    /// OffsetDelete.
    DeleteOffsets {
        /// Which group.
        group: String,
        /// Which partitions.
        wanted: TopicPartitions,
    },
    /// DescribeGroups, for one group.
    Describe {
        /// Which group.
        group: String,
    },
    /// ListGroups: as many as one step gives, by id.
    List {
        /// The last id of the answer before; none for the first.
        after: Option<String>,
    },
    /// DeleteGroups, for one group.
    Delete {
        /// Which group.
        group: String,
    },
    /// A topic is no more: its offsets go.
    TopicDeleted {
        /// Which topic.
        topic: String,
    },
}

impl Command {
    /// The group whose state it may change.
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

    /// Copies what is to be kept out of the request that it came in: a slice, however short, would
    /// keep all of the request in memory.
    pub fn detach(&mut self) {
        let own = |(_, bytes): &mut (String, Bytes)| *bytes = Bytes::copy_from_slice(bytes);
        match self {
            Command::Join(join) => join.protocols.iter_mut().for_each(own),
            Command::Sync(sync) => sync.assignments.iter_mut().for_each(own),
            _ => {}
        }
    }

    /// True if a good answer promises that something outlives the process. Who is a member does
    /// not: members of whom a start knows nothing join again.
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
    /// `consumer` and the like, or empty.
    pub protocol_type: String,
    /// Its phase's name.
    pub state: &'static str,
}

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its phase's name.
    pub state: &'static str,
    /// `consumer` and the like, or empty.
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
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// Its metadata, if the group is stable.
    pub metadata: Bytes,
    /// Its assignment, if the group is stable.
    pub assignment: Bytes,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To a JoinGroup.
    Joined(Result<Box<Joined>, JoinError>),
    /// To a SyncGroup.
    Synced(Result<Synced, GroupError>),
    /// To a Heartbeat.
    Heartbeat(Result<(), GroupError>),
    /// To a LeaveGroup: one for each that was to leave.
    Left(Vec<(LeavingMember, Result<(), GroupError>)>),
    /// To an OffsetCommit: for the group, or each partition in the order of the request.
    Committed(Result<Vec<Result<(), GroupError>>, GroupError>),
    /// To an OffsetFetch for some partitions.
    Fetched(FetchedOffsets),
    /// To an OffsetFetch for all partitions, and from where on to ask again if there are more.
    FetchedAll(FetchedOffsets, Option<(String, i32)>),
    /// To an OffsetDelete.
    Deleted(Result<DeletedOffsets, GroupError>),
    /// To a DescribeGroups.
    Described(Result<Box<Description>, GroupError>),
    /// To a ListGroups: groups, and whether there are more.
    Listed(Vec<Listing>, bool),
    /// To a DeleteGroups.
    GroupDeleted(Result<(), GroupError>),
    /// To the news that a topic is no more.
    TopicForgotten,
    /// To a DeleteGroups or the news that a topic is no more, of which there is more to do than
    /// one step does: to be asked again.
    ToBeContinued,
}

impl Reply {
    /// The answer to an input that is refused before it is looked at.
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

    /// The limit because of which something is refused.
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
