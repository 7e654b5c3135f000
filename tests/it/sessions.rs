//! Incremental fetch sessions (KIP-227).

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse};

use crate::client::{fetching, topic_name};
use crate::harness::Ottla;
use crate::records::plain;

fn in_session(request: FetchRequest, id: i32, epoch: i32) -> FetchRequest {
    request.with_session_id(id).with_session_epoch(epoch)
}

fn both(offset: i64) -> FetchRequest {
    let mut request = fetching("t", 0, offset);
    let second = request.topics[0].partitions[0].clone().with_partition(1);
    request.topics[0].partitions.push(second);
    request
}

fn nothing() -> FetchRequest {
    fetching("t", 0, 0).with_topics(vec![])
}

fn listed(answer: &FetchResponse) -> Vec<i32> {
    answer.responses.iter().flat_map(|t| t.partitions.iter().map(|p| p.partition_index)).collect()
}

#[tokio::test]
async fn a_session_answers_only_with_what_changed() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let first = client.call(12, &in_session(both(0), 0, 0)).await;
    let id = first.session_id;
    assert!(id != 0);
    assert_eq!(listed(&first), [0, 1]);
    let second = client.call(12, &in_session(nothing(), id, 1)).await;
    assert_eq!((second.error_code, second.session_id, listed(&second)), (0, id, vec![]));
    client.produce("t", 1, plain(&["a"])).await;
    let third = client.call(12, &in_session(nothing(), id, 2)).await;
    assert_eq!(listed(&third), [1]);
    let gone = ForgottenTopic::default().with_topic(topic_name("t")).with_partitions(vec![1]);
    let forgetting = nothing().with_forgotten_topics_data(vec![gone]);
    let fourth = client.call(12, &in_session(forgetting, id, 3)).await;
    assert!(listed(&fourth).is_empty());
}

#[tokio::test]
async fn a_wrong_epoch_and_an_unknown_session_are_refused() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let id = client.call(12, &in_session(both(0), 0, 0)).await.session_id;
    let answer = client.call(12, &in_session(nothing(), id, 7)).await;
    assert_eq!(answer.error_code, Code::InvalidFetchSessionEpoch.code());
    let answer = client.call(12, &in_session(nothing(), id.wrapping_add(1), 1)).await;
    assert_eq!(answer.error_code, Code::FetchSessionIdNotFound.code());
    // Closing it with the final epoch frees it.
    let answer = client.call(12, &in_session(nothing(), id, -1)).await;
    assert_eq!((answer.error_code, answer.session_id), (0, 0));
    let answer = client.call(12, &in_session(nothing(), id, 1)).await;
    assert_eq!(answer.error_code, Code::FetchSessionIdNotFound.code());
}

#[tokio::test]
async fn a_fetch_outside_of_sessions_has_none() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    let answer = client.call(12, &in_session(both(0), 0, -1)).await;
    assert_eq!((answer.error_code, answer.session_id, listed(&answer)), (0, 0, vec![0, 1]));
}
