//! The cost of a request to its client's quotas, and the resulting throttle time (KIP-124,
//! KIP-219).
//!
//! A response is never delayed: it tells the client how long to pause, and for that time
//! `server/connection.rs` does not read from the client. If no quota is set, this costs one relaxed
//! load.

use std::future::Future;

use bytes::Bytes;

use crate::broker::state::Broker;
use crate::handlers::api::Api;
use crate::handlers::context::{ANONYMOUS, Context};
use crate::handlers::request_cost::RequestCost;
use crate::quotas::limits::{ClientEntity, QuotaType};
use crate::quotas::meters::MutationOutcome;
use crate::wire::response::{CloseReason, Response};
use crate::wire::throttle;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
/// APIs between brokers, whose time is not charged: WriteTxnMarkers.
const EXEMPT: &[i16] = &[27];

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
/// Returns the handler's error; nothing is charged then, since the connection is closed.
pub async fn answer(cx: &Context, api: &Api, body: Bytes) -> Result<ChargedResponse, CloseReason> {
    if cx.broker.quotas.is_any() {
        // Boxed: a rare case must not make the future of every connection larger.
        return Box::pin(answer_charged(cx, api, body)).await;
    }
    let reply = (api.run)(cx, body).await?;
    hold(cx, &reply).await?;
    Ok(ChargedResponse { response: reply, mute_ms: 0, payer: None })
}

/// Reserves memory for a response that was encoded without reserving any.
async fn hold(cx: &Context, reply: &Response) -> Result<(), CloseReason> {
    match cx.memory.response_bytes() {
        0 => cx.hold_response(reply.bytes_in_memory()).await,
        _ => Ok(()),
    }
}

async fn answer_charged(
    cx: &Context,
    api: &Api,
    body: Bytes,
) -> Result<ChargedResponse, CloseReason> {
    let (quotas, clock) = (&cx.broker.quotas, &*cx.broker.clock);
    let bytes = body.len() as f64;
    let mut reply = cx.cost.time(clock, (api.run)(cx, body)).await?;
    hold(cx, &reply).await?;
    if api.key == PRODUCE {
        cx.cost.throttle_at_least(quotas.record(
            QuotaType::Produce,
            cx.client_entity(),
            bytes,
            clock.now(),
        ));
    }
    // Fetch has charged its time itself. A produce without a response is not charged for its time.
    let is_exempt = api.key == FETCH || EXEMPT.contains(&api.key);
    if !is_exempt && !matches!(reply, Response::None) {
        charge_time(cx);
    }
    let mute_ms = cx.cost.throttle_ms();
    if mute_ms > 0 {
        throttle::put(&mut reply, api.key, cx.version, mute_ms as i32);
    }
    let is_timed = quotas.has(QuotaType::Request) && !EXEMPT.contains(&api.key);
    let payer = is_timed.then(|| cx.client_entity().client_id.to_owned());
    Ok(ChargedResponse { response: reply, mute_ms, payer })
}

/// Charges the time that the request has taken so far.
pub fn charge_time(cx: &Context) {
    if cx.broker.quotas.has(QuotaType::Request) {
        let (percent, now) = (cx.cost.percent_of_second(&*cx.broker.clock), cx.broker.clock.now());
        cx.cost.throttle_at_least(cx.broker.quotas.record(
            QuotaType::Request,
            cx.client_entity(),
            percent,
            now,
        ));
    }
}

/// Sends something and charges the time that it takes, which alone throttles no client.
pub async fn charge_send<F: Future>(broker: &Broker, payer: &str, sending: F) -> F::Output {
    let (cost, clock) = (RequestCost::default(), &*broker.clock);
    let sent = cost.time(clock, sending).await;
    let who = ClientEntity { user: ANONYMOUS, client_id: payer };
    broker.quotas.note(QuotaType::Request, who, cost.percent_of_second(clock), clock.now());
    sent
}

/// Returns true if the client may create or delete `partitions` partitions (KIP-599). From request
/// version `strict_since` on, it may not while it is in debt; before, it is only throttled.
pub fn may_mutate(cx: &Context, partitions: usize, strict_since: i16) -> bool {
    let is_strict = cx.version >= strict_since;
    let (quotas, now) = (&cx.broker.quotas, cx.broker.clock.now());
    match quotas.mutate(cx.client_entity(), partitions, is_strict, now) {
        MutationOutcome::Granted => true,
        MutationOutcome::Late(throttle_ms) => {
            cx.cost.throttle_at_least(throttle_ms);
            true
        }
        MutationOutcome::Refused(throttle_ms) => {
            cx.cost.throttle_at_least(throttle_ms);
            false
        }
    }
}

/// The error message for a client that may not.
pub const QUOTA_EXCEEDED: &str = "The throttling quota has been exceeded.";
