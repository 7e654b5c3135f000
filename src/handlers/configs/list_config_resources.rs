//! ListConfigResources (74): what has configs (KIP-1142).
//!
//! v0 client metrics only · v1 by type: topics, brokers, loggers, client metrics, groups

use std::ops::RangeInclusive;

use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::configs::{BROKER, BROKER_LOGGER, TOPIC};
use crate::handlers::context::Context;

/// The handler.
pub struct ListConfigResources;

impl Handler for ListConfigResources {
    const KEY: i16 = 74;
    const NAME: &'static str = "ListConfigResources";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    type Request = ListConfigResourcesRequest;
    type Response = ListConfigResourcesResponse;

    async fn handle(
        cx: &Context,
        request: ListConfigResourcesRequest,
    ) -> ListConfigResourcesResponse {
        // Nobody has client metrics here, which is all that version 0 can ask for.
        if cx.version == 0 {
            return ListConfigResourcesResponse::default();
        }
        let wanted =
            |kind| request.resource_types.is_empty() || request.resource_types.contains(&kind);
        let resource = |kind: i8, name: String| {
            ConfigResource::default()
                .with_resource_name(StrBytes::from_string(name))
                .with_resource_type(kind)
        };
        let mut all = Vec::new();
        if wanted(TOPIC) {
            let topics = cx.broker.registry.all();
            all.extend(topics.iter().map(|topic| resource(TOPIC, topic.name.clone())));
        }
        for kind in [BROKER, BROKER_LOGGER] {
            if wanted(kind) {
                all.push(resource(kind, cx.node_id().to_string()));
            }
        }
        ListConfigResourcesResponse::default().with_config_resources(all)
    }
}
