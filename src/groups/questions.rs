//! What the coordinator is asked, one type for each API, and what the answers consist of.

use bytes::Bytes;

use crate::groups::error::GroupError;
use crate::groups::group_type::GroupType;
use crate::groups::protocols::{Protocols, member_bytes, protocols_bytes};
use crate::groups::records::OffsetAndMetadata;
use crate::log::end_txn::EndTxn;
use crate::machine::RecordTxn;

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

    /// Copies the bytes that are kept out of the request's buffer.
    pub fn detach(&mut self) {
        self.protocols.iter_mut().for_each(detach);
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

impl Sync {
    /// Copies the bytes that are kept out of the request's buffer.
    pub fn detach(&mut self) {
        self.assignments.iter_mut().for_each(detach);
    }
}

/// Copies bytes: a slice of a request, however short, would keep the whole request in memory.
fn detach((_, bytes): &mut (String, Bytes)) {
    *bytes = Bytes::copy_from_slice(bytes);
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
    /// True if an unknown group gets another error than an illegal generation, and if members of
    /// consumer groups may commit (v9).
    pub tells_unknown_group: bool,
}

/// A TxnOffsetCommit request. Partitions that do not exist have been answered already.
#[derive(Debug, Clone)]
pub struct CommitInTxn {
    /// The offsets, and the member. They have no retention of their own.
    pub commit: Commit,
    /// The transaction.
    pub txn: RecordTxn,
}

/// The end of a producer's transaction in one partition of the coordinator's log.
#[derive(Debug, Clone)]
pub struct EndOfTxn {
    /// The partition.
    pub partition: i32,
    /// The end.
    pub end: EndTxn,
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
pub type FetchedOffsets = Vec<(String, Vec<(i32, FetchedOffset)>)>;
/// The offset of one partition, if it has one.
///
/// An error if it is not stable.
pub type FetchedOffset = Result<Option<OffsetAndMetadata>, GroupError>;
/// The outcome for each partition, by topic.
pub type DeletedOffsets = Vec<(String, Vec<(i32, Result<(), GroupError>)>)>;

/// A Heartbeat request.
#[derive(Debug, Clone)]
pub struct Heartbeat(pub MemberIdentity);

/// A LeaveGroup request.
#[derive(Debug, Clone)]
pub struct Leave {
    /// The group id.
    pub group: String,
    /// The members.
    pub members: Vec<LeavingMember>,
}

/// An OffsetFetch request, for some partitions of one group.
#[derive(Debug, Clone)]
pub struct FetchOffsets {
    /// The group id.
    pub group: String,
    /// The partitions.
    pub wanted: TopicPartitions,
    /// True if offsets that an open transaction may replace are refused (KIP-447).
    pub requires_stable: bool,
}

/// An OffsetFetch request, for all partitions of one group: as many as one step returns.
#[derive(Debug, Clone)]
pub struct FetchAllOffsets {
    /// The group id.
    pub group: String,
    /// The topic and partition to begin with: where the previous answer ended.
    pub from: (String, i32),
    /// True if offsets that an open transaction may replace are refused (KIP-447).
    pub requires_stable: bool,
}

/// An OffsetDelete request.
#[derive(Debug, Clone)]
pub struct DeleteOffsets {
    /// The group id.
    pub group: String,
    /// The partitions.
    pub wanted: TopicPartitions,
}

/// A DescribeGroups request, for one group.
#[derive(Debug, Clone)]
pub struct Describe {
    /// The group id.
    pub group: String,
}

/// A ListGroups request: as many as one step returns, in order of their ids.
#[derive(Debug, Clone)]
pub struct List {
    /// The last id of the previous answer; none for the first one.
    pub after: Option<String>,
}

/// A DeleteGroups request, for one group.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The group id.
    pub group: String,
}

/// The news that a topic has been deleted; its offsets are removed.
#[derive(Debug, Clone)]
pub struct TopicDeleted {
    /// The topic name.
    pub topic: String,
}

/// How far a command has come that may take more than one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// It has to be sent again.
    ToBeContinued,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub group: String,
    /// Its protocol type, such as `consumer`, or empty.
    pub protocol_type: String,
    /// Its type.
    pub group_type: GroupType,
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
