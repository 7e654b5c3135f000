//! A member of a classic group: join, sync, heartbeat, commit, leave.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    SyncGroupRequest,
};

use crate::client::assignor::{self, RANGE};
use crate::client::cluster::Cluster;
use crate::client::connection::{Connection, text};
use crate::client::error::ClientError;
use crate::client::group_offsets::{self, CommitIdentity};
use crate::types::{Offset, TopicPartition};

const MEMBER_ID_REQUIRED: i16 = 79;
const UNKNOWN_MEMBER_ID: i16 = 25;
const ILLEGAL_GENERATION: i16 = 22;
const REBALANCE_IN_PROGRESS: i16 = 27;
/// The newest version of LeaveGroup that takes a single member.
const LEAVE_ONE: i16 = 2;

/// The configuration of a member. Names are those of Kafka's configs.
#[derive(Debug, Clone)]
pub struct MemberConfig {
    /// `group.id`.
    pub group: String,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Duration,
}

/// A member of a group.
#[derive(Debug)]
pub struct Member {
    config: MemberConfig,
    topics: Vec<String>,
    committer: CommitIdentity,
    coordinator: Option<Connection>,
}

impl Member {
    /// Returns a member that has not joined yet.
    pub fn new(config: MemberConfig, topics: Vec<String>) -> Member {
        let committer = CommitIdentity {
            member_id: String::new(),
            generation: -1,
            instance_id: config.instance_id.clone(),
        };
        Member { config, topics, committer, coordinator: None }
    }

    async fn coordinator(&mut self, cluster: &mut Cluster) -> Result<&mut Connection, ClientError> {
        if self.coordinator.is_none() {
            let node = cluster.coordinator(&self.config.group).await?;
            self.coordinator = Some(cluster.own_connection(node).await?);
        }
        let nowhere = || ClientError::Invalid("the coordinator is not known".to_owned());
        self.coordinator.as_mut().ok_or_else(nowhere)
    }

    /// Joins or rejoins the group, until there is an assignment. Returns the assigned partitions
    /// with their committed offsets.
    ///
    /// # Errors
    /// The coordinator returns an error that is not retriable or cannot be reached.
    pub async fn join(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<BTreeMap<TopicPartition, Option<Offset>>, ClientError> {
        let mut left = 100_u32;
        let assigned = loop {
            match self.try_join(cluster).await {
                Ok(assigned) => break assigned,
                Err(error) => {
                    left -= 1;
                    match error.code() {
                        Some(MEMBER_ID_REQUIRED | REBALANCE_IN_PROGRESS) if left > 0 => continue,
                        Some(UNKNOWN_MEMBER_ID | ILLEGAL_GENERATION) if left > 0 => {
                            self.committer.member_id.clear();
                        }
                        _ if error.may_pass() && left > 0 => {
                            self.coordinator = None;
                            cluster.forget_connections();
                            tokio::time::sleep(Duration::from_millis(200)).await;
                        }
                        _ => return Err(error),
                    }
                }
            }
        };
        let committed = group_offsets::committed(cluster, &self.config.group).await?;
        Ok(assigned.into_iter().map(|p| (p.clone(), committed.get(&p).copied())).collect())
    }

    async fn try_join(
        &mut self,
        cluster: &mut Cluster,
    ) -> Result<Vec<TopicPartition>, ClientError> {
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(text(&self.config.group)))
            .with_session_timeout_ms(self.config.session_timeout.as_millis() as i32)
            .with_rebalance_timeout_ms(self.config.rebalance_timeout.as_millis() as i32)
            .with_member_id(text(&self.committer.member_id))
            .with_group_instance_id(self.config.instance_id.as_deref().map(text))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![
                JoinGroupRequestProtocol::default()
                    .with_name(text(RANGE))
                    .with_metadata(assignor::subscription(&self.topics)),
            ]);
        let patience = self.config.rebalance_timeout;
        let about = format!("the group {}", self.config.group);
        let connection = self.coordinator(cluster).await?;
        let answer = connection.call_for(9, &request, patience).await?;
        self.committer.member_id = answer.member_id.to_string();
        ClientError::check(answer.error_code, None, &about)?;
        self.committer.generation = answer.generation_id;
        let is_leader = answer.leader == answer.member_id && !answer.skip_assignment;
        let given =
            if is_leader { assignments(cluster, &answer).await? } else { BTreeMap::default() };
        let one = |(id, places): (&String, &Vec<TopicPartition>)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(id))
                .with_assignment(assignor::assignment(places))
        };
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(text(&self.config.group)))
            .with_generation_id(self.committer.generation)
            .with_member_id(text(&self.committer.member_id))
            .with_group_instance_id(self.config.instance_id.as_deref().map(text))
            .with_assignments(given.iter().map(one).collect());
        let connection = self.coordinator(cluster).await?;
        // Only newer versions carry the protocol that the group has chosen.
        let request = match connection.version::<SyncGroupRequest>(5)? {
            5 => request
                .with_protocol_type(Some(text("consumer")))
                .with_protocol_name(Some(text(RANGE))),
            _ => request,
        };
        let answer = connection.call_for(5, &request, patience).await?;
        ClientError::check(answer.error_code, None, &about)?;
        Ok(assignor::assigned(&answer.assignment))
    }

    /// Sends a heartbeat. Returns true if the group is rebalancing.
    ///
    /// # Errors
    /// The coordinator returns an error that is not retriable or cannot be reached.
    pub async fn heartbeat(&mut self, cluster: &mut Cluster) -> Result<bool, ClientError> {
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(text(&self.config.group)))
            .with_generation_id(self.committer.generation)
            .with_member_id(text(&self.committer.member_id))
            .with_group_instance_id(self.config.instance_id.as_deref().map(text));
        let about = format!("the group {}", self.config.group);
        let answered = match self.coordinator(cluster).await {
            Ok(connection) => connection.call(4, &request).await,
            Err(error) => Err(error),
        };
        match answered.and_then(|a| ClientError::check(a.error_code, None, &about)) {
            Ok(()) => Ok(false),
            Err(error) if must_rejoin(&error) => Ok(true),
            Err(error) if error.may_pass() => {
                self.coordinator = None;
                cluster.forget_connections();
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Commits this member's positions. A commit made void by a rebalance is not an error.
    ///
    /// # Errors
    /// The coordinator returns an error that is not retriable or cannot be reached.
    pub async fn commit(
        &mut self,
        cluster: &mut Cluster,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), ClientError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let (group, committer) = (self.config.group.clone(), self.committer.clone());
        let connection = self.coordinator(cluster).await?;
        match group_offsets::commit(connection, &group, &committer, offsets).await {
            Err(error) if must_rejoin(&error) => Ok(()),
            Err(error) if error.may_pass() => {
                self.coordinator = None;
                Err(error)
            }
            done => done,
        }
    }

    /// Leaves the group, so that the others need not wait for the session to expire. A static
    /// member does not leave.
    ///
    /// # Errors
    /// The coordinator cannot be reached.
    pub async fn leave(&mut self, cluster: &mut Cluster) -> Result<(), ClientError> {
        if self.committer.member_id.is_empty() || self.config.instance_id.is_some() {
            return Ok(());
        }
        let (group, member) = (self.config.group.clone(), self.committer.member_id.clone());
        let connection = self.coordinator(cluster).await?;
        let request = LeaveGroupRequest::default().with_group_id(GroupId(text(&group)));
        let version = connection.version::<LeaveGroupRequest>(5)?;
        let request = match version > LEAVE_ONE {
            true => {
                request.with_members(vec![MemberIdentity::default().with_member_id(text(&member))])
            }
            false => request.with_member_id(text(&member)),
        };
        connection.call(version, &request).await.map(|_| ())
    }
}

fn must_rejoin(error: &ClientError) -> bool {
    matches!(error.code(), Some(UNKNOWN_MEMBER_ID | ILLEGAL_GENERATION | REBALANCE_IN_PROGRESS))
}

/// Computes every member's assignment, as the group's leader.
async fn assignments(
    cluster: &mut Cluster,
    joined: &JoinGroupResponse,
) -> Result<BTreeMap<String, Vec<TopicPartition>>, ClientError> {
    let members: BTreeMap<String, Vec<String>> = joined
        .members
        .iter()
        .map(|m| (m.member_id.to_string(), assignor::subscribed(&m.metadata)))
        .collect();
    let mut counts = BTreeMap::new();
    for topic in members.values().flatten() {
        if !counts.contains_key(topic) {
            cluster.forget_topic(topic);
            // A topic that does not exist yet has no partitions to assign.
            let count = cluster.topic(topic, true).await.map_or(0, |t| t.partitions.len());
            counts.insert(topic.clone(), count as i32);
        }
    }
    Ok(assignor::range(&members, &counts))
}
