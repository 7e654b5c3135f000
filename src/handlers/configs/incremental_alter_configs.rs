//! IncrementalAlterConfigs (44): some options are set, others fall back to their default
//! (KIP-339).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::config::table;
use crate::config::value::Kind;
use crate::handlers::api::Handler;
use crate::handlers::configs::{Fault, alter_configs};
use crate::handlers::context::Context;

/// The handler.
pub struct IncrementalAlterConfigs;

impl Handler for IncrementalAlterConfigs {
    const KEY: i16 = 44;
    const NAME: &'static str = "IncrementalAlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    type Request = IncrementalAlterConfigsRequest;
    type Response = IncrementalAlterConfigsResponse;

    async fn handle(
        cx: &Context,
        request: IncrementalAlterConfigsRequest,
    ) -> IncrementalAlterConfigsResponse {
        let responses = request.resources.into_iter().map(|resource| {
            let response = AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone());
            match alter(cx, &resource, request.validate_only) {
                Ok(()) => response,
                Err(fault) => response
                    .with_error_code(fault.code.code())
                    .with_error_message(Some(StrBytes::from_string(fault.message))),
            }
        });
        IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
    }
}

fn alter(cx: &Context, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = resource.configs.iter().find(|config| !seen.insert(&*config.name)) {
        let message = format!("Error due to duplicate config keys: {}", &*twice.name);
        return Err(Fault { code: Code::InvalidRequest, message });
    }
    let name = &*resource.resource_name;
    alter_configs::alter(cx, resource.resource_type, name, validate_only, |has| {
        let mut wanted = has.clone();
        for config in &resource.configs {
            change(cx, &mut wanted, config)?;
        }
        Ok(wanted)
    })
}

fn change(
    cx: &Context,
    configs: &mut BTreeMap<String, String>,
    config: &AlterableConfig,
) -> Result<(), Fault> {
    let refuse = |code, message: String| Err(Fault { code, message });
    let name = config.name.to_string();
    let value = config.value.as_ref().map(|value| value.to_string());
    match (config.config_operation, value) {
        (0, Some(value)) => drop(configs.insert(name, value)),
        (0, None) => {
            let message = format!("Null value not supported for : {name}");
            return refuse(Code::InvalidRequest, message);
        }
        (1, _) => drop(configs.remove(&name)),
        (2 | 3, Some(value)) => {
            let row = table::topic_option(&name).filter(|row| row.kind() == Kind::List);
            let Some(_) = row else {
                let message = format!("Can't append to or subtract from {name}: it is no list.");
                return refuse(Code::InvalidConfig, message);
            };
            let now = current(cx, configs, &name);
            let mut items: Vec<&str> = now.split(',').filter(|item| !item.is_empty()).collect();
            for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                items.retain(|other| *other != item);
                if config.config_operation == 2 {
                    items.push(item);
                }
            }
            configs.insert(name, items.join(","));
        }
        (operation, _) => {
            return refuse(Code::InvalidRequest, format!("operation {operation} on {name}"));
        }
    }
    Ok(())
}

/// A list's value now, its default if nobody set it.
fn current(cx: &Context, configs: &BTreeMap<String, String>, name: &str) -> String {
    let all = cx.broker.settings.describe_topic(configs);
    let found = all.into_iter().find(|config| config.name == name);
    found.and_then(|config| config.value).unwrap_or_default()
}
