//! Runs a request through its row of the API table. Every request that is served passes here once,
//! and would be counted and timed here.

use bytes::Bytes;

use crate::handlers::api::Api;
use crate::handlers::context::Context;
use crate::handlers::throttle::{charge_rest, is_timed};
use crate::wire::response::{CloseReason, Response};

/// A response and what follows for its client.
#[derive(Debug)]
pub struct ChargedResponse {
    /// The response to send.
    pub response: Response,
    /// How long not to read from the client after that, ms.
    pub mute_ms: i64,
    /// The client id to which the time for sending is charged, if processing time is limited.
    pub payer: Option<String>,
}

/// Answers a request and charges it to its client.
///
/// # Errors
///
/// Returns the handler's error, since the connection is closed then.
pub async fn run(cx: &Context<'_>, api: &Api, body: Bytes) -> Result<ChargedResponse, CloseReason> {
    if cx.broker.quotas.is_any() {
        // Boxed: a rare case must not make the future of every connection larger.
        return Box::pin(run_charged(cx, api, body)).await;
    }
    let response = (api.run)(cx, body).await?;
    hold(cx, &response).await?;
    Ok(ChargedResponse { response, mute_ms: 0, payer: None })
}

async fn run_charged(
    cx: &Context<'_>,
    api: &Api,
    body: Bytes,
) -> Result<ChargedResponse, CloseReason> {
    let response = cx.cost.time(&*cx.broker.clock, (api.run)(cx, body)).await?;
    hold(cx, &response).await?;
    charge_rest(cx, &response);
    let payer = is_timed(cx).then(|| cx.client_entity().client_id.to_owned());
    Ok(ChargedResponse { response, mute_ms: cx.cost.throttle_ms(), payer })
}

/// Reserves memory for a response that was encoded without reserving any.
async fn hold(cx: &Context<'_>, response: &Response) -> Result<(), CloseReason> {
    match cx.memory.response_bytes() {
        0 => cx.hold_response(response.bytes_in_memory()).await,
        _ => Ok(()),
    }
}
