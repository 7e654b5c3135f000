//! What a request costs its client, and how long the client must wait for that (KIP-124, KIP-219).
//!
//! An answer is never held back: it says for how long the client should be quiet, and for that
//! long `server/connection.rs` does not read from it. Where no quota is set this costs one relaxed
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
/// What brokers ask of each other is not charged by its time: WriteTxnMarkers.
const EXEMPT: &[i16] = &[27];

/// An answer, and what follows for its client.
#[derive(Debug)]
pub struct ChargedResponse {
    /// What leaves.
    pub response: Response,
    /// For how long the client is not read after that, in ms.
    pub mute_ms: i64,
    /// The client id that the sending is charged to, if processing time is limited.
    pub payer: Option<String>,
}

/// Answer a request and charge it to its client.
///
/// # Errors
/// As the handler's; nothing is charged then, since the connection ends.
pub async fn answer(cx: &Context, api: &Api, body: Bytes) -> Result<ChargedResponse, CloseReason> {
    if cx.broker.quotas.is_any() {
        // In a place of its own: what is rare must not make every connection larger.
        return Box::pin(answer_charged(cx, api, body)).await;
    }
    let reply = (api.run)(cx, body).await?;
    hold(cx, &reply).await?;
    Ok(ChargedResponse { response: reply, mute_ms: 0, payer: None })
}

/// Holds memory for an answer that was encoded without asking for any.
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
    // A fetch has seen to it itself. A produce without an answer is not charged by its time.
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

/// Charge the time that the request has taken until now.
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

/// Send something, and charge the time that it takes. Nobody has to wait for that alone.
pub async fn charge_send<F: Future>(broker: &Broker, payer: &str, sending: F) -> F::Output {
    let (cost, clock) = (RequestCost::default(), &*broker.clock);
    let sent = cost.time(clock, sending).await;
    let who = ClientEntity { user: ANONYMOUS, client_id: payer };
    broker.quotas.note(QuotaType::Request, who, cost.percent_of_second(clock), clock.now());
    sent
}

/// True if the client may create or delete so many partitions (KIP-599). From the version
/// `strict_since` of the request on it may not while it has a debt; before, it has to wait only.
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

/// What a client is told that may not.
pub const QUOTA_EXCEEDED: &str = "The throttling quota has been exceeded.";
