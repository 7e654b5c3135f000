//! ApiVersions (18): which APIs and versions there are (KIP-35, KIP-511).
//!
//! * An unknown version is answered in version 0 with UNSUPPORTED_VERSION (`server/connection.rs`
//!   calls [`unsupported`]).
//! * No tagged field is written: librdkafka before 2.2 cannot read those at their defaults.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use crate::handlers::api::{Answering, Api, decode};
use crate::handlers::context::Context;
use crate::handlers::table::APIS;
use crate::wire::reply::{API_VERSIONS, Refusal, Reply, encode};

/// The row of the table.
pub const API: Api =
    Api { key: API_VERSIONS, name: "ApiVersions", versions: 0..=4, advertised_from: 0, run };

fn run(cx: &Context, body: bytes::Bytes) -> Answering<'_> {
    Box::pin(async move {
        let request: ApiVersionsRequest = decode(cx.version, body)?;
        let is_named = |name: &str| {
            let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
            let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
            let bytes = name.as_bytes();
            edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b))
        };
        let named =
            is_named(&request.client_software_name) && is_named(&request.client_software_version);
        let response = if cx.version >= 3 && !named {
            ApiVersionsResponse::default().with_error_code(Code::InvalidRequest.code())
        } else {
            ApiVersionsResponse::default().with_api_keys(APIS.iter().map(row).collect())
        };
        encode(API_VERSIONS, cx.version, cx.correlation_id, &response)
    })
}

fn row(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key)
        .with_min_version(api.advertised_from)
        .with_max_version(*api.versions.end())
}

/// The answer to a version that nobody knows yet.
pub fn unsupported(correlation_id: i32) -> Result<Reply, Refusal> {
    let response = ApiVersionsResponse::default()
        .with_error_code(Code::UnsupportedVersion.code())
        .with_api_keys(APIS.iter().filter(|api| api.key == API_VERSIONS).map(row).collect());
    encode(API_VERSIONS, 0, correlation_id, &response)
}
