//! DescribeConfigs (32): every option with its value, and where that comes from.
//!
//! * A broker is named by its id, or by nothing for what holds for all; there is one.
//! * A broker's loggers are answered with none, groups and telemetry with what is unknown.
//!
//! v1 source and synonyms · v3 type and documentation

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::config::described::Described;
use crate::handlers::api::Handler;
use crate::handlers::configs::{BROKER, BROKER_LOGGER, Fault, TOPIC};
use crate::handlers::context::Context;
use crate::handlers::topics::names;

/// The handler.
pub struct DescribeConfigs;

impl Handler for DescribeConfigs {
    const KEY: i16 = 32;
    const NAME: &'static str = "DescribeConfigs";
    const VERSIONS: RangeInclusive<i16> = 1..=4;
    type Request = DescribeConfigsRequest;
    type Response = DescribeConfigsResponse;

    async fn handle(cx: &Context, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
        let shape = Shape {
            synonyms: request.include_synonyms,
            documentation: request.include_documentation,
            version: cx.version,
        };
        let results = request.resources.into_iter().map(|resource| {
            let result = DescribeConfigsResult::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone());
            match described(cx, &resource) {
                Ok(all) => result.with_configs(
                    all.into_iter()
                        .filter(|config| is_wanted(&resource, config.name))
                        .map(|config| shape.of(config))
                        .collect(),
                ),
                Err(fault) => result
                    .with_error_code(fault.code.code())
                    .with_error_message(Some(StrBytes::from_string(fault.message))),
            }
        });
        DescribeConfigsResponse::default().with_results(results.collect())
    }
}

fn is_wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    let keys = resource.configuration_keys.as_ref();
    keys.is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| &**key == name))
}

fn described(cx: &Context, resource: &DescribeConfigsResource) -> Result<Vec<Described>, Fault> {
    let name = &*resource.resource_name;
    let refuse = |code, message: String| Err(Fault { code, message });
    match resource.resource_type {
        TOPIC => {
            if let Some(fault) = names::fault(name) {
                return refuse(Code::InvalidTopicException, fault);
            }
            match cx.broker.image().topics.get(name) {
                Some(topic) => Ok(cx.broker.settings.describe_topic(&topic.configs)),
                None => refuse(Code::UnknownTopicOrPartition, String::new()),
            }
        }
        BROKER if name.is_empty() => Ok(Vec::new()),
        BROKER | BROKER_LOGGER if name != cx.node_id().to_string() => refuse(
            Code::InvalidRequest,
            format!("Unexpected broker id, expected {}, but received {name}", cx.node_id()),
        ),
        BROKER => Ok(cx.broker.settings.describe_broker()),
        BROKER_LOGGER => Ok(Vec::new()),
        other => refuse(Code::InvalidRequest, format!("resource type {other} has no configs here")),
    }
}

/// What the one who asks wants to see of each option.
struct Shape {
    synonyms: bool,
    documentation: bool,
    version: i16,
}

impl Shape {
    fn of(&self, config: Described) -> DescribeConfigsResourceResult {
        let synonyms = config.synonyms.into_iter().filter(|_| self.synonyms).map(|synonym| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_static_str(synonym.name))
                .with_value(synonym.value.map(StrBytes::from_string))
                .with_source(synonym.source.code())
        });
        let result = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(config.name))
            .with_value(config.value.map(StrBytes::from_string))
            .with_read_only(config.read_only)
            .with_config_source(config.source.code())
            .with_is_sensitive(config.sensitive)
            .with_synonyms(synonyms.collect());
        if self.version < 3 {
            return result;
        }
        let documentation = self.documentation.then(|| StrBytes::from_static_str(config.doc));
        result.with_config_type(config.kind.code()).with_documentation(documentation)
    }
}
