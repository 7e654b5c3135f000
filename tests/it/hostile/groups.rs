//! Clients that make groups large, many, or long to work on.

use bytes::Bytes;
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    JoinGroupRequest, LeaveGroupRequest, OffsetDeleteRequest, SyncGroupRequest,
};

use crate::client::{Client, text, topic_name};
use crate::groups::{committing, group};
use crate::hostile::run;

const TOO_LARGE: i16 = Code::GroupMaxSizeReached.code();
const TOO_MUCH: i16 = Code::InvalidCommitOffsetSize.code();
/// How many requests are sent before the first answer is read.
const AT_ONCE: usize = 100;

/// A join that needs no id first: an older client's.
fn joining(id: &str, protocols: Vec<JoinGroupRequestProtocol>) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(group(id))
        .with_session_timeout_ms(60_000)
        .with_rebalance_timeout_ms(60_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(protocols)
}

fn protocol(name: &str, bytes: usize) -> JoinGroupRequestProtocol {
    JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(vec![0; bytes].into())
}

/// Commits an offset of a partition in each of this many groups; gives the error codes.
async fn commit_in(client: &mut Client, groups: std::ops::Range<usize>) -> Vec<i16> {
    let mut codes = Vec::with_capacity(groups.len());
    let mut sent = Vec::with_capacity(AT_ONCE);
    for (at, number) in groups.clone().enumerate() {
        let request = committing(&format!("a-group-of-no-use-{number}"), "t", 0, 1);
        sent.push(client.send(7, &request).await);
        if sent.len() == AT_ONCE || at + 1 == groups.len() {
            for id in sent.drain(..) {
                let answer =
                    client.receive::<kafka_protocol::messages::OffsetCommitRequest>(7, id).await;
                codes.push(answer.topics[0].partitions[0].error_code);
            }
        }
    }
    codes
}

#[tokio::test]
async fn members_with_60_000_protocols_each_are_refused_and_stop_no_other_client() {
    let outcome = run(&[], async |broker| {
        let names = (0..60_000).map(|number| protocol(&format!("p{number}"), 0)).collect();
        let request = joining("g", names);
        for _ in 0..4 {
            let mut client = broker.client().await;
            assert_eq!(client.call(3, &request).await.error_code, TOO_LARGE);
        }
        let few = (0..100).map(|number| protocol(&format!("p{number}"), 0)).collect();
        let mut client = broker.client().await;
        assert_eq!(client.call(3, &joining("g", few)).await.error_code, 0);
    })
    .await;
    assert!(!outcome.lines_with("protocols of a member").is_empty(), "{outcome:?}");
}

#[tokio::test]
async fn groups_made_by_commits_end_at_group_max_count_and_take_little_memory() {
    let outcome = run(&[("group.max.count", "20000")], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        let codes = commit_in(&mut client, 0..25_000).await;
        // One is the steady client's.
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 19_999);
        assert!(codes[19_999..].iter().all(|code| *code == TOO_MUCH));
        let again = commit_in(&mut client, 0..100).await;
        assert!(again.iter().all(|code| *code == 0), "groups that are there commit");
    })
    .await;
    assert!(outcome.growth_bytes() < 20_000 * 1600, "{outcome:?}");
    let lines = outcome.lines_with("group.max.count");
    assert!(!lines.is_empty() && lines.len() < 60, "{lines:?}");
}

#[tokio::test]
async fn members_with_large_metadata_in_many_groups_end_at_group_coordinator_max_bytes() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        let (mut joined, mut refused) = (0, 0);
        for number in 0..3000 {
            let request = joining(&format!("g{number}"), vec![protocol("range", 50_000)]);
            match client.call(3, &request).await.error_code {
                0 => joined += 1,
                TOO_LARGE => refused += 1,
                code => panic!("{code} for group {number}"),
            }
        }
        assert!((1000..1400).contains(&joined), "{joined} joined, {refused} refused");
        let huge = joining("huge", vec![protocol("range", 2 << 20)]);
        assert_eq!(client.call(3, &huge).await.error_code, TOO_LARGE);
    })
    .await;
    assert!(outcome.growth_bytes() < 110 << 20, "{outcome:?}");
    for limit in ["group.coordinator.max.bytes", "group.member.max.bytes"] {
        assert!(!outcome.lines_with(limit).is_empty(), "{limit}: {outcome:?}");
    }
}

#[tokio::test]
async fn long_lists_about_a_group_are_answered_and_stop_no_other_client() {
    run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        let mut commit = committing("g", "t", 0, 1);
        let one = commit.topics[0].partitions[0].clone();
        assert_eq!(client.call(7, &commit).await.topics[0].partitions[0].error_code, 0);
        commit.topics[0].partitions = vec![one; 100_000];
        let answer = client.call(7, &commit).await;
        assert!(answer.topics[0].partitions.iter().all(|p| p.error_code == TOO_MUCH));
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(vec![partition; 100_000]);
        let deletion =
            OffsetDeleteRequest::default().with_group_id(group("g")).with_topics(vec![topic]);
        let answer = client.call(0, &deletion).await;
        assert_eq!((answer.error_code, answer.topics[0].partitions.len()), (0, 100_000));
        assert!(answer.topics[0].partitions.iter().all(|p| p.error_code == 0));
        let strangers = vec![MemberIdentity::default().with_member_id(text("unknown")); 100_000];
        let leaving = LeaveGroupRequest::default().with_group_id(group("steady"));
        let answer = client.call(3, &leaving.with_members(strangers)).await;
        assert_eq!(answer.members.len(), 100_000);
        let unknown = Code::UnknownMemberId.code();
        assert!(answer.members.iter().all(|member| member.error_code == unknown));
        let joined = client.call(3, &joining("h", vec![protocol("range", 0)])).await;
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(text("someone"))
            .with_assignment(Bytes::from_static(b"something"));
        let syncing = SyncGroupRequest::default()
            .with_group_id(group("h"))
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id)
            .with_assignments(vec![assignment; 100_000]);
        assert_eq!(client.call(2, &syncing).await.error_code, TOO_LARGE);
    })
    .await;
}
