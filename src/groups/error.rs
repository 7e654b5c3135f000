//! Why the coordinator refuses a command, in its own terms rather than in Kafka's error codes.

use crate::log::producer::ProducerError;

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
    /// The member has another epoch; it has to give up its partitions and rejoin.
    #[error("the member's epoch is not the one that the coordinator knows; it has to rejoin")]
    FencedEpoch,
    /// The member's epoch is not its current one.
    #[error("the member's epoch is not its current epoch; it has to retry with that")]
    StaleEpoch,
    /// Another member still has the `group.instance.id`.
    #[error("another member still has this group.instance.id")]
    UnreleasedInstance,
    /// The API version is too old for a member of this type.
    #[error("the version of the API is too old for a member of this group")]
    UnsupportedVersion,
    /// The group is not a classic one.
    #[error("the group is not a classic group")]
    NotClassic,
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
    /// An open transaction may replace the committed offset.
    #[error("an open transaction may replace the offset")]
    UnstableOffset,
    /// The log does not take the offsets of the transaction.
    #[error(transparent)]
    Producer(ProducerError),
    /// The coordinator cannot accept more commands at the moment.
    #[error("the coordinator is not available")]
    Unavailable,
}
