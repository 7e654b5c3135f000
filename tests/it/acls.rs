//! ACLs, where nobody has asked for an authorizer.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};

use crate::harness::Ottla;

/// As Apache Kafka 4.1 says it, so that a client can tell this from an old broker.
#[tokio::test]
async fn whoever_asks_for_acls_is_told_that_there_is_no_authorizer() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let disabled = (Code::SecurityDisabled.code(), Some("No Authorizer is configured."));
    for version in 1..=3 {
        let answer = client.call(version, &DescribeAclsRequest::default()).await;
        assert_eq!((answer.error_code, answer.error_message.as_deref()), disabled);
        assert!(answer.resources.is_empty());
        let creations = vec![AclCreation::default().with_resource_pattern_type(3); 2];
        let creation = CreateAclsRequest::default().with_creations(creations);
        let results = client.call(version, &creation).await.results;
        let refused: Vec<_> =
            results.iter().map(|r| (r.error_code, r.error_message.as_deref())).collect();
        assert_eq!(refused, [disabled; 2]);
        let filters = vec![DeleteAclsFilter::default(); 2];
        let deletion = DeleteAclsRequest::default().with_filters(filters);
        let results = client.call(version, &deletion).await.filter_results;
        let refused: Vec<_> =
            results.iter().map(|r| (r.error_code, r.error_message.as_deref())).collect();
        assert_eq!(refused, [disabled; 2]);
    }
}
