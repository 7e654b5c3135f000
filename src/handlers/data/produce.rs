//! Produce (0): appends batches, one per partition.
//!
//! * Advertised from v0 though served from v3: librdkafka up to 2.11 compresses only if it sees v0
//!   (KAFKA-18659).
//! * acks=0 gets no response; an error then closes the connection, as in Kafka.
//! * acks=1 and acks=-1 are the same on a single node, except with `durability = "fsync"`: acks=-1
//!   is then answered once the batch is durable.
//!
//! v8 record errors · v9 flexible · v13 topic ids

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::config::choices::Durability;
use crate::config::resolve::TopicConfig;
use crate::handlers::api::{Api, ResponseFuture, WaitsFor, decode};
use crate::handlers::context::Context;
use crate::handlers::duplicates::by_partition;
use crate::handlers::errors::{produce_error_code, unavailable_code};
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::respond;
use crate::handlers::transactions::verification::{Refusal, TransactionalBatch, TxnFlow, verify};
use crate::log::admit::{AdmitError, only_batch};
use crate::log::recompress::target_codec;
use crate::log::verification::TxnCheck;
use crate::log::{AppendError, AppendInfo};
use crate::protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::storage::batch::{BatchView, Header};
use crate::topics::error::ProduceError;
use crate::topics::names;
use crate::topics::partition::Partition;
use crate::topics::recovery::{RECOVERY_WAIT, recovered_all};
use crate::topics::registry::LiveTopic;
use crate::types::{Offset, TopicId};
use crate::wire::produce::{self as wire, PlainProduce};
use crate::wire::response::{CloseReason, Response};

/// The row of the table.
pub const API: Api = Api {
    advertised_from: 0,
    quota: QuotaClass::Produce,
    waits_for: WaitsFor::Disk,
    ..Api::new::<ProduceRequest>(run)
};

/// The client id of Kafka's own tools, which may write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";

/// How long a request with acks=0 waits for a log to be recovered.
const RECOVERY_WAIT_WITHOUT_RESPONSE: Duration = Duration::from_secs(30);

/// From here on `flush.messages` means never: its default is the largest number.
pub(super) const FLUSH_NEVER: i64 = 1 << 40;

fn run<'a>(cx: &'a Context<'a>, body: Bytes) -> ResponseFuture<'a> {
    Box::pin(async move {
        let mut request: ProduceRequest = decode(cx, body).await?;
        let acks = request.acks;
        let mut appended = Vec::new();
        let mut wanted = what_to_append(cx.version, &mut request);
        let is_transactional = is_transactional(&wanted);
        if cx.broker.topics.recovery().left() > 0 {
            await_recovery(cx, &wanted, acks, request.timeout_ms).await;
        }
        let mut response = match &request.transactional_id {
            None if is_transactional => {
                refuse_all(&request, Code::TransactionalIdAuthorizationFailed)
            }
            id => {
                if let Some(id) = id.as_ref().filter(|_| is_transactional) {
                    check_transaction(cx, id, &mut wanted).await;
                }
                append_all(cx, wanted, acks, &mut appended).await
            }
        };
        await_durable(cx, acks, &appended, &mut response).await;
        if acks != 0 {
            return respond(cx, response);
        }
        let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        match partitions.map(|p| p.error_code).find(|code| *code != 0) {
            Some(code) => Err(CloseReason::Unanswerable(format!("error code {code}"))),
            None => Ok(Response::None),
        }
    })
}

/// Waits for the partitions that are being recovered, but not for long: then the client is asked to
/// try again. One that awaits no response cannot be asked, and its records would be lost.
async fn await_recovery(cx: &Context<'_>, wanted: &[TopicRecords], acks: i16, timeout_ms: i32) {
    let mut partitions = Vec::new();
    for (topic, records) in wanted {
        let Some(live) = live_topic(cx, topic) else { continue };
        partitions.extend(records.iter().filter_map(|(index, _)| live.partition(*index).cloned()));
    }
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
    let most = if acks == 0 { RECOVERY_WAIT_WITHOUT_RESPONSE } else { RECOVERY_WAIT };
    recovered_all(partitions.iter(), timeout.min(most)).await;
}

fn refuse_all(request: &ProduceRequest, code: Code) -> ProduceResponse {
    let topics = request.topic_data.iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|data| refused(data.index, code, None));
        answered((topic.name.clone(), topic.topic_id), partitions.collect())
    });
    ProduceResponse::default().with_responses(topics.collect())
}

fn answered(
    (name, id): NamedTopic,
    partitions: Vec<PartitionProduceResponse>,
) -> TopicProduceResponse {
    TopicProduceResponse::default()
        .with_name(name)
        .with_topic_id(id)
        .with_partition_responses(partitions)
}

fn refused(index: i32, code: Code, message: Option<String>) -> PartitionProduceResponse {
    PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(code.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1)
        .with_error_message(message.map(StrBytes::from_string))
}

/// A batch of the request, with its header parsed.
struct ParsedBatch {
    header: Header,
    /// The bytes of exactly this batch: a slice of the request.
    bytes: Bytes,
}

impl ParsedBatch {
    fn view(&self) -> BatchView<'_> {
        BatchView { header: self.header, bytes: &self.bytes }
    }
}

/// What a request has for one partition.
struct PartitionRecords {
    /// The records, if they are one batch.
    batch: Option<ParsedBatch>,
    /// Why the records are not one batch.
    fault: Option<AdmitError>,
    /// True if a batch for it, valid or not, is part of a transaction.
    is_transactional: bool,
    /// What is known about the batch's transaction.
    check: Result<TxnCheck, Refusal>,
}

impl PartitionRecords {
    /// Parses the one batch that a request of this version must have for a partition.
    fn parse(mut records: Bytes, version: i16) -> PartitionRecords {
        let check = Ok(TxnCheck::Unverified);
        match only_batch(&records, version) {
            Ok(BatchView { header, bytes }) => {
                let length = bytes.len();
                records.truncate(length);
                let batch = Some(ParsedBatch { header, bytes: records });
                let is_transactional = header.is_transactional();
                PartitionRecords { batch, fault: None, is_transactional, check }
            }
            Err(error) => {
                let header = Header::read(&records);
                let is_transactional = header.is_some_and(|header| header.is_transactional());
                PartitionRecords { batch: None, fault: Some(error), is_transactional, check }
            }
        }
    }

    /// Adds what the request has for the same partition again: the last batch is appended, and an
    /// error for what is not a batch is kept.
    fn again(&mut self, again: PartitionRecords) {
        self.batch = again.batch.or(self.batch.take());
        self.fault = again.fault.or(self.fault.take());
        self.is_transactional |= again.is_transactional;
    }
}

/// A topic by name, or by id from version 13 on.
type NamedTopic = (StrBytes, TopicId);

/// What a request has for the partitions of a topic.
type TopicRecords = (NamedTopic, Vec<(i32, PartitionRecords)>);

/// Takes the records out of a request. Returns its topics with their partitions, each once.
fn what_to_append(version: i16, request: &mut ProduceRequest) -> Vec<TopicRecords> {
    let named = request.topic_data.iter_mut().flat_map(|topic| {
        let named = (topic.name.clone(), topic.topic_id);
        topic.partition_data.iter_mut().map(move |data| {
            let records = data.records.take().unwrap_or_default();
            (named.clone(), data.index, PartitionRecords::parse(records, version))
        })
    });
    by_partition(named, PartitionRecords::again)
}

/// Returns true if a batch of a request is part of a transaction.
fn is_transactional(wanted: &[TopicRecords]) -> bool {
    let mut partitions = wanted.iter().flat_map(|(_, partitions)| partitions);
    partitions.any(|(_, data)| data.is_transactional)
}

/// Notes what is known about the transaction of each batch.
async fn check_transaction(cx: &Context<'_>, id: &str, wanted: &mut [TopicRecords]) {
    let (mut batches, mut checks) = (Vec::new(), Vec::new());
    for (topic, partitions) in wanted {
        let Some(live) = live_topic(cx, topic) else { continue };
        for (index, data) in partitions {
            let header = data.batch.as_ref().map(|batch| batch.header);
            let header = header.filter(Header::is_transactional);
            if let (Some(header), Some(partition)) = (header, live.partition(*index)) {
                batches.push(TransactionalBatch { partition: partition.clone(), header });
                checks.push(&mut data.check);
            }
        }
    }
    let known = verify(cx, txn_flow(cx.version), id, batches).await;
    for (check, known) in checks.into_iter().zip(known) {
        *check = known;
    }
}

/// Returns how a Produce of this version takes part in transactions.
fn txn_flow(version: i16) -> TxnFlow {
    let not_added = match version {
        ..11 => Code::InvalidTxnState,
        _ => Code::TransactionAbortable,
    };
    let code_of: fn(Code) -> Code = match version {
        ..12 => |code| match code {
            // Clients do not try again after this one, but after the other.
            Code::ConcurrentTransactions => Code::NotEnoughReplicas,
            code => unavailable_as_produced(code),
        },
        _ => unavailable_as_produced,
    };
    TxnFlow { adds: version >= 12, not_added, code_of }
}

/// Returns the code for a coordinator that is not available, after which producers try again.
fn unavailable_as_produced(code: Code) -> Code {
    match code {
        Code::CoordinatorLoadInProgress | Code::CoordinatorNotAvailable => Code::NotEnoughReplicas,
        code => code,
    }
}

fn live_topic(cx: &Context<'_>, (name, id): &NamedTopic) -> Option<Arc<LiveTopic>> {
    match cx.version >= 13 {
        true => cx.broker.topics.with_id(*id),
        false => cx.broker.topics.named(name),
    }
}

/// What has to be durable for a batch.
struct AppendedBatch {
    partition: Arc<Partition>,
    end_offset: Offset,
    /// `flush.messages` of its topic.
    flush_messages: i64,
}

/// Where in the response a batch is answered: topic and partition.
type Place = (usize, usize);

async fn append_all(
    cx: &Context<'_>,
    wanted: Vec<TopicRecords>,
    acks: i16,
    appended: &mut Vec<(Place, AppendedBatch)>,
) -> ProduceResponse {
    let mut response = ProduceResponse::default();
    for (topic, wanted) in wanted {
        let live = live_topic(cx, &topic);
        let mut partitions = Vec::with_capacity(wanted.len());
        for (index, data) in wanted {
            let place = (response.responses.len(), partitions.len());
            let (batch, answer) = append(cx, live.as_deref(), index, data, acks).await;
            appended.extend(batch.map(|batch| (place, batch)));
            partitions.push(answer);
        }
        response.responses.push(answered(topic, partitions));
    }
    response
}

/// The batch, if it was appended, and the response.
type PartitionResult = (Option<AppendedBatch>, PartitionProduceResponse);

async fn append(
    cx: &Context<'_>,
    live: Option<&LiveTopic>,
    index: i32,
    wanted: PartitionRecords,
    acks: i16,
) -> PartitionResult {
    let refuse = |code, message| (None, refused(index, code, message));
    let Some(topic) = live else {
        let code =
            if cx.version >= 13 { Code::UnknownTopicId } else { Code::UnknownTopicOrPartition };
        return refuse(code, None);
    };
    let Some(partition) = topic.partition(index) else {
        return refuse(Code::UnknownTopicOrPartition, None);
    };
    let appended = match (wanted.batch, wanted.check) {
        (Some(batch), Ok(check)) => {
            Some(append_batch(cx, topic, partition, (batch, check), acks).await)
        }
        (Some(_), Err((code, message))) => Some(refuse(code, Some(message))),
        (None, _) => None,
    };
    let Some(fault) = wanted.fault.map(ProduceError::Admit) else {
        return appended.unwrap_or_else(|| refuse(Code::InvalidRecord, None));
    };
    let answer = refused(index, produce_error_code(&fault), Some(fault.to_string()));
    (appended.and_then(|(batch, _)| batch), answer)
}

async fn append_batch(
    cx: &Context<'_>,
    topic: &LiveTopic,
    partition: &Arc<Partition>,
    batch: (ParsedBatch, TxnCheck),
    acks: i16,
) -> PartitionResult {
    let index = partition.id.partition;
    let refuse = |code, message| (None, refused(index, code, message));
    if !matches!(acks, -1..=1) {
        return refuse(Code::InvalidRequiredAcks, None);
    }
    if names::is_internal(&topic.name) && cx.client_id.as_deref() != Some(ADMIN_CLIENT) {
        let message = format!("only the broker writes to {}", topic.name);
        return refuse(Code::InvalidTopicException, Some(message));
    }
    let config = partition.config();
    let replicas_min = config.min_insync_replicas;
    if acks == -1 && replicas_min > 1 {
        let message = format!("min.insync.replicas is {replicas_min}, and there is one replica");
        let reason = refused(index, Code::NotEnoughReplicas, Some(message));
        return (None, reason.with_log_start_offset(log_start(partition)));
    }
    let flush_messages = config.flush_messages;
    match write(cx, partition, batch, config).await {
        Ok(placed) => {
            let answer = PartitionProduceResponse::default()
                .with_index(index)
                .with_base_offset(placed.base_offset)
                .with_log_append_time_ms(placed.append_time.unwrap_or(-1))
                .with_log_start_offset(placed.log_start_offset);
            let (partition, end_offset) = (partition.clone(), placed.end_offset);
            (Some(AppendedBatch { partition, end_offset, flush_messages }), answer)
        }
        Err(error) => (None, partition_refusal(partition, &error)),
    }
}

fn partition_refusal(partition: &Partition, error: &ProduceError) -> PartitionProduceResponse {
    let code = produce_error_code(error);
    let mut answer = refused(partition.id.partition, code, Some(error.to_string()));
    if tells_log_start(code) {
        answer.log_start_offset = log_start(partition);
    }
    if let ProduceError::Admit(error) = error {
        answer.record_errors = error
            .record_errors()
            .iter()
            .map(|record| {
                let message = StrBytes::from_string(record.cause.to_string());
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(record.batch_index)
                    .with_batch_index_error_message(Some(message))
            })
            .collect();
    }
    answer
}

/// Returns the response to a request for one partition that did not take its batch.
pub(super) fn refusal(
    request: &PlainProduce<'_>,
    partition: &Partition,
    error: &ProduceError,
) -> ProduceResponse {
    let named = match request.topic {
        wire::NamedTopic::Name(name) => (StrBytes::from_string(name.to_owned()), TopicId::nil()),
        wire::NamedTopic::Id(id) => (StrBytes::default(), TopicId::from_bytes(id)),
    };
    let topic = answered(named, vec![partition_refusal(partition, error)]);
    ProduceResponse::default().with_responses(vec![topic])
}

/// Returns true for the errors that are answered with the log start offset: all errors of a refused
/// batch except those that Kafka's `ReplicaManager` handles by name.
fn tells_log_start(code: Code) -> bool {
    !matches!(
        code,
        Code::UnknownTopicOrPartition
            | Code::MessageTooLarge
            | Code::RecordListTooLarge
            | Code::CorruptMessage
            | Code::KafkaStorageError
            | Code::NotLeaderOrFollower
    )
}

/// Returns the log start offset of a partition, -1 if it cannot be read.
fn log_start(partition: &Partition) -> Offset {
    partition.view().map_or(-1, |view| view.log_start_offset)
}

/// Appends inline: it is a copy into the page cache. It is left to a blocking thread only if the
/// disk has stalled before, or if the batch has to be recompressed.
async fn write(
    cx: &Context<'_>,
    partition: &Arc<Partition>,
    (batch, check): (ParsedBatch, TxnCheck),
    config: Arc<TopicConfig>,
) -> Result<AppendInfo, ProduceError> {
    let now = cx.broker.clock.now();
    let packs_anew = target_codec(&batch.header, &config).is_some();
    if !partition.is_cautious() && !packs_anew {
        return partition.append(now, batch.view(), &config, check);
    }
    let _turn = match packs_anew {
        true => cx.broker.resources.computation_turn().await,
        false => None,
    };
    let partition = partition.clone();
    let appending = move || partition.append(now, batch.view(), &config, check);
    let written = tokio::task::spawn_blocking(appending);
    written.await.unwrap_or_else(|broken| {
        Err(ProduceError::Append(AppendError::Offline(broken.to_string())))
    })
}

/// Delays the response until the batches are durable, if the durability or the topic requires it.
async fn await_durable(
    cx: &Context<'_>,
    acks: i16,
    appended: &[(Place, AppendedBatch)],
    response: &mut ProduceResponse,
) {
    let each = acks == -1 && cx.broker.config.durability == Durability::Fsync;
    for (place, AppendedBatch { partition, end_offset, flush_messages }) in appended {
        let flushes = *flush_messages < FLUSH_NEVER && partition.unflushed() >= *flush_messages;
        if !each && !flushes {
            continue;
        }
        let Err(error) = partition.durable(*end_offset).await else { continue };
        let topic = response.responses.get_mut(place.0);
        if let Some(answer) = topic.and_then(|t| t.partition_responses.get_mut(place.1)) {
            *answer = refused(answer.index, unavailable_code(&error), Some(error.to_string()));
        }
    }
}
