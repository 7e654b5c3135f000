//! AlterConfigs (33): sets all configs of a resource at once; those that are not named revert to
//! their defaults.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::configs::change;
use crate::handlers::context::Context;
use crate::handlers::duplicates::named_twice;

/// The handler.
pub struct AlterConfigs;

impl Handler for AlterConfigs {
    const KEY: i16 = 33;
    const NAME: &'static str = "AlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = AlterConfigsRequest;
    type Response = AlterConfigsResponse;

    async fn handle(cx: &Context, request: AlterConfigsRequest) -> AlterConfigsResponse {
        let named = request.resources.iter();
        let named = named.map(|one| (one.resource_type, one.resource_name.clone()));
        let twice = named_twice(named);
        let mut responses = Vec::with_capacity(request.resources.len());
        for resource in request.resources {
            let changed =
                if twice.contains(&(resource.resource_type, resource.resource_name.clone())) {
                    Err(ApiError::invalid_request("Each resource must appear at most once."))
                } else {
                    replace(cx, &resource, request.validate_only)
                };
            let response = AlterConfigsResourceResponse::default()
                .with_error_message(None)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone());
            responses.push(match changed {
                Ok(()) => response,
                Err(fault) => response
                    .with_error_code(fault.code.code())
                    .with_error_message(Some(StrBytes::from_string(fault.message))),
            });
            // Each change may have been a sync: other tasks run in between.
            tokio::task::yield_now().await;
        }
        AlterConfigsResponse::default().with_responses(responses)
    }
}

fn replace(
    cx: &Context,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    let mut wanted = BTreeMap::new();
    for config in &resource.configs {
        let Some(value) = &config.value else {
            return Err(ApiError::invalid_request(format!(
                "Null value not supported for : {}",
                &*config.name
            )));
        };
        if wanted.insert(config.name.to_string(), value.to_string()).is_some() {
            return Err(ApiError::invalid_request("Error due to duplicate config keys"));
        }
    }
    change::alter(cx, resource.resource_type, &resource.resource_name, validate_only, |_| {
        Ok(wanted)
    })
}
