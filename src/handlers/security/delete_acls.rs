//! DeleteAcls (31): refuses each filter, as Kafka does without an authorizer.

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::security::{NO_AUTHORIZER, check_known};
use crate::protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use crate::protocol::messages::{DeleteAclsRequest, DeleteAclsResponse};
use crate::wire::response::CloseReason;

/// The handler.
pub struct DeleteAcls;

impl Handler for DeleteAcls {
    type Request = DeleteAclsRequest;

    fn check(request: &DeleteAclsRequest) -> Result<(), CloseReason> {
        request.filters.iter().try_for_each(|acl| {
            check_known([
                acl.resource_type_filter,
                acl.pattern_type_filter,
                acl.operation,
                acl.permission_type,
            ])
        })
    }

    async fn handle(_: &Context<'_>, request: DeleteAclsRequest) -> DeleteAclsResponse {
        let refused = DeleteAclsFilterResult::default()
            .with_error_code(Code::SecurityDisabled.code())
            .with_error_message(Some(NO_AUTHORIZER));
        DeleteAclsResponse::default().with_filter_results(vec![refused; request.filters.len()])
    }
}
