//! Compacted topics: what readers find in them, before, during and after.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_protocol::error::ResponseError as Code;
use ottla::storage::sim_disk::SimDisk;

use crate::administration::{SET, alter};
use crate::batches::{Batch, Packing, Record};
use crate::broker_configs::{BROKER, do_set};
use crate::client::{Client, text};
use crate::groups::{committing, offsets};
use crate::harness::Ottla;
use crate::records::{THEN, read};

/// Looked at as soon as a segment is full, and cleaned however little is dirty.
const EAGER: [(&str, &str); 2] =
    [("log.cleaner.backoff.ms", "0"), ("log.cleaner.min.cleanable.ratio", "0")];
/// Each batch that is later than the one before begins a segment.
const COMPACTED: [(&str, &str); 2] = [("cleanup.policy", "compact"), ("segment.ms", "1")];

/// One batch of keys and values; its time is `THEN` and ten milliseconds for each round.
fn keyed(packing: Packing, round: i64, rows: &[(&str, &str)]) -> Vec<u8> {
    let record = |(key, value): &(&str, &str)| Record {
        timestamp: THEN + round * 10,
        key: Some(key.as_bytes().to_vec()),
        value: value.as_bytes().to_vec(),
    };
    Batch { packing, producer: None, records: rows.iter().map(record).collect() }.encode()
}

async fn put(client: &mut Client, topic: &str, round: i64, rows: &[(&str, &str)]) {
    let answer = client.produce(topic, 0, keyed(Packing::Lz4, round, rows)).await;
    assert_eq!(answer.error_code, 0);
}

/// Offsets and values of everything in a topic, over as many fetches as it takes.
async fn everything(client: &mut Client, topic: &str) -> Vec<(i64, String)> {
    let end = client.list_offset(topic, -1).await.1;
    let (mut all, mut next) = (Vec::new(), client.list_offset(topic, -2).await.1);
    while next < end {
        // A fetch begins with the whole batch that holds the offset.
        let answer = client.fetch(topic, 0, next).await;
        if answer.responses[0].partitions[0].error_code == Code::OffsetOutOfRange.code() {
            // Retention was faster: what is left begins later.
            next = client.list_offset(topic, -2).await.1;
            all.clear();
            continue;
        }
        let mut rows = read(&answer);
        rows.retain(|(offset, _)| *offset >= next);
        let Some((last, _)) = rows.last() else { break };
        next = last + 1;
        all.extend(rows);
    }
    all
}

async fn until_it_holds(client: &mut Client, topic: &str, expected: &[(i64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(o, v)| (*o, (*v).to_owned())).collect();
    loop {
        let found = everything(client, topic).await;
        if found == expected {
            return;
        }
        // A test that waits in vain is ended by its harness; what it waited for stands here.
        assert!(found.len() >= expected.len(), "{found:?} lacks some of {expected:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_last_value_of_each_key_stays_also_after_restarts() {
    let mut ottla = Ottla::with(&EAGER).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &COMPACTED).await;
    for round in 0..5 {
        let value = round.to_string();
        put(&mut client, "t", round, &[("a", &value), ("b", &value), ("a", "again")]).await;
    }
    put(&mut client, "t", 5, &[("b", "last"), ("c", "new")]).await;
    // The last batch lies in the active segment, which is left alone.
    let expected = [(13, "4"), (14, "again"), (15, "last"), (16, "new")];
    until_it_holds(&mut client, "t", &expected).await;
    let checkpoint = ottla.data_dir().join("cleaner-offset-checkpoint");
    let reported = || std::fs::read_to_string(&checkpoint).unwrap_or_default();
    while !reported().contains("t 0 15") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for clean in [true, false] {
        if clean {
            ottla.restart().await
        } else {
            ottla.kill_and_restart().await
        }
        let mut client = ottla.client().await;
        assert_eq!(client.list_offset("t", -1).await.1, 17);
        until_it_holds(&mut client, "t", &expected).await;
    }
    let mut client = ottla.client().await;
    // From here on the batch of "last" and "new" may be compacted at any time.
    put(&mut client, "t", 9, &[("c", "newer")]).await;
    put(&mut client, "t", 10, &[("d", "")]).await;
    until_it_holds(&mut client, "t", &[(14, "again"), (15, "last"), (17, "newer"), (18, "")]).await;
    let left = std::fs::read_dir(ottla.data_dir().join("t-0")).unwrap();
    let left: Vec<_> = left.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|n| n.ends_with(".cleaned") || n.ends_with(".swap")), "{left:?}");
}

#[tokio::test]
async fn a_topic_that_becomes_compacted_is_cleaned() {
    let ottla = Ottla::with(&EAGER).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("segment.ms", "1")]).await;
    for round in 0..4 {
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
    }
    assert_eq!(everything(&mut client, "t").await.len(), 4);
    assert_eq!(alter(&mut client, "t", &[("cleanup.policy", SET, "compact")]).await.0, 0);
    until_it_holds(&mut client, "t", &[(2, "2"), (3, "3")]).await;
}

#[tokio::test]
async fn the_brokers_configs_of_compaction_act_when_they_change() {
    let lag = "log.cleaner.min.compaction.lag.ms";
    let ottla = Ottla::with(&[EAGER[0], EAGER[1], (lag, "9000000000000")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &COMPACTED).await;
    client.create("u", 1, &[("segment.ms", "1")]).await;
    for topic in ["t", "u"] {
        for round in 0..4 {
            put(&mut client, topic, round, &[("a", &round.to_string())]).await;
        }
        assert_eq!(everything(&mut client, topic).await.len(), 4);
    }
    do_set(&mut client, BROKER, "1", lag, "0").await;
    until_it_holds(&mut client, "t", &[(2, "2"), (3, "3")]).await;
    assert_eq!(everything(&mut client, "u").await.len(), 4);
    do_set(&mut client, BROKER, "", "log.cleanup.policy", "compact").await;
    until_it_holds(&mut client, "u", &[(2, "2"), (3, "3")]).await;
}

#[tokio::test]
async fn a_topic_may_be_compacted_and_lose_old_segments_too() {
    let more = [("log.retention.check.interval.ms", "10"), ("log.segment.delete.delay.ms", "0")];
    let ottla = Ottla::with(&[EAGER[0], EAGER[1], more[0], more[1]]).await;
    let mut client = ottla.client().await;
    let both = [("cleanup.policy", "compact,delete"), ("segment.ms", "1"), ("retention.ms", "-1")];
    client.create("t", 1, &both).await;
    for round in 0..4 {
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
    }
    // The active segment is soon old enough to be followed by another, and cleaned then.
    until_it_holds(&mut client, "t", &[(3, "3")]).await;
    // The records are from years ago.
    assert_eq!(alter(&mut client, "t", &[("retention.ms", SET, "1000")]).await.0, 0);
    until_it_holds(&mut client, "t", &[]).await;
    assert_eq!(client.list_offset("t", -2).await.1, 4);
}

#[tokio::test]
async fn young_records_are_safe_for_the_compaction_lag() {
    let ottla = Ottla::with(&EAGER).await;
    let mut client = ottla.client().await;
    let lag = [COMPACTED[0], COMPACTED[1], ("min.compaction.lag.ms", "9223372036854775807")];
    client.create("t", 1, &lag).await;
    client.create("free", 1, &COMPACTED).await;
    for round in 0..4 {
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
        put(&mut client, "free", round, &[("a", &round.to_string())]).await;
    }
    // What is free to go has gone, and the other has been looked at before it.
    until_it_holds(&mut client, "free", &[(2, "2"), (3, "3")]).await;
    assert_eq!(everything(&mut client, "t").await.len(), 4);
    assert_eq!(alter(&mut client, "t", &[("min.compaction.lag.ms", SET, "0")]).await.0, 0);
    until_it_holds(&mut client, "t", &[(2, "2"), (3, "3")]).await;
}

#[tokio::test]
async fn a_segment_that_is_durable_before_it_is_full_is_compacted_without_another_append() {
    // No batch waits for a sync when the next one begins a segment.
    let ottla = Ottla::with(&[EAGER[0], EAGER[1], ("durability", "fsync")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &COMPACTED).await;
    for round in 0..4 {
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
    }
    until_it_holds(&mut client, "t", &[(2, "2"), (3, "3")]).await;
}

#[tokio::test]
async fn records_are_compacted_when_their_lag_is_over_though_nothing_is_appended() {
    let ottla = Ottla::with(&[EAGER[0], EAGER[1], ("durability", "fsync")]).await;
    let mut client = ottla.client().await;
    // The records are from years ago: the lag ends some seconds from now.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let lag = (now + 3000 - THEN).to_string();
    client.create("t", 1, &[COMPACTED[0], COMPACTED[1], ("min.compaction.lag.ms", &lag)]).await;
    for round in 0..4 {
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
    }
    until_it_holds(&mut client, "t", &[(2, "2"), (3, "3")]).await;
}

#[tokio::test]
async fn the_topic_of_committed_offsets_does_not_grow_for_ever() {
    let small = [
        EAGER[0],
        ("offsets.topic.segment.bytes", "1048576"),
        ("log.segment.delete.delay.ms", "0"),
    ];
    let mut ottla = Ottla::with(&small).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let log = ottla.log_file("__consumer_offsets-0");
    let bytes = || std::fs::metadata(&log).map_or(0, |file| file.len());
    let mut request = committing("g", "t", 0, 600);
    request.topics[0].partitions[0].committed_metadata = Some(text(&"x".repeat(4000)));
    let mut largest = 0;
    // Asked once a round: between two questions the file may have become small.
    loop {
        let now = bytes();
        if now < largest {
            break;
        }
        largest = now;
        let answer = client.call(8, &request).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    }
    assert!(largest > 500_000 && bytes() < 10_000, "one commit is left of hundreds");
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(offsets(&mut client, "g").await, [("t".to_owned(), 0, 600)]);
}

#[tokio::test]
async fn a_topic_can_go_and_come_back_while_it_is_compacted() {
    // A hundredth of a processor: each pass is still at it when its topic goes.
    let ottla = Ottla::with(&[EAGER[0], EAGER[1], ("log.cleaner.cpu.share", "0")]).await;
    let mut client = ottla.client().await;
    let value = "x".repeat(100_000);
    for _ in 0..5 {
        client.create("t", 1, &COMPACTED).await;
        for round in 0..12 {
            put(&mut client, "t", round, &[("a", &value)]).await;
        }
        let delete = kafka_protocol::messages::DeleteTopicsRequest::default()
            .with_topic_names(vec![crate::client::topic_name("t")])
            .with_timeout_ms(1000);
        let answer = client.call(5, &delete).await;
        assert_eq!(answer.responses[0].error_code, 0);
    }
    client.create("t", 1, &COMPACTED).await;
    put(&mut client, "t", 0, &[("a", "1")]).await;
    put(&mut client, "t", 1, &[("a", "2")]).await;
    put(&mut client, "t", 2, &[("a", "3")]).await;
    until_it_holds(&mut client, "t", &[(1, "2"), (2, "3")]).await;
}

#[tokio::test]
async fn a_compaction_that_finds_no_room_for_its_names_is_tried_again() {
    let disk = SimDisk::new(1);
    let ottla = Ottla::on(Arc::new(disk.clone()), &EAGER).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &COMPACTED).await;
    disk.fail_renames(".swap");
    for round in 0..10 {
        // The partition takes records all the while.
        put(&mut client, "t", round, &[("a", &round.to_string())]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(everything(&mut client, "t").await.len(), 10);
    disk.heal();
    put(&mut client, "t", 10, &[("b", "last")]).await;
    // The last batch lies in the active segment, which is left alone.
    until_it_holds(&mut client, "t", &[(9, "9"), (10, "last")]).await;
}
