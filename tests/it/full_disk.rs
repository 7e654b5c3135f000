//! A disk without room refuses what needs some, loses nothing, and all goes on once there is room.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteTopicsRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest,
    SyncGroupRequest,
};
use ottla::storage::disk::Disk;
use ottla::storage::sim_disk::SimDisk;

use crate::client::{Client, creation, text, topic_name};
use crate::groups::{beating, join, syncing};
use crate::harness::Ottla;
use crate::records::{by, expected, plain, read};

const STORAGE: i16 = 56;

async fn on(disk: &SimDisk, configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::on(Arc::new(disk.clone()), configs).await;
    let client = ottla.client().await;
    (ottla, client)
}

async fn stored(client: &mut Client, topic: &str, value: &str) -> i16 {
    client.produce(topic, 0, plain(&[value])).await.error_code
}

/// Repeat until the answer is no error of the storage.
async fn in_the_end(client: &mut Client, topic: &str, value: &str) {
    loop {
        match stored(client, topic, value).await {
            0 => return,
            code => assert_eq!(code, STORAGE),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Wait until what stands before `first` has left the disk: what goes later makes room again. A
/// snapshot of a few bytes stays until the next one if the records after it were not durable then.
async fn begins_with(ottla: &Ottla, disk: &SimDisk, partition: &str, first: u64) {
    let dir = ottla.data_dir().join(partition);
    let first = format!("{first:020}.");
    loop {
        let names = disk.list(&dir).unwrap().into_iter().map(|entry| entry.name);
        let mut files = names.filter(|name| {
            name.starts_with(|c: char| c.is_ascii_digit()) && !name.ends_with(".snapshot")
        });
        if files.all(|name| name >= first && !name.ends_with(".deleted")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn deletion(topic: &str) -> DeleteTopicsRequest {
    let topic = DeleteTopicState::default().with_name(Some(topic_name(topic)));
    DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000)
}

async fn commit(client: &mut Client, offset: i64) -> i16 {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    client.call(8, &request).await.topics[0].partitions[0].error_code
}

/// What the group has committed; -1 for nothing.
async fn committed(client: &mut Client) -> i64 {
    let request = OffsetFetchRequest::default().with_group_id(GroupId(text("g"))).with_topics(None);
    let answer = client.call(7, &request).await;
    assert_eq!(answer.error_code, 0);
    answer.topics.first().map_or(-1, |topic| topic.partitions[0].committed_offset)
}

#[tokio::test]
async fn a_partition_without_room_goes_on_once_there_is_some() {
    let disk = SimDisk::new(1);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    client.create("later", 1, &[]).await;
    assert_eq!(stored(&mut client, "t", "a").await, 0);
    for round in 0..10 {
        disk.set_room(Some(round * 5));
        assert_eq!(stored(&mut client, "t", &"lost".repeat(50)).await, STORAGE);
        assert_eq!(stored(&mut client, "later", "b").await, STORAGE, "it cannot be opened");
        assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]), "it can be read");
        assert_eq!(client.list_offset("t", -1).await.1, 1);
    }
    // A small one may fit where a large one did not.
    disk.set_room(Some(200));
    assert_eq!(stored(&mut client, "t", &"lost".repeat(100)).await, STORAGE);
    assert_eq!(stored(&mut client, "t", "b").await, 0);
    disk.set_room(None);
    assert_eq!(stored(&mut client, "t", "c").await, 0);
    assert_eq!(stored(&mut client, "later", "d").await, 0);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b", "c"]));
    assert_eq!(read(&client.fetch("later", 0, 0).await), expected(0, &["d"]));
}

#[tokio::test]
async fn an_idempotent_producer_sends_again_what_found_no_room() {
    let disk = SimDisk::new(2);
    let (_ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, by(7, 0, 0, &["a"])).await.error_code, 0);
    disk.set_room(Some(30));
    for sequence in [1, 2, 1] {
        let code = client.produce("t", 0, by(7, 0, sequence, &["b"])).await.error_code;
        let gap = Code::OutOfOrderSequenceNumber.code();
        assert_eq!(code, if sequence == 1 { STORAGE } else { gap });
    }
    disk.set_room(None);
    for offset in [1, 1] {
        let answer = client.produce("t", 0, by(7, 0, 1, &["b"])).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, offset));
    }
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b"]));
}

#[tokio::test]
async fn a_roll_without_room_leaves_nothing_behind() {
    let disk = SimDisk::new(3);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[("segment.bytes", "1048576")]).await;
    let large = "x".repeat(600_000);
    // The producer makes a snapshot necessary.
    assert_eq!(client.produce("t", 0, by(7, 0, 0, &[&large])).await.error_code, 0);
    for fault in ["snapshot", "log", "timeindex"] {
        let of = format!("t-0/00000000000000000001.{fault}");
        match fault {
            "snapshot" => {
                disk.fail_next_write(&of, ottla::storage::sim_world::InjectedError::NoSpace)
            }
            _ => disk.fail_next_name(&of, ottla::storage::sim_world::InjectedError::NoSpace),
        }
        assert_eq!(stored(&mut client, "t", &large).await, STORAGE, "{fault}");
        let dir = ottla.data_dir().join("t-0");
        let names: Vec<_> = disk.list(&dir).unwrap().into_iter().map(|e| e.name).collect();
        let left = names.iter().filter(|n| n.contains("0001.") && !n.ends_with("1.snapshot"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0], "{fault}");
    }
    // What fits into the segment goes past the offset at which the next one was to begin.
    assert_eq!(stored(&mut client, "t", "small").await, 0);
    assert_eq!(stored(&mut client, "t", &large).await, 0);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    let all = [large.as_str(), "small", large.as_str()];
    let mut found = read(&client.fetch("t", 0, 0).await);
    found.extend(read(&client.fetch("t", 0, 2).await));
    assert_eq!(found, expected(0, &all));
}

#[tokio::test]
async fn topics_are_not_created_on_a_full_disk_but_deleted_and_changed() {
    let disk = SimDisk::new(4);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    for topic in ["t", "u", "kept"] {
        client.create(topic, 1, &[]).await;
        assert_eq!(stored(&mut client, topic, "a").await, 0);
    }
    disk.set_room(Some(0));
    assert_eq!(stored(&mut client, "t", "b").await, STORAGE);
    for i in 0..300 {
        let answer = client.call(7, &creation(&format!("no-{i}"), 3, &[])).await;
        assert_eq!(answer.topics[0].error_code, STORAGE);
        let why = answer.topics[0].error_message.as_ref().unwrap();
        assert!(why.contains("the disk is full"), "{why}");
    }
    assert_eq!(client.list_offset("no-0", -1).await.0, Code::UnknownTopicOrPartition.code());
    assert_eq!(client.set("kept", "retention.ms", "1234567").await, 0);
    for topic in ["t", "u"] {
        assert_eq!(client.call(6, &deletion(topic)).await.responses[0].error_code, 0);
    }
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(client.list_offset("t", -1).await.0, Code::UnknownTopicOrPartition.code());
    assert_eq!(read(&client.fetch("kept", 0, 0).await), expected(0, &["a"]));
    disk.set_room(None);
    client.create("no-0", 3, &[]).await;
    assert_eq!(stored(&mut client, "no-0", "a").await, 0);
}

#[tokio::test]
async fn retention_and_delete_records_make_room_on_a_full_disk() {
    let disk = SimDisk::new(5);
    let configs = [
        ("log.retention.check.interval.ms", "10"),
        ("log.segment.delete.delay.ms", "10"),
        ("log.segment.bytes", "1048576"),
    ];
    let (mut ottla, mut client) = on(&disk, &configs).await;
    let large = "x".repeat(600_000);
    for topic in ["t", "u", "v"] {
        client.create(topic, 1, &[("retention.ms", "-1")]).await;
        for sequence in 0..3 {
            // The producer makes a snapshot necessary at each roll.
            let records = by(7, 0, sequence, &[&large]);
            assert_eq!(client.produce(topic, 0, records).await.error_code, 0);
        }
    }
    disk.set_room(Some(100));
    assert_eq!(stored(&mut client, "t", &large).await, STORAGE);
    // By size: what is sealed goes.
    assert_eq!(client.set("t", "retention.bytes", "700000").await, 0);
    in_the_end(&mut client, "t", &large).await;
    begins_with(&ottla, &disk, "t-0", 2).await;
    assert_eq!(client.list_offset("t", -2).await.1, 2);
    disk.set_room(Some(0));
    assert_eq!(stored(&mut client, "u", &large).await, STORAGE);
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(2);
    let topic =
        DeleteRecordsTopic::default().with_name(topic_name("u")).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000);
    let answer = client.call(2, &request).await;
    let partition = &answer.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.low_watermark), (0, 2));
    in_the_end(&mut client, "u", &large).await;
    begins_with(&ottla, &disk, "u-0", 2).await;
    // By time, with the segment that takes appends: the records of tests are years old.
    disk.set_room(Some(0));
    assert_eq!(stored(&mut client, "v", "b").await, STORAGE);
    assert_eq!(client.set("v", "retention.ms", "1000").await, 0);
    in_the_end(&mut client, "v", "b").await;
    while client.list_offset("v", -2).await.1 < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    ottla.kill_and_restart().await;
    assert_eq!(ottla.client().await.list_offset("v", -1).await.1, 4);
}

#[tokio::test]
async fn groups_live_on_and_commit_again_once_there_is_room() {
    let disk = SimDisk::new(6);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    let unavailable = Code::CoordinatorNotAvailable.code();
    // Before there is a log of groups at all.
    disk.set_room(Some(0));
    assert_eq!(commit(&mut client, 1).await, unavailable);
    disk.set_room(None);
    while commit(&mut client, 2).await != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(committed(&mut client).await, 2);
    disk.set_room(Some(0));
    for offset in [3, 4, 5] {
        assert_eq!(commit(&mut client, offset).await, unavailable);
        assert!(committed(&mut client).await >= 2, "what is known is answered");
    }
    disk.set_room(None);
    while commit(&mut client, 6).await != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    ottla.kill_and_restart().await;
    assert_eq!(committed(&mut ottla.client().await).await, 6);
}

#[tokio::test]
async fn members_wait_on_a_full_disk_until_their_leaders_assignments_find_room() {
    let disk = SimDisk::new(8);
    let (mut ottla, mut leader) = on(&disk, &[("group.initial.rebalance.delay.ms", "300")]).await;
    let mut follower = ottla.client().await;
    leader.create("t", 1, &[]).await;
    assert_eq!(commit(&mut leader, 1).await, 0);
    let (mut first, mut second) =
        tokio::join!(join(&mut leader, 9, "h"), join(&mut follower, 9, "h"));
    assert_eq!((first.error_code, second.error_code), (0, 0));
    if first.leader != first.member_id {
        std::mem::swap(&mut first, &mut second);
        std::mem::swap(&mut leader, &mut follower);
    }
    disk.set_room(Some(0));
    let waiting = follower.send(5, &syncing(5, "h", &second)).await;
    for _ in 0..3 {
        let answer = leader.call(5, &syncing(5, "h", &first)).await;
        assert_eq!(answer.error_code, Code::CoordinatorNotAvailable.code());
        let beat = leader.call(4, &beating("h", &first.member_id, first.generation_id)).await;
        assert_eq!(beat.error_code, 0);
    }
    disk.set_room(None);
    assert_eq!(leader.call(5, &syncing(5, "h", &first)).await.error_code, 0);
    let answer = follower.receive::<SyncGroupRequest>(5, waiting).await;
    assert_eq!(answer.error_code, 0);
    drop((leader, follower));
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    for member in [&first.member_id, &second.member_id] {
        let beat = client.call(4, &beating("h", member, first.generation_id)).await;
        assert_eq!(beat.error_code, 0, "the log has both");
    }
}

#[tokio::test]
async fn the_offsets_of_a_topic_that_was_deleted_on_a_full_disk_are_removed_once_there_is_room() {
    let disk = SimDisk::new(9);
    let (ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    assert_eq!(commit(&mut client, 5).await, 0);
    disk.set_room(Some(0));
    assert_eq!(client.call(6, &deletion("t")).await.responses[0].error_code, 0);
    disk.set_room(None);
    while committed(&mut client).await != -1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    drop(ottla);
}

#[tokio::test]
async fn what_takes_room_goes_also_where_no_file_can_be_given_another_name() {
    let disk = SimDisk::new(7);
    let configs = [
        ("log.retention.check.interval.ms", "10"),
        ("log.segment.delete.delay.ms", "60000"),
        ("log.segment.bytes", "1048576"),
    ];
    let (mut ottla, mut client) = on(&disk, &configs).await;
    let large = "x".repeat(600_000);
    for topic in ["t", "gone"] {
        client.create(topic, 1, &[("retention.ms", "-1")]).await;
        for _ in 0..3 {
            assert_eq!(stored(&mut client, topic, &large).await, 0);
        }
    }
    // As on a file system whose directory wants another block for each longer name.
    disk.fail_renames(".deleted");
    disk.fail_renames("-delete");
    disk.set_room(Some(100));
    assert_eq!(stored(&mut client, "t", &large).await, STORAGE);
    assert_eq!(client.set("t", "retention.bytes", "700000").await, 0);
    in_the_end(&mut client, "t", &large).await;
    begins_with(&ottla, &disk, "t-0", 2).await;
    disk.set_room(Some(100));
    assert_eq!(stored(&mut client, "t", &large).await, STORAGE);
    assert_eq!(client.call(6, &deletion("gone")).await.responses[0].error_code, 0);
    assert!(!disk.exists(&ottla.data_dir().join("gone-0")));
    in_the_end(&mut client, "t", &large).await;
    drop(client);
    ottla.kill_and_restart().await;
    assert_eq!(ottla.client().await.list_offset("t", -1).await.1, 5);
}
