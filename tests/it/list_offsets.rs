//! Offsets by time and by name.

use crate::client::Client;
use crate::harness::Ottla;
use crate::records::{THEN, plain};

async fn filled(ottla: &Ottla) -> Client {
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for values in [&["a", "b", "c"][..], &["d"], &["e", "f"]] {
        client.produce("t", 0, plain(values)).await;
    }
    client
}

#[tokio::test]
async fn special_timestamps_name_the_ends() {
    let ottla = Ottla::start().await;
    let mut client = filled(&ottla).await;
    assert_eq!(client.list_offset("t", -1).await, (0, 6, -1));
    assert_eq!(client.list_offset("t", -2).await, (0, 0, -1));
    assert_eq!(client.list_offset("t", -4).await, (0, 0, -1));
    assert_eq!(client.list_offset("t", -3).await, (0, 2, THEN + 2), "the first of the latest");
}

#[tokio::test]
async fn a_time_is_answered_with_the_first_record_as_late_as_it() {
    let ottla = Ottla::start().await;
    let mut client = filled(&ottla).await;
    assert_eq!(client.list_offset("t", 0).await, (0, 0, THEN));
    assert_eq!(client.list_offset("t", THEN).await, (0, 0, THEN));
    assert_eq!(client.list_offset("t", THEN + 1).await, (0, 1, THEN + 1));
    assert_eq!(client.list_offset("t", THEN + 2).await, (0, 2, THEN + 2));
    assert_eq!(client.list_offset("t", THEN + 3).await, (0, -1, -1), "nothing is as late");
}

#[tokio::test]
async fn an_empty_partition_has_ends_and_no_times() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for timestamp in [-1, -2] {
        assert_eq!(client.list_offset("t", timestamp).await, (0, 0, -1));
    }
    assert_eq!(client.list_offset("t", -3).await, (0, -1, -1));
    assert_eq!(client.list_offset("t", 5).await, (0, -1, -1));
}

#[tokio::test]
async fn an_unknown_topic_is_reported() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    assert_eq!(client.list_offset("none", -1).await, (3, -1, -1));
    // What no version knows is reported first.
    assert_eq!(client.list_offset("none", -7).await.0, 35);
}
