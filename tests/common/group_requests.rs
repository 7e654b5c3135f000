//! Valid requests of the groups' APIs, to start mutations from.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use ottla::protocol::message::{Message, Request as _};
use ottla::protocol::messages::delete_groups_request::DeleteGroupsRequest;
use ottla::protocol::messages::describe_groups_request::DescribeGroupsRequest;
use ottla::protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use ottla::protocol::messages::heartbeat_request::HeartbeatRequest;
use ottla::protocol::messages::join_group_request::{JoinGroupRequest, JoinGroupRequestProtocol};
use ottla::protocol::messages::leave_group_request::{LeaveGroupRequest, MemberIdentity};
use ottla::protocol::messages::list_groups_request::ListGroupsRequest;
use ottla::protocol::messages::offset_commit_request::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla::protocol::messages::offset_delete_request::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use ottla::protocol::messages::offset_fetch_request::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla::protocol::messages::sync_group_request::{SyncGroupRequest, SyncGroupRequestAssignment};
use ottla::protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest};

use crate::requests::{Subject, body};

/// The body of a request about groups; `None` if the API is about something else.
pub fn valid(key: i16, version: i16, subject: &Subject) -> Option<Vec<u8>> {
    fn of(message: &impl Message, version: i16) -> Option<Vec<u8>> {
        Some(body(message, version))
    }
    match key {
        FindCoordinatorRequest::KEY => of(&find_coordinator(version), version),
        JoinGroupRequest::KEY => of(&join(version), version),
        SyncGroupRequest::KEY => of(&sync(version), version),
        ConsumerGroupHeartbeatRequest::KEY => of(&consumer_heartbeat(), version),
        ConsumerGroupDescribeRequest::KEY => of(&describe_consumers(), version),
        HeartbeatRequest::KEY => of(&heartbeat(), version),
        LeaveGroupRequest::KEY => of(&leave(version), version),
        OffsetCommitRequest::KEY => of(&commit(version, subject), version),
        OffsetFetchRequest::KEY => of(&fetch(version, subject), version),
        OffsetDeleteRequest::KEY => of(&delete_offsets(subject), version),
        DescribeGroupsRequest::KEY => of(&describe(), version),
        ListGroupsRequest::KEY => of(&list(version), version),
        DeleteGroupsRequest::KEY => {
            of(&DeleteGroupsRequest::default().with_groups_names(vec![group("old")]), version)
        }
        _ => None,
    }
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn group(s: &str) -> StrBytes {
    text(s)
}

fn topic(subject: &Subject) -> StrBytes {
    text(&subject.topic)
}

fn find_coordinator(version: i16) -> FindCoordinatorRequest {
    let request = FindCoordinatorRequest::default();
    match version {
        4.. => request.with_key_type(0).with_coordinator_keys(vec![text("g"), text("h")]),
        _ => request.with_key(text("g")),
    }
}

/// One that does not wait for others: with a member id that no one has given, it is refused.
fn join(version: i16) -> JoinGroupRequest {
    let protocol = |name: &str| {
        let metadata = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff");
        JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(metadata)
    };
    let request = JoinGroupRequest::default()
        .with_group_id(group("g"))
        .with_session_timeout_ms(10_000)
        .with_member_id(text(if version < 4 { "unknown" } else { "" }))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol("range"), protocol("roundrobin")]);
    if version >= 1 { request.with_rebalance_timeout_ms(10_000) } else { request }
}

fn sync(version: i16) -> SyncGroupRequest {
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(text("m"))
        .with_assignment(Bytes::from_static(b"what it gets"));
    let request = SyncGroupRequest::default()
        .with_group_id(group("g"))
        .with_generation_id(1)
        .with_member_id(text("m"))
        .with_assignments(vec![assignment]);
    match version {
        5.. => request
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range"))),
        _ => request,
    }
}

fn consumer_heartbeat() -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group("c"))
        .with_member_id(text("m"))
        .with_rebalance_timeout_ms(60_000)
        .with_subscribed_topic_names(Some(vec![text("t")]))
        .with_topic_partitions(Some(Vec::new()))
}

fn describe_consumers() -> ConsumerGroupDescribeRequest {
    ConsumerGroupDescribeRequest::default().with_group_ids(vec![group("c")])
}

fn heartbeat() -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(group("g"))
        .with_generation_id(1)
        .with_member_id(text("m"))
}

fn leave(version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(group("g"));
    match version {
        3.. => {
            let one = MemberIdentity::default()
                .with_member_id(text("m"))
                .with_group_instance_id(Some(text("i")));
            request.with_members(vec![one.clone(), one.with_group_instance_id(None)])
        }
        _ => request.with_member_id(text("m")),
    }
}

fn commit(version: i16, subject: &Subject) -> OffsetCommitRequest {
    let partition = |index| {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(5)
            .with_committed_metadata(Some(text("a note")));
        if version >= 6 { partition.with_committed_leader_epoch(0) } else { partition }
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic(subject))
        .with_topic_id(subject.topic_id)
        .with_partitions(vec![partition(0), partition(1), partition(9)]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group("simple"))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    if version <= 4 { request.with_retention_time_ms(60_000) } else { request }
}

fn fetch(version: i16, subject: &Subject) -> OffsetFetchRequest {
    let request = OffsetFetchRequest::default();
    if version >= 8 {
        let topics = OffsetFetchRequestTopics::default()
            .with_name(topic(subject))
            .with_topic_id(subject.topic_id)
            .with_partition_indexes(vec![0, 1, 2]);
        let one = OffsetFetchRequestGroup::default()
            .with_group_id(group("simple"))
            .with_topics(Some(vec![topics]));
        let all = OffsetFetchRequestGroup::default().with_group_id(group("g")).with_topics(None);
        return request.with_groups(vec![one, all]);
    }
    let topics = OffsetFetchRequestTopic::default()
        .with_name(topic(subject))
        .with_partition_indexes(vec![0, 1, 2]);
    request.with_group_id(group("simple")).with_topics(Some(vec![topics]))
}

fn delete_offsets(subject: &Subject) -> OffsetDeleteRequest {
    let partition = |index| OffsetDeleteRequestPartition::default().with_partition_index(index);
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic(subject))
        .with_partitions(vec![partition(0), partition(1)]);
    OffsetDeleteRequest::default().with_group_id(group("simple")).with_topics(vec![topic])
}

fn describe() -> DescribeGroupsRequest {
    DescribeGroupsRequest::default().with_groups(vec![group("g"), group("simple"), group("none")])
}

fn list(version: i16) -> ListGroupsRequest {
    let request = ListGroupsRequest::default();
    match version {
        5.. => {
            request.with_states_filter(vec![text("Empty")]).with_types_filter(vec![text("classic")])
        }
        4 => request.with_states_filter(vec![text("Stable"), text("Empty")]),
        _ => request,
    }
}
