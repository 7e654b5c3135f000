//! Produce requests that a client sends before the earlier ones are answered: they may be written
//! together, but each has the answer that it would have alone.

use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::ProduceRequest;
use ottla::storage::disk::Disk;
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::client::{Client, framed, production};
use crate::harness::Ottla;
use crate::records::{by, expected, plain, read};

const STORAGE: i16 = 56;

/// Sends requests in one piece. Returns error code and base offset of each answer, which must come
/// in their order.
async fn answers(client: &mut Client, requests: &[ProduceRequest]) -> Vec<(i16, i64)> {
    let frames = (100..).zip(requests).map(|(id, request)| framed(9, id, request));
    client.send_bytes(&frames.collect::<Vec<_>>().concat()).await;
    let mut answers = Vec::new();
    for id in (100..).take(requests.len()) {
        let answer = client.receive::<ProduceRequest>(9, id).await;
        let partition = &answer.responses[0].partition_responses[0];
        answers.push((partition.error_code, partition.base_offset));
    }
    answers
}

async fn on(disk: &SimDisk, configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::on(Arc::new(disk.clone()), &[]).await;
    let mut client = ottla.client().await;
    client.create("t", 2, configs).await;
    // The log is open and not empty from now on.
    assert_eq!(client.produce("t", 0, plain(&["first"])).await.error_code, 0);
    (ottla, client)
}

fn of(values: &[&str]) -> Vec<ProduceRequest> {
    values.iter().map(|value| production("t", 0, plain(&[value]))).collect()
}

#[tokio::test]
async fn the_answers_come_in_order_and_one_error_is_none_of_the_others() {
    let (_ottla, mut client) = on(&SimDisk::new(1), &[]).await;
    let mut damaged = plain(&["x"]);
    *damaged.last_mut().unwrap() ^= 1;
    let requests = [
        production("t", 0, plain(&["a"])),
        production("t", 0, plain(&["b", "c"])),
        production("t", 0, damaged),
        production("none", 0, plain(&["x"])),
        production("t", 1, plain(&["other"])),
        production("t", 0, plain(&["d"])).with_acks(1),
        production("t", 0, plain(&["x"])).with_acks(2),
        production("t", 0, plain(&["e"])),
    ];
    let unknown = Code::UnknownTopicOrPartition.code();
    let acks = Code::InvalidRequiredAcks.code();
    let damage = Code::CorruptMessage.code();
    assert_eq!(
        answers(&mut client, &requests).await,
        [(0, 1), (0, 2), (damage, -1), (unknown, -1), (0, 0), (0, 4), (acks, -1), (0, 5)]
    );
    let all = expected(0, &["first", "a", "b", "c", "d", "e"]);
    assert_eq!(read(&client.fetch("t", 0, 0).await), all);
}

#[tokio::test]
async fn a_producers_batches_are_checked_against_those_before_them() {
    let (_ottla, mut client) = on(&SimDisk::new(1), &[]).await;
    let batch = |sequence| production("t", 0, by(7, 0, sequence, &["v"]));
    let requests = [0, 1, 2, 1, 9, 3].map(batch);
    let gap = Code::OutOfOrderSequenceNumber.code();
    assert_eq!(
        answers(&mut client, &requests).await,
        [(0, 1), (0, 2), (0, 3), (0, 2), (gap, -1), (0, 4)]
    );
    assert_eq!(client.list_offset("t", -1).await.1, 5);
}

#[tokio::test]
async fn a_write_that_fails_is_an_error_to_each_request_in_it() {
    let disk = SimDisk::new(1);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    disk.fail_next_write("t-0/", InjectedError::Io);
    assert_eq!(answers(&mut client, &of(&["a", "b", "c"])).await, [(STORAGE, -1); 3]);
    assert_eq!(answers(&mut client, &of(&["d", "e"])).await, [(STORAGE, -1); 2], "offline");
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["first"]));
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(client.produce("t", 0, plain(&["last"])).await.error_code, 0);
    let found = read(&client.fetch("t", 0, 0).await);
    // What a failed write has left is as the disk wants it, but always a beginning of it.
    let found: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
    let [first, left @ .., last] = &found[..] else { panic!("{found:?}") };
    assert_eq!((*first, *last), ("first", "last"));
    assert!(["a", "b", "c"].starts_with(left), "{left:?}");
}

#[tokio::test]
async fn without_room_none_of_them_is_stored_and_all_of_them_later() {
    let disk = SimDisk::new(1);
    let (_ottla, mut client) = on(&disk, &[]).await;
    disk.fail_next_write("t-0/", InjectedError::NoSpace);
    assert_eq!(answers(&mut client, &of(&["a", "b", "c"])).await, [(STORAGE, -1); 3]);
    assert_eq!(answers(&mut client, &of(&["a", "b", "c"])).await, [(0, 1), (0, 2), (0, 3)]);
    let all = expected(0, &["first", "a", "b", "c"]);
    assert_eq!(read(&client.fetch("t", 0, 0).await), all);
}

#[tokio::test]
async fn segments_are_rolled_between_them() {
    let disk = SimDisk::new(1);
    let (mut ottla, mut client) = on(&disk, &[("segment.bytes", "1048576")]).await;
    // Two of them are written together.
    let values: Vec<String> = (0..100).map(|i| format!("{i:025000}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let offsets: Vec<(i16, i64)> = (1..101).map(|offset| (0, offset)).collect();
    assert_eq!(answers(&mut client, &of(&values)).await, offsets);
    let dir = ottla.data_dir().join("t-0");
    let is_log = |entry: &ottla::storage::disk::DirEntry| entry.name.ends_with(".log");
    assert_eq!(disk.list(&dir).unwrap().iter().filter(|entry| is_log(entry)).count(), 3);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    let mut found = Vec::new();
    while found.len() < 101 {
        found.extend(read(&client.fetch("t", 0, found.len() as i64).await));
    }
    assert_eq!(found[1..], expected(1, &values));
}
