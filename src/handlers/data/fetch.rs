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

use crate::broker::state::Broker;
use crate::fetch::poll::{FetchLimits, Read, ReadOutcome, ReadRequest, poll};
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
use crate::protocol::message::Message;
use crate::protocol::messages::fetch_request::FetchTopic;
use crate::protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use crate::protocol::messages::{FetchRequest, FetchResponse};
use crate::protocol::records::Records;
use crate::protocol::text::text;
use crate::quotas::limits::QuotaType;
use crate::storage::segment::FileSlice;
use crate::storage::txn_index::AbortedTxn;
use crate::topics::partition::Partition;
use crate::wire::fetch::encode;
use crate::wire::response::begin;

/// The row of the table.
pub const API: Api = Api {
    quota: QuotaClass::Fetch,
    waits_for: WaitsFor::Others,
    // A partition takes some 760 bytes until it is answered.
    memory_factor: 8,
    ..Api::new::<FetchRequest>(run)
};

/// Maximum wait: after five minutes every fetch is answered; an empty response is always legal.
const WAIT_MS_MAX: i32 = 300_000;

fn run<'a>(cx: &'a Context<'a>, body: Bytes) -> ResponseFuture<'a> {
    Box::pin(async move {
        let request: FetchRequest = decode(cx, body).await?;
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
                    Fetched::without_records(refused)
                }
            },
            Err(error) => {
                charge_time(cx);
                Fetched::without_records(failed(session_error_code(&error)))
            }
        };
        charge(cx, &mut fetched.response);
        encode(cx.version, cx.correlation_id, &fetched.response, fetched.slices)
    })
}

/// A response, and the ranges of files that are its records, in order.
#[derive(Default)]
struct Fetched {
    response: FetchResponse,
    slices: Vec<FileSlice>,
}

impl Fetched {
    fn without_records(response: FetchResponse) -> Fetched {
        Fetched { response, slices: Vec::new() }
    }
}

/// One partition of a response, and its records.
#[derive(Clone, Default)]
struct FetchedPartition {
    data: PartitionData,
    records: Option<FileSlice>,
}

impl FetchedPartition {
    fn is_diverging(&self) -> bool {
        self.data.diverging_epoch.epoch >= 0
    }
}

/// Returns the response to a request that fails as a whole.
fn failed(code: Code) -> FetchResponse {
    FetchResponse::default().with_error_code(code.code())
}

/// Returns true if a partition is to be read: only then does Kafka check the isolation level.
fn has_what_is_there(broker: &Broker, plan: &FetchPlan) -> bool {
    let code = |wanted: &SessionPartition| wanting(broker, wanted).partition.err();
    plan.partitions.iter().any(|wanted| !code(wanted).is_some_and(|code| is_unknown(&code)))
}

/// Returns the response to an unknown isolation level: Kafka fails on it without details. From
/// version 13 on there is only the top-level error.
fn unknown_isolation(version: i16, request: &FetchRequest) -> FetchResponse {
    let code = Code::UnknownServerError;
    let topic = |topic: &FetchTopic| {
        let partitions = topic.partitions.iter().map(|p| {
            // With an empty list of aborted transactions, as where a whole request fails in Kafka.
            refused(p.partition, code.code()).with_aborted_transactions(Some(Vec::new()))
        });
        FetchableTopicResponse::default()
            .with_topic(topic.topic.clone())
            .with_partitions(partitions.collect())
    };
    let topics = match version {
        ..13 => request.topics.iter().map(topic).collect(),
        _ => Vec::new(),
    };
    failed(code).with_session_id(request.session_id).with_responses(topics)
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
) -> Fetched {
    let mut wanting: Vec<ReadRequest> =
        plan.partitions.iter().map(|w| wanting(cx.broker, w)).collect();
    if reads_nothing {
        limit_first(&mut wanting);
    }
    let stopping = cx.broker.stopping();
    let outcomes = poll(&wanting, limits, stopping, cx.memory.is_wanted()).await;
    let mut answers: Vec<FetchedPartition> = plan
        .partitions
        .iter()
        .zip(wanting.iter().zip(outcomes))
        .map(|(w, (_, o))| answer(w, o))
        .collect();
    let seen: Vec<PartitionRead> = answers
        .iter()
        .map(|a| PartitionRead {
            has_records: a.records.is_some(),
            must_answer: a.data.error_code != NONE || a.is_diverging(),
            offsets: PartitionOffsets {
                high_watermark: a.data.high_watermark,
                last_stable_offset: a.data.last_stable_offset,
                log_start_offset: a.data.log_start_offset,
            },
        })
        .collect();
    if let Some(empty) = throttled(cx, &plan, &answers) {
        return Fetched::without_records(empty);
    }
    let now = cx.broker.clock.now();
    match cx.broker.fetch_sessions.finish(now.mono_ms, &plan, &seen) {
        Ok(session) => {
            let place = |code: i16| UNKNOWN.iter().position(|unknown| unknown.code() == code);
            let mut fetched = Fetched::default();
            // As in Kafka, partitions that do not exist come after those that are read.
            for pass in [None, Some(0), Some(1)] {
                let listed = session.listed.iter().copied().chain(std::iter::repeat(true));
                let all = plan.partitions.iter().zip(&mut answers).zip(listed);
                let shown = all
                    .filter(|((_, a), listed)| *listed && place(a.data.error_code) == pass)
                    .map(|((wanted, a), _)| (&wanted.key.topic, std::mem::take(a)));
                append_grouped(&mut fetched, shown);
            }
            fetched.response.session_id = session.session_id;
            fetched
        }
        Err(error) => Fetched::without_records(failed(session_error_code(&error))),
    }
}

/// Charges the bytes that were read and the time that it took. If the client is throttled for
/// either, returns an empty response, and the bytes are not charged since they are not sent.
fn throttled(
    cx: &Context<'_>,
    plan: &FetchPlan,
    answers: &[FetchedPartition],
) -> Option<FetchResponse> {
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
        Ok(session_id) => FetchResponse::default().with_session_id(session_id),
        Err(error) => failed(session_error_code(&error)),
    })
}

/// Returns the size that the response would have, in bytes.
fn bytes_of(cx: &Context<'_>, plan: &FetchPlan, answers: &[FetchedPartition]) -> f64 {
    let both = plan.partitions.iter().zip(answers);
    let has_news =
        |a: &FetchedPartition| a.records.is_some() || a.data.error_code != NONE || a.is_diverging();
    let news = both.filter(|(_, answer)| has_news(answer));
    let mut fetched = Fetched::default();
    let news = news.map(|(wanted, answer)| (&wanted.key.topic, answer.clone()));
    append_grouped(&mut fetched, news);
    let head = begin::<FetchResponse>(cx.version, cx.correlation_id);
    (head.len() + fetched.response.size(cx.version).unwrap_or(0)) as f64
}

/// Appends partitions to a response; consecutive ones of the same topic are together.
fn append_grouped<'a>(
    fetched: &mut Fetched,
    answers: impl Iterator<Item = (&'a TopicKey, FetchedPartition)>,
) {
    let topics = &mut fetched.response.responses;
    for (topic, answer) in answers {
        let is_last = topics.last().is_some_and(|last| match topic {
            TopicKey::Name(name) => last.topic.as_str() == &**name,
            TopicKey::Id(id) => last.topic_id == *id,
        });
        if !is_last {
            let fetched = FetchableTopicResponse::default();
            topics.push(match topic {
                TopicKey::Name(name) => fetched.with_topic(text(name)),
                TopicKey::Id(id) => fetched.with_topic_id(*id),
            });
        }
        if let Some(last) = topics.last_mut() {
            last.partitions.push(answer.data);
            fetched.slices.extend(answer.records);
        }
    }
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
        found.and_then(|partition| match epoch_fault(epoch, &partition) {
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
fn refused(index: i32, error_code: i16) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_error_code(error_code)
        .with_high_watermark(-1)
        .with_aborted_transactions(is_unknown(&error_code).then(Vec::new))
        .with_records(Some(Records::default()))
}

fn answer(wanted: &SessionPartition, outcome: ReadOutcome) -> FetchedPartition {
    let index = wanted.key.partition;
    let (data, records) = match outcome {
        ReadOutcome::Refused(code) => (refused(index, code), None),
        ReadOutcome::Unavailable(error) => (refused(index, unavailable_code(&error).code()), None),
        ReadOutcome::Failed(error) => (refused(index, read_error_code(&error).code()), None),
        // Kafka fails on a negative limit, without details.
        ReadOutcome::NegativeLimit => (refused(index, Code::UnknownServerError.code()), None),
        ReadOutcome::Read(read) => {
            let aborted = read.aborted.as_ref().map(|txns| txns.iter().map(aborted).collect());
            (offsets(index, &read).with_aborted_transactions(aborted), read.records)
        }
        ReadOutcome::Diverging { read, epoch, end } => {
            let epoch = EpochEndOffset::default().with_epoch(epoch).with_end_offset(end);
            (offsets(index, &read).with_diverging_epoch(epoch), None)
        }
    };
    // Empty where there are none, never null, which librdkafka treats as corrupt.
    let bytes = records.as_ref().map_or(0, |slice| slice.len);
    let data = data.with_records(Some(match bytes {
        0 => Records::default(),
        bytes => Records::File { bytes },
    }));
    FetchedPartition { data, records: records.filter(|slice| slice.len > 0) }
}

fn aborted(txn: &AbortedTxn) -> AbortedTransaction {
    AbortedTransaction::default()
        .with_producer_id(txn.producer_id)
        .with_first_offset(txn.first_offset)
}

/// Returns the part of a partition's response that says where its log begins and ends.
fn offsets(index: i32, read: &Read) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_high_watermark(read.end_offset)
        .with_last_stable_offset(read.last_stable_offset)
        .with_log_start_offset(read.log_start_offset)
        .with_aborted_transactions(None)
}
