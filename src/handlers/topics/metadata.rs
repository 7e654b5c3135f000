//! Metadata (3): the broker, and the requested topics or all of them.
//!
//! * v0: an empty list means all; from v1 on null means all and empty means none.
//! * A topic that is requested by name is created if both client and broker allow it, and the
//!   response that creates it has its leader already.
//!
//! v4 allow_auto_topic_creation · v10 topic ids in the response · v12 topics by id · v13 top-level
//! error

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::{NONE, create_error_code};
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::response_list::ResponseList;
use crate::handlers::security::operations;
use crate::handlers::throttle::may_mutate;
use crate::metadata::store;
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::{MetadataRequest, MetadataResponse};
use crate::topics::change_error::CreateError;
use crate::topics::changes::NewTopic;
use crate::topics::names;
use crate::topics::registry::LiveTopic;
use crate::types::TopicId;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct Metadata;

impl ListHandler for Metadata {
    const QUOTA: QuotaClass = QuotaClass::Mutation { strict_since: 0 };
    type Request = MetadataRequest;

    async fn handle(cx: &Context<'_>, request: MetadataRequest) -> Result<Response, CloseReason> {
        let may_create = (cx.version < 4 || request.allow_auto_topic_creation)
            && cx.broker.config.auto_create_topics_enable;
        let wanted = request.topics.filter(|topics| cx.version >= 1 || !topics.is_empty());
        let tells_operations = request.include_topic_authorized_operations;
        if let Some(code) = fault(cx.version, wanted.as_deref()) {
            return refused(cx, wanted.unwrap_or_default(), code).await;
        }
        let finished = |mut topic: MetadataResponseTopic| {
            // Kafka does not look up the operations of an id without a name.
            if tells_operations && topic.error_code != Code::UnknownTopicId.code() {
                topic.topic_authorized_operations = operations::WITH_TOPIC;
            }
            topic
        };
        let mut list = ResponseList::new::<Self::Request>(cx);
        match wanted {
            None => {
                for topic in cx.broker.topics.all() {
                    list.put(&finished(described(cx, &topic))).await?;
                }
            }
            Some(topics) => {
                let asked = topic_queries(cx, topics);
                let uncreated = match may_create {
                    true => create_missing(cx, &asked).await,
                    false => HashMap::new(),
                };
                for topic in asked {
                    let topic = match topic {
                        TopicQuery::Name(name) => by_name(cx, name, &uncreated),
                        TopicQuery::Id(id) => by_id(cx, id),
                    };
                    list.put(&finished(topic)).await?;
                }
            }
        }
        let response = whole(cx, request.include_cluster_authorized_operations);
        list.into_response(response, tail(cx.version)).await
    }
}

/// Returns the error for a whole request: ids and null names exist from version 12 on, and if no
/// topic has an id, Kafka fails on a null name.
fn fault(version: i16, topics: Option<&[MetadataRequestTopic]>) -> Option<Code> {
    let topics = topics.unwrap_or_default();
    let is_nameless = topics.iter().any(|topic| topic.name.is_none());
    let are_ids = topics.iter().any(|topic| !topic.topic_id.is_nil());
    match version {
        ..12 => (is_nameless || are_ids).then_some(Code::InvalidRequest),
        12.. => (is_nameless && !are_ids).then_some(Code::UnknownServerError),
    }
}

/// Refuses every topic of a request; like Kafka, the response then lists no brokers.
async fn refused(
    cx: &Context<'_>,
    topics: Vec<MetadataRequestTopic>,
    code: Code,
) -> Result<Response, CloseReason> {
    let mut list = ResponseList::new::<MetadataRequest>(cx);
    for topic in topics {
        list.put(&failed(Some(topic.name.unwrap_or_default()), topic.topic_id, code)).await?;
    }
    let error_code = if cx.version >= 13 { code.code() } else { NONE };
    let response = MetadataResponse::default().with_controller_id(-1).with_error_code(error_code);
    list.into_response(response, tail(cx.version)).await
}

/// Returns the size of what follows the topics in the response, in bytes: cluster operations in
/// versions 8 to 10, an error code from 13 on, tagged fields from 9 on.
fn tail(version: i16) -> usize {
    match version {
        ..8 => 0,
        8 => 4,
        9..=10 => 5,
        11..=12 => 1,
        13.. => 3,
    }
}

/// Returns the response without its topics.
fn whole(cx: &Context<'_>, tells_operations: bool) -> MetadataResponse {
    let (host, port) = cx.advertised();
    let node_id = cx.node_id();
    let broker =
        MetadataResponseBroker::default().with_node_id(node_id).with_host(host).with_port(port);
    let response = match tells_operations {
        true => {
            MetadataResponse::default().with_cluster_authorized_operations(operations::WITH_CLUSTER)
        }
        false => MetadataResponse::default(),
    };
    response
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_string(cx.broker.cluster_id().to_owned())))
        .with_controller_id(node_id)
}

/// How a topic is requested.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum TopicQuery {
    Name(StrBytes),
    Id(TopicId),
}

impl TopicQuery {
    fn name(&self) -> Option<&StrBytes> {
        match self {
            TopicQuery::Name(name) => Some(name),
            TopicQuery::Id(_) => None,
        }
    }
}

/// Returns the requested topics, each once, as in Apache Kafka; unknown ids come first.
fn topic_queries(cx: &Context<'_>, topics: Vec<MetadataRequestTopic>) -> Vec<TopicQuery> {
    let mut asked = each_once(topics);
    let is_known = |topic: &TopicQuery| match topic {
        TopicQuery::Name(_) => false,
        TopicQuery::Id(id) => cx.broker.topics.with_id(*id).is_some(),
    };
    asked.sort_by_cached_key(is_known);
    asked
}

/// Returns each requested topic once. If one is requested by id, all are looked up by id, as in
/// Apache Kafka, and names are ignored. The Java admin client sends an empty name with each id.
fn each_once(topics: Vec<MetadataRequestTopic>) -> Vec<TopicQuery> {
    let are_ids = topics.iter().any(|topic| !topic.topic_id.is_nil());
    let asked = topics.into_iter().map(|topic| match topic.name {
        Some(name) if !are_ids => TopicQuery::Name(name),
        _ => TopicQuery::Id(topic.topic_id),
    });
    let mut seen = HashSet::new();
    let is_meant = |topic: &TopicQuery| !are_ids || *topic != TopicQuery::Id(TopicId::nil());
    asked.filter(|topic| is_meant(topic) && seen.insert(topic.clone())).collect()
}

fn failed(name: Option<StrBytes>, id: TopicId, code: Code) -> MetadataResponseTopic {
    MetadataResponseTopic::default().with_name(name).with_topic_id(id).with_error_code(code.code())
}

fn by_id(cx: &Context<'_>, id: TopicId) -> MetadataResponseTopic {
    match cx.broker.topics.with_id(id) {
        Some(topic) => described(cx, &topic),
        None => failed(None, id, Code::UnknownTopicId),
    }
}

fn by_name(
    cx: &Context<'_>,
    name: StrBytes,
    uncreated: &HashMap<StrBytes, Code>,
) -> MetadataResponseTopic {
    if let Some(topic) = cx.broker.topics.named(&name) {
        return described(cx, &topic);
    }
    let code = match names::fault(&name) {
        Some(_) => Code::InvalidTopicException,
        // Also for one that has to wait for a later request, as Kafka answers for a topic that is
        // being created.
        None => uncreated.get(&name).copied().unwrap_or(Code::UnknownTopicOrPartition),
    };
    failed(Some(name), TopicId::nil(), code)
}

/// Creates the requested topics that do not exist, as many as may be created for one request and at
/// this time. Returns the error codes of the others, where they are not just unknown.
async fn create_missing(cx: &Context<'_>, asked: &[TopicQuery]) -> HashMap<StrBytes, Code> {
    let broker = &cx.broker;
    let mut seen = HashSet::new();
    let mut missing: Vec<&StrBytes> = Vec::new();
    for name in asked.iter().filter_map(TopicQuery::name) {
        let may_be = || names::fault(name).is_none() && !names::is_internal(name);
        if broker.topics.named(name).is_none() && may_be() && &**name != store::TOPIC {
            missing.extend(seen.insert(name).then_some(name));
        }
    }
    if missing.is_empty() {
        return HashMap::new();
    }
    let limits = broker.settings.now().live().topics;
    let (wanted, partitions) = (missing.len(), broker.config.num_partitions);
    missing.truncate(broker.topics.auto_creation().take(wanted, limits, broker.clock.now()));
    let now = missing.len();
    tracing::debug!(requested = wanted, allowed = now, "auto-creating topics");
    // As in Kafka, where the broker forwards this to its controller: refused while the client is in
    // debt, and the client retries.
    missing.retain(|_| may_mutate(cx, partitions as usize));
    let new = |name: &&StrBytes| NewTopic {
        name: name.to_string(),
        partitions,
        configs: Default::default(),
    };
    let created = broker.topics.create_in_batches(missing.iter().map(new).collect()).await;
    let mut uncreated = HashMap::new();
    for (name, outcome) in missing.into_iter().zip(created) {
        match outcome {
            Ok(_) => {}
            // Another request is creating it, or has created it; the client retries.
            Err(CreateError::Exists(_)) => {
                uncreated.insert(name.clone(), Code::LeaderNotAvailable);
            }
            Err(error) => {
                if broker.topics.auto_creation().may_warn(broker.clock.now()) {
                    tracing::warn!(topic = %**name, %error, "could not auto-create the topic");
                }
                uncreated.insert(name.clone(), create_error_code(&error));
            }
        }
    }
    uncreated
}

fn described(cx: &Context<'_>, topic: &Arc<LiveTopic>) -> MetadataResponseTopic {
    let node_id = cx.node_id();
    let partitions = topic.partitions.iter().map(|partition| {
        MetadataResponsePartition::default()
            .with_partition_index(partition.id.partition)
            .with_leader_id(node_id)
            .with_leader_epoch(partition.leader_epoch())
            .with_replica_nodes(vec![node_id])
            .with_isr_nodes(vec![node_id])
    });
    MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_string(topic.name.clone())))
        .with_topic_id(topic.id)
        .with_is_internal(names::is_internal(&topic.name))
        .with_partitions(partitions.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: Option<&'static str>, id: TopicId) -> MetadataRequestTopic {
        let name = name.map(StrBytes::from_static_str);
        MetadataRequestTopic::default().with_name(name).with_topic_id(id)
    }

    #[test]
    fn names_beside_ids_are_not_looked_at() {
        let (nil, a, b) = (TopicId::nil(), TopicId::from_u128(1), TopicId::from_u128(2));
        // As sent by the Java admin client, and by others.
        let ids = vec![topic(Some(""), a), topic(None, b), topic(Some("name"), nil)];
        assert_eq!(each_once(ids), [TopicQuery::Id(a), TopicQuery::Id(b)]);
        let name = |name| TopicQuery::Name(StrBytes::from_static_str(name));
        let names = vec![topic(Some("x"), nil), topic(Some(""), nil), topic(None, nil)];
        assert_eq!(each_once(names), [name("x"), name(""), TopicQuery::Id(nil)]);
        assert_eq!(each_once(vec![]), []);
    }

    #[test]
    fn each_topic_is_answered_once() {
        let (nil, a) = (TopicId::nil(), TopicId::from_u128(1));
        let names = vec![topic(Some("x"), nil), topic(Some("y"), nil), topic(Some("x"), nil)];
        assert_eq!(each_once(names).len(), 2);
        assert_eq!(each_once(vec![topic(None, a), topic(Some(""), a)]), [TopicQuery::Id(a)]);
    }
}
