//! Client quotas: set and described, and what they do to clients that use more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, ApiVersionsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteTopicsRequest, DescribeClientQuotasRequest, FetchRequest, MetadataRequest,
    ProduceRequest,
};
use ottla::clock::SimClock;

use crate::client::{Client, creation, fetching, framed, production, text, topic_name};
use crate::harness::Ottla;
use crate::records::{plain, read};

/// A rate over one second, so that throttle times are short.
const SHORT: &[(&str, &str)] = &[("quota.window.num", "2"), ("controller.quota.window.num", "1")];
/// When the test takes place, about when its records were made.
const WALL_MS: i64 = 1_700_000_000_000;
const QUOTA_EXCEEDED: i16 = 89;

pub type Entity<'a> = &'a [(&'a str, Option<&'a str>)];

/// What every client of the tests calls itself.
const IT: Entity<'static> = &[("client-id", Some("it"))];

fn wish(entity: Entity<'_>, ops: &[(&str, Option<f64>)]) -> EntryData {
    let part = |(kind, name): &(&str, Option<&str>)| {
        EntityData::default().with_entity_type(text(kind)).with_entity_name(name.map(text))
    };
    let op = |(key, value): &(&str, Option<f64>)| {
        let remove = value.is_none();
        OpData::default().with_key(text(key)).with_value(value.unwrap_or(0.0)).with_remove(remove)
    };
    EntryData::default()
        .with_entity(entity.iter().map(part).collect())
        .with_ops(ops.iter().map(op).collect())
}

pub async fn set(client: &mut Client, entity: Entity<'_>, key: &str, value: Option<f64>) {
    let entry = wish(entity, &[(key, value)]);
    let answer =
        client.call(1, &AlterClientQuotasRequest::default().with_entries(vec![entry])).await;
    assert_eq!(answer.entries[0].error_code, 0, "{:?}", answer.entries[0].error_message);
}

/// All quotas, in words.
async fn described(client: &mut Client) -> Vec<String> {
    let answer = client.call(1, &DescribeClientQuotasRequest::default()).await;
    assert_eq!(answer.error_code, 0);
    let entry = |entry: &kafka_protocol::messages::describe_client_quotas_response::EntryData| {
        let name = |e: &kafka_protocol::messages::describe_client_quotas_response::EntityData| {
            format!("{}={}", &*e.entity_type, e.entity_name.as_deref().unwrap_or("*"))
        };
        let names: Vec<_> = entry.entity.iter().map(name).collect();
        let values: Vec<_> =
            entry.values.iter().map(|v| format!("{}={}", &*v.key, v.value)).collect();
        format!("{}: {}", names.join(","), values.join(","))
    };
    answer.entries.unwrap().iter().map(entry).collect()
}

/// The size of a request as its quota counts it: without length and header.
fn body_bytes(request: &ProduceRequest) -> f64 {
    (framed(9, 1, request).len() - 4 - 13) as f64
}

fn throttle_ms(bytes: f64, quota: f64) -> i32 {
    ((bytes - quota) / quota * 1000.0).round() as i32
}

#[tokio::test]
async fn quotas_are_kept_over_a_crash_and_can_be_taken_back() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let entries = vec![
        wish(
            &[("user", Some("u")), ("client-id", None)],
            &[("producer_byte_rate", Some(1e6)), ("request_percentage", Some(12.5))],
        ),
        wish(&[("ip", Some("10.0.0.1"))], &[("connection_creation_rate", Some(5.0))]),
    ];
    let request = AlterClientQuotasRequest::default().with_entries(entries);
    let tried = client.call(0, &request.clone().with_validate_only(true)).await;
    assert!(tried.entries.iter().all(|entry| entry.error_code == 0));
    assert_eq!(described(&mut client).await, [""; 0]);
    let answer = client.call(1, &request).await;
    assert!(answer.entries.iter().all(|entry| entry.error_code == 0));
    let wanted = [
        "client-id=*,user=u: request_percentage=12.5,producer_byte_rate=1000000",
        "ip=10.0.0.1: connection_creation_rate=5",
    ];
    assert_eq!(described(&mut client).await, wanted);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(described(&mut client).await, wanted);
    set(&mut client, &[("ip", Some("10.0.0.1"))], "connection_creation_rate", None).await;
    ottla.restart().await;
    assert_eq!(described(&mut ottla.client().await).await, wanted[..1]);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_the_rest_is_done() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let entries = vec![
        wish(IT, &[("producer_byte_rate", Some(-1.0))]),
        wish(&[("user", None)], &[("consumer_byte_rate", Some(7.0))]),
    ];
    let answer = client.call(1, &AlterClientQuotasRequest::default().with_entries(entries)).await;
    let reported: Vec<_> =
        answer.entries.iter().map(|e| (e.error_code, e.error_message.as_deref())).collect();
    let wrong = (42, Some("Quota producer_byte_rate must be greater than 0"));
    assert_eq!(reported, [wrong, (0, None)]);
    assert_eq!(described(&mut client).await, ["user=*: consumer_byte_rate=7"]);
    let asked = |kind: &str, number| {
        let component =
            ComponentData::default().with_entity_type(text(kind)).with_match_type(number);
        DescribeClientQuotasRequest::default().with_components(vec![component])
    };
    assert_eq!(client.call(1, &asked("user", 9)).await.error_code, 42);
    let unknown = client.call(0, &asked("pet", 2)).await;
    assert_eq!((unknown.error_code, unknown.entries), (35, None));
}

#[tokio::test]
async fn more_than_may_be_changed_at_once_is_refused_as_a_whole() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let names: Vec<String> = (0..10_001).map(|n| format!("c{n}")).collect();
    let entry =
        |name: &String| wish(&[("client-id", Some(name))], &[("producer_byte_rate", Some(1.0))]);
    let request =
        AlterClientQuotasRequest::default().with_entries(names.iter().map(entry).collect());
    let answer = client.call(1, &request).await;
    assert_eq!(answer.entries.len(), names.len());
    assert!(answer.entries.iter().all(|entry| entry.error_code == 44));
    assert_eq!(described(&mut client).await, [""; 0]);
}

#[tokio::test]
async fn a_producer_over_its_quota_gets_a_throttle_time_and_is_not_read_for_as_long() {
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = production("t", 0, plain(&[&"x".repeat(5_000)]));
    assert_eq!(client.call(9, &request).await.throttle_time_ms, 0, "there is no quota");
    let (bytes, quota) = (body_bytes(&request), 4_000.0);
    set(&mut client, IT, "producer_byte_rate", Some(quota)).await;
    let begun = Instant::now();
    let answer = client.call(9, &request).await;
    assert_eq!(answer.responses[0].partition_responses[0].base_offset, 1, "it is appended");
    assert_eq!(answer.throttle_time_ms, throttle_ms(bytes, quota));
    // Whatever comes next waits, but is not throttled itself.
    let next = client.call(12, &MetadataRequest::default()).await;
    assert_eq!(next.throttle_time_ms, 0);
    assert!(begun.elapsed() >= Duration::from_millis(answer.throttle_time_ms as u64));
    // The second time it owes for both: the clock of the test stands still.
    let answer = client.call(9, &request).await;
    assert_eq!(answer.throttle_time_ms, throttle_ms(2.0 * bytes, quota));
}

#[tokio::test]
async fn quotas_hold_for_those_whom_they_name() {
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = production("t", 0, plain(&["x"]));
    let bytes = body_bytes(&request);
    set(&mut client, &[("client-id", Some("other"))], "producer_byte_rate", Some(1.0)).await;
    assert_eq!(client.call(9, &request).await.throttle_time_ms, 0);
    // Without authentication everybody is the user ANONYMOUS, who is a user like others.
    let quota = (bytes * 0.9).floor();
    set(&mut client, &[("user", None)], "producer_byte_rate", Some(quota)).await;
    assert_eq!(client.call(9, &request).await.throttle_time_ms, throttle_ms(bytes, quota));
    set(&mut client, &[("user", Some("ANONYMOUS"))], "producer_byte_rate", Some(1e9)).await;
    assert_eq!(client.call(9, &request).await.throttle_time_ms, 0);
}

#[tokio::test]
async fn a_produce_without_an_answer_is_counted_too() {
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = production("t", 0, plain(&["x"])).with_acks(0);
    let (bytes, quota) = (body_bytes(&request), (body_bytes(&request) * 0.8).floor());
    set(&mut client, IT, "producer_byte_rate", Some(quota)).await;
    let begun = Instant::now();
    client.send(9, &request).await;
    client.call(3, &ApiVersionsRequest::default()).await;
    assert!(begun.elapsed() >= Duration::from_millis(throttle_ms(bytes, quota) as u64));
}

#[tokio::test]
async fn who_fetches_too_much_gets_nothing_and_keeps_its_session() {
    let clock = Arc::new(SimClock::at(WALL_MS));
    let ottla = Ottla::timed(clock.clone(), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&[&"x".repeat(5_000)])).await;
    let full = client.call(12, &fetching("t", 0, 0).with_session_epoch(0)).await;
    assert_eq!((read(&full).len(), full.throttle_time_ms), (1, 0));
    assert_ne!(full.session_id, 0);
    set(&mut client, IT, "consumer_byte_rate", Some(6_000.0)).await;
    let next =
        |epoch| fetching("t", 0, 0).with_session_id(full.session_id).with_session_epoch(epoch);
    let within = client.call(12, &next(1)).await;
    assert_eq!((read(&within).len(), within.throttle_time_ms), (1, 0));
    let beyond = client.call(12, &next(2)).await;
    assert!(beyond.throttle_time_ms > 0);
    assert_eq!((beyond.error_code, beyond.session_id), (0, full.session_id));
    assert!(beyond.responses.is_empty());
    // What did not leave was not charged: once the first fetch is forgotten there is room again.
    clock.advance(3_000);
    let again = client.call(12, &next(3)).await;
    assert_eq!((read(&again).len(), again.throttle_time_ms, again.error_code), (1, 0, 0));
}

#[tokio::test]
async fn a_fetch_brings_no_more_than_the_quota_bears_at_once() {
    let clock = Arc::new(SimClock::at(WALL_MS));
    let ottla = Ottla::timed(clock.clone(), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for _ in 0..8 {
        client.produce("t", 0, plain(&[&"x".repeat(1_000)])).await;
    }
    set(&mut client, IT, "consumer_byte_rate", Some(4_000.0)).await;
    // The records are within it; what stands round them is paid for after a moment.
    let throttled = client.call(12, &fetching("t", 0, 0)).await;
    assert!((1..100).contains(&throttled.throttle_time_ms), "{}", throttled.throttle_time_ms);
    clock.advance(i64::from(throttled.throttle_time_ms));
    let answer = client.call(12, &fetching("t", 0, 0)).await;
    assert_eq!((read(&answer).len(), answer.throttle_time_ms), (3, 0));
}

#[tokio::test]
async fn every_answer_says_how_long_to_wait_for_the_time_that_it_took() {
    let ottla = Ottla::with(SHORT).await;
    let mut admin = ottla.client().await;
    admin.create("t", 1, &[]).await;
    admin.produce("t", 0, plain(&["x"])).await;
    set(&mut admin, IT, "request_percentage", Some(0.000_001)).await;
    // Each on a connection of its own: the first is not read for a second.
    let metadata = ottla.client().await.call(12, &MetadataRequest::default()).await;
    let versions = ottla.client().await.call(2, &ApiVersionsRequest::default()).await;
    let produced = ottla.client().await.call(9, &production("t", 0, plain(&["y"]))).await;
    let fetched = ottla.client().await.call(12, &fetching("t", 0, 0)).await;
    let reported = [
        metadata.throttle_time_ms,
        versions.throttle_time_ms,
        produced.throttle_time_ms,
        fetched.throttle_time_ms,
    ];
    assert!(reported.iter().all(|ms| (1..=1000).contains(ms)), "{reported:?}");
    assert_eq!(produced.responses[0].partition_responses[0].error_code, 0);
    assert!(fetched.responses.is_empty());
    assert!(!versions.api_keys.is_empty());
}

#[tokio::test]
async fn who_changes_topics_too_fast_is_refused_or_has_to_wait() {
    let clock = Arc::new(SimClock::at(WALL_MS));
    let ottla = Ottla::timed(clock.clone(), SHORT).await;
    // A connection is not read after it was asked to wait; the test's clock need not wait.
    let mut admin = ottla.client().await;
    set(&mut admin, IT, "controller_mutation_rate", Some(10.0)).await;
    let late = ottla.client().await.call(5, &creation("a", 12, &[])).await;
    assert_eq!((late.topics[0].error_code, late.throttle_time_ms), (0, 200));
    let refused = ottla.client().await.call(7, &creation("b", 1, &[])).await;
    assert_eq!((refused.topics[0].error_code, refused.throttle_time_ms), (QUOTA_EXCEEDED, 200));
    let grown = CreatePartitionsTopic::default().with_name(topic_name("a")).with_count(13);
    let grow = CreatePartitionsRequest::default()
        .with_topics(vec![grown.with_assignments(None)])
        .with_timeout_ms(100);
    let refused = ottla.client().await.call(3, &grow).await;
    assert_eq!((refused.results[0].error_code, refused.throttle_time_ms), (QUOTA_EXCEEDED, 200));
    let gone = DeleteTopicState::default().with_name(Some(topic_name("a")));
    let delete = DeleteTopicsRequest::default().with_topics(vec![gone]);
    let refused = ottla.client().await.call(6, &delete).await;
    assert_eq!((refused.responses[0].error_code, refused.throttle_time_ms), (QUOTA_EXCEEDED, 200));
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name("new")));
    let wanted = MetadataRequest::default().with_topics(Some(vec![topic]));
    let refused = ottla.client().await.call(12, &wanted.with_allow_auto_topic_creation(true)).await;
    assert_eq!((refused.topics[0].error_code, refused.throttle_time_ms), (3, 200));
    clock.advance(200);
    let deleted = ottla.client().await.call(6, &delete).await;
    assert_eq!((deleted.responses[0].error_code, deleted.throttle_time_ms), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_created_is_not_charged() {
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("a", 1, &[]).await;
    set(&mut client, IT, "controller_mutation_rate", Some(10.0)).await;
    for request in [creation("a", 500, &[]), creation("b", 500, &[("no.such", "1")])] {
        let answer = client.call(7, &request).await;
        assert!(![0, QUOTA_EXCEEDED].contains(&answer.topics[0].error_code));
    }
    let answer = client.call::<CreateTopicsRequest>(7, &creation("b", 1, &[])).await;
    assert_eq!((answer.topics[0].error_code, answer.throttle_time_ms), (0, 0));
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_put_off() {
    let clock = Arc::new(SimClock::at(WALL_MS));
    let ottla = Ottla::timed(clock.clone(), SHORT).await;
    let mut admin = ottla.client().await;
    let here: Entity<'_> = &[("ip", Some("127.0.0.1"))];
    set(&mut admin, here, "connection_creation_rate", Some(1.0)).await;
    let mut first = ottla.client().await;
    first.call(3, &ApiVersionsRequest::default()).await;
    assert!(ottla.client().await.is_closed().await, "the second one in a second");
    clock.advance(3_000);
    ottla.client().await.call(3, &ApiVersionsRequest::default()).await;
    set(&mut admin, here, "connection_creation_rate", None).await;
    set(&mut admin, &[("ip", None)], "connection_creation_rate", Some(1_000_000.0)).await;
    ottla.client().await.call(3, &ApiVersionsRequest::default()).await;
}

/// A client that is not read for some hundred days.
async fn muted(ottla: &Ottla) -> Client {
    let mut client = ottla.client().await;
    let request = production("t", 0, plain(&[&"x".repeat(10_000)]));
    assert!(client.call(9, &request).await.throttle_time_ms > 1_000_000);
    client
}

#[tokio::test]
async fn a_broker_stops_though_clients_are_not_read() {
    let mut ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    set(&mut client, IT, "producer_byte_rate", Some(1.0)).await;
    let mut muted = [muted(&ottla).await, muted(&ottla).await];
    muted[1].send(3, &ApiVersionsRequest::default()).await;
    // In good order: no one is left behind, or the broker would still be held by someone.
    ottla.stop().await;
    for client in &mut muted {
        assert!(client.is_closed().await);
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_it_is_not_read_is_noticed() {
    let configs = [SHORT, &[("max.connections", "2")]].concat();
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), &configs).await;
    let mut admin = ottla.client().await;
    admin.create("t", 1, &[]).await;
    set(&mut admin, IT, "producer_byte_rate", Some(1.0)).await;
    for sends_more in [false, true] {
        let mut client = muted_once_there_is_room(&ottla).await;
        if sends_more {
            client.send(3, &ApiVersionsRequest::default()).await;
            // Broken, as by a crash of its machine: what it has sent hides an orderly end.
            client.stream.set_zero_linger().unwrap();
        }
        drop(client);
    }
    muted_once_there_is_room(&ottla).await;
}

/// One is let in as soon as the one before it is gone.
async fn muted_once_there_is_room(ottla: &Ottla) -> Client {
    loop {
        let mut client = ottla.client().await;
        let frame = framed(9, 1, &production("t", 0, plain(&[&"x".repeat(10_000)])));
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, &frame).await;
        if client.frame().await.is_some() {
            return client;
        }
    }
}

#[tokio::test]
async fn requests_that_have_come_are_answered_one_after_the_other() {
    let ottla = Ottla::timed(Arc::new(SimClock::at(WALL_MS)), SHORT).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let request = production("t", 0, plain(&["x"]));
    let quota = (body_bytes(&request) * 0.95).floor();
    set(&mut client, IT, "producer_byte_rate", Some(quota)).await;
    let begun = Instant::now();
    let first = client.send(9, &request).await;
    let second = client.send(12, &fetching("t", 0, 0)).await;
    let reported = client.receive::<ProduceRequest>(9, first).await.throttle_time_ms;
    assert!(reported > 0);
    assert_eq!(read(&client.receive::<FetchRequest>(12, second).await).len(), 1);
    assert!(begun.elapsed() >= Duration::from_millis(reported as u64));
}
