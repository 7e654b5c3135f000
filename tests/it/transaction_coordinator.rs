//! The transaction coordinator in a broker: its log, its markers, and what outlives the broker.

use std::time::Duration;

use ottla::transactions::questions::{
    AddPartitions, DescribeTransaction, EndTransaction, InitProducer, TransactionalProducer,
};
use ottla::transactions::state::{TransactionResult, TransactionState, TransactionVersion};

use crate::harness::Ottla;

/// Gives an id its producer.
async fn init(ottla: &Ottla, id: &str) -> TransactionalProducer {
    let id = id.to_owned();
    let init = InitProducer { id: id.clone(), timeout_ms: 60_000, current: None, fresh_id: None };
    let producer = ottla.broker().init_producer(init).await.expect("a producer");
    TransactionalProducer { id, producer_id: producer.producer_id, epoch: producer.epoch }
}

/// Begins a transaction with the partitions of a topic, and decides on its end.
async fn transact(ottla: &Ottla, producer: TransactionalProducer, result: TransactionResult) {
    let client_version = TransactionVersion::V2;
    let partitions = vec![("t".to_owned(), vec![0, 1]), ("deleted".to_owned(), vec![0])];
    let add = AddPartitions { producer: producer.clone(), partitions, client_version };
    ottla.broker().ask_transactions(add).await.expect("partitions of its transaction");
    let end = EndTransaction { producer, result, client_version, fresh_id: None };
    ottla.broker().end_transaction(end).await.expect("the end of its transaction");
}

async fn state(ottla: &Ottla, id: &str) -> TransactionState {
    let describe = DescribeTransaction { id: id.to_owned() };
    ottla.broker().ask_transactions(describe).await.expect("the id").state
}

/// Waits until all markers are written.
async fn completed(ottla: &Ottla, id: &str) -> TransactionState {
    loop {
        match state(ottla, id).await {
            state if state.is_prepared() => tokio::time::sleep(Duration::from_millis(1)).await,
            state => return state,
        }
    }
}

#[tokio::test]
async fn the_end_of_a_transaction_is_written_to_its_partitions() {
    for durability in ["os", "fsync"] {
        let ottla = Ottla::with(&[("durability", durability)]).await;
        let mut client = ottla.client().await;
        client.create("t", 2, &[]).await;
        for (id, result, expected) in [
            ("a", TransactionResult::Commit, TransactionState::CompleteCommit),
            ("b", TransactionResult::Abort, TransactionState::CompleteAbort),
        ] {
            transact(&ottla, init(&ottla, id).await, result).await;
            assert_eq!(completed(&ottla, id).await, expected);
        }
        assert_eq!(client.list_offset("t", -1).await.1, 2);
        let topic = ottla.broker().topics.named("__transaction_state").expect("its topic");
        assert_eq!(topic.partitions.len(), 1);
        let configs = topic.partitions[0].config();
        assert_eq!(configs.segment_bytes, 104_857_600);
    }
}

#[tokio::test]
async fn ids_outlive_the_broker() {
    let partitions = ("transaction.state.log.num.partitions", "50");
    let mut ottla = Ottla::with(&[partitions]).await;
    ottla.client().await.create("t", 2, &[]).await;
    for id in ["a", "b", "c"] {
        let producer = init(&ottla, id).await;
        assert_eq!(producer.epoch, 0);
        transact(&ottla, producer, TransactionResult::Commit).await;
    }
    for id in ["a", "b", "c"] {
        completed(&ottla, id).await;
    }
    ottla.restart().await;
    for id in ["a", "b", "c"] {
        assert_eq!(state(&ottla, id).await, TransactionState::CompleteCommit);
        // The end of the transaction increased it, too.
        assert_eq!(init(&ottla, id).await.epoch, 2);
    }
    let topic = ottla.broker().topics.named("__transaction_state").expect("its topic");
    assert_eq!(topic.partitions.len(), 50);
    let used = topic.partitions.iter().filter(|partition| !partition.is_unused());
    assert_eq!(used.count(), 3);
}
