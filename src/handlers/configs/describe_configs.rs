//! DescribeConfigs (32): every config with its value and source.
//!
//! * A broker is named by its id, or by the empty name for the cluster-wide defaults; there is one.
//! * A group or a client metrics subscription need not exist to have its defaults.
//!
//! * A resource that is named more than once is described as often, as in Apache Kafka. The
//!   response may be many times as large as the request, so it is encoded as the client reads it,
//!   from the settings at the time of the request.
//!
//! v1 source and synonyms · v3 type and documentation

use std::collections::HashSet;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::config::describe::ConfigDescription;
use crate::config::layers::ConfigSource;
use crate::config::resources::ResourceType;
use crate::config::settings::Settings;
use crate::handlers::api::ListHandler;
use crate::handlers::api_error::ApiError;
use crate::handlers::configs::{
    BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, RESOURCE_TYPES, TOPIC,
};
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::metadata::image::Image;
use crate::protocol::message::Message;
use crate::protocol::messages::describe_configs_request::DescribeConfigsResource;
use crate::protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use crate::topics::names;
use crate::wire::deferred::{DeferredItems, ItemSource as Pieces};
use crate::wire::list::{PIECE_BYTES, encode_into};
use crate::wire::response::{CloseReason, Response, check_frame};

/// Maximum memory of a piece of the response beside its results, and of what it is built from.
const PIECE_OVERHEAD_BYTES: usize = 128 * 1024;

/// The handler.
pub struct DescribeConfigs;

impl ListHandler for DescribeConfigs {
    type Request = DescribeConfigsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeConfigsRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        let mut results = ResultSource::new(cx, request);
        let count = results.resources.len();
        let first = results.piece()?;
        if results.next == count {
            list.put_encoded(count, vec![first], 0).await?;
        } else {
            let mut bytes = first.len();
            while results.next < count {
                tokio::task::yield_now().await;
                bytes += results.piece()?.len();
                check_frame(bytes)?;
            }
            results.next = 0;
            let held = PIECE_BYTES + PIECE_OVERHEAD_BYTES + cx.memory.request_bytes();
            let later = DeferredItems::new(bytes, Box::new(results));
            list.put_later(count, later, held).await?;
        }
        let tail = usize::from(cx.version >= 4);
        list.into_response(DescribeConfigsResponse::default(), tail).await
    }
}

/// The results, encoded piece by piece as often as needed from a snapshot taken when the request
/// arrived.
#[derive(Debug)]
struct ResultSource {
    known: ConfigSnapshot,
    shape: Options,
    resources: Vec<DescribeConfigsResource>,
    /// Index of the next resource.
    next: usize,
    /// The last result, in case the next resource is the same.
    last: Option<(DescribeConfigsResource, Bytes)>,
}

impl ResultSource {
    fn new(cx: &Context<'_>, request: DescribeConfigsRequest) -> ResultSource {
        let shape = Options {
            synonyms: request.include_synonyms,
            documentation: request.include_documentation,
            version: cx.version,
        };
        let known = ConfigSnapshot {
            image: cx.broker.image(),
            settings: cx.broker.settings.now(),
            levels: cx.broker.loggers.levels(),
            node_id: cx.node_id(),
            knows_types: request
                .resources
                .iter()
                .all(|r| RESOURCE_TYPES.contains(&r.resource_type)),
        };
        ResultSource { known, shape, resources: request.resources, next: 0, last: None }
    }

    /// Returns the results of the next resources, up to the size of a piece; empty at the end.
    fn piece(&mut self) -> Result<Bytes, CloseReason> {
        let mut out = BytesMut::new();
        while let Some(resource) = self.resources.get(self.next)
            && out.len() < PIECE_BYTES
        {
            self.next += 1;
            match &self.last {
                Some((last, result)) if last == resource => out.extend_from_slice(result),
                _ => {
                    let from = out.len();
                    let result = self.known.result(&self.shape, resource);
                    let version = self.shape.version;
                    let is_flexible = DescribeConfigsResponse::is_flexible(version);
                    encode_into(&mut out, &result, version, is_flexible)?;
                    let encoded = Bytes::copy_from_slice(out.get(from..).unwrap_or_default());
                    self.last = Some((resource.clone(), encoded));
                }
            }
        }
        Ok(out.freeze())
    }
}

impl Pieces for ResultSource {
    fn next(&mut self) -> Option<Bytes> {
        self.piece().ok()
    }
}

/// The configs at one moment.
#[derive(Debug)]
struct ConfigSnapshot {
    image: Arc<Image>,
    settings: Arc<Settings>,
    levels: Vec<(&'static str, &'static str)>,
    node_id: i32,
    /// False if the type of any resource is unknown: then none is described.
    knows_types: bool,
}

/// Kafka's default message for INVALID_REQUEST.
const MALFORMED: &str = "This most likely occurs because of a request being malformed by the \
                         client library or the message was sent to an incompatible broker. See \
                         the broker logs for more details.";

impl ConfigSnapshot {
    fn result(&self, shape: &Options, resource: &DescribeConfigsResource) -> DescribeConfigsResult {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let described = match resource.resource_type {
            _ if !self.knows_types => Err(ApiError::invalid_request(MALFORMED)),
            BROKER_LOGGER => self.loggers(&resource.resource_name),
            _ => self
                .described(resource)
                .map(|all| all.into_iter().map(|config| shape.of(config)).collect()),
        };
        match described {
            Ok(mut all) => {
                let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
                if let Some(keys) = keys {
                    let keys: HashSet<&str> = keys.iter().map(|key| &**key).collect();
                    all.retain(|config| keys.contains(&*config.name));
                }
                result.with_configs(all)
            }
            Err(fault) => result
                .with_error_code(fault.code.code())
                .with_error_message(Some(StrBytes::from_string(fault.message))),
        }
    }

    fn described(
        &self,
        resource: &DescribeConfigsResource,
    ) -> Result<Vec<ConfigDescription>, ApiError> {
        let name = &*resource.resource_name;
        let refuse = |code, message: String| Err(ApiError { code, message });
        let (image, settings) = (&self.image, &self.settings);
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
            BROKER if broker_id(name)? != self.node_id => Err(ApiError::invalid_request(format!(
                "Unexpected broker id, expected {} or empty string, but received {name}",
                self.node_id
            ))),
            BROKER => Ok(settings.describe_broker()),
            CLIENT_METRICS if name.is_empty() => {
                Err(ApiError::invalid_request("Client metrics subscription name must not be empty"))
            }
            CLIENT_METRICS => {
                let configs = image.configs_of(CLIENT_METRICS, name);
                Ok(settings.describe_resource(ResourceType::ClientMetrics, &configs))
            }
            GROUP if name.is_empty() => {
                Err(ApiError::invalid_request("Group name must not be empty"))
            }
            GROUP => {
                Ok(settings.describe_resource(ResourceType::Group, &image.configs_of(GROUP, name)))
            }
            _ => Err(ApiError::invalid_request(MALFORMED)),
        }
    }

    /// Describes the loggers of a broker. A level has no type, documentation or synonyms.
    fn loggers(&self, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
        if name.is_empty() {
            return Err(ApiError::invalid_request("Broker id must not be empty"));
        }
        if broker_id(name)? != self.node_id {
            return Err(ApiError::invalid_request(format!(
                "Unexpected broker id, expected {} but received {name}",
                self.node_id
            )));
        }
        let described = |(name, level): &(&'static str, &'static str)| {
            DescribeConfigsResourceResult::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_static_str(level)))
                .with_config_source(ConfigSource::Logger.code())
                .with_documentation(None)
        };
        Ok(self.levels.iter().map(described).collect())
    }
}

fn broker_id(name: &str) -> Result<i32, ApiError> {
    let message = || format!("Broker id must be an integer, but it is: {name}");
    name.parse().map_err(|_| ApiError::invalid_request(message()))
}

/// Which details of each config the client requested.
#[derive(Debug)]
struct Options {
    synonyms: bool,
    documentation: bool,
    version: i16,
}

impl Options {
    fn of(&self, config: ConfigDescription) -> DescribeConfigsResourceResult {
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
