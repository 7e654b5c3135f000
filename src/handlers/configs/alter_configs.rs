//! AlterConfigs (33): sets all configs of a resource at once; those that are not named revert to
//! their defaults.

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::configs::change;
use crate::handlers::context::Context;
use crate::protocol::messages::alter_configs_request::AlterConfigsResource;
use crate::protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

/// The handler.
pub struct AlterConfigs;

impl Handler for AlterConfigs {
    type Request = AlterConfigsRequest;

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
