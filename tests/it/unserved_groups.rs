//! Groups of types that are not served, as Apache Kafka 4.4 has left them in `__consumer_offsets`:
//! they stay as they are, and members of the classic protocol cannot take their ids.

use std::fs;
use std::path::Path;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, LeaveGroupRequest, ListGroupsRequest,
};
use ottla::groups::group_type::GroupType;
use ottla::groups::records::Record;
use ottla::machine::MachineRecord;
use ottla::storage::batch::batches;
use ottla::storage::records::records;

use crate::client::{Client, text};
use crate::groups::{beating, committing, group, join, joining, offsets, syncing};
use crate::harness::Ottla;

const LOG: &str = "__consumer_offsets-0";

/// The groups' log, moved to the offsets from `first` on.
fn fixture(first: i64) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/groups-of-kafka-4.4.log");
    let mut bytes = fs::read(path).unwrap();
    let mut at = 0;
    while at < bytes.len() {
        let base = i64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        let length = i32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        // The checksum of a batch does not cover its base offset.
        bytes[at..at + 8].copy_from_slice(&(first + base).to_be_bytes());
        at += 12 + length as usize;
    }
    bytes
}

/// A broker with a consumer group `modern` and a share group `shared`.
async fn opened() -> Ottla {
    let mut ottla = Ottla::with(&[("offsets.retention.minutes", "2147483647")]).await;
    let mut client = ottla.client().await;
    client.create("orders", 1, &[]).await;
    let committed = client.call(8, &committing("plain", "orders", 0, 1)).await;
    assert_eq!(committed.topics[0].partitions[0].error_code, 0);
    drop(client);
    ottla.kill().await;
    let log = ottla.log_file(LOG);
    let mut bytes = fs::read(&log).unwrap();
    let end = batches(&bytes).map(|batch| batch.header.last_offset() + 1).last().unwrap();
    bytes.extend(fixture(end));
    fs::write(log, bytes).unwrap();
    ottla.start_again().await;
    ottla
}

/// The records of groups that are not served, in order.
fn unserved(ottla: &Ottla) -> Vec<(GroupType, Record)> {
    let mut all = Vec::new();
    for batch in batches(&fs::read(ottla.log_file(LOG)).unwrap()) {
        for record in records(&batch).unwrap().map(Result::unwrap) {
            let decoded = Record::decode(&record.key.unwrap(), record.value.as_deref()).unwrap();
            if let Some(record @ Record::Unserved { group_type, .. }) = decoded {
                all.push((group_type, record));
            }
        }
    }
    all
}

async fn description(client: &mut Client, version: i16, id: &str) -> (i16, String, String) {
    let request = DescribeGroupsRequest::default().with_groups(vec![group(id)]);
    let described = client.call(version, &request).await.groups.remove(0);
    let message = described.error_message.map(|text| text.to_string()).unwrap_or_default();
    (described.error_code, described.group_state.to_string(), message)
}

#[tokio::test]
async fn classic_requests_are_answered_as_by_kafka_and_change_nothing() {
    let mut ottla = opened().await;
    let before = unserved(&ottla);
    for group_type in [GroupType::Consumer, GroupType::Share] {
        assert!(before.iter().any(|(of, _)| *of == group_type), "{group_type:?}");
    }
    let mut client = ottla.client().await;
    for id in ["modern", "shared"] {
        for member in ["", "someone"] {
            let joined = client.call(9, &joining(9, id, member)).await;
            assert_eq!(joined.error_code, Code::InconsistentGroupProtocol.code(), "{id}");
            let unknown = Code::UnknownMemberId.code();
            assert_eq!(client.call(5, &syncing(5, id, &joined)).await.error_code, unknown);
            assert_eq!(client.call(4, &beating(id, &text("m"), 1)).await.error_code, unknown);
        }
        let leave = LeaveGroupRequest::default().with_group_id(group(id));
        let left = client.call(2, &leave.with_member_id(text("someone"))).await;
        assert_eq!(left.error_code, Code::UnknownMemberId.code());
        let not_found = Code::GroupIdNotFound.code();
        let why = format!("Group {id} is not a classic group.");
        assert_eq!(description(&mut client, 6, id).await, (not_found, "Dead".to_owned(), why));
        let described = description(&mut client, 5, id).await;
        assert_eq!(described, (0, "Dead".to_owned(), String::new()));
        let delete = DeleteGroupsRequest::default().with_groups_names(vec![group(id)]);
        let deleted = client.call(2, &delete).await.results.remove(0);
        assert_eq!(deleted.error_code, Code::NonEmptyGroup.code());
    }
    // Members of KIP-848 commit to it; without one it is a group without members.
    assert_eq!(offsets(&mut client, "modern").await, [("orders".to_owned(), 0, 3)]);
    let mut commit = committing("modern", "orders", 0, 4);
    let answer = client.call(8, &commit).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    commit = commit.with_member_id(text("m")).with_generation_id_or_member_epoch(2);
    let answer = client.call(8, &commit).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, Code::UnknownMemberId.code());
    let answer = client.call(8, &committing("shared", "orders", 0, 4)).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, Code::GroupIdNotFound.code());

    assert_eq!(join(&mut client, 9, "plain").await.error_code, 0);
    assert_eq!(unserved(&ottla), before);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(offsets(&mut client, "modern").await, [("orders".to_owned(), 0, 4)]);
    assert_eq!(description(&mut client, 6, "modern").await.1, "Dead");
    assert_eq!(unserved(&ottla), before);
}

#[tokio::test]
async fn they_are_listed_under_their_type() {
    let ottla = opened().await;
    let mut client = ottla.client().await;
    let mut listed = async |types: &[&str]| {
        let types = types.iter().map(|name| text(name)).collect();
        let request = ListGroupsRequest::default().with_types_filter(types);
        let groups = client.call(5, &request).await.groups;
        let line = |g: &kafka_protocol::messages::list_groups_response::ListedGroup| {
            format!("{} {} {}", &*g.group_id, g.group_type, g.protocol_type)
        };
        groups.iter().map(line).collect::<Vec<_>>()
    };
    let (modern, shared) = ("modern consumer consumer", "shared share share");
    assert_eq!(listed(&[]).await, [modern, "plain classic ", shared]);
    assert_eq!(listed(&["Consumer"]).await, [modern]);
    assert_eq!(listed(&["share", "streams"]).await, [shared]);
}
