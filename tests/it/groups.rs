//! Groups as a client lives in one, in every version, and what of them outlives the broker.

use bytes::Bytes;
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    CreatePartitionsRequest, DeleteGroupsRequest, DeleteTopicsRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, ListGroupsRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
    SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::client::{Client, text, topic_name};
use crate::harness::Ottla;

pub fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

pub fn joining(version: i16, name: &str, member: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"));
    let request = JoinGroupRequest::default()
        .with_group_id(group(name))
        .with_session_timeout_ms(30_000)
        .with_member_id(text(member))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    if version >= 1 { request.with_rebalance_timeout_ms(30_000) } else { request }
}

/// Join as clients do: with the id that is given first, where one is.
pub async fn join(client: &mut Client, version: i16, name: &str) -> JoinGroupResponse {
    let answer = client.call(version, &joining(version, name, "")).await;
    if answer.error_code != Code::MemberIdRequired.code() {
        return answer;
    }
    client.call(version, &joining(version, name, &answer.member_id)).await
}

pub fn syncing(version: i16, name: &str, joined: &JoinGroupResponse) -> SyncGroupRequest {
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(Bytes::from_static(b"all of it"));
    let request = SyncGroupRequest::default()
        .with_group_id(group(name))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_assignments(vec![assignment]);
    match version {
        5.. => request
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range"))),
        _ => request,
    }
}

pub fn beating(name: &str, member: &StrBytes, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(group(name))
        .with_generation_id(generation)
        .with_member_id(member.clone())
}

pub fn committing(name: &str, topic: &str, partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("a note")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(group(name))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

async fn commit(client: &mut Client, name: &str, topic: &str, partition: i32, offset: i64) -> i16 {
    let answer = client.call(8, &committing(name, topic, partition, offset)).await;
    answer.topics[0].partitions[0].error_code
}

/// Every offset that a group has committed.
pub async fn offsets(client: &mut Client, name: &str) -> Vec<(String, i32, i64)> {
    let request = OffsetFetchRequest::default().with_group_id(group(name)).with_topics(None);
    let answer = client.call(7, &request).await;
    assert_eq!(answer.error_code, 0);
    let of = |t: &kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseTopic| {
        let name = t.name.to_string();
        let one = move |p: &kafka_protocol::messages::offset_fetch_response::OffsetFetchResponsePartition| {
            (name.clone(), p.partition_index, p.committed_offset)
        };
        t.partitions.iter().map(one).collect::<Vec<_>>()
    };
    answer.topics.iter().flat_map(of).collect()
}

#[tokio::test]
async fn a_member_lives_and_leaves_in_every_version() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for version in 0..=9 {
        let name = format!("g{version}");
        let joined = join(&mut client, version, &name).await;
        assert_eq!((joined.error_code, joined.generation_id), (0, 1), "v{version}");
        assert_eq!(joined.leader, joined.member_id);
        assert_eq!(joined.members.len(), 1);
        let sync = version.min(5);
        let synced = client.call(sync, &syncing(sync, &name, &joined)).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all of it"[..]));
        let beat = beating(&name, &joined.member_id, 1);
        assert_eq!(client.call(version.min(4), &beat).await.error_code, 0);
        let stale = beating(&name, &joined.member_id, 0);
        let code = client.call(version.min(4), &stale).await.error_code;
        assert_eq!(code, Code::IllegalGeneration.code());
        let mut commit = committing(&name, "t", 0, 7);
        commit.generation_id_or_member_epoch = 1;
        commit.member_id = joined.member_id.clone();
        let committed = client.call(version.clamp(2, 9), &commit).await;
        assert_eq!(committed.topics[0].partitions[0].error_code, 0, "v{version}");
        assert_eq!(offsets(&mut client, &name).await, [("t".to_owned(), 0, 7)]);
        let leave = LeaveGroupRequest::default().with_group_id(group(&name));
        let leave = match version.min(5) {
            0..=2 => leave.with_member_id(joined.member_id.clone()),
            _ => {
                let who = MemberIdentity::default().with_member_id(joined.member_id.clone());
                leave.with_members(vec![who])
            }
        };
        let left = client.call(version.min(5), &leave).await;
        assert_eq!(left.error_code, 0);
        assert!(left.members.iter().all(|member| member.error_code == 0));
        let code = client.call(version.min(4), &beat).await.error_code;
        assert_eq!(code, Code::UnknownMemberId.code());
    }
}

#[tokio::test]
async fn members_that_start_together_join_the_first_generation() {
    let ottla = Ottla::start().await;
    let mut members = 0;
    // A busy machine may let so much time pass between the two that they do not start together.
    for name in (0..20).map(|number| format!("g{number}")) {
        let (mut one, mut two) = (ottla.client().await, ottla.client().await);
        let asked = one.send(3, &joining(3, &name, "")).await;
        two.send(3, &joining(3, &name, "")).await;
        let first = one.receive::<JoinGroupRequest>(3, asked).await;
        assert_eq!((first.error_code, first.generation_id), (0, 1));
        members = first.members.len();
        if members == 2 {
            break;
        }
    }
    assert_eq!(members, 2);
}

#[tokio::test]
async fn two_members_share_and_the_leader_decides() {
    let ottla = Ottla::start().await;
    let mut one = ottla.client().await;
    let first = join(&mut one, 9, "g").await;
    one.call(5, &syncing(5, "g", &first)).await;
    let mut two = ottla.client().await;
    let required = two.call(9, &joining(9, "g", "")).await;
    let waiting = two.send(9, &joining(9, "g", &required.member_id)).await;
    // The first learns of it by its heartbeat, and joins again.
    while one.call(4, &beating("g", &first.member_id, 1)).await.error_code == 0 {
        tokio::task::yield_now().await;
    }
    let again = one.call(9, &joining(9, "g", &first.member_id)).await;
    let second = two.receive::<JoinGroupRequest>(9, waiting).await;
    assert_eq!((again.generation_id, second.generation_id), (2, 2));
    assert_eq!((again.members.len(), second.members.len()), (2, 0));
    let following = two.send(5, &syncing(5, "g", &second).with_assignments(vec![])).await;
    let share = |member: &StrBytes, what: &'static [u8]| {
        SyncGroupRequestAssignment::default()
            .with_member_id(member.clone())
            .with_assignment(Bytes::from_static(what))
    };
    let shares = vec![share(&again.member_id, b"left"), share(&second.member_id, b"right")];
    let led = one.call(5, &syncing(5, "g", &again).with_assignments(shares)).await;
    let followed = two.receive::<SyncGroupRequest>(5, following).await;
    assert_eq!((&led.assignment[..], &followed.assignment[..]), (&b"left"[..], &b"right"[..]));
}

#[tokio::test]
async fn a_member_goes_on_after_the_broker_was_killed() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let joined = join(&mut client, 9, "g").await;
    client.call(5, &syncing(5, "g", &joined)).await;
    assert_eq!(commit(&mut client, "simple", "t", 0, 5).await, 0);
    drop(client);
    for clean in [false, true] {
        if clean {
            ottla.restart().await
        } else {
            ottla.kill_and_restart().await
        }
        let mut client = ottla.client().await;
        let beat = beating("g", &joined.member_id, joined.generation_id);
        assert_eq!(client.call(4, &beat).await.error_code, 0, "clean={clean}");
        let synced = client.call(5, &syncing(5, "g", &joined)).await;
        assert_eq!(&synced.assignment[..], b"all of it");
        assert_eq!(offsets(&mut client, "simple").await, [("t".to_owned(), 0, 5)]);
    }
}

#[tokio::test]
async fn offsets_of_a_deleted_topic_are_forgotten() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.create("u", 1, &[]).await;
    for topic in ["t", "u"] {
        assert_eq!(commit(&mut client, "g", topic, 0, 5).await, 0);
    }
    let deletion = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("t")])
        .with_timeout_ms(1000);
    client.call(5, &deletion).await;
    assert_eq!(offsets(&mut client, "g").await, [("u".to_owned(), 0, 5)]);
    client.create("t", 1, &[]).await;
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(offsets(&mut client, "g").await, [("u".to_owned(), 0, 5)]);
}

#[tokio::test]
async fn partitions_that_are_not_there_are_refused_each_for_itself() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let mut request = committing("g", "t", 0, 1);
    let more = request.topics[0].partitions[0].clone().with_partition_index(1);
    request.topics[0].partitions.insert(0, more);
    request.topics.push(committing("g", "none", 0, 1).topics.remove(0));
    let answer = client.call(8, &request).await;
    let codes: Vec<_> =
        answer.topics.iter().flat_map(|t| t.partitions.iter().map(|p| p.error_code)).collect();
    let unknown = Code::UnknownTopicOrPartition.code();
    assert_eq!(codes, [unknown, 0, unknown]);
    let long = "x".repeat(4097);
    let mut request = committing("g", "t", 0, 1);
    request.topics[0].partitions[0].committed_metadata = Some(text(&long));
    let answer = client.call(8, &request).await;
    let code = answer.topics[0].partitions[0].error_code;
    assert_eq!(code, Code::OffsetMetadataTooLarge.code());
}

#[tokio::test]
async fn offsets_are_fetched_in_every_version_for_one_group_or_several() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    commit(&mut client, "g", "t", 0, 5).await;
    commit(&mut client, "h", "t", 1, 6).await;
    for version in 1..=7 {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(topic_name("t"))
            .with_partition_indexes(vec![0, 1]);
        let request =
            OffsetFetchRequest::default().with_group_id(group("g")).with_topics(Some(vec![topic]));
        let answer = client.call(version, &request).await;
        let found: Vec<_> = answer.topics[0]
            .partitions
            .iter()
            .map(|p| (p.error_code, p.committed_offset))
            .collect();
        assert_eq!(found, [(0, 5), (0, -1)], "v{version}");
    }
    for version in 8..=9 {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(topic_name("t"))
            .with_partition_indexes(vec![1]);
        let one = OffsetFetchRequestGroup::default().with_group_id(group("g")).with_topics(None);
        let other = OffsetFetchRequestGroup::default()
            .with_group_id(group("h"))
            .with_topics(Some(vec![topic]));
        let none =
            OffsetFetchRequestGroup::default().with_group_id(group("none")).with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![one, other, none]);
        let answer = client.call(version, &request).await;
        let offsets: Vec<Vec<i64>> = answer
            .groups
            .iter()
            .map(|g| {
                g.topics.iter().flat_map(|t| &t.partitions).map(|p| p.committed_offset).collect()
            })
            .collect();
        assert_eq!(offsets, [vec![5], vec![6], vec![]], "v{version}");
        assert!(answer.groups.iter().all(|group| group.error_code == 0));
    }
}

#[tokio::test]
async fn groups_are_listed_described_and_deleted() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    commit(&mut client, "simple", "t", 0, 5).await;
    let joined = join(&mut client, 9, "live").await;
    client.call(5, &syncing(5, "live", &joined)).await;
    let all = client.call(5, &ListGroupsRequest::default()).await;
    let all: Vec<_> = all
        .groups
        .iter()
        .map(|g| (&**g.group_id, &*g.protocol_type, &*g.group_state, &*g.group_type))
        .collect();
    let (live, simple) =
        (("live", "consumer", "Stable", "classic"), ("simple", "", "Empty", "classic"));
    assert_eq!(all, [live, simple]);
    let stable = ListGroupsRequest::default().with_states_filter(vec![text("stable")]);
    assert_eq!(client.call(4, &stable).await.groups.len(), 1);
    let wanted = vec![group("live"), group("none")];
    let described =
        client.call(5, &DescribeGroupsRequest::default().with_groups(wanted.clone())).await;
    let member = &described.groups[0].members[0];
    assert_eq!((member.member_id.clone(), &*member.client_id), (joined.member_id.clone(), "it"));
    assert_eq!(
        (&*member.client_host, &member.member_assignment[..]),
        ("/127.0.0.1", &b"all of it"[..])
    );
    assert_eq!((described.groups[1].error_code, &*described.groups[1].group_state), (0, "Dead"));
    let newer = client.call(6, &DescribeGroupsRequest::default().with_groups(wanted)).await;
    assert_eq!(newer.groups[1].error_code, Code::GroupIdNotFound.code());
    let names = vec![group("live"), group("simple"), group("none")];
    let deleted = client.call(2, &DeleteGroupsRequest::default().with_groups_names(names)).await;
    let codes: Vec<_> = deleted.results.iter().map(|r| r.error_code).collect();
    assert_eq!(codes, [Code::NonEmptyGroup.code(), 0, Code::GroupIdNotFound.code()]);
    assert_eq!(offsets(&mut client, "simple").await, []);
}

#[tokio::test]
async fn committed_offsets_are_a_topic_like_any_other() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for offset in 1..=3 {
        commit(&mut client, "g", "t", 0, offset).await;
    }
    let answer = client.fetch("__consumer_offsets", 0, 0).await;
    let partition = &answer.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.high_watermark), (0, 3));
    let deletion = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("__consumer_offsets")])
        .with_timeout_ms(1000);
    assert!(client.call(5, &deletion).await.responses[0].error_code != 0, "it is needed");
    assert_eq!(commit(&mut client, "g", "t", 0, 4).await, 0);
}

#[tokio::test]
async fn groups_keep_their_offsets_when_the_topic_is_given_more_partitions() {
    let mut ottla = Ottla::with(&[("offsets.topic.num.partitions", "3")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let names: Vec<String> = (0..20).map(|number| format!("group-{number}")).collect();
    for name in &names {
        assert_eq!(commit(&mut client, name, "t", 0, 1).await, 0);
    }
    let grown = CreatePartitionsTopic::default()
        .with_name(topic_name("__consumer_offsets"))
        .with_count(7)
        .with_assignments(None);
    let grown = CreatePartitionsRequest::default().with_topics(vec![grown]).with_timeout_ms(1000);
    assert_eq!(client.call(3, &grown).await.results[0].error_code, 0);
    for name in &names[10..] {
        assert_eq!(commit(&mut client, name, "t", 0, 2).await, 0);
    }
    let used = |ottla: &Ottla| {
        let is_used =
            |index: &usize| ottla.log_file(&format!("__consumer_offsets-{index}")).exists();
        (0..8).filter(is_used).collect::<Vec<_>>()
    };
    assert_eq!(used(&ottla), [0, 1, 2], "until the next start");
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    for (at, name) in names.iter().enumerate() {
        let offset = if at < 10 { 1 } else { 2 };
        assert_eq!(offsets(&mut client, name).await, [("t".to_owned(), 0, offset)], "{name}");
    }
    assert_eq!(used(&ottla), [0, 1, 2, 3, 4, 5, 6], "groups have moved");
}

#[tokio::test]
async fn who_looks_for_a_coordinator_finds_its_topic_as_well() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let everything = MetadataRequest::default().with_topics(None);
    let keys = vec![StrBytes::from_static_str("g")];
    let finding = FindCoordinatorRequest::default().with_coordinator_keys(keys);
    let mut expected = Vec::new();
    for (key_type, topic) in [(0, "__consumer_offsets"), (1, "__transaction_state")] {
        let found = client.call(4, &finding.clone().with_key_type(key_type)).await;
        assert_eq!(found.coordinators[0].error_code, 0);
        let topics = client.call(9, &everything).await.topics;
        let names: Vec<_> = topics.into_iter().map(|t| (t.name, t.is_internal)).collect();
        expected.push((Some(topic_name(topic)), true));
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_join_that_waits_ends_with_its_connection_and_its_member_with_its_session() {
    let ottla = Ottla::with(&[("group.min.session.timeout.ms", "1")]).await;
    let mut one = ottla.client().await;
    let first = join(&mut one, 9, "g").await;
    one.call(5, &syncing(5, "g", &first)).await;
    let mut two = ottla.client().await;
    let quick = |member: &str| joining(9, "g", member).with_session_timeout_ms(200);
    let required = two.call(9, &quick("")).await;
    two.send(9, &quick(&required.member_id)).await;
    while one.call(4, &beating("g", &first.member_id, 1)).await.error_code == 0 {
        tokio::task::yield_now().await;
    }
    drop(two);
    let again = one.call(9, &joining(9, "g", &first.member_id)).await;
    assert_eq!((again.error_code, again.members.len()), (0, 2));
    one.call(5, &syncing(5, "g", &again)).await;
    // It never syncs nor beats: the others are asked to rejoin.
    let beat = beating("g", &first.member_id, again.generation_id);
    while one.call(4, &beat).await.error_code == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let alone = one.call(9, &joining(9, "g", &first.member_id)).await;
    assert_eq!((alone.error_code, alone.members.len()), (0, 1));
}
