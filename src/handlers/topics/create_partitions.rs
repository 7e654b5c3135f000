//! CreatePartitions (37): adds partitions to topics.
//!
//! v3 THROTTLING_QUOTA_EXCEEDED

use std::collections::BTreeSet;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::context::Context;
use crate::handlers::duplicates::named_twice;
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::{QUOTA_EXCEEDED, may_mutate};
use crate::handlers::topics::assignments;
use crate::handlers::topics::create_topics::PARTITIONS_MAX;
use crate::protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use crate::protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use crate::topics::change_error::GrowError;

/// The handler.
pub struct CreatePartitions;

impl Handler for CreatePartitions {
    const QUOTA: QuotaClass = QuotaClass::Mutation { strict_since: 3 };
    type Request = CreatePartitionsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: CreatePartitionsRequest,
    ) -> CreatePartitionsResponse {
        let twice = named_twice(request.topics.iter().map(|topic| &topic.name));
        // Duplicates are refused as such, and do not count here.
        let once = request.topics.iter().filter(|topic| !twice.contains(&topic.name));
        if additional(cx, once) > PARTITIONS_MAX {
            return excessive(&request);
        }
        let mut answered = BTreeSet::new();
        let mut results = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            // A name that occurs twice is answered once, and nothing is done.
            if !answered.insert(topic.name.clone()) {
                continue;
            }
            let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
            let outcome = match twice.contains(&topic.name) {
                false => grow(cx, topic, request.validate_only).await,
                true => Err(ApiError::new(Code::InvalidRequest, "Duplicate topic name.")),
            };
            results.push(match outcome {
                Ok(()) => result,
                // Kafka sends the code without a message here.
                Err(error) if error.code == Code::UnknownTopicOrPartition => {
                    result.with_error_code(error.code.code())
                }
                Err(error) => result
                    .with_error_code(error.code.code())
                    .with_error_message(Some(StrBytes::from_string(error.message))),
            });
        }
        CreatePartitionsResponse::default().with_results(results)
    }
}

/// Returns the number of partitions that would be created in total.
fn additional<'a>(
    cx: &Context<'_>,
    topics: impl Iterator<Item = &'a CreatePartitionsTopic>,
) -> i64 {
    let of = |topic: &CreatePartitionsTopic| {
        let has = cx.broker.topics.named(&topic.name)?.partitions.len() as i64;
        Some((i64::from(topic.count) - has).max(0))
    };
    topics.filter_map(of).sum()
}

/// Refuses the whole request, and everything that it names.
fn excessive(request: &CreatePartitionsRequest) -> CreatePartitionsResponse {
    const MESSAGE: &str = "Excessively large number of additional partitions per request.";
    let result = |topic: &CreatePartitionsTopic| {
        CreatePartitionsTopicResult::default()
            .with_name(topic.name.clone())
            .with_error_code(Code::PolicyViolation.code())
            .with_error_message(Some(StrBytes::from_static_str(MESSAGE)))
    };
    CreatePartitionsResponse::default().with_results(request.topics.iter().map(result).collect())
}

async fn grow(
    cx: &Context<'_>,
    wanted: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), ApiError> {
    let topic = cx.broker.topics.named(&wanted.name).ok_or(GrowError::Unknown)?;
    let has = topic.partitions.len() as i32;
    if wanted.count <= has {
        let name = wanted.name.to_string();
        return Err(GrowError::NotMore { name, has, wanted: wanted.count }.into());
    }
    if !may_mutate(cx, (wanted.count - has) as usize) {
        return Err(ApiError::new(Code::ThrottlingQuotaExceeded, QUOTA_EXCEEDED));
    }
    if let Some(assigned) = &wanted.assignments {
        check_assigned(cx, assigned, (wanted.count - has) as usize)?;
    }
    if validate_only {
        let could = cx.broker.topics.could_add_partitions(&wanted.name, wanted.count - has);
        return could.map_err(ApiError::from);
    }
    cx.broker.topics.grow(&wanted.name, wanted.count).await.map_err(ApiError::from)
}

fn check_assigned(
    cx: &Context<'_>,
    assigned: &[CreatePartitionsAssignment],
    additional: usize,
) -> Result<(), ApiError> {
    if assigned.len() != additional {
        let message = format!(
            "Attempted to add {additional} additional partition(s), but only {} assignment(s) \
             were specified.",
            assigned.len()
        );
        return Err(ApiError::new(Code::InvalidReplicaAssignment, message));
    }
    for one in assigned {
        if let Some(fault) = assignments::fault_of_new(cx, &one.broker_ids) {
            return Err(ApiError::new(Code::InvalidReplicaAssignment, fault));
        }
    }
    Ok(())
}
