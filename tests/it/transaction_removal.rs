//! Open transactions whose records, or whose topics, are removed. Kafka lets retention and
//! DeleteRecords go up to the high watermark; what they leave of a transaction is still open.

use std::time::Duration;

use crate::administration::delete_before;
use crate::client::Client;
use crate::harness::Ottla;
use crate::transactions::{Producer, end, init, produce, read_committed, state};

/// Returns where the partition begins.
async fn start(client: &mut Client) -> i64 {
    client.list_offset("t", -2).await.1
}

async fn produced(client: &mut Client, producer: Producer, sequence: i32, value: &str) {
    assert_eq!(produce(client, 12, producer, sequence, value).await, 0);
}

#[tokio::test]
async fn records_of_an_open_transaction_can_be_deleted_and_the_rest_is_committed() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    produced(&mut client, producer, 0, "v0").await;
    produced(&mut client, producer, 1, "v1").await;
    assert_eq!(delete_before(&mut client, "t", 1).await, (0, 1));
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(start(&mut client).await, 1);
    produced(&mut client, producer, 2, "v2").await;
    assert_eq!(delete_before(&mut client, "t", 2).await, (0, 2));
    assert_eq!(end(&mut client, 5, producer, true).await.0, 0);
    assert_eq!(state(&mut client).await, "CompleteCommit");
    assert_eq!(delete_before(&mut client, "t", 2).await, (0, 2));
    let answer = client.fetch("t", 0, 2).await;
    assert_eq!(answer.responses[0].partitions[0].last_stable_offset, 4);
}

#[tokio::test]
async fn retention_removes_segments_of_an_open_transaction_by_time_and_by_size() {
    for (name, value) in [("retention.ms", "1000"), ("retention.bytes", "1")] {
        let configs = [("log.retention.check.interval.ms", "10"), ("log.segment.bytes", "1048576")];
        let ottla = Ottla::with(&configs).await;
        let mut client = ottla.client().await;
        client.create("t", 1, &[("retention.ms", "-1")]).await;
        let producer = init(&mut client).await;
        let large = format!("v{}", "x".repeat(600_000));
        for sequence in 0..3 {
            produced(&mut client, producer, sequence, &large).await;
        }
        assert_eq!(client.set("t", name, value).await, 0);
        // The records of tests are years old. By size the active segment stays.
        let least = if name == "retention.ms" { 3 } else { 2 };
        while start(&mut client).await != least {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(state(&mut client).await, "Ongoing");
        assert_eq!(end(&mut client, 5, producer, false).await.0, 0);
        assert_eq!(state(&mut client).await, "CompleteAbort");
    }
}

#[tokio::test]
async fn a_transaction_ends_though_its_topic_is_gone_or_is_another_one() {
    for is_created in [false, true] {
        let ottla = Ottla::start().await;
        let mut client = ottla.client().await;
        client.create("t", 1, &[]).await;
        let producer = init(&mut client).await;
        produced(&mut client, producer, 0, "v0").await;
        assert!(ottla.broker().topics.delete_one("t").unwrap());
        if is_created {
            client.create("t", 1, &[]).await;
        }
        let (code, next) = end(&mut client, 5, producer, true).await;
        assert_eq!((code, &*state(&mut client).await), (0, "CompleteCommit"));
        if !is_created {
            client.create("t", 1, &[]).await;
        }
        produced(&mut client, next, 0, "v1").await;
        assert_eq!(end(&mut client, 5, next, true).await.0, 0);
        assert_eq!(state(&mut client).await, "CompleteCommit");
        assert_eq!(read_committed(&mut client).await.0, ["v1"]);
    }
}
