//! AlterConfigs (33): all options of a resource at once; what is not named falls back to its
//! default.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::configs::{Fault, TOPIC};
use crate::handlers::context::Context;
use crate::handlers::topics::names;

/// The handler.
pub struct AlterConfigs;

impl Handler for AlterConfigs {
    const KEY: i16 = 33;
    const NAME: &'static str = "AlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = AlterConfigsRequest;
    type Response = AlterConfigsResponse;

    async fn handle(cx: &Context, request: AlterConfigsRequest) -> AlterConfigsResponse {
        let responses = request.resources.into_iter().map(|resource| {
            let response = AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone());
            match replace(cx, &resource, request.validate_only) {
                Ok(()) => response,
                Err(fault) => response
                    .with_error_code(fault.code.code())
                    .with_error_message(Some(StrBytes::from_string(fault.message))),
            }
        });
        AlterConfigsResponse::default().with_responses(responses.collect())
    }
}

fn replace(
    cx: &Context,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Fault> {
    alter(cx, resource.resource_type, &resource.resource_name, validate_only, |_| {
        let mut wanted = BTreeMap::new();
        for config in &resource.configs {
            let Some(value) = &config.value else {
                let message = format!("Null value not supported for : {}", &*config.name);
                return Err(Fault { code: Code::InvalidRequest, message });
            };
            wanted.insert(config.name.to_string(), value.to_string());
        }
        Ok(wanted)
    })
}

/// Change a resource's configs: `wanted` is given those that it has.
pub fn alter(
    cx: &Context,
    resource_type: i8,
    name: &str,
    validate_only: bool,
    wanted: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Fault>,
) -> Result<(), Fault> {
    let refuse = |code, message: String| Err(Fault { code, message });
    if resource_type != TOPIC {
        let message = format!(
            "only a topic's configs change while the broker runs; resource type {resource_type} \
             is set at its start"
        );
        return refuse(Code::InvalidRequest, message);
    }
    if let Some(fault) = names::fault(name) {
        return refuse(Code::InvalidTopicException, fault);
    }
    let checked = |has: Option<&BTreeMap<String, String>>| {
        let Some(has) = has else {
            let message = format!("The topic '{name}' does not exist.");
            return Err(Fault { code: Code::UnknownTopicOrPartition, message });
        };
        let wanted = wanted(has)?;
        cx.broker.settings.check_overrides(&wanted)?;
        Ok(wanted)
    };
    if validate_only {
        let image = cx.broker.image();
        return checked(image.topics.get(name).map(|topic| &topic.configs)).map(drop);
    }
    cx.broker.alter_topic(name, |topic| checked(topic.map(|topic| &topic.configs)))
}
