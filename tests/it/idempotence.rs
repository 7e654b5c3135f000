//! Idempotent producers: duplicates, gaps, fences; and all of it again after a restart.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::InitProducerIdRequest;

use crate::client::Client;
use crate::harness::Ottla;
use crate::records::by;

async fn sent(client: &mut Client, id: i64, epoch: i16, sequence: i32, count: usize) -> (i16, i64) {
    let answer = client.produce("t", 0, by(id, epoch, sequence, &vec!["v"; count])).await;
    (answer.error_code, answer.base_offset)
}

async fn new_id(client: &mut Client) -> i64 {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let answer = client.call(4, &request).await;
    assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
    answer.producer_id.0
}

#[tokio::test]
async fn ids_are_never_given_twice_also_after_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut client = ottla.client().await;
        for _ in 0..1100 {
            assert!(seen.insert(new_id(&mut client).await));
        }
        drop(client);
        ottla.kill_and_restart().await;
    }
}

#[tokio::test]
async fn a_duplicate_is_answered_with_the_first_ones_offset() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let id = new_id(&mut client).await;
    for i in 0..5 {
        assert_eq!(sent(&mut client, id, 0, i * 2, 2).await, (0, i64::from(i) * 2));
    }
    for i in 0..5 {
        assert_eq!(sent(&mut client, id, 0, i * 2, 2).await, (0, i64::from(i) * 2));
    }
    assert_eq!(client.list_offset("t", -1).await.1, 10);
    // The sixth batch pushes the first out of the window.
    assert_eq!(sent(&mut client, id, 0, 10, 2).await, (0, 10));
    let out_of_order = Code::OutOfOrderSequenceNumber.code();
    assert_eq!(sent(&mut client, id, 0, 0, 2).await, (out_of_order, -1));
    assert_eq!(sent(&mut client, id, 0, 13, 2).await, (out_of_order, -1));
}

#[tokio::test]
async fn epochs_fence_and_begin_at_zero() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(sent(&mut client, 7, 1, 0, 1).await, (0, 0));
    assert_eq!(sent(&mut client, 7, 0, 1, 1).await, (Code::InvalidProducerEpoch.code(), -1));
    assert_eq!(sent(&mut client, 7, 2, 5, 1).await, (Code::OutOfOrderSequenceNumber.code(), -1));
    assert_eq!(sent(&mut client, 7, 2, 0, 1).await, (0, 1));
}

#[tokio::test]
async fn sequences_wrap_round() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(sent(&mut client, 7, 0, i32::MAX - 1, 2).await, (0, 0));
    assert_eq!(sent(&mut client, 7, 0, 0, 2).await, (0, 2));
    assert_eq!(sent(&mut client, 7, 0, i32::MAX - 1, 2).await, (0, 0));
}

#[tokio::test]
async fn a_batch_that_wraps_round_in_its_middle_is_one_batch() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(sent(&mut client, 7, 0, i32::MAX, 3).await, (0, 0));
    assert_eq!(sent(&mut client, 7, 0, 2, 1).await, (0, 3));
}

#[tokio::test]
async fn a_producer_is_known_after_a_restart_and_after_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for i in 0..3 {
        sent(&mut client, 7, 0, i, 1).await;
    }
    drop(client);
    ottla.restart().await;
    let mut client = ottla.client().await;
    assert_eq!(sent(&mut client, 7, 0, 2, 1).await, (0, 2), "the last batch is remembered");
    assert_eq!(sent(&mut client, 7, 0, 3, 1).await, (0, 3));
    assert_eq!(sent(&mut client, 7, 0, 4, 1).await, (0, 4));
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    for i in 2..5 {
        assert_eq!(sent(&mut client, 7, 0, i, 1).await, (0, i64::from(i)), "sequence {i}");
    }
    assert_eq!(sent(&mut client, 7, 0, 5, 1).await, (0, 5));
    assert_eq!(client.list_offset("t", -1).await.1, 6);
}

#[tokio::test]
async fn a_producer_that_was_silent_for_long_is_forgotten() {
    let ottla = Ottla::with(&[("producer.id.expiration.ms", "1")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(sent(&mut client, 7, 0, 0, 1).await.0, 0);
    // Without a state any sequence is a beginning.
    let mut sequence = 100;
    while sent(&mut client, 7, 0, sequence, 1).await.0 != 0 {
        sequence += 100;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
