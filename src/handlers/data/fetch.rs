//! Fetch (1): batches from an offset on, as they are stored in the log.
//!
//! * The first partition with data returns at least one whole batch, whatever the limits (KIP-74).
//! * The response waits for `min_bytes` until `max_wait_ms` has passed; an error is sent at once.
//! * A client that exceeds its quota gets an empty response, and its session stays as it was.
//!
//! v7 sessions (KIP-227) · v9 leader epoch · v12 flexible · v13 topic ids

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchTopic;

use crate::broker::state::Broker;
use crate::fetch::poll::{FetchLimits, ReadOutcome, ReadRequest, poll};
use crate::fetch::session::{
    FetchParams, FetchPlan, PartitionKey, PartitionOffsets, PartitionRead, SessionPartition,
    SessionRequest, TopicKey,
};
use crate::handlers::api::{Api, ResponseFuture, WaitsFor, decode};
use crate::handlers::context::Context;
use crate::handlers::data::list_offsets::epoch_fault;
use crate::handlers::errors::{NONE, read_error_code, session_error_code, unavailable_code};
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::{charge, charge_time};
use crate::log::LEADER_EPOCH;
use crate::quotas::limits::QuotaType;
use crate::topics::partition::Partition;
use crate::wire::fetch::{FetchedPartition, FetchedResponse, FetchedTopic, KEY, encode};

/// The row of the table.
pub const API: Api = Api {
    quota: QuotaClass::Fetch,
    waits_for: WaitsFor::Others,
    // A partition takes some 480 bytes until it is answered.
    memory_factor: 5,
    ..Api::new(KEY, "Fetch", 4..=18, run)
};

/// Maximum wait: after five minutes every fetch is answered; an empty response is always legal.
const WAIT_MS_MAX: i32 = 300_000;

fn run<'a>(cx: &'a Context<'a>, body: Bytes) -> ResponseFuture<'a> {
    Box::pin(async move {
        let request: FetchRequest = decode(cx.version, body)?;
        let is_known = matches!(request.isolation_level, 0 | 1);
        let otherwise = (!is_known).then(|| unknown_isolation(cx.version, &request));
        let reads_nothing = request.max_bytes < 0;
        let max_bytes = request.max_bytes.clamp(0, most_bytes(cx));
        let limits = FetchLimits {
            max_bytes: max_bytes as u64,
            min_bytes: request.min_bytes.clamp(0, max_bytes) as u64,
            max_wait_ms: request.max_wait_ms.clamp(0, WAIT_MS_MAX) as u64,
            committed: request.isolation_level == 1,
        };
        let (sessions, now) = (&cx.broker.fetch_sessions, cx.broker.clock.now());
        let begun = sessions.begin(now.mono_ms, session_request(cx.version, request));
        let mut fetched = match begun {
            Ok(plan) => match otherwise.filter(|_| has_what_is_there(cx.broker, &plan)) {
                None => fetch(cx, plan, limits, reads_nothing).await,
                Some(refused) => {
                    charge_time(cx);
                    refused
                }
            },
            Err(error) => {
                charge_time(cx);
                FetchedResponse {
                    error_code: session_error_code(&error).code(),
                    ..FetchedResponse::default()
                }
            }
        };
        charge(cx, &mut fetched);
        encode(cx.version, cx.correlation_id, fetched)
    })
}

/// Returns true if a partition is to be read: only then does Kafka check the isolation level.
fn has_what_is_there(broker: &Broker, plan: &FetchPlan) -> bool {
    let code = |wanted: &SessionPartition| wanting(broker, wanted).partition.err();
    plan.partitions.iter().any(|wanted| !code(wanted).is_some_and(|code| is_unknown(&code)))
}

/// Returns the response to an unknown isolation level: Kafka fails on it without details. From
/// version 13 on there is only the top-level error.
fn unknown_isolation(version: i16, request: &FetchRequest) -> FetchedResponse {
    let code = Code::UnknownServerError.code();
    let topic = |topic: &FetchTopic| FetchedTopic {
        name: topic.topic.to_string(),
        // With an empty list of aborted transactions, as where a whole request fails in Kafka.
        partitions: topic
            .partitions
            .iter()
            .map(|p| FetchedPartition { aborted: Some(Vec::new()), ..refused(p.partition, code) })
            .collect(),
        ..FetchedTopic::default()
    };
    let topics = match version {
        ..13 => request.topics.iter().map(topic).collect(),
        _ => Vec::new(),
    };
    let session_id = request.session_id;
    FetchedResponse { error_code: code, session_id, topics, ..FetchedResponse::default() }
}

/// Returns the maximum size of one fetch: more than a client's quota would throttle it every time.
fn most_bytes(cx: &Context<'_>) -> i32 {
    let quota = cx.broker.quotas.most_at_once(QuotaType::Fetch, cx.client_entity());
    quota.map_or(i32::MAX, |bytes| bytes as i32).min(cx.broker.config.fetch_max_bytes)
}

fn session_request(version: i16, request: FetchRequest) -> SessionRequest {
    let by_id = version >= 13;
    let mut wanted = Vec::new();
    for topic in &request.topics {
        let name: Arc<str> = topic.topic.as_str().into();
        for partition in &topic.partitions {
            let named =
                if by_id { TopicKey::Id(topic.topic_id) } else { TopicKey::Name(name.clone()) };
            let params = FetchParams {
                fetch_offset: partition.fetch_offset,
                partition_max_bytes: partition.partition_max_bytes,
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
                log_start_offset: partition.log_start_offset,
            };
            wanted.push(SessionPartition {
                key: PartitionKey { topic: named, partition: partition.partition },
                params,
            });
        }
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let name: Arc<str> = topic.topic.as_str().into();
        topic.partitions.iter().map(move |partition| {
            let named =
                if by_id { TopicKey::Id(topic.topic_id) } else { TopicKey::Name(name.clone()) };
            PartitionKey { topic: named, partition: *partition }
        })
    });
    SessionRequest {
        // Before version 7 there are no sessions: every request is complete.
        session_id: if version >= 7 { request.session_id } else { 0 },
        epoch: if version >= 7 {
            request.session_epoch
        } else {
            crate::fetch::session::FINAL_EPOCH
        },
        by_id,
        partitions: wanted,
        forgotten: forgotten.collect(),
    }
}

async fn fetch(
    cx: &Context<'_>,
    plan: FetchPlan,
    limits: FetchLimits,
    reads_nothing: bool,
) -> FetchedResponse {
    let mut wanting: Vec<ReadRequest> =
        plan.partitions.iter().map(|w| wanting(cx.broker, w)).collect();
    if reads_nothing {
        limit_first(&mut wanting);
    }
    let stopping = cx.broker.stopping();
    let outcomes = poll(&wanting, limits, stopping, cx.memory.is_wanted()).await;
    let answers: Vec<FetchedPartition> = plan
        .partitions
        .iter()
        .zip(wanting.iter().zip(outcomes))
        .map(|(w, (_, o))| answer(w, o))
        .collect();
    let seen: Vec<PartitionRead> = answers
        .iter()
        .map(|a| PartitionRead {
            has_records: a.records.is_some(),
            must_answer: a.error_code != NONE || a.diverging.is_some(),
            offsets: PartitionOffsets {
                high_watermark: a.high_watermark,
                last_stable_offset: a.last_stable_offset,
                log_start_offset: a.log_start_offset,
            },
        })
        .collect();
    if let Some(empty) = throttled(cx, &plan, &answers) {
        return empty;
    }
    let now = cx.broker.clock.now();
    match cx.broker.fetch_sessions.finish(now.mono_ms, &plan, &seen) {
        Ok(session) => {
            let listed = session.listed.iter().copied().chain(std::iter::repeat(true));
            let shown =
                plan.partitions.iter().zip(answers).zip(listed).filter(|(_, listed)| *listed);
            // As in Kafka, partitions that do not exist come after those that are read.
            let mut shown: Vec<_> = shown.collect();
            let place = |code: i16| UNKNOWN.iter().position(|unknown| unknown.code() == code);
            shown.sort_by_key(|((_, answer), _)| place(answer.error_code));
            let topics =
                grouped(shown.into_iter().map(|((wanted, answer), _)| (&wanted.key.topic, answer)));
            FetchedResponse { session_id: session.session_id, topics, ..FetchedResponse::default() }
        }
        Err(error) => FetchedResponse {
            error_code: session_error_code(&error).code(),
            ..FetchedResponse::default()
        },
    }
}

/// Charges the bytes that were read and the time that it took. If the client is throttled for
/// either, returns an empty response, and the bytes are not charged since they are not sent.
fn throttled(
    cx: &Context<'_>,
    plan: &FetchPlan,
    answers: &[FetchedPartition],
) -> Option<FetchedResponse> {
    let (quotas, now) = (&cx.broker.quotas, cx.broker.clock.now());
    if !quotas.is_any() {
        return None;
    }
    charge_time(cx);
    if quotas.has(QuotaType::Fetch) {
        let bytes = bytes_of(cx, plan, answers);
        cx.cost.throttle_at_least(quotas.record(QuotaType::Fetch, cx.client_entity(), bytes, now));
        if cx.cost.throttle_ms() > 0 {
            quotas.note(QuotaType::Fetch, cx.client_entity(), -bytes, now);
        }
    }
    if cx.cost.throttle_ms() == 0 {
        return None;
    }
    Some(match cx.broker.fetch_sessions.throttled(plan) {
        Ok(session_id) => FetchedResponse { session_id, ..FetchedResponse::default() },
        Err(error) => FetchedResponse {
            error_code: session_error_code(&error).code(),
            ..FetchedResponse::default()
        },
    })
}

/// Returns the size that the response would have, in bytes.
fn bytes_of(cx: &Context<'_>, plan: &FetchPlan, answers: &[FetchedPartition]) -> f64 {
    let both = plan.partitions.iter().zip(answers);
    let has_news =
        |a: &FetchedPartition| a.records.is_some() || a.error_code != NONE || a.diverging.is_some();
    let news = both.filter(|(_, answer)| has_news(answer));
    let topics = grouped(news.map(|(wanted, answer)| (&wanted.key.topic, answer.clone())));
    let fetched = FetchedResponse { topics, ..FetchedResponse::default() };
    encode(cx.version, cx.correlation_id, fetched).map_or(0, |reply| reply.bytes()) as f64
}

/// Groups consecutive partitions of the same topic.
fn grouped<'a>(
    answers: impl Iterator<Item = (&'a TopicKey, FetchedPartition)>,
) -> Vec<FetchedTopic> {
    let mut topics: Vec<(&TopicKey, FetchedTopic)> = Vec::new();
    for (topic, answer) in answers {
        if topics.last().is_none_or(|(last, _)| *last != topic) {
            let mut fetched = FetchedTopic::default();
            match topic {
                TopicKey::Name(name) => fetched.name = name.to_string(),
                TopicKey::Id(id) => fetched.id = *id,
            }
            topics.push((topic, fetched));
        }
        if let Some((_, last)) = topics.last_mut() {
            last.partitions.push(answer);
        }
    }
    topics.into_iter().map(|(_, topic)| topic).collect()
}

/// Sets a negative limit on the first existing partition: the limit of the whole request applies to
/// it, and nothing is left for the partitions after it (Kafka: `ReplicaManager.readFromLog`).
fn limit_first(wanting: &mut [ReadRequest]) {
    let first = wanting.iter_mut().find(|one| !one.partition.as_ref().is_err_and(is_unknown));
    if let Some(first) = first {
        first.max_bytes = -1;
    }
}

/// The error codes of unknown partitions, in the order in which Kafka appends them.
const UNKNOWN: [Code; 2] = [Code::UnknownTopicId, Code::UnknownTopicOrPartition];

fn is_unknown(code: &i16) -> bool {
    UNKNOWN.iter().any(|unknown| unknown.code() == *code)
}

fn wanting(broker: &Broker, wanted: &SessionPartition) -> ReadRequest {
    let live = match &wanted.key.topic {
        TopicKey::Name(name) => broker.topics.named(name).ok_or(Code::UnknownTopicOrPartition),
        TopicKey::Id(id) => broker.topics.with_id(*id).ok_or(Code::UnknownTopicId),
    };
    let found = live.and_then(|topic| {
        let partition = topic.partition(wanted.key.partition).cloned();
        partition.ok_or(Code::UnknownTopicOrPartition)
    });
    // Unlike ListOffsets, Fetch treats every negative epoch as none.
    let epoch = wanted.params.current_leader_epoch.max(-1);
    let checked: Result<Arc<Partition>, Code> =
        found.and_then(|partition| match epoch_fault(epoch) {
            Some(code) => Err(code),
            None => Ok(partition),
        });
    ReadRequest {
        partition: checked.map_err(|code| code.code()),
        offset: wanted.params.fetch_offset,
        last_fetched_epoch: wanted.params.last_fetched_epoch,
        max_bytes: i64::from(wanted.params.partition_max_bytes),
    }
}

/// Returns the response for a partition that is not read. Kafka sends an empty list of aborted
/// transactions if the partition is unknown, and null otherwise.
fn refused(index: i32, error_code: i16) -> FetchedPartition {
    FetchedPartition {
        index,
        error_code,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        aborted: is_unknown(&error_code).then(Vec::new),
        diverging: None,
        records: None,
    }
}

fn answer(wanted: &SessionPartition, outcome: ReadOutcome) -> FetchedPartition {
    let failed = |error_code| refused(wanted.key.partition, error_code);
    match outcome {
        ReadOutcome::Refused(code) => failed(code),
        ReadOutcome::Unavailable(error) => failed(unavailable_code(&error).code()),
        ReadOutcome::Failed(error) => failed(read_error_code(&error).code()),
        // Kafka fails on a negative limit, without details.
        ReadOutcome::NegativeLimit => failed(Code::UnknownServerError.code()),
        ReadOutcome::Read(read) => FetchedPartition {
            index: wanted.key.partition,
            error_code: NONE,
            high_watermark: read.end_offset,
            last_stable_offset: read.last_stable_offset,
            log_start_offset: read.log_start_offset,
            aborted: read.committed.then(Vec::new),
            diverging: None,
            records: read.records,
        },
        ReadOutcome::Diverging(read) => FetchedPartition {
            index: wanted.key.partition,
            error_code: NONE,
            high_watermark: read.end_offset,
            last_stable_offset: read.last_stable_offset,
            log_start_offset: read.log_start_offset,
            aborted: None,
            diverging: Some((LEADER_EPOCH, read.end_offset)),
            records: None,
        },
    }
}
