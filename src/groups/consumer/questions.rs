//! What the coordinator is asked about consumer groups, and what it answers.

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::records::{MemberMetadata, ResolvedRegex};
use crate::groups::error::GroupError;
use crate::types::TopicId;

/// The configs of one group (`group.consumer.*`, or those of the group itself).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupTiming {
    /// `consumer.session.timeout.ms`.
    pub session_timeout_ms: i32,
    /// `consumer.heartbeat.interval.ms`.
    pub heartbeat_interval_ms: i32,
    /// `consumer.assignment.interval.ms`.
    pub assignment_interval_ms: i32,
}

/// A ConsumerGroupHeartbeat request that is well formed.
#[derive(Debug, Clone)]
pub struct ConsumerHeartbeat {
    /// The group id.
    pub group: String,
    /// The member id.
    pub member: String,
    /// The epoch that the member believes to have: 0 to join, -1 to leave, -2 to leave for a while.
    pub epoch: i32,
    /// `group.instance.id`; none if it did not change.
    pub instance_id: Option<String>,
    /// `client.rack`; none if it did not change.
    pub rack_id: Option<String>,
    /// The client id.
    pub client_id: String,
    /// The address from which the client connected.
    pub client_host: String,
    /// How long the member may take to give up partitions, ms; -1 if it did not change.
    pub rebalance_timeout_ms: i32,
    /// The names of the subscribed topics, sorted and without duplicates; none if they did not
    /// change.
    pub topic_names: Option<Vec<String>>,
    /// The regular expression of the subscribed topics, empty for none; none if it did not change.
    pub topic_regex: Option<String>,
    /// The topics that it matches.
    pub resolved: Option<ResolvedRegex>,
    /// The assignor that the member prefers; none if it did not change.
    pub server_assignor: Option<String>,
    /// The partitions that the member has; none if they did not change.
    pub owned: Option<Assignment>,
    /// The configs of the group.
    pub timing: GroupTiming,
}

impl ConsumerHeartbeat {
    /// Returns true if it says everything that a member can say of itself.
    pub fn is_full(&self) -> bool {
        self.rebalance_timeout_ms != -1
            && (self.topic_names.is_some() || self.topic_regex.is_some())
            && self.owned.is_some()
    }
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerBeat {
    /// The member's id.
    pub member: String,
    /// Its epoch.
    pub epoch: i32,
    /// The partitions that it may read; none if they did not change.
    pub assignment: Option<Assignment>,
    /// Regular expressions of the group whose topics have to be looked for again.
    pub stale_regexes: Vec<String>,
}

/// Why a heartbeat is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub error: GroupError,
    /// What to tell the person who reads the client's log.
    pub message: String,
}

impl Refusal {
    /// Returns a refusal with this message.
    pub fn new(error: GroupError, message: impl Into<String>) -> Refusal {
        Refusal { error, message: message.into() }
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Refusal {
        Refusal { error, message: error.to_string() }
    }
}

/// The topics that regular expressions of a group match now.
#[derive(Debug, Clone)]
pub struct ResolvedRegexes {
    /// The group id.
    pub group: String,
    /// Each expression with its topics.
    pub regexes: Vec<(String, ResolvedRegex)>,
    /// `consumer.assignment.interval.ms`.
    pub assignment_interval_ms: i32,
}

/// Asks whether a member has this epoch, before it fetches offsets (OffsetFetch v9).
#[derive(Debug, Clone)]
pub struct CheckMember {
    /// The group id.
    pub group: String,
    /// The member id.
    pub member: String,
    /// The epoch.
    pub epoch: i32,
}

/// A ConsumerGroupDescribe request, for one group.
#[derive(Debug, Clone)]
pub struct DescribeConsumers {
    /// The group id.
    pub group: String,
}

/// A consumer group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupDescription {
    /// The name of its state.
    pub state: &'static str,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch of the target assignment.
    pub assignment_epoch: i32,
    /// The assignor in use.
    pub assignor: String,
    /// Its members.
    pub members: Vec<DescribedConsumer>,
}

/// A member of a consumer group in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedConsumer {
    /// Its id.
    pub id: String,
    /// Its epoch.
    pub epoch: i32,
    /// What it says of itself.
    pub metadata: MemberMetadata,
    /// The partitions that it has.
    pub assigned: Vec<DescribedTopic>,
    /// The partitions that it is to have.
    pub target: Vec<DescribedTopic>,
}

/// Partitions of a topic in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedTopic {
    /// The topic's id.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// The partitions.
    pub partitions: Vec<i32>,
}
