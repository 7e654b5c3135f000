//! AlterConfigs (33): sets all configs of a resource at once; those that are not named revert to
//! their defaults.

use std::ops::RangeInclusive;

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::configs::change;
use crate::handlers::context::Context;

/// The handler.
pub struct AlterConfigs;

impl Handler for AlterConfigs {
    const KEY: i16 = 33;
    const NAME: &'static str = "AlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    type Request = AlterConfigsRequest;
    type Response = AlterConfigsResponse;

    async fn handle(cx: &Context<'_>, request: AlterConfigsRequest) -> AlterConfigsResponse {
        let responses = change::each(
            request.resources,
            |resource| (resource.resource_type, resource.resource_name.clone()),
            |resource| replace(cx, resource, request.validate_only),
        );
        AlterConfigsResponse::default().with_responses(responses.await)
    }
}

fn replace(
    cx: &Context<'_>,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), ApiError> {
    let names = resource.configs.iter().map(|config| (&*config.name, config.value.is_none()));
    change::check_names(names)?;
    let wanted = resource
        .configs
        .iter()
        .filter_map(|config| Some((config.name.to_string(), config.value.as_ref()?.to_string())))
        .collect();
    change::alter(cx, resource.resource_type, &resource.resource_name, validate_only, |_| {
        Ok(wanted)
    })
}
