//! DescribeAcls (29): answers with Kafka's error code for a missing authorizer.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::security::check_known;
use crate::protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};
use crate::wire::response::CloseReason;

/// The handler.
pub struct DescribeAcls;

impl Handler for DescribeAcls {
    type Request = DescribeAclsRequest;

    fn check(filter: &DescribeAclsRequest) -> Result<(), CloseReason> {
        check_known([
            filter.resource_type_filter,
            filter.pattern_type_filter,
            filter.operation,
            filter.permission_type,
        ])
    }

    async fn handle(_: &Context<'_>, _: DescribeAclsRequest) -> DescribeAclsResponse {
        DescribeAclsResponse::default()
            .with_error_code(Code::SecurityDisabled.code())
            .with_error_message(Some(StrBytes::from_static_str(
                "No Authorizer is configured on the broker",
            )))
    }
}
