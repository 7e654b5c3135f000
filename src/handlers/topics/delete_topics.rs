//! DeleteTopics (20): the name is free by the time the response is sent.
//!
//! v5 error message, THROTTLING_QUOTA_EXCEEDED · v6 by topic id

use std::collections::HashSet;
use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::duplicates::named_twice;
use crate::handlers::errors::{UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, append_error_code};
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::{QUOTA_EXCEEDED, may_mutate};
use crate::log::AppendError;
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::delete_topics_response::DeletableTopicResult;
use crate::protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use crate::topics::names;
use crate::topics::registry::LiveTopic;
use crate::types::TopicId;

/// The handler.
pub struct DeleteTopics;

impl Handler for DeleteTopics {
    const QUOTA: QuotaClass = QuotaClass::Mutation { strict_since: 5 };
    type Request = DeleteTopicsRequest;

    async fn handle(cx: &Context<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
        let by_name = request
            .topic_names
            .into_iter()
            .map(|name| DeleteTopicState::default().with_name(Some(name)));
        let wanted: Vec<_> = by_name.chain(request.topics).collect();
        let checked: Vec<_> = checked(cx, wanted)
            .into_iter()
            .map(|(topic, fault)| match fault {
                None => check(cx, topic),
                Some(fault) => {
                    let (code, why) = (Code::InvalidRequest, fault.to_owned());
                    Err(Box::new(refused(topic.name, topic.topic_id, code, why)))
                }
            })
            .collect();
        let names: Vec<String> = checked.iter().flatten().map(|topic| topic.name.clone()).collect();
        let mut deleted = cx.broker.topics.delete_in_batches(&names).await.into_iter();
        let mut responses = Vec::with_capacity(checked.len());
        for topic in checked {
            responses.push(match topic {
                Ok(topic) => answer(&topic, deleted.next().unwrap_or(Ok(false))),
                Err(refused) => *refused,
            });
        }
        let gone = responses.iter().filter(|response| response.error_code == 0);
        for topic in gone.filter_map(|response| response.name.as_ref()) {
            // If there is no coordinator at the moment, the next one notices at its start.
            let _ = cx.broker.coordinator.forget_topic(topic).await;
        }
        DeleteTopicsResponse::default().with_responses(responses)
    }
}

/// Returns each topic of a request once, with an error if it is named incorrectly, by Kafka's rules
/// (`ControllerApis.deleteTopics`). A topic named by its name and by its id is deleted by its id.
fn checked(
    cx: &Context<'_>,
    wanted: Vec<DeleteTopicState>,
) -> Vec<(DeleteTopicState, Option<&'static str>)> {
    let key = |topic: &DeleteTopicState| (topic.name.clone(), topic.topic_id);
    let twice = named_twice(wanted.iter().map(key));
    let ids: HashSet<TopicId> =
        wanted.iter().filter(|topic| topic.name.is_none()).map(|topic| topic.topic_id).collect();
    let named_by_id =
        |name: &StrBytes| cx.broker.topics.named(name).is_some_and(|topic| ids.contains(&topic.id));
    let mut seen = HashSet::new();
    let mut checked = Vec::with_capacity(wanted.len());
    for topic in wanted {
        let is_again = !seen.insert(key(&topic));
        let fault = match (&topic.name, topic.topic_id.is_nil()) {
            (None, true) => Some("Neither topic name nor id were specified."),
            (Some(_), false) => Some("You may not specify both topic name and topic id."),
            _ if is_again => continue,
            (Some(_), true) if twice.contains(&key(&topic)) => Some("Duplicate topic name."),
            (None, false) if twice.contains(&key(&topic)) => Some("Duplicate topic id."),
            (Some(name), true) if named_by_id(name) => {
                Some("The provided topic name maps to an ID that was already supplied.")
            }
            _ => None,
        };
        checked.push((topic, fault));
    }
    checked
}

/// Returns the topic to delete, or why it is not deleted.
fn check(
    cx: &Context<'_>,
    wanted: DeleteTopicState,
) -> Result<Arc<LiveTopic>, Box<DeletableTopicResult>> {
    let found = match &wanted.name {
        Some(name) => {
            let unknown = (Code::UnknownTopicOrPartition, UNKNOWN_TOPIC_OR_PARTITION);
            cx.broker.topics.named(name).ok_or(unknown)
        }
        None => {
            let unknown = (Code::UnknownTopicId, UNKNOWN_TOPIC_ID);
            cx.broker.topics.with_id(wanted.topic_id).ok_or(unknown)
        }
    };
    let failed = |name: Option<StrBytes>, code: Code, why: String| {
        Err(Box::new(refused(name, wanted.topic_id, code, why)))
    };
    let topic = match found {
        Ok(topic) => topic,
        Err((code, why)) => return failed(wanted.name, code, why.to_owned()),
    };
    let name = Some(StrBytes::from_string(topic.name.clone()));
    if names::is_internal(&topic.name) {
        let why = format!("{} is an internal topic: it holds the consumer groups", topic.name);
        return failed(name, Code::InvalidRequest, why);
    }
    if !cx.broker.config.delete_topic_enable {
        let why = "topic deletion is disabled (delete.topic.enable=false)".to_owned();
        // A code of its own exists from version 3 on.
        let code = if cx.version < 3 { Code::InvalidRequest } else { Code::TopicDeletionDisabled };
        return failed(name, code, why);
    }
    if !may_mutate(cx, topic.partitions.len()) {
        return failed(name, Code::ThrottlingQuotaExceeded, QUOTA_EXCEEDED.to_owned());
    }
    Ok(topic)
}

fn refused(name: Option<StrBytes>, id: TopicId, code: Code, why: String) -> DeletableTopicResult {
    DeletableTopicResult::default()
        .with_name(name)
        .with_topic_id(id)
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_string(why)))
}

fn answer(topic: &LiveTopic, deleted: Result<bool, AppendError>) -> DeletableTopicResult {
    let name = Some(StrBytes::from_string(topic.name.clone()));
    match deleted {
        Ok(true) => DeletableTopicResult::default().with_name(name).with_topic_id(topic.id),
        Ok(false) => {
            let why = UNKNOWN_TOPIC_OR_PARTITION.to_owned();
            refused(name, topic.id, Code::UnknownTopicOrPartition, why)
        }
        Err(error) => refused(name, topic.id, append_error_code(&error), error.to_string()),
    }
}
