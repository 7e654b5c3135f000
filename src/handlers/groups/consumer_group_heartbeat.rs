//! ConsumerGroupHeartbeat (68): a member of a consumer group joins, stays or leaves, and gets its
//! partitions (KIP-848).
//!
//! v1 regular expressions on the broker, member ids of the client

use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::broker::state::Broker;
use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::assignors::Assignor;
use crate::groups::consumer::member::LEFT_STATIC_EPOCH;
use crate::groups::consumer::questions::{ConsumerBeat, ConsumerHeartbeat, ResolvedRegexes};
use crate::groups::consumer::records::ResolvedRegex;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::group_error_code;
use crate::handlers::groups::{NOT_SERVED, no_coordinator, text};
use crate::handlers::patterns::{InvalidPattern, Pattern, compile};
use crate::protocol::messages::consumer_group_heartbeat_response::{
    Assignment as SentAssignment, TopicPartitions,
};
use crate::protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use crate::storage::checkpoint::id_text;
use crate::types::TopicId;

/// The handler.
pub struct ConsumerGroupHeartbeat;

impl Handler for ConsumerGroupHeartbeat {
    type Request = ConsumerGroupHeartbeatRequest;

    async fn handle(
        cx: &Context<'_>,
        mut request: ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        if !cx.broker.serves_consumer_groups() {
            return failed(Code::UnsupportedVersion, NOT_SERVED.to_owned());
        }
        if let Err((code, message)) = check(cx.version, &request, &cx.broker.assignors()) {
            return failed(code, message);
        }
        if request.member_id.is_empty() {
            request.member_id = text(new_member_id());
        }
        let resolved = match &request.subscribed_topic_regex {
            Some(regex) if !regex.is_empty() => match resolve(cx, regex.clone()).await {
                Ok(resolved) => Some(resolved),
                Err(InvalidPattern) => {
                    let message = format!(
                        "SubscribedTopicRegex `{regex}` is not a valid regular expression."
                    );
                    return failed(Code::InvalidRegularExpression, message);
                }
            },
            _ => None,
        };
        let beat = heartbeat(cx, request, resolved);
        let (group, timing) = (beat.group.clone(), beat.timing);
        match cx.broker.coordinator.beat(beat).await {
            Ok(Ok(mut beat)) => {
                let stale = std::mem::take(&mut beat.stale_regexes);
                if !stale.is_empty() {
                    resolve_again(cx, group, stale, timing.assignment_interval_ms).await;
                }
                answered(*beat, timing.heartbeat_interval_ms)
            }
            Ok(Err(refusal)) => failed(group_error_code(refusal.error), refusal.message),
            Err(error) => failed(no_coordinator(error), error.to_string()),
        }
    }
}

/// Returns a new member id, in the form of Kafka's `Uuid`.
fn new_member_id() -> String {
    id_text(TopicId::new_v4())
}

/// Refuses a request that Kafka refuses whatever the group is
/// (`GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid`).
fn check(
    version: i16,
    request: &ConsumerGroupHeartbeatRequest,
    assignors: &[Assignor],
) -> Result<(), (Code, String)> {
    let invalid = |message: &str| Err((Code::InvalidRequest, message.to_owned()));
    let epoch = request.member_epoch;
    let is_empty = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.is_empty());
    if request.member_id.is_empty() && (version >= 1 || epoch > 0 || epoch == -1) {
        return invalid("MemberId can't be empty.");
    }
    if request.group_id.is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if is_empty(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    }
    if is_empty(&request.rack_id) {
        return invalid("RackId can't be empty.");
    }
    if epoch == 0 {
        if request.rebalance_timeout_ms == -1 {
            return invalid("RebalanceTimeoutMs must be provided in first request.");
        }
        if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
            return invalid("TopicPartitions must be empty when (re-)joining.");
        }
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            return invalid(
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
                 (re-)joining.",
            );
        }
    }
    if epoch == LEFT_STATIC_EPOCH && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    }
    if epoch < LEFT_STATIC_EPOCH {
        return invalid("MemberEpoch is invalid.");
    }
    if let Some(wanted) = &request.server_assignor
        && !assignors.iter().any(|assignor| assignor.name() == wanted.as_str())
    {
        let names: Vec<&str> = assignors.iter().map(|assignor| assignor.name()).collect();
        let message = format!(
            "ServerAssignor {wanted} is not supported. Supported assignors: {}.",
            names.join(", ")
        );
        return Err((Code::UnsupportedAssignor, message));
    }
    Ok(())
}

fn heartbeat(
    cx: &Context<'_>,
    request: ConsumerGroupHeartbeatRequest,
    resolved: Option<ResolvedRegex>,
) -> ConsumerHeartbeat {
    let owned = |text: StrBytes| text.as_str().to_owned();
    let names = request.subscribed_topic_names.map(|names| {
        let mut names: Vec<String> = names.into_iter().map(owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    let partitions = request.topic_partitions.map(|topics| -> Assignment {
        let topics = topics.into_iter();
        topics.flat_map(|t| t.partitions.into_iter().map(move |p| (t.topic_id, p))).collect()
    });
    ConsumerHeartbeat {
        timing: cx.broker.group_timing(&request.group_id),
        group: owned(request.group_id),
        member: owned(request.member_id),
        epoch: request.member_epoch,
        instance_id: request.instance_id.map(owned),
        rack_id: request.rack_id.map(owned),
        client_id: cx.client_id.as_deref().unwrap_or_default().to_owned(),
        client_host: format!("/{}", cx.session.peer.ip().to_canonical()),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        topic_names: names,
        topic_regex: request.subscribed_topic_regex.map(owned),
        resolved,
        server_assignor: request.server_assignor.map(owned),
        owned: partitions,
    }
}

/// Returns the topics that a regular expression matches.
async fn resolve(cx: &Context<'_>, regex: StrBytes) -> Result<ResolvedRegex, InvalidPattern> {
    let pattern = compile(cx, regex).await?;
    Ok(matched(cx.broker, &pattern))
}

fn matched(broker: &Broker, pattern: &Pattern) -> ResolvedRegex {
    let version = broker.topics.version();
    let topics = broker.topics.all();
    let topics = topics.iter().filter(|topic| pattern.matches(&topic.name));
    ResolvedRegex {
        topics: topics.map(|topic| Arc::from(topic.name.as_str())).collect(),
        version,
        resolved_ms: broker.clock.now().wall_ms,
    }
}

/// Looks for the topics of regular expressions again. The coordinator asks one of its members for
/// it, so that what is costly is done by the task of a client.
async fn resolve_again(cx: &Context<'_>, group: String, stale: Vec<String>, interval_ms: i32) {
    let mut regexes = Vec::with_capacity(stale.len());
    for regex in stale {
        if let Ok(resolved) = resolve(cx, text(regex.clone())).await {
            regexes.push((regex, resolved));
        }
    }
    let resolved = ResolvedRegexes { group, regexes, assignment_interval_ms: interval_ms };
    // Without a coordinator there is nothing to tell; the next heartbeat asks again.
    let _ = cx.broker.coordinator.ask(resolved).await;
}

fn answered(beat: ConsumerBeat, heartbeat_interval_ms: i32) -> ConsumerGroupHeartbeatResponse {
    let left = beat.epoch < 0;
    let topic = |(id, partitions): (TopicId, &[i32])| {
        TopicPartitions::default().with_topic_id(id).with_partitions(partitions.to_vec())
    };
    let assignment = beat.assignment.map(|assignment| {
        let topics = assignment.by_topic().map(topic).collect();
        SentAssignment::default().with_topic_partitions(topics)
    });
    ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(text(beat.member)))
        .with_member_epoch(beat.epoch)
        .with_heartbeat_interval_ms(if left { 0 } else { heartbeat_interval_ms })
        .with_assignment(assignment)
}

fn failed(code: Code, message: String) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(code.code())
        .with_error_message(Some(text(message)))
}
