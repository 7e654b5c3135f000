//! ListConfigResources (74): the resources that have configs (KIP-1142).
//!
//! v0 client metrics only · v1 by type: topics, brokers, loggers, client metrics, groups

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::configs::{
    BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, RESOURCE_TYPES, TOPIC,
};
use crate::handlers::context::Context;
use crate::protocol::messages::list_config_resources_response::ConfigResource;
use crate::protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

/// The handler.
pub struct ListConfigResources;

impl Handler for ListConfigResources {
    type Request = ListConfigResourcesRequest;

    async fn handle(
        cx: &Context<'_>,
        request: ListConfigResourcesRequest,
    ) -> ListConfigResourcesResponse {
        let types = &request.resource_types;
        if cx.version >= 1 && types.iter().any(|kind| !RESOURCE_TYPES.contains(kind)) {
            return ListConfigResourcesResponse::default()
                .with_error_code(Code::UnsupportedVersion.code());
        }
        let wanted = |kind| match cx.version {
            0 => kind == CLIENT_METRICS,
            _ => types.is_empty() || types.contains(&kind),
        };
        let resource = |kind: i8, name: String| {
            ConfigResource::default()
                .with_resource_name(StrBytes::from_string(name))
                .with_resource_type(kind)
        };
        let mut all = Vec::new();
        if wanted(TOPIC) {
            let topics = cx.broker.topics.all();
            all.extend(topics.iter().map(|topic| resource(TOPIC, topic.name.clone())));
        }
        for kind in [BROKER, BROKER_LOGGER] {
            if wanted(kind) {
                all.push(resource(kind, cx.node_id().to_string()));
            }
        }
        for (kind, name) in cx.broker.image().configs.keys() {
            if [CLIENT_METRICS, GROUP].contains(kind) && wanted(*kind) {
                all.push(resource(*kind, name.clone()));
            }
        }
        ListConfigResourcesResponse::default().with_config_resources(all)
    }
}
