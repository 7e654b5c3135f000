//! Rules of Apache Kafka 4.4 about groups that a client sees: nameless groups, what is named twice
//! or is not there, and the order of checks.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest,
};

use crate::client::{Client, text, topic_name};
use crate::groups::{beating, committing, group, join, joining, offsets, syncing};
use crate::harness::Ottla;

const UNKNOWN: i16 = Code::UnknownTopicOrPartition.code();

/// Partitions by topic.
type Expected<'a> = &'a [(&'a str, &'a [i32])];
/// Error codes by topic and partition, as they are answered.
type Codes = Vec<(String, Vec<(i32, i16)>)>;

fn codes(expected: &[(&str, &[(i32, i16)])]) -> Codes {
    expected.iter().map(|(topic, codes)| ((*topic).to_owned(), codes.to_vec())).collect()
}

async fn commit(client: &mut Client, id: &str, generation: i32, wanted: Expected<'_>) -> Codes {
    let partition = |index: &i32| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(7)
            .with_committed_metadata(Some(text("")))
    };
    let topic = |(name, partitions): &(&str, &[i32])| {
        OffsetCommitRequestTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    let request = OffsetCommitRequest::default()
        .with_group_id(group(id))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(wanted.iter().map(topic).collect());
    let answer = client.call(8, &request).await;
    let of =
        |p: &kafka_protocol::messages::offset_commit_response::OffsetCommitResponsePartition| {
            (p.partition_index, p.error_code)
        };
    let topics = answer.topics.iter();
    topics.map(|t| (t.name.to_string(), t.partitions.iter().map(of).collect())).collect()
}

async fn delete_offsets(client: &mut Client, id: &str, wanted: Expected<'_>) -> Result<Codes, i16> {
    let partition =
        |index: &i32| OffsetDeleteRequestPartition::default().with_partition_index(*index);
    let topic = |(name, partitions): &(&str, &[i32])| {
        OffsetDeleteRequestTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    let request = OffsetDeleteRequest::default()
        .with_group_id(group(id))
        .with_topics(wanted.iter().map(topic).collect());
    let answer = client.call(0, &request).await;
    if answer.error_code != 0 {
        return Err(answer.error_code);
    }
    let of =
        |p: &kafka_protocol::messages::offset_delete_response::OffsetDeleteResponsePartition| {
            (p.partition_index, p.error_code)
        };
    let topics = answer.topics.iter();
    Ok(topics.map(|t| (t.name.to_string(), t.partitions.iter().map(of).collect())).collect())
}

async fn deleted(client: &mut Client, names: &[&str]) -> Vec<(String, i16)> {
    let names = names.iter().map(|name| group(name)).collect();
    let answer = client.call(2, &DeleteGroupsRequest::default().with_groups_names(names)).await;
    answer.results.iter().map(|one| (one.group_id.to_string(), one.error_code)).collect()
}

async fn state(client: &mut Client, id: &str) -> String {
    let request = DescribeGroupsRequest::default().with_groups(vec![group(id)]);
    client.call(5, &request).await.groups[0].group_state.to_string()
}

#[tokio::test]
async fn a_group_without_a_name_keeps_offsets_and_cannot_be_joined() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let answer = client.call(8, &committing("", "t", 0, 5)).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    assert_eq!(offsets(&mut client, "").await, [("t".to_owned(), 0, 5)]);
    let topics = OffsetFetchRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partition_indexes(vec![0, 1]);
    let some = OffsetFetchRequest::default().with_topics(Some(vec![topics]));
    let some = client.call(7, &some).await;
    let reported = some.topics[0].partitions.iter().map(|p| p.committed_offset);
    assert_eq!((some.error_code, reported.collect::<Vec<_>>()), (0, vec![5, -1]));
    assert_eq!(state(&mut client, "").await, "Empty");
    let listed = client.call(4, &ListGroupsRequest::default()).await.groups;
    assert_eq!(listed.iter().map(|one| &**one.group_id).collect::<Vec<_>>(), [""]);
    let invalid = Code::InvalidGroupId.code();
    assert_eq!(join(&mut client, 4, "").await.error_code, invalid);
    let beat = HeartbeatRequest::default().with_member_id(text("m"));
    assert_eq!(client.call(4, &beat).await.error_code, invalid);
    assert_eq!(client.call(3, &LeaveGroupRequest::default()).await.error_code, invalid);
    assert_eq!(delete_offsets(&mut client, "", &[("t", &[0])]).await, Err(invalid));
    ottla.restart().await;
    let mut client = ottla.client().await;
    assert_eq!(offsets(&mut client, "").await, [("t".to_owned(), 0, 5)]);
    assert_eq!(deleted(&mut client, &[""]).await, [(String::new(), 0)]);
    assert_eq!(state(&mut client, "").await, "Dead");
}

#[tokio::test]
async fn a_group_that_is_to_be_deleted_twice_is_deleted_once() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    commit(&mut client, "g", -1, &[("t", &[0])]).await;
    let not_found = Code::GroupIdNotFound.code();
    let answer = deleted(&mut client, &["g", "no", "g", "no"]).await;
    assert_eq!(answer, [("g".to_owned(), 0), ("no".to_owned(), not_found)]);
}

#[tokio::test]
async fn a_commit_answers_what_is_not_there_first_and_each_topic_once() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 3, &[]).await;
    client.create("u", 2, &[]).await;
    let twice: Expected<'_> =
        &[("t", &[0, 0, 1]), ("u", &[0]), ("t", &[0]), ("zz", &[0]), ("zz", &[1]), ("u", &[])];
    let expected = codes(&[
        ("zz", &[(0, UNKNOWN), (1, UNKNOWN)]),
        ("t", &[(0, 0), (0, 0), (1, 0), (0, 0)]),
        ("u", &[(0, 0)]),
    ]);
    assert_eq!(commit(&mut client, "g", -1, twice).await, expected);
    // Existence comes before the state of the group, which is not looked at for nothing.
    let behind = Code::IllegalGeneration.code();
    let answer = commit(&mut client, "no", 3, &[("zz", &[0]), ("t", &[7, 0])]).await;
    assert_eq!(answer, codes(&[("zz", &[(0, UNKNOWN)]), ("t", &[(7, UNKNOWN), (0, behind)])]));
    let answer = commit(&mut client, "no", 3, &[("zz", &[0])]).await;
    assert_eq!(answer, codes(&[("zz", &[(0, UNKNOWN)])]));
    assert_eq!(commit(&mut client, "no", -1, &[("t", &[])]).await, codes(&[]));
    assert_eq!(state(&mut client, "no").await, "Dead");
}

#[tokio::test]
async fn offsets_of_what_is_not_there_are_unknown_whether_or_not_the_group_reads_it() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    client.create("u", 2, &[]).await;
    commit(&mut client, "g", -1, &[("t", &[0, 1]), ("u", &[0])]).await;
    let wanted: Expected<'_> = &[("t", &[0, 9, 1, 0]), ("zz", &[0, 1]), ("u", &[0]), ("t", &[1])];
    let expected = codes(&[
        ("t", &[(9, UNKNOWN), (0, 0), (1, 0), (0, 0), (1, 0)]),
        ("zz", &[(0, UNKNOWN), (1, UNKNOWN)]),
        ("u", &[(0, 0)]),
    ]);
    assert_eq!(delete_offsets(&mut client, "g", wanted).await, Ok(expected));
    let not_found = Code::GroupIdNotFound.code();
    assert_eq!(delete_offsets(&mut client, "no", &[("zz", &[0])]).await, Err(not_found));
    assert_eq!(delete_offsets(&mut client, "no", &[]).await, Err(not_found));
    // Its one member reads t.
    let joined = join(&mut client, 5, "h").await;
    client.call(3, &syncing(3, "h", &joined)).await;
    let wanted: Expected<'_> = &[("zz", &[0]), ("t", &[0, 9]), ("u", &[0, 9])];
    let read = Code::GroupSubscribedToTopic.code();
    let expected = codes(&[
        ("zz", &[(0, UNKNOWN)]),
        ("t", &[(9, UNKNOWN), (0, read)]),
        ("u", &[(9, UNKNOWN), (0, 0)]),
    ]);
    assert_eq!(delete_offsets(&mut client, "h", wanted).await, Ok(expected));
}

#[tokio::test]
async fn the_only_member_of_a_group_must_keep_one_of_its_protocols() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let joined = join(&mut client, 5, "g").await;
    client.call(3, &syncing(3, "g", &joined)).await;
    let mut other = joining(5, "g", &joined.member_id);
    other.protocols[0].name = text("sticky");
    let refused = client.call(5, &other).await;
    assert_eq!(refused.error_code, Code::InconsistentGroupProtocol.code());
    let beat = beating("g", &joined.member_id, joined.generation_id);
    assert_eq!(client.call(3, &beat).await.error_code, 0, "it is a member still");
    other.protocols.extend(joining(5, "g", "").protocols);
    let again = client.call(5, &other).await;
    assert_eq!((again.error_code, again.protocol_name), (0, Some(text("sticky"))));
}

#[tokio::test]
async fn a_member_that_is_to_leave_twice_is_unknown_the_second_time() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let joined = join(&mut client, 5, "g").await;
    let who = MemberIdentity::default().with_member_id(joined.member_id);
    let request =
        LeaveGroupRequest::default().with_group_id(group("g")).with_members(vec![who.clone(), who]);
    let left = client.call(3, &request).await;
    let codes: Vec<i16> = left.members.iter().map(|member| member.error_code).collect();
    assert_eq!((left.error_code, codes), (0, vec![0, Code::UnknownMemberId.code()]));
}

#[tokio::test]
async fn the_coordinator_of_a_share_groups_partition_is_found_by_a_well_formed_key_since_v6() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let good = "g:AAAAAAAAAAAAAAAAAAAAAQ:0";
    let keys: Vec<_> = [good, "x", "g:zz:0", ":AAAAAAAAAAAAAAAAAAAAAQ:0", ""].map(text).into();
    let request =
        FindCoordinatorRequest::default().with_key_type(2).with_coordinator_keys(keys.clone());
    let invalid = Code::InvalidRequest.code();
    for (version, first) in [(4, invalid), (5, invalid), (6, 0)] {
        let found = client.call(version, &request).await.coordinators;
        let codes: Vec<i16> = found.iter().map(|one| one.error_code).collect();
        assert_eq!(codes, [first, invalid, invalid, invalid, invalid], "v{version}");
        assert_eq!(found.iter().map(|one| one.key.clone()).collect::<Vec<_>>(), keys);
        assert_eq!(found[4].node_id.0, -1);
    }
    let request = FindCoordinatorRequest::default().with_key_type(2).with_key(text(good));
    for version in [1, 2, 3] {
        assert_eq!(client.call(version, &request).await.error_code, invalid, "v{version}");
    }
}
