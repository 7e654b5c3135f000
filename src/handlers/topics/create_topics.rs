//! CreateTopics (19): each topic is writable by the time the response is sent.
//!
//! * The checks are those of Kafka's ReplicationControlManager: duplicates in the request, name,
//!   partitions, replication factor, manual assignments, configs; `validate_only` does all but
//!   create.
//!
//! v4 -1 means the broker's default · v5 configs in the response · v6
//! THROTTLING_QUOTA_EXCEEDED · v7 topic id

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::context::Context;
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::{QUOTA_EXCEEDED, may_mutate};
use crate::handlers::topics::assignments::{self, is_cordoned};
use crate::protocol::messages::create_topics_request::CreatableTopic;
use crate::protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use crate::protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use crate::quotas::limits::QuotaType;
use crate::topics::change_error::{Cordoned, CreateError};
use crate::topics::changes::NewTopic;
use crate::topics::names;
use crate::types::TopicId;

/// The handler.
pub struct CreateTopics;

impl Handler for CreateTopics {
    const QUOTA: QuotaClass = QuotaClass::Mutation { strict_since: 6 };
    type Request = CreateTopicsRequest;

    async fn handle(cx: &Context<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for topic in &request.topics {
            *times.entry(topic.name.to_string()).or_default() += 1;
        }
        let mut response = CreateTopicsResponse::default();
        // Duplicates are refused as such, and do not count here.
        let once = |topic: &&CreatableTopic| times.get(topic.name.as_str()) == Some(&1);
        if partitions_wanted(cx, request.topics.iter().filter(once)) > PARTITIONS_MAX {
            // The whole request is refused: each topic in it, as often as it is named.
            let excessive = || ApiError::new(Code::PolicyViolation, EXCESSIVE);
            response.topics =
                request.topics.iter().map(|topic| refused(topic, excessive())).collect();
            return response;
        }
        let names: Vec<&str> = request.topics.iter().map(|topic| topic.name.as_str()).collect();
        let could = names.iter().zip(cx.broker.topics.are_free(&names));
        let mut could: BTreeMap<String, _> =
            could.map(|(name, could)| ((*name).to_owned(), could)).collect();
        // The topics that may be created, and their positions in the response.
        let (mut wanted, mut places) = (Vec::new(), Vec::new());
        for topic in request.topics {
            let checked = match times.get(topic.name.as_str()).copied().unwrap_or(0) {
                0 => continue,
                1 => check(cx, &topic, could.remove(topic.name.as_str())),
                _ => Err(ApiError::new(Code::InvalidRequest, "Duplicate topic name.")),
            };
            // All occurrences of a duplicate name are refused, and answered once.
            times.insert(topic.name.to_string(), 0);
            match checked {
                Ok(new) => {
                    places.push((response.topics.len(), topic.clone()));
                    wanted.push(new);
                    response.topics.push(CreatableTopicResult::default());
                }
                Err(fault) => response.topics.push(refused(&topic, fault)),
            }
        }
        let created = create(cx, &wanted, request.validate_only).await;
        for ((place, topic), (created, wanted)) in
            places.iter().zip(created.into_iter().zip(&wanted))
        {
            response.topics[*place] = match created {
                Ok(id) => described(cx, wanted, id).with_name(topic.name.clone()),
                Err(fault) => refused(topic, fault),
            };
        }
        response
    }
}

/// Maximum number of partitions per request, as in Kafka's ReplicationControlManager.
pub const PARTITIONS_MAX: i64 = 10_000;

const EXCESSIVE: &str = "Excessively large number of partitions per request.";

fn partitions_wanted<'a>(
    cx: &Context<'_>,
    topics: impl Iterator<Item = &'a CreatableTopic>,
) -> i64 {
    let wanted = |topic: &CreatableTopic| match topic.num_partitions {
        _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
        -1 => i64::from(cx.broker.config.num_partitions),
        n => i64::from(n.max(0)),
    };
    topics.map(wanted).sum()
}

fn refused(topic: &CreatableTopic, error: ApiError) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(topic.name.clone())
        .with_error_code(error.code.code())
        .with_error_message(Some(StrBytes::from_string(error.message)))
        .with_num_partitions(-1)
        .with_replication_factor(-1)
}

/// Checks in Kafka's order: the name, existing topics, configs, then counts and replicas.
fn check(
    cx: &Context<'_>,
    topic: &CreatableTopic,
    could: Option<Result<(), CreateError>>,
) -> Result<NewTopic, ApiError> {
    if let Some(fault) = names::fault(&topic.name) {
        return Err(ApiError::new(Code::InvalidTopicException, fault));
    }
    if let Some(Err(error)) = could {
        return Err(ApiError::from(error));
    }
    let nulls = topic.configs.iter().filter(|config| config.value.is_none());
    let nulls: Vec<&str> = nulls.map(|config| &*config.name).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(ApiError::new(Code::InvalidConfig, message));
    }
    let configs: BTreeMap<String, String> = topic
        .configs
        .iter()
        .filter_map(|config| Some((config.name.to_string(), config.value.as_ref()?.to_string())))
        .collect();
    cx.broker
        .settings
        .now()
        .check_overrides(&configs)
        .map_err(|error| ApiError::new(Code::InvalidConfig, error.to_string()))?;
    let partitions = if topic.assignments.is_empty() {
        partition_count(cx, topic)?
    } else {
        assigned_partition_count(cx, topic)?
    };
    Ok(NewTopic { name: topic.name.to_string(), partitions, configs })
}

fn partition_count(cx: &Context<'_>, topic: &CreatableTopic) -> Result<i32, ApiError> {
    let factor = match topic.replication_factor {
        -1 => cx.broker.config.default_replication_factor,
        factor => i32::from(factor),
    };
    if factor < 1 {
        let message = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(ApiError::new(Code::InvalidReplicationFactor, message));
    }
    let partitions = match topic.num_partitions {
        -1 => cx.broker.config.num_partitions,
        n if n < 1 => {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(Code::InvalidPartitions, message));
        }
        n => n,
    };
    if is_cordoned(cx) {
        let message = format!("Unable to replicate the partition {factor} time(s): {Cordoned}");
        return Err(ApiError::new(Code::InvalidReplicationFactor, message));
    }
    if factor > 1 {
        let message = format!(
            "Unable to replicate the partition {factor} time(s): The target replication factor of \
             {factor} cannot be reached because only 1 broker(s) are registered or some brokers \
             have all their log directories cordoned."
        );
        return Err(ApiError::new(Code::InvalidReplicationFactor, message));
    }
    Ok(partitions)
}

fn assigned_partition_count(cx: &Context<'_>, topic: &CreatableTopic) -> Result<i32, ApiError> {
    let counts = [
        ("replication factor", i32::from(topic.replication_factor)),
        ("numPartitions", topic.num_partitions),
    ];
    if let Some((count, _)) = counts.iter().find(|(_, count)| *count != -1) {
        let message =
            format!("A manual partition assignment was specified, but {count} was not set to -1.");
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    let refuse = |message: String| Err(ApiError::new(Code::InvalidReplicaAssignment, message));
    let mut indexes = BTreeSet::new();
    for assignment in &topic.assignments {
        let index = assignment.partition_index;
        if !indexes.insert(index) {
            return refuse(format!(
                "Found multiple manual partition assignments for partition {index}"
            ));
        }
        if let Some(fault) = assignments::fault_of_new(cx, &assignment.broker_ids) {
            return refuse(fault);
        }
    }
    if !indexes.iter().copied().eq(0..indexes.len() as i32) {
        return refuse("partitions should be a consecutive 0-based integer sequence".to_owned());
    }
    Ok(indexes.len() as i32)
}

async fn create(
    cx: &Context<'_>,
    wanted: &[NewTopic],
    validate_only: bool,
) -> Vec<Result<TopicId, ApiError>> {
    let charged = cx.broker.quotas.has(QuotaType::Mutation);
    if !validate_only && !charged {
        let created = cx.broker.topics.create_in_batches(wanted.to_vec()).await;
        return created.into_iter().map(|outcome| outcome.map_err(ApiError::from)).collect();
    }
    let could = cx.broker.topics.could_create(wanted).into_iter().zip(wanted);
    let mut outcomes: Vec<Result<TopicId, ApiError>> = could
        .map(|(could, topic)| {
            could.map_err(ApiError::from)?;
            // A topic that cannot be created is not charged.
            if charged && !may_mutate(cx, topic.partitions as usize) {
                return Err(ApiError::new(Code::ThrottlingQuotaExceeded, QUOTA_EXCEEDED));
            }
            // As in Kafka, the response to a validation has an id, which no topic gets.
            Ok(TopicId::new_v4())
        })
        .collect();
    if !validate_only {
        let left = outcomes.iter().zip(wanted).filter(|(outcome, _)| outcome.is_ok());
        let left: Vec<NewTopic> = left.map(|(_, topic)| topic.clone()).collect();
        let created = cx.broker.topics.create_in_batches(left).await;
        let places = outcomes.iter_mut().filter(|outcome| outcome.is_ok());
        places.zip(created).for_each(|(place, outcome)| *place = outcome.map_err(ApiError::from));
    }
    outcomes
}

fn described(cx: &Context<'_>, topic: &NewTopic, id: TopicId) -> CreatableTopicResult {
    let configs =
        cx.broker.settings.now().describe_topic(&topic.configs).into_iter().map(|config| {
            // The topic's own values are returned as received.
            let value = topic.configs.get(config.name).cloned().or(config.value);
            CreatableTopicConfigs::default()
                .with_name(StrBytes::from_static_str(config.name))
                .with_value(value.map(StrBytes::from_string))
                .with_read_only(config.read_only)
                .with_config_source(config.source.code())
                .with_is_sensitive(config.sensitive)
        });
    CreatableTopicResult::default()
        .with_error_message(None)
        .with_topic_id(id)
        .with_num_partitions(topic.partitions)
        .with_replication_factor(1)
        .with_configs(Some(configs.collect()))
}
