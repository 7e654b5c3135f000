//! DescribeConfigs (32): every option with its value, and where that comes from.
//!
//! * A broker is named by its id, or by nothing for what clients have set on all; there is one.
//! * A group or a client metrics subscription need not exist to have its defaults.
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
use crate::config::layers::Source;
use crate::config::resources::Owner;
use crate::handlers::api::Handler;
use crate::handlers::configs::{
    BROKER, BROKER_LOGGER, CLIENT_METRICS, Fault, GROUP, TOPIC, invalid_request,
};
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
            let described = match resource.resource_type {
                BROKER_LOGGER => loggers(cx, &resource),
                _ => described(cx, &resource)
                    .map(|all| all.into_iter().map(|config| shape.of(config)).collect()),
            };
            match described {
                Ok(mut all) => {
                    all.retain(|config| is_wanted(&resource, &config.name));
                    result.with_configs(all)
                }
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
    let (image, settings) = (cx.broker.image(), cx.broker.settings.now());
    match resource.resource_type {
        TOPIC => {
            if let Some(fault) = names::fault(name) {
                return refuse(Code::InvalidTopicException, fault);
            }
            match image.topics.get(name) {
                Some(topic) => Ok(settings.describe_topic(&topic.configs)),
                None => refuse(Code::UnknownTopicOrPartition, String::new()),
            }
        }
        BROKER if name.is_empty() => Ok(settings.describe_broker_defaults()),
        BROKER if broker_id(name)? != cx.node_id() => Err(invalid_request(format!(
            "Unexpected broker id, expected {} or empty string, but received {name}",
            cx.node_id()
        ))),
        BROKER => Ok(settings.describe_broker()),
        CLIENT_METRICS if name.is_empty() => {
            Err(invalid_request("Client metrics subscription name must not be empty"))
        }
        CLIENT_METRICS => {
            let configs = image.configs_of(CLIENT_METRICS, name);
            Ok(settings.describe_resource(Owner::ClientMetrics, &configs))
        }
        GROUP if name.is_empty() => Err(invalid_request("Group name must not be empty")),
        GROUP => Ok(settings.describe_resource(Owner::Group, &image.configs_of(GROUP, name))),
        other => Err(invalid_request(format!("Unsupported resource type: {other}"))),
    }
}

fn broker_id(name: &str) -> Result<i32, Fault> {
    let message = || format!("Broker id must be an integer, but it is: {name}");
    name.parse().map_err(|_| invalid_request(message()))
}

/// The loggers of a broker. A level has no type, no meaning and no other place to come from.
fn loggers(
    cx: &Context,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Fault> {
    let name = &*resource.resource_name;
    if name.is_empty() {
        return Err(invalid_request("Broker id must not be empty"));
    }
    if broker_id(name)? != cx.node_id() {
        return Err(invalid_request(format!(
            "Unexpected broker id, expected {} but received {name}",
            cx.node_id()
        )));
    }
    let described = |(name, level)| {
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(Some(StrBytes::from_static_str(level)))
            .with_config_source(Source::Logger.code())
            .with_documentation(None)
    };
    Ok(cx.broker.loggers.levels().into_iter().map(described).collect())
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
