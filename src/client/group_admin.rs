//! Listing, describing and deleting groups.

use kafka_protocol::messages::consumer_group_describe_response::Assignment;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DeleteGroupsRequest, DescribeGroupsRequest, GroupId,
    ListGroupsRequest,
};

use crate::client::assignor;
use crate::client::cluster::Cluster;
use crate::client::connection::text;
use crate::client::error::ClientError;
use crate::types::TopicPartition;

/// Kafka's GROUP_ID_NOT_FOUND.
pub const GROUP_ID_NOT_FOUND: i16 = 69;

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// Its id.
    pub group: String,
    /// `consumer`, `connect` and the like; empty for a group that only commits offsets.
    pub protocol_type: String,
    /// Its state; empty if the broker is too old to return it.
    pub state: String,
    /// `classic`, `consumer` or `share`; empty if the broker is too old to return it.
    pub kind: String,
}

/// The description of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group: String,
    /// Its state.
    pub state: String,
    /// The assignor in use.
    pub assignor: String,
    /// The coordinator's id.
    pub coordinator: i32,
    /// Its members.
    pub members: Vec<MemberDescription>,
    /// True if it uses the consumer group protocol of KIP-848.
    pub is_new: bool,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id at the coordinator.
    pub id: String,
    /// `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its client id.
    pub client_id: String,
    /// The host that it connects from.
    pub host: String,
    /// The partitions assigned to it.
    pub assignment: Vec<TopicPartition>,
}

/// Returns all groups of all brokers, sorted by id.
///
/// # Errors
/// A broker does not answer.
pub async fn list(cluster: &mut Cluster) -> Result<Vec<GroupListing>, ClientError> {
    let nodes: Vec<i32> = cluster.nodes.keys().copied().collect();
    let mut found = Vec::new();
    for node in nodes {
        let answer = cluster.node(node).await?.call(5, &ListGroupsRequest::default()).await?;
        ClientError::check(answer.error_code, None, "listing groups")?;
        found.extend(answer.groups.iter().map(|g| GroupListing {
            group: g.group_id.to_string(),
            protocol_type: g.protocol_type.to_string(),
            state: g.group_state.to_string(),
            kind: g.group_type.to_string(),
        }));
    }
    found.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(found)
}

/// Describes a group. One that does not exist is refused with GROUP_ID_NOT_FOUND.
///
/// # Errors
/// There is no such group, or its coordinator does not answer.
pub async fn describe(cluster: &mut Cluster, group: &str) -> Result<GroupDescription, ClientError> {
    let node = cluster.coordinator(group).await?;
    let about = format!("the group {group}");
    let connection = cluster.node(node).await?;
    if connection.version::<ConsumerGroupDescribeRequest>(1).is_ok() {
        let request =
            ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text(group))]);
        let answer = connection.call(1, &request).await?;
        if let Some(g) = answer.groups.first().filter(|g| g.error_code == 0) {
            let members = g.members.iter().map(|m| MemberDescription {
                id: m.member_id.to_string(),
                instance_id: m.instance_id.as_ref().map(ToString::to_string),
                client_id: m.client_id.to_string(),
                host: m.client_host.to_string(),
                assignment: assigned_partitions(&m.assignment),
            });
            return Ok(GroupDescription {
                group: group.to_owned(),
                state: g.group_state.to_string(),
                assignor: g.assignor_name.to_string(),
                coordinator: node,
                members: members.collect(),
                is_new: true,
            });
        }
    }
    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
    let answer = connection.call(6, &request).await?;
    let Some(g) = answer.groups.first() else {
        return Err(ClientError::Invalid(format!("the response does not include {about}")));
    };
    ClientError::check(g.error_code, g.error_message.as_deref(), &about)?;
    if g.group_state.as_str() == "Dead" {
        let message = format!("Group {group} not found.");
        ClientError::check(GROUP_ID_NOT_FOUND, Some(&message), &about)?;
    }
    let members = g.members.iter().map(|m| MemberDescription {
        id: m.member_id.to_string(),
        instance_id: m.group_instance_id.as_ref().map(ToString::to_string),
        client_id: m.client_id.to_string(),
        host: m.client_host.to_string(),
        assignment: assignor::assigned(&m.member_assignment),
    });
    Ok(GroupDescription {
        group: group.to_owned(),
        state: g.group_state.to_string(),
        assignor: g.protocol_data.to_string(),
        coordinator: node,
        members: members.collect(),
        is_new: false,
    })
}

fn assigned_partitions(assignment: &Assignment) -> Vec<TopicPartition> {
    let topics = assignment.topic_partitions.iter();
    topics
        .flat_map(|t| {
            let name = t.topic_name.to_string();
            t.partitions.iter().map(move |p| TopicPartition::new(name.clone(), *p))
        })
        .collect()
}

/// Deletes a group and its offsets.
///
/// # Errors
/// It has members, or does not exist.
pub async fn delete(cluster: &mut Cluster, group: &str) -> Result<(), ClientError> {
    let node = cluster.coordinator(group).await?;
    let request = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text(group))]);
    let answer = cluster.node(node).await?.call(2, &request).await?;
    let result = answer.results.first();
    result.map_or(Ok(()), |r| ClientError::check(r.error_code, None, &format!("the group {group}")))
}
