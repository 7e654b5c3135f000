//! DeleteTopics (20): the name is free when the answer leaves.
//!
//! v0 `wire/legacy.rs` · v5 error message, THROTTLING_QUOTA_EXCEEDED · v6 by topic id

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::{Answering, Api, decode};
use crate::handlers::charge::{QUOTA_EXCEEDED, may_mutate};
use crate::handlers::context::Context;
use crate::handlers::errors::of_append;
use crate::handlers::topics::names;
use crate::wire::legacy;
use crate::wire::reply::{Chunk, Refusal, Reply, begin, encode, finish};

const KEY: i16 = 20;
/// From this version on clients know THROTTLING_QUOTA_EXCEEDED (KIP-599).
const STRICT_SINCE: i16 = 5;

/// The row of the table.
pub const API: Api =
    Api { key: KEY, name: "DeleteTopics", versions: 0..=6, advertised_from: 0, run };

fn run(cx: &Context, body: bytes::Bytes) -> Answering<'_> {
    Box::pin(async move {
        if cx.version >= 1 {
            let response = delete_all(cx, decode(cx.version, body)?).await;
            return encode(KEY, cx.version, cx.correlation_id, &response);
        }
        let request = legacy::delete_topics_request(&body)
            .map_err(|error| Refusal::Malformed(error.to_string()))?;
        let response = delete_all(cx, request).await;
        let mut out = begin(KEY, cx.version, cx.correlation_id);
        out.extend_from_slice(&legacy::delete_topics_response(&response));
        Ok(Reply::Chunks(vec![Chunk::Bytes(finish(out, 0)?)]))
    })
}

async fn delete_all(cx: &Context, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name = request
        .topic_names
        .into_iter()
        .map(|name| DeleteTopicState::default().with_name(Some(name)));
    let wanted: Vec<_> = by_name.chain(request.topics).collect();
    let responses: Vec<_> = wanted.into_iter().map(|topic| delete(cx, topic)).collect();
    let gone = responses.iter().filter(|response| response.error_code == 0);
    for topic in gone.filter_map(|response| response.name.as_ref()) {
        // Without a coordinator now, the next one finds out when it starts.
        let _ = cx.broker.coordinator.forget_topic(topic).await;
    }
    DeleteTopicsResponse::default().with_responses(responses)
}

fn delete(cx: &Context, wanted: DeleteTopicState) -> DeletableTopicResult {
    let result = DeletableTopicResult::default().with_topic_id(wanted.topic_id);
    let found = match &wanted.name {
        Some(name) => cx.broker.registry.named(name).ok_or(Code::UnknownTopicOrPartition),
        None => cx.broker.registry.with_id(wanted.topic_id).ok_or(Code::UnknownTopicId),
    };
    let failed = |name: Option<TopicName>, code: Code, why: String| {
        let message = Some(StrBytes::from_string(why));
        result.clone().with_name(name).with_error_code(code.code()).with_error_message(message)
    };
    let topic = match found {
        Ok(topic) => topic,
        Err(code) => return failed(wanted.name, code, "there is no such topic".to_owned()),
    };
    let name = Some(TopicName(StrBytes::from_string(topic.name.clone())));
    if names::is_internal(&topic.name) {
        let why = format!("{} is the broker's own: groups live in it", topic.name);
        return failed(name, Code::InvalidRequest, why);
    }
    if !cx.broker.config.delete_topic_enable {
        let why = "topic deletion is disabled (delete.topic.enable=false)".to_owned();
        // Version 3 and later know the code of its own.
        let code = if cx.version < 3 { Code::InvalidRequest } else { Code::TopicDeletionDisabled };
        return failed(name, code, why);
    }
    if !may_mutate(cx, topic.partitions.len(), STRICT_SINCE) {
        return failed(name, Code::ThrottlingQuotaExceeded, QUOTA_EXCEEDED.to_owned());
    }
    match cx.broker.delete_topic(&topic.name) {
        Ok(true) => result.with_name(name).with_topic_id(topic.id),
        Ok(false) => {
            failed(name, Code::UnknownTopicOrPartition, "there is no such topic".to_owned())
        }
        Err(error) => failed(name, of_append(&error), error.to_string()),
    }
}
