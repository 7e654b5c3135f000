//! Changing a resource's configs: what AlterConfigs and IncrementalAlterConfigs have in common.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api_error::ApiError;
use crate::handlers::configs::{BROKER, CLIENT_METRICS, GROUP, TOPIC};
use crate::handlers::context::Context;
use crate::topics::names;

/// Changes the configs of any resource but loggers: `wanted` receives the current ones.
pub fn alter(
    cx: &Context,
    kind: i8,
    name: &str,
    validate_only: bool,
    wanted: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError>,
) -> Result<(), ApiError> {
    match kind {
        TOPIC if name.is_empty() => {
            return Err(ApiError::invalid_request("Default topic resources are not allowed."));
        }
        TOPIC => return alter_topic(cx, name, validate_only, wanted),
        BROKER if !name.is_empty() => {
            let id = node_id(name)?;
            if id != cx.node_id() {
                let expected = cx.node_id();
                let message =
                    format!("Unexpected broker id, expected {expected}, but received {id}");
                return Err(ApiError::invalid_request(message));
            }
        }
        BROKER => {}
        CLIENT_METRICS if name.is_empty() => {
            return Err(ApiError::invalid_request("Subscription name can't be empty"));
        }
        GROUP if name.is_empty() => {
            return Err(ApiError::invalid_request("Default group resources are not allowed."));
        }
        CLIENT_METRICS | GROUP => {}
        other => return Err(ApiError::invalid_request(format!("Unknown resource type {other}"))),
    }
    cx.broker.alter_resource(kind, &resource_name(cx, kind, name), validate_only, wanted)
}

/// Returns the name under which a resource's configs are stored: Kafka accepts "01" as a broker id.
fn resource_name(cx: &Context, kind: i8, name: &str) -> String {
    if kind == BROKER && !name.is_empty() { cx.node_id().to_string() } else { name.to_owned() }
}

/// Parses the node id in a resource name.
pub fn node_id(name: &str) -> Result<i32, ApiError> {
    let message = || format!("Node id must be an integer, but it is: {name}");
    name.parse().map_err(|_| ApiError::invalid_request(message()))
}

fn alter_topic(
    cx: &Context,
    name: &str,
    validate_only: bool,
    wanted: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError>,
) -> Result<(), ApiError> {
    if let Some(message) = names::fault(name) {
        return Err(ApiError::new(Code::InvalidTopicException, message));
    }
    let checked = |has: Option<&BTreeMap<String, String>>| {
        let wanted = wanted(has.unwrap_or(&BTreeMap::new()))?;
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
    cx.broker.alter_topic(name, |topic| checked(topic.map(|topic| &topic.configs)))
}
