//! Produce requests in their most frequent form, answered where they were received.
//!
//! Producers mostly send one batch for one partition, and some send further requests before the
//! first is answered. Those that have been received completely and are for the same partition are
//! written together. They are answered one by one, in order, as `produce.rs` would answer them;
//! requests that wait, have an effect on quotas or transactions, or are invalid are left to it.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use crate::broker::state::Broker;
use crate::clock::Now;
use crate::config::choices::Durability;
use crate::config::resolve::TopicConfig;
use crate::handlers::data::produce::{self, FLUSH_NEVER};
use crate::log::AppendInfo;
use crate::log::admit::{AdmitRules, Admitted, admit, only_batch};
use crate::log::recompress::target_codec;
use crate::log::verification::TxnCheck;
use crate::protocol::message::Message;
use crate::protocol::messages::ProduceResponse;
use crate::topics::error::ProduceError;
use crate::topics::names;
use crate::topics::partition::Partition;
use crate::topics::registry::LiveTopic;
use crate::types::TopicId;
use crate::wire::produce::{NamedTopic, PlainProduce, put_response, read};
use crate::wire::response::{CloseReason, begin, finish};

/// How many requests are written together at most.
const REQUESTS_MAX: usize = 64;
/// How many bytes are written together at most: to write more at once saves nothing.
const BYTES_MAX: usize = 64 * 1024;

/// What requests for one partition have in common.
struct Target<'a> {
    topic: NamedTopic<'a>,
    partition: Arc<Partition>,
    config: Arc<TopicConfig>,
    rules: AdmitRules,
    /// False if acks=-1 has to wait for the disk, or there are not enough replicas for it.
    takes_all_acks: bool,
    /// `socket.request.max.bytes`; the first frame has been checked.
    frame_bytes_max: usize,
    now: Now,
}

/// A request whose batch can be appended.
struct Wanted<'a> {
    request: PlainProduce<'a>,
    admitted: Admitted<'a>,
    /// The bytes of the frame and its length.
    bytes: usize,
}

/// Answers the requests at the start of `received`, which are frames of a client that may produce.
/// Returns how many bytes they take, 0 if the first is not one that can be answered here.
///
/// # Errors
///
/// Returns an error if a response cannot be encoded: the connection must be closed after those that
/// are in `out`.
pub fn answer(broker: &Broker, received: &[u8], out: &mut BytesMut) -> Result<usize, CloseReason> {
    let Some((request, bytes)) = next(received) else { return Ok(0) };
    let Some(target) = target(broker, &request) else { return Ok(0) };
    let Some(first) = target.admit(request, bytes) else { return Ok(0) };
    let Some(second) = target.next(received, bytes, first.bytes) else {
        let check = TxnCheck::Unverified;
        let placed = target.partition.append_admitted(target.now, &first.admitted, check);
        put(out, &target, &request, placed)?;
        return Ok(bytes);
    };
    let (mut taken, mut all) = (bytes, vec![first]);
    let mut following = Some(second);
    while let Some(wanted) = following {
        taken += wanted.bytes;
        all.push(wanted);
        let is_enough = all.len() >= REQUESTS_MAX;
        following = if is_enough { None } else { target.next(received, taken, taken) };
    }
    let batches: Vec<Admitted<'_>> = all.iter().map(|wanted| wanted.admitted).collect();
    let outcomes = target.partition.append_together(target.now, &batches);
    for (wanted, placed) in all.iter().zip(outcomes) {
        put(out, &target, &wanted.request, placed)?;
    }
    Ok(taken)
}

/// Returns the request in the frame at the start of `received`, if it is complete, and its bytes.
fn next(received: &[u8]) -> Option<(PlainProduce<'_>, usize)> {
    let (len, rest) = received.split_first_chunk()?;
    let len = usize::try_from(i32::from_be_bytes(*len)).ok()?;
    let request = read(rest.get(..len)?)?;
    produce::API.versions.contains(&request.version).then_some((request, 4 + len))
}

/// Returns where the batch of a request goes, if it can be appended there at once.
fn target<'a>(broker: &Broker, request: &PlainProduce<'a>) -> Option<Target<'a>> {
    if broker.quotas.is_any() {
        return None;
    }
    let live = live_topic(broker, request.topic)?;
    let partition = live.partition(request.partition)?.clone();
    let config = partition.config();
    let may_wait = partition.is_cautious() || config.flush_messages < FLUSH_NEVER;
    if may_wait || names::is_internal(&live.name) {
        return None;
    }
    let syncs = broker.config.durability == Durability::Fsync;
    let takes_all_acks = !syncs && config.min_insync_replicas <= 1;
    let frame_bytes_max = broker.config.socket_request_max_bytes.max(0) as usize;
    let (topic, rules, now) = (request.topic, AdmitRules::of(&config), broker.clock.now());
    Some(Target { topic, partition, config, rules, takes_all_acks, frame_bytes_max, now })
}

fn live_topic(broker: &Broker, topic: NamedTopic<'_>) -> Option<Arc<LiveTopic>> {
    match topic {
        NamedTopic::Name(name) => broker.topics.named(name),
        NamedTopic::Id(id) => broker.topics.with_id(TopicId::from_bytes(id)),
    }
}

impl<'a> Target<'a> {
    /// Returns the request after the first `from` bytes, if it is complete, for the same partition,
    /// and to be written together with `before` bytes.
    fn next(&self, received: &'a [u8], from: usize, before: usize) -> Option<Wanted<'a>> {
        let (request, bytes) = next(received.get(from..)?)?;
        let is_same = request.topic == self.topic
            && request.partition == self.partition.id.partition
            && bytes <= 4 + self.frame_bytes_max
            && before + bytes <= BYTES_MAX;
        if is_same { self.admit(request, bytes) } else { None }
    }

    /// Returns a request if its batch is valid and can be appended at once.
    fn admit(&self, request: PlainProduce<'a>, bytes: usize) -> Option<Wanted<'a>> {
        let waits_for_nothing = match request.acks {
            1 => true,
            -1 => self.takes_all_acks,
            _ => false,
        };
        let batch = only_batch(request.records, request.version).ok()?;
        let is_plain =
            !batch.header.is_transactional() && target_codec(&batch.header, &self.config).is_none();
        if !waits_for_nothing || !is_plain {
            return None;
        }
        let admitted = admit(batch, &self.rules, self.now.wall_ms).ok()?;
        Some(Wanted { request, admitted, bytes })
    }
}

/// Appends the response to a request.
fn put(
    out: &mut BytesMut,
    target: &Target<'_>,
    request: &PlainProduce<'_>,
    placed: Result<AppendInfo, ProduceError>,
) -> Result<(), CloseReason> {
    match placed {
        Ok(AppendInfo { base_offset, append_time, log_start_offset, .. }) => {
            let append_time_ms = append_time.unwrap_or(-1);
            put_response(out, request, base_offset, append_time_ms, log_start_offset)?;
        }
        Err(error) => {
            let response = produce::refusal(request, &target.partition, &error);
            let mut frame = begin::<ProduceResponse>(request.version, request.correlation_id);
            response.encode_to(&mut frame, request.version)?;
            out.put_slice(&finish(frame, 0)?);
        }
    }
    Ok(())
}
