//! ApiVersions (18): the APIs and versions that are served (KIP-35, KIP-511).
//!
//! * An unknown version is answered in version 0 with UNSUPPORTED_VERSION (`server/connection.rs`
//!   calls [`unsupported`]).
//! * No tagged field is written if it has its default: librdkafka before 2.2 cannot read those.
//! * Features are sent from version 3 on; those whose lowest level is 0 from version 4 on
//!   (KIP-584).
//! * From version 5 on a client says which broker of which cluster it means; another one sends it
//!   back to its bootstrap servers (KIP-1242).

use bytes::Bytes;
use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::{Api, decode};
use crate::handlers::context::Context;
use crate::handlers::session::{ClientSoftware, Session};
use crate::handlers::throttle::respond;
use crate::metadata::features;
use crate::protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::wire::response::{API_VERSIONS, CloseReason, Response, encode};

/// Returns the response with the APIs of `apis`, the table.
///
/// # Errors
///
/// Returns an error if the request is malformed.
pub async fn answer(cx: &Context<'_>, body: Bytes, apis: &[Api]) -> Result<Response, CloseReason> {
    let request: ApiVersionsRequest = decode(cx, body).await?;
    let is_named = |name: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = name.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b))
    };
    let named =
        is_named(&request.client_software_name) && is_named(&request.client_software_version);
    if cx.version >= 3 && named {
        register(cx, &request);
    }
    let failed = |code: Code| ApiVersionsResponse::default().with_error_code(code.code());
    let response = if cx.version >= 3 && !named {
        failed(Code::InvalidRequest)
    } else if let Some(code) = wrong_broker(cx, &request) {
        failed(code)
    } else {
        let response = ApiVersionsResponse::default().with_api_keys(apis.iter().map(row).collect());
        if cx.version >= 3 { with_features(cx, response) } else { response }
    };
    respond(cx, response)
}

/// Returns the error for a client that means another broker or cluster, or that says only one of
/// both.
fn wrong_broker(cx: &Context<'_>, request: &ApiVersionsRequest) -> Option<Code> {
    match (&request.cluster_id, request.node_id) {
        (None, -1) => None,
        (None, _) | (_, -1) => Some(Code::InvalidRequest),
        (Some(cluster_id), node_id) => {
            let is_here = **cluster_id == *cx.broker.cluster_id() && node_id == cx.node_id();
            (!is_here).then_some(Code::RebootstrapRequired)
        }
    }
}

/// Records the client's software in its session.
fn register(cx: &Context<'_>, request: &ApiVersionsRequest) {
    let software =
        ClientSoftware::new(&request.client_software_name, &request.client_software_version);
    if cx.session.client_software.as_deref() != Some(&software) {
        let client_software = Some(Box::new(software));
        let session = Session { client_software, ..cx.session.clone() };
        let _ = cx.next_session.set(Box::new(session));
    }
}

fn with_features(cx: &Context<'_>, response: ApiVersionsResponse) -> ApiVersionsResponse {
    let supported = features::supported().filter(|one| cx.version >= 4 || one.min_level > 0);
    let supported = supported.map(|one| {
        SupportedFeatureKey::default()
            .with_name(StrBytes::from_static_str(one.name))
            .with_min_version(one.min_level)
            .with_max_version(one.max_level)
    });
    let image = cx.broker.image();
    let finalized = features::finalized(&image).map(|(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_version_level(level)
            .with_max_version_level(level)
    });
    response
        .with_supported_features(supported.collect())
        .with_finalized_features(finalized.collect())
        .with_finalized_features_epoch(image.end_offset - 1)
}

fn row(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key)
        .with_min_version(api.advertised_from)
        .with_max_version(*api.versions.end())
}

/// Returns the response to an unknown version; `apis` is the table.
///
/// # Errors
///
/// Returns an error if it cannot be encoded.
pub fn unsupported(correlation_id: i32, apis: &[Api]) -> Result<Response, CloseReason> {
    let response = ApiVersionsResponse::default()
        .with_error_code(Code::UnsupportedVersion.code())
        .with_api_keys(apis.iter().filter(|api| api.key == API_VERSIONS).map(row).collect());
    encode(0, correlation_id, &response)
}
