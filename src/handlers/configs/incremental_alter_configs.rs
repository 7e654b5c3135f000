//! IncrementalAlterConfigs (44): sets some configs, and reverts others to their defaults (KIP-339).

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError as Code;

use crate::config::table;
use crate::config::value::ConfigType;
use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::configs::change;
use crate::handlers::configs::{BROKER, BROKER_LOGGER, TOPIC};
use crate::handlers::context::Context;
use crate::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// The handler.
pub struct IncrementalAlterConfigs;

impl Handler for IncrementalAlterConfigs {
    type Request = IncrementalAlterConfigsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: IncrementalAlterConfigsRequest,
    ) -> IncrementalAlterConfigsResponse {
        let responses = change::each(
            request.resources,
            |resource| (resource.resource_type, resource.resource_name.clone()),
            |resource| alter(cx, resource, request.validate_only),
        );
        IncrementalAlterConfigsResponse::default().with_responses(responses.await)
    }
}

fn alter(
    cx: &Context<'_>,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    let is_null =
        |config: &AlterableConfig| config.value.is_none() && config.config_operation != DELETE;
    let names = resource.configs.iter().map(|config| (&*config.name, is_null(config)));
    change::check_names(names)?;
    let (kind, name) = (resource.resource_type, &*resource.resource_name);
    if kind == BROKER_LOGGER {
        return alter_loggers(cx, resource, validate_only);
    }
    change::alter(cx, kind, name, validate_only, |has| {
        let mut wanted = has.clone();
        for config in &resource.configs {
            change_one(cx, kind, &mut wanted, config)?;
        }
        Ok(wanted)
    })
}

fn change_one(
    cx: &Context<'_>,
    kind: i8,
    configs: &mut BTreeMap<String, String>,
    config: &AlterableConfig,
) -> Result<(), ApiError> {
    let name = config.name.to_string();
    let value = config.value.as_ref().map(|value| value.to_string()).unwrap_or_default();
    match config.config_operation {
        SET => drop(configs.insert(name, value)),
        DELETE => drop(configs.remove(&name)),
        APPEND | SUBTRACT => {
            let is_append = config.config_operation == APPEND;
            if !is_list(kind, &name) {
                let message = not_a_list(kind, &name, is_append);
                return Err(ApiError::new(Code::InvalidConfig, message));
            }
            let now = current(cx, kind, configs, &name);
            let mut items: Vec<&str> = now.split(',').filter(|item| !item.is_empty()).collect();
            for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                match items.iter().position(|other| *other == item) {
                    None if is_append => items.push(item),
                    Some(place) if !is_append => drop(items.remove(place)),
                    _ => {}
                }
            }
            configs.insert(name, items.join(","));
        }
        other => return Err(ApiError::invalid_request(format!("Unknown operations type {other}"))),
    }
    Ok(())
}

fn is_list(kind: i8, name: &str) -> bool {
    let row = match kind {
        TOPIC => table::topic_option(name),
        BROKER => table::broker_option(name).map(|(row, _)| row),
        // Group configs have no lists, and Kafka treats those of client metrics as if they had
        // none.
        _ => None,
    };
    row.is_some_and(|row| row.kind() == ConfigType::List)
}

fn not_a_list(kind: i8, name: &str, is_append: bool) -> String {
    match (kind, is_append) {
        (BROKER, true) => format!("Config value append is not allowed for config key: {name}"),
        (BROKER, false) => format!("Config value subtract is not allowed for config key: {name}"),
        (_, true) => format!("Can't APPEND to key {name} because its type is not LIST."),
        (_, false) => format!("Can't SUBTRACT to key {name} because its type is not LIST."),
    }
}

/// Returns the current value of a list config: its default if it is not set.
fn current(cx: &Context<'_>, kind: i8, configs: &BTreeMap<String, String>, name: &str) -> String {
    if let Some(own) = configs.get(name) {
        return own.clone();
    }
    let settings = cx.broker.settings.now();
    let all =
        if kind == TOPIC { settings.describe_topic(configs) } else { settings.describe_broker() };
    let found = all.into_iter().find(|config| config.name == name);
    found.and_then(|config| config.value).unwrap_or_default()
}

fn alter_loggers(
    cx: &Context<'_>,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    let id = change::node_id(&resource.resource_name)?;
    if id != cx.node_id() {
        let expected = cx.node_id();
        let message = format!("Unexpected node id. Expected {expected}, but received {id}");
        return Err(ApiError::invalid_request(message));
    }
    let mut changes = Vec::new();
    for config in &resource.configs {
        let level = config.value.as_ref().map(|value| value.to_string()).unwrap_or_default();
        let level = match config.config_operation {
            SET => Some(level),
            DELETE => None,
            other => {
                let operation = match other {
                    APPEND => "APPEND operation".to_owned(),
                    SUBTRACT => "SUBTRACT operation".to_owned(),
                    other => format!("Unknown operation type {other}"),
                };
                let message = format!("{operation} is not allowed for the BROKER_LOGGER resource");
                return Err(ApiError::invalid_request(message));
            }
        };
        changes.push((config.name.to_string(), level));
    }
    let loggers = &cx.broker.loggers;
    if validate_only {
        loggers.check(&changes)?
    } else {
        loggers.change(&changes)?
    }
    Ok(())
}
