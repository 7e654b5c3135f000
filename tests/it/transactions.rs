//! Transactions as a producer and a reader see them, in both flows.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::error::ResponseError as Code;
use ottla::protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use ottla::protocol::messages::{
    AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest, InitProducerIdRequest,
    ListTransactionsRequest,
};
use ottla::protocol::text::text;

use crate::client::{Client, fetching, production};
use crate::harness::Ottla;
use crate::records::{by, changed, read};

const ABORTABLE: i16 = Code::TransactionAbortable.code();
const CONCURRENT: i16 = Code::ConcurrentTransactions.code();
const FENCED: i16 = Code::ProducerFenced.code();
const INVALID_STATE: i16 = Code::InvalidTxnState.code();
const STALE: i16 = Code::InvalidProducerEpoch.code();

/// A producer: its id and epoch.
pub type Producer = (i64, i16);

/// Gives the transactional id its producer, once a transaction of the one before is aborted.
pub async fn init(client: &mut Client) -> Producer {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(text("a")))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(-1)
        .with_producer_epoch(-1);
    loop {
        let answer = client.ask(5, &request).await;
        if answer.error_code != CONCURRENT {
            assert_eq!(answer.error_code, 0);
            return (answer.producer_id, answer.producer_epoch);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Adds a partition to the transaction as clients of the classic flow do.
pub async fn add(client: &mut Client, (id, epoch): Producer) -> i16 {
    let topic = AddPartitionsToTxnTopic::default().with_name(text("t")).with_partitions(vec![0]);
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(text("a"))
        .with_v3_and_below_producer_id(id)
        .with_v3_and_below_producer_epoch(epoch)
        .with_v3_and_below_topics(vec![topic]);
    loop {
        let answer = client.ask(3, &request).await;
        let partitions = &answer.results_by_topic_v3_and_below[0].results_by_partition;
        match partitions[0].partition_error_code {
            CONCURRENT => tokio::time::sleep(Duration::from_millis(1)).await,
            code => return code,
        }
    }
}

pub async fn produce(
    client: &mut Client,
    version: i16,
    (id, epoch): Producer,
    sequence: i32,
    value: &str,
) -> i16 {
    let batch = changed(by(id, epoch, sequence, &[value]), 21, &0x10_i16.to_be_bytes());
    let mut request = production("t", 0, batch);
    request.transactional_id = Some(text("a").into());
    client.call(version, &request).await.responses[0].partition_responses[0].error_code
}

/// Ends the transaction. Returns the error code and the producer of the next one.
pub async fn end(
    client: &mut Client,
    version: i16,
    (id, epoch): Producer,
    committed: bool,
) -> (i16, Producer) {
    let request = EndTxnRequest::default()
        .with_transactional_id(text("a"))
        .with_producer_id(id)
        .with_producer_epoch(epoch)
        .with_committed(committed);
    let answer = client.ask(version, &request).await;
    (answer.error_code, (answer.producer_id, answer.producer_epoch))
}

pub async fn state(client: &mut Client) -> String {
    let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![text("a")]);
    loop {
        let answer = client.ask(0, &request).await;
        let state = answer.transaction_states[0].transaction_state.to_string();
        if !state.starts_with("Prepare") {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Returns what a reader of committed records is sent, and which transactions it has to leave out:
/// the first offset of each.
pub async fn read_committed(client: &mut Client) -> (Vec<String>, BTreeSet<i64>) {
    let (mut values, mut aborted, mut offset) = (Vec::new(), BTreeSet::new(), 0);
    loop {
        let answer = client.call(12, &fetching("t", 0, offset).with_isolation_level(1)).await;
        let found = answer.responses[0].partitions[0].aborted_transactions.iter().flatten();
        aborted.extend(found.map(|transaction| transaction.first_offset));
        let records = read(&answer);
        let Some((last, _)) = records.last() else { return (values, aborted) };
        offset = last + 1;
        // A marker is a record as well.
        values.extend(records.into_iter().map(|(_, v)| v).filter(|v| v.starts_with('v')));
    }
}

#[tokio::test]
async fn the_classic_flow_commits_and_aborts() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let producer = init(&mut client).await;
    assert_eq!(produce(&mut client, 11, producer, 0, "v0").await, ABORTABLE, "not added");
    assert_eq!(produce(&mut client, 10, producer, 0, "v0").await, INVALID_STATE, "not added");
    assert_eq!(add(&mut client, producer).await, 0);
    assert_eq!(produce(&mut client, 11, producer, 0, "v0").await, 0);
    assert_eq!(read_committed(&mut client).await, (vec![], BTreeSet::new()), "it is open");
    assert_eq!(end(&mut client, 4, producer, true).await, (0, (-1, -1)));
    assert_eq!(state(&mut client).await, "CompleteCommit");
    assert_eq!(end(&mut client, 4, producer, true).await.0, 0, "again");
    assert_eq!(add(&mut client, producer).await, 0);
    assert_eq!(produce(&mut client, 11, producer, 1, "v1").await, 0);
    assert_eq!(end(&mut client, 4, producer, false).await, (0, (-1, -1)));
    assert_eq!(state(&mut client).await, "CompleteAbort");
    let all = vec!["v0".to_owned(), "v1".to_owned()];
    assert_eq!(read_committed(&mut client).await, (all, BTreeSet::from([2])));
}

#[tokio::test]
async fn with_an_epoch_for_every_transaction_a_produce_adds_its_partition() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let first = init(&mut client).await;
    assert_eq!(produce(&mut client, 12, first, 0, "v0").await, 0);
    assert_eq!(state(&mut client).await, "Ongoing");
    let (code, second) = end(&mut client, 5, first, true).await;
    assert_eq!((code, second), (0, (first.0, first.1 + 1)));
    assert_eq!(state(&mut client).await, "CompleteCommit");
    assert_eq!(end(&mut client, 5, first, true).await, (0, second), "again");
    assert_eq!(produce(&mut client, 12, first, 1, "v1").await, STALE);
    assert_eq!(produce(&mut client, 12, second, 0, "v1").await, 0);
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(state(&mut client).await, "Ongoing");
    assert_eq!(end(&mut client, 5, second, false).await, (0, (first.0, first.1 + 2)));
    assert_eq!(state(&mut client).await, "CompleteAbort");
    let all = vec!["v0".to_owned(), "v1".to_owned()];
    assert_eq!(read_committed(&mut client).await, (all, BTreeSet::from([2])));
}

#[tokio::test]
async fn a_second_producer_of_the_same_id_fences_the_first() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let old = init(&mut client).await;
    assert_eq!(produce(&mut client, 12, old, 0, "v0").await, 0);
    let new = init(&mut client).await;
    assert_eq!(new, (old.0, old.1 + 2));
    assert_eq!(produce(&mut client, 12, old, 1, "v1").await, STALE);
    assert_eq!(end(&mut client, 5, old, true).await.0, FENCED);
    assert_eq!(end(&mut client, 1, old, true).await.0, STALE, "as older clients know it");
    assert_eq!(produce(&mut client, 12, new, 0, "v2").await, 0);
    assert_eq!(end(&mut client, 5, new, true).await.0, 0);
    assert_eq!(state(&mut client).await, "CompleteCommit");
    let all = vec!["v0".to_owned(), "v2".to_owned()];
    assert_eq!(read_committed(&mut client).await, (all, BTreeSet::from([0])));
}

#[tokio::test]
async fn ids_are_listed_by_a_pattern_that_matches_all_of_them() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    init(&mut client).await;
    let invalid = Code::InvalidRegularExpression.code();
    let large = "(.{1000}){1000}";
    for (pattern, code, listed) in [
        (None, 0, 1),
        (Some(""), 0, 1),
        (Some("[a-c]+"), 0, 1),
        (Some("a."), 0, 0),
        (Some("(?=a)a"), invalid, 0),
        (Some("["), invalid, 0),
        (Some(large), invalid, 0),
    ] {
        let request =
            ListTransactionsRequest::default().with_transactional_id_pattern(pattern.map(text));
        let answer = client.ask(2, &request).await;
        let found = (answer.error_code, answer.transaction_states.len());
        assert_eq!(found, (code, listed), "{pattern:?}");
    }
}

#[tokio::test]
async fn ids_are_listed_by_state() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let producer = init(&mut client).await;
    for (state, listed, unknown) in
        [("Empty", 1, 0), ("Ongoing", 0, 0), ("Dead", 0, 0), ("x", 0, 1)]
    {
        let request = ListTransactionsRequest::default().with_state_filters(vec![text(state)]);
        let answer = client.ask(1, &request).await;
        let lengths = (answer.transaction_states.len(), answer.unknown_state_filters.len());
        assert_eq!(lengths, (listed, unknown), "{state}");
    }
    let request = ListTransactionsRequest::default().with_producer_id_filters(vec![producer.0]);
    assert_eq!(client.ask(0, &request).await.transaction_states.len(), 1);
}
