//! Changing a resource's configs: what AlterConfigs and IncrementalAlterConfigs have in common.

use std::collections::{BTreeMap, HashSet};

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api_error::ApiError;
use crate::handlers::configs::{BROKER, CLIENT_METRICS, GROUP, TOPIC};
use crate::handlers::context::Context;
use crate::handlers::duplicates::named_twice;
use crate::protocol::messages::{alter_configs_response, incremental_alter_configs_response};
use crate::topics::names;

/// The result for one resource of a request.
pub struct ResourceResult {
    kind: i8,
    name: StrBytes,
    outcome: Result<(), ApiError>,
}

/// Builds the response for one resource, which has the same fields in both APIs.
macro_rules! response_from_result {
    ($response:ty) => {
        impl From<ResourceResult> for $response {
            fn from(result: ResourceResult) -> Self {
                let response =
                    Self::default().with_resource_type(result.kind).with_resource_name(result.name);
                match result.outcome {
                    Ok(()) => response.with_error_message(None),
                    Err(ApiError { code, message }) => response
                        .with_error_code(code.code())
                        .with_error_message(Some(StrBytes::from_string(message))),
                }
            }
        }
    };
}

response_from_result!(alter_configs_response::AlterConfigsResourceResponse);
response_from_result!(incremental_alter_configs_response::AlterConfigsResourceResponse);

/// Changes the resources of a request in order; a resource that is named twice is refused both
/// times. `named` returns a resource's type and name. Returns the response for each.
pub async fn each<R, A: From<ResourceResult>>(
    resources: Vec<R>,
    named: impl Fn(&R) -> (i8, StrBytes),
    change: impl Fn(&R) -> Result<(), ApiError>,
) -> Vec<A> {
    let twice = named_twice(resources.iter().map(&named));
    let mut responses = Vec::with_capacity(resources.len());
    for resource in &resources {
        let (kind, name) = named(resource);
        let outcome = match twice.contains(&(kind, name.clone())) {
            true => Err(ApiError::invalid_request("Each resource must appear at most once.")),
            false => change(resource),
        };
        responses.push(A::from(ResourceResult { kind, name, outcome }));
        // Each change may have been a sync: other tasks run in between.
        tokio::task::yield_now().await;
    }
    responses
}

/// Refuses a config that is named twice, then those that require a value and have none: `configs`
/// are the names, and whether the value is missing.
pub fn check_names<'a>(
    configs: impl Iterator<Item = (&'a str, bool)> + Clone,
) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    if configs.clone().any(|(name, _)| !seen.insert(name)) {
        return Err(ApiError::invalid_request("Error due to duplicate config keys"));
    }
    let nulls: Vec<&str> = configs.filter(|(_, is_null)| *is_null).map(|(name, _)| name).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for : {}", nulls.join(", "));
        return Err(ApiError::invalid_request(message));
    }
    Ok(())
}

/// Changes the configs of any resource but loggers: `wanted` receives the current ones.
pub fn alter(
    cx: &Context<'_>,
    kind: i8,
    name: &str,
    validate_only: bool,
    wanted: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError>,
) -> Result<(), ApiError> {
    match kind {
        BROKER if !name.is_empty() => {
            let id = node_id(name)?;
            if id != cx.node_id() {
                let expected = cx.node_id();
                let message =
                    format!("Unexpected broker id, expected {expected}, but received {id}");
                return Err(ApiError::invalid_request(message));
            }
        }
        TOPIC => return alter_topic(cx, name, validate_only, wanted),
        BROKER | CLIENT_METRICS | GROUP => {}
        other => return Err(ApiError::invalid_request(format!("Unknown resource type {other}"))),
    }
    cx.broker.alter_resource(kind, &resource_name(cx, kind, name), validate_only, |has| {
        let wanted = wanted(has)?;
        check_name(kind, name)?;
        Ok(wanted)
    })
}

/// Refuses a name that no resource of its type can have. Kafka checks operations first
/// (`ControllerConfigurationValidator`).
fn check_name(kind: i8, name: &str) -> Result<(), ApiError> {
    match kind {
        TOPIC if name.is_empty() => {
            Err(ApiError::invalid_request("Default topic resources are not allowed."))
        }
        TOPIC => names::fault(name)
            .map_or(Ok(()), |message| Err(ApiError::new(Code::InvalidTopicException, message))),
        CLIENT_METRICS if name.is_empty() => {
            Err(ApiError::invalid_request("Subscription name can't be empty"))
        }
        GROUP if name.is_empty() => {
            Err(ApiError::invalid_request("Default group resources are not allowed."))
        }
        _ => Ok(()),
    }
}

/// Returns the name under which a resource's configs are stored: Kafka accepts "01" as a broker id.
fn resource_name(cx: &Context<'_>, kind: i8, name: &str) -> String {
    if kind == BROKER && !name.is_empty() { cx.node_id().to_string() } else { name.to_owned() }
}

/// Parses the node id in a resource name.
pub fn node_id(name: &str) -> Result<i32, ApiError> {
    let message = || format!("Node id must be an integer, but it is: {name}");
    name.parse().map_err(|_| ApiError::invalid_request(message()))
}

fn alter_topic(
    cx: &Context<'_>,
    name: &str,
    validate_only: bool,
    wanted: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError>,
) -> Result<(), ApiError> {
    let checked = |has: Option<&BTreeMap<String, String>>| {
        let wanted = wanted(has.unwrap_or(&BTreeMap::new()))?;
        check_name(TOPIC, name)?;
        cx.broker.settings.now().check_overrides(&wanted)?;
        // Kafka checks the values before it looks for the topic.
        if has.is_none() {
            let message = format!("The topic '{name}' does not exist.");
            return Err(ApiError::new(Code::UnknownTopicOrPartition, message));
        }
        Ok(wanted)
    };
    if validate_only {
        let image = cx.broker.image();
        return checked(image.topics.get(name).map(|topic| &topic.configs)).map(drop);
    }
    cx.broker.topics.alter(name, |topic| checked(topic.map(|topic| &topic.configs)))
}
