//! CreateAcls (30): refuses each entry, as Kafka does without an authorizer.

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::security::{NO_AUTHORIZER, check_known};
use crate::protocol::messages::create_acls_response::AclCreationResult;
use crate::protocol::messages::{CreateAclsRequest, CreateAclsResponse};
use crate::wire::response::CloseReason;

/// The handler.
pub struct CreateAcls;

impl Handler for CreateAcls {
    type Request = CreateAclsRequest;

    fn check(request: &CreateAclsRequest) -> Result<(), CloseReason> {
        request.creations.iter().try_for_each(|acl| {
            check_known([
                acl.resource_type,
                acl.resource_pattern_type,
                acl.operation,
                acl.permission_type,
            ])
        })
    }

    async fn handle(_: &Context<'_>, request: CreateAclsRequest) -> CreateAclsResponse {
        let refused = AclCreationResult::default()
            .with_error_code(Code::SecurityDisabled.code())
            .with_error_message(Some(NO_AUTHORIZER));
        CreateAclsResponse::default().with_results(vec![refused; request.creations.len()])
    }
}
