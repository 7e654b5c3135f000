//! DescribeCluster (60): the cluster and its one broker (KIP-700).

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::security::operations;
use crate::protocol::messages::describe_cluster_response::DescribeClusterBroker;
use crate::protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

/// Endpoint type of brokers; 2 is that of controllers (KIP-919).
const BROKERS: i8 = 1;

/// The handler.
pub struct DescribeCluster;

impl Handler for DescribeCluster {
    type Request = DescribeClusterRequest;

    async fn handle(cx: &Context<'_>, request: DescribeClusterRequest) -> DescribeClusterResponse {
        if cx.version >= 1 && request.endpoint_type != BROKERS {
            let (code, why) = match request.endpoint_type {
                2 => (
                    Code::MismatchedEndpointType,
                    "The request was sent to an endpoint of type BROKER, but we wanted an endpoint \
                     of type CONTROLLER"
                        .to_owned(),
                ),
                other => (
                    Code::UnsupportedEndpointType,
                    format!("Unsupported endpoint type {other}"),
                ),
            };
            return DescribeClusterResponse::default()
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(why)));
        }
        let (host, port) = cx.advertised();
        let broker = DescribeClusterBroker::default()
            .with_broker_id(cx.node_id())
            .with_host(host)
            .with_port(port);
        let response = DescribeClusterResponse::default()
            .with_cluster_id(StrBytes::from_string(cx.broker.cluster_id().to_owned()))
            .with_controller_id(cx.node_id())
            .with_brokers(vec![broker]);
        match request.include_cluster_authorized_operations {
            true => response.with_cluster_authorized_operations(operations::WITH_CLUSTER),
            false => response,
        }
    }
}
